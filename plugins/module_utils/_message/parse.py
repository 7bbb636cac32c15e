# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A message taken apart: header, leaves, text and attachments, from any octets.

Private to this collection. ``parse`` never raises and takes time linear in the size. The parser of the standard
library is not used: it builds every part that there is (a million of them take a minute), raises RecursionError where
a thousand are inside each other, and can be told no limits.
Delimiter lines are looked for over the octets once, for all open levels together (RFC 2046, section 5.1); nothing is recursive.
"""

from __future__ import annotations

import re
import typing as t

from .fields import LONGEST_DELIMITER, Fields, read_header
from .parameters import octets_of_parameter
from .part import Kind, Part, kind_of
from .text import text_of_html

_DASHES = re.compile(rb"[\r\n]--([^\r\n]{1,%d})" % LONGEST_DELIMITER)
_LONGEST_BOUNDARY = LONGEST_DELIMITER - 10  # octets
_GUESS = re.compile(rb"(?:\r\n|\n|\r|\A)--([^\r\n]{1,200})(?:\r\n|\n|\r)(?=content-)", re.IGNORECASE)
_LONGEST_HTML = 512 * 1024  # characters that are made into text
_MOST_DEFECTS = 50  # sentences
_LINE_ENDS = (10, 13)


class Limits(t.NamedTuple):
    """How far a message is taken apart: entities in all, and multipart entities inside each other."""

    parts: int = 1000
    depth: int = 50


class Message:
    """A message as it came (``raw``) and as it is understood. ``defects``: a sentence each; none for a clean message."""

    def __init__(self, raw: bytes, fields: Fields, parts: t.List[Part], defects: t.List[str]) -> None:
        self.raw = raw
        self.fields = fields
        self.parts = parts
        self.defects = defects
        self._text: t.Optional[str] = None
        self._html: t.Optional[str] = None

    @property
    def attachments(self) -> t.List[Part]:
        """The leaves that are no bodies, pictures of an HTML text among them."""
        return [part for part in self.parts if part.attached]

    @property
    def text(self) -> str:
        """What a text program shows: the plain parts one after the other.

        Made from the (beginning of the) HTML where there are none, or only what was added after it, such as the footer of a mailing list.
        """
        if self._text is None:
            plain = self._bodies("text/plain")
            html = [body for body in self._bodies("text/html") if body.text.strip()]
            if any(body.text.strip() for body in plain):
                said = {entity for body in plain for entity, _branch in body.choices}
                html = [body for body in html if body.place < plain[0].place and not any(entity in said for entity, _branch in body.choices)]
            elif html:
                plain = []
            made = text_of_html(_joined(html)[:_LONGEST_HTML]) if html else ""
            self._text = made + _joined(plain)
        return self._text

    @property
    def html(self) -> str:
        """The HTML parts one after the other; "" where there are none."""
        if self._html is None:
            self._html = _joined(self._bodies("text/html"))
        return self._html

    def _bodies(self, mime_type: str) -> t.List[_Body]:
        """The leaves of this kind that are bodies, without empty ones if there are others."""
        chosen: t.Dict[int, int] = {}
        bodies = []
        for place, part in enumerate(self.parts):
            if part.attached or part.mime_type != mime_type:
                continue
            # of alternatives the first that has text of this kind counts, with all that it has
            if all(chosen.setdefault(entity, branch) == branch for entity, branch in part.choices):
                bodies.append(_Body(place, part.choices, part.text()))
        return [body for body in bodies if body.text.strip()] or bodies[:1]


class _Body(t.NamedTuple):
    """The text of a leaf, and where that is."""

    place: int
    choices: t.Tuple[t.Tuple[int, int], ...]
    text: str


def _joined(bodies: t.Sequence[_Body]) -> str:
    return "".join(body.text if body.text.endswith("\n") or body is bodies[-1] else body.text + "\n" for body in bodies)


class _Frame:
    """A multipart entity that is open: its boundary, and what its parts need to know."""

    def __init__(self, boundary: bytes, subtype: str, fields: Fields, body: int, choices: t.Tuple[t.Tuple[int, int], ...], number: int) -> None:
        self.boundary = boundary
        self.fields = fields
        self.body = body
        self.count = 0
        self.default = "message/rfc822" if subtype == "digest" else "text/plain"
        self._is_choice = subtype == "alternative"
        self._choices = choices
        self._number = number

    def choices(self) -> t.Tuple[t.Tuple[int, int], ...]:
        return (*self._choices, (self._number, self.count)) if self._is_choice else self._choices


def parse(raw: bytes, limits: t.Optional[Limits] = None) -> Message:
    """The message whose octets are ``raw``."""
    reader = _Reader(raw, limits or Limits())
    fields = reader.read()
    return Message(raw, fields, reader.parts, list(dict.fromkeys(reader.defects))[:_MOST_DEFECTS])


class _Reader:
    """Goes over the octets once. ``parts`` and ``defects`` are what it found."""

    def __init__(self, raw: bytes, limits: Limits) -> None:
        self.parts: t.List[Part] = []
        self.defects: t.List[str] = []
        self._raw = raw
        self._limits = limits
        self._stack: t.List[_Frame] = []
        self._open: t.Dict[bytes, int] = {}  # boundary -> its place in the stack
        self._leaf: t.Optional[Part] = None
        self._entities = 0

    def read(self) -> Fields:
        """The fields of the whole message."""
        header = read_header(self._raw, 0)
        self.defects += header.defects
        self._begin(header.fields, header.body, "text/plain", ())
        position = max(header.body - 1, 0)
        while self._stack:
            match = _DASHES.search(self._raw, position)
            if match is None:
                break
            position = match.end()
            level, closing = self._level(match.group(1))
            if level < 0:
                continue
            self._end_leaf(match.start())
            self._close(level + 1, match.start(), True)
            if closing:
                self._close(level, match.start(), False)
            elif self._entities >= self._limits.parts:
                self.defects.append("The message has more than %d parts; the others were not read" % self._limits.parts)
                self._stack, self._open = [], {}
            else:
                position = self._next_part(position)
        self._end_leaf(len(self._raw))
        self._close(0, len(self._raw), True)
        return header.fields

    def _level(self, line: bytes) -> t.Tuple[int, bool]:
        """The open entity whose boundary is on a line that begins with "--", and whether the line ends it."""
        line = line.rstrip(b" \t")
        if line in self._open:
            return self._open[line], False
        if line.endswith(b"--"):
            return self._open.get(line[:-2].rstrip(b" \t"), -1), True
        return -1, False

    def _is_delimiter(self, line: bytes) -> bool:
        return self._level(line)[0] >= 0

    def _next_part(self, position: int) -> int:
        """Begin the part after the delimiter that ends at ``position``; where to look for the next one."""
        raw = self._raw
        while position < len(raw) and raw[position] not in _LINE_ENDS:
            position += 1
        position += 2 if raw.startswith(b"\r\n", position) else 1
        header = read_header(raw, min(position, len(raw)), self._is_delimiter)
        if header.body == position and raw.startswith(b"--", position) and not header.defects:
            # one delimiter after the other, with not even an empty line between them, is no part, and yet counted
            self._entities += 1
            return position - 1
        self.defects += header.defects
        frame = self._stack[-1]
        self._begin(header.fields, header.body, frame.default, frame.choices())
        frame.count += 1
        return max(header.body - 1, 0)

    def _begin(self, fields: Fields, body: int, default: str, choices: t.Tuple[t.Tuple[int, int], ...]) -> None:
        is_root = not self._entities
        self._entities += 1
        kind = kind_of(fields, default)
        if len(fields.raw("content-type")) > 1:
            self.defects.append("A part has more than one Content-Type; the first one counts")
        if kind.mime_type.startswith("multipart/"):
            boundary = self._boundary(fields, body)
            if boundary:
                self._open[boundary] = len(self._stack)
                self._stack.append(_Frame(boundary, kind.mime_type[10:], fields, body, choices, self._entities))
                return
            if len(self._stack) < self._limits.depth:
                kind = Kind("text/plain", {})
        self._leaf = Part(self._raw, body, fields, kind, is_root, choices)
        self.parts.append(self._leaf)

    def _boundary(self, fields: Fields, body: int) -> bytes:
        """The boundary of a multipart entity whose body begins at ``body``; empty when it cannot be taken apart."""
        if len(self._stack) >= self._limits.depth:
            self.defects.append("Parts are nested more than %d deep; what is inside was not read" % self._limits.depth)
            return b""
        boundary = b"".join(octets_of_parameter(raw, "boundary").rstrip() for raw in fields.raw("content-type")[:1])
        if not boundary:
            guess = _GUESS.search(self._raw, max(body - 2, 0), body + 65536)
            boundary = guess.group(1).rstrip(b" \t") if guess else b""
            self.defects.append("A multipart entity does not name its boundary" + ("; the one that it uses was found" if boundary else ""))
        if len(boundary) > _LONGEST_BOUNDARY or boundary in self._open:
            self.defects.append("A multipart entity has a boundary that is too long" if boundary not in self._open else "Two open entities have one boundary")
            return b""
        return boundary

    def _end_leaf(self, position: int) -> None:
        """The leaf ends before the line end at ``position``, which belongs to the delimiter."""
        if self._leaf is not None:
            if position < len(self._raw) and self._raw.startswith(b"\r\n", position - 1):
                position -= 1
            self._leaf.end(position)
            self._leaf = None

    def _close(self, level: int, position: int, is_missing: bool) -> None:
        """Close the entities from ``level`` on."""
        while len(self._stack) > level:
            frame = self._stack.pop()
            del self._open[frame.boundary]
            if is_missing:
                self.defects.append("The boundary that ends a multipart entity is missing")
            if not frame.count:
                # better shown as text than not at all
                self.defects.append("A multipart entity has no parts")
                leaf = Part(self._raw, frame.body, frame.fields, Kind("text/plain", {}), not self._stack, frame.choices())
                leaf.end(position)
                self.parts.append(leaf)
