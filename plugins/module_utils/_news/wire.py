# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands and answers of NNTP as they go over the wire (RFC 3977, section 3).

Private to this collection. nntplib is not used: it is not part of Python any more, refuses long lines and reads ahead
of the TLS handshake. Any answer that makes no sense ends the connection, as nobody knows what the next one would belong to.
"""

from __future__ import annotations

import re
import typing as t

from .._errors import FleetproofError
from .._net.dotted import read_dotted
from .._net.stream import Stream
from .._values import display_name
from .replies import Reply, TooLarge

_REPLY = re.compile(rb"([1-5][0-9][0-9])(?:[ \t](.*))?\Z", re.DOTALL)
_LINE = 4194304  # octets; overview lines and old articles have long ones
_LONGEST_COMMAND = 65536  # octets; tokens are long
_UNSAFE = re.compile("[\r\n\0]")


class Dialogue:
    """One command after the other."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.where = stream.endpoint.where
        self.broken = False

    def send(self, line: str) -> None:
        """Send a command; nothing that could be taken for two of them."""
        if _UNSAFE.search(line):
            raise FleetproofError("unsafe", "A line break was about to be sent to %s as part of a command" % self.where)
        data = line.encode("utf-8", "surrogateescape")
        if len(data) > _LONGEST_COMMAND:
            raise FleetproofError("argument", "A command of %d octets was about to be sent to %s: what it is about is too long" % (len(data), self.where))
        self._guarded(lambda: self.stream.write(data + b"\r\n"))

    def send_block(self, data: bytes) -> None:
        """Send a block, its dots stuffed and its end in it."""
        self._guarded(lambda: self.stream.write(data))

    def reply(self, patience: float = 1.0) -> Reply:
        """The line that the server answers with."""
        line = self._guarded(lambda: self.stream.read_line(self.stream.deadline(patience)))
        match = _REPLY.match(line)
        if match is None:
            self.close()
            raise FleetproofError("protocol", "%s does not speak NNTP as it should: it said %s" % (self.where, display_name(line[:100])))
        return Reply(int(match.group(1)), (match.group(2) or b"").decode("utf-8", "surrogateescape"))

    def octets(self, limit: int) -> bytes:
        """The block that follows the reply, at most ``limit`` octets, with CRLF at the ends of lines."""
        pieces: t.List[bytes] = []
        size = 0
        for piece in self._block():
            size += len(piece)
            if size > limit:
                self.close()
                raise TooLarge("%s sends more than %d octets" % (self.where, limit))
            pieces.append(piece)
        return b"".join(pieces)

    def lines(self, limit: int) -> t.Iterator[bytes]:
        """The lines of the block that follows the reply, at most ``limit`` octets in all. Who stops early has hung up."""
        done = False
        rest: t.List[bytes] = []
        held = size = 0
        try:
            for piece in self._block():
                size += len(piece)
                *whole, last = piece.split(b"\n")
                for line in whole:
                    yield (b"".join(rest) + line).rstrip(b"\r")
                    rest, held = [], 0
                rest.append(last)
                held += len(last)
                if size > limit or held > _LINE:
                    raise TooLarge("%s sends a list without end, of more than %d octets" % (self.where, size))
            done = True
        finally:
            if not done:
                self.close()

    def _block(self) -> t.Iterator[bytes]:
        try:
            yield from read_dotted(self.stream)
        except FleetproofError:
            self.close()
            raise

    def _guarded(self, step: t.Callable[[], t.Any]) -> t.Any:
        if self.broken:
            raise FleetproofError("connect", "The connection to %s is closed" % self.where)
        try:
            return step()
        except FleetproofError:
            self.close()
            raise

    def close(self) -> None:
        """Hang up; never raises."""
        self.broken = True
        self.stream.close()
