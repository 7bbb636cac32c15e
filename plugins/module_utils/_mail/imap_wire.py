# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dialogue with an IMAP server: commands out, responses in (RFC 3501, section 2.2).

Private to this collection. imaplib is not used: it has a limit for lines, none for literals or for the
time that an answer takes as a whole, and reads ahead of the TLS handshake.
"""

from __future__ import annotations

import contextlib
import re
import typing as t
from dataclasses import dataclass, field

from .._errors import FleetproofError
from .._net.stream import Stream
from .imap_errors import farewell
from .imap_parse import NotImap, Oversized, Response, read_response

_LINE = 1048576  # octets of one line
_SEARCH_LINE = 16777216  # where it holds all that was found
_LITERAL = 65536  # octets of a literal where none is due
_UNASKED = 8388608  # octets of all the responses to one command, beside what is due
_CODES = 1000  # that are kept; no command has ten
_ALERTS = 10  # that are told
# A server that sends less than this within the timeout is taken for one that does not answer.
_PROGRESS = 16384  # octets
# Times the timeout, for commands that the server has much to do for. It shows signs of life meanwhile.
_PATIENCE = 10.0
_QUOTABLE = re.compile(rb"\A[\x20-\x7e]{0,1000}\Z")
_BREAK = re.compile(rb"[\r\n\0]")
_LITERAL_MINUS = 4096  # octets (RFC 7888, section 4)


@dataclass
class Answer:
    """The tagged response to a command, and what came ahead of it."""

    status: Response
    data: t.List[Response] = field(default_factory=list)

    def of(self, name: str) -> t.List[Response]:
        """The responses of that name."""
        return [response for response in self.data if response.name == name]


class _Incoming:
    """One command's worth of octets: bounded in time and in size."""

    def __init__(self, stream: Stream, line: int, literal: int, total: int) -> None:
        self._stream = stream
        self._line = line
        self._literal = literal
        self._left = total
        self._since = 0
        self._end = stream.deadline(_PATIENCE)
        self.deadline = stream.deadline()

    def alive(self) -> None:
        """A whole response came: some more time, but not for ever."""
        self.deadline = min(self._stream.deadline(), self._end)

    def _came(self, octets: int) -> None:
        self._left -= octets
        self._since += octets
        if self._left < 0:
            raise NotImap("it sends without end")
        if self._since >= _PROGRESS:
            # data that flows may take as long as it takes
            self._since = 0
            self.deadline = self._stream.deadline()
            self._end = max(self._end, self.deadline)

    def line(self) -> bytes:
        found = self._stream.read_line(self.deadline, self._line)
        self._came(len(found) + 2)
        return found

    def literal(self, size: int) -> bytes:
        if size > min(self._literal, self._left):
            raise Oversized(size)
        pieces = []
        while size:
            piece = self._stream.read_some(self.deadline, min(size, 65536))
            size -= len(piece)
            self._came(len(piece))
            pieces.append(piece)
        return b"".join(pieces)


class Dialogue:
    """Commands and their answers, one after the other.

    ``broken`` says that the two sides may be out of step, or the connection gone: nothing more can be asked.
    ``exists`` is the number of messages in the open mailbox as the server told it last, ``stirred`` whether
    it has told of a new or changed one unasked since somebody set it to False.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.where = stream.endpoint.where
        self.capabilities: t.FrozenSet[str] = frozenset()
        self.alerts: t.List[str] = []
        self.welcome = ""
        self.exists = 0
        self.stirred = False
        self.broken = False
        self._number = 0

    def has(self, capability: str) -> bool:
        """True when the server says it can do this."""
        return capability in self.capabilities

    def forget(self) -> None:
        """What was said before the connection was encrypted could be anybody's: it does not count."""
        self.capabilities, self.alerts, self.welcome = frozenset(), [], ""
        self.exists, self.stirred = 0, False

    # -- out ------------------------------------------------------------------------------------

    def command(self, *parts: t.Union[str, bytes], data: t.Sequence[str] = (), literal: int = _LITERAL, total: int = 0, long_lines: bool = False) -> Answer:
        """Say ``parts`` and return the answer: str as it stands, bytes quoted or as a literal.

        Of what comes ahead of it, the responses named in ``data`` and all statuses are kept. No literal may
        have more than ``literal`` octets, nor all that comes more than ``total`` beyond what is usual.
        """
        incoming = _Incoming(self.stream, _SEARCH_LINE if long_lines else _LINE, literal, total + _UNASKED + (_SEARCH_LINE if long_lines else 0))
        with self.guarded():
            tag = self.begin()
            refused = self._say(tag, parts, incoming)
            return refused or self._answer(tag, incoming, data)

    def begin(self) -> str:
        """The tag of the next command."""
        self._number += 1
        return "F%d" % self._number

    def _say(self, tag: str, parts: t.Sequence[t.Union[str, bytes]], incoming: _Incoming) -> t.Optional[Answer]:
        """Send a command; its answer if the server refuses a part of it right away."""
        pending = tag.encode("ascii") + b" "
        for part in parts:
            octets = part.encode("ascii") if isinstance(part, str) else part
            if b"\0" in octets or (isinstance(part, str) and _BREAK.search(octets)):
                raise FleetproofError("unsafe", "A line break or a NUL was about to be sent to %s as part of a command" % self.where)
            if isinstance(part, str):
                pending += octets
            elif _QUOTABLE.match(octets):
                pending += b'"' + re.sub(rb'(["\\])', rb"\\\1", octets) + b'"'
            elif self.has("LITERAL+") or (self.has("LITERAL-") and len(octets) <= _LITERAL_MINUS):
                pending += b"{%d+}\r\n" % len(octets) + octets
            else:
                self.stream.write(pending + b"{%d}\r\n" % len(octets))
                refused = self._answer(tag, incoming, (), may_go_on=True)
                if refused.status.tag != "+":
                    return refused
                pending = octets
        self.stream.write(pending + b"\r\n")
        return None

    def say_line(self, line: bytes) -> None:
        """A line in the middle of a command, such as the answer to a challenge."""
        if _BREAK.search(line):
            raise FleetproofError("unsafe", "A line break or a NUL was about to be sent to %s" % self.where)
        with self.guarded():
            self.stream.write(line + b"\r\n")

    # -- in -------------------------------------------------------------------------------------

    def greeting(self) -> Response:
        """What the server says first."""
        with self.guarded():
            incoming = _Incoming(self.stream, _LINE, _LITERAL, _UNASKED)
            response = read_response(incoming)
            if response.tag != "*" or response.name not in ("OK", "PREAUTH", "BYE"):
                raise NotImap("it does not greet as IMAP servers do: %s" % response)
            self._note(response)
            self.welcome = response.text
            return response

    def answer(self, tag: str) -> Answer:
        """The answer to a command that was sent bit by bit: its tagged response, or a request (``+``) to go on."""
        with self.guarded():
            return self._answer(tag, _Incoming(self.stream, _LINE, _LITERAL, _UNASKED), (), may_go_on=True)

    def listen(self, deadline: float) -> Response:
        """The next response by ``deadline``, while IDLE. Nothing in time is an error of kind ``timeout`` that breaks nothing."""
        try:
            # a line that was begun is waited for
            self.stream.unread(self.stream.read_some(deadline))
        except FleetproofError as error:
            self.broken = error.kind != "timeout"
            raise
        with self.guarded():
            response = read_response(_Incoming(self.stream, _LINE, _LITERAL, _UNASKED))
            self._note(response)
            return response

    def _answer(self, tag: str, incoming: _Incoming, wanted: t.Sequence[str], may_go_on: bool = False) -> Answer:
        found: t.List[Response] = []
        while True:
            response = read_response(incoming)
            if response.tag == tag and response.name in ("OK", "NO", "BAD"):
                self._note(response)
                return Answer(response, found)
            if response.tag == "+" and may_go_on:
                return Answer(response, found)
            if response.tag != "*":
                raise NotImap("it answered what it was not asked: %s %s" % (response.tag, response))
            self._note(response)
            # flags that somebody else has changed may matter to the search
            self.stirred = self.stirred or (response.name == "FETCH" and "FETCH" not in wanted)
            if response.name in wanted or (response.code and response.name == "OK" and len(found) < _CODES):
                found.append(response)
            incoming.alive()

    def _note(self, response: Response) -> None:
        """Take in what any response may tell."""
        if response.code == "ALERT" and len(self.alerts) < _ALERTS and response.text not in self.alerts:
            self.alerts.append(response.text)
        if response.name == "BYE":
            raise farewell(self.where, response)
        if response.name == "CAPABILITY" or response.code == "CAPABILITY":
            self.capabilities = frozenset(response.argument.upper().split())
        elif response.name == "EXISTS":
            self.stirred = self.stirred or response.number > self.exists
            self.exists = response.number
        elif response.name == "EXPUNGE":
            self.exists = max(self.exists - 1, 0)

    # -- the end --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def guarded(self) -> t.Iterator[None]:
        """After a failure in here nothing more can be asked; what cannot be read becomes an error with the server's name."""
        if self.broken:
            raise FleetproofError("connect", "The connection to %s is gone" % self.where)
        try:
            yield
        except NotImap as error:
            self.broken = True
            raise FleetproofError("protocol", "%s: %s" % (self.where, error)) from error
        except BaseException:
            self.broken = True
            raise

    def close(self) -> None:
        """Hang up; never raises."""
        self.broken = True
        self.stream.close()
