# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""backup_sync: makes one directory hold what another holds.

Private to this collection.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
import typing as t

from .._descent import nearest, open_root
from .._errors import FleetproofError, from_os_error
from .._lock import held
from .._module import Outcome, Task
from .._plan.guards import Space, check_deletions, check_mountpoint, check_not_empty, check_sentinel, check_shrink, check_space, is_elastic
from .._plan.run import Done, run
from .._share import Gauge
from .._values import display_name
from .rules import Rules
from .sync_options import Request, check_apart, request_of
from .sync_plan import SyncPlan, make_plan
from .walk import Keep, WalkOptions

if t.TYPE_CHECKING:
    from .._progress import Progress
    from .deed import Deed

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def sync(task: Task) -> Outcome:
    """Do what the options of backup_sync ask for. Raises FleetproofError when nothing could be said at all."""
    began = time.monotonic()
    request = request_of(task.params)
    check_apart(request.src, request.dest, request.backup_dir)
    with contextlib.ExitStack() as stack:
        job = SyncJob(request, stack, None if task.check_mode else _progress(request, stack))
        went = run(job, task.check_mode)
    from .._plan.report import Report, list_failures  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # not before it is wanted

    report = Report(went, request.max_listed)
    rows, more_actions = report.rows()
    failed, more_failed = list_failures(report.failures, request.max_listed)
    done = went.done
    result: t.Dict[str, t.Any] = {
        "counts": report.counts,
        "actions": [{"path": path, "action": action, "why": why, "size": size} for path, action, why, size, _line in rows],
        "guard": None if went.guard is None else went.guard.guard,
        "failed_files": failed,
        "bytes_copied": report.bytes_copied,
        "verified": 0 if done is None else done.verified,
        "leftovers": report.plan.totals.leftovers,
        "engine": "native",
        "duration": round(time.monotonic() - began, 3),
        "truncated": more_actions or more_failed,
    }
    diff = report.diff(rows, more_actions) if task.diff_mode else None
    return Outcome(changed=report.changed, result=result, diff=diff, warnings=job.warnings, failure=report.failure())


def _progress(request: Request, stack: contextlib.ExitStack) -> t.Optional[Progress]:
    if request.progress_path is None:
        return None
    from .._progress import Progress  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # few tasks need it

    progress = Progress(request.progress_path, "backup_sync")

    def end(kind: t.Any, _error: t.Any, _trace: t.Any) -> None:
        progress.end("finished" if kind is None else "failed")

    stack.push(end)
    return progress


class SyncJob:
    """The steps of the one order for two directories of this host."""

    def __init__(self, request: Request, stack: contextlib.ExitStack, progress: t.Optional[Progress]) -> None:
        """Opens both roots; ``stack`` closes them."""
        self.request = request
        self.stack = stack
        self.progress = progress
        self.warnings: t.List[str] = []
        self.source = open_root(request.src, "src")
        stack.callback(os.close, self.source)
        self.dest: t.Optional[int] = None
        if os.path.lexists(request.dest):
            self.dest = open_root(request.dest, "dest")
            stack.callback(os.close, self.dest)
        self.space = Space.at(nearest(request.dest) if self.dest is None else self.dest)
        self.deed: t.Optional[Deed] = None

    @contextlib.contextmanager
    def locked(self, check_mode: bool) -> t.Iterator[None]:
        """Keep other runs off dest; one that is not there yet is locked when it is made."""
        if self.request.lock and self.dest is not None:
            with held(self.dest, self.request.dest, check_mode):
                yield
        else:
            yield

    def before(self) -> None:
        """Guards that need no plan."""
        if self.request.mountpoint is not None:
            check_mountpoint(self.request.mountpoint)
        if self.request.sentinel is not None:
            check_sentinel(self.request.sentinel)
        if self.request.mountpoint is not None or self.request.sentinel is not None:
            self._check_still_there()

    def _check_still_there(self) -> None:
        """What was looked at by its path is what will be copied, and not something that was mounted over it meanwhile."""
        if not os.path.samestat(os.stat(self.request.src), os.fstat(self.source)):
            raise FleetproofError("changed_underfoot", "src (%s) became another directory just now; nothing was done" % display_name(self.request.src))

    def rules(self) -> Rules:
        """What the plan goes by."""
        request = self.request
        above = os.stat(nearest(request.dest))
        return Rules(
            preserve=request.preserve,
            method=request.method,
            window=request.window,
            delete=request.delete,
            delete_excluded=request.delete_excluded,
            overwrite_rot=request.overwrite_rot,
            count_extra=request.max_shrink is not None,
            sweep=request.lock,
            reserved=frozenset(() if request.backup_dir_in_dest is None else (request.backup_dir_in_dest,)),
            nearest=(above.st_dev, above.st_ino),
            block=self.space.block,
            keeps_replaced=request.backup_dir is not None,
        )

    def _walk_options(self, rules: Rules) -> WalkOptions:
        options = self.request.walk
        return dataclasses.replace(options, keep=_without(rules.reserved, options.keep)) if rules.reserved else options

    def plan(self) -> SyncPlan:
        """Walk both trees."""
        rules = self.rules()
        return make_plan(self.source, self.dest, rules, self._walk_options(rules), self.request.workers, self._watch_plan())

    def guard(self, plan: SyncPlan) -> None:
        """Hold the plan against the limits."""
        request, totals = self.request, plan.totals
        if request.require_nonempty_src and not plan.failures:
            check_not_empty(totals)
        if request.max_shrink is not None:
            from .shrink import last_time  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # few tasks need it

            before, since = last_time(request.src, request.dest) or ((totals.dest_entries, totals.dest_bytes), "and in dest")
            check_shrink(totals, request.max_shrink, before, since)
        check_deletions(totals, request.max_delete, request.max_delete_size)
        check_space(totals, self.space, request.workers, request.min_free, lambda: is_elastic(nearest(request.dest)))

    def act(self, plan: SyncPlan, done: Done) -> None:
        """Make and change what the plan says."""
        from .deed import Deed  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # not before there is something to do

        dest = self._make_dest() if self.dest is None else self.dest
        self.deed = Deed(self.request, plan, self.source, dest, self.progress)
        self.stack.callback(self.deed.close)
        self.deed.make(done)

    def delete(self, plan: SyncPlan, done: Done) -> None:
        """Take from dest what the plan says."""
        if self.deed is not None:
            self.deed.remove(done)

    def finish(self, plan: SyncPlan, done: Done) -> None:
        """Directories get their looks, and everything goes to the medium."""
        if self.deed is not None:
            self.deed.finish(done)

    def verify(self, plan: SyncPlan, done: Done) -> None:
        """Compare both trees again where that was asked for, and remember how large the source was."""
        if self.request.verify == "all":
            self._verify_all(plan, done)
        if self.request.max_shrink is not None and not plan.failures and not done.failures:
            from .shrink import remember  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # few tasks need it

            try:
                remember(self.request.src, self.request.dest, plan.totals.src_entries, plan.totals.src_bytes)
            except (OSError, FleetproofError) as error:
                self.warnings.append("max_shrink will go by an older size of src next time, as this one could not be noted: %s" % error)

    def _verify_all(self, plan: SyncPlan, done: Done) -> None:
        from .verify import verify_all  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # few tasks need it

        rules = self.rules()
        rules = rules._replace(delete=rules.delete and not plan.no_deletions and not done.no_deletions)
        verify_all(plan, done, self.source, self.dest, rules, self._walk_options(rules), self.request.workers)

    def _make_dest(self) -> int:
        """Make dest for this run alone."""
        path = self.request.dest
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.mkdir(path, 0o700)
            dest = self.dest = os.open(path, _FLAGS | os.O_NOFOLLOW)
        except FileExistsError as error:
            raise FleetproofError("busy", "%s was not there a moment ago: another run is making it; try again when it is done" % display_name(path)) from error
        except OSError as error:
            raise from_os_error(error, "make dest (%s)" % display_name(path)) from error
        self.stack.callback(os.close, dest)
        if self.request.lock:
            self.stack.enter_context(held(dest, path, False))
        return dest

    def _watch_plan(self) -> t.Optional[t.Callable[[Gauge], None]]:
        progress = self.progress
        if progress is None:
            return None

        def watch(gauge: Gauge) -> None:
            if progress.due():
                entries, size = gauge.totals()
                progress.tell(entries, size, 0, 0, "")

        return watch


def _without(reserved: t.FrozenSet[str], keep: t.Optional[Keep]) -> Keep:
    """``keep`` that leaves out our own paths as well."""

    def kept(path: str, is_directory: bool) -> bool:
        return path not in reserved and (keep is None or keep(path, is_directory))

    return kept
