# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names on the wire: text to octets and back, so that a name comes back to the file that it came from.

Private to this collection. Octets that are no text in the encoding are kept as lone surrogates (PEP 383).
"""

from __future__ import annotations

import codecs

from .._errors import FleetproofError
from .._values import display_name

AUTO = "auto"  # UTF-8, as RFC 2640 has it
# What servers may send in whatever encoding: octets that are no text in it, and escapes of some codecs that are cut short
_ODD = (b"\xff\xfe", b"\x81 \xff", b"\\u12", b"\\x", b"+\xff-")


def encoding_of(name: str) -> str:
    """The codec that the option ``encoding`` means; one that does not exist or cannot carry commands is an ``argument`` error.

    A control connection is ASCII: in a codec that may be used each octet below 128 stands for its
    ASCII character where it stands alone, is all that is written for it, and any octets can be read.
    """
    if name.lower() == AUTO:
        return "utf-8"
    try:
        usable = all(bytes((octet,)).decode(name) == chr(octet) and chr(octet).encode(name) == bytes((octet,)) for octet in range(128))
        for octets in _ODD:
            decode(octets, name)
        found = codecs.lookup(name).name
    except (LookupError, UnicodeError, ValueError):
        # ValueError: a name with a NUL in it
        usable, found = False, ""
    if not usable:
        raise FleetproofError("argument", "encoding: %s is not a text encoding that FTP can use; write auto, utf-8, latin-1, gbk or the like" % name)
    return found


def decode(data: bytes, encoding: str) -> str:
    """Text for any octets."""
    return data.decode(encoding, "surrogateescape")


def encode(text: str, encoding: str) -> bytes:
    """Octets that ``decode`` turns into ``text`` again; a text for which there are none is an ``argument`` error."""
    try:
        data = text.encode(encoding, "surrogateescape")
        if data.decode(encoding, "surrogateescape") == text:
            return data
    except UnicodeError:
        pass
    raise FleetproofError("argument", "The name %s cannot be written in the encoding %s of the server (option encoding)" % (display_name(text), encoding))
