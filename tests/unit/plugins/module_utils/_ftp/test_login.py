# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp import login
from ansible_collections.fleetproof.backup.plugins.module_utils._net.stream import Stream
from ansible_collections.fleetproof.backup.plugins.module_utils._net.tls import TlsPolicy

from .conftest import Desk

TLS = ("none", "starttls", "implicit")


@pytest.mark.parametrize("tls", TLS)
def test_every_way_leads_in(desk: Desk, tls: str) -> None:
    client = desk.connect(tls)
    assert client.encrypted is (tls != "none")
    assert client.welcome == ["Fleet test bed", "Login successful."]
    assert (client.home, client.warnings, client.system()) == ("/", [], "UNIX Type: L8")
    assert client.features.mlsd


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_nothing_of_value_is_said_before_tls_is_up_and_data_is_protected(desk: Desk, tls: str) -> None:
    desk.connect(tls)
    clear = [line for line, encrypted in desk.server.heard if not encrypted]
    assert clear == (["AUTH TLS"] if tls == "starttls" else [])
    assert desk.server.commands("PBSZ", "PROT") == ["PBSZ 0", "PROT P"]


@pytest.mark.parametrize("kind", ["refuse", "inject", "garbage", "stall", "reset"])
def test_no_way_of_losing_tls_leads_on_in_clear_text(desk: Desk, kind: str) -> None:
    desk.server.behave(auth_tls=kind)
    with pytest.raises(FleetproofError) as caught:
        desk.connect("starttls", timeout=1.0)
    assert caught.value.kind in ("tls", "timeout")
    assert desk.server.commands() == ["AUTH TLS"]
    if kind == "refuse":
        assert "tls=none" in caught.value.message


def test_a_server_without_auth_is_an_error_that_names_the_way_out(desk: Desk) -> None:
    desk.server.behave(hide=["AUTH"])
    with pytest.raises(FleetproofError) as caught:
        desk.connect("starttls")
    assert (caught.value.kind, "tls=none" in caught.value.message) == ("tls", True)
    assert desk.server.commands("USER", "PASS") == []


@pytest.mark.parametrize("certificate", ["wrong_name", "expired", "unknown_ca"])
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_certificate_that_is_no_good_is_the_end(desk: Desk, certificate: str, tls: str) -> None:
    desk.server.behave(certificate=certificate)
    with pytest.raises(FleetproofError) as caught:
        desk.connect(tls)
    assert caught.value.kind == "tls"
    assert desk.server.commands("USER") == []
    unchecked = TlsPolicy(validate_certs=False)
    assert desk.connect(tls, policy=unchecked).encrypted


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_both_versions_of_tls_are_spoken(desk: Desk, version: str) -> None:
    desk.server.behave(tls_version=version)
    assert desk.connect("starttls").tls_version == "TLSv" + version


@pytest.mark.parametrize("verb", ["PBSZ", "PROT"])
def test_data_is_never_sent_in_clear_because_the_server_would_have_it_so(desk: Desk, verb: str) -> None:
    desk.server.behave(refuse={verb: "536 No"})
    with pytest.raises(FleetproofError) as caught:
        desk.connect("starttls")
    assert (caught.value.kind, caught.value.retryable) == ("tls", False)
    assert desk.server.commands("EPSV", "PASV", "MLSD") == []


def test_no_name_is_anonymous(desk: Desk) -> None:
    client = desk.connect(user="anonymous")
    assert client.site.anonymous
    assert client.list("") is not None


@pytest.mark.parametrize(
    ("behaviour", "kind", "retryable"),
    [
        ({"greeting": ["421 Too many connections"]}, "busy", True),
        ({"greeting": ["421 Service not available"]}, "connect", True),
        ({"greeting": ["500 OOPS: vsftpd: refusing to run"]}, "protocol", False),
        ({"greeting": ["530 Sorry, maximum number of clients reached"]}, "busy", True),
        ({"busy": 1}, "connect", True),
        ({"replies": {"USER": ["421 There are too many connections from your internet address."]}}, "busy", True),
        ({"refuse": {"USER": "530 This FTP server is anonymous only."}}, "auth", False),
        ({"refuse": {"PASS": "530 Login incorrect."}}, "auth", False),
        ({"refuse": {"PASS": "530 Sorry, the maximum number of clients (2) for this user already connected."}}, "busy", True),
        ({"refuse": {"PASS": "332 Need account for login."}}, "auth", False),
        ({"refuse": {"USER": "530 Non-anonymous sessions must use encryption."}}, "tls", False),
        ({"replies": {"PASS": ["drop"]}}, "connect", True),
        ({"replies": {"PASS": ["stall"]}}, "timeout", True),
        ({"refuse": {"TYPE": "504 No"}}, "refused", False),
        ({"refuse": {"PWD": "550 No"}}, "protocol", False),
        ({"refuse": {"PWD": "257 here"}}, "protocol", False),
    ],
)
def test_a_refused_login_has_its_kind(desk: Desk, behaviour: t.Dict[str, t.Any], kind: str, retryable: bool) -> None:
    desk.server.behave(**behaviour)
    with pytest.raises(FleetproofError) as caught:
        desk.connect(timeout=1.0)
    assert (caught.value.kind, caught.value.retryable) == (kind, retryable)
    assert "127.0.0.1:%d" % desk.server.port in caught.value.message


def test_a_password_that_the_server_quotes_is_not_shown(desk: Desk) -> None:
    site = desk.site()
    desk.server.behave(refuse={"PASS": "530 no such password: %s" % site.password})
    with pytest.raises(FleetproofError) as caught:
        desk.connect()
    assert site.password not in caught.value.message
    assert "********" in caught.value.message
    # as the last word of a connection it is raised elsewhere; and with a login nothing is raised
    desk.server.behave(refuse={"PASS": "421 no such password: %s" % site.password})
    with pytest.raises(FleetproofError) as caught:
        desk.connect()
    assert site.password not in caught.value.message
    desk.server.behave(
        refuse={"USER": "331 And?", "PASS": "230 %s will do" % site.password, "FEAT": "500 No", "PWD": '257 "/%s"' % site.password, "TYPE": "200 I"}
    )
    client = desk.connect()
    assert client.welcome[-1] == "******** will do"
    assert client.home == "/" + site.password


@pytest.mark.parametrize(("user", "words"), [("fleet", "check username and password"), ("anonymous", "want a username")])
def test_who_is_not_let_in_is_told_what_to_do(desk: Desk, user: str, words: str) -> None:
    desk.server.behave(refuse={"PASS": "530 No."})
    with pytest.raises(FleetproofError) as caught:
        desk.connect(user=user)
    assert words in caught.value.message
    # here nobody has said a name yet
    desk.server.behave(greeting=["530 Not from there."])
    with pytest.raises(FleetproofError) as caught:
        desk.connect(user=user)
    assert caught.value.kind == "auth"
    assert "username" not in caught.value.message


def test_a_name_alone_may_be_enough(desk: Desk) -> None:
    # what follows is refused for want of a login, which is not what this is about
    desk.server.behave(refuse={"USER": "230 Come in"})
    with pytest.raises(FleetproofError):
        desk.connect()
    assert desk.server.commands("PASS") == []
    assert desk.server.commands("FEAT") == ["FEAT"]


@pytest.mark.parametrize(
    ("secret", "encoding", "kind"),
    [("a\r\nDELE b", "utf-8", "unsafe"), ("DELE\nb", "utf-8", "unsafe"), ("DELE\0b", "utf-8", "unsafe"), ("DELE\u4f60", "latin-1", "argument")],
)
def test_a_password_that_cannot_be_sent_is_neither_sent_nor_shown(desk: Desk, secret: str, encoding: str, kind: str) -> None:
    with pytest.raises(FleetproofError) as caught:
        login.admit(desk.site()._replace(password=secret, encoding=encoding))
    assert caught.value.kind == kind
    assert "DELE" not in caught.value.message
    assert desk.server.commands() == []


def test_a_greeting_in_many_lines_is_kept(desk: Desk) -> None:
    desk.server.behave(banner="x" * 80)
    client = desk.connect()
    assert client.welcome == ["x" * 80, "", "Login successful."]


def test_credentials_in_clear_text_to_others_are_warned_of(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert desk.connect().warnings == []
    monkeypatch.setattr(Stream, "stays_on_this_host", False)
    (warning,) = desk.connect().warnings
    assert "clear text" in warning
    assert desk.connect("starttls").warnings == []
    assert desk.connect(user="anonymous").warnings == []


def test_names_in_utf8_are_switched_on_where_that_is_offered_and_meant(desk: Desk) -> None:
    desk.connect()
    assert desk.server.commands("OPTS")[0] == "OPTS UTF8 ON"
    desk.server.behave(hide=["UTF8"])
    desk.connect()
    desk.connect(encoding="gbk")
    assert "OPTS UTF8 ON" not in desk.server.commands("OPTS")


def test_without_feat_the_way_in_is_open(desk: Desk) -> None:
    desk.server.behave(hide=["FEAT"])
    client = desk.connect()
    assert (client.features.mlsd, client.features.size) == (False, None)


def test_the_directory_after_logging_in_may_have_quotes_in_its_name(desk: Desk) -> None:
    desk.server.behave(refuse={"PWD": '257 "/a ""b"" c" is the "current" directory'})
    assert desk.connect().home == '/a "b" c'
