# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One news server for the tests of news, on loopback, and articles in it."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Outcome, Task
from ansible_collections.fleetproof.backup.plugins.module_utils._net import retry
from ansible_collections.fleetproof.backup.plugins.module_utils._net.auth import Credentials
from ansible_collections.fleetproof.backup.plugins.module_utils._net.stream import Endpoint
from ansible_collections.fleetproof.backup.plugins.module_utils._net.tls import TlsPolicy
from ansible_collections.fleetproof.backup.plugins.module_utils._news.client import NewsServer
from ansible_collections.fleetproof.backup.plugins.module_utils._news.fetch import fetch
from ansible_collections.fleetproof.backup.plugins.module_utils._news.info import SPEC as INFO
from ansible_collections.fleetproof.backup.plugins.module_utils._news.info import info
from ansible_collections.fleetproof.backup.plugins.module_utils._news.request import SPEC as FETCH
from ansible_collections.fleetproof.backup.tests.testbed import nntpd

GROUP = "fleet.reports"
FLEET = Credentials("fleet", "correct horse")


def article(name: str, subject: str = "", body: str = "Text.\n", **more: str) -> bytes:
    """The article <name@example.com>."""
    fields = {"From": "Alice <alice@example.com>", "Subject": subject or name, "Date": "Mon, 02 Mar 2026 10:00:00 +0000"}
    fields.update((key.replace("_", "-").title(), value) for key, value in more.items())
    fields.update({"Newsgroups": GROUP, "Message-ID": "<%s@example.com>" % name})
    return ("".join("%s: %s\n" % pair for pair in fields.items()) + "\n" + body).encode("utf-8")


class Reader:
    """Runs the jobs with the options that a test names, and sensible ones for the rest."""

    def __init__(self, server: nntpd.NewsServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.state = folder / "state.jsonl"

    def endpoint(self, tls: str = "none", **given: t.Any) -> Endpoint:
        port = self.server.tls_port if tls == "implicit" else self.server.port
        return Endpoint(**{"host": self.server.host, "port": port, "tls": tls, "policy": TlsPolicy(ca_path=self.server.ca), "timeout": 5.0, **given})

    def connect(self, tls: str = "none", credentials: t.Optional[Credentials] = None, **given: t.Any) -> NewsServer:
        return NewsServer.connect(self.endpoint(tls, **given), credentials)

    def fetch(self, check: bool = False, **given: t.Any) -> Outcome:
        if given.get("articles") == ["new"] or "dest" in given:
            given.setdefault("state", str(self.state))
        return fetch(Task(self._options(FETCH.argument_spec, {"group": GROUP, **given}), check, True))

    def info(self, **given: t.Any) -> Outcome:
        return info(Task(self._options(INFO.argument_spec, given), False, True))

    def _options(self, spec: t.Mapping[str, t.Any], given: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
        found = {name: option.get("default") for name, option in spec.items()}
        usual = {"host": self.server.host, "port": self.server.port, "tls": "none", "ca_path": self.server.ca, "timeout": 5.0, "retries": 0}
        unknown = set(given) - set(found)
        assert not unknown, unknown
        return {**found, **usual, **given}


def ids(outcome: Outcome) -> t.List[str]:
    """The names of the articles that are returned."""
    return [row["id"].strip("<>").partition("@")[0] for row in outcome.result["messages"]]


@pytest.fixture(scope="session")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[nntpd.NewsServer]:
    with nntpd.NewsServer(tmp_path_factory.mktemp("nntpd")) as server:
        yield server


@pytest.fixture
def server(running_server: nntpd.NewsServer) -> nntpd.NewsServer:
    running_server.behave()
    running_server.forget()
    running_server.add_group(GROUP, description="Reports of all backups")
    return running_server


@pytest.fixture
def reader(server: nntpd.NewsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    # the pauses have tests of their own
    monkeypatch.setattr(retry, "backoff", lambda _attempt: 0.01)
    return Reader(server, tmp_path)
