# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import binascii
import quopri

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._message.transfer import from_base64, from_quoted_printable, undo
from hypothesis import given
from hypothesis import strategies as st

OCTETS = bytes(range(256))


@pytest.mark.parametrize("encoding", ["base64", "BASE64 ", '"base64"', "base64;", "base64 (that is)", "Base-64"])
def test_dirty_names_of_encodings_are_understood(encoding: str) -> None:
    assert undo(b"aGVsbG8=", encoding) == b"hello"


@pytest.mark.parametrize("encoding", ["", "7bit", "8bit", "binary", "x-unknown", "\u00e9"])
def test_other_encodings_leave_octets_as_they_are(encoding: str) -> None:
    assert undo(OCTETS, encoding) == OCTETS


@pytest.mark.parametrize(
    ("raw", "octets"),
    [
        (b"aGVsbG8=", b"hello"),
        (b"aGVsbG8", b"hello"),
        (b"aGVs\r\nbG8=\r\n", b"hello"),
        (b"aG!Vs bG*8=", b"hello"),
        (b"aGVsbG8=aGVsbG8=", b"hellohello"),
        (b"aGVsb", b"hel"),
        (b"=", b""),
        (b"====aGVs", b"hel"),
        (b"A", b""),
        (b"\x00\xff", b""),
    ],
)
def test_base64_gives_what_can_be_had(raw: bytes, octets: bytes) -> None:
    assert from_base64(raw) == octets


@pytest.mark.parametrize(
    ("raw", "octets"),
    [
        (b"a=3Db", b"a=b"),
        (b"a=\r\nb", b"ab"),
        (b"a= \t\r\nb", b"ab"),
        (b"a  \r\nb \n", b"a\r\nb\n"),
        (b"=e9=E9", b"\xe9\xe9"),
        (b"=ZZ=4", b"=ZZ=4"),
        (b"5 = 5", b"5 = 5"),
        (b"\xe9", b"\xe9"),
    ],
)
def test_quoted_printable_gives_what_can_be_had(raw: bytes, octets: bytes) -> None:
    assert from_quoted_printable(raw) == octets


@given(st.binary(max_size=500))
def test_what_was_encoded_comes_back(octets: bytes) -> None:
    assert undo(base64.encodebytes(octets), "base64") == octets
    assert undo(quopri.encodestring(octets, quotetabs=True), "quoted-printable") == octets
    lines = [binascii.b2a_uu(octets[index : index + 45]) for index in range(0, len(octets), 45)]
    assert undo(b"some words\nbegin 644 name of it\n" + b"".join(lines) + b"`\nend\nmore\n", "x-uuencode") == octets


def test_uuencode_whose_last_octets_are_filled_up_with_anything_is_read() -> None:
    assert undo(b"begin 644 x\n" + binascii.b2a_uu(b"abcd")[:-3] + b"!!\n", "x-uuencode") == b"abcd"


def test_uuencode_with_blanks_cut_off_and_without_an_end_is_read() -> None:
    octets = b"hello world\x00\x00\x00"
    line = binascii.b2a_uu(octets).replace(b"`", b" ").rstrip()
    assert undo(b"begin 644 x\r\n" + line + b"\r\n" + binascii.b2a_uu(b"more"), "uuencode") == octets + b"more"
    assert undo(b"no beginning", "uuencode") == b"no beginning"


def test_uuencode_takes_anything_for_what_fills_up_the_last_octets() -> None:
    assert undo(b"begin 644 x\n!844%\n", "uuencode") == b"a"


def test_lines_that_claim_more_than_they_hold_do_not_blow_up() -> None:
    raw = b"begin 644 x\n" + b"M\n" * 50_000
    assert len(undo(raw, "uuencode")) <= len(raw)


@given(st.binary(max_size=300), st.sampled_from(["base64", "quoted-printable", "uuencode"]))
def test_any_octets_can_be_undone(raw: bytes, encoding: str) -> None:
    undo(raw, encoding)
    undo(b"begin 644 x\n" + raw, encoding)
