# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an archive of a site is made of, whatever its format: members, their one order, the limits of what is taken from others.

Private to this collection. An archive has one form only for given members, so that the same site makes the
same bytes: members sorted by the bytes of their paths, each directory before what is in it, and nothing in
it that depends on this host (owners, permissions, locale, time zone). What has another form was not written
here, and is not believed.

The standard library does not do for that. tarfile makes other headers from one Python to the next (3.8 and 3.9
differ), zipfile cannot store names that are no UTF-8, and both read whatever they can: a tar that ends early, or a
zip whose directory tells another tale than its members, is as good as any to them. They read what is made here, and
the tests hold against them and against the usual programs.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError
from .._values import display_name
from .entries import refusal

# Formats, and the suffixes that stand for them
FORMATS = ("zip", "tar.gz", "tar.bz2", "tar.xz")
_SUFFIXES = (("zip", "zip"), ("tar.gz", "tar.gz"), ("tgz", "tar.gz"), ("tar.bz2", "tar.bz2"), ("tbz2", "tar.bz2"), ("tar.xz", "tar.xz"), ("txz", "tar.xz"))

# The time of directories, and of files whose time nobody told: 1980-01-01, the first that zip can hold. Times of
# directories are no part of a mirror, and change whenever a server feels like it.
NO_TIME = 315532800
# The years 1 to 9999
_FIRST_TIME, _LAST_TIME = -62135596800, 253402300799
# Bytes of a path, by zip's 16 bits
LONGEST_PATH = 0xFFFF
# Bytes that are read, hashed and compressed at once. Part of the form: a compressor that is fed otherwise may answer otherwise.
CHUNK = 1 << 16

FILE_MODE, DIRECTORY_MODE = 0o644, 0o755


class Member(t.NamedTuple):
    """One file or directory of an archive."""

    # The path as it is stored, without a slash before it; that of a directory ends in one
    path: bytes
    size: int = 0
    # Seconds since the epoch
    mtime: int = NO_TIME

    @property
    def is_directory(self) -> bool:
        """Whether it is one."""
        return self.path.endswith(b"/")


class Unsound(Exception):
    """An archive that is not as it was written, or was written by others; the message completes "… the archive: "."""

    def __init__(self, reason: str, kind: str = "integrity") -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind


class Writer(t.Protocol):
    """Writes an archive, member by member in their order."""

    def add(self, member: Member, chunks: t.Iterable[bytes]) -> bytes:
        """Append it, and answer the SHA-256 of its content. Raises FleetproofError when the content is not as long as ``member`` says."""

    def close(self) -> None:
        """Write what comes last; the file stays open."""


class Reader(t.Protocol):
    """Reads an archive from its beginning to its end."""

    def next(self) -> t.Optional[Member]:
        """The next member; what was not read of the last one is read over, and checked all the same. None at a sound end. Raises Unsound."""

    def chunks(self) -> t.Iterator[bytes]:
        """The content of the member that ``next`` answered. Raises Unsound when it is not as it was written."""


def format_of(path: str, wanted: t.Optional[str]) -> str:
    """One of FORMATS: ``wanted``, or what the suffix of ``path`` stands for. Raises FleetproofError (argument)."""
    if wanted is not None:
        return wanted
    for suffix, name in _SUFFIXES:
        if path.lower().endswith("." + suffix):
            return name
    raise FleetproofError(
        "argument", "archive.path: the suffix of %s stands for no format; set archive.format to one of %s" % (display_name(path), ", ".join(FORMATS))
    )


def stored_path(path: str, is_directory: bool) -> bytes:
    """The bytes of a path in an archive: UTF-8 on every host, and bytes that are no text as they are. Raises FleetproofError (unsafe)."""
    try:
        stored = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise FleetproofError("unsafe", "the name %s cannot be stored in an archive" % display_name(path)) from error
    stored += b"/" if is_directory else b""
    if len(stored) > LONGEST_PATH:
        raise FleetproofError("unsafe", "the path is longer than an archive can hold (%d bytes)" % LONGEST_PATH)
    return stored


def shown_path(path: bytes) -> str:
    """The path of a member as text, with the slash of a directory."""
    return path.decode("utf-8", "surrogateescape")


def is_utf8(path: bytes) -> bool:
    """Whether the bytes are UTF-8."""
    try:
        path.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def stored_seconds(mtime: t.Optional[int]) -> int:
    """The time of a file in an archive from nanoseconds as a server told them: whole seconds, rounded down."""
    if mtime is None:
        return NO_TIME
    return min(max(mtime // 10**9, _FIRST_TIME), _LAST_TIME)


def check_numbers(member: Member) -> None:
    """Raises Unsound for a size or a time that no member has."""
    plain = (0, NO_TIME) if member.is_directory else (member.size, member.mtime)
    if (member.size, member.mtime) != plain or not 0 <= member.size < 2**63 or not _FIRST_TIME <= member.mtime <= _LAST_TIME:
        raise Unsound("its members were not written by this module", "refused")


class Order:
    """Watches over the one order of members, and over their names."""

    def __init__(self) -> None:
        self._last = b""
        # The directories that the last member is in, as they are stored
        self._above: t.List[bytes] = []
        # Files in the present directories that have yet to be told from directories of the same name
        self._files: t.List[bytes] = []

    def take(self, member: Member) -> None:
        """The next member. Raises Unsound for one that may not be there."""
        path = member.path
        check_numbers(member)
        if path <= self._last:
            raise Unsound("its members are not in order at %s" % display_name(path), "refused")
        while self._above and not path.startswith(self._above[-1]):
            self._above.pop()
        name = path[len(self._above[-1]) if self._above else 0 :]
        if member.is_directory:
            name = name[:-1]
        reason = refusal(shown_path(name))
        if reason:
            raise Unsound(reason if b"/" not in name else "%s is in a directory that is no member" % display_name(path), "unsafe")
        if member.is_directory:
            if path[:-1] in self._files:
                raise Unsound("%s is both a file and a directory" % display_name(path[:-1]), "unsafe")
            self._above.append(path)
        else:
            # A directory of the same name can only follow as long as this name begins the paths
            self._files = [file for file in self._files if path.startswith(file)]
            self._files.append(path)
        self._last = path


def sized(member: Member, chunks: t.Iterable[bytes]) -> t.Iterator[bytes]:
    """``chunks`` as they are; raises FleetproofError (changed_underfoot) when they are more or fewer than the size of the member."""
    left = member.size
    for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            break
        yield chunk
    if left:
        raise FleetproofError("changed_underfoot", "it is %s than it was said to be" % ("longer" if left < 0 else "shorter"))
