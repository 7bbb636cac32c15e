# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.findings import score
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.hops import hops_of
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.inspect import inspect, keywords_of
from ansible_collections.fleetproof.backup.plugins.module_utils._message.parse import parse
from hypothesis import given
from hypothesis import strategies as st

HEAD = "From: Ann <ann@example.com>\r\nTo: ops@example.org\r\nSubject: %s\r\nDate: Tue, 3 Feb 2026 04:05:06 +0000"
HEAD += "\r\nMessage-ID: <1@example.com>\r\nMIME-Version: 1.0\r\n"
PHISHING = (
    'From: "security@bank.example" <x@evil.example>\r\nSubject: Your account\r\nDate: Tue, 3 Feb 2026 04:05:06 +0000\r\nMessage-ID: <1>\r\n'
    "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    '--b\r\nContent-Type: text/html\r\n\r\n<p>Verify your <a href="http://3405803785/">https://bank.example/login</a></p>\r\n'
    '--b\r\nContent-Type: application/octet-stream; name="invoice.pdf.exe"\r\nContent-Disposition: attachment\r\n\r\nx\r\n--b--\r\n'
)


def rules(raw: str, keywords: t.Sequence[str] = ()) -> t.List[str]:
    message = parse(raw.encode())
    return [one.rule for one in inspect(message, hops_of(message.fields), keywords_of(keywords))]


def mail(subject: str = "Report", html: str = "", text: str = "All good.\r\n") -> str:
    if not html:
        return HEAD % subject + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + text
    parts = "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n%s\r\n--b--\r\n" % (text, html)
    return HEAD % subject + "Content-Type: multipart/alternative; boundary=b\r\n\r\n" + parts


def test_an_ordinary_report_is_clean() -> None:
    assert rules(mail()) == []
    assert rules(mail(html='<p>All good, see <a href="https://wiki.example.com/x">the wiki</a></p>')) == []


def test_a_phishing_mail_has_it_all_the_heaviest_first() -> None:
    message = parse(PHISHING.encode())
    found = inspect(message, ())
    assert {one.rule for one in found} == {
        "display_name_address",
        "link_text_host",
        "link_hidden_address",
        "executable_attachment",
        "attachment_name",
        "message_id_malformed",
    }
    assert [one.weight for one in found] == sorted((one.weight for one in found), reverse=True)
    assert score(found) == 26


@pytest.mark.parametrize(
    ("keyword", "text", "expected"),
    [
        ("password", "Your PASSWORD now", True),
        ("pass", "passenger", False),
        ("wire transfer", "a wire\r\n transfer", True),
        ("100% free (really)", "It is 100% free (really)!", True),
        ("密码", "请输入密码。", True),
        ("/pass(word|phrase)/", "my PassPhrase", True),
        ("/^total: [0-9]+$/", "total: 12", True),
        ("/", "a/b", True),
        ("STRASSE", "strasse", True),
    ],
)
def test_keywords_are_words_or_regular_expressions_between_slashes(keyword: str, text: str, expected: bool) -> None:
    assert rules(mail(text=text), [keyword]) == (["keyword"] if expected else [])


def test_a_keyword_is_found_in_each_place_and_told_once() -> None:
    message = parse(mail("Password", "<p>Pass<b>word</b>", "none").encode())
    assert [one.message for one in inspect(message, (), keywords_of(["password", "other"]))] == ["the keyword password is in the subject and the HTML text"]


@pytest.mark.parametrize("keyword", ["/(/", "", " "])
def test_a_keyword_that_is_none_is_refused(keyword: str) -> None:
    with pytest.raises(FleetproofError, match="keyword") as caught:
        keywords_of([keyword])
    assert caught.value.kind == "argument"


def test_an_attached_page_is_looked_into() -> None:
    raw = HEAD % "x" + 'Content-Type: text/html; name="login.html"\r\nContent-Disposition: attachment\r\n\r\n<form><input type=password></form>'
    outer = HEAD % "x" + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + raw[raw.index("Content-Type: text/html") :] + "\r\n--b--\r\n"
    assert rules(outer) == ["html_form"]


@pytest.mark.parametrize(
    ("results", "weight"),
    [
        ("", 5),
        ("Authentication-Results: mx.example.org; dkim=pass header.d=example.com\r\n", 1),
        ("Authentication-Results: mx.example.org; dkim=pass header.d=evil.example\r\n", 5),
        ("Authentication-Results: mx.example.org; dmarc=pass header.from=example.com\r\nFrom: bank <x@bank.example>\r\n", 5),
    ],
)
def test_a_newsletter_that_proves_its_sender_may_count_who_follows_links_to_that_one_alone(results: str, weight: int) -> None:
    html = '<a href="https://clicks.mailer.example/1">www.example.com</a> <a href="https://clicks.mailer.example/2">https://%s/</a>'
    found = inspect(parse((results + mail(html=html % "example.com")).encode()), ())
    assert {one.weight for one in found if one.rule == "link_text_host"} == {weight}
    found = inspect(parse((results + mail(html=html % "bank.example")).encode()), ())
    assert max(one.weight for one in found if one.rule == "link_text_host") == 5


def test_a_forwarded_message_does_not_count_as_the_message() -> None:
    outer = HEAD % "Fwd" + "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n" + PHISHING + "\r\n--o--\r\n"
    assert rules(outer) == []


@pytest.mark.parametrize("piece", ["<a href='http://1.2.3.4/'>", "http://1.2.3.4/ ", "&#1;", "<form>", "www.a.b "])
def test_hostile_sizes_take_no_time(piece: str) -> None:
    raw = mail(html=piece * (300_000 // len(piece)), text=piece * (300_000 // len(piece)))
    begun = time.process_time()
    rules(raw, ["word"])
    assert time.process_time() - begun < 5.0


@given(st.binary(max_size=300))
def test_any_octets_are_judged(raw: bytes) -> None:
    for head in (b"", b"Content-Type: text/html\r\n\r\n", b"Content-Type: application/x\r\nContent-Disposition: attachment; filename="):
        message = parse(head + raw)
        inspect(message, hops_of(message.fields), keywords_of(["a"]))
