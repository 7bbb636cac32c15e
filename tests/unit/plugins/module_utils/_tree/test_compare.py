# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import contextlib
import filecmp
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import tracemalloc
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils import _share
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._tree import entries, pairs
from ansible_collections.fleetproof.backup.plugins.module_utils._values import display_name
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.comparing import FIFO, THEN, Link, as_nobody, compared, grow, outcome, trees
from hypothesis import HealthCheck, given, settings

SLOW = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
ATTRIBUTES = (
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
    "funny_files",
)


@pytest.fixture(name="two")
def fixture_two(tmp_path):
    """Make two trees in a new directory and return their paths."""

    def make(left, right, when=THEN):
        grow(tmp_path / "left", left)
        grow(tmp_path / "right", right, when)
        return tmp_path / "left", tmp_path / "right"

    return make


@contextlib.contextmanager
def planted(pair):
    with tempfile.TemporaryDirectory() as folder:
        left, right = os.path.join(folder, "a"), os.path.join(folder, "b")
        grow(left, pair[0])
        grow(right, pair[1])
        yield left, right


def _everything(comparison, prefix=""):
    """The attributes of a dircmp and of all below it, as paths."""
    found = {name: [prefix + item for item in getattr(comparison, name)] for name in ATTRIBUTES}
    for name, below in comparison.subdirs.items():
        for attribute, paths in _everything(below, prefix + name + "/").items():
            found[attribute] += paths
    return found


def _printed(comparison, closure):
    method = {"full": "report_full_closure", "partial": "report_partial_closure", "top": "report"}[closure]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        getattr(comparison, method)()
    return out.getvalue()


def _agrees_with_filecmp(left, right, **options):
    filecmp.clear_cache()
    expected = _everything(filecmp.dircmp(left, right, ignore=[], hide=[]))
    result = compared(left, right, method="shallow", max_listed=-1, **options)
    for attribute in ATTRIBUTES[:-1]:
        assert result[attribute] == [display_name(path) for path in sorted(expected[attribute])], attribute
    for closure in ("full", "partial", "top"):
        report = compared(left, right, method="shallow", max_listed=-1, closure=closure, **options)["report"]
        assert "".join(line + "\n" for line in report) == _printed(filecmp.dircmp(left, right, ignore=[], hide=[]), closure)
    return expected, result


@SLOW
@given(pair=trees(links=False))
def test_the_eleven_lists_and_three_reports_are_those_of_filecmp(pair):
    with planted(pair) as (left, right):
        expected, result = _agrees_with_filecmp(left, right)
        assert expected["funny_files"] == [] == result["funny_files"]


def _without_loops(tree):
    kept = {}
    for name, node in tree.items():
        if isinstance(node, dict):
            kept[name] = _without_loops(node)
        elif not isinstance(node, Link) or node not in (".", ".."):
            kept[name] = node
    return kept


def _links_stay_on_files(tree):
    """The trees' links lead to "a": where that is a directory, or another link, filecmp would go round in circles."""
    return all(
        _links_stay_on_files(node)
        if isinstance(node, dict)
        else not isinstance(node, Link) or node == "nowhere" or not isinstance(tree.get(b"a"), (dict, Link))
        for node in tree.values()
    )


@SLOW
@given(pair=trees())
def test_followed_links_are_filed_as_filecmp_files_them(pair):
    pair = tuple(_without_loops(tree) for tree in pair)
    if not all(_links_stay_on_files(tree) for tree in pair):
        return
    with planted(pair) as (left, right):
        _expected, result = _agrees_with_filecmp(left, right, follow=True)
        assert {item["path"] for item in result["funny_files"]} <= set(result["common_funny"])


_WORDS = {stat.S_IFIFO: "fifo", stat.S_IFDIR: "directory", stat.S_IFLNK: "symbolic link"}


def _diff_word(path):
    state = os.lstat(path)
    if stat.S_ISREG(state.st_mode):
        return b"regular file" if state.st_size else b"regular empty file"
    return _WORDS[stat.S_IFMT(state.st_mode)].encode()


def _as_diff_says(left, right, rows):
    """The lines of ``diff -rq --no-dereference`` for the rows of a report file."""
    lines = []
    tops = {(row["category"], row["path_b64"]) for row in rows}
    for row in rows:
        path = base64.b64decode(row["path_b64"])
        one, other = os.path.join(os.fsencode(left), path), os.path.join(os.fsencode(right), path)
        folder, name = os.path.split(path)
        category = row["category"]
        if category in ("left_only", "right_only"):
            if (category, base64.b64encode(folder).decode()) in tops:
                continue  # beneath one that is told
            side = os.path.join(os.fsencode(left if category == "left_only" else right), folder)
            lines.append(b"Only in %s: %s" % (side.rstrip(b"/"), name))
        elif category == "common_funny":
            lines.append(b"File %s is a %s while file %s is a %s" % (one, _diff_word(one), other, _diff_word(other)))
        elif category == "diff_files":
            links = os.path.islink(one)
            lines.append((b"Symbolic links %s and %s differ" if links else b"Files %s and %s differ") % (one, other))
        else:
            assert category in ("same_files", "common_dirs"), row
    return b"".join(line + b"\n" for line in lines)


@pytest.fixture(scope="module", name="diff_program")
def fixture_diff_program():
    program = shutil.which("diff")
    version = program and subprocess.run([program, "--version"], stdout=subprocess.PIPE, check=False).stdout
    if not program or b"GNU" not in version:
        pytest.skip("GNU diff is not installed")
    with planted(({b"x y": b"1"}, {b"x y": b"2"})) as (left, right):
        said = subprocess.run([program, "-rq", left, right], stdout=subprocess.PIPE, check=False, env={"LC_ALL": "C"}).stdout
    if b"'" in said:
        pytest.skip("this diff quotes names, and its lines cannot be foretold")
    return program


@SLOW
@given(pair=trees())
def test_what_differs_is_what_diff_says(diff_program, pair):
    with planted(pair) as (left, right):
        report = os.path.join(os.path.dirname(left), "report.jsonl")
        result = compared(left, right, report_path=report)
        with open(report, encoding="ascii") as file:
            rows = [json.loads(line) for line in file]
        done = subprocess.run([diff_program, "-rq", "--no-dereference", left, right], stdout=subprocess.PIPE, check=False, env={"LC_ALL": "C"})
        assert sorted(_as_diff_says(left, right, rows).split(b"\n")) == sorted(done.stdout.split(b"\n"))
        # Two FIFOs are trouble to diff, and no difference to us.
        real = [row for row in rows if row["category"] not in ("same_files", "common_dirs") and (row["category"] != "common_funny" or "reason" in row)]
        assert result["identical"] == (not real)
        assert result["funny_files"] == []


@settings(SLOW, max_examples=40)
@given(pair=trees())
def test_many_processes_find_what_one_finds(pair):
    fork_after = vars(_share)
    before = fork_after["FORK_AFTER"]
    fork_after["FORK_AFTER"] = 1
    try:
        with planted(pair) as (left, right):
            results = [compared(left, right, parallel=parallel, details=True, max_listed=3) for parallel in ("1", "3")]
    finally:
        fork_after["FORK_AFTER"] = before
    for result in results:
        result.pop("duration")
    assert results[0] == results[1]


def test_a_directory_on_one_side_is_listed_once_and_counted_whole(two):
    result = compared(*two({"d": {"e": {"f": b"12345"}, "g": b"1"}}, {"x": {}, "y": b"22"}))
    assert result["left_only"] == ["d"]
    assert result["counts"]["left_only"] == {"entries": 4, "bytes": 6}
    assert result["right_only"] == ["x", "y"]
    assert result["counts"]["right_only"] == {"entries": 2, "bytes": 2}
    assert result["counts"]["left_list"] == {"entries": 4, "bytes": 6}
    assert not result["identical"]


def test_an_empty_directory_counts(two):
    left, right = two({"d": {}}, {})
    assert compared(left, right)["left_only"] == ["d"]
    assert not compared(left, right)["identical"]


def test_equal_trees_are_identical(two):
    tree = {"a": b"1", "d": {"l": Link("a"), "f": FIFO}, b"\xff": b""}
    result = compared(*two(tree, tree))
    assert result["identical"]
    assert result["common_funny"] == ["d/f"]
    assert result["type_diff"] == []
    assert result["same_files"] == ["a", "d/l", "\\xff"]


def test_two_fifos_are_listed_and_fail_nothing(two):
    left, right = two({"f": FIFO, "g": FIFO}, {"f": FIFO, "g": b""})
    done = outcome(left, right, fail_on=["common_funny"])
    assert done.result["common_funny"] == ["f", "g"]
    assert done.result["type_diff"] == [{"path": "g", "left": "fifo", "right": "file"}]
    assert done.failure.kind == "integrity"
    assert done.failure.message.endswith("common_funny 1")
    os.unlink(str(right / "g"))
    os.mkfifo(str(right / "g"))
    done = outcome(left, right, fail_on=["common_funny"])
    assert done.failure is None
    assert done.result["identical"]


@pytest.mark.parametrize(
    ("method", "differing"),
    [
        ("size", ["longer"]),
        ("quick", ["longer", "newer", "older"]),
        ("shallow", ["flipped", "longer"]),
        ("content", ["flipped", "longer", "rotten"]),
        ("checksum", ["flipped", "longer", "rotten"]),
    ],
)
def test_each_method_sees_what_it_looks_at(two, method, differing):
    left, right = two(
        {"rotten": b"one", "flipped": b"one", "older": b"same", "newer": b"same", "longer": b"1", "same": b"1"},
        {"rotten": b"two", "flipped": b"two", "older": b"same", "newer": b"same", "longer": b"12", "same": b"1"},
    )
    os.utime(str(right / "older"), ns=(THEN - 1, THEN - 1))
    os.utime(str(right / "newer"), ns=(THEN + 1, THEN + 1))
    os.utime(str(right / "flipped"), ns=(THEN + 1, THEN + 1))
    if method == "quick":
        differing = sorted([*differing, "flipped"])
    result = compared(left, right, method=method)
    assert result["diff_files"] == differing
    assert result["corrupted"] == (["rotten"] if "rotten" in differing else [])
    assert result["outdated"] == (["older"] if method == "quick" else [])
    assert not result["identical"]


def test_modify_window_is_how_far_two_times_may_lie_apart(two):
    left, right = two({"a": b"1"}, {"a": b"1"}, when=THEN + 2_000_000_000)
    assert compared(left, right, method="quick", modify_window=2.0)["identical"]
    assert not compared(left, right, method="quick", modify_window=1.9)["identical"]
    assert compared(left, right, metadata=["mtime"], modify_window=2.0)["metadata_diff"] == []
    fields = [(item["path"], item["field"]) for item in compared(left, right, metadata=["mtime"], modify_window=1.9)["metadata_diff"]]
    assert ("a", "mtime") in fields


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "blake2b", "sha1", "md5"])
def test_checksums_are_returned_with_the_details(two, algorithm):
    import hashlib

    left, right = two({"a": b"one"}, {"a": b"two"})
    result = compared(left, right, method="checksum", algorithm=algorithm, details=True)
    (row,) = result["files"]
    assert row["left"]["digest"] == hashlib.new(algorithm, b"one").hexdigest()
    assert row["right"]["digest"] == hashlib.new(algorithm, b"two").hexdigest()
    assert row["reason"] == "content"
    assert result["bytes_read"] == 6


def test_large_files_are_compared_to_the_last_byte(two):
    size = entries.LARGE + 12345
    data = os.urandom(size)
    left, right = two(
        {"same": data, "last": data, "d": {"first": data}}, {"same": data, "last": data[:-1] + bytes([data[-1] ^ 1]), "d": {"first": b"x" + data[1:]}}
    )
    for parallel in ("1", "2"):
        result = compared(left, right, parallel=parallel, details=True)
        assert result["same_files"] == ["same"]
        assert result["diff_files"] == ["d/first", "last"] == result["corrupted"]
        assert result["counts"]["same_files"] == {"entries": 1, "bytes": size}
        assert [(row["path"], row["category"]) for row in result["files"]] == [
            ("d", "common_dirs"),
            ("d/first", "diff_files"),
            ("last", "diff_files"),
            ("same", "same_files"),
        ]
        assert result["report"][1:] == [
            "Identical files : ['same']",
            "Differing files : ['last']",
            "Common subdirectories : ['d']",
            "",
            "diff %s %s" % (left / "d", right / "d"),
            "Differing files : ['first']",
        ]


def test_the_same_inode_on_both_sides_is_not_read(two):
    left, right = two({"a": b"x" * 1000}, {})
    os.link(str(left / "a"), str(right / "a"))
    result = compared(left, right)
    assert result["identical"]
    assert result["bytes_read"] == 0
    assert result["coverage"]["share"] == 1.0


def test_one_way_excuses_what_only_the_right_has(two):
    left, right = two({"a": b"1"}, {"a": b"1", "b": b"2", "d": {"e": b"3"}})
    done = outcome(left, right, one_way=True, fail_on=["right_only"])
    assert done.result["identical"]
    assert done.failure is None
    assert done.result["right_only"] == ["b", "d"]
    assert not compared(left, right)["identical"]


def test_closures_go_as_far_down_as_they_say(two):
    left, right = two({"d": {"e": {"x": b"1"}, "y": b"1"}, "o": {"p": b""}}, {"d": {"e": {"x": b"2"}, "y": b"2"}})
    assert compared(left, right, closure="full")["diff_files"] == ["d/e/x", "d/y"]
    assert compared(left, right, closure="partial")["diff_files"] == ["d/y"]
    assert compared(left, right, closure="top")["diff_files"] == []
    assert compared(left, right, closure="top")["counts"]["left_only"]["entries"] == 1
    assert compared(left, right, closure="full")["counts"]["left_only"]["entries"] == 2


def test_links_are_compared_by_their_targets(two):
    left, right = two({"l": Link("x"), "m": Link("x"), "n": Link("x")}, {"l": Link("x"), "m": Link("y"), "n": b"x"})
    result = compared(left, right)
    assert result["same_files"] == ["l"]
    assert result["diff_files"] == ["m"]
    assert result["type_diff"] == [{"path": "n", "left": "link", "right": "file"}]


def test_loops_are_detected_and_nowhere_is_told(two):
    tree = {"d": {"up": Link(".."), "self": Link("."), "round": Link("round"), "gone": Link("nowhere"), "x": b"1"}}
    left, right = two(tree, tree)
    assert compared(left, right)["identical"]
    result = compared(left, right, follow=True)
    assert result["same_files"] == ["d/x"]
    assert [item["path"] for item in result["funny_files"]] == ["d/gone", "d/round", "d/self", "d/up"]
    assert all("leads" in item["reason"] for item in result["funny_files"])
    assert not result["identical"]
    # The same with a filter, which has to ask for the type of every entry
    assert compared(left, right, follow=True, exclude=["nothing"])["funny_files"] == result["funny_files"]


def test_followed_links_lead_to_what_is_compared(two, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x").write_bytes(b"1")
    left, right = two({"d": Link("../other"), "f": Link("../other/x")}, {"d": {"x": b"1"}, "f": b"2"})
    result = compared(left, right, follow=True)
    assert result["same_files"] == ["d/x"]
    assert result["diff_files"] == ["f"]


def test_names_match_in_the_form_asked_for(two):
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    left, right = two({composed: {"x": b"1"}}, {decomposed: {"x": b"1"}})
    assert compared(left, right)["left_only"] == [composed]
    for form in ("nfc", "nfd"):
        result = compared(left, right, unicode_normalization=form)
        assert result["identical"]
        assert result["same_files"] == [composed + "/x"]


def test_names_match_without_case_and_clashes_are_told(two):
    left, right = two({"README": b"1", "Straße": b"2"}, {"readme": b"1", "STRASSE": b"2"})
    assert compared(left, right, ignore_case=True)["identical"]
    (left / "ReadMe").write_bytes(b"1")
    result = compared(left, right, ignore_case=True)
    assert result["funny_files"] == [{"path": "ReadMe", "reason": "argument: left: the name falls together with README"}]
    assert result["same_files"] == ["README", "Straße"]
    assert not result["identical"]


def test_what_is_excluded_takes_no_part(two):
    left, right = two({"a.tmp": b"1", "cache": {"x": b"1"}, "keep.tmp": b"1"}, {"keep.tmp": b"1"})
    result = compared(left, right, exclude=["*.tmp", "cache/"], include=["keep.*"])
    assert result["identical"]
    assert result["left_list"] == ["keep.tmp"]


def test_a_missing_side_is_named_in_one_sentence(two, tmp_path):
    left, right = two({}, {})
    for sides in ((left, tmp_path / "none"), (tmp_path / "none", right), (left, __file__)):
        with pytest.raises(FleetproofError) as caught:
            compared(*sides)
        assert caught.value.kind == "not_found"
    assert "the right directory %s" % __file__ in caught.value.message


@pytest.fixture(name="open_to_all")
def fixture_open_to_all():
    """A directory that every user may enter."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        yield Path(folder)


def test_what_cannot_be_read_is_told_and_the_rest_compared(open_to_all):
    tree = {"d": {"x": b"1", "y": b"2"}, "locked": {"z": b"3"}, "f": b"4", "only": {"deep": {"w": b"5"}}}
    right_tree = {key: value for key, value in tree.items() if key != "only"}

    def check():
        left, right = open_to_all / "left", open_to_all / "right"
        grow(left, tree)
        grow(right, right_tree)
        os.chmod(str(right / "d" / "x"), 0)
        os.chmod(str(left / "locked"), 0)
        os.chmod(str(left / "only" / "deep"), 0)
        result = compared(left, right, details=True)
        assert result["funny_files"] == [
            {"path": "d/x", "reason": "permission: right: Permission denied"},
            {"path": "locked", "reason": "permission: left: Permission denied"},
            {"path": "only/deep", "reason": "permission: left: Permission denied"},
        ]
        assert result["same_files"] == ["d/y", "f"]
        assert result["left_only"] == ["only"]
        assert not result["identical"]
        assert result["report"][-2:] == ["diff %s %s" % (left / "locked", right / "locked"), "Trouble with common files : ['.']"]
        assert "Trouble with common files : ['x']" in result["report"]
        # Sizes and times can be told without reading
        os.chmod(str(left / "locked"), 0o700)
        os.chmod(str(left / "only" / "deep"), 0o700)
        assert compared(left, right, method="quick")["funny_files"] == []
        os.chmod(str(left), 0)
        with pytest.raises(FleetproofError) as caught:
            compared(left, right)
        assert caught.value.kind == "permission"
        os.chmod(str(left), 0o700)

    as_nobody(check)


def test_one_way_does_not_mind_what_it_cannot_read_on_the_right_alone(open_to_all):
    def check():
        grow(open_to_all / "left", {"a": b"1"})
        grow(open_to_all / "right", {"a": b"1", "locked": {"b": b"2"}})
        os.chmod(str(open_to_all / "right" / "locked"), 0)
        assert compared(open_to_all / "left", open_to_all / "right", one_way=True)["identical"]
        assert compared(open_to_all / "left", open_to_all / "right")["funny_files"]
        os.chmod(str(open_to_all / "right" / "locked"), 0o700)

    as_nobody(check)


@pytest.mark.parametrize("size", [10, pairs.SMALL + 10, entries.LARGE + 10])
@pytest.mark.parametrize("method", ["content", "checksum"])
def test_a_file_that_changes_while_it_is_read_is_no_difference(two, monkeypatch, size, method):
    data = b"x" * size
    left, right = two({"a": data, "b": b"1"}, {"a": data, "b": b"1"})
    really_open = os.open
    touched = []

    def open_and_change(path, flags, *arguments, **keywords):
        descriptor = really_open(path, flags, *arguments, **keywords)
        if path == "a" and len(touched) == 1:
            with open(str(right / "a"), "r+b") as file:
                file.write(b"y")
        if path == "a":
            touched.append(path)
        return descriptor

    monkeypatch.setattr(os, "open", open_and_change)
    result = compared(left, right, method=method)
    assert touched
    assert result["funny_files"] == [{"path": "a", "reason": "changed_underfoot: right: the file changed while it was read"}]
    assert result["diff_files"] == []
    assert not result["identical"]


def test_a_tree_in_use_never_breaks_a_comparison(two):
    tree = {"d%d" % number: {"f%d" % index: b"%d" % index for index in range(20)} for number in range(20)}
    left, right = two(tree, tree)
    over = threading.Event()

    def churn():
        number = 0
        while not over.is_set():
            folder = left / ("d%d" % (number % 20))
            for path in list(folder.iterdir())[:5]:
                with contextlib.suppress(OSError):
                    path.unlink()
            with contextlib.suppress(OSError):
                (folder / ("n%d" % number)).symlink_to("/etc/passwd")
            with contextlib.suppress(OSError):
                shutil.rmtree(str(left / ("d%d" % ((number + 7) % 20))))
                (left / ("d%d" % ((number + 7) % 20))).symlink_to("/etc")
            number += 1

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _unused in range(15):
            result = compared(left, right)
            listed = [*result["left_list"], *(item["path"] for item in result["funny_files"])]
            assert not [path for path in listed if "passwd" in path]
    finally:
        over.set()
        thread.join()


_MEASURE = """
import os, resource, sys, time
sys.path[:0] = {path!r}
from ansible_collections.fleetproof.backup.plugins.module_utils._descent import open_root
from ansible_collections.fleetproof.backup.plugins.module_utils._tree.compare import Request, compare
findings = compare(open_root(sys.argv[1], "left"), open_root(sys.argv[2], "right"), Request(now=time.time()), 2)
assert findings.counts["same_files"][0] == int(sys.argv[3]), findings.counts
print(max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
"""


def test_memory_does_not_grow_with_equal_entries(tmp_path):
    peaks = []
    for number in (1000, 100_000):
        for side in ("left", "right"):
            folders = []
            for index in range(number // 500):
                folders.append(tmp_path / ("%s%d" % (side, number)) / ("folder-with-a-name-%d" % index))
                folders[-1].mkdir(parents=True)
            for index in range(number):
                path = "%s/a-file-with-a-name-%d" % (folders[index % len(folders)], index)
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        arguments = [str(tmp_path / ("left%d" % number)), str(tmp_path / ("right%d" % number)), str(number)]
        done = subprocess.run([sys.executable, "-c", _MEASURE.format(path=sys.path), *arguments], stdout=subprocess.PIPE, check=True)
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 10 * 1024, "KiB at the peak: %s" % peaks


def test_a_fraction_of_the_window_is_not_lost(two):
    left, right = two({"f": b"1"}, {"f": b"1"})
    os.utime(str(right / "f"), ns=(THEN, THEN + 1_001_000_000))
    assert compared(left, right, method="quick", modify_window=1.001)["identical"]


def test_a_file_that_has_grown_since_it_was_looked_at_is_not_the_same(two):
    left, right = two({"f": b"1"}, {"f": b"1"})
    states = [os.stat(str(side / "f")) for side in (left, right)]
    with open(str(right / "f"), "ab") as file:
        file.write(b"2")
    at = [os.open(str(side), os.O_RDONLY) for side in (left, right)]
    reader = pairs.PairReader(None, False, lambda entries, size: None)
    try:
        with pytest.raises(pairs.Unread, match="changed_underfoot: right"):
            reader.unlike(at[0], "f", states[0], at[1], "f", states[1])
    finally:
        for descriptor in at:
            os.close(descriptor)


def test_a_clash_on_the_right_has_its_path_on_the_right(two):
    left, right = two({"Dir": {"a": b""}}, {"dir": {"a": b"", "A": b""}})
    assert compared(left, right, ignore_case=True)["right_list"] == ["dir", "dir/A", "dir/a"]


def test_a_large_directory_costs_little_more_than_its_names(two):
    many = {"f%05d" % number: b"" for number in range(5000)}
    left, right = two(many, many)
    tracemalloc.start()
    try:
        assert compared(left, right, max_listed=10)["identical"]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5000 * 900
