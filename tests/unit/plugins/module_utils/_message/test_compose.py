# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import email
import email.message
import email.policy
import tracemalloc
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._message.addresses import parse_address, parse_addresses
from ansible_collections.fleetproof.backup.plugins.module_utils._message.compose import Mail, compose, format_date
from ansible_collections.fleetproof.backup.plugins.module_utils._message.content import Content, look_at
from ansible_collections.fleetproof.backup.plugins.module_utils._message.headers import UTF8, find_charset
from hypothesis import given
from hypothesis import strategies as st

PLAIN = Mail(
    sender=parse_address("Fleet <fleet@example.com>", "sender"),
    to=parse_addresses("ops@example.com", "to"),
    cc=(),
    bcc=(),
    reply_to=(),
    subject="Report",
    text="All good.\n",
    html=None,
    charset=UTF8,
    id_domain="example.com",
)
DATE = 1770091506.0


def content(name: str, data: str = "x", option: str = "attach", **more: str) -> Content:
    return look_at({"content": data, "name": name, **more}, option, UTF8)


def octets(mail: Mail, utf8: bool = False) -> bytes:
    return compose(mail, mail.message_id(), DATE, utf8).read()


def parsed(mail: Mail) -> email.message.EmailMessage:
    message = email.message_from_bytes(octets(mail), policy=email.policy.default)
    assert isinstance(message, email.message.EmailMessage)
    return message


def structure(part: email.message.Message) -> str:
    inner = [structure(child) for child in part.iter_parts()] if part.is_multipart() and isinstance(part, email.message.EmailMessage) else []
    return part.get_content_subtype() + ("(%s)" % ", ".join(inner) if inner else "")


HTML = "<p>All <b>good</b>.</p>"


@pytest.mark.parametrize(
    ("mail", "expected"),
    [
        (PLAIN, "plain"),
        (replace(PLAIN, html=HTML), "alternative(plain, html)"),
        (replace(PLAIN, html=HTML, inline=[content("a.png", option="inline")]), "related(alternative(plain, html), png)"),
        (replace(PLAIN, attach=[content("a.csv")]), "mixed(plain, csv)"),
        (replace(PLAIN, html=HTML, attach=[content("a.csv")]), "mixed(alternative(plain, html), csv)"),
        (
            replace(
                PLAIN, html=HTML, inline=[content("a.png", option="inline"), content("b.gif", option="inline")], attach=[content("a.csv"), content("b.pdf")]
            ),
            "mixed(related(alternative(plain, html), png, gif), csv, pdf)",
        ),
        (replace(PLAIN, inline=[content("a.png", option="inline")]), "mixed(plain, png)"),
    ],
)
def test_the_structure_is_the_one_that_mail_programs_expect_and_no_more(mail: Mail, expected: str) -> None:
    message = parsed(mail)
    assert structure(message) == expected
    assert not [defect for part in message.walk() for defect in part.defects]


def test_a_related_part_says_what_its_root_is() -> None:
    message = parsed(replace(PLAIN, html=HTML, inline=[content("a.png", option="inline", cid="trend")]))
    assert message["Content-Type"].params["type"] == "multipart/alternative"
    (_body, picture) = message.iter_parts()
    assert picture["Content-ID"] == "<trend>"
    assert picture["Content-Disposition"].content_disposition == "inline"


def test_the_same_mail_is_the_same_octets_and_has_the_same_id() -> None:
    mail = replace(PLAIN, html=HTML, attach=[content("a.csv")])
    again = replace(PLAIN, html=HTML, attach=[content("a.csv")])
    assert octets(mail) == octets(again)
    assert mail.message_id() == again.message_id()
    assert mail.message_id().endswith("@example.com>")


OTHERS: t.List[t.Dict[str, t.Any]] = [
    {"subject": "Other"},
    {"text": "Other"},
    {"html": HTML},
    {"to": parse_addresses("ops@example.com, duty@example.com", "to")},
    {"bcc": parse_addresses("boss@example.com", "bcc")},
    {"attach": [content("a.csv")]},
    {"attach": [content("b.csv")]},
    {"attach": [content("a.csv", "y")]},
    {"inline": [content("a.csv", option="inline")]},
]


def test_mails_that_differ_in_what_they_say_or_to_whom_have_ids_of_their_own() -> None:
    found = {replace(PLAIN, **other).message_id() for other in OTHERS}
    assert len(found | {PLAIN.message_id()}) == len(OTHERS) + 1


@pytest.mark.parametrize(
    "other",
    [
        {"sender": parse_address("other@example.org", "sender")},
        {"fields": [("X-Run", "17")]},
        {"priority": "high"},
        {"charset": find_charset("gbk")},
        {"to": (), "cc": parse_addresses("ops@EXAMPLE.com", "cc")},
    ],
)
def test_what_is_not_part_of_the_message_to_its_readers_is_not_part_of_its_identity(other: t.Dict[str, t.Any]) -> None:
    assert replace(PLAIN, **other).identity == PLAIN.identity


def test_text_that_was_made_from_html_is_not_part_of_the_identity() -> None:
    first = replace(PLAIN, html=HTML, text="made so", text_is_derived=True)
    assert first.identity == replace(first, text="made otherwise").identity


def test_blind_copies_are_nowhere_in_the_message() -> None:
    assert b"boss" not in octets(replace(PLAIN, bcc=parse_addresses("The Boss <boss@example.com>", "bcc")))


def test_a_mail_to_blind_copies_alone_shows_no_recipients() -> None:
    message = parsed(replace(PLAIN, to=(), bcc=parse_addresses("boss@example.com", "bcc")))
    assert message["To"] == "undisclosed-recipients:;"


def test_a_program_can_tell_that_no_person_wrote_it() -> None:
    assert parsed(PLAIN)["Auto-Submitted"] == "auto-generated"
    assert parsed(replace(PLAIN, fields=[("Auto-Submitted", "no")])).get_all("Auto-Submitted") == ["no"]


@pytest.mark.parametrize(("priority", "expected"), [("high", "1 (Highest)"), ("low", "5 (Lowest)"), ("normal", None), (None, None)])
def test_priority_is_marked(priority: t.Optional[str], expected: t.Optional[str]) -> None:
    assert parsed(replace(PLAIN, priority=priority))["X-Priority"] == expected


@given(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=3000),
    st.one_of(st.none(), st.text(st.characters(exclude_categories=("Cs",)), max_size=300)),
    st.sampled_from(("utf-8", "gbk", "big5", "iso-2022-jp", "us-ascii", "koi8-r")),
)
def test_any_text_comes_out_as_it_went_in_and_lines_stay_within_998_octets(text: str, html: t.Optional[str], charset: str) -> None:
    raw = octets(replace(PLAIN, text=text, html=html, charset=find_charset(charset)))
    assert raw.isascii()
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, email.message.EmailMessage)
    for kind, wanted in (("plain", text), ("html", html)):
        if wanted is not None:
            part = message.get_body((kind,))
            assert part is not None
            found = part.get_payload(decode=True).decode(part.get_content_charset("ascii"))
            wanted = wanted.replace("\r\n", "\n").replace("\r", "\n")
            assert found.replace("\r\n", "\n") == (wanted if wanted.endswith("\n") else wanted + "\n")


def test_a_line_of_2000_characters_is_encoded_not_cut() -> None:
    message = parsed(replace(PLAIN, text="x" * 2000))
    assert message["Content-Transfer-Encoding"] == "quoted-printable"
    assert message.get_content().strip() == "x" * 2000


def test_a_body_in_gbk_is_in_gbk() -> None:
    message = parsed(replace(PLAIN, text="备份报告", subject="备份报告", charset=find_charset("gbk")))
    assert message.get_content_charset() == "gbk"
    assert message.get_payload(decode=True).decode("gbk").strip() == "备份报告"
    assert message["Subject"] == "备份报告"


def test_attachments_have_their_names_by_both_ways_of_writing_them() -> None:
    raw = octets(replace(PLAIN, attach=[content("每周备份报告.xlsx")], charset=find_charset("gbk")))
    assert b'name="=?gbk?b?' in raw
    assert b"filename*=utf-8''%E6%AF%8F" in raw or b"filename*0*=utf-8''%E6%AF%8F" in raw
    (part,) = email.message_from_bytes(raw, policy=email.policy.default).iter_attachments()  # type: ignore[attr-defined]
    assert part.get_filename() == "每周备份报告.xlsx"


def test_an_address_that_needs_it_makes_the_header_utf8_and_nothing_else_does() -> None:
    mail = replace(PLAIN, to=parse_addresses("张三 <张三@example.com>", "to"))
    assert mail.needs_utf8
    assert "<张三@example.com>".encode() in octets(mail, utf8=True)
    assert octets(mail, utf8=False).isascii()
    assert not replace(PLAIN, subject="报告", text="报告").needs_utf8


def test_a_large_attachment_does_not_stay_in_memory(tmp_path: Path) -> None:
    size = 32 * 1024 * 1024
    with open(tmp_path / "big.bin", "wb") as big:
        big.truncate(size)
    tracemalloc.start()
    try:
        mail = replace(PLAIN, attach=[look_at(str(tmp_path / "big.bin"), "attach", UTF8)])
        message = compose(mail, mail.message_id(), DATE, False)
        assert message.seek(0, 2) or message.tell() > size
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/St_Johns"])
def test_the_date_is_the_one_that_mail_wants(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert email.utils.parsedate_to_datetime(format_date(DATE)).timestamp() == DATE
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("text", ["blank \n", "tab\t\nx\n", "From here\n", "x\nFrom here \n", "From " + "x" * 200 + "\n", "-- \n", "x" * 74 + " From x \n"])
def test_a_mail_that_is_to_be_signed_has_no_line_that_is_altered_on_the_way(text: str) -> None:
    mail = replace(PLAIN, text=text, html="<p>From</p> \nFrom <b>x</b>\n")
    sealed = replace(mail, sealed=True)
    body = octets(sealed).split(b"\r\n\r\n", 1)[1]
    assert not [line for line in body.split(b"\r\n") if line.endswith((b" ", b"\t")) or line.startswith(b"From ")]
    parts = [part.get_content().replace("\r\n", "\n") for part in parsed(sealed).walk() if not part.is_multipart()]
    assert parts == [text, mail.html]
    assert (sealed.identity, sealed.message_id()) == (mail.identity, mail.message_id())
    # mail that is not signed is left readable
    assert text.replace("\n", "\r\n").encode() in octets(mail)
    assert octets(replace(PLAIN, sealed=True)) == octets(PLAIN)
