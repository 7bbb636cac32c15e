# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One file from a server into a directory of this host, whole or not at all.

Private to this collection. It is received under a temporary name, compared with what the server says of
it, and only then gets its own. With ``atomic: false`` it is written to its own name from the first byte
on: there is no second copy on the disk, but until the end nobody can tell half a file from a whole one,
the old content is gone when the new one fails, and what is resumed is that file itself, when its end
is the same as the server's at that place.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError
from .._values import display_name
from .blocks import buffer
from .client import Client
from .entries import Entry
from .lines import FromWire, text_mode
from .partial import Partial
from .proof import NOT_THE_SAME, check_unmoved, check_ways, same_content
from .transfers import Incoming
from .ways import OVERLAP, Moved, Ways, spoils


def download(client: Client, path: str, directory: int, name: str, source: Entry, ways: Ways, replaces: bool) -> Moved:
    """Fetch the server's ``path`` to ``name`` below the open ``directory``. One attempt.

    ``source`` is what the server told of the file when it was listed; ``replaces``: a file of that name is
    expected to be here. Raises FleetproofError; what was received then stays for the next attempt to go on
    behind, unless the error makes it worthless: changed_underfoot (list the file again first), integrity,
    no_space. Never is an empty file left that nobody sent.
    """
    check_ways(client, ways)
    partial = Partial(directory, name, source, ways, replaces)
    try:
        receiver = _Receiver(client, path, partial, source, ways)
        receiver.receive()
        verified = receiver.check()
        kept = partial.finish(source.mtime if ways.preserve_mtime else None, ways.sync)
    except BaseException as error:
        partial.leave(keep=ways.may_resume(source) and not spoils(error))
        raise
    finally:
        partial.close()
    return Moved(receiver.received, receiver.resumed, verified, kept)


class _Receiver:
    """One file on its way."""

    def __init__(self, client: Client, path: str, partial: Partial, source: Entry, ways: Ways) -> None:
        self.client = client
        self.path = path
        self.partial = partial
        self.source = source
        self.ways = ways
        self.resumed = False
        # Bytes of the file that came over the wire, without the overlap
        self.received = 0
        # The transfer behind whose end the server was asked what the file is by then
        self._watched: t.Optional[Incoming] = None

    def receive(self) -> None:
        """All that is missing."""
        if self.partial.usable and self.client.features.rest is not False:
            if self._go_on():
                return
            self._begin_again()
            return
        with text_mode(self.client, self.ways.ascii):
            self._from_nothing()

    def _begin_again(self) -> None:
        try:
            self._from_nothing()
        except FleetproofError as error:
            if error.kind != "tls":
                raise
            # ProFTPD 1.3.8 may speak in clear after a transfer that was given up. Nothing is read of that; a new connection is as good as any.
            self.client.broken = True
            raise FleetproofError(error.kind, error.message, retryable=True) from error

    def _go_on(self) -> bool:
        """Fetch what is missing behind what is there; False when that is not the beginning of the source."""
        there = self.partial.usable
        start = there - min(OVERLAP, there)
        try:
            incoming = self.client.retrieve(self.path, start)
        except FleetproofError as error:
            # A server that knows no REST, or a source that is shorter now
            if self.client.broken or error.retryable:
                raise
            return False
        with incoming:
            at = start
            while at < there:
                view = buffer(min(self.ways.piece, there - at))
                got = incoming.read_into(view)
                if not got or not self.partial.holds(view[:got], at):
                    # Before anything else can fail: the next attempt must not find it again.
                    self.partial.cut(0)
                    incoming.abandon()
                    return False
                at += got
                self.ways.passed(got)
            self.resumed = True
            self.ways.resumes(there)
            self._take(incoming)
        return True

    def _from_nothing(self) -> None:
        with self.client.retrieve(self.path) as incoming:
            # Not before the server has said that there is something to come: it may be the old file.
            self.partial.cut(0)
            self._take(incoming)

    def _take(self, incoming: Incoming) -> None:
        """Write down what comes until it ends."""
        convert = FromWire() if self.ways.ascii else None
        limit = -1 if self.ways.ascii else self.source.size
        if self.ways.verify == "size" and convert is None:
            # Other proofs take time of their own, and sizes in type A are of something else.
            self.client.watch(incoming)
            self._watched = incoming
        view = buffer(self.ways.piece)
        while True:
            got = incoming.read_into(view)
            if not got:
                break
            self.partial.write(view[:got] if convert is None else convert.convert(view[:got]))
            self.received += got
            if 0 <= limit < self.partial.size:
                raise FleetproofError("changed_underfoot", "%s grew while it was sent: it had %d bytes when it was listed" % (display_name(self.path), limit))
            self.ways.moved(got)
        if convert is not None:
            self.partial.write(convert.end())
        if incoming.unclean and self.partial.size != limit:
            raise FleetproofError("connect", "The data connection for %s was cut off: TLS ended without its farewell" % display_name(self.path))

    def check(self) -> bool:
        """Whether what ``verify`` asks for holds. Raises FleetproofError when what was received is not the source."""
        size = self.partial.size
        whole = self.ways.ascii or self.source.size in (-1, size)
        same = whole and same_content(self.client, self.path, self.partial.descriptor, size, self.ways)
        # Asked last, so that a source that changed is told from a connection or a disk that is to blame.
        check_unmoved(self.path, self.source, self.client.stat(self.path) if self._watched is None else self.client.seen(self._watched))
        shown = display_name(self.path)
        if not whole:
            raise FleetproofError("connect", "Only %d of %d bytes of %s came, although the server said that this was all" % (size, self.source.size, shown))
        if not same:
            raise FleetproofError("integrity", NOT_THE_SAME % (shown, self.ways.verify))
        if self.ways.ascii:
            # With line ends converted by the server or left as they are
            return self.source.size in (size, self.received)
        return self.source.size >= 0 or self.ways.verify != "size"
