# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two directory trees walked side by side, by directory descriptor.

Private to this collection. The walk pairs the entries of both sides by name and hands each directory
to a visitor; what equal or different means is the visitor's business. One side may be absent: then the
other is walked alone.

No path is ever resolved twice: every directory below a root is opened by one component from the
descriptor of its parent, without following symbolic links, so that a link swapped in during the walk
leads nowhere. The depth of a tree is bounded by neither PATH_MAX nor the number of open files.
"""

from __future__ import annotations

import errno
import os
import typing as t
from dataclasses import dataclass

from .._errors import from_os_error
from .._share import Gauge, Push, work_off
from .._values import display_name

LEFT, RIGHT = 0, 1
SIDES = ("left", "right")
# Descriptors of ancestors kept open on each side; a deeper ancestor is opened again from the root.
KEPT_OPEN = 64

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NONBLOCK
# Looking at a tree is no reason to move its access times; Linux lets the owner and root say so (open(2)).
_UNTOUCHED: int = getattr(os, "O_NOATIME", 0)
# The relative path of a directory: "" for the root, else with a slash at its end; None: not there.
RelPath = t.Optional[str]
# keep(path, is_directory): whether an entry takes part at all
Keep = t.Callable[[str, bool], bool]


def open_untouched(name: str, flags: int, directory: t.Optional[int] = None) -> int:
    """``os.open`` that leaves the access time alone where this user may ask for that."""
    try:
        return os.open(name, flags | _UNTOUCHED, dir_fd=directory)
    except PermissionError as error:
        if error.errno != errno.EPERM or not _UNTOUCHED:
            raise
        return os.open(name, flags, dir_fd=directory)


class Descent:
    """The way down one tree: keeps the ancestors of the present directory open."""

    def __init__(self, root: int, follow: bool = False) -> None:
        """``root`` is the descriptor of the tree's root, which stays the caller's."""
        self.root = root
        self._follow = follow
        self._inodes: t.List[t.Tuple[int, int]] = []  # of names, and kept only where links are followed
        self.flags = _FLAGS if follow else _FLAGS | os.O_NOFOLLOW
        self.names: t.List[str] = []
        self.open_at: t.List[int] = []  # -1 where closed again for want of descriptors

    def open(self, rel: str) -> int:
        """The descriptor of the directory ``rel``; it stays ours and is good until the next call.

        Raises OSError when a component is missing, no directory, a symbolic link, or not to be read.
        """
        if not rel:
            return self.root
        wanted = rel[:-1].split("/")
        names, open_at = self.names, self.open_at
        shared = 0
        for have, want in zip(names, wanted):
            if have != want:
                break
            shared += 1
        self._close_below(shared)
        if shared and open_at[-1] < 0:
            self._close_below(0)
            shared = 0
        at = open_at[-1] if open_at else self.root
        for name in wanted[shared:]:
            at = self.enter(name, at)
            names.append(name)
            open_at.append(at)
            if self._follow:
                state = os.fstat(at)
                self._inodes.append((state.st_dev, state.st_ino))
            surplus = len(open_at) - KEPT_OPEN - 1
            if surplus >= 0 and open_at[surplus] >= 0:
                os.close(open_at[surplus])
                open_at[surplus] = -1
        return at

    def is_loop(self) -> bool:
        """Whether the directory opened last is one of its own ancestors; known only where links are followed."""
        here = self._inodes[-1]
        root = os.fstat(self.root)
        return here == (root.st_dev, root.st_ino) or here in self._inodes[:-1]

    def enter(self, name: str, directory: int) -> int:
        """Open one component below the descriptor ``directory``."""
        return open_untouched(name, self.flags, directory)

    def _close_below(self, depth: int) -> None:
        while len(self.open_at) > depth:
            descriptor = self.open_at.pop()
            self.names.pop()
            if self._follow:
                self._inodes.pop()
            if descriptor >= 0:
                os.close(descriptor)

    def close(self) -> None:
        """Close all but the root."""
        self._close_below(0)


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


def open_root(path: str, what: str) -> int:
    """The descriptor of a tree's root. Raises FleetproofError that names ``what`` and the path."""
    try:
        return open_untouched(path, _FLAGS)
    except OSError as error:
        raise from_os_error(error, "open the %s directory %s" % (what, display_name(path))) from error


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
