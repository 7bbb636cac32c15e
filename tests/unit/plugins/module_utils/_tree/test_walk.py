# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils import _descent
from ansible_collections.fleetproof.backup.plugins.module_utils._descent import Descent, open_root
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._tree.walk import WalkOptions, walk
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.comparing import Link, as_nobody, grow


class Listing:
    """Notes what the walk tells, and goes down everywhere."""

    def __init__(self, gauge):
        self.effort = 0
        self.told = []

    def directory(self, directory, push):
        rel = directory.rel
        self.told += [("both", rel + left.name, right.name) for left, right in directory.both]
        self.told += [("left", rel + entry.name, "") for entry in directory.left]
        self.told += [("right", rel + entry.name, "") for entry in directory.right]
        for side, entries in enumerate(directory.left_out):
            self.told += [("out %d" % side, rel + entry.name, "") for entry in entries]
        self.told += [("clash %d" % side, rel + entry.name, first.name) for side, entry, first in directory.clashes]
        down = [(left.name, right.name) for left, right in directory.both if left.is_dir() and right.is_dir()]
        down += [(entry.name, None) for entry in directory.left if entry.is_dir()]
        return down + [(None, entry.name) for entry in directory.right if entry.is_dir()]

    def unreadable(self, left_rel, right_rel, side, error):
        self.told.append(("unreadable %d" % side, left_rel or right_rel, type(error).__name__))

    def loop(self, left_rel, right_rel, side):
        self.told.append(("loop %d" % side, left_rel or right_rel, ""))

    def boundary(self, left_rel, right_rel, side):
        self.told.append(("boundary %d" % side, left_rel or right_rel, ""))

    def other(self, task, push):
        self.told.append(("other", task[0], ""))

    def result(self):
        return self.told


def _walked(left, right, **options):
    roots = [None if path is None else open_root(str(path), "left") for path in (left, right)]
    try:
        return sorted(row for told in walk(roots[0], roots[1], WalkOptions(**options), Listing) for row in told)
    finally:
        for root in roots:
            if root is not None:
                os.close(root)


def test_entries_are_paired_by_name(tmp_path):
    grow(tmp_path / "a", {"d": {"x": b"", "y": b""}, "l": b""})
    grow(tmp_path / "b", {"d": {"y": b"", "z": {}}, "r": {"s": b""}})
    assert _walked(tmp_path / "a", tmp_path / "b") == [
        ("both", "d", "d"),
        ("both", "d/y", "y"),
        ("left", "d/x", ""),
        ("left", "l", ""),
        ("right", "d/z", ""),
        ("right", "r", ""),
        ("right", "r/s", ""),
    ]


def test_one_tree_can_be_walked_alone(tmp_path):
    grow(tmp_path / "a", {"d": {"x": b""}})
    assert _walked(tmp_path / "a", None) == [("left", "d", ""), ("left", "d/x", "")]
    assert _walked(None, tmp_path / "a") == [("right", "d", ""), ("right", "d/x", "")]


def test_left_out_directories_are_not_entered(tmp_path):
    grow(tmp_path / "a", {"d": {"x": b""}, "e": b""})
    grow(tmp_path / "b", {"d": {"y": b""}})
    assert _walked(tmp_path / "a", tmp_path / "b", keep=lambda path, is_directory: not is_directory) == [
        ("left", "e", ""),
        ("out 0", "d", ""),
        ("out 1", "d", ""),
    ]


def test_names_that_fall_together_are_clashes(tmp_path):
    grow(tmp_path / "a", {"A": b"", "a": b""})
    grow(tmp_path / "b", {"a": b"", "B": b"", "b": b""})
    assert _walked(tmp_path / "a", tmp_path / "b", key=str.lower) == [
        ("both", "A", "a"),
        ("clash 0", "a", "A"),
        ("clash 1", "b", "B"),
        ("right", "B", ""),
    ]


def test_names_that_fall_together_are_clashes_also_in_a_tree_of_one_side(tmp_path):
    grow(tmp_path / "a", {"A": b"", "a": b""})
    assert _walked(tmp_path / "a", None, key=str.lower) == [("clash 0", "a", "A"), ("left", "A", "")]
    assert _walked(None, tmp_path / "a", key=str.lower) == [("clash 1", "a", "A"), ("right", "A", "")]


@pytest.mark.parametrize("follow", [False, True])
def test_a_tree_deeper_than_a_path_may_be_is_walked(tmp_path, follow):
    depth, name = 150, "n" * 100
    at = os.open(str(tmp_path), os.O_RDONLY)
    for _unused in range(depth):
        os.mkdir(name, dir_fd=at)
        below = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    open_before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    rows = _walked(tmp_path, tmp_path, follow=follow)
    assert len(rows) == depth
    assert {row[0] for row in rows} <= {"both"}
    if open_before is not None:
        assert len(os.listdir("/proc/self/fd")) == open_before


def test_no_more_than_so_many_ancestors_are_kept_open(tmp_path, monkeypatch):
    monkeypatch.setattr(_descent, "KEPT_OPEN", 3)
    tree = {"z": b""}
    for _unused in range(20):
        tree = {"d": tree, "e": {"x": b""}}
    grow(tmp_path / "a", tree)
    rows = _walked(tmp_path / "a", tmp_path / "a")
    assert len([row for row in rows if row[1].endswith("/x") or row[1] == "e/x"]) == 20
    root = open_root(str(tmp_path / "a"), "left")
    descent = Descent(root)
    descent.open("d/" * 15)
    assert sum(1 for descriptor in descent.open_at if descriptor >= 0) <= 4
    assert os.listdir(descent.open("d/e/")) == ["x"]
    descent.close()
    os.close(root)


def test_a_link_that_takes_a_directorys_place_is_not_entered(tmp_path):
    grow(tmp_path / "a", {"d": {"e": {"x": b""}}})
    grow(tmp_path / "secret", {"e": {"hidden": b""}})
    root = open_root(str(tmp_path / "a"), "left")
    os.rename(str(tmp_path / "a" / "d"), str(tmp_path / "gone"))
    os.symlink("../secret", str(tmp_path / "a" / "d"))
    descent = Descent(root)
    with pytest.raises(OSError, match=r"(symbolic links|Not a directory)"):
        descent.open("d/")
    with pytest.raises(OSError, match=r"(symbolic links|Not a directory)"):
        descent.open("d/e/")
    assert os.listdir(Descent(root, follow=True).open("d/e/")) == ["hidden"]
    os.close(root)


def test_loops_are_told_when_links_are_followed(tmp_path):
    grow(tmp_path / "a", {"d": {"up": Link(".."), "e": {"back": Link("../../d")}, "aside": Link("../f")}, "f": {"x": b""}})
    told = [row for row in _walked(tmp_path / "a", None, follow=True) if row[0] == "loop 0"]
    assert told == [("loop 0", "d/e/back/", ""), ("loop 0", "d/up/", "")]
    assert ("left", "d/aside/x", "") in _walked(tmp_path / "a", None, follow=True)


def test_a_directory_that_cannot_be_read_is_told():
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)

        def check():
            grow(folder + "/a", {"d": {"x": b""}, "e": {"y": b""}})
            os.chmod(folder + "/a/d", 0)
            assert _walked(folder + "/a", None) == [("left", "d", ""), ("left", "e", ""), ("left", "e/y", ""), ("unreadable 0", "d/", "PermissionError")]
            os.chmod(folder + "/a/d", 0o700)

        as_nobody(check)


def test_a_root_that_is_not_there_is_named():
    with pytest.raises(FleetproofError) as caught:
        open_root("/nowhere/at\udcff", "right")
    assert caught.value.kind == "not_found"
    assert caught.value.message == "Could not open the right directory /nowhere/at\\xff: No such file or directory"


def test_a_walk_leaves_access_times_alone(tmp_path):
    grow(tmp_path / "a", {"d": {"x": b""}})
    for path in (tmp_path / "a", tmp_path / "a" / "d"):
        os.utime(str(path), ns=(1, 1))
    _walked(tmp_path / "a", tmp_path / "a")
    assert [(tmp_path / "a" / "d").stat().st_atime_ns, (tmp_path / "a").stat().st_atime_ns] == [1, 1]
