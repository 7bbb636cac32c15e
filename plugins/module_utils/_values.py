# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values as users write and read them: sizes, durations, shares, times and file names.

Private to this collection. Pure functions; a value that cannot be read raises FleetproofError of
kind ``argument`` with a sentence that shows how it is written.
"""

from __future__ import annotations

import base64
import datetime
import os
import re
import typing as t

from ._errors import FleetproofError

_SIZE = re.compile(r"\A\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgtpe]?)(i?b)?\s*\Z", re.IGNORECASE)
_POWER = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5, "e": 6}
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(w|d|h|m|s)?", re.IGNORECASE)
_SECONDS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_SHARE = re.compile(r"\A\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*\Z")
# C0, DEL, C1 and surrogates: what is not text, or would be acted upon by a terminal.
_NOT_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

# The name of a copy until it is whole: fixed in length, so that any name that fits can be copied.
_TEMPORARY = re.compile(r"\.fleetproof-[0-9a-f]{16}\.tmp")
_TEMPORARY_START = ".fleetproof-"


def parse_size(text: t.Union[str, float], what: str) -> int:
    """Bytes from ``1048576``, ``10G`` or ``1.5 MiB``; the units are powers of 1024, as in ``du -h``."""
    match = _SIZE.match(str(text))
    if match is None:
        raise FleetproofError("argument", "%s: %r is not a size; write bytes or a number with K, M, G or T, such as 10G" % (what, text))
    return int(float(match.group(1)) * 1024 ** _POWER[match.group(2).lower()])


def parse_duration(text: t.Union[str, float], what: str) -> float:
    """Seconds from ``90``, ``26h``, ``1d12h`` or ``2w``."""
    text = str(text).strip()
    total = 0.0
    end = 0
    while end < len(text):
        match = _DURATION_PART.match(text, end)
        # A bare number is seconds, and only when nothing else stands beside it: "1h30" is a mistake.
        if match is None or (match.group(2) is None and (end or match.end() < len(text))):
            break
        total += float(match.group(1)) * _SECONDS[(match.group(2) or "s").lower()]
        end = match.end()
    if not text or end < len(text):
        raise FleetproofError("argument", "%s: %r is not a duration; write seconds or numbers with s, m, h, d or w, such as 26h" % (what, text))
    return total


def parse_share(text: t.Union[str, float]) -> t.Optional[float]:
    """``0.25`` from ``25%``; None when ``text`` is no percentage."""
    match = _SHARE.match(str(text))
    return None if match is None else float(match.group(1)) / 100


def iso_time(seconds: t.Optional[float]) -> t.Optional[str]:
    """``2026-02-03T04:05:06Z`` from seconds since the epoch (UTC); None stays None.

    A time that the calendar cannot hold (a damaged inode) becomes None as well.
    """
    if seconds is None:
        return None
    try:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    except (OverflowError, OSError, ValueError):
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def exact_time(nanoseconds: int) -> t.Optional[str]:
    """ISO 8601 in UTC, with the fraction of the second where there is one."""
    seconds, rest = divmod(nanoseconds, 10**9)
    text = iso_time(seconds)
    if text is None or not rest:
        return text
    return "%s.%sZ" % (text[:-1], ("%09d" % rest).rstrip("0"))


def _escaped(match: t.Match[str]) -> str:
    char = match.group()
    # surrogateescape keeps the undecodable byte 0xNN as U+DCNN (PEP 383)
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return "\\x%02x" % (code - 0xDC00)
    return "\\x%02x" % code if code < 0x100 else "\\u%04x" % code


def display_name(name: t.Union[str, bytes]) -> str:
    """A file name as results show it: text stays as it is, other bytes and control characters appear as ``\\xNN``."""
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    return _NOT_SHOWN.sub(_escaped, name)


def exact_name(name: str) -> str:
    """The bytes of a file name in base64, for machine-readable files (RFC 4648, section 4)."""
    return base64.b64encode(os.fsencode(name)).decode("ascii")


def temporary_name(number: int) -> str:
    """A name for a copy that is not whole yet; ``number`` is below 2**64."""
    return "%s%016x.tmp" % (_TEMPORARY_START, number)


def is_temporary(name: str) -> bool:
    """Whether ``name`` is one of ours."""
    return name.startswith(_TEMPORARY_START) and _TEMPORARY.fullmatch(name) is not None


def window_ns_of(params: t.Mapping[str, t.Any]) -> int:
    """Nanoseconds within which two mtimes are equal."""
    if not 0 <= params["modify_window"] < 2**31:
        raise FleetproofError("argument", "modify_window: %s is not a number of seconds from 0 on" % params["modify_window"])
    return round(float(params["modify_window"]) * 1_000_000_000)


def max_listed_of(params: t.Mapping[str, t.Any]) -> int:
    """How many items of each list are wanted, -1 for all."""
    if params["max_listed"] < -1:
        raise FleetproofError("argument", "max_listed: %d is neither a number of items nor -1 for all" % params["max_listed"])
    return int(params["max_listed"])
