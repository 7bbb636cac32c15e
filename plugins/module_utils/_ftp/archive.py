# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ftp_transfer into an archive: makes a zip or tar file of this host hold what a directory of a server holds.

Private to this collection. The same order and the same plan as for a directory; dest is what the archive has.
"""

from __future__ import annotations

import contextlib
import os
import typing as t

from .._errors import FleetproofError
from .._plan.guards import check_deletions, check_not_empty, check_space
from .._plan.plan import DELETED, FILE, LEFTOVER, REMOVED, Totals, pack_folder
from .._plan.report import Report
from .._plan.run import Done, Run
from .._values import display_name
from .act import Deed
from .archive_build import Build, Target
from .archive_read import ArchiveSide, open_archive
from .archive_recipe import Recipe
from .archive_spool import FILES_PER_CONNECTION, MOST_BYTES, check_idle, leftovers, sweep
from .ends import Ends
from .entries import DIRECTORY, Entry, Listing
from .pace import Pace
from .planner import Rules
from .pool import Line, Pool
from .remote import RemoteSide, clean, missing, stat_following
from .routes import Download
from .survey import COPY, REPLACE, SWEEP, TAKE, Sides, TransferPlan
from .transfer import TransferJob, held_by_name
from .transfer_options import Archive, Request

if t.TYPE_CHECKING:
    from .._progress import Progress
    from .client import Client


class SiteSide(RemoteSide):
    """What of a directory of a server goes into an archive: the rest is as if it were not there."""

    def __init__(self, line: Line, root: str, request: Request, aside: t.Callable[[], None]) -> None:
        """``aside`` is called for each symbolic link and special file, which take no part."""
        super().__init__(line, root)
        self._keep = request.keep
        self._recursive = request.recursive
        self._aside = aside

    def list(self, folder: str) -> t.Optional[Listing]:
        """See Lister."""
        listing = super().list(folder)
        if listing is None:
            return None
        kept = Listing(dots=listing.dots)
        for name, entry in listing.entries.items():
            if self._keep is not None and not self._keep(folder + name, entry.kind == DIRECTORY):
                continue
            if entry.kind == FILE or (entry.kind == DIRECTORY and self._recursive):
                kept.entries[name] = entry
            elif entry.kind != DIRECTORY:
                self._aside()
        # Whoever excludes a name that is not taken anyway has said that it may be missing.
        kept.refused = [refused for refused in listing.refused if self._keep is None or self._keep(folder + refused.name, False)]
        return kept


class ArchiveReport(Report):
    """A run that replaces all or nothing."""

    def __init__(self, run: Run[TransferPlan], max_listed: int, placed: bool) -> None:
        """``placed``: the new archive is in its place; in check mode, would be."""
        super().__init__(run, max_listed)
        self.placed = placed

    @property
    def counts(self) -> t.Dict[str, int]:
        """RV(counts)."""
        counts = super().counts
        if not self.placed and self.run.guard is None:
            for name in ("created", "updated", "deleted", "removed"):
                counts[name] = 0
        return counts

    @property
    def changed(self) -> bool:
        """Whether the archive is another one."""
        return super().changed if self.placed or self.run.guard is not None else bool(self.plan.totals.leftovers)

    def rows(self) -> t.Tuple[t.List[t.Tuple[str, str, str, int, str]], bool]:
        """The first actions by path, and whether there are more."""
        rows, more = super().rows()
        if self.placed or self.run.guard is not None:
            return rows, more
        return [row for row in rows if row[1] == "leftover"], False

    def failure(self) -> t.Optional[FleetproofError]:
        """What the task ends with; None when all is well."""
        found = super().failure()
        if found is None or self.placed or self.run.guard is not None:
            return found
        first = self.failures[0]
        number = len(self.failures)
        told = "The archive was left as it is, as %d of the entries for it could not be had, first %s: %s; see failed_files"
        return FleetproofError(found.kind, told % (number, display_name(first.path), first.reason), found.retryable)


class ArchiveJob(TransferJob):
    """The steps of the one order for a server and an archive of this host."""

    def __init__(self, request: Request, pool: Pool, stack: contextlib.ExitStack, progress: t.Optional[Progress], wanted: Archive) -> None:
        """Connects; ``stack`` closes what is opened."""
        self.path = wanted.path
        self.format = wanted.format
        self.old = ArchiveSide(there=False)
        self.old_file: t.Optional[t.BinaryIO] = None
        self.new: t.Optional[ArchiveSide] = None
        self.links = 0
        self.placed = False
        super().__init__(request, pool, stack, progress)

    def _look(self, client: Client) -> Ends:
        self.features = client.features.as_result()
        src = clean(self.request.src)
        entry: t.Optional[Entry] = Entry("", DIRECTORY) if src in ("", "/") else stat_following(client, src)
        if entry is None:
            raise FleetproofError("not_found", missing(client, src))
        if entry.kind != DIRECTORY:
            raise FleetproofError("argument", "src: %s on the server is no directory, and an archive is made of one" % display_name(self.request.src))
        above = os.path.dirname(self.path)
        while not os.path.lexists(above):
            above = os.path.dirname(above)
        if not os.path.isdir(above):
            words = "archive.path: %s is there and is no directory, so %s cannot be in it; remove it or name another one"
            raise FleetproofError("argument", words % (display_name(above), display_name(self.path)))
        return Ends(src, os.path.dirname(self.path))

    @contextlib.contextmanager
    def locked(self, check_mode: bool) -> t.Iterator[None]:
        """Keep other runs off the archive."""
        real = os.path.join(os.path.realpath(os.path.dirname(self.path)), os.path.basename(self.path))
        with held_by_name("\0".join(("archive", real)), "is at work on %s" % display_name(self.path), check_mode):
            if self.root is not None:
                check_idle(self.root, os.path.basename(self.path), self.path)
            yield

    def rules(self) -> Rules:
        """What the plan goes by. The archive is what the site is, but for files that were taken from the site."""
        take = self.request.remove_source
        return Rules(times=True, window=self.request.window, recursive=True, delete=not take, take=take)

    def sides(self, line: Line) -> Sides:
        """src and dest, for one line."""
        return SiteSide(line, self.ends.src, self.request, self._link), self.old

    def _link(self) -> None:
        with self.tally.lock:
            self.links += 1

    def plan(self) -> TransferPlan:
        """Read the old archive, and look at the site."""
        name = os.path.basename(self.path)
        if self.root is not None:
            self.old_file = open_archive(self.root, name, self.path)
        if self.old_file is not None:
            self.stack.callback(self.old_file.close)
            self.old = ArchiveSide.read(self.old_file, self.format, self.path, self._reading)
        plan = super().plan()
        plan.aside += self.links
        if self.root is not None:
            notes = [(DELETED, FILE, left, size, LEFTOVER) for left, size in leftovers(self.root, name)]
            plan.totals.leftovers += len(notes)
            plan.stages[SWEEP].extend(packed for _size, packed in pack_folder("", None, notes))
        return plan

    def _reading(self, _size: int) -> None:
        if self.progress is not None and self.progress.due():
            self.progress.tell(0, 0, 0, 0, "")

    def guard(self, plan: TransferPlan) -> None:
        """Hold the plan against the limits."""
        request, totals = self.request, plan.totals
        if request.require_nonempty_src and not plan.failures and not request.remove_source:
            check_not_empty(totals)
        check_deletions(totals, request.max_delete, request.max_delete_size)
        if self.space is not None and _rewrites(totals):
            largest = max((item.size for stage in (COPY, REPLACE) for batch in plan.batches((stage,)) for item in batch.items), default=0)
            # A file that has no room to wait in is certain to fail.
            check_space(Totals(grow_bytes=largest), self.space, 0, None, lambda: False)
            # How far a site can be compressed is a guess, so that it is only held against what is to be left.
            check_space(self._needed(totals, largest), self.space, 0, request.min_free, lambda: True)

    def _needed(self, totals: Totals, largest: int) -> Totals:
        """What the new archive takes beside the old one, and the files that wait for it; the old one tells how far the site can be compressed."""
        content = self.old.content
        packed = totals.src_bytes if not content else totals.src_bytes * self.old.size // content
        waiting = max(largest, min(totals.copy_bytes, MOST_BYTES))
        return Totals(grow_bytes=packed + waiting, grow_inodes=2 + min(totals.created + totals.updated, self.request.parallel * FILES_PER_CONNECTION))

    def act(self, plan: TransferPlan, done: Done) -> None:
        """Make the new archive, and then take what is in it from the site."""
        if self.root is not None:
            sweep(self.root, os.path.basename(self.path), self.path)
        if plan.failures:
            return
        pace = None if self.request.bwlimit is None else Pace(self.request.bwlimit)
        verified: t.Dict[str, bool] = {}
        if _rewrites(plan.totals):
            try:
                self._make_dest()
                verified = self._build(plan, done, pace)
            finally:
                if self.new is None:
                    self._unmake_dest()
            if self.new is None:
                return
        self.placed = True
        if self.progress is not None:
            totals = plan.totals
            self.progress.tell(totals.created + totals.updated + totals.deleted + totals.leftovers, self.tally.bytes, totals.removed, 0, "")
        if plan.totals.removed:
            self._take(plan, done, pace, verified)

    def _build(self, plan: TransferPlan, done: Done, pace: t.Optional[Pace]) -> t.Dict[str, bool]:
        """The new archive. Returns whether files were verified, as in Build."""
        if self.root is None:
            raise ValueError("there is no directory yet")
        target = Target(self.root, os.path.basename(self.path), self.path, self.format)
        watch = None if self.progress is None else lambda: self._watch(self.tally)
        build = Build(target, Recipe(plan, self.old), self.old_file, self.pool, self.ends.src, lambda note: self.ways(pace, note), self.tally)
        self.new = build.run(done, watch)
        return build.verified

    def _unmake_dest(self) -> None:
        """Directories that were made for nothing go again."""
        for path in reversed(self.made):
            try:
                os.rmdir(path)
            except OSError:
                # There is something in it.
                break

    def _take(self, plan: TransferPlan, done: Done, pace: t.Optional[Pace], verified: t.Dict[str, bool]) -> None:
        """Take files from the site; those of unknown size only where this run verified them."""
        root = self.root
        if root is None:
            raise ValueError("there is no directory yet")
        deed = Deed(self.pool, plan, lambda line: Download(line, self.ends.src, root), lambda note: self.ways(pace, note), self.tally, None)
        for batch in plan.batches((TAKE,)):
            for item in batch.items:
                path = batch.folder + item.name
                if not verified.get(path, item.size >= 0):
                    deed.failed.add(path)
                    reason = "it is in the archive, but could not be verified, so it stays in src; set verify to read_back"
                    done.fail(path, "integrity", reason, REMOVED)
        deed.take(done)

    def ways(self, pace: t.Optional[Pace], note: t.Callable[[int], None]) -> t.Any:
        """How files are fetched: their times are in the archive, and the archive alone has to be safe."""
        return super().ways(pace, note)._replace(preserve_mtime=False, atomic=True)

    def delete(self, plan: TransferPlan, done: Done) -> None:
        """What is not in the new archive is gone with the old one."""

    def finish(self, plan: TransferPlan, done: Done) -> None:
        """The archive is on its medium."""

    def report(self, went: Run[TransferPlan]) -> ArchiveReport:
        """What the run says of itself."""
        plan = went.plan
        placed = plan is not None and not plan.failures and (went.done is None or not plan.changes or self.placed)
        return ArchiveReport(went, self.request.max_listed, placed)

    def archive(self, went: Run[TransferPlan]) -> t.Dict[str, t.Any]:
        """RV(archive): what is at the path now; in check mode, what is there instead of what would be."""
        there = self.old if self.new is None else self.new
        state = "absent" if not there.there else "unchanged" if self.new is None else "updated" if self.old.there else "created"
        if went.done is None and went.guard is None and went.plan is not None and not went.plan.failures and _rewrites(went.plan.totals):
            state = "updated" if self.old.there else "created"
        return {
            "path": self.path,
            "format": self.format,
            "state": state,
            "entries": len(there) if there.there else None,
            "size": there.size if there.there else None,
            "sha256": there.sha256 if there.there else None,
        }


def _rewrites(totals: Totals) -> bool:
    """Whether the archive has to be written anew."""
    return bool(totals.created or totals.updated or totals.metadata or totals.deleted)
