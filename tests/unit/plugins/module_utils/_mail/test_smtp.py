# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dialogue with a server that can do everything wrong: what is said, and what is never said in clear text."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
import time
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._net.stream import Stream
from ansible_collections.fleetproof.backup.tests.testbed.smtpd import SmtpServer

from .conftest import Sender

LOGIN = {"username": "fleet", "password": "correct horse"}


def failing(send: Sender, **given: t.Any) -> FleetproofError:
    outcome = send(**given)
    assert not outcome.changed
    assert outcome.failure is not None
    assert "correct horse" not in outcome.failure.message
    return outcome.failure


def said_in_clear(server: SmtpServer) -> t.Set[str]:
    return {command for command, encrypted in server.heard if not encrypted}


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
def test_a_certificate_that_is_wrong_ends_it_before_anything_is_said(send: Sender, server: SmtpServer, tls: str, certificate: str, words: str) -> None:
    server.behave(certificate=certificate)
    port = server.tls_port if tls == "implicit" else server.port
    error = failing(send, tls=tls, port=port, **LOGIN)
    assert (error.kind, error.retryable) == ("tls", False)
    assert words in error.message
    assert said_in_clear(server) <= {"EHLO"}
    assert server.messages() == []


@pytest.mark.parametrize(
    ("behaviour", "kind", "words"),
    [
        ({"starttls": "hide"}, "tls", "does not offer STARTTLS"),
        ({"starttls": "refuse"}, "tls", "refused it"),
        ({"starttls": "inject"}, "tls", "ahead of the TLS handshake"),
        ({"starttls": "garbage"}, "tls", "not TLS"),
        ({"starttls": "reset"}, "tls", "TLS handshake"),
        ({"starttls": "stall"}, "timeout", "TLS handshake"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_starttls_never_goes_on_in_clear_text(send: Sender, server: SmtpServer, behaviour: t.Dict[str, str], kind: str, words: str, check: bool) -> None:
    server.behave(**behaviour)
    error = failing(send, check=check, timeout=0.5, retries=1, **LOGIN)
    assert (error.kind, words in error.message) == (kind, True), error.message
    assert {command for command, _encrypted in server.heard} == {"EHLO"}
    assert server.messages() == []


def test_the_error_for_a_server_without_tls_says_how_to_choose_clear_text(send: Sender, server: SmtpServer) -> None:
    server.behave(starttls="hide")
    assert "tls=none" in failing(send).message


def test_what_was_said_before_tls_does_not_count_after_it(send: Sender, server: SmtpServer) -> None:
    send(**LOGIN)
    assert [command for command, encrypted in server.heard if encrypted] == ["EHLO", "AUTH", "MAIL", "RCPT", "DATA"]
    assert said_in_clear(server) == {"EHLO"}


def test_implicit_tls_says_nothing_in_clear_text(send: Sender, server: SmtpServer) -> None:
    outcome = send(tls="implicit", port=server.tls_port, **LOGIN)
    assert (outcome.changed, outcome.failure) == (True, None)
    assert said_in_clear(server) == set()
    assert server.messages()[0].envelope["tls"][1].startswith("TLSv1.")


def test_implicit_tls_on_a_port_that_speaks_clear_text_is_an_error(send: Sender, server: SmtpServer) -> None:
    error = failing(send, tls="implicit")
    assert (error.kind, "not TLS" in error.message) == ("tls", True)


def test_without_validation_any_certificate_will_do_but_tls_it_is(send: Sender, server: SmtpServer) -> None:
    server.behave(certificate="wrong_name")
    outcome = send(validate_certs=False, ca_path=None)
    assert outcome.changed
    assert outcome.result["server"]["cipher"]


def test_the_authorities_of_the_system_are_not_trusted_beside_ours_nor_ours_beside_theirs(send: Sender, server: SmtpServer) -> None:
    assert failing(send, ca_path=None).kind == "tls"


def test_a_server_with_old_tls_alone_is_refused_when_newer_is_asked_for(send: Sender, server: SmtpServer) -> None:
    server.behave(tls_version="1.2")
    assert failing(send, tls_min_version="1.3").kind == "tls"
    assert said_in_clear(server) == {"EHLO"}
    assert send().result["server"]["tls_version"] == "TLSv1.2"


def test_a_client_certificate_is_shown_when_there_is_one(send: Sender, server: SmtpServer) -> None:
    server.behave(client_certificate=True)
    error = failing(send)
    assert error.kind in ("tls", "connect")
    folder = server.certificates
    assert send(client_cert=str(folder / "client.pem"), client_key=str(folder / "client.key")).changed


def test_a_key_that_does_not_belong_to_the_certificate_is_named(send: Sender, server: SmtpServer) -> None:
    folder = server.certificates
    error = failing(send, client_cert=str(folder / "client.pem"), client_key=str(folder / "good.key"))
    assert (error.kind, "client_cert" in error.message) == ("argument", True)


# -- clear text ---------------------------------------------------------------------------------


def test_credentials_in_clear_text_draw_a_warning_unless_nobody_can_listen(send: Sender, server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.behave(clear_text_login=True)
    assert send(tls="none", **LOGIN).warnings == []
    monkeypatch.setattr(Stream, "stays_on_this_host", False)
    (warning,) = send(tls="none", subject="2", **LOGIN).warnings
    assert "clear text" in warning
    assert send(tls="none", subject="3").warnings == []
    assert send(subject="4", **LOGIN).warnings == []


def test_a_server_that_wants_no_login_in_clear_text_is_not_told_the_password(send: Sender, server: SmtpServer) -> None:
    error = failing(send, tls="none", **LOGIN)
    assert (error.kind, "offers no login" in error.message) == ("auth", True)
    assert {command for command, _encrypted in server.heard} == {"EHLO"}


def test_secure_try_encrypts_when_it_can(send: Sender, server: SmtpServer) -> None:
    outcome = send(secure="try", **LOGIN)
    assert (outcome.changed, outcome.warnings, bool(outcome.result["server"]["cipher"])) == (True, [], True)


def test_secure_try_goes_on_in_clear_text_with_a_warning_and_without_credentials(send: Sender, server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stream, "stays_on_this_host", False)
    server.behave(starttls="hide", clear_text_login=True)
    (warning,) = send(secure="try").warnings
    assert "clear text" in warning
    error = failing(send, secure="try", subject="2", **LOGIN)
    assert error.kind == "tls"
    assert "AUTH" not in {command for command, _encrypted in server.heard}


@pytest.mark.parametrize("behaviour", [{"starttls": "refuse"}, {"starttls": "inject"}, {"certificate": "expired"}, {"starttls": "reset"}])
def test_secure_try_does_not_give_up_an_encryption_that_was_begun(send: Sender, server: SmtpServer, behaviour: t.Dict[str, str]) -> None:
    server.behave(**behaviour)
    assert failing(send, secure="try").kind == "tls"
    assert server.messages() == []


# -- login --------------------------------------------------------------------------------------


@pytest.mark.parametrize("auth", ["auto", "plain", "login", "cram-md5"])
def test_every_way_of_logging_in_works(send: Sender, server: SmtpServer, auth: str) -> None:
    assert send(auth=auth, **LOGIN).changed
    assert server.messages()[0].envelope["login"] == "fleet"


def test_a_token_logs_in_by_xoauth2(send: Sender, server: SmtpServer) -> None:
    assert send(username="fleet", oauth_token="ya29.token").changed
    assert server.messages()[0].envelope["login"] == "fleet"


@pytest.mark.parametrize(
    "given", [{"password": "wrong"}, {"password": "wrong", "auth": "cram-md5"}, {"password": "wrong", "auth": "login"}, {"oauth_token": "wrong"}]
)
def test_a_refused_login_is_told_once_and_not_tried_again(send: Sender, server: SmtpServer, given: t.Dict[str, str]) -> None:
    error = failing(send, username="fleet", retries=3, **given)
    assert (error.kind, error.retryable) == ("auth", False)
    assert "wrong" not in error.message
    assert [command for command, _encrypted in server.heard].count("AUTH") == 1
    assert server.messages() == []


def test_a_login_that_the_server_does_not_offer_is_named(send: Sender, server: SmtpServer) -> None:
    server.behave(mechanisms=["LOGIN"])
    error = failing(send, auth="cram-md5", **LOGIN)
    assert (error.kind, "only by LOGIN" in error.message) == ("auth", True)


# -- what a server can and cannot do ------------------------------------------------------------


def test_a_message_that_is_too_large_is_not_sent(send: Sender, server: SmtpServer) -> None:
    server.behave(size=2000)
    error = failing(send, body="x" * 5000)
    assert (error.kind, "no more than 2000" in error.message) == ("refused", True)
    assert "MAIL" not in {command for command, _encrypted in server.heard}


def test_the_size_is_announced_and_is_the_size(send: Sender, server: SmtpServer) -> None:
    outcome = send(body=".leading dot\n..two\n" * 50)
    (received,) = server.messages()
    assert received.envelope["mail_options"] == ["SIZE=%d" % len(received.raw)]
    assert outcome.result["size"] == len(received.raw)
    assert received.message.get_content().replace("\r\n", "\n") == ".leading dot\n..two\n" * 50


def test_an_address_beyond_ascii_goes_by_smtputf8(send: Sender, server: SmtpServer) -> None:
    outcome = send(to=["张三@example.com", "ops@bücher.example"])
    (received,) = server.messages()
    assert received.envelope["rcpt_tos"] == ["张三@example.com", "ops@xn--bcher-kva.example"]
    assert "SMTPUTF8" in received.envelope["mail_options"]
    assert outcome.result["accepted"] == ["张三@example.com", "ops@bücher.example"]


def test_smtputf8_is_not_asked_for_without_need(send: Sender, server: SmtpServer) -> None:
    send(to=["值班 <ops@bücher.example>"], subject="报告", body="报告")
    assert "SMTPUTF8" not in server.messages()[0].envelope["mail_options"]


def test_without_smtputf8_only_those_go_without_who_need_it(send: Sender, server: SmtpServer) -> None:
    server.behave(hide=["SMTPUTF8"])
    outcome = send(to=["张三@example.com", "ops@example.com"])
    assert outcome.result["accepted"] == ["ops@example.com"]
    assert outcome.result["refused"]["张三@example.com"]["code"] == 553
    assert server.messages()[0].raw.isascii()
    assert failing(send, sender="张三@example.com", subject="2").kind == "refused"


def test_notifications_are_asked_for(send: Sender, server: SmtpServer) -> None:
    outcome = send(dsn={"notify": ["success", "failure"], "return": "full"}, to=["a+b@example.com"])
    envelope = server.messages()[0].envelope
    assert "RET=FULL" in envelope["mail_options"]
    assert "ENVID=" + outcome.result["message_id"][1:-1] in envelope["mail_options"]
    assert envelope["rcpt_options"] == ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;a+2Bb@example.com"]


def test_a_server_without_notifications_draws_a_warning(send: Sender, server: SmtpServer) -> None:
    server.behave(hide=["DSN"])
    outcome = send(dsn={"notify": ["never"], "return": "headers"})
    assert outcome.changed
    assert "does not offer DSN" in outcome.warnings[0]


def test_a_refused_sender_is_named(send: Sender, server: SmtpServer) -> None:
    server.behave(sender="553 5.1.8 who are you")
    error = failing(send)
    assert (error.kind, error.retryable) == ("refused", False)
    assert "fleet@example.com: 553 5.1.8 who are you" in error.message


# -- connections --------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["::1", "[::1]", "localhost"])
def test_ipv6_and_names_work(send: Sender, server: SmtpServer, host: str) -> None:
    assert send(host=host).changed
    if host != "localhost":
        assert server.messages()[0].envelope["peer"] == "::1"


def test_the_source_address_is_used_and_a_wrong_one_named(send: Sender, server: SmtpServer) -> None:
    send(source_address="127.0.0.9")
    assert server.messages()[0].envelope["peer"] == "127.0.0.9"
    error = failing(send, source_address="192.0.2.1", subject="2")
    assert (error.kind, "source_address" in error.message) == ("argument", True)


def test_nobody_listening_is_worth_another_try(send: Sender) -> None:
    with contextlib.closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        error = failing(send, port=unused.getsockname()[1], retries=1)
    assert (error.kind, error.retryable) == ("connect", True)


def test_a_name_that_does_not_exist_is_said_to_be_so(send: Sender) -> None:
    assert failing(send, host="no-such-host.invalid").kind == "resolve"


@pytest.mark.parametrize("command", ["connect", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"])
def test_a_server_that_falls_silent_is_given_the_timeout_and_no_more(send: Sender, server: SmtpServer, command: str) -> None:
    server.behave(stall=command)
    started = time.monotonic()
    error = failing(send, timeout=0.4, **LOGIN)
    assert time.monotonic() - started < 4
    assert (error.kind, error.retryable) == ("timeout", True)
    server.behave()
    # nothing was left open: the mail had not been handed over
    assert send().result["state"] == "sent"


@contextlib.contextmanager
def raw_server(*pieces: bytes, pause: float = 0.0) -> t.Iterator[int]:
    """Sends the pieces to whoever connects, whatever they say, then nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        connection, _address = listener.accept()
        with connection, contextlib.suppress(OSError):
            for piece in pieces:
                connection.sendall(piece)
                if stop.wait(pause):
                    return
            stop.wait(10)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        thread.join()
        listener.close()


@pytest.mark.parametrize(
    "pieces",
    [
        (b"SSH-2.0-OpenSSH_9.9\r\n",),
        (b"220 hello\r\n", b"250-one\r\n251 two\r\n"),
        (b"220" + b"x" * 20000,),
        (b"220-x\r\n" * 2000,),
        (b"\x15\x03\x01\x00\x02\x02\n",),
    ],
)
def test_a_server_that_speaks_something_else_is_told_apart(send: Sender, pieces: t.Sequence[bytes]) -> None:
    with raw_server(*pieces) as port:
        assert failing(send, port=port).kind == "protocol"


def test_a_server_that_drips_does_not_keep_us(send: Sender) -> None:
    started = time.monotonic()
    with raw_server(*[b"2"] * 100, pause=0.1) as port:
        error = failing(send, port=port, timeout=0.5)
    assert error.kind == "timeout"
    assert time.monotonic() - started < 4


def test_a_reply_cannot_act_upon_a_terminal(send: Sender) -> None:
    with raw_server(b"554 \x1b[2Jgo away\r\n") as port:
        error = failing(send, port=port)
    assert error.kind == "refused"
    assert "\x1b" not in error.message
    assert "\\x1b[2Jgo away" in error.message


def test_we_introduce_ourselves_as_asked(send: Sender, server: SmtpServer) -> None:
    send(ehlo_host="backup.example.com")
    assert server.messages()[0].envelope["helo"] == "backup.example.com"


def dialogue(**replies: bytes) -> t.Callable[[socket.socket], None]:
    """A server that says the same to each command, whatever comes with it."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"220 mail.fleet.test\r\n")
        with connection.makefile("rb") as lines:
            for line in lines:
                connection.sendall(replies.get(line[:4].decode("latin-1").strip().lower(), b"250 ok\r\n"))

    return talk


@contextlib.contextmanager
def talking_server(talk: t.Callable[[socket.socket], None]) -> t.Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _address = listener.accept()
        with connection, contextlib.suppress(OSError):
            talk(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join(10)
        listener.close()


def test_a_server_that_quotes_the_login_does_not_give_it_away(send: Sender) -> None:
    said = base64.b64encode(b"\0fleet\0correct horse")
    with talking_server(dialogue(ehlo=b"250-x\r\n250 AUTH PLAIN\r\n", auth=b"535 not good: AUTH PLAIN " + said + b"\r\n")) as port:
        error = failing(send, port=port, tls="none", **LOGIN)
    assert error.kind == "auth"
    assert "not good: AUTH PLAIN ********" in error.message


@pytest.mark.parametrize("limit", ["\xb2", "9" * 5000])
def test_a_size_limit_that_is_no_number_is_no_limit(send: Sender, limit: str) -> None:
    reply = ("250-x\r\n250 SIZE %s\r\n" % limit).encode("utf-8")
    with talking_server(dialogue(ehlo=reply, data=b"554 not today\r\n")) as port:
        error = failing(send, port=port, tls="none")
    assert "not today" in error.message


def test_what_is_kept_is_what_was_sent_also_without_smtputf8(send: Sender, server: SmtpServer) -> None:
    server.behave(hide=["SMTPUTF8"])
    outcome = send(to=["张三@example.com", "ops@example.com"], save_to=str(send.folder / "kept.eml"))
    (received,) = server.messages()
    assert (send.folder / "kept.eml").read_bytes() == received.raw
    assert outcome.result["size"] == len(received.raw)
