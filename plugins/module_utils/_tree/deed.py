# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan carried out, stage by stage.

Private to this collection.
"""

from __future__ import annotations

import os
import time
import typing as t

from .._errors import FleetproofError, kind_of_os_error, reason_of_os_error
from .._medium import sync_file_system
from .._plan.plan import FILE, Item
from .._plan.run import Done
from .._share import Gauge, work_off
from .acting import Actor, Trees, act, effort_of
from .apply import Applier
from .attic import Attic, Vault, open_vault
from .copy import Pace, _discard
from .finish import Finisher, finish_late
from .ledger import COPY, LINK, OBSTACLES, REMOVE, REMOVE_FOLDERS, REPLACE, SWEEP
from .reading import SourceError
from .remove import Remover
from .sync_options import Request
from .sync_plan import SyncPlan

if t.TYPE_CHECKING:
    from .._progress import Progress

# folder in src, folder in dest, item, temporary name, size
_Prepared = t.Tuple[str, str, Item, str, int]


class Deed:
    """Carries out one plan on one dest."""

    def __init__(self, request: Request, plan: SyncPlan, source: int, dest: int, progress: t.Optional[Progress]) -> None:
        self.request = request
        self.plan = plan
        self.trees = Trees(source, dest, plan, request.preserve, os.getpid(), request.workers)
        self.progress = progress
        self.vault: t.Optional[Vault] = None
        # Copies that wait for a directory to make room for them
        self.prepared: t.List[_Prepared] = []
        self.strayed = False
        # Entries and bytes that earlier stages did
        self.before = (0, 0)
        # Copies get the very mode that they are asked to have, from ``make`` to ``finish``.
        self.umask: t.Optional[int] = None
        if progress is not None:
            self.trees.watch = self._watch

    def close(self) -> None:
        """Done."""
        self._restore_umask()
        if self.vault is not None:
            self.vault.close()

    def _restore_umask(self) -> None:
        if self.umask is not None:
            os.umask(self.umask)
            self.umask = None

    def make(self, done: Done) -> None:
        """Everything but deletions."""
        plan, request = self.plan, self.request
        if request.backup_dir is not None and (plan.totals.updated or plan.totals.deleted):
            inside = request.backup_dir_in_dest
            self.vault = open_vault(request.backup_dir, time.time(), None if inside is None else (self.trees.dest, inside))
        self.umask = os.umask(0)
        self._remove((SWEEP, OBSTACLES), done, False)
        began = time.monotonic()
        effort = effort_of(plan, COPY, plan.totals.copy_bytes)

        def make_applier(gauge: Gauge) -> Applier:
            pace = None if request.bwlimit is None else Pace(gauge, request.bwlimit, began)
            return self._applier(gauge, effort, request.fsync == "file", pace)

        self._collect(done, act(self.trees, (COPY,), make_applier))
        if plan.stages[LINK]:
            self._link(done)
        if plan.stages[REPLACE]:
            self._prepare(done)
        if request.fsync == "end" and plan.totals.deleted:
            # What takes the place of what goes has to be safe first.
            self._sync(done)

    def remove(self, done: Done) -> None:
        """What is to go from dest, and what takes the place of directories that went."""
        self._remove((REMOVE,), done, True)
        self._remove((REMOVE_FOLDERS,), done, False)
        applier = self._applier(Gauge(1), 0, False, None)
        applier.failed_before = frozenset(failure.path for failure, _action in done.failures)
        # Links last: what they lead to may be among the others.
        for folder, where, item, temporary, size in sorted(self.prepared, key=lambda prepared: prepared[2].link_to):
            try:
                dest_fd = applier.dest.open(where)
                name = item.other or item.name
                if item.link_to:
                    temporary, size = applier.prepare(folder, item, -1, dest_fd)
                applier.copier.step = "the directory in its place cannot be removed"
                state = os.stat(name, dir_fd=dest_fd, follow_symlinks=False)
                os.rmdir(name, dir_fd=dest_fd)
                if applier.attic is not None:
                    applier.attic.keep_folder(where + name + "/", state)
                applier.give_name(where, item, temporary, size, dest_fd, cleared=True)
            except (OSError, FleetproofError) as error:
                applier.fail_by(folder, item, error, applier.copier.step)
        self.prepared.clear()
        self._collect(done, [applier.result()])

    def finish(self, done: Done) -> None:
        """Looks of directories, and what there is to tidy up."""
        self._give_up_prepared(done)
        effort = 16 * len(self.plan.finish)

        def make_finisher(gauge: Gauge) -> Finisher:
            return Finisher(self.trees, gauge, effort, self.request.fsync == "file")

        late = []
        for failures, rest in work_off(list(range(len(self.plan.finish))), make_finisher, self.trees.workers):
            self._failed(done, failures)
            late.extend(rest)
        if late:
            finisher = make_finisher(Gauge(1))
            finish_late(finisher, late)
            self._failed(done, finisher.result()[0])
        if self.request.fsync != "none":
            self._sync(done)
        self._restore_umask()

    def _applier(self, gauge: Gauge, effort: int, sync_each: bool, pace: t.Optional[Pace]) -> Applier:
        applier = Applier(self.trees, gauge, effort, self.request.verify != "none", sync_each, pace, None)
        applier.attic = self._attic(applier)
        return applier

    def _attic(self, actor: Actor) -> t.Optional[Attic]:
        return None if self.vault is None else Attic(self.vault, actor.gauge, actor.alive)

    def _collect(self, done: Done, results: t.List[t.Any]) -> None:
        for failures, size, verified, strayed in results:
            self._failed(done, failures)
            done.bytes_copied += size
            done.verified += verified
            self.strayed = self.strayed or strayed

    @staticmethod
    def _failed(done: Done, failures: t.List[t.Tuple[str, str, str, int]]) -> None:
        for failure in failures:
            done.fail(*failure)

    def _link(self, done: Done) -> None:
        """Further names of files; those whose file could not be copied fail with it."""
        failed = frozenset(failure.path for failure, _action in done.failures)
        effort = effort_of(self.plan, LINK)

        def make_linker(gauge: Gauge) -> Applier:
            applier = self._applier(gauge, effort, False, None)
            applier.failed_before = failed
            return applier

        self._collect(done, act(self.trees, (LINK,), make_linker))

    def _prepare(self, done: Done) -> None:
        """Copies that take the place of directories are made before those go."""
        applier = self._applier(Gauge(1), 0, False, None)
        for batch in self.plan.batches((REPLACE,)):
            item = batch.items[0]
            where = self.plan.dest_folder(batch.folder, batch.other)
            applier.copier.step = "cannot be written"
            try:
                source_fd, dest_fd = applier.source.open(batch.folder), applier.dest.open(where)
                applier.dest.allow(dest_fd)
                applier.copier.enter(dest_fd)
                temporary, size = ("", 0) if item.link_to else applier.prepare(batch.folder, item, source_fd, dest_fd)
                self.prepared.append((batch.folder, where, item, temporary, size))
                if self.request.fsync == "file" and item.kind == FILE and temporary:
                    _sync_file(temporary, dest_fd)
            except (OSError, SourceError, FleetproofError) as error:
                applier.fail_by(batch.folder, item, error, applier.copier.step)
        self._collect(done, [applier.result()])

    def _give_up_prepared(self, done: Done) -> None:
        """Copies that found no place: the directory stays, as nothing is deleted after a failure."""
        applier = self._applier(Gauge(1), 0, False, None)
        for folder, where, item, temporary, _size in self.prepared:
            try:
                if temporary:
                    _discard(temporary, applier.dest.open(where))
            except OSError:
                # Its folder is gone, and it went with it.
                pass
            applier.fail(folder, item, "refused", "a directory is in the way in dest; it stays, as nothing is deleted: not everything could be copied")
        self.prepared.clear()
        self._collect(done, [applier.result()])

    def _remove(self, stages: t.Sequence[int], done: Done, parallel: bool) -> None:
        if not any(self.plan.stages[stage] for stage in stages):
            return
        effort = sum(effort_of(self.plan, stage) for stage in stages)

        def make_remover(gauge: Gauge) -> Remover:
            remover = Remover(self.trees, gauge, effort, None)
            remover.attic = self._attic(remover)
            return remover

        for failures in act(self.trees, stages, make_remover, parallel):
            self._failed(done, failures)

    def _sync(self, done: Done) -> None:
        """Everything that was written goes to the medium; an error there is an error of the run, and turns deletions off."""
        try:
            sync_file_system(self.trees.dest, self.strayed)
            if self.vault is not None:
                sync_file_system(self.vault.here, False)
        except OSError as error:
            done.fail(".", kind_of_os_error(error), "dest cannot be written to its medium: %s" % reason_of_os_error(error), -1)

    def _watch(self, gauge: Gauge) -> None:
        if self.progress is not None and self.progress.due():
            totals = self.plan.totals
            entries, size = gauge.totals()
            planned = totals.created + totals.updated + totals.metadata + totals.deleted
            self.progress.tell(entries, size, planned - entries, totals.copy_bytes - size, self.trees.at)


def _sync_file(name: str, directory: int) -> None:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
