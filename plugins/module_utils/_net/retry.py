# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trying again, later and later.

Private to this collection.
"""

from __future__ import annotations

import random
import time
import typing as t

from .._errors import FleetproofError

_LONGEST = 30.0  # seconds

T = t.TypeVar("T")


def backoff(attempt: int) -> float:
    """Seconds to wait before attempt number ``attempt`` (the first retry is 1): 1, 2, 4 … 30, less up to half of it.

    The random part keeps the hosts of a fleet from coming back all at once.
    """
    return min(_LONGEST, 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)  # noqa: S311 # nothing secret


class Patience:
    """How often something may still be tried again."""

    def __init__(self, retries: int, sleep: t.Callable[[float], None] = time.sleep) -> None:
        self._retries = retries
        self._sleep = sleep
        self._used = 0

    def again(self) -> bool:
        """Wait and answer True, or answer False at once when the retries are used up."""
        if self._used >= self._retries:
            return False
        self._used += 1
        self._sleep(backoff(self._used))
        return True

    def refresh(self) -> None:
        """There was progress: count from the beginning."""
        self._used = 0


def retrying(operation: t.Callable[[], T], retries: int, sleep: t.Callable[[float], None] = time.sleep) -> T:
    """What ``operation`` returns; errors that say they are retryable are waited out up to ``retries`` times."""
    patience = Patience(retries, sleep)
    while True:
        try:
            return operation()
        except FleetproofError as error:
            if not error.retryable or not patience.again():
                raise
