# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a module remembers things between runs, and how it writes and locks them.

Private to this collection. State files belong to the user who runs the module: directories are made
with mode 0700, files with 0600, and a file is seen only when it is whole.
"""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
import time
import types
import typing as t

from ._errors import FleetproofError, from_os_error

_POLL = 0.1  # seconds between two looks at a lock


def state_directory() -> str:
    """The folder for our state: ``$XDG_STATE_HOME/fleetproof``, or ``~/.local/state/fleetproof`` (XDG base directory specification)."""
    base = os.environ.get("XDG_STATE_HOME", "")
    # the specification says to ignore a relative path
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(base, "fleetproof")


def make_parent(path: str) -> None:
    """Make the directory that ``path`` is to be in, with mode 0700, if it is not there."""
    parent = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(parent, mode=0o700, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, "make the directory %s" % parent) from error


def assert_writable(directory: str) -> None:
    """Raise if ``directory``, or what would have to be made on the way to it, cannot be written; nothing is changed."""
    directory = os.path.abspath(directory)
    while not os.path.lexists(directory):
        directory = os.path.dirname(directory)
    if not os.path.isdir(directory):
        raise FleetproofError("argument", "%s is not a directory" % directory)
    if not os.access(directory, os.W_OK | os.X_OK):
        raise FleetproofError("permission", "The directory %s cannot be written" % directory)


def sync_directory(path: str) -> None:
    """Make the names in the directory ``path`` survive a power cut; not every file system can be asked."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def write_atomic(path: str, chunks: t.Iterable[bytes], mode: int = 0o600) -> None:
    """Put ``chunks`` at ``path``: there is the old file or the whole new one, also after a crash.

    The directory must exist. OSError when it cannot be done; nothing is left behind then.
    """
    path = os.path.abspath(path)
    parent = os.path.dirname(path)
    descriptor, temporary = tempfile.mkstemp(prefix=".fleetproof-", suffix=".tmp", dir=parent)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.writelines(chunks)
            out.flush()
            os.fchmod(out.fileno(), mode)
            os.fsync(out.fileno())
        os.replace(temporary, path)
    except BaseException:
        try:
            os.unlink(temporary)
        except FileNotFoundError:
            pass
        raise
    sync_directory(parent)


class Lock:
    """An exclusive lock on ``path``, or on one numbered slot of it, among the processes of this machine.

    The file is made if need be and stays: removing it would let two runs hold "the" lock. The kernel
    lets go when the process ends, however it ends. ``wait`` seconds are waited for another holder,
    then the error is ``busy``; ``what`` completes the sentence "Another run …".

    Slots (0 to 2**62) let one file serve many independent locks. They are POSIX record locks, which a
    process loses when it closes any descriptor of the file: hold one slot of a file at a time.
    """

    def __init__(self, path: str, what: str, slot: t.Optional[int] = None, wait: float = 0.0) -> None:
        self._path = path
        self._what = what
        self._slot = slot
        self._wait = wait
        self._descriptor = -1

    def __enter__(self) -> Lock:
        make_parent(self._path)
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            self._acquire()
        except OSError as error:
            self._release()
            raise from_os_error(error, "lock %s" % self._path) from error
        except BaseException:
            self._release()
            raise
        return self

    def _acquire(self) -> None:
        end = time.monotonic() + self._wait
        while not self._try():
            if time.monotonic() >= end:
                raise FleetproofError("busy", "Another run %s; try again when it is done" % self._what)
            time.sleep(_POLL)

    def _try(self) -> bool:
        try:
            if self._slot is None:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:
                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, self._slot)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
            return False
        return True

    def __exit__(self, kind: t.Optional[t.Type[BaseException]], error: t.Optional[BaseException], trace: t.Optional[types.TracebackType]) -> None:
        self._release()

    def _release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
