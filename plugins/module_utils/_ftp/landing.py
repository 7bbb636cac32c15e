# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where an upload arrives: a temporary name on the server, until the file gets its own.

Private to this collection. What was seen of servers, and is counted on:

- RNTO over a file replaces it on vsftpd, ProFTPD, Pure-FTPd and pyftpdlib; others refuse.
- STOR after REST writes from there on, on all four. The tail of a longer file stays, but on Pure-FTPd,
  so nothing is ever gone on with that is longer than the source. Beyond the end of the file vsftpd
  leaves a hole, ProFTPD and pyftpdlib refuse (554), Pure-FTPd appends.
- Where a server still writes what an attempt before sent, STOR after REST puts the same bytes in the same
  place; APPE would add them a second time. So APPE is for servers that take no REST for STOR. ProFTPD
  takes neither unless AllowStoreRestart is set (451).
- Of an upload whose data connection was cut all four keep what arrived; in clear text vsftpd and
  Pure-FTPd say 226 to it, so that only SIZE tells.
- The time of a file stays its own when it is renamed, on all four.
"""

from __future__ import annotations

from .._errors import FleetproofError
from .._values import display_name
from .blocks import buffer, holds
from .client import Client
from .entries import DIRECTORY, Entry
from .transfers import Outgoing
from .ways import OVERLAP, Ways, aside_for, is_newer, temporary_for

# Kinds of a refusal that another way of saying the same may get around
_REFUSALS = frozenset(("argument", "not_found", "permission", "protocol", "refused"))
# 451 is said of more than what may pass: ProFTPD of what it does not resume
_UNCLEAR = _REFUSALS | {"busy"}


class Landing:
    """One file on the server, from nothing to its name."""

    def __init__(self, client: Client, path: str, source: Entry, ways: Ways) -> None:
        self.client = client
        self.path = path
        # Under which name it is there for now
        self.there = path if not ways.atomic else _beside(path, temporary_for(_name(path), source))
        # At which byte the transfer begins
        self.start = 0
        self._source = source
        self._ways = ways
        # The server took something of ours, or has something that an attempt before left
        self._touched = False

    def check_free(self) -> None:
        """Nothing has the name, though it did not show in the listing. Raises FleetproofError (refused)."""
        if self.client.stat(self.path) is not None:
            told = "The server takes %s for a name that it has already, in another spelling; rename one of the two in src, or remove the other from dest"
            raise FleetproofError("refused", told % display_name(self.path))

    def usable(self, descriptor: int) -> int:
        """How many bytes an earlier attempt left that the open file begins with; 0 for none."""
        if not self._ways.may_resume(self._source) or self.client.features.rest is False:
            return 0
        size, mtime = self.client.glance(self.there)
        if not size:
            return 0
        if self._ways.atomic:
            self._touched = True
        elif size >= self._source.size or not is_newer(mtime, self._source):
            # Under its own name there may be an old version as well.
            return 0
        if size > self._source.size or not self._same_end(descriptor, size):
            return 0
        return size

    def _same_end(self, descriptor: int, size: int) -> bool:
        start = size - min(OVERLAP, size)
        at = start
        same = True
        try:
            incoming = self.client.retrieve(self.there, start)
        except FleetproofError as error:
            # A server where one may write and not read, or that knows no REST
            if self.client.broken or error.kind not in _UNCLEAR:
                raise
            return False
        with incoming:
            view = buffer(self._ways.piece)
            while True:
                got = incoming.read_into(view)
                if not got:
                    break
                same = same and holds(descriptor, view[:got], at)
                at += got
                self._ways.passed(got)
        # Still growing: an attempt that the server has not given up yet
        return same and at == size

    def open(self, start: int) -> Outgoing:
        """The transfer, from byte ``start`` of the source on; ``self.start`` is where it does begin."""
        self.start = start
        if start:
            for append in (False, True):
                try:
                    outgoing = self.client.store(self.there, 0 if append else start, append)
                except FleetproofError as error:
                    if self.client.broken or error.kind not in _UNCLEAR:
                        raise
                else:
                    self._touched = True
                    return outgoing
            self.start = 0
        elif self._touched:
            # Not worth going on with; not every server can be counted on to cut off what is longer.
            self.discard()
        outgoing = self.client.store(self.there)
        self._touched = True
        return outgoing

    def size(self) -> int:
        """Bytes that the server has of it; -1 where it does not tell."""
        found = self.client.size(self.there)
        if found is None:
            entry = self.client.stat(self.there)
            found = -1 if entry is None else entry.size
        return found

    def set_time(self, mtime: int) -> bool:
        """Give it its time; False where the server cannot, or will not."""
        try:
            return self.client.set_mtime(self.there, mtime)
        except FleetproofError as error:
            if self.client.broken or error.kind not in _REFUSALS:
                raise
            return False

    def finish(self) -> None:
        """Give it its name."""
        if self.there == self.path:
            return
        try:
            self.client.rename(self.there, self.path)
        except FleetproofError as error:
            # Pure-FTPd says 451 where a directory is in the way.
            if self.client.broken or error.kind not in _UNCLEAR:
                raise
            self._finish_around(error)

    def _finish_around(self, refusal: FleetproofError) -> None:
        """For servers that rename over nothing: the old file steps aside, and back where the new one does not get its name."""
        standing = self.client.stat(self.path)
        if standing is None:
            raise refusal
        shown = display_name(self.path)
        if standing.kind == DIRECTORY:
            raise FleetproofError("refused", "A directory is in the way of the file %s on the server; remove it or choose another dest" % shown)
        if refusal.kind not in _REFUSALS:
            raise refusal
        aside = _beside(self.path, aside_for(_name(self.path)))
        # One from before: what it was kept for is there.
        self._remove(aside)
        self.client.rename(self.path, aside)
        try:
            self.client.rename(self.there, self.path)
        except FleetproofError as error:
            try:
                self.client.rename(aside, self.path)
            except FleetproofError as second:
                told = "%s could not be replaced, and the old file is now called %s: %s; %s"
                raise FleetproofError(error.kind, told % (shown, display_name(aside), error.message, second.message)) from error
            raise
        self._remove(aside)

    def discard(self) -> None:
        """Remove what arrived, as far as the server lets us."""
        if self._touched and not self.client.broken:
            self._remove(self.there)

    def _remove(self, path: str) -> None:
        try:
            self.client.delete(path)
        except FleetproofError:
            # What went before is what is to be told; a temporary file is found by its name, and removed by the next run.
            pass


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _beside(path: str, name: str) -> str:
    head, slash, _name_of_it = path.rpartition("/")
    return head + slash + name
