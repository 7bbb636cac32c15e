# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Line ends of texts: LF on this side, CRLF on the wire (RFC 959, section 3.1.1.1).

Private to this collection. Both work on pieces of any size: a CRLF may lie across two of them.
"""

from __future__ import annotations

import contextlib
import typing as t

if t.TYPE_CHECKING:
    from .client import Client

Bytes = t.Union[bytes, memoryview]


class FromWire:
    """CRLF becomes LF; a CR or LF alone stays what it is."""

    def __init__(self) -> None:
        self._held = b""

    def convert(self, data: Bytes) -> bytes:
        """The next piece; a CR at its end waits for the one after it."""
        text = self._held + bytes(data)
        self._held = b"\r" if text.endswith(b"\r") else b""
        if self._held:
            text = text[:-1]
        return text.replace(b"\r\n", b"\n")

    def end(self) -> bytes:
        """What waited for more."""
        held, self._held = self._held, b""
        return held


class ToWire:
    """LF becomes CRLF; what is CRLF already stays so, and a text with both has one kind of line end afterwards."""

    def __init__(self) -> None:
        self._after_cr = False
        # Line ends so far, as CRLF
        self.ends = 0

    def convert(self, data: Bytes) -> bytes:
        """The next piece."""
        text = bytes(data)
        if not text:
            return b""
        prefix = b""
        if self._after_cr and text.startswith(b"\n"):
            # The CR went out with the piece before.
            prefix, text = b"\n", text[1:]
            self.ends += 1
        self._after_cr = text.endswith(b"\r")
        converted = text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        self.ends += converted.count(b"\r\n")
        return prefix + converted


@contextlib.contextmanager
def text_mode(client: Client, wanted: bool) -> t.Iterator[None]:
    """Transfers in here are of type A, where ``wanted``; sizes and offsets mean something in type I alone."""
    if not wanted:
        yield
        return
    client.type("A")
    try:
        yield
    finally:
        if not client.broken:
            client.type("I")
