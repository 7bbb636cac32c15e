# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The jobs of ftp_info and ftp_file against the server of the test bed; for the tests beside it."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._module import ArgumentSpec, Outcome, Task
from ansible_collections.fleetproof.backup.plugins.module_utils._net import retry
from ansible_collections.fleetproof.backup.tests.testbed.ftpd import USERS, FtpServer


class Asker:
    """Runs a job with the options that a test names, and sensible ones for the rest."""

    def __init__(self, server: FtpServer, spec: ArgumentSpec, job: t.Callable[[Task], Outcome]) -> None:
        self.server = server
        self.root = server.root
        self._spec = spec
        self._job = job

    def options(self, **given: t.Any) -> t.Dict[str, t.Any]:
        found = {name: option.get("default") for name, option in self._spec.argument_spec.items()}
        usual = {"host": self.server.host, "port": self.server.explicit_port, "ca_path": self.server.ca, "timeout": 10.0, "retries": 0}
        user = {"username": "fleet", "password": USERS["fleet"]}
        # "from" is a word of Python
        named = {name.rstrip("_"): value for name, value in given.items()}
        unknown = set(named) - set(found)
        assert not unknown, unknown
        return {**found, **usual, **user, **named}

    def __call__(self, check: bool = False, **given: t.Any) -> Outcome:
        return self._job(Task(self.options(**given), check, True))


def served(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[FtpServer]:
    """For a fixture: one server, of one user, for all tests of a file."""
    with FtpServer(tmp_path_factory.mktemp("ftpd")) as server:
        yield server


def fresh(server: FtpServer, monkeypatch: pytest.MonkeyPatch) -> FtpServer:
    """A server that behaves, and holds nothing."""
    server.behave()
    clear(server.root)
    # the pauses have tests of their own
    monkeypatch.setattr(retry, "backoff", lambda _attempt: 0.01)
    return server


def clear(folder: Path) -> None:
    for entry in os.scandir(os.fsencode(folder)):
        if entry.is_dir(follow_symlinks=False):
            os.chmod(entry.path, 0o700)
            clear(Path(os.fsdecode(entry.path)))
            os.rmdir(entry.path)
        else:
            os.unlink(entry.path)


def plant(root: Path, *paths: str) -> None:
    """Files of three bytes; a path that ends in a slash is an empty directory."""
    for path in paths:
        place = root / path
        if path.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"abc")
