# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The arguments of IMAP commands (RFC 3501, section 9): atoms, strings, literals, lists, sets of numbers."""

from __future__ import annotations

import re
import typing as t

_LITERAL = re.compile(rb"\{(\d{1,10})\+?\}$")
_SECTION = re.compile(r"(?P<item>BODY(?:\.PEEK)?)\[(?P<section>[^\]]*)\](?:<(?P<start>\d+)\.(?P<count>\d+)>)?$", re.IGNORECASE)


class Wrong(Exception):
    """What is no IMAP."""


class Atom(bytes):
    """A word without quotes; strings and literals are bytes and nothing more."""

    @property
    def upper_text(self) -> str:
        """For comparing: atoms have no case."""
        return self.decode("utf-8", "surrogateescape").upper()


Word = t.Union[bytes, t.List[t.Any]]


def literal_size(line: bytes) -> t.Optional[t.Tuple[int, bool]]:
    """How many octets follow the line, and whether they come without being asked for (LITERAL+)."""
    found = _LITERAL.search(line)
    return None if found is None else (int(found.group(1)), line.endswith(b"+}"))


def words_of(segments: t.Sequence[bytes]) -> t.List[Word]:
    """From a command: the line, and, by turns, a literal and the rest of the line after it."""
    reader = _Reader(segments)
    found = reader.words(b"")
    if not reader.at_end:
        raise Wrong("a ) too many")
    return found


class _Reader:
    def __init__(self, segments: t.Sequence[bytes]) -> None:
        self.segments = list(segments)
        self.text = self.segments.pop(0)
        self.place = 0

    @property
    def at_end(self) -> bool:
        return self.place >= len(self.text) and not self.segments

    def words(self, end: bytes) -> t.List[Word]:
        found: t.List[Word] = []
        while self.place < len(self.text):
            here = self.text[self.place : self.place + 1]
            if here == end:
                self.place += 1
                return found
            if here == b")":
                raise Wrong("a ) too many")
            if here == b" ":
                self.place += 1
            elif here == b"(":
                self.place += 1
                found.append(self.words(b")"))
            elif here == b'"':
                found.append(self._quoted())
            elif here == b"{" and self.segments and literal_size(self.text[self.place :]):
                found.append(self.segments.pop(0))
                self.text, self.place = self.segments.pop(0), 0
            else:
                found.append(self._atom())
        if end:
            raise Wrong("a ) is missing")
        return found

    def _quoted(self) -> bytes:
        found = re.compile(rb'"((?:[^"\\\r\n]|\\["\\])*)"').match(self.text, self.place)
        if found is None:
            raise Wrong("a quoted string does not end, or has what it must not have")
        self.place = found.end()
        return re.sub(rb"\\(.)", rb"\1", found.group(1))

    def _atom(self) -> Atom:
        # a section has blanks and parentheses of its own
        found = re.compile(rb'(?:[^\s()"\[{]|\[[^\]]*\])+').match(self.text, self.place)
        if found is None:
            raise Wrong("a word is expected at %r" % self.text[self.place : self.place + 20])
        self.place = found.end()
        return Atom(found.group())


def text_of(word: Word) -> str:
    """A word as text; not of a list."""
    if isinstance(word, list):
        raise Wrong("a list where a word is expected")
    return bytes(word).decode("utf-8", "surrogateescape")


def numbers_in(text: str, highest: int) -> t.Callable[[int], bool]:
    """Whether a number is in a set such as ``1:4,7,9:*``; ``*`` is the highest there is."""
    ranges = []
    for part in text.split(","):
        ends = part.split(":")
        if len(ends) > 2 or not all(end == "*" or (end.isascii() and end.isdigit() and int(end) > 0) for end in ends):
            raise Wrong("%s is no set of numbers" % text)
        low, high = sorted(highest if end == "*" else int(end) for end in (ends[0], ends[-1]))
        ranges.append((low, high))
    return lambda number: any(low <= number <= high for low, high in ranges)


class Section(t.NamedTuple):
    """``BODY.PEEK[HEADER.FIELDS (From)]<0.100>``."""

    peek: bool
    kind: str
    fields: t.List[str]
    start: t.Optional[int]
    count: int

    @property
    def told(self) -> str:
        """As the answer names it."""
        inner = self.kind + (" (%s)" % " ".join(self.fields) if self.fields else "")
        return "BODY[%s]%s" % (inner, "" if self.start is None else "<%d>" % self.start)


def section_of(item: str) -> t.Optional[Section]:
    """None for what is no section."""
    found = _SECTION.match(item)
    if found is None:
        return None
    kind, _space, rest = found.group("section").partition(" ")
    kind = kind.upper()
    if kind not in ("", "HEADER", "TEXT", "HEADER.FIELDS", "HEADER.FIELDS.NOT"):
        raise Wrong("sections of parts are not served")
    fields = [name.strip('"') for name in rest.strip("() ").split()]
    if bool(fields) != kind.startswith("HEADER.FIELDS"):
        raise Wrong("%s with a wrong list of fields" % kind)
    start = found.group("start")
    return Section(found.group("item").upper() == "BODY.PEEK", kind, fields, None if start is None else int(start), int(found.group("count") or 0))
