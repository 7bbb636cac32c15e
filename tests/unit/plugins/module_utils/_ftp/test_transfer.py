# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._ftp.asking import fresh, served
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._ftp.transferring import T1, T2, Mover, actions, tree, write

running_server = pytest.fixture(scope="module")(served)


@pytest.fixture(params=["download", "upload"])
def move(request, running_server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Mover(fresh(running_server, monkeypatch), tmp_path, request.param)


def test_a_tree_comes_to_lie_in_dest_and_the_second_run_has_nothing_to_do(move):
    write(move.src, "a.txt", "first")
    write(move.src, "sub/deep/b.txt", "second", T2)
    (move.src / "empty").mkdir()
    done = move.run(recursive=True)
    assert tree(move.dest) == tree(move.src)
    assert (move.dest / "sub/deep/b.txt").stat().st_mtime == T2
    assert (move.dest / "a.txt").stat().st_mtime == T1
    assert actions(done) == [
        (".", "created"),
        ("a.txt", "created"),
        ("empty", "created"),
        ("sub", "created"),
        ("sub/deep", "created"),
        ("sub/deep/b.txt", "created"),
    ]
    assert done.result["bytes_moved"] == 11
    assert done.result["verified"] == 2


def test_what_changed_is_moved_again_and_nothing_else(move):
    write(move.src, "a", "old")
    write(move.src, "b", "same")
    write(move.src, "c", "old")
    move(recursive=True)
    write(move.src, "a", "newer")
    write(move.src, "c", "new", T2)
    done = move.run(recursive=True)
    assert [(row["path"], row["why"]) for row in done.result["actions"]] == [("a", "size"), ("c", "mtime")]
    assert done.result["counts"]["unchanged"] == 1
    assert tree(move.dest) == tree(move.src)
    assert done.diff["prepared"] == ">f.s....... a\n>f..t...... c\n"
