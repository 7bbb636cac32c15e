# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes one side hold what the other holds, one folder at a time.

Private to this collection. Pure: two listings and the rules go in, actions come out. Nothing is asked and
nothing is done here.
"""

from __future__ import annotations

import collections
import typing as t
import unicodedata
from dataclasses import dataclass, field

from .._plan.plan import CONTENT, CREATED, DELETED, EXTRA, LEFTOVER, MISSING, MOVED, MTIME, REMOVED, SIZE, TYPE, UPDATED, Failure, Totals
from .._values import is_temporary
from .entries import DAY, DIRECTORY, FILE, SECOND, SYMLINK, Entry, Listing
from .ways import aside_for, is_aside

# What a folder is: on both sides, new in dest, new in dest with a file in its place there, in dest alone.
BOTH, NEW, IN_PLACE_OF_FILE, ONLY_DEST = range(4)

# An Item of a plan, as it is packed
Note = t.Tuple[t.Any, ...]


class Rules(t.NamedTuple):
    """What a plan goes by."""

    # Whether dest takes over the times of src, so that equal files have equal ones; else dest is only not to be older
    times: bool = True
    # Whether equal files have equal sizes (not so where line ends are translated)
    sizes: bool = True
    # Nanoseconds within which two times are equal, besides what each is exact to
    window: int = 0
    recursive: bool = False
    delete: bool = False
    # Files of src go when they are in dest
    take: bool = False
    # Bytes that a file takes at least in dest, and a multiple of which it takes
    block: int = 1
    # Whether an entry takes part, by path and whether it is a directory; None: all do
    keep: t.Optional[t.Callable[[str, bool], bool]] = None
    # Whether a single file takes part, whatever lies beside it
    single: bool = False
    # The name in dest of the one file that takes part, where it differs
    other: str = ""
    # The name that the entry has in dest while it is on its way; None where nothing is resumed
    temporary: t.Optional[t.Callable[[Entry], str]] = None
    # For dest on a server: what has a temporary name and was written to after this, in nanoseconds, may be at work for another
    # host; None where there are no others
    in_use_since: t.Optional[int] = None


@dataclass
class Found:
    """What is to be done in one folder."""

    copies: t.List[Note] = field(default_factory=list)
    # Files whose place a directory of dest has
    replacements: t.List[Note] = field(default_factory=list)
    removals: t.List[Note] = field(default_factory=list)
    leftovers: t.List[Note] = field(default_factory=list)
    # Old files that stepped aside, and go when the new one is there
    asides: t.List[Note] = field(default_factory=list)
    # Files of src that go in the end
    taken: t.List[Note] = field(default_factory=list)
    # Folders to go down into: name, what it is, what tells it from others
    down: t.List[t.Tuple[str, int, str]] = field(default_factory=list)
    failures: t.List[Failure] = field(default_factory=list)
    totals: Totals = field(default_factory=Totals)
    # Links and special files, which take no part
    aside: int = 0
    # Files that were compared without a time
    timeless: int = 0
    # Entries that stay in dest because src may have them and not show them
    unseen: int = 0
    # Whether something stays in a folder that only dest has
    stays: bool = False


def difference(src: Entry, dest: Entry, rules: Rules) -> t.Tuple[int, bool]:
    """In what two files differ (bits of a plan, 0: nothing), and whether that had to be said without a time."""
    why = 0
    sized = rules.sizes and src.size >= 0 and dest.size >= 0
    if sized and src.size != dest.size:
        why = SIZE
    if rules.take and not _is_certain(src, dest, sized or not rules.sizes):
        return why or CONTENT, False
    if src.mtime is None or dest.mtime is None:
        # Nothing to go by at all: better once too often.
        return why or (0 if sized else CONTENT), sized and not why
    blur = max(src.precision, dest.precision) + rules.window
    late = src.mtime - dest.mtime
    if late >= blur or ((rules.times or rules.take) and -late >= blur):
        why |= MTIME
    return why, False


def _is_certain(src: Entry, dest: Entry, sized: bool) -> bool:
    """Whether so much is told of both that the one may go when they are equal: else it is moved first, and verified."""
    return sized and src.mtime is not None and dest.mtime is not None and max(src.precision, dest.precision) <= SECOND


def to_ask(remote: Listing, local: Listing, is_src: bool, rules: Rules) -> t.List[str]:
    """The files whose size or time has to be asked for one by one, as the listing of the server does not tell what matters."""
    asked = []
    for name, entry in remote.entries.items():
        if entry.kind != FILE or is_temporary(name) or (entry.size >= 0 and entry.mtime is not None and entry.precision <= SECOND):
            continue
        there = local.entries.get(name)
        pair = there is not None and there.kind == FILE
        # A file that comes from the server gets its very time, or it would be another the next time.
        if (is_src and (rules.times or entry.size < 0)) or (pair and there is not None and (not rules.sizes or entry.size in (-1, there.size))):
            asked.append(name)
    return sorted(asked)


def compare(folder: str, state: int, src: t.Optional[Listing], dest: t.Optional[Listing], rules: Rules) -> Found:
    """Plan for one folder ("" or ending in a slash); a side that does not have it is None."""
    return _Comparison(folder, state, rules).run(src or Listing(), dest or Listing())


class _Comparison:
    """One folder."""

    def __init__(self, folder: str, state: int, rules: Rules) -> None:
        self.folder = folder
        self.state = state
        self.rules = rules
        self.found = Found()
        # Whether src may have names with a dot at their beginning and not show them
        self.blind = False
        # Temporary names in dest
        self.partial: t.Dict[str, Entry] = {}
        # For dest on a server: how many names there are that some servers take for one
        self.alike: t.Counter[str] = collections.Counter()

    def run(self, src: Listing, dest: Listing) -> Found:
        """Both sides, each in the order of names."""
        self._refused(src, "src")
        self._refused(dest, "dest")
        self.blind = not src.dots
        theirs = {}
        left_out = set()
        superseded = self._superseded(src, dest)
        if self.rules.in_use_since is not None:
            self.alike.update(_folded(name) for name in {**src.entries, **dest.entries})
        for name in sorted(dest.entries):
            entry = dest.entries[name]
            if name in superseded:
                self.found.totals.leftovers += 1
                self.found.asides.append((DELETED, FILE, name, max(0, entry.size), LEFTOVER, superseded[name]))
            elif entry.kind == FILE and is_temporary(name) and not self._is_old(name):
                self.partial[name] = entry
            elif self._kept(entry):
                theirs[name] = entry
            else:
                self.found.stays = True
                left_out.add(name)
        for name in sorted(src.entries):
            entry = src.entries[name]
            if not self._kept(entry) or (entry.kind == FILE and is_temporary(name)):
                continue
            if name in left_out:
                self._fail(name, "refused", "something of another type is in the way in dest, and stays, as exclude leaves it out; exclude both or none")
                continue
            there = theirs.pop(name, None)
            if entry.kind == FILE:
                self._file(entry, there)
            elif entry.kind == DIRECTORY:
                self._directory(entry, there)
            else:
                self.found.aside += 1
        for entry in theirs.values():
            self._extra(entry)
        for name, entry in self.partial.items():
            if self._in_use(entry):
                self.found.stays = True
                continue
            self.found.totals.leftovers += 1
            self.found.leftovers.append((DELETED, FILE, name, max(0, entry.size), LEFTOVER))
        return self.found

    def _is_old(self, name: str) -> bool:
        """Whether an upload may have put an old file there: the only copy, as long as the new one has not arrived."""
        return self.rules.in_use_since is not None and is_aside(name)

    def _superseded(self, src: Listing, dest: Listing) -> t.Dict[str, str]:
        """Old files that stepped aside, with the names of those of src that take their place. One for which src has none is a file like others."""
        old = {name for name, entry in dest.entries.items() if entry.kind == FILE and self._is_old(name)}
        if not old:
            return {}
        owners = {aside_for(name): name for name, entry in src.entries.items() if entry.kind == FILE and self._kept(entry)}
        return {name: owners[name] for name in old if name in owners}

    def _in_use(self, entry: Entry) -> bool:
        """Whether a run on another host may be writing to it."""
        since = self.rules.in_use_since
        if since is None:
            return False
        # A time that is not exact may be of any time zone as well.
        return entry.mtime is None or entry.mtime > since - (DAY if entry.precision > SECOND else 0)

    def _kept(self, entry: Entry) -> bool:
        keep = self.rules.keep
        return keep is None or keep(self.folder + entry.name, entry.kind == DIRECTORY)

    def _refused(self, listing: Listing, side: str) -> None:
        keep = self.rules.keep
        for refused in listing.refused:
            self.found.stays = True
            if keep is not None and not keep(self.folder + refused.name, False):
                # Whoever excludes a name has said that it may be missing.
                continue
            self._fail(refused.name, "unsafe", "%s has a name that is not taken: %s" % (side, refused.reason))

    def _fail(self, name: str, kind: str, reason: str) -> None:
        self.found.failures.append(Failure(self.folder + name, kind, reason))

    def _count(self, there: t.Optional[Entry], size: int) -> None:
        totals = self.found.totals
        totals.src_entries += 1
        totals.src_bytes += size
        if there is not None:
            totals.dest_entries += 1
            totals.dest_bytes += max(0, there.size)

    def _file(self, entry: Entry, there: t.Optional[Entry]) -> None:
        self._count(there, max(0, entry.size))
        if there is None:
            self._copy(entry, CREATED, MISSING, None)
        elif there.kind == FILE:
            why, timeless = difference(entry, there, self.rules)
            self.found.timeless += timeless
            if why:
                self._copy(entry, UPDATED, why, there)
            else:
                self.found.totals.unchanged += 1
                self._take(entry)
        elif there.kind == DIRECTORY:
            self._replace(entry, there)
        else:
            self._in_the_way(entry, there)

    def _copy(self, entry: Entry, action: int, why: int, there: t.Optional[Entry]) -> None:
        totals = self.found.totals
        if action == CREATED:
            totals.created += 1
        else:
            totals.updated += 1
        size = max(0, entry.size)
        totals.copy_bytes += size
        block = self.rules.block
        totals.grow(-(-size // block) * block, None if there is None else -(-max(0, there.size) // block) * block, False)
        if self.partial and self.rules.temporary is not None:
            # What is there of it already is no leftover, and takes no room twice.
            left = self.partial.pop(self.rules.temporary(entry), None)
            totals.grow_bytes -= 0 if left is None else max(0, min(size, left.size))
        self.found.copies.append(self._note(action, entry, why))
        self._take(entry)

    def _take(self, entry: Entry) -> None:
        if self.rules.take:
            self.found.totals.removed += 1
            self.found.taken.append(self._note(REMOVED, entry, MOVED))

    def _replace(self, entry: Entry, there: Entry) -> None:
        """A directory of dest has the place of a file."""
        if not self.rules.recursive or not self.rules.delete:
            way_out = "; remove it or choose another dest" if self.rules.single else ", and stays unless both delete and recursive are set"
            self._fail(entry.name, "refused", "a directory is in the way in dest" + way_out)
            return
        totals = self.found.totals
        totals.updated += 1
        totals.replaced_entries += 1
        totals.copy_bytes += max(0, entry.size)
        totals.grow(max(0, entry.size), None, False)
        self.found.replacements.append(self._note(UPDATED, entry, TYPE))
        self.found.down.append((entry.name, ONLY_DEST, there.unique))
        self._take(entry)

    def _in_the_way(self, entry: Entry, there: Entry) -> None:
        what = "a symbolic link" if there.kind == SYMLINK else "a special file"
        way_out = "choose another dest" if self.rules.single else "exclude the name"
        self._fail(entry.name, "refused", "%s is in the way in dest; it is neither followed nor replaced, so remove it or %s" % (what, way_out))

    def _directory(self, entry: Entry, there: t.Optional[Entry]) -> None:
        if not self.rules.recursive:
            return
        self._count(there, 0)
        if there is None:
            self.found.down.append((entry.name, NEW, entry.unique))
        elif there.kind == DIRECTORY:
            self.found.totals.unchanged += 1
            self.found.down.append((entry.name, BOTH, entry.unique))
        elif there.kind == FILE:
            self.found.down.append((entry.name, IN_PLACE_OF_FILE, entry.unique))
            # Taken from dest only when the directory can be listed; it is held against the limit in any case.
            self.found.totals.replaced_entries += 1
            self.found.totals.replaced_bytes += max(0, there.size)
        else:
            self._in_the_way(entry, there)

    def _note(self, action: int, entry: Entry, why: int) -> Note:
        known = entry.mtime is not None
        time = (entry.mtime, entry.precision) if known else (0, 0)
        note = (action, FILE, entry.name, entry.size, why, self.rules.other, "", *time)
        return (*note, True) if action == CREATED and self.alike and self.alike[_folded(entry.name)] > 1 else note

    def _extra(self, entry: Entry) -> None:
        """An entry that only dest has."""
        rules, found = self.rules, self.found
        if entry.kind == DIRECTORY and not rules.recursive:
            return
        if entry.kind not in (DIRECTORY, FILE):
            found.stays = True
            found.aside += rules.delete
            return
        found.totals.dest_entries += 1
        found.totals.dest_bytes += max(0, entry.size)
        if not rules.delete:
            return
        if self.blind and entry.name.startswith("."):
            found.stays = True
            found.unseen += 1
            return
        if entry.kind == DIRECTORY:
            found.down.append((entry.name, ONLY_DEST, entry.unique))
            return
        found.totals.deleted += 1
        found.totals.deleted_bytes += max(0, entry.size)
        found.removals.append((DELETED, FILE, entry.name, max(0, entry.size), EXTRA))


def _folded(name: str) -> str:
    """What is the same for names that servers without case, or with one form of Unicode, take for one."""
    return name if name.isascii() and name.islower() else unicodedata.normalize("NFC", name).casefold()


def entry_of(note: t.Any) -> Entry:
    """The file of src that an Item is about, as it was when it was planned."""
    return Entry(note.name, FILE, note.size, note.stamp if note.precision else None, note.precision or SECOND)
