# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where messages begin and end in an mbox, and what they are without its quoting.

Private to this collection. A message begins at a line "From SENDER DATE" that is the first or comes after an empty
line. Content-Length is not trusted: programs that change messages forget it, and senders write it as they like.
"""

from __future__ import annotations

import re
import typing as t

_LINE = 65536  # octets of a line that are looked at, and read, at once
# "From ann@example.com Tue Feb  3 04:05:06 2026", with a zone at times, or the date as in a header
_FROM = re.compile(
    rb"From (?:.{0,500}?\s)?(?:(?:mon|tue|wed|thu|fri|sat|sun),?\s+)?"
    rb"(?:(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\s+[0-9]{1,2}|[0-9]{1,2}\s+(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(?:\s+[0-9]{4})?)"
    rb"\s+[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?\b",
    re.IGNORECASE,
)
_YEAR = re.compile(rb"\b(?:19|20)[0-9]{2}\b")
_QUOTED_RD = re.compile(rb"^>(>*From )", re.MULTILINE)
_QUOTED_O = re.compile(rb"^>(From )", re.MULTILINE)
_EMPTY = (b"\n", b"\r\n")


def begins_like_mbox(file: t.BinaryIO) -> bool:
    """True when the first line that is not empty begins a message, or when there is none: an mbox without messages."""
    while True:
        line = file.readline(_LINE)
        if line not in _EMPTY:
            return not line or line.startswith(b"From ")


def is_from_line(line: bytes) -> bool:
    """True for a line that a program wrote ahead of a message, not somebody at the beginning of a sentence."""
    return line.startswith(b"From ") and _FROM.match(line[:1000]) is not None and _YEAR.search(line[:1000]) is not None


def places_in(file: t.BinaryIO) -> t.Iterator[t.Tuple[int, int]]:
    """Offset and length of each message, with the line ahead of it and the empty one behind."""
    begin = -1
    position = 0
    at_start = after_empty = True
    while True:
        line = file.readline(_LINE)
        if not line:
            break
        # whatever the date of the very first one looks like, a message begins there
        if at_start and after_empty and line.startswith(b"From ") and (begin < 0 or is_from_line(line)):
            if begin >= 0:
                yield begin, position - begin
            begin = position
        after_empty = line in _EMPTY if at_start else False
        at_start = line.endswith(b"\n")
        position += len(line)
    if begin >= 0:
        yield begin, position - begin


def message_of(entry: bytes, is_mboxo: bool) -> bytes:
    """The message in what lies at a place. Raises ValueError if that does not begin with the line ahead of one.

    In mboxrd each line of ">" and "From " has one ">" more than it had; in mboxo, the older variety, only those with
    no ">" got one, so that what had one before cannot be told apart.
    """
    if not entry.startswith(b"From "):
        raise ValueError("no message begins here")
    _line, _end, raw = entry.partition(b"\n")
    if raw.endswith(b"\r\n\r\n"):
        raw = raw[:-2]
    elif raw.endswith(b"\n\n"):
        raw = raw[:-1]
    return (_QUOTED_O if is_mboxo else _QUOTED_RD).sub(rb"\1", raw)
