# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.lines import FromWire, ToWire
from hypothesis import given
from hypothesis import strategies as st

# Mostly what matters, in pieces of all sizes
TEXT = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"\0", b"\xff"]), max_size=30).map(b"".join)
PIECES = st.lists(st.lists(st.sampled_from([b"\r", b"\n", b"a"]), max_size=4).map(b"".join), max_size=12)


def from_wire(pieces: t.Iterable[bytes]) -> bytes:
    convert = FromWire()
    return b"".join([convert.convert(piece) for piece in pieces]) + convert.end()


def to_wire(pieces: t.Iterable[bytes]) -> bytes:
    convert = ToWire()
    found = b"".join([convert.convert(piece) for piece in pieces])
    assert convert.ends == found.count(b"\r\n")
    return found


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        (b"", b""),
        (b"one\ntwo\n", b"one\r\ntwo\r\n"),
        (b"no end", b"no end"),
        (b"\n\n\n", b"\r\n\r\n\r\n"),
        (b"already\r\nmixed\n", b"already\r\nmixed\r\n"),
        (b"a\rb\r", b"a\rb\r"),
        (b"\r\r\n", b"\r\r\n"),
    ],
)
def test_line_ends_on_the_way_out(text: bytes, wire: bytes) -> None:
    assert to_wire([text]) == wire


@pytest.mark.parametrize(
    ("wire", "text"),
    [(b"", b""), (b"one\r\ntwo\r\n", b"one\ntwo\n"), (b"alone\rand\nalone\r", b"alone\rand\nalone\r"), (b"\r\r\n", b"\r\n"), (b"\r\n\r\n", b"\n\n")],
)
def test_line_ends_on_the_way_in(wire: bytes, text: bytes) -> None:
    assert from_wire([wire]) == text


@given(PIECES)
def test_it_does_not_matter_where_pieces_end(pieces: t.List[bytes]) -> None:
    assert to_wire(pieces) == to_wire([b"".join(pieces)])
    assert from_wire(pieces) == from_wire([b"".join(pieces)])


@given(TEXT)
def test_a_text_comes_back_with_one_kind_of_line_end(text: bytes) -> None:
    assert from_wire([to_wire([text])]) == text.replace(b"\r\n", b"\n")


@given(TEXT)
def test_nothing_is_converted_twice(text: bytes) -> None:
    assert to_wire([to_wire([text])]) == to_wire([text])
