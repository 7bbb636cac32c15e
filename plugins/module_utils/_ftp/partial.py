# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file that a download is received into, until it has its name.

Private to this collection. Everything is done by the open directory descriptor and one component, and
no symbolic link is ever followed.
"""

from __future__ import annotations

import errno
import os
import stat
import typing as t

from .._errors import FleetproofError, from_os_error
from .._values import display_name
from .blocks import holds
from .entries import Entry
from .ways import Ways, is_newer, temporary_for

_FLAGS = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_CREATE = os.O_CREAT | os.O_EXCL
# As far as the umask allows
_NEW_MODE = 0o666


class Partial:
    """An open file below a directory: a temporary one, or with ``atomic: false`` the one that it is to be."""

    def __init__(self, directory: int, name: str, source: Entry, ways: Ways, replaces: bool) -> None:
        """Open what an earlier attempt left, where that may be gone on with, or a new file.

        ``replaces``: a file of this name is expected to be there. Raises FleetproofError.
        """
        self.name = name
        self.in_place = not ways.atomic
        self._directory = directory
        self._replaces = replaces
        self._temporary = name if self.in_place else temporary_for(name, source)
        # It was not there before, or holds nothing that was there before
        self._ours = True
        self.descriptor = -1
        try:
            standing = self._standing()
            self._open(standing, ways.may_resume(source))
            found = os.fstat(self.descriptor)
            self.size = found.st_size
            # Bytes that may be gone on behind. Under its own name there may be an old version as well.
            begun = not self.in_place or (self.size < source.size and is_newer(found.st_mtime_ns, source))
            self.usable = self.size if begun and self.size <= source.size and ways.may_resume(source) else 0
        except OSError as error:
            self.close()
            raise from_os_error(error, "write %s" % display_name(name)) from error
        except BaseException:
            self.close()
            raise

    def _standing(self) -> t.Optional[os.stat_result]:
        """What has the final name now; None when nothing has. Raises FleetproofError where it cannot give way."""
        try:
            found = os.stat(self.name, dir_fd=self._directory, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if stat.S_ISDIR(found.st_mode):
            raise FleetproofError("refused", "A directory is in the way of the file %s; remove it or choose another dest" % display_name(self.name))
        if not self._replaces and not self.in_place:
            # Two names of the source that are one here (case, normalisation) end here as well.
            raise FleetproofError("changed_underfoot", "%s was not there when the run began and is there now, so it was left alone" % display_name(self.name))
        return found

    def _open(self, standing: t.Optional[os.stat_result], resume: bool) -> None:
        mode = _NEW_MODE if standing is None or not stat.S_ISREG(standing.st_mode) else standing.st_mode & 0o777
        if self.in_place:
            self._open_in_place(standing, mode)
            return
        if resume:
            self.descriptor = self._open_left()
        if self.descriptor < 0:
            try:
                # Whatever has our name (a link, a file of somebody else's, one of several names) makes way.
                os.unlink(self._temporary, dir_fd=self._directory)
            except FileNotFoundError:
                pass
            # What replaces a private file is as private from its first byte on.
            self.descriptor = os.open(self._temporary, _FLAGS | _CREATE, mode, dir_fd=self._directory)

    def _open_left(self) -> int:
        """What an earlier attempt left; -1 when there is nothing that could be trusted."""
        try:
            descriptor = os.open(self._temporary, _FLAGS, dir_fd=self._directory)
        except OSError as error:
            # ELOOP: a symbolic link; ENXIO: a socket
            if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.EACCES, errno.EISDIR):
                return -1
            raise
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink == 1:
            return descriptor
        os.close(descriptor)
        return -1

    def _open_in_place(self, standing: t.Optional[os.stat_result], mode: int) -> None:
        if standing is None:
            self.descriptor = os.open(self.name, _FLAGS | _CREATE, mode, dir_fd=self._directory)
            return
        self._ours = False
        if not stat.S_ISREG(standing.st_mode):
            raise FleetproofError("refused", "%s is no regular file, so nothing is written into it; remove it or set atomic: true" % display_name(self.name))
        self.descriptor = os.open(self.name, _FLAGS, dir_fd=self._directory)
        found = os.fstat(self.descriptor)
        if found.st_nlink > 1:
            told = "%s has %d names, so what is written into it would be in all of them; set atomic: true, or remove this one"
            raise FleetproofError("refused", told % (display_name(self.name), found.st_nlink))
        if not stat.S_ISREG(found.st_mode):
            raise FleetproofError("changed_underfoot", "%s is no regular file any more" % display_name(self.name))

    def holds(self, data: memoryview, offset: int) -> bool:
        """Whether the bytes from ``offset`` on are ``data``."""
        return holds(self.descriptor, data, offset)

    def cut(self, size: int) -> None:
        """Keep the first ``size`` bytes alone."""
        try:
            os.ftruncate(self.descriptor, size)
        except OSError as error:
            raise from_os_error(error, "write %s" % display_name(self.name)) from error
        self.size = size
        self._ours = self._ours or size == 0

    def write(self, data: t.Union[bytes, memoryview]) -> None:
        """Append. A full disk is FleetproofError (no_space)."""
        rest = memoryview(data)
        try:
            while rest:
                done = os.pwrite(self.descriptor, rest, self.size)
                self.size += done
                rest = rest[done:]
        except OSError as error:
            raise from_os_error(error, "write %s" % display_name(self.name)) from error
        self._ours = True

    def finish(self, mtime: t.Optional[int], sync: bool) -> bool:
        """Give it its looks and its name; returns whether it has the time, in nanoseconds, that it should have."""
        try:
            if not self.in_place:
                standing = self._standing()
                if standing is not None and stat.S_ISREG(standing.st_mode):
                    self._look_like(standing)
            kept = mtime is not None and self._set_time(mtime)
            if sync:
                os.fsync(self.descriptor)
            if not self.in_place:
                os.rename(self._temporary, self.name, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        except OSError as error:
            raise from_os_error(error, "write %s" % display_name(self.name)) from error
        return kept

    def _look_like(self, standing: os.stat_result) -> None:
        """Owner and mode of what is replaced; a set-user-id bit is not for what somebody else sent."""
        have = os.fstat(self.descriptor)
        if os.geteuid() == 0 and (have.st_uid, have.st_gid) != (standing.st_uid, standing.st_gid):
            os.fchown(self.descriptor, standing.st_uid, standing.st_gid)
        if have.st_mode & 0o7777 != standing.st_mode & 0o777:
            os.fchmod(self.descriptor, standing.st_mode & 0o777)

    def _set_time(self, mtime: int) -> bool:
        try:
            os.utime(self.descriptor, ns=(mtime, mtime))
        except (PermissionError, OverflowError):
            # A file of somebody else's that we may write into, or a time that this system cannot hold
            return False
        return True

    def leave(self, keep: bool) -> None:
        """The transfer failed: what is no use goes. With ``keep`` what was received stays, but never an empty file.

        With ``atomic: false`` a file that was there and was not written to stays as it is.
        """
        if not self._ours or (keep and self.size):
            return
        try:
            os.unlink(self._temporary, dir_fd=self._directory)
        except OSError:
            # What went wrong first is what is to be told; a temporary file is found by its name.
            pass

    def close(self) -> None:
        """Close the descriptor."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
