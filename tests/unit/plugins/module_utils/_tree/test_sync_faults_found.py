# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults that backup_sync once had."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._tree import deed as deed_module
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.comparing import as_nobody, grow
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.syncing import by_path, counts, outcome, picture, synced

WITH_ATTRIBUTES = ["mode", "owner", "group", "mtime", "links", "hardlinks", "sparse", "xattrs", "acls"]


@pytest.fixture(name="two")
def two_trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Tuple[Path, Path]:
    """src with two new contents, and dest."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    src, dest = tmp_path / "src", tmp_path / "dest"
    grow(src, {"a": b"new a", "sub": {"b": b"new b"}})
    grow(dest, {"a": b"old", "sub": {"b": b"old"}})
    return src, dest


def by_nobody(check: t.Callable[[Path], None], prepare: t.Callable[[Path], None] = lambda _folder: None) -> None:
    """Run a test as a user who may not do everything; ``prepare`` is run before by whoever runs the tests."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        prepare(folder)
        as_nobody(lambda: check(folder))
        # What the user closed is to be cleared away by another one.
        subprocess.run(["chmod", "-R", "u+rwx", name], check=False, stderr=subprocess.DEVNULL)


def test_directories_made_on_the_way_are_open_to_no_more_users_than_the_umask_says(two: t.Tuple[Path, Path], tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        synced(*two, backup_dir=str(tmp_path / "above" / "kept"), max_shrink="99%")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "above", tmp_path / "above" / "kept", tmp_path / "state")}
    assert modes == {"above": 0o750, "kept": 0o700, "state": 0o750}


def test_a_backup_dir_in_dest_is_no_change_of_the_directory_it_lies_in(two: t.Tuple[Path, Path]) -> None:
    src, dest = two
    synced(src, dest)
    (src / "sub" / "b").write_bytes(b"newer than new")
    assert by_path(synced(src, dest, backup_dir="kept/here")) == {"sub/b": "updated"}
    assert not synced(src, dest, backup_dir="kept/here", delete=True)["changed"]


def test_a_backup_dir_whose_name_begins_with_dots_is_not_deleted(two: t.Tuple[Path, Path]) -> None:
    src, dest = two
    for _again in range(2):
        synced(src, dest, backup_dir="..kept", delete=True)
    assert sorted(path.read_bytes() for path in dest.glob("..kept/*/**/*") if path.is_file()) == [b"old", b"old"]


def test_a_backup_dir_is_made_in_a_dest_of_ones_own_that_is_closed_to_writing() -> None:
    def check(folder: Path) -> None:
        src, dest = folder / "src", folder / "dest"
        for root in (src, dest):
            grow(root, {"file": b"%d" % len(root.name)})
            root.chmod(0o555)
        (src / "file").write_bytes(b"newer")
        synced(src, dest, backup_dir="kept")
        assert [path.read_bytes() for path in dest.glob("kept/*/file")] == [b"4"]
        assert stat.S_IMODE(dest.stat().st_mode) == 0o555
        assert not synced(src, dest, backup_dir="kept")["changed"]

    by_nobody(check)


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_backup_dir_that_a_link_leads_out_of_dest_is_refused(two: t.Tuple[Path, Path], tmp_path: Path, check_mode: bool) -> None:
    src, dest = two
    outside = tmp_path / "outside"
    outside.mkdir()
    (dest / "kept").symlink_to(outside)
    before = picture(dest)
    with pytest.raises(FleetproofError, match="symbolic link") as caught:
        outcome(src, dest, backup_dir="kept/deep", check_mode=check_mode)
    assert (caught.value.kind, picture(dest), list(outside.iterdir())) == ("unsafe", before, [])


def test_a_link_put_in_place_of_backup_dir_during_the_run_leads_nowhere(two: t.Tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    src, dest = two
    outside = tmp_path / "outside"
    outside.mkdir()
    real = deed_module.open_vault

    def too_late(*arguments: t.Any) -> t.Any:
        (dest / "kept").symlink_to(outside)
        return real(*arguments)

    monkeypatch.setattr(deed_module, "open_vault", too_late)
    with pytest.raises(FleetproofError):
        outcome(src, dest, backup_dir="kept")
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("options", [{"max_delete": "²"}, {"sentinel": ""}, {"mountpoint": ""}, {"backup_dir": ""}])
def test_an_option_that_says_nothing_is_refused(two: t.Tuple[Path, Path], options: t.Dict[str, t.Any]) -> None:
    with pytest.raises(FleetproofError) as caught:
        outcome(*two, **options)
    assert caught.value.kind == "argument"
    assert next(iter(options)) in caught.value.message


@pytest.mark.parametrize(("src", "dest"), [("tree", "bound"), ("bound", "tree"), ("tree", "bound/new")])
def test_a_directory_within_the_other_by_way_of_a_mount_is_refused(tmp_path: Path, src: str, dest: str) -> None:
    grow(tmp_path / "tree", {"file": b"x", "sub": {"own": b"y"}})
    grow(tmp_path / "bound", {})
    script = """
import subprocess, sys
subprocess.run(["mount", "--bind", sys.argv[1] + "/tree/sub", sys.argv[1] + "/bound"], check=True)
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.syncing import outcome
try:
    outcome(sys.argv[1] + "/" + sys.argv[2], sys.argv[1] + "/" + sys.argv[3], delete=True)
except FleetproofError as error:
    print(error.kind, error.message)
"""
    if subprocess.run(["unshare", "-m", "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("needs a mount namespace of its own")
    before = picture(tmp_path)
    command = ["unshare", "-m", sys.executable, "-c", script, str(tmp_path), src, dest]
    ran = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False)
    assert ran.stdout.startswith(b"unsafe "), ran.stderr
    assert b"by way of a mount" in ran.stdout
    assert picture(tmp_path) == before


def test_links_that_take_no_part_stay_in_dest_with_the_directories_they_are_in(two: t.Tuple[Path, Path]) -> None:
    src, dest = two
    grow(dest / "only", {"file": b"x", "empty": {}})
    for link in (dest / "link", dest / "only" / "link"):
        link.symlink_to("a")
    got = synced(src, dest, delete=True, preserve=["mode", "mtime"])
    assert sorted(path for path, action in by_path(got).items() if action == "deleted") == ["only/empty", "only/file"]
    assert (dest / "link").is_symlink()
    assert os.listdir(dest / "only") == ["link"]


@pytest.mark.parametrize("wanted", [b"new", {"in": b"new"}])
def test_of_two_names_in_dest_that_fall_together_neither_is_touched(two: t.Tuple[Path, Path], wanted: t.Any) -> None:
    src, dest = two
    grow(src / "both", {"\u00e9": wanted})
    grow(dest / "both", {"\u00e9": b"1", "e\u0301": b"2"})
    got = outcome(src, dest, delete=True, unicode_normalization="nfc")
    assert [failed["kind"] for failed in got.result["failed_files"]] == ["refused"]
    assert [(dest / "both" / name).read_bytes() for name in ("\u00e9", "e\u0301")] == [b"1", b"2"]


def test_names_that_fall_together_in_a_directory_that_goes_go_with_it(two: t.Tuple[Path, Path]) -> None:
    src, dest = two
    grow(dest / "gone", {"\u00e9": b"1", "e\u0301": b"2", "A\u030a": {"in": b"3"}, "\u00c5": {"in": b"4"}})
    planned = outcome(src, dest, delete=True, unicode_normalization="nfc", check_mode=True)
    assert synced(src, dest, delete=True, unicode_normalization="nfc")["counts"] == planned.result["counts"]
    assert planned.result["counts"]["deleted"] == 7
    assert sorted(os.listdir(dest)) == ["a", "sub"]


def test_a_directory_whose_looks_cannot_be_set_counts_once_and_as_what_it_is() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs a directory of another user")

    def prepare(folder: Path) -> None:
        grow(folder / "src", {"sub": {}})
        grow(folder / "dest", {"sub": {}})
        for path in ("src", "src/sub", "dest"):
            os.chown(folder / path, 65534, 65534)
        for path in ("src/sub", "dest/sub"):
            (folder / path).chmod(0o777)
        (folder / "src" / "sub" / "file").write_bytes(b"x")
        os.chown(folder / "src" / "sub" / "file", 65534, 65534)
        for path in ("src/sub", "dest/sub", "src", "dest"):
            os.utime(folder / path, (10**9, 10**9))

    def check(folder: Path) -> None:
        got = outcome(folder / "src", folder / "dest")
        assert got.result["counts"] == counts(created=1, unchanged=1, failed=1)
        assert [failed["path"] for failed in got.result["failed_files"]] == ["sub"]
        assert got.changed

    by_nobody(check, prepare)


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="needs extended attributes")
def test_attributes_of_what_its_owner_may_not_write_are_taken_over_as_well() -> None:
    def check(folder: Path) -> None:
        src, dest = folder / "src", folder / "dest"
        grow(src, {"file": b"x", "sub": {}})
        for value in (b"1", b"22"):
            for name, closed, opened in (("file", 0o444, 0o644), ("sub", 0o555, 0o755)):
                (src / name).chmod(opened)
                try:
                    os.setxattr(src / name, "user.test", value)
                except OSError:
                    pytest.skip("this file system has no extended attributes")
                (src / name).chmod(closed)
            synced(src, dest, preserve=WITH_ATTRIBUTES)
            assert [os.getxattr(dest / name, "user.test") for name in ("file", "sub")] == [value, value]
            assert not synced(src, dest, preserve=WITH_ATTRIBUTES)["changed"]
            assert [stat.S_IMODE((dest / name).stat().st_mode) for name in ("file", "sub")] == [0o444, 0o555]

    by_nobody(check)


def test_a_file_does_not_give_way_to_a_directory_that_cannot_be_read() -> None:
    def check(folder: Path) -> None:
        src, dest = folder / "src", folder / "dest"
        grow(src, {"closed": {"b": b"x"}, "new": b"x"})
        grow(dest, {"closed": b"good", "extra": b"x"})
        (src / "closed").chmod(0o300)
        got = outcome(src, dest, delete=True, max_delete="100%")
        assert [(failed["path"], failed["kind"]) for failed in got.result["failed_files"]] == [("closed", "permission")]
        assert (dest / "closed").read_bytes() == b"good"
        assert sorted(os.listdir(dest)) == ["closed", "extra", "new"]

    by_nobody(check)


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="needs extended attributes")
def test_a_directory_whose_attributes_cannot_be_read_is_told_and_the_rest_is_copied() -> None:
    def check(folder: Path) -> None:
        src, dest = folder / "src", folder / "dest"
        grow(src, {"new": b"x", "sub": {}})
        grow(dest, {"extra": b"x", "sub": {}})
        try:
            os.setxattr(src / "sub", "user.test", b"1")
        except OSError:
            pytest.skip("this file system has no extended attributes")
        (src / "sub").chmod(0o311)
        got = outcome(src, dest, preserve=WITH_ATTRIBUTES, delete=True)
        assert [(failed["path"], failed["kind"]) for failed in got.result["failed_files"]] == [("sub", "permission")]
        assert sorted(os.listdir(dest)) == ["extra", "new", "sub"]

    by_nobody(check)


def test_a_medium_that_cannot_be_written_is_told_with_all_that_was_done_and_nothing_is_deleted(
    two: t.Tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    src, dest = two
    (dest / "extra").write_bytes(b"x")

    def broken(_descriptor: int, _all_of_them: bool) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(deed_module, "sync_file_system", broken)
    got = outcome(src, dest, delete=True)
    assert (got.failure.kind if got.failure else None, got.changed) == ("integrity", True)
    assert by_path(got.result)["sub/b"] == "updated"
    assert got.result["counts"]["deleted"] == 0
    assert (dest / "extra").exists()


def test_a_state_folder_that_cannot_be_written_costs_a_warning_and_not_the_result(two: t.Tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"no directory")
    got = outcome(*two, max_shrink="99%")
    assert got.failure is None
    assert got.result["counts"]["updated"] == 2
    assert len(got.warnings) == 1
    assert "max_shrink" in got.warnings[0]


def test_no_process_of_a_run_that_is_killed_while_it_plans_goes_on(tmp_path: Path) -> None:
    src, dest = tmp_path / "src", tmp_path / "dest"
    for root in (src, dest):
        root.mkdir()
        for number in range(4):
            with open(root / ("large%d" % number), "wb") as file:
                file.truncate(8 << 30)
        for number in range(2000):
            (root / ("small%d" % number)).touch()
    script = """
import sys
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.syncing import outcome
outcome(sys.argv[1], sys.argv[2], method="content", parallel="3", modify_window=0)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.Popen([sys.executable, "-c", script, str(src), str(dest)], env=environment, start_new_session=True)
    children: t.List[int] = []
    try:
        until = time.monotonic() + 30
        while len(children) < 2 and time.monotonic() < until and run.poll() is None:
            with open("/proc/%d/task/%d/children" % (run.pid, run.pid), encoding="ascii") as file:
                children = [int(pid) for pid in file.read().split()]
            time.sleep(0.02)
        assert len(children) == 2
        time.sleep(0.3)
        run.kill()
        run.wait()
        until = time.monotonic() + 3
        while time.monotonic() < until and any(_runs(pid) for pid in children):
            time.sleep(0.05)
        assert not [pid for pid in children if _runs(pid)]
    finally:
        for pid in children:
            if _runs(pid):
                os.kill(pid, signal.SIGKILL)
        if run.poll() is None:
            run.kill()
            run.wait()


def _runs(pid: int) -> bool:
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
