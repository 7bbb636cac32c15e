# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths on a server as users write them.

Private to this collection.
"""

from __future__ import annotations

from .._errors import FleetproofError
from .._values import display_name


def server_path(text: str, option: str) -> str:
    """``text`` without what makes no difference; "" is the directory that the login leads to, "/" the root.

    Raises FleetproofError for what would not stay one argument of one command (``unsafe``), and for ``..``,
    which says nothing certain about where it leads (``argument``).
    """
    if any(character in text for character in "\r\n\0"):
        raise FleetproofError("unsafe", "%s: %s has a line break or a NUL in it, which is no part of a command" % (option, display_name(text)))
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise FleetproofError("argument", "%s: write %s without .. in it" % (option, display_name(text)))
    return ("/" if text.startswith("/") else "") + "/".join(parts)


def parent_of(path: str) -> str:
    """The directory that holds ``path``, which is neither "" nor "/"."""
    head, slash, _name = path.rpartition("/")
    return head or slash


def name_of(path: str) -> str:
    """The last component."""
    return path[path.rfind("/") + 1 :]


def below(folder: str, name: str) -> str:
    """The path of ``name`` in ``folder``."""
    if not folder or folder.endswith("/"):
        return folder + name
    return "%s/%s" % (folder, name)


def shown(path: str) -> str:
    """For sentences."""
    return display_name(path) if path else "the login directory"
