# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a comparison finds, kept within bounds while it is being found.

Private to this collection. Counts are exact; of each list only as many items are kept as will be
listed, the smallest ones, so that it makes no difference in which order, or by how many processes,
the directories were visited.
"""

from __future__ import annotations

import itertools
import os
import typing as t

T = t.TypeVar("T")

# Lists of paths
PATH_LISTS = (
    "left_list",
    "right_list",
    "common",
    "left_only",
    "right_only",
    "common_dirs",
    "common_files",
    "common_funny",
    "same_files",
    "diff_files",
    "corrupted",
    "outdated",
)
# Lists of tuples that begin with a path: (path, reason), (path, left type, right type), (path, field, left, right), (path, JSON)
ROW_LISTS = ("funny_files", "type_diff", "metadata_diff", "files")
# What is counted: all lists but that of the details
COUNTED = (*PATH_LISTS, *ROW_LISTS[:3])

NEVER = -(2**63)

# The lines of a directory in dircmp's report, in their order; 0 is the line with its name
REPORT_LINES = ("", "left_only", "right_only", "same_files", "diff_files", "funny_files", "common_dirs", "common_funny")
_WORDS = (
    "",
    "Only in %s",
    "Only in %s",
    "Identical files",
    "Differing files",
    "Trouble with common files",
    "Common subdirectories",
    "Common funny cases",
)
_LINE = {category: code for code, category in enumerate(REPORT_LINES)}
# (directory, line, name)
ReportItem = t.Tuple[str, int, str]


class Smallest(t.Generic[T]):
    """The ``limit`` smallest of all items that are added (-1: all of them)."""

    __slots__ = ("cutoff", "dropped", "items", "limit", "overfull")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.items: t.List[T] = []
        # Nothing from here on is among the smallest; None: everything still may be.
        self.cutoff: t.Optional[T] = None
        # Whether there were more items than are kept
        self.dropped = False
        # Sorting pays when it is done for many at once.
        self.overfull = 2 * limit + 64 if limit >= 0 else None

    def extend(self, items: t.List[T]) -> None:
        """Take what is small enough of ``items``."""
        cutoff = self.cutoff
        if cutoff is not None:
            small = [item for item in items if item < cutoff]  # type: ignore[operator] # T is a string or a tuple of strings
            self.dropped = self.dropped or len(small) < len(items)
            items = small
        self.items.extend(items)
        if self.overfull is not None and len(self.items) > self.overfull:
            self.settle()

    def settle(self) -> t.List[T]:
        """The items, sorted; what is too many is gone for good."""
        self.items.sort()
        if 0 <= self.limit < len(self.items):
            del self.items[self.limit :]
            self.dropped = True
        if self.dropped and self.items:
            self.cutoff = self.items[-1]
        return self.items


class Findings:
    """All that one process, or all together, found."""

    def __init__(self, limit: int) -> None:
        """``limit``: how many items of each list are wanted, -1 for all."""
        self.limit = limit
        self.counts: t.Dict[str, t.List[int]] = {name: [0, 0] for name in COUNTED}
        self.paths: t.Dict[str, Smallest[str]] = {name: Smallest(limit) for name in PATH_LISTS}
        self.rows: t.Dict[str, Smallest[t.Tuple[t.Any, ...]]] = {name: Smallest(limit) for name in ROW_LISTS}
        self.report: Smallest[ReportItem] = Smallest(limit)
        # Hard links are told apart at the end: (path, left inode, right inode)
        self.links: t.List[t.Any] = []
        # Where the rows of every entry are, if they were asked for
        self.runs: t.List[t.Any] = []
        # Seconds since the epoch: the newest file on the right
        self.newest: float = NEVER
        # Sums of what is no category of its own
        self.sums: t.Dict[str, int] = {
            "future": 0,  # files on the right whose mtime lies in the future
            "comparable_files": 0,
            "comparable_bytes": 0,
            "covered_files": 0,
            "covered_bytes": 0,
            "bytes_read": 0,
        }

    def count(self, category: str, entries: int, size: int) -> None:
        """``entries`` more in a category, of ``size`` bytes together."""
        cell = self.counts[category]
        cell[0] += entries
        cell[1] += size

    def add(self, category: str, path: str, size: int) -> None:
        """One entry of a category, counted and listed."""
        self.count(category, 1, size)
        self.paths[category].extend([path])

    def add_row(self, category: str, row: t.Tuple[t.Any, ...], size: int) -> None:
        """One row, which begins with a path, counted and listed."""
        self.count(category, 1, size)
        self.rows[category].extend([row])

    def wants(self, category: str, rel: str) -> bool:
        """Whether a path below the directory ``rel`` could still be listed: every one sorts after ``rel`` itself."""
        kept = self.paths[category]
        if kept.cutoff is None and self.limit:
            return True
        return kept.cutoff is not None and rel < kept.cutoff

    def wants_names(self, rel: str) -> bool:
        """Whether any list that has most entries in it could still take a path below the directory ``rel``."""
        return not self.limit or any(self.wants(category, rel) for category in ("left_list", "right_list", "common", "common_files", "same_files"))

    def list_names(self, category: str, rel: str, names: t.List[str]) -> None:
        """List entries of the directory ``rel`` that are counted already."""
        if not names:
            return
        if self.wants(category, rel):
            self.paths[category].extend([rel + name for name in names])
        else:
            self.paths[category].dropped = True

    def report_key(self, rel: str) -> t.Optional[str]:
        """How ``rel`` sorts among the reports (each directory before those below it); None when it will not be printed."""
        # Components are compared one by one: "a/b" comes before "a-b", which a plain comparison denies.
        key = rel.replace("/", "\0")
        cutoff = self.report.cutoff
        if self.limit and (cutoff is None or key <= cutoff[0]):
            return key
        self.report.dropped = True
        return None

    def report_names(self, key: t.Optional[str], category: str, names: t.List[str]) -> None:
        """Names in a line of the report of the directory with ``key``."""
        if key is not None and names:
            code = _LINE[category]
            self.report.extend([(key, code, name) for name in names])

    def pack(self) -> t.Dict[str, t.Any]:
        """Everything, as marshal can carry it."""
        return {
            "counts": self.counts,
            "paths": {name: (found.settle(), found.dropped) for name, found in self.paths.items()},
            "rows": {name: (found.settle(), found.dropped) for name, found in self.rows.items()},
            "report": (self.report.settle(), self.report.dropped),
            "links": self.links,
            "runs": self.runs,
            "newest": self.newest,
            "sums": self.sums,
        }

    def merge(self, packed: t.Dict[str, t.Any]) -> None:
        """Add what another process packed."""
        for name, (entries, size) in packed["counts"].items():
            self.count(name, entries, size)
        for name, paths in packed["paths"].items():
            _take(self.paths[name], paths)
        for name, rows in packed["rows"].items():
            _take(self.rows[name], rows)
        _take(self.report, packed["report"])
        self.links.extend(packed["links"])
        self.runs.extend(packed["runs"])
        self.newest = max(self.newest, packed["newest"])
        for name, number in packed["sums"].items():
            self.sums[name] += number


def _take(kept: Smallest[t.Any], packed: t.Tuple[t.List[t.Any], bool]) -> None:
    kept.extend(packed[0])
    kept.dropped = kept.dropped or packed[1]


def report_lines(left: str, right: str, items: t.List[ReportItem]) -> t.List[str]:
    """The lines of ``filecmp.dircmp``'s reports from sorted items; ``left`` and ``right`` are the roots."""
    lines: t.List[str] = []
    for (key, code), group in itertools.groupby(items, key=lambda item: item[:2]):
        below = key.replace("\0", "/")[:-1]
        if not code:
            if lines:
                lines.append("")
            lines.append("diff %s %s" % (_join(left, below), _join(right, below)))
            continue
        words = _WORDS[code]
        if code in (1, 2):
            words %= _join(left if code == 1 else right, below)
        lines.append("%s : %r" % (words, [item[2] for item in group]))
    return lines


def _join(root: str, below: str) -> str:
    return os.path.join(root, below) if below else root
