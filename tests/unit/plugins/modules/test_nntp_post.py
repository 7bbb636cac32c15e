# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation of nntp_post says is what the module takes and returns."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from ansible_collections.fleetproof.backup.plugins.doc_fragments import connection, nntp
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Task
from ansible_collections.fleetproof.backup.plugins.module_utils._news.post import post
from ansible_collections.fleetproof.backup.plugins.module_utils._news.post_options import SPEC, draft_of
from ansible_collections.fleetproof.backup.plugins.modules import nntp_post
from ansible_collections.fleetproof.backup.tests.testbed.nntpd import NewsServer

OPTIONS: t.Dict[str, t.Dict[str, t.Any]] = {
    **yaml.safe_load(connection.ModuleDocFragment.DOCUMENTATION)["options"],
    **yaml.safe_load(nntp.ModuleDocFragment.DOCUMENTATION)["options"],
    **yaml.safe_load(nntp_post.DOCUMENTATION)["options"],
}
EXAMPLES: t.List[t.Dict[str, t.Any]] = [
    task["fleetproof.backup.nntp_post"] for task in yaml.safe_load(nntp_post.EXAMPLES) if "fleetproof.backup.nntp_post" in task
]
RETURN: t.Dict[str, t.Dict[str, t.Any]] = yaml.safe_load(nntp_post.RETURN)


def options(**given: t.Any) -> t.Dict[str, t.Any]:
    found = {name: option.get("default") for name, option in SPEC.argument_spec.items()}
    assert not set(given) - set(found)
    return {**found, **given}


def test_every_option_is_documented_and_every_documented_option_is_there() -> None:
    assert set(OPTIONS) == set(SPEC.argument_spec)


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_an_option_is_what_its_documentation_says(name: str) -> None:
    documented, real = OPTIONS[name], SPEC.argument_spec[name]
    assert documented["type"] == real["type"]
    assert documented.get("default") == real.get("default")
    assert list(documented.get("choices", [])) == list(real.get("choices", []))
    assert documented.get("aliases", []) == real.get("aliases", [])
    assert documented.get("elements") == real.get("elements")
    assert documented.get("required", False) == real.get("required", False)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_makes_an_article(example: t.Dict[str, t.Any]) -> None:
    if "{{" in example.get("reply_to", ""):
        example = {**example, "reply_to": "<2026.1@example.com>"}
    assert draft_of(options(**example)).message_id.endswith("@example.com>")


@pytest.mark.parametrize("state", ["posted", "present", "gone"])
def test_what_is_returned_is_documented(state: str, tmp_path: Path) -> None:
    with NewsServer(tmp_path) as news:
        news.add_group("fleet.test")
        given = options(host=news.host, port=news.port, tls="none", newsgroups=["fleet.test"], sender="fleet@example.com", timeout=5.0, retries=0)
        given.update({"cancel": "<never@example.com>"} if state == "gone" else {"subject": "Report", "body": "Text."})
        found = [post(Task(dict(given), False, False)).result for _time in range(2 if state == "present" else 1)][-1]
    assert found["state"] == state
    assert set(found) == set(RETURN) - {"error"}
    assert set(found["server"]) == set(RETURN["server"]["contains"])
    assert "V(%s)" % state in "".join(RETURN["state"]["description"])
