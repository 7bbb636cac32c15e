# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all have in common that change dest: where the trees are, how its folders are opened, what failed.

Private to this collection.
"""

from __future__ import annotations

import os
import stat
import typing as t
from dataclasses import dataclass

from .._descent import Descent
from .._errors import FleetproofError, kind_of_os_error, reason_of_os_error
from .._plan.plan import Batch, Item, unpack
from .._share import Gauge, Push, work_off
from .reading import SourceError, read_failure
from .rules import Preserve
from .sync_plan import SyncPlan

# Bytes that are worth the effort of one entry.
_EFFORT = 1 << 15


@dataclass
class Trees:
    """Both trees and what is to be done to the second."""

    source: int
    dest: int
    plan: SyncPlan
    preserve: Preserve
    # The process that answers for the run
    owner: int
    workers: int = 1
    watch: t.Optional[t.Callable[[Gauge], None]] = None
    # The folder at hand, for those who watch
    at: str = ""


class DestDescent(Descent):
    """The way down dest: makes the folders that are planned, and the user's own folders writable for the time being."""

    def __init__(self, root: int, as_root: bool) -> None:
        super().__init__(root)
        self.as_root = as_root

    def enter(self, name: str, directory: int) -> int:
        """Open one component; one that is not there is one that the plan has yet to make."""
        try:
            return super().enter(name, directory)
        except FileNotFoundError:
            self.make(name, directory)
            return super().enter(name, directory)

    def make(self, name: str, directory: int) -> None:
        """Make a folder that others cannot look into yet; its looks come at the end."""
        try:
            os.mkdir(name, 0o700, dir_fd=directory)
        except FileExistsError:
            # Another process was here first. Whatever it is: it is opened as a directory, without following it.
            pass
        except PermissionError:
            if not self.allow(directory):
                raise
            self.make(name, directory)

    def allow(self, directory: int) -> bool:
        """Let the owner write into a folder of his; its looks are set again at the end. True when that changed something."""
        if self.as_root:
            return False
        state = os.fstat(directory)
        if state.st_mode & 0o700 == 0o700 or state.st_uid != os.geteuid():
            return False
        os.fchmod(directory, stat.S_IMODE(state.st_mode) | 0o700)
        return True


class Actor:
    """One process at work on dest."""

    def __init__(self, trees: Trees, gauge: Gauge, effort: int = 0) -> None:
        """``effort``: that of the whole work; from FORK_AFTER on other processes help from the start."""
        self.trees = trees
        self.plan = trees.plan
        self.gauge = gauge
        self.effort = effort
        self.source = Descent(trees.source)
        self.dest = DestDescent(trees.dest, trees.preserve.root)
        self.is_child = os.getpid() != trees.owner
        # path, kind, reason, the action that failed
        self.failures: t.List[t.Tuple[str, str, str, int]] = []

    def result(self) -> t.Any:
        """What went wrong."""
        self.source.close()
        self.dest.close()
        return self.failures

    def alive(self) -> None:
        """A process whose parent was killed stops at once: nobody would know of what it did."""
        if self.is_child and os.getppid() != self.trees.owner:
            os._exit(1)

    def do(self, task: t.Any, push: Push) -> None:
        """``task``: stage and number of a batch."""
        stage, number = task
        batch = unpack(self.plan.stages[stage][number])
        self.trees.at = batch.folder
        self.batch(batch)

    def batch(self, batch: Batch) -> None:
        """Do one batch."""
        raise NotImplementedError

    def fail(self, folder: str, item: Item, kind: str, reason: str) -> None:
        """An action that could not be done."""
        self.failures.append((folder + item.name, kind, reason, item.action))

    def fail_by(self, folder: str, item: Item, error: Exception, step: str) -> None:
        """The same, by what was raised; ``step`` is what was being done."""
        if isinstance(error, FleetproofError):
            self.fail(folder, item, error.kind, error.message)
        elif isinstance(error, SourceError):
            self.fail(folder, item, *read_failure(error.error))
        elif isinstance(error, OSError):
            if step == "cannot be read":
                self.fail(folder, item, *read_failure(error))
            else:
                self.fail(folder, item, kind_of_os_error(error), "%s: %s" % (step, reason_of_os_error(error)))
        else:
            raise error


def effort_of(plan: SyncPlan, stage: int, size: int = 0) -> int:
    """Roughly what a stage costs, in entries."""
    batches = plan.stages[stage]
    return (sum(map(len, batches)) >> 6) + size // _EFFORT if batches else 0


def act(trees: Trees, stages: t.Sequence[int], make: t.Callable[[Gauge], Actor], parallel: bool = True) -> t.List[t.Any]:
    """Work off the batches of ``stages``; returns each process's result."""
    tasks = [(stage, number) for stage in stages for number in range(len(trees.plan.stages[stage]))]
    if not parallel:
        # In this order: tasks are taken from the end.
        tasks.reverse()
    return work_off(tasks, make, trees.workers if parallel else 1, trees.watch)
