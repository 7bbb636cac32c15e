# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
import time
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.pace import Pace
from hypothesis import given
from hypothesis import strategies as st


class Clock:
    """Time that passes by sleeping alone."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.naps: t.List[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


@given(st.integers(1, 10**9), st.lists(st.integers(0, 10**7), max_size=50))
def test_bytes_take_the_time_that_the_rate_gives_them(rate: int, sizes: t.List[int]) -> None:
    clock = Clock()
    pace = Pace(rate, clock, clock.sleep)
    # enough to be worth counting, and no more than what a test can sleep through nap by nap
    sizes = [min(size, rate * 10) for size in sizes]
    for size in sizes:
        pace.take(size)
    due = sum(sizes) / rate
    assert due - 0.11 <= clock.now - 1000.0 <= due + 1e-3


def test_time_that_was_not_used_is_not_saved_up() -> None:
    clock = Clock()
    pace = Pace(1000, clock, clock.sleep)
    pace.take(1000)
    clock.now += 3600
    before = clock.now
    pace.take(1000)
    assert clock.now - before > 0.89


def test_nobody_sleeps_long_without_looking_around() -> None:
    clock = Clock()
    pace = Pace(100, clock, clock.sleep)
    looks = []
    pace.take(1000, lambda: looks.append(clock.now))
    assert max(clock.naps) <= 0.5
    assert len(looks) == len(clock.naps) >= 19


def test_who_looks_around_may_stop() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Pace(1).take(1000, stop)


def test_pieces_are_a_tenth_of_a_second_and_never_nothing() -> None:
    assert Pace(1_000_000).piece == 100_000
    assert Pace(3).piece == 1


def test_threads_share_the_rate() -> None:
    pace = Pace(1_000_000)
    began = time.monotonic()

    def take() -> None:
        for _number in range(5):
            pace.take(20_000)

    threads = [threading.Thread(target=take) for _thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # 400 kB at 1 MB/s, less the credit of a tenth of a second
    assert 0.29 <= time.monotonic() - began < 2


@pytest.mark.parametrize("rate", [0, -1])
def test_a_rate_that_lets_nothing_through_is_an_error(rate: int) -> None:
    with pytest.raises(FleetproofError) as caught:
        Pace(rate)
    assert caught.value.kind == "argument"
