# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs playbooks of the collection as a user does, with nothing of the user's own settings, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

# Seconds; a run that takes longer hangs.
TIMEOUT = 300
_RECAP = re.compile(r"^(\S+)\s+: ((?:\w+=\d+\s*)+)$", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """One run of ansible-playbook."""

    command: t.Tuple[str, ...]
    status: int
    output: str

    def recap(self) -> t.Dict[str, t.Dict[str, int]]:
        """The numbers of PLAY RECAP by host: ok, changed, unreachable, failed, skipped, rescued, ignored."""
        return {host: {word: int(number) for word, number in (pair.split("=") for pair in numbers.split())} for host, numbers in _RECAP.findall(self.output)}

    def changed(self) -> t.Set[str]:
        """The hosts on which something was changed."""
        return {host for host, numbers in self.recap().items() if numbers["changed"]}


def run_playbook(name: str, inventory: Path, home: Path, variables: t.Mapping[str, t.Any], options: t.Sequence[str] = (), log: t.Optional[Path] = None) -> Run:
    """Run ``fleetproof.backup.NAME`` to its end; ``home`` is where Ansible keeps its own files.

    Raises subprocess.TimeoutExpired. Whatever happens, no process of the run is left.
    """
    command = ["ansible-playbook", "fleetproof.backup." + name, "-i", str(inventory), *options]
    if variables:
        command += ["-e", json.dumps(variables)]
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name(command[0])), *command[1:]],
        cwd=home, env=_environment(home), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        encoding="utf-8", errors="replace", start_new_session=True,
    )  # fmt: skip
    try:
        output, _nothing = process.communicate(timeout=TIMEOUT)
    finally:
        _end(process)
    if log is not None:
        log.write_text(output, encoding="utf-8")
    return Run(tuple(command), process.returncode, output)


def _environment(home: Path) -> t.Dict[str, str]:
    """A host that does not answer is given up soon; the collection is the one of this checkout, or as Ansible was told."""
    settings = home / "ansible.cfg"
    settings.write_text("[defaults]\n", encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_") or name == "ANSIBLE_COLLECTIONS_PATH"}
    if "ANSIBLE_COLLECTIONS_PATH" not in kept:
        raise SystemExit("Set ANSIBLE_COLLECTIONS_PATH to the directory that holds ansible_collections/fleetproof/backup, as make does")
    return {
        **kept,
        "ANSIBLE_CONFIG": str(settings),
        "ANSIBLE_FORKS": "8",
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "true",
        # Not below the home of the passwd file, which need not exist.
        "ANSIBLE_REMOTE_TEMP": str(home / "tmp"),
        "ANSIBLE_SSH_ARGS": "-o ConnectTimeout=5 -o BatchMode=yes",
        "LC_ALL": "C.UTF-8",
    }


def _end(process: subprocess.Popen[str]) -> None:
    """End what is left of a process and of all that it started, and wait for it."""
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, signal_number)
            process.wait(5)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()
