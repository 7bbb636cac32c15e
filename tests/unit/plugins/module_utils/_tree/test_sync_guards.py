# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stops a run before it does anything."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Outcome
from ansible_collections.fleetproof.backup.plugins.module_utils._state import Lock
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.comparing import Link, grow
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.syncing import counts, outcome, picture, synced, touched


@pytest.fixture(name="src")
def fixture_src(tmp_path: Path) -> Path:
    """A source of eight files."""
    grow(tmp_path / "src", {"f%d" % number: b"1234567890" for number in range(8)})
    return tmp_path / "src"


@pytest.fixture(name="dest")
def fixture_dest(tmp_path: Path, src: Path) -> Path:
    """Its copy."""
    synced(src, tmp_path / "dest")
    return tmp_path / "dest"


@pytest.fixture(name="state", autouse=True)
def fixture_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of one's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "fleetproof"


def stopped(guard: str, kind: str, src: t.Any, dest: t.Any, **options: t.Any) -> Outcome:
    """A guard stops the run, in check mode as well, and nothing was touched."""
    there = os.path.isdir(dest)
    before = touched(dest) if there else None
    for check_mode in (True, False):
        got = outcome(src, dest, check_mode=check_mode, **options)
        assert got.failure is not None
        assert (got.result["guard"], got.failure.kind, got.changed) == (guard, kind, False)
        assert "nothing was done" in got.failure.message
    assert (touched(dest) if there else None) == before
    assert os.path.isdir(dest) == there
    return got


def test_more_deletions_than_allowed_are_none(src: Path, dest: Path) -> None:
    for number in range(3):
        (src / ("f%d" % number)).unlink()
    got = stopped("max_delete", "unsafe", src, dest, delete=True, max_delete="25%")
    assert got.result["counts"] == counts(deleted=3, unchanged=5, metadata=1)
    stopped("max_delete", "unsafe", src, dest, delete=True, max_delete="2")
    assert synced(src, dest, delete=True, max_delete="3")["counts"]["deleted"] == 3


def test_a_share_is_of_what_dest_holds(src: Path, dest: Path) -> None:
    (src / "f0").unlink()
    (src / "f1").unlink()
    assert synced(src, dest, delete=True, max_delete="25%")["counts"]["deleted"] == 2


def test_what_is_beneath_a_deleted_directory_counts_and_so_does_another_type(src: Path, dest: Path) -> None:
    grow(dest / "gone", {"a": b"1", "b": {"c": b"2"}})
    stopped("max_delete", "unsafe", src, dest, delete=True, max_delete="3")
    (src / "f0").unlink()
    (src / "f0").symlink_to("f1")
    stopped("max_delete", "unsafe", src, dest, max_delete="0")
    stopped("max_delete", "unsafe", src, dest, delete=True, max_delete="4")
    synced(src, dest, delete=True, max_delete="5")
    assert picture(dest) == picture(src)


def test_bytes_that_go_are_limited_as_well(src: Path, dest: Path) -> None:
    (src / "f0").unlink()
    (src / "f1").unlink()
    stopped("max_delete_size", "unsafe", src, dest, delete=True, max_delete_size="19")
    synced(src, dest, delete=True, max_delete_size="20")


def test_an_empty_source_never_stands_for_an_empty_backup(src: Path, dest: Path) -> None:
    for path in src.iterdir():
        path.unlink()
    stopped("require_nonempty_src", "unsafe", src, dest)
    stopped("require_nonempty_src", "unsafe", src, dest, delete=True, max_delete="100%")
    synced(src, dest.with_name("new"))
    synced(src, dest, delete=True, require_nonempty_src=False)
    assert os.listdir(dest) == []


def test_a_source_of_which_nothing_takes_part_is_empty(src: Path, dest: Path) -> None:
    (dest / "other").write_bytes(b"")
    stopped("require_nonempty_src", "unsafe", src, dest, exclude=["f*"])


def test_a_path_that_is_no_mount_point_stops_the_run(src: Path, dest: Path) -> None:
    stopped("mountpoint", "unsafe", src, dest, mountpoint=str(src))
    stopped("mountpoint", "unsafe", src, dest, mountpoint=str(src / "nowhere"))
    synced(src, dest, mountpoint="/proc" if os.path.ismount("/proc") else "/")


def test_a_missing_sentinel_stops_the_run(src: Path, dest: Path, tmp_path: Path) -> None:
    stopped("sentinel", "unsafe", src, dest, sentinel=".here")
    stopped("sentinel", "unsafe", src, dest, sentinel=str(tmp_path / "nowhere"))
    synced(src, dest, sentinel="f1")
    synced(src, dest, sentinel=str(tmp_path))


def test_a_source_that_lost_half_of_itself_since_the_last_run_stops_the_run(src: Path, dest: Path, state: Path) -> None:
    synced(src, dest, max_shrink="30%", check_mode=True)
    assert not state.exists()
    synced(src, dest, max_shrink="30%")
    (known,) = (state / "backup_sync").iterdir()
    before = known.stat()
    assert synced(src, dest, max_shrink="30%")["changed"] is False
    assert known.stat().st_mtime_ns == before.st_mtime_ns
    for number in range(3):
        (src / ("f%d" % number)).unlink()
    got = stopped("max_shrink", "unsafe", src, dest, max_shrink="30%")
    assert got.failure is not None
    assert "at the last run" in got.failure.message
    synced(src, dest, max_shrink="40%")
    synced(src, dest, max_shrink="30%")


def test_without_a_last_run_the_source_is_held_against_dest(src: Path, dest: Path) -> None:
    grow(dest / "more", {"g%d" % number: b"" for number in range(8)})
    got = stopped("max_shrink", "unsafe", src, dest, max_shrink="30%")
    assert got.failure is not None
    assert "in dest it was 17" in got.failure.message
    synced(src, dest, max_shrink="60%")


def test_bytes_that_got_lost_count_as_entries_do(src: Path, dest: Path) -> None:
    synced(src, dest, max_shrink="10%")
    for path in src.iterdir():
        path.write_bytes(b"")
    stopped("max_shrink", "unsafe", src, dest, max_shrink="10%")


def test_a_plan_that_leaves_too_little_is_refused(src: Path, tmp_path: Path) -> None:
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    stopped("min_free", "no_space", src, tmp_path / "not" / "yet", min_free=str(free + (1 << 30)))
    stopped("min_free", "no_space", src, tmp_path / "not" / "yet", min_free="100%")
    synced(src, tmp_path / "not" / "yet", min_free="1M")


def test_nothing_to_do_fits_anywhere(src: Path, dest: Path) -> None:
    assert synced(src, dest, min_free="100%")["changed"] is False


_ON_TMPFS = """
import os, sys
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.syncing import outcome
src, dest = sys.argv[1:3]
got = outcome(src, dest)
print(got.result["guard"], got.failure and got.failure.kind, os.path.exists(dest))
"""


def _on_tmpfs(tmp_path: Path, options: str, script: str, *arguments: str) -> str:
    """Run a script where ``tmp_path/small`` is a file system of its own; its output."""
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    (tmp_path / "small").mkdir()
    (tmp_path / "script.py").write_text(script)
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    shell = 'mount -t tmpfs -o "$1" tmpfs "$2" || exit 77; shift 2; exec "$@"'
    command = [*unshare, "sh", "-c", shell, "sh", options, str(tmp_path / "small"), sys.executable, str(tmp_path / "script.py"), *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, env=environment, check=False, encoding="utf-8")
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("this user may not mount: %s" % done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_plan_that_does_not_fit_is_refused_before_it_begins(tmp_path: Path) -> None:
    grow(tmp_path / "large", {"a": os.urandom(1 << 20), "b": os.urandom(1 << 20)})
    said = _on_tmpfs(tmp_path, "size=1m", _ON_TMPFS, str(tmp_path / "large"), str(tmp_path / "small" / "dest"))
    assert said == "min_free no_space False"


def test_a_plan_with_more_files_than_inodes_is_refused_before_it_begins(tmp_path: Path) -> None:
    grow(tmp_path / "many", {"f%d" % number: b"" for number in range(60)})
    said = _on_tmpfs(tmp_path, "nr_inodes=40", _ON_TMPFS, str(tmp_path / "many"), str(tmp_path / "small" / "dest"))
    assert said == "min_free no_space False"


_MOUNTED = """
import os, subprocess, sys
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.syncing import outcome
src, dest, small = sys.argv[1:4]
os.mkdir(os.path.join(src, "bound"))
subprocess.run(["mount", "--bind", src, os.path.join(src, "bound")], check=True)
for path in (small, os.path.join(src, "bound"), src):
    got = outcome(src, dest, check_mode=True, mountpoint=path, exclude=["bound"])
    print(got.result["guard"])
"""


def test_bind_mounts_are_mount_points(tmp_path: Path) -> None:
    grow(tmp_path / "src", {"a": b"1"})
    said = _on_tmpfs(tmp_path, "size=1m", _MOUNTED, str(tmp_path / "src"), str(tmp_path / "dest"), str(tmp_path / "small"))
    assert said.split() == ["None", "None", "mountpoint"]


_ONE_FILE_SYSTEM = """
import os, sys
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.syncing import outcome, by_path
src, dest, small = sys.argv[1:4]
for path in (os.path.join(small, "inside"), os.path.join(dest, "small", "kept")):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "w").close()
got = outcome(src, dest, delete=True, one_file_system=True)
print(got.failure, sorted(by_path(got.result)), os.listdir(os.path.join(dest, "small")))
got = outcome(src, dest, delete=True)
print(got.failure, os.listdir(os.path.join(dest, "small")))
"""


def test_another_file_system_is_not_entered_and_what_dest_has_there_stays(tmp_path: Path) -> None:
    said = _on_tmpfs(tmp_path, "size=1m", _ONE_FILE_SYSTEM, str(tmp_path), str(tmp_path.with_name("dest-of-" + tmp_path.name)), str(tmp_path / "small"))
    assert said.splitlines()[0].endswith("['kept']")
    assert said.splitlines()[1] == "None ['inside']"
    shutil.rmtree(tmp_path.with_name("dest-of-" + tmp_path.name))


_FULL = """
import os, sys
from ansible_collections.fleetproof.backup.plugins.module_utils._plan import guards
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.syncing import outcome
src, dest = sys.argv[1:3]
# As if others filled the disk after it was looked at
guards.Space.at = classmethod(lambda cls, path: cls(1 << 40, 1 << 40, 1 << 40, 0, 0, 4096))
os.mkdir(dest)
for name in ("gone", "b"):
    with open(os.path.join(dest, name), "wb") as file:
        file.write(b"old")
got = outcome(src, dest, delete=True)
print(got.failure.kind, [failure["path"] for failure in got.result["failed_files"]], sorted(os.listdir(dest)), got.result["counts"]["deleted"])
with open(os.path.join(dest, "b"), "rb") as file:
    print(file.read())
"""


def test_a_full_disk_leaves_no_half_file_and_the_rest_is_copied(tmp_path: Path) -> None:
    grow(tmp_path / "src", {"a": os.urandom(300_000), "b": os.urandom(900_000), "c": os.urandom(100_000), "d": os.urandom(1000), "l": Link("a")})
    said = _on_tmpfs(tmp_path, "size=600k", _FULL, str(tmp_path / "src"), str(tmp_path / "small" / "dest"))
    assert said.splitlines() == ["no_space ['b'] ['a', 'b', 'c', 'd', 'gone', 'l'] 0", "b'old'"]


# One run at a time


_HOLD = """
import fcntl, os, sys
directory = os.open(sys.argv[1], os.O_RDONLY)
fcntl.flock(directory, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_the_second_run_fails_at_once_and_names_the_first(src: Path, dest: Path) -> None:
    (src / "new").write_bytes(b"1")
    with subprocess.Popen([sys.executable, "-c", _HOLD, str(dest)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == b"held\n"
        before = touched(dest)
        for check_mode in (False, True):
            with pytest.raises(FleetproofError) as caught:
                outcome(src, dest, check_mode=check_mode)
            assert (caught.value.kind, caught.value.retryable) == ("busy", True)
            if sys.platform == "linux":
                assert "pid %d" % holder.pid in caught.value.message
        assert touched(dest) == before
        assert synced(src, dest, lock=False)["changed"] is True
        holder.stdin.close()
        holder.wait()
    assert synced(src, dest)["changed"] is False


def test_check_mode_does_not_keep_a_run_off(src: Path, dest: Path) -> None:
    import fcntl

    synced(src, dest, check_mode=True)
    directory = os.open(dest, os.O_RDONLY)
    fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(directory)


def test_without_the_lock_nothing_that_may_be_in_use_is_removed(src: Path, dest: Path) -> None:
    (dest / ".fleetproof-0123456789abcdef.tmp").write_bytes(b"half")
    got = synced(src, dest, lock=False, delete=True)
    assert (got["leftovers"], got["counts"]["deleted"]) == (0, 0)
    assert (dest / ".fleetproof-0123456789abcdef.tmp").exists()


def test_where_directories_cannot_be_locked_a_file_is(src: Path, dest: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno
    import fcntl

    real = fcntl.flock

    def no_flock(descriptor: t.Any, how: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EBADF, "as NFS says")
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", no_flock)
    (src / "new").write_bytes(b"1")
    synced(src, dest)
    (lock,) = (state / "backup_sync").iterdir()
    with Lock(str(lock), "is at work"):
        # A lock may belong to a process, so the other run is another process.
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                outcome(src, dest)
            except FleetproofError as error:
                status = 0 if error.kind == "busy" else 2
            finally:
                os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0
