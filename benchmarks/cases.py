# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The jobs that are measured: what is made for them, the peers' command lines, and what is right."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import trees
from measure import Contender

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Scale:
    """How large the workloads are."""

    files: int
    directories: int
    large_number: int
    large_size: int
    durable_files: int


QUICK = Scale(files=10_000, directories=500, large_number=8, large_size=32 << 20, durable_files=500)
FULL = Scale(files=100_000, directories=5_000, large_number=8, large_size=512 << 20, durable_files=5_000)


@dataclass(frozen=True)
class Case:
    """One job: ours first, then the peers. ``peer`` is the one that the goal is set against."""

    title: str
    peer: str
    # ours ÷ peer that is to be reached
    goal: float
    contenders: list[Contender]


def ours(module: str, **options: object) -> list[str]:
    """The command line that runs one of our modules as it is, without Ansible around it."""
    return [sys.executable, str(HERE / "engine.py"), module, json.dumps(options)]


def _same(_round: int, status: int, output: str) -> str | None:
    if status:
        return "status %d: %s" % (status, output[:300])
    return None if json.loads(output)["identical"] else "it does not say identical"


def _silent(_round: int, status: int, output: str) -> str | None:
    return "status %d: %s" % (status, output[:300]) if status or output.strip() else None


def _ran(_round: int, status: int, output: str) -> str | None:
    return "status %d: %s" % (status, output[:300]) if status else None


def _found(planted: dict[str, int], method: str) -> Callable[[int, int, str], str | None]:
    """Checks that a comparison of ours counted just what was planted."""

    def check(_round: int, status: int, output: str) -> str | None:
        if status:
            return "status %d: %s" % (status, output[:300])
        counts = json.loads(output)["counts"]
        expected = {
            "diff_files": planted["content"] if method == "content" else 0,
            "left_only": planted["missing"],
            "right_only": planted["extra"],
        }
        found = {name: counts[name]["entries"] for name in expected}
        return None if found == expected else "found %s, planted %s" % (found, expected)

    return check


def _copied(source: Path, copies: Callable[[int], Path]) -> Callable[[int, int, str], str | None]:
    """Checks with an independent tool that a copy is one: rsync by checksum where there is one, else diff."""

    def check(number: int, status: int, output: str) -> str | None:
        if status:
            return "status %d: %s" % (status, output[:300])
        if shutil.which("rsync"):
            command = ["rsync", "-aHnci", "--delete", "%s/" % source, "%s/" % copies(number)]
        else:
            command = ["diff", "-rq", str(source), str(copies(number))]
        left = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return "something is left to do: %s" % left[:300] if left.strip() else None

    return check


def compare_cases(work: Path, scale: Scale) -> Iterator[Case]:
    """Two equal trees by size and mtime, and by content; then with one file in a hundred changed."""
    even, twin = work / "even", work / "even-twin"
    trees.even_tree(even, scale.files, scale.directories)
    trees.twin(even, twin)
    flat, flat_twin = work / "flat", work / "flat-twin"
    trees.flat_tree(flat, scale.files)
    trees.twin(flat, flat_twin)
    for title, left, right in (("many directories", even, twin), ("few large directories", flat, flat_twin)):
        yield Case(
            "compare by size and mtime, %d files, %s" % (scale.files, title),
            "rsync -rlptn -i",
            0.40,
            [
                Contender("dir_compare quick", lambda _n, one=left, other=right: ours("dir_compare", left=str(one), right=str(other), method="quick"), _same),
                Contender("rsync -rlptn -i", lambda _n, one=left, other=right: ["rsync", "-rlptn", "-i", "%s/" % one, "%s/" % other], _silent),
            ],
        )
    yield Case(
        "compare by content, %d small files" % scale.files,
        "diff -rq",
        0.50,
        [
            Contender("dir_compare content", lambda _n: ours("dir_compare", left=str(even), right=str(twin), method="content"), _same),
            Contender("diff -rq", lambda _n: ["diff", "-rq", str(even), str(twin)], _silent),
            Contender("rsync -rnc -i", lambda _n: ["rsync", "-rlptnc", "-i", "%s/" % even, "%s/" % twin], _silent),
        ],
    )
    planted_in = work / "even-planted"
    trees.twin(even, planted_in)
    planted = trees.plant(planted_in, 0.01)
    yield Case(
        "compare by content, %d small files, 1 %% changed" % scale.files,
        "diff -rq",
        0.50,
        [
            Contender(
                "dir_compare content", lambda _n: ours("dir_compare", left=str(even), right=str(planted_in), method="content"), _found(planted, "content")
            ),
            Contender("diff -rq", lambda _n: ["diff", "-rq", str(even), str(planted_in)]),
        ],
    )
    large, large_twin = work / "large", work / "large-twin"
    trees.large_files(large, scale.large_number, scale.large_size)
    trees.twin(large, large_twin)
    yield Case(
        "compare by content, %d x %d MiB" % (scale.large_number, scale.large_size >> 20),
        "diff -rq",
        0.25,
        [
            Contender("dir_compare content", lambda _n: ours("dir_compare", left=str(large), right=str(large_twin), method="content"), _same),
            Contender("diff -rq", lambda _n: ["diff", "-rq", str(large), str(large_twin)], _silent),
        ],
    )


def _copies(work: Path, name: str) -> Callable[[int], Path]:
    """A new destination each round: on ext4, creating where much was just removed is slow for everybody."""
    folder = work / name.replace(" ", "-").replace("/", "")
    folder.mkdir(parents=True, exist_ok=True)
    return lambda number: folder / ("round%d" % number)


def _first_copy(work: Path, title: str, source: Path, goal: float, extra: dict[str, object], rsync: list[str], with_cp: bool) -> Case:
    mine, theirs, by_cp = (_copies(work, "%s %s" % (title, who)) for who in ("ours", "rsync", "cp"))
    contenders = [
        Contender("backup_sync", lambda n: ours("backup_sync", src=str(source), dest=str(mine(n)), **extra), _copied(source, mine)),
        Contender(" ".join(rsync), lambda n: [*rsync, "%s/" % source, "%s/" % theirs(n)], _ran),
    ]
    if with_cp:
        contenders.append(Contender("cp -a", lambda n: ["cp", "-a", str(source), str(by_cp(n))], _ran))
    return Case(title, " ".join(rsync), goal, contenders)


def copy_cases(work: Path, scale: Scale) -> Iterator[Case]:
    """First copies, a copy with nothing to do, a copy with one file in a hundred changed, a durable one."""
    even, large, flat = work / "even", work / "large", work / "flat"
    relaxed: dict[str, object] = {"fsync": "none"}
    yield _first_copy(work, "first copy of %d small files" % scale.files, even, 0.55, relaxed, ["rsync", "-a"], True)
    title = "first copy of %d x %d MiB" % (scale.large_number, scale.large_size >> 20)
    yield _first_copy(work, title, large, 0.25, relaxed, ["rsync", "-a"], True)
    for title, source in (("many directories", even), ("few large directories", flat)):
        there = work / ("again-%s" % source.name)
        trees.twin(source, there)
        yield Case(
            "second copy, nothing to do, %d files, %s" % (scale.files, title),
            "rsync -a --delete",
            0.40,
            [
                Contender("backup_sync", lambda _n, s=source, d=there: ours("backup_sync", src=str(s), dest=str(d), delete=True), _ran),
                Contender("rsync -a --delete", lambda _n, s=source, d=there: ["rsync", "-a", "--delete", "%s/" % s, "%s/" % d], _ran),
            ],
        )
    yield _changed_copy(work, even, scale)
    few = work / "few"
    trees.even_tree(few, scale.durable_files, max(1, scale.durable_files // 20))
    title = "first copy of %d small files, durable" % scale.durable_files
    yield _first_copy(work, title, few, 0.50, {"fsync": "file"}, ["rsync", "-a", "--fsync"], False)


def _changed_copy(work: Path, even: Path, scale: Scale) -> Case:
    """Each round updates a destination of its own, which is the source as it was before the changes."""
    changed = work / "even-changed"
    trees.twin(even, changed)
    trees.age_changes(changed, 0.01)
    mine, theirs = _copies(work, "changed ours"), _copies(work, "changed rsync")

    def fresh(copies: Callable[[int], Path]) -> Callable[[int], None]:
        return lambda number: trees.twin(even, copies(number))

    return Case(
        "copy of %d small files with 1 %% changed" % scale.files,
        "rsync -a --delete",
        0.50,
        [
            Contender(
                "backup_sync",
                lambda n: ours("backup_sync", src=str(changed), dest=str(mine(n)), delete=True, fsync="none"),
                _copied(changed, mine),
                fresh(mine),
            ),
            Contender("rsync -a --delete", lambda n: ["rsync", "-a", "--delete", "%s/" % changed, "%s/" % theirs(n)], _ran, fresh(theirs)),
        ],
    )
