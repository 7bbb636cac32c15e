# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One line of LIST in the ways that servers write it: like ls, like DIR, and EPLF.

Private to this collection. No standard says what LIST looks like (RFC 959 leaves it to the system). Each
function returns None for a line that is not in its style, or that says something impossible.
"""

from __future__ import annotations

import functools
import re
import typing as t

from .dates import latest, moment
from .entries import DAY, DIRECTORY, FILE, MINUTE, SECOND, SPECIAL, SYMLINK, Entry

# The name as it came, and the entry
Line = t.Tuple[bytes, Entry]
Text = t.Callable[[bytes], str]

_MONTHS = {name: number for number, name in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
_ARROW = b" -> "
_UNIX_KINDS = {b"-": FILE, b"d": DIRECTORY, b"l": SYMLINK}

# "drwxr-xr-x+ 2 owner group 4096 Nov 21 03:04 name": one blank before the name, which may begin with more.
_UNIX = re.compile(
    rb"(?P<kind>[-dlbcpsD])(?P<bits>[-rwxsStTlL]{9})[.+@]? *[0-9]+ +"
    rb"(?:(?P<who>\S(?:.*?\S)??) +)??"
    rb"(?P<size>[0-9]{1,20}|[0-9]+, *[0-9]+) +"
    rb"(?:(?P<month>[A-Za-z]{3}) +(?P<day>[0-9]{1,2}) +(?:(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})|(?P<year>[0-9]{4}))"
    rb"|(?P<iso>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+ [-+][0-9]{4})?)?))"
    rb" (?P<name>.+)",
    re.DOTALL,
)
_ISO = re.compile(rb"([0-9]+)-([0-9]+)-([0-9]+) ([0-9]+):([0-9]+)(?::([0-9]+))?(?:\.([0-9]+) ([-+])([0-9]{2})([0-9]{2}))?")

# "11-21-26  03:04PM       <DIR>          name" and "11-21-26  03:04PM            1,234 name": the name has its column.
_DOS = re.compile(
    rb"(?P<month>[0-9]{2})-(?P<day>[0-9]{2})-(?P<year>[0-9]{4}|[0-9]{2}) +(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2}) ?(?P<half>[AaPp][Mm])? +"
    rb"(?:(?P<kind><[A-Za-z]+>)(?: {10}| +)|(?P<size>[0-9]{1,20}|[0-9]{1,3}(?:[,.][0-9]{3}){1,6}) )(?P<name>.+)",
    re.DOTALL,
)
_DOS_KINDS = {b"<dir>": DIRECTORY, b"<junction>": SYMLINK, b"<symlinkd>": SYMLINK, b"<symlink>": SYMLINK}

_BITS = tuple(1 << bit for bit in range(8, -1, -1))
# What stands in the place of an "x": the bit beside it, and whether "x" is meant as well
_SPECIAL_BITS = ((2, 0o4000, b"sS"), (5, 0o2000, b"slSL"), (8, 0o1000, b"tT"))


def unix_line(line: bytes, text: Text, now: float) -> t.Optional[Line]:
    """As ``ls -l`` writes it, with or without a group."""
    match = _UNIX.fullmatch(line)
    if match is None:
        return None
    time = _unix_time(match, now)
    if time is None:
        return None
    kind = _UNIX_KINDS.get(match.group("kind"), SPECIAL)
    name, target = match.group("name"), b""
    if kind == SYMLINK:
        parted = _part_link(name, match.group("size"))
        if parted is None:
            return None
        name, target = parted
    owner, group = _who(match.group("who") or b"")
    return name, Entry(
        text(name),
        kind,
        int(match.group("size")) if kind == FILE and b"," not in match.group("size") else -1,
        time[0],
        time[1],
        _mode(match.group("bits")),
        text(owner),
        text(group),
        target=text(target),
    )


def _unix_time(match: t.Match[bytes], now: float) -> t.Optional[t.Tuple[int, int]]:
    """Nanoseconds, and how exact they are."""
    if match.group("iso"):
        return _iso_time(match.group("iso"))
    month = _MONTHS.get(match.group("month").lower(), 0)
    day = int(match.group("day"))
    if match.group("year"):
        found, precision = moment(int(match.group("year")), month, day), DAY
    else:
        found, precision = latest(month, day, int(match.group("hour")), int(match.group("minute")), now), MINUTE
    return None if found is None else (found, precision)


def _iso_time(text: bytes) -> t.Optional[t.Tuple[int, int]]:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.group(1, 2, 3, 4, 5, 6))
    found = moment(year, month, day, hour, minute, second)
    if found is None:
        return None
    if match.group(7) is None:
        return found, MINUTE if match.group(6) is None else SECOND
    fraction = match.group(7)
    ahead = (int(match.group(9)) * 3600 + int(match.group(10)) * 60) * SECOND
    found += int(fraction[:9].ljust(9, b"0")) + (ahead if match.group(8) == b"-" else -ahead)
    return found, int(10 ** max(0, 9 - len(fraction)))


def _part_link(name: bytes, size: bytes) -> t.Optional[t.Tuple[bytes, bytes]]:
    """Name and target. Where there are several arrows, the size tells which one counts: it is the length of the target."""
    first, arrow, target = name.partition(_ARROW)
    if not arrow or _ARROW not in target:
        return first, target
    length = int(size) if size.isdigit() else 0
    end = len(name) - length - len(_ARROW)
    if not length or end <= 0 or not name.startswith(_ARROW, end):
        return None
    return name[:end], name[end + len(_ARROW) :]


@functools.lru_cache(maxsize=256)
def _who(text: bytes) -> t.Tuple[bytes, bytes]:
    """Owner and group, each b"" where it cannot be told: names may hold blanks, and then only wider gaps tell columns apart."""
    words = text.split()
    if len(words) > 2:
        words = re.split(rb" {2,}", text)
    if len(words) > 2 or (len(words) == 1 and b" " in text):
        return b"", b""
    return (words[0] if words else b""), (words[1] if len(words) == 2 else b"")


@functools.lru_cache(maxsize=256)
def _mode(bits: bytes) -> int:
    """Permission bits from ``rwxr-sr-t``."""
    mode = 0
    for place, bit in enumerate(_BITS):
        if bits[place : place + 1] in (b"r", b"w", b"x", b"s", b"t"):
            mode |= bit
    for place, bit, letters in _SPECIAL_BITS:
        if bits[place] in letters:
            mode |= bit
    return mode


def dos_line(line: bytes, text: Text) -> t.Optional[Line]:
    """As DIR of MS-DOS and IIS write it; the month comes first."""
    match = _DOS.fullmatch(line)
    if match is None:
        return None
    year, hour = int(match.group("year")), int(match.group("hour"))
    if year < 100:
        year += 1900 if year >= 70 else 2000
    if match.group("half"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match.group("half").lower() == b"pm" else 0)
    time = moment(year, int(match.group("month")), int(match.group("day")), hour, int(match.group("minute")))
    kind = FILE if match.group("kind") is None else _DOS_KINDS.get(match.group("kind").lower(), SPECIAL)
    if time is None:
        return None
    size = -1 if match.group("size") is None else int(re.sub(rb"[,.]", b"", match.group("size")))
    name, target = match.group("name"), b""
    if kind == SYMLINK:
        # "name [C:\\target]"
        found = re.fullmatch(rb"(.+) \[(.*)\]", name, re.DOTALL)
        name, target = (found.group(1), found.group(2)) if found else (name, b"")
    return name, Entry(text(name), kind, size, time, MINUTE, target=text(target))


def eplf_line(line: bytes, text: Text) -> t.Optional[Line]:
    """Easily Parsed LIST Format: ``+i8388621.48594,m825718503,r,s280,`` a tab and the name."""
    facts, tab, name = line.partition(b"\t")
    if not tab or not name or not facts.startswith(b"+"):
        return None
    kind, size, mtime, mode, unique = SPECIAL, -1, None, None, b""
    for fact in facts[1:].split(b","):
        key, value = fact[:1], fact[1:]
        if key == b"/":
            kind = DIRECTORY
        elif key == b"r":
            kind = FILE if kind == SPECIAL else kind
        elif key == b"i":
            unique = value
        elif key in (b"s", b"m"):
            if not re.fullmatch(rb"[0-9]{1,20}", value):
                return None
            if key == b"s":
                size = int(value)
            else:
                mtime = int(value) * SECOND
        elif fact.startswith(b"up"):
            if not re.fullmatch(rb"[0-7]{1,6}", fact[2:]):
                return None
            mode = int(fact[2:], 8) & 0o7777
    return name, Entry(text(name), kind, size if kind == FILE else -1, mtime, SECOND, mode, unique=text(unique))
