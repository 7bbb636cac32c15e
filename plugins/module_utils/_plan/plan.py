# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run is going to do, written down before it does anything.

Private to this collection. A plan is a number of stages, each a list of batches, each the actions in one
folder. Batches are kept packed: a plan of a hundred thousand actions takes a few megabytes, and a batch
travels between processes as it is. Where the folders are (a tree, a server) is no business of this file.
"""

from __future__ import annotations

import marshal
import typing as t
from dataclasses import dataclass, fields

# What is done. The names are those of RV(counts) and RV(actions[].action).
CREATED, UPDATED, METADATA, DELETED, CORRUPTED, REMOVED = range(6)
ACTIONS = ("created", "updated", "metadata", "deleted", "corrupted", "removed")

# What it is done to, and the letter rsync has for it.
FILE, DIRECTORY, SYMLINK, DEVICE, SPECIAL = range(5)
LETTERS = "fdLDS"
KINDS = ("file", "directory", "symlink", "device", "FIFO")

# Why: one bit for each difference.
CONTENT, SIZE, MTIME, MODE, OWNER, GROUP, ACLS, XATTRS, MISSING, EXTRA, TYPE, TARGET, LINKED, ROT, UNREADABLE, LEFTOVER = (1 << bit for bit in range(16))
MOVED = 1 << 16
_WORDS = (
    (MISSING, "missing in dest"),
    (EXTRA, "not in src"),
    (TYPE, "type"),
    (CONTENT, "content"),
    (SIZE, "size"),
    (TARGET, "link target"),
    (LINKED, "hard link"),
    (MTIME, "mtime"),
    (MODE, "mode"),
    (OWNER, "owner"),
    (GROUP, "group"),
    (ACLS, "ACL"),
    (XATTRS, "extended attributes"),
    (ROT, "content, though size and mtime are the same"),
    (UNREADABLE, "dest cannot be read"),
    (LEFTOVER, "left behind by an interrupted run"),
    (MOVED, "in dest as well"),
)

# Actions in one batch, and bytes: enough to be worth a task, few enough to be shared out evenly.
BATCH_ITEMS = 256
BATCH_BYTES = 16 << 20


class Item(t.NamedTuple):
    """One action in a folder."""

    action: int
    kind: int
    name: str
    size: int
    why: int
    # The name on the other side where it differs; "" where it does not
    other: str = ""
    # For a hard link: the path, in dest, of the file to link to
    link_to: str = ""
    # The mtime in nanoseconds that goes with ``size``, for those who plan and act by what they were told; 0 where nobody asks
    stamp: int = 0
    # The stamp may be too early by less than this many nanoseconds; 0 where there is no stamp
    precision: int = 0
    # Another name in its folder may be the same where names are compared less strictly
    alike: bool = False


class Batch(t.NamedTuple):
    """Actions in one folder. Folders are "" or end in a slash."""

    folder: str
    # The folder on the other side where its path differs; None where it does not
    other: t.Optional[str]
    items: t.List[Item]


class Failure(t.NamedTuple):
    """An entry that was not, or will not be, brought in line."""

    path: str
    kind: str
    reason: str


@dataclass
class Totals:
    """The sums that guards and results are made from: entries, and bytes where it says so."""

    created: int = 0
    updated: int = 0
    metadata: int = 0
    deleted: int = 0
    corrupted: int = 0
    # Entries of the source that go when they are in dest
    removed: int = 0
    unchanged: int = 0
    src_entries: int = 0
    src_bytes: int = 0
    dest_entries: int = 0
    dest_bytes: int = 0
    copy_bytes: int = 0
    deleted_bytes: int = 0
    # What is replaced by something of another type goes from dest as well
    replaced_entries: int = 0
    replaced_bytes: int = 0
    # Space that the plan takes until deletions begin, temporary copies apart, and the largest of those
    grow_bytes: int = 0
    grow_inodes: int = 0
    largest_update: int = 0
    leftovers: int = 0

    def grow(self, new: int, old: t.Optional[int], keeps_replaced: bool) -> None:
        """A file of ``new`` bytes on disk is written in place of one of ``old`` (None: of none), which may be kept elsewhere."""
        if old is None:
            self.grow_bytes += new
            self.grow_inodes += 1
            return
        self.grow_bytes += new if keeps_replaced else max(0, new - old)
        self.grow_inodes += keeps_replaced
        self.largest_update = max(self.largest_update, new)

    def add(self, other: t.Sequence[int]) -> None:
        """Add what ``as_list`` of another process gave."""
        for member, value in zip(fields(self), other):
            if member.name == "largest_update":
                self.largest_update = max(self.largest_update, value)
            else:
                setattr(self, member.name, getattr(self, member.name) + value)

    def as_list(self) -> t.List[int]:
        """The sums in the order of the fields."""
        return [getattr(self, member.name) for member in fields(self)]


class Plan:
    """Stages of packed batches, the sums over them, and what cannot be done."""

    # Whether entries of the source may go when they are in dest
    removes = False

    def __init__(self, stages: int) -> None:
        self.stages: t.List[t.List[bytes]] = [[] for _unused in range(stages)]
        self.totals = Totals()
        self.failures: t.List[Failure] = []
        # Why nothing will be deleted though it was asked for; "" when it will
        self.no_deletions = ""

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        totals = self.totals
        return bool(totals.created or totals.updated or totals.metadata or totals.deleted or totals.removed or totals.leftovers)

    def batches(self, stages: t.Optional[t.Iterable[int]] = None) -> t.Iterator[Batch]:
        """All batches, or those of ``stages``, unpacked one at a time."""
        for stage in range(len(self.stages)) if stages is None else stages:
            for packed in self.stages[stage]:
                yield unpack(packed)

    def batches_by_folder(self) -> t.Iterator[Batch]:
        """All batches, sorted by folder: whatever is in one has a path that begins with it."""
        order = sorted((_folder(packed), stage, number) for stage, batches in enumerate(self.stages) for number, packed in enumerate(batches))
        for _folder_name, stage, number in order:
            yield unpack(self.stages[stage][number])

    def actions(self) -> t.Iterator[t.Tuple[str, Item]]:
        """Every action with its path, in no order."""
        for batch in self.batches():
            for item in batch.items:
                yield batch.folder + item.name, item


def pack(folder: str, other: t.Optional[str], items: t.Sequence[t.Sequence[t.Any]]) -> bytes:
    """A batch as it is kept; trailing empty fields of items may be left out."""
    # Version 2 of the format: later ones look every object up to share it, and nothing here is shared.
    return marshal.dumps((folder, other, [tuple(item) for item in items]), 2)


def _folder(packed: bytes) -> str:
    folder: str = marshal.loads(packed)[0]  # noqa: S302 # packed by a process of our own
    return folder


def unpack(packed: bytes) -> Batch:
    """The batch that ``pack`` packed."""
    folder, other, items = marshal.loads(packed)  # noqa: S302 # packed by a process of our own
    return Batch(folder, other, [Item(*item) for item in items])


def pack_folder(folder: str, other: t.Optional[str], items: t.List[t.Tuple[t.Any, ...]]) -> t.Iterator[t.Tuple[int, bytes]]:
    """The actions of a folder as batches of a good size, each with its bytes; a large file is a batch of its own."""
    start = size = 0
    for index, item in enumerate(items):
        if index - start >= BATCH_ITEMS or size + item[3] > BATCH_BYTES:
            if index > start:
                yield size, pack(folder, other, items[start:index])
            start, size = index, 0
        size += item[3]
    if start < len(items):
        yield size, pack(folder, other, items[start:])


def why_words(why: int) -> str:
    """The bits as words, most telling first: "size, mtime"."""
    return ", ".join(words for bit, words in _WORDS if why & bit)
