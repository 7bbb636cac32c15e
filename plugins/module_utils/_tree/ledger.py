# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one process of the walk notes of what is to be done.

Private to this collection.
"""

from __future__ import annotations

import marshal
import os
import stat
import typing as t

from .._plan.plan import CREATED, DELETED, EXTRA, FILE, LEFTOVER, METADATA, UPDATED, Totals, pack, pack_folder
from .reading import read_failure
from .rules import Rules
from .walk import Directory

# What a run does, in this order. KEPT is for what is only told.
SWEEP, OBSTACLES, COPY, LINK, REPLACE, REMOVE, REMOVE_FOLDERS, KEPT = range(8)
STAGES = 8

# Files from this size on are begun before all smaller ones, the largest first.
LARGE = 8 << 20
# Directories whose looks are set in one task.
FINISH_AT_ONCE = 64

_Note = t.Tuple[t.Any, ...]


def size_of(state: os.stat_result) -> int:
    """Bytes of a regular file; other entries have none to speak of."""
    return state.st_size if stat.S_ISREG(state.st_mode) else 0


class Ledger:
    """Actions, failures and sums. ``at`` is the folder that is looked at: left is the source, right is dest."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.preserve = rules.preserve
        self.totals = Totals()
        # Packed batches for each stage, and those of large files with their size
        self.stages: t.List[t.List[bytes]] = [[] for _unused in range(STAGES)]
        self.large: t.List[t.Tuple[int, bytes]] = []
        self.failures: t.List[t.Tuple[str, str, str]] = []
        self.no_deletions = ""
        # Entries with several names, see hardlinks.py
        self.linked: t.List[_Note] = []
        # Directories that only dest has, and those of them that have to stay
        self.doomed: t.List[str] = []
        self.staying: t.List[str] = []
        # Where the path of a directory in dest differs from that in the source
        self.aliases: t.Dict[str, str] = {}
        # What directories are to look like when all is done: folder, folder in dest (None: the same), mode, owner, group, mtime.
        # Packed, but for the last ones
        self.finish: t.List[bytes] = []
        self.finish_last: t.List[_Note] = []
        self.at = Directory(None, None)
        # Its path in the source and in dest ("" for the root, and where it is not there), and the second where it differs
        self.folder = self.there = ""
        self.other_folder: t.Optional[str] = None
        self.items: t.List[_Note] = []
        self.removals: t.List[_Note] = []
        self.touched = False

    def result(self) -> t.Any:
        """All of it, as marshal can carry it."""
        self._pack_finish()
        return (
            self.totals.as_list(),
            self.stages,
            self.large,
            self.failures,
            self.no_deletions,
            self.linked,
            self.doomed,
            self.staying,
            self.aliases,
            self.finish,
        )

    def begin(self, directory: Directory) -> None:
        """From now on notes are of ``directory``."""
        self.at = directory
        self.folder, self.there = directory.left_rel or "", directory.right_rel or ""
        self.other_folder = None if directory.right_rel == directory.left_rel else directory.right_rel
        self.items, self.removals, self.touched = [], [], False

    def end(self) -> None:
        """Put away what was noted of the directory."""
        directory = self.at
        if self.items:
            for size, packed in pack_folder(self.folder, self.other_folder, self.items):
                if size >= LARGE:
                    self.large.append((size, packed))
                else:
                    self.stages[COPY].append(packed)
        if self.removals:
            self.stages[REMOVE].extend(packed for _size, packed in pack_folder(self.there, None, self.removals))
        if directory.left_rel is None:
            return
        if self.other_folder is not None:
            self.aliases[self.folder] = self.other_folder
        if directory.right_fd >= 0 and (self.touched or self.items or self.removals):
            self.finish_folder(self.folder, self.there, os.fstat(directory.left_fd), os.fstat(directory.right_fd))

    def note(self, action: int, kind: int, name: str, size: int, why: int, other: str = "", stage: int = COPY) -> None:
        """One action in the present folder; ``other`` is the name in dest where it differs."""
        totals = self.totals
        if action == CREATED:
            totals.created += 1
        elif action == UPDATED:
            totals.updated += 1
        elif action == METADATA:
            totals.metadata += 1
        else:
            totals.corrupted += 1
            stage = KEPT
        if action in (CREATED, UPDATED):
            totals.copy_bytes += size
        item = (action, kind, name, size, why) if other in ("", name) else (action, kind, name, size, why, other)
        if stage == COPY:
            self.items.append(item)
            return
        self.touched = self.touched or stage != KEPT
        self.stages[stage].append(pack(self.folder, self.other_folder, [item]))

    def note_linked(self, item: t.Tuple[int, int, str, int, int, str], source: os.stat_result, there: t.Optional[os.stat_result], stage: int = COPY) -> None:
        """An entry with several names: only the whole tree can tell what becomes of it."""
        self.touched = True
        inode = None if there is None or stage == REPLACE else (there.st_dev, there.st_ino)
        links = 0 if there is None else there.st_nlink
        space = (self.allocated(source), 0 if there is None else self.allocated(there))
        self.linked.append(((source.st_dev, source.st_ino), inode, links, self.folder, self.other_folder, item, stage, *space))

    def note_leftover(self, name: str, there: os.stat_result) -> None:
        """A copy that an interrupted run left behind, or that another run is at work on."""
        if not self.rules.sweep:
            if self.at.left_rel is None:
                self.staying.append(self.there)
        else:
            self.totals.leftovers += 1
            self.touched = True
            self.stages[SWEEP].append(pack(self.there, None, [(DELETED, FILE, name, size_of(there), LEFTOVER)]))

    def note_removal(self, name: str, there: os.stat_result) -> None:
        """An entry other than a directory that is to go from dest."""
        totals = self.totals
        totals.deleted += 1
        totals.deleted_bytes += size_of(there)
        self.removals.append((DELETED, max(self.preserve.kind(there.st_mode), FILE), name, size_of(there), EXTRA))

    def finish_folder(self, folder: str, other: t.Optional[str], source: os.stat_result, there: t.Optional[os.stat_result]) -> None:
        """What a directory is to look like in the end; ``other`` None: its path in dest follows from the source's."""
        preserve = self.preserve
        self.finish_last.append(
            (
                folder,
                None if other == folder else other,
                preserve.mode_for(source, there),
                source.st_uid if preserve.owner else -1,
                source.st_gid if preserve.group else -1,
                source.st_mtime_ns if preserve.mtime else None,
            )
        )

        if len(self.finish_last) >= FINISH_AT_ONCE:
            self._pack_finish()

    def _pack_finish(self) -> None:
        if self.finish_last:
            self.finish.append(marshal.dumps(self.finish_last, 2))
            self.finish_last = []

    def count(self, source: os.stat_result, there: t.Optional[os.stat_result]) -> None:
        """An entry takes part, on one side or on both."""
        totals = self.totals
        totals.src_entries += 1
        totals.src_bytes += size_of(source)
        if there is not None:
            totals.dest_entries += 1
            totals.dest_bytes += size_of(there)

    def grow_folder(self) -> None:
        """A directory more."""
        self.totals.grow_bytes += self.rules.block
        self.totals.grow_inodes += 1

    def grow(self, source: os.stat_result, there: t.Optional[os.stat_result]) -> None:
        """Space that a copy takes, in place of ``there`` if that was of the same type."""
        self.totals.grow(self.allocated(source), None if there is None else self.allocated(there), self.rules.keeps_replaced)

    def allocated(self, state: os.stat_result) -> int:
        """Bytes that an entry takes in dest."""
        if not stat.S_ISREG(state.st_mode):
            return self.rules.block if stat.S_ISDIR(state.st_mode) else 0
        block = self.rules.block
        size = state.st_size
        if self.preserve.sparse:
            size = min(size, state.st_blocks * 512)
        return -(-size // block) * block

    def fail(self, path: str, kind: str, reason: str) -> None:
        """An entry that cannot be brought in line."""
        self.failures.append((path, kind, reason))

    def read_error(self, path: str, error: OSError) -> None:
        """An entry of the source that cannot be read: it may stand for more than it says, so nothing is deleted."""
        kind, reason = read_failure(error)
        self.fail(path, kind, reason)
        if kind != "changed_underfoot":
            self.no_deletions = "src cannot be read completely"
