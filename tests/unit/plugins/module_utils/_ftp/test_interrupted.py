# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole runs over a network that breaks, and with answers that get lost: what was done is not done wrong, and the next run finishes it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.file import SPEC as FILE_SPEC
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.file import ensure
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.info import SPEC as INFO_SPEC
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.info import info
from ansible_collections.fleetproof.backup.tests.testbed.ftp_wire import Break, Wire
from ansible_collections.fleetproof.backup.tests.testbed.ftpd import FtpServer

from .asking import Asker, fresh, plant, served
from .transferring import T2, Mover, tree, write

running_server = pytest.fixture(scope="module")(served)
BIG = os.urandom(700_000)


@pytest.fixture(name="server")
def _server(running_server: FtpServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FtpServer:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return fresh(running_server, monkeypatch)


@pytest.fixture(name="move", params=["download", "upload"])
def _move(request: pytest.FixtureRequest, server: FtpServer, tmp_path: Path) -> Mover:
    return Mover(server, tmp_path, request.param)


@pytest.fixture(name="wire")
def _wire(server: FtpServer) -> t.Iterator[Wire]:
    with Wire(server.port) as wire:
        yield wire


def before_and_after(move: Mover) -> t.Dict[str, t.Optional[bytes]]:
    """A dest that is to follow a src in every way there is; returns what it is to be."""
    for path in ("same", "sub/same", "gone", "old/x/y", "old/z"):
        write(move.dest, path)
    for path in ("same", "sub/same"):
        write(move.src, path)
    write(move.dest, "changed", "older")
    write(move.src, "changed", "newer", T2)
    write(move.src, "large", BIG)
    write(move.src, "new/deep/file", "new")
    (move.src / "empty").mkdir()
    return tree(move.src)


def no_harm(move: Mover, wanted: t.Dict[str, t.Optional[bytes]]) -> None:
    """Each file has its old content or its new one, or is not there yet; what has another name is a part of a file."""
    old = {"same": [b"abc"], "sub/same": [b"abc"], "gone": [b"abc"], "old/x/y": [b"abc"], "old/z": [b"abc"], "changed": [b"older"]}
    for path, content in tree(move.dest).items():
        if content is None or Path(path).name.startswith(".fleetproof-"):
            continue
        assert content in [*old.get(path, []), wanted.get(path)], path
    assert {"same", "sub/same", "changed"} <= set(tree(move.dest))


MIRROR: t.Dict[str, t.Any] = {"recursive": True, "delete": True, "max_delete": "100%"}


# Bytes after which the control connection breaks: less than a whole run takes, in each direction.
SPOTS = {"up": [0, 1, 16, 40, 70, 100, 150, 200, 260, 330, 420], "down": [0, 1, 40, 150, 290, 420, 700, 1000, 1300, 1600, 1900]}


@pytest.mark.parametrize(("direction", "after"), [(direction, after) for direction in SPOTS for after in SPOTS[direction]])
def test_wherever_the_control_connection_breaks_nothing_is_harmed_and_the_next_run_finishes(move: Mover, wire: Wire, after: int, direction: str) -> None:
    wanted = before_and_after(move)
    wire.behave(control=Break(after, direction))
    with contextlib.suppress(FleetproofError):
        assert move(port=wire.port, parallel=1, **MIRROR).failure is not None
    assert wire.breaks == 1
    no_harm(move, wanted)
    assert move(port=wire.port, **MIRROR).failure is None
    assert tree(move.dest) == wanted
    assert not move(port=wire.port, **MIRROR).changed


@pytest.mark.parametrize(("direction", "after"), [(direction, after) for direction in SPOTS for after in SPOTS[direction][::2]])
def test_wherever_the_control_connection_breaks_the_run_itself_goes_on_with_retries(move: Mover, wire: Wire, after: int, direction: str) -> None:
    wanted = before_and_after(move)
    wire.behave(control=Break(after, direction))
    done = move(port=wire.port, retries=2, parallel=1, **MIRROR)
    assert wire.breaks == 1
    assert done.failure is None
    assert tree(move.dest) == wanted
    assert not move(port=wire.port, **MIRROR).changed


@pytest.mark.parametrize("verb", ["MKD", "STOR", "RNTO", "MFMT", "DELE", "RMD"])
@pytest.mark.parametrize("times", [1, 2])
def test_an_answer_that_is_lost_after_the_deed_does_no_harm(server: FtpServer, tmp_path: Path, verb: str, times: int) -> None:
    move = Mover(server, tmp_path, "upload")
    wanted = before_and_after(move)
    server.behave(replies={verb: ["done"] * times})
    done = move(retries=3, parallel=1, **MIRROR)
    assert done.failure is None, done.result["failed_files"]
    assert tree(move.dest) == wanted
    server.behave()
    assert not move(**MIRROR).changed


def test_a_control_connection_that_falls_silent_is_given_up(move: Mover, wire: Wire) -> None:
    wanted = before_and_after(move)
    wire.behave(control=Break(150, "down", -1, "stall"))
    began = time.monotonic()
    with pytest.raises(FleetproofError) as error:
        move(port=wire.port, timeout=0.3, retries=1, **MIRROR)
    assert error.value.kind == "timeout"
    assert wire.breaks == 2
    assert time.monotonic() - began < 5
    no_harm(move, wanted)


def test_a_data_connection_that_falls_silent_is_given_up(move: Mover) -> None:
    wanted = before_and_after(move)
    stall = {"after": 0, "how": "stall", "reply": ""}
    move.server.behave(cut={"RETR" if move.direction == "download" else "STOR": stall})
    began = time.monotonic()
    done = move(timeout=0.3, retries=1, parallel=3, **MIRROR)
    assert time.monotonic() - began < 10
    assert {row["kind"] for row in done.result["failed_files"]} == {"timeout"}
    assert done.result["counts"]["deleted"] == 0
    no_harm(move, wanted)
    move.server.behave()
    assert move(**MIRROR).failure is None
    assert tree(move.dest) == wanted


def test_a_file_comes_through_a_network_that_breaks_every_so_often(move: Mover, wire: Wire) -> None:
    content = os.urandom(2_000_000)
    write(move.src, "large", content)
    wire.behave(data=Break(200_000, "down" if move.direction == "download" else "up", -1))
    # An attempt that brings something makes them counted from the beginning: there are more breaks than retries.
    done = move(port=wire.port, retries=5)
    assert done.failure is None
    assert wire.breaks > 5
    assert done.result["resumed"] == 1
    # Not those of the last attempt alone
    assert done.result["bytes_moved"] >= len(content)
    assert tree(move.dest) == {"large": content}


def test_a_file_that_never_gets_any_further_is_given_up(move: Mover, wire: Wire) -> None:
    write(move.src, "large", BIG)
    wire.behave(data=Break(200_000, "down" if move.direction == "download" else "up", -1))
    done = move(port=wire.port, resume=False, retries=2)
    assert [(row["path"], row["kind"]) for row in done.result["failed_files"]] == [("large", "connect")]
    assert wire.breaks < 10


def test_nor_does_an_archive_wait_for_such_a_file(server: FtpServer, tmp_path: Path, wire: Wire) -> None:
    move = Mover(server, tmp_path, "download")
    write(move.src, "large", BIG)
    wire.behave(data=Break(200_000, "down", -1))
    with contextlib.suppress(FleetproofError):
        done = move(port=wire.port, resume=False, retries=2, dest=None, archive={"path": str(tmp_path / "site.zip"), "format": "zip"})
        assert done.failure is not None
    assert 1 <= wire.breaks < 10
    assert not (tmp_path / "site.zip").exists()


@pytest.mark.parametrize("retries", [0, 2])
@pytest.mark.parametrize("greeting", ["421 Going down for maintenance.", "421 Too many connections."])
def test_retries_have_an_end(move: Mover, retries: int, greeting: str) -> None:
    write(move.src, "a")
    move.server.behave(greeting=[greeting] * 100)
    with pytest.raises(FleetproofError) as error:
        move(retries=retries)
    assert (error.value.kind in ("busy", "connect"), error.value.retryable) == (True, True)
    assert move.server.connections == retries + 1


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize(
    "too_many", ["421 There are too many connections from your internet address.", "530 Sorry, max 2 users from your host, try again later."]
)
@pytest.mark.parametrize("tls", ["none", "starttls"])
def test_a_server_that_allows_fewer_connections_is_used_with_fewer_and_the_result_says_so(move: Mover, most: int, too_many: str, tls: str) -> None:
    for number in range(60):
        write(move.src, "d%d/f%d" % (number % 6, number))
    move.server.behave(max_connections=most, too_many=too_many)
    port = move.server.port if tls == "none" else move.server.explicit_port
    done = move(parallel=8, recursive=True, tls=tls, port=port, retries=0)
    assert done.failure is None, done.failure
    assert tree(move.dest) == tree(move.src)
    assert 1 <= done.result["connections"] <= most
    assert any("connections, and no more" in warning for warning in done.warnings), done.warnings


@pytest.mark.parametrize(("reply", "kind"), [("452 Insufficient storage space.", "no_space"), ("451 Local error.", "busy"), ("426 Broken.", "connect")])
def test_what_goes_wrong_within_an_upload_leaves_the_old_file(server: FtpServer, tmp_path: Path, reply: str, kind: str) -> None:
    move = Mover(server, tmp_path, "upload")
    write(move.dest, "large", "old")
    write(move.src, "large", BIG, T2)
    server.behave(cut={"STOR": {"after": 100_000, "reply": reply}, "APPE": {"after": 100_000, "reply": reply}})
    done = move()
    assert [row["kind"] for row in done.result["failed_files"]] == [kind]
    assert (move.dest / "large").read_bytes() == b"old"
    server.behave()
    assert move().failure is None
    assert tree(move.dest) == {"large": BIG}


_KILLED = """
import json, sys
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.transfer import transfer
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Task
transfer(Task(json.loads(sys.argv[1]), False, False))
"""


def test_a_run_that_is_killed_is_gone_on_with(move: Mover) -> None:
    write(move.src, "large", BIG * 4)
    options = move.options(bwlimit="1M")
    command = [sys.executable, "-c", _KILLED, json.dumps(options)]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while time.monotonic() < end and not any(path.stat().st_size > 300_000 for path in move.dest.glob(".fleetproof-*")):
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert "large" not in tree(move.dest)
    done = move()
    assert (done.failure, done.result["resumed"]) == (None, 1)
    assert done.result["bytes_moved"] < len(BIG) * 4
    assert tree(move.dest) == {"large": BIG * 4}


# -- the other modules ----------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["MLST", "MLSD", "FEAT", "PASS"])
@pytest.mark.parametrize("reply", ["drop", "done", "421 Timeout."])
def test_looking_survives_a_connection_that_is_lost(server: FtpServer, verb: str, reply: str) -> None:
    plant(server.root, "a", "sub/b")
    server.behave(replies={verb: [reply]})
    found = Asker(server, INFO_SPEC, info)(recursive=True, retries=2)
    assert [row["path"] for row in found.result["entries"]] == ["a", "sub", "sub/b"]


@pytest.mark.parametrize("verb", ["DELE", "RMD", "MLSD", "MLST"])
@pytest.mark.parametrize("reply", ["drop", "done", "450 Busy just now."])
def test_removing_survives_a_connection_that_is_lost(server: FtpServer, verb: str, reply: str) -> None:
    plant(server.root, "kept", "tree/a", "tree/sub/b")
    server.behave(replies={verb: [reply]})
    done = Asker(server, FILE_SPEC, ensure)(path="tree", state="absent", recursive=True, retries=2)
    assert done.changed
    assert done.failure is None
    assert sorted(tree(server.root)) == ["kept"]
