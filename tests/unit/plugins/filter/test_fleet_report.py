# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime

import jinja2
import pytest
from ansible.errors import AnsibleError, AnsibleFilterError
from ansible_collections.fleetproof.backup.plugins.filter.fleet_report import FilterModule, fleet_report
from ansible_collections.fleetproof.backup.tests.unit.plugins.plugin_utils.reporting import NOW, pair, verified


class Variables(dict):
    """Variables of a host, one of which cannot be evaluated."""

    def __getitem__(self, key):
        if key == "backup_verify_pairs":
            raise AnsibleError("nothing is undefined here")
        return super().__getitem__(key)


def names(report):
    return {row["name"]: row["verdict"] for row in report["hosts"]}


def test_ansible_finds_it():
    assert FilterModule().filters() == {"fleet_report": fleet_report}


def test_hosts_that_took_part_are_in_the_report_although_nobody_asked():
    hostvars = {"web1": verified(pair()), "other": {"x": 1}, "gone": {"backup_verify_reach": {}}}
    assert names(fleet_report(hostvars, ["web1"])) == {"web1": "good", "gone": "failed"}


def test_a_host_that_the_inventory_does_not_know_is_a_row():
    assert names(fleet_report({}, ["web1"])) == {"web1": "failed"}


def test_a_variable_that_cannot_be_evaluated_costs_no_row():
    hostvars = {"web1": Variables(verified(pair()), backup_verify_pairs=[]), "web2": Variables(backup_verify_pairs=[])}
    assert names(fleet_report(hostvars, ["web1", "web2"], limit=["web1"])) == {"web1": "good", "web2": "skipped"}


def test_a_value_that_is_undefined_deep_in_a_variable_costs_no_row():
    pairs = [{"name": "etc", "src": jinja2.StrictUndefined(name="nowhere"), "dest": "/backup"}]
    assert names(fleet_report({"web1": {"backup_verify_pairs": pairs}, "web2": verified(pair())}, ["web1", "web2"])) == {"web1": "failed", "web2": "good"}


class Site(dict):
    """A site whose password cannot be decrypted."""

    def __getitem__(self, key):
        if key == "password":
            raise AnsibleError("no vault secret was found")
        return super().__getitem__(key)


def test_a_site_is_read_without_its_password():
    sites = [Site(name="pub", host="ftp.example.com", src="pub", dest="/srv/pub", username="fleet", password="sesame"), "odd"]
    report = fleet_report({"web1": {"ftp_mirror_reach": {"unreachable": True}, "ftp_mirror_sites": sites}}, ["web1"])
    assert [pair["src"] for pair in report["hosts"][0]["pairs"]] == ["ftp://ftp.example.com/pub"]
    assert "sesame" not in str(report)
    assert "fleet" not in str(report["hosts"])


@pytest.mark.parametrize("sites", [None, "pub", 5, {"name": "pub"}])
def test_sites_that_are_none_cost_no_row(sites):
    assert names(fleet_report({"web1": {"ftp_mirror_sites": sites, "fleetproof_verdicts": [pair()]}}, ["web1"])) == {"web1": "good"}


def test_the_report_is_of_now_unless_told_otherwise():
    made_at = datetime.datetime.strptime(fleet_report({}, ["a"])["made_at"], "%Y-%m-%dT%H:%M:%S%z")
    assert abs((datetime.datetime.now(datetime.timezone.utc) - made_at).total_seconds()) < 60
    assert fleet_report({}, ["a"], made_at="2026-02-03T05:05:06+01:00")["made_at"] == NOW


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"hosts": "web1"}, "hosts"),
        ({"hosts": [5]}, "hosts"),
        ({"limit": "web1"}, "limit"),
        ({"history": None}, "history"),
        ({"made_at": "now"}, "made_at"),
        ({"title": 5}, "title"),
        ({"hostvars": []}, "hostvars"),
    ],
)
def test_what_is_wrong_with_an_option_is_an_error_that_names_it(given, word):
    with pytest.raises(AnsibleFilterError, match="fleet_report: .*%s" % word):
        fleet_report(**{"hostvars": {}, "hosts": ["web1"], **given})
