# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan that makes one tree hold what another holds.

Private to this collection. The processes of the walk bring their notes; here they become one plan.
"""

from __future__ import annotations

import typing as t

from .._plan.plan import CORRUPTED, CREATED, DELETED, DIRECTORY, EXTRA, METADATA, UPDATED, Failure, Plan, pack, pack_folder, unpack
from .._share import Gauge
from .ledger import COPY, KEPT, LARGE, LINK, REMOVE, REMOVE_FOLDERS, REPLACE, STAGES
from .planner import Planner
from .rules import Rules
from .walk import WalkOptions, walk

_NO_ROOM = "a directory is in the way in dest; it stays, as nothing is deleted: %s"


class SyncPlan(Plan):
    """A plan for two trees."""

    def __init__(self) -> None:
        super().__init__(STAGES)
        # Where the path of a directory in dest differs from that in the source
        self.aliases: t.Dict[str, str] = {}
        # Packed lists of what directories are to look like when all is done, see ledger.py
        self.finish: t.List[bytes] = []

    def dest_folder(self, folder: str, other: t.Optional[str]) -> str:
        """The path in dest of a batch's folder."""
        if other is not None:
            return other
        if self.aliases:
            end = len(folder)
            while end > 0:
                found = self.aliases.get(folder[:end])
                if found is not None:
                    return found + folder[end:]
                end = folder.rfind("/", 0, end - 1) + 1
        return folder


def make_plan(
    source: int,
    dest: t.Optional[int],
    rules: Rules,
    options: WalkOptions,
    workers: int = 1,
    watch: t.Optional[t.Callable[[Gauge], None]] = None,
) -> SyncPlan:
    """Walk the trees below the descriptors ``source`` and ``dest`` (None: not there yet) and plan."""

    def make_planner(gauge: Gauge) -> Planner:
        return Planner(gauge, rules, source, dest)

    plan = SyncPlan()
    results = walk(source, dest, options, make_planner, workers, watch)
    large: t.List[t.Tuple[int, bytes]] = []
    linked: t.List[t.Any] = []
    doomed: t.List[str] = []
    staying: t.List[str] = []
    while results:
        totals, stages, bulky, failures, no_deletions, rows, gone, stay, aliases, finish = results.pop()
        plan.totals.add(totals)
        for stage, batches in enumerate(stages):
            plan.stages[stage].extend(batches)
        large.extend(bulky)
        plan.failures.extend(Failure(*failure) for failure in failures)
        plan.no_deletions = plan.no_deletions or no_deletions
        linked.extend(rows)
        doomed.extend(gone)
        staying.extend(stay)
        plan.aliases.update(aliases)
        plan.finish.extend(finish)
    _link(plan, linked, rules, large)
    # Tasks are taken from the end.
    plan.stages[COPY].extend(packed for _size, packed in sorted(large))
    if rules.delete:
        _delete(plan, doomed, staying)
    else:
        plan.no_deletions = ""
    plan.failures.sort()
    return plan


def _link(plan: SyncPlan, rows: t.List[t.Any], rules: Rules, large: t.List[t.Tuple[int, bytes]]) -> None:
    """Turn entries with several names into copies, and links to them."""
    if not rows:
        return
    from .hardlinks import SAME, decide  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # most trees have none

    totals = plan.totals
    for name, action, why, link_to in decide(rows):
        _action, kind, own, size, _why, other = name.item
        if action == SAME:
            totals.unchanged += 1
            continue
        if action == METADATA:
            totals.metadata += 1
        elif action == CORRUPTED:
            totals.corrupted += 1
        else:
            totals.created += action == CREATED
            totals.updated += action == UPDATED
            if link_to:
                size = 0
            else:
                totals.copy_bytes += size
                totals.grow(name.new_bytes, name.old_bytes if name.there is not None else None, rules.keeps_replaced)
        packed = pack(name.folder, name.other_folder, [(action, kind, own, size, why, other, link_to)])
        if action == CORRUPTED:
            plan.stages[KEPT].append(packed)
        elif name.stage == REPLACE:
            plan.stages[REPLACE].append(packed)
        elif link_to:
            plan.stages[LINK].append(packed)
        elif size >= LARGE:
            large.append((size, packed))
        else:
            plan.stages[COPY].append(packed)


def _delete(plan: SyncPlan, doomed: t.List[str], staying: t.List[str]) -> None:
    """Decide which directories go; none, and nothing else either, when something could not be looked at."""
    if plan.failures and not plan.no_deletions:
        plan.no_deletions = "not everything can be copied"
    if plan.no_deletions:
        plan.stages[REMOVE].clear()
        plan.totals.deleted = plan.totals.deleted_bytes = 0
        for batch in list(plan.batches((REPLACE,))):
            _give_up(plan, batch.folder, batch.items, _NO_ROOM % plan.no_deletions)
        plan.stages[REPLACE].clear()
        return
    stay: t.Set[str] = set()
    for folder in staying:
        while folder and folder not in stay:
            stay.add(folder)
            folder = folder[: folder.rfind("/", 0, -1) + 1]
    gone = set(doomed)
    gone -= stay
    kept = []
    for packed in plan.stages[REPLACE]:
        batch = unpack(packed)
        item = batch.items[0]
        there = plan.dest_folder(batch.folder, batch.other) + (item.other or item.name) + "/"
        gone.discard(there)
        if there in stay:
            _give_up(plan, batch.folder, batch.items, "a directory with entries that stay is in the way in dest")
        else:
            kept.append(packed)
    plan.stages[REPLACE] = kept
    plan.totals.deleted += len(gone)
    _remove_folders(plan, gone)


def _give_up(plan: SyncPlan, folder: str, items: t.Sequence[t.Any], reason: str) -> None:
    totals = plan.totals
    for item in items:
        totals.updated -= 1
        totals.copy_bytes -= item.size
        totals.replaced_entries -= 1
        plan.failures.append(Failure(folder + item.name, "refused", reason))


def _remove_folders(plan: SyncPlan, folders: t.Set[str]) -> None:
    """Directories in the order in which they can be removed: the deepest first, those of one parent together."""
    by_parent: t.Dict[str, t.List[t.Tuple[t.Any, ...]]] = {}
    for folder in sorted(folders):
        parent, _slash, name = folder[:-1].rpartition("/")
        by_parent.setdefault(parent + "/" if parent else "", []).append((DELETED, DIRECTORY, name, 0, EXTRA))
    for parent in sorted(by_parent, key=lambda path: -path.count("/")):
        plan.stages[REMOVE_FOLDERS].extend(packed for _weight, packed in pack_folder(parent, None, by_parent[parent]))
