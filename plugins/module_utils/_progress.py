# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file in which long work can be watched.

Private to this collection. JSON, replaced as a whole and at most once a second:

    {"task": "dir_compare", "state": "running", "started": "…Z", "updated": "…Z", "seconds": 12.0,
     "entries": {"done": 1000, "to_do": 250, "rate": 83.3}, "bytes": {"done": 1, "to_do": 0, "rate": 0.1},
     "name": "path/of/what/is/at/hand"}

``to_do`` is what is known so far: a tree tells how large it is only as it is walked. ``rate`` is of the
whole run, per second.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
import typing as t

from ._errors import from_os_error
from ._share import Throttle
from ._values import display_name, iso_time


class Progress:
    """Writes one progress file; for the process that leads the work."""

    def __init__(self, path: str, task: str) -> None:
        """Begins with the first, empty file. Raises FleetproofError when it cannot be written."""
        self.path = os.path.abspath(path)
        self.task = task
        self._started = time.time()
        self._begun = time.monotonic()
        self._throttle = Throttle()
        # What was last told, for the end
        self._last = (0, 0, 0, 0, "")
        # Why the file is no longer written; long work does not end for want of its progress
        self.failed: t.Optional[str] = None
        try:
            self._write("running")
        except OSError as error:
            raise from_os_error(error, "write progress_path %s" % display_name(path)) from error
        self._throttle.due()

    def due(self) -> bool:
        """Whether it is time to tell; asks for nothing but the clock."""
        return time.monotonic() - self._throttle.last >= self._throttle.interval

    def tell(self, entries: int, size: int, entries_to_do: int, bytes_to_do: int, name: str) -> None:
        """So much is done, so much is still to do as far as is known, and ``name`` is at hand. May be called at any rate."""
        self._last = (entries, size, entries_to_do, bytes_to_do, name)
        if self._throttle.due():
            self._try("running")

    def end(self, state: str = "finished") -> None:
        """The work is over: the last numbers, and ``finished`` or ``failed``."""
        self._try(state)

    def _try(self, state: str) -> None:
        if self.failed is not None:
            return
        try:
            self._write(state)
        except OSError as error:
            self.failed = from_os_error(error, "write progress_path %s" % display_name(self.path)).message

    def _write(self, state: str) -> None:
        entries, size, entries_to_do, bytes_to_do, name = self._last
        seconds = time.monotonic() - self._begun
        pace = max(seconds, 0.001)
        text = json.dumps(
            {
                "task": self.task,
                "state": state,
                "started": iso_time(self._started),
                "updated": iso_time(time.time()),
                "seconds": round(seconds, 3),
                "entries": {"done": entries, "to_do": max(0, entries_to_do), "rate": round(entries / pace, 1)},
                "bytes": {"done": size, "to_do": max(0, bytes_to_do), "rate": round(size / pace, 1)},
                "name": display_name(name),
            }
        )
        # A name that nobody can foresee, so that nobody can put a link in its place.
        descriptor, temporary = tempfile.mkstemp(prefix=".fleetproof-", suffix=".tmp", dir=os.path.dirname(self.path))
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text + "\n")
                os.fchmod(file.fileno(), 0o644)
            os.replace(temporary, self.path)
        except BaseException:
            os.unlink(temporary)
            raise
