# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole tasks through ansible-playbook, held against what an administrator would write without this collection."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import trees
from cases import Case, Contender, Scale
from measure import drop_below
from place import collections_root

# How often the task runs in one play: the start of ansible-playbook itself is the same for all and should not hide them.
LOOPS = 10


def _playbook(folder: Path, name: str, task: dict[str, object]) -> list[str]:
    """The command line that runs one task LOOPS times on this machine."""
    play = [
        {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}", "ansible_pipelining": True},
            "tasks": [{"name": "%s %d" % (name, number), **task} for number in range(LOOPS)],
        }
    ]
    path = folder / ("%s.json" % name.replace(" ", "-").replace(".", "-"))
    path.write_text(json.dumps(play))
    return ["ansible-playbook", "-i", "localhost,", str(path)]


def _ok(_round: int, status: int, output: str) -> str | None:
    return "status %d: %s" % (status, output[-300:]) if status else None


def task_cases(work: Path, scale: Scale) -> Iterator[Case]:
    """One task with nothing to do, beside a ping and beside copy with remote_src."""
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = collections_root()
    if shutil.which("ansible-playbook") is None:
        return
    tiny, there = work / "tiny", work / "tiny-copy"
    trees.even_tree(tiny, min(1000, scale.durable_files), 50)
    trees.twin(tiny, there)
    small, small_twin = work / "small", work / "small-twin"
    trees.even_tree(small, 10, 2)
    trees.twin(small, small_twin)
    ping = _playbook(work, "ping", {"ansible.builtin.ping": {}})
    compare = _playbook(work, "compare", {"fleetproof.backup.dir_compare": {"left": str(small), "right": str(small_twin)}})
    sync_small = _playbook(work, "sync small", {"fleetproof.backup.backup_sync": {"src": str(small), "dest": str(small_twin)}})
    for name, command in (("dir_compare", compare), ("backup_sync", sync_small)):
        yield Case(
            "task %s with nothing to do" % name,
            "ping",
            1.10,
            [Contender(name, lambda _n, c=command: c, _ok), Contender("ping", lambda _n: ping, _ok)],
        )
    sync = _playbook(work, "sync", {"fleetproof.backup.backup_sync": {"src": str(tiny), "dest": str(there)}})
    copy = _playbook(work, "copy", {"ansible.builtin.copy": {"src": "%s/" % tiny, "dest": "%s/" % there, "remote_src": True}})
    yield Case(
        "task backup_sync of %d files, nothing to do" % min(1000, scale.durable_files),
        "copy remote_src",
        1.00,
        [Contender("backup_sync", lambda _n: sync, _ok), Contender("copy remote_src", lambda _n: copy, _ok)],
    )
    drop_below(there)
