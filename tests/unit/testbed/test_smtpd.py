# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SMTP server of the test bed delivers as mail servers do, and the POP3 and IMAP servers serve what it delivered."""

from __future__ import annotations

import email
import email.policy
import email.utils
import imaplib
import poplib
import smtplib
import ssl
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.tests.testbed.delivery import WAYS
from ansible_collections.fleetproof.backup.tests.testbed.imapd import ImapServer
from ansible_collections.fleetproof.backup.tests.testbed.popd import PopServer
from ansible_collections.fleetproof.backup.tests.testbed.smtpd import USERS, SmtpServer

NAME = b"Message-ID: <one@example.com>"
MAIL = b"From: a@example.com\r\nSubject: one\r\n" + NAME + b"\r\n\r\n.\r\n..\r\nlast line\r\n"


@pytest.fixture(scope="module")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[SmtpServer]:
    folder = tmp_path_factory.mktemp("smtpd")
    with SmtpServer(folder, folder / "Maildir") as server:
        yield server


@pytest.fixture
def server(running_server: SmtpServer) -> SmtpServer:
    running_server.behave()
    running_server.forget()
    assert running_server.mailbox is not None
    running_server.mailbox.clear()
    return running_server


def trust(ca: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca)


def send(server: SmtpServer, *recipients: str, encrypted: bool = True) -> None:
    if encrypted:
        with smtplib.SMTP_SSL(server.host, server.tls_port, "client.example", timeout=5, context=trust(server.ca)) as smtp:
            smtp.login("fleet", USERS["fleet"])
            smtp.sendmail("sender@example.com", recipients, MAIL)
    else:
        with smtplib.SMTP(server.host, server.port, "client.example", timeout=5) as smtp:
            smtp.sendmail("sender@example.com", recipients, MAIL)


def delivered(server: SmtpServer) -> t.List[bytes]:
    assert server.mailbox is not None
    return [entry.path.read_bytes() for entry in server.mailbox.entries()]


def test_a_mail_is_delivered_with_what_a_server_adds(server: SmtpServer) -> None:
    begin = time.time()
    send(server, "ops@example.com")
    (raw,) = delivered(server)
    assert raw.endswith(b"\r\n" + MAIL)
    found = email.message_from_bytes(raw, policy=email.policy.default)
    assert found.keys()[:3] == ["Return-Path", "Delivered-To", "Received"]
    assert (found["Return-Path"], found["Delivered-To"]) == ("<sender@example.com>", "ops@example.com")
    assert "from client.example ([127.0.0.1])" in found["Received"]
    assert " by mail.fleet.test (Fleet test bed) with ESMTPSA (version=TLSv1" in " ".join(found["Received"].split())
    assert " for <ops@example.com>; " in found["Received"]
    when = email.utils.parsedate_to_datetime(found["Received"].rpartition(";")[2].strip())
    assert begin - 1 < when.timestamp() < time.time() + 1
    # what was received is kept as it came
    assert [one.raw for one in server.messages()] == [MAIL]


def test_one_copy_for_all_and_nobody_reads_who_else_has_it(server: SmtpServer) -> None:
    send(server, "ops@example.com", "boss@example.com", encrypted=False)
    (raw,) = delivered(server)
    assert b"boss@example.com" not in raw
    assert b"with ESMTP\r\n" in raw


def test_a_mail_may_arrive_under_another_name(server: SmtpServer) -> None:
    server.behave(way="rename")
    send(server, "ops@example.com")
    (raw,) = delivered(server)
    (name,) = [line for line in raw.split(b"\r\n") if line.startswith(b"Message-ID:")]
    assert name.endswith(b"@way.test>")
    assert raw.endswith(MAIL.replace(NAME, name))


@pytest.mark.parametrize("way", [way for way in WAYS if way != "rename"])
def test_a_mail_may_not_arrive_as_it_was_sent(server: SmtpServer, way: str) -> None:
    server.behave(way=way)
    send(server, "ops@example.com")
    found = [raw[raw.index(b"From:") :] for raw in delivered(server)]
    assert (
        found
        == {
            "": [MAIL],
            "lost": [],
            "twice": [MAIL, MAIL],
            "footer": [MAIL + b"-- \r\nThe list for reports\r\n"],
            "tag": [MAIL.replace(b"Subject: one", b"Subject: [fleet] one")],
            "corrupt": [MAIL.replace(b"last line", b"laAt line")],
        }[way]
    )


def test_a_mail_may_take_its_time(server: SmtpServer) -> None:
    server.behave(way_delay=3600)
    send(server, "ops@example.com")
    assert (len(server.messages()), delivered(server)) == (1, [])
    server.behave(way_delay=0.2)
    begin = time.monotonic()
    send(server, "ops@example.com")
    while not delivered(server):
        assert time.monotonic() - begin < 10
        time.sleep(0.01)
    assert time.monotonic() - begin >= 0.2


def test_what_was_sent_is_read_by_pop3_and_imap(server: SmtpServer, tmp_path: Path) -> None:
    send(server, "ops@example.com")
    assert server.mailbox is not None
    with PopServer(tmp_path, server.mailbox.path) as pop_server, ImapServer(tmp_path, server.mailbox.path) as imap_server:
        pop = poplib.POP3_SSL(pop_server.host, pop_server.tls_port, timeout=5, context=trust(pop_server.ca))
        pop.user("fleet")
        pop.pass_(USERS["fleet"])
        by_pop = b"".join(line + b"\r\n" for line in pop.retr(1)[1])
        pop.quit()
        imap = imaplib.IMAP4_SSL(imap_server.host, imap_server.tls_port, ssl_context=trust(imap_server.ca))
        imap.login("fleet", USERS["fleet"])
        imap.select()
        row: t.Any = imap.uid("FETCH", "1", "(BODY.PEEK[])")[1][0]
        imap.logout()
    assert by_pop == row[1] == delivered(server)[0]
    assert by_pop.endswith(MAIL)
