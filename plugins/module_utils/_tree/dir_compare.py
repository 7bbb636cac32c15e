# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job of the module dir_compare: from options to a result.

Private to this collection.
"""

# What only some tasks need is imported where they need it: every file costs all tasks time.
# pylint: disable=import-outside-toplevel
# ruff: noqa: PLC0415

from __future__ import annotations

import json
import os
import time
import typing as t

from .._descent import open_root
from .._errors import FleetproofError
from .._module import ArgumentSpec, Outcome, Task
from .._share import Gauge
from .._values import display_name, iso_time, max_listed_of, parse_duration, window_ns_of
from .collect import COUNTED, NEVER, PATH_LISTS, Findings, Smallest, report_lines
from .compare import compare
from .entries import CLOSURES, METHODS, Request
from .options import TREE, walk_options_of, workers_of

if t.TYPE_CHECKING:
    from .._progress import Progress

ALGORITHMS = ("sha256", "sha512", "blake2b", "sha1", "md5")
METADATA = ("mode", "owner", "group", "mtime", "xattrs", "acls", "hardlinks", "sparse")
FAIL_ON = ("left_only", "right_only", "diff_files", "common_funny", "funny_files", "metadata_diff", "corrupted", "stale")
# The depth of the last level that is compared
_DEEPEST = {"top": 0, "partial": 1, "full": None}

SPEC = TREE.merge(
    ArgumentSpec(
        argument_spec={
            "left": {"type": "path", "required": True, "aliases": ["src"]},
            "right": {"type": "path", "required": True, "aliases": ["dest"]},
            "closure": {"type": "str", "default": "full", "choices": list(CLOSURES)},
            "method": {"type": "str", "default": "content", "choices": list(METHODS)},
            "algorithm": {"type": "str", "default": "sha256", "choices": list(ALGORITHMS)},
            "metadata": {"type": "list", "elements": "str", "default": [], "choices": list(METADATA)},
            "one_way": {"type": "bool", "default": False},
            "ignore_case": {"type": "bool", "default": False},
            "follow": {"type": "bool", "default": False},
            "sample": {"type": "str"},
            "sample_seed": {"type": "str", "default": ""},
            "max_age": {"type": "str"},
            "fail_on": {"type": "list", "elements": "str", "default": [], "choices": list(FAIL_ON)},
            "details": {"type": "bool", "default": False},
            "report_path": {"type": "path"},
        },
    )
)


def job(task: Task) -> Outcome:
    """Compare as the options say. The result is that of RETURN; nothing is ever changed."""
    begun, now = time.monotonic(), time.time()
    params = task.params
    max_age = None if params["max_age"] is None else parse_duration(params["max_age"], "max_age")
    if "stale" in params["fail_on"] and max_age is None:
        raise FleetproofError("argument", "fail_on: stale needs max_age, the age that the newest file on the right may have")
    left = open_root(params["left"], "left")
    right = -1
    try:
        right = open_root(params["right"], "right")
        request = _request(params, left, right, now)
        findings, warnings = _run(task, request, left, right)
        result = _result(params, findings, now, max_age)
        diff = None
        if task.diff_mode and not result["identical"]:
            from .text_diff import diff_text

            roots = (params["left"], params["right"])
            diff = {"prepared": diff_text(findings, left, right, roots, request.walk.follow, request.one_way)}
    finally:
        os.close(left)
        if right >= 0:
            os.close(right)
    if findings.sums["future"]:
        warnings.append("%d files on the right are dated in the future; they were not taken for the newest" % findings.sums["future"])
    result["duration"] = round(time.monotonic() - begun, 3)
    return Outcome(result=result, diff=diff, warnings=warnings, failure=_failure(params, findings, result))


def _request(params: t.Mapping[str, t.Any], left: int, right: int, now: float) -> Request:
    if params["metadata"]:
        from .metadata import check_fields

        check_fields(params["metadata"], "metadata")
    walk_options = walk_options_of(params)
    chosen = None
    if params["sample"] is not None:
        from .sample import chooser, parse_sample

        sample = parse_sample(params["sample"])
        chosen = chooser(sample, params["sample_seed"], left, right, walk_options, _DEEPEST[params["closure"]], workers_of(params))
    return Request(
        closure=params["closure"],
        method=params["method"],
        algorithm=params["algorithm"],
        metadata=frozenset(params["metadata"]),
        window_ns=window_ns_of(params),
        one_way=params["one_way"],
        walk=walk_options,
        chosen=chosen,
        max_listed=max_listed_of(params),
        details=params["details"],
        now=now,
    )


def _run(task: Task, request: Request, left: int, right: int) -> t.Tuple[Findings, t.List[str]]:
    """Compare, with the files that are written meanwhile. Returns warnings as well."""
    params = task.params
    workers = workers_of(params)
    rows_file = progress = None
    if not task.check_mode:
        if params["report_path"] is not None:
            from .rows_file import RowsFile

            rows_file = RowsFile(params["report_path"], workers)
        if params["progress_path"] is not None:
            from .._progress import Progress

            progress = Progress(params["progress_path"], "dir_compare")
    teller = None if progress is None else _Teller(progress)
    state = "failed"
    try:
        findings = compare(left, right, request, workers, teller, rows_file)
        if rows_file is not None:
            rows_file.write(findings.runs)
        state = "finished"
    finally:
        if teller is not None:
            teller.end(state)
    return findings, [] if progress is None or progress.failed is None else [progress.failed]


class _Teller:
    """Tells a progress file what a gauge shows."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._at: t.Tuple[t.Optional[Gauge], str] = (None, "")

    def __call__(self, gauge: Gauge, name: str) -> None:
        self._at = (gauge, name)
        if self._progress.due():
            self._tell()

    def _tell(self) -> None:
        gauge, name = self._at
        if gauge is not None:
            (entries, size), (all_entries, all_size) = gauge.totals(), gauge.expected()
            self._progress.tell(entries, size, all_entries - entries, all_size - size, name)

    def end(self, state: str) -> None:
        """The last numbers."""
        self._tell()
        self._progress.end(state)


def _result(params: t.Mapping[str, t.Any], findings: Findings, now: float, max_age: t.Optional[float]) -> t.Dict[str, t.Any]:
    counts = {name: {"entries": findings.counts[name][0], "bytes": findings.counts[name][1]} for name in COUNTED}
    lists: t.Dict[str, t.List[t.Any]] = {name: [display_name(path) for path in findings.paths[name].settle()] for name in PATH_LISTS}
    rows = {name: kept.settle() for name, kept in findings.rows.items()}
    differing = {"left_only", "diff_files", "type_diff", "funny_files", "metadata_diff"} | (set() if params["one_way"] else {"right_only"})
    newest = None if findings.newest == NEVER else findings.newest
    report = report_lines(params["left"], params["right"], findings.report.settle())
    kept: t.List[Smallest[t.Any]] = [*findings.paths.values(), *findings.rows.values(), findings.report]
    result = {
        "identical": not any(counts[name]["entries"] for name in differing),
        "counts": counts,
        **lists,
        "type_diff": [{"path": display_name(path), "left": left, "right": right} for path, left, right in rows["type_diff"]],
        "funny_files": [{"path": display_name(path), "reason": reason} for path, reason in rows["funny_files"]],
        "metadata_diff": [{"path": display_name(path), "field": field, "left": left, "right": right} for path, field, left, right in rows["metadata_diff"]],
        "report": report,
        "truncated": any(some.dropped for some in kept),
        "newest": iso_time(newest),
        "stale": None if max_age is None else newest is None or now - newest > max_age,
        "coverage": _coverage(params, findings),
        "bytes_read": findings.sums["bytes_read"],
    }
    if params["details"]:
        result["files"] = [json.loads(text) for _path, text in rows["files"]]
    return result


def _coverage(params: t.Mapping[str, t.Any], findings: Findings) -> t.Dict[str, t.Any]:
    """How much of the content that could differ was read."""
    sums = findings.sums
    files, size = sums["comparable_files"], sums["comparable_bytes"]
    read_files, read_size = sums["covered_files"], sums["covered_bytes"]
    whole, part = (size, read_size) if size else (files, read_files)
    return {
        "files": files,
        "files_read": read_files,
        "bytes": size,
        "bytes_read": read_size,
        "share": round(part / whole, 6) if whole else 1.0,
        "sample": params["sample"],
        "sample_seed": params["sample_seed"],
    }


def _failure(params: t.Mapping[str, t.Any], findings: Findings, result: t.Dict[str, t.Any]) -> t.Optional[FleetproofError]:
    """What O(fail_on) makes of the result: one sentence, or nothing."""
    found: t.List[str] = []
    for category in FAIL_ON:
        if category not in params["fail_on"] or (category == "right_only" and params["one_way"]):
            continue
        if category == "stale":
            if result["stale"]:
                found.append("the newest file on the right is of %s, and may be %s old at most" % (result["newest"] or "no time at all", params["max_age"]))
            continue
        # Of the funny cases only those that really differ count; two FIFOs do not.
        number = findings.counts["type_diff" if category == "common_funny" else category][0]
        if number:
            found.append("%s %d" % (category, number))
    if not found:
        return None
    return FleetproofError("integrity", "%s is not as fail_on wants it: %s" % (display_name(params["right"]), ", ".join(found)))
