# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test runner: finds Pythons, builds environments, places a copy of the checkout, runs stages, sums up.

Standard library only: it runs before anything is installed.
"""
