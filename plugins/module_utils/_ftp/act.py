# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan carried out over several connections.

Private to this collection.
"""

from __future__ import annotations

import threading
import typing as t

from .._errors import FleetproofError, from_os_error
from .._plan.plan import CREATED, DIRECTORY, REMOVED, UPDATED, Item
from .._plan.run import Done
from .planner import entry_of
from .pool import Line, Pool
from .routes import Route
from .survey import COPY, MAKE, REMOVE, REMOVE_FOLDERS, REPLACE, SWEEP, TAKE, TransferPlan
from .ways import Ways

# A source that changes all the time is looked at again so often.
_LOOKS = 3


class Tally:
    """What all threads together have done so far."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.entries = 0
        # Bytes over the wire, also those of attempts that failed
        self.bytes = 0
        self.resumed = 0
        # Files that arrived
        self.moved = 0
        # The file at hand
        self.name = ""
        # Times that the server was asked to set, and did not
        self.times_lost = 0
        # The error after which nothing more is written
        self.full: t.Optional[FleetproofError] = None


class Deed:
    """Carries out one plan."""

    def __init__(
        self,
        pool: Pool,
        plan: TransferPlan,
        route: t.Callable[[Line], Route],
        ways: t.Callable[[t.Callable[[int], None]], Ways],
        tally: Tally,
        watch: t.Optional[t.Callable[[Tally], None]],
    ) -> None:
        """``route`` makes the steps of one line; ``ways`` how its files are moved, from who is told of the bytes."""
        self.pool = pool
        self.plan = plan
        self.route = route
        self.ways = ways
        self.tally = tally
        self.watch = None if watch is None else lambda: watch(self.tally)
        # Directories that could not be made, as folders
        self.unmade: t.Set[str] = set()
        self.failed: t.Set[str] = set()

    def make(self, done: Done) -> None:
        """What is missing in dest, and what is not as in src."""
        totals = self.plan.totals
        self._each((SWEEP,), done, totals.leftovers, lambda hand, folder, item: hand.route.remove(folder, item))
        # In this order: the one above comes before what is in it.
        self._each((MAKE,), done, 1, lambda hand, folder, item: hand.route.make(folder, item))
        self._each((COPY,), done, totals.created + totals.updated, lambda hand, folder, item: hand.move(folder, item))

    def take(self, done: Done) -> None:
        """Files of src that are in dest."""
        self._each((TAKE,), done, self.plan.totals.removed, lambda hand, folder, item: hand.route.take(folder, item))

    def remove(self, done: Done) -> None:
        """What is to go from dest, and what takes the place of directories that went."""
        self._each((REMOVE,), done, self.plan.totals.deleted, lambda hand, folder, item: hand.route.remove(folder, item))
        # The deepest come first.
        self._each((REMOVE_FOLDERS,), done, 1, lambda hand, folder, item: hand.route.remove(folder, item))
        self._each((REPLACE,), done, 1, lambda hand, folder, item: hand.replace(folder, item))

    def _each(self, stages: t.Sequence[int], done: Done, number: int, step: t.Callable[[_Hand, str, Item], None]) -> None:
        if any(self.plan.stages[stage] for stage in stages):
            tasks = ((batch.folder, item) for batch in self.plan.batches(stages) for item in batch.items)
            self.pool.work(tasks, lambda line: _Hand(self, self.route(line), done, step), number, self.watch)

    def fail(self, done: Done, folder: str, item: Item, error: FleetproofError) -> None:
        """One step that could not be done."""
        path = folder + item.name
        with self.tally.lock:
            if item.action in (CREATED, UPDATED):
                self.failed.add(path)
                if item.kind == DIRECTORY:
                    self.unmade.add(path + "/")
                elif self.plan.totals.removed:
                    # Nor is it taken from src.
                    done.fail(path, error.kind, error.message, REMOVED)
                if error.kind == "no_space":
                    self.tally.full = error
            done.fail(path, error.kind, error.message, item.action)

    def check(self, folder: str, item: Item) -> bool:
        """Whether a step is worth trying; False where it was told already that it is not. Raises the error that stands in its way."""
        if item.action == REMOVED:
            return folder + item.name not in self.failed
        if item.action in (CREATED, UPDATED):
            if self.tally.full is not None:
                raise FleetproofError("no_space", "not tried, as there was no room left: %s" % self.tally.full.message)
            at = len(folder)
            while self.unmade and at > 0:
                if folder[:at] in self.unmade:
                    raise FleetproofError("refused", "its directory in dest could not be made")
                at = folder.rfind("/", 0, at - 1) + 1
        return True


class _Hand:
    """Does the steps of one line."""

    def __init__(self, deed: Deed, route: Route, done: Done, step: t.Callable[[_Hand, str, Item], None]) -> None:
        self.deed = deed
        self.route = route
        self.done = done
        self.step = step
        self.moved = 0
        self.ways = deed.ways(self._note)

    def close(self) -> None:
        """No more."""
        self.route.close()

    def do(self, task: t.Tuple[str, Item]) -> t.Iterable[t.Any]:
        """One step; what fails is told, and the next one is done."""
        folder, item = task
        tally = self.deed.tally
        tally.name = folder + item.name
        try:
            if self.deed.check(folder, item):
                self.step(self, folder, item)
        except FleetproofError as error:
            self.deed.fail(self.done, folder, item, error)
        except OSError as error:
            self.deed.fail(self.done, folder, item, from_os_error(error, "finish with it"))
        with tally.lock:
            tally.entries += 1
        return ()

    def _note(self, size: int) -> None:
        self.moved += size
        if size:
            tally = self.deed.tally
            with tally.lock:
                tally.bytes += size

    def move(self, folder: str, item: Item) -> None:
        """One file; one that changed meanwhile is looked at again."""
        entry = entry_of(item)
        for look in range(_LOOKS):
            try:
                moved = self.route.move(folder, item, entry, self.ways, lambda: self.moved)
                break
            except FleetproofError as error:
                if error.kind != "changed_underfoot" or look == _LOOKS - 1:
                    raise
                entry = self.route.look_again(folder, item)
        with self.deed.tally.lock:
            self.deed.tally.moved += 1
            self.deed.tally.resumed += moved.resumed
            self.deed.tally.times_lost += self.ways.preserve_mtime and not moved.time_kept
            self.done.bytes_copied += moved.size
            self.done.verified += moved.verified

    def replace(self, folder: str, item: Item) -> None:
        """A file takes the place of a directory, which is empty by now."""
        self.route.remove(folder, item._replace(kind=DIRECTORY))
        self.move(folder, item._replace(action=CREATED))
