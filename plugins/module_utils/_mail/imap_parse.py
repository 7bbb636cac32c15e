# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an IMAP server says, taken apart (RFC 3501, sections 7 and 9).

Private to this collection. Pure: octets come from a Source, which sees to time and size. Atoms become
str, quoted strings and literals bytes, NIL None, lists lists. What nobody needs is passed over, and what
cannot be an answer is NotImap.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._values import display_name

STATUSES = frozenset(("OK", "NO", "BAD", "BYE", "PREAUTH"))
# What is read of the rest; all else (unknown extensions, answers that nobody asked for) is passed over.
_READ = frozenset(("FETCH", "STATUS", "FLAGS", "ID"))
_DEPTH = 50  # lists within lists; what is asked for has two
_TOKENS = 100000  # of one response
_UIDS = 2000000  # of one response to SEARCH
_LARGEST = 2**63 - 1  # of any number (RFC 9051, section 9)

_UNTAGGED = re.compile(rb"\A(?:([0-9]{1,19}) )?([A-Za-z][A-Za-z0-9.$-]*)(?: +(.*))?\Z", re.DOTALL)
_CODE = re.compile(rb"\A\[([^\]\s]+)(?: ([^\]]*))?\] ?(.*)\Z", re.DOTALL)
_LITERAL_AT_END = re.compile(rb"(~?)\{([0-9]{1,19})\+?\}\Z")
# what is no digit, or more digits than a UID has
_NOT_UIDS = re.compile(rb"[^0-9 ]|[0-9]{11}")
_TOKEN = re.compile(rb' *(?:([()])|"([^"\\]*(?:\\.[^"\\]*)*)"|(~?\{[0-9]{1,19}\+?\}\Z)|([^\x00-\x20()"{\x7f\[]+(?:\[[^\]]*\][^\x00-\x20()"\[]*)?))', re.DOTALL)


class NotImap(Exception):
    """What the server sent cannot be read; the text follows its name and a colon in a sentence."""


class Oversized(NotImap):
    """A literal that has more octets than there may be. None of them was read."""

    def __init__(self, size: int) -> None:
        super().__init__("it announced %d octets at once, which is more than was asked for" % size)
        self.size = size


class Source(t.Protocol):
    """Where the octets of one response come from."""

    def line(self) -> bytes:
        """The next line without its end."""

    def literal(self, size: int) -> bytes:
        """The next ``size`` octets, or Oversized before any of them is read."""


@dataclass(frozen=True)
class Response:
    """One response. ``tag`` is ``*`` for what comes unasked or ahead of the answer, ``+`` for a request to go on."""

    tag: str
    name: str = ""  # OK, FETCH …, in capitals
    number: int = 0  # of a message, or how many
    code: str = ""  # such as UIDVALIDITY, in capitals
    argument: str = ""  # of the code
    text: str = ""  # for people; may be shown
    values: t.Sequence[t.Any] = ()

    @property
    def good(self) -> bool:
        """The server did what it was asked to."""
        return self.name == "OK"

    def __str__(self) -> str:
        code = "[%s] " % " ".join(filter(None, (self.code, self.argument))) if self.code else ""
        return ("%s %s%s" % (self.name, code, self.text)).strip()


def read_response(source: Source) -> Response:
    """The next response."""
    line = source.line()
    tag, _space, rest = line.partition(b" ")
    if tag == b"+":
        return Response("+", text=_text(rest))
    match = _UNTAGGED.match(rest)
    if match is None or not tag:
        raise _garbled(line)
    number, name, data = int(match.group(1) or 0), match.group(2).decode("ascii").upper(), match.group(3) or b""
    if number > _LARGEST:
        raise _garbled(line)
    if name in STATUSES:
        return _status(_text(tag), name, data)
    if tag != b"*":
        raise _garbled(line)
    if name == "SEARCH":
        return Response("*", name, values=_uids(data))
    if name == "CAPABILITY":
        return Response("*", name, argument=_text(data))
    if name in _READ:
        return Response("*", name, number, values=_values(data, source))
    _pass_over(data, source)
    return Response("*", name, number)


def _garbled(line: bytes) -> NotImap:
    return NotImap("what it sent is not IMAP: %s" % _text(line[:80]))


def _text(raw: bytes) -> str:
    # shown to people: nothing in it may act upon their terminal
    return display_name(raw.decode("utf-8", "replace"))


def _status(tag: str, name: str, data: bytes) -> Response:
    match = _CODE.match(data)
    if match is None:
        return Response(tag, name, text=_text(data))
    return Response(tag, name, 0, _text(match.group(1)).upper(), _text(match.group(2) or b""), _text(match.group(3)))


def _uids(data: bytes) -> t.List[int]:
    # a server with CONDSTORE may end with (MODSEQ n), though nobody asked for it
    words = data.partition(b"(")[0].split(None, _UIDS)
    if len(words) > _UIDS:
        raise NotImap("it found more than %d messages; narrow them down by search" % _UIDS)
    # int() would take a sign, or an underscore; one look at all of them is quick
    if _NOT_UIDS.search(data.partition(b"(")[0]):
        raise _garbled(data)
    return list(map(int, words))


def _pass_over(data: bytes, source: Source) -> None:
    """Read on to the end of a response that nobody needs."""
    match = _LITERAL_AT_END.search(data)
    while match is not None:
        source.literal(int(match.group(2)))
        match = _LITERAL_AT_END.search(source.line())


def _values(line: bytes, source: Source) -> t.List[t.Any]:
    """The values in ``line``, and in what follows it when it ends in the announcement of a literal."""
    found: t.List[t.Any] = []
    above: t.List[t.List[t.Any]] = []
    position = 0
    for _token in range(_TOKENS):
        match = _TOKEN.match(line, position)
        if match is None:
            if above or line[position:].strip(b" "):
                raise _garbled(line[position:] or line)
            return found
        position = match.end()
        bracket, quoted, literal, atom = match.groups()
        if bracket == b"(":
            if len(above) >= _DEPTH:
                raise NotImap("it sent lists within lists, more than %d deep" % _DEPTH)
            inner: t.List[t.Any] = []
            found.append(inner)
            above.append(found)
            found = inner
        elif bracket == b")":
            if not above:
                raise _garbled(line)
            found = above.pop()
        elif literal is not None:
            found.append(_literal(literal, source))
            line, position = source.line(), 0
        elif quoted is not None:
            found.append(re.sub(rb"\\(.)", rb"\1", quoted, flags=re.DOTALL))
        else:
            found.append(None if atom.upper() == b"NIL" else atom.decode("ascii", "surrogateescape"))
    raise NotImap("it sent a response that has no end")


def _literal(announced: bytes, source: Source) -> bytes:
    if announced.startswith(b"~"):
        raise _garbled(announced)
    return source.literal(int(announced.strip(b"{+}")))


def number_of(value: t.Any) -> int:
    """A number as servers write it, not negative."""
    if isinstance(value, str) and re.match(r"\A[0-9]{1,19}\Z", value) and int(value) <= _LARGEST:
        return int(value)
    raise NotImap("it sent %s where a number was due" % (display_name(str(value)[:40]) or "nothing"))


def fetched(response: Response) -> t.Dict[str, t.Any]:
    """The items of a FETCH response by their names in capitals, in whatever order they came."""
    items = response.values[0] if len(response.values) == 1 else None
    if not isinstance(items, list) or len(items) % 2 or not all(isinstance(name, str) for name in items[::2]):
        raise NotImap("what it sent of message %d is not in pairs" % response.number)
    return {name.upper(): value for name, value in zip(items[::2], items[1::2])}


def flags_of(value: t.Any) -> t.Set[str]:
    """A list of flags, in lower case."""
    return {flag.lower() for flag in value if isinstance(flag, str)} if isinstance(value, list) else set()
