# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Libraries that a report can do without. Private to this collection."""

from __future__ import annotations

import importlib
import sys
import types

from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError


def optional(module: str, package: str, purpose: str) -> types.ModuleType:
    """The module, imported; FleetproofError of kind ``dependency`` when it is not there or does not work."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        reason = "" if isinstance(error, ModuleNotFoundError) and (error.name or "") == module.partition(".")[0] else " (%s)" % error
        raise FleetproofError(
            "dependency",
            "%s needs the Python library %s on the controller%s: install it for %s" % (purpose, package, reason, sys.executable or "the Python of Ansible"),
        ) from None
