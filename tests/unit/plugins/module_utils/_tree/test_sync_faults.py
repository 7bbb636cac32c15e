# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong while a run is at work: files that cannot be read or change, links that are swapped in, the end of the process."""

from __future__ import annotations

import os
import random
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._share import Gauge
from ansible_collections.fleetproof.backup.plugins.module_utils._tree import copy as copy_module
from ansible_collections.fleetproof.backup.plugins.module_utils._tree.copy import Copier
from ansible_collections.fleetproof.backup.plugins.module_utils._tree.rules import Preserve
from ansible_collections.fleetproof.backup.plugins.module_utils._values import is_temporary
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.comparing import THEN, as_nobody, grow
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.syncing import counts, outcome, picture, rsync_finds_nothing, synced

# A run as a process of its own, so that it can be killed
RUN = """
import json, os, sys
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.syncing import outcome
options = json.loads(sys.argv[3])
print("begins", flush=True)
got = outcome(sys.argv[1], sys.argv[2], **options)
sys.exit(0 if got.failure is None else got.failure.message)
"""
OPTIONS = '{"parallel": "3", "delete": true, "fsync": "none"}'


def start(src: t.Any, dest: t.Any, prefix: t.Sequence[str] = (), options: str = OPTIONS) -> t.Any:
    """A run in a process group of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [*prefix, sys.executable, "-c", RUN, str(src), str(dest), options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, start_new_session=True)


# What cannot be read


def by_nobody(check: t.Callable[[Path], None]) -> None:
    """Run a test as a user who may not do everything, in a directory of that user's."""
    folder = tempfile.mkdtemp()
    try:
        os.chmod(folder, 0o777)  # for the time of the test
        as_nobody(lambda: check(Path(folder)))
    finally:
        shutil.rmtree(folder)


def test_an_unreadable_file_costs_itself_and_the_deletions_alone() -> None:
    def check(folder: Path) -> None:
        grow(folder / "src", {"a": b"1", "secret": b"2", "z": b"3", "shut": {"in": b"4"}})
        grow(folder / "dest", {"extra": {"x": b"5"}, "secret": b"old", "shut": {"in": b"4", "only in dest": b""}})
        src, dest = folder / "src", folder / "dest"
        (src / "secret").chmod(0)
        (src / "shut").chmod(0)
        said = outcome(src, dest, delete=True, check_mode=True)
        got = outcome(src, dest, delete=True)
        assert said.result["counts"] == got.result["counts"]
        assert said.result["actions"] == got.result["actions"]
        assert got.failure is not None
        assert got.failure.kind == "permission"
        assert "Nothing was deleted" in got.failure.message
        assert got.result["failed_files"] == [
            {"path": "secret", "kind": "permission", "reason": "cannot be read: Permission denied"},
            {"path": "shut", "kind": "permission", "reason": "cannot be read: Permission denied"},
        ]
        assert got.result["counts"]["failed"] == 2
        assert got.result["counts"]["deleted"] == 0
        assert (dest / "z").read_bytes() == b"3"
        assert (dest / "secret").read_bytes() == b"old"
        assert (dest / "extra" / "x").exists()
        (src / "shut").chmod(0o755)
        (dest / "shut").chmod(0o755)
        assert (dest / "shut" / "only in dest").exists()

    by_nobody(check)


def test_a_dest_that_may_not_be_written_is_told_file_by_file() -> None:
    if os.geteuid():
        pytest.skip("needs a directory of somebody else: run as root")
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        grow(folder / "src", {"a": b"1", "d": {"b": b"2"}, "same": b"3"})
        grow(folder / "dest", {"d": {}, "same": b"3"})
        (folder / "src" / "d").chmod(0o755)

        def check() -> None:
            got = outcome(folder / "src", folder / "dest", preserve=[])
            assert got.failure is not None
            assert got.failure.kind == "permission"
            assert [failure["path"] for failure in got.result["failed_files"]] == ["a", "d/b"]
            assert got.changed is False

        as_nobody(check)
    finally:
        shutil.rmtree(folder)


def test_directories_of_ones_own_that_are_closed_are_opened_for_the_time_being() -> None:
    def check(folder: Path) -> None:
        src, dest = folder / "src", folder / "dest"
        grow(src, {"d": {"a": b"new", "e": {"b": b"1"}}})
        grow(dest, {"d": {"a": b"old and longer", "gone": b"2"}})
        for path in (src / "d" / "e", src / "d", dest / "d"):
            path.chmod(0o555)
        synced(src, dest, delete=True)
        assert picture(dest) == picture(src)
        assert stat.S_IMODE((dest / "d").stat().st_mode) == 0o555
        assert synced(src, dest, delete=True)["changed"] is False
        for path in (src / "d", src / "d" / "e", dest / "d", dest / "d" / "e"):
            path.chmod(0o755)

    by_nobody(check)


# What changes


def test_a_file_that_grows_all_the_time_is_told_and_its_old_copy_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(tmp_path / "src", {"log": b"1" * 1_000_000, "quiet": b"2"})
    grow(tmp_path / "dest", {"log": b"old", "extra": b""})
    copy_file_range = os.copy_file_range

    def while_somebody_writes(*arguments: t.Any) -> int:
        done = copy_file_range(*arguments)
        with open(tmp_path / "src" / "log", "ab") as log:
            log.write(b"more")
        return done

    monkeypatch.setattr(os, "copy_file_range", while_somebody_writes)
    got = outcome(tmp_path / "src", tmp_path / "dest", delete=True)
    assert got.failure is not None
    assert got.failure.kind == "changed_underfoot"
    assert got.failure.retryable
    assert [(failure["path"], failure["kind"]) for failure in got.result["failed_files"]] == [("log", "changed_underfoot")]
    assert got.result["counts"]["created"] == 1
    assert (tmp_path / "dest" / "log").read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path / "dest")) == ["extra", "log", "quiet"]


@pytest.fixture(name="pair")
def fixture_pair(tmp_path: Path) -> t.Iterator[t.Tuple[int, int]]:
    """Descriptors of a source with one file and of an empty dest."""
    grow(tmp_path / "src", {"a": b"some content"})
    grow(tmp_path / "dest", {})
    descriptors = os.open(tmp_path / "src", os.O_RDONLY), os.open(tmp_path / "dest", os.O_RDONLY)
    yield descriptors
    for descriptor in descriptors:
        os.close(descriptor)


def copier(**fields: t.Any) -> Copier:
    """A copier of one's own."""
    return Copier(Gauge(1), Preserve.of(["mode", "mtime", "sparse"]), True, None, lambda: None)


def test_a_file_that_changed_once_is_read_again(pair: t.Tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    def read(descriptor: int, length: int) -> bytes:
        data = os.pread(descriptor, length, 0)
        if not written:
            written.append(True)
            (tmp_path / "src" / "a").write_bytes(b"other")
        return data

    monkeypatch.setattr(copy_module.os, "read", read)
    name, size = copier().copy(pair[0], "a", pair[1])
    assert (tmp_path / "dest" / name).read_bytes() == b"other"
    assert size == 5
    assert os.listdir(tmp_path / "dest") == [name]


def test_a_copy_that_reads_back_otherwise_gets_no_name(pair: t.Tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_module.os, "pread", lambda descriptor, length, offset: b"rotten bytes")
    with pytest.raises(FleetproofError) as caught:
        copier().copy(pair[0], "a", pair[1])
    assert caught.value.kind == "integrity"
    assert os.listdir(tmp_path / "dest") == []


def test_the_short_way_gives_up_on_what_is_not_as_most_files_are(pair: t.Tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(tmp_path / "more", {"large": bytes(300_000)})
    os.rename(tmp_path / "more" / "large", tmp_path / "src" / "large")
    (tmp_path / "src" / "link").symlink_to("a")
    os.mkfifo(tmp_path / "src" / "fifo")
    with open(tmp_path / "src" / "sparse", "wb") as file:
        file.truncate(100_000)
    short = copier()
    short.enter(pair[1])
    assert short.copy_small(pair[0], "a", pair[1], "new name") == 12
    assert (tmp_path / "dest" / "new name").read_bytes() == b"some content"
    assert (tmp_path / "dest" / "new name").stat().st_mtime_ns == THEN
    for name in ("large", "link", "fifo", "sparse", "nowhere"):
        assert short.copy_small(pair[0], name, pair[1], "other name") == -1
    (tmp_path / "dest" / "in the way").mkdir()
    assert short.copy_small(pair[0], "a", pair[1], "in the way") == -1
    with monkeypatch.context() as patch:
        patch.setattr(copy_module.os, "pread", lambda descriptor, length, offset: b"rotten bytes")
        assert short.copy_small(pair[0], "a", pair[1], "other name") == -1
    with monkeypatch.context() as patch:
        patch.setattr(copy_module.os, "write", lambda descriptor, data: len(data) - 1)
        assert short.copy_small(pair[0], "a", pair[1], "other name") == -1
    real = os.read

    def grows_meanwhile(descriptor: int, length: int) -> bytes:
        data = real(descriptor, length)
        with open(tmp_path / "src" / "a", "ab") as file:
            file.write(b"more")
        return data

    with monkeypatch.context() as patch:
        patch.setattr(copy_module.os, "read", grows_meanwhile)
        assert short.copy_small(pair[0], "a", pair[1], "other name") == -1
    assert sorted(os.listdir(tmp_path / "dest")) == ["in the way", "new name"]


def test_a_name_that_somebody_else_has_is_left_to_him(pair: t.Tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = copier()
    monkeypatch.setattr(short, "temporary", lambda: "taken")
    (tmp_path / "dest" / "taken").write_bytes(b"not ours")
    assert short.copy_small(pair[0], "a", pair[1], "new name") == -1
    with pytest.raises(FileExistsError):
        short.copy(pair[0], "a", pair[1])
    assert (tmp_path / "dest" / "taken").read_bytes() == b"not ours"


@pytest.mark.parametrize("missing", [("copy_file_range",), ("copy_file_range", "sendfile")], ids=["no kernel copy", "by hand"])
@pytest.mark.parametrize("sparse", [False, True], ids=["full", "sparse"])
def test_without_the_kernels_copy_the_bytes_are_the_same(
    pair: t.Tuple[int, int], tmp_path: Path, missing: t.Sequence[str], sparse: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    def refuse(*_arguments: t.Any) -> int:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    for name in missing:
        monkeypatch.setattr(copy_module.os, name, refuse, raising=False)
    with open(tmp_path / "src" / "large", "wb") as file:
        if sparse:
            file.truncate(5_000_000)
            file.seek(2_500_000)
        file.write(os.urandom(1_234_567))
    expected = (tmp_path / "src" / "large").read_bytes()
    name, size = copier().copy(pair[0], "large", pair[1])
    assert (tmp_path / "dest" / name).read_bytes() == expected
    assert size == len(expected)


def test_a_file_past_the_limit_of_the_process_leaves_nothing_behind(tmp_path: Path) -> None:
    grow(tmp_path / "src", {"a": b"1", "b": os.urandom(2_000_000), "c": b"3"})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    try:
        got = outcome(tmp_path / "src", tmp_path / "dest")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert got.failure is not None
    assert got.failure.kind == "no_space"
    assert sorted(os.listdir(tmp_path / "dest")) == ["a", "c"]
    assert got.result["counts"] == counts(created=3, failed=1)


# Links that are swapped in


def _swap(path: Path, elsewhere: Path, stop: threading.Event) -> None:
    """Let the directory ``path`` be a link to ``elsewhere`` by turns."""
    aside = path.with_name("aside")
    while not stop.is_set():
        try:
            path.rename(aside)
            path.symlink_to(elsewhere)
            time.sleep(0.0002)
            path.unlink()
            aside.rename(path)
        except OSError:
            # The run takes away what it takes for unknown, and makes what it misses: put things in order again.
            if path.is_symlink():
                path.unlink()
            path.mkdir(exist_ok=True)
            shutil.rmtree(aside, ignore_errors=True)
        time.sleep(0.0002)


@pytest.mark.parametrize("side", ["src", "dest"])
def test_a_directory_swapped_for_a_link_leads_nowhere(tmp_path: Path, side: str) -> None:
    grow(tmp_path / "outside", {"precious": b"1", "d": {"secret": b"2"}})
    grow(tmp_path / "src", {"x": {"precious": b"mine", "d": {"n%d" % number: b"3" for number in range(40)}}})
    grow(tmp_path / "dest", {"x": {"extra": b"4", "d": {}}})
    before = picture(tmp_path / "outside")
    stop = threading.Event()
    pid = os.fork()
    if pid == 0:
        try:
            signal.signal(signal.SIGTERM, lambda *_unused: stop.set())
            _swap(tmp_path / side / "x", tmp_path / "outside", stop)
        finally:
            os._exit(0)
    try:
        end = time.monotonic() + 3
        while time.monotonic() < end:
            outcome(tmp_path / "src", tmp_path / "dest", delete=True, fsync="none", require_nonempty_src=False, exclude=["aside"])
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
    assert picture(tmp_path / "outside") == before
    copied = [path for path in picture(tmp_path / "dest") if b"secret" in path]
    assert copied == []


# The end


def _plant(tmp_path: Path) -> t.Tuple[Path, Path, t.Dict[str, t.Set[bytes]]]:
    """A source, an older copy of it, and the contents that each file may have at any time."""
    src: t.Dict[t.Any, t.Any] = {"big%d" % number: os.urandom(9_000_000) for number in range(3)}
    dest: t.Dict[t.Any, t.Any] = {"big0": b"old"}
    for folder in range(30):
        new = {"f%d" % number: b"%d new" % number * 50 for number in range(30)}
        src["d%d" % folder] = new
        if folder % 2:
            dest["d%d" % folder] = {**dict.fromkeys(list(new)[:20], b"old"), "extra": {"gone": b"old"}}
    src["t"] = b"a file now"
    dest["t"] = {"was": {"a": b"tree"}}
    grow(tmp_path / "src", src)
    grow(tmp_path / "dest", dest)
    os.link(tmp_path / "src" / "d0" / "f0", tmp_path / "src" / "d1" / "linked")
    may_be: t.Dict[str, t.Set[bytes]] = {}
    for root in (tmp_path / "src", tmp_path / "dest"):
        for path in root.rglob("*"):
            if path.is_file():
                may_be.setdefault(str(path.relative_to(root)), set()).add(path.read_bytes())
    return tmp_path / "src", tmp_path / "dest", may_be


def _whole(dest: Path, may_be: t.Dict[str, t.Set[bytes]]) -> None:
    """Each file that has its name is the old one or the new one."""
    for path in dest.rglob("*"):
        if path.is_file() and not is_temporary(path.name):
            assert path.read_bytes() in may_be[str(path.relative_to(dest))], path


def _ended(dest: Path) -> None:
    """Wait until no process of a killed run has dest any more: their lock tells."""
    import fcntl

    directory = os.open(dest, os.O_RDONLY)
    try:
        end = time.monotonic() + 20
        while True:
            try:
                fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                assert time.monotonic() < end, "a worker goes on though the run was killed"
                time.sleep(0.01)
    finally:
        os.close(directory)


def _finishes(src: Path, dest: Path) -> None:
    """The next run brings things in order, and leaves nothing of the last one."""
    synced(src, dest, delete=True, fsync="none")
    assert not [path for path in picture(dest) if is_temporary(os.path.basename(os.fsdecode(path)))]
    assert picture(dest) == picture(src)
    assert synced(src, dest, delete=True)["changed"] is False


@pytest.mark.parametrize("seed", range(12))
def test_killed_at_any_moment_the_old_file_or_the_new_one_is_there_and_the_next_run_finishes(tmp_path: Path, seed: int) -> None:
    src, dest, may_be = _plant(tmp_path)
    before = picture(src)
    run = start(src, dest)
    with run:
        assert run.stdout.readline() == b"begins\n"
        time.sleep(random.Random(seed).uniform(0, 0.25))
        # The leading process alone: the others have to notice.
        run.kill()
        run.communicate()
    _ended(dest)
    _whole(dest, may_be)
    assert picture(src) == before
    _finishes(src, dest)
    rsync_finds_nothing(src, dest)


@pytest.mark.parametrize("call", ["renameat", "openat", "copy_file_range", "write", "unlinkat", "linkat", "utimensat", "mkdirat"])
def test_killed_in_each_system_call_the_next_run_finishes(tmp_path: Path, call: str) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    src, dest, may_be = _plant(tmp_path)
    chance = random.Random(call)
    for _round in range(3):
        when = chance.randrange(1, 120) if call in ("renameat", "openat", "write", "utimensat") else chance.randrange(1, 6)
        strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=%s" % call, "-e", "inject=%s:signal=KILL:when=%d" % (call, when)]
        run = start(src, dest, strace, OPTIONS.replace("3", "1"))
        output = run.communicate(timeout=120)[1]
        if b"Operation not permitted" in output or b"ptrace" in output:
            pytest.skip("strace may not trace here")
        _ended(dest)
        _whole(dest, may_be)
    _finishes(src, dest)


def test_workers_of_a_killed_run_do_not_go_on(tmp_path: Path) -> None:
    grow(tmp_path / "src", {"d%d" % folder: {"f%d" % number: os.urandom(50_000) for number in range(40)} for folder in range(20)})
    run = start(tmp_path / "src", tmp_path / "dest", options='{"parallel": "4", "bwlimit": "2M"}')
    with run:
        assert run.stdout.readline() == b"begins\n"
        end = time.monotonic() + 20
        while len(list((tmp_path / "dest").rglob("f*"))) < 8:
            assert time.monotonic() < end
            time.sleep(0.01)
        run.kill()
        run.communicate()
    _ended(tmp_path / "dest")
    there = len(list((tmp_path / "dest").rglob("*")))
    time.sleep(0.3)
    assert len(list((tmp_path / "dest").rglob("*"))) == there < 800
    synced(tmp_path / "src", tmp_path / "dest")
    assert picture(tmp_path / "dest") == picture(tmp_path / "src")


# How much it takes


_MEMORY = """
import os, re, sys, tracemalloc
from ansible_collections.fleetproof.backup.plugins.module_utils._tree.rules import Preserve, Rules
from ansible_collections.fleetproof.backup.plugins.module_utils._tree.sync_plan import make_plan
from ansible_collections.fleetproof.backup.plugins.module_utils._tree.walk import WalkOptions
source, dest = os.open(sys.argv[1], os.O_RDONLY), os.open(sys.argv[2], os.O_RDONLY)
rules = Rules(Preserve.of(["mode", "owner", "group", "mtime", "links", "hardlinks", "sparse"]), delete=True)
make_plan(dest, dest, rules, WalkOptions())
tracemalloc.start()
plan = make_plan(source, dest, rules, WalkOptions())
now, peak = tracemalloc.get_traced_memory()
print(sum(1 for _action in plan.actions()), now, peak)
"""


@pytest.mark.parametrize("wide", [True, False], ids=["few directories", "a directory for each"])
def test_a_plan_takes_less_than_300_bytes_for_each_action(tmp_path: Path, wide: bool) -> None:
    number = 20_000 if wide else 5_000
    for index in range(number):
        folder = tmp_path / "src" / ("d%d" % (index // 2000) if wide else "folder%05d" % index)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ("name-of-a-file-%06d" % index)).touch()
    (tmp_path / "dest").mkdir()
    command = [sys.executable, "-c", _MEMORY, str(tmp_path / "src"), str(tmp_path / "dest")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True, encoding="ascii").stdout
    actions, now, peak = map(int, re.findall("[0-9]+", said))
    assert actions >= number
    assert now < 300 * actions
    assert peak < 300 * actions + (1 << 20)
