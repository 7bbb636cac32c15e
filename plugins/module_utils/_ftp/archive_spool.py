# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of a site on their way into an archive: fetched by several connections, written by one, in one order.

Private to this collection. They wait in a directory of their own beside the archive, as that is where there
is to be room for them. Only so many files and bytes are under way at once. As long as a run is at work the
directory is locked: that tells it from a leftover, whoever looks.
"""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import os
import stat
import threading
import typing as t

from .._errors import from_os_error
from .._lock import held
from .._values import display_name, temporary_name
from .entries import Entry

# Bytes that may wait, unless a single file is larger
MOST_BYTES = 256 << 20
# Files that may wait, for each connection
FILES_PER_CONNECTION = 4

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def _temporary(name: str, what: str) -> str:
    key = "%s\0%s" % (what, name)
    return temporary_name(int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:8], "big"))


def new_name(name: str) -> str:
    """What the archive ``name`` is called until it is whole."""
    return _temporary(name, "archive")


def spool_name(name: str) -> str:
    """The directory that files of the archive ``name`` wait in."""
    return _temporary(name, "spool")


def leftovers(directory: int, name: str) -> t.List[t.Tuple[str, int]]:
    """What an interrupted run left in the open directory: names, and sizes of files."""
    found = []
    for left in sorted((new_name(name), spool_name(name))):
        try:
            state = os.stat(left, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            continue
        found.append((left, state.st_size if stat.S_ISREG(state.st_mode) else 0))
    return found


def check_idle(directory: int, name: str, path: str) -> None:
    """Raises FleetproofError (busy) while another run, of any user, makes the archive ``name``; ``path`` is for what is said of it."""
    try:
        spool = os.open(spool_name(name), _DIRECTORY, dir_fd=directory)
    except OSError:
        # There is none, or it is none of ours, which is told when it is to be removed.
        return
    try:
        with held(spool, path, True):
            pass
    finally:
        os.close(spool)


def sweep(directory: int, name: str, path: str) -> None:
    """Remove what an interrupted run left. Raises FleetproofError, busy where the run goes on; ``path`` as in ``check_idle``."""
    check_idle(directory, name, path)
    for left, _size in leftovers(directory, name):
        try:
            if stat.S_ISDIR(os.stat(left, dir_fd=directory, follow_symlinks=False).st_mode):
                _remove_directory(directory, left)
            else:
                os.unlink(left, dir_fd=directory)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise from_os_error(error, "remove %s, which an interrupted run left beside the archive" % left) from error


def _remove_directory(directory: int, name: str) -> None:
    """A directory with nothing but files in it; one that is gone is no error."""
    try:
        inside = os.open(name, _DIRECTORY, dir_fd=directory)
    except FileNotFoundError:
        return
    try:
        for left in os.listdir(inside):
            os.unlink(left, dir_fd=inside)
    finally:
        os.close(inside)
    os.rmdir(name, dir_fd=directory)


class Spool:
    """The directory, for this user alone; a context manager that removes it whatever happens."""

    def __init__(self, directory: int, name: str, path: str) -> None:
        """For the archive ``name`` in the open directory, where ``sweep`` was called before; ``path`` as there."""
        self._above = directory
        self._name = spool_name(name)
        self._path = path
        self._stack = contextlib.ExitStack()
        self.directory = -1

    def __enter__(self) -> Spool:
        try:
            os.mkdir(self._name, 0o700, dir_fd=self._above)
            self.directory = os.open(self._name, _DIRECTORY, dir_fd=self._above)
        except OSError as error:
            raise from_os_error(error, "make the directory that files wait in beside the archive") from error
        with contextlib.ExitStack() as stack:
            stack.callback(os.close, self.directory)
            stack.enter_context(held(self.directory, self._path, False))
            stack.callback(_remove_directory, self._above, self._name)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    @staticmethod
    def file(number: int) -> str:
        """The name of a file in it: none that a server chose."""
        return "%d" % number

    def open(self, number: int) -> t.BinaryIO:
        """A file that was fetched."""
        try:
            return os.fdopen(os.open(self.file(number), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.directory), "rb", buffering=0)
        except OSError as error:
            raise from_os_error(error, "read a file that was fetched, beside the archive (%s)" % display_name(self._name)) from error

    def remove(self, number: int) -> None:
        """A file that is in the archive; one that is not there is no error."""
        try:
            os.unlink(self.file(number), dir_fd=self.directory)
        except FileNotFoundError:
            pass


class Window:
    """Which of the files, by number, are fetched now, so that the one who writes them in order has not too many waiting.

    The next one to be written may always be fetched: nobody waits for ever.
    """

    def __init__(self, sizes: t.Sequence[int], most_files: int, most_bytes: int = MOST_BYTES) -> None:
        """``sizes`` in the order in which they are written, below 0 where nobody knows; they stay the caller's."""
        self._sizes = sizes
        self._most_files = most_files
        self._most_bytes = most_bytes
        # The next one to begin, and those that were given back, which all come before it; the lowest first
        self._next = 0
        self._returned: t.List[int] = []
        # What became of those that ended: the entry as it was fetched, None where it failed
        self._ended: t.Dict[int, t.Optional[Entry]] = {}
        # The next one to be written, and the bytes of those under way
        self._at = 0
        self._bytes = 0
        self._stopped = False
        self._change = threading.Condition()

    def take(self) -> t.Optional[int]:
        """The next one to fetch, once it may be; None when there is nothing left to do."""
        with self._change:
            while not self._stopped and (self._returned or self._next < len(self._sizes)):
                number = self._returned[0] if self._returned else self._next
                if number == self._at or (number < self._at + self._most_files and self._bytes + self._size(number) <= self._most_bytes):
                    self._bytes += self._size(number)
                    if self._returned:
                        return heapq.heappop(self._returned)
                    self._next += 1
                    return number
                self._change.wait()
        return None

    def _size(self, number: int) -> int:
        return max(0, self._sizes[number])

    def give_back(self, number: int) -> None:
        """Somebody else is to fetch it."""
        with self._change:
            heapq.heappush(self._returned, number)
            self._bytes -= self._size(number)
            self._change.notify_all()

    def end(self, number: int, entry: t.Optional[Entry]) -> None:
        """It was fetched, as ``entry``; None: it was not, and will not be."""
        with self._change:
            self._ended[number] = entry
            self._change.notify_all()

    def wait(self, number: int) -> t.Optional[Entry]:
        """What became of it; None also when the work was stopped."""
        with self._change:
            while number not in self._ended and not self._stopped:
                self._change.wait()
            return self._ended.pop(number, None)

    def written(self, number: int) -> None:
        """It is in the archive, or not wanted any more, and waits no longer."""
        with self._change:
            self._at = number + 1
            self._bytes -= self._size(number)
            self._change.notify_all()

    @property
    def stopped(self) -> bool:
        """Whether nothing more is to be done."""
        return self._stopped

    def stop(self) -> None:
        """Let nobody wait any longer."""
        with self._change:
            self._stopped = True
            self._change.notify_all()
