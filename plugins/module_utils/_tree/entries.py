# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entries of one directory that two trees have in common, or not: what is the same, what is not.

Private to this collection. ``Entries`` is what a process of compare.py knows of comparing; how it gets
from one directory to the next is left to the walk.
"""

from __future__ import annotations

import errno
import os
import stat
import typing as t
from dataclasses import dataclass, field

from .._share import Gauge, Push
from .._values import display_name
from .content import SMALL
from .pairs import PairReader, Unread, reason_of
from .record import NO_DIGESTS, Recorder, type_name
from .walk import LEFT, RIGHT, SIDES, Directory, WalkOptions

if t.TYPE_CHECKING:
    # What few tasks need is imported where they need it: every file costs all tasks time.
    from .metadata import MetadataComparer
    from .rows_file import RowWriter

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

# (left name, right name) of directories to go down into; None: absent on that side
Names = t.List[t.Tuple[t.Optional[str], t.Optional[str]]]
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


class Level:
    """A directory that is there on both sides, while it is being compared."""

    __slots__ = (
        "covered",
        "covered_bytes",
        "directory",
        "down",
        "down_one_side",
        "equal_bytes",
        "equal_sizes",
        "files",
        "funny",
        "key",
        "later",
        "left_bytes",
        "left_funny",
        "names_wanted",
        "push",
        "rel",
        "right_bytes",
        "same",
        "same_bytes",
        "same_number",
        "twins",
    )

    def __init__(self, directory: Directory, key: t.Optional[str], push: Push) -> None:
        self.directory = directory
        self.rel = directory.rel
        # How it sorts in the report; None: it will not be printed
        self.key = key
        self.push = push
        self.down: Names = []
        self.down_one_side: Names = []
        # Names, by category
        self.files: t.List[str] = []
        # (left, right) of all pairs, where names are wanted
        self.twins: t.List[t.Tuple[str, str]] = []
        self.same: t.List[str] = []
        self.funny: t.List[str] = []
        self.names_wanted = True
        # Bytes of files: left_funny are those of common_funny, right_bytes are of both
        self.same_number = self.same_bytes = self.left_bytes = self.left_funny = self.right_bytes = 0
        # Files of equal size, and those among them whose content was compared
        self.equal_sizes = self.equal_bytes = self.covered = self.covered_bytes = 0
        # Pairs that became tasks of their own
        self.later = 0

    def add_same(self, number: int, size: int) -> None:
        """So many files of equal size are the same without a look at their content."""
        self.same_number += number
        self.same_bytes += size
        self.equal_sizes += number
        self.equal_bytes += size


class Entries:
    """Compares entries and keeps what is found; one for each process."""

    def __init__(self, request: Request, gauge: Gauge, writer: t.Optional[RowWriter]) -> None:
        """Rows go to ``writer`` where there is one."""
        self.request = request
        self.gauge = gauge
        self.record = Recorder(request.max_listed, request.window_ns, request.details, writer)
        self.findings = self.record.findings
        counts = self.findings.counts
        self._cells = tuple(counts[name] for name in ("common", "left_list", "right_list", "common_files", "same_files"))
        self.effort = 0
        self.name = ""
        self.progress: t.Optional[t.Callable[[Gauge, str], None]] = None
        self._follow = request.walk.follow
        self._reader = PairReader(request.algorithm if request.method == "checksum" else None, self._follow, self._read_block)
        stated = request.metadata - {"hardlinks"}
        self._metadata: t.Optional[MetadataComparer] = None
        if stated:
            from .metadata import MetadataComparer  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # as above

            self._metadata = MetadataComparer(stated, request.window_ns, self._follow)
        self._links = "hardlinks" in request.metadata
        self._horizon = int(request.now) + CLOCK_SKEW
        self._chosen = request.chosen
        self._near, self._far = _BY_METHOD[request.method]
        if request.chosen is not None:
            # What is in the sample is read also where size and time would have settled it.
            self._near, self._far = self._near or "read", self._far or "read"

    def _read_block(self, entries: int, size: int) -> None:
        """So many bytes of a side are read, of files that were expected."""
        self.gauge.add(entries, size)
        if self.progress is not None:
            self.progress(self.gauge, self.name)

    def compare_level(self, level: Level) -> None:
        """Compare one directory that is there on both sides."""
        directory, findings, rel, key = level.directory, self.findings, level.rel, level.key
        if not rel:
            self._metadata_of_roots(directory)
        if key is not None:
            findings.report.extend([(key, 0, "")])
        names_wanted = level.names_wanted = key is not None or findings.wants_names(rel)
        number = len(directory.both)
        self._pairs(level)
        self._count(level, number)
        down_left, left_only = self.one_side(LEFT, rel, directory.left, level)
        down_right, right_only = self.one_side(RIGHT, directory.right_rel or "", directory.right, level)
        level.down_one_side = down_left + down_right
        if level.down:
            down = [left or "" for left, _right in level.down]
            findings.list_names("common_dirs", rel, down)
            findings.report_names(key, "common_dirs", down)
        if level.funny:
            findings.list_names("common_funny", rel, level.funny)
            findings.report_names(key, "common_funny", level.funny)
        if names_wanted:
            common = [left for left, _right in level.twins]
            findings.list_names("common", rel, common)
            findings.list_names("common_files", rel, level.files)
            findings.list_names("same_files", rel, level.same)
            findings.report_names(key, "same_files", level.same)
            findings.list_names("left_list", rel, common + left_only)
            findings.list_names("right_list", directory.right_rel or "", [right for _left, right in level.twins] + right_only)

    def _count(self, level: Level, number: int) -> None:
        """Count the ``number`` entries that both sides have, with as few steps as can be, as there may be a directory for every few files."""
        common, left_list, right_list, files, same = self._cells
        left_bytes = level.left_bytes + level.left_funny
        common[0] += number
        common[1] += left_bytes
        left_list[0] += number
        left_list[1] += left_bytes
        right_list[0] += number
        right_list[1] += level.right_bytes
        files[0] += number - len(level.down) - len(level.funny)
        files[1] += level.left_bytes
        same[0] += level.same_number
        same[1] += level.same_bytes
        self.findings.count("common_dirs", len(level.down), 0)
        if level.funny:
            self.findings.count("common_funny", len(level.funny), 0)
        sums = self.findings.sums
        sums["comparable_files"] += level.equal_sizes
        sums["comparable_bytes"] += level.equal_bytes
        if level.covered:
            sums["covered_files"] += level.covered
            sums["covered_bytes"] += level.covered_bytes

    def _pairs(self, level: Level) -> None:
        """Compare what both sides have by the same name."""
        follow, detailed, names_wanted = self._follow, self.record.detailed, level.names_wanted
        # Only where an equal size, or that and an equal mtime, settles it is a file dealt with right here.
        settled, by_time = not self._near, bool(self._far)
        extra = self._metadata is not None or self._links
        newest = self.findings.newest
        left_bytes = right_bytes = same_bytes = same_number = 0
        both, twins = level.directory.both, level.twins
        if names_wanted:
            twins += [(left_entry.name, right_entry.name) for left_entry, right_entry in both]
        # An entry remembers its state, half a kilobyte: it goes when it has been dealt with.
        both.reverse()
        while both:
            left_entry, right_entry = both.pop()
            try:
                left = left_entry.stat(follow_symlinks=follow)
                right = right_entry.stat(follow_symlinks=follow)
            except OSError as error:
                self._no_state(level, left_entry.name, error)
                continue
            kind = left[0] & 0o170000
            if kind != right[0] & 0o170000:
                self._funny(level, left_entry.name, left, right)
                continue
            if kind == _FILE:
                size = left[6]
                left_bytes += size
                right_bytes += right[6]
                if right[8] > newest:
                    newest = self._newer(newest, right)
                if settled and size == right[6] and (not by_time or left.st_mtime_ns == right.st_mtime_ns):
                    same_number += 1
                    same_bytes += size
                    if names_wanted:
                        level.files.append(left_entry.name)
                        level.same.append(left_entry.name)
                    if detailed:
                        self.record.row("same_files", level.rel + left_entry.name, left, right)
                else:
                    self._files(level, left_entry, left, right_entry, right)
            elif kind == _DIRECTORY:
                level.down.append((left_entry.name, right_entry.name))
                if detailed:
                    self.record.row("common_dirs", level.rel + left_entry.name, left, right)
            else:
                self._special(level, left_entry, left, right_entry, right)
            if extra:
                self._metadata_of(level, left_entry, left, right_entry, right)
        self.findings.newest = newest
        level.left_bytes += left_bytes
        level.right_bytes += right_bytes
        level.add_same(same_number, same_bytes)

    def _files(self, level: Level, left_entry: t.Any, left: os.stat_result, right_entry: t.Any, right: os.stat_result) -> None:
        """Compare two regular files that need a closer look."""
        name, size = left_entry.name, left.st_size
        if level.names_wanted:
            level.files.append(name)
        if size != right.st_size:
            self.record.differs(level.rel, name, "size", left, right)
            return
        level.equal_sizes += 1
        level.equal_bytes += size
        reason = self._near
        if reason != self._far and abs(left.st_mtime_ns - right.st_mtime_ns) > self.request.window_ns:
            reason = self._far
        digests = NO_DIGESTS
        if reason == "read":
            reason = ""
            if self._chosen is None or self._chosen(level.rel + name):
                directory = level.directory
                if size > SMALL:
                    self.gauge.expect(0, size)
                    if size >= LARGE:
                        level.push(("files", directory.left_rel, directory.right_rel, name, right_entry.name))
                        level.later += 1
                        self.effort += size // EFFORT_BYTES
                        return
                try:
                    reason = self._reader.unlike(directory.left_fd, name, left, directory.right_fd, right_entry.name, right)
                except Unread as unread:
                    self.record.unread_file(level.rel, name, unread.reason, left, right)
                    return
                level.covered += 1
                level.covered_bytes += size
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

    def _special(self, level: Level, left_entry: t.Any, left: os.stat_result, right_entry: t.Any, right: os.stat_result) -> None:
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

    def _funny(self, level: Level, name: str, left: os.stat_result, right: os.stat_result) -> None:
        """Two entries of unequal types, or of a type that has nothing to compare but its numbers."""
        level.funny.append(name)
        for state, side in ((left, "left"), (right, "right")):
            if stat.S_ISREG(state.st_mode):
                if side == "left":
                    level.left_funny += state.st_size
                else:
                    level.right_bytes += state.st_size
        path = level.rel + name
        if type_name(left) != type_name(right):
            self.record.types_differ(path, left, right)
        elif self.record.detailed:
            self.record.row("common_funny", path, left, right)

    def _no_state(self, level: Level, name: str, error: OSError) -> None:
        """An entry that cannot be looked at: a link to nowhere that should be followed, or one that is gone."""
        level.funny.append(name)
        words = "not_found: the link leads nowhere" if self._follow and error.errno in (errno.ENOENT, errno.ELOOP) else reason_of(error, None)
        self.record.unread(level.rel + name, words)

    def _metadata_of(self, level: Level, left_entry: t.Any, left: os.stat_result, right_entry: t.Any, right: os.stat_result) -> None:
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

    def one_side(self, side: int, rel: str, entries: t.List[t.Any], level: t.Optional[Level]) -> t.Tuple[Names, t.List[str]]:
        """Count entries of one side, and list them if they stand beside ``level``. Returns the directories among them, and all names."""
        if not entries:
            return [], []
        findings = self.findings
        category, everything = ("left_only", "left_list") if side == LEFT else ("right_only", "right_list")
        down: Names = []
        names: t.List[str] = []
        total = 0
        number = len(entries)
        while entries:
            entry = entries.pop()
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
        findings.count(category, number, total)
        findings.count(everything, number, total)
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

    def clashes(self, directory: Directory, rel: str) -> None:
        """Names of one side that fall together under the key by which names are matched: never merged, so not compared."""
        for side, entry, first in directory.clashes:
            if side == RIGHT and self.request.one_way and directory.left_rel is None:
                continue
            everything = "left_list" if side == LEFT else "right_list"
            self.findings.add(everything, (directory.right_rel or "" if side == RIGHT else rel) + entry.name, 0)
            self.record.unread(rel + entry.name, "argument: %s: the name falls together with %s" % (SIDES[side], display_name(first.name)))
