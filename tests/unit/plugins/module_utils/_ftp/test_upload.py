# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.ways import OVERLAP, aside_for, temporary_for
from ansible_collections.fleetproof.backup.tests.testbed.ftpd import FtpServer
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._ftp.moving import LONG_AGO, SECOND, TLS, Bench, noise

BIG = 3 * 1024 * 1024 + 17


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[FtpServer]:
    with FtpServer(tmp_path_factory.mktemp("ftpd")) as running:
        yield running


@pytest.fixture
def bench(server: FtpServer, tmp_path: Path) -> t.Iterator[Bench]:
    with Bench(server, tmp_path) as found:
        yield found


@pytest.mark.parametrize("tls", TLS)
def test_files_of_all_sizes_arrive_as_they_are(bench: Bench, tls: str) -> None:
    client = bench.connect(tls)
    for size in (0, 1, OVERLAP - 1, OVERLAP, OVERLAP + 1, 256 * 1024, BIG):
        entry = bench.have("file-%d" % size, noise(size))
        moved = bench.send(entry, client)
        assert (bench.there / entry.name).read_bytes() == noise(size)
        assert (bench.there / entry.name).stat().st_mtime_ns == LONG_AGO
        assert moved == (size, False, True, True)
    assert not [name for name in bench.names_there() if name.startswith(".")]


@pytest.mark.parametrize("verify", ["size", "read_back", "hash"])
def test_every_proof_holds_for_what_is_whole(bench: Bench, verify: str) -> None:
    bench.behave(hash=["XCRC"])
    assert bench.send(bench.have("proved", noise(BIG)), verify=verify).verified
    assert (bench.there / "proved").read_bytes() == noise(BIG)
    asked = bench.server.commands("RETR", "XCRC")
    assert [line.split()[0] for line in asked] == {"size": [], "read_back": ["RETR"], "hash": ["XCRC"]}[verify]


def test_a_file_has_another_name_until_it_is_whole(bench: Bench) -> None:
    entry = bench.have("wanted", noise(BIG))
    (bench.there / "wanted").write_bytes(b"old")
    seen = set()

    def look(_size: int) -> None:
        seen.update(bench.names_there())
        assert (bench.there / "wanted").read_bytes() == b"old"

    bench.send(entry, replaces=True, note=look)
    assert seen == {"wanted", temporary_for("wanted", entry)}
    assert (bench.there / "wanted").read_bytes() == noise(BIG)


def test_the_temporary_name_is_in_the_same_directory(bench: Bench) -> None:
    from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.upload import upload
    from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._ftp.moving import ways

    entry = bench.have("local", b"data")
    (bench.there / "sub").mkdir()
    upload(bench.connect(), bench.directory, "local", entry, "sub/remote", ways(), False)
    assert (bench.there / "sub" / "remote").read_bytes() == b"data"
    assert bench.server.commands("STOR") == ["STOR /sub/" + temporary_for("remote", entry)]
    (bench.there / "sub" / "remote").unlink()


def test_a_server_that_sets_no_times_is_told(bench: Bench) -> None:
    bench.behave(hide=["MFMT"])
    assert not bench.send(bench.have("one", b"x")).time_kept
    bench.behave(refuse={"MFMT": "550 Permission denied"})
    assert not bench.send(bench.have("two", b"x")).time_kept
    bench.behave(hide=["MFMT"], mdtm_write=True)
    assert bench.send(bench.have("three", b"x")).time_kept
    assert (bench.there / "three").stat().st_mtime_ns == LONG_AGO
    bench.behave()
    assert not bench.send(bench.have("four", b"x"), preserve_mtime=False).time_kept
    assert bench.names_there() == ["four", "one", "three", "two"]


def test_a_server_without_size_is_asked_for_a_listing(bench: Bench) -> None:
    bench.behave(hide=["SIZE", "MLST", "MLSD", "MFMT"])
    assert bench.send(bench.have("any", noise(100_000))).verified


# -- interrupted -------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", TLS)
@pytest.mark.parametrize("how", ["close", "reset", "drop", "stall"])
def test_a_transfer_that_was_cut_is_gone_on_with(bench: Bench, tls: str, how: str) -> None:
    # more than the buffers on the way can hold, so that a server that reads no more is felt
    size = 12 * 1024 * 1024
    entry = bench.have("big", noise(size))
    bench.behave(cut={"STOR": {"after": 1_000_000, "times": 1, "how": how}})
    error = bench.fails(bench.send, entry, bench.connect(tls))
    assert error.retryable, error
    assert error.kind in ("connect", "timeout")
    left = temporary_for("big", entry)
    assert bench.names_there() == [left]
    there = (bench.there / left).stat().st_size
    # TLS hands over whole records of 16 KiB
    assert 1_000_000 - 16_384 < there <= 1_000_000
    moved = bench.send(entry, bench.connect(tls))
    assert (bench.there / "big").read_bytes() == noise(size)
    assert moved == (size - there, True, True, True)
    # once to read the overlap, once to go on
    assert bench.offsets() == [there - OVERLAP, there]
    assert bench.names_there() == ["big"]


@pytest.mark.parametrize("after", [1, 1000, OVERLAP - 1, OVERLAP, OVERLAP + 1, 300_000, BIG - 1])
def test_it_is_gone_on_with_wherever_it_was_cut(bench: Bench, after: int) -> None:
    entry = bench.have("big", noise(BIG))
    (bench.there / temporary_for("big", entry)).write_bytes(noise(BIG)[:after])
    assert bench.send(entry) == (BIG - after, True, True, True)
    assert (bench.there / "big").read_bytes() == noise(BIG)
    assert bench.names_there() == ["big"]


def test_a_part_that_lacks_but_its_name_is_sent_no_more(bench: Bench) -> None:
    entry = bench.have("big", noise(BIG))
    (bench.there / temporary_for("big", entry)).write_bytes(noise(BIG))
    assert bench.send(entry) == (0, True, True, True)
    assert bench.server.commands("STOR", "APPE") == []
    assert (bench.there / "big").read_bytes() == noise(BIG)


@pytest.mark.parametrize("left", [noise(BIG)[: BIG // 2] + b"?", noise(BIG) + b"and more", noise(BIG)[:-1] + b"?"])
def test_a_part_of_something_else_is_begun_again(bench: Bench, left: bytes) -> None:
    entry = bench.have("big", noise(BIG))
    (bench.there / temporary_for("big", entry)).write_bytes(left)
    assert bench.send(entry) == (BIG, False, True, True)
    assert (bench.there / "big").read_bytes() == noise(BIG)
    assert bench.names_there() == ["big"]


@pytest.mark.parametrize("given", [{"resume": False}, {"ascii": True}])
def test_a_part_is_not_used_where_it_must_not_be(bench: Bench, given: t.Dict[str, t.Any]) -> None:
    data = noise(BIG).replace(b"\r", b"").replace(b"\n", b"")
    entry = bench.have("big", data)
    (bench.there / temporary_for("big", entry)).write_bytes(data[:500_000])
    assert not bench.send(entry, **given).resumed
    assert (bench.there / "big").read_bytes() == data


@pytest.mark.parametrize(
    ("refuse", "resumed", "verbs"),
    [
        # no REST, no way to read the overlap either
        ({"REST": "502 No such command"}, False, ["STOR"]),
        # nothing may be read back
        ({"RETR": "550 Permission denied"}, False, ["STOR"]),
        # as ProFTPD without AllowStoreRestart
        ({"APPE": "451 Append/Restart not permitted, try again"}, True, ["STOR"]),
    ],
)
def test_a_server_that_cannot_resume_gets_all_of_it(bench: Bench, refuse: t.Dict[str, str], resumed: bool, verbs: t.List[str]) -> None:
    entry = bench.have("big", noise(BIG))
    (bench.there / temporary_for("big", entry)).write_bytes(noise(BIG)[:500_000])
    bench.behave(refuse=refuse)
    assert bench.send(entry).resumed is resumed
    assert (bench.there / "big").read_bytes() == noise(BIG)
    assert [line.split()[0] for line in bench.server.commands("STOR", "APPE")] == verbs


def test_a_server_that_refuses_to_store_from_an_offset_is_asked_to_append_and_then_to_begin_again(bench: Bench) -> None:
    entry = bench.have("big", noise(BIG))
    left = bench.there / temporary_for("big", entry)
    left.write_bytes(noise(BIG)[:500_000])
    bench.behave(replies={"STOR": ["451 Restart not permitted, try again"]})
    assert bench.send(entry) == (BIG - 500_000, True, True, True)
    assert [line.split()[0] for line in bench.server.commands("STOR", "APPE")] == ["STOR", "APPE"]
    assert (bench.there / "big").read_bytes() == noise(BIG)
    left.write_bytes(noise(BIG)[:500_000])
    bench.behave(replies={"STOR": ["451 Restart not permitted, try again"], "APPE": ["451 Append not permitted, try again"]})
    assert bench.send(entry, replaces=True) == (BIG, False, True, True)
    assert (bench.there / "big").read_bytes() == noise(BIG)


# -- failed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["452 Disk full", "552 Quota exceeded"])
def test_a_full_server_is_told_and_keeps_nothing_of_ours(bench: Bench, code: str) -> None:
    entry = bench.have("big", noise(12 * 1024 * 1024))
    (bench.there / "big").write_bytes(b"old")
    bench.behave(cut={"STOR": {"after": 1_000_000, "times": 1, "reply": code}})
    error = bench.fails(bench.send, entry, replaces=True)
    assert (error.kind, error.retryable) == ("no_space", False)
    assert bench.names_there() == ["big"]
    assert (bench.there / "big").read_bytes() == b"old"


@pytest.mark.parametrize("atomic", [True, False])
def test_a_refused_upload_leaves_the_old_file(bench: Bench, atomic: bool) -> None:
    entry = bench.have("wanted", noise(100_000))
    (bench.there / "wanted").write_bytes(b"old")
    bench.behave(refuse={"STOR": "553 Not allowed"})
    assert bench.fails(bench.send, entry, replaces=True, atomic=atomic).kind == "permission"
    assert bench.names_there() == ["wanted"]
    assert (bench.there / "wanted").read_bytes() == b"old"


def _append(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"more")


def _rewrite(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.write(b"other")


def _truncate(path: Path) -> None:
    os.truncate(path, 100_000)


@pytest.mark.parametrize("change", [_append, _rewrite, _truncate])
def test_a_source_that_changes_while_it_is_sent_has_its_own_verdict(bench: Bench, change: t.Callable[[Path], None]) -> None:
    entry = bench.have("moving", noise(BIG))
    (bench.there / "moving").write_bytes(b"old")
    done: t.List[int] = []

    def meddle(size: int) -> None:
        if size and not done:
            done.append(size)
            change(bench.here / "moving")

    error = bench.fails(bench.send, entry, replaces=True, note=meddle)
    assert (error.kind, error.retryable) == ("changed_underfoot", True), error
    assert (bench.there / "moving").read_bytes() == b"old"
    if change is not _truncate:
        # the transfer came to its end, so the connection is there to clean up with
        assert bench.names_there() == ["moving"]


def test_a_source_that_changed_since_it_was_listed_is_not_sent(bench: Bench) -> None:
    entry = bench.have("moving", b"one")
    bench.have("moving", b"another")
    assert bench.fails(bench.send, entry).kind == "changed_underfoot"
    assert bench.names_there() == []
    assert bench.server.commands("STOR") == []


@pytest.mark.parametrize("kind", ["link", "fifo", "directory", "missing"])
def test_only_regular_files_are_sent(bench: Bench, tmp_path: Path, kind: str) -> None:
    entry = bench.have("wanted", b"data")
    path = bench.here / "wanted"
    path.unlink()
    if kind == "link":
        (tmp_path / "secret").write_bytes(b"data")
        path.symlink_to(tmp_path / "secret")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    error = bench.fails(bench.send, entry)
    assert error.kind == {"link": "unsafe", "missing": "not_found"}.get(kind, "changed_underfoot")
    assert bench.names_there() == []


def test_what_arrives_only_in_part_in_silence_is_a_cut(bench: Bench) -> None:
    """Of a clear-text connection that is cut vsftpd and Pure-FTPd say that all is well."""
    entry = bench.have("short", noise(BIG))
    bench.behave(size_off=-5)
    error = bench.fails(bench.send, entry)
    assert (error.kind, error.retryable) == ("connect", True)
    assert bench.names_there() == [temporary_for("short", entry)]
    bench.behave()
    assert bench.send(entry).resumed


def test_a_server_that_has_more_than_was_sent_keeps_none_of_it(bench: Bench) -> None:
    bench.behave(size_off=5)
    assert bench.fails(bench.send, bench.have("long", noise(BIG))).kind == "integrity"
    assert bench.names_there() == []


def test_a_server_whose_digest_differs_keeps_the_old_file(bench: Bench) -> None:
    entry = bench.have("bad", noise(BIG))
    (bench.there / "bad").write_bytes(b"old")
    bench.behave(hash=["HASH"], wrong_hash=True)
    client = bench.connect()
    error = bench.fails(bench.send, entry, client, replaces=True, verify="hash")
    assert (error.kind, error.retryable) == ("integrity", False)
    assert bench.names_there() == ["bad"]
    assert (bench.there / "bad").read_bytes() == b"old"
    assert not client.broken


def test_what_reads_back_otherwise_is_removed(bench: Bench) -> None:
    entry = bench.have("bad", noise(BIG))
    (bench.there / temporary_for("bad", entry)).write_bytes(b"?" + noise(BIG)[1:1_000_000])
    assert bench.fails(bench.send, entry, verify="read_back").kind == "integrity"
    assert bench.names_there() == []
    assert bench.send(entry, verify="read_back").verified


def test_a_proof_that_cannot_be_had_is_told_before_anything_is_moved(bench: Bench) -> None:
    error = bench.fails(bench.send, bench.have("any", b"x"), verify="hash")
    assert error.kind == "argument"
    assert "read_back or size" in error.message
    assert bench.server.commands("STOR") == []


# -- the last step -----------------------------------------------------------------------------------


def test_a_server_that_renames_over_nothing_has_the_old_file_step_aside(bench: Bench) -> None:
    entry = bench.have("wanted", b"new")
    (bench.there / "wanted").write_bytes(b"old")
    bench.behave(replies={"RNTO": ["553 File exists"]})
    bench.send(entry, replaces=True)
    assert (bench.there / "wanted").read_bytes() == b"new"
    assert bench.names_there() == ["wanted"]
    verbs = [line.split()[0] for line in bench.server.commands("RNTO", "DELE")]
    assert verbs == ["RNTO", "DELE", "RNTO", "RNTO", "DELE"]


def test_an_old_file_steps_aside_once_more_where_one_from_before_was_left(bench: Bench) -> None:
    entry = bench.have("wanted", b"new")
    (bench.there / "wanted").write_bytes(b"old")
    (bench.there / aside_for("wanted")).write_bytes(b"older")
    bench.behave(replies={"RNTO": ["553 File exists"]})
    bench.send(entry, replaces=True)
    assert bench.names_there() == ["wanted"]
    # On such a server it could not have been replaced either.
    assert [line.split()[0] for line in bench.server.commands("RNTO", "DELE")] == ["RNTO", "DELE", "RNTO", "RNTO", "DELE"]


def test_the_old_file_steps_back_where_the_new_one_cannot_take_its_place(bench: Bench) -> None:
    entry = bench.have("wanted", b"new")
    (bench.there / "wanted").write_bytes(b"old")
    bench.behave(replies={"RNTO": ["553 File exists", None, "550 Permission denied"]})
    assert bench.fails(bench.send, entry, replaces=True).kind == "permission"
    assert bench.names_there() == ["wanted"]
    assert (bench.there / "wanted").read_bytes() == b"old"


def test_an_old_file_that_cannot_step_back_is_named(bench: Bench) -> None:
    entry = bench.have("wanted", b"new")
    (bench.there / "wanted").write_bytes(b"old")
    bench.behave(replies={"RNTO": ["553 File exists", None, "550 Permission denied", "550 Permission denied"]})
    error = bench.fails(bench.send, entry, replaces=True)
    (aside,) = [name for name in bench.names_there() if (bench.there / name).read_bytes() == b"old"]
    assert aside in error.message


@pytest.mark.parametrize("reply", [None, "451 Rename/move failure: Is a directory"])
def test_a_directory_in_the_way_is_told_and_stays(bench: Bench, reply: t.Optional[str]) -> None:
    entry = bench.have("wanted", b"new")
    (bench.there / "wanted").mkdir()
    bench.behave(replies={"RNTO": [reply]})
    error = bench.fails(bench.send, entry, replaces=True)
    assert error.kind == "refused"
    assert "directory is in the way" in error.message
    assert (bench.there / "wanted").is_dir()


def test_a_server_that_is_busy_when_the_name_is_due_keeps_old_and_new(bench: Bench) -> None:
    entry = bench.have("wanted", noise(100_000))
    (bench.there / "wanted").write_bytes(b"old")
    bench.behave(refuse={"RNTO": "450 File is in use"})
    error = bench.fails(bench.send, entry, replaces=True)
    assert (error.kind, error.retryable) == ("busy", True)
    assert bench.names_there() == [temporary_for("wanted", entry), "wanted"]
    bench.behave()
    assert bench.send(entry, replaces=True) == (0, True, True, True)
    assert (bench.there / "wanted").read_bytes() == noise(100_000)


def test_an_answer_that_was_lost_does_no_harm(bench: Bench) -> None:
    entry = bench.have("wanted", noise(100_000))
    bench.behave(replies={"RNTO": ["done"]})
    assert bench.fails(bench.send, entry).retryable
    bench.send(entry)
    assert (bench.there / "wanted").read_bytes() == noise(100_000)
    assert bench.names_there() == ["wanted"]


# -- without a temporary name ------------------------------------------------------------------------


def test_without_a_temporary_name_the_file_itself_is_gone_on_with(bench: Bench) -> None:
    size = 12 * 1024 * 1024
    entry = bench.have("big", noise(size))
    bench.behave(cut={"STOR": {"after": 1_000_000, "times": 1}})
    bench.fails(bench.send, entry, atomic=False)
    assert bench.names_there() == ["big"]
    moved = bench.send(entry, atomic=False, replaces=True)
    assert moved == (size - 1_000_000, True, True, True)
    assert (bench.there / "big").read_bytes() == noise(size)
    assert bench.server.commands("RNTO") == []


@pytest.mark.parametrize(("size", "age"), [(1_000_000, SECOND), (BIG, -SECOND), (BIG + 5, -SECOND)])
def test_without_a_temporary_name_an_old_version_is_no_part(bench: Bench, size: int, age: int) -> None:
    entry = bench.have("big", noise(BIG))
    bench.offer("big", (b"?" + noise(BIG)[1:] + b"12345")[:size], LONG_AGO - age)
    assert not bench.send(entry, atomic=False, replaces=True).resumed
    assert (bench.there / "big").read_bytes() == noise(BIG)


# -- texts -------------------------------------------------------------------------------------------


def test_texts_are_sent_with_the_line_ends_of_the_wire(bench: Bench) -> None:
    text = b"one\ntwo\n\nthree" * 50_000
    client = bench.connect()
    moved = bench.send(bench.have("text", text), client, ascii=True)
    # this server has LF line ends of its own
    assert (bench.there / "text").read_bytes() == text
    assert moved.verified
    assert moved.size == len(text) + text.count(b"\n")
    assert bench.send(bench.have("bytes", b"a\r\nb\n"), client).verified
    assert (bench.there / "bytes").read_bytes() == b"a\r\nb\n"


def test_a_text_that_was_cut_is_removed_where_the_server_still_answers(bench: Bench) -> None:
    text = b"line\n" * 2_000_000
    bench.behave(cut={"STOR": {"after": 100_000, "times": 1}})
    assert bench.fails(bench.send, bench.have("text", text), ascii=True).retryable
    assert bench.names_there() == []
