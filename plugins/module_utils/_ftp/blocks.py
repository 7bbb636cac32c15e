# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blocks of files: read into memory that is used again, compared where they lie.

Private to this collection.
"""

from __future__ import annotations

import os
import threading

from .._errors import from_os_error

# Bytes that are read at once, on either side.
BLOCK = 256 * 1024


class _Buffers(threading.local):
    def __init__(self) -> None:
        self.block = memoryview(bytearray(BLOCK))


_buffers = _Buffers()


def buffer(size: int) -> memoryview:
    """At most ``size`` bytes, and at most BLOCK, to read into: always the same ones in one thread, so use them up before asking again."""
    return _buffers.block[:size]


def read_at(descriptor: int, view: memoryview, offset: int) -> int:
    """Bytes read from ``offset`` on; 0 at the end of the file. Raises FleetproofError."""
    try:
        return os.preadv(descriptor, [view], offset)
    except OSError as error:
        raise from_os_error(error, "read the file back") from error


def holds(descriptor: int, data: memoryview, offset: int) -> bool:
    """Whether the bytes of the open file from ``offset`` on are ``data``. Raises FleetproofError."""
    done = 0
    while done < len(data):
        try:
            found = os.pread(descriptor, len(data) - done, offset + done)
        except OSError as error:
            raise from_os_error(error, "read the file back") from error
        if not found or found != data[done : done + len(found)]:
            return False
        done += len(found)
    return True
