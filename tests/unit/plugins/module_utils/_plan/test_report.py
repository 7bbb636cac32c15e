# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._plan import plan as words
from ansible_collections.fleetproof.backup.plugins.module_utils._plan.guards import GuardStop
from ansible_collections.fleetproof.backup.plugins.module_utils._plan.plan import (
    CORRUPTED,
    CREATED,
    DELETED,
    DEVICE,
    DIRECTORY,
    FILE,
    METADATA,
    MISSING,
    SPECIAL,
    SYMLINK,
    UPDATED,
    Failure,
    Item,
    Plan,
    pack,
)
from ansible_collections.fleetproof.backup.plugins.module_utils._plan.report import Report, itemise, list_failures
from ansible_collections.fleetproof.backup.plugins.module_utils._plan.run import Done, Run


def a_plan() -> Plan:
    """Two files to make, one to delete."""
    plan = Plan(2)
    plan.stages[0].append(pack("", None, [(CREATED, FILE, "b", 2, MISSING), (CREATED, FILE, "a", 1, MISSING)]))
    plan.stages[1].append(pack("", None, [(DELETED, FILE, "c", 3, words.EXTRA)]))
    plan.totals.created, plan.totals.deleted, plan.totals.copy_bytes, plan.totals.unchanged = 2, 1, 3, 7
    return plan


def report(plan: Plan, *failures: Failure, action: int = CREATED, ran: bool = True, no_deletions: str = "", max_listed: int = -1) -> Report:
    """The report of a run, or of check mode."""
    done = Done(bytes_copied=2, no_deletions=no_deletions) if ran else None
    if done is not None:
        for failure in failures:
            done.fail(*failure, action)
    return Report(Run(plan, None, done), max_listed)


@pytest.mark.parametrize(
    ("item", "line"),
    [
        (Item(CREATED, FILE, "", 1, MISSING), ">f+++++++++ p"),
        (Item(CREATED, DIRECTORY, "", 0, MISSING), "cd+++++++++ p/"),
        (Item(CREATED, SYMLINK, "", 0, MISSING), "cL+++++++++ p"),
        (Item(CREATED, DEVICE, "", 0, MISSING), "cD+++++++++ p"),
        (Item(CREATED, SPECIAL, "", 0, MISSING), "cS+++++++++ p"),
        (Item(CREATED, FILE, "", 0, MISSING | words.LINKED, "", "q"), "hf+++++++++ p"),
        (Item(UPDATED, FILE, "", 1, words.SIZE | words.MTIME), ">f.st...... p"),
        (Item(UPDATED, FILE, "", 1, words.CONTENT | words.MODE), ">fc..p..... p"),
        (Item(UPDATED, FILE, "", 1, words.TYPE), ">f+++++++++ p"),
        (Item(UPDATED, SYMLINK, "", 0, words.TARGET), "cLc........ p"),
        (Item(METADATA, FILE, "", 1, words.OWNER | words.GROUP | words.ACLS | words.XATTRS), ".f....og.ax p"),
        (Item(METADATA, DIRECTORY, "", 0, words.MTIME), ".d..t...... p/"),
        (Item(DELETED, DIRECTORY, "", 0, words.EXTRA), "*deleting   p/"),
        (Item(CORRUPTED, FILE, "", 0, words.ROT), "!fc........ p"),
        (Item(words.REMOVED, FILE, "", 3, words.MOVED), "*removing   p"),
    ],
)
def test_lines_are_those_of_rsync(item: Item, line: str) -> None:
    assert itemise("p", item) == line


def test_the_root_has_no_slash() -> None:
    assert itemise(".", Item(METADATA, DIRECTORY, ".", 0, words.MTIME)) == ".d..t...... ."


def test_a_report_of_check_mode_tells_the_plan() -> None:
    got = report(a_plan(), ran=False)
    assert (got.changed, got.bytes_copied, got.failure()) == (True, 3, None)
    assert got.counts == {"created": 2, "updated": 0, "metadata": 0, "deleted": 1, "corrupted": 0, "unchanged": 7, "failed": 0}
    assert [row[0] for row in got.rows()[0]] == ["a", "b", "c"]


def test_what_failed_was_not_done() -> None:
    got = report(a_plan(), Failure("b", "permission", "cannot be written"), no_deletions="not everything could be copied")
    assert got.counts == {"created": 1, "updated": 0, "metadata": 0, "deleted": 0, "corrupted": 0, "unchanged": 7, "failed": 1}
    assert [row[0] for row in got.rows()[0]] == ["a"]
    assert got.bytes_copied == 2
    failure = got.failure()
    assert failure is not None
    assert failure.kind == "permission"
    assert "first b: cannot be written" in failure.message
    assert "Nothing was deleted, because not everything could be copied" in failure.message


def test_the_gravest_kind_is_what_the_task_failed_with() -> None:
    failures = [Failure("a", "changed_underfoot", "x"), Failure("b", "no_space", "y"), Failure("c", "permission", "z")]
    failure = report(a_plan(), *failures).failure()
    assert failure is not None
    assert failure.kind == "no_space"


def test_rot_alone_fails_the_task_and_is_no_change() -> None:
    plan = Plan(1)
    plan.totals.corrupted = 1
    got = report(plan)
    failure = got.failure()
    assert (got.changed, failure and failure.kind, got.counts["corrupted"]) == (False, "integrity", 1)


def test_after_a_guards_stop_nothing_was_changed_or_copied() -> None:
    stop = GuardStop("max_delete", "unsafe", "too many")
    got = Report(Run(a_plan(), stop, None), -1)
    assert (got.changed, got.bytes_copied, got.failure()) == (False, 0, stop)
    assert got.counts["deleted"] == 1


def test_lists_stop_and_say_so() -> None:
    got = report(a_plan(), ran=False, max_listed=2)
    rows, truncated = got.rows()
    assert ([row[0] for row in rows], truncated) == (["a", "b"], True)
    assert got.diff(rows, truncated)["prepared"] == ">f+++++++++ a\n>f+++++++++ b\n… and more; see counts\n"
    assert report(a_plan(), ran=False, max_listed=3).rows()[1] is False
    assert report(a_plan(), ran=False, max_listed=0).rows() == ([], True)
    listed, more = list_failures([Failure("a\udcff", "permission", "x"), Failure("b", "busy", "y")], 1)
    assert (listed, more) == ([{"path": "a\\xff", "kind": "permission", "reason": "x"}], True)


class TakingPlan(Plan):
    """One that takes entries from the source when they are in dest."""

    removes = True


def test_what_is_taken_from_src_is_counted_where_that_may_happen() -> None:
    plan = TakingPlan(1)
    plan.stages[0].append(pack("", None, [(words.REMOVED, FILE, "a", 1, words.MOVED), (words.REMOVED, FILE, "b", 1, words.MOVED)]))
    plan.totals.removed = 2
    got = report(plan, ran=False)
    assert (got.changed, got.counts["removed"], "removed" in report(a_plan()).counts) == (True, 2, False)
    assert [row[:3] for row in got.rows()[0]] == [("a", "removed", "in dest as well"), ("b", "removed", "in dest as well")]
    got = report(plan, Failure("a", "permission", "no"), action=words.REMOVED)
    assert (got.changed, got.counts["removed"], got.counts["failed"]) == (True, 1, 1)
    got = report(plan, Failure("a", "permission", "no"), Failure("b", "permission", "no"), action=words.REMOVED)
    assert (got.changed, got.counts["removed"]) == (False, 0)
