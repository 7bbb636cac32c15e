# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done about one entry: the same, new content, other looks, another type, rot.

Private to this collection. Nothing is changed here.
"""

from __future__ import annotations

import errno
import os
import stat
import typing as t

from .._plan.plan import ACLS, CONTENT, CORRUPTED, CREATED, DIRECTORY, FILE, LINKED, METADATA, MISSING, MTIME, ROT, SIZE, SYMLINK, TARGET, TYPE, UPDATED, XATTRS
from .._share import Gauge
from .._values import is_temporary
from .ledger import COPY, OBSTACLES, REPLACE, Ledger, size_of
from .reading import ContentReader, SourceError
from .rules import Rules

# (left, right) names to go down into; None: absent on that side
Names = t.List[t.Tuple[t.Optional[str], t.Optional[str]]]
FORMAT = 0o170000
_SAME = -1


class Judge(Ledger):
    """Notes what is to be done about entries of the present folder."""

    def __init__(self, gauge: Gauge, rules: Rules) -> None:
        super().__init__(rules)
        self.reader = ContentReader(gauge, rules.drop_cache)
        # A file that stat says is the same is believed to be the same
        self.trusting = rules.method in ("quick", "shallow", "size")
        # Names in dest that the filter leaves out
        self.hidden: t.FrozenSet[str] = frozenset()

    def folder_pair(self, name: str, other: str, source: os.stat_result, there: os.stat_result, down: Names) -> None:
        try:
            why = self._attributes(name, other, source, there)
        except SourceError as error:
            self.read_error(self.at.rel + name, error.error)
            down.append((name, other))
            return
        if why:
            self.note(METADATA, DIRECTORY, name, 0, why, other)
            self.finish_folder(self.folder + name + "/", self.there + other + "/", source, there)
        else:
            self.totals.unchanged += 1
        down.append((name, other))

    def compare(self, kind: int, name: str, other: str, source: os.stat_result, there: os.stat_result) -> None:
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

    def replace(self, kind: int, name: str, other: str, source: os.stat_result, there: os.stat_result, down: Names) -> None:
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
        """Whether this user may read a file or directory that is to be copied; notes it when not."""
        if kind not in (FILE, DIRECTORY) or self.preserve.root:
            return True
        wanted = os.R_OK if kind == FILE else os.R_OK | os.X_OK
        if source.st_uid == os.geteuid():
            # The letters of the owner stand six bits further left (chmod(2)).
            readable = source.st_mode >> 6 & wanted == wanted
        else:
            readable = os.access(name, wanted, dir_fd=self.at.left_fd, effective_ids=os.access in os.supports_effective_ids)
        if not readable:
            self.read_error(self.at.rel + name, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
        return readable

    def vanished(self, name: str, error: OSError) -> None:
        self.read_error(self.at.rel + name, error)

    def new(self, name: str, source: os.stat_result, down: Names) -> None:
        """An entry that dest does not have."""
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
