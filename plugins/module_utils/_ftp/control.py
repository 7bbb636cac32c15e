# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control connection: commands out, replies in, several at once where the server can.

Private to this collection.
"""

from __future__ import annotations

import re
import time
import typing as t

from .._errors import FleetproofError
from .._net.stream import Stream
from .._values import display_name
from .replies import Assembly, Reply, error_of
from .text import decode, encode

_LINES = 2000  # of one reply
_SIZE = 262144  # octets of one reply
# Commands that are in flight at most: neither side ever waits for the other to read.
_FLIGHT = 32
_FLIGHT_SIZE = 8192  # octets
_CODE = re.compile(rb"[1-5][0-9]{2}(?:[ -]|\Z)")
# A name that no directory has; 255 once.
_PROBE = b".fleetproof-probe-\xff-"
# Servers that lose commands which come before they have answered the last one.
_ONE_BY_ONE = re.compile(r"Microsoft FTP Service|MadGoat|MikroTik", re.IGNORECASE)

# Servers that were seen to bear a command between the end of the data and their word about it.
_LISTENS_EARLY = re.compile(r"vsFTPd|pyftpdlib|Pure-FTPd", re.IGNORECASE)


class Control:
    """A dialogue with an FTP server, once the connection is there.

    ``broken`` says that the two sides may be out of step, or the connection gone: nothing more can be asked.
    """

    def __init__(self, stream: Stream, encoding: str) -> None:
        self.stream = stream
        self.encoding = encoding
        self.where = stream.endpoint.where
        self.broken = False
        self._one_by_one = False
        # Whether a command may be sent at the end of a transfer, before the server has said that it is the end
        self.listens_early = False
        # what no reply is to show
        self._secret = b""
        # whether the server takes 255 for the escape of Telnet; None until that matters
        self._telnet: t.Optional[bool] = None

    @property
    def several(self) -> bool:
        """Whether commands may be sent ahead of the replies to those before them."""
        return not self._one_by_one

    def heed(self, greeting: Reply) -> None:
        """Learn from the greeting what this server is not up to."""
        self._one_by_one = bool(_ONE_BY_ONE.search(greeting.text))
        self.listens_early = bool(_LISTENS_EARLY.search(greeting.text))

    def send(self, *commands: str, outstanding: bool = False) -> None:
        """Send commands in one write; each has a reply to be received. ``outstanding``: there may be one to come to what was sent before."""
        data = [self._line(command) for command in commands]
        if not outstanding:
            self._be_in_step()
        if any(b"\xff" in line for line in data):
            # RFC 959, section 2.3 and RFC 854: where FTP stands on Telnet, 255 is sent twice
            data = [line.replace(b"\xff", b"\xff\xff") for line in data] if self._is_telnet() else data
        self._write(b"".join(data))

    def _be_in_step(self) -> None:
        """Nothing may have come that nobody has asked for: the reply to the next command would be taken for that to the one after it."""
        try:
            if not self.stream.arrived():
                return
            # mostly the farewell to a connection that was idle for too long, which is raised as such
            reply = self.receive()
        except FleetproofError:
            self.broken = True
            raise
        self.broken = True
        raise FleetproofError("protocol", "%s answered what was not asked, so its answers cannot be told apart any more: %s" % (self.where, reply), True)

    def _write(self, data: bytes) -> None:
        try:
            self.stream.write(data)
        except FleetproofError:
            self.broken = True
            raise

    def _line(self, command: str) -> bytes:
        if re.search("[\r\n\0]", command):
            raise FleetproofError("unsafe", "A name with a line break or a NUL was about to be sent to %s: %s" % (self.where, display_name(command)))
        return encode(command, self.encoding) + b"\r\n"

    def _is_telnet(self) -> bool:
        """Asked of the server, by the name in its refusal to tell the size of what is not there.

        ProFTPD keeps to Telnet and repeats the name; vsftpd, pure-ftpd and pyftpdlib do not keep to it, and
        would take 255 sent twice for two. (pure-ftpd grows slower with each directory that is not there.)
        """
        if self._telnet is None:
            self._write(b"SIZE /" + _PROBE.replace(b"\xff", b"\xff\xff") + b"\r\n")
            self._telnet = _PROBE in encode(self.final().text, self.encoding)
        return self._telnet

    def receive(self, patience: float = 1.0) -> Reply:
        """The next reply; it may take ``patience`` times the timeout. 421 is the end of the connection and raised as such."""
        return self._receive_by(self.stream.deadline(patience))

    def _receive_by(self, deadline: float) -> Reply:
        try:
            reply = self._read(deadline)
        except FleetproofError:
            self.broken = True
            raise
        if reply.code == 421:
            self.broken = True
            raise error_of(reply, "go on", self.where)
        return reply

    def _read(self, deadline: float) -> Reply:
        assembly = Assembly()
        size = 0
        for _number in range(_LINES):
            line = self._without_secret(self.stream.read_line(deadline))
            size += len(line)
            if size > _SIZE:
                break
            try:
                if assembly.add(line):
                    return assembly.reply(lambda raw: decode(raw, self.encoding))
            except ValueError:
                shown = display_name(decode(line[:80], self.encoding))
                raise FleetproofError("protocol", "%s does not speak FTP as it should: %s" % (self.where, shown)) from None
        raise FleetproofError("protocol", "%s sent a reply that has no end" % self.where)

    def command(self, command: str, patience: float = 1.0) -> Reply:
        """One command and its final reply."""
        self.send(command)
        return self.final(patience)

    def final(self, patience: float = 1.0) -> Reply:
        """The next reply that is more than an announcement; announcements do not give it more time."""
        deadline = self.stream.deadline(patience)
        for _number in range(_LINES):
            reply = self._receive_by(deadline)
            if not reply.preliminary:
                return reply
        self.broken = True
        raise FleetproofError("protocol", "%s announces without end" % self.where)

    def exchange(self, commands: t.Sequence[str], patience: float = 1.0) -> t.List[Reply]:
        """The final replies to ``commands``, which must not depend on one another, nor open data connections."""
        replies: t.List[Reply] = []
        while len(replies) < len(commands):
            batch = self._batch(commands, len(replies))
            self.send(*batch)
            replies.extend([self.final(patience) for _command in batch])
        return replies

    def _batch(self, commands: t.Sequence[str], start: int) -> t.Sequence[str]:
        """As many commands from ``start`` on as may be in flight; at least one."""
        size = 0
        end = start
        while end < len(commands) and end - start < (1 if self._one_by_one else _FLIGHT):
            size += 4 * len(commands[end])
            if size > _FLIGHT_SIZE and end > start:
                break
            end += 1
        return commands[start:end]

    def confide(self, command: str, secret: str) -> Reply:
        """One command with a secret in it and its final reply, which shows nothing of the secret: some servers repeat what they were told."""
        self._secret = encode(secret, self.encoding)
        try:
            return self.command(command)
        finally:
            # later replies have paths, in which the same word may well stand
            self._secret = b""

    def _without_secret(self, line: bytes) -> bytes:
        if not self._secret:
            return line
        # a short one may stand in the code by chance
        code = line[:4] if _CODE.match(line) else b""
        return code + line[len(code) :].replace(self._secret, b"********")

    def expect(self, command: str, doing: str, path: str = "", patience: float = 1.0) -> Reply:
        """The reply to a command that has to succeed; ``doing`` completes "Could not …"."""
        reply = self.command(command, patience)
        if not reply.good:
            raise error_of(reply, doing, self.where, path)
        return reply

    def explanation(self, seconds: float = 3.0) -> t.Optional[Reply]:
        """A reply that is there, or comes at once, and says why a data connection ended; None if there is none."""
        if self.broken:
            return None
        try:
            return self._read(self.stream.deadline(min(1.0, seconds / self.stream.endpoint.timeout)))
        except FleetproofError:
            self.broken = True
            return None

    def hear(self, seconds: float) -> t.Optional[Reply]:
        """The next reply that is more than an announcement, if it comes within so many seconds; None if it does not."""
        until = time.monotonic() + seconds
        while True:
            try:
                reply = self._read(until)
            except FleetproofError as error:
                if error.kind == "timeout":
                    return None
                self.broken = True
                raise
            if not reply.preliminary:
                return reply

    def quit(self) -> None:
        """Part from the server; never raises."""
        if not self.broken:
            try:
                self.command("QUIT", min(1.0, 2.0 / self.stream.endpoint.timeout))
            except FleetproofError:
                pass
        self.broken = True
        self.stream.close()
