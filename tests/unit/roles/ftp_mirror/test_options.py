# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a site may set, what holds for all sites, and what the modules take: one list, in five places."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.fleetproof.backup.plugins.filter.fleet_report import PARTS
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.transfer_options import SPEC

ROLE = Path(__file__).resolve().parents[4] / "roles" / "ftp_mirror"
# A mirror of which the source is emptied can never be shown to be complete; how much is listed is the role's own business.
NOT_FOR_MIRRORS = {"remove_source", "max_listed"}
# What only a site can say, and what the role asks of a mirror besides the transfer
OF_ONE_SITE = {"name", "src", "dest"}
OF_THE_ROLE = {"transfer", "prove", "max_age", "archive_keep"}
NEVER_IN_A_FACT = {"password"}
OTHER = {"sites", "fail_on_bad", "time_limit", "max_findings"}
# A mirror is of a tree.
OTHER_DEFAULTS = {"recursive": True}

TRANSFER = {name: option for name, option in SPEC.argument_spec.items() if name not in NOT_FOR_MIRRORS}


def load(path):
    return yaml.safe_load((ROLE / path).read_text(encoding="utf-8"))


SPECS = load("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
OF_A_ROLE = {name[len("ftp_mirror_") :]: option for name, option in SPECS.items()}
OF_SITES = OF_A_ROLE["sites"]["options"]
DEFAULTS = {name[len("ftp_mirror_") :]: value for name, value in load("defaults/main.yml").items()}


def test_a_site_can_set_every_option_of_a_transfer_and_nothing_that_is_none():
    assert set(OF_SITES) == set(TRANSFER) | OF_ONE_SITE | OF_THE_ROLE


def test_every_option_of_a_site_has_a_default_for_all_of_them_but_for_what_only_one_can_have():
    assert set(OF_A_ROLE) == (set(OF_SITES) - OF_ONE_SITE) | OTHER
    assert set(DEFAULTS) == set(OF_A_ROLE)
    merged = load("vars/main.yml")["ftp_mirror__defaults"]
    assert merged == {name: "{{ ftp_mirror_%s }}" % name for name in set(OF_A_ROLE) - OTHER - NEVER_IN_A_FACT}


@pytest.mark.parametrize("name", sorted(set(OF_A_ROLE) - {"sites"}))
def test_defaults_are_as_they_are_documented(name):
    documented = OF_A_ROLE[name].get("default")
    assert (type(DEFAULTS[name]), DEFAULTS[name]) == (type(documented), documented)


@pytest.mark.parametrize("name", sorted(set(TRANSFER) - OF_ONE_SITE))
def test_options_of_sites_and_of_the_role_are_those_of_the_module(name):
    for option in (OF_SITES[name], OF_A_ROLE[name]):
        for key in ("type", "elements", "choices"):
            mine, wanted = option.get(key), TRANSFER[name].get(key)
            assert sorted(mine or []) == sorted(wanted or []) if key == "choices" else (mine or "str") == (wanted or "str"), key
    assert "default" not in OF_SITES[name], "a default here would overrule the one for all sites"
    if name not in ("host", "direction"):
        assert DEFAULTS[name] == OTHER_DEFAULTS.get(name, TRANSFER[name].get("default"))


@pytest.mark.parametrize("path", ["tasks/transfer.yml", "tasks/seen.yml"])
def test_every_option_is_handed_on(path):
    text = (ROLE / path).read_text(encoding="utf-8")
    module = "ftp_transfer" if path == "tasks/transfer.yml" else "ftp_info"
    (block,) = re.findall(r"fleetproof\.backup\.%s:(?: &\w+)?\n((?:(?: +[\w#].*)?\n)*?) +register:" % module, text)
    handed = set(re.findall(r"^ +(\w+):", block, flags=re.MULTILINE))
    if module == "ftp_transfer":
        assert handed - {"max_listed"} == set(TRANSFER)
    else:
        # The connection is the same one.
        assert handed >= {name for name in TRANSFER if name in ("host", "port", "username", "password", "netrc", "tls", "validate_certs", "ca_path")}
        assert handed >= {"client_cert", "client_key", "tls_min_version", "timeout", "retries", "source_address", "passive", "encoding"}


def test_passwords_are_marked_and_are_read_by_no_report():
    assert OF_SITES["password"]["no_log"] is True
    assert OF_A_ROLE["password"]["no_log"] is True
    assert not {"username", "password"} & set(PARTS["ftp_mirror_sites"])
