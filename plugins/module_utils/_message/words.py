# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Header values as text: encoded words (RFC 2047) as they are found, and octets that nobody encoded.

Private to this collection. Pure, linear, never an error.
"""

from __future__ import annotations

import binascii
import re
import typing as t

from .charsets import codecs_of, decode
from .transfer import from_base64

LONGEST_VALUE = 512 * 1024  # octets of a field that are read; mail servers take about 100 KiB for a whole header

_BEGIN = re.compile(rb"=\?([^?\x00-\x20]{0,60}) ?\?([bBqQ])\?")
_FOLD = re.compile(rb"(?:\r{0,2}\n|\r)([ \t]?)")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
# "?" ought to be encoded, and is not always: what looks like the end is one if no rest of a word follows
_REST = re.compile(rb"[0-9A-F]{2}[^?\s]*\?=")
_BREAKS = re.compile("[\t\n\x0b\x0c\r\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


class _Word(t.NamedTuple):
    start: int
    end: int
    label: str
    octets: bytes


def unfold(raw: bytes) -> bytes:
    """The value on one line. A tab that a line was folded with stands for the space it was put in place of."""
    return _FOLD.sub(lambda fold: b" " if fold.group(1) else b"", raw) if b"\n" in raw or b"\r" in raw else raw


def decode_value(raw: bytes, hint: str = "") -> str:
    """A header value as one line of text without control characters.

    Words are decoded wherever they stand, in quoted strings as well, which is where old programs put
    them. The octets of neighbours in one charset are put together first: a character may have been cut
    in two. ``hint`` is a charset for octets that were not encoded.
    """
    raw = unfold(raw[:LONGEST_VALUE]).strip(b" \t")
    words = list(_words(raw))
    pieces: t.List[str] = []
    done = 0
    index = 0
    while index < len(words):
        word = words[index]
        last = index
        octets = [word.octets]
        while last + 1 < len(words) and not raw[words[last].end : words[last + 1].start].strip() and _same(words[last + 1].label, word.label):
            last += 1
            octets.append(words[last].octets)
        between = raw[done : word.start]
        # white space between two words is not part of the text
        if index == 0 or between.strip():
            pieces.append(decode(between, "", hint))
        pieces.append(decode(b"".join(octets), word.label, hint))
        done = words[last].end
        index = last + 1
    pieces.append(decode(raw[done:], "", hint))
    return _CONTROL.sub("\ufffd", _BREAKS.sub(" ", "".join(pieces)))


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower() or (codecs_of(one) or one) == (codecs_of(other) or other)


def _words(raw: bytes) -> t.Iterator[_Word]:
    begin = _BEGIN.search(raw)
    end = 0
    while begin:
        following = _BEGIN.search(raw, begin.end())
        if 0 <= end < begin.end():
            end = raw.find(b"?=", begin.end())
        if end < 0:
            # the value was cut inside its last word
            if following is None and b" " not in raw[begin.end() :]:
                yield _word(raw, begin, len(raw), len(raw))
        elif following is None or following.start() >= end:
            after = end + 2
            rest = _REST.match(raw, after) if begin.group(2) in b"qQ" else None
            while rest:
                after = rest.end()
                rest = _REST.match(raw, after)
            yield _word(raw, begin, after - 2, after)
            if following and following.start() < after:
                following = _BEGIN.search(raw, after)
        # else the word was never ended, and the one that begins inside may be whole
        begin = following


def _word(raw: bytes, begin: t.Match[bytes], end: int, after: int) -> _Word:
    label = begin.group(1).split(b"*")[0].strip(b"\"'").decode("ascii", "replace")
    text = raw[begin.end() : end]
    if begin.group(2) in b"bB":
        return _Word(begin.start(), after, label, from_base64(text))
    return _Word(begin.start(), after, label, _HEX.sub(lambda found: binascii.unhexlify(found.group(1)), text.replace(b"_", b" ")))
