# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bytes of an archive on their way to the disk and back: compressed, hashed, and read to the very end.

Private to this collection. Compressors are set up alike everywhere and fed in pieces of one size. What they
make may still differ between versions of their libraries, which is why archives are compared by content.
"""

from __future__ import annotations

import hashlib
import typing as t
import zlib

from .._errors import FleetproofError
from .archive_format import CHUNK, Unsound

if t.TYPE_CHECKING:
    import types

LEVEL = 6
# RFC 1952: deflate, no flags, no time, no word on the effort, unknown system
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
# Bytes that the decoder of xz may take: ours asks for 9 MiB, an archive of others might ask for 4 GiB
_XZ_MEMORY = 64 << 20


class _Compressor(t.Protocol):
    """What zlib, bz2 and lzma have in common."""

    def compress(self, data: bytes) -> bytes:
        """What is ready of the compressed bytes."""

    def flush(self) -> bytes:
        """The rest of them."""


class _Gzip:
    """RFC 1952 with a fixed header."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._crc = self._size = 0
        self._header = _GZIP_HEADER

    def compress(self, data: bytes) -> bytes:
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)
        header, self._header = self._header, b""
        return header + self._deflate.compress(data)

    def flush(self) -> bytes:
        trailer = self._crc.to_bytes(4, "little") + (self._size & 0xFFFFFFFF).to_bytes(4, "little")
        return self._header + self._deflate.flush() + trailer


def _module(name: str) -> types.ModuleType:
    """A compression module, which a Python may have been built without."""
    import importlib  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # for this alone

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise FleetproofError("dependency", "The Python of this host was built without the module %s; choose another archive.format" % name) from error


def compressor(name: str) -> _Compressor:
    """The compressor of a tar format. Raises FleetproofError (dependency)."""
    if name == "tar.gz":
        return _Gzip()
    if name == "tar.bz2":
        return t.cast(_Compressor, _module("bz2").BZ2Compressor(9))
    lzma = _module("lzma")
    return t.cast(_Compressor, lzma.LZMACompressor(format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC64, preset=LEVEL))


class Packer:
    """Feeds a compressor, always by the same measure, and writes what it makes."""

    def __init__(self, made: _Compressor, out: t.BinaryIO) -> None:
        self._compressor = made
        self._out = out
        self._waiting = bytearray()

    def write(self, data: bytes) -> None:
        """More of the content."""
        waiting = self._waiting
        waiting += data
        done = 0
        while len(waiting) - done >= CHUNK:
            self._out.write(self._compressor.compress(bytes(waiting[done : done + CHUNK])))
            done += CHUNK
        del waiting[:done]

    def close(self) -> None:
        """There is no more."""
        self._out.write(self._compressor.compress(bytes(self._waiting)))
        self._out.write(self._compressor.flush())
        self._waiting.clear()


class Exact:
    """Something to read from."""

    def read(self, most: int) -> bytes:
        """At least one byte and at most ``most``; none at the end. Raises Unsound."""
        raise NotImplementedError

    def exactly(self, length: int) -> bytes:
        """So many bytes. Raises Unsound when there are fewer."""
        parts = []
        while length:
            part = self.read(length)
            if not part:
                raise Unsound("it ends early")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)


class Raw(Exact):
    """A file from its beginning on, with the digest of all that was read."""

    def __init__(self, file: t.BinaryIO, note: t.Callable[[int], None]) -> None:
        """``note`` is told of bytes as they are read; it may raise to stop."""
        self._file = file
        self._note = note
        # What was read of the file, and how much of that was asked for
        self._block = b""
        self._at = 0
        self._sha256 = hashlib.sha256()
        self.size = 0

    def read(self, most: int) -> bytes:
        """At most ``most`` bytes."""
        if self._at == len(self._block):
            self._block, self._at = self._file.read(CHUNK), 0
            self._sha256.update(self._block)
            self.size += len(self._block)
            self._note(len(self._block))
        data = self._block[self._at : self._at + most]
        self._at += len(data)
        return data

    def back(self, length: int) -> None:
        """The last ``length`` bytes of the last answer are to be read again."""
        self._at -= length

    @property
    def hexdigest(self) -> str:
        """The SHA-256 of the file, once its end was read."""
        return self._sha256.hexdigest()


class Deflated(Exact):
    """The content of a raw deflate stream (RFC 1951); what follows it stays in the file."""

    def __init__(self, raw: Raw) -> None:
        self._raw = raw
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self.crc = self.size = self.packed = 0

    def read(self, most: int) -> bytes:
        """At most ``most`` bytes."""
        inflate = self._inflate
        while not self._ended():
            data = inflate.unconsumed_tail or self._raw.read(CHUNK)
            if not data:
                raise Unsound("it ends early")
            try:
                out = inflate.decompress(data, most)
            except zlib.error as error:
                raise Unsound("its compressed data are damaged") from error
            # At the end the tail may be an old one
            self.packed += len(data) - len(inflate.unused_data if self._ended() else inflate.unconsumed_tail)
            if self._ended():
                self._raw.back(len(inflate.unused_data))
            if out:
                self.crc = zlib.crc32(out, self.crc)
                self.size += len(out)
                return out
        return b""

    def _ended(self) -> bool:
        return self._inflate.eof


class Gunzip(Exact):
    """What was compressed by gzip, in one piece with nothing behind it."""

    def __init__(self, raw: Raw) -> None:
        self._raw = raw
        self._deflated: t.Optional[Deflated] = None
        self._ended = False

    def read(self, most: int) -> bytes:
        """At most ``most`` bytes."""
        deflated = self._deflated
        if self._ended:
            return b""
        if deflated is None:
            if self._raw.exactly(len(_GZIP_HEADER)) != _GZIP_HEADER:
                raise Unsound("it is no tar.gz of this module", "refused")
            deflated = self._deflated = Deflated(self._raw)
        data = deflated.read(most)
        if not data:
            trailer = self._raw.exactly(8)
            if trailer != deflated.crc.to_bytes(4, "little") + (deflated.size & 0xFFFFFFFF).to_bytes(4, "little"):
                raise Unsound("its checksum is wrong")
            _at_end(self._raw)
            self._ended = True
        return data


class Unpacked(Exact):
    """What was compressed by bzip2 or xz, in one piece with nothing behind it."""

    def __init__(self, raw: Raw, name: str) -> None:
        self._raw = raw
        if name == "tar.bz2":
            self._decompressor = _module("bz2").BZ2Decompressor()
            self._errors: t.Tuple[t.Type[Exception], ...] = (OSError, ValueError)
        else:
            lzma = _module("lzma")
            self._decompressor = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
            self._errors = (lzma.LZMAError,)

    def read(self, most: int) -> bytes:
        """At most ``most`` bytes."""
        decompressor = self._decompressor
        while not decompressor.eof:
            data = self._raw.read(CHUNK) if decompressor.needs_input else b""
            if decompressor.needs_input and not data:
                raise Unsound("it ends early")
            try:
                out: bytes = decompressor.decompress(data, most)
            except self._errors as error:
                # There is no other sign of it.
                if "Memory usage limit" in str(error):
                    raise Unsound("it was compressed for more memory than this module ever takes", "refused") from error
                raise Unsound("its compressed data are damaged") from error
            if out:
                return out
        self._raw.back(len(decompressor.unused_data))
        _at_end(self._raw)
        return b""


def _at_end(raw: Raw) -> None:
    if raw.read(1):
        raise Unsound("there is something behind its end", "refused")
