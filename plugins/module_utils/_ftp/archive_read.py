# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The members of an archive as one side of a comparison.

Private to this collection. An archive is read through from end to end, whatever is wanted of it: that finds
members whose bytes went bad, and it takes nobody's word, as a directory at its end might have another one
than the members themselves. Nothing is written anywhere.

For each member the path and two numbers are kept in memory, some 150 bytes.
"""

from __future__ import annotations

import array
import bisect
import contextlib
import errno
import os
import stat
import typing as t

from .._errors import FleetproofError, from_os_error
from .._values import display_name
from .archive_format import Member, Reader, Unsound, Writer, shown_path, stored_path
from .archive_stream import Exact, Gunzip, Packer, Raw, Unpacked, compressor
from .archive_tar import TarReader, TarWriter
from .archive_zip import ZipReader, ZipWriter
from .entries import DIRECTORY, FILE, SECOND, Entry, Listing

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def writer_to(out: t.BinaryIO, name: str) -> Writer:
    """A writer of the format ``name`` (one of FORMATS) into the empty file ``out``. Raises FleetproofError (dependency)."""
    if name == "zip":
        return ZipWriter(out)
    return TarWriter(Packer(compressor(name), out))


def reader_of(raw: Raw, name: str) -> Reader:
    """A reader of the format ``name`` (one of FORMATS). Raises FleetproofError (dependency)."""
    if name == "zip":
        return ZipReader(raw)
    unpacked: Exact = Gunzip(raw) if name == "tar.gz" else Unpacked(raw, name)
    return TarReader(unpacked)


@contextlib.contextmanager
def told(path: str) -> t.Iterator[None]:
    """Say what is wrong with the archive ``path`` and what to do about it."""
    try:
        yield
    except Unsound as found:
        raise FleetproofError(
            found.kind,
            "The archive %s cannot be gone on with: %s; nothing was changed. Move it away, and the next run makes a new one"
            % (display_name(path), found.reason),
        ) from found


def open_archive(directory: int, name: str, path: str) -> t.Optional[t.BinaryIO]:
    """The archive ``name`` in the open directory; None when there is none. ``path`` is for what is said of it."""
    try:
        descriptor = os.open(name, _FLAGS, dir_fd=directory)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise FleetproofError("unsafe", "archive.path: %s is a symbolic link; name the archive itself" % display_name(path)) from error
        raise from_os_error(error, "open the archive %s" % display_name(path)) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FleetproofError("argument", "archive.path: %s is no regular file; name another one" % display_name(path))
        return os.fdopen(descriptor, "rb", buffering=0)
    except BaseException:
        os.close(descriptor)
        raise


class ArchiveSide:
    """The members of an archive by directory."""

    def __init__(self, there: bool = True) -> None:
        """Begins without members. ``there``: whether there is an archive at all."""
        self.there = there
        # In the order of the archive, which is that of their bytes
        self._paths: t.List[bytes] = []
        self._sizes = array.array("q")
        self._times = array.array("q")
        # Of the file; known once it was read
        self.size = 0
        self.sha256 = ""

    @classmethod
    def read(cls, file: t.BinaryIO, name: str, path: str, note: t.Callable[[int], None]) -> ArchiveSide:
        """Read through an archive of the format ``name`` and check all of it; ``note`` is told of its bytes as they are read.

        Raises FleetproofError: integrity for a damaged archive, refused for one that was not written here, unsafe for
        one with names that lead astray.
        """
        side = cls()
        raw = Raw(file, note)
        try:
            with told(path):
                reader = reader_of(raw, name)
                while True:
                    member = reader.next()
                    if member is None:
                        break
                    side.add(member)
        except OSError as error:
            raise from_os_error(error, "read the archive %s" % display_name(path)) from error
        side.size, side.sha256 = raw.size, raw.hexdigest
        return side

    def add(self, member: Member) -> None:
        """Note a member; they come in order."""
        self._paths.append(member.path)
        self._sizes.append(member.size)
        self._times.append(member.mtime)

    def __len__(self) -> int:
        return len(self._paths)

    def paths(self) -> t.Iterator[bytes]:
        """The path of each member, in order."""
        return iter(self._paths)

    @property
    def content(self) -> int:
        """Bytes of all files in it."""
        return sum(self._sizes)

    def list(self, folder: str) -> t.Optional[Listing]:
        """What the archive has in a directory: "" or a path that ends in a slash; None when it has no such directory."""
        if not self.there:
            return None
        above = stored_path(folder[:-1], True) if folder else b""
        paths = self._paths
        at = bisect.bisect_left(paths, above)
        if folder:
            if at == len(paths) or paths[at] != above:
                return None
            at += 1
        listing = Listing()
        while at < len(paths) and paths[at].startswith(above):
            path = paths[at]
            if path.endswith(b"/"):
                entry = Entry(shown_path(path[len(above) : -1]), DIRECTORY, precision=SECOND)
                # Behind all that is in it: the byte after the slash
                at = bisect.bisect_left(paths, path[:-1] + b"0", at)
            else:
                entry = Entry(shown_path(path[len(above) :]), FILE, self._sizes[at], self._times[at] * SECOND, SECOND)
                at += 1
            listing.entries[entry.name] = entry
        return listing
