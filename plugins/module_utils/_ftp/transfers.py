# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file on its way: down, or up.

Private to this collection. Each is a context manager. Leaving it in good order waits for the closing
reply and raises unless the server says that all went well; leaving it by an exception gives up the connection.
"""

from __future__ import annotations

import time
import types
import typing as t

from .._errors import FleetproofError
from .control import Control
from .data import Channel, CutOff
from .replies import Reply, error_of

# Seconds in which a server says that a data connection is gone, if it says so at all
_TOLD_OFF = 2.0
_NOOP_DONE = 200
# How long a listing may take: so many timeouts, and a second for so many octets
_PATIENCE = 20.0
_TRICKLE = 1000
_AFTER_ABOR = 3  # replies to ABOR at most, and to what it ended


class _Transfer:
    def __init__(self, control: Control, channel: Channel, doing: str, path: str) -> None:
        self._control = control
        self._channel = channel
        self._doing = doing
        self._path = path
        # the reply that ends the transfer, once it is read
        self.closing: t.Optional[Reply] = None

    def _finish(self) -> Reply:
        """The closing reply, which has to be a good one."""
        if self.closing is None:
            self.closing = self._control.final()
        if not self.closing.good:
            raise error_of(self.closing, self._doing, self._control.where, self._path)
        return self.closing

    def _give_up(self) -> None:
        self._channel.close()
        if self.closing is None:
            self._control.broken = True

    def _explained(self, error: FleetproofError) -> FleetproofError:
        """What the server says about the end of the data connection, or else ``error``."""
        if self.closing is None:
            self.closing = self._control.explanation()
        # Pure-FTPd says "150 0.001 seconds" after a download that broke off, and nothing more.
        if self.closing is None or self.closing.code < 400:
            return error
        told = error_of(self.closing, self._doing, self._control.where, self._path)
        return FleetproofError(told.kind, "%s (%s)" % (told.message, error.message), told.retryable)


class Incoming(_Transfer):
    """Data from the server.

    ``unclean`` says after the end that TLS ended without its farewell, though the server then said that
    the transfer was complete. Some servers always do that; whoever can cut connections could do it as
    well: it counts as the end only where the size agrees with what was expected.
    """

    unclean = False
    _abandoned = False

    def __init__(self, control: Control, channel: Channel, doing: str, path: str) -> None:
        super().__init__(control, channel, doing, path)
        # Commands to send right behind the end of the data, so that they cost no round trip; and the replies to them
        self.behind: t.Sequence[str] = ()
        self.answers: t.List[Reply] = []

    @property
    def path(self) -> str:
        """What comes, as it stood in the command."""
        return self._path

    def read_into(self, buffer: t.Any) -> int:
        """Octets read into ``buffer``, a writable memoryview or the like; 0 at the end of the data."""
        try:
            return self._channel.read_into(buffer)
        except CutOff as error:
            self._channel.close()
            if self.closing is None:
                self.closing = self._control.final()
            if not self.closing.good:
                raise self._explained(error) from error  # pylint: disable=bad-exception-cause # it is one, by way of FleetproofError
            self.unclean = True
            return 0
        except FleetproofError as error:
            raise self._explained(error) from error

    def read_all(self, limit: int) -> bytes:
        """All of it; more than ``limit`` octets are an error, and so is a trickle that never ends."""
        found = bytearray()
        block = bytearray(65536)
        view = memoryview(block)
        deadline = self._control.stream.deadline(_PATIENCE)
        while True:
            count = self.read_into(block)
            if not count:
                return bytes(found)
            found += view[:count]
            if len(found) > limit:
                raise FleetproofError("protocol", "Could not %s on %s: more than %d octets came" % (self._doing, self._control.where, limit))
            if time.monotonic() > deadline + len(found) / _TRICKLE:
                raise FleetproofError("timeout", "Could not %s on %s: it comes too slowly, and has no end so far" % (self._doing, self._control.where))

    def abandon(self) -> None:
        """Want no more of it: end the data connection, and be in step with the server again. Raises where that fails.

        Most servers say 426 to a data connection that we close. Pure-FTPd says nothing until it is asked to
        ABOR, which is answered by one or two replies (RFC 959, section 4.1.3). The one to NOOP comes after
        them; sent along, Pure-FTPd would lose it.
        """
        self._channel.close()
        if self.closing is None:
            self.closing = self._control.hear(_TOLD_OFF)
        if self.closing is None:
            self._control.send("ABOR", outstanding=True)
            self.closing = self._control.final()
            self._control.send("NOOP", outstanding=True)
            reply = self._control.final()
            for _number in range(_AFTER_ABOR):
                if reply.code == _NOOP_DONE:
                    break
                reply = self._control.final()
            else:
                self._control.broken = True
                raise error_of(reply, self._doing, self._control.where, self._path)
        self._abandoned = True

    def __enter__(self) -> Incoming:
        return self

    def __exit__(self, kind: t.Optional[t.Type[BaseException]], _error: t.Optional[BaseException], _trace: t.Optional[types.TracebackType]) -> None:
        if kind is not None:
            self._give_up()
            return
        self._channel.close()
        if self._abandoned:
            return
        along = self.behind if self.closing is None and self._control.listens_early else ()
        if along:
            self._control.send(*along, outstanding=True)
            self.closing = self._control.final()
            self.answers = [self._control.final() for _command in along]
        self._finish()


class Outgoing(_Transfer):
    """Data to the server."""

    def write(self, data: t.Any) -> None:
        """Send all of ``data`` (bytes or the like)."""
        try:
            self._channel.write(data)
        except FleetproofError as error:
            raise self._explained(error) from error

    def send_file(self, descriptor: int, offset: int, count: int) -> int:
        """Send ``count`` octets of an open file from ``offset`` on; returns how many there were: fewer only at its end."""
        try:
            return self._channel.send_file(descriptor, offset, count)
        except FleetproofError as error:
            raise self._explained(error) from error

    def __enter__(self) -> Outgoing:
        return self

    def __exit__(self, kind: t.Optional[t.Type[BaseException]], _error: t.Optional[BaseException], _trace: t.Optional[types.TracebackType]) -> None:
        if kind is not None:
            self._give_up()
            return
        self._channel.finish_writing()
        self._finish()
