# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ftp_transfer: makes a directory of this host hold what one of a server holds, or the reverse.

Private to this collection.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
import typing as t

from .._descent import nearest, open_root
from .._errors import FleetproofError, kind_of_os_error, reason_of_os_error
from .._lock import held
from .._medium import sync_file_system
from .._module import Outcome, Task
from .._plan.guards import Space, check_deletions, check_not_empty, check_space, is_elastic
from .._plan.report import Report, list_failures
from .._plan.run import Done, Run, run
from .._values import display_name
from .act import Deed, Tally
from .client import Client
from .ends import Ends, ends_of_download, ends_of_upload
from .entries import Entry
from .local import LocalSide, make_directories
from .options import site_of
from .pace import Pace
from .planner import Rules
from .pool import Line, Pool
from .remote import RemoteSide, parent_of
from .routes import Download, Route, Upload
from .survey import REPLACE, TAKE, Sides, Survey, TransferPlan
from .transfer_options import Request, request_of
from .ways import Ways, temporary_for

if t.TYPE_CHECKING:
    from .._progress import Progress


# What another host sends is written to again within this time, in nanoseconds, or nobody works at it any more.
_AT_WORK = 3600 * 10**9


def transfer(task: Task) -> Outcome:
    """Do what the options of ftp_transfer ask for. Raises FleetproofError when nothing could be said at all."""
    began = time.monotonic()
    request = request_of(task.params)
    site, warnings = site_of(task.params)
    with contextlib.ExitStack() as stack:
        pool = Pool(site, request.parallel)
        stack.callback(pool.close)
        job = _job(request, pool, stack, None if task.check_mode else _progress(request, stack))
        went = run(job, task.check_mode)
        report = job.report(went)
        rows, more_actions = report.rows()
        failed, more_failed = list_failures(report.failures, request.max_listed)
        seconds = time.monotonic() - began
        counts = report.counts
        result: t.Dict[str, t.Any] = {
            "counts": counts,
            "actions": [{"path": path, "action": action, "why": why, "size": size} for path, action, why, size, _line in rows],
            "guard": None if went.guard is None else went.guard.guard,
            "failed_files": failed,
            "bytes_moved": report.bytes_copied,
            "resumed": job.tally.resumed,
            "verified": 0 if went.done is None else went.done.verified,
            "leftovers": report.plan.totals.leftovers,
            "connections": pool.used,
            "features": job.features,
            "archive": job.archive(went),
            "duration": round(seconds, 3),
            "truncated": more_actions or more_failed,
            "msg": sentence(request.upload, went.done is None, job.files(went), counts, report.bytes_copied, pool.used, seconds),
        }
        diff = report.diff(rows, more_actions) if task.diff_mode else None
        return Outcome(changed=report.changed, result=result, diff=diff, warnings=[*warnings, *job.warnings()], failure=report.failure())


def _job(request: Request, pool: Pool, stack: contextlib.ExitStack, progress: t.Optional[Progress]) -> TransferJob:
    """What the options ask for."""
    if request.archive is None:
        return TransferJob(request, pool, stack, progress)
    from .archive import ArchiveJob  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # it imports this file

    return ArchiveJob(request, pool, stack, progress, request.archive)


def sentence(upload: bool, planned: bool, files: int, counts: t.Mapping[str, int], size: int, connections: int, seconds: float) -> str:
    """RV(msg): the run in one line."""
    verb = "upload" if upload else "download"
    verb = "would %s" % verb if planned else verb + "ed"
    lines = _number(connections, "connection", "connections")
    parts = ["%s %s (%s) over %s in %.1f s" % (verb, _number(files, "file", "files"), _human(size), lines, seconds)]
    parts += ["%s %d" % (name, counts[name]) for name in ("deleted", "removed", "failed") if counts[name]]
    parts.append("%d unchanged" % counts["unchanged"])
    return ", ".join(parts)


def _number(number: int, one: str, many: str) -> str:
    return "%d %s" % (number, one if number == 1 else many)


def _human(size: int) -> str:
    number, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if number < 1024:
            break
        number, unit = number / 1024, larger
    return "%d B" % size if unit == "B" else "%.1f %s" % (number, unit)


def _progress(request: Request, stack: contextlib.ExitStack) -> t.Optional[Progress]:
    if request.progress_path is None:
        return None
    from .._progress import Progress  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # few tasks need it

    progress = Progress(request.progress_path, "ftp_transfer")

    def end(kind: t.Any, _error: t.Any, _trace: t.Any) -> None:
        progress.end("finished" if kind is None else "failed")

    stack.push(end)
    return progress


class TransferJob:
    """The steps of the one order for a server and a directory of this host."""

    def __init__(self, request: Request, pool: Pool, stack: contextlib.ExitStack, progress: t.Optional[Progress]) -> None:
        """Connects, and finds out what src and dest are; ``stack`` closes what is opened."""
        self.request = request
        self.pool = pool
        self.stack = stack
        self.progress = progress
        self.features: t.Dict[str, t.Any] = {}
        self.tally = Tally()
        # Directories that were made for dest, and whether it came to deletions
        self.made: t.List[str] = []
        self.removes = False
        self.plan_made: t.Optional[TransferPlan] = None
        self.sets_times = True
        self.ends = pool.first.attempt(self._look)
        # The directory of this host, where it is there
        self.root: t.Optional[int] = None
        here = self.ends.src if request.upload else self.ends.dest
        if request.upload or os.path.isdir(here):
            self.root = open_root(here, "src" if request.upload else "dest")
            stack.callback(os.close, self.root)
        self.space = None if request.upload else Space.at(nearest(here))
        self.deed: t.Optional[Deed] = None

    def _look(self, client: Client) -> Ends:
        self.features = client.features.as_result()
        self.sets_times = not self.request.upload or client.features.mfmt
        return (ends_of_upload if self.request.upload else ends_of_download)(client, self.request)

    @contextlib.contextmanager
    def locked(self, check_mode: bool) -> t.Iterator[None]:
        """Keep other runs off dest; a directory that is not there yet is locked when it is made."""
        ends = self.ends
        if self.request.upload or ends.file is not None:
            with held_by_name(self._key(), "is at work on %s" % display_name(os.path.join(ends.dest, ends.name)), check_mode):
                yield
        elif self.root is not None:
            with held(self.root, ends.dest, check_mode):
                yield
        else:
            yield

    def _key(self) -> str:
        ends, site = self.ends, self.pool.site
        if self.request.upload:
            return "\0".join(("upload", site.endpoint.host, str(site.endpoint.port), site.username, ends.dest, ends.name))
        return "\0".join(("download", os.path.realpath(ends.dest), ends.name))

    def before(self) -> None:
        """There is no guard that needs no plan."""

    def rules(self) -> Rules:
        """What the plan goes by."""
        request, ends = self.request, self.ends
        single = ends.file is not None

        def temporary(entry: Entry) -> str:
            return temporary_for(ends.name or entry.name, entry)

        return Rules(
            times=request.preserve_mtime and self.sets_times,
            sizes=not request.ascii,
            window=request.window,
            recursive=request.recursive and not single,
            delete=request.delete and not single,
            take=request.remove_source,
            block=1 if self.space is None else self.space.block,
            keep=None if single else request.keep,
            single=single,
            other=ends.name if ends.file is not None and ends.name != ends.file.name else "",
            temporary=temporary if request.resume else None,
            in_use_since=time.time_ns() - _AT_WORK if request.upload else None,
        )

    def sides(self, line: Line) -> Sides:
        """src and dest, for one line."""
        ends = self.ends
        if ends.file is not None:
            return ends.listed_src, ends.listed_dest
        if self.request.upload:
            return LocalSide(self.root, ends.src, "src"), RemoteSide(line, ends.dest)
        return RemoteSide(line, ends.src), LocalSide(self.root, ends.dest, "dest")

    def plan(self) -> TransferPlan:
        """Look at both sides."""
        survey = Survey(self.pool, self.sides, self.rules())
        progress = self.progress

        def watch() -> None:
            if progress is not None and progress.due():
                progress.tell(survey.entries, 0, 0, 0, survey.at)

        self.plan_made = survey.run(watch)
        return self.plan_made

    def guard(self, plan: TransferPlan) -> None:
        """Hold the plan against the limits."""
        request, totals = self.request, plan.totals
        if request.require_nonempty_src and not plan.failures and not request.remove_source:
            check_not_empty(totals)
        check_deletions(totals, request.max_delete, request.max_delete_size)
        if self.space is not None:
            check_space(totals, self.space, request.parallel, request.min_free, lambda: is_elastic(nearest(self.ends.dest)))

    def act(self, plan: TransferPlan, done: Done) -> None:
        """Make and change what the plan says."""
        self._make_dest()
        pace = None if self.request.bwlimit is None else Pace(self.request.bwlimit)
        self.deed = Deed(
            self.pool, plan, self.route, lambda note: self.ways(pace, note), self.tally, None if self.progress is None else self._watch, self.request.upload
        )
        self.deed.make(done)
        goes = plan.totals.removed or plan.totals.deleted or plan.totals.replaced_entries
        # What takes the place of what goes has to be safe first.
        safe = self._sync(done) if goes else True
        if safe:
            self.deed.take(done)
        else:
            self.deed.refuse(done, TAKE, "it stays in src, as dest cannot be written to its medium")

    def ways(self, pace: t.Optional[Pace], note: t.Callable[[int], None]) -> Ways:
        """How files are moved by one line."""
        request = self.request
        return Ways(request.resume, request.atomic, request.preserve_mtime, request.verify, request.ascii, pace, note, sync=False)

    def route(self, line: Line) -> Route:
        """The steps of one line."""
        if self.root is None:
            raise ValueError("there is no directory yet")
        if self.request.upload:
            return Upload(line, self.root, self.ends.dest)
        return Download(line, self.ends.src, self.root)

    def delete(self, plan: TransferPlan, done: Done) -> None:
        """Take from dest what the plan says."""
        self.removes = True
        if self.deed is not None and plan.totals.deleted + plan.totals.replaced_entries:
            self.deed.remove(done)

    def finish(self, plan: TransferPlan, done: Done) -> None:
        """Everything goes to the medium; directories that were made for nothing go again."""
        self._sync(done)
        if done.failures and not self.removes and self.deed is not None:
            self.deed.refuse(done, REPLACE, "a directory is in the way in dest; it stays, as nothing is deleted after a failure")
        if self.ends.file is not None and done.failures:
            for path in reversed(self.made):
                try:
                    self._unmake(path)
                except (OSError, FleetproofError):
                    # There is something in it.
                    break

    def _unmake(self, path: str) -> None:
        if self.request.upload:
            self.pool.first.attempt(lambda client: client.remove_directory(path))
        else:
            os.rmdir(path)

    def verify(self, plan: TransferPlan, done: Done) -> None:
        """Each file was verified when it was moved."""

    def _sync(self, done: Done) -> bool:
        if self.request.upload or self.root is None:
            return True
        try:
            sync_file_system(self.root, False)
            return True
        except OSError as error:
            done.fail(".", kind_of_os_error(error), "dest cannot be written to its medium: %s" % reason_of_os_error(error), -1)
            return False

    def report(self, went: Run[TransferPlan]) -> Report:
        """What the run says of itself."""
        return Report(went, self.request.max_listed)

    def files(self, went: Run[TransferPlan]) -> int:
        """How many files were moved, or in check mode would be."""
        if went.done is not None:
            return self.tally.moved
        return 0 if went.plan is None else went.plan.files

    def archive(self, went: Run[TransferPlan]) -> t.Optional[t.Dict[str, t.Any]]:
        """RV(archive)."""
        return None

    def _make_dest(self) -> None:
        """The directory that dest is, and those above it."""
        dest = self.ends.dest
        if self.request.upload:
            if self._dest_is_new():
                self.pool.first.attempt(lambda client: make_on_server(client, dest, self.made))
        elif self.root is None:
            self.made = make_directories(dest)
            self.root = open_root(dest, "dest")
            self.stack.callback(os.close, self.root)
            if self.ends.file is None and self.request.archive is None:
                self.stack.enter_context(held(self.root, dest, False))

    def _dest_is_new(self) -> bool:
        plan = self.plan_made
        return plan is not None and plan.new_root

    def _watch(self, tally: Tally) -> None:
        plan, progress = self.plan_made, self.progress
        if plan is not None and progress is not None and progress.due():
            totals = plan.totals
            planned = totals.created + totals.updated + totals.deleted + totals.removed + totals.leftovers
            progress.tell(tally.entries, tally.bytes, planned - tally.entries, totals.copy_bytes - tally.bytes, tally.name)

    def warnings(self) -> t.List[str]:
        """What is worth knowing and no error."""
        found = list(self.pool.warnings)
        plan = self.plan_made
        if self.progress is not None and self.progress.failed is not None:
            found.append(self.progress.failed)
        if self.pool.fewer is not None:
            found.append(self.pool.fewer)
        if plan is not None and plan.aside:
            found.append(
                "%s no part: symbolic links and special files are neither transferred nor deleted" % _number(plan.aside, "entry takes", "entries take")
            )
        if plan is not None and plan.unseen:
            found.append(
                "The server does not show names that begin with a dot, so %s in dest, as src may have the same; remove by hand what it does not have"
                % _number(plan.unseen, "entry of that kind stays", "entries of that kind stay")
            )
        if plan is not None and plan.timeless:
            found.append(
                "The server tells no time of %s, which went by size alone: a change that keeps the size is not seen" % _number(plan.timeless, "file", "files")
            )
        if self.tally.times_lost and self.sets_times:
            who = "The server, though it says that it knows MFMT," if self.request.upload else "The file system of dest"
            lost = _number(self.tally.times_lost, "file", "files")
            found.append("%s did not take over the time of %s, so that they will be moved again the next time; set preserve_mtime to false" % (who, lost))
        return found


def make_on_server(client: Client, path: str, made: t.List[str]) -> None:
    """Make a directory, and those above it that are missing; ``made`` gets them, the topmost first."""
    wanted: t.List[str] = []
    at: t.Optional[str] = path
    while at not in (None, "", "/") and client.stat(at) is None:
        wanted.append(at)
        at = parent_of(at)
    for missing in reversed(wanted):
        client.make_directory(missing)
        made.append(missing)


@contextlib.contextmanager
def held_by_name(key: str, what: str, look_only: bool) -> t.Iterator[None]:
    """A lock among the runs of this user on this host, for what is no directory of this host."""
    from .._state import Lock, state_directory  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # few tasks need it

    name = hashlib.sha256(os.fsencode(key)).hexdigest()[:32]
    path = os.path.join(state_directory(), "ftp_transfer", name + ".lock")
    if look_only and not os.path.exists(path):
        yield
        return
    with Lock(path, what):
        if not look_only:
            yield
            return
    yield
