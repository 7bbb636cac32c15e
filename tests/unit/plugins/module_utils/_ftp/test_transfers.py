# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import socket
import threading
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp import transfers
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.data import Channel, CutOff
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.transfers import Incoming

from .conftest import Desk, Script

TLS = ("none", "starttls", "implicit")


@pytest.mark.parametrize("tls", TLS)
@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_a_file_goes_up_and_comes_down_whole(desk: Desk, tls: str, size: int) -> None:
    data = os.urandom(size)
    client = desk.connect(tls)
    with client.store("a b") as out:
        out.write(data)
    assert (desk.root / "a b").read_bytes() == data
    with client.retrieve("a b") as incoming:
        assert incoming.read_all(size) == data
    assert not incoming.unclean
    with client.retrieve("a b", size) as incoming:
        assert incoming.read_all(0) == b""


@pytest.mark.parametrize("tls", TLS)
def test_a_file_is_sent_from_its_descriptor(desk: Desk, tls: str) -> None:
    (desk.root / "source").write_bytes(b"0123456789" * 100_000)
    client = desk.connect(tls)
    with open(desk.root / "source", "rb") as file, client.store("a") as out:
        assert out.send_file(file.fileno(), 5, 2_000_000) == 999_995
    assert (desk.root / "a").read_bytes() == (b"0123456789" * 100_000)[5:]


def test_a_transfer_is_taken_up_where_it_ended(desk: Desk) -> None:
    (desk.root / "a").write_bytes(b"0123456789")
    client = desk.connect()
    with client.retrieve("a", 7) as incoming:
        assert incoming.read_all(10) == b"789"
    with client.store("a", 8) as out:
        out.write(b"abcd")
    with client.store("a", append=True) as out:
        out.write(b"!")
    assert (desk.root / "a").read_bytes() == b"01234567abcd!"


@pytest.mark.parametrize("how", ["hide", "refuse"])
def test_a_server_that_does_not_resume_says_so_before_anything_moves(desk: Desk, how: str) -> None:
    (desk.root / "a").write_bytes(b"0123456789")
    desk.server.behave(**({"hide": ["REST"]} if how == "hide" else {"refuse": {"REST": "502 No"}}))
    client = desk.connect()
    for _time in range(2):
        with pytest.raises(FleetproofError) as caught:
            client.retrieve("a", 5)
        assert (caught.value.kind, caught.value.retryable, client.broken) == ("refused", False, False)
    assert desk.server.commands("RETR") == []
    with client.retrieve("a") as incoming:
        assert incoming.read_all(10) == b"0123456789"


@pytest.mark.parametrize("tls", TLS)
@pytest.mark.parametrize("how", ["close", "reset", "drop"])
def test_a_download_that_breaks_off_is_never_taken_for_whole(desk: Desk, tls: str, how: str) -> None:
    (desk.root / "a").write_bytes(b"x" * 1_000_000)
    desk.server.behave(cut={"RETR": {"after": 300_000, "how": how}})
    client = desk.connect(tls)
    with pytest.raises(FleetproofError) as caught, client.retrieve("a") as incoming:
        incoming.read_all(1_000_000)
    assert (caught.value.kind, caught.value.retryable) == ("connect", True)


@pytest.mark.parametrize("tls", TLS)
def test_a_download_that_stalls_ends_at_the_timeout(desk: Desk, tls: str) -> None:
    (desk.root / "a").write_bytes(b"x" * 1_000_000)
    desk.server.behave(cut={"RETR": {"after": 300_000, "how": "stall"}})
    client = desk.connect(tls, timeout=0.5)
    with pytest.raises(FleetproofError) as caught, client.retrieve("a") as incoming:
        incoming.read_all(1_000_000)
    assert (caught.value.kind, caught.value.retryable, client.broken) == ("timeout", True, True)


def test_a_trickle_that_never_ends_is_given_up(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "_PATIENCE", 2.0)
    near, far = socket.socketpair()
    stop = threading.Event()

    def trickle() -> None:
        while not stop.wait(0.1):
            try:
                far.sendall(b"x")
            except OSError:
                return

    thread = threading.Thread(target=trickle, daemon=True)
    thread.start()
    # each octet comes well within the timeout
    incoming = Incoming(script.control, Channel(near, "ftp.example:21", 0.5), "list /", "/")
    failures: t.List[FleetproofError] = []

    def read() -> None:
        try:
            incoming.read_all(1000)
        except FleetproofError as error:
            failures.append(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(5)
    stop.set()
    far.close()
    thread.join(5)
    assert [(error.kind, error.message.endswith("no end so far")) for error in failures] == [("timeout", True)]


@pytest.mark.parametrize("tls", TLS)
@pytest.mark.parametrize(("reply", "kind"), [("452 No space left on device", "no_space"), ("426 Failure", "connect"), ("552 Quota exceeded", "no_space")])
def test_why_an_upload_was_broken_off_is_told(desk: Desk, tls: str, reply: str, kind: str) -> None:
    desk.server.behave(cut={"STOR": {"after": 100_000, "how": "reset", "reply": reply}})
    client = desk.connect(tls)
    with pytest.raises(FleetproofError) as caught, client.store("a") as out:
        out.write(b"x" * 100_000_000)
    assert (caught.value.kind, reply in caught.value.message) == (kind, True)
    # the server has said its last word, so that the two are in step
    assert not client.broken
    client.noop()


@pytest.mark.parametrize(("reply", "kind"), [("550 No such file", "not_found"), ("450 Busy", "busy"), ("550 Permission denied", "permission")])
def test_a_refused_transfer_leaves_the_connection_in_step(desk: Desk, reply: str, kind: str) -> None:
    desk.server.behave(refuse={"RETR": reply, "STOR": reply})
    client = desk.connect()
    for begin in (client.retrieve, client.store):
        with pytest.raises(FleetproofError) as caught:
            begin("a")
        assert (caught.value.kind, client.broken) == (kind, False)
    client.noop()


def test_an_upload_that_the_server_does_not_confirm_has_failed(desk: Desk) -> None:
    desk.server.behave(cut={"STOR": {"after": 10, "how": "close", "reply": "451 Local error"}})
    client = desk.connect()
    with pytest.raises(FleetproofError) as caught, client.store("a") as out:
        out.write(b"x" * 100)
    assert (caught.value.kind, caught.value.retryable) == ("busy", True)


def test_leaving_by_an_exception_gives_the_connection_up(desk: Desk) -> None:
    (desk.root / "a").write_bytes(b"x" * 1_000_000)
    client = desk.connect()
    with pytest.raises(KeyError), client.retrieve("a"):
        raise KeyError
    assert client.broken


def test_more_than_is_wanted_is_an_error(desk: Desk) -> None:
    (desk.root / "a").write_bytes(b"x" * 1000)
    client = desk.connect()
    with pytest.raises(FleetproofError) as caught, client.retrieve("a") as incoming:
        incoming.read_all(999)
    assert caught.value.kind == "protocol"


class _Careless:
    """A data connection that ends as those of careless servers do."""

    def read_into(self, _buffer: t.Any) -> int:
        raise CutOff("here")

    def close(self) -> None:
        pass


def test_a_careless_end_is_an_end_only_where_the_server_says_that_it_is_complete(script: Script) -> None:
    channel = t.cast(Channel, _Careless())
    script.say("226 Transfer complete")
    with Incoming(script.control, channel, "download a", "a") as incoming:
        assert incoming.read_into(bytearray(5)) == 0
    assert incoming.unclean
    script.say("426 Connection closed")
    with pytest.raises(FleetproofError) as caught, Incoming(script.control, channel, "download a", "a") as incoming:
        incoming.read_into(bytearray(5))
    assert (caught.value.kind, script.control.broken) == ("connect", False)
    with pytest.raises(FleetproofError), Incoming(script.control, channel, "download a", "a") as incoming:
        incoming.read_into(bytearray(5))
    assert script.control.broken
