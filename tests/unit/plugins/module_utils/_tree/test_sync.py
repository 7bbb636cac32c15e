# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.comparing import FIFO, THEN, Link, as_nobody, grow, trees
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.syncing import (
    by_path,
    counts,
    decorate,
    make_accessible_long_ago,
    outcome,
    picture,
    rsync_finds_nothing,
    synced,
    touched,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
LATER = THEN + 1_000_000_000


@pytest.fixture(name="two")
def fixture_two(tmp_path: Path) -> t.Callable[..., t.Tuple[Path, Path]]:
    """Make a source, and dest unless it is None, in a new directory; return their paths."""

    def make(src: t.Dict[t.Any, t.Any], dest: t.Optional[t.Dict[t.Any, t.Any]] = None, when: int = THEN) -> t.Tuple[Path, Path]:
        grow(tmp_path / "src", src)
        if dest is not None:
            grow(tmp_path / "dest", dest, when)
        return tmp_path / "src", tmp_path / "dest"

    return make


Two = t.Callable[..., t.Tuple[Path, Path]]

MIXED = {
    "file": b"some text",
    "empty": b"",
    "large": os.urandom(1_500_000),
    "folder": {"below": {"deep": b"1"}, "nothing": {}},
    "link": Link("file"),
    "dangling": Link("nowhere/at/all"),
    "loop": Link("loop"),
    "fifo": FIFO,
    b"any\xff\n name": b"bytes",
}


# Trees of any shape


@SLOW
@given(
    pair=trees(),
    seed=st.integers(0, 1 << 30),
    same_seed=st.booleans(),
    workers=st.sampled_from(["1", "3"]),
    method=st.sampled_from(["quick", "content", "shallow", "checksum"]),
)
def test_a_run_does_what_check_mode_said_and_leaves_nothing_to_do(pair: t.Any, seed: int, same_seed: bool, workers: str, method: str) -> None:
    _converges(pair, seed, same_seed, {"parallel": workers, "method": method})


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(pair=trees(), seed=st.integers(0, 1 << 30), same_seed=st.booleans())
def test_a_user_who_is_not_root_gets_there_as_well(pair: t.Any, seed: int, same_seed: bool) -> None:
    as_nobody(lambda: _converges(pair, seed, same_seed, {"method": "content"}))


def _converges(pair: t.Any, seed: int, same_seed: bool, options: t.Dict[str, t.Any]) -> None:
    options = {**options, "delete": True, "require_nonempty_src": False, "on_corruption": "overwrite", "fsync": "none", "diff_mode": True}
    folder = tempfile.mkdtemp()
    src, dest = os.path.join(folder, "src"), os.path.join(folder, "dest")
    try:
        grow(src, pair[0])
        grow(dest, pair[1])
        decorate(src, seed)
        decorate(dest, seed if same_seed else seed + 1)
        source, before = picture(src), picture(dest)
        said = outcome(src, dest, check_mode=True, **options)
        assert picture(dest) == before
        did = outcome(src, dest, **options)
        assert did.failure is None
        assert (said.changed, said.result["counts"], said.result["actions"], said.diff) == (did.changed, did.result["counts"], did.result["actions"], did.diff)
        assert said.result["bytes_copied"] == did.result["bytes_copied"]
        assert picture(src) == source
        if options["method"] in ("content", "checksum"):
            assert picture(dest) == source
            rsync_finds_nothing(src, dest)
        state = touched(dest)
        again = outcome(src, dest, **options)
        assert (again.changed, again.result["actions"]) == (False, [])
        assert touched(dest) == state
    finally:
        _remove(folder)


def _remove(folder: str) -> None:
    for path, names, _files in os.walk(folder):
        for name in names:
            if not os.path.islink(os.path.join(path, name)):
                os.chmod(os.path.join(path, name), 0o700)
    shutil.rmtree(folder)


# One thing at a time


def test_everything_is_copied_and_the_second_run_writes_nothing(two: Two) -> None:
    src, dest = two(MIXED)
    first = synced(src, dest, method="content")
    assert picture(dest) == picture(src)
    entries = len(picture(src))
    assert first["counts"] == counts(created=entries)
    assert first["changed"] is True
    assert first["bytes_copied"] == sum(path.lstat().st_size for path in src.rglob("*") if path.is_file() and not path.is_symlink())
    assert first["verified"] == 5
    rsync_finds_nothing(src, dest)
    make_accessible_long_ago(src)
    make_accessible_long_ago(dest)
    before, source = touched(dest), touched(src)
    second = synced(src, dest, method="content")
    assert second["counts"] == counts(unchanged=entries - 1)
    assert second["changed"] is False
    assert touched(dest) == before
    assert touched(src) == source


def test_check_mode_makes_nothing_even_where_dest_has_no_parent(two: Two, tmp_path: Path) -> None:
    src, _dest = two({"a": b"1"})
    got = outcome(src, tmp_path / "not" / "there", check_mode=True)
    assert got.changed
    assert got.result["counts"] == counts(created=2)
    assert got.result["bytes_copied"] == 1
    assert not (tmp_path / "not").exists()


def test_directories_above_dest_are_made(two: Two, tmp_path: Path) -> None:
    src, _dest = two({"a": b"1"})
    synced(src, tmp_path / "not" / "there")
    assert (tmp_path / "not" / "there" / "a").read_bytes() == b"1"


def test_only_what_differs_is_copied(two: Two) -> None:
    src, dest = two({"same": b"1", "longer": b"22", "new": b"3"}, {"same": b"1", "longer": b"2", "extra": b"4"})
    got = synced(src, dest)
    assert by_path(got) == {".": "metadata", "longer": "updated", "new": "created"}
    assert (dest / "extra").read_bytes() == b"4"
    assert (dest / "longer").read_bytes() == b"22"


@pytest.mark.parametrize(("method", "action"), [("quick", "updated"), ("content", "metadata"), ("shallow", "metadata"), ("size", "metadata")])
def test_an_equal_file_with_another_time_is_copied_only_where_nothing_was_read(two: Two, method: str, action: str) -> None:
    src, dest = two({"a": b"1"}, {"a": b"1"}, when=LATER)
    assert by_path(synced(src, dest, method=method))["a"] == action
    assert (dest / "a").stat().st_mtime_ns == THEN


def test_times_within_the_window_are_equal(two: Two) -> None:
    src, dest = two({"a": b"1"}, {"a": b"1"}, when=LATER)
    os.utime(dest, ns=(THEN, src.stat().st_mtime_ns))
    assert synced(src, dest, modify_window=1)["changed"] is False
    assert synced(src, dest, modify_window=0.5)["changed"] is True


@pytest.mark.parametrize("old", [b"file", Link("a"), FIFO, {}], ids=["file", "link", "fifo", "directory"])
@pytest.mark.parametrize("new", [b"file", Link("b"), FIFO, {"inside": b"1"}], ids=["file", "link", "fifo", "directory"])
def test_each_type_gives_way_to_each_other(two: Two, old: t.Any, new: t.Any) -> None:
    src, dest = two({"x": new, "y": b""}, {"x": old, "y": b""})
    synced(src, dest)
    assert picture(dest) == picture(src)


def test_a_filled_directory_gives_way_only_to_delete(two: Two) -> None:
    src, dest = two({"x": b"file", "other": b"1"}, {"x": {"inside": b"1"}})
    got = outcome(src, dest)
    assert got.failure is not None
    assert got.failure.kind == "refused"
    assert got.result["failed_files"] == [
        {"path": "x", "kind": "refused", "reason": "a directory with something in it is in the way in dest, and delete is not set"}
    ]
    assert (dest / "x" / "inside").exists()
    assert (dest / "other").exists()
    result = synced(src, dest, delete=True)
    assert by_path(result) == {"x": "updated", "x/inside": "deleted", ".": "metadata"} or by_path(result) == {"x": "updated", "x/inside": "deleted"}
    assert (dest / "x").read_bytes() == b"file"


def test_what_is_left_out_is_neither_copied_nor_deleted(two: Two) -> None:
    src, dest = two({"keep": b"1", "cache": {"a": b"1"}, "x.tmp": b"2"}, {"gone": {"y.tmp": b"3", "z": b"4"}, "cache": {"old": b"5"}})
    got = synced(src, dest, delete=True, exclude=["*.tmp", "/cache/"])
    assert by_path(got) == {".": "metadata", "keep": "created", "gone/z": "deleted"}
    assert sorted(picture(dest)) == [b"", b"cache", b"cache/old", b"gone", b"gone/y.tmp", b"keep"]
    got = synced(src, dest, delete=True, delete_excluded=True, exclude=["*.tmp", "/cache/"])
    assert sorted(picture(dest)) == [b"", b"keep"]
    assert got["counts"]["deleted"] == 4


def test_what_is_left_out_in_dest_is_not_run_over(two: Two) -> None:
    src, dest = two({"x": b"file"}, {"x": {"inside": b"1"}})
    got = outcome(src, dest, exclude=["x/"], delete=True)
    assert [failure["path"] for failure in got.result["failed_files"]] == ["x"]
    assert (dest / "x" / "inside").exists()


def test_deletions_take_directories_with_all_that_is_in_them(two: Two) -> None:
    src, dest = two({"a": b"1"}, {"a": b"1", "gone": {"b": b"2", "deep": {"er": {"c": b"3"}, "empty": {}}}})
    got = synced(src, dest, delete=True)
    assert got["counts"] == counts(unchanged=1, deleted=6, metadata=1)
    assert picture(dest) == picture(src)


def test_hard_links_are_hard_links_again(two: Two) -> None:
    src, dest = two({"a": b"1", "d": {}, "z": b"2"})
    os.link(src / "a", src / "d" / "b")
    os.link(src / "a", src / "c")
    got = synced(src, dest)
    assert got["bytes_copied"] == 2
    assert picture(dest) == picture(src)
    assert synced(src, dest)["changed"] is False
    (src / "a").unlink()
    (src / "a").write_bytes(b"now another file")
    synced(src, dest)
    assert picture(dest) == picture(src)


def test_a_link_that_only_dest_has_is_broken_up(two: Two) -> None:
    src, dest = two({"a": b"1", "b": b"1"}, {"a": b"1"})
    os.link(dest / "a", dest / "b")
    got = synced(src, dest)
    assert by_path(got)["b"] == "updated"
    assert picture(dest) == picture(src)


def test_a_snapshot_linked_to_dest_is_not_changed_with_it(two: Two, tmp_path: Path) -> None:
    src, dest = two({"a": b"1"}, {"a": b"1"})
    (tmp_path / "snapshot").mkdir()
    os.link(dest / "a", tmp_path / "snapshot" / "a")
    (src / "a").chmod(0o600)
    before = (tmp_path / "snapshot" / "a").stat().st_mode
    for preserve in (["mode", "mtime"], ["mode", "mtime", "hardlinks"]):
        synced(src, dest, preserve=preserve)
        assert stat.S_IMODE((dest / "a").stat().st_mode) == 0o600
        assert (tmp_path / "snapshot" / "a").stat().st_mode == before


def test_holes_stay_holes(two: Two) -> None:
    src, dest = two({})
    for name, size in (("small", 100_000), ("large", 300 << 20)):
        with open(src / name, "wb") as file:
            file.write(b"begin")
            file.truncate(size)
            file.seek(size // 2)
            file.write(b"middle")
    synced(src, dest, parallel="2")
    for name in ("small", "large"):
        assert (dest / name).stat().st_size == (src / name).stat().st_size
        assert (dest / name).stat().st_blocks <= (src / name).stat().st_blocks + 16
    rsync_finds_nothing(src, dest)


def test_what_preserve_leaves_out_is_left_alone(two: Two) -> None:
    src, dest = two({"a": b"1", "l": Link("a")}, {"a": b"2"}, when=LATER)
    (src / "a").chmod(0o604)
    (dest / "a").chmod(0o640)
    got = synced(src, dest, preserve=[])
    assert by_path(got) == {"a": "updated"}
    assert stat.S_IMODE((dest / "a").stat().st_mode) == 0o640
    assert (dest / "a").read_bytes() == b"1"
    assert synced(src, dest, preserve=[])["changed"] is False


def test_setting_modes_again_is_a_change_of_metadata(two: Two) -> None:
    src, dest = two({"a": b"1", "d": {"e": b""}}, {"a": b"1", "d": {"e": b""}})
    synced(src, dest)
    (src / "a").chmod(0o4755)
    (src / "d").chmod(0o1777)
    got = synced(src, dest, diff_mode=True)
    assert by_path(got) == {"a": "metadata", "d": "metadata"}
    assert [action["why"] for action in got["actions"]] == ["mode", "mode"]
    assert picture(dest) == picture(src)


def test_extended_attributes_are_carried_over_and_taken_away(two: Two) -> None:
    src, dest = two({"a": b"1", "d": {}}, {"a": b"1", "d": {}})
    try:
        os.setxattr(src / "a", "user.one", b"1")
    except (AttributeError, OSError):
        pytest.skip("no extended attributes here")
    os.setxattr(src / "d", "user.dir", b"2")
    os.setxattr(dest / "a", "user.two", b"2")
    preserve = ["mode", "owner", "group", "mtime", "xattrs"]
    got = synced(src, dest, preserve=preserve)
    assert {path: action for path, action in by_path(got).items() if path != "."} == {"a": "metadata", "d": "metadata"}
    assert os.listxattr(dest / "a") == ["user.one"]
    assert os.getxattr(dest / "d", "user.dir") == b"2"
    (dest / "a").unlink()
    synced(src, dest, preserve=preserve)
    assert os.getxattr(dest / "a", "user.one") == b"1"
    assert synced(src, dest, preserve=preserve)["changed"] is False


def test_names_are_matched_in_either_form_and_keep_that_of_dest(two: Two) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    src, dest = two({composed: {"a": b"1", composed: b"22"}}, {decomposed: {decomposed: b"2"}})
    got = synced(src, dest, unicode_normalization="nfc", delete=True)
    assert {path: action for path, action in by_path(got).items() if "/" in path} == {composed + "/a": "created", composed + "/" + composed: "updated"}
    assert sorted(os.listdir(dest)) == [decomposed]
    assert (dest / decomposed / decomposed).read_bytes() == b"22"
    assert (dest / decomposed / "a").read_bytes() == b"1"
    assert synced(src, dest, unicode_normalization="nfc", delete=True)["changed"] is False


def test_new_directories_below_a_name_in_another_form_go_where_dest_has_it(two: Two) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    src, dest = two({composed: {"new": {"er": {"a": b"1"}}}}, {decomposed: {}})
    synced(src, dest, unicode_normalization="nfc")
    assert (dest / decomposed / "new" / "er" / "a").read_bytes() == b"1"
    assert os.listdir(dest) == [decomposed]


def test_names_that_fall_together_are_told_and_not_merged(two: Two) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    src, dest = two({composed: b"1", decomposed: b"2"})
    got = outcome(src, dest, unicode_normalization="nfc")
    assert len(os.listdir(dest)) == 1
    assert [failure["kind"] for failure in got.result["failed_files"]] == ["refused"]


def test_a_left_over_copy_is_removed_and_one_of_the_source_is_not_taken_along(two: Two) -> None:
    name = ".fleetproof-0123456789abcdef.tmp"
    src, dest = two({"a": b"1", name: b"of the source", "d": {}}, {"a": b"1", name: b"half", "d": {name: b"ha"}})
    got = outcome(src, dest, check_mode=True)
    assert (got.changed, got.result["leftovers"]) == (True, 2)
    assert (dest / name).exists()
    got_now = synced(src, dest)
    assert got_now["leftovers"] == 2
    assert got_now["counts"]["deleted"] == 0
    assert sorted(picture(dest)) == [b"", b"a", b"d"]
    assert synced(src, dest)["changed"] is False


def test_a_bit_that_rotted_in_the_source_does_not_cost_the_good_copy(two: Two) -> None:
    src, dest = two({"a": b"good", "b": b"1"})
    synced(src, dest)
    (src / "a").write_bytes(b"goof")
    os.utime(src / "a", ns=(THEN, THEN))
    (src / "b").write_bytes(b"edited")
    assert synced(src, dest, check_mode=True)["counts"]["corrupted"] == 0
    got = outcome(src, dest, method="content")
    assert got.failure is not None
    assert got.failure.kind == "integrity"
    assert got.result["counts"] == counts(corrupted=1, updated=1)
    assert by_path(got.result) == {"a": "corrupted", "b": "updated"}
    assert (dest / "a").read_bytes() == b"good"
    assert (dest / "b").read_bytes() == b"edited"
    overwritten = synced(src, dest, method="content", on_corruption="overwrite")
    assert overwritten["counts"]["updated"] == 1
    assert (dest / "a").read_bytes() == b"goof"


def test_replaced_and_deleted_files_are_kept_by_date(two: Two, tmp_path: Path) -> None:
    src, dest = two({"a": b"newer", "t": {}}, {"a": b"old", "gone": {"b": b"2", "empty": {}}, "t": b"file"})
    old = picture(dest)
    got = synced(src, dest, delete=True, backup_dir=str(tmp_path / "kept"))
    assert picture(dest) == picture(src)
    assert got["counts"]["deleted"] == 3
    (run,) = (tmp_path / "kept").iterdir()
    kept = picture(run)
    assert sorted(kept) == [b"", b"a", b"gone", b"gone/b", b"gone/empty", b"t"]
    for path in (b"a", b"gone/b", b"gone/empty", b"t"):
        assert kept[path] == old[path]
    assert kept[b"gone"][0] == old[b"gone"][0]
    assert synced(src, dest, delete=True, backup_dir=str(tmp_path / "kept"))["changed"] is False
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_a_backup_dir_in_dest_survives_delete(two: Two) -> None:
    src, dest = two({"a": b"new"}, {"a": b"older", "gone": b"2"})
    for _run in range(2):
        synced(src, dest, delete=True, delete_excluded=True, exclude=["x"], backup_dir=".kept")
        assert sorted(os.listdir(dest)) == [".kept", "a"]
    (run,) = (dest / ".kept").iterdir()
    assert sorted(os.listdir(run)) == ["a", "gone"]
    assert (run / "a").read_bytes() == b"older"


def test_what_is_kept_may_lie_on_another_file_system(two: Two) -> None:
    src, dest = two({"a": b"newer", "l": Link("b"), "big": b"1"}, {"a": b"old", "l": Link("a"), "big": os.urandom(500_000), "gone": {"f": FIFO, "x": b"2"}})
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK) or shared.stat().st_dev == dest.stat().st_dev:
        pytest.skip("no other file system to write to")
    old = picture(dest)
    folder = Path(tempfile.mkdtemp(dir=shared))
    try:
        (folder / ".fleetproof-0123456789abcdef.tmp").write_bytes(b"left over")
        synced(src, dest, delete=True, backup_dir=str(folder))
        assert picture(dest) == picture(src)
        (run,) = folder.iterdir()
        kept = picture(run)
        assert sorted(kept) == [b"", b"a", b"big", b"gone", b"gone/f", b"gone/x", b"l"]
        for path in (b"a", b"big", b"gone/f", b"gone/x", b"l"):
            assert kept[path] == old[path]
    finally:
        shutil.rmtree(folder)


def test_the_directory_of_a_run_is_open_to_its_user_alone(two: Two, tmp_path: Path) -> None:
    src, dest = two({"a": b"newer"}, {"a": b"old"})
    (dest / "a").chmod(0o644)
    synced(src, dest, backup_dir=str(tmp_path / "kept"))
    (run,) = (tmp_path / "kept").iterdir()
    assert stat.S_IMODE(run.stat().st_mode) == 0o700


def test_two_runs_in_one_second_keep_their_files_apart(two: Two, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    src, dest = two({"a": b"newer"}, {"a": b"old"})
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    synced(src, dest, backup_dir=str(tmp_path / "kept"))
    (src / "a").write_bytes(b"the newest")
    synced(src, dest, backup_dir=str(tmp_path / "kept"))
    assert sorted(path.read_bytes() for path in (tmp_path / "kept").rglob("a")) == [b"newer", b"old"]


def test_sockets_are_left_out_and_devices_are_for_root(two: Two) -> None:
    import socket

    src, dest = two({"a": b"1"})
    listening = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    try:
        os.chdir(src)  # the path of a socket may not be long
        listening.bind("socket")
    finally:
        os.chdir(here)
        listening.close()
    entries = ["a"]
    if os.geteuid() == 0:
        os.mknod(src / "null", stat.S_IFCHR | 0o640, os.makedev(1, 3))
        entries.append("null")
    synced(src, dest)
    assert sorted(os.listdir(dest)) == entries
    if os.geteuid() == 0:
        assert (dest / "null").stat().st_rdev == os.makedev(1, 3)
    assert synced(src, dest, delete=True)["changed"] is False


def test_owners_are_carried_over_by_root(two: Two) -> None:
    if os.geteuid():
        pytest.skip("only root gives files away")
    src, dest = two({"a": b"1", "d": {"b": b"2"}, "l": Link("a"), "p": FIFO}, {"a": b"1", "l": Link("a")})
    for name in ("a", "d", "d/b", "l", "p"):
        os.chown(src / name, 1234, 2345, follow_symlinks=False)
    (src / "a").chmod(0o6755)
    (src / "d" / "b").chmod(0o4711)
    synced(src, dest)
    assert picture(dest) == picture(src)
    rsync_finds_nothing(src, dest)
    os.chown(src / "a", 1234, 2346)
    (src / "a").chmod(0o6755)
    assert [action["why"] for action in synced(src, dest)["actions"]] == ["group"]
    assert picture(dest) == picture(src)
    assert synced(src, dest, preserve=["mode", "mtime"])["changed"] is False


def test_access_lists_are_carried_over(two: Two) -> None:
    if shutil.which("setfacl") is None:
        pytest.skip("setfacl is not installed")
    src, dest = two({"a": b"1", "d": {"b": b"2"}}, {"a": b"1"})
    try:
        subprocess.run(["setfacl", "-m", "u:1234:r", str(src / "a")], check=True, capture_output=True)
        subprocess.run(["setfacl", "-m", "d:u:1234:rx", str(src / "d")], check=True, capture_output=True)
    except subprocess.CalledProcessError:
        pytest.skip("no access lists here")
    preserve = ["mode", "owner", "group", "mtime", "acls"]
    synced(src, dest, preserve=preserve)
    for name in ("a", "d", "d/b"):
        lists = [subprocess.run(["getfacl", "-cn", str(root / name)], check=True, capture_output=True).stdout for root in (src, dest)]
        assert lists[0] == lists[1]
    assert synced(src, dest, preserve=preserve)["changed"] is False


def test_a_default_access_list_in_dest_does_not_change_the_modes_of_copies(two: Two) -> None:
    if shutil.which("setfacl") is None:
        pytest.skip("setfacl is not installed")
    src, dest = two({"a": b"1", "d": {"b": b"2"}}, {})
    (src / "a").chmod(0o666)
    try:
        subprocess.run(["setfacl", "-m", "d:o::---,d:g::---", str(dest)], check=True, capture_output=True)
    except subprocess.CalledProcessError:
        pytest.skip("no access lists here")
    synced(src, dest)
    assert stat.S_IMODE((dest / "a").stat().st_mode) == 0o666
    assert synced(src, dest)["changed"] is False


def test_a_limit_on_bandwidth_is_kept_by_all_processes_together(two: Two) -> None:
    src, dest = two({"f%d" % number: os.urandom(100_000) for number in range(8)})
    got = synced(src, dest, bwlimit="1000000", parallel="4")
    assert 0.7 < got["duration"] < 5


def test_progress_is_told_to_a_file(two: Two, tmp_path: Path) -> None:
    import json

    src, dest = two({"a": b"12345"})
    synced(src, dest, progress_path=str(tmp_path / "progress.json"))
    told = json.loads((tmp_path / "progress.json").read_text())
    assert told["task"] == "backup_sync"
    assert told["state"] == "finished"


def test_lists_stop_where_they_are_told_to_and_counts_do_not(two: Two) -> None:
    src, dest = two({"f%03d" % number: b"" for number in range(20)})
    got = outcome(src, dest, max_listed=3, check_mode=True, diff_mode=True)
    assert [action["path"] for action in got.result["actions"]] == [".", "f000", "f001"]
    assert got.result["truncated"] is True
    assert got.result["counts"]["created"] == 21
    assert isinstance(got.diff, dict)
    assert got.diff["prepared"].splitlines() == ["cd+++++++++ .", ">f+++++++++ f000", ">f+++++++++ f001", "… and more; see counts"]
    assert len(outcome(src, dest, max_listed=-1, check_mode=True).result["actions"]) == 21


@pytest.mark.parametrize("fsync", ["file", "end", "none"])
@pytest.mark.parametrize("verify", ["copied", "all", "none"])
def test_every_way_of_being_sure_copies_the_same(two: Two, fsync: str, verify: str) -> None:
    src, dest = two({**MIXED, "x": b"1"}, {"x": {"y": b""}, "gone": {"z": b""}})
    os.link(src / "file", src / "again")
    got = synced(src, dest, delete=True, fsync=fsync, verify=verify)
    assert picture(dest) == picture(src)
    assert {"none": 0, "copied": 6, "all": len(picture(src)) - 1}[verify] == got["verified"]


def test_verify_all_finds_rot_in_what_was_not_copied(two: Two) -> None:
    src, dest = two({"a": b"good"}, {"a": b"goof"})
    os.utime(dest, ns=(THEN, src.stat().st_mtime_ns))
    assert synced(src, dest)["changed"] is False
    got = outcome(src, dest, verify="all")
    assert got.failure is not None
    assert got.failure.kind == "integrity"
    assert [failure["path"] for failure in got.result["failed_files"]] == ["a"]
    assert got.changed is False


# What is refused


@pytest.mark.parametrize("remote", ["user@host:/path", "host:path", "rsync://host/module"])
def test_another_host_is_refused_in_one_sentence(two: Two, remote: str) -> None:
    src, dest = two({})
    for pair in ((remote, dest), (src, remote)):
        with pytest.raises(FleetproofError, match="on another host") as caught:
            outcome(*pair)
        assert caught.value.kind == "argument"


def test_directories_within_each_other_are_refused(two: Two, tmp_path: Path) -> None:
    src, dest = two({"in": {}}, {})
    (tmp_path / "way").symlink_to(src)
    for pair in ((src, src), (src, src / "in"), (src / "in", src), (src, src / "in" / "not" / "yet"), (tmp_path / "way", src), (src, tmp_path / "way" / "in")):
        with pytest.raises(FleetproofError) as caught:
            outcome(*pair)
        assert caught.value.kind == "unsafe"
    for options in ({"backup_dir": str(src / "kept")}, {"backup_dir": str(dest)}):
        with pytest.raises(FleetproofError):
            outcome(src, dest, **options)
    assert sorted(picture(tmp_path)) == [b"", b"dest", b"src", b"src/in", b"way"]


def test_the_root_directory_is_refused_as_dest(two: Two) -> None:
    src, _dest = two({})
    with pytest.raises(FleetproofError, match="root directory"):
        outcome(src, "/")


@pytest.mark.parametrize(
    "options",
    [
        {"max_delete": "a few"},
        {"max_delete_size": "much"},
        {"max_shrink": "3"},
        {"min_free": "x"},
        {"bwlimit": "0"},
        {"parallel": "0"},
        {"exclude": ["[a"]},
        {"modify_window": -1.0},
    ],
    ids=lambda options: next(iter(options)),
)
def test_an_option_that_cannot_be_read_is_named(two: Two, options: t.Dict[str, t.Any]) -> None:
    src, dest = two({"a": b"1"})
    with pytest.raises(FleetproofError) as caught:
        outcome(src, dest, **options)
    assert caught.value.kind == "argument"
    assert not dest.exists()


def test_a_source_that_is_not_there_and_a_dest_that_is_a_file_are_told(two: Two) -> None:
    src, dest = two({"a": b"1"}, {"f": b""})
    with pytest.raises(FleetproofError, match="src") as caught:
        outcome(src / "nowhere", dest)
    assert caught.value.kind == "not_found"
    with pytest.raises(FleetproofError, match="no directory"):
        outcome(src, dest / "f")
