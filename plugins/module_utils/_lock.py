# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run at a time on a directory.

Private to this collection. The lock is the directory itself (flock(2)): nothing is left behind, and the
kernel lets go when the last process of the run ends, however it ends.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import typing as t

from ._errors import FleetproofError
from ._values import display_name

# Network file systems lock byte ranges of files, and a directory is none.
_NO_FLOCK = frozenset((errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EISDIR))


@contextlib.contextmanager
def held(directory: int, path: str, look_only: bool) -> t.Iterator[None]:
    """Hold the directory open as ``directory``; ``look_only``: see that nobody does, and let go again.

    Raises FleetproofError (busy) at once when another run has it, and names that run's process if it can.
    """
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        pid = _holder(directory)
        who = "Another run" if pid is None else "Another run (pid %d)" % pid
        raise FleetproofError("busy", "%s is at work on %s; try again when it is done" % (who, display_name(path))) from error
    except OSError as error:
        if error.errno not in _NO_FLOCK:
            raise
        with _by_file(path):
            yield
        return
    try:
        if look_only:
            fcntl.flock(directory, fcntl.LOCK_UN)
        yield
    finally:
        # Not left to the closing of the descriptor: a worker process that still ends holds it as well.
        fcntl.flock(directory, fcntl.LOCK_UN)


def _by_file(path: str) -> t.ContextManager[t.Any]:
    """A lock among the runs of this user on this host."""
    from ._state import Lock, state_directory  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # seldom needed

    name = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:32]
    return Lock(os.path.join(state_directory(), "backup_sync", name + ".lock"), "is at work on %s" % display_name(path))


def _holder(directory: int) -> t.Optional[int]:
    """The process that holds the lock, by /proc/locks (proc_locks(5)); None when that cannot be told."""
    state = os.fstat(directory)
    wanted = "%02x:%02x:%d" % (os.major(state.st_dev), os.minor(state.st_dev), state.st_ino)
    try:
        with open("/proc/locks", encoding="ascii", errors="replace") as table:
            for line in table:
                fields = line.split()
                if len(fields) > 5 and fields[1] == "FLOCK" and fields[5] == wanted and fields[4].isdigit():
                    return int(fields[4])
    except OSError:
        pass
    return None
