# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import re

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._progress import Progress


def test_the_file_says_what_is_done_and_to_do(tmp_path):
    path = tmp_path / "progress.json"
    progress = Progress(str(path), "dir_compare")
    assert json.loads(path.read_text())["state"] == "running"
    progress.tell(10, 2048, 5, -3, "a/b\udcff")
    assert json.loads(path.read_text())["entries"]["done"] == 0, "once a second is enough"
    progress.end()
    told = json.loads(path.read_text())
    assert told["task"] == "dir_compare"
    assert told["state"] == "finished"
    assert told["name"] == "a/b\\xff"
    assert (told["entries"]["done"], told["entries"]["to_do"]) == (10, 5)
    assert (told["bytes"]["done"], told["bytes"]["to_do"]) == (2048, 0)
    assert told["entries"]["rate"] > 0
    assert told["bytes"]["rate"] > told["entries"]["rate"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["started"])
    assert os.listdir(str(tmp_path)) == ["progress.json"]


def test_it_is_replaced_once_a_second(tmp_path, monkeypatch):
    path = tmp_path / "progress.json"
    progress = Progress(str(path), "backup_sync")
    inode = path.stat().st_ino
    progress.tell(1, 0, 0, 0, "x")
    assert path.stat().st_ino == inode
    assert not progress.due()
    monkeypatch.setattr("time.monotonic", lambda later=progress._throttle.last + 1.5: later)
    assert progress.due()
    progress.tell(2, 0, 0, 0, "y")
    assert json.loads(path.read_text())["entries"]["done"] == 2


def test_a_link_in_its_place_is_replaced_and_not_written_through(tmp_path):
    (tmp_path / "precious").write_text("keep")
    (tmp_path / "progress.json").symlink_to("precious")
    Progress(str(tmp_path / "progress.json"), "dir_compare").end()
    assert (tmp_path / "precious").read_text() == "keep"
    assert not (tmp_path / "progress.json").is_symlink()


def test_a_place_that_is_not_there_is_an_error_at_once(tmp_path):
    with pytest.raises(FleetproofError, match="Could not write progress_path") as caught:
        Progress(str(tmp_path / "none" / "progress.json"), "dir_compare")
    assert caught.value.kind == "not_found"


def test_a_place_that_goes_away_is_no_reason_to_stop(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    progress = Progress(str(folder / "progress.json"), "dir_compare")
    (folder / "progress.json").unlink()
    folder.rmdir()
    progress.end()
    assert "Could not write progress_path" in progress.failed
