# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._descent import nearest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.entries import DIRECTORY, EXACT, FILE, SPECIAL, SYMLINK
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.local import LocalSide, make_directories


@pytest.fixture
def side(tmp_path):
    root = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    found = LocalSide(root, str(tmp_path), "dest")
    yield found
    found.close()
    os.close(root)


def test_everything_is_listed_as_what_it_is_and_nothing_is_followed(side, tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    os.utime(tmp_path / "file", ns=(1, 1_700_000_000_123_456_789))
    (tmp_path / "dir").mkdir()
    (tmp_path / "link").symlink_to("dir")
    (tmp_path / "broken").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / os.fsdecode(b"\xff")).touch()
    entries = side.list("").entries
    assert {name: entry.kind for name, entry in entries.items()} == {
        "file": FILE,
        "dir": DIRECTORY,
        "link": SYMLINK,
        "broken": SYMLINK,
        "pipe": SPECIAL,
        "\udcff": FILE,
    }
    assert entries["file"][:5] == ("file", FILE, 3, 1_700_000_000_123_456_789, EXACT)


def test_a_folder_that_is_not_there_is_none_and_one_behind_a_link_is_an_error(side, tmp_path):
    assert side.list("gone/") is None
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "file").touch()
    assert side.list("real/").entries == {}
    for folder in ("link/", "file/"):
        with pytest.raises(FleetproofError, match="list the directory"):
            side.list(folder)


def test_a_root_that_is_not_there_has_nothing_to_list():
    assert LocalSide(None, "/nowhere", "dest").list("") is None


def test_missing_directories_are_made_and_named_the_topmost_first(tmp_path):
    (tmp_path / "a").mkdir()
    made = make_directories(str(tmp_path / "a/b/c"))
    assert made == [str(tmp_path / "a/b"), str(tmp_path / "a/b/c")]
    assert make_directories(str(tmp_path / "a/b/c")) == []
    (tmp_path / "file").touch()
    with pytest.raises(FleetproofError, match="make the directory"):
        make_directories(str(tmp_path / "file/x"))


def test_the_nearest_directory_is_the_one_that_is_there(tmp_path):
    assert nearest(str(tmp_path / "a/b/c")) == str(tmp_path.resolve())
    assert nearest(str(tmp_path)) == str(tmp_path.resolve())
