# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the two sides of a transfer are: whether src is a file or a directory, and what that makes of dest.

Private to this collection. Nothing is changed here.
"""

from __future__ import annotations

import os
import stat
import typing as t

from .._errors import FleetproofError, from_os_error
from .._values import display_name
from .client import Client
from .entries import DIRECTORY, FILE, Entry, Listing
from .local import entry_of_state
from .remote import clean, join, missing, parent_of, stat_following
from .transfer_options import Request


class Ends(t.NamedTuple):
    """Both sides; a single file is the only entry of the directory that it lies in."""

    # The directories, as paths of their side
    src: str
    dest: str
    # The file of src, where src is one
    file: t.Optional[Entry] = None
    # Its name in dest
    name: str = ""
    # What dest has of that name, and whether dest is there; unknown for directories
    there: t.Optional[Entry] = None
    dest_is_there: bool = False

    @property
    def listed_src(self) -> OneFile:
        """The side that src is, for a file."""
        return OneFile(self.file, True)

    @property
    def listed_dest(self) -> OneFile:
        """The side that dest is, for a file: by the name that it has in src."""
        there = self.there
        return OneFile(there if there is None or self.file is None else there._replace(name=self.file.name), self.dest_is_there)


class OneFile:
    """One side of the transfer of a single file, looked at before."""

    def __init__(self, entry: t.Optional[Entry], there: bool) -> None:
        self._listing = Listing({} if entry is None else {entry.name: entry}) if there else None

    def list(self, folder: str) -> t.Optional[Listing]:
        """See Lister."""
        return None if folder else self._listing


def ends_of_download(client: Client, request: Request) -> Ends:
    """From a server to this host. Raises FleetproofError (not_found) when src is not there."""
    src = clean(request.src)
    entry: t.Optional[Entry] = Entry("", DIRECTORY) if src in ("", "/") else stat_following(client, src)
    if entry is None:
        raise FleetproofError("not_found", missing(client, src))
    dest = request.dest.rstrip("/") or "/"
    if entry.kind == DIRECTORY:
        if os.path.realpath(dest) == "/":
            raise FleetproofError("unsafe", "dest is the root directory of this host; name a directory below it")
        _check_way(dest)
        return Ends(src, dest)
    _check_file(entry, request.src, "the server")
    name = src.rpartition("/")[2]
    entry = entry._replace(name=name)
    if request.dest.endswith("/") or os.path.isdir(dest):
        directory = dest
    else:
        directory, name = os.path.split(dest)
    _check_way(directory)
    try:
        there: t.Optional[Entry] = entry_of_state(name, os.lstat(os.path.join(directory, name)))
    except (FileNotFoundError, NotADirectoryError):
        there = None
    except OSError as error:
        raise from_os_error(error, "look at dest (%s)" % display_name(os.path.join(directory, name))) from error
    return Ends(parent_of(src) or "", directory, entry, name, there, os.path.isdir(directory))


def ends_of_upload(client: Client, request: Request) -> Ends:
    """From this host to a server. Raises FleetproofError (not_found) when src is not there."""
    src = request.src.rstrip("/") or "/"
    try:
        state = os.stat(src)
    except FileNotFoundError as error:
        raise FleetproofError("not_found", _missing_here(src)) from error
    except OSError as error:
        raise from_os_error(error, "look at src (%s)" % display_name(src)) from error
    dest = clean(request.dest)
    if stat.S_ISDIR(state.st_mode):
        return Ends(src, dest)
    # What a link leads to is opened where it lies, as nothing is followed after this.
    directory, own = os.path.split(os.path.realpath(src))
    name = os.path.basename(src)
    entry = entry_of_state(own, state)
    _check_file(entry, request.src, "this host")
    there: t.Optional[Entry] = None
    if not request.dest.endswith("/") and dest not in ("", "/"):
        there = stat_following(client, dest)
        if there is None or there.kind != DIRECTORY:
            root, other = parent_of(dest) or "", dest.rpartition("/")[2]
            is_there = there is not None or root in ("", "/") or _is_directory(client, root)
            return Ends(directory, root, entry, other, there, is_there)
    is_there = dest in ("", "/") or there is not None or _is_directory(client, dest)
    inside = client.stat(join(dest, name)) if is_there else None
    return Ends(directory, dest, entry, name, inside, is_there)


def _check_way(directory: str) -> None:
    """A directory of this host is there, or can be made. Raises FleetproofError (argument)."""
    while not os.path.lexists(directory):
        directory = os.path.dirname(directory)
    if not os.path.isdir(directory):
        raise FleetproofError("argument", "dest: %s is there and is no directory; remove it or name another" % display_name(directory))


def _is_directory(client: Client, path: str) -> bool:
    entry = stat_following(client, path)
    if entry is not None and entry.kind != DIRECTORY:
        raise FleetproofError("argument", "dest: %s is there on the server and is no directory; remove it or name another" % display_name(path))
    return entry is not None


def _check_file(entry: Entry, src: str, where: str) -> None:
    if entry.kind != FILE:
        raise FleetproofError("argument", "src: %s on %s is neither a file nor a directory; name one" % (display_name(src), where))
    if src.endswith("/"):
        raise FleetproofError("argument", "src: %s on %s is a file; take the slash at its end away" % (display_name(src), where))


def _missing_here(src: str) -> str:
    parent = os.path.dirname(src)
    if os.path.isdir(parent):
        return "There is no file or directory %s on this host; look at src" % display_name(src)
    while not os.path.isdir(os.path.dirname(parent)):
        parent = os.path.dirname(parent)
    return "There is no directory %s on this host, so src (%s) cannot be there; look at src" % (display_name(parent), display_name(src))
