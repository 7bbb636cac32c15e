# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way in: what is never said in clear text, how to log in, and one clear sentence for each way to fail."""

from __future__ import annotations

import base64
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._mail import pop3_login
from ansible_collections.fleetproof.backup.plugins.module_utils._net.stream import Stream
from ansible_collections.fleetproof.backup.tests.testbed.popd import PopServer

from .fetching import Fetcher, mail


def said_in_clear(pop: PopServer) -> t.Set[str]:
    return {line.split(" ")[0] for line, encrypted in pop.heard if not encrypted}


# -- TLS ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ("wrong_name", "is not for 127.0.0.1"),
        ("expired", "has expired"),
        ("unknown_ca", "authority that is not trusted here"),
    ],
)
def test_a_certificate_that_is_wrong_ends_it_before_anything_is_said(fetch: Fetcher, pop: PopServer, tls: str, certificate: str, words: str) -> None:
    pop.behave(certificate=certificate)
    error = fetch.failing(tls=tls, port=pop.tls_port if tls == "implicit" else pop.port)
    assert (error.kind, error.retryable, words in error.message) == ("tls", False, True), error.message
    assert said_in_clear(pop) <= {"CAPA", "STLS"}


@pytest.mark.parametrize(
    ("behaviour", "kind", "words"),
    [
        ({"starttls": "hide"}, "tls", "does not offer STLS"),
        ({"hide": ["CAPA"]}, "tls", "does not offer STLS"),
        ({"starttls": "refuse"}, "tls", "refused it"),
        ({"starttls": "inject"}, "tls", "ahead of the TLS handshake"),
        ({"starttls": "garbage"}, "tls", "not TLS"),
        ({"starttls": "reset"}, "tls", "TLS handshake"),
        ({"starttls": "stall"}, "timeout", "TLS handshake"),
    ],
)
def test_stls_never_goes_on_in_clear_text(fetch: Fetcher, pop: PopServer, behaviour: t.Dict[str, t.Any], kind: str, words: str) -> None:
    pop.behave(**behaviour)
    error = fetch.failing(tls="starttls", port=pop.port, timeout=0.5 if kind == "timeout" else 10.0, retries=1)
    assert (error.kind, words in error.message) == (kind, True), error.message
    assert said_in_clear(pop) <= {"CAPA", "STLS", "QUIT"}


def test_the_error_for_a_server_without_tls_says_how_to_choose_clear_text(fetch: Fetcher, pop: PopServer) -> None:
    pop.behave(starttls="hide")
    assert "tls=none" in fetch.failing(tls="starttls", port=pop.port).message


def test_what_was_said_before_tls_does_not_count_after_it(fetch: Fetcher, pop: PopServer) -> None:
    fetch(tls="starttls", port=pop.port)
    assert said_in_clear(pop) == {"CAPA", "STLS"}
    assert [line.split(" ")[0] for line, encrypted in pop.heard if encrypted][:3] == ["CAPA", "AUTH", "CAPA"]


def test_what_was_offered_before_tls_is_forgotten_even_if_nothing_is_told_after_it(fetch: Fetcher, pop: PopServer) -> None:
    pop.behave(replies={"CAPA": [None, "-ERR not now", None]})
    assert fetch(tls="starttls", port=pop.port).failure is None
    assert not pop.commands("AUTH")


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_the_result_tells_how_safe_the_connection_was(fetch: Fetcher, pop: PopServer, tls: str) -> None:
    server = fetch(tls=tls, port=pop.tls_port if tls == "implicit" else pop.port).result["server"]
    assert server["name"] == "fleet test bed"
    assert server["tls_version"].startswith("TLSv1.")
    assert server["cipher"]


def test_an_address_with_ipv6_will_do(fetch: Fetcher, pop: PopServer) -> None:
    assert fetch(host="[::1]").result["mailbox"]["count"] == 0


# -- logging in -----------------------------------------------------------------------------------


def logins(pop: PopServer) -> t.List[str]:
    return [line.split(" ")[0] + (" " + line.split(" ")[1] if line.startswith("AUTH") else "") for line in pop.commands("AUTH", "USER", "PASS", "APOP")]


@pytest.mark.parametrize(
    ("tls", "behaviour", "given", "expected"),
    [
        ("implicit", {}, {}, ["AUTH PLAIN"]),
        ("implicit", {"mechanisms": ["LOGIN"]}, {}, ["AUTH LOGIN"]),
        ("implicit", {"mechanisms": []}, {}, ["USER", "PASS"]),
        ("implicit", {"mechanisms": ["CRAM-MD5"], "hide": ["USER"]}, {}, ["AUTH CRAM-MD5"]),
        ("implicit", {"hide": ["CAPA"]}, {}, ["USER", "PASS"]),
        ("implicit", {}, {"auth": "login"}, ["USER", "PASS"]),
        ("implicit", {"hide": ["USER"]}, {"auth": "login"}, ["AUTH LOGIN"]),
        ("implicit", {}, {"auth": "plain"}, ["AUTH PLAIN"]),
        ("implicit", {}, {"auth": "cram-md5"}, ["AUTH CRAM-MD5"]),
        ("implicit", {}, {"auth": "apop"}, ["APOP"]),
        ("starttls", {}, {"auth": "apop"}, ["APOP"]),
        ("none", {}, {}, ["AUTH CRAM-MD5"]),
        ("none", {"mechanisms": []}, {}, ["APOP"]),
        ("none", {"mechanisms": ["PLAIN"], "hide": ["APOP"], "clear_text_login": True}, {}, ["AUTH PLAIN"]),
        ("none", {"mechanisms": [], "hide": ["APOP"], "clear_text_login": True}, {}, ["USER", "PASS"]),
        ("implicit", {}, {"password": None, "oauth_token": "ya29.token"}, ["AUTH XOAUTH2"]),
        ("implicit", {}, {"password": None, "oauth_token": "ya29.token", "auth": "xoauth2"}, ["AUTH XOAUTH2"]),
    ],
)
def test_the_way_to_log_in_is_the_best_that_both_know(
    fetch: Fetcher, pop: PopServer, tls: str, behaviour: t.Dict[str, t.Any], given: t.Dict[str, t.Any], expected: t.List[str]
) -> None:
    pop.deliver(mail(1))
    pop.behave(**behaviour)
    outcome = fetch(tls=tls, port=pop.tls_port if tls == "implicit" else pop.port, **given)
    assert (outcome.failure, outcome.result["mailbox"]["count"], outcome.warnings) == (None, 1, [])
    assert logins(pop) == expected


def test_a_long_first_answer_goes_on_a_line_of_its_own(fetch: Fetcher, pop: PopServer, monkeypatch: pytest.MonkeyPatch) -> None:
    password = "long " * 60
    monkeypatch.setitem(pop.users, "fleet", password)
    assert fetch(password=password).failure is None
    assert pop.commands("AUTH") == ["AUTH PLAIN"]


def test_names_and_passwords_may_have_any_characters(fetch: Fetcher, pop: PopServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for auth in ("plain", "login", "cram-md5", "apop"):
        monkeypatch.setitem(pop.users, "jörg@example.com", " pass wörd ")
        assert fetch(username="jörg@example.com", password=" pass wörd ", auth=auth).failure is None, auth


@pytest.mark.parametrize("auth", ["plain", "login", "cram-md5", "apop"])
def test_a_wrong_password_is_told_and_not_tried_again(fetch: Fetcher, pop: PopServer, auth: str) -> None:
    error = fetch.failing(password="wrong", auth=auth, retries=3)
    assert (error.kind, error.retryable, "check username and password" in error.message) == ("auth", False, True), error.message
    assert pop.connections == 1


def test_a_wrong_token_is_told(fetch: Fetcher) -> None:
    error = fetch.failing(password=None, oauth_token="stale")
    assert (error.kind, "oauth_token" in error.message) == ("auth", True)


@pytest.mark.parametrize(
    ("tls", "behaviour", "given", "words"),
    [
        ("implicit", {"mechanisms": []}, {"auth": "plain"}, "only by USER and PASS, which is auth=login"),
        ("implicit", {"mechanisms": ["PLAIN"]}, {"auth": "xoauth2", "password": None, "oauth_token": "x"}, "does not offer"),
        ("implicit", {"hide": ["USER", "SASL"]}, {}, "offers no login"),
        ("implicit", {"hide": ["APOP"]}, {"auth": "apop"}, "does not offer APOP"),
        ("none", {"mechanisms": [], "hide": ["APOP"]}, {}, "use tls=implicit or tls=starttls"),
        ("none", {"mechanisms": [], "hide": ["APOP", "CAPA"]}, {}, "use tls=implicit or tls=starttls"),
    ],
)
def test_a_server_with_another_way_to_log_in_says_which(
    fetch: Fetcher, pop: PopServer, tls: str, behaviour: t.Dict[str, t.Any], given: t.Dict[str, t.Any], words: str
) -> None:
    pop.behave(**behaviour)
    error = fetch.failing(tls=tls, port=pop.tls_port if tls == "implicit" else pop.port, **given)
    assert (error.kind, words in error.message) == ("auth", True), error.message
    assert not pop.commands("PASS")


@pytest.mark.parametrize(
    ("reply", "kind", "retryable", "words"),
    [
        ("-ERR [IN-USE] another one", "busy", True, "another session has the mailbox open"),
        ("-ERR [LOGIN-DELAY] not so soon", "busy", True, "more time between two logins"),
        ("-ERR [SYS/TEMP] disk", "refused", True, "[SYS/TEMP] disk"),
        ("-ERR [SYS/PERM] gone", "refused", False, "[SYS/PERM] gone"),
        ("-ERR [AUTH] no", "auth", False, "check username and password"),
        ("-ERR no", "auth", False, "check username and password"),
        ("-ERR [X-OTHER] no", "auth", False, "[X-OTHER] no"),
    ],
)
def test_each_refusal_has_its_kind(fetch: Fetcher, pop: PopServer, reply: str, kind: str, retryable: bool, words: str) -> None:
    pop.behave(refuse={"AUTH": reply})
    error = fetch.failing()
    assert (error.kind, error.retryable, words in error.message) == (kind, retryable, True), error.message


def test_a_refusal_that_quotes_the_password_is_not_repeated(fetch: Fetcher, pop: PopServer) -> None:
    secret = base64.b64encode(b"\0fleet\0correct horse").decode()
    pop.behave(refuse={"AUTH": "-ERR cannot do AUTH PLAIN %s" % secret, "PASS": "-ERR not correct horse"})
    assert secret not in fetch.failing().message
    assert "********" in fetch.failing(auth="login").message


def test_a_mailbox_in_use_is_tried_again(fetch: Fetcher, pop: PopServer) -> None:
    pop.behave(in_use=2)
    assert fetch(retries=2).failure is None
    assert pop.connections == 3


@pytest.mark.parametrize(
    ("greeting", "kind", "retryable"),
    [
        ("-ERR [SYS/TEMP] too many", "refused", True),
        ("-ERR go away", "refused", False),
        ("220 smtp here", "protocol", False),
        ("* OK imap here", "protocol", False),
    ],
)
def test_a_greeting_that_is_none_is_told(fetch: Fetcher, pop: PopServer, greeting: str, kind: str, retryable: bool) -> None:
    pop.behave(greeting=[greeting])
    error = fetch.failing()
    assert (error.kind, error.retryable) == (kind, retryable), error.message
    assert pop.commands() == []


def test_a_login_that_never_ends_is_told(fetch: Fetcher, pop: PopServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pop3_login, "_TURNS", 1)
    error = fetch.failing(auth="cram-md5")
    assert (error.kind, "never comes to an end" in error.message) == ("protocol", True)


@pytest.mark.parametrize(
    "given",
    [
        {"auth": "login", "username": "a\r\nDELE 1"},
        {"auth": "login", "password": "a\nDELE 1"},
        {"auth": "login", "username": "a\0b"},
        {"auth": "apop", "username": "a\nDELE 1"},
        {"auth": "plain", "username": "a\0b"},
    ],
)
def test_a_line_break_never_reaches_the_wire(fetch: Fetcher, pop: PopServer, given: t.Dict[str, str]) -> None:
    assert fetch.failing(**given).kind == "unsafe"
    assert not pop.commands("DELE", "APOP", "PASS")


@pytest.mark.parametrize("banner", ["hi <>", "<a b@c>", "<no-at>", "<%s@x>" % ("a" * 300), "< @ >"])
def test_a_stamp_that_is_none_is_not_digested_with_the_password(fetch: Fetcher, pop: PopServer, banner: str) -> None:
    pop.behave(hide=["APOP"], banner=banner)
    assert fetch.failing(auth="apop").kind == "auth"
    assert not pop.commands("APOP")


# -- who could read along -----------------------------------------------------------------------


@pytest.mark.parametrize(("auth", "words"), [("cram-md5", "clear text"), ("apop", "MD5")])
def test_credentials_in_clear_text_draw_a_warning_unless_they_stay_here(
    fetch: Fetcher, pop: PopServer, monkeypatch: pytest.MonkeyPatch, auth: str, words: str
) -> None:
    assert fetch(tls="none", port=pop.port, auth=auth).warnings == []
    monkeypatch.setattr(Stream, "stays_on_this_host", False)
    [warning] = fetch(tls="none", port=pop.port, auth=auth).warnings
    assert words in warning
    assert fetch(tls="starttls", port=pop.port, auth=auth).warnings == []


@pytest.mark.parametrize("given", [{"username": None}, {"password": None}, {"wait_interval": 0.0}, {"wait_interval": float("nan")}, {"port": 0}])
def test_options_that_make_no_sense_are_told_before_anything_is_done(fetch: Fetcher, pop: PopServer, given: t.Dict[str, t.Any]) -> None:
    assert fetch.failing(**given).kind == "argument"
    assert pop.connections == 0


def test_a_server_that_is_not_there_is_told(fetch: Fetcher) -> None:
    assert fetch.failing(host="no.such.host.invalid").kind == "resolve"
