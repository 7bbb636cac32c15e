# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import socket
import stat
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.entries import Entry
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.pace import Pace
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.ways import OVERLAP, temporary_for
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
        entry = bench.offer("file-%d" % size, noise(size))
        moved = bench.fetch(entry, client)
        path = bench.here / entry.name
        assert path.read_bytes() == noise(size)
        assert path.stat().st_mtime_ns == LONG_AGO
        assert moved == (size, False, True, True)
    assert not [name for name in bench.names_here() if name.startswith(".")]


@pytest.mark.parametrize("verify", ["size", "read_back", "hash"])
def test_every_proof_holds_for_what_is_whole(bench: Bench, verify: str) -> None:
    bench.behave(hash=["HASH"])
    entry = bench.offer("proved", noise(BIG))
    assert bench.fetch(entry, verify=verify).verified
    assert (bench.here / "proved").read_bytes() == noise(BIG)
    asked = bench.server.commands("RETR", "HASH")
    assert [line.split()[0] for line in asked] == {"size": ["RETR"], "read_back": ["RETR", "RETR"], "hash": ["RETR", "HASH"]}[verify]


def test_a_time_that_is_not_wanted_is_the_time_of_the_transfer(bench: Bench) -> None:
    moved = bench.fetch(bench.offer("now", b"x"), preserve_mtime=False)
    assert not moved.time_kept
    assert (bench.here / "now").stat().st_mtime_ns > LONG_AGO + 10**17


def test_new_files_obey_the_umask_and_replaced_ones_keep_their_mode(bench: Bench) -> None:
    before = os.umask(0o027)
    try:
        bench.fetch(bench.offer("new", b"x"))
        old = bench.here / "old"
        old.write_bytes(b"secret")
        old.chmod(0o4660)
        bench.fetch(bench.offer("old", b"y"), replaces=True)
    finally:
        os.umask(before)
    assert stat.S_IMODE((bench.here / "new").stat().st_mode) == 0o640
    assert stat.S_IMODE((bench.here / "old").stat().st_mode) == 0o660
    assert (bench.here / "old").read_bytes() == b"y"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_replaced_file_keeps_its_owner(bench: Bench) -> None:
    old = bench.here / "owned"
    old.write_bytes(b"old")
    os.chown(old, 1234, 5678)
    bench.fetch(bench.offer("owned", b"new"), replaces=True)
    assert (old.stat().st_uid, old.stat().st_gid, old.read_bytes()) == (1234, 5678, b"new")


def test_what_replaces_a_private_file_is_private_while_it_comes(bench: Bench) -> None:
    old = bench.here / "private"
    old.write_bytes(b"old")
    old.chmod(0o600)
    entry = bench.offer("private", noise(BIG))
    modes = set()

    def look(_size: int) -> None:
        modes.add(stat.S_IMODE((bench.here / temporary_for("private", entry)).stat().st_mode))

    bench.fetch(entry, replaces=True, note=look)
    assert modes == {0o600}


# -- interrupted -------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", TLS)
@pytest.mark.parametrize("how", ["close", "reset", "drop", "stall"])
def test_a_transfer_that_was_cut_is_gone_on_with(bench: Bench, tls: str, how: str) -> None:
    entry = bench.offer("big", noise(BIG))
    bench.behave(cut={"RETR": {"after": 1_000_000, "times": 1, "how": how}})
    error = bench.fails(bench.fetch, entry, bench.connect(tls))
    assert error.retryable, error
    assert error.kind in ("connect", "timeout")
    left = bench.here / temporary_for("big", entry)
    # a reset takes with it what was under way; how much that is, up to all of it, is chance
    there = left.stat().st_size if left.exists() or how in ("close", "stall") else 0
    assert there in (1_000_000, *(range(1_000_000) if how in ("reset", "drop") else ()))
    assert bench.names_here() == [left.name] * bool(there)
    moved = bench.fetch(entry, bench.connect(tls))
    assert (bench.here / "big").read_bytes() == noise(BIG)
    assert moved == (BIG - there, there > 0, True, True)
    assert bench.offsets() == [there - OVERLAP] * (there > OVERLAP)
    assert bench.names_here() == ["big"]


@pytest.mark.parametrize("after", [1, 1000, OVERLAP - 1, OVERLAP, OVERLAP + 1, 300_000, BIG - 1])
def test_it_is_gone_on_with_wherever_it_was_cut(bench: Bench, after: int) -> None:
    entry = bench.offer("big", noise(BIG))
    (bench.here / temporary_for("big", entry)).write_bytes(noise(BIG)[:after])
    moved = bench.fetch(entry)
    assert (bench.here / "big").read_bytes() == noise(BIG)
    assert moved[:2] == (BIG - after, True)


def test_a_part_that_lacks_but_its_name_costs_the_overlap_alone(bench: Bench) -> None:
    entry = bench.offer("big", noise(BIG))
    (bench.here / temporary_for("big", entry)).write_bytes(noise(BIG))
    moved = bench.fetch(entry)
    assert moved == (0, True, True, True)
    assert bench.offsets() == [BIG - OVERLAP]
    assert (bench.here / "big").read_bytes() == noise(BIG)


@pytest.mark.parametrize("tls", TLS)
def test_a_part_of_something_else_is_begun_again_on_the_same_connection(bench: Bench, tls: str) -> None:
    entry = bench.offer("big", noise(BIG))
    (bench.here / temporary_for("big", entry)).write_bytes(noise(BIG)[: BIG // 2 - 1] + b"?")
    client = bench.connect(tls)
    moved = bench.fetch(entry, client)
    assert (bench.here / "big").read_bytes() == noise(BIG)
    assert moved == (BIG, False, True, True)
    assert not client.broken


@pytest.mark.parametrize("answer", ["stall", "drop", "500 What?"])
def test_a_part_of_something_else_is_not_found_again_when_the_connection_does_not_survive_it(bench: Bench, answer: str) -> None:
    entry = bench.offer("big", noise(BIG))
    (bench.here / temporary_for("big", entry)).write_bytes(b"?" * 100_000)
    # to silence, as Pure-FTPd has it, ABOR is the answer
    bench.behave(replies={"NOOP": [answer] * 4}, cut={"RETR": {"after": 200_000, "times": 1, "reply": "", "how": "stall"}})
    assert bench.fails(bench.fetch, entry).retryable
    # a server that notices in time says 426 after all, and stalls when it begins again
    for path in bench.here.iterdir():
        assert path.read_bytes() == noise(BIG)[: path.stat().st_size]
    bench.fetch(entry)
    assert (bench.here / "big").read_bytes() == noise(BIG)


def test_a_server_that_forgets_tls_when_a_transfer_is_given_up_gets_a_new_connection(bench: Bench) -> None:
    """As ProFTPD 1.3.8 does."""
    # little enough for the server to be done before we refuse it
    entry = bench.offer("file", noise(100_000))
    (bench.here / temporary_for("file", entry)).write_bytes(noise(100_000)[:79_999] + b"?")
    client = bench.connect("starttls")

    def forget(_size: int) -> None:
        for session in bench.server.sessions:
            session.behaviour.clear_data = True

    error = bench.fails(bench.fetch, entry, client, note=forget)
    assert (error.kind, error.retryable) == ("tls", True), error
    assert client.broken
    assert bench.names_here() == []
    assert bench.fetch(entry, bench.connect("starttls")) == (100_000, False, True, True)


def test_a_part_that_is_longer_than_its_source_is_begun_again(bench: Bench) -> None:
    entry = bench.offer("big", noise(BIG))
    (bench.here / temporary_for("big", entry)).write_bytes(noise(BIG) + b"and more")
    assert bench.fetch(entry)[:2] == (BIG, False)
    assert (bench.here / "big").read_bytes() == noise(BIG)
    assert bench.offsets() == []


def test_a_part_of_another_version_has_another_name(bench: Bench) -> None:
    entry = bench.offer("big", noise(BIG))
    names = {temporary_for("big", found) for found in (entry, entry._replace(size=1), entry._replace(mtime=1), entry._replace(mtime=None))}
    assert len({*names, temporary_for("small", entry)}) == 5


@pytest.mark.parametrize("given", [{"resume": False}, {"ascii": True}])
def test_a_part_is_left_alone_where_it_must_not_be_used(bench: Bench, given: t.Dict[str, t.Any]) -> None:
    entry = bench.offer("big", noise(BIG).replace(b"\r", b"").replace(b"\n", b""))
    (bench.here / temporary_for("big", entry)).write_bytes(b"?" * 100_000)
    assert not bench.fetch(entry, **given).resumed
    assert (bench.here / "big").read_bytes() == (bench.there / "big").read_bytes()


def test_without_a_time_nothing_is_gone_on_with(bench: Bench) -> None:
    entry = bench.offer("big", noise(BIG))._replace(mtime=None)
    (bench.here / temporary_for("big", entry)).write_bytes(noise(BIG)[:100_000])
    assert bench.fetch(entry) == (BIG, False, True, False)


@pytest.mark.parametrize("behaviour", [{"hide": ["REST"]}, {"refuse": {"REST": "502 No such command"}}, {"refuse": {"REST": "550 Not here"}}])
def test_a_server_that_cannot_resume_sends_all_of_it(bench: Bench, behaviour: t.Dict[str, t.Any]) -> None:
    entry = bench.offer("big", noise(BIG))
    (bench.here / temporary_for("big", entry)).write_bytes(noise(BIG)[:100_000])
    bench.behave(**behaviour)
    assert bench.fetch(entry)[:2] == (BIG, False)
    assert (bench.here / "big").read_bytes() == noise(BIG)


# -- failed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize(
    "behaviour",
    [
        {"refuse": {"RETR": "550 No such file"}},
        {"refuse": {"RETR": "450 Locked"}},
        {"replies": {"RETR": ["drop"]}},
        {"pasv_closed": True},
        {"cut": {"RETR": {"after": 0, "how": "close"}}},
        {"cut": {"RETR": {"after": 0, "how": "reset"}}},
    ],
)
def test_no_empty_file_is_left_by_a_download_that_failed(bench: Bench, behaviour: t.Dict[str, t.Any], atomic: bool) -> None:
    entry = bench.offer("wanted", noise(100_000))
    bench.behave(**behaviour)
    bench.fails(bench.fetch, entry, atomic=atomic)
    assert bench.names_here() == []


@pytest.mark.parametrize("atomic", [True, False])
def test_an_old_file_survives_a_download_that_never_began(bench: Bench, atomic: bool) -> None:
    entry = bench.offer("wanted", noise(100_000))
    (bench.here / "wanted").write_bytes(b"old")
    bench.behave(refuse={"RETR": "550 Permission denied"})
    assert bench.fails(bench.fetch, entry, replaces=True, atomic=atomic).kind == "permission"
    assert bench.names_here() == ["wanted"]
    assert (bench.here / "wanted").read_bytes() == b"old"


@pytest.mark.parametrize("change", ["append", "rewrite", "truncate", "touch", "remove"])
def test_a_source_that_changes_meanwhile_has_its_own_verdict(bench: Bench, change: str) -> None:
    entry = bench.offer("moving", noise(BIG))
    (bench.here / "moving").write_bytes(b"old")
    bench.behave(change=change)
    error = bench.fails(bench.fetch, entry, replaces=True)
    assert (error.kind, error.retryable) == ("changed_underfoot", True), error
    assert bench.names_here() == ["moving"]
    assert (bench.here / "moving").read_bytes() == b"old"


@pytest.mark.parametrize("hide", [["MLST", "MLSD"], ["MLST", "MLSD", "SIZE"]])
@pytest.mark.parametrize("verify", ["size", "read_back"])
def test_a_server_without_mlst_tells_a_change_all_the_same(bench: Bench, hide: t.List[str], verify: str) -> None:
    entry = bench.offer("moving", noise(BIG))
    bench.behave(change="append", hide=hide)
    assert bench.fails(bench.fetch, entry, verify=verify).kind == "changed_underfoot"
    assert bench.names_here() == []


@pytest.mark.parametrize("tls", TLS)
@pytest.mark.parametrize("hide", [[], ["MLST", "MLSD"]])
@pytest.mark.parametrize(("banner", "early"), [("(vsFTPd 3.0.3)", True), ("pyftpdlib", True), ("ProFTPD Server", False)])
def test_whether_the_source_moved_is_asked_along_with_the_end_where_the_server_bears_it(
    bench: Bench, tls: str, hide: t.List[str], banner: str, early: bool
) -> None:
    bench.behave(banner=banner, hide=hide)
    client = bench.connect(tls)
    assert client.control.listens_early is early
    for size in (0, 1000, BIG):
        entry = bench.offer("file-%d" % size, noise(size))
        assert bench.fetch(entry, client) == (size, False, True, True)
        assert (bench.here / entry.name).read_bytes() == noise(size)
        with pytest.raises(FleetproofError) as caught:
            bench.fetch(entry._replace(mtime=LONG_AGO - SECOND), client, replaces=True)
        assert caught.value.kind == "changed_underfoot"
    client.noop()
    # no CWD: what was told along with the end was enough
    assert bool(bench.server.commands("CWD")) is (bool(hide) and not early)


def test_a_source_that_changed_since_it_was_listed_is_told_from_a_cut(bench: Bench) -> None:
    entry = bench.offer("shrunk", noise(200_000))
    bench.offer("shrunk", noise(200_000)[:100_000])
    assert bench.fails(bench.fetch, entry).kind == "changed_underfoot"
    assert bench.names_here() == []


def test_an_end_that_came_too_early_in_silence_is_a_cut(bench: Bench) -> None:
    entry = bench.offer("short", noise(BIG))
    bench.behave(cut={"RETR": {"after": 500_000, "times": 1, "reply": "226 Transfer complete."}})
    error = bench.fails(bench.fetch, entry)
    assert (error.kind, error.retryable) == ("connect", True)
    assert "500000 of %d bytes" % BIG in error.message
    assert bench.names_here() == [temporary_for("short", entry)]
    assert bench.fetch(entry).resumed


@pytest.mark.parametrize("verify", ["size", "read_back"])
def test_tls_that_ends_without_farewell_is_the_end_only_where_the_size_agrees(bench: Bench, verify: str) -> None:
    entry = bench.offer("short", noise(BIG))
    bench.behave(cut={"RETR": {"after": 500_000, "times": 1, "how": "reset", "reply": "226 Transfer complete."}})
    assert bench.fails(bench.fetch, entry, bench.connect("starttls"), verify=verify).retryable
    assert bench.fetch(entry, bench.connect("starttls"), verify=verify).resumed


def test_a_server_whose_digest_differs_leaves_nothing_behind(bench: Bench) -> None:
    entry = bench.offer("bad", noise(BIG))
    (bench.here / "bad").write_bytes(b"old")
    bench.behave(hash=["XSHA256"], wrong_hash=True)
    client = bench.connect()
    error = bench.fails(bench.fetch, entry, client, replaces=True, verify="hash")
    assert (error.kind, error.retryable) == ("integrity", False)
    assert (bench.here / "bad").read_bytes() == b"old"
    assert bench.names_here() == ["bad"]
    assert not client.broken


def test_what_reads_back_otherwise_leaves_nothing_behind(bench: Bench) -> None:
    entry = bench.offer("bad", noise(BIG))
    left = bench.here / temporary_for("bad", entry)
    # the damage lies before the overlap
    left.write_bytes(b"?" + noise(BIG)[1:1_000_000])
    client = bench.connect()
    error = bench.fails(bench.fetch, entry, client, verify="read_back")
    assert error.kind == "integrity"
    assert bench.names_here() == []
    assert not client.broken


@pytest.mark.parametrize(("given", "word"), [({"verify": "hash"}, "read_back or size"), ({"verify": "read_back", "ascii": True}, "ascii")])
def test_a_proof_that_cannot_be_had_is_told_before_anything_is_moved(bench: Bench, given: t.Dict[str, t.Any], word: str) -> None:
    error = bench.fails(bench.fetch, bench.offer("any", b"x"), **given)
    assert error.kind == "argument"
    assert word in error.message
    assert bench.server.commands("RETR") == []


def test_a_listing_without_size_is_believed_where_the_server_says_that_all_was_sent(bench: Bench) -> None:
    entry = bench.offer("any", noise(100_000))._replace(size=-1)
    assert bench.fetch(entry) == (100_000, False, False, True)


def test_a_caller_that_stops_finds_what_came_next_time(bench: Bench) -> None:
    entry = bench.offer("big", noise(BIG))
    told: t.List[int] = []

    def stop(size: int) -> None:
        told.append(size)
        if sum(told) > 1_000_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.fetch(entry, note=stop)
    told.clear()
    moved = bench.fetch(entry, note=told.append)
    assert moved.resumed
    assert sum(told) == moved.size < BIG - 900_000


# -- what is in the way ------------------------------------------------------------------------------


@pytest.mark.parametrize("atomic", [True, False])
def test_a_directory_in_the_way_is_told_and_stays(bench: Bench, atomic: bool) -> None:
    (bench.here / "wanted").mkdir()
    error = bench.fails(bench.fetch, bench.offer("wanted", b"x"), replaces=True, atomic=atomic)
    assert error.kind == "refused"
    assert "directory is in the way" in error.message
    assert bench.names_here() == ["wanted"]


def test_a_file_that_came_since_the_plan_is_not_replaced(bench: Bench) -> None:
    entry = bench.offer("wanted", noise(BIG))

    def appear(_size: int) -> None:
        (bench.here / "wanted").write_bytes(b"mine")

    assert bench.fails(bench.fetch, entry, note=appear).kind == "changed_underfoot"
    assert (bench.here / "wanted").read_bytes() == b"mine"


def test_a_link_at_the_temporary_name_is_not_followed(bench: Bench, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    entry = bench.offer("wanted", noise(100_000))
    (bench.here / temporary_for("wanted", entry)).symlink_to(victim)
    bench.fetch(entry)
    assert victim.read_bytes() == b"precious"
    assert (bench.here / "wanted").read_bytes() == noise(100_000)
    assert not (bench.here / "wanted").is_symlink()


def test_a_link_in_place_of_the_file_is_replaced_and_not_followed(bench: Bench, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (bench.here / "wanted").symlink_to(victim)
    entry = bench.offer("wanted", b"new")
    bench.fetch(entry, replaces=True)
    assert victim.read_bytes() == b"precious"
    assert (bench.here / "wanted").read_bytes() == b"new"
    (bench.here / "wanted").unlink()
    (bench.here / "wanted").symlink_to(victim)
    assert bench.fails(bench.fetch, entry, replaces=True, atomic=False).kind == "refused"
    assert victim.read_bytes() == b"precious"


def test_a_part_with_a_second_name_is_not_written_to(bench: Bench) -> None:
    entry = bench.offer("wanted", noise(100_000))
    left = bench.here / temporary_for("wanted", entry)
    left.write_bytes(noise(100_000)[:70_000])
    os.link(left, bench.here / "other")
    assert not bench.fetch(entry).resumed
    assert (bench.here / "other").read_bytes() == noise(100_000)[:70_000]


@pytest.mark.parametrize("kind", ["fifo", "socket"])
def test_what_is_no_file_at_the_temporary_name_makes_way(bench: Bench, kind: str) -> None:
    entry = bench.offer("wanted", noise(100_000))
    left = bench.here / temporary_for("wanted", entry)
    if kind == "fifo":
        os.mkfifo(left)
    else:
        with socket.socket(socket.AF_UNIX) as listener:
            at = os.getcwd()
            os.chdir(bench.here)
            try:
                listener.bind(left.name)
            finally:
                os.chdir(at)
    bench.fetch(entry)
    assert bench.names_here() == ["wanted"]


# -- without a temporary name ------------------------------------------------------------------------


def test_without_a_temporary_name_the_file_itself_is_gone_on_with(bench: Bench) -> None:
    entry = bench.offer("big", noise(BIG))
    bench.behave(cut={"RETR": {"after": 1_000_000, "times": 1}})
    bench.fails(bench.fetch, entry, atomic=False)
    assert bench.names_here() == ["big"]
    there = (bench.here / "big").stat().st_size
    moved = bench.fetch(entry, atomic=False, replaces=True)
    assert moved == (BIG - there, True, True, True)
    assert (bench.here / "big").read_bytes() == noise(BIG)
    assert (bench.here / "big").stat().st_mtime_ns == LONG_AGO


@pytest.mark.parametrize(("size", "age"), [(1_000_000, SECOND), (BIG, -SECOND), (BIG + 5, -SECOND)])
def test_without_a_temporary_name_an_old_version_is_no_part(bench: Bench, size: int, age: int) -> None:
    """Its end may be the same as the source's at that place, and what is before it another."""
    entry = bench.offer("big", noise(BIG))
    old = bench.here / "big"
    old.write_bytes((b"?" + noise(BIG)[1:] + b"12345")[:size])
    os.utime(old, ns=(LONG_AGO - age, LONG_AGO - age))
    assert not bench.fetch(entry, atomic=False, replaces=True).resumed
    assert old.read_bytes() == noise(BIG)


def test_without_a_temporary_name_a_file_with_a_second_name_is_not_written_to(bench: Bench) -> None:
    entry = bench.offer("wanted", b"new")
    bench.have("wanted", b"old")
    os.link(bench.here / "wanted", bench.here / "snapshot")
    error = bench.fails(bench.fetch, entry, replaces=True, atomic=False)
    assert (error.kind, "2 names" in error.message) == ("refused", True)
    assert (bench.here / "snapshot").read_bytes() == (bench.here / "wanted").read_bytes() == b"old"


def test_without_a_temporary_name_what_is_longer_is_cut_off(bench: Bench) -> None:
    (bench.here / "short").write_bytes(noise(BIG))
    bench.fetch(bench.offer("short", b"now short"), atomic=False, replaces=True)
    assert (bench.here / "short").read_bytes() == b"now short"


# -- texts -------------------------------------------------------------------------------------------


def test_texts_come_with_the_line_ends_of_this_side(bench: Bench) -> None:
    bench.offer("text", b"")
    text = b"one\r\ntwo\nthree\r" * 50_000
    entry: Entry = bench.offer("text", text)
    client = bench.connect()
    moved = bench.fetch(entry, client, ascii=True)
    assert (bench.here / "text").read_bytes().replace(b"\r\n", b"\n") == text.replace(b"\r\n", b"\n")
    assert b"\r\n" not in (bench.here / "text").read_bytes()
    assert not moved.resumed
    # the type is what it was again
    assert bench.fetch(bench.offer("bytes", b"a\r\nb\n"), client).verified
    assert (bench.here / "bytes").read_bytes() == b"a\r\nb\n"


def test_a_text_that_was_cut_is_not_gone_on_with(bench: Bench) -> None:
    entry = bench.offer("text", b"line\n" * 100_000)
    bench.behave(cut={"RETR": {"after": 100_000, "times": 1}})
    assert bench.fails(bench.fetch, entry, ascii=True).retryable
    assert bench.names_here() == []
    assert not bench.fetch(entry, ascii=True).resumed


# -- the pace ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verify", ["size", "read_back"])
def test_a_pace_holds_for_all_that_goes_over_the_wire(bench: Bench, verify: str) -> None:
    entry = bench.offer("big", noise(500_000))
    told: t.List[int] = []
    began = time.monotonic()
    bench.fetch(entry, bench.connect(), pace=Pace(1_000_000), note=told.append, verify=verify)
    # less the credit of a tenth of a second
    assert time.monotonic() - began >= (0.39 if verify == "size" else 0.89)
    assert max(told) <= 100_000
    assert sum(told) == 500_000
