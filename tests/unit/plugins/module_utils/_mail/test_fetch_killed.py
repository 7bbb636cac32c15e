# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole runs that are killed for real, at each call that leaves a trace on disk or on the server, and the run after them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.tests.testbed.popd import PopServer

from .fetching import Fetcher, mail, with_attachment

# Reads options and a number from each line, fetches in a process of its own that kills itself at that call, and says how it ended.
KILLED = """
import json, os, signal, sys
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.pop3_fetch import pop3_fetch
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

for name in ("fsync", "rename", "link", "write", "pwrite", "unlink"):
    setattr(os, name, dying(getattr(os, name)))
Stream.write = dying(Stream.write)
for line in sys.stdin:
    options, step = json.loads(line)
    pid = os.fork()
    if pid == 0:
        left = step
        pop3_fetch(Task(options, False, False))
        os._exit(0)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


@pytest.mark.parametrize("kind", ["maildir", "mbox"])
def test_a_run_that_is_killed_anywhere_loses_nothing_and_repeats_nothing(fetch: Fetcher, pop: PopServer, tmp_path: Path, kind: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    mails = [mail(1), with_attachment(2)]
    ends: t.List[int] = []
    with subprocess.Popen([sys.executable, "-c", KILLED], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as runner:
        assert runner.stdin is not None
        assert runner.stdout is not None
        for step in range(1, 200):
            place = tmp_path / str(step)
            given = {"dest": str(place / "mail"), "format": kind, "state": str(place / "state"), "attachments_dest": str(place / "files")}
            # without TLS each step is twice as fast
            given.update(delete="fetched", tls="none", port=pop.port, retries=5)
            pop.forget()
            for raw in mails:
                pop.deliver(raw)
            runner.stdin.write(json.dumps([fetch.options(**given), step]).encode("ascii") + b"\n")
            runner.stdin.flush()
            ends.append(int(runner.stdout.readline()))
            outcome = fetch(**given)
            assert (outcome.failure, pop.maildir_of.entries()) == (None, []), step
            if kind == "mbox":
                assert (place / "mail").read_bytes().count(b"\nSubject: Report 1\n") == 1, step
                assert (place / "mail").read_bytes().count(b"\nSubject: Files 2\n") == 1, step
                assert (place / "mail").read_bytes().count(b"From ") == 3, step
            else:
                assert sorted(path.read_bytes() for path in (place / "mail" / "new").iterdir()) == sorted(mails), step
            assert [path.read_bytes() for path in (place / "files").iterdir() if path.suffix == ".csv"] == [b"1,2,2"], step
            if ends[-1] == 0:
                break
        runner.stdin.close()
    assert set(ends[:-1]) == {signal.SIGKILL}
    assert ends[-1] == 0
    assert len(ends) > 30
