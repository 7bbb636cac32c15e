# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of smtp_report, as they arrive at the server."""

from __future__ import annotations

import base64
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.report import _tls
from ansible_collections.fleetproof.backup.tests.testbed.smtpd import SmtpServer

from .conftest import Sender

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=")


def test_a_text_mail_to_several_people_in_utf8(send: Sender, server: SmtpServer) -> None:
    send(
        to=["值班 <duty@example.com>", "ops@example.com"],
        cc=["Boss, The <boss@example.com>".replace("Boss, The", '"Boss, The"')],
        bcc=["quiet@example.com"],
        subject="备份报告",
        body="一切正常。\n",
    )
    (received,) = server.messages()
    message = received.message
    assert received.envelope["rcpt_tos"] == ["duty@example.com", "ops@example.com", "boss@example.com", "quiet@example.com"]
    assert received.envelope["mail_from"] == "fleet@example.com"
    assert [(a.display_name, a.addr_spec) for a in message["To"].addresses] == [("值班", "duty@example.com"), ("", "ops@example.com")]
    assert [(a.display_name, a.addr_spec) for a in message["Cc"].addresses] == [("Boss, The", "boss@example.com")]
    assert b"quiet" not in received.raw
    assert message["Subject"] == "备份报告"
    assert message.get_content().replace("\r\n", "\n") == "一切正常。\n"
    assert [defect for part in message.walk() for defect in part.defects] == []


def test_a_weekly_report_with_pictures_and_a_spreadsheet(send: Sender, server: SmtpServer, tmp_path: Path) -> None:
    (tmp_path / "memory.png").write_bytes(PNG)
    sheet = bytes(range(256)) * 500
    (tmp_path / "weekly.xlsx").write_bytes(sheet)
    names = ["io", "hits", "swap"]
    outcome = send(
        subject="每周备份报告",
        charset="gbk",
        body=None,
        html="<h1>每周备份报告</h1><table><tr><th>主机<th>结果<tr><td>web1<td>好</table>"
        + "".join('<img src="cid:%s">' % name for name in [*names, "memory.png"]),
        inline=[*({"content_b64": base64.b64encode(PNG).decode(), "name": name + ".png", "cid": name} for name in names), str(tmp_path / "memory.png")],
        attach=[{"path": str(tmp_path / "weekly.xlsx"), "name": "每周备份报告.xlsx"}],
    )
    assert outcome.warnings == []
    message = server.messages()[0].message
    assert message["Subject"] == "每周备份报告"
    related, attached = message.iter_parts()
    alternative, *pictures = related.iter_parts()
    text, html = alternative.iter_parts()
    assert text.get_content_charset() == html.get_content_charset() == "gbk"
    assert text.get_content().replace("\r\n", "\n") == "每周备份报告\n============\n\n主机  结果\n----  ----\nweb1  好\n"
    assert [picture["Content-ID"] for picture in pictures] == ["<io>", "<hits>", "<swap>", "<memory.png>"]
    assert [picture.get_content() for picture in pictures] == [PNG] * 4
    assert attached.get_filename() == "每周备份报告.xlsx"
    assert attached["Content-Type"].params["name"] == "每周备份报告.xlsx"
    assert attached.get_content_type() == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert attached.get_content() == sheet


def test_a_task_for_community_general_mail_works(send: Sender, server: SmtpServer, tmp_path: Path) -> None:
    for name in ("group", "avatar 2.png"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    outcome = send(
        secure="starttls",
        username="fleet",
        password="correct horse",
        sender="jane@example.net (Jane Jolie)",
        to=["John Doe <j.d@example.org>", "Suzie Something <sue@example.com>"],
        cc=["Charlie Root <root@localhost>"],
        subject="Ansible-report",
        body="Hello, this is an e-mail. I hope you like it ;-)",
        attach=[str(tmp_path / "group"), str(tmp_path / "avatar 2.png")],
        headers=["Reply-To=john@example.com", 'X-Special="Something or other"|X-Other=1'],
        charset="us-ascii",
        ehlo_host="my-resolvable-hostname.tld",
        message_id_domain="ansible",
    )
    assert outcome.failure is None
    (received,) = server.messages()
    message = received.message
    assert message["From"] == "Jane Jolie <jane@example.net>"
    assert message["Reply-To"] == "john@example.com"
    assert (message["X-Special"], message["X-Other"]) == ('"Something or other"', "1")
    assert message["Message-ID"].endswith("@ansible>")
    assert received.envelope["helo"] == "my-resolvable-hostname.tld"
    assert [part.get_filename() for part in message.iter_attachments()] == ["group", "avatar 2.png"]
    body = message.get_body()
    assert body is not None
    assert body["Content-Type"].params["charset"] == "us-ascii"


def test_a_mail_without_a_body_says_its_subject(send: Sender, server: SmtpServer) -> None:
    send(subject="System web1 has been provisioned.", body=None)
    assert server.messages()[0].message.get_content().strip() == "System web1 has been provisioned."


def test_subtype_html_makes_the_body_html(send: Sender, server: SmtpServer) -> None:
    send(subtype="html", body="<p>All <b>good</b></p>")
    message = server.messages()[0].message
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert next(message.iter_parts()).get_content().strip() == "All good"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Job": "nightly", "X-Host": ["web1", "web2"], "X-None": None, "X-Number": 7},
        ["X-Job=nightly", "X-Host=web1|X-Host=web2", " X-Number = 7 "],
        "X-Job=nightly,X-Host=web1|X-Host=web2,X-Number=7",
    ],
)
def test_headers_may_be_given_in_every_form(send: Sender, server: SmtpServer, headers: t.Any) -> None:
    send(headers=headers)
    message = server.messages()[0].message
    assert (message["X-Job"], message.get_all("X-Host"), message["X-Number"]) == ("nightly", ["web1", "web2"], "7")


def test_a_bar_or_an_equals_sign_in_a_value_stays_where_it_is(send: Sender, server: SmtpServer) -> None:
    send(headers=["X-Query=a=b|c d", {"unused": 1}][:1])
    assert server.messages()[0].message["X-Query"] == "a=b|c d"


def test_headers_that_hold_addresses_are_written_as_addresses(send: Sender, server: SmtpServer) -> None:
    send(headers={"Sender": "值班 <duty@example.com>", "X-Note": "值班 <duty@example.com>"}, reply_to=["张 <z@example.com>", "b@example.com"])
    message = server.messages()[0].message
    assert message["Sender"].address.display_name == "值班"
    assert message["Sender"].address.addr_spec == "duty@example.com"
    assert [address.addr_spec for address in message["Reply-To"].addresses] == ["z@example.com", "b@example.com"]
    assert message["X-Note"] == "值班 <duty@example.com>"


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"subject": "a\r\nBcc: x@example.com"}, "unsafe"),
        ({"subject": "a\nb"}, "unsafe"),
        ({"to": ["a@example.com\r\nBcc: x@example.com"]}, "unsafe"),
        ({"sender": "a@example.com\nX: y"}, "unsafe"),
        ({"reply_to": ["a@example.com\nX: y"]}, "unsafe"),
        ({"headers": {"X-A": "a\nBcc: x@example.com"}}, "unsafe"),
        ({"headers": {"X-A\nBcc": "x@example.com"}}, "unsafe"),
        ({"headers": ["X-A=a\nBcc: x"]}, "unsafe"),
        ({"headers": {"Sender": "a@b.c\nX: y"}}, "unsafe"),
        ({"message_id_domain": "a>\r\nX: y"}, "unsafe"),
        ({"ehlo_host": "a\r\nMAIL FROM:<x>"}, "unsafe"),
        ({"attach": [{"content": "x", "name": "a\nb"}]}, "unsafe"),
        ({"headers": {"Bcc": "x@example.com"}}, "argument"),
        ({"headers": {"Content-Type": "text/html"}}, "argument"),
        ({"headers": {"From": "x@example.com"}}, "argument"),
        ({"headers": ["no equals sign"]}, "argument"),
        ({"headers": 7}, "argument"),
        ({"headers": {"Reply-To": "a@b.c"}, "reply_to": ["d@e.f"]}, "argument"),
        ({"to": [], "cc": [], "bcc": []}, "argument"),
        ({"to": ["Doe", 'John" <a@b.c>']}, "argument"),
        ({"subtype": "html", "html": "<p>"}, "argument"),
        ({"charset": "klingon"}, "argument"),
        ({"message_id_domain": "a b"}, "argument"),
        ({"attach": ["/nowhere/report.xlsx"]}, "not_found"),
        ({"attach": [7]}, "argument"),
        ({"username": "fleet"}, "argument"),
        ({"username": "fleet", "password": "x", "auth": "xoauth2"}, "argument"),
        ({"username": "fleet", "oauth_token": "x", "auth": "plain"}, "argument"),
        ({"dsn": {"notify": ["never", "failure"], "return": "full"}}, "argument"),
        ({"dsn": {"notify": ["failure"], "return": "full"}, "transport": "eml", "path": "/tmp/x"}, "argument"),
        ({"path": "/tmp/x"}, "argument"),
        ({"port": 0}, "argument"),
        ({"port": 70000}, "argument"),
        ({"timeout": 0}, "argument"),
        ({"timeout": float("inf")}, "argument"),
        ({"timeout": float("nan")}, "argument"),
        ({"retries": -1}, "argument"),
        ({"host": "mail server"}, "argument"),
        ({"host": " "}, "argument"),
    ],
)
def test_options_that_are_wrong_or_meant_ill_are_refused_before_anything_is_done(
    send: Sender, server: SmtpServer, given: t.Dict[str, t.Any], kind: str
) -> None:
    before = server.connections
    for check in (True, False):
        with pytest.raises(FleetproofError) as caught:
            send(check=check, **given)
        assert caught.value.kind == kind, caught.value.message
        assert not caught.value.retryable
    assert server.connections == before
    assert list(send.folder.iterdir()) == []


def test_pictures_and_html_that_do_not_fit_together_draw_warnings(send: Sender) -> None:
    outcome = send(html='<img src="cid:there"><img src=cid:missing>', inline=[{"content": "x", "name": "there"}, {"content": "y", "name": "unused"}])
    assert outcome.warnings == ["inline: the HTML does not show cid:unused", "html: there is no inline picture for cid:missing"]


def test_pictures_of_one_name_draw_a_warning_and_words_that_end_in_cid_none(send: Sender) -> None:
    outcome = send(html='<img src="cid:a">placid:calm', inline=[{"content": "x", "name": "a"}, {"content": "y", "name": "b", "cid": "a"}])
    assert outcome.warnings == ["inline: more than one picture is called cid:a, and only one of them will be shown"]


def test_the_diff_shows_what_readers_will_see_and_no_secret(send: Sender) -> None:
    outcome = send(
        check=True,
        username="fleet",
        password="correct horse",
        to=["值班 <duty@example.com>"],
        cc=["c@example.com"],
        subject="报告",
        body="一切正常。\n",
        attach=[{"content": "abc", "name": "a.txt"}],
        headers={"X-Job": "nightly"},
    )
    assert isinstance(outcome.diff, dict)
    shown = outcome.diff["after"]
    for line in (
        "From: Fleet <fleet@example.com>",
        "To: 值班 <duty@example.com>",
        "Cc: c@example.com",
        "Subject: 报告",
        "X-Job: nightly",
        "一切正常。",
        "[attached: a.txt, text/plain, 3 octets]",
    ):
        assert line in shown.splitlines()
    assert outcome.diff["before"] == ""
    assert "horse" not in str(outcome)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("starttls", False)),
        ({"tls": "none"}, ("none", False)),
        ({"tls": "implicit"}, ("implicit", False)),
        ({"secure": "always"}, ("implicit", False)),
        ({"secure": "starttls"}, ("starttls", False)),
        ({"secure": "never"}, ("none", False)),
        ({"secure": "try"}, ("starttls", True)),
        ({"secure": "try", "port": 465}, ("implicit", False)),
    ],
)
def test_secure_is_another_name_for_tls(given: t.Dict[str, t.Any], expected: t.Tuple[str, bool]) -> None:
    assert _tls({"tls": None, "secure": None, "port": None, **given}) == expected


def test_priority_and_automatic_origin_are_marked(send: Sender, server: SmtpServer) -> None:
    send(priority="high")
    message = server.messages()[0].message
    assert (message["X-Priority"], message["Importance"], message["Auto-Submitted"]) == ("1 (Highest)", "high", "auto-generated")


def test_a_file_with_a_name_that_is_no_text_can_be_attached(send: Sender, server: SmtpServer, tmp_path: Path) -> None:
    import os

    name = os.path.join(os.fsencode(tmp_path), "报告.txt".encode("gbk"))
    with open(name, "wb") as file:
        file.write(b"x")
    assert send(attach=[os.fsdecode(name)]).changed
    (part,) = server.messages()[0].message.iter_attachments()
    assert part.get_filename() == "报告.txt"
