# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime

import pytest
from ansible_collections.fleetproof.backup.plugins.plugin_utils import _human
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1048575, "1.0 MiB"),
        (1048576, "1.0 MiB"),
        (-2048, "-2.0 KiB"),
        (5 * 1024**4, "5.0 TiB"),
        (1024**7, "1024.0 EiB"),
    ],
)
def test_sizes(size, text):
    assert _human.human_size(size) == text


def test_the_digits_of_a_size_can_be_chosen():
    assert _human.human_size(1536, 0) == "2 KiB"
    assert _human.human_size(1536, 3) == "1.500 KiB"


@given(st.integers(-(2**63), 2**63))
def test_a_size_never_reads_1024_of_a_unit_that_has_a_larger_one(size):
    number, unit = _human.human_size(size).split()
    assert abs(float(number)) < 1024 or unit == "EiB"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.0123, "12.3 ms"),
        (0.9999, "1 s"),
        (1, "1 s"),
        (2.34, "2.3 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.9, "1 min"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3599.7, "1 h"),
        (3600, "1 h"),
        (5400, "1 h 30 min"),
        (86399, "1 d"),
        (183615, "2 d 3 h"),
        (-90, "-1 min 30 s"),
        (40 * 86400, "40 d"),
    ],
)
def test_durations(seconds, text):
    assert _human.human_time(seconds) == text


@pytest.mark.parametrize(("parts", "text"), [(1, "2 d"), (2, "2 d 3 h"), (3, "2 d 3 h 0 min".replace(" 0 min", "")), (4, "2 d 3 h 15 s")])
def test_the_parts_of_a_duration_can_be_chosen(parts, text):
    assert _human.human_time(183615, parts) == text


@given(st.floats(10, 10**9), st.integers(1, 4))
def test_a_duration_read_back_is_off_by_no_more_than_its_last_unit(seconds, parts):
    lengths = {"d": 86400, "h": 3600, "min": 60, "s": 1}
    words = _human.human_time(seconds, parts).split()
    total = sum(int(number) * lengths[unit] for number, unit in zip(words[::2], words[1::2]))
    units = list(lengths.values())
    first = next(index for index, length in enumerate(units) if seconds >= length)
    assert abs(total - seconds) <= units[min(first + parts, 4) - 1] / 2 + 1e-6
    assert len(words) <= 2 * parts


@pytest.mark.parametrize(
    ("text", "hour"),
    [("2026-02-03T04:05:06Z", 4), ("2026-02-03T04:05:06", 4), ("2026-02-03T04:05:06+02:00", 2), ("2026-02-03", 0)],
)
def test_times_are_read_as_utc(text, hour):
    moment = _human.parse_time(text)
    assert moment.hour == hour
    assert moment.utcoffset() == datetime.timedelta(0)


@pytest.mark.parametrize("text", ["", "yesterday", None, 5, "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_none(text):
    assert _human.parse_time(text) is None
    assert _human.human_date(text) == ""


def test_dates_read_the_same_in_any_locale():
    assert _human.human_date("2026-02-03T04:05:06Z") == "3 Feb 2026, 04:05 UTC"
    assert _human.human_date("2026-12-31T23:59:59Z", with_time=False) == "31 Dec 2026"
