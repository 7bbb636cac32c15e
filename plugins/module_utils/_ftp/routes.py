# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two directions of a transfer, step by step: what is done to one file or directory.

Private to this collection. A Route is for one thread and its line. It knows where the two roots are; what
happens when a step fails is not its business.
"""

from __future__ import annotations

import os
import typing as t

from .._descent import Descent
from .._errors import FleetproofError, from_os_error
from .._plan.plan import UPDATED, Item
from .._values import display_name
from .client import Client
from .entries import DIRECTORY, FILE, Entry
from .local import entry_of_state
from .planner import entry_of
from .pool import Line
from .remote import join
from .ways import Moved, Ways


class Route(t.Protocol):
    """One direction, for one thread."""

    def move(self, folder: str, item: Item, entry: Entry, ways: Ways, moved: t.Callable[[], int]) -> Moved:
        """Bring one file to dest, however many attempts that takes."""

    def look_again(self, folder: str, item: Item) -> Entry:
        """The file of src as it is now. Raises FleetproofError (not_found) when it is gone."""

    def take(self, folder: str, item: Item) -> None:
        """Remove a file of src that is still what it was when it was planned."""

    def make(self, folder: str, item: Item) -> None:
        """Make a directory of dest, in the place of a file where there is one."""

    def remove(self, folder: str, item: Item) -> None:
        """Remove a file or an empty directory of dest; one that is gone is no error."""

    def close(self) -> None:
        """No more."""


class Download:
    """From a server to a directory of this host."""

    def __init__(self, line: Line, src: str, dest: int) -> None:
        self.line = line
        self.src = src
        self.dest = Descent(dest)

    def close(self) -> None:
        """No more."""
        self.dest.close()

    def _path(self, folder: str, item: Item) -> str:
        return join(self.src, folder + item.name)

    def _directory(self, folder: str) -> int:
        try:
            return self.dest.open(folder)
        except OSError as error:
            raise from_os_error(error, "enter its directory in dest") from error

    def move(self, folder: str, item: Item, entry: Entry, ways: Ways, moved: t.Callable[[], int]) -> Moved:
        """See Route."""
        from .download import download  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # one direction needs no other

        directory = self._directory(folder)
        path = self._path(folder, item)
        name = item.other or item.name
        replaces = item.action == UPDATED
        return self.line.attempt(lambda client: download(client, path, directory, name, entry, ways, replaces), moved)

    def look_again(self, folder: str, item: Item) -> Entry:
        """See Route."""
        return _remote_file(self.line, self._path(folder, item))

    def take(self, folder: str, item: Item) -> None:
        """See Route."""
        _check_same(item, self.look_again(folder, item))
        path = self._path(folder, item)
        self.line.attempt(lambda client: _unless_gone(client.delete, path))

    def make(self, folder: str, item: Item) -> None:
        """See Route."""
        if item.name == ".":
            # The root is there since the lock was taken.
            return
        directory = self._directory(folder)
        try:
            if item.action == UPDATED:
                os.unlink(item.name, dir_fd=directory)
            os.mkdir(item.name, dir_fd=directory)
        except OSError as error:
            raise from_os_error(error, "make the directory in dest") from error

    def remove(self, folder: str, item: Item) -> None:
        """See Route."""
        directory = self._directory(folder)
        try:
            if item.kind == DIRECTORY:
                os.rmdir(item.name, dir_fd=directory)
            else:
                os.unlink(item.name, dir_fd=directory)
        except FileNotFoundError:
            return
        except OSError as error:
            raise from_os_error(error, "remove it from dest") from error


class Upload:
    """From a directory of this host to a server."""

    def __init__(self, line: Line, src: int, dest: str) -> None:
        self.line = line
        self.src = Descent(src)
        self.dest = dest

    def close(self) -> None:
        """No more."""
        self.src.close()

    def _directory(self, folder: str) -> int:
        try:
            return self.src.open(folder)
        except OSError as error:
            raise from_os_error(error, "enter its directory in src") from error

    def move(self, folder: str, item: Item, entry: Entry, ways: Ways, moved: t.Callable[[], int]) -> Moved:
        """See Route."""
        from .upload import upload  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # one direction needs no other

        directory = self._directory(folder)
        path = join(self.dest, folder + (item.other or item.name))
        replaces = item.action == UPDATED
        return self.line.attempt(lambda client: upload(client, directory, item.name, entry, path, ways, replaces, item.alike), moved)

    def look_again(self, folder: str, item: Item) -> Entry:
        """See Route."""
        try:
            state = os.stat(item.name, dir_fd=self._directory(folder), follow_symlinks=False)
        except OSError as error:
            raise from_os_error(error, "look at it in src") from error
        return entry_of_state(item.name, state)

    def take(self, folder: str, item: Item) -> None:
        """See Route."""
        _check_same(item, self.look_again(folder, item))
        try:
            os.unlink(item.name, dir_fd=self._directory(folder))
        except OSError as error:
            raise from_os_error(error, "remove it from src") from error

    def make(self, folder: str, item: Item) -> None:
        """See Route."""
        if item.name == ".":
            return
        path = join(self.dest, folder + item.name)
        attempts = 0

        def once(client: Client) -> None:
            nonlocal attempts
            attempts += 1
            # What an attempt before this one did, its answer being lost, is not to be done again.
            there = client.stat(path) if attempts > 1 else None
            if there is not None and there.kind == DIRECTORY:
                return
            if item.action == UPDATED and (attempts == 1 or there is not None):
                client.delete(path)
            client.make_directory(path)

        self.line.attempt(once)

    def remove(self, folder: str, item: Item) -> None:
        """See Route."""
        path = join(self.dest, folder + item.name)

        self.line.attempt(lambda client: _unless_gone(client.remove_directory if item.kind == DIRECTORY else client.delete, path))


def _unless_gone(remove: t.Callable[[str], None], path: str) -> None:
    try:
        remove(path)
    except FleetproofError as error:
        # Gone, by another's hand or by an attempt whose answer was lost
        if error.kind != "not_found":
            raise


def _remote_file(line: Line, path: str) -> Entry:
    entry = line.attempt(lambda client: client.stat(path))
    if entry is None:
        raise FleetproofError("not_found", "%s is not on the server any more" % display_name(path))
    return entry


def _check_same(item: Item, now: Entry) -> None:
    """A file is what it was when it was planned. Raises FleetproofError (changed_underfoot)."""
    then = entry_of(item)
    moved = then.mtime is not None and now.mtime is not None and abs(now.mtime - then.mtime) >= max(then.precision, now.precision)
    grown = then.size >= 0 and now.size >= 0 and now.size != then.size
    if now.kind != FILE or grown or moved:
        raise FleetproofError("changed_underfoot", "it changed after it was planned, so it stays in src")
