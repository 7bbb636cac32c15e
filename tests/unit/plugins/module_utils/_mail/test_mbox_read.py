# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import time
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.mbox_read import begins_like_mbox, is_from_line, message_of, places_in
from ansible_collections.fleetproof.backup.plugins.module_utils._message.mbox import entry_of
from hypothesis import given
from hypothesis import strategies as st

LINE = b"From ann@example.com Tue Feb  3 04:05:06 2026\n"


def read(mbox: bytes, is_mboxo: bool = False) -> t.List[bytes]:
    file = io.BytesIO(mbox)
    return [message_of(mbox[offset : offset + length], is_mboxo) for offset, length in places_in(file)]


@pytest.mark.parametrize(
    "line",
    [
        LINE,
        b"From - Tue Feb  3 04:05:06 2026\n",
        b"From MAILER-DAEMON Tue Feb  3 04:05:06 2026\r\n",
        b"From ann@example.com Tue Feb 03 04:05:06 2026 +0100\n",
        b"From ann@example.com  Tue Feb  3 04:05 CET 2026\n",
        b"From ann@example.com Tue, 3 Feb 2026 04:05:06 +0000\n",
        b"From ann!host Tue Feb  3 04:05:06 2026 remote from host\n",
        b'From "ann smith"@example.com Tue Feb  3 04:05:06 2026\n',
    ],
)
def test_a_line_ahead_of_a_message_is_known_in_its_varieties(line: bytes) -> None:
    assert is_from_line(line)
    assert len(read(LINE + b"A: 1\n\nx\n\n" + line + b"B: 2\n\ny\n\n")) == 2


@pytest.mark.parametrize("line", [b"From here on it is 10:00\n", b"From 2026 on, at 10:30 too\n", b"From ann@example.com\n", b" " + LINE, b"FROM ann\n"])
def test_a_sentence_that_begins_with_from_is_text(line: bytes) -> None:
    assert not is_from_line(line)
    assert read(LINE + b"A: 1\n\n" + line + b"\n" + line + b"\n") == [b"A: 1\n\n" + line + b"\n" + line]


def test_a_message_begins_after_an_empty_line_only() -> None:
    assert len(read(LINE + b"A: 1\n\nx\n" + LINE + b"y\n")) == 1
    assert len(read(b"\n\n" + LINE + b"A: 1\n\nx\n\n" + LINE + b"B: 2\n\n")) == 2


def test_the_first_message_begins_whatever_its_line_says() -> None:
    assert read(b"From ann\nA: 1\n\nx\n") == [b"A: 1\n\nx\n"]


@pytest.mark.parametrize(
    ("mbox", "expected"),
    [
        (b"", []),
        (LINE, [b""]),
        (LINE + b"A: 1\n\nx", [b"A: 1\n\nx"]),
        (LINE + b"A: 1\n\nx\n\n\n", [b"A: 1\n\nx\n\n"]),
        (LINE + b"A: 1\n\n\n" + LINE + b"B: 2\n\n\n", [b"A: 1\n\n", b"B: 2\n\n"]),
        ((LINE + b"A: 1\n\nx\n\n" + LINE + b"B: 2\n\ny\n\n").replace(b"\n", b"\r\n"), [b"A: 1\r\n\r\nx\r\n", b"B: 2\r\n\r\ny\r\n"]),
        (LINE + b"A: 1\nContent-Length: 5000\n\nx\n\n" + LINE + b"B: 2\n\ny\n", [b"A: 1\nContent-Length: 5000\n\nx\n", b"B: 2\n\ny\n"]),
    ],
)
def test_messages_come_without_what_the_format_put_around_them(mbox: bytes, expected: t.List[bytes]) -> None:
    assert read(mbox) == expected


def test_quoting_is_undone_as_the_variety_has_it() -> None:
    mbox = LINE + b"A: 1\n\n>From a\n>>From b\n> From c\n>>>From\n"
    assert read(mbox) == [b"A: 1\n\nFrom a\n>From b\n> From c\n>>>From\n"]
    assert read(mbox, is_mboxo=True) == [b"A: 1\n\nFrom a\n>>From b\n> From c\n>>>From\n"]


@given(st.lists(st.lists(st.sampled_from([b"From ", b">From x", LINE[:-1], b">" + LINE[:-1], b"", b"text", b">", b" From "]), max_size=8), max_size=5))
def test_what_is_stored_is_what_is_read(messages: t.List[t.List[bytes]]) -> None:
    raws = [b"A: 1\n\n" + b"".join(line + b"\n" for line in lines) for lines in messages]
    assert read(b"".join(entry_of(LINE, raw) for raw in raws)) == raws


@given(st.binary(max_size=200))
def test_any_octets_are_read(raw: bytes) -> None:
    begins_like_mbox(io.BytesIO(raw))
    read(raw)
    read(LINE + raw)


def test_what_begins_like_an_mbox_is_one() -> None:
    assert [begins_like_mbox(io.BytesIO(raw)) for raw in (LINE, b"\n\r\n" + LINE, b"", b"\n")] == [True] * 4
    assert [begins_like_mbox(io.BytesIO(raw)) for raw in (b"From: ann\n", b">" + LINE, b"x")] == [False] * 3


@pytest.mark.parametrize("piece", [b"\n", b"From ", b"\nFrom a", b">", b"\n>>", b"\nFrom Tue Feb Feb Feb "])
def test_hostile_sizes_take_no_time(piece: bytes) -> None:
    raw = LINE + b"\n" + piece * (2_000_000 // len(piece))
    begun = time.process_time()
    read(raw)
    assert time.process_time() - begun < 5.0


def test_what_begins_no_message_is_refused() -> None:
    with pytest.raises(ValueError, match="no message"):
        message_of(b"A: 1\n", False)
