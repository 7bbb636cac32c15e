# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast bytes may be moved by several threads together.

Private to this collection.
"""

from __future__ import annotations

import threading
import time
import typing as t

from .._errors import FleetproofError

# Nobody sleeps longer than this without looking around, in seconds.
_NAP = 0.5
# Pieces a second: the smaller, the more even the flow.
_PIECES = 10
# Time that was not used is made up for up to this much, in seconds, so that a slow disk does not lower the rate.
_CREDIT = 0.1


class Pace:
    """Keeps all threads that use it together at so many bytes a second."""

    def __init__(self, rate: int, clock: t.Callable[[], float] = time.monotonic, sleep: t.Callable[[float], None] = time.sleep) -> None:
        """``rate`` in bytes a second, from 1 on."""
        if rate < 1:
            raise FleetproofError("argument", "bwlimit: %d is not a number of bytes a second from 1 on" % rate)
        self.rate = rate
        # A tenth of a second's worth
        self.piece = max(1, rate // _PIECES)
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        # When all that was taken so far was due
        self._due = clock()

    def take(self, size: int, alive: t.Callable[[], None] = lambda: None) -> None:
        """Count ``size`` bytes, and wait until they were due; ``alive`` is called before each nap and may raise."""
        with self._lock:
            self._due = due = max(self._due, self._clock() - _CREDIT) + size / self.rate
        while True:
            ahead = due - self._clock()
            if ahead <= 0:
                return
            alive()
            self._sleep(min(ahead, _NAP))
