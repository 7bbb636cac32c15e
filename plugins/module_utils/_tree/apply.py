# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making in dest what the source has: files, links, directories, devices.

Private to this collection.
"""

from __future__ import annotations

import os
import threading
import typing as t

from .._errors import FleetproofError
from .._plan.plan import CREATED, DIRECTORY, FILE, METADATA, SPECIAL, SYMLINK, Batch, Item
from .._share import Gauge
from .acting import Actor, Trees
from .attic import Attic
from .attributes import copy_attributes, settle
from .content import SMALL
from .copy import Copier, Pace, _discard
from .reading import SourceError

# Copies that are synced together, and the threads that do it: the file system makes one commit of many.
_SYNC_AT_ONCE = 128
_SYNC_THREADS = 16

# folder, item, temporary name, size of a copy that only lacks its name
_Ready = t.Tuple[str, Item, str, int]


class Applier(Actor):
    """Copies and links; one for each process."""

    def __init__(self, trees: Trees, gauge: Gauge, effort: int, verify: bool, sync_each: bool, pace: t.Optional[Pace], attic: t.Optional[Attic]) -> None:
        super().__init__(trees, gauge, effort)
        self.preserve = trees.preserve
        self.copier = Copier(gauge, trees.preserve, verify, pace, self.alive)
        self.sync_each = sync_each
        self.attic = attic
        self.bytes_copied = 0
        self.failed_before: t.FrozenSet[str] = frozenset()
        self.ready: t.List[_Ready] = []
        # Another file system than that of dest's root was written to
        self.strayed = False
        self._device = os.fstat(trees.dest).st_dev
        if sync_each:
            self.copier.unsynced = []
        # The way to the file that others are linked to
        self.first = self.dest.__class__(trees.dest, trees.preserve.root)

    def result(self) -> t.Any:
        failures = super().result()
        self.first.close()
        return failures, self.bytes_copied, self.copier.verified, self.strayed

    def batch(self, batch: Batch) -> None:
        """Make what the items of one folder say."""
        folder = batch.folder
        where = self.plan.dest_folder(folder, batch.other)
        step = "its folder in src cannot be read"
        try:
            source_fd = self.source.open(folder)
            step = "its folder in dest cannot be entered"
            dest_fd = self.dest.open(where)
            self.dest.allow(dest_fd)
            self.strayed = self.strayed or os.fstat(dest_fd).st_dev != self._device
            self.copier.enter(dest_fd)
        except OSError as error:
            for item in batch.items:
                self.fail_by(folder, item, error, step)
            return
        short = self.attic is None and not self.sync_each and self.copier.has_short_way
        count, copy_small = self.gauge.add, self.copier.copy_small
        for item in batch.items:
            self.alive()
            if short and item.kind == FILE and item.action != METADATA and item.size <= SMALL and not item.link_to:
                size = copy_small(source_fd, item.name, dest_fd, item.other or item.name)
                if size >= 0:
                    self.bytes_copied += size
                    count(1, size)
                    continue
            count(1, 0)
            self.copier.step = "cannot be written"
            try:
                self.item(folder, where, item, source_fd, dest_fd)
            except (OSError, SourceError, FleetproofError) as error:
                self.fail_by(folder, item, error, self.copier.step)
            if len(self.ready) >= _SYNC_AT_ONCE:
                self._name_synced(where, dest_fd)
        if self.sync_each:
            self._name_synced(where, dest_fd)
            try:
                os.fsync(dest_fd)
            except OSError:
                # Not every file system syncs directories.
                pass

    def item(self, folder: str, where: str, item: Item, source_fd: int, dest_fd: int) -> None:
        """One action."""
        if item.action == METADATA:
            if item.kind != DIRECTORY:
                self._settle(item, source_fd, dest_fd)
        elif item.kind == DIRECTORY:
            if item.name != ".":
                self.dest.make(item.name, dest_fd)
        else:
            temporary, size = self.prepare(folder, item, source_fd, dest_fd)
            if self.sync_each and item.kind == FILE and not item.link_to:
                self.ready.append((folder, item, temporary, size))
            else:
                self.give_name(where, item, temporary, size, dest_fd)

    def prepare(self, folder: str, item: Item, source_fd: int, dest_fd: int) -> t.Tuple[str, int]:
        """Make the thing under a temporary name; returns that and the bytes copied."""
        if item.link_to:
            return self._link(item, dest_fd), 0
        if item.kind == FILE:
            there = None
            if not (self.preserve.mode and self.preserve.owner and self.preserve.group) and item.action != CREATED:
                there = os.stat(item.other or item.name, dir_fd=dest_fd, follow_symlinks=False)
            return self.copier.copy(source_fd, item.name, dest_fd, there)
        return self._other_kind(item, source_fd, dest_fd), 0

    def give_name(self, where: str, item: Item, temporary: str, size: int, dest_fd: int, cleared: bool = False) -> None:
        """Put a copy that is whole in its place; ``cleared``: what was there is gone already."""
        name = item.other or item.name
        self.copier.step = "cannot be put in its place"
        try:
            if self.attic is not None and item.action != CREATED and not cleared:
                self.copier.step = "what it replaces cannot be kept in backup_dir"
                self.attic.keep_replaced(where, name, dest_fd)
                self.copier.step = "cannot be put in its place"
            os.rename(temporary, name, src_dir_fd=dest_fd, dst_dir_fd=dest_fd)
        except BaseException:
            _discard(temporary, dest_fd)
            raise
        if item.link_to:
            # Two names of one file: rename(2) does nothing then.
            _discard(temporary, dest_fd)
        self.bytes_copied += size

    def _settle(self, item: Item, source_fd: int, dest_fd: int) -> None:
        name = item.other or item.name
        self.copier.step = "cannot be read"
        source = os.stat(item.name, dir_fd=source_fd, follow_symlinks=False)
        self.copier.step = "cannot be changed"
        there = os.stat(name, dir_fd=dest_fd, follow_symlinks=False)
        if self.preserve.kind(source.st_mode) != item.kind or self.preserve.kind(there.st_mode) != item.kind:
            raise FleetproofError("changed_underfoot", "its type changed during the run")
        if self.preserve.xattrs or self.preserve.acls:
            copy_attributes(source_fd, item.name, dest_fd, name, self.preserve, item.kind == SYMLINK)
            there = os.stat(name, dir_fd=dest_fd, follow_symlinks=False)
        settle(dest_fd, name, source, there, self.preserve)

    def _link(self, item: Item, dest_fd: int) -> str:
        """Another name for a file of dest."""
        if item.link_to in self.failed_before:
            raise FleetproofError("changed_underfoot", "the file that it is a hard link of could not be copied: %s" % item.link_to)
        parent, _slash, name = item.link_to.rpartition("/")
        first_fd = self.first.open(parent + "/" if parent else "")
        temporary = self.copier.temporary()
        self.copier.step = "cannot be linked to %s" % item.link_to
        os.link(name, temporary, src_dir_fd=first_fd, dst_dir_fd=dest_fd, follow_symlinks=False)
        return temporary

    def _other_kind(self, item: Item, source_fd: int, dest_fd: int) -> str:
        """A symbolic link, FIFO or device."""
        self.copier.step = "cannot be read"
        source = os.stat(item.name, dir_fd=source_fd, follow_symlinks=False)
        if self.preserve.kind(source.st_mode) != item.kind:
            raise FleetproofError("changed_underfoot", "its type changed during the run")
        temporary = self.copier.temporary()
        if item.kind == SYMLINK:
            target = os.readlink(item.name, dir_fd=source_fd)
            self.copier.step = "cannot be written"
            os.symlink(target, temporary, dir_fd=dest_fd)
        else:
            self.copier.step = "cannot be written"
            if item.kind == SPECIAL:
                os.mkfifo(temporary, 0o600, dir_fd=dest_fd)
            else:
                os.mknod(temporary, source.st_mode & ~0o7777 | 0o600, source.st_rdev, dir_fd=dest_fd)
        try:
            settle(dest_fd, temporary, source, os.stat(temporary, dir_fd=dest_fd, follow_symlinks=False), self.preserve)
            if self.preserve.xattrs or self.preserve.acls:
                copy_attributes(source_fd, item.name, dest_fd, temporary, self.preserve, item.kind == SYMLINK)
        except BaseException:
            _discard(temporary, dest_fd)
            raise
        return temporary

    def _name_synced(self, where: str, dest_fd: int) -> None:
        """Sync the copies that are ready, and then give them their names."""
        ready, self.ready = self.ready, []
        descriptors, self.copier.unsynced = self.copier.unsynced or [], []
        if not ready:
            return
        errors = sync_all(descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        for (folder, item, temporary, size), error in zip(ready, errors):
            try:
                if error is not None:
                    _discard(temporary, dest_fd)
                    raise error
                self.give_name(where, item, temporary, size, dest_fd)
            except (OSError, FleetproofError) as failure:
                self.fail_by(folder, item, failure, self.copier.step if error is None else "cannot be synced")


def sync_all(descriptors: t.List[int]) -> t.List[t.Optional[OSError]]:
    """fsync each of them, many at a time; returns what went wrong with each."""
    errors: t.List[t.Optional[OSError]] = [None] * len(descriptors)

    def sync(start: int) -> None:
        for index in range(start, len(descriptors), _SYNC_THREADS):
            try:
                os.fsync(descriptors[index])
            except OSError as error:
                errors[index] = error

    threads = [threading.Thread(target=sync, args=(start,)) for start in range(min(_SYNC_THREADS, len(descriptors)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors
