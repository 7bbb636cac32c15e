# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._message.compose import format_date
from ansible_collections.fleetproof.backup.plugins.module_utils._message.dates import seconds_of
from hypothesis import given
from hypothesis import strategies as st

NOON = 1795262400.0  # 2026-11-21T12:00:00Z


@pytest.mark.parametrize(
    "text",
    [
        "Sat, 21 Nov 2026 12:00:00 +0000",
        "Sat, 21 Nov 2026 13:00:00 +0100",
        "Sat, 21 Nov 2026 17:30:00 +0530 (IST)",
        "Sat, 21 Nov 2026 07:00:00 -0500 (Eastern (winter) Time)",
        "21 Nov 2026 12:00 +0000",
        "Sat, 21 Nov 2026 12(comment):   00  :  00 +0000",
        "21 Nov 2026 12:00:00",
        "Sat,21 Nov 26 12:00:00 GMT",
        "Sat, 21 Nov 126 12:00:00 UT",
        "Saturday, 21-Nov-26 12:00:00 GMT",
        "Sat, 21 Nov 2026 07:00:00 EST",
        "Sat, 21 Nov 2026 04:00:00 PST",
        "Sat, 21 Nov 2026 12:00:00 Z",
        "Sat, 21 Nov 2026 12:00:00 X",
        "sat, 21 november 2026 12:00:00 +0000",
        "Sat, 21 Nov 2026 12:00:00 -0000",
        "(comment) Sat, 21 (c) Nov 2026 12:00:00 +0000",
        "Sat, 21 Nov 2026 13:00:00 GMT+0100",
        "Sat, 21 Nov 2026 13:00:00 +01:00",
        "Sat, 21 Nov 2026 12.00.00 +0000",
        "Sat, 21 Nov 2026 12:00:00.123 +0000",
        "Sat, 21 Nov 2026 11:59:60 +0000",
        "Sat Nov 21 12:00:00 2026",
        "Sat Nov 21 07:00:00 EST 2026",
        "Sat Nov 21 13:00:00 2026 +0100",
        "Sat, 21 Nov 2026 12:00:00 +9999",
        "  Sat,  21  Nov  2026  12:00:00  +0000  ",
    ],
)
def test_dates_of_old_and_new_programs_are_read(text: str) -> None:
    assert seconds_of(text) == NOON


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "Sat, 31 Nov 2026 12:00:00 +0000",
        "Sat, 21 Foo 2026 12:00:00 +0000",
        "Sat, 21 Nov 2026 25:00:00 +0000",
        "Sat, 21 Nov 2026 12:61:00 +0000",
        "Sat, 21 Nov 2026 12:00:99 +0000",
        "Sat, 21 Nov 99999 12:00:00 +0000",
        "Sat, 21 Nov 0000 12:00:00 +0000",
        "Sat, 01 Jan 0001 00:00:00 +2300",
        "Sat, 21 Nov 2026",
        "٢١ Nov 2026 12:00:00",
        "(" * 5000,
    ],
)
def test_nonsense_is_no_date(text: str) -> None:
    assert seconds_of(text) is None


def test_years_of_two_digits_are_of_the_last_century_from_50_on() -> None:
    assert seconds_of("1 Jan 70 00:00:00 GMT") == 0
    assert seconds_of("1 Jan 49 00:00:00 GMT") == 2493072000


@given(st.integers(0, 250_000_000_000))
def test_what_was_written_comes_back(seconds: int) -> None:
    assert seconds_of(format_date(seconds)) == seconds


@given(st.text(max_size=100))
def test_any_text_is_a_date_or_none(text: str) -> None:
    seconds_of(text)
