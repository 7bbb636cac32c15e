# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way in: what is said, what is never said in clear text, and a clear error for each way of not getting in."""

from __future__ import annotations

import socket
import time
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.imap_login import log_in
from ansible_collections.fleetproof.backup.plugins.module_utils._net.auth import Credentials
from ansible_collections.fleetproof.backup.plugins.module_utils._net.stream import Endpoint, Stream
from ansible_collections.fleetproof.backup.plugins.module_utils._net.tls import TlsPolicy
from ansible_collections.fleetproof.backup.tests.testbed.imapd import ImapServer

from .imap_scripted import Scripted

FLEET = Credentials("fleet", "correct horse")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[ImapServer]:
    with ImapServer(tmp_path_factory.mktemp("imapd")) as server:
        yield server


@pytest.fixture
def server(running: ImapServer) -> ImapServer:
    running.behave()
    return running


def endpoint(server: ImapServer, tls: str = "implicit", **given: t.Any) -> Endpoint:
    port = server.tls_port if tls == "implicit" else server.port
    return Endpoint(**{"host": server.host, "port": port, "tls": tls, "policy": TlsPolicy(ca_path=server.ca), "timeout": 5.0, **given})


def enter(where: Endpoint, credentials: t.Optional[Credentials] = FLEET) -> t.List[str]:
    """The warnings of a login that works, of which the server sees the end."""
    dialogue, warnings = log_in(where, credentials)
    assert dialogue.command("NOOP").status.good
    assert dialogue.has("IDLE")
    dialogue.close()
    return warnings


def failing(where: Endpoint, credentials: t.Optional[Credentials] = FLEET) -> FleetproofError:
    with pytest.raises(FleetproofError) as caught:
        log_in(where, credentials)
    for secret in ("correct horse", "wrong horse", "ya29"):
        assert secret not in caught.value.message
    return caught.value


def in_clear(server: ImapServer) -> t.Set[str]:
    """The commands that anybody could read."""
    return {line.split(" ")[1] for line, encrypted in server.heard if not encrypted}


# -- TLS ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ("wrong_name", "is not for 127.0.0.1"),
        ("expired", "has expired"),
        ("not_yet", "is not valid yet"),
        ("unknown_ca", "authority that is not trusted here"),
    ],
)
def test_a_certificate_that_is_wrong_ends_it_before_anything_is_said(server: ImapServer, tls: str, certificate: str, words: str) -> None:
    server.behave(certificate=certificate)
    error = failing(endpoint(server, tls))
    assert (error.kind, error.retryable, words in error.message) == ("tls", False, True)
    assert {line.split(" ")[1] for line, _encrypted in server.heard} <= {"STARTTLS"}


@pytest.mark.parametrize(
    ("behaviour", "kind", "words"),
    [
        ({"starttls": "hide"}, "tls", "does not offer STARTTLS"),
        ({"hide": ["STARTTLS"]}, "tls", "does not offer STARTTLS"),
        ({"starttls": "refuse"}, "tls", "refused it"),
        ({"starttls": "inject"}, "tls", "ahead of the TLS handshake"),
        ({"starttls": "garbage"}, "tls", "not TLS"),
        ({"starttls": "reset"}, "tls", "TLS handshake"),
        ({"starttls": "stall"}, "timeout", "TLS handshake"),
        ({"preauth": True}, "tls", "takes us for logged in before the connection is encrypted"),
        ({"preauth": True, "tell_capabilities": False}, "tls", "takes us for logged in before the connection is encrypted"),
        ({"stall": "STARTTLS"}, "timeout", "did not answer"),
        ({"drop": {"STARTTLS": 1}}, "connect", "lost"),
    ],
)
def test_starttls_never_goes_on_in_clear_text(server: ImapServer, behaviour: t.Dict[str, t.Any], kind: str, words: str) -> None:
    server.behave(**behaviour)
    error = failing(endpoint(server, "starttls", timeout=0.5))
    assert (error.kind, words in error.message) == (kind, True), error.message
    assert in_clear(server) <= {"CAPABILITY", "STARTTLS"}


def test_the_error_for_a_server_without_tls_says_how_to_choose_clear_text(server: ImapServer) -> None:
    server.behave(starttls="hide")
    assert "tls=none" in failing(endpoint(server, "starttls")).message


@pytest.mark.parametrize("told", [True, False])
def test_what_was_learnt_before_tls_is_forgotten_after_it(server: ImapServer, told: bool) -> None:
    server.behave(tell_capabilities=told)
    assert enter(endpoint(server, "starttls")) == []
    encrypted = [line.split(" ")[1] for line, covered in server.heard if covered]
    assert encrypted == ["CAPABILITY", "AUTHENTICATE", *([] if told else ["CAPABILITY"]), "ID", "NOOP"]
    assert in_clear(server) == ({"STARTTLS"} if told else {"CAPABILITY", "STARTTLS"})


def test_what_anybody_could_have_said_is_not_passed_on(server: ImapServer) -> None:
    server.behave(unsolicited={"STARTTLS": ["* OK [ALERT] Call this number"], "CAPABILITY": ["* 7 EXISTS"]}, tell_capabilities=False)
    dialogue, _warnings = log_in(endpoint(server, "starttls"), FLEET)
    assert (dialogue.alerts, dialogue.welcome) == ([], "fleet test bed")
    dialogue.close()
    dialogue, _warnings = log_in(endpoint(server), FLEET)
    assert dialogue.welcome == "Fleet test bed ready"
    dialogue.close()


def test_tls_on_a_port_that_speaks_clear_text_is_an_error(server: ImapServer) -> None:
    error = failing(endpoint(server, port=server.port))
    assert (error.kind, "not TLS" in error.message) == ("tls", True)


def test_clear_text_on_a_port_that_speaks_tls_is_an_error(server: ImapServer) -> None:
    error = failing(endpoint(server, "starttls", port=server.tls_port, timeout=0.3))
    assert error.kind == "timeout"


# -- logging in ---------------------------------------------------------------------------------


PLAIN = "AUTHENTICATE PLAIN AGZsZWV0AGNvcnJlY3QgaG9yc2U="
XOAUTH2 = "AUTHENTICATE XOAUTH2 dXNlcj1mbGVldAFhdXRoPUJlYXJlciB5YTI5LnRva2VuAQE="


@pytest.mark.parametrize(
    ("behaviour", "credentials", "said"),
    [
        ({}, FLEET, PLAIN),
        ({"hide": ["SASL-IR"]}, FLEET, "AUTHENTICATE PLAIN"),
        ({"mechanisms": ["LOGIN", "CRAM-MD5"]}, FLEET, "AUTHENTICATE LOGIN"),
        ({}, Credentials("fleet", "correct horse", mechanism="login"), "AUTHENTICATE LOGIN"),
        ({}, Credentials("fleet", "correct horse", mechanism="cram-md5"), "AUTHENTICATE CRAM-MD5"),
        ({}, Credentials("fleet", oauth_token="ya29.token"), XOAUTH2),
        ({"hide": ["SASL-IR"]}, Credentials("fleet", oauth_token="ya29.token"), "AUTHENTICATE XOAUTH2"),
        ({"hide": ["AUTH"]}, FLEET, 'LOGIN "fleet" "correct horse"'),
        ({"mechanisms": ["XOAUTH2"]}, FLEET, 'LOGIN "fleet" "correct horse"'),
    ],
)
def test_each_way_in(server: ImapServer, behaviour: t.Dict[str, t.Any], credentials: Credentials, said: str) -> None:
    server.behave(**behaviour)
    assert enter(endpoint(server), credentials) == []
    (line,) = server.commands("AUTHENTICATE", "LOGIN")
    assert line.split(" ", 1)[1] == said


@pytest.mark.parametrize(
    ("hide", "credentials", "words"),
    [
        ([], Credentials("fleet", "wrong horse"), "by PLAIN"),
        (["SASL-IR"], Credentials("fleet", "wrong horse"), "by PLAIN"),
        ([], Credentials("fleet", "wrong horse", mechanism="login"), "by LOGIN"),
        ([], Credentials("fleet", "wrong horse", mechanism="cram-md5"), "by CRAM-MD5"),
        ([], Credentials("fleet", oauth_token="ya29.wrong"), "check username and oauth_token"),
        (["AUTH"], Credentials("fleet", "wrong horse"), "check username and password"),
        (["AUTH"], Credentials("nobody", 'a"b\\'), "Authentication failed"),
    ],
)
def test_a_wrong_password_is_said_to_be_one(server: ImapServer, hide: t.List[str], credentials: Credentials, words: str) -> None:
    server.behave(hide=hide)
    error = failing(endpoint(server), credentials)
    assert (error.kind, error.retryable, words in error.message) == ("auth", False, True), error.message


@pytest.mark.parametrize(
    ("reply", "retryable", "words"),
    [
        ("NO [UNAVAILABLE] User backend is down", True, "does not let anybody log in now"),
        ("NO [INUSE] Try later", True, "Try later"),
        ("NO [EXPIRED] Old", False, "has expired"),
        ("NO [CONTACTADMIN] Locked", False, "Locked"),
        ("BAD Syntax", False, "Syntax"),
        ("* BYE [AUTHENTICATIONFAILED] Too many tries", False, "Too many tries"),
    ],
)
def test_a_refusal_says_whether_to_try_again(server: ImapServer, reply: str, retryable: bool, words: str) -> None:
    server.behave(refuse={"AUTHENTICATE": reply})
    error = failing(endpoint(server))
    assert (error.kind, error.retryable, words in error.message) == ("auth", retryable, True), error.message


@pytest.mark.parametrize("hide", [[], ["AUTH"]])
def test_a_server_that_quotes_what_it_refuses_gives_nothing_away(hide: t.List[str]) -> None:
    greeting = b"* OK [CAPABILITY IMAP4rev1%s SASL-IR] hello\r\n" % (b"" if hide else b" AUTH=PLAIN")
    initial = b"AGZsZWV0AGNvcnJlY3QgaG9yc2U="
    answers = {"AUTHENTICATE": b"TAG NO I do not like %s\r\n" % initial, "LOGIN": b"TAG NO I do not like correct horse\r\n"}
    with Scripted(answers, greeting) as server:
        error = failing(server.endpoint())
    assert initial.decode() not in error.message
    assert "I do not like ********" in error.message


@pytest.mark.parametrize(
    ("answer", "password"),
    [
        (b'TAG NO What is LOGIN "fleet" "cor\\"rect\\\\horse"?\r\n', 'cor"rect\\horse'),
        (b'LOGIN "fleet" "correct horse"\r\n', "correct horse"),
        (b'TAG LOGIN "fleet" "correct horse%s"\r\n' % (b" and more" * 9), "correct horse" + " and more" * 9),
        (b"* BYE I do not like correct horse\r\n", "correct horse"),
        (b"* BYE I do not like correct\thorse\r\n", "correct\thorse"),
    ],
)
def test_a_server_that_repeats_what_it_hears_gives_nothing_away(answer: bytes, password: str) -> None:
    with Scripted({"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\nTAG OK\r\n", "LOGIN": answer}) as server:
        error = failing(server.endpoint(), Credentials("fleet", password))
    assert "********" in error.message
    assert not any(word in error.message for word in ("cor\\", "correct", "horse")), error.message


def test_a_server_that_repeats_the_password_without_its_encoding_gives_nothing_away() -> None:
    with Scripted({"AUTHENTICATE": b"TAG NO fleet may not use correct horse\r\n"}, b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n") as server:
        error = failing(server.endpoint())
    assert "may not use ********" in error.message


def test_a_short_password_is_not_looked_for_in_words_of_ours() -> None:
    with Scripted({"LOGIN": b"x\r\n"}) as server:
        error = failing(server.endpoint(), Credentials("fleet", "s"))
    assert "not IMAP" in error.message


def test_names_and_passwords_of_any_kind_get_through_as_they_are() -> None:
    with Scripted({"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\nTAG OK\r\n"}) as server:
        for password in ('a"b\\c', "пароль", "{5}", "", " "):
            log_in(server.endpoint(), Credentials("jürgen", password))[0].close()
        said = [line for line in server.heard if b"LOGIN" in line]
    assert [line.split(b" ", 2)[2] for line in said] == [
        b'{7}\r\nj\xc3\xbcrgen "a\\"b\\\\c"\r\n',
        b"{7}\r\nj\xc3\xbcrgen {12}\r\n" + "пароль".encode() + b"\r\n",
        b'{7}\r\nj\xc3\xbcrgen "{5}"\r\n',
        b'{7}\r\nj\xc3\xbcrgen ""\r\n',
        b'{7}\r\nj\xc3\xbcrgen " "\r\n',
    ]


@pytest.mark.parametrize("hide", [[], ["AUTH"]])
@pytest.mark.parametrize(
    "credentials", [Credentials("a\0b", "x"), Credentials("a", "x\0y"), Credentials("a\r\nb", "x"), Credentials("a", "x\r\nF9 DELETE INBOX")]
)
def test_nothing_in_a_password_is_a_command(server: ImapServer, hide: t.List[str], credentials: Credentials) -> None:
    server.behave(hide=hide)
    error = failing(endpoint(server), credentials)
    assert error.kind == ("unsafe" if hide or "\0" in credentials.username + str(credentials.password) else "auth")
    assert not server.commands("DELETE")
    assert hide == [] or not server.commands("LOGIN")


def test_clear_text_shows_the_password_as_late_as_can_be(server: ImapServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert enter(endpoint(server, "none")) == []
    assert server.commands("AUTHENTICATE")[0].endswith("AUTHENTICATE CRAM-MD5")
    monkeypatch.setattr(Stream, "stays_on_this_host", False)
    (warning,) = enter(endpoint(server, "none"))
    assert "clear text" in warning
    assert enter(endpoint(server, "starttls")) == []


def test_a_server_that_wants_no_login_in_clear_text_is_not_told_the_password(server: ImapServer) -> None:
    server.behave(mechanisms=["PLAIN"])
    error = failing(endpoint(server, "none"))
    assert (error.kind, "clear text; use tls=implicit or tls=starttls" in error.message) == ("auth", True)
    server.behave(mechanisms=["CRAM-MD5", "PLAIN"])
    error = failing(endpoint(server, "none"), Credentials("fleet", "correct horse", mechanism="plain"))
    assert (error.kind, "by PLAIN, only by CRAM-MD5; it may offer more with tls=implicit" in error.message) == ("auth", True)
    assert server.commands("AUTHENTICATE", "LOGIN") == []
    enter(endpoint(server, "starttls"))


def test_who_is_let_in_without_a_login_is_told_so(server: ImapServer) -> None:
    server.behave(preauth=True)
    (warning,) = enter(endpoint(server))
    assert "without a login" in warning
    assert enter(endpoint(server), None) == []
    assert server.commands("AUTHENTICATE", "LOGIN") == []


def test_a_login_that_is_wanted_and_not_given_is_asked_for(server: ImapServer) -> None:
    error = failing(endpoint(server), None)
    assert (error.kind, "username" in error.message) == ("argument", True)


def test_a_login_without_end_ends() -> None:
    with Scripted({"AUTHENTICATE": b"+ \r\n" * 50}, b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n") as server:
        error = failing(server.endpoint())
    assert (error.kind, "never comes to an end" in error.message) == ("protocol", True)


def test_a_challenge_that_is_none_is_refused() -> None:
    with Scripted({"AUTHENTICATE": b"+ !!!\r\n"}, b"* OK [CAPABILITY IMAP4rev1 AUTH=CRAM-MD5] hello\r\n") as server:
        assert failing(server.endpoint()).kind == "protocol"


# -- not getting that far -----------------------------------------------------------------------


def test_a_server_that_cannot_be_reached_is_named(server: ImapServer) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = failing(endpoint(server, port=unused.getsockname()[1]))
    assert (error.kind, error.retryable, "127.0.0.1:" in error.message) == ("connect", True, True)
    assert failing(endpoint(server, host="no-such-host.invalid")).kind == "resolve"


@pytest.mark.parametrize("stall", ["connect", "greeting", "AUTHENTICATE"])
def test_a_server_that_falls_silent_is_given_up(server: ImapServer, stall: str) -> None:
    server.behave(stall=stall)
    started = time.monotonic()
    error = failing(endpoint(server, timeout=0.3))
    assert (error.kind, error.retryable) == ("timeout", True)
    assert time.monotonic() - started < 3


def test_a_server_that_says_goodbye_first_can_be_tried_again(server: ImapServer) -> None:
    server.behave(greeting=["* BYE Too many connections"], busy=0)
    error = failing(endpoint(server))
    assert (error.kind, error.retryable, "Too many connections" in error.message) == ("connect", True, True)
    enter(endpoint(server))


def test_an_alert_is_passed_on(server: ImapServer) -> None:
    server.behave(unsolicited={"AUTHENTICATE": ["* OK [ALERT] The disk is full"]})
    dialogue, _warnings = log_in(endpoint(server), FLEET)
    assert dialogue.alerts == ["The disk is full"]
    dialogue.close()
