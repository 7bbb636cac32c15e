# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file of JSON Lines with a row for every entry, sorted by path, of trees of any size.

Private to this collection. Every process sorts what it found in runs of some thousand rows and puts
them into a file of its own that has no name any more; at the end all runs are merged. Memory is
bounded by RUN rows a process and MERGE bytes at the end.
"""

from __future__ import annotations

import heapq
import marshal
import os
import stat
import struct
import tempfile
import typing as t
import zlib

from .._errors import FleetproofError, from_os_error
from .._state import write_atomic
from .._values import display_name

# Rows that are sorted in memory at once
RUN = 8192
# Bytes that all runs together may buffer while they are merged
MERGE = 8 * 1024 * 1024
# Smaller reads cost more than they save.
_LEAST_BUFFER = 4096
# A window of zlib's with this added makes the header and trailer of gzip (zlib.h, deflateInit2).
_GZIP = 16 + zlib.MAX_WBITS
_LENGTH = struct.Struct("<I")

Row = t.Tuple[str, str]
# (file, offset, length)
RunAt = t.Tuple[int, int, int]


def _failure(path: str, error: OSError) -> FleetproofError:
    return from_os_error(error, "write report_path %s" % display_name(path))


class RowsFile:
    """The file to be written, and the runs of ``workers`` processes that will fill it."""

    def __init__(self, path: str, workers: int) -> None:
        """Raises FleetproofError when nothing can be written beside ``path``."""
        self.path = os.path.abspath(path)
        if os.path.isdir(self.path):
            raise FleetproofError("argument", "report_path: %s is a directory; write the name of a file" % display_name(path))
        try:
            # Beside the report: where there is room for one there should be room for the other, and it is found out at once.
            self._files = [tempfile.TemporaryFile(dir=os.path.dirname(self.path)) for _unused in range(workers)]  # noqa: SIM115 # open until close()
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> FleetproofError:
        return _failure(self.path, error)

    def writer(self, index: int, behind: t.Iterable[RunAt] = ()) -> RowWriter:
        """For the process with that index; goes on behind the runs that are there already."""
        start = max((offset + length for other, offset, length in behind if other == index), default=0)
        return RowWriter(self._files[index].fileno(), index, start, self.path)

    def write(self, runs: t.List[RunAt]) -> None:
        """Merge all runs into the file under its name. Raises FleetproofError."""
        try:
            mode = stat.S_IMODE(os.stat(self.path).st_mode)
        except OSError:
            mode = 0o600  # names can be as private as what they name
        buffer = max(_LEAST_BUFFER, MERGE // max(1, len(runs)))
        rows = heapq.merge(*(_read_run(self._files[index].fileno(), offset, length, buffer) for index, offset, length in runs))
        lines = ((row + "\n").encode("ascii") for _path, row in rows)
        try:
            write_atomic(self.path, _gzipped(lines) if self.path.endswith(".gz") else lines, mode)
        except OSError as error:
            raise self._failure(error) from error
        finally:
            self.close()

    def close(self) -> None:
        """Give the room back."""
        for file in self._files:
            file.close()


class RowWriter:
    """Takes the rows of one process."""

    def __init__(self, descriptor: int, index: int, offset: int, path: str) -> None:
        """``path`` is the file that an error names."""
        self._path = path
        self._descriptor = descriptor
        self._index = index
        self._rows: t.List[Row] = []
        self._runs: t.List[RunAt] = []
        self._offset = offset

    def __call__(self, path: str, row: str) -> None:
        self._rows.append((path, row))
        if len(self._rows) >= RUN:
            self._end_run()

    def _end_run(self) -> None:
        self._rows.sort()
        parts: t.List[bytes] = []
        for row in self._rows:
            packed = marshal.dumps(row)
            parts += (_LENGTH.pack(len(packed)), packed)
        data = b"".join(parts)
        done = 0
        while done < len(data):
            try:
                done += os.pwrite(self._descriptor, memoryview(data)[done:], self._offset + done)
            except OSError as error:
                raise _failure(self._path, error) from error
        self._runs.append((self._index, self._offset, len(data)))
        self._offset += len(data)
        self._rows.clear()

    def runs(self) -> t.List[RunAt]:
        """Where everything is that was taken."""
        if self._rows:
            self._end_run()
        return self._runs


def _read_run(descriptor: int, offset: int, length: int, buffer: int) -> t.Iterator[Row]:
    end = offset + length
    data = b""
    while True:
        at = 0
        while len(data) - at >= _LENGTH.size:
            size = _LENGTH.size + _LENGTH.unpack_from(data, at)[0]
            if len(data) - at < size:
                break
            yield marshal.loads(memoryview(data)[at + _LENGTH.size : at + size])  # noqa: S302 # written by a process of our own
            at += size
        if offset >= end:
            return
        more = os.pread(descriptor, min(buffer, end - offset), offset)
        offset += len(more)
        data = data[at:] + more


def _gzipped(chunks: t.Iterable[bytes]) -> t.Iterator[bytes]:
    """The chunks as one gzip member (RFC 1952) without a time in it, so that equal contents are equal files."""
    squeeze = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
    for chunk in chunks:
        yield squeeze.compress(chunk)
    yield squeeze.flush()
