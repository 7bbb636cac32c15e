# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation of nntp_info says is what the module takes and returns, and its examples run."""

from __future__ import annotations

import typing as t

import pytest
import yaml  # type: ignore[import-untyped]
from ansible_collections.fleetproof.backup.plugins.doc_fragments.connection import ModuleDocFragment as Connection
from ansible_collections.fleetproof.backup.plugins.doc_fragments.nntp import ModuleDocFragment as News
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Outcome, Task
from ansible_collections.fleetproof.backup.plugins.module_utils._news.info import SPEC, info
from ansible_collections.fleetproof.backup.plugins.modules import nntp_info as module
from ansible_collections.fleetproof.backup.tests.testbed.nntpd import NewsServer

from .documented import compare_options, compare_returns, options_of

RETURN: t.Dict[str, t.Any] = yaml.safe_load(module.RETURN)
EXAMPLES: t.List[t.Dict[str, t.Any]] = [task for task in yaml.safe_load(module.EXAMPLES) if "fleetproof.backup.nntp_info" in task]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[NewsServer]:
    with NewsServer(tmp_path_factory.mktemp("nntpd")) as running:
        running.add_group("example.reports")
        running.add_group("example.test.x")
        yield running


def run(server: NewsServer, given: t.Dict[str, t.Any]) -> Outcome:
    """The job with these options at the server of the test."""
    options = {name: option.get("default") for name, option in SPEC.argument_spec.items()}
    options.update(given, host=server.host, port=server.tls_port, ca_path=server.ca, retries=0, username="fleet", password="correct horse")
    return info(Task(options, False, True))


def test_every_option_is_what_its_documentation_says() -> None:
    compare_options(options_of(Connection.DOCUMENTATION, News.DOCUMENTATION, module.DOCUMENTATION), SPEC.argument_spec)


def test_everything_that_is_returned_is_documented(server: NewsServer) -> None:
    result = run(server, {"new_since": "1d"}).result
    assert set(result) == set(RETURN) - {"error"}
    for name, found in result.items():
        compare_returns(found, RETURN[name], name)


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["name"] for example in EXAMPLES])
def test_an_example_runs_as_it_is_written(example: t.Dict[str, t.Any], server: NewsServer) -> None:
    given = dict(example["fleetproof.backup.nntp_info"])
    outcome = run(server, given)
    wanted = ["example.reports"] if "groups" in given else ["example.reports", "example.test.x"]
    assert (outcome.changed, outcome.warnings, [row["name"] for row in outcome.result["groups"]]) == (False, [], wanted)
    if "new_since" in given:
        assert outcome.result["new_groups"] == ["example.reports"]
