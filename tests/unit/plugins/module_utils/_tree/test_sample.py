# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._tree.sample import Sample, parse_sample
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.comparing import compared, grow

NUMBER = 400


@pytest.fixture(scope="module", name="rotten")
def fixture_rotten(tmp_path_factory):
    """Trees in which every file differs and only reading can tell."""
    root = tmp_path_factory.mktemp("rotten")
    for side in ("left", "right"):
        grow(root / side, {"d%d" % folder: {"f%d" % index: side[:4].encode() * 25 for index in range(NUMBER // 4)} for folder in range(4)})
    return root / "left", root / "right"


@pytest.mark.parametrize(
    ("text", "sample"),
    [
        ("5%", Sample(share=0.05)),
        ("100%", Sample(share=1.0)),
        ("3/10", Sample(part=(2, 10))),
        ("1/1", Sample(part=(0, 1))),
        ("50G", Sample(budget=50 * 1024**3)),
        ("0", Sample(budget=0)),
    ],
)
def test_samples_are_written_in_three_ways(text, sample):
    assert parse_sample(text) == sample


@pytest.mark.parametrize("text", ["", "0%", "101%", "0/10", "11/10", "1/0", "some", "-1"])
def test_what_is_no_sample_is_refused(text):
    with pytest.raises(FleetproofError, match="sample: ") as caught:
        parse_sample(text)
    assert caught.value.kind == "argument"


def test_the_parts_have_nothing_in_common_and_are_the_whole(rotten):
    parts = [compared(*rotten, sample="%d/10" % number)["diff_files"] for number in range(1, 11)]
    assert sorted(path for part in parts for path in part) == compared(*rotten)["diff_files"]
    assert all(20 <= len(part) <= 65 for part in parts), "uneven: %s" % [len(part) for part in parts]


def test_a_share_is_about_so_many_files(rotten):
    for share, fewest, most in (("5%", 5, 40), ("50%", 160, 240), ("100%", NUMBER, NUMBER)):
        result = compared(*rotten, sample=share)
        assert fewest <= len(result["diff_files"]) <= most
        assert result["coverage"]["files"] == NUMBER
        assert result["coverage"]["files_read"] == len(result["diff_files"])
        assert result["coverage"]["share"] == round(len(result["diff_files"]) / NUMBER, 6)
        assert result["coverage"]["sample"] == share


def test_a_seed_always_picks_the_same_files(rotten):
    first = compared(*rotten, sample="10%", sample_seed="monday")["diff_files"]
    assert first == compared(*rotten, sample="10%", sample_seed="monday", parallel="3")["diff_files"]
    assert first != compared(*rotten, sample="10%", sample_seed="tuesday")["diff_files"]
    assert first != compared(*rotten, sample="10%", sample_seed="monday" * 20)["diff_files"]


def test_a_file_stays_in_the_sample_whatever_stands_beside_it(rotten, tmp_path):
    picked = set(compared(*rotten, sample="30%")["diff_files"])
    grow(tmp_path / "a", {"d0": {"f%d" % index: b"left" * 25 for index in range(0, 100, 7)}})
    grow(tmp_path / "b", {"d0": {"f%d" % index: b"righ" * 25 for index in range(0, 100, 7)}})
    few = compared(tmp_path / "a", tmp_path / "b", sample="30%")
    assert set(few["diff_files"]) == picked & set(few["common_files"])


@pytest.mark.parametrize(("budget", "most"), [("0", 0), ("99", 0), ("100", 1), ("2050", 20), ("10K", 102), ("1M", NUMBER)])
def test_a_budget_is_used_up_and_not_exceeded(rotten, budget, most):
    result = compared(*rotten, sample=budget)
    # Files whose hashes are neighbours are taken or left together.
    assert most - 3 <= len(result["diff_files"]) <= most
    assert result["coverage"]["bytes_read"] == 100 * len(result["diff_files"])
    assert result["diff_files"] == compared(*rotten, sample=budget)["diff_files"]


def test_a_budget_counts_what_the_closure_looks_at(tmp_path):
    for side in ("a", "b"):
        grow(tmp_path / side, {"x": side.encode(), "d": {"y": side.encode() * 1000, "e": {"z": side.encode() * 1000}}})
    assert compared(tmp_path / "a", tmp_path / "b", sample="1", closure="top")["diff_files"] == ["x"]
    assert compared(tmp_path / "a", tmp_path / "b", sample="1001", closure="partial")["diff_files"] == ["d/y", "x"]


def test_a_sample_is_read_besides_where_nothing_else_is(rotten):
    assert compared(*rotten, method="quick")["identical"]
    assert compared(*rotten, method="quick", sample="1/2")["diff_files"] == compared(*rotten, sample="1/2")["diff_files"]
    assert compared(*rotten, method="size", sample="100%")["corrupted"] == compared(*rotten)["corrupted"]
    assert compared(*rotten, method="shallow", sample="100%")["counts"]["diff_files"]["entries"] == NUMBER


def test_what_is_not_in_the_sample_is_believed_its_size(tmp_path):
    grow(tmp_path / "a", {"x": b"1", "y": b"1"})
    grow(tmp_path / "b", {"x": b"2", "y": b"22"})
    result = compared(tmp_path / "a", tmp_path / "b", sample="0")
    assert result["same_files"] == ["x"]
    assert result["diff_files"] == ["y"]
    assert result["coverage"]["share"] == 0.0
    os.utime(str(tmp_path / "b" / "x"))
    assert compared(tmp_path / "a", tmp_path / "b", sample="0", method="quick")["diff_files"] == ["x", "y"]


def test_what_is_no_sample_is_told_with_all_three_ways_to_write_one():
    with pytest.raises(FleetproofError, match=r"such as 5%, .* such as 3/10, .* such as 50G"):
        parse_sample("some")
