# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import stat

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp import file as file_file
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.file import parse_mode
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._ftp.asking import Asker, fresh, plant, served

running_server = pytest.fixture(scope="module")(served)

CHANGING = ("MKD", "RMD", "DELE", "RNFR", "RNTO", "SITE")


@pytest.fixture
def ensure(running_server, monkeypatch):
    return Asker(fresh(running_server, monkeypatch), file_file.SPEC, file_file.ensure)


def tree(root):
    return sorted(os.path.relpath(os.path.join(folder, name), root) for folder, folders, files in os.walk(root) for name in folders + files)


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def four_times(ensure, **options):
    """Check, run, check again, run again; returns the outcome of the run."""
    before = tree(ensure.root)
    check_1 = ensure(check=True, **options)
    assert tree(ensure.root) == before
    assert ensure.server.commands(*CHANGING) == []
    run_1 = ensure(**options)
    done = len(ensure.server.commands(*CHANGING))
    check_2 = ensure(check=True, **options)
    run_2 = ensure(**options)
    assert [check_1.changed, run_1.changed, check_2.changed, run_2.changed] == [True, True, False, False]
    assert len(ensure.server.commands(*CHANGING)) == done
    assert check_1.diff == run_1.diff
    assert check_1.result == run_1.result
    assert run_2.diff["before"] == run_2.diff["after"]
    # what is new has a mode that was not asked for
    assert run_1.diff["after"].items() <= run_2.diff["after"].items()
    assert [check_1.failure, run_1.failure, check_2.failure, run_2.failure] == [None] * 4
    return run_1


def error_of(ensure, **options):
    """The error, which is the same in check mode, and leaves all as it is."""
    before = tree(ensure.root)
    with pytest.raises(FleetproofError) as check:
        ensure(check=True, **options)
    with pytest.raises(FleetproofError) as run:
        ensure(**options)
    assert (check.value.kind, check.value.message) == (run.value.kind, run.value.message)
    assert tree(ensure.root) == before
    assert ensure.server.commands("MKD", "RMD", "DELE", "RNFR", "SITE") == []
    return run.value


SERVERS = pytest.mark.parametrize("hide", [[], ["MLSD", "MLST"], ["MLSD", "MLST", "FEAT", "SIZE", "MDTM"]], ids=["MLSD", "LIST", "LIST alone"])


# directory


@SERVERS
def test_a_directory_is_made_with_those_above_it(ensure, hide):
    ensure.server.behave(hide=hide)
    plant(ensure.root, "a/")
    done = four_times(ensure, path="a/b/c d", state="directory")
    assert tree(ensure.root) == ["a", "a/b", "a/b/c d"]
    assert done.result["created"] == ["a/b", "a/b/c d"]
    assert done.diff == {"before": {"path": "a/b/c d", "state": "absent"}, "after": {"path": "a/b/c d", "state": "directory"}}


def test_a_directory_gets_its_mode(ensure):
    done = four_times(ensure, path="/a/b", state="directory", mode="0750")
    assert mode_of(ensure.root / "a/b") == 0o750
    assert done.diff["after"]["mode"] == done.result["mode"] == "0750"


def test_the_login_directory_is_one(ensure):
    for path in (".", "/", "./"):
        assert not ensure(path=path, state="directory").changed


def test_a_link_to_a_directory_is_one(ensure):
    plant(ensure.root, "a/")
    (ensure.root / "l").symlink_to("a")
    ensure.server.behave(hide=["MLSD", "MLST"])
    assert not ensure(path="l", state="directory").changed
    assert ensure(path="l/x", state="directory").changed
    assert tree(ensure.root) == ["a", "a/x", "l"]


@pytest.mark.parametrize("path", ["f", "f/x", "f/x/y"])
def test_a_file_is_no_directory_and_nothing_is_made_in_it(ensure, path):
    plant(ensure.root, "f")
    error = error_of(ensure, path=path, state="directory")
    assert error.kind == "refused"
    assert "f is a file, not a directory" in error.message


def test_a_directory_that_somebody_else_makes_meanwhile_is_as_good(ensure):
    plant(ensure.root, "a/")
    ensure.server.behave(replies={"MKD": ["550 File exists."], "MLST": ["550 No such file or directory."]})
    assert ensure(path="a", state="directory").failure is None


def test_a_directory_that_the_server_refuses_is_an_error(ensure):
    with pytest.raises(FleetproofError) as error:
        ensure(path="a", state="directory", username="reader", password="reading is all")
    assert error.value.kind == "permission"


def test_what_was_done_before_a_failure_counts_as_changed(ensure):
    ensure.server.behave(replies={"MKD": [None, "550 Permission denied."]})
    found = ensure(path="a/b", state="directory")
    assert found.changed
    assert found.failure.kind == "permission"
    assert tree(ensure.root) == ["a"]


# file


@SERVERS
def test_a_file_gets_its_mode(ensure, hide):
    ensure.server.behave(hide=hide)
    plant(ensure.root, "d/f")
    (ensure.root / "d/f").chmod(0o644)
    done = four_times(ensure, path="d/f", state="file", mode="0600")
    assert mode_of(ensure.root / "d/f") == 0o600
    assert done.diff["before"]["mode"] == "0644" or hide
    assert done.diff["after"]["mode"] == "0600"
    assert done.warnings == []


def test_a_server_that_tells_no_mode_is_said_to(ensure):
    plant(ensure.root, "f")
    ensure.server.behave(hide=["MLSD", "MLST"], style="dos")
    for check in (True, False, True, False):
        found = ensure(check=check, path="f", state="file", mode="0600")
        assert found.changed
        assert "does not tell the mode of f" in found.warnings[0]
    assert mode_of(ensure.root / "f") == 0o600


def test_a_mode_that_the_server_does_not_keep_is_told(ensure):
    plant(ensure.root, "f")
    ensure.server.behave(replies={"SITE": ["200 Done."]})
    assert "f has mode 0644, though the server took 0600" in ensure(path="f", state="file", mode="0600").warnings[0]


def test_bits_that_the_server_does_not_show_are_told(ensure):
    # pyftpdlib shows the nine permission bits alone
    plant(ensure.root, "d/")
    for _time in range(2):
        found = ensure(path="d", state="directory", mode="2750")
        assert found.changed
        assert "d has mode 0750, though the server took 2750" in found.warnings[0]
    assert mode_of(ensure.root / "d") == 0o2750


def test_a_file_is_only_looked_for_without_a_mode(ensure):
    plant(ensure.root, "f")
    found = ensure(path="f", state="file")
    assert not found.changed
    assert found.result["state"] == "file"


def test_a_file_that_is_not_there_is_not_made(ensure):
    error = error_of(ensure, path="f", state="file", mode="0644")
    assert error.kind == "not_found"
    assert "ftp_transfer" in error.message
    plant(ensure.root, "d/")
    assert error_of(ensure, path="d", state="file").kind == "refused"


@pytest.mark.parametrize(("text", "mode"), [("0644", 0o644), ("644", 0o644), ("2755", 0o2755), ("0o600", 0o600), ("07777", 0o7777), ("0000", 0), (None, None)])
def test_a_mode_is_an_octal_number_in_quotes(text, mode):
    assert parse_mode(text) == mode


@pytest.mark.parametrize("text", [420, 644, 6.4, "u=rw,g=r", "a+x", "0888", "", "64", "17777", "-644", "0x1ff", True, ["0644"]])
def test_other_modes_are_refused_with_the_way_to_write_them(text):
    with pytest.raises(FleetproofError, match='such as "0644"') as error:
        parse_mode(text)
    assert error.value.kind == "argument"


# absent


def test_there_is_nothing_in_a_file(ensure):
    plant(ensure.root, "f")
    assert not ensure(path="f/x/y", state="absent").changed
    assert error_of(ensure, path="f/x", state="file").kind == "not_found"


@SERVERS
def test_a_file_is_removed(ensure, hide):
    ensure.server.behave(hide=hide)
    plant(ensure.root, "d/f", "d/g")
    done = four_times(ensure, path="d/f", state="absent")
    assert tree(ensure.root) == ["d", "d/g"]
    assert done.result["removed"] == 1
    assert done.diff == {"before": {**done.diff["before"], "path": "d/f", "state": "file"}, "after": {"path": "d/f", "state": "absent"}}


@SERVERS
def test_an_empty_directory_is_removed_and_one_that_is_not_stays(ensure, hide):
    ensure.server.behave(hide=hide)
    plant(ensure.root, "d/e/", "d/.hidden")
    error = error_of(ensure, path="d", state="absent")
    assert error.kind == "refused"
    assert "not empty (2 entries)" in error.message
    ensure.server.behave(hide=hide)
    four_times(ensure, path="d/e", state="absent")
    assert tree(ensure.root) == ["d", "d/.hidden"]


@SERVERS
def test_a_directory_goes_with_all_that_is_in_it(ensure, hide):
    ensure.server.behave(hide=hide)
    plant(ensure.root, "d/a/b/c", "d/a/x", "d/e/", "d/f", "d2/keep")
    done = four_times(ensure, path="d", state="absent", recursive=True)
    assert tree(ensure.root) == ["d2", "d2/keep"]
    assert done.result["removed"] == 7
    assert done.diff["before"]["path_content"] == {"directories": ["d/a", "d/a/b", "d/e"], "files": ["d/a/b/c", "d/a/x", "d/f"]}


@SERVERS
def test_links_are_removed_and_what_they_lead_to_stays(ensure, hide):
    plant(ensure.root, "kept/x", "d/f")
    (ensure.root / "d/to_directory").symlink_to("../kept")
    (ensure.root / "d/to_file").symlink_to("../kept/x")
    (ensure.root / "d/to_itself").symlink_to("../d")
    (ensure.root / "d/to_nothing").symlink_to("gone")
    ensure.server.behave(hide=hide)
    done = four_times(ensure, path="d", state="absent", recursive=True)
    assert tree(ensure.root) == ["kept", "kept/x"]
    assert done.result["removed"] == 6
    assert done.diff["before"]["path_content"] == {"directories": [], "files": ["d/f", "d/to_directory", "d/to_file", "d/to_itself", "d/to_nothing"]}


@SERVERS
@pytest.mark.parametrize("target", ["kept", "kept/x", "gone", "."])
def test_a_link_is_removed_by_its_name_wherever_it_leads(ensure, hide, target):
    plant(ensure.root, "kept/x")
    (ensure.root / "l").symlink_to(target)
    ensure.server.behave(hide=hide)
    four_times(ensure, path="l", state="absent")
    assert tree(ensure.root) == ["kept", "kept/x"]


def test_a_link_that_no_listing_shows_as_one_is_removed_as_one(ensure):
    plant(ensure.root, "kept/x", "d/")
    (ensure.root / "d/l").symlink_to("../kept")
    ensure.server.behave(refuse={"LIST": "502 Not here."})
    assert ensure(path="d", state="absent", recursive=True).failure is None
    assert tree(ensure.root) == ["kept", "kept/x"]


@pytest.mark.parametrize("path", ["/", ".", "//", "/.", "./."])
@pytest.mark.parametrize("recursive", [True, False])
def test_the_root_and_the_login_directory_are_never_removed(ensure, path, recursive):
    plant(ensure.root, "x")
    assert error_of(ensure, path=path, state="absent", recursive=recursive).kind == "unsafe"


@pytest.mark.parametrize("path", ["", "a/..", "..", "a\nb", "a\0b"])
def test_paths_that_lead_nobody_knows_where_are_refused(ensure, path):
    plant(ensure.root, "a/")
    assert error_of(ensure, path=path, state="absent", recursive=True).kind in ("argument", "unsafe")


@pytest.mark.parametrize(
    "raw",
    ["type=file; ../x\r\n", "rubbish\r\n", "type=file; a\r\ntype=file; a\r\n", "type=file; cut"],
)
def test_nothing_is_removed_on_the_word_of_a_listing_with_a_doubt(ensure, raw):
    plant(ensure.root, "d/a", "d/sub/b", "x")
    ensure.server.behave(listings={"/d/sub": raw})
    assert error_of(ensure, path="d", state="absent", recursive=True).kind in ("unsafe", "protocol", "connect")


def test_what_cannot_be_removed_does_not_keep_the_rest(ensure):
    plant(ensure.root, "d/a", "d/b", "d/sub/c")
    ensure.server.behave(replies={"DELE": [None, "550 Permission denied."]})
    # the first DELE is for d itself, which might be a link
    found = ensure(path="d", state="absent", recursive=True)
    assert tree(ensure.root) == ["d", "d/a"]
    assert found.changed
    assert found.failure.kind == "permission"
    assert [item["path"] for item in found.result["failed_files"]] == ["d/a"]
    assert found.result["removed"] == 3


def test_only_what_was_made_is_told_as_made_when_the_rest_fails(ensure):
    ensure.server.behave(replies={"MKD": [None, "550 Not here."]})
    found = ensure(path="a/b/c", state="directory")
    assert tree(ensure.root) == ["a"]
    assert (found.changed, found.failure.kind) == (True, "refused")
    assert found.result["created"] == ["a"]


# renamed


@SERVERS
def test_a_file_is_renamed(ensure, hide):
    ensure.server.behave(hide=hide)
    plant(ensure.root, "a", "sub/")
    done = four_times(ensure, from_="a", path="sub/b", state="renamed")
    assert tree(ensure.root) == ["sub", "sub/b"]
    assert done.diff["before"]["path"] == "a"
    assert done.diff["after"]["path"] == "sub/b"


def test_a_directory_is_renamed(ensure):
    plant(ensure.root, "a/x")
    four_times(ensure, from_="a", path="b", state="renamed")
    assert tree(ensure.root) == ["b", "b/x"]


@pytest.mark.parametrize(
    ("source", "path", "kind", "words"),
    [
        ("a", "b", "refused", "nothing is overwritten"),
        ("gone", "missing", "not_found", "Neither"),
        ("a", "none/b", "not_found", "There is no directory none"),
        ("a", "a", "argument", "the same"),
        ("d", "d/e", "argument", "lies in it"),
        ("a", "/", "unsafe", "login directory"),
        ("/", "x", "unsafe", "login directory"),
        (".", "/x", "unsafe", "login directory"),
        ("a\r\n", "x", "unsafe", "line break"),
    ],
)
def test_what_cannot_be_renamed_stays(ensure, source, path, kind, words):
    plant(ensure.root, "a", "b", "d/")
    error = error_of(ensure, from_=source, path=path, state="renamed")
    assert words in error.message
    assert error.kind == kind


@SERVERS
def test_a_link_that_leads_nowhere_is_renamed_and_not_overwritten(ensure, hide):
    plant(ensure.root, "a")
    (ensure.root / "l").symlink_to("gone")
    ensure.server.behave(hide=hide)
    assert error_of(ensure, from_="a", path="l", state="renamed").kind == "refused"
    ensure.server.behave(hide=hide)
    four_times(ensure, from_="l", path="m", state="renamed")
    assert tree(ensure.root) == ["a", "m"]


# connections


@pytest.mark.parametrize(
    ("options", "verb"),
    [
        ({"path": "n/m", "state": "directory"}, "MKD"),
        ({"path": "a", "state": "absent"}, "DELE"),
        ({"path": "d", "state": "absent", "recursive": True}, "DELE"),
        ({"path": "d", "state": "absent", "recursive": True}, "RMD"),
        ({"path": "x", "from_": "a", "state": "renamed"}, "RNTO"),
        ({"path": "a", "mode": "0600", "state": "file"}, "SITE"),
    ],
)
@pytest.mark.parametrize("how", ["drop", "done"])
def test_a_connection_lost_at_the_worst_moment_is_made_again_and_the_work_finished(ensure, options, verb, how):
    plant(ensure.root, "a", "d/e")
    ensure.server.behave(replies={verb: [how]})
    found = ensure(retries=1, **options)
    assert found.failure is None
    assert found.changed
    assert not ensure(**options).changed


def test_what_could_not_be_removed_is_told_once_after_a_connection_was_lost(ensure):
    plant(ensure.root, "d/a", "d/b", "d/c")
    # for d itself, which might be a link; a refused, b lost; then all over again
    ensure.server.behave(replies={"DELE": [None, "550 Permission denied.", "drop", None, "550 Permission denied."]})
    found = ensure(path="d", state="absent", recursive=True, retries=1)
    assert [item["path"] for item in found.result["failed_files"]] == ["d/a"]
    assert tree(ensure.root) == ["d", "d/a"]
    assert found.result["removed"] == 2


def test_a_connection_that_stays_lost_is_an_error_that_owns_up(ensure):
    plant(ensure.root, "a")
    ensure.server.behave(replies={"DELE": ["done"]})
    found = ensure(path="a", state="absent")
    assert found.changed
    assert found.failure.kind == "connect"
    assert found.failure.retryable


@pytest.mark.parametrize(
    "options",
    [
        {"path": "a", "state": "directory", "recursive": True},
        {"path": "a", "state": "absent", "mode": "0644"},
        {"path": "a", "state": "file", "from_": "b"},
        {"path": "a", "state": "file", "mode": "u=rw"},
    ],
)
def test_options_that_mean_nothing_together_are_refused(ensure, options):
    assert error_of(ensure, **options).kind == "argument"


def test_names_go_out_in_the_encoding_of_the_server(ensure):
    ensure.server.behave(encoding="gbk")
    four_times(ensure, path="备份/日志 一", state="directory", encoding="gbk")
    assert tree(ensure.root) == ["备份", "备份/日志 一"]
    ensure.server.behave(encoding="gbk")
    four_times(ensure, from_="备份", path="旧", state="renamed", encoding="gbk")
    ensure.server.behave(encoding="gbk")
    four_times(ensure, path="旧", state="absent", recursive=True, encoding="gbk")
    with pytest.raises(FleetproofError) as error:
        ensure(path="\u20ac\u00df\u0e01", state="directory", encoding="gbk")
    assert error.value.kind == "argument"
