# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp import info as info_file
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._ftp.asking import Asker, fresh, plant, served

running_server = pytest.fixture(scope="module")(served)


@pytest.fixture
def look(running_server, monkeypatch):
    return Asker(fresh(running_server, monkeypatch), info_file.SPEC, info_file.info)


def paths(outcome):
    return [entry["path"] for entry in outcome.result["entries"]]


def error_of(look, **options):
    with pytest.raises(FleetproofError) as error:
        look(**options)
    return error.value


def test_the_login_directory_is_listed_by_default_and_by_path(look):
    plant(look.root, "b.txt", "a/inner", ".hidden")
    os.utime(look.root / "b.txt", (1_600_000_000, 1_600_000_000))
    (look.root / "b.txt").chmod(0o640)
    found = look()
    assert not found.changed
    assert found.failure is None
    assert paths(found) == [".hidden", "a", "b.txt"]
    entry = found.result["entries"][2]
    assert entry["type"] == "file"
    assert entry["size"] == 3
    assert entry["mtime"] == "2020-09-13T12:26:40Z"
    assert entry["mtime_precision"] == 1
    assert entry["mode"] == "0640"
    assert entry["unique"]
    assert found.result["entries"][1]["type"] == "directory"
    assert found.result["entries"][1]["size"] is None
    assert found.result["counts"] == {"files": 2, "directories": 1, "symlinks": 0, "special": 0, "bytes": 6, "refused": 0, "failed": 0}
    assert found.result["truncated"] is False
    assert "3 entries in the login directory" in found.result["msg"]


def test_what_the_server_is_and_can_do_is_told(look):
    found = look().result
    assert "Fleet test bed" in found["welcome"][0]
    assert found["system"].startswith("UNIX")
    assert found["features"]["mlsd"] is True
    assert "unix.mode" in found["features"]["facts"]


@pytest.mark.parametrize("path", ["sub", "/sub", "sub/", "./sub", "//sub//.", "sub/."])
def test_a_directory_is_named_in_any_way_that_makes_no_difference(look, path):
    plant(look.root, "sub/x")
    assert paths(look(path=path)) == ["x"]


def test_a_path_may_be_a_file(look):
    plant(look.root, "sub/x.txt")
    found = look(path="sub/x.txt", recursive=True)
    assert paths(found) == ["x.txt"]
    assert found.result["entries"][0]["type"] == "file"
    assert found.result["entries"][0]["size"] == 3


def test_a_file_is_told_in_full_without_mlst(look):
    plant(look.root, "sub/x.txt")
    os.utime(look.root / "sub/x.txt", (1_600_000_000, 1_600_000_000))
    (look.root / "sub/x.txt").chmod(0o640)
    look.server.behave(hide=["MLSD", "MLST"])
    (entry,) = look(path="sub/x.txt").result["entries"]
    assert (entry["path"], entry["size"], entry["mode"]) == ("x.txt", 3, "0640")
    # the time is that of MDTM
    assert (entry["mtime"], entry["mtime_precision"]) == ("2020-09-13T12:26:40Z", 1)
    assert entry["owner"]


def test_all_below_is_listed_by_path(look):
    plant(look.root, "a/x", "a.txt", "a/b/c", "a-b", "b/")
    expected = ["a", "a-b", "a.txt", "a/b", "a/b/c", "a/x", "b"]
    assert paths(look(recursive=True)) == expected == sorted(expected)


@pytest.mark.parametrize("hide", [[], ["MLSD", "MLST"]], ids=["MLSD", "LIST"])
def test_patterns_choose_and_directories_that_are_left_out_are_not_entered(look, hide):
    plant(look.root, "keep/a.log", "keep/b.txt", "cache/x", "b.log")
    look.server.behave(hide=hide)
    assert paths(look(recursive=True, exclude=["*.log", "/cache/"], include=["/keep/*.log"])) == ["keep", "keep/a.log", "keep/b.txt"]
    assert not any("cache" in command for command in look.server.commands("CWD"))


def test_lists_stop_and_counts_do_not(look):
    plant(look.root, *("f%d" % number for number in range(5)))
    found = look(max_listed=2)
    assert paths(found) == ["f0", "f1"]
    assert found.result["counts"]["files"] == 5
    assert found.result["truncated"] is True
    assert look(max_listed=5).result["truncated"] is False
    assert len(paths(look(max_listed=-1))) == 5


@pytest.mark.parametrize("style", ["unix", "dos"])
def test_list_tells_what_there_is_with_the_precision_that_it_has(look, style):
    plant(look.root, "sub/", "old.txt")
    os.utime(look.root / "old.txt", (1_600_000_000, 1_600_000_000))
    look.server.behave(hide=["MLSD", "MLST"], style=style)
    found = look()
    assert [(entry["path"], entry["type"], entry["size"]) for entry in found.result["entries"]] == [("old.txt", "file", 3), ("sub", "directory", None)]
    entry = found.result["entries"][0]
    assert (entry["mtime"], entry["mtime_precision"]) == (("2020-09-13T00:00:00Z", 86400) if style == "unix" else ("2020-09-13T12:26:00Z", 60))
    assert (entry["mode"] is None) == (style == "dos")


def test_links_are_listed_with_their_target_and_not_followed(look):
    plant(look.root, "sub/x")
    (look.root / "link").symlink_to("sub")
    look.server.behave(hide=["MLSD", "MLST"])
    found = look(recursive=True)
    assert paths(found) == ["link", "sub", "sub/x"]
    assert found.result["entries"][0]["type"] == "symlink"
    assert found.result["entries"][0]["target"] == "sub"
    # but what the user names is looked into
    assert paths(look(path="link")) == ["x"]


def test_a_loop_is_cut_where_it_closes(look):
    plant(look.root, "a/b/x")
    # this server lists a link as what it leads to
    (look.root / "a/b/up").symlink_to("../../a")
    found = look(recursive=True)
    assert paths(found) == ["a", "a/b", "a/b/up", "a/b/x"]
    assert found.warnings == ["a/b/up is a directory above itself, so it was not entered"]


def test_many_loops_are_told_in_few_warnings(look):
    plant(look.root, "a/x")
    for number in range(30):
        (look.root / ("a/up%02d" % number)).symlink_to("../a")
    found = look(recursive=True)
    assert len(paths(found)) == 32
    assert len(found.warnings) == 11
    assert found.warnings[0] == "a/up00 is a directory above itself, so it was not entered"
    assert found.warnings[10].startswith("20 more directories")


def test_a_loop_that_nothing_tells_ends_in_an_error(look):
    look.server.behave(listings={"*": "type=dir; more\r\ntype=dir; again\r\n"})
    plant(look.root, *("/".join(names) + "/" for names in [["more"] * 120]))
    error = error_of(look, recursive=True)
    assert error.kind == "unsafe"
    assert "100 directories deep" in error.message


def test_names_that_lead_elsewhere_are_listed_apart(look):
    look.server.behave(listings={"/": "type=file; good\r\ntype=file; ../../etc/passwd\r\ntype=file; a\\b\r\n"})
    found = look()
    assert paths(found) == ["good"]
    assert [item["path"] for item in found.result["refused"]] == ["../../etc/passwd", "a\\b"]
    assert found.result["counts"]["refused"] == 2


@pytest.mark.parametrize("raw", ["type=file; x", "rubbish\r\n", "type=file; x\r\ntype=file; x\r\n"])
def test_a_listing_that_cannot_be_relied_upon_is_an_error(look, raw):
    look.server.behave(listings={"/": raw})
    error = error_of(look)
    assert error.kind in ("protocol", "connect")
    assert error.message.startswith("Could not list / on 127.0.0.1")


def test_facts_that_cannot_be_read_are_an_error_that_names_the_path(look):
    look.server.behave(replies={"MLST": ["250-Listing\r\n size=3; /x\r\n250 End."]})
    error = error_of(look, path="x")
    assert error.kind == "protocol"
    assert error.message.startswith("Could not look at /x on 127.0.0.1")


def test_a_directory_that_cannot_be_listed_does_not_hide_the_others(look):
    plant(look.root, "a/x", "b/y", "c/z")
    look.server.behave(listings={"/b": "rubbish\r\n"})
    found = look(recursive=True)
    assert paths(found) == ["a", "a/x", "b", "c", "c/z"]
    assert [(item["path"], item["kind"]) for item in found.result["failed_files"]] == [("b", "protocol")]
    assert found.result["counts"]["failed"] == 1
    assert found.failure.kind == "protocol"


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"path": "gone"}, "not_found", "nothing at gone on 127.0.0.1"),
        ({"path": "sub/gone/x"}, "not_found", "nothing at sub/gone/x"),
        ({"password": "wrong"}, "auth", "username and password"),
        ({"host": "no.such.host.invalid"}, "resolve", "no.such.host.invalid"),
        ({"port": 1}, "connect", "127.0.0.1:1"),
        ({"path": "a\r\nDELE x"}, "unsafe", "line break"),
        ({"path": "../x"}, "argument", "without .."),
        ({"max_listed": -2}, "argument", "max_listed"),
        ({"exclude": ["[a"]}, "argument", "exclude"),
        ({"encoding": "klingon"}, "argument", "klingon"),
    ],
)
def test_each_way_of_not_getting_there_has_its_kind_and_sentence(look, options, kind, words):
    plant(look.root, "sub/")
    error = error_of(look, **options)
    assert error.kind == kind
    assert words in error.message
    assert "wrong" not in error.message


def test_a_directory_that_must_not_be_seen_is_no_empty_one(look):
    plant(look.root, "sub/x")
    look.server.behave(refuse={"CWD": "550 Permission denied."})
    assert error_of(look, path="sub").kind == "permission"


def test_names_come_in_the_encoding_of_the_server(look):
    name = "备份 日志;一.txt"
    (look.root / name).write_text("x")
    look.server.behave(encoding="gbk")
    assert paths(look(encoding="gbk")) == [name]
    assert look(path=name, encoding="gbk").result["entries"][0]["type"] == "file"


def test_what_is_no_text_in_the_encoding_is_shown_byte_by_byte(look):
    (look.root / "备份.txt").write_text("x")
    look.server.behave(encoding="gbk")
    assert paths(look()) == ["\\xb1\\xb8\\xb7\\xdd.txt"]


def test_the_reader_may_look_in_clear_text_where_that_is_asked_for(look):
    plant(look.root, "x")
    assert paths(look(port=look.server.port, tls="none", username=None, password=None)) == ["x"]


def test_a_connection_that_is_lost_on_the_way_is_made_again(look):
    plant(look.root, "a/x", "b/y")
    look.server.behave(cut={"MLSD": {"after": 3, "times": 2, "how": "drop"}})
    assert paths(look(recursive=True, retries=2)) == ["a", "a/x", "b", "b/y"]
    look.server.behave(cut={"MLSD": {"after": 3, "times": 2, "how": "drop"}})
    assert error_of(look, retries=1).kind == "connect"
