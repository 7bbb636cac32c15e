# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a new archive is made of: members of the old one, and what the plan adds, in the one order.

Private to this collection. Nothing is fetched and nothing is written here.
"""

from __future__ import annotations

import array
import itertools
import typing as t

from .._errors import FleetproofError
from .._plan.plan import DIRECTORY, UPDATED, Batch, Item
from .._values import display_name
from .archive_format import shown_path, stored_path
from .archive_read import ArchiveSide
from .entries import FILE, SECOND, Entry
from .survey import COPY, MAKE, REMOVE, REMOVE_FOLDERS, REPLACE, SWEEP, TransferPlan

# What is done with the next path: a member of the old archive stays or goes, a directory is made, a file is fetched.
KEEP, DROP, MAKE_DIRECTORY, FETCH = range(4)


class New(t.NamedTuple):
    """A member that the old archive does not have like this."""

    path: bytes
    # As they were planned, see Item
    size: int = 0
    stamp: int = 0
    precision: int = 0

    @property
    def name(self) -> str:
        """The path as text."""
        return shown_path(self.path)

    @property
    def entry(self) -> Entry:
        """The file on the server as it was planned."""
        folder_end = self.name.rfind("/") + 1
        return Entry(self.name[folder_end:], FILE, self.size, self.stamp if self.precision else None, self.precision or SECOND)


class Files:
    """The files to fetch by number, in the order of their paths. For each the path and 28 bytes are kept."""

    def __init__(self) -> None:
        self.paths: t.List[bytes] = []
        self.sizes = array.array("q")
        # Seconds, and nanoseconds beside them: together they do not fit into 64 bits for all the years that a server may tell
        self._stamps = array.array("q")
        self._fractions = array.array("I")
        self._precisions = array.array("q")

    def add(self, member: New) -> None:
        """One more; ``sort`` puts it where it belongs."""
        self.paths.append(member.path)
        self.sizes.append(member.size)
        seconds, fraction = divmod(member.stamp, SECOND)
        self._stamps.append(seconds)
        self._fractions.append(fraction)
        self._precisions.append(member.precision)

    def sort(self) -> None:
        """Put all in order; their numbers are others then."""
        order = sorted(range(len(self.paths)), key=self.paths.__getitem__)
        self.paths = [self.paths[number] for number in order]
        for name in ("sizes", "_stamps", "_fractions", "_precisions"):
            column = getattr(self, name)
            setattr(self, name, array.array(column.typecode, (column[number] for number in order)))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> New:
        return New(self.paths[number], self.sizes[number], self._stamps[number] * SECOND + self._fractions[number], self._precisions[number])


class Step(t.NamedTuple):
    """One path."""

    what: int
    path: bytes
    # Whether the old archive has a member of this path, which has to be read over
    old: bool
    # Which of the files to fetch
    number: int = -1


class Recipe:
    """All of it."""

    def __init__(self, plan: TransferPlan, old: ArchiveSide) -> None:
        """From a plan without failures. Raises FleetproofError for two names that are one in an archive."""
        self._old = old
        self._gone: t.Set[bytes] = set()
        self.files = Files()
        self._directories: t.List[bytes] = []
        for stage, batch, item in _items(plan):
            path = batch.folder + item.name
            stored = stored_path(path, item.kind == DIRECTORY)
            if stage in (SWEEP, REMOVE, REMOVE_FOLDERS):
                self._gone.add(stored)
                continue
            if item.kind == DIRECTORY:
                self._directories.append(stored)
            else:
                self.files.add(New(stored, item.size, item.stamp, item.precision))
            if stage == REPLACE or (stage == MAKE and item.action == UPDATED):
                # A file in the place of a directory, or the other way round
                self._gone.add(stored_path(path, item.kind != DIRECTORY))
        self._directories.sort()
        self.files.sort()
        for paths in (self._directories, self.files.paths):
            for one, other in zip(paths, itertools.islice(paths, 1, None)):
                if one == other:
                    words = "Two names on the server are both %s in an archive; nothing was changed. Exclude one"
                    raise FleetproofError("refused", words % display_name(shown_path(one)))

    @property
    def keeps(self) -> bool:
        """Whether anything of the old archive is kept."""
        return any(step.what == KEEP for step in self.steps())

    def steps(self) -> t.Iterator[Step]:
        """Every path of either archive, in order."""
        old = iter(self._old.paths())
        at = next(old, None)
        for path, number in _merged(self._directories, self.files.paths):
            while at is not None and at < path:
                yield self._old_step(at)
                at = next(old, None)
            there = at == path
            if there:
                at = next(old, None)
            yield Step(MAKE_DIRECTORY if number < 0 else FETCH, path, there, number)
        while at is not None:
            yield self._old_step(at)
            at = next(old, None)

    def _old_step(self, path: bytes) -> Step:
        return Step(DROP if path in self._gone else KEEP, path, True)


def _items(plan: TransferPlan) -> t.Iterator[t.Tuple[int, Batch, Item]]:
    for stage in (SWEEP, REMOVE, REMOVE_FOLDERS, MAKE, COPY, REPLACE):
        for batch in plan.batches((stage,)):
            for item in batch.items:
                if item.name != ".":
                    yield stage, batch, item


def _merged(directories: t.Sequence[bytes], files: t.Sequence[bytes]) -> t.Iterator[t.Tuple[bytes, int]]:
    """Both in one order; files with their numbers."""
    at = 0
    for number, path in enumerate(files):
        while at < len(directories) and directories[at] < path:
            yield directories[at], -1
            at += 1
        yield path, number
    for path in directories[at:]:
        yield path, -1
