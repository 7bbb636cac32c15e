# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import re
import time

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils import _share
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._tree import entries
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.comparing import FIFO, Link, compared, grow, outcome

HOUR = 3600


@pytest.fixture(name="aged")
def fixture_aged(tmp_path):
    """Two equal trees whose newest file is so many seconds old."""

    def make(**ages):
        for side in ("left", "right"):
            grow(tmp_path / side, {"d": dict.fromkeys(ages, b"1")})
            for name, age in ages.items():
                when = time.time() - age
                os.utime(str(tmp_path / side / "d" / name), (when, when))
        return tmp_path / "left", tmp_path / "right"

    return make


def test_a_backup_is_as_fresh_as_its_newest_file(aged):
    two = aged(old=90 * HOUR, new=25 * HOUR)
    assert compared(*two, max_age="26h")["stale"] is False
    assert compared(*two, max_age="24h")["stale"] is True
    assert compared(*two)["stale"] is None
    result = compared(*two, max_age="24h")
    assert result["identical"], "old and equal is equal"
    age = time.time() - (two[1] / "d" / "new").stat().st_mtime
    assert abs(age - 25 * HOUR) < 60
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", result["newest"])


def test_freshness_is_that_of_the_right_side_also_where_the_left_has_nothing(aged):
    left, right = aged(old=90 * HOUR)
    (left / "d" / "new").write_bytes(b"1")
    assert compared(left, right, max_age="1d")["stale"]
    (right / "extra").mkdir()
    (right / "extra" / "new").write_bytes(b"1")
    assert not compared(left, right, max_age="1d")["stale"]


def test_an_empty_backup_is_stale(tmp_path):
    grow(tmp_path / "left", {})
    grow(tmp_path / "right", {"d": {"l": Link("x"), "f": FIFO}})
    result = compared(tmp_path / "left", tmp_path / "right", max_age="1h")
    assert result["newest"] is None
    assert result["stale"]


def test_a_file_from_the_future_proves_nothing(aged):
    left, right = aged(old=90 * HOUR, future=-48 * HOUR)
    done = outcome(left, right, max_age="1d")
    assert done.result["stale"]
    assert done.warnings == ["1 files on the right are dated in the future; they were not taken for the newest"]


def test_stale_fails_when_asked_to_and_needs_an_age(aged):
    two = aged(old=90 * HOUR)
    failure = outcome(*two, max_age="1d", fail_on=["stale"]).failure
    assert failure.kind == "integrity"
    assert "may be 1d old at most" in failure.message
    assert outcome(*two, max_age="1w", fail_on=["stale"]).failure is None
    with pytest.raises(FleetproofError, match="fail_on: stale needs max_age"):
        outcome(*two, fail_on=["stale"])


@pytest.mark.parametrize(
    ("category", "left", "right", "options"),
    [
        ("left_only", {"a": b""}, {}, {}),
        ("right_only", {}, {"a": b""}, {}),
        ("diff_files", {"a": b"1"}, {"a": b"22"}, {}),
        ("corrupted", {"a": b"1"}, {"a": b"2"}, {}),
        ("common_funny", {"a": b"1"}, {"a": {}}, {}),
        ("funny_files", {"a": b"1", "A": b""}, {"A": b""}, {"ignore_case": True}),
    ],
)
def test_each_category_fails_when_it_has_entries(tmp_path, category, left, right, options):
    grow(tmp_path / "left", left)
    grow(tmp_path / "right", right)
    done = outcome(tmp_path / "left", tmp_path / "right", fail_on=[category], **options)
    assert done.failure.message == "%s is not as fail_on wants it: %s 1" % (tmp_path / "right", category)
    assert not done.failure.retryable
    assert done.changed is False
    assert done.result["counts"][category]["entries"] == 1
    others = [name for name in ("left_only", "right_only", "diff_files", "common_funny", "funny_files", "metadata_diff", "corrupted") if name != category]
    if category == "corrupted":
        others.remove("diff_files")
    assert outcome(tmp_path / "left", tmp_path / "right", fail_on=others, **options).failure is None


def test_options_that_make_no_sense_are_named(tmp_path):
    grow(tmp_path / "left", {})
    for options in (
        {"parallel": "0"},
        {"parallel": "many"},
        {"parallel": "65"},
        {"modify_window": -1.0},
        {"max_listed": -2},
        {"max_age": "soon"},
        {"sample": "few"},
    ):
        with pytest.raises(FleetproofError) as caught:
            outcome(tmp_path / "left", tmp_path / "left", **options)
        assert caught.value.kind == "argument"
        assert caught.value.message.startswith(next(iter(options)) + ": ")


def test_a_directory_is_identical_with_itself_and_comparable_with_its_own_part(tmp_path):
    grow(tmp_path / "a", {"b": {"x": b"1"}, "x": b"1"})
    assert compared(tmp_path / "a", tmp_path / "a")["identical"]
    assert compared(tmp_path / "a", tmp_path / "a" / "b")["left_only"] == ["b"]


def test_progress_ends_with_everything_done(tmp_path, monkeypatch):
    monkeypatch.setattr(_share, "FORK_AFTER", 5)
    size = entries.LARGE + 1
    for side in ("left", "right"):
        grow(tmp_path / side, {"d%d" % number: {"f": b"12345", "e": {"g": b""}} for number in range(20)})
        (tmp_path / side / "large").write_bytes(bytes(size))
        (tmp_path / side / "middle").write_bytes(bytes(1 << 20))
    grow(tmp_path / "left" / "only", {"x": {"y": b""}})
    compared(tmp_path / "left", tmp_path / "right", parallel="2", progress_path=str(tmp_path / "progress"))
    told = json.loads((tmp_path / "progress").read_text())
    assert told["state"] == "finished"
    assert (told["entries"]["done"], told["entries"]["to_do"]) == (1 + 20 * 4 + 2 + 3, 0)
    assert (told["bytes"]["done"], told["bytes"]["to_do"]) == (size + (1 << 20) + 20 * 5, 0)


def test_progress_tells_of_a_failure(tmp_path, monkeypatch):
    grow(tmp_path / "left", {"a": b"1"})

    def fail(*arguments):
        raise FleetproofError("busy", "no")

    monkeypatch.setattr(entries.PairReader, "unlike", fail)
    grow(tmp_path / "right", {"a": b"1"})
    with pytest.raises(FleetproofError):
        compared(tmp_path / "left", tmp_path / "right", progress_path=str(tmp_path / "progress"))
    assert json.loads((tmp_path / "progress").read_text())["state"] == "failed"
