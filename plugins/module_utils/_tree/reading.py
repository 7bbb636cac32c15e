# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a file and its copy hold the same bytes, told apart from not being able to read one of them.

Private to this collection.
"""

from __future__ import annotations

import errno
import os
import typing as t

from .._errors import kind_of_os_error, reason_of_os_error
from .._plan.plan import CONTENT, MTIME, UNREADABLE
from .._share import Gauge
from .content import BLOCK, Comparer, open_to_read

# What happens to a name that was there a moment ago is a change underfoot.
_GONE = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE))


class SourceError(Exception):
    """The source side could not be read."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


def read_failure(error: OSError) -> t.Tuple[str, str]:
    """Kind and reason for an entry of the source that could not be read."""
    if error.errno in _GONE:
        return "changed_underfoot", "it was removed or replaced while the trees were read"
    return kind_of_os_error(error), "cannot be read: %s" % reason_of_os_error(error)


class ContentReader:
    """Compares contents; one for each process."""

    def __init__(self, gauge: Gauge, drop_cache: bool) -> None:
        """With ``drop_cache`` the copy is read from the medium where the system can be asked for that."""
        self.gauge = gauge
        self.drop_cache = drop_cache and hasattr(os, "posix_fadvise")
        # Of a process that helps; the first one answers for itself.
        self.parent = os.getppid() if gauge.index else 0
        self.comparer = Comparer(self._progress)

    def _progress(self, entries: int, size: int) -> None:
        if self.parent and os.getppid() != self.parent:
            # The run was killed: nobody would know what was found.
            os._exit(1)
        self.gauge.add(entries, size)

    def unlike(self, source_fd: int, name: str, source: os.stat_result, dest_fd: int, other: str) -> int:
        """How two files of one size differ, as bits of the plan; 0 when they do not. Raises SourceError."""
        try:
            left = open_to_read(name, source_fd)
        except OSError as error:
            raise SourceError(error) from error
        try:
            return self._against(left, source, dest_fd, other)
        finally:
            os.close(left)

    def _against(self, left: int, source: os.stat_result, dest_fd: int, other: str) -> int:
        try:
            right = open_to_read(other, dest_fd)
        except OSError:
            return UNREADABLE
        try:
            if self.drop_cache:
                os.posix_fadvise(right, 0, 0, os.POSIX_FADV_DONTNEED)
            if self.comparer.same(left, right, source.st_size):
                return 0
        except OSError:
            # One of the two: a source that reads from end to end is not the one.
            _read_through(left)
            return UNREADABLE
        finally:
            os.close(right)
        after = os.fstat(left)
        if after.st_size != source.st_size or after.st_mtime_ns != source.st_mtime_ns:
            return CONTENT | MTIME
        return CONTENT


def _read_through(descriptor: int) -> None:
    offset = 0
    try:
        while True:
            part = os.pread(descriptor, BLOCK, offset)
            if not part:
                return
            offset += len(part)
    except OSError as error:
        raise SourceError(error) from error
