# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import time
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError

from .asking import plant
from .conftest import Desk

LONG_AGO = 1_577_934_245 * 10**9


def test_paths_are_those_of_the_login_directory_or_absolute(desk: Desk) -> None:
    plant(desk.root, "home/a", "b")
    desk.server.behave(refuse={"PWD": '257 "/home"'})
    client = desk.connect()
    assert (client.absolute(""), client.absolute("a"), client.absolute("/b")) == ("/home", "/home/a", "/b")
    client.list("/")
    assert (client.size("a"), client.size("/b")) == (3, 3)


@pytest.mark.parametrize("verb", ["retrieve", "store", "list", "stat", "delete", "make_directory", "remove_directory", "size", "mtime"])
@pytest.mark.parametrize("path", ["a\r\nDELE victim", "a\nb", "a\0b", "/x/\ry"])
def test_no_line_break_reaches_the_wire(desk: Desk, verb: str, path: str) -> None:
    plant(desk.root, "victim")
    client = desk.connect()
    with pytest.raises(FleetproofError) as caught:
        getattr(client, verb)(path)
    assert caught.value.kind == "unsafe"
    assert (desk.root / "victim").exists()
    assert not client.broken
    assert client.list("") is not None
    assert all(character not in line for line in desk.server.commands() for character in "\r\n\0")


def test_files_and_directories_are_made_renamed_and_removed(desk: Desk) -> None:
    client = desk.connect()
    client.make_directory("d")
    with pytest.raises(FleetproofError) as caught:
        client.make_directory("d")
    assert "Could not make the directory /d" in caught.value.message
    plant(desk.root, "d/a", "b")
    client.rename("b", "d/a")
    client.set_mode("d/a", 0o640)
    assert (desk.root / "d" / "a").stat().st_mode & 0o7777 == 0o640
    with pytest.raises(FleetproofError):
        client.remove_directory("d")
    client.delete("d/a")
    client.remove_directory("d")
    assert list(desk.root.iterdir()) == []
    for work in (lambda: client.delete("x"), lambda: client.remove_directory("x"), lambda: client.rename("x", "y"), lambda: client.size("x")):
        with pytest.raises(FleetproofError) as caught:
            work()
        assert caught.value.kind == "not_found"


@pytest.mark.parametrize(
    ("behaviour", "done", "verbs"),
    [
        ({}, True, ["MFMT"]),
        ({"hide": ["MFMT"], "mdtm_write": True}, True, ["MDTM", "MDTM"]),
        ({"hide": ["MFMT"]}, False, ["MDTM", "MDTM"]),
        ({"hide": ["MFMT", "MDTM"]}, False, []),
    ],
)
def test_times_are_set_where_the_server_can(desk: Desk, behaviour: t.Dict[str, t.Any], done: bool, verbs: t.List[str]) -> None:
    plant(desk.root, "a")
    desk.server.behave(**behaviour)
    client = desk.connect()
    assert client.set_mtime("a", LONG_AGO + 999) is done
    assert ((desk.root / "a").stat().st_mtime == LONG_AGO // 10**9) is done
    assert [line.split(" ")[0] for line in desk.server.commands("MFMT", "MDTM")] == verbs
    # what is known not to work is not tried again
    client.set_mtime("a", LONG_AGO)
    assert len(desk.server.commands("MFMT", "MDTM")) == (2 * len(verbs) if done else len(verbs))


def test_a_time_is_set_for_a_file_that_is_there(desk: Desk) -> None:
    with pytest.raises(FleetproofError) as caught:
        desk.connect().set_mtime("nothing", LONG_AGO)
    assert caught.value.kind == "not_found"


def test_sizes_and_times_of_many_files_are_asked_for_together(desk: Desk) -> None:
    wanted = ["%03d" % number for number in range(100)]
    plant(desk.root, *wanted)
    for name in wanted:
        os.utime(desk.root / name, (int(name), int(name)))
    client = desk.connect()
    assert client.sizes_and_times(wanted) == [(3, int(name) * 10**9) for name in wanted]
    assert client.sizes_and_times([]) == []
    with pytest.raises(FleetproofError) as caught:
        client.sizes_and_times(["000", "none", "001"])
    assert (caught.value.kind, client.broken) == ("not_found", False)


@pytest.mark.parametrize("told", [True, False])
def test_a_server_that_does_not_tell_is_not_asked_again(desk: Desk, told: bool) -> None:
    plant(desk.root, "a")
    desk.server.behave(hide=["SIZE", "MDTM", *([] if told else ["FEAT"])])
    client = desk.connect()
    for _time in range(2):
        assert (client.size("a"), client.mtime("a")) == (None, None)
    assert len(desk.server.commands("SIZE", "MDTM")) == (0 if told else 2)


def test_without_feat_what_works_is_used(desk: Desk) -> None:
    plant(desk.root, "a")
    desk.server.behave(hide=["FEAT"])
    client = desk.connect()
    assert client.size("a") == 3
    assert client.features.size is True


@pytest.mark.parametrize(
    ("refuse", "kind"),
    [
        ({"SIZE": "550 Permission denied"}, "permission"),
        ({"SIZE": "213 many"}, "protocol"),
        ({"SIZE": "213 -1"}, "protocol"),
        ({"SIZE": "200 3"}, "protocol"),
        ({"MDTM": "213 19100230040506"}, "protocol"),
        ({"MDTM": "213 20261340000000"}, "protocol"),
        ({"MDTM": "213 191000101000000"}, "protocol"),
        ({"MDTM": "550 Could not get file modification time."}, "refused"),
    ],
)
def test_an_odd_answer_is_an_error_and_no_size_or_time(desk: Desk, refuse: t.Dict[str, str], kind: str) -> None:
    plant(desk.root, "a")
    desk.server.behave(refuse=refuse)
    client = desk.connect()
    with pytest.raises(FleetproofError) as caught:
        client.sizes_and_times(["a"])
    assert caught.value.kind == kind


@pytest.mark.parametrize("lines", [False, True])
def test_digests_are_those_of_the_file(desk: Desk, lines: bool) -> None:
    plant(desk.root, "a", "b")
    desk.server.behave(hash=["HASH", "XCRC", "XMD5", "XSHA", "XSHA1", "XSHA256", "XSHA512"], lines=lines)
    client = desk.connect()
    offers = client.features.hashes
    assert offers[0] == ("HASH", "SHA-256")
    assert len(offers) == 11
    found = {offer.algorithm: client.digest("a", *offer) for offer in offers}
    assert found["CRC32"] == "352441c2"
    assert found["SHA-256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    # the algorithm of HASH is chosen when it changes, and not for each file
    client.digest("a", "HASH", "SHA-1")
    client.digest("b", "HASH", "SHA-1")
    assert len(desk.server.commands("OPTS")) == 2 + 5 + 1


def test_a_reply_without_a_digest_is_an_error(desk: Desk) -> None:
    plant(desk.root, "a")
    desk.server.behave(hash=["XMD5"], refuse={"XMD5": "250 done"})
    with pytest.raises(FleetproofError) as caught:
        desk.connect().digest("a", "XMD5", "MD5")
    assert caught.value.kind == "protocol"


def test_a_digest_of_nothing_is_an_error(desk: Desk) -> None:
    desk.server.behave(hash=["HASH"])
    with pytest.raises(FleetproofError) as caught:
        desk.connect().digest("a", "HASH", "SHA-256")
    assert caught.value.kind == "not_found"


def test_text_is_asked_for_when_it_changes(desk: Desk) -> None:
    client = desk.connect()
    client.type("I")
    client.type("A")
    client.type("A")
    client.type("I")
    assert desk.server.commands("TYPE") == ["TYPE I", "TYPE A", "TYPE I"]


@pytest.mark.parametrize("encoding", ["gbk", "latin-1", "big5", "shift_jis"])
def test_names_in_another_encoding_go_both_ways(desk: Desk, encoding: str) -> None:
    name = {"gbk": "\u4f60\u597d\u55ac", "latin-1": "gr\u00fc\u00df\u00ff", "big5": "\u529f\u8a31", "shift_jis": "\u8868\u793a"}[encoding]
    desk.server.behave(encoding=encoding)
    client = desk.connect(encoding=encoding)
    with client.store(name) as out:
        out.write(b"abc")
    assert [entry.name for entry in desk.root.iterdir()] == [name]
    assert list(t.cast(t.Any, client.list("")).entries) == [name]
    assert client.size(name) == 3
    client.rename(name, name + "x")
    client.delete(name + "x")
    assert list(desk.root.iterdir()) == []


def test_octets_that_are_no_utf8_go_back_as_they_came(desk: Desk) -> None:
    name = os.fsdecode(b"gr\xfc\xdf\xff")
    (desk.root / name).write_bytes(b"abc")
    client = desk.connect()
    assert list(t.cast(t.Any, client.list("")).entries) == [name]
    with client.retrieve(name) as incoming:
        assert incoming.read_all(3) == b"abc"
    client.delete(name)
    assert list(desk.root.iterdir()) == []


def test_a_name_that_the_encoding_does_not_have_is_an_error_and_not_sent(desk: Desk) -> None:
    client = desk.connect(encoding="latin-1")
    with pytest.raises(FleetproofError) as caught:
        client.store("\u4f60")
    assert (caught.value.kind, client.broken) == ("argument", False)
    assert desk.server.commands("STOR") == []


@pytest.mark.parametrize("reply", ["drop", "stall", "421 Timeout"])
def test_a_connection_that_is_lost_is_broken_and_closing_it_does_not_hurt(desk: Desk, reply: str) -> None:
    desk.server.behave(replies={"NOOP": [reply]})
    client = desk.connect(timeout=0.5)
    with pytest.raises(FleetproofError) as caught:
        client.noop()
    assert (caught.value.retryable, client.broken) == (True, True)
    started = time.monotonic()
    client.close()
    client.close()
    assert time.monotonic() - started < 1


def test_the_last_word_is_quit(desk: Desk) -> None:
    client = desk.connect()
    client.close()
    assert desk.server.commands()[-1] == "QUIT"


@pytest.mark.parametrize("facts", ["size=3; /a", "rubbish"])
def test_facts_that_come_with_the_end_of_a_file_and_cannot_be_read_say_whose_they_are(desk: Desk, facts: str) -> None:
    (desk.root / "a").write_bytes(b"abc")
    desk.server.behave(banner="pyftpdlib", replies={"MLST": ["250-Listing\r\n %s\r\n250 End." % facts]})
    client = desk.connect()
    with client.retrieve("a") as incoming:
        client.watch(incoming)
        assert incoming.read_all(10) == b"abc"
    with pytest.raises(FleetproofError) as caught:
        client.seen(incoming)
    assert caught.value.kind == "protocol"
    assert caught.value.message.startswith("Could not look at /a on 127.0.0.1")
