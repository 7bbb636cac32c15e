# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One SMTP server for the tests of mail, on loopback, and mails to send to it."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.report import SPEC, report
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Outcome, Task
from ansible_collections.fleetproof.backup.plugins.module_utils._net import retry
from ansible_collections.fleetproof.backup.tests.testbed.popd import PopServer
from ansible_collections.fleetproof.backup.tests.testbed.signing import make_signing_keys
from ansible_collections.fleetproof.backup.tests.testbed.smtpd import SmtpServer

from .fetching import Fetcher


class Sender:
    """Runs the job of smtp_report with the options that a test names, and sensible ones for the rest."""

    def __init__(self, server: SmtpServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.ledger = folder / "state" / "ledger.jsonl"

    def options(self, **given: t.Any) -> t.Dict[str, t.Any]:
        found = {name: option.get("default") for name, option in SPEC.argument_spec.items()}
        usual = {"host": self.server.host, "port": self.server.port, "ca_path": self.server.ca, "timeout": 5.0, "retries": 0}
        mail = {"sender": "Fleet <fleet@example.com>", "to": ["ops@example.com"], "subject": "Report", "body": "All good.\n", "ledger": str(self.ledger)}
        unknown = set(given) - set(found)
        assert not unknown, unknown
        return {**found, **usual, **mail, **given}

    def __call__(self, check: bool = False, **given: t.Any) -> Outcome:
        return report(Task(self.options(**given), check, True))


@pytest.fixture(scope="session")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[SmtpServer]:
    with SmtpServer(tmp_path_factory.mktemp("smtpd")) as server:
        yield server


@pytest.fixture
def server(running_server: SmtpServer) -> SmtpServer:
    running_server.behave()
    running_server.forget()
    return running_server


@pytest.fixture
def send(server: SmtpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sender:
    # the pauses have tests of their own
    monkeypatch.setattr(retry, "backoff", lambda _attempt: 0.01)
    return Sender(server, tmp_path)


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of make_signing_keys."""
    return make_signing_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def running_pop(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[PopServer]:
    with PopServer(tmp_path_factory.mktemp("popd")) as server:
        yield server


@pytest.fixture
def pop(running_pop: PopServer) -> PopServer:
    running_pop.behave()
    running_pop.forget()
    return running_pop


@pytest.fixture
def fetch(pop: PopServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fetcher:
    # the pauses have tests of their own
    monkeypatch.setattr(retry, "backoff", lambda _attempt: 0.01)
    return Fetcher(pop, tmp_path)
