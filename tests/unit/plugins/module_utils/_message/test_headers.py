# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import email
import email.header
import email.policy
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._message import headers
from ansible_collections.fleetproof.backup.plugins.module_utils._message.addresses import parse_address
from hypothesis import given
from hypothesis import strategies as st

CHARSETS = ("utf-8", "gbk", "gb18030", "big5", "iso-2022-jp", "koi8-r", "us-ascii", "iso-8859-1")
PRINTABLE = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cn", "Co", "Cf")), max_size=200)


def decoded(value: str) -> str:
    return str(email.header.make_header(email.header.decode_header(value)))


def unfolded(field: str) -> str:
    assert field.endswith("\r\n")
    return field[:-2].replace("\r\n", "").partition(": ")[2]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("UTF8", "utf-8"),
        ("gbk", "gbk"),
        ("GB2312", "gb2312"),
        ("latin1", "iso-8859-1"),
        ("cp1252", "windows-1252"),
        ("ascii", "us-ascii"),
        ("sjis", "shift_jis"),
    ],
)
def test_a_charset_goes_by_the_name_that_mail_programs_know(name: str, label: str) -> None:
    assert headers.find_charset(name).label == label


@pytest.mark.parametrize("name", ["klingon", "utf-16", "rot13", "base64", "", "utf-8\0", "idna", "raw_unicode_escape"])
def test_what_is_no_charset_for_mail_is_refused(name: str) -> None:
    with pytest.raises(FleetproofError, match="charset"):
        headers.find_charset(name)


@given(PRINTABLE, st.sampled_from(CHARSETS))
def test_a_subject_comes_out_as_it_went_in_on_lines_that_are_short_enough(text: str, charset: str) -> None:
    text = " ".join(text.split())
    field = headers.field("Subject", headers.unstructured("Subject", text, headers.find_charset(charset)))
    assert field.isascii()
    if headers.is_plain(text):
        assert unfolded(field) == text
    else:
        assert all(len(line) <= 76 for line in field.split("\r\n")), field
        assert decoded(unfolded(field)) == text


def test_a_subject_in_gbk_is_in_gbk_and_one_that_gbk_cannot_hold_is_in_utf8() -> None:
    gbk = headers.find_charset("gbk")
    assert headers.unstructured("Subject", "备份报告", gbk) == ["=?gbk?b?sbi33bGouOY=?="]
    assert headers.unstructured("Subject", "备份 ✅", gbk)[0].startswith("=?utf-8?")


def test_mostly_latin_text_stays_readable_in_encoded_words() -> None:
    assert headers.unstructured("Subject", "Sauvegarde terminée", headers.UTF8) == ["=?utf-8?q?Sauvegarde_termin=C3=A9e?="]


@pytest.mark.parametrize("text", ["=?utf-8?b?AAAA?=", " leading", "trailing ", "x" * 1200])
def test_text_that_would_not_survive_unencoded_is_encoded(text: str) -> None:
    field = headers.field("Subject", headers.unstructured("Subject", text, headers.UTF8))
    assert decoded(unfolded(field)) == text
    assert max(map(len, field.split("\r\n"))) <= 78


def test_long_plain_text_is_folded_at_spaces_and_comes_back() -> None:
    text = " ".join(["word"] * 60)
    field = headers.field("X-Note", headers.unstructured("X-Note", text, headers.UTF8))
    assert max(map(len, field.split("\r\n"))) <= 78
    assert unfolded(field) == text


@pytest.mark.parametrize("value", ["a\r\nBcc: x@y.z", "a\nb", "a\rb", "a\0b", "a\u2028b", "a\x85b", "a\x0bb"])
def test_a_value_with_a_line_break_is_unsafe(value: str) -> None:
    with pytest.raises(FleetproofError) as caught:
        headers.checked_value(value, "subject")
    assert caught.value.kind == "unsafe"


@pytest.mark.parametrize(
    ("name", "kind"), [("X\r\nBcc", "unsafe"), ("X: y", "argument"), ("", "argument"), ("Ünï", "argument"), ("a b", "argument"), ("X" * 77, "argument")]
)
def test_what_is_no_name_of_a_header_is_refused(name: str, kind: str) -> None:
    with pytest.raises(FleetproofError) as caught:
        headers.checked_name(name, "headers")
    assert caught.value.kind == kind


def parsed(fields: t.Sequence[str]) -> email.message.EmailMessage:
    message = email.message_from_bytes("".join(fields).encode("utf-8") + b"\r\n", policy=email.policy.default)
    assert isinstance(message, email.message.EmailMessage)
    return message


@given(PRINTABLE, st.sampled_from(CHARSETS))
def test_a_display_name_comes_out_as_it_went_in(name: str, charset: str) -> None:
    name = " ".join(name.split())
    address = parse_address("a@example.com", "to")
    address = type(address)(name, address.local, address.domain, address.shown)
    field = headers.field("To", headers.mailboxes([address, address], headers.find_charset(charset), False))
    found = email.message_from_string(field + "\r\n", policy=email.policy.compat32)
    pairs = email.utils.getaddresses(
        [str(email.header.make_header(email.header.decode_header(found["To"])))] if headers.is_plain(name) else [found["To"].replace("\r\n", "")]
    )
    assert [(decoded(shown) if not headers.is_plain(name) else shown, spec) for shown, spec in pairs] == [(name, "a@example.com")] * 2


def test_an_address_that_needs_smtputf8_is_no_address_without_it() -> None:
    address = parse_address("张三 <张三@example.com>", "to")
    assert "".join(headers.mailbox(address, headers.UTF8, True)).endswith(" <张三@example.com>")
    downgraded = "".join(headers.mailbox(address, headers.UTF8, False))
    assert downgraded.isascii()
    assert downgraded.endswith(":;")
    assert decoded(downgraded[:-2]) == "张三 <张三@example.com>"


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=120))
def test_a_file_name_comes_out_of_rfc_2231_as_it_went_in(name: str) -> None:
    name = name.strip() or "x"
    fields = headers.field("Content-Disposition", headers.with_parameters("attachment", headers.parameter("filename", name)))
    assert max(map(len, fields.split("\r\n"))) <= min(max(78, len(name) * 2 + 16), 998)
    found = email.message_from_string(fields + "\r\n", policy=email.policy.compat32).get_filename()
    assert found == name


def test_the_old_form_of_a_name_is_what_programs_of_the_gbk_era_read() -> None:
    tokens = headers.old_parameter("name", "每周备份报告.xlsx", headers.find_charset("gbk"))
    field = headers.field("Content-Type", headers.with_parameters("application/octet-stream", tokens))
    assert '="=?gbk?b?' in field
    message = parsed([field])
    assert message["Content-Type"].params["name"] == "每周备份报告.xlsx"


def test_long_names_in_the_old_form_are_folded_between_words() -> None:
    tokens = headers.old_parameter("name", "报告" * 40, headers.UTF8)
    field = headers.field("Content-Type", headers.with_parameters("text/csv", tokens))
    assert max(map(len, field.split("\r\n"))) <= 85
    assert decoded(field.split('"')[1].replace("\r\n", "")) == "报告" * 40


@pytest.mark.parametrize("name", ["n" * 2000, "two words " * 200 + "x", 'a"' * 400 + "b", "=?utf-8?b?eA==?="])
def test_a_plain_file_name_of_any_length_comes_out_on_lines_that_servers_take(name: str) -> None:
    fields = headers.field("Content-Disposition", headers.with_parameters("attachment", headers.parameter("filename", name)))
    assert max(map(len, fields.split("\r\n"))) <= 998
    assert email.message_from_string(fields + "\r\n", policy=email.policy.default).get_filename() == name


@pytest.mark.parametrize("name", ["Doe, Jane " * 120, '"' * 600])
def test_a_long_display_name_is_folded(name: str) -> None:
    address = parse_address("a@example.com", "to")
    address = type(address)(name.strip(), address.local, address.domain, address.shown)
    field = headers.field("To", headers.mailbox(address, headers.UTF8, False))
    assert max(map(len, field.split("\r\n"))) <= 78
    shown, _bracket, spec = field[4:].replace("\r\n", "").rpartition(" ")
    assert (decoded(shown), spec) == (name.strip(), "<a@example.com>")


@pytest.mark.parametrize("text", ["每周\u3000备份报告", "👩\u200d💻", "क्\u200dष", "100\xa0%", "soft\xadhyphen"])
def test_what_spaces_and_joins_letters_is_text_and_stays(text: str) -> None:
    assert headers.checked_value(text, "subject") == text


def test_control_characters_and_octets_that_were_no_text_are_shown_as_unreadable() -> None:
    assert headers.checked_value("a\x1b[2Jb\udce9", "subject") == "a\ufffd[2Jb\ufffd"
