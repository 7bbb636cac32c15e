# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two directory trees compared: what is where, what is the same, what is not.

Private to this collection. ``compare`` walks both trees at once with as many processes as asked for;
each holds a ``Comparison`` that visits directories and keeps ``Findings``, which are put together at
the end.
"""

from __future__ import annotations

import gc
import os
import typing as t

from .._descent import Descent
from .._share import Gauge, Push
from .._values import display_name
from .collect import Findings
from .entries import Entries, Level, Names, Request
from .pairs import CHANGED, Unread, reason_of
from .record import Recorder
from .walk import LEFT, RIGHT, SIDES, Directory, RelPath, walk

if t.TYPE_CHECKING:
    from .rows_file import RowsFile, RowWriter  # what few tasks need is imported by their options


def compare(
    left: int,
    right: int,
    request: Request,
    workers: int = 1,
    progress: t.Optional[t.Callable[[Gauge, str], None]] = None,
    rows_file: t.Optional[RowsFile] = None,
) -> Findings:
    """Compare the trees below two descriptors.

    ``progress`` is called now and then with the gauge and the name at hand. ``rows_file`` is filled with a row
    for each entry, but not written yet. Raises FleetproofError.
    """
    here: t.List[Comparison] = []

    def make(gauge: Gauge) -> Comparison:
        comparison = Comparison(left, right, request, gauge, None if rows_file is None else rows_file.writer(gauge.index))
        comparison.progress = progress if not here else None  # told by the first process alone
        here.append(comparison)
        return comparison

    def watch(gauge: Gauge) -> None:
        if progress is not None:
            progress(gauge, here[0].name)

    collecting = gc.isenabled()
    gc.disable()  # a walk makes no cycles, and looking for them costs a tenth of it
    try:
        packed = walk(left, right, request.walk, make, workers, None if progress is None else watch)
    finally:
        if collecting:
            gc.enable()
    findings = Findings(request.max_listed)
    for part in packed:
        findings.merge(part)
    if findings.links:
        _tell_links(findings, rows_file)
    return findings


def _tell_links(findings: Findings, rows_file: t.Optional[RowsFile]) -> None:
    """Hard links are told apart when all of them are known."""
    from .metadata import link_differences  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # few tasks ask for them

    writer = None if rows_file is None else rows_file.writer(0, behind=findings.runs)
    record = Recorder(0, 0, False, writer)
    record.findings = findings
    for path, field_name, *partners in link_differences(findings.links):
        left, right = (None if partner is None else display_name(partner) for partner in partners)
        record.metadata(path, 0, [(field_name, left, right)])
    findings.links.clear()
    if writer is not None:
        findings.runs += writer.runs()


def _by_name(pair: t.Tuple[t.Optional[str], t.Optional[str]]) -> str:
    return pair[0] or pair[1] or ""


class Comparison(Entries):
    """One process's part in comparing two trees; a Visitor of the walk."""

    def __init__(self, left: int, right: int, request: Request, gauge: Gauge, writer: t.Optional[RowWriter]) -> None:
        super().__init__(request, gauge, writer)
        self._writer = writer
        self._descents = (Descent(left, self._follow), Descent(right, self._follow))

    def result(self) -> t.Any:
        for descent in self._descents:
            descent.close()
        self._reader.settle()
        self.findings.sums["bytes_read"] = self._reader.bytes_read
        if self._writer is not None:
            self.findings.runs = self._writer.runs()
        return self.findings.pack()

    # -- the walk's questions

    def directory(self, directory: Directory, push: Push) -> Names:
        self.name = rel = directory.rel
        number = len(directory.both) + len(directory.left) + len(directory.right) + len(directory.clashes)
        self.effort += number
        if directory.left_rel is None or directory.right_rel is None:
            side, entries = (RIGHT, directory.right) if directory.left_rel is None else (LEFT, directory.left)
            down, _names = self.one_side(side, rel, entries, None)
            later = len(down)
        else:
            level = Level(directory, self.findings.report_key(rel), push)
            self.compare_level(level)
            closure = self.request.closure
            down = level.down if closure == "full" or (closure == "partial" and not rel) else []
            if closure == "full":
                down += level.down_one_side
            later = len(down) + level.later
        self.clashes(directory, rel)
        if len(down) > 1:
            # The last is visited first: where the smallest paths come early, those that will not be listed cost nothing.
            down.sort(key=_by_name, reverse=True)
        read = self._reader.settle()
        self.gauge.expect(number + (not rel), read)
        self.gauge.add(number + 1 - later, read)
        return down

    def unreadable(self, left_rel: RelPath, right_rel: RelPath, side: int, error: OSError) -> None:
        self._not_entered(left_rel, right_rel, reason_of(error, SIDES[side]))

    def loop(self, left_rel: RelPath, right_rel: RelPath, side: int) -> None:
        self._not_entered(left_rel, right_rel, "unsafe: %s: the link leads to a directory above itself" % SIDES[side])

    def boundary(self, left_rel: RelPath, right_rel: RelPath, side: int) -> None:
        self.gauge.add(1, 0)

    def _not_entered(self, left_rel: RelPath, right_rel: RelPath, reason: str) -> None:
        self.gauge.add(1, 0)
        if left_rel is None and self.request.one_way:
            return  # what only the right side has is no difference, read or not
        rel = right_rel if left_rel is None else left_rel
        self.record.unread_directory(rel or "", reason, left_rel is not None and right_rel is not None)

    def other(self, task: t.Any, push: Push) -> None:
        """A pair of large files, which was made a task by ``_files``."""
        left_rel, right_rel, left_name, right_name = task[1:]
        self.name = left_rel + left_name
        states: t.List[os.stat_result] = []
        try:
            opened = []
            for side, (rel, name) in enumerate(((left_rel, left_name), (right_rel, right_name))):
                try:
                    opened.append(self._descents[side].open(rel))
                    states.append(os.stat(name, dir_fd=opened[side], follow_symlinks=self._follow))
                except OSError as error:
                    raise Unread(reason_of(error, SIDES[side])) from error
            left, right = states
            if left.st_size != right.st_size:
                raise Unread(CHANGED % "one side")
            reason = self._reader.unlike(opened[LEFT], left_name, left, opened[RIGHT], right_name, right)
        except Unread as unread:
            self.record.unread_file(left_rel, left_name, unread.reason, *states)
        else:
            self.findings.sums["covered_files"] += 1
            self.findings.sums["covered_bytes"] += left.st_size
            if reason:
                self.record.differs(left_rel, left_name, reason, left, right, self._reader.digests)
            else:
                self.record.same(left_rel, left_name, left, right, self._reader.digests)
        self.gauge.add(1, 0)
