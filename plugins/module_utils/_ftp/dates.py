# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Points in time as FTP servers write them.

Private to this collection. All times are nanoseconds since the epoch, UTC. None stands for a time that
no calendar has; whether that is an error is for the caller to say.
"""

from __future__ import annotations

import datetime
import functools
import re
import time
import typing as t

from .entries import SECOND

_EPOCH = datetime.date(1970, 1, 1).toordinal()
_DAY_SECONDS = 86400
_TIME_VAL = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(?:\.([0-9]+))?")
# 29 February of a year that is not told: the last one was at most eight years ago (1896 to 1904).
_YEARS_BACK = 9


@functools.lru_cache(maxsize=4096)
def _midnight(year: int, month: int, day: int) -> t.Optional[int]:
    """Seconds since the epoch. Cached: the files of a directory are of few days."""
    try:
        return (datetime.date(year, month, day).toordinal() - _EPOCH) * _DAY_SECONDS
    except ValueError:
        return None


@functools.lru_cache(maxsize=4096)
def _day(text: str) -> t.Optional[int]:
    """Seconds since the epoch, from ``20260203``."""
    return _midnight(int(text[:4]), int(text[4:6]), int(text[6:]))


def moment(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> t.Optional[int]:
    """Nanoseconds since the epoch. A second may be the 60th (a leap second), as in RFC 3659, section 2.3."""
    midnight = _midnight(year, month, day)
    if midnight is None or hour > 23 or minute > 59 or second > 60:
        return None
    return (midnight + hour * 3600 + minute * 60 + second) * SECOND


def parse_time_val(text: str) -> t.Optional[t.Tuple[int, int]]:
    """Nanoseconds and how exact they are, from ``20260203040506`` with or without a fraction (RFC 3659, section 2.3)."""
    if len(text) == 14 and text.isdigit() and text.isascii():
        # what nearly all are, fast
        day, hour, minute, second = _day(text[:8]), int(text[8:10]), int(text[10:12]), int(text[12:])
        if day is None or hour > 23 or minute > 59 or second > 60:
            return None
        return (day + hour * 3600 + minute * 60 + second) * SECOND, SECOND
    match = _TIME_VAL.fullmatch(text)
    if match is None:
        return None
    whole = moment(*map(int, match.group(1, 2, 3, 4, 5, 6)))
    fraction = match.group(7)
    if whole is None or fraction is None:
        return None if whole is None else (whole, SECOND)
    return whole + int(fraction[:9].ljust(9, "0")), int(10 ** max(0, 9 - len(fraction)))


def format_time_val(nanoseconds: int) -> t.Optional[str]:
    """``20260203040506``, whole seconds, as MFMT takes it; None for a time that has no year of four digits."""
    try:
        found = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=nanoseconds // SECOND)
    except OverflowError:
        return None
    return "%04d%02d%02d%02d%02d%02d" % found.timetuple()[:6]


@functools.lru_cache(maxsize=4096)
def latest(month: int, day: int, hour: int, minute: int, now: float) -> t.Optional[int]:
    """A time whose year was left out: the latest such that is at most a day after ``now`` (seconds since the epoch).

    The day is for the clock and the time zone of the server, which nobody tells.
    """
    limit = int(now + _DAY_SECONDS) * SECOND
    year = time.gmtime(now + _DAY_SECONDS).tm_year
    for candidate in range(year, year - _YEARS_BACK, -1):
        found = moment(candidate, month, day, hour, minute)
        if found is not None and found <= limit:
            return found
    return None
