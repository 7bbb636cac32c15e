# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a transfer: both sides are looked at, folder by folder, over several connections.

Private to this collection.
"""

from __future__ import annotations

import threading
import typing as t

from .._errors import FleetproofError
from .._plan.plan import CREATED, DELETED, DIRECTORY, EXTRA, MISSING, TYPE, UPDATED, Batch, Failure, Item, Plan, pack, pack_folder, unpack
from .._values import display_name, is_temporary
from .entries import FILE, Entry, Lister, Listing
from .planner import BOTH, IN_PLACE_OF_FILE, NEW, ONLY_DEST, Found, Rules, compare, to_ask
from .pool import Line, Pool
from .remote import RemoteSide

# What a run does, in this order.
SWEEP, MAKE, COPY, SWEEP_OLD, TAKE, REMOVE, REMOVE_FOLDERS, REPLACE = range(8)
STAGES = 8

# Files from this size on are begun before all smaller ones, the largest first.
LARGE = 4 << 20
# No honest tree is deeper; a link that leads back to a directory above it may be.
DEEPEST = 200

# The two sides as one thread sees them
Sides = t.Tuple[Lister, Lister]
# folder, what it is (see planner.py), what tells the folders above it from others
_Visit = t.Tuple[str, int, t.Tuple[str, ...]]


class TransferPlan(Plan):
    """A plan for a server and this host."""

    removes = True

    def __init__(self) -> None:
        super().__init__(STAGES)
        # Links and special files that take no part, and files that were compared without a time
        self.aside = 0
        self.timeless = 0
        # Entries that stay in dest because src may have them and not show them
        self.unseen = 0
        # Files to move
        self.files = 0
        # Whether dest itself has to be made
        self.new_root = False


class Survey:
    """Makes one plan."""

    def __init__(self, pool: Pool, sides: t.Callable[[Line], Sides], rules: Rules) -> None:
        """``sides`` makes src and dest for one line; those that have a ``close`` are closed."""
        self.pool = pool
        self.sides = sides
        self.rules = rules
        self.plan = TransferPlan()
        self.lock = threading.Lock()
        self.large: t.List[t.Tuple[int, str, bytes]] = []
        # Batches by stage with what they are sorted by
        self.batches: t.List[t.List[t.Tuple[str, int, bytes]]] = [[] for _stage in range(STAGES)]
        # Folders that only dest has, and those of them in which something stays
        self.doomed: t.List[str] = []
        self.staying: t.List[str] = []
        # Folders done, for the progress
        self.entries = 0
        self.at = ""

    def run(self, watch: t.Optional[t.Callable[[], None]] = None) -> TransferPlan:
        """Look at everything, and say what is to be done. Raises FleetproofError when a root cannot be listed."""
        root: _Visit = ("", BOTH, ())
        self.pool.work([root], lambda line: _Visitor(self, line), 1, watch)
        if self.pool.dead is not None:
            # What was seen until then is no plan.
            raise self.pool.dead
        return self._finish()

    def note(self, folder: str, state: int, found: Found) -> None:
        """Keep what is to be done in one folder, packed."""
        ready = [
            (stage, size, packed)
            for stage, notes in (
                (COPY, found.copies),
                (REMOVE, found.removals),
                (SWEEP, found.leftovers),
                (SWEEP_OLD, found.asides),
                (TAKE, found.taken),
                (REPLACE, found.replacements),
            )
            if notes
            for size, packed in pack_folder(folder, None, notes)
        ]
        with self.lock:
            self._note_folder(folder, state, found)
            for number, (stage, size, packed) in enumerate(ready):
                if stage == COPY and size >= LARGE:
                    self.large.append((-size, folder, packed))
                else:
                    self.batches[stage].append((folder, number, packed))
            plan = self.plan
            plan.totals.add(found.totals.as_list())
            plan.failures.extend(found.failures)
            plan.aside += found.aside
            plan.files += len(found.copies) + len(found.replacements)
            plan.timeless += found.timeless
            plan.unseen += found.unseen
            self.entries += found.totals.src_entries + found.totals.dest_entries
            self.at = folder

    def _note_folder(self, folder: str, state: int, found: Found) -> None:
        """The directory itself."""
        totals = self.plan.totals
        if state in (NEW, IN_PLACE_OF_FILE):
            parent, name = _split(folder)
            self.plan.new_root = self.plan.new_root or not folder
            action, why = (CREATED, MISSING) if state == NEW else (UPDATED, TYPE)
            if state == NEW:
                totals.created += 1
            else:
                totals.updated += 1
            totals.grow_bytes += self.rules.block
            totals.grow_inodes += 1
            self.batches[MAKE].append((folder, 0, pack(parent, None, [(action, DIRECTORY, name, 0, why)])))
        elif state == ONLY_DEST:
            self.doomed.append(folder)
            if found.stays or found.failures:
                self.staying.append(folder)

    def fail(self, folder: str, state: int, kind: str, reason: str, no_deletions: str) -> None:
        """A folder that could not be looked at."""
        with self.lock:
            self.plan.failures.append(Failure(folder[:-1] or ".", kind, reason))
            if state == ONLY_DEST:
                self.staying.append(folder)
            self.plan.no_deletions = self.plan.no_deletions or no_deletions

    def _finish(self) -> TransferPlan:
        plan = self.plan
        plan.failures.sort()
        if plan.failures and not plan.no_deletions:
            plan.no_deletions = "not everything can be transferred"
        if not self.rules.delete:
            plan.no_deletions = ""
        else:
            self._delete()
        for stage, batches in enumerate(self.batches):
            batches.sort()
            plan.stages[stage].extend(packed for _folder, _number, packed in batches)
        self.large.sort()
        plan.stages[COPY][:0] = [packed for _size, _folder, packed in self.large]
        return plan

    def _delete(self) -> None:
        """Decide which folders go; none, and nothing else either, when something was in doubt."""
        plan = self.plan
        stay: t.Set[str] = set()
        for folder in self.staying:
            while folder and folder not in stay:
                stay.add(folder)
                folder = folder[: folder.rfind("/", 0, -1) + 1]
        replaced = {batch.folder + item.name + "/": item for batch in self._replacements() for item in batch.items}
        in_the_way = sorted(stay.intersection(replaced))
        if in_the_way and not plan.no_deletions:
            plan.no_deletions = "the directory %s is in the way of a file, and has entries that stay" % display_name(in_the_way[0][:-1])
        if plan.no_deletions:
            self._delete_nothing(replaced)
            return
        gone = set(self.doomed) - stay - set(replaced)
        plan.totals.deleted += len(gone)
        by_parent: t.Dict[str, t.List[t.Tuple[t.Any, ...]]] = {}
        for folder in sorted(gone):
            parent, name = _split(folder)
            by_parent.setdefault(parent, []).append((DELETED, DIRECTORY, name, 0, EXTRA))
        for parent in sorted(by_parent, key=lambda path: (-path.count("/"), path)):
            plan.stages[REMOVE_FOLDERS].extend(packed for _weight, packed in pack_folder(parent, None, by_parent[parent]))

    def _replacements(self) -> t.Iterator[Batch]:
        return (unpack(packed) for _folder, _number, packed in self.batches[REPLACE])

    def _delete_nothing(self, replaced: t.Dict[str, Item]) -> None:
        plan, totals = self.plan, self.plan.totals
        self.batches[REMOVE].clear()
        self.batches[REPLACE].clear()
        totals.deleted = totals.deleted_bytes = 0
        for folder in sorted(replaced):
            plan.files -= 1
            totals.updated -= 1
            totals.copy_bytes -= max(0, replaced[folder].size)
            totals.replaced_entries -= 1
            reason = "a directory is in the way in dest; it stays, as nothing is deleted: %s" % plan.no_deletions
            plan.failures.append(Failure(folder[:-1], "refused", reason))
        plan.failures.sort()


class _Visitor:
    """Looks at folders, one after the other, over one line."""

    def __init__(self, survey: Survey, line: Line) -> None:
        self.survey = survey
        self.src, self.dest = survey.sides(line)

    def close(self) -> None:
        """No more."""
        for side in (self.src, self.dest):
            close = getattr(side, "close", None)
            if close is not None:
                close()

    def do(self, task: _Visit) -> t.Iterable[_Visit]:
        """One folder, and those in it that the server has no part in; returns the others."""
        mine: t.List[_Visit] = [task]
        others: t.List[_Visit] = []
        while mine:
            for inner in self._visit(mine.pop()):
                (mine if self._only_here(inner[1]) else others).append(inner)
        return others

    def _only_here(self, state: int) -> bool:
        """Whether the side that has such a folder is not the server: it is not worth a connection."""
        return state != BOTH and not isinstance(self.dest if state == ONLY_DEST else self.src, RemoteSide)

    def _visit(self, task: _Visit) -> t.Iterable[_Visit]:
        """One folder; returns those in it."""
        folder, state, above = task
        src = dest = None
        if folder.count("/") > DEEPEST:
            reason = "more than %d directories deep; is it a link to a directory above it?" % DEEPEST
            self.survey.fail(folder, state, "unsafe", reason, "not everything can be looked at")
            return ()
        try:
            side = "src"
            if state != ONLY_DEST:
                src = self._listed(self.src, folder, side)
                if self.survey.rules.take and isinstance(self.src, RemoteSide) and any(entry.kind == DIRECTORY for entry in src.entries.values()):
                    # Nor is what a link leads to to be taken from there.
                    mark_links(src, self.src.links(folder))
            side = "dest"
            if state in (BOTH, ONLY_DEST):
                dest = self.dest.list(folder)
                if dest is None:
                    if folder:
                        raise FleetproofError("changed_underfoot", "the directory in dest is gone, or closed to this user")
                    state = NEW
                elif self.survey.rules.delete and isinstance(self.dest, RemoteSide) and at_stake(src, dest):
                    # What a link leads to is not to be emptied.
                    dest.entries.update((entry.name, entry) for entry in self.dest.links(folder))
            self._ask(folder, src, dest)
        except FleetproofError as error:
            if not folder:
                raise
            self.survey.fail(folder, state, error.kind, error.message, "%s could not be listed completely" % side)
            return ()
        found = compare(folder, state, src, dest, self.survey.rules)
        down = []
        for name, what, unique in found.down:
            if unique and unique in above:
                # A link back to a directory that it lies in
                found.aside += 1
                found.stays = True
            else:
                down.append((folder + name + "/", what, (*above, unique) if unique else above))
        self.survey.note(folder, state, found)
        return down

    @staticmethod
    def _listed(side: Lister, folder: str, what: str) -> Listing:
        listing = side.list(folder)
        if listing is None:
            if not folder:
                raise FleetproofError("not_found", "The directory that %s names is not there, or closed to this user; look at %s" % (what, what))
            raise FleetproofError("changed_underfoot", "the directory in %s is gone, or closed to this user" % what)
        return listing

    def _ask(self, folder: str, src: t.Optional[Listing], dest: t.Optional[Listing]) -> None:
        """What the listing of the server does not tell exactly enough."""
        rules = self.survey.rules
        for side, listing, other, is_src in ((self.src, src, dest, True), (self.dest, dest, src, False)):
            if isinstance(side, RemoteSide) and listing is not None and src is not None:
                if not listing.dots and other is not None:
                    hidden = sorted(name for name, entry in other.entries.items() if hidden_file(entry) and name not in listing.entries)
                    side.reveal(folder, listing, [name for name in hidden if rules.keep is None or rules.keep(folder + name, False)])
                names = [name for name in to_ask(listing, other or Listing(), is_src, rules) if rules.keep is None or rules.keep(folder + name, False)]
                if names:
                    side.refine(folder, listing, names)


def hidden_file(entry: Entry) -> bool:
    """Whether a server that hides names with a dot at their beginning would not show this file."""
    return entry.kind == FILE and entry.name.startswith(".") and not is_temporary(entry.name)


def at_stake(src: t.Optional[Listing], dest: Listing) -> bool:
    """Whether something of dest may be deleted, or a directory of it entered."""
    return src is None or any(entry.kind == DIRECTORY or name not in src.entries for name, entry in dest.entries.items())


def mark_links(listing: Listing, links: t.Iterable[Entry]) -> None:
    """Directories that are links are links."""
    for entry in links:
        if entry.name in listing.entries and listing.entries[entry.name].kind == DIRECTORY:
            listing.entries[entry.name] = entry


def _split(folder: str) -> t.Tuple[str, str]:
    """The folder above, and the name in it; the root is a dot in itself."""
    if not folder:
        return "", "."
    cut = folder.rfind("/", 0, -1) + 1
    return folder[:cut], folder[cut:-1]
