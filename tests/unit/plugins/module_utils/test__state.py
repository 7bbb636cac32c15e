# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils import _state
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"XDG_STATE_HOME": "/var/state", "HOME": "/home/ops"}, "/var/state/fleetproof"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/home/ops"}, "/home/ops/.local/state/fleetproof"),
        ({"XDG_STATE_HOME": "", "HOME": "/home/ops"}, "/home/ops/.local/state/fleetproof"),
        ({"HOME": "/home/ops"}, "/home/ops/.local/state/fleetproof"),
    ],
)
def test_state_is_where_the_users_state_is(monkeypatch: pytest.MonkeyPatch, environment: t.Dict[str, str], expected: str) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert _state.state_directory() == expected


def test_a_file_is_written_whole_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("old and longer", encoding="utf-8")
    _state.write_atomic(str(path), [b"new", b"er"])
    assert path.read_bytes() == b"newer"
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["state.json"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("old", encoding="utf-8")

    def chunks() -> t.Iterator[bytes]:
        yield b"half"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        _state.write_atomic(str(path), chunks())
    assert path.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["state.json"]


def test_folders_on_the_way_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    _state.make_parent(str(tmp_path / "a" / "b" / "file"))
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(FleetproofError):
        _state.make_parent(str(tmp_path / "file" / "x" / "y"))


HOLD = """
import sys
from ansible_collections.fleetproof.backup.plugins.module_utils._state import Lock
with Lock(sys.argv[1], "holds it", slot=int(sys.argv[2]) if sys.argv[2] else None):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold(tmp_path: Path) -> t.Iterator[t.Callable[[str], subprocess.Popen[bytes]]]:
    started = []

    def begin(slot: str) -> subprocess.Popen[bytes]:
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "lock"), slot], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("slot", [None, 0, 7, 2**60])
def test_a_lock_keeps_others_out_until_its_holder_ends_however_it_ends(
    tmp_path: Path, hold: t.Callable[[str], subprocess.Popen[bytes]], slot: t.Optional[int]
) -> None:
    holder = hold("" if slot is None else str(slot))
    with pytest.raises(FleetproofError, match="Another run holds it") as caught, _state.Lock(str(tmp_path / "lock"), "holds it", slot=slot, wait=0.2):
        pass
    assert (caught.value.kind, caught.value.retryable) == ("busy", True)
    holder.kill()
    with _state.Lock(str(tmp_path / "lock"), "holds it", slot=slot, wait=10):
        pass


def test_slots_are_independent(tmp_path: Path, hold: t.Callable[[str], subprocess.Popen[bytes]]) -> None:
    hold("7")
    with _state.Lock(str(tmp_path / "lock"), "holds it", slot=8):
        pass


def test_a_lock_is_not_taken_through_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FleetproofError), _state.Lock(str(tmp_path / "lock"), "holds it"):
        pass
    assert not (tmp_path / "elsewhere").exists()
