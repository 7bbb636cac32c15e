# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._news.overview import FORMAT, BrokenLine, Overview, of_header, read_format, read_line
from hypothesis import given
from hypothesis import strategies as st

LINE = b"7\t=?utf-8?b?w7xiZXI=?=\tAlice <a@b>\tMon, 02 Mar 2026 10:00:00 +0000\t<c@d>\t<a@b> <b@c>\t312\t9\tXref: x g:7"
MEANT = Overview(7, "\u00fcber", "Alice <a@b>", "Mon, 02 Mar 2026 10:00:00 +0000", "<c@d>", ["<a@b>", "<b@c>"], 312, 9)


def test_a_line_is_read_and_decoded() -> None:
    assert read_line(LINE, 1, 10) == MEANT


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (b"7\ts\tf\td\t<c@d>", Overview(7, "s", "f", "d", "<c@d>", [], -1, -1)),
        (b"7\ts\tf\td\t<c@d>\t\t\t", Overview(7, "s", "f", "d", "<c@d>", [], -1, -1)),
        (b"7\t\t\t\t<c@d>\t<a@b><a@b> junk\tmany\t-1", Overview(7, "", "", "", "<c@d>", ["<a@b>"], -1, -1)),
    ],
)
def test_what_a_line_does_not_tell_is_left_open(line: bytes, wanted: Overview) -> None:
    assert read_line(line, 1, 10) == wanted


@pytest.mark.parametrize(
    ("line", "number", "says"),
    [
        (b"", None, "no number"),
        (b"no number\tx", None, "no number"),
        (b"-7\ts\tf\td\t<c@d>", None, "no number"),
        (b"7 s f d <c@d>", None, "no number"),
        (b"7\ts\tf", 7, "no message id"),
        (b"7\ts\tf\td\tnone", 7, "no message id"),
        (b"7\ts\tf\td\t<a b@c>", 7, "no message id"),
        (b"99\ts\tf\td\t<c@d>", 99, "not asked for"),
        (b"\xff\xfe\t\t", None, "no number"),
    ],
)
def test_lines_that_tell_nothing_are_told(line: bytes, number: t.Optional[int], says: str) -> None:
    found = read_line(line, 1, 10)
    assert isinstance(found, BrokenLine)
    assert found.number == number
    assert says in found.reason


@given(st.binary(max_size=80), st.lists(st.binary(max_size=20), max_size=9))
def test_no_line_is_an_error(start: bytes, fields: t.List[bytes]) -> None:
    assert isinstance(read_line(b"\t".join([start, *fields]), 1, 10), (Overview, BrokenLine))


def test_servers_may_have_an_order_of_their_own() -> None:
    order = read_format([b"From:", b"Subject:", b"Date:", b"Message-ID:", b"References:", b"Bytes:", b"Lines:", b"Xref:full"])
    assert read_line(b"7\tAlice <a@b>\t=?utf-8?b?w7xiZXI=?=\tMon, 02 Mar 2026 10:00:00 +0000\t<c@d>\t<a@b> <b@c>\t312\t9", 1, 10, order) == MEANT
    standard = [b"Subject:", b"From:", b"Date:", b"Message-ID:", b"References:", b":bytes", b":lines", b"Xref:full"]
    assert read_format(standard)[: len(FORMAT)] == FORMAT
    assert read_format([]) == FORMAT
    assert read_format([b"Subject:", b"\xff"]) == FORMAT


def test_a_header_tells_the_same() -> None:
    raw = b"Subject: s\r\nFrom: f\r\nMessage-ID:\r\n <c@d>\r\nIn-Reply-To: <a@b>\r\nLines: 9\r\n"
    assert of_header(raw, 7, "7 <c@d>") == Overview(7, "s", "f", "", "<c@d>", ["<a@b>"], -1, 9)
    # the reply names the id as well
    assert of_header(b"Subject: s\r\n", 7, "7 <e@f> head follows") == Overview(7, "s", "", "", "<e@f>", [], -1, -1)
    assert isinstance(of_header(b"Subject: s\r\n", 7, ""), BrokenLine)
