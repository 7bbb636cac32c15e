# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a group may set, what holds for all groups, and what the modules take: one list, in several places."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.report import SPEC as SMTP
from ansible_collections.fleetproof.backup.plugins.module_utils._news.options import NEWS
from ansible_collections.fleetproof.backup.plugins.module_utils._news.request import SPEC as FETCH

ROLE = Path(__file__).resolve().parents[4] / "roles" / "news_digest"
OF_ONE_GROUP = {"group", "name"}
SERVERS = {"server": NEWS, "post_server": NEWS, "smtp": SMTP}
SECRET = {"password", "oauth_token"}


def load(path):
    return yaml.safe_load((ROLE / path).read_text(encoding="utf-8"))


SPECS = load("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
OF_A_ROLE = {name[len("news_digest_") :]: option for name, option in SPECS.items()}
OF_GROUPS = OF_A_ROLE["groups"]["options"]
DEFAULTS = {name[len("news_digest_") :]: value for name, value in load("defaults/main.yml").items()}


def test_every_option_of_a_group_has_a_default_for_all_of_them():
    assert set(DEFAULTS) == set(OF_A_ROLE)
    assert set(OF_GROUPS) - OF_ONE_GROUP <= set(OF_A_ROLE)
    merged = load("vars/main.yml")["news_digest__group"]
    assert set(re.findall(r"'(\w+)': news_digest_\w", merged)) == set(OF_GROUPS) - {"group"}


@pytest.mark.parametrize("name", sorted(OF_A_ROLE))
def test_defaults_are_as_they_are_documented(name):
    documented = OF_A_ROLE[name].get("default")
    assert (type(DEFAULTS[name]), DEFAULTS[name]) == (type(documented), documented)


@pytest.mark.parametrize("name", sorted(set(OF_GROUPS) - OF_ONE_GROUP))
def test_options_of_a_group_are_those_of_the_module(name):
    mine, wanted = OF_GROUPS[name], FETCH.argument_spec[name]
    assert (mine["type"], mine.get("elements")) == (wanted["type"], wanted.get("elements"))
    assert set(mine.get("options", ())) == set(wanted.get("options", ()))
    assert (OF_A_ROLE[name]["type"], OF_A_ROLE[name].get("options")) == (mine["type"], mine.get("options"))


@pytest.mark.parametrize("server", sorted(SERVERS))
def test_options_of_a_server_are_those_of_the_module(server):
    options = OF_A_ROLE[server]["options"]
    assert set(options) >= set(NEWS.argument_spec)
    for name, mine in options.items():
        wanted = SERVERS[server].argument_spec[name]
        assert mine["type"] == wanted["type"]
        if "choices" in mine:
            assert set(mine["choices"]) == set(wanted["choices"])
        assert "default" not in mine, "the default is the one of the module"
    assert {name for name, option in options.items() if option.get("no_log")} == SECRET


@pytest.mark.parametrize(
    ("module", "file", "variable", "server"),
    [
        ("nntp_fetch", "group.yml", "news_digest_server", "server"),
        ("nntp_post", "deliver.yml", "news_digest__posting", "post_server"),
        ("smtp_report", "deliver.yml", "news_digest_smtp", "smtp"),
    ],
)
def test_every_option_of_a_server_is_handed_on(module, file, variable, server):
    text = (ROLE / "tasks" / file).read_text(encoding="utf-8")
    (block,) = re.findall(r"fleetproof\.backup\.%s:\n((?: {4,}.*\n)*)" % module, text)
    handed = re.findall(r" (\w+): \"\{\{ %s\.(\w+) " % variable, block)
    assert [option for option, _name in handed] == [name for _option, name in handed]
    assert {name for _option, name in handed} == set(OF_A_ROLE[server]["options"])


def test_secrets_are_kept_in_no_fact():
    for path in (ROLE / "tasks").glob("*.yml"):
        for fact in re.findall(r"set_fact:\n((?: {4,}.*\n)*)", path.read_text(encoding="utf-8")):
            assert "_server" not in fact
            assert "_smtp" not in fact
            assert "__posting" not in fact
