# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""POP3 as a client speaks it (RFC 1939, RFC 2449), over a Stream.

Private to this collection. poplib is not used: it takes no line of more than 2048 octets, reads ahead of the TLS
handshake, and has no time limit for an answer as a whole. Every step either has its answer or is a FleetproofError,
and nothing is sent that has a line break in it.
"""

from __future__ import annotations

import re
import typing as t

from .._errors import FleetproofError
from .._net.dotted import read_dotted
from .._net.stream import Stream
from .._values import display_name

_STATUS = re.compile(rb"\A(\+OK|-ERR)(?:[ \t]+(.*))?\Z", re.IGNORECASE | re.DOTALL)
_CODE = re.compile(r"\A\[([A-Za-z][A-Za-z0-9/_-]*)[^\]]*\]\s*")
_MOST_LINES = 2000000  # of one list: messages of the largest mailboxes, and some more
_FAREWELL = 2.0  # seconds for the answer to a QUIT that nothing depends on
_LINES_A_TIMEOUT = 1000  # a server that sends less within the timeout is taken for one that does not answer
# RFC 2449, section 8, and RFC 3206: kind of error, and whether the same may work later
_KINDS = {
    "IN-USE": ("busy", True),
    "LOGIN-DELAY": ("busy", True),
    "SYS/TEMP": ("refused", True),
    "SYS/PERM": ("refused", False),
    "AUTH": ("auth", False),
}
_ADVICE = {
    "IN-USE": "another session has the mailbox open, so try again when it is done",
    "LOGIN-DELAY": "it wants more time between two logins, so come back later",
}


class Answer(t.NamedTuple):
    """The line that answers a command. ``code`` is the response code in capitals, "" without."""

    good: bool
    code: str
    text: str

    def __str__(self) -> str:
        return "%s%s%s" % ("+OK" if self.good else "-ERR", " [%s]" % self.code if self.code else "", " " + self.text if self.text else "")


class TooMuch(Exception):
    """A block is longer than was allowed; the connection is closed."""


class Session:
    """A dialogue with a POP3 server, from the greeting to QUIT."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.where = stream.endpoint.where
        self.greeting = ""
        # what CAPA lists, by its first word in capitals; None: the server does not know CAPA
        self.capabilities: t.Optional[t.Dict[str, str]] = None

    def greet(self) -> None:
        """Wait for the greeting."""
        endpoint = self.stream.endpoint
        try:
            answer = self.answer()
        except FleetproofError as error:
            if error.kind == "timeout" and endpoint.tls != "implicit" and endpoint.port == 995:
                raise FleetproofError("timeout", "%s; port 995 is usually for tls=implicit" % error.message) from error
            raise
        if not answer.good:
            raise refusal(self.where, "let us in", answer)
        self.greeting = answer.text

    def ask_capabilities(self) -> None:
        """Learn what the server can do as of now; what it said before does not count any more."""
        self.capabilities = None
        if not self.command("CAPA").good:
            return
        found: t.Dict[str, str] = {}
        for line in self.lines():
            name, _space, value = display_name(line.decode("utf-8", "replace")).strip().partition(" ")
            found[name.upper()] = value.strip()
        self.capabilities = found

    def offers(self, name: str) -> bool:
        """Whether CAPA lists it."""
        return self.capabilities is not None and name in self.capabilities

    def start_tls(self) -> None:
        """Encrypt, or raise: there is no way past this in clear text (RFC 2595)."""
        self.ask_capabilities()
        if not self.offers("STLS"):
            self.quit()
            raise FleetproofError(
                "tls",
                "%s does not offer STLS, so nothing was sent: the server cannot do it, or somebody in between takes the offer away. "
                "Use tls=implicit if it has a port for that, or tls=none to log in in clear text" % self.where,
            )
        answer = self.command("STLS")
        if not answer.good:
            self.quit()
            raise FleetproofError(
                "tls",
                "%s offers STLS but refused it (%s), so nothing was sent; tls=none would log in in clear text" % (self.where, answer),
                retryable=_KINDS.get(answer.code, ("", False))[1],
            )
        self.stream.start_tls()
        self.capabilities = None

    def quit(self) -> None:
        """Part from the server where nothing depends on its answer; never raises."""
        try:
            self.say("QUIT")
            self.answer(min(0.2, _FAREWELL / self.stream.endpoint.timeout))
        except FleetproofError:
            pass
        self.stream.close()

    # -- lines ----------------------------------------------------------------------------------

    def say(self, *lines: str) -> None:
        """Send lines, all at once."""
        for line in lines:
            if re.search("[\r\n\0]", line):
                raise FleetproofError("unsafe", "A line break was about to be sent to %s as part of a command" % self.where)
        self.stream.write(b"".join(line.encode("utf-8", "surrogateescape") + b"\r\n" for line in lines))

    def command(self, line: str) -> Answer:
        """Send a command and wait for the line that answers it."""
        self.say(line)
        return self.answer()

    def answer(self, patience: float = 1.0) -> Answer:
        """The line that answers a command."""
        return self.read_answer(self.stream.read_line(self.stream.deadline(patience)))

    def read_answer(self, line: bytes) -> Answer:
        """The line as an Answer."""
        match = _STATUS.match(line)
        if match is None:
            raise FleetproofError("protocol", "%s does not speak POP3 as it should: it answered %s" % (self.where, display_name(line[:100])))
        # shown to people: nothing in it may act upon their terminal
        text = display_name((match.group(2) or b"").decode("utf-8", "replace")).strip()
        code = _CODE.match(text)
        return Answer(match.group(1).upper() == b"+OK", code.group(1).upper() if code else "", text[code.end() :] if code else text)

    def lines(self) -> t.List[bytes]:
        """The lines of a list, up to the dot that ends it."""
        found: t.List[bytes] = []
        deadline = self.stream.deadline()
        while True:
            line = self.stream.read_line(deadline)
            if line == b".":
                return found
            found.append(line[1:] if line.startswith(b".") else line)
            if len(found) > _MOST_LINES:
                raise FleetproofError("protocol", "%s sent a list of more than %d lines" % (self.where, _MOST_LINES))
            if len(found) % _LINES_A_TIMEOUT == 0:
                deadline = self.stream.deadline()

    def block(self, limit: int) -> bytes:
        """The text that follows an answer. Longer than ``limit`` octets: TooMuch."""
        pieces: t.List[bytes] = []
        size = 0
        for piece in read_dotted(self.stream):
            size += len(piece)
            if size > limit:
                self.stream.close()
                raise TooMuch
            pieces.append(piece)
        return b"".join(pieces)

    def beginning(self, keep: int, limit: int) -> bytes:
        """The first ``keep`` octets of the text that follows an answer; the rest is read and dropped. Longer than ``limit``: TooMuch."""
        kept = b""
        size = 0
        for piece in read_dotted(self.stream):
            size += len(piece)
            if size > limit:
                self.stream.close()
                raise TooMuch
            if len(kept) < keep:
                kept += piece[: keep - len(kept)]
        return kept


def refusal(where: str, doing: str, answer: Answer, otherwise: str = "refused") -> FleetproofError:
    """The error for -ERR; ``doing`` completes "… did not …", ``otherwise`` is the kind where no response code tells."""
    kind, retryable = _KINDS.get(answer.code, (otherwise, False))
    advice = _ADVICE.get(answer.code)
    return FleetproofError(kind, "%s did not %s (%s)%s" % (where, doing, answer, "; %s" % advice if advice else ""), retryable=retryable)
