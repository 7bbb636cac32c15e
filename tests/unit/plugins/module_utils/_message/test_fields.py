# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._message.fields import parse_fields
from hypothesis import given
from hypothesis import strategies as st

HEADER = b"Received: one\r\nReceived: two\r\nSUBJECT: a\r\n b\r\nTo : x@example.com\r\n\r\nbody"


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r", b"\r\r\n"])
def test_fields_are_found_by_name_whatever_ends_the_lines(end: bytes) -> None:
    raw = HEADER.replace(b"\r\n", end)
    fields, body = parse_fields(raw)
    assert raw[body:] == b"body"
    assert fields.first("subject") == "a b"
    assert fields.all("received") == ["one", "two"]
    assert fields.items() == [("Received", "one"), ("Received", "two"), ("SUBJECT", "a b"), ("To", "x@example.com")]
    assert fields.raw("Subject") == [b"a" + end + b" b"]
    assert (fields.first("cc"), fields.all("cc"), fields.raw("cc")) == ("", [], [])


@pytest.mark.parametrize(
    ("raw", "names", "body"),
    [
        (b"", [], b""),
        (b"\r\nbody", [], b"body"),
        (b"A: b", ["A"], b""),
        (b"A: b\n", ["A"], b""),
        (b"A:\n\nx", ["A"], b"x"),
        (b"From x@y Sat Nov 21\nA: b\n\nx", ["A"], b"x"),
        (b">From x\nA: b\n\nx", ["A"], b"x"),
        (b" folded\nA: b\n\nx", ["A"], b"x"),
        (b"A: b\nno colon\nTo: c\n\nx", ["A", "To"], b"x"),
        (b"A: b\nDear all,\nall is well: yes\n\nx", ["A"], b"Dear all,\nall is well: yes\n\nx"),
        (b"A: b\n \nB: c\n\nx", ["A", "B"], b"x"),
        (b"just words", [], b"just words"),
        (b": empty\n\nx", [], b": empty\n\nx"),
        (b"A: b\r\n\nx", ["A"], b"x"),
        (b"A: b\n\r\nx", ["A"], b"x"),
    ],
)
def test_the_body_is_found(raw: bytes, names: list, body: bytes) -> None:
    fields, offset = parse_fields(raw)
    assert [name for name, _value in fields.items()] == names
    assert raw[offset:] == body


def test_octets_that_nobody_encoded_are_in_the_charset_of_the_body() -> None:
    raw = b"Subject: %s\nContent-Type: text/plain; charset=koi8-r\n\n" % "Отчёт".encode("koi8_r")
    assert parse_fields(raw)[0].first("subject") == "Отчёт"


def test_more_fields_than_anybody_needs_are_left_out() -> None:
    fields, body = parse_fields(b"A: b\n" * 20_000 + b"\nbody")
    assert len(fields.items()) == 5000
    assert body == 100_001


@given(st.binary(max_size=300) | st.lists(st.sampled_from([b"A: b", b"\r", b"\n", b" ", b"\t", b":", b"--", b"\x00", b"\xff", b"From "])).map(b"".join))
def test_any_octets_have_a_header(raw: bytes) -> None:
    fields, body = parse_fields(raw)
    assert 0 <= body <= len(raw)
    assert all(fields.first(name) is not None and fields.raw(name) for name, _value in fields.items())
