# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two directory trees compared: what is where, what is the same, what is not.

Private to this collection. ``compare`` walks both trees at once with as many processes as asked for;
each holds a ``Comparison`` that visits directories and keeps ``Findings``, which are put together at
the end.
"""

from __future__ import annotations

import errno
import gc
import os
import stat
import typing as t
from dataclasses import dataclass, field

from .._share import Gauge, Push
from .._values import display_name
from .collect import Findings
from .metadata import MetadataComparer, link_differences
from .pairs import CHANGED, PairReader, Unread, reason_of
from .record import NO_DIGESTS, Recorder, type_name
from .walk import LEFT, RIGHT, SIDES, Descent, Directory, RelPath, WalkOptions, walk

CLOSURES = ("full", "partial", "top")
METHODS = ("content", "shallow", "quick", "size", "checksum")
# A pair of files this large is a task of its own, so that one directory of them keeps every core busy.
LARGE = 4 * 1024 * 1024
# Reading this many bytes is as much effort as one entry, when it is decided whether more processes pay.
EFFORT_BYTES = 64 * 1024
# Clocks that differ by less are no reason to call a file's time the future.
CLOCK_SKEW = 60

_FILE, _DIRECTORY = stat.S_IFREG, stat.S_IFDIR
# What a file's equal size leads to, by method: with mtimes that are equal, and that are not.
# "": the same, "read": their content tells, else the reason why they differ.
_BY_METHOD = {
    "size": ("", ""),
    "quick": ("", "mtime"),
    "shallow": ("", "read"),
    "content": ("read", "read"),
    "checksum": ("read", "read"),
}

if t.TYPE_CHECKING:
    from .rows_file import RowsFile, RowWriter  # what few tasks need is imported by their options

_Names = t.List[t.Tuple[t.Optional[str], t.Optional[str]]]
# chosen(path): whether a sample holds the file
Chosen = t.Callable[[str], bool]


@dataclass(frozen=True)
class Request:
    """What is to be compared, and how."""

    closure: str = "full"
    method: str = "content"
    algorithm: str = "sha256"
    metadata: t.FrozenSet[str] = frozenset()
    # nanoseconds within which two mtimes are equal
    window_ns: int = 0
    one_way: bool = False
    walk: WalkOptions = field(default_factory=WalkOptions)
    chosen: t.Optional[Chosen] = None
    # how many items of each list are wanted, -1 for all
    max_listed: int = 1000
    details: bool = False
    # seconds since the epoch; files from after it are of the future
    now: float = 0.0


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
    writer = None if rows_file is None else rows_file.writer(0, behind=findings.runs)
    record = Recorder(0, 0, False, writer)
    record.findings = findings
    for path, field_name, *partners in link_differences(findings.links):
        left, right = (None if partner is None else display_name(partner) for partner in partners)
        record.metadata(path, 0, [(field_name, left, right)])
    findings.links.clear()
    if writer is not None:
        findings.runs += writer.runs()


class _Level:
    """A directory that is there on both sides, while it is being compared."""

    __slots__ = (
        "directory",
        "down",
        "down_one_side",
        "files",
        "funny",
        "key",
        "later",
        "left_bytes",
        "names_wanted",
        "push",
        "rel",
        "right_bytes",
        "same",
        "same_bytes",
        "same_number",
    )

    def __init__(self, directory: Directory, key: t.Optional[str], push: Push) -> None:
        self.directory = directory
        self.rel = directory.rel
        # How it sorts in the report; None: it will not be printed
        self.key = key
        self.push = push
        self.down: _Names = []
        self.down_one_side: _Names = []
        # Names, by category
        self.files: t.List[str] = []
        self.same: t.List[str] = []
        self.funny: t.List[str] = []
        self.names_wanted = True
        self.same_number = self.same_bytes = self.left_bytes = self.right_bytes = 0
        # Pairs that became tasks of their own
        self.later = 0


class Comparison:
    """One process's part in comparing two trees; a Visitor of the walk."""

    def __init__(self, left: int, right: int, request: Request, gauge: Gauge, writer: t.Optional[RowWriter]) -> None:
        self.request = request
        self.gauge = gauge
        self._writer = writer
        self.record = Recorder(request.max_listed, request.window_ns, request.details, writer)
        self.findings = self.record.findings
        self.effort = 0
        self.name = ""
        self.progress: t.Optional[t.Callable[[Gauge, str], None]] = None
        self._follow = request.walk.follow
        self._reader = PairReader(request.algorithm if request.method == "checksum" else None, self._follow, self._read_block)
        stated = request.metadata - {"hardlinks"}
        self._metadata = MetadataComparer(stated, request.window_ns, self._follow) if stated else None
        self._links = "hardlinks" in request.metadata
        self._descents = (Descent(left, self._follow), Descent(right, self._follow))
        self._horizon = int(request.now) + CLOCK_SKEW
        self._near, self._far = _BY_METHOD[request.method]
        if request.chosen is not None:
            # What is in the sample is read also where size and time would have settled it.
            self._near, self._far = self._near or "read", self._far or "read"

    def _read_block(self, entries: int, size: int) -> None:
        """So many bytes of a side are read, of files that were expected."""
        self.gauge.add(entries, size)
        if self.progress is not None:
            self.progress(self.gauge, self.name)

    def result(self) -> t.Any:
        for descent in self._descents:
            descent.close()
        self.findings.sums["bytes_read"] = self._reader.bytes_read
        if self._writer is not None:
            self.findings.runs = self._writer.runs()
        return self.findings.pack()

    # -- the walk's questions

    def directory(self, directory: Directory, push: Push) -> _Names:
        self.name = rel = directory.rel
        number = len(directory.both) + len(directory.left) + len(directory.right) + len(directory.clashes)
        self.effort += number
        self.gauge.expect(number + (not rel), 0)
        if directory.left_rel is None or directory.right_rel is None:
            side, entries = (RIGHT, directory.right) if directory.left_rel is None else (LEFT, directory.left)
            down, _names = self._only(side, rel, entries, None)
            later = len(down)
        else:
            level = _Level(directory, self.findings.report_key(rel), push)
            self._level(level)
            closure = self.request.closure
            down = level.down if closure == "full" or (closure == "partial" and not rel) else []
            if closure == "full":
                down += level.down_one_side
            later = len(down) + level.later
        self._clashes(directory, rel)
        self.gauge.add(number + 1 - later, 0)
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
            self._cover(left.st_size)
            if reason:
                self.record.differs(left_rel, left_name, reason, left, right, self._reader.digests)
            else:
                self.record.same(left_rel, left_name, left, right, self._reader.digests)
        self.gauge.add(1, 0)

    def _cover(self, size: int) -> None:
        self.findings.sums["covered_files"] += 1
        self.findings.sums["covered_bytes"] += size

    # -- directories and pairs

    def _level(self, level: _Level) -> None:
        """Compare one directory that is there on both sides."""
        directory, findings, rel, key = level.directory, self.findings, level.rel, level.key
        if not rel:
            self._metadata_of_roots(directory)
        if key is not None:
            findings.report.extend([(key, 0, "")])
        level.names_wanted = key is not None or findings.wants("same_files", rel)
        self._pairs(level)
        findings.count("common", len(directory.both), level.left_bytes)
        findings.count("left_list", len(directory.both), level.left_bytes)
        findings.count("right_list", len(directory.both), level.right_bytes)
        findings.count("common_dirs", len(level.down), 0)
        findings.count("common_files", len(level.files), level.left_bytes)
        findings.count("common_funny", len(level.funny), 0)
        findings.count("same_files", level.same_number, level.same_bytes)
        common = [left.name for left, _right in directory.both]
        down = [left or "" for left, _right in level.down]
        for category, names in (
            ("common", common),
            ("common_dirs", down),
            ("common_files", level.files),
            ("common_funny", level.funny),
            ("same_files", level.same),
        ):
            findings.list_names(category, rel, names)
        for category, names in (("same_files", level.same), ("common_dirs", down), ("common_funny", level.funny)):
            findings.report_names(key, category, names)
        down_left, left_only = self._only(LEFT, rel, directory.left, level)
        down_right, right_only = self._only(RIGHT, directory.right_rel or "", directory.right, level)
        level.down_one_side = down_left + down_right
        findings.list_names("left_list", rel, common + left_only)
        findings.list_names("right_list", directory.right_rel or "", [right.name for _left, right in directory.both] + right_only)

    def _pairs(self, level: _Level) -> None:
        """Compare what both sides have by the same name."""
        follow, detailed, names_wanted = self._follow, self.record.detailed, level.names_wanted
        # Only where an equal size, or that and an equal mtime, settles it is a file dealt with right here.
        settled, by_time = not self._near, bool(self._far)
        extra = self._metadata is not None or self._links
        newest = self.findings.newest
        left_bytes = right_bytes = same_bytes = same_number = 0
        for left_entry, right_entry in level.directory.both:
            name = left_entry.name
            try:
                left = left_entry.stat(follow_symlinks=follow)
                right = right_entry.stat(follow_symlinks=follow)
            except OSError as error:
                self._no_state(level, name, error)
                continue
            kind = left[0] & 0o170000
            if kind != right[0] & 0o170000:
                self._funny(level, name, left, right)
                continue
            if kind == _FILE:
                size = left[6]
                level.files.append(name)
                left_bytes += size
                right_bytes += right[6]
                if right[8] > newest:
                    newest = self._newer(newest, right)
                if settled and size == right[6] and (not by_time or left.st_mtime_ns == right.st_mtime_ns):
                    same_number += 1
                    same_bytes += size
                    if names_wanted:
                        level.same.append(name)
                    if detailed:
                        self.record.row("same_files", level.rel + name, left, right)
                else:
                    self._files(level, left_entry, left, right_entry, right)
            elif kind == _DIRECTORY:
                level.down.append((name, right_entry.name))
                if detailed:
                    self.record.row("common_dirs", level.rel + name, left, right)
            else:
                self._special(level, left_entry, left, right_entry, right)
            if extra:
                self._metadata_of(level, left_entry, left, right_entry, right)
        self.findings.newest = newest
        level.left_bytes += left_bytes
        level.right_bytes += right_bytes
        level.same_number += same_number
        level.same_bytes += same_bytes
        self.findings.sums["comparable_files"] += same_number
        self.findings.sums["comparable_bytes"] += same_bytes

    def _files(self, level: _Level, left_entry: t.Any, left: os.stat_result, right_entry: t.Any, right: os.stat_result) -> None:
        """Compare two regular files that need a closer look."""
        name, size = left_entry.name, left.st_size
        if size != right.st_size:
            self.record.differs(level.rel, name, "size", left, right)
            return
        self.findings.sums["comparable_files"] += 1
        self.findings.sums["comparable_bytes"] += size
        reason = self._near if abs(left.st_mtime_ns - right.st_mtime_ns) <= self.request.window_ns else self._far
        digests = NO_DIGESTS
        if reason == "read":
            reason = ""
            if self.request.chosen is None or self.request.chosen(level.rel + name):
                if size >= LARGE:
                    level.push(("files", level.directory.left_rel, level.directory.right_rel, name, right_entry.name))
                    level.later += 1
                    self.effort += size // EFFORT_BYTES
                    self.gauge.expect(0, size)
                    return
                self.gauge.expect(0, size)
                try:
                    reason = self._reader.unlike(level.directory.left_fd, name, left, level.directory.right_fd, right_entry.name, right)
                except Unread as unread:
                    self.record.unread_file(level.rel, name, unread.reason, left, right)
                    return
                self._cover(size)
                digests = self._reader.digests
        if reason:
            self.record.differs(level.rel, name, reason, left, right, digests)
            return
        level.same_number += 1
        level.same_bytes += size
        if level.names_wanted:
            level.same.append(name)
        if self.record.detailed:
            self.record.row("same_files", level.rel + name, left, right, "", digests)

    def _special(self, level: _Level, left_entry: t.Any, left: os.stat_result, right_entry: t.Any, right: os.stat_result) -> None:
        """Compare two entries of one type that are neither files nor directories."""
        name = left_entry.name
        if not stat.S_ISLNK(left.st_mode):
            self._funny(level, name, left, right)
            return
        level.files.append(name)
        side = LEFT
        try:
            target = os.readlink(name, dir_fd=level.directory.left_fd)
            side = RIGHT
            other = os.readlink(right_entry.name, dir_fd=level.directory.right_fd)
        except OSError as error:
            self.record.unread_file(level.rel, name, reason_of(error, SIDES[side]), left, right)
            return
        if target != other:
            self.record.differs(level.rel, name, "target", left, right)
            return
        level.same_number += 1
        level.same.append(name)
        if self.record.detailed:
            self.record.row("same_files", level.rel + name, left, right)

    def _funny(self, level: _Level, name: str, left: os.stat_result, right: os.stat_result) -> None:
        """Two entries of unequal types, or of a type that has nothing to compare but its numbers."""
        level.funny.append(name)
        for state, side in ((left, "left"), (right, "right")):
            if stat.S_ISREG(state.st_mode):
                if side == "left":
                    level.left_bytes += state.st_size
                else:
                    level.right_bytes += state.st_size
        path = level.rel + name
        if type_name(left) != type_name(right):
            self.record.types_differ(path, left, right)
        elif self.record.detailed:
            self.record.row("common_funny", path, left, right)

    def _no_state(self, level: _Level, name: str, error: OSError) -> None:
        """An entry that cannot be looked at: a link to nowhere that should be followed, or one that is gone."""
        level.funny.append(name)
        words = "not_found: the link leads nowhere" if self._follow and error.errno in (errno.ENOENT, errno.ELOOP) else reason_of(error, None)
        self.record.unread(level.rel + name, words)

    def _metadata_of(self, level: _Level, left_entry: t.Any, left: os.stat_result, right_entry: t.Any, right: os.stat_result) -> None:
        name = left_entry.name
        path = level.rel + name
        if self._links and (left.st_nlink > 1 or right.st_nlink > 1) and not stat.S_ISDIR(left.st_mode):
            self.findings.links.append((path, (left.st_dev, left.st_ino), (right.st_dev, right.st_ino)))
        if self._metadata is None:
            return
        try:
            differences = self._metadata.differences(level.directory.left_fd, name, left, level.directory.right_fd, right_entry.name, right)
        except OSError as error:
            self.record.unread(path, reason_of(error, None))
            return
        if differences:
            self.record.metadata(path, left.st_size if stat.S_ISREG(left.st_mode) else 0, differences)

    def _metadata_of_roots(self, directory: Directory) -> None:
        if self._metadata is None:
            return
        try:
            left, right = os.fstat(directory.left_fd), os.fstat(directory.right_fd)
            differences = self._metadata.differences(directory.left_fd, ".", left, directory.right_fd, ".", right)
        except OSError as error:
            self.record.unread(".", reason_of(error, None))
            return
        self.record.metadata(".", 0, differences)

    # -- entries on one side

    def _only(self, side: int, rel: str, entries: t.List[t.Any], level: t.Optional[_Level]) -> t.Tuple[_Names, t.List[str]]:
        """Count entries of one side, and list them if they stand beside ``level``. Returns the directories among them, and all names."""
        if not entries:
            return [], []
        findings = self.findings
        category, everything = ("left_only", "left_list") if side == LEFT else ("right_only", "right_list")
        down: _Names = []
        names: t.List[str] = []
        total = 0
        for entry in entries:
            names.append(entry.name)
            state: t.Optional[os.stat_result] = None
            try:
                state = entry.stat(follow_symlinks=self._follow)
            except OSError:
                pass  # it is there, and on one side only: all there is to know of it
            else:
                if stat.S_ISDIR(state.st_mode):
                    down.append((entry.name, None) if side == LEFT else (None, entry.name))
                elif stat.S_ISREG(state.st_mode):
                    total += state.st_size
                    if side == RIGHT:
                        findings.newest = self._newer(findings.newest, state)
            if self.record.detailed:
                self.record.row(category, rel + entry.name, *((state, None) if side == LEFT else (None, state)))
        findings.count(category, len(entries), total)
        findings.count(everything, len(entries), total)
        if level is not None:
            findings.list_names(category, rel, names)
            findings.report_names(level.key, category, names)
        return down, names

    def _newer(self, newest: float, state: os.stat_result) -> float:
        """The later of ``newest`` and a file's mtime, in seconds; a time that is still to come proves nothing."""
        if state.st_mtime > self._horizon:
            self.findings.sums["future"] += 1
            return newest
        return max(newest, int(state.st_mtime))

    def _clashes(self, directory: Directory, rel: str) -> None:
        """Names of one side that fall together under the key by which names are matched: never merged, so not compared."""
        for side, entry, first in directory.clashes:
            if side == RIGHT and self.request.one_way and directory.left_rel is None:
                continue
            everything = "left_list" if side == LEFT else "right_list"
            self.findings.add(everything, rel + entry.name, 0)
            self.record.unread(rel + entry.name, "argument: %s: the name falls together with %s" % (SIDES[side], display_name(first.name)))
