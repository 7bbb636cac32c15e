# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._plan import guards
from ansible_collections.fleetproof.backup.plugins.module_utils._plan.guards import (
    GuardStop,
    Limit,
    Space,
    check_deletions,
    check_not_empty,
    check_shrink,
    check_space,
)
from ansible_collections.fleetproof.backup.plugins.module_utils._plan.plan import Totals


def stops(check: t.Callable[..., None], *arguments: t.Any) -> t.Optional[str]:
    """The name of the guard that a check stops by; None when it lets the plan pass."""
    try:
        check(*arguments)
    except GuardStop as stop:
        return stop.guard
    return None


@pytest.mark.parametrize(
    ("text", "sizes", "whole", "limit"), [("25%", False, 8, 2), ("3", False, 8, 3), ("0", False, 8, 0), ("10G", True, 1, 10 << 30), ("2.5%", True, 1000, 25)]
)
def test_limits_are_numbers_or_shares(text: str, sizes: bool, whole: int, limit: float) -> None:
    assert Limit.parse(text, "option", sizes).of(whole) == limit


@pytest.mark.parametrize(("text", "sizes"), [("", False), ("some", False), ("-1", False), ("1.5", False), ("10G", False), ("x%", True), ("-5%", True)])
def test_what_is_no_limit_is_named(text: str, sizes: bool) -> None:
    with pytest.raises(FleetproofError, match="option") as caught:
        Limit.parse(text, "option", sizes)
    assert caught.value.kind == "argument"


@pytest.mark.parametrize(
    ("deleted", "replaced", "limit", "stop"),
    [(2, 0, "25%", None), (3, 0, "25%", "max_delete"), (1, 2, "25%", "max_delete"), (3, 0, "3", None), (1, 0, "0", "max_delete"), (0, 0, "0", None)],
)
def test_deletions_and_replacements_are_counted_together(deleted: int, replaced: int, limit: str, stop: t.Optional[str]) -> None:
    totals = Totals(dest_entries=8, deleted=deleted, replaced_entries=replaced)
    assert stops(check_deletions, totals, Limit.parse(limit, "max_delete", False), None) == stop


def test_bytes_are_counted_for_themselves() -> None:
    totals = Totals(dest_entries=100, deleted=1, deleted_bytes=60, replaced_entries=1, replaced_bytes=40)
    assert stops(check_deletions, totals, None, 100) is None
    assert stops(check_deletions, totals, None, 99) == "max_delete_size"


def test_an_empty_source_is_fine_where_there_is_nothing_to_lose() -> None:
    assert stops(check_not_empty, Totals()) is None
    assert stops(check_not_empty, Totals(src_entries=1, dest_entries=5)) is None
    assert stops(check_not_empty, Totals(dest_entries=1)) == "require_nonempty_src"


@pytest.mark.parametrize(("entries", "size", "stop"), [(70, 700, None), (69, 1000, "max_shrink"), (100, 699, "max_shrink"), (500, 9000, None)])
def test_shrinking_by_entries_or_bytes_stops(entries: int, size: int, stop: t.Optional[str]) -> None:
    assert stops(check_shrink, Totals(src_entries=entries, src_bytes=size), 0.3, (100, 1000), "before") == stop


SPACE = Space(total_bytes=1000, free_bytes=500, usable_bytes=550, total_inodes=100, free_inodes=50, block=1)


@pytest.mark.parametrize(
    ("totals", "min_free", "stop"),
    [
        (Totals(grow_bytes=550), None, None),
        (Totals(grow_bytes=551), None, "min_free"),
        # two copies at once beside what they replace
        (Totals(grow_bytes=350, updated=9, largest_update=100), None, None),
        (Totals(grow_bytes=351, updated=9, largest_update=100), None, "min_free"),
        (Totals(grow_inodes=50), None, None),
        (Totals(grow_inodes=49, updated=1), None, "min_free"),
        (Totals(grow_bytes=400), "100", None),
        (Totals(grow_bytes=401), "100", "min_free"),
        (Totals(grow_bytes=450), "5%", None),
        (Totals(grow_bytes=451), "5%", "min_free"),
        (Totals(grow_bytes=1, grow_inodes=45), "5%", None),
        (Totals(grow_bytes=1, grow_inodes=46), "5%", "min_free"),
        (Totals(deleted=5), "100%", None),
    ],
)
def test_a_plan_has_to_fit_with_all_its_copies(totals: Totals, min_free: t.Optional[str], stop: t.Optional[str]) -> None:
    limit = None if min_free is None else Limit.parse(min_free, "min_free", True)
    assert stops(check_space, totals, SPACE, 2, limit, lambda: False) == stop


def test_where_files_may_shrink_only_what_was_asked_for_is_held_to() -> None:
    totals = Totals(grow_bytes=5000)
    assert stops(check_space, totals, SPACE, 2, None, lambda: True) is None
    assert stops(check_space, totals, SPACE, 2, Limit.parse("1", "min_free", True), lambda: True) == "min_free"


def test_a_file_system_without_inodes_to_count_has_enough() -> None:
    space = Space(total_bytes=1000, free_bytes=500, usable_bytes=500, total_inodes=0, free_inodes=0, block=1)
    assert stops(check_space, Totals(grow_bytes=1, grow_inodes=99), space, 2, Limit.parse("5%", "min_free", True), lambda: False) is None


def test_mount_points_are_read_with_blanks_and_any_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: t.Any) -> None:
    table = tmp_path / "mountinfo"
    table.write_bytes(
        b"22 28 0:21 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
        b"29 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        b"40 29 0:35 / /mnt/with\\040blank\\134 rw shared:9 master:1 - btrfs /dev/sdb rw\n"
        b"41 29 0:36 / /mnt/caf\xc3\xa9 rw - xfs /dev/sdc rw\n"
    )
    real = open
    monkeypatch.setattr("builtins.open", lambda path, *arguments, **named: real(table if path == "/proc/self/mountinfo" else path, *arguments, **named))
    assert list(guards.mounts()) == [("/sys", "sysfs"), ("/", "ext4"), ("/mnt/with blank\\", "btrfs"), ("/mnt/caf\u00e9", "xfs")]
    assert guards.is_elastic("/mnt/with blank\\/deep/er")
    assert guards.is_elastic("/mnt/caf\u00e9")
    assert not guards.is_elastic("/mnt/caf\u00e9s")
