# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a directory holds, whoever says so: a server, a directory of this host, an archive.

Private to this collection. The kinds are those of a plan. Names are text as os.fsdecode makes it: bytes
that are no text in the encoding at hand are kept as lone surrogates (PEP 383), so that they go back
as they came.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._plan.plan import DIRECTORY, FILE, SPECIAL, SYMLINK
from .._values import display_name

__all__ = ("DAY", "DIRECTORY", "EXACT", "FILE", "MINUTE", "SECOND", "SPECIAL", "SYMLINK", "TYPES", "Entry", "Lister", "Listing", "Refused", "refusal")

# The kinds as results name them
TYPES = {FILE: "file", DIRECTORY: "directory", SYMLINK: "symlink", SPECIAL: "special"}

# How exact a time is, in nanoseconds: what a local file system knows, MLSD and MDTM, LIST of this year, LIST of older years.
EXACT = 1
SECOND = 10**9
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE


class Entry(t.NamedTuple):
    """One entry of a directory."""

    name: str
    # FILE, DIRECTORY, SYMLINK, or SPECIAL for everything else
    kind: int
    # Bytes of a file; -1 where nobody said
    size: int = -1
    # Nanoseconds since the epoch, UTC; None where nobody said
    mtime: t.Optional[int] = None
    # The time may be too early by less than this many nanoseconds
    precision: int = SECOND
    # Permission bits; None where nobody said
    mode: t.Optional[int] = None
    owner: str = ""
    group: str = ""
    # What tells two names of one file apart from two files (RFC 3659, section 7.5.2)
    unique: str = ""
    # Where a symbolic link leads, as far as it was told
    target: str = ""


class Refused(t.NamedTuple):
    """A name that is not taken from anybody; it names nothing on this side."""

    name: str
    reason: str


@dataclass
class Listing:
    """One directory: entries by name, and names that were refused."""

    entries: t.Dict[str, Entry] = field(default_factory=dict)
    refused: t.List[Refused] = field(default_factory=list)
    # Whether names that begin with a dot would be among them; not so where a server hides them
    dots: bool = True


class Lister(t.Protocol):
    """One side of a comparison. Folders are "" for the root, else relative paths that end in a slash."""

    def list(self, folder: str) -> t.Optional[Listing]:
        """The directory; None when it is not there. Raises FleetproofError when that cannot be told for certain."""


def refusal(name: str) -> str:
    """Why ``name``, sent by others, is none that may be used; "" when it may.

    A name is one component: without slash, backslash, NUL or line break, and neither ``.`` nor ``..``.
    """
    if not name:
        return "the name is empty"
    if name in (".", ".."):
        return "%s leads to another directory" % name
    for character, word in (("/", "a slash"), ("\\", "a backslash"), ("\0", "a NUL"), ("\r", "a line break"), ("\n", "a line break")):
        if character in name:
            return "the name %s has %s in it" % (display_name(name), word)
    return ""
