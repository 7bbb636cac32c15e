# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Grows two trees and says what Python's own filecmp makes of them.

plant.py <directory>: makes left and right in it, and prints JSON: the eleven attributes of
``filecmp.dircmp`` as paths, and the lines of its three reports.
"""

from __future__ import annotations

import contextlib
import filecmp
import io
import json
import os
import sys

ATTRIBUTES = "left_list right_list common left_only right_only common_dirs common_files common_funny same_files diff_files funny_files".split()
# 2020-09-13
WHEN = 1_600_000_000

SAME = {
    "same.txt": b"same\n",
    "d/same": b"1",
    "d/e/deep": b"2",
    "d/e/f/deeper": b"3",
    "empty/": None,
    "\u6587\u4ef6/\u6d4b\u8bd5": b"4",
    b"bytes\xff\n": b"5",
    "a-b/x": b"6",
    "a/x": b"6",
}
LEFT = {"differs.txt": b"one\ntwo\n", "d/rotten": b"good", "d/e/longer": b"1", "only_left": b"12345", "gone/with/all": b"123", "turned": b"file"}
RIGHT = {"differs.txt": b"one\nthree\n", "d/rotten": b"gold", "d/e/longer": b"12", "extra": b"1", "d/more/files": b"12", "turned/": None}


def grow(root: bytes, tree: dict) -> None:
    """Make files and (with a slash at their end) directories."""
    for name, content in tree.items():
        path = os.path.join(root, os.fsencode(name))
        os.makedirs(path if content is None else os.path.dirname(path), exist_ok=True)
        if content is not None:
            with open(path, "wb") as file:
                file.write(content)
            os.utime(path, (WHEN, WHEN))


def everything(comparison: filecmp.dircmp, prefix: str = "") -> dict:
    """The attributes of a comparison and of all below it, as paths."""
    found = {name: [prefix + item for item in getattr(comparison, name)] for name in ATTRIBUTES}
    for name, below in comparison.subdirs.items():
        for attribute, paths in everything(below, prefix + name + "/").items():
            found[attribute] += paths
    return found


def shown(path: str) -> str:
    """As results show the one name here that is no text."""
    return path.replace("\udcff\n", "\\xff\\x0a")


def main() -> None:
    """Do both."""
    root = sys.argv[1]
    left, right = os.path.join(root, "left"), os.path.join(root, "right")
    for side, own in ((left, LEFT), (right, RIGHT)):
        os.mkdir(side)
        grow(os.fsencode(side), {**SAME, **own})
        os.mkfifo(os.path.join(side, "fifo"))
    reports = {}
    for closure, method in (("full", "report_full_closure"), ("partial", "report_partial_closure"), ("top", "report")):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            getattr(filecmp.dircmp(left, right, ignore=[], hide=[]), method)()
        reports[closure] = out.getvalue().splitlines()
    found = everything(filecmp.dircmp(left, right, ignore=[], hide=[]))
    print(json.dumps({"reports": reports, "lists": {name: [shown(path) for path in sorted(paths)] for name, paths in found.items()}}))


main()
