# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation of nntp_fetch says is what the module takes and returns, and its examples run."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from ansible_collections.fleetproof.backup.plugins.doc_fragments.connection import ModuleDocFragment as Connection
from ansible_collections.fleetproof.backup.plugins.doc_fragments.nntp import ModuleDocFragment as News
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Outcome, Task
from ansible_collections.fleetproof.backup.plugins.module_utils._news.fetch import fetch
from ansible_collections.fleetproof.backup.plugins.module_utils._news.request import SPEC
from ansible_collections.fleetproof.backup.plugins.modules import nntp_fetch as module
from ansible_collections.fleetproof.backup.tests.testbed.nntpd import NewsServer

from .documented import compare_options, compare_returns, options_of

RETURN: t.Dict[str, t.Any] = yaml.safe_load(module.RETURN)
EXAMPLES: t.List[t.Dict[str, t.Any]] = [task for task in yaml.safe_load(module.EXAMPLES) if "fleetproof.backup.nntp_fetch" in task]
GROUPS = ("comp.lang.python.announce", "example.backup.reports")
# Return keys that Ansible takes for its own.
RESERVED = {"skipped", "failed", "exception", "rc", "results", "invocation", "warnings", "deprecations"}
ARTICLE = (
    b"From: Ann <a@example.com>\nSubject: Restore\nMessage-ID: <2026.%d@example.com>\nContent-Type: multipart/mixed; boundary=b\n\n"
    b"--b\n\npostgres\n--b\nContent-Type: text/csv; name=data.csv\n\n1,2\n--b--\n"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[NewsServer]:
    with NewsServer(tmp_path_factory.mktemp("nntpd")) as running:
        for group in GROUPS:
            running.add_group(group)
        running.add_article(GROUPS, ARTICLE % 1)
        running.add_article(GROUPS, ARTICLE % 2)
        yield running


def run(server: NewsServer, given: t.Dict[str, t.Any]) -> Outcome:
    """The job with these options at the server of the test."""
    options = {name: option.get("default") for name, option in SPEC.argument_spec.items()}
    clear = given.get("tls", "implicit") != "implicit"
    login = {"username": "fleet", "password": "correct horse"} if "username" in given else {}
    options.update(given, host=server.host, port=server.port if clear else server.tls_port, ca_path=server.ca, retries=0, **login)
    if isinstance(options["articles"], str):
        options["articles"] = [options["articles"]]
    return fetch(Task(options, False, True))


def test_every_option_is_what_its_documentation_says() -> None:
    compare_options(options_of(Connection.DOCUMENTATION, News.DOCUMENTATION, module.DOCUMENTATION), SPEC.argument_spec)


def test_everything_that_is_returned_is_documented(server: NewsServer, tmp_path: Path) -> None:
    server.add_group("other")
    server.add_article("other", ARTICLE % 3)
    server.add_article("other", ARTICLE % 4 + b"x" * 5000)
    server.add_article("other", (ARTICLE % 5).replace(b"--b--\n", b""))
    server.add_article("other", ARTICLE % 6)
    server.behave(replies={"ARTICLE": ["403 bad sector", None]})
    result = run(
        server, {"group": "other", "articles": "1-", "dest": str(tmp_path / "news"), "state": str(tmp_path / "state"), "max_size": "4K", "threads": True}
    ).result
    assert set(result) == set(RETURN) - {"error"}
    assert not set(result) & RESERVED
    for name, found in result.items():
        compare_returns(found, RETURN[name], name)


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["name"] for example in EXAMPLES])
def test_an_example_runs_as_it_is_written(example: t.Dict[str, t.Any], server: NewsServer, tmp_path: Path) -> None:
    server.behave()
    given = dict(example["fleetproof.backup.nntp_fetch"])
    if "dest" in given:
        given.update(dest=str(tmp_path / "there"), state=str(tmp_path / "state"))
    outcome = run(server, given)
    wanted = 1 if given.get("articles", "latest") == "latest" and "count" not in given else 2
    assert (outcome.failure, outcome.warnings, outcome.result["counts"]["matched"]) == (None, [], wanted)
