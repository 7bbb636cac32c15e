# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import marshal

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._tree.collect import Findings, Smallest
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.comparing import compared, grow
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.lists(st.text(max_size=3), max_size=80), max_size=6), st.integers(-1, 12))
def test_the_smallest_are_kept_in_whatever_order_they_come(groups, limit):
    kept = Smallest(limit)
    for group in groups:
        kept.extend(group)
    everything = sorted(item for group in groups for item in group)
    assert kept.settle() == (everything if limit < 0 else everything[:limit])
    assert kept.dropped == (0 <= limit < len(everything))


def test_many_items_take_no_more_room_than_few():
    kept = Smallest(10)
    for number in range(100_000, 0, -1):
        kept.extend(["%06d" % number])
        assert len(kept.items) <= 10 * 2 + 65
    assert kept.settle()[0] == "000001"


@given(
    st.lists(st.tuples(st.sampled_from(["", "a/", "b/", "a/c/"]), st.lists(st.text("xyz", min_size=1, max_size=3), max_size=30)), max_size=12),
    st.integers(-1, 6),
)
def test_findings_of_two_processes_are_those_of_one(directories, limit):
    together, halves = Findings(limit), [Findings(limit), Findings(limit)]
    for number, (rel, names) in enumerate(directories):
        for findings in (together, halves[number % 2]):
            findings.count("common", len(names), 1)
            findings.list_names("common", rel, names)
            findings.report_names(findings.report_key(rel), "same_files", names)
    merged = Findings(limit)
    for half in halves:
        merged.merge(marshal.loads(marshal.dumps(half.pack())))
    assert merged.counts == together.counts
    assert merged.paths["common"].settle() == together.paths["common"].settle()
    assert merged.paths["common"].dropped == together.paths["common"].dropped
    assert merged.report.settle() == together.report.settle()


@pytest.fixture(name="many")
def fixture_many(tmp_path):
    for side in ("left", "right"):
        grow(tmp_path / side, {"d%02d" % number: {"f%02d" % index: b"" for index in range(30)} for number in range(30)})
    return tmp_path / "left", tmp_path / "right"


def test_lists_stop_and_counts_do_not(many):
    result = compared(*many, max_listed=5)
    assert result["truncated"]
    assert result["left_list"] == ["d00", "d00/f00", "d00/f01", "d00/f02", "d00/f03"]
    assert result["same_files"] == ["d00/f00", "d00/f01", "d00/f02", "d00/f03", "d00/f04"]
    assert result["counts"]["same_files"]["entries"] == 900
    assert result["report"] == ["diff %s %s" % many, "Common subdirectories : ['d00', 'd01', 'd02', 'd03']"]
    assert not compared(*many, max_listed=-1)["truncated"]
    assert len(compared(*many, max_listed=-1)["left_list"]) == 930
    nothing = compared(*many, max_listed=0)
    assert nothing["truncated"]
    assert nothing["left_list"] == [] == nothing["report"]


def test_lists_that_just_fit_are_not_called_truncated(tmp_path):
    for side in ("left", "right"):
        grow(tmp_path / side, {"a": b"", "b": b""})
    assert not compared(tmp_path / "left", tmp_path / "right", max_listed=3)["truncated"]
    assert compared(tmp_path / "left", tmp_path / "right", max_listed=2)["truncated"], "the report has a line and two names"
    assert compared(tmp_path / "left", tmp_path / "right", max_listed=1)["left_list"] == ["a"]
