# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two locks that mail programs have for an mbox: fcntl on the file, and a file beside it called ``.lock`` (dot lock).

Private to this collection. The fcntl lock comes first, as in the policy of Debian. A dot lock that cannot be made because
the directory belongs to somebody else is done without, as mail programs do. One that a killed run of ours left
behind is removed; any other is waited for, and told.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import socket
import time
import typing as t

from .._errors import FleetproofError
from .._values import display_name

PATIENCE = 10.0  # seconds for another program to be done
_POLL = 0.05  # seconds
_LONGEST = 600.0  # seconds that a run of ours holds the lock, which is for one message, and a good deal more
_OURS = re.compile(r"\A([0-9]{1,10}):(.*):fleetproof\Z")


@contextlib.contextmanager
def locked(path: str, create: bool) -> t.Iterator[int]:
    """The descriptor of the file, open to read and write, while nobody else writes; -1 when it is not there and not to be made."""
    end = time.monotonic() + PATIENCE
    descriptor = -1
    while descriptor < 0:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0), 0o600)
        except FileNotFoundError:
            yield -1
            return
        try:
            _by_fcntl(descriptor, path, end)
            if not _is_at(descriptor, path):
                # a mail program has put a new file in its place meanwhile
                os.close(descriptor)
                descriptor = -1
        except BaseException:
            os.close(descriptor)
            raise
    try:
        has_dot = _by_dot(path + ".lock", end)
        try:
            yield descriptor
        finally:
            if has_dot:
                _remove(path + ".lock")
    finally:
        os.close(descriptor)


def _is_at(descriptor: int, path: str) -> bool:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return False
    ours = os.fstat(descriptor)
    return (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)


def _by_fcntl(descriptor: int, path: str, end: float) -> None:
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
        if time.monotonic() >= end:
            raise FleetproofError("busy", "Another program has locked the mbox %s; try again when it is done" % display_name(path))
        time.sleep(_POLL)


def _by_dot(lock: str, end: float) -> bool:
    """Make the dot lock; False where that is not allowed."""
    while True:
        try:
            descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            if _is_left_behind(lock):
                # nobody else of ours is here: we have the other lock
                _remove(lock)
                continue
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                return False
            raise
        else:
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
                    file.write("%d:%s:fleetproof" % (os.getpid(), socket.gethostname()))
            except BaseException:
                # on a full disk there is room for a name; without a word in it nobody would know whose it is
                _remove(lock)
                raise
            return True
        if time.monotonic() >= end:
            raise FleetproofError("busy", _told(lock))
        time.sleep(_POLL)


def _told(lock: str) -> str:
    try:
        age = "%d s old" % max(0, time.time() - os.lstat(lock).st_mtime)
    except OSError:
        age = "gone only now"
    return "The lock file %s of another program is in the way (%s); try again, or remove it if no mail program is at work" % (display_name(lock), age)


def _is_left_behind(lock: str) -> bool:
    """Whether the lock is of a run of ours on this host whose process is gone."""
    try:
        with open(lock, encoding="utf-8", errors="surrogateescape") as file:
            match = _OURS.match(file.read(1000))
            age = time.time() - os.fstat(file.fileno()).st_mtime
    except OSError:
        return False
    if match is None or match.group(2) != socket.gethostname():
        return False
    if age > _LONGEST:
        # the number is of another process by now, as after a restart of the machine
        return True
    try:
        os.kill(int(match.group(1)), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    # processes are numbered anew: ours holds no dot lock now
    return int(match.group(1)) == os.getpid()


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
