# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether two open files hold the same bytes.

Private to this collection. Nothing is read whole: up to SMALL bytes in one read a side, more in blocks
of BLOCK into two buffers that are used again and again.
"""

from __future__ import annotations

import os
import typing as t

from .._descent import open_untouched

# One read a side up to here, two reused buffers above.
SMALL = 256 * 1024
BLOCK = 1024 * 1024
# The data of a bytearray starts 16 bytes off a page in CPython; 48 further on it stands on a cache line (64 bytes).
_ALIGN = 48


def open_to_read(name: str, directory: int) -> int:
    """Open a regular file below the descriptor ``directory``; never follows a link, never waits for a FIFO."""
    return open_untouched(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, directory)


class Comparer:
    """Compares pairs of files with two buffers of its own; one for each process."""

    def __init__(self, count: t.Optional[t.Callable[[int, int], None]] = None) -> None:
        """``count(0, bytes)`` is called after each block, for progress."""
        self._count = count
        self._left: t.Optional[bytearray] = None

    def _buffers(self) -> None:
        # Equal tails are what makes one comparison of whole buffers enough, so both start as zeros.
        self._left = bytearray(_ALIGN + BLOCK)
        self._right = bytearray(_ALIGN + BLOCK)
        self._into_left = [memoryview(self._left)[_ALIGN:]]
        self._into_right = [memoryview(self._right)[_ALIGN:]]

    def same(self, left: int, right: int, size: int) -> bool:
        """Whether the first ``size`` bytes of both descriptors (at their start) are there and equal."""
        if size <= SMALL:
            one = os.read(left, size)
            other = os.read(right, size)
            # A short read is a file that shrank, or a file system that gives less: the slow way decides.
            if len(one) == size == len(other):
                return one == other
            os.lseek(left, 0, os.SEEK_SET)
            os.lseek(right, 0, os.SEEK_SET)
        if self._left is None:
            self._buffers()
        left_buffer, right_buffer = self._left, self._right
        done = 0
        while done < size:
            got = os.preadv(left, self._into_left, done)
            if not got or not _fill(right, self._into_right[0][:got], done, got) or left_buffer != right_buffer:
                self._left = None  # unequal contents stay behind in the buffers
                return False
            done += got
            if self._count is not None:
                self._count(0, got)
        return True


def _fill(descriptor: int, view: memoryview, offset: int, length: int) -> bool:
    """Read exactly ``length`` bytes at ``offset``; False when the file ends before."""
    done = 0
    while done < length:
        got = os.preadv(descriptor, [view[done:]], offset + done)
        if not got:
            return False
        done += got
    return True
