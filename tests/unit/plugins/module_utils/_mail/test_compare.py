# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import hashlib
import quopri
import time
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.compare import Comparison, compare
from ansible_collections.fleetproof.backup.plugins.module_utils._message.parse import Limits, parse
from hypothesis import given
from hypothesis import strategies as st

PDF = bytes(range(256)) * 8
TEXT = "Grüße\r\n.\r\n..dots and trailing = signs =\r\nFrom here on\r\n"
CSV = b"name,size\r\na,1\r\n"


def text_part(text: str = TEXT, encoding: str = "8bit", kind: str = "plain", charset: str = "utf-8") -> bytes:
    raw = text.encode(charset)
    body = {"8bit": lambda: raw, "base64": lambda: base64.encodebytes(raw), "quoted-printable": lambda: quopri.encodestring(raw)}[encoding]()
    return ("Content-Type: text/%s; charset=%s\r\nContent-Transfer-Encoding: %s\r\n\r\n" % (kind, charset, encoding)).encode() + body


def file_part(name: str = "report.pdf", octets: bytes = PDF, encoding: str = "base64", kind: str = "application/pdf") -> bytes:
    body = {"8bit": lambda: octets, "base64": lambda: base64.encodebytes(octets), "quoted-printable": lambda: quopri.encodestring(octets)}[encoding]()
    head = 'Content-Type: %s; name="%s"\r\nContent-Transfer-Encoding: %s\r\nContent-Disposition: attachment; filename="%s"\r\n\r\n'
    return (head % (kind, name, encoding, name)).encode() + body


def mail(*parts: bytes, top: str = "", head: str = "", boundary: str = "b1") -> bytes:
    header = (
        "%sFrom: Fleet <fleet@example.com>\r\nTo: ops@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Tue, 3 Feb 2026 04:05:06 +0000\r\n" % top
    )
    header += "Message-ID: <1@example.com>\r\nMIME-Version: 1.0\r\n%sContent-Type: multipart/mixed; boundary=%s\r\n\r\n" % (head, boundary)
    mark = boundary.strip('"').encode()
    return header.encode() + b"".join(b"--%s\r\n%s\r\n" % (mark, part) for part in parts) + b"--%s--\r\n" % mark


def compared(sent: bytes, read: bytes, *ignore: str) -> Comparison:
    return compare(parse(sent), parse(read), ignore)


SENT = mail(text_part(), file_part())
TRACE = "Return-Path: <fleet@example.com>\r\nDelivered-To: ops@example.com\r\nReceived: by mx.example.com; Tue, 3 Feb 2026 04:05:07 +0000\r\nX-Spam: no\r\n"


def test_a_message_is_the_same_as_itself() -> None:
    found = compared(SENT, SENT)
    assert found.as_result() == {
        "same": True,
        "same_body": True,
        "same_headers": True,
        "same_attachments": True,
        "added_headers": [],
        "missing_headers": [],
        "changed_headers": [],
        "attachments": [{"name": "report.pdf", "mime_type": "application/pdf", "size": len(PDF), "sha256": hashlib.sha256(PDF).hexdigest(), "same": True}],
        "differences": [],
    }


HONEST = {
    "line ends": SENT.replace(b"\r\n", b"\n"),
    "8bit made quoted-printable": mail(text_part(encoding="quoted-printable"), file_part()),
    "8bit made base64, another boundary": mail(text_part(encoding="base64"), file_part(), boundary='"=_other;1"'),
    "another charset for the same text": mail(text_part(charset="iso-8859-1"), file_part()),
    "white space at line ends": mail(text_part(TEXT.replace("\r\n", " \t\r\n")), file_part()),
    "a line end more": mail(text_part(TEXT + "\r\n\r\n"), file_part()),
    "no line end at the end": mail(text_part(TEXT.rstrip()), file_part()),
    "a header encoded and folded otherwise": SENT.replace(b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=", b"\r\n =?utf-8?b?R3LDvMOfZQ==?=").replace(
        b"To: ops@", b"To:\r\n\tops@"
    ),
    "a parameter of a part quoted otherwise": SENT.replace(b"charset=utf-8", b'charset="UTF-8"'),
    "another base64 line length": mail(text_part(), file_part().replace(base64.encodebytes(PDF), base64.b64encode(PDF))),
}


@pytest.mark.parametrize("what", HONEST)
def test_what_any_server_may_do_is_no_difference(what: str) -> None:
    found = compared(SENT, HONEST[what])
    assert found.differences == []
    assert found.same
    assert found.added_headers == []


def test_a_text_file_that_was_sent_as_text_may_change_its_line_ends_only() -> None:
    sent = mail(text_part(), file_part("a.csv", CSV, "8bit", "text/csv"))
    for encoding in ("8bit", "quoted-printable", "base64"):
        assert compared(sent, mail(text_part(), file_part("a.csv", CSV.replace(b"\r\n", b"\n"), encoding, "text/csv"))).same
    found = compared(sent, mail(text_part(), file_part("a.csv", CSV.replace(b"1", b"2"), "8bit", "text/csv")))
    assert (found.same_body, found.same_attachments) == (False, False)


def test_the_octets_of_a_file_in_base64_are_taken_as_they_are() -> None:
    found = compared(
        mail(text_part(), file_part("a.csv", CSV, "base64", "text/csv")),
        mail(text_part(), file_part("a.csv", CSV.replace(b"\r\n", b"\n"), "base64", "text/csv")),
    )
    assert not found.same_attachments
    assert found.attachments[0]["same"] is False
    assert "sha256 was %s (16 octets)" % hashlib.sha256(CSV).hexdigest() in found.differences[0]


def test_what_the_way_put_on_top_is_told_with_its_values() -> None:
    found = compared(SENT, mail(text_part(), file_part(), top=TRACE))
    assert found.same
    assert [(row["name"], row["value"]) for row in found.added_headers] == [
        ("Return-Path", "<fleet@example.com>"),
        ("Delivered-To", "ops@example.com"),
        ("Received", "by mx.example.com; Tue, 3 Feb 2026 04:05:07 +0000"),
        ("X-Spam", "no"),
    ]


def test_hops_that_were_there_before_are_not_told_again() -> None:
    found = compared(mail(text_part(), top=TRACE), mail(text_part(), top="Received: by b; Tue, 3 Feb 2026 04:05:09 +0000\r\n" + TRACE))
    assert found.same
    assert [row["value"] for row in found.added_headers] == ["by b; Tue, 3 Feb 2026 04:05:09 +0000"]


def test_a_changed_header_is_told_with_both_values() -> None:
    found = compared(SENT, SENT.replace(b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=", b"[list] =?utf-8?q?Gr=C3=BC=C3=9Fe?="))
    assert (found.same_body, found.same_headers, found.same) == (True, False, False)
    assert found.changed_headers == [{"name": "Subject", "sent": "Grüße", "read": "[list] Grüße"}]
    assert found.differences == ['the header Subject was "Grüße" and is "[list] Grüße"']


def test_a_missing_header_is_told_and_a_twin_is_an_added_one() -> None:
    sent = mail(text_part(), head="X-Token: 1\r\nX-Token: 2\r\n")
    found = compared(sent, sent.replace(b"X-Token: 1\r\n", b""))
    assert found.missing_headers == [{"name": "X-Token", "value": "1"}]
    assert not found.same_headers
    found = compared(sent, sent.replace(b"X-Token: 1\r\n", b"X-Token: 3\r\nX-Token: 1\r\n"))
    assert found.added_headers == [{"name": "X-Token", "value": "3"}]
    assert found.same_headers


def test_a_trace_that_was_taken_away_is_missing_and_never_changed() -> None:
    read = mail(text_part(), top="Received: by x; Tue, 3 Feb 2026 04:05:07 +0000\r\n")
    found = compared(mail(text_part(), top="Received: by y; Tue, 3 Feb 2026 04:05:07 +0000\r\n"), read)
    assert found.changed_headers == []
    assert [row["value"][:4] for row in found.missing_headers + found.added_headers] == ["by y", "by x"]


def test_bcc_may_be_taken_away_and_the_return_path_replaced() -> None:
    found = compared(mail(text_part(), top="Return-Path: <a@example.com>\r\nBcc: b@example.com\r\n"), mail(text_part(), top="Return-Path: <c@example.com>\r\n"))
    assert found.same
    assert [row["value"] for row in found.added_headers] == ["<c@example.com>"]


def single(kind: str = "text/plain; charset=utf-8", sender: str = "Ann <ann@example.com>") -> bytes:
    """A message that is one text."""
    head = "From: %s\r\nSubject: one\r\nMessage-ID: <1@example.com>\r\nContent-Type: %s\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%s"
    return (head % (sender, kind, TEXT)).encode()


@pytest.mark.parametrize(
    "read",
    [
        single('text/plain; charset="utf-8"'),
        single("Text/Plain;charset=UTF-8"),
        single(sender='"Ann" <ann@example.com>'),
    ],
)
def test_quotation_marks_that_nothing_hangs_on_are_no_difference(read: bytes) -> None:
    assert compared(single(), read).same
    assert compared(read, single()).same


@pytest.mark.parametrize("sender", ["Ann B <ann@example.com>", "Ann <ann@example.org>", '"Ann, B" <ann@example.com>', "ann@example.com"])
def test_a_sender_who_is_shown_otherwise_is_a_difference(sender: str) -> None:
    assert [row["name"] for row in compared(single(), single(sender=sender)).changed_headers] == ["From"]


@pytest.mark.parametrize("name", ["Subject", "From", "Date", "Message-ID", "Content-Type", "Content-Transfer-Encoding"])
@pytest.mark.parametrize("on_top", [True, False])
def test_a_second_field_of_a_kind_that_is_there_once_is_a_difference(name: str, on_top: bool) -> None:
    sent = single().replace(b"Subject", b"Date: Tue, 3 Feb 2026 04:05:06 +0000\r\nSubject")
    strange = b"%s: x/other\r\n" % name.encode()
    found = compared(sent, strange + sent if on_top else sent.replace(b"\r\n\r\n", b"\r\n" + strange + b"\r\n", 1))
    assert not found.same_headers
    assert any("the header %s is there 2 times" % name in sentence for sentence in found.differences)


def test_a_header_that_is_there_twice_with_one_value_is_none() -> None:
    assert compared(SENT, b"MIME-Version: 1.0\r\nFrom: Fleet <fleet@example.com>\r\n" + SENT).same


def test_a_value_beyond_what_is_read_is_never_said_to_be_the_same_unseen() -> None:
    sent = b"X-Long: " + b"x " * 300_000 + b"1\r\n" + SENT
    assert compared(sent, sent).same
    assert not compared(sent, sent.replace(b" 1\r\n", b" 2\r\n", 1)).same_headers


def test_headers_can_be_left_out_by_name_or_pattern() -> None:
    read = mail(text_part(), file_part(), top=TRACE).replace(b"Subject: ", b"Subject: x")
    found = compared(SENT, read, "subject", "X-*")
    assert found.same_headers
    assert [row["name"] for row in found.added_headers] == ["Return-Path", "Delivered-To", "Received"]


CHANGED: t.Dict[str, t.Tuple[bytes, str, bool]] = {
    "a letter": (mail(text_part(TEXT.replace("signs", "sings")), file_part()), "line 3 was", True),
    "a space within a line": (mail(text_part(TEXT.replace("and ", "and  ")), file_part()), "line 3 was", True),
    "a line more": (mail(text_part(TEXT + "--\r\nlist footer\r\n"), file_part()), 'line 5, "--", and what follows it was added', True),
    "a line less": (mail(text_part(TEXT[: TEXT.index("From")]), file_part()), 'line 4, "From here on", and what follows it is missing', True),
    "the > of mbox": (mail(text_part(TEXT.replace("From here", ">From here")), file_part()), "line 4 was", True),
    "an octet of a file": (mail(text_part(), file_part(octets=PDF[:-1] + b"x")), "sha256 was", False),
    "the name of a file": (mail(text_part(), file_part(name="report.exe")), 'its name was "report.pdf" and is "report.exe"', False),
    "the type of a file": (mail(text_part(), file_part(kind="application/zip")), 'its type was "application/pdf" and is "application/zip"', False),
    "no file": (mail(text_part()), 'part 2 (application/pdf, "report.pdf") is missing', False),
    "a file more": (mail(text_part(), file_part(), file_part("b.pdf")), 'part 3 (application/pdf, "b.pdf") was added', False),
    "a text more": (mail(text_part(), file_part(), text_part("footer")), "part 3 (text/plain) was added", True),
    "a text before": (mail(text_part("warning: external", kind="html"), text_part(), file_part()), "part 1 (text/html) was added", True),
    "no attachment": (
        mail(text_part(), file_part().replace(b"Content-Disposition: attachment", b"Content-Disposition: inline")),
        "is no attachment any more",
        False,
    ),
}


@pytest.mark.parametrize("what", CHANGED)
def test_each_change_of_the_content_is_found_and_named(what: str) -> None:
    read, sentence, same_attachments = CHANGED[what]
    found = compared(SENT, read)
    assert (found.same_body, found.same_attachments, found.same_headers) == (False, same_attachments, True)
    assert len(found.differences) == 1
    assert sentence in found.differences[0]


def within(kind: str, boundary: str, *parts: bytes) -> bytes:
    mark = boundary.encode()
    return ("Content-Type: multipart/%s; boundary=%s\r\n\r\n" % (kind, boundary)).encode() + b"".join(
        b"--%s\r\n%s\r\n" % (mark, part) for part in parts
    ) + b"--%s--\r\n" % mark  # fmt: skip


def test_alternatives_that_are_shown_one_after_the_other_are_a_difference() -> None:
    page = text_part("<p>Gr\u00fc\u00dfe</p>", kind="html")
    sent = mail(within("alternative", "b2", text_part(), page), file_part())
    assert compared(sent, mail(within("alternative", "b3", text_part(), page), file_part())).same
    assert compared(sent, mail(within("mixed", "b3", within("alternative", "b2", text_part(), page), file_part()))).same
    for read in (mail(text_part(), page, file_part()), mail(within("mixed", "b2", text_part(), page), file_part())):
        for one, other in ((sent, read), (read, sent)):
            found = compared(one, other)
            assert (found.same_body, found.same_attachments, len(found.differences)) == (False, True, 1)
            assert "alternatives" in found.differences[0]


@pytest.mark.parametrize("charset", ["iso-8859-1", "koi8-r", "utf-16", "x-unknown"])
def test_a_label_by_which_other_programs_read_other_letters_is_a_difference(charset: str) -> None:
    found = compared(SENT, SENT.replace(b"charset=utf-8", b"charset=" + charset.encode()))
    assert not found.same_body
    assert found.differences == ['part 1 (text/plain): its charset was "utf-8" and is "%s"' % charset]


@pytest.mark.parametrize(("sent", "read"), [("us-ascii", "utf-8"), ("utf-8", "us-ascii"), ("iso-8859-1", "windows-1252"), ("utf-8", "utf8")])
def test_another_label_for_the_same_letters_is_none(sent: str, read: str) -> None:
    letters = "plain" if "us-ascii" in (sent, read) else "Gr\u00fc\u00dfe"
    raw = mail(text_part(letters, charset=sent))
    assert compared(raw, raw.replace(b"charset=" + sent.encode(), b"charset=" + read.encode())).same


def test_text_below_the_last_part_is_a_difference_if_it_was_not_sent() -> None:
    found = compared(SENT, SENT + b"-- \r\nThe list for reports\r\n")
    assert (found.same_body, found.same_attachments) == (False, True)
    assert found.differences == ['below the last part, "-- The list for reports" was added']
    assert compared(SENT + b"The end\r\n", SENT + b"The end\n\n").same
    assert compared(SENT, SENT + b"\r\n\r\n").same


def test_what_a_label_of_a_file_says_is_compared_as_well() -> None:
    sent = mail(
        text_part(), file_part("a.ics", b"BEGIN", kind="text/calendar; method=REQUEST"), file_part("a.txt", TEXT.encode(), kind="text/plain; charset=utf-8")
    )
    for old, new in ((b"method=REQUEST", b"method=CANCEL"), (b"plain; charset=utf-8; name", b"plain; charset=koi8-r; name")):
        assert old in sent
        found = compared(sent, sent.replace(old, new))
        assert (found.same_attachments, len(found.differences)) == (False, 1), new


@pytest.mark.parametrize("field", ["Content-Transfer-Encoding: 7bit", "Content-Type: text/x-other", "Content-Disposition: attachment; filename=x.exe"])
def test_a_part_whose_kind_is_told_twice_is_a_difference(field: str) -> None:
    sent = mail(text_part(), file_part())
    read = sent.replace(b"Content-Disposition: att", field.encode() + b"\r\nContent-Disposition: att")
    assert not compared(sent, read).same_body
    last = sent.replace(b'filename="report.pdf"\r\n', b'filename="report.pdf"\r\n' + field.encode() + b"\r\n")
    assert not compared(sent, last).same_body


@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable"])
def test_a_file_that_was_sent_in_base64_keeps_its_line_ends_however_it_is_encoded_anew(encoding: str) -> None:
    octets = b"%PDF\r\n\x00\x01\n\n"
    sent = mail(text_part(), file_part(octets=octets))
    assert compared(sent, mail(text_part(), file_part(octets=octets, encoding="base64"))).same
    assert not compared(sent, mail(text_part(), file_part(octets=octets.replace(b"\r\n", b"\n"), encoding=encoding))).same_attachments


def test_nothing_may_be_taken_away_within_a_message_that_is_passed_on() -> None:
    for header in (b"Bcc: b@example.com\r\n", b"Return-Path: <a@example.com>\r\n"):
        sent, read = (mail(text_part(), b"Content-Type: message/rfc822\r\n\r\n" + inner, boundary="outer") for inner in (header + SENT, SENT))
        assert not compared(sent, read).same_attachments


def test_a_difference_far_out_in_a_line_is_shown() -> None:
    found = compared(mail(text_part("x" * 5000 + "old")), mail(text_part("x" * 5000 + "new")))
    assert "old" in found.differences[0]
    assert "new" in found.differences[0]
    assert len(found.differences[0]) < 300


def test_a_message_within_is_compared_by_what_it_says() -> None:
    def outer(inner: bytes) -> bytes:
        return mail(text_part(), b"Content-Type: message/rfc822\r\n\r\n" + inner, boundary="outer")

    assert compared(outer(SENT), outer(mail(text_part(encoding="quoted-printable"), file_part()))).same
    found = compared(outer(SENT), outer(mail(text_part(TEXT.replace("signs", "sings")), file_part())))
    assert not found.same_body
    assert "in the message that it is, part 1 (text/plain): line 3 was" in found.differences[0]


def test_differences_are_told_up_to_a_number_and_counted_beyond() -> None:
    parts = [text_part("old %d" % number) for number in range(100)]
    found = compared(mail(*parts), mail(*[part.replace(b"old", b"new") for part in parts]))
    assert len(found.differences) == 21
    assert found.differences[-1] == "and 80 more differences"


def test_hostile_sizes_take_no_time() -> None:
    many = mail(*[b"Content-Type: text/x%d\r\n\r\nx" % number for number in range(900)])
    other = mail(*[b"Content-Type: text/y%d\r\n\r\nx" % number for number in range(900)], text_part(" " * 10**6 + "x"), head="X-A: 1\r\n" * 20000)
    begun = time.process_time()
    assert not compared(many, other).same
    assert time.process_time() - begun < 5.0


def test_what_lies_beyond_a_limit_is_never_said_to_be_the_same_unseen() -> None:
    parts = [text_part("part %d" % number) for number in range(20)]
    messages = [parse(raw, Limits(parts=10)) for raw in (mail(*parts), mail(*parts, top=TRACE), mail(*parts[:-1], text_part("other")))]
    assert compare(messages[0], messages[1]).same
    found = compare(messages[0], messages[2])
    assert not found.same_body
    assert found.differences == ["the messages are too large to be taken apart as a whole, and their octets differ"]


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]) | st.sampled_from("\n .="), min_size=1, max_size=60),
    st.data(),
)
def test_no_encoding_makes_a_difference_and_each_changed_letter_does(text: str, data: st.DataObject) -> None:
    sent = mail(text_part(text.replace("\n", "\r\n"), "base64"))
    assert compared(sent, mail(text_part(text, "quoted-printable", kind="plain"))).same
    shown = [place for place, letter in enumerate(text) if not letter.isspace()]
    if shown:
        place = data.draw(st.sampled_from(shown))
        other = text[:place] + ("x" if text[place] != "x" else "y") + text[place + 1 :]
        assert not compared(sent, mail(text_part(other, "quoted-printable"))).same_body
