# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers as people read them. Private to this collection."""

from __future__ import annotations

import datetime
import typing as t

_SIZES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_TIMES = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def human_size(size: float, digits: int = 1) -> str:
    """``1.5 GiB`` from bytes; powers of 1024, ``digits`` after the point from KiB on. A negative size keeps its sign."""
    sign = "-" if size < 0 else ""
    amount = abs(float(size))
    unit = 0
    # Rounded first, so that 1023.99 KiB reads as 1.0 MiB and not as 1024.0 KiB.
    while round(amount, digits if unit else 0) >= 1024 and unit < len(_SIZES) - 1:
        amount /= 1024
        unit += 1
    return "%s%.*f %s" % (sign, digits if unit else 0, amount, _SIZES[unit])


def human_time(seconds: float, parts: int = 2) -> str:
    """``2 d 3 h`` from seconds, in at most ``parts`` units; below ten seconds with one digit after the point, below one in ms."""
    sign = "-" if seconds < 0 else ""
    amount = abs(float(seconds))
    if amount == 0:
        return "0 s"
    if amount < 0.9995:
        return "%s%.3g ms" % (sign, amount * 1000)
    if amount < 9.95:
        return "%s%s s" % (sign, ("%.1f" % amount).replace(".0", ""))
    return sign + " ".join(_in_units(amount, parts))


def _in_units(amount: float, parts: int) -> t.List[str]:
    """The largest ``parts`` units, the last of them rounded: 3599.7 seconds are one hour."""
    first = next(index for index, (_unit, length) in enumerate(_TIMES) if amount >= length or length == 1)
    last = min(first + parts, len(_TIMES)) - 1
    grain = _TIMES[last][1]
    left = int(amount / grain + 0.5) * grain
    words = []
    for unit, length in _TIMES[max(first - 1, 0) : last + 1]:
        number, left = divmod(left, length)
        if number:
            words.append("%d %s" % (number, unit))
    return words[:parts]


def parse_time(text: t.Any) -> t.Optional[datetime.datetime]:
    """A moment in UTC from ISO 8601; None when it is no time."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in "zZ" else text)
    except ValueError:
        return None
    return moment.replace(tzinfo=datetime.timezone.utc) if moment.tzinfo is None else moment.astimezone(datetime.timezone.utc)


def human_date(text: t.Any, with_time: bool = True) -> str:
    """``3 Feb 2026, 04:05 UTC`` from an ISO time; nothing when it is no time."""
    moment = parse_time(text)
    if moment is None:
        return ""
    # Not strftime's month: it follows the locale of the controller, and the rest of the report is English.
    month = _MONTHS[moment.month - 1]
    day = "%d %s %d" % (moment.day, month, moment.year)
    return "%s, %02d:%02d UTC" % (day, moment.hour, moment.minute) if with_time else day


def counted(number: int, one: str, many: str) -> str:
    """``1 host`` or ``2 hosts``."""
    return "%d %s" % (number, one if number == 1 else many)
