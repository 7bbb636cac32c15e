# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How one compared entry becomes counts, lists, a line of the report and a row of the details.

Private to this collection.
"""

from __future__ import annotations

import json
import os
import stat
import typing as t

from .._values import display_name, exact_name, exact_time
from .collect import Findings

_TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFBLK: "block device",
    stat.S_IFCHR: "character device",
}

# emit(path, row as JSON)
Emit = t.Callable[[str, str], None]
# (field, left, right), as metadata.py makes them
Difference = t.Tuple[str, t.Any, t.Any]
State = t.Optional[os.stat_result]
Digests = t.Tuple[t.Optional[str], t.Optional[str]]
NO_DIGESTS: Digests = (None, None)


def type_name(state: os.stat_result) -> str:
    """The word for an entry's type; devices with their numbers, by which they differ."""
    word = _TYPES.get(stat.S_IFMT(state.st_mode), "unknown")
    if stat.S_ISBLK(state.st_mode) or stat.S_ISCHR(state.st_mode):
        return "%s %d:%d" % (word, os.major(state.st_rdev), os.minor(state.st_rdev))
    return word


def row_of(path: str, category: str, left: State, right: State, reason: str, digests: Digests = NO_DIGESTS) -> t.Dict[str, t.Any]:
    """The details of one entry, as RV(files) and the report file have them."""
    row: t.Dict[str, t.Any] = {"path": display_name(path), "path_b64": exact_name(path), "category": category}
    if reason:
        row["reason"] = reason
    for side, state, digest in (("left", left, digests[0]), ("right", right, digests[1])):
        row[side] = None
        if state is not None:
            size = state.st_size if stat.S_ISREG(state.st_mode) else None
            row[side] = {"type": type_name(state), "size": size, "mtime": exact_time(state.st_mtime_ns), "digest": digest}
    return row


class Recorder:
    """Keeps the findings of one process."""

    def __init__(self, limit: int, window_ns: int, details: bool, emit: t.Optional[Emit]) -> None:
        """``limit``: how many items of each list are wanted; ``window_ns``: within which two mtimes are equal."""
        self.findings = Findings(limit)
        self._window_ns = window_ns
        self._details = details
        self._emit = emit
        # Whether rows are wanted at all; callers ask first, as there is one for every entry.
        self.detailed = details or emit is not None

    def row(self, category: str, path: str, left: State, right: State, reason: str = "", digests: Digests = NO_DIGESTS) -> None:
        """A row of the details for one entry."""
        self._put(path, row_of(path, category, left, right, reason, digests))

    def _put(self, path: str, row: t.Dict[str, t.Any]) -> None:
        text = json.dumps(row, sort_keys=False)
        if self._details:
            self.findings.rows["files"].extend([(path, text)])
        if self._emit is not None:
            self._emit(path, text)

    def same(self, rel: str, name: str, left: os.stat_result, right: os.stat_result, digests: Digests) -> None:
        """A pair that was read by itself and is the same."""
        self.findings.add("same_files", rel + name, left.st_size)
        self.findings.report_names(self.findings.report_key(rel), "same_files", [name])
        if self.detailed:
            self.row("same_files", rel + name, left, right, "", digests)

    def differs(self, rel: str, name: str, reason: str, left: os.stat_result, right: os.stat_result, digests: Digests = NO_DIGESTS) -> None:
        """A pair of files or links that are not the same, and why."""
        path = rel + name
        findings = self.findings
        size = left.st_size if stat.S_ISREG(left.st_mode) else 0
        findings.add("diff_files", path, size)
        findings.report_names(findings.report_key(rel), "diff_files", [name])
        if stat.S_ISREG(left.st_mode):
            older = left.st_mtime_ns - right.st_mtime_ns
            if reason == "content" and abs(older) <= self._window_ns:
                findings.add("corrupted", path, size)
            elif older > self._window_ns:
                findings.add("outdated", path, size)
        if self.detailed:
            self.row("diff_files", path, left, right, reason, digests)

    def unread(self, path: str, reason: str, size: int = 0, left: State = None, right: State = None) -> None:
        """What could not be compared, and why."""
        self.findings.add_row("funny_files", (path, reason), size)
        if self.detailed:
            self.row("funny_files", path, left, right, reason)

    def unread_file(self, rel: str, name: str, reason: str, left: State = None, right: State = None) -> None:
        """The same for a pair of files, which the report names."""
        self.unread(rel + name, reason, left.st_size if left is not None and stat.S_ISREG(left.st_mode) else 0, left, right)
        self.findings.report_names(self.findings.report_key(rel), "funny_files", [name])

    def unread_directory(self, rel: str, reason: str, common: bool) -> None:
        """A directory that could not be entered; in the report of one that is ``common`` its name is a dot."""
        self.unread(rel[:-1] or ".", reason)
        key = self.findings.report_key(rel) if common else None
        if key is not None:
            self.findings.report.extend([(key, 0, "")])
            self.findings.report_names(key, "funny_files", ["."])

    def types_differ(self, path: str, left: os.stat_result, right: os.stat_result) -> None:
        """Two things of one name that are not of one kind."""
        self.findings.add_row("type_diff", (path, type_name(left), type_name(right)), 0)
        if self.detailed:
            self.row("common_funny", path, left, right, "type")

    def metadata(self, path: str, size: int, differences: t.List[Difference]) -> None:
        """What differs besides type and content; one row for each field."""
        for field, left, right in differences:
            self.findings.add_row("metadata_diff", (path, field, left, right), size)
            size = 0  # a file's bytes count once, however many of its fields differ
            if self._emit is not None:
                row = {"path": display_name(path), "path_b64": exact_name(path), "category": "metadata_diff", "field": field, "left": left, "right": right}
                self._emit(path, json.dumps(row))
