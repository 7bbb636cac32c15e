# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blocks of lines that end with a dot on a line of its own, as POP3 (RFC 1939) and NNTP (RFC 3977) send them.

Private to this collection. Lines may have any length. Only CRLF ends a line: what ends with LF alone
is part of it, or a message could pretend to be at its end.
"""

from __future__ import annotations

import typing as t

from .stream import Stream

_END = b"\r\n.\r\n"
# A peer that sends less than this within the timeout is taken for one that does not answer.
_PROGRESS = 16384  # octets


def read_dotted(stream: Stream) -> t.Iterator[bytes]:
    """The octets of the block in pieces, its dots unstuffed, its last line end kept, the closing line left out.

    The iterator has to be read to its end for the dialogue to go on; who stops early must hang up.
    """
    # as if the line before were part of it: a block may begin with the dot
    held = b"\r\n"
    skip = 2
    deadline = stream.deadline()
    since = 0
    while True:
        data = stream.read_some(deadline)
        since += len(data)
        if since >= _PROGRESS:
            deadline, since = stream.deadline(), 0
        held += data
        end = held.find(_END)
        if end >= 0:
            stream.unread(held[end + len(_END) :])
            yield held[: end + 2].replace(b"\r\n..", b"\r\n.")[skip:]
            return
        # what may be the beginning of the end, or of a stuffed dot, waits for the rest
        cut = held.find(b"\r", max(len(held) - len(_END) + 1, 0))
        ready = cut if cut >= 0 else len(held)
        if ready > skip:
            yield held[:ready].replace(b"\r\n..", b"\r\n.")[skip:]
            held = held[ready:]
            skip = 0
