# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parameters of Content-Type and Content-Disposition (RFC 2045, RFC 2231), as they are found.

Private to this collection. Pure, linear, never an error.
"""

from __future__ import annotations

import binascii
import re
import typing as t

from .charsets import decode
from .words import LONGEST_VALUE, decode_value, unfold

_GAP = re.compile(rb"[;\s]*")
_PARAMETER = re.compile(rb'([^=;\s"]{1,100})\s{0,20}=\s{0,20}("(?:[^"\\]|\\.)*(?:"|\Z)|[^;]*)', re.DOTALL)
_SECTION = re.compile(r"\A(.+?)(?:\*([0-9]{1,4}))?(\*)?\Z")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_EXTENDED = re.compile(rb"\A([A-Za-z0-9_.:+-]{0,60})'[^']{0,60}'", re.DOTALL)
_MOST = 1000  # parameters of one field


class _Piece(t.NamedTuple):
    number: int
    coded: bool
    octets: bytes


def read_parameters(raw: bytes, hint: str = "") -> t.Tuple[str, t.Dict[str, str]]:
    """The value before the first ";" in lower case, and the parameters by lower-case name.

    Pieces (``name*0``) are put together, charsets (``name*=utf-8''…``) undone; encoded words, which are forbidden here,
    are decoded as well. Of two forms of one parameter that of RFC 2231 counts, of two of one form the first.
    """
    main, pieces = _pieces_of(raw)
    values: t.Dict[str, str] = {}
    for (name, extended), found in sorted(pieces.items(), key=lambda item: item[0][1]):
        values[name] = _joined(found, hint) if extended else decode_value(found[0].octets, hint)
    return decode(main).strip().lower(), values


def octets_of_parameter(raw: bytes, name: str) -> bytes:
    """One parameter as the octets that it stands for, whatever text they would be: what boundaries are compared by. Empty where there is none."""
    _main, pieces = _pieces_of(raw)
    if (name, True) in pieces:
        return _undone(pieces[name, True])[1]
    return pieces[name, False][0].octets if (name, False) in pieces else b""


def _pieces_of(raw: bytes) -> t.Tuple[bytes, t.Dict[t.Tuple[str, bool], t.List[_Piece]]]:
    """The value before the first ";", and what there is of each parameter by its name and whether it is in the form of RFC 2231."""
    raw = unfold(raw[:LONGEST_VALUE])
    main, _semicolon, rest = raw.partition(b";")
    pieces: t.Dict[t.Tuple[str, bool], t.List[_Piece]] = {}
    position = 0
    for _number in range(_MOST):
        position = t.cast(t.Match[bytes], _GAP.match(rest, position)).end()
        match = _PARAMETER.match(rest, position)
        if match is None:
            # no parameter: what stands there is skipped up to the next one
            position = rest.find(b";", position) + 1
            if not position:
                break
            continue
        position = match.end()
        name, number, star = _name_of(match.group(1))
        octets = _plain(match.group(2))
        form = pieces.setdefault((name, number is not None or star), [])
        if not form or number is not None:
            form.append(_Piece(number or 0, star, octets))
    return main, pieces


def _name_of(raw: bytes) -> t.Tuple[str, t.Optional[int], bool]:
    match = _SECTION.match(raw.decode("latin-1").lower())
    if match is None:
        return "", None, False
    return match.group(1), None if match.group(2) is None else int(match.group(2)), match.group(3) is not None


def _plain(value: bytes) -> bytes:
    if not value.startswith(b'"'):
        return value.strip()
    value = value[1:-1] if len(value) > 1 and value.endswith(b'"') else value[1:]
    # old programs send paths of Windows without doubling the backslashes
    return value.replace(b"\\\\", b"\\").replace(b'\\"', b'"') if b"\\" in value else value


def _joined(pieces: t.List[_Piece], hint: str) -> str:
    label, octets = _undone(pieces)
    if label:
        return decode_value(decode(octets, label, hint).encode("utf-8"))
    return decode_value(octets, hint)


def _undone(pieces: t.List[_Piece]) -> t.Tuple[str, bytes]:
    """The charset that the pieces name, and their octets put together."""
    pieces.sort(key=lambda piece: piece.number)
    first = pieces[0].octets
    label = ""
    if pieces[0].coded:
        extended = _EXTENDED.match(first)
        if extended:
            label = extended.group(1).decode("ascii")
            first = first[extended.end() :]
    octets = b"".join(
        _PERCENT.sub(lambda found: binascii.unhexlify(found.group(1)), octets) if piece.coded else octets
        for piece, octets in zip(pieces, [first, *(piece.octets for piece in pieces[1:])])
    )
    return label, octets
