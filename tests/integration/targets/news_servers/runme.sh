#!/usr/bin/env bash
# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# One suite, run with INN by each way of encryption.
set -eux

exec "${ANSIBLE_TEST_PYTHON_INTERPRETER:-python3}" suite.py
