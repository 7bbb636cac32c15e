# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One stack of tasks, worked off by one process or, when it is worth it, by several.

Private to this collection. Processes, because a walk holds Python's interpreter lock. How they share
the work is in _crew.py, which is read only when there is enough to do.
"""

from __future__ import annotations

import os
import time
import typing as t

# A task is whatever marshal can carry; only the worker knows what it means.
Task = t.Any
Push = t.Callable[[Task], None]

# Entries of effort before a second process pays for its fork (about 2 ms in a process of Ansible's size).
FORK_AFTER = 1500

# The cells of the gauge before those of the processes are the queue's, see _crew.py.
SLOTS_AT = 4
_SLOT = 4  # entries and bytes done, entries and bytes found so far


class Worker(t.Protocol):
    """What does the tasks in one process."""

    @property
    def effort(self) -> int:
        """Grows with what was done, in entries."""

    def do(self, task: Task, push: Push) -> None:
        """Do one task; further tasks that come of it go to ``push``."""

    def result(self) -> t.Any:
        """What this process found, as marshal can carry it."""


class Gauge:
    """Entries and bytes done by all processes together."""

    def __init__(self, workers: int) -> None:
        # 64-bit numbers; memory of this process alone until there are others, then shared
        self.cells = memoryview(bytearray(8 * (SLOTS_AT + _SLOT * workers))).cast("q")
        self._at = SLOTS_AT
        # Which of the processes this is, from 0
        self.index = 0

    def take_slot(self, index: int) -> None:
        """From now on ``add`` and ``expect`` of this process count in slot ``index``."""
        self.index = index
        self._at = SLOTS_AT + _SLOT * index

    def add(self, entries: int, size: int) -> None:
        """Count what this process did."""
        self.cells[self._at] += entries
        self.cells[self._at + 1] += size

    def expect(self, entries: int, size: int) -> None:
        """Count what this process found that is to be done by whomever."""
        self.cells[self._at + 2] += entries
        self.cells[self._at + 3] += size

    def totals(self) -> t.Tuple[int, int]:
        """Entries and bytes done by all processes so far."""
        cells = self.cells[SLOTS_AT:]
        return sum(cells[0::_SLOT]), sum(cells[1::_SLOT])

    def expected(self) -> t.Tuple[int, int]:
        """Entries and bytes found by all processes so far; what is left to do is the difference."""
        cells = self.cells[SLOTS_AT:]
        return sum(cells[2::_SLOT]), sum(cells[3::_SLOT])


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def work_off(
    tasks: t.List[Task],
    make_worker: t.Callable[[Gauge], Worker],
    workers: int,
    watch: t.Optional[t.Callable[[Gauge], None]] = None,
) -> t.List[t.Any]:
    """Do ``tasks`` and all that come of them in up to ``workers`` processes.

    Returns each process's ``result()``, this one's first. ``watch`` is called in this process now and
    then with the gauge (at most a few times a second while it waits, after each task while it works).
    Raises FleetproofError when a worker process died; what a worker raises ends the whole work and is
    raised here again when it is a FleetproofError.
    """
    workers = max(1, workers)
    gauge = Gauge(workers)
    worker = make_worker(gauge)
    stack = list(tasks)
    while stack and (workers == 1 or worker.effort < FORK_AFTER or len(stack) < 2):
        worker.do(stack.pop(), stack.append)
        if watch is not None:
            watch(gauge)
    if not stack:
        return [worker.result()]
    from ._crew import Crew  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # small work never needs it

    return Crew(gauge, make_worker, workers, watch).work(worker, stack)


class Throttle:
    """Lets something happen at most once in ``interval`` seconds."""

    def __init__(self, interval: float = 1.0) -> None:
        self.interval = interval
        self.last = -interval

    def due(self) -> bool:
        """True when the interval has passed since it was last true."""
        now = time.monotonic()
        if now - self.last < self.interval:
            return False
        self.last = now
        return True
