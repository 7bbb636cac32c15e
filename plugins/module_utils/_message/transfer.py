# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transfer encodings undone, as far as that goes (RFC 2045, section 6).

Private to this collection. Pure, linear, never an error: what is broken gives what can be had.
"""

from __future__ import annotations

import binascii
import re
import typing as t

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(octet for octet in range(256) if octet not in _BASE64)
_MOST_ENDS = 10000  # paddings in the middle that are heeded: parts that were encoded one by one and put together
# only from the first blank of a run on, or long runs would be looked at again and again
_TRAILING = re.compile(rb"(?<![ \t])[ \t]+(?=\r?\n|\Z)")
_UU_BEGIN = re.compile(rb"(?:\A|[\r\n])begin(?:-base64)? [0-7]{3,4} ?[^\r\n]*[\r\n]")
# what no program writes stands for a blank
_UU = bytes(octet if 32 <= octet <= 96 else 32 for octet in range(256))
_LINE = re.compile(rb"[^\r\n]+")


def undo(raw: bytes, encoding: str) -> bytes:
    """``raw`` without the transfer encoding that a Content-Transfer-Encoding field names; as it is where that is unknown."""
    words = re.findall(r"[a-z0-9_-]+", encoding[:80].lower())
    name = words[0] if words else ""
    if name in ("base64", "base-64", "b"):
        return from_base64(raw)
    if name in ("quoted-printable", "quotedprintable", "quoted_printable", "q"):
        return from_quoted_printable(raw)
    if name in ("x-uuencode", "uuencode", "x-uue", "uue"):
        return _from_uuencode(raw)
    return raw


def from_base64(raw: bytes) -> bytes:
    """Dirty, cut and unpadded base64: other octets are skipped, a padding begins anew, what is too short for an octet is dropped."""
    clean = raw.translate(None, _NOT_BASE64)
    pieces = clean.split(b"=", _MOST_ENDS)
    pieces[-1] = pieces[-1].replace(b"=", b"")
    out: t.List[bytes] = []
    for piece in pieces:
        whole = piece[: len(piece) - 1] if len(piece) % 4 == 1 else piece
        if whole:
            out.append(binascii.a2b_base64(whole + b"=" * (-len(whole) % 4)))
    return b"".join(out)


def from_quoted_printable(raw: bytes) -> bytes:
    """Quoted-printable; white space at the end of a line was added on the way, and an "=" without digits is one."""
    return binascii.a2b_qp(_TRAILING.sub(b"", raw))


def _from_uuencode(raw: bytes) -> bytes:
    begin = _UU_BEGIN.search(raw)
    if begin is None:
        return raw
    out = []
    room = len(raw)  # octets that may come out: a line tells how many it holds, and could tell more than it has
    for match in _LINE.finditer(raw, begin.end()):
        line = match.group()
        if line.rstrip() in (b"end", b"`"):
            break
        # some programs cut blanks off the end of a line, others pad it
        size = (line[0] - 32) & 63
        data = line[1 : (size + 2) // 3 * 4 + 1].translate(_UU)
        data = data.ljust((size + 2) // 3 * 4 if room > size else 0)
        size = min(size, len(data) // 4 * 3)
        if size and 32 <= line[0] <= 96:
            # what fills up the last three octets need not be blank
            whole = (size + 2) // 3
            out.append(binascii.a2b_uu(bytes((32 + whole * 3,)) + data[: whole * 4])[:size])
            room -= size
    return b"".join(out)
