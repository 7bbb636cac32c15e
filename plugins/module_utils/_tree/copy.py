# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One file copied, whole or not at all.

Private to this collection. A copy is made under a temporary name in the directory it is for, given its
looks, read back, and only then gets its name from the caller.
"""

from __future__ import annotations

import errno
import os
import stat
import time
import typing as t

from .._errors import FleetproofError
from .._share import Gauge
from .._values import temporary_name
from .attributes import copy_attributes
from .content import BLOCK, SMALL, Comparer, open_to_read
from .rules import Preserve

# A file that changes while it is read is read again, after these seconds.
_PAUSES = (0.0, 0.1, 0.4)
# One call of the kernel's copy: long enough to cost nothing, short enough to notice a dead parent or a limit.
_PIECE = 128 << 20
_NO_KERNEL_COPY = frozenset((errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EPERM, errno.ETXTBSY))
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_READ: int = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | getattr(os, "O_NOATIME", 0)
_FORMAT = 0o170000
_ACL_DEFAULT = "system.posix_acl_default"


class Pace:
    """Keeps all processes together at so many bytes a second."""

    def __init__(self, gauge: Gauge, rate: int, began: float) -> None:
        """``began``: the same time.monotonic() in all of them."""
        self.gauge = gauge
        self.rate = rate
        self.began = began
        # Ten pieces a second
        self.piece = max(4096, rate // 10)

    def hold(self, alive: t.Callable[[], None]) -> None:
        """Wait until what was copied so far was due."""
        while True:
            alive()
            ahead = self.gauge.totals()[1] / self.rate - (time.monotonic() - self.began)
            if ahead <= 0:
                return
            time.sleep(min(ahead, 0.5))


class Copier:
    """Makes copies; one for each process."""

    def __init__(self, gauge: Gauge, preserve: Preserve, verify: bool, pace: t.Optional[Pace], alive: t.Callable[[], None]) -> None:
        """``alive`` is called now and then during long copies and ends the process when nobody waits for it."""
        self.gauge = gauge
        self.preserve = preserve
        self.verify = verify
        self.pace = pace
        self.alive = alive
        self.comparer = Comparer(lambda _entries, _size: alive())
        self.verified = 0
        # What was being done, for those who have to tell of an error
        self.step = ""
        # Copies that wait to be synced: their descriptors stay open here
        self.unsynced: t.Optional[t.List[int]] = None
        self._number = int.from_bytes(os.urandom(8), "little")
        self._me = (os.geteuid(), os.getegid())
        self._root, self._sparse = preserve.root, preserve.sparse
        self._plain = True

    def enter(self, directory: int) -> None:
        """The next copies are for ``directory``: does what is created there look as it is asked to?"""
        self._plain = not os.fstat(directory).st_mode & stat.S_ISGID and not _has_default_acl(directory)

    def temporary(self) -> str:
        """A name that nobody has."""
        self._number = (self._number + 1) & 0xFFFFFFFFFFFFFFFF
        return temporary_name(self._number)

    @property
    def has_short_way(self) -> bool:
        """Whether ``copy_small`` may be tried for files in the folder that was entered."""
        preserve = self.preserve
        own = not preserve.root or (preserve.owner and preserve.group)
        return own and self._plain and preserve.mode and preserve.mtime and not (preserve.xattrs or preserve.acls) and self.pace is None

    def copy_small(self, source_fd: int, name: str, dest_fd: int, new_name: str) -> int:
        """Copy and name a file like most: small, whole, standing still. Returns its size.

        -1 for a file that is not, or when anything goes wrong: nothing is left behind then, and ``copy``
        does what is to be done, or tells why it cannot. Half of a first copy's time hangs on these lines.
        """
        temporary = ""
        source = copy = -1
        try:
            source = os.open(name, _READ, dir_fd=source_fd)
            before = os.fstat(source)
            mode, size = before[0], before[6]
            if mode & _FORMAT != stat.S_IFREG or size > SMALL or (self._sparse and before.st_blocks * 512 < size):
                return -1
            data = os.read(source, size + 1)
            after = os.fstat(source)
            if len(data) != size or after[6] != size or after.st_mtime_ns != before.st_mtime_ns:
                return -1
            own = not self._root or (before[4], before[5]) == self._me
            unused = self.temporary()
            copy = os.open(unused, _CREATE, mode & 0o777 if own else 0o600, dir_fd=dest_fd)
            temporary = unused
            if size and (os.write(copy, data) != size or (self.verify and os.pread(copy, size + 1, 0) != data)):
                return -1
            if not own:
                os.fchown(copy, before[4], before[5])
                os.fchmod(copy, mode & 0o7777)
            elif mode & 0o7000:
                os.fchmod(copy, mode & 0o7777)
            os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
            os.rename(temporary, new_name, src_dir_fd=dest_fd, dst_dir_fd=dest_fd)
            temporary = ""
        except OSError:
            return -1
        finally:
            if temporary:
                _discard(temporary, dest_fd)
            if copy >= 0:
                os.close(copy)
            if source >= 0:
                os.close(source)
        self.verified += self.verify
        return size

    def copy(self, source_fd: int, name: str, dest_fd: int, there: t.Optional[os.stat_result] = None) -> t.Tuple[str, int]:
        """Copy the file ``name`` below ``source_fd`` into ``dest_fd``; returns the copy's temporary name and its size.

        ``there``: the file that it will replace, where that decides its looks. Raises OSError; FleetproofError
        (changed_underfoot) for a file that never stands still, (integrity) for a copy that reads back otherwise.
        """
        for pause in _PAUSES:
            if pause:
                time.sleep(pause)
            self.step = "cannot be read"
            source = open_to_read(name, source_fd)
            try:
                before = os.fstat(source)
                if not stat.S_ISREG(before.st_mode):
                    raise FleetproofError("changed_underfoot", "it is no regular file any more")
                temporary = self._attempt(source, before, source_fd, name, dest_fd, there)
            finally:
                os.close(source)
            if temporary:
                return temporary, before.st_size
        raise FleetproofError("changed_underfoot", "it changed each of the %d times it was read" % len(_PAUSES))

    def _attempt(self, source: int, before: os.stat_result, source_fd: int, name: str, dest_fd: int, there: t.Optional[os.stat_result]) -> str:
        """One copy under a temporary name; "" when the source changed meanwhile."""
        preserve = self.preserve
        mode = preserve.mode_for(before, there)
        owner = before.st_uid if preserve.owner else self._me[0] if there is None or not preserve.root else there.st_uid
        group = before.st_gid if preserve.group else self._me[1] if there is None or not preserve.root else there.st_gid
        plain = self._plain and (not preserve.root or (owner, group) == self._me)
        temporary = self.temporary()
        self.step = "cannot be written"
        copy = os.open(temporary, _CREATE, mode & 0o777 if plain else 0o600, dir_fd=dest_fd)
        kept_open = False
        try:
            if not self._fill(source, copy, before):
                _discard(temporary, dest_fd)
                return ""
            after = os.fstat(source)
            if after.st_mtime_ns != before.st_mtime_ns or after.st_size != before.st_size:
                _discard(temporary, dest_fd)
                return ""
            if not plain:
                if preserve.root:
                    os.fchown(copy, owner, group)
                os.fchmod(copy, mode)
            elif mode > 0o777:
                os.fchmod(copy, mode)
            if preserve.xattrs or preserve.acls:
                copy_attributes(source_fd, name, dest_fd, temporary, preserve, False)
            if preserve.mtime:
                os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
            if self.unsynced is not None:
                self.unsynced.append(copy)
                kept_open = True
        except BaseException:
            _discard(temporary, dest_fd)
            raise
        finally:
            if not kept_open:
                os.close(copy)
        return temporary

    def _fill(self, source: int, copy: int, before: os.stat_result) -> bool:
        """Copy the bytes and read them back; False when the source changed."""
        size = before.st_size
        holes = self.preserve.sparse and before.st_blocks * 512 < size
        if size > SMALL or holes:
            return self._fill_large(source, copy, before, holes)
        if size:
            self.step = "cannot be read"
            data = os.read(source, size + 1)
            self.step = "cannot be written"
            if len(data) != size:
                # It changed, or this file system gives less than it is asked for.
                return os.fstat(source).st_size == size and self._fill_large(source, copy, before, False)
            if os.write(copy, data) != size:
                # A full disk takes what fits; the rest says so.
                return self._fill_large(source, copy, before, False)
            if self.verify and os.pread(copy, size + 1, 0) != data:
                raise FleetproofError("integrity", "the copy reads back different from what was written")
        self.verified += self.verify
        self.gauge.add(0, size)
        if self.pace is not None:
            self.pace.hold(self.alive)
        return True

    def _fill_large(self, source: int, copy: int, before: os.stat_result, holes: bool) -> bool:
        size = before.st_size
        self.step = "cannot be copied"
        if holes:
            whole = self._copy_sparse(source, copy, size)
        else:
            whole = self._copy_range(source, copy, 0, size)
        if not whole or os.fstat(copy).st_size != size:
            return False
        if not self.verify:
            return True
        self.step = "cannot be read back"
        # Small files are compared from where the descriptors stand.
        os.lseek(source, 0, os.SEEK_SET)
        os.lseek(copy, 0, os.SEEK_SET)
        if self.comparer.same(source, copy, size):
            self.verified += 1
            return True
        after = os.fstat(source)
        if after.st_mtime_ns == before.st_mtime_ns and after.st_size == size:
            raise FleetproofError("integrity", "the copy reads back different from its source")
        return False

    def _copy_sparse(self, source: int, copy: int, size: int) -> bool:
        """Copy what is data and leave the holes (lseek(2), SEEK_DATA)."""
        os.ftruncate(copy, size)
        end = 0
        while end < size:
            try:
                start = os.lseek(source, end, os.SEEK_DATA)
                end = min(os.lseek(source, start, os.SEEK_HOLE), size)
            except OSError as error:
                if error.errno == errno.ENXIO:  # nothing but a hole behind here
                    return True
                if error.errno == errno.EINVAL:  # this file system knows no holes
                    return self._copy_range(source, copy, 0, size)
                raise
            if start < end and not self._copy_range(source, copy, start, end):
                return False
        return True

    def _copy_range(self, source: int, copy: int, start: int, end: int) -> bool:
        """Copy the bytes from ``start`` to ``end``; False when the source ends before."""
        piece = _PIECE if self.pace is None else self.pace.piece
        at = start
        ways = [_by_kernel, _by_sendfile, _by_hand] if hasattr(os, "copy_file_range") else [_by_sendfile, _by_hand]
        while at < end:
            self.alive()
            try:
                done = ways[0](source, copy, at, min(piece, end - at))
            except OSError as error:
                if len(ways) == 1 or error.errno not in _NO_KERNEL_COPY:
                    raise
                done = 0
            if not done:
                # Some file systems have nothing to give to the kernel's copy although there are bytes to read.
                if len(ways) == 1:
                    return False
                del ways[0]
                continue
            at += done
            self.gauge.add(0, done)
            if self.pace is not None:
                self.pace.hold(self.alive)
        return True


def _by_kernel(source: int, copy: int, at: int, length: int) -> int:
    # Shares the blocks where the file system can (reflink).
    return os.copy_file_range(source, copy, length, at, at)


def _by_sendfile(source: int, copy: int, at: int, length: int) -> int:
    os.lseek(copy, at, os.SEEK_SET)
    return os.sendfile(copy, source, at, length)


def _by_hand(source: int, copy: int, at: int, length: int) -> int:
    data = os.pread(source, min(length, BLOCK), at)
    done = 0
    while done < len(data):
        done += os.pwrite(copy, data[done:] if done else data, at + done)
    return done


def _discard(name: str, directory: int) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except OSError:
        # The next run finds it by its name; what went wrong first is what is to be told.
        pass


def _has_default_acl(directory: int) -> bool:
    try:
        os.getxattr(directory, _ACL_DEFAULT)
    except (OSError, AttributeError):
        return False
    return True
