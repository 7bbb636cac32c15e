# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._plan.guards import GuardStop
from ansible_collections.fleetproof.backup.plugins.module_utils._plan.plan import CREATED, Plan
from ansible_collections.fleetproof.backup.plugins.module_utils._plan.run import Done, run


class Steps:
    """A job that notes its steps."""

    def __init__(self, changes: bool = True, stop_at: str = "", fails: bool = False) -> None:
        self.steps: t.List[str] = []
        self.changes = changes
        self.stop_at = stop_at
        self.fails = fails

    def _step(self, name: str) -> None:
        self.steps.append(name)
        if name == self.stop_at:
            raise GuardStop(name, "unsafe", "stop")

    @contextlib.contextmanager
    def locked(self, check_mode: bool) -> t.Iterator[None]:
        self._step("lock")
        yield
        self._step("unlock")

    def before(self) -> None:
        self._step("before")

    def plan(self) -> Plan:
        self._step("plan")
        plan = Plan(1)
        plan.totals.created = int(self.changes)
        plan.totals.deleted = int(self.changes)
        return plan

    def guard(self, plan: Plan) -> None:
        self._step("guard")

    def act(self, plan: Plan, done: Done) -> None:
        self._step("act")
        if self.fails:
            done.fail("a", "permission", "x", CREATED)

    def delete(self, plan: Plan, done: Done) -> None:
        self._step("delete")

    def finish(self, plan: Plan, done: Done) -> None:
        self._step("finish")

    def verify(self, plan: Plan, done: Done) -> None:
        self._step("verify")


LOOK = ["lock", "before", "plan", "guard"]


def test_the_order_is_always_the_same() -> None:
    job = Steps()
    got = run(job, False)
    assert job.steps == [*LOOK, "act", "delete", "finish", "verify", "unlock"]
    assert got.done is not None


def test_check_mode_goes_the_same_way_and_stops_after_the_guards() -> None:
    job = Steps()
    assert run(job, True).done is None
    assert job.steps == [*LOOK, "unlock"]


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("stop_at", ["before", "guard"])
def test_a_guard_stops_everything(stop_at: str, check_mode: bool) -> None:
    job = Steps(stop_at=stop_at)
    got = run(job, check_mode)
    assert got.guard is not None
    assert got.guard.guard == stop_at
    assert job.steps == [*LOOK[: LOOK.index(stop_at) + 1], "unlock"]


def test_nothing_is_deleted_after_a_failure() -> None:
    job = Steps(fails=True)
    got = run(job, False)
    assert job.steps == [*LOOK, "act", "finish", "verify", "unlock"]
    assert got.done is not None
    assert got.done.no_deletions


def test_with_nothing_to_do_nothing_is_done_but_verified() -> None:
    job = Steps(changes=False)
    run(job, False)
    assert job.steps == [*LOOK, "verify", "unlock"]
