# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.netrc import lookup

FILE = "machine one login alice password wonder\nmachine two login bob password two-words\n"


def written(folder: Path, text: t.Union[str, bytes], mode: int = 0o600) -> str:
    path = folder / "netrc"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return str(path)


def test_the_entry_of_the_host_counts(tmp_path: Path) -> None:
    path = written(tmp_path, FILE)
    assert lookup("one", None, path) == ("alice", "wonder")
    assert lookup("two", "bob", path) == ("bob", "two-words")


def test_the_default_entry_is_for_all_others(tmp_path: Path) -> None:
    path = written(tmp_path, FILE + "default login anonymous password me@example.com\n")
    assert lookup("three", None, path) == ("anonymous", "me@example.com")


@pytest.mark.parametrize(("host", "user"), [("three", None), ("one", "mallory")])
def test_no_entry_is_an_error_and_no_anonymous_login(tmp_path: Path, host: str, user: t.Optional[str]) -> None:
    with pytest.raises(FleetproofError) as caught:
        lookup(host, user, written(tmp_path, FILE))
    assert caught.value.kind == "argument"
    assert host in caught.value.message


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_file_that_others_can_read_is_not_used(tmp_path: Path, mode: int) -> None:
    with pytest.raises(FleetproofError) as caught:
        lookup("one", None, written(tmp_path, FILE, mode))
    assert caught.value.kind == "unsafe"
    assert "chmod 600" in caught.value.message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_is_not_used(tmp_path: Path) -> None:
    path = written(tmp_path, FILE)
    os.chown(path, 65534, -1)
    with pytest.raises(FleetproofError) as caught:
        lookup("one", None, path)
    assert caught.value.kind == "unsafe"


@pytest.mark.parametrize("text", ["machine one login alice pasword wonder\n", "wonder\n", b"machine one login \xff password x\n"])
def test_a_file_that_cannot_be_understood_is_told_without_its_secrets(tmp_path: Path, text: t.Union[str, bytes]) -> None:
    with pytest.raises(FleetproofError) as caught:
        lookup("one", None, written(tmp_path, text))
    assert caught.value.kind == "argument"
    assert "wonder" not in caught.value.message


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FleetproofError) as caught:
        lookup("one", None, str(tmp_path / "none"))
    assert caught.value.kind == "not_found"
