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

from .._errors import from_os_error
from .._plan.plan import ACLS, CONTENT, CORRUPTED, CREATED, DIRECTORY, FILE, LINKED, METADATA, MISSING, MTIME, ROT, SIZE, SYMLINK, TARGET, TYPE, UPDATED, XATTRS
from .._share import Gauge, Push
from .ledger import COPY, OBSTACLES, REPLACE, Ledger, size_of
from .reading import ContentReader, SourceError
from .rules import Rules, is_temporary
from .walk import LEFT, RIGHT, Descent, Directory, RelPath

# Files of one directory that are read in one task, and the size from which a file is read in a task of its own.
_READ_AT_ONCE = 64
_READ_LARGE = 1 << 20

_Names = t.List[t.Tuple[t.Optional[str], t.Optional[str]]]
_Reads = t.List[t.Tuple[str, str]]
_REG, _DIR, _FORMAT = stat.S_IFREG, stat.S_IFDIR, 0o170000
_SAME = -1


class Planner(Ledger):
    """One process of the walk: notes what is to be done in each directory it is given."""

    def __init__(self, gauge: Gauge, rules: Rules, source: int, dest: t.Optional[int]) -> None:
        super().__init__(rules)
        self.gauge = gauge
        self.effort = 0
        self.reader = ContentReader(gauge, rules.drop_cache)
        self.descents = (Descent(source), Descent(-1 if dest is None else dest))
        preserve = self.preserve
        # The short way that most pairs go needs nothing but what stat says.
        self.short = preserve.mode and preserve.mtime and not (preserve.xattrs or preserve.acls)
        self.trusting = rules.method in ("quick", "shallow", "size")
        self.hidden: t.FrozenSet[str] = frozenset()

    # What the walk reports

    def directory(self, directory: Directory, push: Push) -> _Names:
        """Plan for one directory; returns the names to go down into."""
        self.begin(directory)
        number = len(directory.both) + len(directory.left) + len(directory.right)
        self.effort += number + 1
        self.gauge.add(number, 0)
        down: _Names = []
        if directory.left_rel is None:
            if self.rules.delete:
                self.doomed.append(self.there)
        else:
            self.hidden = frozenset(entry.name for entry in directory.left_out[RIGHT])
            if not directory.left_rel:
                self._root(directory)
            self._pairs(directory, down, push)
            for entry in directory.left:
                self._new(entry, down)
            for side, entry, first in directory.clashes:
                where = "src" if side == LEFT else "dest"
                self.fail(directory.rel + entry.name, "refused", "its name falls together with that of %r in %s; neither is touched" % (first.name, where))
        for entry in directory.right:
            self._extra(entry, down)
        self._left_out(directory, down)
        self.end()
        return down

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
                self._vanished(name, error)
                continue
            self.effort += 1 + (source.st_size >> 16)
            if source.st_mode & _FORMAT == there.st_mode & _FORMAT == _REG:
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
        why = self._attributes(".", ".", source, there)
        if why:
            self.note(METADATA, DIRECTORY, ".", 0, why)

    def _pairs(self, directory: Directory, down: _Names, push: Push) -> None:
        """Entries that both sides have. The first lines are the whole cost of a tree in which nothing changed."""
        preserve = self.preserve
        short, trusting, reads, alone = self.short, self.trusting, self.rules.method not in ("quick", "size"), not preserve.hardlinks
        owner, group = preserve.owner, preserve.group
        same = size = 0
        to_read: _Reads = []
        for entry, other in directory.both:
            try:
                source = entry.stat(follow_symlinks=False)
                there = other.stat(follow_symlinks=False)
            except OSError as error:
                self._vanished(entry.name, error)
                continue
            if (
                short
                and source.st_mtime_ns == there.st_mtime_ns
                and source[0] == there[0]
                and (not owner or source[4] == there[4])
                and (not group or source[5] == there[5])
            ):
                kind = source[0] & _FORMAT
                if kind == _REG:
                    if trusting and source[6] == there[6] and (alone or (source[3] == 1 and there[3] == 1)):
                        same += 1
                        size += source[6]
                        continue
                elif kind == _DIR:
                    same += 1
                    down.append((entry.name, other.name))
                    continue
            if reads and self._put_off(source, there, len(directory.both)):
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
        if source[0] & _FORMAT != _REG or there[0] & _FORMAT != _REG or source[6] != there[6]:
            return False
        if self.trusting and abs(source.st_mtime_ns - there.st_mtime_ns) <= self.rules.window:
            return False
        return number > _READ_AT_ONCE or source[6] > _READ_LARGE

    def _pair(self, name: str, other: str, source: os.stat_result, there: os.stat_result, down: _Names) -> None:
        """One entry that both sides have."""
        kind = self.preserve.kind(source.st_mode)
        if kind < 0 or (kind != DIRECTORY and is_temporary(name)):
            # The source's takes no part, as if it were not there. A socket, or a link that is none of our business, is no other socket or link.
            if is_temporary(other) or source.st_mode & _FORMAT != there.st_mode & _FORMAT:
                self._extra_state(other, there, down)
            return
        self.count(source, there)
        if source.st_mode & _FORMAT != there.st_mode & _FORMAT:
            self._replace(kind, name, other, source, there, down)
        elif kind == DIRECTORY:
            self._folder(name, other, source, there, down)
        else:
            self._compare(kind, name, other, source, there)

    def _folder(self, name: str, other: str, source: os.stat_result, there: os.stat_result, down: _Names) -> None:
        why = self._attributes(name, other, source, there)
        if why:
            self.note(METADATA, DIRECTORY, name, 0, why, other)
            self.finish_folder(self.folder + name + "/", self.there + other + "/", source, there)
        else:
            self.totals.unchanged += 1
        down.append((name, other))

    def _compare(self, kind: int, name: str, other: str, source: os.stat_result, there: os.stat_result) -> None:
        """Two entries of one type that are no directories."""
        try:
            why = self._unlike(kind, name, other, source, there)
            attributes = self._attributes(name, other, source, there)
        except SourceError as error:
            self.read_error(self.at.rel + name, error.error)
            return
        if why & ROT and not self.rules.overwrite_rot:
            action = CORRUPTED
        elif why:
            action, why = UPDATED, why | attributes
        else:
            action, why = (METADATA, attributes) if attributes else (_SAME, 0)
        linked = source.st_nlink > 1 or there.st_nlink > 1
        if linked and action == METADATA and not self.preserve.hardlinks and there.st_nlink > 1:
            # What has other names, in a snapshot say, is not changed under them.
            action, why = UPDATED, why | LINKED
        if action == UPDATED and not self._may_read(kind, name, source):
            return
        size = size_of(source)
        if linked and self.preserve.hardlinks:
            self.note_linked((action, kind, name, size, why, "" if other == name else other), source, there)
        elif action == _SAME:
            self.totals.unchanged += 1
        else:
            if action == UPDATED:
                self.grow(source, there)
            self.note(action, kind, name, size, why, other)

    def _unlike(self, kind: int, name: str, other: str, source: os.stat_result, there: os.stat_result) -> int:
        """How the contents of two entries of one type differ. Raises SourceError."""
        directory = self.at
        if kind == SYMLINK:
            try:
                target = os.readlink(name, dir_fd=directory.left_fd)
            except OSError as error:
                raise SourceError(error) from error
            try:
                return 0 if target == os.readlink(other, dir_fd=directory.right_fd) else TARGET
            except OSError:
                return TARGET
        if kind != FILE:
            return 0 if source.st_rdev == there.st_rdev else TARGET
        on_time = abs(source.st_mtime_ns - there.st_mtime_ns) <= self.rules.window
        if source.st_size != there.st_size:
            return SIZE if on_time else SIZE | MTIME
        if source.st_ino == there.st_ino and source.st_dev == there.st_dev:
            return 0
        method = self.rules.method
        if method == "size" or (on_time and self.trusting):
            return 0
        if method == "quick":
            return MTIME
        why = self.reader.unlike(directory.left_fd, name, source, directory.right_fd, other)
        return ROT if why == CONTENT and on_time else why

    def _replace(self, kind: int, name: str, other: str, source: os.stat_result, there: os.stat_result, down: _Names) -> None:
        """An entry of dest gives way to one of another type."""
        if not self._may_read(kind, name, source):
            return
        stage = COPY
        if kind == DIRECTORY:
            stage = OBSTACLES
            self.finish_folder(self.folder + name + "/", None, source, None)
            down.append((name, None))
        elif stat.S_ISDIR(there.st_mode):
            stage = REPLACE
            if self.rules.delete:
                down.append((None, other))
            elif self._filled(other):
                self.fail(self.at.rel + name, "refused", "a directory with something in it is in the way in dest, and delete is not set")
                return
        self.totals.replaced_entries += 1
        self.totals.replaced_bytes += size_of(there)
        if kind != DIRECTORY and source.st_nlink > 1 and self.preserve.hardlinks:
            self.note_linked((UPDATED, kind, name, size_of(source), TYPE, "" if other == name else other), source, there, stage)
            return
        self.grow(source, None)
        self.note(UPDATED, kind, name, size_of(source), TYPE, other, stage)

    def _filled(self, name: str) -> bool:
        """Whether a directory of dest holds anything, or cannot be looked into."""
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.at.right_fd)
        except OSError:
            return True
        try:
            return bool(os.listdir(descriptor))
        finally:
            os.close(descriptor)

    def _new(self, entry: os.DirEntry[str], down: _Names) -> None:
        """An entry that dest does not have."""
        name = entry.name
        try:
            source = entry.stat(follow_symlinks=False)
        except OSError as error:
            self._vanished(name, error)
            return
        kind = self.preserve.kind(source.st_mode)
        if kind < 0 or (kind != DIRECTORY and is_temporary(name)):
            return
        if name in self.hidden:
            self.fail(self.at.rel + name, "refused", "an entry that exclude leaves out is in the way in dest")
            return
        self.count(source, None)
        if kind == DIRECTORY:
            self.grow_folder()
            self.note(CREATED, kind, name, 0, MISSING)
            self.finish_folder(self.folder + name + "/", None, source, None)
            down.append((name, None))
        elif self._may_read(kind, name, source):
            if source.st_nlink > 1 and self.preserve.hardlinks:
                self.note_linked((CREATED, kind, name, size_of(source), MISSING, ""), source, None)
                return
            self.grow(source, None)
            self.note(CREATED, kind, name, size_of(source), MISSING)

    def _extra(self, entry: os.DirEntry[str], down: _Names) -> None:
        """An entry that only dest has."""
        try:
            there = entry.stat(follow_symlinks=False)
        except OSError as error:
            if error.errno != errno.ENOENT:
                self.fail(self.at.rel + entry.name, "permission", "cannot be looked at in dest: %s" % error.strerror)
            return
        self._extra_state(entry.name, there, down)

    def _extra_state(self, name: str, there: os.stat_result, down: _Names) -> None:
        is_folder = stat.S_ISDIR(there.st_mode)
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

    def _left_out(self, directory: Directory, down: _Names) -> None:
        """Entries of dest that the filter leaves out: they stay, unless told otherwise."""
        for entry in directory.left_out[RIGHT]:
            ours = self.there + entry.name in self.rules.reserved
            if not ours and (self.rules.delete_excluded or is_temporary(entry.name)):
                self._extra(entry, down)
            elif directory.left_rel is None:
                self.staying.append(self.there)

    def _attributes(self, name: str, other: str, source: os.stat_result, there: os.stat_result) -> int:
        """In which attributes two entries of one type differ. Raises SourceError."""
        preserve = self.preserve
        why = preserve.differs(source, there, self.rules.window)
        if preserve.xattrs or preserve.acls:
            from .attributes import unlike  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # read only when asked for

            acls = preserve.acls and not stat.S_ISLNK(source.st_mode)
            ours = unlike(self.at.left_fd, name, self.at.right_fd, other, preserve.xattrs, acls)
            why |= (XATTRS if ours[0] else 0) | (ACLS if ours[1] else 0)
        return why

    def _may_read(self, kind: int, name: str, source: os.stat_result) -> bool:
        """Whether this user may read a file that is to be copied; notes it when not."""
        if kind != FILE or self.preserve.root:
            return True
        if source.st_uid == os.geteuid():
            readable = bool(source.st_mode & stat.S_IRUSR)
        else:
            readable = os.access(name, os.R_OK, dir_fd=self.at.left_fd, effective_ids=os.access in os.supports_effective_ids)
        if not readable:
            self.read_error(self.at.rel + name, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
        return readable

    def _vanished(self, name: str, error: OSError) -> None:
        self.read_error(self.at.rel + name, error)
