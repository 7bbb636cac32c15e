# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the window through which files go into an archive, and of the directory that they wait in."""

from __future__ import annotations

import os
import random
import threading
import time

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_spool import Spool, Window, check_idle, leftovers, new_name, spool_name, sweep
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.entries import FILE, Entry
from ansible_collections.fleetproof.backup.plugins.module_utils._values import is_temporary


@pytest.fixture
def directory(tmp_path):
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def _taken(window):
    """What can be taken, as it is taken by somebody else."""
    found = []

    def take():
        while True:
            number = window.take()
            if number is None:
                return
            found.append(number)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    return found, thread


def _becomes(found, expected):
    """Whether these are taken, and for a moment nothing else is."""
    end = time.monotonic() + 10
    while found != expected and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.05)
    return found == expected


def test_as_many_files_as_fit_are_taken_in_order():
    window = Window([1] * 10, 3)
    found, thread = _taken(window)
    assert _becomes(found, [0, 1, 2])
    window.end(0, None)
    window.written(0)
    assert _becomes(found, [0, 1, 2, 3])
    window.stop()
    thread.join()
    assert window.take() is None


def test_bytes_are_limited_but_for_the_one_that_is_next():
    window = Window([5000, 10, 10, 5000], 100, 1000)
    found, thread = _taken(window)
    assert _becomes(found, [0])
    window.written(0)
    assert _becomes(found, [0, 1, 2])
    window.written(1)
    window.written(2)
    assert _becomes(found, [0, 1, 2, 3])
    thread.join(10)
    assert not thread.is_alive()


def test_what_is_given_back_is_taken_again_first():
    window = Window([1] * 10, 3)
    assert [window.take(), window.take(), window.take()] == [0, 1, 2]
    window.give_back(1)
    assert window.take() == 1


def test_a_file_that_failed_is_no_entry_and_keeps_nobody_waiting():
    window = Window([1, 1], 2)
    window.take()
    entry = Entry("x", FILE, 1, 5)
    window.end(1, entry)
    window.end(0, None)
    assert window.wait(0) is None
    assert window.wait(1) is entry


def test_the_one_who_writes_waits_no_longer_once_it_is_stopped():
    window = Window([1], 1)
    threading.Timer(0.1, window.stop).start()
    assert window.wait(0) is None
    assert window.stopped


def test_many_hands_that_give_up_now_and_then_bring_every_file_in_order():
    sizes = [random.Random(number).choice((1, 10, 500, 2000)) for number in range(300)]
    window = Window(sizes, 8, 1000)
    under_way = []
    most = []
    lock = threading.Lock()

    def hand(seed):
        luck = random.Random(seed)
        while True:
            number = window.take()
            if number is None:
                return
            with lock:
                under_way.append(number)
                most.append((len(under_way), max(under_way) - min(under_way)))
            if luck.random() < 0.1:
                with lock:
                    under_way.remove(number)
                window.give_back(number)
                continue
            time.sleep(luck.random() / 2000)
            with lock:
                under_way.remove(number)
            window.end(number, Entry("x", FILE, number))

    hands = [threading.Thread(target=hand, args=(seed,), daemon=True) for seed in range(6)]
    for thread in hands:
        thread.start()
    for number in range(300):
        entry = window.wait(number)
        assert entry is not None
        assert entry.size == number
        window.written(number)
    for thread in hands:
        thread.join(10)
        assert not thread.is_alive()
    assert max(spread for _count, spread in most) < 8


def test_files_wait_in_a_directory_of_this_user_alone(directory, tmp_path):
    with Spool(directory, "site.zip", "/b/site.zip") as spool:
        place = tmp_path / spool_name("site.zip")
        assert place.stat().st_mode & 0o777 == 0o700
        (place / spool.file(3)).write_bytes(b"abc")
        with spool.open(3) as file:
            assert file.read() == b"abc"
        spool.remove(3)
        spool.remove(3)
        with pytest.raises(FleetproofError):
            spool.open(3)
        (place / "partial").write_bytes(b"abc")
    assert os.listdir(tmp_path) == []


def test_the_directory_goes_when_something_went_wrong(directory, tmp_path):
    with pytest.raises(RuntimeError), Spool(directory, "site.zip", "/b/site.zip"):
        raise RuntimeError
    assert os.listdir(tmp_path) == []


def test_a_directory_that_somebody_else_made_is_not_used(directory, tmp_path):
    (tmp_path / spool_name("site.zip")).mkdir(mode=0o777)
    with pytest.raises(FleetproofError), Spool(directory, "site.zip", "/b/site.zip"):
        pass


def test_what_a_run_is_at_work_on_is_no_leftover(directory, tmp_path):
    check_idle(directory, "site.zip", "/b/site.zip")
    with Spool(directory, "site.zip", "/b/site.zip") as spool:
        (tmp_path / spool_name("site.zip") / spool.file(1)).write_bytes(b"x")
        for look in (check_idle, sweep):
            with pytest.raises(FleetproofError) as caught:
                look(directory, "site.zip", "/b/site.zip")
            assert caught.value.kind == "busy"
            assert "/b/site.zip" in caught.value.message
        check_idle(directory, "other.zip", "/b/other.zip")
        assert os.listdir(tmp_path / spool_name("site.zip")) == [spool.file(1)]
    check_idle(directory, "site.zip", "/b/site.zip")


def test_leftovers_are_known_by_the_name_of_their_archive(directory, tmp_path):
    names = {name(archive) for name in (new_name, spool_name) for archive in ("site.zip", "other.zip")}
    assert len(names) == 4
    assert all(is_temporary(name) for name in names)
    for archive in ("site.zip", "other.zip"):
        (tmp_path / new_name(archive)).write_bytes(b"half")
        (tmp_path / spool_name(archive)).mkdir()
        (tmp_path / spool_name(archive) / "1").write_bytes(b"x")
    assert sorted(leftovers(directory, "site.zip")) == sorted([(new_name("site.zip"), 4), (spool_name("site.zip"), 0)])
    sweep(directory, "site.zip", "/b/site.zip")
    sweep(directory, "site.zip", "/b/site.zip")
    assert sorted(os.listdir(tmp_path)) == sorted([new_name("other.zip"), spool_name("other.zip")])


def test_a_link_in_place_of_a_leftover_is_removed_and_not_followed(directory, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_bytes(b"x")
    (tmp_path / spool_name("site.zip")).symlink_to("precious")
    sweep(directory, "site.zip", "/b/site.zip")
    assert os.listdir(tmp_path) == ["precious"]
    assert os.listdir(tmp_path / "precious") == ["file"]


def test_what_is_no_leftover_of_ours_is_told(directory, tmp_path):
    (tmp_path / spool_name("site.zip") / "folder").mkdir(parents=True)
    with pytest.raises(FleetproofError) as caught:
        sweep(directory, "site.zip", "/b/site.zip")
    assert spool_name("site.zip") in caught.value.message
