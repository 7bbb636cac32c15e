# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The POP3 server of the test bed is one: the standard library's client gets on with it, and its ways of failing are what they say."""

from __future__ import annotations

import base64
import contextlib
import json
import poplib
import socket
import ssl
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.tests.testbed import popd
from ansible_collections.fleetproof.backup.tests.testbed.popd import USERS, PopServer

FIRST = b"From: a@example.com\nSubject: one\n\n.\n..two dots\nlast"
SECOND = b"Subject: two\r\n\r\nbare \r stays, and CRLF\r\n" + b"x" * 5000 + b"\r\n"


@pytest.fixture(scope="module")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[PopServer]:
    with PopServer(tmp_path_factory.mktemp("popd")) as server:
        yield server


@pytest.fixture
def server(running_server: PopServer, monkeypatch: pytest.MonkeyPatch) -> PopServer:
    # the client of the standard library gives up at 2048 octets
    monkeypatch.setattr(poplib, "_MAXLINE", 100000)
    running_server.behave()
    running_server.forget()
    return running_server


def trust(server: PopServer) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca)


@contextlib.contextmanager
def client(server: PopServer, login: bool = True, host: str = "127.0.0.1") -> t.Iterator[poplib.POP3]:
    found = poplib.POP3_SSL(host, server.tls_port, timeout=5, context=trust(server))
    try:
        if login:
            found.user("fleet")
            found.pass_(USERS["fleet"])
        yield found
    finally:
        # it may be closed already, below the client
        with contextlib.suppress(OSError):
            found.close()


@contextlib.contextmanager
def clear(server: PopServer) -> t.Iterator[poplib.POP3]:
    found = poplib.POP3(server.host, server.port, timeout=5)
    try:
        yield found
    finally:
        # it may be closed already, below the client
        with contextlib.suppress(OSError):
            found.close()


def whole(lines: t.List[bytes]) -> bytes:
    return b"".join(line + b"\r\n" for line in lines)


def test_messages_are_served_as_they_are_with_crlf(server: PopServer) -> None:
    names = [server.deliver(FIRST), server.deliver(SECOND)]
    sizes = [len(FIRST.replace(b"\n", b"\r\n")), len(SECOND)]
    with client(server) as pop:
        assert pop.stat() == (2, sum(sizes))
        assert pop.list()[1] == [b"%d %d" % pair for pair in enumerate(sizes, 1)]
        assert pop.uidl()[1] == [("%d %s" % pair).encode() for pair in enumerate(names, 1)]
        assert pop.uidl(2) == ("+OK 2 " + names[1]).encode()
        assert whole(pop.retr(1)[1]) == FIRST.replace(b"\n", b"\r\n") + b"\r\n"
        assert whole(pop.retr(2)[1]) == SECOND
        assert pop.top(1, 2)[1] == [b"From: a@example.com", b"Subject: one", b"", b".", b"..two dots"]
        assert pop.top(2, 0)[1] == [b"Subject: two", b""]
        pop.quit()
    assert [entry.flags for entry in server.maildir_of.entries()] == ["S", "S"]
    assert [entry.name for entry in server.maildir_of.entries()] == names


def test_a_file_that_another_process_puts_into_new_is_a_message(server: PopServer) -> None:
    (server.maildir / "new" / "1.other").write_bytes(b"Subject: x\n\n")
    with client(server) as pop:
        assert pop.uidl()[1] == [b"1 1.other"]


def test_deleted_messages_go_with_quit_alone(server: PopServer) -> None:
    names = [server.deliver(FIRST), server.deliver(SECOND)]
    with client(server) as pop:
        pop.dele(1)
        with pytest.raises(poplib.error_proto, match="deleted"):
            pop.retr(1)
        assert pop.stat()[0] == 1
    with client(server) as pop:
        pop.dele(1)
        pop.dele(2)
        pop.rset()
        pop.dele(1)
        pop.quit()
    assert [entry.name for entry in server.maildir_of.entries()] == names[1:]


def test_the_messages_of_a_session_stay_the_same(server: PopServer) -> None:
    server.deliver(FIRST)
    with client(server) as pop:
        server.deliver(SECOND)
        assert pop.stat()[0] == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_it_answers_at_each_address(server: PopServer, host: str) -> None:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        with client(server, host=host) as pop:
            assert pop.stat() == (0, 0)


def test_capabilities_are_those_of_the_moment(server: PopServer) -> None:
    with clear(server) as pop:
        found = pop.capa()
        assert found["SASL"] == ["CRAM-MD5"]
        assert {"STLS", "TOP", "UIDL", "PIPELINING"} <= set(found)
        assert "USER" not in found
        pop.stls(trust(server))
        found = pop.capa()
        assert "STLS" not in found
        assert set(found["SASL"]) == {"PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"}
        pop.user("fleet")
        pop.pass_(USERS["fleet"])
    assert ("STLS", False) in server.heard
    assert server.heard[-1] == ("PASS correct horse", True)
    assert server.commands("STLS", "USER") == ["STLS", "USER fleet"]


def test_passwords_are_not_taken_in_clear_text_unless_told(server: PopServer) -> None:
    with clear(server) as pop, pytest.raises(poplib.error_proto, match="AUTH"):
        pop.user("fleet")
    server.behave(clear_text_login=True)
    with clear(server) as pop:
        pop.user("fleet")
        pop.pass_(USERS["fleet"])


def test_apop(server: PopServer) -> None:
    with clear(server) as pop:
        pop.apop("fleet", USERS["fleet"])
    with clear(server) as pop, pytest.raises(poplib.error_proto, match="Authentication failed"):
        pop.apop("fleet", "wrong")
    server.behave(hide=["APOP"])
    with clear(server) as pop, pytest.raises(poplib.error_proto, match="not supported"):
        pop.apop("fleet", USERS["fleet"])


def say(pop: poplib.POP3, line: bytes) -> bytes:
    pop._putline(line)  # type: ignore[attr-defined]
    return t.cast(bytes, pop._getline()[0])  # type: ignore[attr-defined]


@pytest.mark.parametrize("password", ["correct horse", "wrong"])
def test_sasl(server: PopServer, password: str) -> None:
    verdict = b"+OK" if password == "correct horse" else b"-ERR"
    plain = base64.b64encode(b"\0fleet\0" + password.encode())
    with client(server, login=False) as pop:
        assert say(pop, b"AUTH PLAIN " + plain).startswith(verdict)
    with client(server, login=False) as pop:
        assert say(pop, b"AUTH PLAIN") == b"+ "
        assert say(pop, plain).startswith(verdict)
    with client(server, login=False) as pop:
        assert base64.b64decode(say(pop, b"AUTH LOGIN")[2:]) == b"Username:"
        assert base64.b64decode(say(pop, base64.b64encode(b"fleet"))[2:]) == b"Password:"
        assert say(pop, base64.b64encode(password.encode())).startswith(verdict)


def test_sasl_that_is_broken_off_or_unknown_is_refused(server: PopServer) -> None:
    with client(server, login=False) as pop:
        assert say(pop, b"AUTH LOGIN").startswith(b"+ ")
        assert say(pop, b"*").startswith(b"-ERR")
        assert say(pop, b"AUTH GSSAPI").startswith(b"-ERR")
        assert say(pop, b"AUTH PLAIN !!").startswith(b"-ERR")
        assert say(pop, b"NOOP").startswith(b"-ERR")


def test_oauth_explains_its_refusal_and_waits(server: PopServer) -> None:
    with client(server, login=False) as pop:
        told = base64.b64encode(b"user=fleet\1auth=Bearer ya29.token\1\1")
        assert say(pop, b"AUTH XOAUTH2 " + told).startswith(b"+OK")
    with client(server, login=False) as pop:
        assert b"Bearer" in base64.b64decode(say(pop, b"AUTH XOAUTH2 " + base64.b64encode(b"user=fleet\1auth=Bearer x\1\1"))[2:])
        assert say(pop, b"").startswith(b"-ERR")


def test_a_second_session_is_told_in_use_and_the_next_one_is_not(server: PopServer) -> None:
    server.behave(lock_wait=0.05)
    with client(server), client(server, login=False) as second:
        second.user("fleet")
        with pytest.raises(poplib.error_proto, match="IN-USE"):
            second.pass_(USERS["fleet"])
    server.behave()
    # the one before has gone without QUIT
    for _time in range(3):
        with client(server) as pop:
            pop.quit()


def test_commands_in_one_packet_are_all_answered(server: PopServer) -> None:
    for _number in range(20):
        server.deliver(FIRST)
    with client(server) as pop:
        pop.sock.sendall(b"".join(b"TOP %d 0\r\n" % number for number in range(1, 21)) + b"NOOP\r\n")  # type: ignore[attr-defined]
        for _number in range(20):
            assert len(pop._getlongresp()[1]) == 3  # type: ignore[attr-defined]
        assert pop._getline()[0] == b"+OK"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("twins", [b"1 twin", b"2 twin"]),
        ("empty", [b"1 ", b"2 "]),
    ],
)
def test_ids_can_be_wrong(server: PopServer, kind: str, answer: t.List[bytes]) -> None:
    server.deliver(FIRST)
    server.deliver(SECOND)
    server.behave(uidl=kind)
    with client(server) as pop:
        assert pop.uidl()[1] == answer


def test_ids_can_change_be_missing_be_odd_and_be_long(server: PopServer) -> None:
    name = server.deliver(FIRST)
    server.deliver(SECOND)
    server.behave(uidl="changing")
    found = []
    for _time in range(2):
        with client(server) as pop:
            found += pop.uidl()[1]
            pop.quit()
    assert len(set(found)) == 4
    server.behave(uidl="missing")
    with client(server) as pop:
        assert pop.uidl()[1] == [b"1 " + name.encode()]
    server.behave(uidl="long")
    with client(server) as pop:
        assert len(pop.uidl()[1][0]) > 100
    server.behave(uidl="odd")
    with client(server) as pop:
        assert pop.uidl()[1][0] == b"1 " + name.encode() + " ä".encode()
    server.behave(hide=["UIDL", "TOP"])
    with client(server) as pop:
        assert not {"UIDL", "TOP"} & set(pop.capa())
        with pytest.raises(poplib.error_proto, match="Unknown"):
            pop.uidl()


def test_sizes_lines_and_top_can_be_wrong(server: PopServer) -> None:
    server.deliver(FIRST)
    server.behave(size_off=7, top="all", stuffing=False)
    with client(server) as pop:
        assert pop.list()[1] == [b"1 %d" % (len(FIRST) + FIRST.count(b"\n") + 7)]
        # without stuffing it ends at its first dot
        assert pop.top(1, 0)[1][-1] == b""
        assert pop._getline()[0] == b"..two dots"  # type: ignore[attr-defined]
    server.behave(sizes="zero", lines="lf")
    with client(server) as pop:
        assert pop.stat() == (1, 0)
        pop._putline(b"RETR 1")  # type: ignore[attr-defined]
        assert pop._getline() == (b"+OK 0 octets", 14)  # type: ignore[attr-defined]
        assert pop.file.readline() == b"From: a@example.com\n"  # type: ignore[attr-defined]


def test_quit_can_fail_before_and_after_it_is_done(server: PopServer) -> None:
    server.deliver(FIRST)
    server.behave(drop={"QUIT": 1}, replies={"QUIT": ["-ERR no", "done"]})
    for left in (1, 1, 0):
        with client(server) as pop:
            pop.dele(1)
            with pytest.raises((poplib.error_proto, OSError)):
                pop.quit()
        assert len(server.maildir_of.entries()) == left
    server.deliver(FIRST)
    server.deliver(FIRST)
    server.behave(keeps=1)
    with client(server) as pop:
        pop.dele(1)
        pop.dele(2)
        with pytest.raises(poplib.error_proto, match="not removed"):
            pop.quit()
    assert len(server.maildir_of.entries()) == 1


def test_answers_can_be_cut_dripped_stalled_refused_and_endless(server: PopServer) -> None:
    server.deliver(SECOND)
    server.behave(cut={"RETR": 100}, cuts=1)
    with client(server) as pop:
        pop._putline(b"RETR 1")  # type: ignore[attr-defined]
        assert len(pop.file.read(100)) == 100  # type: ignore[attr-defined]
        with pytest.raises((OSError, poplib.error_proto)):
            assert pop._getline() is None  # type: ignore[attr-defined]
    with client(server) as pop:
        assert whole(pop.retr(1)[1]) == SECOND
    server.behave(drip={"STAT": 0.02})
    with client(server) as pop:
        begin = time.monotonic()
        assert pop.stat()[0] == 1
        assert time.monotonic() - begin > 0.2
    server.behave(stall="STAT", refuse={"NOOP": "-ERR [SYS/TEMP] no"}, endless="LIST", delay={"RSET": 0.1})
    with client(server) as pop:
        with pytest.raises(poplib.error_proto, match="SYS/TEMP"):
            pop.noop()
        begin = time.monotonic()
        pop.rset()
        assert time.monotonic() - begin >= 0.1
        pop.sock.settimeout(0.2)  # type: ignore[attr-defined]
        with pytest.raises(OSError, match="timed out"):
            pop.stat()
    with client(server) as pop, pytest.raises(poplib.error_proto, match="too long"):
        pop.list()


def test_connecting_can_fail(server: PopServer) -> None:
    server.behave(busy=1, greeting=["-ERR [SYS/TEMP] later"])
    with pytest.raises((OSError, poplib.error_proto)), client(server):
        pass
    with pytest.raises(poplib.error_proto, match="later"), client(server):
        pass
    with client(server) as pop:
        assert pop.stat() == (0, 0)
    assert server.connections == 3
    server.behave(in_use=1, login_delay=30)
    with client(server, login=False) as pop:
        pop.user("fleet")
        with pytest.raises(poplib.error_proto, match="IN-USE"):
            pop.pass_(USERS["fleet"])
    server.last_login = float("-inf")
    with client(server):
        pass
    with client(server, login=False) as pop:
        assert pop.capa()["LOGIN-DELAY"] == ["30"]
        pop.user("fleet")
        with pytest.raises(poplib.error_proto, match="LOGIN-DELAY"):
            pop.pass_(USERS["fleet"])


@pytest.mark.parametrize("name", ["wrong_name", "expired", "not_yet", "unknown_ca"])
def test_the_certificate_can_be_wrong(server: PopServer, name: str) -> None:
    server.behave(certificate=name)
    with pytest.raises(ssl.SSLCertVerificationError), client(server):
        pass
    with clear(server) as pop, pytest.raises(ssl.SSLCertVerificationError):
        pop.stls(trust(server))


@pytest.mark.parametrize(("kind", "answer"), [("hide", b"-ERR"), ("refuse", b"-ERR"), ("inject", b"+OK Begin\r\n+OK injected\r\n")])
def test_starttls_can_go_wrong(server: PopServer, kind: str, answer: bytes) -> None:
    server.behave(starttls=kind)
    with socket.create_connection((server.host, server.port), timeout=5) as sock:
        sock.recv(100)
        sock.sendall(b"CAPA\r\n")
        assert (b"STLS" in sock.recv(1000)) == (kind != "hide")
        sock.sendall(b"STLS\r\n")
        assert sock.recv(100).startswith(answer)


@pytest.mark.parametrize("kind", ["garbage", "reset", "stall"])
def test_the_handshake_of_starttls_can_go_wrong(server: PopServer, kind: str) -> None:
    server.behave(starttls=kind)
    with clear(server) as pop:
        pop.sock.settimeout(0.3)  # type: ignore[attr-defined]
        with pytest.raises(OSError, match=r"timed out|[Rr]eset|EOF|SSL"):
            pop.stls(trust(server))


def test_several_servers_share_a_maildir_and_end_at_once(tmp_path: Path) -> None:
    with PopServer(tmp_path / "one") as one, PopServer(tmp_path / "two", one.maildir) as two:
        one.deliver(FIRST)
        with client(one) as first, client(two) as second:
            assert first.stat() == second.stat()
            begin = time.monotonic()
    # not as long as it may take to end a thread that does not
    assert time.monotonic() - begin < 10


def test_it_is_a_program_as_well(tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    with subprocess.Popen([sys.executable, popd.__file__, str(tmp_path), "--maildir", str(drop)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        assert facts == json.loads((tmp_path / "popd.json").read_text())
        assert (facts["maildir"], facts["pid"]) == (str(drop), process.pid)
        (drop / "new" / "1").write_bytes(FIRST)
        pop = poplib.POP3_SSL(facts["host"], facts["tls_port"], timeout=5, context=ssl.create_default_context(cafile=facts["ca"]))
        pop.user("fleet")
        pop.pass_(USERS["fleet"])
        assert pop.stat()[0] == 1
        pop.quit()
        process.communicate(timeout=10)
    assert process.returncode == 0
    said = [json.loads(line)["line"] for line in (tmp_path / "popd-commands.jsonl").read_text().splitlines()]
    assert said == ["USER fleet", "PASS", "STAT", "QUIT"]
