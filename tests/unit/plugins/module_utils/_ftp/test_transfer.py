# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import time

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._ftp.asking import fresh, served
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._ftp.transferring import T1, T2, Mover, actions, tree, write

running_server = pytest.fixture(scope="module")(served)


@pytest.fixture(params=["download", "upload"])
def move(request, running_server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Mover(fresh(running_server, monkeypatch), tmp_path, request.param)


def test_a_tree_comes_to_lie_in_dest_and_the_second_run_has_nothing_to_do(move):
    write(move.src, "a.txt", "first")
    write(move.src, "sub/deep/b.txt", "second", T2)
    (move.src / "empty").mkdir()
    done = move.run(recursive=True)
    assert tree(move.dest) == tree(move.src)
    assert (move.dest / "sub/deep/b.txt").stat().st_mtime == T2
    assert (move.dest / "a.txt").stat().st_mtime == T1
    assert actions(done) == [
        (".", "created"),
        ("a.txt", "created"),
        ("empty", "created"),
        ("sub", "created"),
        ("sub/deep", "created"),
        ("sub/deep/b.txt", "created"),
    ]
    assert done.result["bytes_moved"] == 11
    assert done.result["verified"] == 2


def test_what_changed_is_moved_again_and_nothing_else(move):
    write(move.src, "a", "old")
    write(move.src, "b", "same")
    write(move.src, "c", "old")
    move(recursive=True)
    write(move.src, "a", "newer")
    write(move.src, "c", "new", T2)
    done = move.run(recursive=True)
    assert [(row["path"], row["why"]) for row in done.result["actions"]] == [("a", "size"), ("c", "mtime")]
    assert done.result["counts"]["unchanged"] == 1
    assert tree(move.dest) == tree(move.src)
    assert done.diff["prepared"] == ">f.s....... a\n>f..t...... c\n"


def test_without_recursive_the_files_of_one_level_take_part_and_directories_stay(move):
    write(move.src, "a")
    write(move.src, "sub/b")
    write(move.dest, "kept/c")
    write(move.dest, "old")
    done = move.run(delete=True, max_delete="100%")
    assert tree(move.dest) == {"a": b"abc", "kept": None, "kept/c": b"abc"}
    assert actions(done) == [("a", "created"), ("old", "deleted")]


def test_delete_takes_what_src_does_not_have_and_spares_what_is_left_out(move):
    write(move.src, "a")
    for path in ("a", "old", "gone/x/y", "gone/z", "mixed/keep.iso", "mixed/drop"):
        write(move.dest, path)
    done = move.run(recursive=True, delete=True, max_delete="100%", exclude=["*.iso"])
    assert tree(move.dest) == {"a": b"abc", "mixed": None, "mixed/keep.iso": b"abc"}
    assert done.result["counts"]["deleted"] == 6


def test_without_delete_nothing_goes(move):
    write(move.src, "a")
    write(move.dest, "old/x")
    move.run(recursive=True)
    assert tree(move.dest) == {"a": b"abc", "old": None, "old/x": b"abc"}


def test_a_plan_that_takes_more_than_max_delete_does_nothing_at_all(move):
    write(move.src, "a")
    write(move.dest, "b")
    write(move.dest, "c")
    for check in (True, False):
        stopped = move(check=check, delete=True)
        assert stopped.failure is not None
        assert (stopped.result["guard"], stopped.failure.kind, stopped.changed) == ("max_delete", "unsafe", False)
    assert tree(move.dest) == {"b": b"abc", "c": b"abc"}


def test_an_empty_src_empties_nothing(move):
    write(move.dest, "b")
    stopped = move(delete=True, max_delete="100%")
    assert stopped.result["guard"] == "require_nonempty_src"
    assert tree(move.dest) == {"b": b"abc"}
    assert move.run(delete=True, max_delete="100%", require_nonempty_src=False).changed
    assert tree(move.dest) == {}


def test_a_file_gives_way_to_a_directory_and_with_delete_a_directory_to_a_file(move):
    write(move.src, "one/inner")
    write(move.src, "two", "file")
    write(move.dest, "one", "was a file")
    write(move.dest, "two/inner")
    refused = move(recursive=True, max_delete="100%")
    assert [row["path"] for row in refused.result["failed_files"]] == ["two"]
    assert tree(move.dest) == {"one": None, "one/inner": b"abc", "two": None, "two/inner": b"abc"}
    write(move.dest, "more")
    done = move.run(recursive=True, delete=True, max_delete="100%")
    assert tree(move.dest) == tree(move.src)
    assert actions(done) == [("more", "deleted"), ("two", "updated"), ("two/inner", "deleted")]


def test_a_directory_that_holds_what_is_left_out_stays_in_the_way_and_nothing_is_deleted(move):
    write(move.src, "two", "file")
    write(move.dest, "two/inner.iso")
    write(move.dest, "old")
    refused = move(recursive=True, delete=True, max_delete="100%", exclude=["*.iso"])
    assert [row["path"] for row in refused.result["failed_files"]] == ["two"]
    assert tree(move.dest) == {"old": b"abc", "two": None, "two/inner.iso": b"abc"}


def test_a_file_goes_by_the_name_that_dest_says(move):
    write(move.src, "tool.tgz", "release")
    name = "site/tool.tgz" if move.direction == "download" else str(move.src / "tool.tgz")
    base = str(move.here) if move.direction == "download" else "site"
    move.run(src=name, dest=base + "/made/for/it/other.tgz")
    assert (move.dest / "made/for/it/other.tgz").read_bytes() == b"release"
    move.run(src=name, dest=base + "/into/")
    move.run(src=name, dest=base + "/made")
    assert [path for path, content in tree(move.dest).items() if content] == ["into/tool.tgz", "made/for/it/other.tgz", "made/tool.tgz"]


def test_what_src_is_not_has_a_sentence_of_its_own(move):
    base = "site" if move.direction == "download" else str(move.src)
    with pytest.raises(FleetproofError, match=r"There is no file or directory .*nothing.tgz") as error:
        move(src=base + "/nothing.tgz")
    assert error.value.kind == "not_found"
    with pytest.raises(FleetproofError, match=r"There is no directory .*/no on .*, so src") as error:
        move(src=base + "/no/such/nothing.tgz")
    assert error.value.kind == "not_found"
    write(move.src, "file")
    with pytest.raises(FleetproofError, match="take the slash at its end away"):
        move(src=base + "/file/")
    assert not move.dest.exists() or not tree(move.dest)


def test_a_source_is_removed_when_it_is_in_dest(move):
    write(move.src, "new")
    write(move.src, "sub/there")
    write(move.dest, "sub/there")
    done = move(recursive=True, remove_source=True, check=True)
    assert len(tree(move.src)) == 3
    done = move(recursive=True, remove_source=True)
    assert tree(move.src) == {"sub": None}
    assert tree(move.dest) == {"new": b"abc", "sub": None, "sub/there": b"abc"}
    assert (done.changed, done.result["counts"]["removed"], done.result["counts"]["created"]) == (True, 2, 1)
    assert actions(done) == [("new", "created"), ("new", "removed"), ("sub/there", "removed")]
    again = move(recursive=True, remove_source=True)
    assert (again.changed, again.failure) == (False, None)


def test_a_file_that_is_only_to_go_from_src_is_a_change(move):
    write(move.src, "a")
    write(move.dest, "a")
    done = move(remove_source=True)
    assert (done.changed, tree(move.src), tree(move.dest)) == (True, {}, {"a": b"abc"})


def test_a_source_that_failed_to_arrive_stays(move):
    write(move.src, "a")
    write(move.dest, "a/dir")
    done = move(recursive=True, remove_source=True)
    assert (done.changed, done.failure is not None, "a" in tree(move.src)) == (False, True, True)


def test_a_server_that_takes_fewer_connections_is_used_with_fewer(move):
    for number in range(30):
        write(move.src, "d%d/f" % number)
    move.server.behave(max_connections=2)
    done = move(recursive=True, parallel=4)
    assert done.failure is None
    assert tree(move.dest) == tree(move.src)
    assert done.result["connections"] <= 2
    assert any("took 2 of the connections" in warning or "took 1 of the connections" in warning for warning in done.warnings), done.warnings
    assert not move(recursive=True, parallel=4).changed


def test_a_server_without_mlsd_is_asked_for_what_list_does_not_tell(move):
    write(move.src, "a", "first", T1 + 7)
    write(move.src, "sub/b", "second", T2 + 13)
    move.server.behave(hide=["MLSD", "MLST"])
    move.run(recursive=True)
    assert (move.dest / "sub/b").stat().st_mtime == T2 + 13
    write(move.src, "a", "FIRST", T1 + 9)
    assert actions(move.run(recursive=True)) == [("a", "updated")]


def test_a_server_that_tells_nothing_but_list_is_enough(move):
    write(move.src, "a", "first", T1 + 7)
    write(move.src, "sub/b", "second", T2 + 13)
    move.server.behave(hide=["MLSD", "MLST", "MDTM", "SIZE", "MFMT"])
    move.run(recursive=True)
    write(move.src, "a", "FIRST more", T1 + 9)
    assert actions(move.run(recursive=True)) == [("a", "updated")]


def test_without_times_in_dest_a_later_src_is_moved_and_an_earlier_one_is_not(move):
    write(move.src, "a", "first", T1)
    move.run(preserve_mtime=False)
    write(move.src, "a", "again", T1 + 100)
    assert not move(preserve_mtime=False).changed
    write(move.src, "a", "later", 2_000_000_000)
    done = move(preserve_mtime=False)
    assert [(row["path"], row["why"]) for row in done.result["actions"]] == [("a", "mtime")]


def test_a_window_makes_times_equal(move):
    write(move.src, "a", "first", T1)
    write(move.dest, "a", "other", T1 + 3)
    assert move(check=True).changed
    assert not move(check=True, modify_window=3).changed


def test_the_run_is_told_in_one_line(move):
    write(move.src, "sub/a", b"x" * 2048)
    write(move.src, "same")
    write(move.dest, "same")
    verb = move.direction
    assert move(check=True, recursive=True).result["msg"].startswith("would %s 1 file (2.0 KiB) over 1 connection in " % verb)
    said = move(recursive=True).result["msg"]
    assert said.startswith("%sed 1 file (2.0 KiB) over 1 connection in " % verb)
    assert said.endswith(" s, 1 unchanged")


def test_names_of_every_kind_arrive(move):
    for name in ("with space", " leading", "-la", "文件", "a;b", "tab\there", "q'u\"ote"):
        write(move.src, name)
        write(move.src, "d" + name + "/inner")
    move.run(recursive=True)
    assert tree(move.dest) == tree(move.src)


def test_gbk_names_arrive(move):
    move.server.behave(encoding="gbk")
    if move.direction == "upload":
        write(move.src, "文件/资料")
    else:
        move.run(src=".", dest=str(move.here), encoding="gbk")
        write(move.src, "文件/资料")
    move.run(recursive=True, encoding="gbk")
    assert tree(move.dest) == tree(move.src)


@pytest.mark.parametrize("verify", ["hash", "read_back"])
def test_files_are_verified_as_asked(move, verify):
    move.server.behave(hash=["XSHA256"])
    write(move.src, "a", b"x" * 100_000)
    write(move.src, "b", "")
    assert move.run(verify=verify).result["verified"] == 2


def test_what_is_too_much_at_once_is_an_error_of_the_options(move):
    for options, sentence in (
        ({"ascii": True, "verify": "hash"}, "verify"),
        ({"delete": True, "remove_source": True}, "remove_source and delete"),
        ({"parallel": 0}, "parallel"),
        ({"bwlimit": "0"}, "bwlimit"),
        ({"dest": ""}, "dest"),
        ({"dest": None}, "dest"),
        ({"modify_window": -1}, "modify_window"),
        ({"max_delete": "lots"}, "max_delete"),
    ):
        with pytest.raises(FleetproofError, match=sentence) as error:
            move(**options)
        assert error.value.kind == "argument"
    with pytest.raises(FleetproofError, match="line break") as error:
        move(src="a\r\nDELE b")
    assert error.value.kind == "unsafe"


def test_progress_is_written_and_says_when_it_is_over(move, tmp_path):
    write(move.src, "a", b"x" * 5000)
    path = tmp_path / "progress.json"
    move(check=True, progress_path=str(path))
    assert not path.exists()
    move(progress_path=str(path))
    found = json.loads(path.read_text())
    assert (found["task"], found["state"]) == ("ftp_transfer", "finished")


def test_a_limit_of_bandwidth_holds_for_all_connections_together(move):
    for number in range(4):
        write(move.src, "f%d" % number, b"x" * 50_000)
    began = time.monotonic()
    move(bwlimit="200K")
    assert time.monotonic() - began > 0.6


def test_links_take_no_part_on_the_side_of_this_host(move):
    write(move.here, "real")
    (move.here / "link").symlink_to("real")
    (move.here / "dir").symlink_to("/etc")
    os.mkfifo(move.here / "pipe")
    write(move.site, "link", "from the server")
    write(move.site, "real")
    done = move(recursive=True, delete=True, max_delete="100%")
    assert (move.here / "link").is_symlink()
    assert (move.site / "link").read_bytes() == b"from the server"
    if move.direction == "download":
        # What cannot be put where it belongs has failed.
        assert [row["path"] for row in done.result["failed_files"]] == ["link"]
    else:
        assert done.failure is None
        assert any("3 entries take no part" in warning for warning in done.warnings), done.warnings
    assert (move.here / "dir").is_symlink()


def test_what_a_server_hides_behind_a_dot_is_neither_deleted_nor_moved_again(move):
    write(move.src, "plain")
    write(move.src, ".htaccess", "deny", T2)
    write(move.dest, ".htaccess", "deny", T2)
    write(move.dest, ".own/x", "kept")
    write(move.dest, "old", "goes")
    move.server.behave(hide=["MLSD", "MLST"], hide_dots=True)
    done = move.run(recursive=True, delete=True, max_delete="100%")
    assert actions(done) == [("old", "deleted"), ("plain", "created")]
    assert tree(move.dest) == {".htaccess": b"deny", ".own": None, ".own/x": b"kept", "plain": b"abc"}
    if move.direction == "download":
        assert any("does not show names that begin with a dot" in warning for warning in done.warnings)
    write(move.src, ".htaccess", "allow", T2 + 2)
    done = move.run(recursive=True, delete=True, max_delete="100%")
    assert (move.dest / ".htaccess").read_bytes() == b"allow"


def test_hidden_names_whose_size_nobody_tells_stay(move):
    write(move.src, "plain")
    write(move.dest, ".htaccess", "deny", T2)
    move.server.behave(hide=["MLSD", "MLST", "SIZE", "MDTM", "MFMT"], hide_dots=True)
    move.run(recursive=True, delete=True, max_delete="100%")
    assert (move.dest / ".htaccess").read_bytes() == b"deny"
