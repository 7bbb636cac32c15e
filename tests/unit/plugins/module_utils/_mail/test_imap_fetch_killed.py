# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that change the mailbox and are killed for real, at each call that leaves a trace on disk or on the server, and the run after them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.imap_fetch import SPEC, imap_fetch
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Task
from ansible_collections.fleetproof.backup.tests.testbed.imapd import ImapServer

from .fetching import mail

# Reads options and a number from each line, fetches in a process of its own that kills itself at that call, and says how it ended.
KILLED = """
import json, os, signal, sys
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.imap_fetch import imap_fetch
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Task
from ansible_collections.fleetproof.backup.plugins.module_utils._net.stream import Stream
left = 0

def dying(function):
    def call(*arguments, **options):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return call

for name in ("fsync", "rename", "link"):
    setattr(os, name, dying(getattr(os, name)))
# ahead of each answer, when the server has done what it was told, and of each command
Stream.write = dying(Stream.write)
Stream._receive = dying(Stream._receive)
for line in sys.stdin:
    options, step = json.loads(line)
    pid = os.fork()
    if pid == 0:
        left = step
        imap_fetch(Task(options, False, False))
        os._exit(0)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[ImapServer]:
    with ImapServer(tmp_path_factory.mktemp("imapd")) as server:
        yield server


def bodies(server: ImapServer, name: str) -> t.List[bytes]:
    box = server.box(name)
    return sorted(box.read(message) or b"" for message in box.messages())


@pytest.mark.parametrize(
    ("hide", "wish"),
    [
        ([], {"mark_seen": True, "move_to": "Done"}),
        (["MOVE"], {"move_to": "Done"}),
        (["MOVE", "UIDPLUS"], {"move_to": "Done", "order": "newest"}),
        (["UIDPLUS"], {"delete": "fetched"}),
    ],
)
def test_a_run_that_is_killed_anywhere_loses_nothing_and_repeats_nothing(
    running: ImapServer, tmp_path: Path, hide: t.List[str], wish: t.Dict[str, t.Any]
) -> None:
    running.behave(hide=hide)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    mails = sorted([mail(1), mail(2)])
    usual = {name: option.get("default") for name, option in SPEC.argument_spec.items()}
    # without TLS each step is twice as fast
    usual.update(
        host=running.host, port=running.port, tls="none", timeout=10.0, retries=0, username="fleet", password="correct horse", **{"order": "oldest", **wish}
    )
    ends: t.List[int] = []
    with subprocess.Popen([sys.executable, "-c", KILLED], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as runner:
        assert runner.stdin is not None
        assert runner.stdout is not None
        for step in range(1, 200):
            place = tmp_path / str(step)
            options = {**usual, "dest": str(place / "mail"), "state": str(place / "state")}
            running.forget()
            running.box("Done")
            for raw in mails:
                running.deliver(raw)
            runner.stdin.write(json.dumps([options, step]).encode("ascii") + b"\n")
            runner.stdin.flush()
            ends.append(int(runner.stdout.readline()))
            # what comes then is dealt with as well, whatever the killed run left
            running.deliver(mail(3))
            outcome = imap_fetch(Task(options, False, True))
            assert (outcome.failure, bodies(running, "INBOX")) == (None, []), step
            assert sorted(path.read_bytes() for path in (place / "mail" / "new").iterdir()) == sorted([*mails, mail(3)]), step
            done = bodies(running, "Done")
            assert sorted(set(done)) == (sorted([*mails, mail(3)]) if "move_to" in wish else []), step
            # where MOVE is one step, no message is there twice
            assert len(done) == len(set(done)) or (hide and len(done) == len(set(done)) + 1), step
            if ends[-1] == 0:
                break
        runner.stdin.close()
    assert set(ends[:-1]) == {signal.SIGKILL}
    assert ends[-1] == 0
    assert len(ends) > 30
