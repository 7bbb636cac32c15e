# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeping the server running where no systemd does: a parent that starts it again, later and later, and ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import typing as t

from . import state
from .configuration import Config, Problem

# Seconds: between two starts at least and at most; a server that ran for so long counts as well again.
FIRST_WAIT, LONGEST_WAIT, WELL_AGAIN = 1.0, 60.0, 60.0
# Seconds for a server to get ready, and to end before it is killed.
READY, ENDING = 20.0, 10.0
# What cannot go better the next time (sysexits.h, EX_CONFIG).
HOPELESS = 78


class Supervisor:
    """The parent of the server."""

    def __init__(self, config: Config, command: t.Sequence[str]) -> None:
        self.config = config
        self.command = command
        self.ending = False
        self.child: t.Optional[subprocess.Popen[bytes]] = None

    def run(self) -> int:
        """Keep the server running until SIGTERM; returns the exit status."""
        with state.Lock(self.config, "supervisor"):
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, self._signalled)
            wait = FIRST_WAIT
            ever_ready = False
            while not self.ending:
                started = time.monotonic()
                status, ready = self._run_once()
                ever_ready = ever_ready or ready
                if self.ending:
                    break
                if status == HOPELESS or not ever_ready:
                    return status or 1
                if time.monotonic() - started > WELL_AGAIN:
                    wait = FIRST_WAIT
                _say("The server ended with status %d; it is started again in %d seconds" % (status, wait))
                self._sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)
        return 0

    def _run_once(self) -> t.Tuple[int, bool]:
        """The exit status of one server, and whether it ever got ready."""
        self.child = subprocess.Popen([*self.command, "--parent", str(os.getpid())])
        ready = False
        kill_at: t.Optional[float] = None
        while True:
            if self.ending and kill_at is None:
                kill_at = time.monotonic() + ENDING
                self.child.terminate()
            try:
                status = self.child.wait(0.2 if self.ending or not ready else 1)
            except subprocess.TimeoutExpired:
                status = None
            ready = ready or state.read(self.config).get("pid") == self.child.pid
            if status is not None:
                return status, ready
            if kill_at is not None and time.monotonic() > kill_at:
                self.child.kill()

    def _signalled(self, number: int, _frame: object) -> None:
        if number == signal.SIGHUP:
            if self.child is not None and self.child.poll() is None:
                self.child.send_signal(number)
        else:
            self.ending = True

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.ending and time.monotonic() < until:
            time.sleep(0.2)


def start(config: Config, command: t.Sequence[str]) -> None:
    """Start a supervisor that outlives this process, and wait for its server; raises Problem when that does not get ready."""
    output = os.path.join(config.run_dir, "output.log")
    with open(output, "wb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600)) as stream:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, cwd="/", start_new_session=True)
    until = time.monotonic() + READY
    while time.monotonic() < until:
        if state.holder(config, "server") and state.read(config).get("pid") == state.holder(config, "server"):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    else:
        stop(config)
    raise Problem("The server did not start: %s" % (tail(output, 3) or "it said nothing"))


def stop(config: Config) -> None:
    """End supervisor and server, and wait for their end."""
    until = time.monotonic() + ENDING + 10
    asked: t.Set[int] = set()
    while True:
        pids = [pid for pid in (state.holder(config, "supervisor"), state.holder(config, "server")) if pid]
        if not pids:
            state.remove(config)
            return
        if time.monotonic() > until:
            raise Problem("Process %d does not end: look at what it waits for, and kill it" % pids[0])
        # The supervisor ends the server itself.
        if pids[0] not in asked:
            asked.add(pids[0])
            _signal(pids[0], signal.SIGTERM)
        time.sleep(0.05)


def reload(config: Config) -> None:
    """Have users, passwords and certificate read again."""
    _signal(state.holder(config, "server"), signal.SIGHUP)


def tail(path: str, count: int) -> str:
    """The last lines of a log as one text, empty where there is none."""
    try:
        with open(path, "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - 4096))
            lines = stream.read().decode("utf-8", "backslashreplace").splitlines()
    except OSError:
        return ""
    return " | ".join(line.strip() for line in lines[-count:])


def _signal(pid: int, number: int) -> None:
    try:
        if pid:
            os.kill(pid, number)
    except ProcessLookupError:
        pass
    except PermissionError:
        raise Problem("Process %d belongs to somebody else, and cannot be told to end or to reload" % pid) from None


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
