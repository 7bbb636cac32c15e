# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation of pop3_fetch says is what the module takes and returns, and its examples run."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from ansible_collections.fleetproof.backup.plugins.doc_fragments.connection import ModuleDocFragment as Connection
from ansible_collections.fleetproof.backup.plugins.doc_fragments.fetch import ModuleDocFragment as Fetching
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.pop3_fetch import SPEC, pop3_fetch
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Outcome, Task
from ansible_collections.fleetproof.backup.plugins.modules import pop3_fetch as module
from ansible_collections.fleetproof.backup.tests.testbed.popd import PopServer

OPTIONS: t.Dict[str, t.Any] = {
    **yaml.safe_load(Connection.DOCUMENTATION)["options"],
    **yaml.safe_load(Fetching.DOCUMENTATION)["options"],
    **yaml.safe_load(module.DOCUMENTATION)["options"],
}
RETURN: t.Dict[str, t.Any] = yaml.safe_load(module.RETURN)
EXAMPLES: t.List[t.Dict[str, t.Any]] = yaml.safe_load(module.EXAMPLES)
MAIL = (
    b"From: Ann <a@auditors.example.com>\r\nTo: ops@example.com\r\nMessage-ID: <1@example.com>\r\nSubject: Report\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\nContent-Type: text/csv; name=data.csv\r\n\r\n1,2\r\n--b--\r\n"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[PopServer]:
    with PopServer(tmp_path_factory.mktemp("popd")) as running:
        yield running


def run(server: PopServer, given: t.Dict[str, t.Any]) -> Outcome:
    """The job with these options at the server of the test."""
    options = {name: option.get("default") for name, option in SPEC.argument_spec.items()}
    port = server.port if given.get("tls") == "starttls" else server.tls_port
    options.update(given, host=server.host, port=port, ca_path=server.ca, username="fleet", password="correct horse", retries=0)
    return pop3_fetch(Task(options, False, True))


def test_every_option_is_what_its_documentation_says() -> None:
    def compared(documented: t.Dict[str, t.Any], real: t.Dict[str, t.Any]) -> None:
        assert set(documented) == set(real)
        for name, option in real.items():
            for fact in ("type", "default", "elements", "required"):
                assert documented[name].get(fact) == option.get(fact), (name, fact)
            assert set(documented[name].get("choices", [])) == set(option.get("choices", [])), name
            compared(documented[name].get("suboptions", {}), option.get("options", {}))

    compared(OPTIONS, SPEC.argument_spec)


def test_everything_that_is_returned_is_documented(server: PopServer, tmp_path: Path) -> None:
    server.behave(replies={"RETR": ["-ERR bad sector", None, None]})
    server.forget()
    for raw in (b"Content-Type: multipart/mixed\r\n\r\n--x\r\n", MAIL, MAIL + b"x" * 5000, MAIL):
        server.deliver(raw)
    given = {"dest": str(tmp_path / "mail"), "attachments_dest": str(tmp_path / "files"), "state": str(tmp_path / "state"), "max_size": "4K"}
    result = run(server, {**given, "delete": "fetched"}).result

    def compared(found: t.Any, documented: t.Dict[str, t.Any], where: str) -> None:
        if "contains" in documented:
            rows = found if isinstance(found, list) else [found]
            assert rows, where
            for row in rows:
                assert set(row) == set(documented["contains"]), where
                for name in row:
                    if row[name]:
                        compared(row[name], documented["contains"][name], "%s.%s" % (where, name))

    # an error is told by the frame of all modules
    assert set(result) == set(RETURN) - {"error"}
    for name, found in result.items():
        compared(found, RETURN[name], name)


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["name"] for example in EXAMPLES])
def test_an_example_runs_as_it_is_written(example: t.Dict[str, t.Any], server: PopServer, tmp_path: Path) -> None:
    server.behave()
    server.forget()
    server.deliver(MAIL)
    given = dict(example["fleetproof.backup.pop3_fetch"])
    for name in ("dest", "attachments_dest"):
        if name in given:
            given.update({name: str(tmp_path / "there"), "state": str(tmp_path / "state")})
    if "message_id" in given.get("match", {}):
        given["match"] = {"message_id": "<1@example.com>"}
    outcome = run(server, given)
    assert (outcome.failure, outcome.warnings, outcome.result["counts"]["matched"]) == (None, [], 1)
