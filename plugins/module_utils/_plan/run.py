# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One order for everything that changes a place after another: plan, guards, act, delete, verify.

Private to this collection. Check mode is the same way, left after the guards.
"""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass, field

from .guards import GuardStop
from .plan import Failure, Plan

AnyPlan = t.TypeVar("AnyPlan", bound=Plan)


@dataclass
class Done:
    """What was done of a plan."""

    # What failed, and which of ACTIONS it was (-1: none of them)
    failures: t.List[t.Tuple[Failure, int]] = field(default_factory=list)
    bytes_copied: int = 0
    verified: int = 0
    # Why nothing was deleted though it was planned
    no_deletions: str = ""

    def fail(self, path: str, kind: str, reason: str, action: int) -> None:
        """Note a failure."""
        self.failures.append((Failure(path, kind, reason), action))


class Job(t.Protocol[AnyPlan]):
    """What a module fills the order with."""

    def locked(self, check_mode: bool) -> t.ContextManager[None]:
        """Keep other runs off; in check mode only look whether there is one. Raises FleetproofError (busy)."""

    def before(self) -> None:
        """Guards that need no plan. Raises GuardStop."""

    def plan(self) -> AnyPlan:
        """Look, and say what is to be done."""

    def guard(self, plan: AnyPlan) -> None:
        """Hold the plan against the limits. Raises GuardStop."""

    def act(self, plan: AnyPlan, done: Done) -> None:
        """Make and change."""

    def delete(self, plan: AnyPlan, done: Done) -> None:
        """Delete; called only when all that came before went well."""

    def finish(self, plan: AnyPlan, done: Done) -> None:
        """What is left to do when nothing is deleted any more."""

    def verify(self, plan: AnyPlan, done: Done) -> None:
        """Look again."""


@dataclass
class Run(t.Generic[AnyPlan]):
    """How it went."""

    plan: t.Optional[AnyPlan] = None
    guard: t.Optional[GuardStop] = None
    # None in check mode, after a guard's stop, and when there was nothing to do
    done: t.Optional[Done] = None


def run(job: Job[AnyPlan], check_mode: bool) -> Run[AnyPlan]:
    """Do the job, or say what it would do. Raises FleetproofError when nothing could be said at all."""
    run = Run[AnyPlan]()
    with contextlib.ExitStack() as stack:
        stack.enter_context(job.locked(check_mode))
        try:
            job.before()
            plan = run.plan = job.plan()
            job.guard(plan)
        except GuardStop as stop:
            run.guard = stop
            return run
        if check_mode:
            return run
        done = run.done = Done()
        if plan.changes:
            job.act(plan, done)
            if not done.failures:
                job.delete(plan, done)
            elif plan.totals.deleted:
                done.no_deletions = "not everything could be copied"
            job.finish(plan, done)
        job.verify(plan, done)
    return run
