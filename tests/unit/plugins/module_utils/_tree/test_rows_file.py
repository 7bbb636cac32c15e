# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import gzip
import json
import os

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils import _share
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._tree import rows_file
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.comparing import Link, compared, grow, outcome


@pytest.fixture(name="two")
def fixture_two(tmp_path):
    grow(tmp_path / "left", {"d%d" % number: {b"f\xff%d" % index: b"1" for index in range(20)} for number in range(10)})
    grow(tmp_path / "right", {"d%d" % number: {b"f\xff%d" % index: b"%d" % (index % 2) for index in range(20)} for number in range(1, 11)})
    return tmp_path / "left", tmp_path / "right"


def _rows(path):
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    return [json.loads(line) for line in data.decode("ascii").splitlines()]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
@pytest.mark.parametrize("run", [3, 8192])
def test_every_entry_has_its_row_in_order(two, tmp_path, monkeypatch, name, run):
    monkeypatch.setattr(rows_file, "RUN", run)
    monkeypatch.setattr(_share, "FORK_AFTER", 20)
    path = tmp_path / name
    result = compared(*two, report_path=str(path), parallel="3", max_listed=2)
    rows = _rows(path)
    exact = [os.fsdecode(base64.b64decode(row["path_b64"])) for row in rows]
    assert exact == sorted(exact)
    assert len(exact) == len(set(exact)) == 11 + 11 * 20
    for category in ("left_only", "right_only", "same_files", "diff_files", "common_dirs"):
        assert sum(1 for row in rows if row["category"] == category) == result["counts"][category]["entries"]
    row = next(row for row in rows if row["category"] == "diff_files")
    assert row["path"].startswith("d1/f\\xff")
    assert row["reason"] == "content"
    assert row["left"]["size"] == row["right"]["size"] == 1
    assert row["left"]["type"] == "file"


def test_the_same_comparison_writes_the_same_bytes(two, tmp_path):
    for number in ("1", "2"):
        compared(*two, report_path=str(tmp_path / (number + ".gz")), parallel=number)
    assert (tmp_path / "1.gz").read_bytes() == (tmp_path / "2.gz").read_bytes()


def test_rows_for_metadata_stand_beside_their_entry(tmp_path):
    for side in ("left", "right"):
        grow(tmp_path / side, {"a": b"1", "l": Link("a")})
    os.chmod(str(tmp_path / "left" / "a"), 0o600)
    os.chmod(str(tmp_path / "right" / "a"), 0o640)
    os.link(str(tmp_path / "left" / "a"), str(tmp_path / "left" / "b"))
    (tmp_path / "right" / "b").write_bytes(b"1")
    os.chmod(str(tmp_path / "right" / "b"), 0o600)
    compared(tmp_path / "left", tmp_path / "right", metadata=["mode", "hardlinks"], report_path=str(tmp_path / "rows"))
    told = [(row["path"], row["category"], row.get("field")) for row in _rows(tmp_path / "rows")]
    assert sorted(told, key=str) == sorted(
        [
            ("a", "metadata_diff", "hardlinks"),
            ("a", "metadata_diff", "mode"),
            ("a", "same_files", None),
            ("b", "metadata_diff", "hardlinks"),
            ("b", "same_files", None),
            ("l", "same_files", None),
        ],
        key=str,
    )
    assert [row[0] for row in told] == ["a", "a", "a", "b", "b", "l"]


def test_the_file_is_private_unless_it_was_not(two, tmp_path):
    path = tmp_path / "rows"
    compared(*two, report_path=str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    compared(*two, report_path=str(path))
    assert path.stat().st_mode & 0o777 == 0o644


def test_check_mode_writes_nothing(two, tmp_path):
    outcome(*two, check_mode=True, report_path=str(tmp_path / "rows"), progress_path=str(tmp_path / "progress"))
    assert sorted(os.listdir(str(tmp_path))) == ["left", "right"]


def test_nothing_is_left_behind_and_trees_do_not_see_their_own_report(two):
    result = compared(*two, report_path=str(two[1] / "rows"))
    assert "rows" not in result["right_list"]
    assert sorted(os.listdir(str(two[1])))[-1] == "rows"
    assert len(os.listdir(str(two[1]))) == 11


def test_a_place_that_is_not_there_is_an_error_before_anything_is_read(two, tmp_path):
    with pytest.raises(FleetproofError, match="Could not write report_path") as caught:
        compared(*two, report_path=str(tmp_path / "none" / "rows"))
    assert caught.value.kind == "not_found"


def test_a_directory_is_no_report_and_that_is_told_before_anything_is_read(two):
    with pytest.raises(FleetproofError, match="is a directory") as caught:
        compared(*two, report_path=str(two[0]))
    assert caught.value.kind == "argument"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_disk_that_is_full_is_told_as_such(monkeypatch, two, tmp_path):
    monkeypatch.setattr(rows_file.tempfile, "TemporaryFile", lambda **_options: open("/dev/full", "wb"))  # noqa: SIM115 # closed by the code
    with pytest.raises(FleetproofError, match=r"Could not write report_path .*rows: No space left") as caught:
        compared(*two, report_path=str(tmp_path / "rows"))
    assert caught.value.kind == "no_space"
