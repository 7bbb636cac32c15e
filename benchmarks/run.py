# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures our engines beside the tools they are held against, in one run, and prints a table.

    python benchmarks/run.py [--quick] [--rounds N] [--only WORD] [--json FILE] [--work DIR]

A ratio is ours ÷ peer, taken round by round: smaller is better, and below the goal is what we are after.
Every result is checked in the same run: a fast wrong answer is reported as wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cases import FULL, QUICK, Case, Contender, Scale, compare_cases, copy_cases
from measure import Timing, in_turn, ratios, run_once
from tasks import task_cases


def _version(program: str) -> str:
    if shutil.which(program) is None:
        return "not installed: its rows are missing"
    return run_once([program, "--version"])[3].splitlines()[0]


def _available(contender: Contender) -> bool:
    return shutil.which(contender.command(0)[0]) is not None


def _measure(case: Case, rounds: int) -> dict[str, object]:
    def say(mark: str) -> None:
        print(mark, end="", file=sys.stderr, flush=True)

    print("%s " % case.title, end="", file=sys.stderr, flush=True)
    timings = in_turn([contender for contender in case.contenders if _available(contender)], rounds, say)
    print(file=sys.stderr)
    return {"title": case.title, "peer": case.peer, "goal": case.goal, "rows": [_row(timing, timings[0]) for timing in timings]}


def _row(timing: Timing, mine: Timing) -> dict[str, object]:
    middle, low, high = ratios(mine, timing)
    return {
        "name": timing.name,
        "median_s": timing.median,
        "spread_s": [min(timing.seconds), max(timing.seconds)],
        "peak_kib": max(timing.peak),
        "ratio": middle,
        "ratio_spread": [low, high],
        "wrong": timing.wrong,
    }


def _table(results: list[dict[str, object]]) -> Iterator[str]:
    yield "| job | peer | ours ÷ peer (spread) | goal | memory ÷ peer | result |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for result in results:
        mine, *peers = result["rows"]  # type: ignore[misc] # rows as _measure made them
        for peer in peers:
            goal = "%.2f" % result["goal"] if peer["name"] == result["peer"] else ""
            wrong = mine["wrong"] or peer["wrong"]
            yield "| %s | `%s` | **%.2f** (%.2f to %.2f) | %s | %.2f | %s |" % (
                result["title"],
                peer["name"],
                peer["ratio"],
                *peer["ratio_spread"],
                goal,
                mine["peak_kib"] / max(1, peer["peak_kib"]),
                "WRONG: %s" % wrong if wrong else "checked",
            )


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the engines beside their peers.")
    parser.add_argument("--quick", action="store_true", help="small workloads, about two minutes in all")
    parser.add_argument("--rounds", type=int, help="rounds to measure after one to warm up (default 7, quick 5)")
    parser.add_argument("--only", default="", help="only jobs whose title contains this")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--work", type=Path, help="where the trees are made (default: the temporary folder)")
    arguments = parser.parse_args()
    scale: Scale = QUICK if arguments.quick else FULL
    rounds = arguments.rounds or (5 if arguments.quick else 7)
    work = Path(tempfile.mkdtemp(prefix="fleetproof-bench-", dir=arguments.work))
    machine = {
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "system": platform.platform(),
        **{program: _version(program) for program in ("rsync", "diff", "cp", "ansible-playbook")},
    }
    results = []
    try:
        for cases in (compare_cases, copy_cases, task_cases):
            results.extend(_measure(case, rounds) for case in cases(work, scale) if arguments.only in case.title)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    for name, value in machine.items():
        print("%s: %s" % (name, value))
    print("\n".join(_table(results)))
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine, "rounds": rounds, "results": results}, indent=1))
    return 1 if any(row["wrong"] for result in results for row in result["rows"]) else 0  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())
