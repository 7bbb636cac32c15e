# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attachments as files: whole or not at all, under names that lead nowhere else, once.

Private to this collection. A file that is there is never replaced: if it holds the same it is the
one, otherwise the new one gets a name with its digest, and a number if need be. So the same message gives the same files however
often it is saved.
"""

from __future__ import annotations

import errno
import fnmatch
import hashlib
import os
import stat
import time
import typing as t

from .._errors import FleetproofError, from_os_error
from .._state import assert_writable
from .._values import display_name, is_temporary, temporary_name
from .names import distinct_name, extension_of, safe_name, with_suffix
from .parse import Message
from .part import Part
from .record import row_of

_CHUNK = 1024 * 1024  # octets read at once
_STALE = 3600.0  # seconds after which a file that is not whole is of a run that was killed
_LONGEST_MATCHED = 1000  # characters of a name that patterns see
_MOST_NAMES = 1000  # tried for one attachment
_NO_NAMES = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)  # of names that a file system does not take
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS, errno.EXDEV)


def save_attachments(
    message: Message, directory: str, patterns: t.Optional[t.Sequence[str]], key: str, apply: bool
) -> t.Tuple[bool, t.List[t.Dict[str, t.Any]]]:
    """Save the attachments of one message: see AttachmentFolder, which is for several."""
    return AttachmentFolder(directory, patterns, apply).save(message, key)


class AttachmentFolder:
    """The directory that attachments are saved in, which is made with mode 0700 if need be.

    ``patterns``: shell patterns without regard to case for the names that are wanted; all if there are none. Without
    ``apply`` nothing is written, and what is returned is what would be.
    """

    def __init__(self, directory: str, patterns: t.Optional[t.Sequence[str]], apply: bool) -> None:
        self._directory = os.path.abspath(directory)
        self._patterns = [pattern.lower() for pattern in patterns or ()]
        self._apply = apply
        self._planned: t.Dict[bytes, str] = {}  # name -> digest of what would have been written
        self._is_swept = False

    def probe(self) -> None:
        """Raise if the directory could not be written; nothing is changed."""
        assert_writable(self._directory)

    def save(self, message: Message, key: str) -> t.Tuple[bool, t.List[t.Dict[str, t.Any]]]:
        """Whether anything was written, and ``{name, mime_type, size, sha256, path}`` of each attachment; path None for what was not wanted.

        ``key`` says in errors which message it was.
        """
        rows: t.List[t.Dict[str, t.Any]] = []
        taken: t.Dict[str, int] = {}
        changed = False
        directory = -1
        try:
            for number, part in enumerate(message.attachments, 1):
                octets = part.octets()
                row = row_of(part, octets)
                rows.append(row)
                name = safe_name(part.name, number, part.mime_type)
                if not self._wants(part, name):
                    continue
                name = distinct_name(name, taken)
                if directory < 0:
                    directory = self._open()
                found, is_new = self._put(directory, _candidates(name, part.mime_type, row["sha256"]), octets, row["sha256"])
                changed = changed or is_new
                row["path"] = display_name(os.path.join(self._directory, found))
            if changed and directory >= 0 and self._apply:
                _sync(directory)
        except OSError as error:
            raise from_os_error(error, "save the attachments of message %s in %s" % (display_name(key), display_name(self._directory))) from error
        finally:
            if directory >= 0:
                os.close(directory)
        return changed, rows

    def _wants(self, part: Part, name: str) -> bool:
        names = {part.name[:_LONGEST_MATCHED].lower(), name.lower()}
        return not self._patterns or any(fnmatch.fnmatchcase(one, pattern) for one in names for pattern in self._patterns)

    def _open(self) -> int:
        """The descriptor of the directory; -1 where it is not there and will not be made."""
        if self._apply:
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
        else:
            self.probe()
            if not os.path.isdir(self._directory):
                return -1
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        if self._apply and not self._is_swept:
            self._is_swept = True
            _sweep(directory)
        return directory

    def _put(self, directory: int, candidates: t.Iterable[str], octets: bytes, digest: str) -> t.Tuple[str, bool]:
        """The one of ``candidates`` under which ``octets`` are in the directory now, and whether they were not before."""
        candidate = ""
        for candidate in candidates:
            raw = candidate.encode("utf-8")
            there = self._digest_of(directory, raw, len(octets))
            if there is None:
                if not self._apply:
                    self._planned[raw] = digest
                    return candidate, True
                if _write(directory, raw, octets):
                    return candidate, True
                # another run was faster
                there = self._digest_of(directory, raw, len(octets))
            if there == digest:
                return candidate, False
        raise FleetproofError(
            "integrity",
            "%s is there, and nothing of its kind holds what its name says; move these files away" % display_name(os.path.join(self._directory, candidate)),
        )

    def _digest_of(self, directory: int, name: bytes, size: int) -> t.Optional[str]:
        """The digest of the file ``name``; "" if it cannot hold ``size`` octets of an attachment, None where there is none."""
        if directory < 0 or name in self._planned:
            return self._planned.get(name)
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
        except FileNotFoundError:
            return None
        except OSError as error:
            # a link, a socket, a file of somebody else: there, and not ours
            if error.errno in (errno.ELOOP, errno.EACCES, errno.ENXIO, errno.EMLINK, errno.EPERM, *_NO_NAMES):
                return ""
            raise
        try:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode) or state.st_size != size:
                return ""
            digest = hashlib.sha256()
            for chunk in iter(lambda: os.read(descriptor, _CHUNK), b""):
                digest.update(chunk)
            return digest.hexdigest()
        finally:
            os.close(descriptor)


def _candidates(name: str, mime_type: str, digest: str) -> t.Iterator[str]:
    """Names for an attachment, the best first. A sender can make any of them be taken, and some file systems take short or plain ones only."""
    yield name
    yield with_suffix(name, "-" + digest[:16], 240)
    for number in range(1, _MOST_NAMES):
        yield "attachment-%s%s%s" % (digest[:16], "-%d" % number if number > 1 else "", extension_of(mime_type))


def _write(directory: int, name: bytes, octets: bytes) -> bool:
    """Put ``octets`` there under ``name``, mode 0600; False if the name was taken in the meantime."""
    temporary = temporary_name(int.from_bytes(os.urandom(8), "big"))
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=directory)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(descriptor)
        try:
            # a rename would replace what came there since we looked
            os.link(temporary, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    finally:
        try:
            os.unlink(temporary, dir_fd=directory)
        except FileNotFoundError:
            pass
    return True


def _sync(directory: int) -> None:
    try:
        os.fsync(directory)
    except OSError as error:
        # not every file system can be asked
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def _sweep(directory: int) -> None:
    """Remove what runs that were killed left behind."""
    for name in os.listdir(directory):
        if not is_temporary(name):
            continue
        try:
            state = os.stat(name, dir_fd=directory, follow_symlinks=False)
            if stat.S_ISREG(state.st_mode) and state.st_uid == os.geteuid() and time.time() - state.st_mtime > _STALE:
                os.unlink(name, dir_fd=directory)
        except FileNotFoundError:
            continue
