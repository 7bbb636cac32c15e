# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
import time
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.pool import Pool
from ansible_collections.fleetproof.backup.plugins.module_utils._net import retry


@pytest.fixture
def pools(desk, monkeypatch):
    monkeypatch.setattr(retry, "backoff", lambda _attempt: 0.01)
    made = []

    def make(most=4, retries=0, **behaviour):
        desk.server.behave(**behaviour)
        made.append(Pool(desk.site()._replace(retries=retries), most))
        return made[-1]

    yield make
    for pool in made:
        pool.close()


DONE: t.List[t.Any] = []


class Asker:
    """Asks the server something for each task; a task above 0 makes as many more."""

    def __init__(self, line, ask=lambda client: client.noop(), pause=0.0):
        self.line = line
        self.ask = ask
        self.pause = pause
        self.failures = []
        self.closed = False

    def do(self, task):
        time.sleep(self.pause)
        try:
            self.line.attempt(self.ask)
        except FleetproofError as error:
            task = "%s failed: %s" % (task, error.kind)
            DONE.append(task)
            return ()
        DONE.append(task)
        return [0] * task

    def close(self):
        self.closed = True


@pytest.fixture(autouse=True)
def clean():
    DONE.clear()


def test_all_tasks_and_what_comes_of_them_are_done_once(pools):
    pool = pools()
    pool.work([3, 0, 20, 0], lambda line: Asker(line, pause=0.005), 4)
    assert sorted(DONE) == sorted([3, 0, 20, 0] + [0] * 23)
    assert 1 < pool.used <= 4


def test_little_work_needs_one_connection(pools, desk):
    pool = pools()
    pool.work([0], Asker, 1)
    pool.work([0, 0], Asker, 2)
    assert (pool.used, desk.server.connections) == (1, 1)


def test_connections_are_kept_from_one_piece_of_work_to_the_next(pools, desk):
    pool = pools()
    for _time in range(3):
        pool.work([0] * 40, lambda line: Asker(line, pause=0.005), 40)
    assert desk.server.connections == pool.used == 4


@pytest.mark.parametrize(
    "too_many", ["421 Too many connections from your address", "530 Sorry, the maximum number of clients for this user are already connected."]
)
def test_a_server_that_takes_fewer_is_used_with_fewer_and_that_is_told(pools, too_many):
    pool = pools(max_connections=2, too_many=too_many)
    pool.work([0] * 40, lambda line: Asker(line, pause=0.01), 40)
    assert DONE == [0] * 40
    assert (pool.used, pool.dead) == (2, None)
    assert pool.fewer.startswith("The server took 2 of the connections, and no more: ")
    pool.work([0] * 40, lambda line: Asker(line, pause=0.01), 40)
    assert len(DONE) == 80


def test_a_broken_connection_is_made_again(pools, desk):
    pool = pools(retries=1, replies={"NOOP": ["drop"]})
    pool.work([0, 0], Asker, 1)
    assert DONE == [0, 0]
    assert desk.server.connections == 2
    assert pool.used == 1


def test_without_retries_one_task_fails_and_the_next_has_a_connection_again(pools):
    pool = pools(replies={"NOOP": ["drop"]})
    pool.work([0, 0], Asker, 1)
    assert DONE == ["0 failed: connect", 0]


def test_a_line_that_is_lost_for_good_leaves_its_work_to_the_others(pools):
    pool = pools(most=2, replies={"NOOP": [None] * 4 + ["drop"]}, greeting=[None, None, "421 No more."])
    pool.work([0] * 30, lambda line: Asker(line, pause=0.01), 30)
    # The task at hand failed, as there are no retries; all the others were done.
    assert sorted(map(str, DONE)) == ["0"] * 29 + ["0 failed: connect"]
    assert pool.dead is None
    assert "1 did the work" in pool.fewer


def test_when_the_last_line_is_gone_every_task_is_told_and_nothing_more_is_tried(pools, desk):
    pool = pools(retries=2, replies={"NOOP": ["drop"] * 99}, greeting=[None] * 4 + ["421 Going down."] * 99)
    began = time.monotonic()
    pool.work([0] * 100, Asker, 100)
    assert len(DONE) == 100
    assert all("failed" in str(task) for task in DONE)
    assert pool.dead is not None
    assert desk.server.connections < 30
    assert time.monotonic() - began < 10
    with pytest.raises(FleetproofError):
        pool.first.attempt(lambda client: client.noop())


def test_a_first_connection_that_is_refused_is_waited_for_and_then_an_error(pools, desk):
    pool = pools(retries=2, greeting=["421 Too many connections.", "421 Too many connections."])
    pool.first.attempt(lambda client: client.noop())
    assert desk.server.connections == 3
    pool = pools(retries=1, greeting=["421 Too many connections."] * 9)
    with pytest.raises(FleetproofError) as error:
        pool.first.attempt(lambda client: client.noop())
    assert error.value.kind == "busy"
    assert desk.server.connections == 2


def test_progress_makes_attempts_count_from_the_beginning(pools):
    pool = pools(retries=1)
    moved = []

    def operation(_client):
        moved.append(1)
        if len(moved) < 5:
            raise FleetproofError("connect", "broken off")
        return "done"

    assert pool.first.attempt(operation, lambda: len(moved) * 64 * 1024) == "done"
    moved.clear()
    with pytest.raises(FleetproofError):
        # A byte each time is no headway.
        pool.first.attempt(operation, lambda: len(moved))
    assert len(moved) == 2
    moved.clear()
    with pytest.raises(FleetproofError):
        pool.first.attempt(operation)
    assert len(moved) == 2


@pytest.mark.parametrize("kind", ["refused", "changed_underfoot"])
def test_what_does_not_pass_is_tried_once(pools, kind):
    pool = pools(retries=5)
    tried = []

    def operation(_client):
        tried.append(1)
        raise FleetproofError(kind, "no")

    with pytest.raises(FleetproofError):
        pool.first.attempt(operation)
    assert len(tried) == 1


def test_what_a_worker_raises_ends_the_work_and_comes_out(pools):
    pool = pools()
    made = []

    class Broken(Asker):
        def __init__(self, line):
            super().__init__(line)
            made.append(self)

        def do(self, task):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        pool.work([0] * 50, Broken, 50)
    assert all(worker.closed for worker in made)


def test_the_one_who_waits_is_told_that_time_passes(pools):
    pool = pools()
    seen = []
    pool.work([0] * 3, lambda line: Asker(line, pause=0.3), 1, lambda: seen.append(threading.current_thread() is threading.main_thread()))
    assert len(seen) >= 2
    assert all(seen)


def test_data_connections_that_lose_their_tls_are_tried_again_over_a_new_connection(desk, monkeypatch):
    monkeypatch.setattr(retry, "backoff", lambda _attempt: 0.01)
    desk.server.behave()
    pool = Pool(desk.site("starttls")._replace(retries=1), 1)
    tried = []

    def operation(client):
        tried.append(client)
        if len(tried) == 1:
            raise FleetproofError("tls", "that is not TLS")
        return client.list("")

    assert pool.first.attempt(operation) is not None
    assert tried[0] is not tried[1]
    pool.close()
    # It never goes on in clear text.
    desk.server.behave(clear_data=True)
    pool = Pool(desk.site("starttls")._replace(retries=2), 1)
    with pytest.raises(FleetproofError) as error:
        pool.first.attempt(lambda client: client.list(""))
    assert error.value.kind == "tls"
    assert desk.server.connections == 3
    pool.close()
