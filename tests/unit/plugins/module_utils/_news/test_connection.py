# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way into a server, with each thing that can be wrong on it."""

from __future__ import annotations

import socket
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._net.auth import Credentials
from ansible_collections.fleetproof.backup.plugins.module_utils._net.stream import Stream
from ansible_collections.fleetproof.backup.plugins.module_utils._news.client import NewsServer

from .conftest import FLEET, GROUP, Reader
from .scripted import Scripted

WRONG = Credentials("fleet", "not the password")


def failing(reader: Reader, tls: str = "starttls", credentials: t.Optional[Credentials] = FLEET, **given: t.Any) -> FleetproofError:
    with pytest.raises(FleetproofError) as caught:
        reader.connect(tls, credentials, **given).group(GROUP)
    assert "correct horse" not in caught.value.message
    assert "not the password" not in caught.value.message
    return caught.value


def said(reader: Reader) -> t.List[str]:
    return [line.split(" ")[0] if not line.startswith(("AUTHINFO", "MODE")) else line for line, _encrypted in reader.server.heard]


@pytest.mark.parametrize("tls", ["implicit", "starttls", "none"])
@pytest.mark.parametrize("credentials", [None, FLEET])
@pytest.mark.parametrize("transit", [False, True])
def test_each_way_in(reader: Reader, tls: str, credentials: t.Optional[Credentials], transit: bool) -> None:
    reader.server.behave(transit=transit, clear_text_login=True, login="all" if credentials else "")
    server = reader.connect(tls, credentials)
    assert server.group(GROUP).name == GROUP
    assert server.posting
    assert server.facts()["tls_version"] == (None if tls == "none" else "TLSv1.3")
    assert server.warnings == []
    server.quit()
    assert said(reader)[-1] == "QUIT"
    assert ("MODE READER" in said(reader)) is transit
    # the password goes through TLS alone, and what a server says before TLS is asked for again
    assert all(encrypted for line, encrypted in reader.server.heard if line.startswith("AUTHINFO") and tls != "none")
    if tls == "starttls":
        assert any(line == "CAPABILITIES" and encrypted for line, encrypted in reader.server.heard)


def test_a_server_that_shows_nothing_before_a_login_is_let_alone_until_then(reader: Reader) -> None:
    reader.server.behave(login="all", refuse={}, clear_text_login=True)
    error = failing(reader, "none", None)
    assert error.kind == "auth"
    assert "give username and password" in error.message


def test_a_server_that_wants_tls_says_so(reader: Reader) -> None:
    reader.server.behave(tls_needed=True)
    error = failing(reader, "none", None)
    assert error.kind == "tls"
    assert "tls=starttls" in error.message
    assert reader.connect("starttls").group(GROUP).name == GROUP


@pytest.mark.parametrize("mechanism", ["auto", "user", "plain", "login", "cram-md5"])
def test_each_mechanism_logs_in(reader: Reader, mechanism: str) -> None:
    reader.server.behave(login="all")
    server = reader.connect("implicit", Credentials("fleet", "correct horse", None, mechanism))
    assert server.group(GROUP).name == GROUP
    verb = "AUTHINFO USER" if mechanism in ("auto", "user") else "AUTHINFO SASL " + mechanism.upper()
    assert any(line.startswith(verb) for line, _encrypted in reader.server.heard)


def test_a_token_logs_in(reader: Reader) -> None:
    reader.server.behave(login="all")
    assert reader.connect("implicit", Credentials("fleet", oauth_token="ya29.token")).group(GROUP).name == GROUP
    assert "oauth_token" in failing(reader, "implicit", Credentials("fleet", oauth_token="ya29.other")).message


@pytest.mark.parametrize("mechanism", ["user", "plain", "login", "cram-md5"])
def test_a_wrong_password_is_told_and_not_shown(reader: Reader, mechanism: str) -> None:
    error = failing(reader, "implicit", Credentials("fleet", "not the password", None, mechanism))
    assert (error.kind, error.retryable) == ("auth", False)
    assert "check username and password" in error.message


@pytest.mark.parametrize("code", [481, 482, 502, 452])
def test_each_refusal_of_a_login_is_one(reader: Reader, code: int) -> None:
    reader.server.behave(refuse={"AUTHINFO PASS": "%d no, not the password" % code})
    error = failing(reader, "implicit", WRONG)
    assert error.kind == "auth"
    assert "********" in error.message


def test_a_login_that_needs_no_password_is_done(reader: Reader) -> None:
    reader.server.behave(replies={"AUTHINFO USER": ["281 welcome"]})
    reader.connect("implicit", FLEET).quit()
    assert [line for line in said(reader) if line.startswith("AUTHINFO")] == ["AUTHINFO USER fleet"]


def test_no_password_goes_to_a_server_that_does_not_take_it_in_clear_text(reader: Reader) -> None:
    reader.server.behave(mechanisms=["PLAIN"])
    error = failing(reader, "none")
    assert error.kind == "auth"
    assert "in clear text; use tls=implicit or tls=starttls" in error.message
    assert not any(line.startswith("AUTHINFO") for line in said(reader))


def test_a_password_that_others_could_read_draws_a_warning(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    reader.server.behave(clear_text_login=True)
    monkeypatch.setattr(Stream, "stays_on_this_host", False)
    assert "clear text" in reader.connect("none", FLEET).warnings[0]
    assert reader.connect("implicit", FLEET).warnings == []


@pytest.mark.parametrize("credentials", [Credentials("fleet\r\nQUIT", "x"), Credentials("fleet", "x\nQUIT"), Credentials("fleet", "x\0")])
def test_line_breaks_in_a_login_are_refused(reader: Reader, credentials: Credentials) -> None:
    assert failing(reader, "implicit", credentials).kind == "unsafe"
    assert not any(line.startswith("AUTHINFO") for line in said(reader))


@pytest.mark.parametrize(("certificate", "says"), [("wrong_name", "is not for"), ("expired", "has expired"), ("unknown_ca", "authority that is not trusted")])
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_certificate_that_does_not_do_ends_it(reader: Reader, certificate: str, says: str, tls: str) -> None:
    reader.server.behave(certificate=certificate)
    error = failing(reader, tls)
    assert (error.kind, error.retryable) == ("tls", False)
    assert says in error.message
    assert not any(line.startswith("AUTHINFO") for line in said(reader))


@pytest.mark.parametrize("starttls", ["hide", "refuse", "inject", "garbage", "stall", "reset"])
def test_there_is_no_way_past_starttls(reader: Reader, starttls: str) -> None:
    reader.server.behave(starttls=starttls, clear_text_login=True)
    error = failing(reader, "starttls", timeout=0.5 if starttls == "stall" else 5.0)
    assert error.kind in (("timeout",) if starttls == "stall" else ("tls", "connect"))
    assert not any(line.startswith(("AUTHINFO", "GROUP")) for line in said(reader))


def test_a_server_that_tells_nothing_has_to_take_starttls_all_the_same() -> None:
    with Scripted({"CAPABILITIES": b"500 what?\r\n", "MODE READER": b"200 yes\r\n"}) as old:
        endpoint = old.endpoint()
        with pytest.raises(FleetproofError) as caught:
            NewsServer.connect(type(endpoint)(endpoint.host, endpoint.port, "starttls", timeout=5.0), FLEET)
        assert caught.value.kind == "tls"
        assert not any(line.startswith("AUTHINFO") for line in old.heard)


def test_an_old_server_is_told_that_we_read() -> None:
    answers: t.Dict[str, t.Optional[bytes]] = {
        "CAPABILITIES": b"500 what?\r\n",
        "MODE READER": b"201 no posting\r\n",
        "AUTHINFO USER": b"381 more\r\n",
        "AUTHINFO PASS": b"281 ok\r\n",
    }
    with Scripted(answers) as old:
        server = NewsServer.connect(old.endpoint(), FLEET)
        assert (server.capabilities, server.posting) == (None, False)
        assert old.heard == ["CAPABILITIES", "MODE READER", "AUTHINFO USER fleet", "AUTHINFO PASS correct horse", "CAPABILITIES"]
        server.close()


def test_even_capabilities_may_be_for_readers_alone() -> None:
    with Scripted({"CAPABILITIES": b"401 MODE-READER\r\n", "MODE READER": b"200 yes\r\n"}) as server:
        client = NewsServer.connect(server.endpoint(), None)
        # never in a circle
        assert server.heard == ["CAPABILITIES", "MODE READER", "CAPABILITIES"]
        assert client.group(GROUP).count == 3
        client.close()


def test_a_command_that_is_for_readers_alone_is_given_again_after_mode_reader() -> None:
    with Scripted({"MODE READER": b"200 yes\r\n", "DATE": b"401 MODE-READER\r\n"}) as server:
        client = NewsServer.connect(server.endpoint(), None)
        with pytest.raises(FleetproofError):
            client.date()
        assert server.heard == ["CAPABILITIES", "DATE", "MODE READER", "DATE"]
        client.close()


@pytest.mark.parametrize(
    ("greeting", "kind", "retryable"),
    [
        (b"400 too much to do\r\n", "busy", True),
        (b"502 go away\r\n", "permission", False),
        (b"220 smtp.example.com ESMTP\r\n", "protocol", False),
        (b"SSH-2.0-OpenSSH\r\n", "protocol", False),
        (b"", "timeout", True),
    ],
)
def test_a_greeting_that_is_none_is_told(greeting: bytes, kind: str, retryable: bool) -> None:
    with Scripted({}, greeting) as server, pytest.raises(FleetproofError) as caught:
        NewsServer.connect(server.endpoint(0.2 if not greeting else 5.0), None)
    assert (caught.value.kind, caught.value.retryable) == (kind, retryable)


def test_a_server_without_posting_says_so(reader: Reader) -> None:
    reader.server.behave(read_only=True)
    assert not reader.connect("implicit").posting


def test_nobody_listens(reader: Reader) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert failing(reader, "none", None, port=unused.getsockname()[1]).kind == "connect"


@pytest.mark.parametrize("capabilities", [b"101 list\r\nVERSION 2\r\nMODE-READER\r\n.\r\n", b"500 what?\r\n"])
def test_a_server_that_has_no_room_for_another_reader_is_busy(capabilities: bytes) -> None:
    with Scripted({"CAPABILITIES": capabilities, "MODE READER": b"400 too many readers\r\n"}) as server, pytest.raises(FleetproofError) as caught:
        NewsServer.connect(server.endpoint(), None)
    assert (caught.value.kind, caught.value.retryable) == ("busy", True)
    assert "too many readers" in caught.value.message
