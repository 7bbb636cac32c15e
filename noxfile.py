# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sessions for contributors who use nox; their settings are in antsibull-nox.toml. ``make test`` needs none of it."""

from __future__ import annotations

import sys

import nox

try:
    import antsibull_nox
except ImportError:
    sys.exit("Install antsibull-nox into the Python environment of nox: pip install antsibull-nox")

antsibull_nox.load_antsibull_nox_toml()

# Allows to run noxfile.py by itself.
if __name__ == "__main__":
    nox.main()
