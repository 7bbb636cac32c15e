# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a route may set, what holds for all routes, and what the modules take: one list, in several places."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.fleetproof.backup.plugins.filter.fleet_report import PARTS
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.report import SPEC
from ansible_collections.fleetproof.backup.plugins.module_utils._net.options import CONNECTION

ROLE = Path(__file__).resolve().parents[4] / "roles" / "mail_roundtrip"
OF_ONE_ROUTE = {"name"}
OTHER = {"routes", "fail_on_bad", "max_findings"}
SERVERS = {"smtp", "fetch"}
SECRET = {"password", "oauth_token"}


def load(path):
    return yaml.safe_load((ROLE / path).read_text(encoding="utf-8"))


SPECS = load("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
OF_A_ROLE = {name[len("mail_roundtrip_") :]: option for name, option in SPECS.items()}
OF_ROUTES = OF_A_ROLE["routes"]["options"]
DEFAULTS = {name[len("mail_roundtrip_") :]: value for name, value in load("defaults/main.yml").items()}
VARS = load("vars/main.yml")


def test_every_option_of_a_route_has_a_default_for_all_of_them():
    assert set(OF_A_ROLE) == (set(OF_ROUTES) - OF_ONE_ROUTE) | OTHER
    assert set(DEFAULTS) == set(OF_A_ROLE)
    assert VARS["mail_roundtrip__defaults"] == {name: "{{ mail_roundtrip_%s }}" % name for name in set(OF_ROUTES) - OF_ONE_ROUTE - SERVERS}


@pytest.mark.parametrize("name", sorted(set(OF_A_ROLE) - {"subject"}))
def test_defaults_are_as_they_are_documented(name):
    documented = OF_A_ROLE[name].get("default")
    assert (type(DEFAULTS[name]), DEFAULTS[name]) == (type(documented), documented)


@pytest.mark.parametrize("server", sorted(SERVERS))
def test_a_server_is_described_in_the_same_words_for_one_route_and_for_all(server):
    assert OF_ROUTES[server]["options"] == OF_A_ROLE[server]["options"]
    assert set(OF_ROUTES[server]["options"]) >= set(CONNECTION.argument_spec)


@pytest.mark.parametrize("name", sorted(OF_ROUTES["smtp"]["options"]))
def test_options_of_the_server_that_sends_are_those_of_the_module(name):
    mine, wanted = OF_ROUTES["smtp"]["options"][name], SPEC.argument_spec[name]
    assert mine["type"] == wanted["type"]
    if "choices" in mine:
        assert set(mine["choices"]) == set(wanted["choices"])
    assert "default" not in mine, "a default here would overrule the one for all routes"


@pytest.mark.parametrize(("module", "server"), [("smtp_report", "smtp"), ("pop3_fetch", "fetch"), ("imap_fetch", "fetch")])
def test_every_option_of_a_server_is_handed_on(module, server):
    text = (ROLE / "tasks" / "trip.yml").read_text(encoding="utf-8")
    (block,) = re.findall(r"fleetproof\.backup\.%s:\n((?: {8,}.*\n)*)" % module, text)
    handed = set(re.findall(r"mail_roundtrip__%s\.(\w+) " % server, block))
    assert handed == set(OF_ROUTES[server]["options"]) - ({"mailbox"} if module == "pop3_fetch" else set())


def test_secrets_are_marked_and_are_read_by_no_report_and_kept_in_no_fact():
    for server in SERVERS:
        options = OF_ROUTES[server]["options"]
        # what a mail is signed with may hold a key
        assert {name for name, option in options.items() if option.get("no_log")} == SECRET | ({"sign"} if server == "smtp" else set())
        assert not set(PARTS["mail_roundtrip_routes"][server]) & (SECRET | {"username"})
    assert not set(VARS["mail_roundtrip__public"]) & (SECRET | {"username"})


def test_the_attached_file_holds_all_octets_there_are():
    assert set(base64.b64decode(VARS["mail_roundtrip__octets"])) == set(range(256))
