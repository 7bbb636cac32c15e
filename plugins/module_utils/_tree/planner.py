# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes one tree hold what another holds, directory by directory.

Private to this collection. Nothing is changed here. Left is the source, right is dest.
"""

from __future__ import annotations

import errno
import os
import stat
import typing as t

from .._descent import Descent
from .._errors import FleetproofError, from_os_error
from .._plan.plan import CREATED, DIRECTORY, FILE, METADATA, MISSING
from .._share import Gauge, Push
from .._values import display_name, is_temporary
from .judge import FORMAT, Judge, Names
from .ledger import size_of
from .reading import SourceError
from .rules import Rules
from .walk import LEFT, RIGHT, Directory, RelPath

# Files of one directory that are read in one task, and the size from which a file is read in a task of its own.
_READ_AT_ONCE = 64
_READ_LARGE = 1 << 20

_Reads = t.List[t.Tuple[str, str]]
_REG, _DIR = stat.S_IFREG, stat.S_IFDIR


class Planner(Judge):
    """One process of the walk: notes what is to be done in each directory it is given."""

    def __init__(self, gauge: Gauge, rules: Rules, source: int, dest: t.Optional[int]) -> None:
        super().__init__(gauge, rules)
        self.gauge = gauge
        self.effort = 0
        self.descents = (Descent(source), Descent(-1 if dest is None else dest))
        top = os.fstat(source)
        self.top = (top.st_dev, top.st_ino)
        # dest, or the directory in which it will be made
        self.nearest = rules.nearest
        if dest is not None:
            found = os.fstat(dest)
            self.nearest = (found.st_dev, found.st_ino)
        preserve = self.preserve
        # The short way that most pairs go needs nothing but what stat says.
        self.short = preserve.mode and preserve.mtime and not (preserve.xattrs or preserve.acls)

    # What the walk reports

    def directory(self, directory: Directory, push: Push) -> Names:
        """Plan for one directory; returns the names to go down into."""
        self._check_apart(directory)
        if directory.clashes and directory.left_rel is not None:
            _set_contested_aside(directory)
        self.begin(directory)
        number = len(directory.both) + len(directory.left) + len(directory.right)
        self.effort += number + 1
        self.gauge.add(number, 0)
        down: Names = []
        if directory.left_rel is None:
            if self.rules.delete:
                self.doomed.append(self.there)
            # Names that fall together are no riddle where there is nothing to match them with.
            for _side, entry, _first in directory.clashes:
                self._extra(entry, down)
        else:
            self.hidden = frozenset(entry.name for entry in directory.left_out[RIGHT])
            if not directory.left_rel:
                self._root(directory)
            self._pairs(directory, down, push)
            self._news(directory, down)
            for side, entry, first in directory.clashes:
                words = "src, and only that one is copied" if side == LEFT else "dest; neither is touched"
                self.fail(directory.rel + entry.name, "refused", "its name falls together with that of %s in %s" % (display_name(first.name), words))
        for entry in directory.right:
            self._extra(entry, down)
        self._left_out(directory, down)
        self.end()
        return down

    def _check_apart(self, directory: Directory) -> None:
        """Neither tree is met inside the other, as the same directory may be mounted in two places."""
        for rel, descriptor, other, words in (
            (directory.left_rel, directory.left_fd, self.nearest, "dest lies inside src, at %s"),
            (directory.right_rel, directory.right_fd, self.top, "src lies inside dest, at %s"),
        ):
            if rel:
                here = os.fstat(descriptor)
                if (here.st_dev, here.st_ino) == other:
                    raise FleetproofError("unsafe", (words + ", by way of a mount; nothing was done. Name another directory") % display_name(rel[:-1]))

    def unreadable(self, left_rel: RelPath, right_rel: RelPath, side: int, error: OSError) -> None:
        """A directory that cannot be opened or listed."""
        if side == LEFT:
            if not left_rel:
                raise from_os_error(error, "read src")
            self.read_error(left_rel[:-1], error)
            return
        there = right_rel or ""
        if left_rel is None:
            self.staying.append(there)
        self.fail(there[:-1] or ".", "permission", "the directory in dest cannot be read: %s" % (error.strerror or error))

    def boundary(self, left_rel: RelPath, right_rel: RelPath, side: int) -> None:
        """Another file system begins here. That of the source is left out; one in dest is neither filled nor removed."""
        if side == RIGHT:
            there = right_rel or ""
            if left_rel is None:
                self.staying.append(there)
            self.fail(there[:-1], "busy", "another file system is mounted here in dest, and one_file_system is set")

    def loop(self, left_rel: RelPath, right_rel: RelPath, side: int) -> None:
        """Never: links are not followed."""

    def other(self, task: t.Any, push: Push) -> None:
        """Pairs of one directory whose contents have to be read."""
        _what, left_rel, right_rel, names = task
        directory = Directory(left_rel, right_rel)
        try:
            directory.left_fd = self.descents[LEFT].open(left_rel)
        except OSError as error:
            self.unreadable(left_rel, right_rel, LEFT, error)
            return
        try:
            directory.right_fd = self.descents[RIGHT].open(right_rel)
        except OSError as error:
            self.unreadable(left_rel, right_rel, RIGHT, error)
            return
        self.begin(directory)
        for name, other in names:
            try:
                source = os.stat(name, dir_fd=directory.left_fd, follow_symlinks=False)
                there = os.stat(other, dir_fd=directory.right_fd, follow_symlinks=False)
            except OSError as error:
                self.vanished(name, error)
                continue
            self.effort += 1 + (source.st_size >> 16)
            if source.st_mode & FORMAT == there.st_mode & FORMAT == _REG:
                self._pair(name, other, source, there, [])
            else:
                self.fail(left_rel + name, "changed_underfoot", "its type changed while the trees were read")
        self.end()

    # Entry by entry

    def _root(self, directory: Directory) -> None:
        source = os.fstat(directory.left_fd)
        if directory.right_rel is None:
            self.note(CREATED, DIRECTORY, ".", 0, MISSING)
            self.grow_folder()
            self.finish_folder("", None, source, None)
            return
        there = os.fstat(directory.right_fd)
        try:
            why = self._attributes(".", ".", source, there)
        except SourceError as error:
            raise from_os_error(error.error, "read the attributes of src") from error
        if why:
            self.note(METADATA, DIRECTORY, ".", 0, why)

    def _pairs(self, directory: Directory, down: Names, push: Push) -> None:
        """Entries that both sides have. The first lines are the whole cost of a tree in which nothing changed."""
        preserve = self.preserve
        short, trusting, reads, alone = self.short, self.trusting, self.rules.method not in ("quick", "size"), not preserve.hardlinks
        owner, group = preserve.owner, preserve.group
        same = size = 0
        to_read: _Reads = []
        pairs = directory.both
        number = len(pairs)
        # An entry remembers what stat said of it for as long as it lives: it is let go at once.
        pairs.reverse()
        while pairs:
            entry, other = pairs.pop()
            try:
                source = entry.stat(follow_symlinks=False)
                there = other.stat(follow_symlinks=False)
            except OSError as error:
                self.vanished(entry.name, error)
                continue
            if (
                short
                and source.st_mtime_ns == there.st_mtime_ns
                and source[0] == there[0]
                and (not owner or source[4] == there[4])
                and (not group or source[5] == there[5])
            ):
                kind = source[0] & FORMAT
                if kind == _REG:
                    if trusting and source[6] == there[6] and (alone or (source[3] == 1 and there[3] == 1)):
                        same += 1
                        size += source[6]
                        continue
                elif kind == _DIR:
                    same += 1
                    down.append((entry.name, other.name))
                    continue
            if reads and self._put_off(source, there, number):
                to_read.append((entry.name, other.name))
            else:
                self._pair(entry.name, other.name, source, there, down)
        totals = self.totals
        totals.unchanged += same
        totals.src_entries += same
        totals.dest_entries += same
        totals.src_bytes += size
        totals.dest_bytes += size
        for start in range(0, len(to_read), _READ_AT_ONCE):
            push(("read", directory.left_rel, directory.right_rel, to_read[start : start + _READ_AT_ONCE]))

    def _put_off(self, source: os.stat_result, there: os.stat_result, number: int) -> bool:
        """Whether the bytes of a pair are to be read in a task of their own."""
        if source[0] & FORMAT != _REG or there[0] & FORMAT != _REG or source[6] != there[6]:
            return False
        if self.trusting and abs(source.st_mtime_ns - there.st_mtime_ns) <= self.rules.window:
            return False
        return number > _READ_AT_ONCE or source[6] > _READ_LARGE

    def _pair(self, name: str, other: str, source: os.stat_result, there: os.stat_result, down: Names) -> None:
        """One entry that both sides have."""
        kind = self.preserve.kind(source.st_mode)
        if kind < 0 or (kind != DIRECTORY and is_temporary(name)):
            # The source's takes no part, as if it were not there. A socket, or a link that is none of our business, is no other socket or link.
            if is_temporary(other) or source.st_mode & FORMAT != there.st_mode & FORMAT:
                self._extra_state(other, there, down)
            return
        self.count(source, there)
        if source.st_mode & FORMAT != there.st_mode & FORMAT:
            self.replace(kind, name, other, source, there, down)
        elif kind == DIRECTORY:
            self.folder_pair(name, other, source, there, down)
        else:
            self.compare(kind, name, other, source, there)

    def _news(self, directory: Directory, down: Names) -> None:
        """Entries that dest does not have; the first lines are for files like most, and save half of the time."""
        items, block, sparse, hidden = self.items, self.rules.block, self.preserve.sparse, self.hidden
        user = -1 if self.preserve.root else os.geteuid()
        files = size = space = 0
        entries = directory.left
        entries.reverse()
        while entries:
            entry = entries.pop()
            name = entry.name
            try:
                source = entry.stat(follow_symlinks=False)
            except OSError as error:
                self.vanished(name, error)
                continue
            mode, length = source[0], source[6]
            if mode & FORMAT == _REG and source[3] == 1 and name[0] != "." and not hidden and (user < 0 or (source[4] == user and mode & stat.S_IRUSR)):
                files += 1
                size += length
                taken = source.st_blocks * 512
                space += -(-(taken if sparse and taken < length else length) // block)
                items.append((CREATED, FILE, name, length, MISSING))
            else:
                self.new(name, source, down)
        totals = self.totals
        totals.src_entries += files
        totals.created += files
        totals.src_bytes += size
        totals.copy_bytes += size
        totals.grow_bytes += space * block
        totals.grow_inodes += files

    def _extra(self, entry: os.DirEntry[str], down: Names) -> None:
        """An entry that only dest has."""
        try:
            there = entry.stat(follow_symlinks=False)
        except OSError as error:
            if error.errno != errno.ENOENT:
                self.fail(self.at.rel + entry.name, "permission", "cannot be looked at in dest: %s" % error.strerror)
            return
        self._extra_state(entry.name, there, down)

    def _extra_state(self, name: str, there: os.stat_result, down: Names) -> None:
        is_folder = stat.S_ISDIR(there.st_mode)
        if stat.S_ISLNK(there.st_mode) and not self.preserve.links:
            # Links take no part on either side.
            if self.at.left_rel is None:
                self.staying.append(self.there)
            return
        if not is_folder and is_temporary(name):
            self.note_leftover(name, there)
            return
        self.totals.dest_entries += 1
        self.totals.dest_bytes += size_of(there)
        if is_folder:
            if self.rules.delete or self.rules.count_extra:
                down.append((None, name))
            self.touched = self.touched or self.rules.delete
        elif self.rules.delete:
            self.note_removal(name, there)

    def _left_out(self, directory: Directory, down: Names) -> None:
        """Entries of dest that the filter leaves out: they stay, unless told otherwise."""
        for entry in directory.left_out[RIGHT]:
            ours = self.there + entry.name in self.rules.reserved
            if not ours and (self.rules.delete_excluded or is_temporary(entry.name)):
                self._extra(entry, down)
            elif directory.left_rel is None:
                self.staying.append(self.there)


def _set_contested_aside(directory: Directory) -> None:
    """Of names of dest that fall together none is touched: which of them is meant, nobody knows."""
    contested = {first.name for side, _entry, first in directory.clashes if side == RIGHT}
    directory.both = [pair for pair in directory.both if pair[1].name not in contested]
    directory.right = [entry for entry in directory.right if entry.name not in contested]
