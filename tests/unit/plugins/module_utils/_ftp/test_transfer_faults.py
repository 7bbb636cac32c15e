# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that fail, lie and hang up: nothing is lost, nothing is deleted, and it ends."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import threading
import time

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp import act, partial, routes, transfer
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.entries import FILE, Entry
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.ways import temporary_for
from ansible_collections.fleetproof.backup.tests.testbed import ftpd
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._ftp.asking import fresh, served
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._ftp.transferring import T1, Mover, actions, tree, write

running_server = pytest.fixture(scope="module")(served)
BIG = os.urandom(3_000_000)


def mover(direction, running_server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Mover(fresh(running_server, monkeypatch), tmp_path, direction)


@pytest.fixture(params=["download", "upload"])
def move(request, running_server, tmp_path, monkeypatch):
    return mover(request.param, running_server, tmp_path, monkeypatch)


@pytest.fixture
def download(running_server, tmp_path, monkeypatch):
    return mover("download", running_server, tmp_path, monkeypatch)


@pytest.fixture
def upload(running_server, tmp_path, monkeypatch):
    return mover("upload", running_server, tmp_path, monkeypatch)


def verbs(move):
    """What moves a file, in the direction at hand."""
    return ("RETR",) if move.direction == "download" else ("STOR", "APPE")


def failed(outcome):
    return [(row["path"], row["kind"]) for row in outcome.result["failed_files"]]


@pytest.mark.parametrize("name", ["../up", "/etc/passwd", "a\\b", "..", "x/y"])
def test_a_name_that_leads_elsewhere_is_refused_the_rest_is_done_and_nothing_deleted(download, name):
    write(download.site, "good")
    write(download.dest, "old")
    lines = "type=file;size=3;modify=20200101000000; good\r\ntype=file;size=3;modify=20200101000000; %s\r\n" % name
    download.server.behave(listings={"/site": lines})
    done = download(recursive=True, delete=True, max_delete="100%")
    assert done.failure is not None
    if name != "..":
        assert failed(done)[0][1] == "unsafe"
        assert done.failure.kind == "unsafe"
        assert (download.dest / "good").read_bytes() == b"abc"
    assert (download.dest / "old").read_bytes() == b"abc"
    assert sorted(os.listdir(download.here.parent)) == ["here", "state"] or "state" not in os.listdir(download.here.parent)
    assert done.result["counts"]["deleted"] == 0


@pytest.mark.parametrize(
    "behaviour",
    [
        {"listings": {"/site/sub": "what is this\r\n"}},
        {"listings": {"/site/sub": "type=file;size=3;modify=2020"}},
        {"cut": {"MLSD": {"after": 30}}},
        {"cut": {"MLSD": {"after": 30, "how": "reset"}}},
    ],
)
@pytest.mark.parametrize("side", ["src", "dest"])
def test_a_listing_in_doubt_deletes_nothing(side, behaviour, running_server, tmp_path, monkeypatch):
    move = mover("download" if side == "src" else "upload", running_server, tmp_path, monkeypatch)
    for path in ("a", "sub/a", "sub/b", "sub/c"):
        write(move.src, path)
    for path in ("a", "old", "sub/old", "sub/more/old"):
        write(move.dest, path)
    move.server.behave(**behaviour)
    try:
        done = move(recursive=True, delete=True, max_delete="100%")
    except FleetproofError:
        # The listing of the root itself
        done = None
    if done is not None:
        assert done.failure is not None
        assert done.result["counts"]["deleted"] == 0
        assert "sub" in [path for path, _kind in failed(done)]
    assert {"a", "old", "sub/old", "sub/more/old"} <= set(tree(move.dest))


def test_a_root_that_cannot_be_listed_fails_the_task(move):
    write(move.src, "a")
    write(move.dest, "old")
    move.server.behave(refuse={"MLSD": "550 Permission denied."})
    with pytest.raises(FleetproofError) as error:
        move(delete=True, max_delete="100%")
    assert error.value.kind in ("permission", "refused")
    assert (move.dest / "old").exists()


def test_a_temporary_refusal_is_waited_out(move):
    write(move.src, "a")
    move.server.behave(replies={verb: ["450 Busy just now."] * 2 for verb in verbs(move)})
    assert move(retries=0, dest=move.options()["dest"] + "/x").failure is not None
    move.server.behave(replies={verb: ["450 Busy just now."] * 2 for verb in verbs(move)})
    done = move(retries=3)
    assert done.failure is None
    assert tree(move.dest)["a"] == b"abc"


@pytest.mark.parametrize("how", ["close", "reset", "drop"])
def test_a_broken_connection_is_made_again_and_the_file_goes_on_where_it_was(move, how):
    write(move.src, "big", BIG)
    move.server.behave(cut={verb: {"after": 1_000_000, "times": 1, "how": how} for verb in verbs(move)})
    done = move(retries=3)
    assert done.failure is None
    assert (done.result["resumed"], done.result["counts"]["created"]) == (1, 2)
    assert tree(move.dest) == {"big": BIG}
    assert not move().changed


def test_what_an_interrupted_run_left_is_gone_on_with_by_the_next(move):
    write(move.src, "big", BIG)
    move.server.behave(cut={verb: {"after": 1_000_000, "how": "drop"} for verb in verbs(move)})
    first = move(retries=0)
    assert failed(first) == [("big", "connect")]
    left = [path for path in tree(move.dest) if path.endswith(".tmp")]
    assert len(left) == 1
    assert "big" not in tree(move.dest)
    move.server.behave()
    said = move(check=True)
    assert (said.result["leftovers"], actions(said)) == (0, [("big", "created")])
    second = move()
    assert (second.failure, second.result["resumed"]) == (None, 1)
    assert second.result["bytes_moved"] < len(BIG)
    assert tree(move.dest) == {"big": BIG}


def test_what_no_run_can_go_on_with_is_swept(move):
    name = temporary_for("big", move_entry(1))
    write(move.src, "big", BIG)
    write(move.dest, name)
    write(move.src, temporary_for("other", move_entry(2)))
    done = move.run()
    assert done.result["leftovers"] == 1
    assert actions(done) == [(name, "leftover"), ("big", "created")]
    assert tree(move.dest) == {"big": BIG}


def move_entry(size):
    return Entry("big", FILE, size, 1)


def test_a_dead_server_does_not_cost_its_retries_for_each_file(move, monkeypatch):
    for number in range(200):
        write(move.src, "f%03d" % number)
    # Each line loses its connection, and none is to be had again.
    move.server.behave(replies={verb: ["drop"] * 200 for verb in verbs(move)}, greeting=[None, None, None, None, *(["421 Going down."] * 500)])
    began = time.monotonic()
    done = move(retries=2)
    assert len(failed(done)) == 200
    assert {kind for _path, kind in failed(done)} <= {"busy", "connect"}
    assert done.failure is not None
    assert move.server.connections < 40
    assert time.monotonic() - began < 10


def test_one_file_that_fails_hides_no_other_and_nothing_is_deleted(move):
    write(move.src, "a")
    write(move.src, "b")
    write(move.dest, "old")
    move.server.behave(replies={verb: ["550 Permission denied."] for verb in verbs(move)})
    done = move(delete=True, max_delete="100%", parallel=1)
    assert [path for path, _kind in failed(done)] == ["a"]
    assert tree(move.dest) == {"b": b"abc", "old": b"abc"}
    assert "Nothing was deleted" in str(done.failure)


def test_a_server_without_room_is_not_asked_again_for_each_file(upload):
    for number in range(20):
        write(upload.src, "f%02d" % number)
    upload.server.behave(refuse={"STOR": "452 Insufficient storage space."})
    done = upload(parallel=1)
    assert {kind for _path, kind in failed(done)} == {"no_space"}
    assert (len(failed(done)), done.failure.kind) == (20, "no_space")
    assert len(upload.server.commands("STOR")) == 1


def test_no_empty_file_and_no_directory_is_left_of_one_that_failed(download):
    write(download.src, "a")
    download.server.behave(refuse={"RETR": "550 Permission denied."})
    done = download(src="site/a", dest=str(download.here) + "/made/for/it/")
    assert failed(done) == [("a", "permission")]
    assert not download.here.exists()


def test_a_source_that_changes_is_looked_at_again(download):
    write(download.src, "a", b"x" * 100_000)
    download.server.behave(change="append", changes=1)
    done = download()
    assert done.failure is None
    assert tree(download.dest) == tree(download.src)
    download.server.behave(change="append")
    write(download.src, "a", b"y" * 100_000)
    done = download()
    assert failed(done) == [("a", "changed_underfoot")]
    assert (download.dest / "a").read_bytes()[:1] == b"x"
    assert [path for path in tree(download.dest) if path.endswith(".tmp")] == []


def test_a_source_that_changed_since_it_was_planned_stays(upload, monkeypatch):
    write(upload.src, "a")
    real = act.Deed.take

    def take(self, done):
        write(upload.src, "a", "newer")
        real(self, done)

    monkeypatch.setattr(act.Deed, "take", take)
    done = upload(remove_source=True)
    assert failed(done) == [("a", "changed_underfoot")]
    assert tree(upload.src) == {"a": b"newer"}


def test_times_that_are_refused_though_they_are_offered_draw_a_warning(upload):
    write(upload.src, "a")
    upload.server.behave(refuse={"MFMT": "502 Not for you."})
    done = upload()
    assert any("preserve_mtime" in warning for warning in done.warnings), (done.warnings, done.result["failed_files"])


def test_without_mfmt_an_upload_is_found_unchanged_by_its_size_and_age(upload):
    write(upload.src, "a")
    upload.server.behave(hide=["MFMT"])
    upload.run()
    write(upload.src, "a", "xyz", 2_000_000_000)
    assert upload(check=True).changed


def test_another_run_on_the_same_dest_is_refused_at_once(move, monkeypatch):
    write(move.src, "a")
    (move.dest).mkdir(exist_ok=True)
    seen = []
    real = act.Deed.make

    def make(self, done):
        for check in (True, False):
            with pytest.raises(FleetproofError) as error:
                move(check=check)
            seen.append(error.value.kind)
        real(self, done)

    monkeypatch.setattr(act.Deed, "make", make)
    assert move().failure is None
    assert seen == ["busy", "busy"]


def test_check_mode_writes_nothing_at_all(move, tmp_path):
    write(move.src, "a")
    move(check=True, recursive=True)
    assert not (tmp_path / "state").exists()
    assert not move.dest.exists()
    changing = move.server.commands("STOR", "APPE", "MKD", "DELE", "RMD", "RNFR", "RNTO", "MFMT", "RETR", "SITE")
    assert changing == []


def test_a_link_back_to_a_directory_above_ends(download):
    write(download.src, "sub/a")
    (download.src / "sub/back").symlink_to("..")
    done = download(recursive=True)
    assert done.failure is None
    assert len(tree(download.dest)) < 8


def test_a_link_of_the_server_is_not_emptied_though_it_looks_like_a_directory(upload):
    write(upload.server.root, "elsewhere/precious")
    write(upload.dest, "real/old")
    for name in ("link", "real/inner", "both"):
        (upload.dest / name).symlink_to(upload.server.root / "elsewhere")
    write(upload.src, "both/new")
    write(upload.src, "a")
    done = upload(recursive=True, delete=True, max_delete="100%")
    assert tree(upload.server.root / "elsewhere") == {"precious": b"abc"}
    assert {"link", "real/inner"} <= set(tree(upload.dest))
    assert [row["path"] for row in done.result["failed_files"]] == ["both"]
    done = upload(recursive=True, delete=True, max_delete="100%", exclude=["both"])
    assert done.failure is None
    assert "real/old" not in tree(upload.dest)
    assert {"link", "real/inner"} <= set(tree(upload.dest))


def test_a_login_that_is_refused_is_told_as_such(move):
    write(move.src, "a")
    with pytest.raises(FleetproofError) as error:
        move(password="wrong")
    assert error.value.kind == "auth"


def test_the_connections_are_closed_in_the_end(move):
    for number in range(20):
        write(move.src, "d%d/f" % number)
    move(recursive=True)
    with contextlib.suppress(TimeoutError):
        end = time.monotonic() + 3
        while move.server.sessions and time.monotonic() < end:
            time.sleep(0.05)
    assert not move.server.sessions


def test_a_name_that_the_server_cannot_hold_fails_alone(upload):
    upload.server.behave(encoding="latin-1", hide=["UTF8"])
    for path in ("good", "été/inner", "文件", "目录/inner", "目录/sub/inner"):
        write(upload.src, path)
    done = upload(recursive=True, encoding="latin-1")
    assert {"文件", "目录", "目录/inner"} <= {path for path, _kind in failed(done)}
    assert all(path[0] in "文目" for path, _kind in failed(done)), failed(done)
    assert {"good", "été", "été/inner"} <= set(tree(upload.dest))


def test_a_full_disk_ends_the_download_at_once_and_leaves_no_half_file(download):
    for number in range(20):
        write(download.src, "f%02d" % number, b"x" * 50_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        done = download(parallel=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {kind for _path, kind in failed(done)} == {"no_space"}
    assert (len(failed(done)), done.failure.kind) == (20, "no_space")
    assert len(download.server.commands("RETR")) == 1
    assert tree(download.dest) == {}


def test_a_plan_that_leaves_too_little_room_does_nothing(download):
    write(download.src, "a")
    for check in (True, False):
        done = download(check=check, min_free="100%")
        assert (done.result["guard"], done.failure.kind) == ("min_free", "no_space")
    assert not download.dest.exists()


def test_a_transfer_that_stands_still_is_given_up_and_tried_again(move):
    write(move.src, "a", b"x" * 200_000)
    move.server.behave(cut={verb: {"after": 70_000, "times": 1, "how": "stall"} for verb in verbs(move)})
    done = move(timeout=0.5, retries=2)
    assert (done.failure, tree(move.dest)) == (None, {"a": b"x" * 200_000})


def test_texts_get_the_line_ends_of_their_side(move):
    write(move.src, "a.txt", "one\ntwo\n")
    done = move(ascii=True)
    assert done.failure is None
    assert tree(move.dest)["a.txt"].replace(b"\r\n", b"\n") == b"one\ntwo\n"
    assert not move(ascii=True).changed


def test_the_login_directory_is_a_dot(upload):
    write(upload.src, "sub/a")
    upload.run(dest=".", recursive=True)
    assert (upload.server.root / "sub/a").read_bytes() == b"abc"
    upload.run(dest="/", recursive=True, src=str(upload.src) + "/")


def test_two_large_files_have_a_connection_each(move):
    write(move.src, "a", BIG)
    write(move.src, "b", BIG)
    assert move().result["connections"] == 2


def test_local_deletions_need_no_further_connections(download):
    write(download.src, "a")
    for number in range(40):
        write(download.dest, "old%d/f" % number)
    done = download(recursive=True, delete=True, max_delete="100%")
    assert (done.result["counts"]["deleted"], done.result["connections"]) == (80, 1)


def test_a_source_that_could_not_be_verified_stays(move, monkeypatch):
    for route in (routes.Download, routes.Upload):
        real = route.move
        # As with a server that tells no size
        monkeypatch.setattr(route, "move", lambda *words, real=real: real(*words)._replace(verified=False))
    write(move.src, "a")
    done = move(remove_source=True)
    assert failed(done) == [("a", "integrity")]
    assert tree(move.src) == tree(move.dest) == {"a": b"abc"}
    assert done.changed


def cut_between_two_names(upload):
    """A server that renames over nothing, and a connection that is lost when the old file has stepped aside."""
    write(upload.src, "a", "new")
    write(upload.dest, "a", "the old one")
    upload.server.behave(replies={"RNTO": ["553 File exists.", None, "drop"]})
    assert failed(upload()) == [("a", "connect")]
    (aside,) = [name for name, content in tree(upload.dest).items() if content == b"the old one"]
    assert "a" not in tree(upload.dest)
    return aside


def test_an_old_file_that_stepped_aside_is_there_until_the_new_one_is(upload):
    aside = cut_between_two_names(upload)
    upload.server.behave(refuse={"STOR": "550 Permission denied.", "APPE": "550 Permission denied.", "RNFR": "550 Permission denied."})
    done = upload(resume=False)
    assert failed(done) == [(aside, "refused"), ("a", "permission")]
    assert tree(upload.dest)[aside] == b"the old one"
    upload.server.behave()
    done = upload.run()
    assert (done.failure, done.result["leftovers"], tree(upload.dest)) == (None, 1, {"a": b"new"})


def test_an_old_file_that_stepped_aside_for_what_src_has_no_more_goes_as_others_do(upload):
    aside = cut_between_two_names(upload)
    (upload.src / "a").unlink()
    write(upload.src, "b")
    done = upload()
    # What had arrived of the new one is a leftover; the old one is none.
    assert (done.failure, done.result["leftovers"], tree(upload.dest)) == (None, 1, {"b": b"abc", aside: b"the old one"})
    done = upload(delete=True, max_delete="100%")
    assert (aside, "deleted") in actions(done)
    assert aside not in tree(upload.dest)


def test_what_another_host_may_be_sending_is_left_alone(upload):
    write(upload.src, "a")
    left = temporary_for("theirs", move_entry(1))
    write(upload.dest, left, when=time.time() - 60)
    assert upload.run().result["leftovers"] == 0
    assert left in tree(upload.dest)
    write(upload.dest, left, when=time.time() - 2 * 3600)
    assert upload.run().result["leftovers"] == 1
    assert tree(upload.dest) == {"a": b"abc"}


def test_a_file_that_could_not_take_the_place_of_a_directory_is_told(move):
    write(move.src, "a", "file")
    write(move.src, "b")
    (move.dest / "a").mkdir(parents=True)
    move.server.behave(replies={verb: ["550 Permission denied."] for verb in verbs(move)})
    done = move(recursive=True, delete=True, max_delete="100%")
    assert [path for path, _kind in failed(done)] == ["a", "b"]
    assert (done.changed, done.result["counts"]["updated"], actions(done)) == (False, 0, [])
    assert "nothing is deleted" in done.result["failed_files"][0]["reason"]


def test_nothing_goes_from_src_that_may_not_be_on_the_medium(download, monkeypatch):
    def fail(_descriptor, _all):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(transfer, "sync_file_system", fail)
    write(download.src, "a")
    write(download.src, "b")
    done = download(remove_source=True)
    assert tree(download.src) == {"a": b"abc", "b": b"abc"}
    assert failed(done)[0] == (".", "integrity")
    assert (done.changed, done.result["counts"]["removed"]) == (True, 0)


def test_no_directory_is_left_on_the_server_of_a_file_that_failed(upload):
    write(upload.src, "a")
    upload.server.behave(refuse={"STOR": "550 Permission denied."})
    done = upload(src=str(upload.src / "a"), dest="site/made/for/it/")
    assert failed(done) == [("a", "permission")]
    assert tree(upload.root) == {}


def test_what_is_of_the_same_size_is_not_taken_for_the_same_where_src_is_to_go(move):
    # Without times, or with later ones in dest, only the size says that they are the same.
    write(move.src, "a", "new", when=T1 - 10)
    write(move.src, "b", "new")
    write(move.dest, "a", "old")
    write(move.dest, "b", "old")
    hidden = ["MLSD", "MLST", "MDTM", "MFMT"]
    move.server.behave(hide=hidden)
    done = move(remove_source=True, preserve_mtime=False, modify_window=60)
    assert done.failure is None
    assert tree(move.src) == {}
    assert tree(move.dest) == {"a": b"new", "b": b"new"}


def test_threads_end_when_the_one_who_waits_is_interrupted(move, monkeypatch):
    for number in range(6):
        write(move.src, "f%d" % number, BIG)
    began = time.monotonic()

    def watch(_job, tally):
        if tally.bytes:
            raise KeyboardInterrupt

    monkeypatch.setattr(transfer.TransferJob, "_watch", watch)
    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        move(bwlimit="1M", progress_path=str(move.here.parent / "progress"))
    assert time.monotonic() - began < 5
    assert set(threading.enumerate()) <= before


@pytest.fixture
def without_case(monkeypatch):
    """A server that takes names that differ in case for one, as those of Windows do."""
    real = ftpd._FileSystem.ftp2fs

    def ftp2fs(self, path):
        found = real(self, path)
        folder, name = os.path.split(found)
        alike = [other for other in (os.listdir(folder) if os.path.isdir(folder) else []) if other.lower() == name.lower()]
        return os.path.join(folder, alike[0]) if alike else found

    monkeypatch.setattr(ftpd._FileSystem, "ftp2fs", ftp2fs)


@pytest.mark.usefixtures("without_case")
def test_a_name_that_only_changes_its_case_costs_no_file(upload):
    write(upload.src, "README")
    write(upload.dest, "Readme", "the old one")
    done = upload(delete=True, max_delete="100%")
    assert failed(done) == [("README", "refused")]
    assert tree(upload.dest) == {"Readme": b"the old one"}


@pytest.mark.usefixtures("without_case")
def test_of_two_names_that_are_one_to_the_server_none_replaces_the_other(upload):
    for name in ("a", "A", "b", "B", "c", "C", "d", "D"):
        write(upload.src, name, name)
    write(upload.src, "e")
    done = upload()
    assert [kind for _path, kind in failed(done)] == ["refused"] * 4
    there = tree(upload.dest)
    assert sorted(name.lower() for name in there) == ["a", "b", "c", "d", "e"]
    assert all(there[name] == name.encode() for name in there if name != "e")


def test_names_that_differ_in_case_are_two_where_the_server_says_so(upload):
    for name in ("a", "A", "\u00e9", "e\u0301"):
        write(upload.src, name, name)
    upload.run()
    assert tree(upload.dest) == tree(upload.src)


def test_a_directory_that_seems_empty_is_looked_at_for_links_before_it_goes(upload):
    write(upload.src, "a")
    write(upload.dest, "a")
    (upload.dest / "old").mkdir()
    (upload.dest / "old" / "link").symlink_to("nowhere")
    done = upload.run(recursive=True, delete=True, max_delete="100%")
    assert (done.failure, done.changed) == (None, False)
    assert tree(upload.dest) == {"a": b"abc", "old": None, "old/link": b"-> nowhere"}


def test_nothing_is_taken_from_where_a_link_of_the_server_leads(download):
    write(download.root, "elsewhere/precious")
    write(download.src, "a")
    (download.src / "link").symlink_to("../elsewhere")
    done = download(recursive=True, remove_source=True)
    assert done.failure is None
    assert tree(download.dest) == {"a": b"abc"}
    assert (download.root / "elsewhere/precious").exists()
    assert tree(download.src) == {"link": b"-> ../elsewhere"}


def test_a_file_in_whose_place_dest_has_a_directory_that_is_left_out_fails(move):
    write(move.src, "d")
    write(move.dest, "d/inner")
    for check in (True, False):
        done = move(check=check, exclude=["d/"], atomic=False)
        assert (done.changed, failed(done)) == (False, [("d", "refused")])


def test_a_file_that_the_server_tells_nothing_of_hides_no_other(download):
    write(download.src, "a")
    write(download.src, "b")
    download.server.behave(hide=["MLSD", "MLST"], replies={"SIZE": ["550 Could not get file size."] * 2})
    done = download()
    assert done.failure is None
    assert tree(download.dest) == {"a": b"abc", "b": b"abc"}


def test_a_source_is_removed_though_the_answer_to_that_is_lost(download):
    write(download.src, "a")
    download.server.behave(replies={"DELE": ["done"]})
    done = download(remove_source=True, retries=1)
    assert (done.failure, tree(download.src), tree(download.dest)) == (None, {}, {"a": b"abc"})


@pytest.mark.parametrize("dest", ["/", "//", "/tmp/..", "link"])
def test_the_root_directory_of_this_host_is_no_dest(download, tmp_path, dest):
    write(download.src, "a")
    (tmp_path / "link").symlink_to("/")
    with pytest.raises(FleetproofError) as error:
        download(check=True, dest=str(tmp_path / dest))
    assert error.value.kind == "unsafe"


def test_a_file_system_that_keeps_no_times_draws_a_warning(download, monkeypatch):
    monkeypatch.setattr(partial.Partial, "_set_time", lambda _self, _mtime: False)
    write(download.src, "a")
    assert "file system of dest did not take over the time of 1 file" in download().warnings[0]


@pytest.mark.parametrize("where", ["dest", "dest/below"])
def test_a_file_of_the_server_in_the_place_of_dest_is_told_and_stays(upload, where):
    write(upload.src, "a")
    write(upload.root, "dest", "in the way")
    for check in (True, False):
        with pytest.raises(FleetproofError, match=r"Could not list /dest .*Not a directory"):
            upload(check=check, dest=where, delete=True, max_delete="100%")
    assert tree(upload.root)["dest"] == b"in the way"


def test_what_is_in_the_way_of_a_single_file_is_told_with_what_helps(move):
    write(move.src, "a")
    (move.dest / "a").mkdir(parents=True)
    src = "site/a" if move.direction == "download" else str(move.src / "a")
    dest = str(move.here) if move.direction == "download" else "site"
    done = move(src=src, dest=dest, delete=True, recursive=True, max_delete="100%")
    assert [row["reason"] for row in done.result["failed_files"]] == ["a directory is in the way in dest; remove it or choose another dest"]
    with pytest.raises(FleetproofError, match="dest: is missing"):
        move(dest=None)


@pytest.mark.parametrize("src", ["site", "site/a"])
@pytest.mark.parametrize("way", ["file", "link"])
def test_a_way_to_dest_that_leads_nowhere_is_told_in_check_mode_as_well(download, tmp_path, src, way):
    write(download.src, "a")
    (tmp_path / "file").write_bytes(b"in the way")
    (tmp_path / "link").symlink_to("nowhere")
    for check in (True, False):
        with pytest.raises(FleetproofError, match=re.escape("%s is there and is no directory" % (tmp_path / way))):
            download(check=check, src=src, dest=str(tmp_path / way / "made" / "for" / "it"))
