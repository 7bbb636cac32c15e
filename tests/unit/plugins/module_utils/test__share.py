# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal
import time

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils import _crew, _share
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError


class Counting:
    """Counts a tree of numbers: the task n makes the tasks n-1, n-1 … 0."""

    def __init__(self, gauge, trouble=None):
        self.gauge = gauge
        self.effort = 0
        self.done = []
        self.trouble = trouble
        self.process = os.getpid()

    def do(self, task, push):
        depth, width, name = task
        self.effort += 1
        self.gauge.expect(1, depth)
        self.gauge.add(1, depth)
        self.done.append(name)
        if self.trouble is not None:
            self.trouble(name)
        if depth:
            for index in range(width):
                push((depth - 1, width, name + chr(97 + index)))

    def result(self):
        assert os.getpid() == self.process, "the result comes from the process that did the work"
        return (self.process, self.done)


def _names(depth, width, name=""):
    yield name
    if depth:
        for index in range(width):
            yield from _names(depth - 1, width, name + chr(97 + index))


@pytest.fixture(name="forks_at_once")
def fixture_forks_at_once(monkeypatch):
    monkeypatch.setattr(_share, "FORK_AFTER", 10)


@pytest.mark.parametrize("workers", [1, 2, 5, 16])
def test_every_task_is_done_once_by_however_many(forks_at_once, workers):
    gauges = []

    def make(gauge):
        gauges.append(gauge)
        return Counting(gauge)

    results = _share.work_off([(6, 4, "")], make, workers)
    expected = sorted(_names(6, 4))
    assert sorted(name for _process, done in results for name in done) == expected
    assert len({process for process, _done in results}) == workers
    assert results[0][0] == os.getpid()
    assert gauges[0].totals()[0] == len(expected) == gauges[0].expected()[0]
    assert gauges[0].totals()[1] == gauges[0].expected()[1]


def test_little_work_makes_no_process():
    results = _share.work_off([(2, 2, "")], Counting, 8)
    assert [process for process, _done in results] == [os.getpid()]


def test_slow_tasks_are_spread(forks_at_once):
    def slow(name):
        if len(name) == 3:
            time.sleep(0.02)

    begun = time.monotonic()
    results = _share.work_off([(3, 4, "")], lambda gauge: Counting(gauge, slow), 4)
    assert time.monotonic() - begun < 64 * 0.02, "one process alone takes as long as this"
    assert sum(1 for _process, done in results if any(len(name) == 3 for name in done)) > 1


def test_an_error_of_a_worker_is_raised_here(forks_at_once):
    parent = os.getpid()

    def fail(name):
        if os.getpid() != parent:
            raise FleetproofError("no_space", "the disk is full", retryable=True)
        time.sleep(0.001)

    with pytest.raises(FleetproofError) as caught:
        _share.work_off([(5, 4, "")], lambda gauge: Counting(gauge, fail), 3)
    assert (caught.value.kind, caught.value.message, caught.value.retryable) == ("no_space", "the disk is full", True)


def test_a_defect_in_a_worker_is_told(forks_at_once):
    parent = os.getpid()

    def fail(name):
        if os.getpid() != parent:
            raise KeyError("lost")
        time.sleep(0.001)

    with pytest.raises(FleetproofError, match="A worker process failed: KeyError"):
        _share.work_off([(5, 4, "")], lambda gauge: Counting(gauge, fail), 3)


def test_a_worker_that_is_killed_is_no_answer(forks_at_once):
    parent = os.getpid()

    def die(name):
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.001)

    with pytest.raises(FleetproofError, match="was killed by signal 9"):
        _share.work_off([(5, 4, "")], lambda gauge: Counting(gauge, die), 3)


def test_an_error_of_the_first_process_leaves_no_other_behind(forks_at_once):
    parent = os.getpid()
    began = time.monotonic()

    def fail(name):
        if os.getpid() == parent and len(name) >= 4 and time.monotonic() - began > 0.2:
            raise FleetproofError("busy", "stop")
        time.sleep(0.002)

    with pytest.raises(FleetproofError, match="stop"):
        _share.work_off([(6, 4, "")], lambda gauge: Counting(gauge, fail), 3)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_descriptors_are_given_back(forks_at_once):
    before = sorted(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else pytest.skip("no /proc")
    _share.work_off([(5, 4, "")], Counting, 3)
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_the_watcher_sees_the_work_of_all(forks_at_once):
    seen = []
    _share.work_off([(5, 4, "")], Counting, 3, lambda gauge: seen.append(gauge.totals()[0]))
    assert seen == sorted(seen)
    assert seen[-1] > 10


def test_tasks_larger_than_the_queue_are_done_all_the_same(forks_at_once):
    class Large(Counting):
        def do(self, task, push):
            Counting.do(self, task, lambda more: push((*more[:2], more[2].ljust(20000, "-") if more[0] == 2 else more[2])))

    results = _share.work_off([(4, 4, "")], Large, 3)
    assert sum(len(done) for _process, done in results) == len(list(_names(4, 4)))


def test_a_throttle_opens_once_in_its_interval():
    throttle = _share.Throttle(0.05)
    assert throttle.due()
    assert not throttle.due()
    time.sleep(0.06)
    assert throttle.due()


def _gone(process):
    """Whether a process works no more; what nobody has waited for yet is a zombie."""
    try:
        with open("/proc/%d/stat" % process) as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no /proc")
def test_workers_whose_parent_is_killed_leave_their_work(forks_at_once):
    out, into = os.pipe()
    parent = os.fork()
    if not parent:
        first = os.getpid()

        def busy(_name):
            if os.getpid() != first:
                os.write(into, b"%d\n" % os.getpid())
                end = time.monotonic() + 30
                while time.monotonic() < end:
                    pass
            time.sleep(0.01)

        try:
            _share.work_off([(6, 4, "")], lambda gauge: Counting(gauge, busy), 3)
        finally:
            os._exit(0)
    os.close(into)
    with open(out) as pipe:
        children = {int(pipe.readline()), int(pipe.readline())}
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    end = time.monotonic() + 15
    while time.monotonic() < end and not all(_gone(child) for child in children):
        time.sleep(0.1)
    left = [child for child in children if not _gone(child)]
    for child in left:
        os.kill(child, signal.SIGKILL)
    assert not left


def test_an_interrupt_while_results_are_awaited_leaves_no_process_behind(forks_at_once, monkeypatch):
    parent = os.getpid()

    class SlowToTell(Counting):
        def result(self):
            if os.getpid() != parent:
                time.sleep(20)
            return Counting.result(self)

    def interrupt(_crew, _pipe):
        raise KeyboardInterrupt

    monkeypatch.setattr(_crew.Crew, "_read_watching", interrupt)
    with pytest.raises(KeyboardInterrupt):
        _share.work_off([(5, 4, "")], SlowToTell, 3, lambda gauge: None)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.parametrize("processes", [0, 2])
def test_where_no_more_processes_are_to_be_had_the_others_do_the_work(forks_at_once, monkeypatch, processes):
    fork = os.fork
    left = [processes]

    def scarce():
        if not left[0]:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        left[0] -= 1
        return fork()

    monkeypatch.setattr(os, "fork", scarce)
    before = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    results = _share.work_off([(5, 4, "")], Counting, 5)
    assert sorted(name for _process, done in results for name in done) == sorted(_names(5, 4))
    assert len(results) == processes + 1
    assert len(os.listdir("/proc/self/fd") if before else []) == len(before)
