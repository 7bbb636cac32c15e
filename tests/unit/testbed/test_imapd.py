# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IMAP server of the test bed is one: the standard library's client gets on with it, and its ways of failing are what they say."""

from __future__ import annotations

import contextlib
import imaplib
import json
import os
import select
import ssl
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.tests.testbed import imapd
from ansible_collections.fleetproof.backup.tests.testbed.imapd import USERS, ImapServer
from ansible_collections.fleetproof.backup.tests.testbed.popd import PopServer

FIRST = b"From: Ann <a@example.com>\nTo: b@example.com\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nX-Long: a\n b\nDate: Mon, 1 Jan 2024 10:00:00 +0000\n\n.\nlast"
SECOND = b"Subject: two\r\nFrom: c@example.com\r\n\r\n" + b"x" * 5000 + b"\r\n"
FIRST_SENT = FIRST.replace(b"\n", b"\r\n")
# 2024-03-01 and 2024-06-01, noon
MARCH, JUNE = 1709294400.0, 1717243200.0


@pytest.fixture(scope="module")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[ImapServer]:
    with ImapServer(tmp_path_factory.mktemp("imapd")) as server:
        yield server


@pytest.fixture
def server(running_server: ImapServer) -> ImapServer:
    running_server.behave()
    running_server.forget()
    return running_server


@pytest.fixture
def two(server: ImapServer) -> ImapServer:
    server.deliver(FIRST, MARCH)
    server.deliver(SECOND, JUNE)
    return server


def trust(server: ImapServer) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca)


class Client:
    """imaplib, with its answers checked for OK."""

    def __init__(self, imap: imaplib.IMAP4) -> None:
        self.imap = imap

    def __call__(self, name: str, *args: t.Any) -> t.List[t.Any]:
        verdict, data = getattr(self.imap, name)(*args)
        assert verdict == "OK", data
        return data  # type: ignore[no-any-return]

    def uid(self, *args: t.Any) -> t.List[t.Any]:
        return self("uid", *args)

    def found(self, *keys: str) -> t.List[int]:
        return [int(word) for word in (self.uid("SEARCH", *keys)[0] or b"").split()]

    def untagged(self, name: str) -> t.List[t.Any]:
        return self.imap.response(name)[1]


@contextlib.contextmanager
def client(server: ImapServer, mailbox: str = "INBOX", host: str = "127.0.0.1") -> t.Iterator[Client]:
    imap = imaplib.IMAP4_SSL(host, server.tls_port, ssl_context=trust(server))
    try:
        imap.sock.settimeout(5)
        imap.login("fleet", USERS["fleet"])
        found = Client(imap)
        if mailbox:
            found("select", mailbox)
        yield found
    finally:
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            imap.shutdown()


@contextlib.contextmanager
def clear(server: ImapServer) -> t.Iterator[imaplib.IMAP4]:
    imap = imaplib.IMAP4(server.host, server.port)
    try:
        imap.sock.settimeout(5)
        yield imap
    finally:
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            imap.shutdown()


def test_a_mailbox_is_told_of_when_it_is_selected(two: ImapServer) -> None:
    with client(two, "") as imap:
        assert imap("select") == [b"2"]
        assert imap.untagged("UIDNEXT") == [b"3"]
        assert int(imap.untagged("UIDVALIDITY")[0]) > 1700000000
        assert imap.untagged("UNSEEN") == [b"1"]
        assert b"\\*" in imap.untagged("PERMANENTFLAGS")[0]
        assert imap.untagged("RECENT") == [b"2"]
        assert imap("select", "INBOX", True) == [b"2"]
        assert imap.untagged("RECENT") == [b"0"]
        assert imap.imap.select("Nowhere") == ("NO", [b"[NONEXISTENT] Mailbox doesn't exist: Nowhere"])
    assert [entry.path.parent.name for entry in two.box().maildir.entries()] == ["cur", "cur"]


def test_examine_changes_nothing_on_disk(two: ImapServer) -> None:
    before = [entry.path for entry in two.box().maildir.entries()]
    with client(two, "") as imap:
        imap("select", "INBOX", True)
        assert imap.uid("FETCH", "1:*", "(BODY[])")[0][1] == FIRST_SENT
        assert imap.imap.uid("STORE", "1", "+FLAGS", "(\\Seen)")[0] == "NO"
    assert [entry.path for entry in two.box().maildir.entries()] == before


def test_messages_are_served_as_they_are_with_crlf(two: ImapServer) -> None:
    with client(two) as imap:
        rows = imap.uid("FETCH", "1:*", "(RFC822.SIZE INTERNALDATE BODY.PEEK[])")
        assert [row[1] for row in rows[::2]] == [FIRST_SENT, SECOND]
        assert b'RFC822.SIZE %d INTERNALDATE " 1-Mar-2024 12:00:00 +0000"' % len(FIRST_SENT) in rows[0][0]
        assert imap.uid("FETCH", "1", "(FLAGS)") == [b"1 (UID 1 FLAGS (\\Recent))"]
        rows = imap.uid("FETCH", "2", "(BODY[])")
        assert b"FLAGS (\\Seen \\Recent)" in rows[1]
        assert imap.uid("FETCH", "9", "(FLAGS)") == [None]


@pytest.mark.parametrize(
    ("section", "data"),
    [
        ("HEADER", FIRST_SENT[: FIRST_SENT.index(b"\r\n\r\n") + 4]),
        ("TEXT", b".\r\nlast"),
        ("HEADER.FIELDS (x-long Nothing)", b"X-Long: a\r\n b\r\n\r\n"),
        ("HEADER.FIELDS.NOT (X-Long From To Subject)", b"Date: Mon, 1 Jan 2024 10:00:00 +0000\r\n\r\n"),
    ],
)
def test_sections(two: ImapServer, section: str, data: bytes) -> None:
    with client(two) as imap:
        assert imap.uid("FETCH", "1", "(BODY.PEEK[%s])" % section)[0][1] == data
        assert imap.uid("FETCH", "1", "BODY.PEEK[%s]<2.5>" % section)[0][1] == data[2:7]
        assert b"<2>" in imap.uid("FETCH", "1", "BODY.PEEK[%s]<2.5>" % section)[0][0]
        assert imap.uid("FETCH", "1", "BODY.PEEK[%s]<5000.5>" % section)[0][1] == b""
        assert imap.found("SEEN") == []


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ("ALL", [1, 2]),
        ("UNSEEN", [1, 2]),
        ("SEEN", []),
        ("SINCE 1-Apr-2024", [2]),
        ("BEFORE 1-Apr-2024", [1]),
        ("ON 1-Jun-2024", [2]),
        ("SENTSINCE 01-Jan-2024", [1]),
        ("FROM ann", [1]),
        ("TO b@example", [1]),
        ('SUBJECT "two"', [2]),
        ("CHARSET UTF-8 SUBJECT GRÜSSE", [1]),
        ('HEADER X-Long ""', [1]),
        ("TEXT c@example", [2]),
        ("BODY last", [1]),
        ("BODY ann", []),
        ("LARGER 1000", [2]),
        ("SMALLER 1000", [1]),
        ("UID 2:*", [2]),
        ("UID 7:*", [2]),
        ("2", [2]),
        ("NOT UID 2", [1]),
        ("OR UID 1 UID 2", [1, 2]),
        ("OR (UID 1 LARGER 1000) (NOT SEEN UID 2)", [2]),
        ("DELETED", []),
        ("UNKEYWORD $Handled", [1, 2]),
        ("RECENT", [1, 2]),
    ],
)
def test_search(two: ImapServer, keys: str, found: t.List[int]) -> None:
    with client(two) as imap:
        imap.imap._encoding = "utf-8"  # type: ignore[attr-defined]
        assert imap.found(keys) == found


def test_search_refuses_what_it_does_not_know(two: ImapServer) -> None:
    with client(two) as imap:
        assert imap.imap.uid("SEARCH", "CHARSET", "KOI8-R", "ALL") == ("NO", [b"[BADCHARSET (US-ASCII UTF-8)] Unknown charset"])
        for wrong in ("NONSENSE", "SINCE yesterday", "FROM", "(ALL"):
            with pytest.raises(imaplib.IMAP4.error, match="BAD"):
                imap.uid("SEARCH", wrong)


def test_search_by_literal(two: ImapServer) -> None:
    with client(two) as imap:
        imap.imap.literal = "Grüße".encode()  # type: ignore[attr-defined,assignment]
        assert imap.uid("SEARCH", "CHARSET", "UTF-8", "SUBJECT") == [b"1"]


def test_flags_and_keywords_stay(two: ImapServer) -> None:
    with client(two) as imap:
        assert imap.uid("STORE", "1", "+FLAGS", "(\\seen $Handled)") == [b"1 (UID 1 FLAGS ($Handled \\Seen \\Recent))"]
        assert imap.uid("STORE", "2", "+FLAGS.SILENT", "\\Deleted") == [None]
        imap.uid("STORE", "2", "-FLAGS", "(\\Deleted)")
        imap.uid("STORE", "2", "FLAGS", "(\\Flagged)")
    with client(two) as imap:
        assert imap.uid("FETCH", "1:2", "(FLAGS)") == [b"1 (UID 1 FLAGS ($Handled \\Seen))", b"2 (UID 2 FLAGS (\\Flagged))"]
        assert imap.found("KEYWORD $handled") == [1]
        assert imap.found("UNSEEN") == [2]


def test_uids_stay_over_servers_and_are_not_used_again(two: ImapServer, tmp_path: Path) -> None:
    with client(two) as imap:
        validity = imap.untagged("UIDVALIDITY")
        imap.uid("STORE", "2", "+FLAGS", "(\\Deleted)")
        imap("expunge")
    two.deliver(SECOND)
    with ImapServer(tmp_path, two.maildir) as other, client(other) as imap:
        assert imap.untagged("UIDVALIDITY") == validity
        assert imap.found("ALL") == [1, 3]
    two.renumber()
    with client(two) as imap:
        assert imap.untagged("UIDVALIDITY") != validity
        assert imap.found("ALL") == [1, 2]


def test_expunge_takes_what_is_marked_or_of_it_the_uids_named(two: ImapServer) -> None:
    two.deliver(FIRST)
    with client(two) as imap:
        imap.uid("STORE", "2:3", "+FLAGS", "(\\Deleted)")
        imap.uid("EXPUNGE", "3")
        assert imap.untagged("EXPUNGE") == [b"3"]
        assert imap.found("ALL") == [1, 2]
        assert imap("expunge") == [b"2"]
        assert imap.found("ALL") == [1]
        imap.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
        imap("close")
    assert two.box().messages() == []


def test_copy_and_move_keep_date_and_flags(two: ImapServer) -> None:
    with client(two) as imap:
        verdict, data = imap.imap.uid("MOVE", "2", "Done.Mail")
        assert (verdict, data) == ("NO", [b"[TRYCREATE] Mailbox doesn't exist"])
        imap("create", "Done.Mail")
        imap.uid("STORE", "2", "+FLAGS", "(\\Flagged $Handled)")
        imap.uid("COPY", "1", "Done.Mail")
        assert imap.untagged("COPYUID")[0].endswith(b" 1 1")
        imap.uid("MOVE", "2", "Done.Mail")
        assert imap.untagged("EXPUNGE") == [b"2"]
        assert imap.untagged("COPYUID")[0].endswith(b" 2 2")
        assert imap.found("ALL") == [1]
        names = imap("list")
        assert names == [b'(\\HasNoChildren) "." "INBOX"', b'(\\HasNoChildren) "." "Done.Mail"']
        assert imap("status", "Done.Mail", "(MESSAGES UIDNEXT UNSEEN)") == [b'"Done.Mail" (MESSAGES 2 UIDNEXT 3 UNSEEN 2)']
        imap("select", "Done.Mail")
        row = imap.uid("FETCH", "2", "(FLAGS INTERNALDATE BODY.PEEK[])")[0]
        assert row[1] == SECOND
        assert b"$Handled \\Flagged" in row[0]
        assert b" 1-Jun-2024 12:00:00 +0000" in row[0]
        imap("delete", "Done.Mail")
        assert imap("list", '""', "D%") == [None]


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "a..b", ""])
def test_names_do_not_lead_out_of_the_maildir(server: ImapServer, name: str) -> None:
    with client(server) as imap:
        assert imap.imap.create('"%s"' % name)[0] == "NO"


def test_append(server: ImapServer) -> None:
    with client(server) as imap:
        told = imap("append", "INBOX", "(\\Seen)", '" 1-Mar-2024 12:00:00 +0000"', SECOND)
        assert told[0].startswith(b"[APPENDUID ")
        assert imap.found("SEEN ON 1-Mar-2024") == [1]


def test_idle_tells_of_what_another_process_delivers(two: ImapServer) -> None:
    with client(two) as imap:
        imap.imap.send(b"X1 IDLE\r\n")
        assert imap.imap.readline() == b"+ idling\r\n"
        other = PopServer(two.directory, two.maildir)
        begin = time.monotonic()
        name = other.deliver(FIRST)
        assert imap.imap.readline() == b"* 3 EXISTS\r\n"
        # a tenth of it where nothing else runs
        assert time.monotonic() - begin < 3
        assert imap.imap.readline().endswith(b"RECENT\r\n")
        other.maildir_of.set_flags(name, "S")
        assert imap.imap.readline() == b"* 3 FETCH (UID 3 FLAGS (\\Seen \\Recent))\r\n"
        os.unlink(t.cast(t.Any, other.maildir_of.find(name)).path)
        assert imap.imap.readline() == b"* 3 EXPUNGE\r\n"
        imap.imap.send(b"DONE\r\n")
        assert imap.imap.readline().startswith(b"X1 OK")


def test_many_deliveries_at_once_each_get_one_uid(server: ImapServer, tmp_path: Path) -> None:
    with ImapServer(tmp_path, server.maildir) as other, client(server) as one, client(other) as two:

        def work() -> None:
            for _number in range(30):
                server.deliver(FIRST)

        threads = [threading.Thread(target=work) for _number in range(3)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            one("noop")
            two("noop")
        one("noop")
        two("noop")
        assert one.found("ALL") == two.found("ALL") == list(range(1, 91))
        numbers = [{message.name: message.uid for message in box.messages()} for box in (server.box(), other.box())]
        assert numbers[0] == numbers[1]


def test_noop_tells_what_happened_and_fetch_does_not_renumber(two: ImapServer) -> None:
    with client(two) as imap:
        two.box().maildir.remove(two.box().messages()[0].name)
        two.deliver(SECOND)
        assert imap("fetch", "2", "(UID)") == [b"2 (UID 2)"]
        assert imap.untagged("EXPUNGE") == [None]
        assert imap("noop") is not None
        assert imap.untagged("EXPUNGE") == [b"1"]
        assert imap.found("ALL") == [2, 3]


def test_capabilities_are_those_of_the_moment(server: ImapServer) -> None:
    with clear(server) as imap:
        assert {"STARTTLS", "LOGINDISABLED", "AUTH=CRAM-MD5"} <= set(imap.capabilities)
        assert not {"AUTH=PLAIN", "IDLE"} & set(imap.capabilities)
        with pytest.raises(imaplib.IMAP4.error, match="PRIVACYREQUIRED"):
            imap.login("fleet", USERS["fleet"])
        imap.starttls(trust(server))
        assert {"AUTH=PLAIN", "AUTH=LOGIN", "AUTH=XOAUTH2"} <= set(imap.capabilities)
        assert not {"STARTTLS", "LOGINDISABLED"} & set(imap.capabilities)
        imap.login("fleet", USERS["fleet"])
        assert {"IDLE", "MOVE", "UIDPLUS"} <= set(imap.capability()[1][0].decode().split())
    assert [verb for verb, encrypted in server.heard if not encrypted and "STARTTLS" in verb]
    assert server.commands("LOGIN")[-1].endswith('LOGIN fleet "correct horse"')


@pytest.mark.parametrize(("password", "verdict"), [("correct horse", "OK"), ("wrong", "NO")])
def test_sasl(server: ImapServer, password: str, verdict: str) -> None:
    answers = iter([b"fleet", password.encode()])
    exchanges: t.Dict[str, t.Callable[[bytes], t.Optional[bytes]]] = {
        "PLAIN": lambda _challenge: b"\0fleet\0" + password.encode(),
        "LOGIN": lambda _challenge: next(answers),
        "XOAUTH2": lambda challenge: b"" if challenge else b"user=fleet\1auth=Bearer %s\1\1" % (b"ya29.token" if verdict == "OK" else b"x"),
    }
    for mechanism, exchange in exchanges.items():
        imap = imaplib.IMAP4_SSL(server.host, server.tls_port, ssl_context=trust(server))
        with contextlib.suppress(imaplib.IMAP4.error):
            imap.authenticate(mechanism, exchange)
        assert (imap.state == "AUTH") == (verdict == "OK"), mechanism
        imap.shutdown()
    with clear(server) as other:
        with contextlib.suppress(imaplib.IMAP4.error):
            other.login_cram_md5("fleet", password)
        assert (other.state == "AUTH") == (verdict == "OK")


def test_literals_of_both_kinds_are_taken(server: ImapServer) -> None:
    with clear(server) as imap:
        imap.starttls(trust(server))
        imap.send(b"X1 LOGIN {5}\r\n")
        assert imap.readline() == b"+ OK\r\n"
        imap.send(b"fleet {13+}\r\ncorrect horse\r\n")
        assert imap.readline().startswith(b"X1 OK")
    server.behave(hide=["LITERAL+"])
    with clear(server) as imap:
        imap.send(b"X1 LOGIN {5+}\r\n")
        assert imap.readline().startswith(b"X1 BAD")


NO_IMAP = [b"X1", b"X1 FETCH 1 (", b'X1 LIST "', b"X1 FROB", b"X1 UID NOOP", b"X1 LIST ()", b"X1 FETCH 0 (FLAGS)", b"X1 FETCH 1 (BODY[1])"]


@pytest.mark.parametrize("line", NO_IMAP)
def test_what_is_no_imap_is_bad_and_the_connection_goes_on(two: ImapServer, line: bytes) -> None:
    with client(two) as imap:
        imap.imap.send(line + b"\r\nX2 NOOP\r\n")
        assert imap.imap.readline().startswith(b"X1 BAD")
        assert imap.imap.readline() == b"X2 OK Done\r\n"


def test_commands_in_one_packet_are_all_answered(two: ImapServer) -> None:
    with client(two) as imap:
        imap.imap.send(b"".join(b"X%d UID FETCH 1 (BODY.PEEK[])\r\n" % number for number in range(10)))
        for number in range(10):
            while not imap.imap.readline().startswith(b"X%d OK" % number):
                pass


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        ("reversed", [b"* 2 FETCH (UID 2 RFC822.SIZE %d)" % len(SECOND), b"* 1 FETCH (UID 1 RFC822.SIZE %d)" % len(FIRST_SENT)]),
        ("missing", [b"* 1 FETCH (UID 1 RFC822.SIZE %d)" % len(FIRST_SENT)]),
        (
            "split",
            [
                b"* 1 FETCH (UID 1)",
                b"* 1 FETCH (UID 1 RFC822.SIZE %d)" % len(FIRST_SENT),
                b"* 2 FETCH (UID 2)",
                b"* 2 FETCH (UID 2 RFC822.SIZE %d)" % len(SECOND),
            ],
        ),
        ("gone", [b"* 1 FETCH (UID 1 RFC822.SIZE %d)" % len(FIRST_SENT), b"* 2 EXPUNGE"]),
    ],
)
def test_fetch_can_answer_in_odd_ways(two: ImapServer, kind: str, lines: t.List[bytes]) -> None:
    two.behave(fetch=kind, unsolicited={"UID FETCH": ["* OK Still here", "* 23 RECENT"]})
    with client(two) as imap:
        imap.imap.send(b"X1 UID FETCH 1:* (RFC822.SIZE)\r\n")
        for line in [*lines, b"* OK Still here", b"* 23 RECENT", b"X1 OK Done"]:
            assert imap.imap.readline() == line + b"\r\n"


def test_more_ways_of_answering(two: ImapServer) -> None:
    two.behave(fetch="nil", uidvalidity=77, hide=["UIDNEXT", "UNSEEN", "MOVE", "IDLE"], literals=True, size_off=5, search="several")
    with client(two) as imap:
        assert imap.untagged("UIDVALIDITY") == [b"77"]
        assert imap.untagged("UIDNEXT") == [None]
        assert imap.uid("FETCH", "1", "(BODY[])")[0].endswith(b"BODY[] NIL FLAGS (\\Seen \\Recent))")
        assert imap.uid("FETCH", "1", "(RFC822.SIZE)") == [b"1 (UID 1 RFC822.SIZE %d)" % (len(FIRST_SENT) + 5)]
        assert imap("list")[0] == (b'(\\HasNoChildren) "." {5}', b"INBOX")
        assert imap.uid("SEARCH", "ALL") == [b"1", b"2"]
        with pytest.raises(imaplib.IMAP4.error, match="BAD"):
            imap.uid("MOVE", "1", "INBOX")
    two.behave(fetch="short", read_only=True)
    with client(two, "") as imap:
        with pytest.raises(imaplib.IMAP4.readonly):
            imap("select")
        imap.imap.is_readonly = True  # type: ignore[attr-defined] # it knows now
        assert imap.uid("FETCH", "1", "(BODY.PEEK[])")[0][1] == FIRST_SENT[:-10]
        assert b'"=?utf-8?q?Gr=C3=BC=C3=9Fe?=" (("Ann" NIL "a" "example.com")) ((' in imap.uid("FETCH", "1", "(ENVELOPE)")[0]
        assert imap.imap.uid("STORE", "1", "+FLAGS", "(\\Seen)")[0] == "NO"
    two.behave(replies={"UID FETCH": ["NO [SERVERBUG] later", "= OK no tag", None]})
    with client(two) as imap:
        assert imap.imap.uid("FETCH", "1", "(UID)") == ("NO", [b"[SERVERBUG] later"])
        imap.imap.send(b"X1 UID FETCH 1 (UID)\r\n")
        assert imap.imap.readline() == b" OK no tag\r\n"
        assert imap.uid("FETCH", "1", "(UID)") == [b"1 (UID 1)"]


def test_idle_can_go_wrong(two: ImapServer) -> None:
    for kind, answer in (("bye", b"* BYE"), ("end", b"X1 OK"), ("chatter", b"* OK Still here")):
        two.behave(idle=kind)
        with client(two) as imap:
            imap.imap.send(b"X1 IDLE\r\n")
            assert imap.imap.readline() == b"+ idling\r\n"
            assert imap.imap.readline().startswith(answer)
    two.behave(idle="silent")
    with client(two) as imap:
        imap.imap.send(b"X1 IDLE\r\n")
        assert imap.imap.readline() == b"+ idling\r\n"
        two.deliver(FIRST)
        assert select.select([imap.imap.sock], [], [], 0.2)[0] == []
        imap.imap.send(b"DONE\r\n")
        assert imap.imap.readline() == b"* 3 EXISTS\r\n"


def test_connecting_can_fail(server: ImapServer) -> None:
    server.behave(busy=1, greeting=["* BYE overloaded"])
    for _time in range(2):
        with pytest.raises((OSError, imaplib.IMAP4.error)), client(server):
            pass
    with client(server):
        pass
    server.behave(preauth=True)
    with clear(server) as imap:
        assert imap.state == "AUTH"
        assert imap.select()[0] == "OK"


@pytest.mark.parametrize("name", ["wrong_name", "expired", "not_yet", "unknown_ca"])
def test_the_certificate_can_be_wrong(server: ImapServer, name: str) -> None:
    server.behave(certificate=name)
    with pytest.raises(ssl.SSLCertVerificationError), client(server):
        pass
    with clear(server) as imap, pytest.raises(ssl.SSLCertVerificationError):
        imap.starttls(trust(server))


def test_starttls_can_go_wrong(server: ImapServer) -> None:
    server.behave(starttls="inject")
    with clear(server) as imap:
        imap.send(b"X1 STARTTLS\r\n")
        assert [imap.readline(), imap.readline()] == [b"X1 OK Begin\r\n", b"* OK injected\r\n"]
    server.behave(starttls="refuse")
    with clear(server) as imap:
        imap.send(b"X1 STARTTLS\r\n")
        assert imap.readline().startswith(b"X1 BAD")
    server.behave(starttls="hide")
    with clear(server) as imap:
        assert "STARTTLS" not in imap.capabilities


def test_answers_can_be_cut_within_a_literal(two: ImapServer) -> None:
    two.behave(cut={"UID FETCH": 60}, cuts=1)
    with client(two) as imap, pytest.raises((OSError, imaplib.IMAP4.error)):
        imap.uid("FETCH", "1", "(BODY.PEEK[])")
    with client(two) as imap:
        imap.uid("FETCH", "1", "(BODY.PEEK[])")


def test_it_is_a_program_as_well(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, imapd.__file__, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        assert facts == json.loads((tmp_path / "imapd.json").read_text())
        imap = imaplib.IMAP4_SSL(facts["host"], facts["tls_port"], ssl_context=ssl.create_default_context(cafile=facts["ca"]))
        imap.login("fleet", USERS["fleet"])
        assert imap.select()[1] == [b"0"]
        imap.logout()
        process.communicate(timeout=10)
    assert process.returncode == 0
    assert "correct horse" not in (tmp_path / "imapd-commands.jsonl").read_text()
