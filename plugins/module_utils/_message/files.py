# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stores that keep each message in a file of its own.

Private to this collection. Messages are kept octet for octet. Files are written under a temporary name, synced, and
renamed; their mode is 0600, and their modification time the arrival of the message, where that is known. Each name
holds the tag of its message, by which it is found whatever else a mail program makes of the name.
"""

from __future__ import annotations

import os
import re
import time
import typing as t

from .._errors import FleetproofError, from_os_error
from .._state import assert_writable, sync_directory
from .._values import display_name, is_temporary, temporary_name
from .store import Intent, Store, tag_of

_TAG = re.compile(r"[0-9a-f]{32}")
_STALE = 3600.0  # seconds after which a file that is not whole is of a run that was killed


class FileStore(Store):
    """A directory whose ``folders`` (relative, "" for itself) hold the files; ``temporary`` is where they begin."""

    folders: t.Tuple[str, ...] = ("",)
    temporary = ""

    def __init__(self, dest: str) -> None:
        self._dest = os.path.abspath(dest)
        self._known: t.Optional[t.Set[str]] = None

    def name_of(self, tag: str, when: float) -> str:
        """The name of a new file."""
        raise NotImplementedError

    def probe(self) -> None:
        if os.path.lexists(self._dest) and not os.path.isdir(self._dest):
            raise FleetproofError("argument", "dest: %s is there and is not a directory" % display_name(self._dest))
        for folder in {*self.folders, self.temporary}:
            assert_writable(os.path.join(self._dest, folder))

    def is_there(self) -> bool:
        return any(os.path.isdir(os.path.join(self._dest, folder)) for folder in self.folders)

    def holds(self, path: str) -> bool:
        found = _TAG.search(os.path.basename(path))
        try:
            return found is not None and found.group() in self._tags()
        except OSError:
            return False

    def _tags(self) -> t.Set[str]:
        if self._known is None:
            return {found.group() for name in self._names() for found in [_TAG.search(name)] if found}
        return self._known

    def settle(self, key: str, intent: Intent, raw: bytes) -> t.Optional[str]:
        del key, raw
        tag = intent.get("tag")
        if not isinstance(tag, str) or not _TAG.fullmatch(tag):
            return None
        try:
            path = self._find(tag)
            if path is None:
                _remove(self._temporary_path(tag))
            else:
                # the run may have been killed before it could see to that
                sync_directory(os.path.dirname(path))
        except OSError as error:
            raise self._error(error) from error
        return path

    def put(self, key: str, raw: bytes, when: t.Optional[float], announce: t.Callable[[Intent], None] = lambda _intent: None) -> str:
        tag = tag_of(key, raw)
        try:
            if self._known is None:
                self._make()
                self._known = self._tags()
            # without its state a run finds by their names what earlier ones have stored
            path = self._find(tag) if tag in self._known else None
            if path is None:
                announce({"tag": tag})
                path = self._write(tag, raw, when)
        except OSError as error:
            raise self._error(error) from error
        self._known.add(tag)
        return path

    def _error(self, error: OSError) -> FleetproofError:
        return from_os_error(error, "store a message in %s" % display_name(self._dest))

    def _make(self) -> None:
        """Have the directories, and none of the files that runs which were killed left behind."""
        if not os.path.isdir(self._dest):
            os.makedirs(self._dest, mode=0o700, exist_ok=True)
            sync_directory(os.path.dirname(self._dest))
        # in this order: one that a killed run has begun is known by its new or cur
        for folder in (*self.folders, self.temporary):
            os.makedirs(os.path.join(self._dest, folder), mode=0o700, exist_ok=True)
        sync_directory(self._dest)
        place = os.path.join(self._dest, self.temporary)
        for name in os.listdir(place):
            path = os.path.join(place, name)
            if is_temporary(name) and _is_stale(path):
                _remove(path)

    def _names(self) -> t.Iterator[str]:
        for folder in self.folders:
            yield from os.listdir(os.path.join(self._dest, folder))

    def _find(self, tag: str) -> t.Optional[str]:
        """The file with this tag. A mail program moves files from one folder to the next: the first is looked at once more."""
        for folder in (*self.folders, *self.folders):
            try:
                for name in os.listdir(os.path.join(self._dest, folder)):
                    if tag in name:
                        return os.path.join(self._dest, folder, name)
            except FileNotFoundError:
                continue
        return None

    def _temporary_path(self, tag: str) -> str:
        return os.path.join(self._dest, self.temporary, temporary_name(int(tag[:16], 16)))

    def _write(self, tag: str, raw: bytes, when: t.Optional[float]) -> str:
        temporary = self._temporary_path(tag)
        path = os.path.join(self._dest, self.folders[0], self.name_of(tag, time.time() if when is None else when))
        # what an earlier try left would be in the way
        _remove(temporary)
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(raw)
                file.flush()
                if when is not None:
                    os.utime(descriptor, (when, when))
                os.fsync(descriptor)
            os.rename(temporary, path)
        except BaseException:
            _remove(temporary)
            raise
        sync_directory(os.path.dirname(path))
        return path


def _is_stale(path: str) -> bool:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        # another run has finished it
        return False
    # the modification time may be the arrival of a message that is being written right now
    return time.time() - max(found.st_mtime, found.st_ctime) > _STALE


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
