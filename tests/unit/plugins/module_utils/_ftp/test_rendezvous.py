# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import threading
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp import data
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.rendezvous import port_of
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.replies import Reply
from ansible_collections.fleetproof.backup.plugins.module_utils._net.stream import Stream

from .conftest import Desk


@pytest.mark.parametrize(
    ("code", "text", "port"),
    [
        (229, "Entering Extended Passive Mode (|||6446|)", 6446),
        (229, "ok (!!!1024!)", 1024),
        (227, "Entering Passive Mode (10,0,0,1,255,255).", 65535),
        (227, "Entering Passive Mode 127,0,0,1,4,0", 1024),
        (227, "=10,0,0,1,200,1", 51201),
    ],
)
def test_the_port_is_all_that_is_taken(code: int, text: str, port: int) -> None:
    assert port_of(Reply(code, [text]), "here") == port


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (229, "(|||80|)", "unsafe"),
        (227, "(127,0,0,1,0,22)", "unsafe"),
        (229, "(|||0|)", "protocol"),
        (229, "(|||65536|)", "protocol"),
        (229, "(|1|10.0.0.1|6446|)", "protocol"),
        (229, "6446", "protocol"),
        (227, "(1,2,3,4,5)", "protocol"),
        (227, "(127,0,0,1,256,1)", "protocol"),
        (227, "", "protocol"),
    ],
)
def test_a_port_that_is_none_or_belongs_to_others_is_refused(code: int, text: str, kind: str) -> None:
    with pytest.raises(FleetproofError) as caught:
        port_of(Reply(code, [text]), "here")
    assert caught.value.kind == kind


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("tls", ["none", "starttls"])
@pytest.mark.parametrize("passive", [True, False])
def test_data_comes_and_goes_both_ways(desk: Desk, host: str, tls: str, passive: bool) -> None:
    client = desk.connect(tls, host=host, passive=passive)
    with client.store("a") as out:
        out.write(b"abc" * 1000)
    with client.retrieve("a", 2998) as incoming:
        assert incoming.read_all(100) == b"bc"
    assert client.list("nothing") is None
    assert sorted(t.cast(t.Any, client.list("")).entries) == ["a"]
    verbs = {(True, False): "EPSV", (True, True): "EPSV", (False, False): "PORT", (False, True): "EPRT"}
    assert {line.split(" ")[0] for line in desk.server.commands("EPSV", "PASV", "PORT", "EPRT")} == {verbs[passive, ":" in host]}


def test_a_server_without_epsv_is_asked_once(desk: Desk) -> None:
    desk.server.behave(hide=["EPSV"])
    client = desk.connect()
    client.list("")
    client.list("")
    assert desk.server.commands("EPSV", "PASV") == ["EPSV", "PASV", "PASV"]


def test_the_address_in_the_reply_to_pasv_is_not_gone_to(desk: Desk) -> None:
    desk.server.behave(hide=["EPSV"], pasv_address="192.0.2.1")
    assert t.cast(t.Any, desk.connect().list("")).entries == {}


@pytest.mark.parametrize(
    ("reply", "kind"), [("229 Entering (|||21|)", "unsafe"), ("229 what?", "protocol"), ("425 No ports left", "connect"), ("530 No", "auth")]
)
def test_no_data_connection_without_agreement(desk: Desk, reply: str, kind: str) -> None:
    desk.server.behave(refuse={"EPSV": reply})
    client = desk.connect()
    with pytest.raises(FleetproofError) as caught:
        client.retrieve("a")
    assert (caught.value.kind, client.broken) == (kind, False)
    assert desk.server.commands("RETR") == []


def test_a_port_that_nobody_listens_on_is_an_error_that_may_pass(desk: Desk) -> None:
    desk.server.behave(pasv_closed=True)
    client = desk.connect()
    with pytest.raises(FleetproofError) as caught:
        client.list("")
    assert (caught.value.kind, caught.value.retryable) == ("connect", True)


def test_data_channels_resume_the_session_of_the_control_connection(desk: Desk) -> None:
    for version in ("1.2", "1.3"):
        desk.server.behave(reuse=True, tls_version=version)
        client = desk.connect("starttls")
        for _time in range(3):
            with client.store("a") as out:
                assert out._channel.resumed
                out.write(b"abc")
            assert client.list("") is not None


def test_what_the_server_says_of_a_failed_data_connection_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    encrypt = data.Channel.encrypt
    monkeypatch.setattr(data.Channel, "encrypt", lambda self, context, host, _session: encrypt(self, context, host, None))
    desk.server.behave(reuse=True, tls_version="1.2")
    client = desk.connect("starttls")
    (desk.root / "a").write_bytes(b"abc")
    with pytest.raises(FleetproofError) as caught, client.retrieve("a") as incoming:
        incoming.read_all(100)
    assert caught.value.kind in ("tls", "connect")


def test_connections_of_others_are_hung_up_on() -> None:
    with data.listen("127.0.0.1", socket.AF_INET, 5.0, "here") as listener:
        port = listener.getsockname()[1]
        stranger = socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.9", 0))
        friend = socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0))
        found = data.accept(listener, "127.0.0.2", 5.0, "here")
        assert found.getpeername()[0] == "127.0.0.2"
        stranger.settimeout(5)
        assert stranger.recv(1) == b""
        for sock in (stranger, friend, found):
            sock.close()


def test_a_data_connection_that_does_not_come_is_waited_for_so_long_and_no_longer() -> None:
    with data.listen("127.0.0.1", socket.AF_INET, 5.0, "here") as listener:
        stop = threading.Event()

        def knock() -> None:
            # strangers do not prolong it
            while not stop.wait(0.05):
                with socket.socket() as sock:
                    sock.bind(("127.0.0.9", 0))
                    sock.connect_ex(listener.getsockname())

        thread = threading.Thread(target=knock)
        thread.start()
        try:
            with pytest.raises(FleetproofError) as caught:
                data.accept(listener, "127.0.0.2", 0.4, "here")
        finally:
            stop.set()
            thread.join()
    assert (caught.value.kind, caught.value.retryable) == ("timeout", True)


def test_the_source_address_is_that_of_data_connections_as_well(desk: Desk) -> None:
    client = desk.connect(source_address="127.0.0.5")
    with client.store("a") as out:
        assert out._channel._sock.getsockname()[0] == "127.0.0.5"
        out.write(b"x")


def test_the_second_transfer_is_agreed_on_and_asked_for_in_one_write(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: t.List[bytes] = []
    write = Stream.write

    def seen(self: Stream, octets: bytes) -> None:
        writes.append(octets)
        write(self, octets)

    monkeypatch.setattr(Stream, "write", seen)
    (desk.root / "a").write_bytes(b"abc")
    client = desk.connect()
    writes.clear()
    for _time in range(2):
        with client.retrieve("a") as incoming:
            assert incoming.read_all(3) == b"abc"
    assert writes == [b"EPSV\r\n", b"RETR /a\r\n", b"EPSV\r\nRETR /a\r\n"]


def test_a_transfer_that_was_asked_for_without_an_agreement_breaks_the_connection(desk: Desk) -> None:
    (desk.root / "a").write_bytes(b"abc")
    desk.server.behave(replies={"EPSV": [None, "425 No more ports"]})
    client = desk.connect()
    with client.retrieve("a") as incoming:
        incoming.read_all(3)
    with pytest.raises(FleetproofError) as caught:
        client.retrieve("a")
    assert (caught.value.kind, caught.value.retryable, client.broken) == ("connect", True, True)


def test_a_refused_transfer_that_was_asked_for_at_once_leaves_the_connection_in_step(desk: Desk) -> None:
    (desk.root / "a").write_bytes(b"abc")
    client = desk.connect("starttls")
    for name in ("a", "none", "a", "none"):
        if name == "a":
            with client.retrieve("a") as incoming:
                assert incoming.read_all(3) == b"abc"
            continue
        with pytest.raises(FleetproofError) as caught:
            client.retrieve(name)
        assert (caught.value.kind, client.broken) == ("not_found", False)


@pytest.mark.parametrize(
    ("reply", "kind", "whole"), [("550 No such file", "not_found", True), ("450 Busy", "busy", True), ("425 Cannot open data connection", "connect", False)]
)
def test_a_server_that_refuses_and_closes_its_port_at_once_is_understood(desk: Desk, reply: str, kind: str, whole: bool) -> None:
    """As ProFTPD, which may be faster than our way to the port."""
    desk.server.behave(pasv_closed=True, refuse={"RETR": reply})
    client = desk.connect()
    with pytest.raises(FleetproofError) as caught:
        client.retrieve("a")
    assert (caught.value.kind, client.broken) == (kind, False)
    assert caught.value.message.endswith(reply) is whole


def test_data_that_comes_in_clear_text_is_a_matter_of_tls_whatever_the_server_says_of_the_end(desk: Desk) -> None:
    # so much that the server is still at it when we hang up, and says 426
    with (desk.root / "big").open("wb") as file:
        file.truncate(50_000_000)
    desk.server.behave(clear_data=True)
    client = desk.connect("starttls")
    with pytest.raises(FleetproofError) as caught:
        client.retrieve("big").__enter__()
    assert (caught.value.kind, caught.value.retryable, client.broken) == ("tls", False, True)
