# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.entries import DAY, FILE, Entry
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.pace import Pace
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.ways import aside_for, is_aside, is_newer, spoils, temporary_for
from ansible_collections.fleetproof.backup.plugins.module_utils._values import is_temporary
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._ftp.moving import LONG_AGO, SECOND, ways

SOURCE = Entry("backup.tar", FILE, 10**6, LONG_AGO)


def test_a_temporary_name_is_ours_and_the_same_each_time() -> None:
    assert is_temporary(temporary_for("backup.tar", SOURCE))
    assert temporary_for("backup.tar", SOURCE) == temporary_for("backup.tar", SOURCE._replace(precision=DAY, mode=0o600))


@pytest.mark.parametrize("name", ["", "\udcff", "\u4f60", "x" * 255])
def test_any_name_has_a_temporary_one(name: str) -> None:
    assert is_temporary(temporary_for(name, SOURCE))
    assert is_temporary(aside_for(name))
    assert (is_aside(temporary_for(name, SOURCE)), is_aside(aside_for(name)), is_aside(name)) == (False, True, False)


@pytest.mark.parametrize(
    ("source", "given", "expected"),
    [
        (SOURCE, {}, True),
        (SOURCE, {"resume": False}, False),
        (SOURCE, {"ascii": True}, False),
        (SOURCE._replace(mtime=None), {}, False),
        (SOURCE._replace(size=-1), {}, False),
        (SOURCE._replace(size=1000), {}, False),
    ],
)
def test_only_what_is_known_for_certain_may_be_gone_on_with(source: Entry, given: dict, expected: bool) -> None:
    assert ways(**given).may_resume(source) is expected


@pytest.mark.parametrize(("mtime", "expected"), [(None, False), (LONG_AGO - 1, False), (LONG_AGO, True), (LONG_AGO + SECOND, True)])
def test_a_part_was_written_after_its_source(mtime: int, expected: bool) -> None:
    # a server tells whole seconds
    assert is_newer(mtime, SOURCE._replace(mtime=LONG_AGO + SECOND // 2)) is expected


def test_pieces_are_as_small_as_the_pace_asks_for() -> None:
    assert ways().piece == 256 * 1024
    assert ways(pace=Pace(1000)).piece == 100


def test_what_is_moved_is_told_and_paced() -> None:
    told = []
    # 2000 bytes that are due after 0.2 s, of which 0.1 s is credit
    found = ways(pace=Pace(10_000), note=told.append)
    found.moved(2000)
    found.passed(1000)
    assert told[0] == 2000
    assert sum(told) == 2000
    assert len(told) > 2


@pytest.mark.parametrize(("kind", "expected"), [("connect", False), ("timeout", False), ("busy", False), ("integrity", True), ("no_space", True)])
def test_what_was_moved_before_an_error_is_kept_where_it_is_of_use(kind: str, expected: bool) -> None:
    assert spoils(FleetproofError(kind, "x")) is expected
    assert not spoils(KeyboardInterrupt())
