# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.dates import format_time_val, latest, moment, parse_time_val
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.entries import DAY, SECOND
from hypothesis import given
from hypothesis import strategies as st

UTC = datetime.timezone.utc
MOMENTS = st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59))


def nanoseconds(when):
    return (when.replace(tzinfo=UTC) - datetime.datetime(1970, 1, 1, tzinfo=UTC)) // datetime.timedelta(microseconds=1) * 1000


@given(MOMENTS)
def test_a_moment_is_what_the_calendar_says(when):
    assert moment(*when.timetuple()[:6]) == nanoseconds(when.replace(microsecond=0))


@given(MOMENTS)
def test_what_is_written_reads_back_to_the_second(when):
    assert parse_time_val(format_time_val(nanoseconds(when))) == (nanoseconds(when.replace(microsecond=0)), SECOND)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20260203040506", (1770091506 * SECOND, SECOND)),
        ("20260203040506.5", (1770091506 * SECOND + SECOND // 2, SECOND // 10)),
        ("20260203040506.123456789", (1770091506 * SECOND + 123456789, 1)),
        ("20260203040506.1234567891", (1770091506 * SECOND + 123456789, 1)),
        # a leap second
        ("20161231235960", (1483228800 * SECOND, SECOND)),
        ("20260203040561", None),
        ("20260203046006", None),
        ("20260203240506", None),
        ("20260229040506", None),
        ("20260203040506.", None),
        ("2026020304050", None),
        ("191260203040506", None),
        ("2026020304050\u0666", None),
        ("", None),
    ],
)
def test_a_time_val_is_read_or_is_none(text, expected):
    assert parse_time_val(text) == expected


@pytest.mark.parametrize("when", [10**30, -(10**30), -63_000_000_000 * SECOND])
def test_a_time_without_a_year_of_four_digits_is_not_written(when):
    assert format_time_val(when) is None


@given(st.datetimes(datetime.datetime(1971, 1, 1), datetime.datetime(2200, 1, 1)), st.floats(0, 2**33))
def test_the_year_that_is_left_out_is_the_latest_that_is_not_in_the_future(when, now):
    found = latest(when.month, when.day, when.hour, when.minute, now)
    assert found is not None
    assert found <= now * SECOND + DAY
    told = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=found // SECOND)
    assert (told.month, told.day, told.hour, told.minute) == (when.month, when.day, when.hour, when.minute)
    later = [moment(told.year + years, when.month, when.day, when.hour, when.minute) for years in range(1, 9)]
    assert all(other is None or other > int(now + 86400) * SECOND for other in later)


def test_a_day_that_no_year_has_is_none():
    assert latest(2, 30, 0, 0, 1_700_000_000) is None
