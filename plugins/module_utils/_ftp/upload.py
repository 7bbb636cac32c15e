# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One file of this host to a server, whole or not at all.

Private to this collection. It is sent under a temporary name in the directory that it is for, compared
with what the server then has, given its time, and only then its name. With ``atomic: false`` it is sent
under its own name from the first byte on, for servers that let nobody rename or delete; until the end
nobody can tell half a file from a whole one then, and the old content is gone when the new one fails.
"""

from __future__ import annotations

import os
import stat

from .._descent import open_untouched
from .._errors import FleetproofError, from_os_error
from .._values import display_name
from .blocks import buffer, read_at
from .client import Client
from .entries import Entry
from .landing import Landing
from .lines import ToWire, text_mode
from .proof import NOT_THE_SAME, check_ways, same_content
from .transfers import Outgoing
from .ways import Moved, Ways, spoils

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def upload(client: Client, directory: int, name: str, source: Entry, path: str, ways: Ways, replaces: bool, alike: bool = False) -> Moved:
    """Send ``name`` below the open ``directory`` to ``path`` of the server. One attempt.

    ``source`` is the file as it was when it was listed; ``replaces``: the server is expected to have a file
    of that name; ``alike``: it is to be asked whether it has one after all, by a name that is the same to it.
    Raises FleetproofError; what was sent then stays for the next attempt to go on behind, unless the error
    makes it worthless: changed_underfoot (list the file again first), integrity, no_space.
    """
    check_ways(client, ways)
    descriptor = _open_source(directory, name)
    landing = Landing(client, path, source, ways)
    try:
        if alike and not replaces:
            landing.check_free()
        sender = _Sender(client, descriptor, name, source, landing, ways)
        sender.check_unmoved()
        sender.send()
        verified = sender.check()
        kept = ways.preserve_mtime and source.mtime is not None and landing.set_time(source.mtime)
        landing.finish()
    except BaseException as error:
        if spoils(error) or not ways.may_resume(source):
            landing.discard()
        raise
    finally:
        os.close(descriptor)
    return Moved(sender.sent, sender.resumed, verified, kept)


def _open_source(directory: int, name: str) -> int:
    try:
        return open_untouched(name, _READ, directory)
    except OSError as error:
        raise from_os_error(error, "read %s" % display_name(name)) from error


class _Sender:
    """One file on its way."""

    def __init__(self, client: Client, descriptor: int, name: str, source: Entry, landing: Landing, ways: Ways) -> None:
        self.client = client
        self.descriptor = descriptor
        self.name = name
        self.source = source
        self.landing = landing
        self.ways = ways
        self.resumed = False
        # Bytes of the file that went over the wire; and, of a text, the line ends among them
        self.sent = 0
        self._ends = 0

    def check_unmoved(self) -> None:
        """Raises FleetproofError (changed_underfoot) when the open file is not what was listed."""
        now = os.fstat(self.descriptor)
        how = ""
        if not stat.S_ISREG(now.st_mode):
            how = "it is no regular file any more"
        elif self.source.size not in (-1, now.st_size):
            how = "it had %d bytes and has %d" % (self.source.size, now.st_size)
        elif self.source.mtime not in (None, now.st_mtime_ns):
            how = "it was written to"
        if how:
            raise FleetproofError("changed_underfoot", "%s changed since it was listed: %s" % (display_name(self.name), how))

    def send(self) -> None:
        """All that the server does not have yet."""
        start = self.landing.usable(self.descriptor)
        self.resumed = start > 0
        if start:
            self.ways.resumes(start)
        if start and start == self.source.size:
            # Whole, but for its name: the last attempt ended between the two.
            return
        with text_mode(self.client, self.ways.ascii), self.landing.open(start) as outgoing:
            # The server may want to begin at the beginning.
            start = self.landing.start
            self.resumed = start > 0
            if self.ways.ascii:
                self._send_text(outgoing)
            else:
                self._send_bytes(outgoing, start)

    def _send_bytes(self, outgoing: Outgoing, start: int) -> None:
        at = start
        while at < self.source.size:
            wanted = min(self.ways.piece, self.source.size - at)
            done = outgoing.send_file(self.descriptor, at, wanted)
            at += done
            self.sent += done
            if done < wanted:
                raise FleetproofError(
                    "changed_underfoot", "%s shrank while it was sent: it had %d bytes when it was listed" % (display_name(self.name), self.source.size)
                )
            self.ways.moved(done)

    def _send_text(self, outgoing: Outgoing) -> None:
        convert = ToWire()
        at = 0
        while at < self.source.size:
            view = buffer(min(self.ways.piece, self.source.size - at))
            got = read_at(self.descriptor, view, at)
            if not got:
                break
            at += got
            line = convert.convert(view[:got])
            outgoing.write(line)
            self.sent += len(line)
            self.ways.moved(got)
        self._ends = convert.ends

    def check(self) -> bool:
        """Whether what ``verify`` asks for holds. Raises FleetproofError when what the server has is not the source."""
        there = self.landing.size()
        shown = display_name(self.landing.path)
        whole = self.ways.ascii or there in (-1, self.source.size)
        same = whole and same_content(self.client, self.landing.there, self.descriptor, self.source.size, self.ways)
        # Asked last, so that a source that changed is told from a connection or a disk that is to blame.
        self.check_unmoved()
        if not whole and there < self.source.size:
            raise FleetproofError("connect", "Only %d of %d bytes of %s arrived, although the server said that this was all" % (there, self.source.size, shown))
        if not whole or not same:
            raise FleetproofError("integrity", NOT_THE_SAME % (shown, self.ways.verify))
        if self.ways.ascii:
            # With line ends converted by the server or left as they are
            return there in (self.sent, self.sent - self._ends)
        return there >= 0 or self.ways.verify != "size"
