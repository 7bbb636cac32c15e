# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading pairs of regular files by name, with the care that trees in use need.

Private to this collection.
"""

from __future__ import annotations

import errno
import os
import typing as t

from .._errors import FleetproofError, kind_of_os_error, reason_of_os_error
from .content import BLOCK, SMALL, Comparer

_NOATIME: int = getattr(os, "O_NOATIME", 0)
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | _NOATIME
# What happens to a name that was there a moment ago is a change underfoot, whatever the system calls it.
_GONE = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE))
CHANGED = "changed_underfoot: %s: the file changed while it was read"


class Unread(Exception):
    """Two entries could not be compared; ``reason`` is what results say: a kind of error, the side, the system's words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def reason_of(error: OSError, side: t.Optional[str]) -> str:
    """The reason for an entry that was listed, and could then not be read on ``side`` (None: not known which)."""
    kind = "changed_underfoot" if error.errno in _GONE else kind_of_os_error(error)
    return ": ".join(part for part in (kind, side, reason_of_os_error(error)) if part)


def changed(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether a file is no longer the one, or no longer as, it was."""
    return (
        before.st_ino != after.st_ino
        or before.st_size != after.st_size
        or before.st_mtime_ns != after.st_mtime_ns
        or before.st_ctime_ns != after.st_ctime_ns
        or before.st_dev != after.st_dev
    )


class PairReader:
    """Reads pairs of regular files of one size and tells how they differ; one for each process."""

    def __init__(self, algorithm: t.Optional[str], follow: bool, count: t.Callable[[int, int], None]) -> None:
        """With ``algorithm`` by digests, which are kept in ``digests``; ``count(0, bytes)`` is called for the bytes of a side,
        block by block, of files that take more than one.

        Raises FleetproofError (dependency) for an algorithm that this Python does not have.
        """
        self._flags = _READ if follow else _READ | os.O_NOFOLLOW
        self._count = count
        self._comparer = Comparer(self._two_blocks)
        self._new_digest = None if algorithm is None else _digest_maker(algorithm)
        # Bytes read from both sides together
        self.bytes_read = 0
        # Bytes of a side that were read without being counted
        self.uncounted = 0
        # Of the last pair, where digests are what is compared
        self.digests: t.Tuple[t.Optional[str], t.Optional[str]] = (None, None)

    def _two_blocks(self, entries: int, size: int) -> None:
        self.bytes_read += 2 * size
        self._count(entries, size)

    def unlike(self, left_fd: int, left_name: str, left: os.stat_result, right_fd: int, right_name: str, right: os.stat_result) -> str:
        """What differs ("content"), or nothing. The states are those from before; raises Unread."""
        if left.st_ino == right.st_ino and left.st_dev == right.st_dev:
            self.digests = (None, None)
            return ""
        size = left[6]
        if not size and self._new_digest is None:
            return ""
        one = other = -1
        side: t.Optional[str] = "left"
        try:
            one = os.open(left_name, self._flags, dir_fd=left_fd)
            side = "right"
            other = os.open(right_name, self._flags, dir_fd=right_fd)
            side = None
            if size <= SMALL and self._new_digest is None:
                self.uncounted += size
                # One byte more than there was: a file that has grown is not taken for the one it was.
                data = os.read(one, size + 1)
                # Equal bytes in one read each are equal, whatever happens to the files next.
                if data == os.read(other, size + 1) and len(data) == size:
                    return ""
                os.lseek(one, 0, os.SEEK_SET)
                os.lseek(other, 0, os.SEEK_SET)
            same = self._same(one, other, size)
            for was, descriptor, side in ((left, one, "left"), (right, other, "right")):
                if changed(was, os.fstat(descriptor)):
                    raise Unread(CHANGED % side)
        except OSError as error:
            if error.errno == errno.EPERM and self._flags & _NOATIME:
                # Only the owner and root may leave access times alone (open(2)); others stop asking.
                self._flags &= ~_NOATIME
                return self.unlike(left_fd, left_name, left, right_fd, right_name, right)
            raise Unread(reason_of(error, side)) from error
        finally:
            if one >= 0:
                os.close(one)
            if other >= 0:
                os.close(other)
        return "" if same else "content"

    def settle(self) -> int:
        """Bytes of a side that were read since the last time and not counted; from now on they are."""
        size, self.uncounted = self.uncounted, 0
        self.bytes_read += 2 * size
        return size

    def _same(self, one: int, other: int, size: int) -> bool:
        if self._new_digest is None:
            return self._comparer.same(one, other, size)
        self.digests = self._digest(one, self._new_digest()), self._digest(other, self._new_digest())
        return self.digests[0] == self.digests[1]

    def _digest(self, descriptor: int, digest: t.Any) -> str:
        buffer = bytearray(BLOCK)
        view = memoryview(buffer)
        while True:
            got = os.readv(descriptor, [buffer])
            if not got:
                return str(digest.hexdigest())
            digest.update(view[:got])
            self.bytes_read += got
            self._count(0, got // 2)


def _digest_maker(algorithm: str) -> t.Callable[[], t.Any]:
    import hashlib  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # only where digests are made

    def make() -> t.Any:
        return hashlib.new(algorithm)

    try:
        make()
    except ValueError as error:
        raise FleetproofError("dependency", "algorithm: this Python has no %s (%s); choose sha256" % (algorithm, error)) from error
    return make
