# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An mbox: all messages in one file, one after the other.

Private to this collection. The variety is mboxrd (lines that begin with "From ", after any number of ">", get one ">"
more), lines end with LF, and no Content-Length is written. The file is locked as mail programs do it, see
mbox_lock.py, for as long as one message takes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import time
import typing as t

from .._errors import FleetproofError, from_os_error
from .._state import assert_writable, make_parent, sync_directory
from .._values import display_name
from .fields import parse_fields
from .mbox_lock import locked
from .store import Intent, Store

_FROM = re.compile(rb"^(>*From )", re.MULTILINE)
_SENDER = re.compile(rb"\A<?([!-;=?-~]{1,320})>?\Z")
# the first line of a message that does not stand at the beginning of a line
_NEXT = re.compile(rb"(?<=[^\n])From [!-~]{1,320} +(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [^\n]{1,60}\n")
_ANY_SENDER = re.compile(rb"<([!-;=?-~]{1,320}@[!-;=?-~]{1,320})>|([!-;=?-~]{1,320}@[!-;=?-~]{1,320})")
_BLOCK = 1048576  # octets read at once


class MboxStore(Store):
    """The mbox at ``dest``, which is made if it is not there."""

    def __init__(self, dest: str) -> None:
        self._dest = os.path.abspath(dest)

    def probe(self) -> None:
        try:
            found = os.lstat(self._dest)
        except FileNotFoundError:
            assert_writable(os.path.dirname(self._dest))
            return
        except OSError as error:
            raise self._error("look at", error) from error
        self._check(found)
        if not os.access(self._dest, os.R_OK | os.W_OK):
            raise FleetproofError("permission", "dest: %s cannot be read and written" % self._shown)
        with open(self._dest, "rb") as mbox:
            self._check_start(mbox.read(5))

    def is_there(self) -> bool:
        return os.path.lexists(self._dest)

    def holds(self, path: str) -> bool:
        # all messages have the same path
        del path
        return False

    @property
    def _shown(self) -> str:
        return display_name(self._dest)

    def _error(self, doing: str, error: OSError) -> FleetproofError:
        return from_os_error(error, "%s the mbox %s" % (doing, self._shown))

    def _check(self, found: os.stat_result) -> None:
        if stat.S_ISLNK(found.st_mode):
            raise FleetproofError("unsafe", "dest: %s is a symbolic link; name the file that it leads to" % self._shown)
        if not stat.S_ISREG(found.st_mode):
            raise FleetproofError("argument", "dest: %s is there and is not a file, which an mbox is" % self._shown)

    def _check_start(self, start: bytes) -> None:
        # a run that was killed may have left less than the first line
        if not b"From ".startswith(start):
            raise FleetproofError("argument", "dest: %s is there and is not an mbox" % self._shown)

    def settle(self, key: str, intent: Intent, raw: bytes) -> t.Optional[str]:
        del key
        offset, length, digest, line = (intent.get(name) for name in ("offset", "length", "digest", "line"))
        if not (isinstance(offset, int) and isinstance(length, int) and isinstance(digest, str) and isinstance(line, str)) or offset < 0:
            return None
        try:
            with locked(self._dest, create=False) as descriptor:
                if descriptor < 0:
                    return None
                start = line.encode("ascii", "replace")
                if any(_digest(descriptor, place, length) == digest for place in [offset, *_places(descriptor, start)]):
                    os.fsync(descriptor)
                    return self._dest
                self._cut(descriptor, offset, entry_of(start, raw))
        except OSError as error:
            raise self._error("read", error) from error
        return None

    def _cut(self, descriptor: int, offset: int, entry: bytes) -> None:
        """Remove the beginning of ``entry`` from the end of the file, where it is just that from ``offset`` on."""
        size = os.fstat(descriptor).st_size
        if offset < size < offset + len(entry) and os.pread(descriptor, size - offset, offset) == entry[: size - offset]:
            os.ftruncate(descriptor, offset)
            os.fsync(descriptor)
            return
        end = _glued(os.pread(descriptor, len(entry) + 1000, offset), entry)
        if end:
            # what another program has put right behind it would be read as a part of its last line
            _write(descriptor, b"\n" * end, offset)
            os.fsync(descriptor)

    def put(self, key: str, raw: bytes, when: t.Optional[float], announce: t.Callable[[Intent], None] = lambda _intent: None) -> str:
        del key
        line = from_line(raw, time.time() if when is None else when)
        entry = entry_of(line, raw)
        try:
            is_new = not os.path.lexists(self._dest)
            make_parent(self._dest)
            with locked(self._dest, create=True) as descriptor:
                self._check(os.fstat(descriptor))
                self._check_start(os.pread(descriptor, 5, 0))
                size = os.fstat(descriptor).st_size
                gap = _gap(descriptor, size)
                announce(
                    {"offset": size + len(gap), "length": len(entry), "digest": hashlib.sha256(entry).hexdigest(), "line": line.decode("ascii", "replace")}
                )
                _append(descriptor, size, gap + entry)
            if is_new:
                sync_directory(os.path.dirname(self._dest))
        except OSError as error:
            raise self._error("write to", error) from error
        return self._dest


def from_line(raw: bytes, when: float) -> bytes:
    """The line ahead of a message: who sent it, and when it came (asctime, UTC)."""
    fields, _body = parse_fields(raw[:65536])
    sender = b"MAILER-DAEMON"
    for name, pattern in (("return-path", _SENDER), ("from", _ANY_SENDER)):
        found = [match for value in fields.raw(name)[:1] for match in [pattern.search(value)] if match]
        if found:
            sender = found[0].group(found[0].lastindex or 0)
            break
    # names of days and months are English, whatever the locale
    return b"From %s %s\n" % (sender, time.asctime(time.gmtime(when)).encode("ascii"))


def entry_of(line: bytes, raw: bytes) -> bytes:
    """What stands in the mbox for a message: the line, the message with LF and mboxrd quoting, an empty line."""
    text = _FROM.sub(rb">\1", raw.replace(b"\r\n", b"\n"))
    return line + text + (b"\n" if text.endswith(b"\n") else b"\n\n")


def _gap(descriptor: int, size: int) -> bytes:
    """What is missing of an empty line at the end of the file."""
    end = os.pread(descriptor, 2, max(size - 2, 0))
    return b"" if not size or end == b"\n\n" else b"\n" if end.endswith(b"\n") else b"\n\n"


def _glued(data: bytes, entry: bytes) -> int:
    """Octets of ``data`` that are the beginning of ``entry``, cut off inside of a line where the first line of another message follows; 0 if it is not so."""
    low, high = 0, min(len(data), len(entry))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if data[:middle] == entry[:middle] else (low, middle - 1)
    starts = [match.start() for match in _NEXT.finditer(data) if 0 < match.start() <= low]
    return starts[-1] if starts else 0


def _write(descriptor: int, data: bytes, offset: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done : done + _BLOCK], offset + done)


def _append(descriptor: int, size: int, data: bytes) -> None:
    """Write at ``size``, the end, and sync; what cannot be written whole is taken back."""
    try:
        _write(descriptor, data, size)
        os.fsync(descriptor)
    except BaseException:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, size)
        raise


def _digest(descriptor: int, offset: int, length: int) -> str:
    digest = hashlib.sha256()
    left = length
    while left > 0:
        data = os.pread(descriptor, min(left, _BLOCK), offset + length - left)
        if not data:
            return ""
        digest.update(data)
        left -= len(data)
    return digest.hexdigest()


def _places(descriptor: int, line: bytes) -> t.Iterator[int]:
    """Where ``line`` stands: somebody may have removed messages ahead of ours."""
    position, held = 0, b"\n"
    while True:
        data = os.pread(descriptor, _BLOCK, position)
        if not data:
            return
        start = position - len(held)
        position += len(data)
        held += data
        found = held.find(b"\n" + line)
        while found >= 0:
            yield start + found + 1
            found = held.find(b"\n" + line, found + 1)
        # the line may go on in the next block; what is kept is too short to hold it whole
        held = held[-len(line) :]
