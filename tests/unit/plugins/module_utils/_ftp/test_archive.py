# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of ftp_transfer into an archive, against the server of the test bed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp import archive_build, archive_spool
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp import transfer as transfer_job
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_format import FORMATS
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_spool import new_name, spool_name
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.transfer import transfer
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.transfer_options import SPEC
from ansible_collections.fleetproof.backup.plugins.module_utils._plan.guards import Space
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._ftp.asking import Asker, fresh, served
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._ftp.transferring import T1, T2, actions, write

running_server = pytest.fixture(scope="module")(served)


class Archiver(Asker):
    """Mirrors the directory ``site`` of the server into ``backup/site.SUFFIX``."""

    def __init__(self, server, folder, name):
        super().__init__(server, SPEC, transfer)
        self.site = server.root / "site"
        self.site.mkdir()
        self.folder = folder / "backup"
        self.name = name
        self.path = self.folder / ("site." + name)

    def options(self, **given):
        usual = {"direction": "download", "src": "site", "recursive": True, "archive": {"path": str(self.path)}, "port": self.server.port, "tls": "none"}
        return super().options(**{**usual, **given})

    def run(self, **given):
        """Check, run, check again, run again: what was said is done, and then there is nothing left to do."""
        before = self.sha256()
        said = self(check=True, **given)
        assert self.sha256() == before
        done = self(**given)
        for one, other in ((said.changed, done.changed), (said.diff, done.diff)):
            assert one == other
        for name in ("counts", "actions", "guard"):
            assert said.result[name] == done.result[name]
        assert said.result["archive"]["state"] == done.result["archive"]["state"]
        made = self.sha256()
        assert done.failure is None
        assert done.result["archive"]["sha256"] == made
        for check in (True, False):
            again = self(check=check, **given)
            assert not again.changed, again.result["actions"]
            assert again.result["archive"] == {**done.result["archive"], "state": "unchanged"}
            assert self.sha256() == made
        self.clean()
        return done

    def sha256(self):
        return hashlib.sha256(self.path.read_bytes()).hexdigest() if self.path.exists() else None

    def clean(self):
        """Nothing but the archive lies where it is."""
        assert os.listdir(self.folder) == [self.path.name]

    def content(self):
        """What the archive holds, as the standard library reads it."""
        found = {}
        if self.name == "zip":
            with zipfile.ZipFile(self.path) as archive:
                for info in archive.infolist():
                    found[info.filename.rstrip("/")] = None if info.is_dir() else archive.read(info)
        else:
            with tarfile.open(self.path) as tar:
                for member in tar:
                    file = tar.extractfile(member)
                    found[member.name] = None if file is None else file.read()
        return found

    def fails(self, **given):
        with pytest.raises(FleetproofError) as caught:
            self(**given)
        return caught.value


@pytest.fixture(params=FORMATS)
def every(request, running_server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Archiver(fresh(running_server, monkeypatch), tmp_path, request.param)


@pytest.fixture(params=["zip", "tar.gz"])
def both(request, running_server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Archiver(fresh(running_server, monkeypatch), tmp_path, request.param)


@pytest.fixture
def one(running_server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Archiver(fresh(running_server, monkeypatch), tmp_path, "tar.gz")


def _fill(site):
    write(site, "a.txt", "first")
    write(site, "sub/deep/b.bin", os.urandom(300000), T2)
    write(site, "sub/漢字.txt", "text")
    write(site, "sub-way", "")
    (site / "empty").mkdir(exist_ok=True)


def test_a_site_goes_into_an_archive_and_the_second_run_has_nothing_to_do(every):
    _fill(every.site)
    done = every.run()
    assert every.content() == {
        "a.txt": b"first",
        "empty": None,
        "sub-way": b"",
        "sub": None,
        "sub/deep": None,
        "sub/deep/b.bin": (every.site / "sub/deep/b.bin").read_bytes(),
        "sub/漢字.txt": b"text",
    }
    assert done.result["archive"] == {
        "path": str(every.path),
        "format": every.name,
        "state": "created",
        "entries": 7,
        "size": every.path.stat().st_size,
        "sha256": every.sha256(),
    }
    assert done.result["counts"]["created"] == 8  # with the archive itself
    assert done.result["bytes_moved"] == 300009
    assert done.result["verified"] == 4


def test_what_changed_is_fetched_and_the_rest_taken_over(every):
    _fill(every.site)
    every()
    write(every.site, "a.txt", "second")
    write(every.site, "new/c", "third")
    shutil.rmtree(every.site / "empty")
    os.utime(every.site / "sub/漢字.txt", (T2, T2))
    every.server.behave()
    done = every.run(max_delete="100%")
    assert actions(done) == [("a.txt", "updated"), ("empty", "deleted"), ("new", "created"), ("new/c", "created"), ("sub/漢字.txt", "updated")]
    assert done.result["archive"]["state"] == "updated"
    assert sorted(line.rpartition("/")[2].rpartition(" ")[2] for line in every.server.commands("RETR")) == ["a.txt", "c", "漢字.txt"]
    assert every.content()["a.txt"] == b"second"
    assert every.content()["sub/deep/b.bin"] == (every.site / "sub/deep/b.bin").read_bytes()
    assert done.diff["prepared"].splitlines()[:2] == [">f.s....... a.txt", "*deleting   empty/"]


def test_an_archive_that_was_kept_up_is_the_one_that_is_made_at_once(every):
    _fill(every.site)
    every()
    write(every.site, "a.txt", "second")
    write(every.site, "zz", "last")
    os.unlink(every.site / "sub-way")
    every()
    kept_up = every.path.read_bytes()
    every.path.unlink()
    every()
    assert every.path.read_bytes() == kept_up


def test_a_file_in_the_place_of_a_directory_and_the_reverse(both):
    write(both.site, "one", "file")
    write(both.site, "two/inside/x", "in a directory")
    write(both.site, "two-and", "a name between")
    both()
    (both.site / "one").unlink()
    write(both.site, "one/x", "in a directory")
    shutil.rmtree(both.site / "two")
    write(both.site, "two", "file")
    done = both.run(max_delete="100%")
    assert both.content() == {"one": None, "one/x": b"in a directory", "two": b"file", "two-and": b"a name between"}
    assert done.result["archive"]["entries"] == 4


def test_an_empty_site_makes_an_empty_archive(every):
    done = every.run()
    assert every.content() == {}
    assert actions(done) == [(".", "created")]


def test_filters_say_what_the_archive_holds(both):
    _fill(both.site)
    both()
    both.run(exclude=["*.bin", "empty/"], max_delete="100%")
    assert sorted(both.content()) == ["a.txt", "sub", "sub-way", "sub/deep", "sub/漢字.txt"]
    both.run(recursive=False, max_delete="100%")
    assert sorted(both.content()) == ["a.txt", "sub-way"]


def test_links_take_no_part(one):
    # MLSD of this server follows links
    one.server.behave(hide=["MLSD", "MLST"])
    write(one.site, "file", "abc")
    (one.site / "link").symlink_to("file")
    done = one.run()
    assert list(one.content()) == ["file"]
    assert any("no part" in warning for warning in done.warnings)
    # nor does what became one stay
    (one.site / "file").unlink()
    (one.site / "file").symlink_to("link")
    write(one.site, "other", "abc")
    one.run(max_delete="100%")
    assert list(one.content()) == ["other"]


def test_the_archive_lies_in_a_directory_that_is_made_with_all_above_it(one):
    one.folder = one.folder / "a" / "b"
    one.path = one.folder / "site.tar.gz"
    write(one.site, "x")
    one.run()


def test_modes_are_those_of_the_old_archive(one):
    write(one.site, "x")
    one()
    one.path.chmod(0o640)
    write(one.site, "y")
    one()
    assert one.path.stat().st_mode & 0o777 == 0o640


@contextlib.contextmanager
def _somebody_else(groups):
    """The user and group 65534 at work."""
    before = os.getgroups()
    os.setgroups(groups)
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize(("groups", "expected"), [([12345], (65534, 12345)), ([], (65534, 65534)), (None, (1000, 12345))])
def test_owner_and_group_are_those_of_the_old_archive_as_far_as_the_user_may(tmp_path, groups, expected):
    old, new = tmp_path / "old", tmp_path / "new"
    for path, owner in ((old, (1000, 12345)), (new, (65534, 65534))):
        path.write_bytes(b"")
        os.chown(path, *owner)
    old.chmod(0o6750)
    somebody = contextlib.nullcontext() if groups is None else _somebody_else(groups)
    with contextlib.ExitStack() as stack:
        one, other = stack.enter_context(open(old, "rb")), stack.enter_context(open(new, "r+b"))
        stack.enter_context(somebody)
        archive_build.look_like(other.fileno(), one.fileno())
    state = new.stat()
    assert (state.st_uid, state.st_gid, state.st_mode & 0o7777) == (*expected, 0o750)


# Limits


def test_more_deletions_than_allowed_leave_the_archive_alone(both):
    for number in range(10):
        write(both.site, "f%d" % number)
    both()
    before = both.sha256()
    for number in range(4):
        (both.site / ("f%d" % number)).unlink()
    done = both()
    assert (done.result["guard"], done.changed, done.failure.kind) == ("max_delete", False, "unsafe")
    assert (both.sha256(), done.result["archive"]["state"]) == (before, "unchanged")
    both.run(max_delete="40%")
    assert len(both.content()) == 6


def test_a_site_without_anything_leaves_the_archive_alone(both):
    write(both.site, "x")
    both()
    before = both.sha256()
    (both.site / "x").unlink()
    done = both(max_delete="100%")
    assert (done.result["guard"], both.sha256()) == ("require_nonempty_src", before)
    both.run(max_delete="100%", require_nonempty_src=False)
    assert both.content() == {}


def test_room_that_is_to_stay_free_is_not_filled(one):
    write(one.site, "x", os.urandom(10000))
    done = one(min_free="100%")
    assert (done.result["guard"], done.failure.kind) == ("min_free", "no_space")
    assert not one.path.exists()


def test_a_file_that_has_no_room_to_wait_in_is_not_begun(one, monkeypatch):
    write(one.site, "x", os.urandom(10000))
    room = Space(10**9, 9999, 9999, 0, 0, 4096)
    monkeypatch.setattr(transfer_job.Space, "at", lambda _path: room)
    done = one()
    assert (done.result["guard"], done.failure.kind) == ("min_free", "no_space")
    assert one.server.commands("RETR") == []


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"direction": "upload"}, "direction"),
        ({"ascii": True}, "ascii"),
        ({"dest": "/tmp/there"}, "dest"),
        ({"archive": {"path": "/tmp/site.rar"}}, "archive.format"),
        ({"archive": {"path": "/tmp/"}}, "directory"),
        ({"archive": {"path": ""}}, "directory"),
        ({"archive": {"path": "/tmp/x\0.zip"}}, "NUL"),
        ({"src": "site/file"}, "directory"),
    ],
)
def test_what_does_not_go_together_is_an_argument_error(one, options, word):
    write(one.site, "file")
    error = one.fails(**options)
    assert error.kind == "argument"
    assert word in error.message


@pytest.mark.parametrize("below", ["site.zip", "a/b/site.zip"])
@pytest.mark.parametrize("kind", ["file", "link that leads nowhere"])
def test_a_path_below_what_is_no_directory_is_an_argument_error(one, kind, below):
    write(one.site, "file")
    if kind == "file":
        one.folder.write_text("my notes")
    else:
        one.folder.symlink_to("nowhere")
    for check in (True, False):
        error = one.fails(check=check, archive={"path": str(one.folder / below)})
        assert error.kind == "argument"
        assert "%s is there and is no directory" % one.folder in error.message
    assert one.server.commands("RETR") == []


# What goes wrong


def test_one_file_that_cannot_be_had_leaves_the_archive_alone_and_hides_no_other(both):
    for number in range(9):
        write(both.site, "f%d" % number, "old")
    both()
    before = both.sha256()
    for number in range(9):
        write(both.site, "f%d" % number, "newer")
    # Listed, and not to be read
    both.server.behave(replies={"RETR": [None, "550 Not for you", None, "550 Nor this"]})
    done = both(parallel=1)
    assert not done.changed
    assert (both.sha256(), done.result["archive"]["state"]) == (before, "unchanged")
    assert [(row["path"], row["kind"]) for row in done.result["failed_files"]] == [("f1", done.failure.kind), ("f3", done.failure.kind)]
    assert done.result["counts"] == {"created": 0, "updated": 0, "metadata": 0, "deleted": 0, "corrupted": 0, "removed": 0, "unchanged": 0, "failed": 2}
    assert done.result["actions"] == []
    assert "left as it is" in done.failure.message
    assert "f1" in done.failure.message
    both.clean()
    both.server.behave()
    both.run()


def test_a_directory_that_cannot_be_listed_leaves_the_archive_alone(both):
    _fill(both.site)
    both()
    before = both.sha256()
    write(both.site, "new")
    both.server.behave(listings={"/site/sub": "garbage\r\n"})
    said = both(check=True)
    done = both()
    assert (said.changed, done.changed) == (False, False)
    assert (both.sha256(), said.result["counts"]) == (before, done.result["counts"])
    assert done.failure is not None
    assert both.server.commands("RETR") == []


@pytest.mark.parametrize("name", ["..", "a/b", "/etc/passwd", "a\\b"])
def test_a_name_that_leads_astray_is_told_and_leaves_the_archive_alone(both, name):
    write(both.site, "x")
    both()
    before = both.sha256()
    write(both.site, "y")
    line = "type=file;size=3;modify=20200101000000; %s\r\n"
    both.server.behave(listings={"/site": line % "x" + line % "y" + line % name})
    done = both()
    assert done.failure.kind == "unsafe"
    assert not done.changed
    assert both.sha256() == before


def test_a_name_that_is_not_taken_may_be_left_out_by_those_who_know(both):
    write(both.site, "x")
    line = "type=file;size=3;modify=20200913122640; %s\r\n"
    both.server.behave(listings={"/site": line % "x" + line % "a\\b"})
    both.run(exclude=["a\\\\*"])
    assert both.content() == {"x": b"abc"}


def test_a_connection_that_breaks_is_made_again_and_the_file_gone_on_with(both):
    write(both.site, "large", os.urandom(3 << 20))
    both.server.behave(cut={"RETR": {"after": 1 << 20, "times": 2, "how": "close"}})
    done = both(retries=3)
    assert done.failure is None
    assert done.result["resumed"] == 1
    assert both.content()["large"] == (both.site / "large").read_bytes()
    both.clean()


def test_a_server_that_takes_fewer_connections_is_enough(both):
    for number in range(40):
        write(both.site, "f%02d" % number, "content %d" % number)
    both.server.behave(max_connections=2)
    done = both.run(parallel=6)
    assert done.result["connections"] <= 2
    assert len(both.content()) == 40


def test_files_that_do_not_fit_into_the_window_wait_for_their_turn(one, monkeypatch):
    monkeypatch.setattr(archive_spool.Window.__init__, "__defaults__", (1000,))
    for number in range(30):
        write(one.site, "f%02d" % number, os.urandom(700 if number % 3 else 5000))
    one.run(parallel=3)
    assert {name: len(content) for name, content in one.content().items()} == {"f%02d" % number: 700 if number % 3 else 5000 for number in range(30)}


@pytest.mark.parametrize("place", [5, -5, 40])
def test_a_damaged_archive_is_told_and_left_alone(every, place):
    write(every.site, "x", os.urandom(2000))
    every()
    data = bytearray(every.path.read_bytes())
    data[place] ^= 0x55
    every.path.write_bytes(data)
    write(every.site, "y", "new")
    for check in (True, False):
        error = every.fails(check=check)
        assert error.kind in ("integrity", "refused")
        assert "Move it away" in error.message
        assert str(every.path) in error.message
    assert every.path.read_bytes() == data


def test_a_member_that_goes_bad_after_it_was_listed_is_not_taken_over(both, monkeypatch):
    write(both.site, "x", os.urandom(2000))
    both()
    write(both.site, "y", "new")
    run = archive_build.Build.run

    def damaging(self, *arguments):
        with open(both.path, "r+b") as file:
            file.seek(500)
            file.write(b"rot rot rot")
        return run(self, *arguments)

    monkeypatch.setattr(archive_build.Build, "run", damaging)
    error = both.fails()
    assert error.kind in ("integrity", "refused")
    both.clean()


def test_a_new_archive_that_does_not_read_back_takes_no_place(both, monkeypatch):
    write(both.site, "x", os.urandom(2000))
    both()
    before = both.sha256()
    write(both.site, "y", "new")
    again = archive_build.Build._read_again

    def damaging(self, out, watch):
        out.seek(300)
        out.write(b"rot rot rot")
        return again(self, out, watch)

    monkeypatch.setattr(archive_build.Build, "_read_again", damaging)
    error = both.fails()
    assert error.kind == "integrity"
    assert "did not read back" in error.message
    assert both.sha256() == before
    both.clean()


@pytest.mark.parametrize("what", ["text", "link", "directory"])
def test_what_is_no_archive_is_not_replaced(one, what):
    write(one.site, "x")
    one.folder.mkdir()
    if what == "text":
        one.path.write_text("my notes, which are no archive")
    elif what == "link":
        (one.folder / "elsewhere").write_text("my notes, which are no archive")
        one.path.symlink_to("elsewhere")
    else:
        one.path.mkdir()
    error = one.fails()
    assert error.kind == {"text": "refused", "link": "unsafe", "directory": "argument"}[what]
    if what == "text":
        assert one.path.read_text() == "my notes, which are no archive"


def test_a_file_that_changes_while_it_is_fetched_is_in_the_archive_as_it_was_in_the_end(both):
    write(both.site, "x", "abc" * 1000)
    write(both.site, "y", "abc")
    both.server.behave(change="append", changes=1)
    done = both(parallel=1)
    assert done.failure is None
    assert both.content()["x"] == (both.site / "x").read_bytes()
    both.run()


def test_a_file_that_never_stands_still_leaves_the_archive_alone(both):
    write(both.site, "x", "abc" * 1000)
    both.server.behave(change="append", changes=-1)
    done = both()
    assert done.failure.kind == "changed_underfoot"
    assert not both.path.exists()


@contextlib.contextmanager
def _no_file_beyond(size):
    """The disk is full for whoever wants more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)


# Two files that fit, and no archive of both; a file that does not fit
@pytest.mark.parametrize("room", [1000000, 500000])
def test_a_disk_without_room_is_told_in_one_sentence(both, room):
    write(both.site, "x", "abc")
    both()
    before = both.sha256()
    write(both.site, "y", os.urandom(700000))
    write(both.site, "z", os.urandom(700000))
    with _no_file_beyond(room):
        error = both.fails()
    assert error.kind == "no_space"
    assert str(both.path) in error.message
    assert both.sha256() == before
    both.clean()


# Interrupted runs

_PROGRAM = """
import json, sys
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.transfer import transfer
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Task
transfer(Task(json.loads(sys.stdin.read()), False, False))
"""


def test_a_run_that_is_killed_leaves_the_old_archive_and_the_next_one_tidies_up(both):
    write(both.site, "x", "old")
    both()
    before = both.sha256()
    write(both.site, "large", os.urandom(8 << 20))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, env=environment)
    process.stdin.write(json.dumps(both.options(bwlimit="1M")).encode())
    process.stdin.close()
    end = time.monotonic() + 20
    spool = both.folder / spool_name(both.path.name)
    while time.monotonic() < end and not (spool.exists() and any(path.stat().st_size for path in spool.iterdir())):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert sorted(os.listdir(both.folder)) == sorted([both.path.name, spool_name(both.path.name), new_name(both.path.name)])
    assert spool.stat().st_mode & 0o777 == 0o700
    assert both.sha256() == before
    done = both.run()
    assert done.result["leftovers"] == 2
    assert [action for _path, action in actions(done)] == ["leftover", "leftover", "created"]
    assert sorted(both.content()) == ["large", "x"]


def test_what_an_interrupted_run_left_goes_even_where_nothing_else_is_to_be_done(one):
    write(one.site, "x")
    one()
    before = one.sha256()
    (one.folder / new_name(one.path.name)).write_bytes(b"half")
    (one.folder / spool_name(one.path.name)).mkdir()
    (one.folder / spool_name(one.path.name) / "3").write_bytes(b"half")
    done = one.run()
    assert done.result["counts"]["created"] == 0
    assert one.sha256() == before


def test_a_link_in_the_place_of_a_leftover_leads_nowhere(one, tmp_path):
    write(one.site, "x")
    one.folder.mkdir()
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("keep me")
    (one.folder / spool_name(one.path.name)).symlink_to(tmp_path / "precious")
    (one.folder / new_name(one.path.name)).symlink_to(tmp_path / "precious" / "file")
    one.run()
    assert (tmp_path / "precious" / "file").read_text() == "keep me"


def test_two_runs_do_not_make_one_archive(one, monkeypatch):
    write(one.site, "x")
    run = archive_build.Build.run
    seen = []

    def second(self, *arguments):
        monkeypatch.setattr(archive_build.Build, "run", run)
        seen.extend(one.fails(check=check) for check in (True, False))
        return run(self, *arguments)

    monkeypatch.setattr(archive_build.Build, "run", second)
    one()
    assert [error.kind for error in seen] == ["busy", "busy"]


def test_runs_that_share_no_lock_do_not_make_one_archive(one, monkeypatch, tmp_path):
    write(one.site, "x")
    fill = archive_build.Build._fill
    seen = []

    def filling(self, *arguments):
        monkeypatch.setattr(archive_build.Build, "_fill", fill)
        # as another user would
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
        seen.extend(one.fails(check=check) for check in (True, False))
        return fill(self, *arguments)

    monkeypatch.setattr(archive_build.Build, "_fill", filling)
    one.run()
    assert [error.kind for error in seen] == ["busy", "busy"]
    assert all(str(one.path) in error.message for error in seen)


@pytest.mark.parametrize("what", ["archive", "first archive", "new one", "new one that is gone", "spool"])
def test_what_another_host_put_there_meanwhile_is_neither_replaced_nor_put_in_place(both, monkeypatch, what):
    write(both.site, "x")
    if what != "first archive":
        both()
    write(both.site, "y")
    again = archive_build.Build._read_again

    def meddling(self, out, watch):
        made = again(self, out, watch)
        new = both.folder / new_name(both.path.name)
        if what == "spool":
            shutil.rmtree(both.folder / spool_name(both.path.name))
        elif what == "new one that is gone":
            new.unlink()
        else:
            other = both.folder / "other"
            other.write_bytes(b"of another host")
            other.rename(new if what == "new one" else both.path)
        return made

    monkeypatch.setattr(archive_build.Build, "_read_again", meddling)
    before = both.sha256()
    if what == "spool":
        assert both().failure is None
    else:
        error = both.fails()
        assert (error.kind, error.retryable) == ("changed_underfoot", True)
        assert str(both.path) in error.message
        if "archive" in what:
            assert both.path.read_bytes() == b"of another host"
        else:
            assert both.sha256() == before
    both.clean()


def test_directories_that_were_made_for_nothing_go_again(one, tmp_path):
    write(one.site, "x")
    one.folder = one.folder / "a" / "b"
    one.path = one.folder / "site.tar.gz"
    one.server.behave(replies={"RETR": ["550 Not for you"]})
    assert not one().changed
    assert not (tmp_path / "backup").exists()
    one.server.behave(listings={"/site": "garbage"})
    one.fails()
    assert not (tmp_path / "backup").exists()


# Taking from the site


def test_files_are_taken_from_the_site_once_they_are_in_the_archive(both):
    write(both.site, "a", "first")
    write(both.site, "sub/b", "second")
    done = both(remove_source=True)
    assert done.result["counts"]["removed"] == 2
    assert sorted(path.name for path in both.site.rglob("*")) == ["sub"]
    assert both.content() == {"a": b"first", "sub": None, "sub/b": b"second"}
    # what went from the site stays in the archive
    write(both.site, "c", "third")
    both(remove_source=True)
    assert both.content() == {"a": b"first", "c": b"third", "sub": None, "sub/b": b"second"}
    assert not (both.site / "c").exists()
    last = both(remove_source=True)
    assert not last.changed


def test_what_is_in_the_archive_already_is_taken_from_the_site_without_another_word(both):
    write(both.site, "a", "first")
    both()
    before = both.sha256()
    said = both(check=True, remove_source=True)
    done = both(remove_source=True)
    assert (said.changed, said.result["counts"]) == (done.changed, done.result["counts"])
    assert (done.changed, done.result["counts"]["removed"], done.result["archive"]["state"]) == (True, 1, "unchanged")
    assert both.sha256() == before
    assert not (both.site / "a").exists()


def test_a_file_that_the_server_does_not_let_go_is_told(both):
    write(both.site, "a", "first")
    both.server.behave(refuse={"DELE": "550 Not for you"})
    done = both(remove_source=True)
    assert [row["path"] for row in done.result["failed_files"]] == ["a"]
    assert (done.changed, done.result["archive"]["state"]) == (True, "created")
    assert both.content() == {"a": b"first"}


def test_what_could_not_be_verified_stays_on_the_site(both):
    write(both.site, "a", "first")
    quiet = {"hide": ["SIZE"], "listings": {"/site": "type=file;modify=20200913122640; a\r\n"}}
    both.server.behave(**quiet)
    # nor is it taken because it is in the archive by the next run
    for _run in (1, 2):
        done = both(remove_source=True)
        assert [(row["path"], row["kind"]) for row in done.result["failed_files"]] == [("a", "integrity")]
        assert "verify" in done.failure.message
        assert done.result["counts"]["removed"] == 0
        assert (both.site / "a").exists()
    both.path.unlink()
    both.server.behave(**quiet)
    done = both(remove_source=True, verify="read_back")
    assert (done.failure, done.result["counts"]["removed"]) == (None, 1)
    assert not (both.site / "a").exists()
    assert both.content() == {"a": b"first"}


def test_nothing_is_taken_from_the_site_when_the_archive_is_not_made(both):
    write(both.site, "a", "first")
    write(both.site, "b", "second")
    both.server.behave(replies={"RETR": ["550 Not for you"]})
    done = both(remove_source=True, parallel=1)
    assert done.failure is not None
    assert sorted(path.name for path in both.site.iterdir()) == ["a", "b"]
    assert not both.path.exists()


# Servers of all kinds


@pytest.mark.parametrize("verify", ["hash", "read_back"])
def test_what_is_fetched_can_be_proved(one, verify):
    _fill(one.site)
    one.server.behave(hash=["XSHA256"])
    done = one.run(verify=verify)
    assert done.result["verified"] == 4


def test_a_file_that_is_not_what_the_server_has_does_not_get_in(one):
    write(one.site, "x", "abc")
    one.server.behave(hash=["XSHA256"], wrong_hash=True)
    done = one(verify="hash")
    assert done.failure.kind == "integrity"
    assert not one.path.exists()


def test_a_server_that_is_gone_for_good_leaves_the_archive_alone_and_keeps_nobody_waiting(both):
    for number in range(60):
        write(both.site, "f%02d" % number, "old")
    both()
    before = both.sha256()
    for number in range(60):
        write(both.site, "f%02d" % number, "newer")
    both.server.behave(replies={"RETR": [None] * 7 + ["drop"] * 60}, greeting=[None, None, None, None, *(["421 Going down."] * 500)])
    began = time.monotonic()
    done = both(retries=2)
    assert not done.changed
    assert done.result["counts"]["failed"] >= 50
    assert time.monotonic() - began < 20
    assert both.sha256() == before
    both.clean()


def test_a_server_that_goes_away_leaves_the_archive_alone(both):
    for number in range(20):
        write(both.site, "f%02d" % number, "old")
    both()
    before = both.sha256()
    for number in range(20):
        write(both.site, "f%02d" % number, "newer")
    both.server.behave(replies={"RETR": [None] * 5 + ["drop"] * 20})
    done = both(parallel=2)
    assert not done.changed
    assert done.result["counts"]["failed"] >= 10
    assert both.sha256() == before
    both.clean()


@pytest.mark.parametrize("hide", [["MLSD", "MLST"], ["MLSD", "MLST", "MDTM", "SIZE"]])
def test_a_server_that_lists_for_people_makes_an_archive_that_stays(one, hide):
    write(one.site, "x", "abc")
    write(one.site, "sub/y", "abc", T2)
    one.server.behave(hide=hide)
    one.run()


def test_names_in_another_encoding_are_utf8_in_the_archive(both):
    (both.site / "漢字.txt").write_bytes(b"text")
    both.server.behave(encoding="gbk")
    both.run(encoding="gbk")
    assert list(both.content()) == ["漢字.txt"]


def test_a_name_that_is_no_text_is_kept_as_it_is(both):
    with open(os.path.join(os.fsencode(both.site), b"n\xe9"), "wb") as file:
        file.write(b"abc")
    both.run()
    assert [name.encode("cp437" if both.name == "zip" else "utf-8", "surrogateescape") for name in both.content()] == [b"n\xe9"]


def test_tls_goes_as_well(one):
    _fill(one.site)
    one.run(port=one.server.explicit_port, tls="starttls")


def test_progress_is_told(one, tmp_path):
    for number in range(5):
        write(one.site, "f%d" % number, "content")
    one(progress_path=str(tmp_path / "progress"))
    told = json.loads((tmp_path / "progress").read_text())
    assert told["state"] == "finished"
    assert told["task"] == "ftp_transfer"
    assert (told["entries"]["done"], told["entries"]["to_do"], told["bytes"]["done"], told["bytes"]["to_do"]) == (6, 0, 35, 0)


def test_progress_is_told_while_the_new_archive_is_read_again(one, tmp_path, monkeypatch):
    write(one.site, "x", os.urandom(300000))
    again = archive_build.Build._read_again
    told = []

    def watching(self, out, watch):
        def seen():
            told.append(out.tell())
            watch()

        return again(self, out, seen)

    monkeypatch.setattr(archive_build.Build, "_read_again", watching)
    one(progress_path=str(tmp_path / "progress"))
    assert len(set(told)) > 4
    assert told[-1] == one.path.stat().st_size


def test_the_times_of_directories_and_the_day_make_no_difference(one):
    write(one.site, "sub/x", "abc", T1)
    one()
    before = one.path.read_bytes()
    os.utime(one.site / "sub", (T2, T2))
    assert not one().changed
    one.path.unlink()
    one()
    assert one.path.read_bytes() == before


def test_what_a_server_begins_to_hide_behind_a_dot_stays_in_the_archive(both):
    write(both.site, "a", "abc", T1)
    write(both.site, ".htaccess", "deny", T2)
    write(both.site, ".own/x", "kept", T1)
    both.run()
    both.server.behave(hide=["MLSD", "MLST"], hide_dots=True)
    assert not both().changed
    write(both.site, "b", "new", T1)
    done = both.run()
    assert done.result["counts"]["deleted"] == 0
    assert both.content() == {"a": b"abc", "b": b"new", ".htaccess": b"deny", ".own": None, ".own/x": b"kept"}
