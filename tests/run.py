# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the tests of this collection: ``python3 tests/run.py --help``; the Makefile has a target for each use."""

from __future__ import annotations

import sys

from runner.main import main

sys.exit(main())
