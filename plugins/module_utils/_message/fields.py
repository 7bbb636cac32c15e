# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The header of a message, or of a part: its fields in order, read from any octets.

Private to this collection. Pure, linear, never an error. RFC 5322, section 2.2; lines end with CRLF, LF or CR. What
mail servers let pass is taken: blanks before the colon, 8 bit values, a line without a colon between fields that
have one, the "From " line of an mbox, a body that begins without an empty line.
"""

from __future__ import annotations

import re
import typing as t

from .parameters import read_parameters
from .words import LONGEST_VALUE, decode_value

LONGEST_DELIMITER = 1010  # octets after the two dashes; RFC 2046 allows 74, programs write more
_MOST_FIELDS = 5000  # fields of one header; mail has a few dozen
# "\r\r\n" is what a program makes of "\r\n" that takes it for text of Unix
_LINE_END = re.compile(rb"\r{0,2}\n|\r")
_FIELD_END = re.compile(rb"(?:\n|\r(?!\r?\n))(?![ \t])")
_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]{0,20}:")
_BODY = re.compile(rb"(?:\r{0,2}\n|\r)(?:\r{0,2}\n|\r|(?=--))")
_KNOWN = re.compile(
    rb"(?:from|to|cc|bcc|sender|subject|date|message-id|reply-to|in-reply-to|references|received|return-path|delivered-to|errors-to|organization"
    rb"|mime-version|content-[a-z-]+|x-[a-z0-9-]+|list-[a-z-]+|dkim-signature|authentication-results|arc-[a-z-]+|user-agent|precedence|status|importance"
    rb"|newsgroups|path|lines|nntp-[a-z-]+|xref)[ \t]{0,20}:",
    re.IGNORECASE,
)


class Fields:
    """Header fields in order. Names are found without regard to case; values are text on one line, decoded when asked for."""

    def __init__(self, pairs: t.Sequence[t.Tuple[str, bytes]]) -> None:
        self._pairs = pairs
        self._decoded: t.Dict[int, str] = {}
        self._hint: t.Optional[str] = None
        self._places: t.Dict[str, t.List[int]] = {}
        for index, (name, _value) in enumerate(pairs):
            self._places.setdefault(name.lower(), []).append(index)

    def first(self, name: str) -> str:
        """The value of the first field called ``name``, "" where there is none."""
        places = self._places.get(name.lower())
        return self._value(places[0]) if places else ""

    def all(self, name: str) -> t.List[str]:
        """The values of all fields called ``name``."""
        return [self._value(index) for index in self._places.get(name.lower(), ())]

    def items(self) -> t.List[t.Tuple[str, str]]:
        """All fields, names as they were written."""
        return [(name, self._value(index)) for index, (name, _value) in enumerate(self._pairs)]

    def raw(self, name: str) -> t.List[bytes]:
        """The values as octets, folded as they came, without the white space around them."""
        return [self._pairs[index][1] for index in self._places.get(name.lower(), ())]

    def parameters(self, name: str) -> t.Tuple[str, t.Dict[str, str]]:
        """The first field called ``name`` as a value in lower case and its parameters."""
        found = self.raw(name)
        return read_parameters(found[0], self.hint) if found else ("", {})

    @property
    def hint(self) -> str:
        """The charset that octets in this header are likely in, if they are not UTF-8: the one of the body."""
        if self._hint is None:
            found = self.raw("content-type")
            self._hint = read_parameters(found[0])[1].get("charset", "") if found else ""
        return self._hint

    def _value(self, index: int) -> str:
        if index not in self._decoded:
            self._decoded[index] = decode_value(self._pairs[index][1], self.hint)
        return self._decoded[index]


class Header(t.NamedTuple):
    """``fields``, the offset where the ``body`` begins, and sentences about what is wrong."""

    fields: Fields
    body: int
    defects: t.List[str]


def parse_fields(raw: bytes) -> t.Tuple[Fields, int]:
    """The fields at the beginning of ``raw``, which may be a header alone, and the offset where the body begins."""
    header = read_header(raw, 0)
    return header.fields, header.body


def read_header(raw: bytes, start: int, is_delimiter: t.Optional[t.Callable[[bytes], bool]] = None) -> Header:
    """The header that begins at ``start``. ``is_delimiter`` is asked about lines that begin with "--": such a line ends it."""
    spans: t.List[t.Tuple[str, int, int]] = []
    defects: t.List[str] = []
    position = start
    while position < len(raw):
        empty = _LINE_END.match(raw, position)
        if empty:
            return _header(raw, spans, empty.end(), defects)
        if raw.startswith(b"--", position) and is_delimiter is not None and is_delimiter(_first_line(raw, position + 2)):
            break
        found = _FIELD_END.search(raw, position)
        following = found.end() if found else len(raw)
        field = _FIELD.match(raw, position, following)
        if field:
            spans.append((field.group(1).decode("ascii"), field.end(), following))
        elif raw[position] in b" \t":
            defects.append("The header begins with a line that continues none")
        elif spans or not raw.startswith((b"From ", b">From "), position):
            if not _KNOWN.match(raw, following):
                defects.append("The body begins without an empty line after the header")
                break
            defects.append("A line of the header has no colon")
        position = following
        if len(spans) >= _MOST_FIELDS:
            defects.append("The header has more than %d fields; the others were not read" % _MOST_FIELDS)
            body = _BODY.search(raw, max(position - 1, 0))
            return _header(raw, spans, body.end() if body else len(raw), defects)
    return _header(raw, spans, position, defects)


def _first_line(raw: bytes, position: int) -> bytes:
    return _LINE_END.split(raw[position : position + LONGEST_DELIMITER], 1)[0]


def _header(raw: bytes, spans: t.List[t.Tuple[str, int, int]], body: int, defects: t.List[str]) -> Header:
    if any(end - start > LONGEST_VALUE for _name, start, end in spans):
        defects.append("A field of the header is longer than %d octets; only its beginning was read" % LONGEST_VALUE)
    return Header(Fields([(name, raw[start:end].strip(b" \t\r\n")) for name, start, end in spans]), body, defects)
