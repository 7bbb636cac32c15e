# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The news server of the test bed is one: RFC 3977 line by line, the standard library's client where there is one, and its ways of failing."""

from __future__ import annotations

import base64
import contextlib
import importlib
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.tests.testbed import nntpd
from ansible_collections.fleetproof.backup.tests.testbed.nntpd import USERS, NewsServer, matches

GROUP = "fleet.reports"
DAY = 86400


def article(number: int, body: bytes = b"text\r\n", more: bytes = b"") -> bytes:
    head = b"From: a%d@example.com\r\nSubject: number\t%d\r\n folded\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\nMessage-ID: <%d@x>\r\n" % ((number,) * 3)
    return head + more + b"\r\n" + body


def fresh(more: bytes = b"", body: bytes = b"new\r\n") -> bytes:
    return b"From: A <a@example.com>\r\nNewsgroups: fleet.reports\r\nSubject: s\r\n" + more + b"\r\n" + body


class Client:
    """Lines and blocks, and nothing that knows what they mean."""

    def __init__(self, server: NewsServer, encrypted: bool = True) -> None:
        self.context = ssl.create_default_context(cafile=server.ca)
        self.sock = socket.create_connection((server.host, server.tls_port if encrypted else server.port), timeout=5)
        if encrypted:
            self.sock = self.context.wrap_socket(self.sock, server_hostname="localhost")
        self.file = self.sock.makefile("rb")
        self.greeting = self.line()

    def line(self) -> str:
        line = self.file.readline()
        assert line.endswith(b"\r\n") or not line, line
        return line[:-2].decode("utf-8", "surrogateescape")

    def __call__(self, command: str) -> str:
        self.sock.sendall(command.encode("utf-8", "surrogateescape") + b"\r\n")
        return self.line()

    def code(self, command: str) -> int:
        return int(self(command)[:3])

    def block(self) -> t.List[str]:
        found = []
        while True:
            line = self.line()
            if line == ".":
                return found
            found.append(line[1:] if line.startswith(".") else line)

    def list(self, command: str, code: int) -> t.List[str]:
        reply = self(command)
        assert reply.startswith("%d " % code), reply
        return self.block()

    def post(self, raw: bytes) -> str:
        reply = self("POST")
        if not reply.startswith("340"):
            return reply
        self.sock.sendall(raw.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        return self.line()

    def start_tls(self) -> None:
        assert self.code("STARTTLS") == 382
        self.file.close()
        self.sock = self.context.wrap_socket(self.sock, server_hostname="localhost")
        self.file = self.sock.makefile("rb")


@contextlib.contextmanager
def client(server: NewsServer, encrypted: bool = True) -> t.Iterator[Client]:
    found = Client(server, encrypted)
    try:
        yield found
    finally:
        found.file.close()
        found.sock.close()


@pytest.fixture(scope="module")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[NewsServer]:
    with NewsServer(tmp_path_factory.mktemp("nntpd")) as server:
        yield server


@pytest.fixture
def server(running_server: NewsServer) -> NewsServer:
    running_server.behave()
    running_server.forget()
    running_server.add_group(GROUP, description="What the fleet says", created=1700000000)
    return running_server


@pytest.fixture
def three(server: NewsServer) -> NewsServer:
    for number in (1, 2, 3):
        assert server.add_article(GROUP, article(number, b".\r\n..two\r\nend\r\n"), 1700000000 + number * DAY) == number
    server.cancel("<2@x>")
    return server


def test_articles_are_found_by_number_and_id_and_one_after_the_other(three: NewsServer) -> None:
    with client(three) as news:
        assert news.greeting.startswith("200 ")
        assert news.code("ARTICLE 1") == 412
        assert news("GROUP " + GROUP) == "211 2 1 3 " + GROUP
        assert news("STAT") == "223 1 <1@x>"
        assert news.list("BODY", 222) == [".", "..two", "end"]
        assert news("NEXT") == "223 3 <3@x>"
        assert news.code("NEXT") == 421
        assert news("LAST") == "223 1 <1@x>"
        assert news.code("LAST") == 422
        assert "\r\n".join(news.list("ARTICLE 3", 220)).encode() + b"\r\n" == article(3, b".\r\n..two\r\nend\r\n")
        assert news.list("HEAD <3@x>", 221)[0] == "From: a3@example.com"
        assert news("HEAD <1@x>").startswith("221 0 ")
        assert len(news.block()) == 5
        assert [news.code(line) for line in ("ARTICLE 2", "STAT <2@x>", "STAT x", "GROUP no.such", "FROB", "LIST FROB")] == [423, 430, 501, 411, 500, 501]
        # the current one is still the one of before
        assert news("STAT") == "223 3 <3@x>"


def test_overviews_and_headers(three: NewsServer) -> None:
    with client(three) as news:
        assert news.code("OVER 1-") == 412
        news("GROUP " + GROUP)
        size = len(article(1, b".\r\n..two\r\nend\r\n"))
        first = "1\tnumber 1 folded\ta1@example.com\tMon, 1 Jan 2024 10:00:00 +0000\t<1@x>\t\t%d\t3\t" % size
        assert news.list("OVER 1-", 224) == [first, first.replace("1\t", "3\t", 1).replace("number 1", "number 3").replace("a1", "a3").replace("<1", "<3")]
        assert news.list("XOVER 1", 224) == news.list("OVER", 224) == [first]
        assert news.list("OVER <1@x>", 224) == ["0" + first[1:]]
        assert [news.code(line) for line in ("OVER 5-9", "OVER 9-1", "OVER x", "OVER <no@x>")] == [423, 423, 501, 430]
        assert news.list("XOVER 5-9", 224) == []
        assert news.list("HDR Subject 1-3", 225) == ["1 number 1 folded", "3 number 3 folded"]
        assert news.list("HDR :lines 3", 225) == ["3 3"]
        assert news.list("XHDR References 1", 221) == ["1 "]
        assert news.list("LIST OVERVIEW.FMT", 215)[-1] == "Xref:full"
        assert news.list("LISTGROUP", 211) == ["1", "3"]
        assert news.list("LISTGROUP %s 2-" % GROUP, 211) == ["3"]


def test_lists_of_groups(three: NewsServer) -> None:
    three.add_group("fleet.other", "n")
    three.add_group("misc", "m", created=1)
    with client(three) as news:
        assert news.list("LIST", 215) == news.list("LIST ACTIVE", 215)
        assert news.list("LIST ACTIVE fleet.*,!*.other", 215) == ["fleet.reports 0000000003 0000000001 y"]
        assert news.list("LIST ACTIVE *.other,misc", 215) == ["fleet.other 0000000000 0000000001 n", "misc 0000000000 0000000001 m"]
        assert news.list("LIST COUNTS *reports", 215) == ["fleet.reports 3 1 2 y"]
        assert news.list("LIST NEWSGROUPS *reports", 215) == ["fleet.reports\tWhat the fleet says"]
        assert news("GROUP misc") == "211 0 1 0 misc"
        assert news.code("STAT") == 420
        assert news.list("LISTGROUP misc", 211) == []
        assert [line.split()[0] for line in news.list("NEWGROUPS 20231101 000000 GMT", 231)] == ["fleet.other", "fleet.reports"]
        assert news.list("NEWNEWS fleet.* 20231117 000000 GMT", 230) == ["<3@x>"]
        assert news.list("NEWNEWS misc 700101 000000", 230) == []
        assert news.code("NEWNEWS misc yesterday") == 501
        told = time.strptime(news("DATE")[4:] + " UTC", "%Y%m%d%H%M%S %Z")
        assert abs(time.mktime(told) - time.mktime(time.gmtime())) < 5


@pytest.mark.parametrize(
    ("wildmat", "name", "verdict"),
    [("*", "a.b", True), ("a.*", "a.b", True), ("a.*,!a.b", "a.b", False), ("!a.b,a.*", "a.b", True), ("a.?", "a.b", True), ("a", "a.b", False)],
)
def test_wildmats(wildmat: str, name: str, verdict: bool) -> None:
    assert matches(wildmat, name) == verdict


def test_posting_completes_and_files_the_article(three: NewsServer) -> None:
    three.add_group("fleet.other")
    with client(three) as news:
        raw = b"Newsgroups: fleet.reports, fleet.other,no.such\r\nFrom: a@example.com\r\nSubject: s\r\nMessage-ID: <new@x>\r\nPath: me\r\n\r\n.\r\n..\r\n"
        assert news.post(raw) == "240 Article received <new@x>"
        assert news("GROUP " + GROUP) == "211 3 1 4 " + GROUP
        assert news.list("OVER 4", 224)[0].endswith("Xref: news.fleet.test fleet.reports:4 fleet.other:1")
        assert news.list("BODY <new@x>", 222) == [".", ".."]
        assert news.post(raw) == "441 435 Duplicate"
        found = three.articles()[-1]
        assert found.groups == {GROUP: 4, "fleet.other": 1}
        assert found.message["Path"] == "news.fleet.test!.POSTED!me"
        assert found.message["Date"]
        assert found.message["Injection-Info"]
        # one without a Message-ID has the one that was recommended
        told = news("POST").split(" ")[-1]
        news.sock.sendall(fresh(b"Date: %s\r\n" % time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime()).encode()) + b".\r\n")
        assert news.line() == "240 Article received " + told
        assert three.articles()[-1].message["Injection-Date"]
        assert three.articles()[-1].message["Path"] == "news.fleet.test!not-for-mail"


@pytest.mark.parametrize(
    ("raw", "reply"),
    [
        (b"From: a@x\r\nSubject: s\r\n\r\nb\r\n", "441 Missing required Newsgroups"),
        (b"Newsgroups: fleet.reports\r\nSubject: s\r\n\r\nb\r\n", "441 Missing required From"),
        (b"Newsgroups: fleet.reports\r\nFrom: a@x\r\n\r\nb\r\n", "441 Missing required Subject"),
        (fresh(b"Subject: again\r\n"), "441 Duplicate Subject"),
        (fresh(body=b""), "441 Article is empty"),
        (fresh(b"Message-ID: nonsense\r\n"), "441 Can't parse Message-ID"),
        (fresh(b"Date: nonsense\r\n"), "441 Can't parse"),
        (fresh(b"Date: Mon, 1 Jan 2090 10:00:00 +0000\r\n"), "441 Article posted in the future"),
        (fresh(b"Date: Mon, 1 Jan 2001 10:00:00 +0000\r\n"), "441 437 Too old"),
        (fresh(b"Xref: x y:1\r\n"), "441 Can't set system Xref"),
        (fresh().replace(b"fleet.reports", b"no.such"), "441 No valid newsgroups"),
        (fresh().replace(b"fleet.reports", b"shut"), '441 Postings to "shut"'),
        (fresh().replace(b"fleet.reports", b"moderated"), "441 moderated is moderated"),
        (fresh().replace(b"a@example.com", b"nobody"), "441 Address"),
    ],
)
def test_what_is_no_article_is_refused(server: NewsServer, raw: bytes, reply: str) -> None:
    server.add_group("shut", "n")
    server.add_group("moderated", "m")
    with client(server) as news:
        assert news.post(raw).startswith(reply)
        assert news.code("DATE") == 111
    assert server.articles() == []


def test_cancelling_and_superseding(three: NewsServer) -> None:
    with client(three) as news:
        assert news.post(fresh(b"Control: cancel <1@x>\r\nMessage-ID: <cancel@x>\r\n")).startswith("240")
        assert news.code("STAT <1@x>") == 430
        assert news.post(fresh(b"Supersedes: <3@x>\r\nMessage-ID: <new@x>\r\n")).startswith("240")
        assert news.list("LISTGROUP " + GROUP, 211) == ["4"]
        # what was there once does not come again
        assert news.post(fresh(b"Message-ID: <1@x>\r\n")) == "441 435 Duplicate"
        assert news.list("LISTGROUP control.cancel", 211) == ["1"]
    # some take it and do nothing
    three.behave(cancels=False)
    with client(three) as news:
        assert news.post(fresh(b"Control: cancel <new@x>\r\n")).startswith("240")
        assert news.post(fresh(b"Supersedes: <new@x>\r\n")).startswith("240")
        assert news.code("STAT <new@x>") == 223


def test_of_two_that_come_at_once_one_is_the_second(server: NewsServer) -> None:
    replies: t.List[str] = []

    def work() -> None:
        with client(server) as news:
            replies.append(news.post(fresh(b"Message-ID: <same@x>\r\n")))

    threads = [threading.Thread(target=work) for _number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(reply[:3] for reply in replies) == ["240"] + ["441"] * 5
    assert len(server.articles()) == 1


def test_articles_stay_over_servers(three: NewsServer) -> None:
    with client(three) as news:
        news.post(fresh(b"Message-ID: <new@x>\r\n"))
    other = NewsServer(three.directory)
    assert other.spool.groups == three.spool.groups
    assert {found.message_id: (found.raw, found.groups) for found in other.articles()} == {
        found.message_id: (found.raw, found.groups) for found in three.articles()
    }
    assert other.add_article(GROUP, article(9)) == 5
    assert "<2@x>" in other.spool.history


def test_a_file_that_another_process_puts_there_is_an_article(three: NewsServer) -> None:
    folder = three.spool.path / GROUP
    with client(three) as news:
        assert news("GROUP " + GROUP) == "211 2 1 3 " + GROUP
        (folder / "7").write_bytes(article(7).replace(b"\r\n", b"\n"))
        assert news("STAT <7@x>") == "223 0 <7@x>"
        assert news("GROUP " + GROUP) == "211 3 1 7 " + GROUP
        (folder / "1").unlink()
        assert news("GROUP " + GROUP) == "211 2 3 7 " + GROUP
        assert news.code("STAT <1@x>") == 430
    assert three.add_article(GROUP, article(8)) == 8


def test_capabilities_and_logging_in(server: NewsServer) -> None:
    with client(server, encrypted=False) as news:
        found = news.list("CAPABILITIES", 101)
        assert found[0] == "VERSION 2"
        assert {"READER", "POST", "OVER MSGID", "HDR", "NEWNEWS", "STARTTLS", "AUTHINFO SASL", "SASL CRAM-MD5"} <= set(found)
        assert news.code("AUTHINFO USER fleet") == 483
        assert news.code("AUTHINFO SASL PLAIN AGZsZWV0AGNvcnJlY3QgaG9yc2U=") == 483
        news.start_tls()
        found = news.list("CAPABILITIES", 101)
        assert "STARTTLS" not in found
        assert "AUTHINFO USER SASL" in found
        assert news.code("AUTHINFO PASS x") == 482
        assert news.code("AUTHINFO USER fleet") == 381
        assert news.code("AUTHINFO PASS wrong") == 481
        assert news.code("AUTHINFO USER fleet") == 381
        assert news.code("AUTHINFO PASS " + USERS["fleet"]) == 281
        assert news.code("AUTHINFO USER fleet") == 502
        assert not [line for line in news.list("CAPABILITIES", 101) if line.startswith("AUTHINFO")]
        assert news.code("STARTTLS") == 502
    plain = base64.b64encode(b"\0fleet\0correct horse").decode()
    for said in (["AUTHINFO SASL PLAIN " + plain], ["AUTHINFO SASL PLAIN", plain]):
        with client(server) as news:
            assert [news.code(line) for line in said][-1] == 281
    with client(server) as news:
        assert news("AUTHINFO SASL PLAIN") == "383 ="
        assert news.code("*") == 481
        assert news.code("AUTHINFO SASL PLAIN !") == 481
        assert news.code("AUTHINFO SASL GSSAPI") == 503
    assert ("AUTHINFO PASS correct horse", True) in server.heard
    assert len(server.commands("AUTHINFO PASS")) == 3


def test_some_servers_want_something_first(three: NewsServer) -> None:
    three.behave(transit=True)
    with client(three) as news:
        assert "MODE-READER" in news.list("CAPABILITIES", 101)
        assert news("GROUP " + GROUP).startswith("401 MODE-READER")
        assert news.code("STARTTLS") == 401
        assert news.code("MODE READER") == 200
        assert "READER" in news.list("CAPABILITIES", 101)
        assert news.code("GROUP " + GROUP) == 211
    three.behave(login="all", tls_needed=True)
    with client(three, encrypted=False) as news:
        assert news.code("GROUP " + GROUP) == 483
        news.start_tls()
        assert news.code("GROUP " + GROUP) == 480
        news("AUTHINFO USER fleet")
        news("AUTHINFO PASS correct horse")
        assert news.code("GROUP " + GROUP) == 211
    three.behave(login="post")
    with client(three) as news:
        assert news.code("GROUP " + GROUP) == 211
        assert "POST" not in news.list("CAPABILITIES", 101)
        assert news.code("POST") == 480
        news("AUTHINFO USER fleet")
        news("AUTHINFO PASS correct horse")
        assert "POST" in news.list("CAPABILITIES", 101)
        assert news.code("POST") == 340
    three.behave(read_only=True)
    with client(three) as news:
        assert news.greeting.startswith("201 ")
        assert news.code("MODE READER") == 201
        assert news.code("POST") == 440
        assert "POST" not in news.list("CAPABILITIES", 101)


def test_some_servers_do_not_have_it_all(three: NewsServer) -> None:
    three.behave(hide=["OVER", "HDR", "CAPABILITIES", "DATE", "LIST COUNTS"])
    with client(three) as news:
        news("GROUP " + GROUP)
        assert [news.code(line) for line in ("OVER 1-", "HDR Subject 1-", "CAPABILITIES", "DATE")] == [500] * 4
        assert news.code("LIST COUNTS") == 501
        assert news.list("XHDR Subject 1", 221) == ["1 number 1 folded"]
    three.behave(hide=["MSGID"])
    with client(three) as news:
        assert "OVER" in news.list("CAPABILITIES", 101)
        assert news.code("OVER <1@x>") == 503


def test_overviews_can_be_wrong(three: NewsServer) -> None:
    found = {}
    for kind in ("", "short", "garbled", "reversed", "doubled", "foreign"):
        three.behave(overview=kind, count_off=7)
        with client(three) as news:
            assert news("GROUP " + GROUP) == "211 9 1 3 " + GROUP
            found[kind] = news.list("OVER 1-3", 224)
    assert found["reversed"] == found[""][::-1]
    assert found["doubled"] == sorted(found[""] * 2)
    assert found["short"] == ["\t".join(line.split("\t")[:5]) for line in found[""]]
    assert [line for line in found["garbled"] if line in found[""]] == found[""]
    assert found["foreign"][0].startswith("1\ta1@example.com\tnumber")


def test_posting_can_go_wrong(server: NewsServer) -> None:
    server.behave(replies={"posted": ["441 try again", "done"], "POST": ["436 later"]}, drop={"posted": 1})
    raw = fresh(b"Message-ID: <new@x>\r\n")
    kept = []
    for _time in range(5):
        with client(server) as news:
            try:
                reply = news.post(raw)[:7]
            except OSError:
                reply = ""
            kept.append((reply, len(server.articles())))
    assert kept == [("436 lat", 0), ("", 0), ("441 try", 0), ("", 1), ("441 435", 1)]


def test_an_article_may_be_seen_later_than_it_is_taken(server: NewsServer) -> None:
    server.behave(late=3600)
    with client(server) as news:
        assert news.post(fresh(b"Message-ID: <late@x>\r\n")).startswith("240")
        assert news.code("STAT <late@x>") == 430
        assert news("GROUP " + GROUP).startswith("211 0 ")
        assert news.post(fresh(b"Message-ID: <late@x>\r\n")) == "441 435 Duplicate"
    server.behave(late=0.1)
    with client(server) as news:
        assert news.post(fresh(b"Message-ID: <soon@x>\r\n")).startswith("240")
        begin = time.monotonic()
        while news.code("STAT <soon@x>") == 430:
            assert time.monotonic() - begin < 10
            time.sleep(0.02)
        assert news("GROUP " + GROUP) == "211 1 2 2 " + GROUP


def test_a_server_that_says_400_goes(three: NewsServer) -> None:
    three.behave(replies={"GROUP": ["400 time is up"]}, greeting=["502 not from here"])
    with client(three) as news:
        assert news.greeting == "502 not from here"
        assert news.line() == ""
    with client(three) as news:
        assert news("GROUP " + GROUP) == "400 time is up"
        assert news.line() == ""


def test_starttls_can_go_wrong(server: NewsServer) -> None:
    for kind, reply in (("refuse", "580"), ("hide", "580"), ("inject", "382")):
        server.behave(starttls=kind)
        with client(server, encrypted=False) as news:
            assert news("STARTTLS").startswith(reply)
            if kind == "inject":
                assert news.line() == "200 injected"


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="the standard library has no client for news any longer")
def test_the_client_of_the_standard_library_gets_on_with_it(three: NewsServer) -> None:
    nntplib: t.Any = importlib.import_module("nntplib")
    three.behave(transit=True)
    with nntplib.NNTP_SSL(three.host, three.tls_port, ssl_context=ssl.create_default_context(cafile=three.ca), timeout=5, readermode=True) as news:
        news.login("fleet", USERS["fleet"])
        assert news.getcapabilities()["OVER"] == ["MSGID"]
        assert news.group(GROUP)[1:] == (2, 1, 3, GROUP)
        rows = news.over((1, 3))[1]
        assert [(number, row["message-id"], row[":lines"]) for number, row in rows] == [(1, "<1@x>", "3"), (3, "<3@x>", "3")]
        assert news.body(3)[1].lines == [b".", b"..two", b"end"]
        assert news.xhdr("Subject", "1-3")[1][0] == ("1", "number 1 folded")
        news.post(fresh(b"Message-ID: <new@x>\r\n", b".dot\r\n"))
        assert news.article("<new@x>")[1].lines[-1] == b".dot"
        assert [group.group for group in news.list("fleet.*")[1]] == [GROUP]
        with pytest.raises(nntplib.NNTPTemporaryError, match="435 Duplicate"):
            news.post(fresh(b"Message-ID: <new@x>\r\n"))
    three.behave()
    with nntplib.NNTP(three.host, three.port, timeout=5) as news:
        news.starttls(ssl.create_default_context(cafile=three.ca))
        assert news.date()[1].year > 2000


def test_it_is_a_program_as_well(tmp_path: Path) -> None:
    command = [sys.executable, nntpd.__file__, str(tmp_path), "--group", GROUP]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        assert facts == json.loads((tmp_path / "nntpd.json").read_text())
        with socket.create_connection((facts["host"], facts["port"]), timeout=5) as sock:
            sock.recv(1000)
            sock.sendall(b"GROUP fleet.reports\r\n")
            assert sock.recv(1000) == b"211 0 1 0 fleet.reports\r\n"
        process.communicate(timeout=10)
    assert process.returncode == 0
