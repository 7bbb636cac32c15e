# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives in the zip format (PKWARE APPNOTE 6.3).

Private to this collection. Names that are UTF-8 are marked as such (bit 11); others are stored as they are, and as
the archive says it comes from Unix, Info-ZIP takes them as they are. Times are in UTC: the DOS field, which counts
in steps of two seconds from 1980 to 2107, and an extra field with the exact second. Sizes are told in the local
header: nothing has to be sought, and what is read from the beginning is what the directory at the end says.
"""

from __future__ import annotations

import datetime
import hashlib
import struct
import typing as t
import zlib

from .._values import display_name
from .archive_format import CHUNK, DIRECTORY_MODE, FILE_MODE, Member, Order, Unsound, check_numbers, is_utf8, shown_path, sized
from .archive_stream import LEVEL, Deflated, Raw

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_LOCAL_SIGNATURE = b"PK\x03\x04"
_UNIX = 3
_MADE_BY = _UNIX << 8 | 45
_UTF8 = 1 << 11
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF
# From here on sizes take 64 bits; deflate makes what cannot be compressed longer by less than the rest
_WIDE = _FULL_32 - (8 << 20)
_EXTRA_64, _EXTRA_UNIX, _EXTRA_NTFS = 0x0001, 0x5455, 0x000A
# Seconds from 1601, where NTFS begins to count, to 1970
_NTFS_EPOCH = 11644473600
_DOS_FIRST = (0, 1 << 5 | 1)
_DOS_LAST = (23 << 11 | 59 << 5 | 29, 127 << 9 | 12 << 5 | 31)


class _Packed(t.NamedTuple):
    """What became of a member's content."""

    crc: int
    size: int
    # Where its local header begins
    offset: int = 0


def _dos_time(seconds: int) -> t.Tuple[int, int]:
    """The time and the date in MS-DOS format, UTC, as near as it gets."""
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)  # UTC throughout
    if moment.year < 1980:
        return _DOS_FIRST
    if moment.year > 2107:
        return _DOS_LAST
    return moment.hour << 11 | moment.minute << 5 | moment.second >> 1, (moment.year - 1980) << 9 | moment.month << 5 | moment.day


def _exact_time(seconds: int) -> bytes:
    """The extra field with the exact second: that of Unix, or where its 32 bits do not reach, that of NTFS."""
    if -(2**31) <= seconds < 2**31:
        return struct.pack("<2HBl", _EXTRA_UNIX, 5, 1, seconds)
    filetime = (seconds + _NTFS_EPOCH) * 10**7
    return struct.pack("<2HL2H3q", _EXTRA_NTFS, 32, 0, 1, 24, filetime, filetime, filetime)


def _common(member: Member, packed: _Packed) -> t.Tuple[int, ...]:
    """The fields that both headers begin with: version needed … length of the path."""
    wide = member.size >= _WIDE
    time, date = _dos_time(member.mtime)
    return (
        45 if wide else 20,
        _UTF8 if is_utf8(member.path) else 0,
        zlib.DEFLATED if member.size else 0,
        time,
        date,
        packed.crc,
        _FULL_32 if wide else packed.size,
        _FULL_32 if wide else member.size,
        len(member.path),
    )


def local_header(member: Member, packed: _Packed) -> bytes:
    """What is before the content of a member."""
    extra = struct.pack("<2H2Q", _EXTRA_64, 16, member.size, packed.size) if member.size >= _WIDE else b""
    extra += _exact_time(member.mtime)
    return _LOCAL.pack(_LOCAL_SIGNATURE, *_common(member, packed), len(extra)) + member.path + extra


def central_header(member: Member, packed: _Packed) -> bytes:
    """What the directory at the end has about a member."""
    wide = [member.size, packed.size] if member.size >= _WIDE else []
    offset = packed.offset
    if offset >= _FULL_32:
        wide.append(offset)
        offset = _FULL_32
    extra = struct.pack("<2H%dQ" % len(wide), _EXTRA_64, 8 * len(wide), *wide) if wide else b""
    extra += _exact_time(member.mtime)
    # The upper half is a Unix mode with the type, the lower one the directory bit of MS-DOS
    attributes = (0o040000 | DIRECTORY_MODE) << 16 | 0x10 if member.is_directory else (0o100000 | FILE_MODE) << 16
    return _CENTRAL.pack(b"PK\x01\x02", _MADE_BY, *_common(member, packed), len(extra), 0, 0, 0, attributes, offset) + member.path + extra


def end_records(number: int, start: int, length: int) -> bytes:
    """What is behind the directory of ``number`` members, which begins at ``start`` and takes ``length`` bytes."""
    records = b""
    if number >= _FULL_16 or start >= _FULL_32 or length >= _FULL_32:
        records = _END_64.pack(b"PK\x06\x06", _END_64.size - 12, _MADE_BY, 45, 0, 0, number, number, length, start)
        records += _LOCATOR_64.pack(b"PK\x06\x07", 0, start + length, 1)
    shown = min(number, _FULL_16)
    return records + _END.pack(b"PK\x05\x06", 0, 0, shown, shown, min(length, _FULL_32), min(start, _FULL_32), 0)


class ZipWriter:
    """Writes one into a file that can be sought in."""

    def __init__(self, out: t.BinaryIO) -> None:
        self._out = out
        self._order = Order()
        # The directory, compressed as long as it has to wait for its place, and what it takes there
        self._squeeze = zlib.compressobj(1)
        self._directory: t.List[bytes] = []
        self._length = 0
        self._number = 0

    def add(self, member: Member, chunks: t.Iterable[bytes]) -> bytes:
        """Append a member."""
        self._order.take(member)
        offset = self._out.tell()
        self._out.write(local_header(member, _Packed(0, 0)))
        digest = hashlib.sha256()
        begin = self._out.tell()
        crc = self._deflate(sized(member, chunks), digest) if member.size else _nothing(sized(member, chunks))
        end = self._out.tell()
        packed = _Packed(crc, end - begin, offset)
        self._out.seek(offset)
        self._out.write(local_header(member, packed))
        self._out.seek(end)
        entry = central_header(member, packed)
        part = self._squeeze.compress(entry)
        if part:
            self._directory.append(part)
        self._length += len(entry)
        self._number += 1
        return digest.digest()

    def _deflate(self, chunks: t.Iterable[bytes], digest: t.Any) -> int:
        """Compress the content, always by the same measure, and answer its checksum."""
        deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        crc = 0
        waiting = bytearray()
        for chunk in chunks:
            digest.update(chunk)
            crc = zlib.crc32(chunk, crc)
            waiting += chunk
            while len(waiting) >= CHUNK:
                self._out.write(deflate.compress(bytes(waiting[:CHUNK])))
                del waiting[:CHUNK]
        self._out.write(deflate.compress(bytes(waiting)))
        self._out.write(deflate.flush())
        return crc

    def close(self) -> None:
        """Write the directory."""
        start = self._out.tell()
        self._directory.append(self._squeeze.flush())
        inflate = zlib.decompressobj()
        for part in self._directory:
            self._out.write(inflate.decompress(part))
        self._out.write(end_records(self._number, start, self._length))


def _nothing(chunks: t.Iterable[bytes]) -> int:
    for _chunk in chunks:
        pass
    return 0


class ZipReader:
    """Reads what ZipWriter writes, and nothing else; the directory at the end has to say what was read."""

    def __init__(self, raw: Raw) -> None:
        self._raw = raw
        self._order = Order()
        self._number = 0
        self._position = 0
        # The directory as it must be: its length and digest
        self._length = 0
        self._expected = hashlib.sha256()
        self._member = Member(b"")
        self._packed = _Packed(0, 0)
        self._content: t.Optional[Deflated] = None

    def next(self) -> t.Optional[Member]:
        """The next member."""
        for _chunk in self.chunks():
            pass
        signature = self._raw.exactly(4)
        if signature != _LOCAL_SIGNATURE:
            self._end(signature)
            return None
        fixed = signature + self._raw.exactly(_LOCAL.size - 4)
        fields = _LOCAL.unpack(fixed)
        path = self._raw.exactly(fields[9])
        extra = self._raw.exactly(fields[10])
        size, packed_size, mtime = _parsed_extra(extra, fields[8], fields[7])
        member, packed = Member(path, size, mtime), _Packed(fields[6], packed_size, self._position)
        check_numbers(member)
        # The one test that leaves nothing out: what was read is what would have been written
        if local_header(member, packed) != fixed + path + extra or not (size or packed[:2] == (0, 0)):
            raise Unsound("its members were not written by this module", "refused")
        self._order.take(member)
        entry = central_header(member, packed)
        self._expected.update(entry)
        self._length += len(entry)
        self._number += 1
        self._position += len(fixed) + len(path) + len(extra) + packed_size
        self._member, self._packed = member, packed
        if member.size:
            self._content = Deflated(self._raw)
        return member

    def chunks(self) -> t.Iterator[bytes]:
        """The content of the present member."""
        content = self._content
        if content is None:
            return
        while True:
            chunk = content.read(CHUNK)
            if not chunk or content.size > self._member.size:
                break
            yield chunk
        self._content = None
        if (content.size, content.packed, content.crc) != (self._member.size, self._packed.size, self._packed.crc):
            raise Unsound("%s in it is damaged" % display_name(shown_path(self._member.path)))

    def _end(self, signature: bytes) -> None:
        """Compare the directory with what was read."""
        records = end_records(self._number, self._position, self._length)
        found = hashlib.sha256(signature)
        left = self._length + len(records) - len(signature)
        while left:
            part = self._raw.read(min(left, CHUNK))
            if not part:
                raise Unsound("it ends early")
            found.update(part)
            left -= len(part)
        self._expected.update(records)
        if found.digest() != self._expected.digest():
            raise Unsound("its directory is damaged, or it was not written by this module")
        if self._raw.read(1):
            raise Unsound("there is something behind its end", "refused")


def _parsed_extra(extra: bytes, size: int, packed_size: int) -> t.Tuple[int, int, int]:
    """Size, packed size and time; whether they are well formed comes out when they are written again."""
    try:
        if size == _FULL_32:
            size, packed_size = struct.unpack_from("<4x2Q", extra)
            extra = extra[20:]
        if struct.unpack_from("<H", extra) == (_EXTRA_UNIX,):
            return size, packed_size, struct.unpack_from("<5xl", extra)[0]
        return size, packed_size, struct.unpack_from("<12xq", extra)[0] // 10**7 - _NTFS_EPOCH
    except struct.error as error:
        raise Unsound("its members were not written by this module", "refused") from error
