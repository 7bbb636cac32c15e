# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.tests.runner.context import Context
from ansible_collections.fleetproof.backup.tests.runner.environments import Environment, EnvironmentFailed
from ansible_collections.fleetproof.backup.tests.runner.outcome import FAILED, PASSED
from ansible_collections.fleetproof.backup.tests.runner.pythons import Python
from ansible_collections.fleetproof.backup.tests.runner.stages import Job, Stage, run_stage

THIS = Python((sys.version_info[0], sys.version_info[1]), sys.executable)


@pytest.fixture(name="context")
def _context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    monkeypatch.setenv("FLEETPROOF_BUILD", str(tmp_path))
    monkeypatch.delenv("FLEETPROOF_BED", raising=False)
    context = Context()
    os.makedirs(context.logs)
    return context


@pytest.fixture(name="empty", scope="module")
def _empty(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with nothing in it, as it needs no network."""
    folder = tmp_path_factory.mktemp("venv")
    environment = Environment("empty", str(folder / "empty"), THIS, log=str(folder / "empty.log"))
    environment.build(print)
    return environment


def _gone(pid: int) -> bool:
    """Whether a process has ended (a zombie has, though nobody has asked for its status)."""
    for _attempt in range(50):
        try:
            with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as stream:
                if stream.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.1)
    return False


def test_what_a_command_prints_is_returned_and_kept_in_the_log(context: Context, empty: Environment, tmp_path: Path) -> None:
    job = Job(context, "one", str(tmp_path / "one.log"))
    assert job.run(empty, [empty.executable, "-c", "print('first')"], 60, folder=str(tmp_path)) == (0, "first\n")
    assert job.run(empty, [empty.executable, "-c", "import sys; sys.exit('second')"], 60, folder=str(tmp_path)) == (1, "second\n")
    log = (tmp_path / "one.log").read_text(encoding="utf-8")
    assert log.index("first") < log.index("second")


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="no /proc to look at processes")
def test_a_command_past_its_time_is_ended_with_its_children(context: Context, empty: Environment, tmp_path: Path) -> None:
    script = "import subprocess, sys, time; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=True); time.sleep(600)"
    job = Job(context, "slow", str(tmp_path / "slow.log"))
    status, text = job.run(empty, [empty.executable, "-c", script], 2, folder=str(tmp_path))
    assert status == 124
    assert "Stopped after 2 seconds" in text
    assert _gone(int(text.split()[0]))
    assert not context.processes


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="no /proc to look at processes")
def test_a_child_in_a_session_of_its_own_is_ended_as_well(context: Context, empty: Environment, tmp_path: Path) -> None:
    script = "import subprocess, time; print(subprocess.Popen(['sleep', '600'], start_new_session=True).pid, flush=True); time.sleep(600)"
    status, text = Job(context, "session", str(tmp_path / "session.log")).run(empty, [empty.executable, "-c", script], 2, folder=str(tmp_path))
    assert status == 124
    assert _gone(int(text.split()[0]))


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="no /proc to look at processes")
def test_what_a_command_leaves_running_is_ended(context: Context, empty: Environment, tmp_path: Path) -> None:
    script = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid)"
    status, text = Job(context, "leaves", str(tmp_path / "leaves.log")).run(empty, [empty.executable, "-c", script], 60, folder=str(tmp_path))
    assert status == 0
    assert _gone(int(text))


def test_commands_meet_no_ansible_settings_of_the_user_but_his_settings_of_pip(context: Context, empty: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_STRATEGY", "free")
    monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "77")
    environ = context.environ(empty)
    assert "ANSIBLE_STRATEGY" not in environ
    assert environ["PATH"].split(os.pathsep)[0] == empty.bin
    settings = Path(environ["HOME"], ".config", "pip", "pip.conf")
    assert "default-timeout = 77" in settings.read_text(encoding="utf-8")
    assert settings.stat().st_mode & 0o077 == 0


def test_an_environment_is_kept_until_what_it_is_made_of_changes(empty: Environment) -> None:
    assert empty.is_ready()
    said: list[str] = []
    empty.build(said.append)
    assert said == []
    assert not Environment("empty", empty.folder, THIS, ["pip"], log=empty.log).is_ready()


def test_a_failed_download_is_one_sentence_and_a_failed_stage(context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    environment = Environment("nowhere", str(tmp_path / "nowhere"), THIS, ["fleetproof-no-such-package"], log=str(tmp_path / "nowhere.log"))
    with pytest.raises(EnvironmentFailed, match=r"^Could not install the packages for nowhere: .*fleetproof-no-such-package.*nowhere\.log$"):
        environment.build(print)
    result = run_stage(context, Stage("any", "any", "any", lambda job: job.check("any", job.run(environment, ["true"], 60)[0])))
    assert result.outcome == FAILED
    assert "Could not install the packages" in result.checks[0].reason


def test_a_stage_that_breaks_off_has_failed_and_keeps_what_it_found(context: Context) -> None:
    def breaks(job: Job) -> None:
        job.check("first", 0)
        raise OSError("no such thing")

    result = run_stage(context, Stage("breaks", "breaks", "any", breaks))
    assert [(check.name, check.outcome) for check in result.checks] == [("first", PASSED), ("breaks", FAILED)]
    assert result.outcome == FAILED
