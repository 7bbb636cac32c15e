# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where Python and Ansible find the collection that is measured: the one that this file belongs to."""

from __future__ import annotations

import os
import sys


def collections_root() -> str:
    """The folder above ``ansible_collections``; ends the program with one sentence when the checkout does not lie in one."""
    above = os.path.abspath(__file__).split("/ansible_collections/fleetproof/backup/")
    candidates = [above[0]] if len(above) == 2 else os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(os.pathsep)
    for candidate in candidates:
        if candidate and os.path.isdir(os.path.join(candidate, "ansible_collections/fleetproof/backup")):
            return candidate
    sys.exit("The collection must lie at …/ansible_collections/fleetproof/backup, or ANSIBLE_COLLECTIONS_PATH lead to it; make bench-quick sees to that")
