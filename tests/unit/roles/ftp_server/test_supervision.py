# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""With real processes: a stand-in for the server that does what the test wants."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from fleetproof_ftp import configuration, state, supervision  # type: ignore[import-not-found, unused-ignore]
from fleetproof_ftp.configuration import Problem  # type: ignore[import-not-found, unused-ignore]

PROGRAM = str(Path(configuration.__file__).resolve().parents[1])
PRELUDE = """
import os, signal, sys, time
sys.path.insert(0, %r)
from fleetproof_ftp import configuration, state, supervision
config = configuration.load(%r)[0]
"""


@pytest.fixture
def config(told):
    return configuration.load(told.write())[0]


@pytest.fixture
def stand_in(told, tmp_path):
    """Writes a script that stands in for the server, and one for a supervisor of it; returns the command of the supervisor."""

    def write(body):
        prelude = PRELUDE % (PROGRAM, told.write())
        (tmp_path / "server.py").write_text(prelude + textwrap.dedent(body), encoding="utf-8")
        run = "supervision.FIRST_WAIT = 0.1\nsys.exit(supervision.Supervisor(config, [sys.executable, %r]).run())\n" % str(tmp_path / "server.py")
        (tmp_path / "supervisor.py").write_text(prelude + run, encoding="utf-8")
        return [sys.executable, str(tmp_path / "supervisor.py")]

    return write


SERVES = """
with state.Lock(config, "server"):
    state.write(config, {"pid": os.getpid()})
    with open(config.log_path, "a") as log:
        log.write("%d\\n" % os.getpid())
    time.sleep(60)
"""


def wait_for(holds):
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_server_that_dies_is_started_again_until_it_is_told_to_stop(config, stand_in):
    supervision.start(config, stand_in(SERVES))
    try:
        first = state.holder(config, "server")
        assert first
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: state.holder(config, "server") not in (0, first))
    finally:
        supervision.stop(config)
    assert (state.holder(config, "server"), state.holder(config, "supervisor")) == (0, 0)
    assert state.read(config) == {}
    assert len(Path(config.log_path).read_text(encoding="utf-8").split()) == 2


def test_a_server_that_never_gets_ready_is_given_up_with_its_last_words(config, stand_in):
    command = stand_in("sys.exit('The port is taken')")
    with pytest.raises(Problem, match="did not start: The port is taken"):
        supervision.start(config, command)
    assert state.holder(config, "supervisor") == 0


def test_what_no_retry_can_mend_is_not_tried_again(config, stand_in):
    command = stand_in(SERVES.replace("time.sleep(60)", "time.sleep(1); os._exit(78)"))
    supervision.start(config, command)
    wait_for(lambda: state.holder(config, "supervisor") == 0)
    assert len(Path(config.log_path).read_text(encoding="utf-8").split()) == 1


def test_a_server_that_does_not_want_to_end_is_killed(config, stand_in, told, tmp_path):
    command = stand_in(SERVES.replace("time.sleep(60)", "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"))
    script = tmp_path / "supervisor.py"
    script.write_text(
        script.read_text(encoding="utf-8").replace("supervision.FIRST_WAIT", "supervision.ENDING = 0.5; supervision.FIRST_WAIT"), encoding="utf-8"
    )
    supervision.start(config, command)
    supervision.stop(config)
    assert state.holder(config, "server") == 0


def test_there_is_one_supervisor(config, stand_in):
    command = stand_in(SERVES)
    supervision.start(config, command)
    try:
        second = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
        assert second.returncode != 0
        assert "is held by process %d" % state.holder(config, "supervisor") in second.stderr
    finally:
        supervision.stop(config)


def test_stopping_what_does_not_run_is_nothing(config):
    supervision.stop(config)
    assert state.holder(config, "server") == 0


def test_a_lock_ends_with_its_holder_and_is_no_link(config, tmp_path):
    with state.Lock(config, "server"):
        assert state.holder(config, "server") == os.getpid()
    assert state.holder(config, "server") == 0
    Path(config.run_dir, "other.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Problem, match="cannot be opened"), state.Lock(config, "other"):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_the_end_of_a_log_is_one_text(tmp_path):
    (tmp_path / "log").write_bytes(b"one\ntwo\xff\nthree\n")
    assert supervision.tail(str(tmp_path / "log"), 2) == "two\\xff | three"
    assert supervision.tail(str(tmp_path / "none"), 2) == ""
