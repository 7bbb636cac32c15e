#!/usr/bin/env bash
# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The playbooks from end to end, on hosts of the test bed and with its mail server.
set -eux

exec "${ANSIBLE_TEST_PYTHON_INTERPRETER:-python3}" end_to_end.py
