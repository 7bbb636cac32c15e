# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ruff: noqa: RUF001 # texts in many scripts

from __future__ import annotations

import email
import email.message
import hashlib
import importlib
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._message.addresses import parse_addresses
from ansible_collections.fleetproof.backup.plugins.module_utils._message.compose import Mail, compose
from ansible_collections.fleetproof.backup.plugins.module_utils._message.content import look_at
from ansible_collections.fleetproof.backup.plugins.module_utils._message.headers import UTF8, find_charset
from ansible_collections.fleetproof.backup.plugins.module_utils._message.mailboxes import mailboxes_of
from ansible_collections.fleetproof.backup.plugins.module_utils._message.parse import Limits, parse
from hypothesis import given, settings
from hypothesis import strategies as st


def _samples() -> list:
    """The messages that the tests of the interpreter's own parser use, where they are installed."""
    try:
        package = importlib.import_module("test.test_email")
    except ImportError:
        return []
    return sorted(path for path in (Path(package.__file__).parent / "data").iterdir() if path.is_file())


SAMPLES = _samples()
samples = pytest.mark.parametrize("path", SAMPLES or [None], ids=lambda path: path.name if path else "none")


def sample(path: Path | None) -> bytes:
    if path is None:
        pytest.skip("the package test.test_email of this Python is not installed")
    return path.read_bytes()


def leaves(message: email.message.Message) -> list:
    """The leaves as the standard library sees them; a forwarded message is one."""
    if message.get_content_maintype() != "multipart" or not message.is_multipart():
        return [message]
    found = []
    for part in message.get_payload():
        found += leaves(part)
    return found


def defects(message: email.message.Message) -> list:
    return [defect for part in message.walk() for defect in part.defects]


@samples
def test_messages_of_the_standard_library_are_read_as_it_reads_them(path: Path | None) -> None:
    raw = sample(path)
    message = parse(raw)
    assert message.raw == raw
    assert isinstance(message.text + message.html, str)
    expected = email.message_from_bytes(raw)
    if defects(expected):
        # there the standard library gives up, and we may know better
        assert message.parts
        return
    assert message.defects == []
    assert [part.mime_type for part in message.parts] == [leaf.get_content_type() for leaf in leaves(expected)]
    assert [part.name for part in message.parts] == [leaf.get_filename() or "" for leaf in leaves(expected)]
    for part, leaf in zip(message.parts, leaves(expected)):
        if not leaf.is_multipart():
            assert part.octets() == leaf.get_payload(decode=True)
    assert [name for name, _value in message.fields.items()] == expected.keys()


@samples
def test_broken_messages_of_the_standard_library_say_so(path: Path | None) -> None:
    raw = sample(path)
    found = {type(defect).__name__ for defect in email.message_from_bytes(raw).defects}
    if found & {"NoBoundaryInMultipartDefect", "StartBoundaryNotFoundDefect", "MissingHeaderBodySeparatorDefect"}:
        assert parse(raw).defects


@pytest.mark.parametrize(
    "header",
    [
        b"To: a@b, <\r\n",
        b"From: =?utf-8?q?=?= <\r\n",
        b"To: :\r\n",
        b"To: (\r\n",
        b"Cc: \r\n",
        b'To: "\r\n',
        b"Date: Sat, 99 Foo 0000 99:99:99 +99999\r\n",
        b"Message-ID: <\r\n",
        b"Message-ID: [\r\n",
        b"Content-Type: \r\n",
        b"Content-Type: ;\r\n",
        b"Content-Type: text/plain; charset*0*=\r\n",
        b"Content-Type: text/plain; charset*=utf-8'\xff'\xff\r\n",
        b"Content-Disposition: inline; filename*1*=\xff; filename*0=\r\n",
        b"Content-Disposition: =?\r\n",
        b"Content-Transfer-Encoding: \xff\r\n",
        b"MIME-Version: (\r\n",
        b"Subject: =?iso-2022-jp?b?GyRC?=\r\n",
        b"Subject: =?utf-8?b?=?=\r\n",
        b"To: =?utf-8?q?a?= =?utf-8\r\n",
        b"To: group: (a, b; c\r\n",
        b"To: a@[\r\n",
        b"Subject: \xed\xa0\x80\r\n",
    ],
)
def test_headers_that_make_other_parsers_raise_are_read(header: bytes) -> None:
    message = parse(header + b"X-Last: here\r\n\r\nbody\r\n")
    assert message.fields.first("x-last") == "here"
    assert message.text == "body\n"
    for name, value in message.fields.items():
        (name + value).encode("utf-8")
    mailboxes_of(message.fields.raw("to"))


def multipart(*parts: bytes, subtype: bytes = b"mixed", boundary: bytes = b"b") -> bytes:
    """The octets of a multipart entity; each part has its header."""
    lines = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return b'Content-Type: multipart/%s; boundary="%s"\r\n\r\n%s--%s--\r\n' % (subtype, boundary, lines, boundary)


PLAIN = b"Content-Type: text/plain\r\n\r\nplain"
HTML = b"Content-Type: text/html\r\n\r\n<p>html</p>"
PDF = b'Content-Type: application/pdf; name="a.pdf"\r\n\r\npdf'


@pytest.mark.parametrize(
    ("raw", "text", "html", "attached"),
    [
        (PLAIN, "plain", "", []),
        (HTML, "html\n", "<p>html</p>", []),
        (multipart(PLAIN, HTML, subtype=b"alternative"), "plain", "<p>html</p>", []),
        (multipart(PLAIN, PDF), "plain", "", ["application/pdf"]),
        (multipart(HTML, PDF), "html\n", "<p>html</p>", ["application/pdf"]),
        # several texts are one
        (multipart(PLAIN, PDF, b"\r\nmore"), "plain\nmore", "", ["application/pdf"]),
        # but not those that say the same
        (multipart(PLAIN, b"\r\nthe same", subtype=b"alternative"), "plain", "", []),
        (
            multipart(PLAIN, multipart(HTML, PDF, b"Content-Type: text/html\r\n\r\n<p>end</p>", boundary=b"c"), subtype=b"alternative"),
            "plain",
            "<p>html</p>\n<p>end</p>",
            ["application/pdf"],
        ),
        # what a mailing list added is not all that the mail says
        (multipart(HTML, b"\r\nfooter"), "html\nfooter", "<p>html</p>", []),
        (multipart(multipart(PLAIN, HTML, subtype=b"alternative", boundary=b"c"), b"\r\nfooter"), "plain\nfooter", "<p>html</p>", []),
        (multipart(multipart(HTML, PLAIN, subtype=b"alternative", boundary=b"c"), b"\r\nfooter"), "plain\nfooter", "<p>html</p>", []),
        (multipart(b"\r\n \r\n", HTML, subtype=b"alternative"), "html\n", "<p>html</p>", []),
        # a text with a name is a file
        (multipart(PLAIN, b'Content-Disposition: inline; filename="x.txt"\r\n\r\nx'), "plain", "", ["text/plain"]),
        (multipart(PLAIN, b"Content-Disposition: attachment\r\n\r\nx"), "plain", "", ["text/plain"]),
        # unless it is all there is
        (b"Content-Type: text/plain; name=body.txt\r\n\r\nx", "x", "", []),
        # a picture in the text, and what is no text
        (multipart(HTML, b"Content-Type: image/png\r\nContent-ID: <logo>\r\n\r\npng", subtype=b"related"), "html\n", "<p>html</p>", ["image/png"]),
        (multipart(PLAIN, b"Content-Type: text/calendar\r\n\r\nBEGIN", subtype=b"alternative"), "plain", "", ["text/calendar"]),
        # a forwarded message is not searched for text
        (multipart(b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ninner"), "", "", ["message/rfc822"]),
        (multipart(b"\r\nSubject: x\r\n\r\ninner", subtype=b"digest"), "", "", ["message/rfc822"]),
        (b"Content-Type: application/pdf\r\n\r\npdf", "", "", ["application/pdf"]),
    ],
)
def test_text_html_and_attachments_are_told_apart_as_mail_programs_do(raw: bytes, text: str, html: str, attached: list) -> None:
    for end in (b"\r\n", b"\n", b"\r"):
        message = parse(raw.replace(b"\r\n", end))
        assert (message.text, message.html, [part.mime_type for part in message.attachments]) == (text, html, attached)
        assert message.defects == []


def test_a_picture_in_the_text_has_its_cid() -> None:
    raw = multipart(HTML, b"Content-Type: image/png\r\nContent-ID: < logo@x >\r\n\r\npng", subtype=b"related")
    assert parse(raw).attachments[0].cid == "logo@x"


@pytest.mark.parametrize(
    "boundary", [b"a b", b"b'()+_,-./:=?", b"=_x", b"--", b"x--", b"a: b", b"(a)", b".*", b"x" * 200, b"=?utf-8?q?abc?=", b"b\xe9c", "备".encode("gb18030")]
)
def test_boundaries_may_have_odd_characters(boundary: bytes) -> None:
    message = parse(multipart(PLAIN, b"\r\nmore", boundary=boundary))
    assert ([part.octets() for part in message.parts], message.defects) == ([b"plain", b"more"], [])


def test_a_boundary_may_begin_like_another() -> None:
    inner = multipart(PLAIN, b"\r\n--b\r\n--bc\r\n--bbb", boundary=b"bb")
    raw = multipart(inner, PDF).replace(b"\r\n--b\r\n--bc", b"\r\n--bx\r\n--bc")
    assert [part.octets() for part in parse(raw).parts] == [b"plain", b"--bx\r\n--bc\r\n--bbb", b"pdf"]


@pytest.mark.parametrize(
    ("raw", "octets", "defect"),
    [
        (multipart(PLAIN, PDF)[:-7], [b"plain", b"pdf\r\n"], "boundary that ends"),
        (multipart(multipart(PLAIN, boundary=b"c").replace(b"--c--", b""), PDF), [b"plain\r\n\r\n", b"pdf"], "boundary that ends"),
        (multipart(PLAIN, PDF).replace(b'; boundary="b"', b""), [b"plain", b"pdf"], "does not name its boundary; the one"),
        (b"Content-Type: multipart/mixed\r\n\r\njust text", [b"just text"], "does not name its boundary"),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\njust text", [b"just text"], "no parts"),
        (multipart(multipart(PLAIN)), [b"", b"plain"], "one boundary"),
        (b"Content-Type: text/html\r\n" + PLAIN, [b"plain"], "more than one Content-Type"),
        (b"Subject: x\r\nbody at once", [b"body at once"], "without an empty line"),
        (b"Content-Type: multipart/mixed; boundary=%s\r\n\r\nx" % (b"x" * 2000), [b"x"], "too long"),
    ],
)
def test_broken_structure_is_read_and_told(raw: bytes, octets: list, defect: str) -> None:
    message = parse(raw)
    assert [part.octets() for part in message.parts] == octets
    assert any(defect in sentence for sentence in message.defects), message.defects
    assert all(sentence[0].isupper() for sentence in message.defects)


def test_a_forwarded_message_in_base64_is_read_though_it_must_not_be() -> None:
    raw = multipart(b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeAoKeQo=")
    assert parse(raw).attachments[0].octets() == b"Subject: x\n\ny\n"


@pytest.mark.parametrize(
    ("header", "body", "text"),
    [
        (b"Content-Type: text/plain; charset=gb2312", "备份，朱镕基\r\n".encode("gbk"), "备份，朱镕基\n"),
        (b"Content-Type: text/plain; charset=iso-8859-1", "\u201cx\u201d\r\n".encode("cp1252"), "\u201cx\u201d\n"),
        (b"Content-Type: text/plain; charset=utf-8; format=flowed", b"one \r\ntwo\r\n", "one two\n"),
        (b"Content-Type: text/plain; format=flowed; delsp=yes", b"one \r\ntwo\r\n", "onetwo\n"),
        (b"Content-Transfer-Encoding: quoted-printable", b"caf=C3=A9=\r\n!\r\n", "café!\n"),
        (b"Content-Type: text/html", '<meta charset="gbk"><p>备份</p>'.encode("gbk"), "备份\n"),
        (b"Content-Type: text/html; charset=us-ascii", '<meta charset="big5"><p>備份</p>'.encode("big5"), "備份\n"),
        (b"Content-Type: nonsense", b"x", "x"),
        (b"X: y", b"a\x00b\r\r\nc\rd", "a\x00b\nc\nd"),
        (b"Content-Type: text/plain; charset=no-such", "naïve".encode(), "naïve"),
    ],
)
def test_text_is_decoded(header: bytes, body: bytes, text: str) -> None:
    assert parse(header + b"\r\n\r\n" + body).text == text


def test_more_parts_than_wanted_are_left_out_and_told() -> None:
    raw = multipart(*[b"\r\n%d" % number for number in range(3000)])
    message = parse(raw)
    assert len(message.parts) == 999  # the entity around them is one
    assert message.parts[-1].octets() == b"998"
    assert message.defects == ["The message has more than 1000 parts; the others were not read"]
    assert message.raw == raw
    assert parse(raw, Limits(parts=5000)).defects == []


def test_parts_nested_deeper_than_wanted_are_left_whole_and_told() -> None:
    raw = PLAIN
    for level in range(200):
        raw = multipart(raw, boundary=b"b%d" % level)
    message = parse(raw)
    assert [part.mime_type for part in message.parts] == ["multipart/mixed"]
    assert message.defects == ["Parts are nested more than 50 deep; what is inside was not read"]
    assert b"plain" in message.parts[0].octets()
    assert parse(raw, Limits(depth=200)).text == "plain"


def test_messages_forwarded_200_deep_are_one_attachment() -> None:
    raw = b"Subject: inner\r\n\r\nx"
    for _level in range(200):
        raw = b"Content-Type: message/rfc822\r\n\r\n" + raw
    message = parse(raw)
    assert [part.mime_type for part in message.attachments] == ["message/rfc822"]
    assert message.text == ""


@pytest.mark.parametrize(
    "piece", [b"x", b"\n", b"\r", b"-", b"\n--", b"\n--a", b"--b\n", b"--b\n\nx\n", b"--b\nA: b\n", b"a:\n", b" \n", b"\x00", b"<p>", b"=?a?q?"]
)
def test_a_million_octets_of_anything_are_read_in_linear_time(piece: bytes) -> None:
    body = piece * (1_000_000 // len(piece))
    begun = time.process_time()
    for head in (b"", b"Subject: ", b"Content-Type: multipart/mixed; boundary=b\n\n"):
        assert len(parse(head + body).raw) == len(head + body)
    assert time.process_time() - begun < 10  # a second at most where nothing else runs


def test_a_line_of_ten_million_octets_is_one_line() -> None:
    line = b"x" * 10_000_000
    assert parse(b"Subject: y\n\n" + line).parts[0].octets() == line
    assert parse(b"Subject: " + line).defects == ["A field of the header is longer than 524288 octets; only its beginning was read"]


def test_delimiters_in_a_row_are_one() -> None:
    raw = multipart(PLAIN, PDF).replace(b"--b\r\n", b"--b\r\n--b\r\n")
    message = parse(raw)
    assert ([part.octets() for part in message.parts], message.defects) == ([b"plain", b"pdf"], [])


PIECES = [b"\r\n", b"\n", b"\r", b"--b", b"--c", b"--", b" ", b"x", b"\xff", b"<p>", b"Content-Type: text/html", b"Content-Type: message/rfc822"]
PIECES += [b"Content-Type: multipart/%s" % kind for kind in (b"mixed; boundary=b", b"alternative; boundary=c")]
PIECES += [b"Content-Transfer-Encoding: base64", b"Content-Disposition: attachment"]


@settings(deadline=None)
@given(
    st.binary(max_size=400)
    | st.lists(
        st.sampled_from(PIECES),
        max_size=40,
    ).map(b"".join)
)
def test_any_octets_are_a_message(raw: bytes) -> None:
    message = parse(raw)
    assert message.raw == raw
    assert message.parts
    (message.text + message.html + "".join(message.defects)).encode("utf-8")
    for part in message.parts:
        part.octets()
        (part.text() + part.name + part.cid + part.mime_type + part.charset).encode("utf-8")


LINES = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp"), blacklist_characters="\ufeff"), max_size=60)
WORDS = LINES.map(lambda text: " ".join(text.split())).filter(bool)


@settings(deadline=None, max_examples=60)
@given(
    WORDS,
    st.lists(LINES, min_size=1, max_size=5),
    st.none() | LINES,
    st.lists(st.tuples(WORDS, st.binary(max_size=80)), max_size=3),
    st.lists(WORDS.filter(lambda name: name.isprintable()), max_size=3),
)
def test_what_we_compose_is_read_as_it_was_meant(subject: str, lines: list, html: str | None, attached: list, people: list) -> None:
    text = "\n".join(lines) + "\n"
    mail = Mail(
        sender=parse_addresses("fleet@example.com", "sender")[0],
        to=[replace(parse_addresses("ops@example.com", "to")[0], name=name) for name in people],
        cc=(),
        bcc=(),
        reply_to=(),
        subject=subject,
        text=text,
        html=html,
        charset=UTF8,
        attach=[look_at({"name": name, "content": "", "mime_type": "application/x-test"}, "attach", UTF8) for name, _octets in attached],
        id_domain="example.com",
    )
    contents = [replace(item, data=octets, size=len(octets), digest=hashlib.sha256(octets).hexdigest()) for item, (_name, octets) in zip(mail.attach, attached)]
    mail = replace(mail, attach=contents)
    message = parse(compose(mail, mail.message_id(), 1770091506.0, False).read())
    assert message.defects == []
    assert message.fields.first("subject") == subject
    if text.strip() or not (html or "").strip():
        # a blank text beside HTML says nothing, and is made from that
        assert message.text == text
    assert message.html == ("" if html is None else html + "\n")
    assert [(part.name, hashlib.sha256(part.octets()).hexdigest()) for part in message.attachments] == [(item.name, item.digest) for item in contents]
    shown = mailboxes_of(message.fields.raw("to")) if people else []
    assert [parse_addresses(one, "to")[0].name for one in shown] == people


@pytest.mark.parametrize("charset", ["gb18030", "gbk", "big5", "shift_jis", "euc-jp", "iso-2022-jp", "euc-kr", "koi8-r", "iso-8859-1", "windows-1251"])
def test_what_we_compose_in_other_charsets_is_read_as_it_was_meant(charset: str) -> None:
    for text in ("第三份報告 三台主機", "Отчёт о копиях", "Résumé déjà vu", "バックアップ", "백업 완료"):
        mail = Mail(
            parse_addresses("fleet@example.com", "sender")[0],
            parse_addresses("a@example.com", "to"),
            (),
            (),
            (),
            text,
            text + "\n",
            None,
            find_charset(charset),
        )
        message = parse(compose(mail, mail.message_id(), 1770091506.0, False).read())
        assert (message.fields.first("subject"), message.text) == (text, text + "\n")
