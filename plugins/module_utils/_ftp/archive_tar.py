# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives in the tar format, pax interchange (POSIX.1-2017, pax).

Private to this collection. A member is a header block of ustar and its content. What does not fit into that
(paths that are long or not ASCII, sizes from 8 GiB on, times before 1970) is in an extended header before it.
"""

from __future__ import annotations

import hashlib
import typing as t

from .archive_format import CHUNK, DIRECTORY_MODE, FILE_MODE, LONGEST_PATH, Member, Order, Unsound, check_numbers, is_utf8, sized
from .archive_stream import Exact, Packer

_BLOCK = 512
# The end is filled up to a record of 20 blocks, as every tar does
_RECORD = 20 * _BLOCK
_FIELD_PATH = 100
# What 11 octal digits hold
_FIELD_NUMBER = 8**11 - 1
# An extended header holds a path, three numbers and their keywords
_LONGEST_EXTENDED = LONGEST_PATH + 1024
_EXTENDED_NAME = b"././@PaxHeader"


def header(member: Member) -> bytes:
    """All blocks before the content of a member."""
    records = b""
    path = member.path
    # Bytes that are no UTF-8 go best where nobody reads them as text
    if len(path) > _FIELD_PATH or (not path.isascii() and is_utf8(path)):
        if not is_utf8(path):
            records += _record(b"hdrcharset", b"BINARY")
        records += _record(b"path", path)
    size, mtime = member.size, member.mtime
    if size > _FIELD_NUMBER:
        records += _record(b"size", b"%d" % size)
        size = 0
    if not 0 <= mtime <= _FIELD_NUMBER:
        records += _record(b"mtime", b"%d" % mtime)
        mtime = 0
    mode = DIRECTORY_MODE if member.is_directory else FILE_MODE
    block = _block(path[:_FIELD_PATH], mode, size, mtime, b"5" if member.is_directory else b"0")
    if not records:
        return block
    return _block(_EXTENDED_NAME, FILE_MODE, len(records), 0, b"x") + records + bytes(-len(records) % _BLOCK) + block


def _block(path: bytes, mode: int, size: int, mtime: int, kind: bytes) -> bytes:
    start = b"%s%07o\0%07o\0%07o\0%011o\0%011o\0" % (path.ljust(100, b"\0"), mode, 0, 0, size, mtime)
    # Kind, link target, magic and version, names of owner and group, device numbers, prefix
    end = b"%s%s%s%s%07o\0%07o\0%s" % (kind, bytes(100), b"ustar\x0000", bytes(64), 0, 0, bytes(167))
    # The sum is taken with blanks in its own place
    return b"%s%06o\0 %s" % (start, sum(start) + sum(end) + 8 * 0x20, end)


def _record(key: bytes, value: bytes) -> bytes:
    """``LENGTH KEY=VALUE\\n``, where the length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    if len(str(length)) + rest != length:
        length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


class TarWriter:
    """Writes one into a compressor."""

    def __init__(self, packer: Packer) -> None:
        self._packer = packer
        self._order = Order()
        self._length = 0

    def add(self, member: Member, chunks: t.Iterable[bytes]) -> bytes:
        """Append a member."""
        self._order.take(member)
        self._write(header(member))
        digest = hashlib.sha256()
        for chunk in sized(member, chunks):
            digest.update(chunk)
            self._write(chunk)
        self._write(bytes(-member.size % _BLOCK))
        return digest.digest()

    def _write(self, data: bytes) -> None:
        self._length += len(data)
        self._packer.write(data)

    def close(self) -> None:
        """Write the end."""
        self._write(_end_after(self._length))
        self._packer.close()


def _end_after(length: int) -> bytes:
    return bytes(2 * _BLOCK + -(length + 2 * _BLOCK) % _RECORD)


class TarReader:
    """Reads what TarWriter writes, and nothing else."""

    def __init__(self, stream: Exact) -> None:
        self._stream = stream
        self._order = Order()
        self._length = 0
        self._member = Member(b"")
        self._left = 0

    def next(self) -> t.Optional[Member]:
        """The next member."""
        for _chunk in self.chunks():
            pass
        self._padding()
        block = self._read(_BLOCK)
        if block == bytes(_BLOCK):
            end = _end_after(self._length - _BLOCK)
            if self._read(len(end) - _BLOCK) != end[_BLOCK:] or self._stream.read(1):
                raise Unsound("there is something behind its end", "refused")
            return None
        blocks, extended = block, b""
        if block[156:157] == b"x":
            length = _octal(block[124:136])
            if length > _LONGEST_EXTENDED:
                raise Unsound("it has an extended header of %d bytes" % length, "refused")
            extended = self._read(length)
            blocks += extended + self._read(-length % _BLOCK)
            block = self._read(_BLOCK)
            blocks += block
        member = _parsed(block, extended)
        check_numbers(member)
        # The one test that leaves nothing out: what was read is what would have been written
        if header(member) != blocks:
            raise Unsound("its members were not written by this module", "refused")
        self._order.take(member)
        self._member, self._left = member, member.size
        return member

    def chunks(self) -> t.Iterator[bytes]:
        """The content of the present member."""
        while self._left:
            chunk = self._read(min(self._left, CHUNK))
            self._left -= len(chunk)
            yield chunk

    def _padding(self) -> None:
        if self._read(-self._member.size % _BLOCK).strip(b"\0"):
            raise Unsound("there is something between its members", "refused")
        self._member = Member(b"")

    def _read(self, length: int) -> bytes:
        self._length += length
        return self._stream.exactly(length)


def _octal(field: bytes) -> int:
    try:
        return int(field.strip(b"\0 ") or b"0", 8)
    except ValueError as error:
        raise Unsound("a header in it is damaged") from error


def _parsed(block: bytes, extended: bytes) -> Member:
    """What a header says; whether it is well formed comes out when it is written again."""
    records: t.Dict[bytes, bytes] = {}
    while extended:
        length, blank, _rest = extended.partition(b" ")
        if not blank or not length.isdigit() or not len(length) < int(length) <= len(extended):
            raise Unsound("an extended header in it is damaged")
        key, _equals, value = extended[len(length) + 1 : int(length) - 1].partition(b"=")
        records[key] = value
        extended = extended[int(length) :]
    path = records.get(b"path", block[:_FIELD_PATH].rstrip(b"\0"))
    numbers = []
    for key, start in ((b"size", 124), (b"mtime", 136)):
        told = records.get(key)
        try:
            numbers.append(_octal(block[start : start + 12]) if told is None else int(told))
        except ValueError as error:
            raise Unsound("an extended header in it is damaged") from error
    return Member(path, numbers[0], numbers[1])
