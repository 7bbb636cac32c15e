# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._net.retry import Patience, backoff, retrying


def test_pauses_grow_up_to_half_a_minute() -> None:
    for attempt, longest in ((1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (50, 30)):
        found = [backoff(attempt) for _try in range(50)]
        assert longest / 2 <= min(found) <= max(found) <= longest
        assert len(set(found)) > 1


@pytest.mark.parametrize(
    ("failures", "retries", "attempts", "succeeds"), [(0, 3, 1, True), (2, 3, 3, True), (3, 3, 4, True), (4, 3, 4, False), (1, 0, 1, False)]
)
def test_what_may_pass_is_tried_again(failures: int, retries: int, attempts: int, succeeds: bool) -> None:
    done: t.List[int] = []
    slept: t.List[float] = []

    def operation() -> str:
        done.append(1)
        if len(done) <= failures:
            raise FleetproofError("connect", "no")
        return "yes"

    if succeeds:
        assert retrying(operation, retries, slept.append) == "yes"
    else:
        with pytest.raises(FleetproofError):
            retrying(operation, retries, slept.append)
    assert len(done) == attempts
    assert len(slept) == attempts - 1


def test_what_will_not_pass_is_not_tried_again() -> None:
    done: t.List[int] = []

    def operation() -> None:
        done.append(1)
        raise FleetproofError("auth", "no")

    with pytest.raises(FleetproofError):
        retrying(operation, 5, lambda _seconds: None)
    assert done == [1]


def test_progress_renews_the_patience() -> None:
    patience = Patience(1, lambda _seconds: None)
    assert [patience.again(), patience.again()] == [True, False]
    patience.refresh()
    assert patience.again()
