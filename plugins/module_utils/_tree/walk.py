# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two directory trees walked side by side, by directory descriptor.

Private to this collection. The walk pairs the entries of both sides by name and hands each directory
to a visitor; what equal or different means is the visitor's business. One side may be absent: then the
other is walked alone.
"""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from .._descent import Descent
from .._share import Gauge, Push, work_off

LEFT, RIGHT = 0, 1
SIDES = ("left", "right")

# The relative path of a directory: "" for the root, else with a slash at its end; None: not there.
RelPath = t.Optional[str]
# keep(path, is_directory): whether an entry takes part at all
Keep = t.Callable[[str, bool], bool]


class Directory:
    """A directory of both trees (or of one): its entries, paired by name.

    The descriptors are good during the visit only.
    """

    __slots__ = ("both", "clashes", "left", "left_fd", "left_out", "left_rel", "right", "right_fd", "right_rel")

    def __init__(self, left_rel: RelPath, right_rel: RelPath) -> None:
        self.left_rel = left_rel
        self.right_rel = right_rel
        self.left_fd = -1
        self.right_fd = -1
        self.both: t.List[t.Tuple[os.DirEntry[str], os.DirEntry[str]]] = []
        self.left: t.List[os.DirEntry[str]] = []
        self.right: t.List[os.DirEntry[str]] = []
        # Entries that the filter leaves out, by side
        self.left_out: t.Tuple[t.List[os.DirEntry[str]], t.List[os.DirEntry[str]]] = ([], [])
        # (side, entry, the entry whose name it falls together with): neither compared nor merged
        self.clashes: t.List[t.Tuple[int, os.DirEntry[str], os.DirEntry[str]]] = []

    @property
    def rel(self) -> str:
        """The path that results name: the left side's, or the right side's where there is no left one."""
        return (self.right_rel if self.left_rel is None else self.left_rel) or ""


class Visitor(t.Protocol):
    """What one process makes of the directories it is given."""

    @property
    def effort(self) -> int:
        """Grows with what was done, in entries."""

    def directory(self, directory: Directory, push: Push) -> t.Iterable[t.Tuple[t.Optional[str], t.Optional[str]]]:
        """Look at one directory. Returns the names (left, right) to go down into; None: absent on that side."""

    def unreadable(self, left_rel: RelPath, right_rel: RelPath, side: int, error: OSError) -> None:
        """The directory could not be opened or listed on ``side``; nothing below it is visited."""

    def loop(self, left_rel: RelPath, right_rel: RelPath, side: int) -> None:
        """With ``follow``: the directory is its own ancestor on ``side``; it is not entered."""

    def boundary(self, left_rel: RelPath, right_rel: RelPath, side: int) -> None:
        """With ``one_file_system``: another file system begins on ``side``; it is not entered."""

    def other(self, task: t.Any, push: Push) -> None:
        """A task of the visitor's own, pushed by it as a tuple whose first item is a string."""

    def result(self) -> t.Any:
        """What was found, as marshal can carry it."""


@dataclass(frozen=True)
class WalkOptions:
    """How the trees are walked."""

    keep: t.Optional[Keep] = None
    # Makes the key by which names of the two sides are matched; None: the name itself
    key: t.Optional[t.Callable[[str], str]] = None
    follow: bool = False
    one_file_system: bool = False


def walk(
    left: t.Optional[int],
    right: t.Optional[int],
    options: WalkOptions,
    make_visitor: t.Callable[[Gauge], Visitor],
    workers: int = 1,
    watch: t.Optional[t.Callable[[Gauge], None]] = None,
) -> t.List[t.Any]:
    """Walk the trees below the descriptors ``left`` and ``right`` (None: absent) and return each process's result."""

    def make_walker(gauge: Gauge) -> _Walker:
        return _Walker(left, right, options, make_visitor(gauge))

    return work_off([(None if left is None else "", None if right is None else "")], make_walker, workers, watch)


class _Walker:
    """One process of a walk: does tasks (left path, right path) and passes the rest on to the visitor."""

    def __init__(self, left: t.Optional[int], right: t.Optional[int], options: WalkOptions, visitor: Visitor) -> None:
        self.options = options
        self.visitor = visitor
        self.descents = (Descent(-1 if left is None else left, options.follow), Descent(-1 if right is None else right, options.follow))
        self.devices = tuple(-1 if root is None else os.fstat(root).st_dev for root in (left, right))

    @property
    def effort(self) -> int:
        return self.visitor.effort

    def result(self) -> t.Any:
        for descent in self.descents:
            descent.close()
        return self.visitor.result()

    def do(self, task: t.Any, push: Push) -> None:
        if len(task) != 2:
            self.visitor.other(task, push)
            return
        directory = Directory(task[0], task[1])
        entries: t.List[t.List[os.DirEntry[str]]] = [[], []]
        for side, rel in enumerate(task):
            if rel is None:
                continue
            try:
                descriptor = self.descents[side].open(rel)
                if side == LEFT:
                    directory.left_fd = descriptor
                else:
                    directory.right_fd = descriptor
                if rel and not self._may_enter(task, side, rel, descriptor):
                    return
                with os.scandir(descriptor) as listing:
                    entries[side] = list(listing)
            except OSError as error:
                self.visitor.unreadable(task[0], task[1], side, error)
                return
        self._pair(directory, entries[LEFT], entries[RIGHT])
        # Entries remember what is asked of them; the visitor may let them go one by one.
        entries.clear()
        left_rel, right_rel = task
        for left_name, right_name in self.visitor.directory(directory, push):
            push((None if left_name is None else left_rel + left_name + "/", None if right_name is None else right_rel + right_name + "/"))

    def _may_enter(self, task: t.Any, side: int, rel: str, descriptor: int) -> bool:
        options = self.options
        if options.one_file_system and os.fstat(descriptor).st_dev != self.devices[side]:
            self.visitor.boundary(task[0], task[1], side)
            return False
        if options.follow and self.descents[side].is_loop():
            self.visitor.loop(task[0], task[1], side)
            return False
        return True

    def _pair(self, directory: Directory, left: t.List[os.DirEntry[str]], right: t.List[os.DirEntry[str]]) -> None:
        keep, key = self.options.keep, self.options.key
        if keep is not None:
            left = self._kept(directory, LEFT, directory.left_rel, left, keep)
            right = self._kept(directory, RIGHT, directory.right_rel, right, keep)
        if not right:
            directory.left = left if key is None else list(_by_key(directory, LEFT, left, key).values())
            return
        if key is None:
            others = {entry.name: entry for entry in right}
            take = others.pop
            both, only = directory.both.append, directory.left.append
            for entry in left:
                other = take(entry.name, None)
                if other is None:
                    only(entry)
                else:
                    both((entry, other))
        else:
            others = _by_key(directory, RIGHT, right, key)
            for name, entry in _by_key(directory, LEFT, left, key).items():
                other = others.pop(name, None)
                if other is None:
                    directory.left.append(entry)
                else:
                    directory.both.append((entry, other))
        directory.right = list(others.values())

    def _kept(self, directory: Directory, side: int, rel: RelPath, entries: t.List[os.DirEntry[str]], keep: Keep) -> t.List[os.DirEntry[str]]:
        kept = []
        for entry in entries:
            try:
                is_directory = entry.is_dir(follow_symlinks=self.options.follow)
            except OSError:
                # A link that leads to itself, or a directory whose entries may be listed and not looked at
                is_directory = False
            if keep((rel or "") + entry.name, is_directory):
                kept.append(entry)
            else:
                directory.left_out[side].append(entry)
        return kept


def _by_key(directory: Directory, side: int, entries: t.List[os.DirEntry[str]], key: t.Callable[[str], str]) -> t.Dict[str, os.DirEntry[str]]:
    """Entries by key; of two that fall together the first by name stays, the other becomes a clash."""
    found: t.Dict[str, os.DirEntry[str]] = {}
    for entry in sorted(entries, key=lambda item: item.name):
        first = found.setdefault(key(entry.name), entry)
        if first is not entry:
            directory.clashes.append((side, entry, first))
    return found
