# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dates of mail and news as seconds since the epoch.

Private to this collection. Pure, never an error. RFC 5322 section 3.3 with the obsolete forms of section 4.3, and what
old programs write: the form of asctime, names of zones, years of two digits.
"""

from __future__ import annotations

import datetime
import re
import typing as t

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ZONES = {"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "jst": 9, "cet": 1, "cest": 2, "met": 1, "eet": 2, "msk": 3}
_COMMENT = re.compile(r"\([^()]*\)")
_CLOCK = r"([0-9]{1,2})\s?[:.]\s?([0-9]{2})(?:\s?[:.]\s?([0-9]{2})(?:[.,][0-9]{1,9})?)?"
_ZONE = r"(?:(?:gmt|utc|ut)?\s*([+-]\s?[0-9]{1,2}:?[0-9]{2})|([a-z]{1,5}))"
_START = r"\A\s*(?:[a-z]{2,9}\.?\s*,?\s*)?"
_DATE = re.compile(_START + r"([0-9]{1,2})[\s.-]{0,3}([a-z]{3,9})\.?,?[\s-]{0,3}([0-9]{2,6})\s*[,\s]\s*%s(?:\s*%s)?" % (_CLOCK, _ZONE), re.IGNORECASE)
_ASCTIME = re.compile(_START + r"([a-z]{3,9})\.?\s+([0-9]{1,2}),?\s+%s\s+(?:%s\s+)?([0-9]{2,6})(?:\s+%s)?" % (_CLOCK, _ZONE, _ZONE), re.IGNORECASE)
_LONGEST = 400  # characters that are looked at


def seconds_of(date_field: str) -> t.Optional[float]:
    """Seconds since the epoch (UTC) from the value of a Date field; None when it is no date, or one that no calendar holds.

    A zone that is missing or unknown counts as UTC (RFC 5322, section 4.3).
    """
    text = date_field[:_LONGEST]
    for _time in range(5):
        text, count = _COMMENT.subn(" ", text)
        if not count:
            break
    text = " ".join(text.split())
    match = _DATE.match(text)
    if match:
        day, month, year, hour, minute, second, offset, zone = match.groups()
        return _seconds((year, month, day), (hour, minute, second), offset, zone)
    match = _ASCTIME.match(text)
    if match:
        month, day, hour, minute, second, offset, zone, year, late_offset, late_zone = match.groups()
        return _seconds((year, month, day), (hour, minute, second), offset or late_offset, zone or late_zone)
    return None


def _seconds(date: t.Tuple[str, str, str], clock: t.Tuple[str, str, t.Optional[str]], offset: t.Optional[str], zone: t.Optional[str]) -> t.Optional[float]:
    month = date[1].lower()[:3]
    if month not in _MONTHS:
        return None
    second = int(clock[2] or 0)
    try:
        # a leap second is the one after it
        moment = datetime.datetime(
            _year(date[0]), _MONTHS.index(month) + 1, int(date[2]), int(clock[0]), int(clock[1]), min(second, 59), tzinfo=datetime.timezone.utc
        )
        found = (moment - datetime.timedelta(minutes=_minutes(offset, zone))).timestamp()
    except (ValueError, OverflowError):
        return None
    return found + 1 if second == 60 else found if second < 60 else None


def _year(text: str) -> int:
    year = int(text)
    if len(text) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(text) == 3 else year


def _minutes(offset: t.Optional[str], zone: t.Optional[str]) -> int:
    if offset:
        digits = re.sub("[^0-9]", "", offset).rjust(4, "0")
        minutes = int(digits[:-2]) * 60 + int(digits[-2:])
        # more than a day is no zone
        return (-minutes if offset[0] == "-" else minutes) if minutes < 1440 else 0
    return 60 * _ZONES.get((zone or "").lower(), 0)
