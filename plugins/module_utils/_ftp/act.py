# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan carried out over several connections.

Private to this collection.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import typing as t

from .._errors import FleetproofError, from_os_error
from .._plan.plan import CREATED, DELETED, DIRECTORY, REMOVED, UPDATED, Batch, Item, unpack
from .._plan.run import Done
from .._values import display_name
from .planner import entry_of
from .pool import Line, Pool
from .routes import Route
from .survey import COPY, MAKE, REMOVE, REMOVE_FOLDERS, REPLACE, SWEEP, SWEEP_OLD, TAKE, TransferPlan
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
        upload: bool = False,
    ) -> None:
        """``route`` makes the steps of one line; ``ways`` how its files are moved, from who is told of the bytes."""
        self.upload = upload
        self.pool = pool
        self.plan = plan
        self.route = route
        self.ways = ways
        self.tally = tally
        self.watch = None if watch is None else lambda: watch(self.tally)
        # Directories that could not be made, as folders
        self.unmade: t.Set[str] = set()
        self.failed: t.Set[str] = set()
        # Names that may be one to the server are moved one after the other, so that the second sees the first
        self.alike = threading.Lock()

    def make(self, done: Done) -> None:
        """What is missing in dest, and what is not as in src."""
        plan = self.plan
        self._each(plan.batches((SWEEP,)), done, self._over_lines(plan.totals.leftovers, self.upload), _remove)
        for batches in self._levels(MAKE, False):
            self._each(batches, done, self._over_lines(len(batches), self.upload), _make)
        # A large file is worth a connection of its own.
        number = plan.files + min(plan.files, plan.totals.copy_bytes >> 20)
        self._each(plan.batches((COPY,)), done, number, _move)
        self._each(plan.batches((SWEEP_OLD,)), done, plan.totals.leftovers, _remove)

    def take(self, done: Done) -> None:
        """Files of src that are in dest."""
        self._each(self.plan.batches((TAKE,)), done, self._over_lines(self.plan.totals.removed, not self.upload), _take)

    def remove(self, done: Done) -> None:
        """What is to go from dest, and what takes the place of directories that went."""
        self._each(self.plan.batches((REMOVE,)), done, self._over_lines(self.plan.totals.deleted, self.upload), _remove)
        for batches in self._levels(REMOVE_FOLDERS, True):
            self._each(batches, done, self._over_lines(sum(len(batch.items) for batch in batches), self.upload), _remove)
        self._each(self.plan.batches((REPLACE,)), done, self.plan.totals.replaced_entries, _replace)

    def refuse(self, done: Done, stage: int, reason: str) -> None:
        """Nothing of a stage is done."""
        for batch in self.plan.batches((stage,)):
            for item in batch.items:
                if self.check(batch.folder, item):
                    done.fail(batch.folder + item.name, "refused", reason, item.action)

    @staticmethod
    def _over_lines(number: int, remote: bool) -> int:
        """So many steps, as far as connections are of any use to them."""
        return number if remote else 1

    def _levels(self, stage: int, deepest_first: bool) -> t.Iterator[t.List[Batch]]:
        """Directories that may be made or removed at the same time: those above come before or after."""
        levels: t.Dict[int, t.List[bytes]] = {}
        for packed in self.plan.stages[stage]:
            levels.setdefault(unpack(packed).folder.count("/"), []).append(packed)
        for depth in sorted(levels, reverse=deepest_first):
            yield [unpack(packed) for packed in levels[depth]]

    def _each(self, batches: t.Iterable[Batch], done: Done, number: int, step: _Step) -> None:
        tasks = ((batch.folder, item) for batch in batches for item in batch.items)
        first = next(tasks, None)
        if first is not None:
            self.pool.work(itertools.chain((first,), tasks), lambda line: _Hand(self, self.route(line), done, step), number, self.watch)

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
        if item.action == DELETED and item.other and folder + item.other in self.failed:
            raise FleetproofError("refused", "it is the last whole %s, and stays until the new one has arrived" % display_name(item.other))
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

    def __init__(self, deed: Deed, route: Route, done: Done, step: _Step) -> None:
        self.deed = deed
        self.route = route
        self.done = done
        self.step = step
        # How far earlier attempts had brought the file at hand, in bytes: what was sent and did not stay is no headway
        self.resumed_at = 0
        # Bytes that all attempts together moved of it
        self.noted = 0
        self.ways = deed.ways(self._note)._replace(resumes=self._resumes)

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
                with self.deed.alike if item.alike else contextlib.nullcontext():
                    self.step(self, folder, item)
        except FleetproofError as error:
            self.deed.fail(self.done, folder, item, error)
        except OSError as error:
            self.deed.fail(self.done, folder, item, from_os_error(error, "finish with it"))
        with tally.lock:
            tally.entries += 1
        return ()

    def _resumes(self, at: int) -> None:
        self.resumed_at = max(self.resumed_at, at)

    def _note(self, size: int) -> None:
        self.deed.pool.check()
        if size:
            self.noted += size
            tally = self.deed.tally
            with tally.lock:
                tally.bytes += size

    def move(self, folder: str, item: Item) -> None:
        """One file; one that changed meanwhile is looked at again."""
        entry = entry_of(item)
        self.noted = 0
        for look in range(_LOOKS):
            self.resumed_at = 0
            try:
                moved = self.route.move(folder, item, entry, self.ways, lambda: self.resumed_at)
                break
            except FleetproofError as error:
                if error.kind != "changed_underfoot" or look == _LOOKS - 1:
                    raise
                entry = self.route.look_again(folder, item)
        with self.deed.tally.lock:
            if not moved.verified and self.deed.plan.totals.removed:
                self.deed.failed.add(folder + item.name)
                reason = "it was moved, but could not be verified, so it stays in src; set verify to read_back"
                self.done.fail(folder + item.name, "integrity", reason, REMOVED)
            self.deed.tally.moved += 1
            self.deed.tally.resumed += moved.resumed
            self.deed.tally.times_lost += self.ways.preserve_mtime and entry.mtime is not None and not moved.time_kept
            # Line ends count as they are on the wire.
            self.done.bytes_copied += max(moved.size, self.noted)
            self.done.verified += moved.verified

    def replace(self, folder: str, item: Item) -> None:
        """A file takes the place of a directory, which is empty by now."""
        self.route.remove(folder, item._replace(kind=DIRECTORY))
        self.move(folder, item._replace(action=CREATED))


_Step = t.Callable[[_Hand, str, Item], None]


def _make(hand: _Hand, folder: str, item: Item) -> None:
    hand.route.make(folder, item)


def _move(hand: _Hand, folder: str, item: Item) -> None:
    hand.move(folder, item)


def _take(hand: _Hand, folder: str, item: Item) -> None:
    hand.route.take(folder, item)


def _remove(hand: _Hand, folder: str, item: Item) -> None:
    hand.route.remove(folder, item)


def _replace(hand: _Hand, folder: str, item: Item) -> None:
    hand.replace(folder, item)
