# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listings of directories, with MLSD or LIST, and what can be told for certain from them.

Private to this collection. A directory is entered (CWD) and listed without an argument: servers take
apart the argument of LIST as a shell would. An empty answer is believed only where an unreadable
directory would have been answered otherwise.
"""

from __future__ import annotations

import re
import time
import typing as t

from .._errors import FleetproofError
from .._values import display_name
from .entries import Entry, Listing
from .listing import parse_list, parse_mlsd
from .replies import Reply, error_of, says_gone

if t.TYPE_CHECKING:
    from .client import Client

_LIMIT = 1 << 27  # octets of one listing: a million names, and no more memory than a host can spare
# "." as the last word of a line of LIST -a
_DOT = re.compile(rb"(?m)^[^\r\n]*[ \t]\.\r?$")
_TRUNCATED = re.compile(r"truncat", re.IGNORECASE)


class Directories:
    """The directories of one connection; paths are absolute."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._mlsd: t.Optional[bool] = None
        # whether LIST takes -a, and shows "." with it; None until tried
        self._all: t.Optional[bool] = None
        self._dots: t.Optional[bool] = None
        # whether LIST was seen to show a name that begins with a dot
        self._shown = False

    def list(self, path: str) -> t.Optional[Listing]:
        """The directory; None when it is not there."""
        client = self._client
        doing = "list %s" % display_name(path)
        if self._mlsd is None:
            self._mlsd = client.features.mlsd
        if self._mlsd:
            return self._parsed(self._fetch("MLSD", path, doing), lambda data: parse_mlsd(data, client.control.encoding), doing)
        return self.list_plain(path)

    def list_plain(self, path: str) -> t.Optional[Listing]:
        """The same by LIST, also where there is MLSD.

        MLSD of some servers (ProFTPD, pyftpdlib) leaves out links that lead nowhere, and takes others for what
        they lead to; LIST shows links.
        """
        client = self._client
        doing = "list %s" % display_name(path)
        listing = self._parsed(self._fetch_list(path, doing), lambda data: parse_list(data, client.control.encoding, time.time()), doing)
        if listing is not None:
            self._shown = self._shown or any(name.startswith(".") for name in listing.entries)
            listing.dots = self._shown or bool(self._all and self._dots)
        return listing

    def _parsed(self, data: t.Optional[bytes], parse: t.Callable[[bytes], Listing], doing: str) -> t.Optional[Listing]:
        try:
            return None if data is None else parse(data)
        except FleetproofError as error:
            raise FleetproofError(error.kind, "Could not %s on %s: %s" % (doing, self._client.where, error.message)) from error

    def _fetch(self, command: str, path: str, doing: str) -> t.Optional[bytes]:
        """What the command sends for the directory; None when there is none."""
        client = self._client
        (entered,), data, closing = client.receive_all(command, doing, path, _LIMIT, ["CWD " + path])
        if not entered.good:
            if self.is_gone(entered, path):
                return None
            raise error_of(entered, doing, client.where, path)
        if closing is None or closing.code not in (226, 250):
            raise FleetproofError("protocol", "Could not %s on %s: the listing did not end as it should (%s)" % (doing, client.where, closing))
        if _TRUNCATED.search(closing.text):
            # pure-ftpd stops at 10000 entries unless told otherwise (LimitRecursion), and ends with 226 all the same
            raise FleetproofError("protocol", "Could not %s on %s: the server lists only a part (%s)" % (doing, client.where, closing))
        if data and not data.endswith(b"\n"):
            raise FleetproofError("connect", "Could not %s on %s: the listing ends in the middle of a line" % (doing, client.where))
        return data

    def _fetch_list(self, path: str, doing: str) -> t.Optional[bytes]:
        if self._all is False:
            return self._fetch("LIST", path, doing)
        try:
            data = self._fetch("LIST -a", path, doing)
        except FleetproofError as error:
            # what a server may say that does not know -a, or looks for a file of that name
            if self._all or self._client.broken or error.kind not in ("protocol", "argument", "not_found", "refused"):
                raise
            self._all = False
            return self._fetch("LIST", path, doing)
        if data is None or data.strip():
            self._learn(data)
            return data
        return self._nothing(path, doing)

    def _learn(self, data: t.Optional[bytes]) -> None:
        if data and data.strip():
            self._all = True
            self._dots = self._dots or bool(_DOT.search(data))

    def _nothing(self, path: str, doing: str) -> t.Optional[bytes]:
        """What to make of an empty answer to LIST -a.

        vsftpd gives it, with a 226, for a directory that may be entered and not read, and "." and ".."
        for an empty one; servers that take -a for a name have to be asked without it.
        """
        if self._dots is None:
            data = self._fetch("LIST", path, doing)
            if data is None or data.strip():
                self._all = False
                return data
            self._dots = self._shows_dots(path, doing)
        if self._dots:
            raise FleetproofError("permission", "Could not %s on %s: the directory cannot be read" % (doing, self._client.where))
        return b""

    def _shows_dots(self, path: str, doing: str) -> bool:
        """Whether this server shows "." with LIST -a: the directory above tells, for it is not empty."""
        if path == "/":
            return "vsftpd" in self._client.control.command("STAT").text.lower()
        data = self._fetch("LIST -a", path.rsplit("/", 1)[0] or "/", doing)
        return bool(data and _DOT.search(data))

    def is_gone(self, reply: Reply, path: str) -> bool:
        """Whether a refusal means that there is nothing at ``path``, and not that it must not be seen.

        Where the text does not tell, the directory above has to. Raises when that cannot be read.
        """
        if reply.code not in (450, 550, 553):
            return False
        if says_gone(reply, path):
            return True
        if path == "/" or error_of(reply, "", "", path).kind == "permission":
            return False
        return self.find(path) is None

    def find(self, path: str) -> t.Optional[Entry]:
        """The entry of ``path`` in the directory above; None when there is none. Raises when that cannot be told."""
        above, name = path.rsplit("/", 1)
        listing = self.list(above or "/")
        if listing is None:
            return None
        entry = listing.entries.get(name)
        hidden = self._all is False and name.startswith(".")
        if entry is None and (hidden or any(refused.name == name for refused in listing.refused)):
            raise FleetproofError("refused", "Could not tell whether %s is there: %s does not show it" % (display_name(path), self._client.where))
        return entry
