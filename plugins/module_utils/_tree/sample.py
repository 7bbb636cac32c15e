# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files' content is read when not all of it is.

Private to this collection. Files are chosen by a keyed hash of their path, so that a seed always picks
the same ones, whatever else the tree holds: a share takes the hashes below a limit, one of N parts the
hashes of one remainder, a budget the hashes in their order as long as there is room.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import typing as t
from array import array

from .._errors import FleetproofError
from .._share import Gauge, Push
from .._values import parse_share, parse_size
from .walk import Directory, RelPath, WalkOptions, walk

_PART = re.compile(r"\A\s*([0-9]{1,9})\s*/\s*([0-9]{1,9})\s*\Z")
# A budget is weighed in this many groups of files with neighbouring hashes.
_GROUPS_BITS = 16
_GROUPS = 1 << _GROUPS_BITS

Chosen = t.Callable[[str], bool]


class Sample(t.NamedTuple):
    """A part of the content to be read; one of the three is given."""

    share: t.Optional[float] = None
    # (which, of how many), counted from 0
    part: t.Optional[t.Tuple[int, int]] = None
    # bytes of each side
    budget: t.Optional[int] = None


def parse_sample(text: str) -> Sample:
    """``5%``, ``3/10`` or ``50G``. Raises FleetproofError (argument)."""
    share = parse_share(text)
    if share is not None:
        if not 0 < share <= 1:
            raise FleetproofError("argument", "sample: %r is not more than 0%% and at most 100%%" % text)
        return Sample(share=share)
    match = _PART.match(text)
    if match is not None:
        which, parts = int(match.group(1)), int(match.group(2))
        if not 1 <= which <= parts:
            raise FleetproofError("argument", "sample: %r names no part; the parts of 10 are 1/10 to 10/10" % text)
        return Sample(part=(which - 1, parts))
    try:
        return Sample(budget=parse_size(text, "sample"))
    except FleetproofError as error:
        message = "sample: %r is no part of a tree; write a share such as 5%%, one of several parts such as 3/10, or an amount such as 50G" % text
        raise FleetproofError("argument", message) from error


def chooser(sample: Sample, seed: str, left: int, right: int, options: WalkOptions, deepest: t.Optional[int], workers: int) -> Chosen:
    """The function that tells whether a file is read. For a budget the trees below the two descriptors are weighed first.

    ``deepest``: the depth of the last level that is compared, 0 for the roots' own; None for all.
    """
    number = _numberer(seed)
    if sample.share is not None:
        limit = round(sample.share * 2**64)
        return lambda path: number(path) < limit
    if sample.part is not None:
        which, parts = sample.part
        return lambda path: number(path) % parts == which
    weights = array("Q", bytes(8 * _GROUPS))
    for packed in walk(left, right, options, lambda gauge: _Weigher(number, options.follow, deepest, gauge), workers):
        for group, weight in enumerate(array("Q", packed)):
            weights[group] += weight
    room = sample.budget or 0
    taken = bytearray(_GROUPS)
    for group, weight in enumerate(weights):
        if weight <= room:
            room -= weight
            taken[group] = 1
    return lambda path: bool(taken[number(path) >> (64 - _GROUPS_BITS)])


def _numberer(seed: str) -> t.Callable[[str], int]:
    """A number below 2**64 for each path, another one for each seed."""
    key = seed.encode("utf-8", "surrogateescape")
    if len(key) > hashlib.blake2b.MAX_KEY_SIZE:
        key = hashlib.blake2b(key).digest()

    def number(path: str) -> int:
        return int.from_bytes(hashlib.blake2b(os.fsencode(path), key=key, digest_size=8).digest(), "big")

    return number


class _Weigher:
    """Adds up the sizes of the files that could be read; a Visitor of the walk."""

    def __init__(self, number: t.Callable[[str], int], follow: bool, deepest: t.Optional[int], gauge: Gauge) -> None:
        self.effort = 0
        self._number = number
        self._follow = follow
        self._deepest = deepest
        self._weights = array("Q", bytes(8 * _GROUPS))
        self._gauge = gauge

    def directory(self, directory: Directory, push: Push) -> t.List[t.Tuple[t.Optional[str], t.Optional[str]]]:
        down: t.List[t.Tuple[t.Optional[str], t.Optional[str]]] = []
        rel = directory.rel
        self.effort += len(directory.both)
        for left_entry, right_entry in directory.both:
            try:
                left = left_entry.stat(follow_symlinks=self._follow)
                right = right_entry.stat(follow_symlinks=self._follow)
            except OSError:
                continue  # the comparison itself will tell
            if stat.S_ISDIR(left.st_mode) and stat.S_ISDIR(right.st_mode):
                down.append((left_entry.name, right_entry.name))
            elif stat.S_ISREG(left.st_mode) and stat.S_ISREG(right.st_mode) and left.st_size == right.st_size:
                self._weights[self._number(rel + left_entry.name) >> (64 - _GROUPS_BITS)] += left.st_size
        return down if self._deepest is None or rel.count("/") < self._deepest else []

    def unreadable(self, left_rel: RelPath, right_rel: RelPath, side: int, error: OSError) -> None:
        """Nothing to weigh; the comparison itself will tell."""

    def loop(self, left_rel: RelPath, right_rel: RelPath, side: int) -> None:
        """As above."""

    def boundary(self, left_rel: RelPath, right_rel: RelPath, side: int) -> None:
        """As above."""

    def other(self, task: t.Any, push: Push) -> None:
        """There are no tasks besides directories."""

    def result(self) -> t.Any:
        return self._weights.tobytes()
