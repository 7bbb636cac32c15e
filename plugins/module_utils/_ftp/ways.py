# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a file is to be moved, and what came of it; the same for both directions.

Private to this collection.
"""

from __future__ import annotations

import hashlib
import typing as t

from .._errors import FleetproofError
from .._values import is_temporary, temporary_name
from .blocks import BLOCK
from .entries import SECOND, Entry
from .pace import Pace

# So much of what is there already is fetched again and compared before a transfer goes on behind it.
OVERLAP = 64 * 1024
# Smaller files are moved again as fast as it is found out what is there of them.
_SMALL = 16 * 1024

# After these there is nothing worth going on with: what was moved is of no use, or there is no place for more.
_SPOILT = frozenset(("argument", "changed_underfoot", "integrity", "no_space", "not_found", "permission", "unsafe"))


def _nobody(_at: int) -> None:
    """Nobody wants to know."""


class Ways(t.NamedTuple):
    """How files are moved."""

    # Go on behind what an earlier attempt left, when its end is the same on both sides
    resume: bool
    # A temporary name until the file is whole, else its final name from the first byte on
    atomic: bool
    preserve_mtime: bool
    # size, hash or read_back
    verify: str
    # Texts: line ends are those of either side, sizes differ, nothing can be resumed
    ascii: bool
    pace: t.Optional[Pace]
    # Told the bytes of the file as they are moved, 0 now and then during everything else; may raise to stop
    note: t.Callable[[int], None]
    # Downloads are on the disk before they get their name; False where the caller syncs them together
    sync: bool = True
    # Told the byte that an attempt goes on from, when that is what an earlier one brought
    resumes: t.Callable[[int], None] = _nobody

    @property
    def piece(self) -> int:
        """Bytes to ask for at once."""
        return BLOCK if self.pace is None else min(BLOCK, self.pace.piece)

    def moved(self, size: int) -> None:
        """So many bytes of the file were moved: tell it, and wait as long as the pace asks for."""
        self.note(size)
        if self.pace is not None:
            self.pace.take(size, lambda: self.note(0))

    def passed(self, size: int) -> None:
        """So many bytes went over the wire that bring the file no further, such as those that are read back."""
        self.note(0)
        if self.pace is not None:
            self.pace.take(size, lambda: self.note(0))

    def may_resume(self, source: Entry) -> bool:
        """Whether what an earlier attempt left may be used at all.

        Without a time nobody can tell that it is of this version of the source.
        """
        return self.resume and not self.ascii and source.size >= _SMALL and source.mtime is not None


class Moved(t.NamedTuple):
    """What a transfer did."""

    # Bytes of the file that went over the wire this time; neither the overlap nor what was read back
    size: int
    # It went on behind what was there
    resumed: bool
    # What ``verify`` asks for was seen to hold
    verified: bool
    # The source's time was given to the file
    time_kept: bool


def temporary_for(name: str, source: Entry) -> str:
    """The temporary name of ``name`` in its directory, for this version of its source.

    It follows from name, size and time, so that the next attempt finds what this one leaves and never
    goes on behind a part of another version. It is never one of ``aside_for``.
    """
    return temporary_name(_number("%s\0%d\0%s" % (name, source.size, source.mtime)) & ~1)


def aside_for(name: str) -> str:
    """The temporary name of an old file ``name`` while the new one takes its place: until that is there, it may be the only copy."""
    return temporary_name(_number(name + "/") | 1)


def is_aside(name: str) -> bool:
    """Whether a temporary name is one of ``aside_for``: the numbers of parts are even."""
    return is_temporary(name) and int(name[-5], 16) % 2 == 1


def _number(key: str) -> int:
    # SHA-256, as BLAKE2 is not to be had on hosts in FIPS mode.
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def is_newer(mtime: t.Optional[int], source: Entry) -> bool:
    """Whether a file of this time was written since its source was.

    It tells what arrived of the source from a version from before, where both have the same name.
    """
    return mtime is not None and source.mtime is not None and mtime // SECOND >= source.mtime // SECOND


def spoils(error: BaseException) -> bool:
    """Whether what was moved before ``error`` is better removed than gone on with."""
    return isinstance(error, FleetproofError) and error.kind in _SPOILT
