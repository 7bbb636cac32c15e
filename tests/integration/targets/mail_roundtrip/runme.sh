#!/usr/bin/env bash
# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The role mail_roundtrip and its playbook from end to end, with the mail servers of the test bed.
set -eux

exec "${ANSIBLE_TEST_PYTHON_INTERPRETER:-python3}" trips.py
