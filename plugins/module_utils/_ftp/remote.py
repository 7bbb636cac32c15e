# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory of a server as one side of a transfer.

Private to this collection.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError
from .._values import display_name
from .entries import DIRECTORY, FILE, SECOND, SYMLINK, Entry, Listing

if t.TYPE_CHECKING:
    from .client import Client
    from .pool import Line


def clean(path: str) -> str:
    """A path on a server without slashes at its end; "" is the directory that the login leads to."""
    bare = path.rstrip("/")
    if not bare and path:
        return "/"
    return "" if bare == "." else bare


def join(root: str, relative: str) -> str:
    """The path of what lies below ``root``; ``relative`` may end in a slash and may be empty."""
    relative = relative.rstrip("/")
    if not relative:
        return root
    if not root:
        return relative
    return (root if root.endswith("/") else root + "/") + relative


def parent_of(path: str) -> t.Optional[str]:
    """The directory that ``path`` lies in; None for one that lies in no other."""
    if path in ("", "/"):
        return None
    head, slash, _name = path.rpartition("/")
    return head or slash


class RemoteSide:
    """Lists what lies below a directory of a server; for the thread that has the line."""

    def __init__(self, line: Line, root: str) -> None:
        self.line = line
        self.root = root

    def list(self, folder: str) -> t.Optional[Listing]:
        """See Lister."""
        path = join(self.root, folder)

        def once(client: Client) -> t.Optional[Listing]:
            return client.list(path)

        return self.line.attempt(once)

    def links(self, folder: str) -> t.List[Entry]:
        """The symbolic links of a folder that MLSD shows as what they lead to, or not at all."""
        path = join(self.root, folder)

        def once(client: Client) -> t.Optional[Listing]:
            if not client.features.mlsd:
                # The listing was LIST's own.
                return None
            try:
                return client.list_plain(path)
            except FleetproofError as error:
                if client.broken or error.kind not in ("protocol", "refused"):
                    raise
                # Without a LIST that can be understood nobody can tell.
                return None

        plain = self.line.attempt(once)
        return [] if plain is None else [entry for entry in plain.entries.values() if entry.kind == SYMLINK]

    def reveal(self, folder: str, listing: Listing, names: t.Sequence[str]) -> None:
        """Ask for files that the listing would not show, and add those that the server tells the size of."""
        paths = [join(self.root, folder + name) for name in names]

        def once(client: Client) -> t.Sequence[t.Tuple[t.Optional[int], t.Optional[int]]]:
            return [client.glance(path) for path in paths]

        for name, (size, mtime) in zip(names, self.line.attempt(once)):
            if size is not None:
                listing.entries[name] = Entry(name, FILE, size, mtime, SECOND)

    def refine(self, folder: str, listing: Listing, names: t.Sequence[str]) -> None:
        """Ask for sizes and times of files one by one, many on the way at once, where the server tells them."""
        paths = [join(self.root, folder + name) for name in names]

        def once(client: Client) -> t.Sequence[t.Tuple[t.Optional[int], t.Optional[int]]]:
            if client.features.mdtm is False and client.features.size is False:
                return ()
            try:
                return client.sizes_and_times(paths)
            except FleetproofError as error:
                if client.broken or error.retryable:
                    raise
                # One that is not told of hides no other.
                return [_told(client, path) for path in paths]

        for name, (size, mtime) in zip(names, self.line.attempt(once)):
            entry = listing.entries[name]
            if size is not None:
                entry = entry._replace(size=size)
            if mtime is not None:
                entry = entry._replace(mtime=mtime, precision=SECOND)
            listing.entries[name] = entry


def _told(client: Client, path: str) -> t.Tuple[t.Optional[int], t.Optional[int]]:
    """Size and time of a file; None for both where the server refuses: what is the matter with it shows when it is moved."""
    try:
        return client.sizes_and_times([path])[0]
    except FleetproofError as error:
        if client.broken or error.retryable:
            raise
        return None, None


def stat_following(client: Client, path: str) -> t.Optional[Entry]:
    """The entry that ``path`` leads to, by way of symbolic links as well; None where there is none."""
    entry = client.stat(path)
    if entry is None or entry.kind != SYMLINK:
        return entry
    try:
        if client.list(path) is not None:
            return entry._replace(kind=DIRECTORY)
    except FleetproofError as error:
        # What cannot be entered may be a file.
        if client.broken or error.retryable:
            raise
    return entry._replace(kind=FILE, size=_or(client.size(path), -1), mtime=client.mtime(path), precision=SECOND)


def missing(client: Client, path: str) -> str:
    """The sentence for a path that is not there: what of it is, and what is not."""
    parent = parent_of(path)
    if parent is None or client.stat(parent) is not None:
        return "There is no file or directory %s on the server; look at src" % display_name(path)
    while True:
        above = parent_of(parent)
        if above is None or client.stat(above) is not None:
            return "There is no directory %s on the server, so src (%s) cannot be there; look at src" % (display_name(parent), display_name(path))
        parent = above


def _or(value: t.Optional[int], default: int) -> int:
    return default if value is None else value
