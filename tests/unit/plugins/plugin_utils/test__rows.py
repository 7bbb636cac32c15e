# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.fleetproof.backup.plugins.plugin_utils import _rows
from ansible_collections.fleetproof.backup.tests.unit.plugins.plugin_utils.reporting import NOW, pair, unreachable, verified


def row(facts, limited_out=False):
    return _rows.host_row("web1", facts, limited_out, NOW)


def test_a_verified_host_has_the_worst_verdict_of_its_backups():
    found = row(verified(pair("a"), pair("b", "stale"), pair("c", "damaged"), pair("d", "repaired")))
    assert found["verdict"] == "damaged"
    assert not found["good"]
    assert [item["name"] for item in found["pairs"]] == ["c", "b", "d", "a"]


@pytest.mark.parametrize("verdict", ["good", "repaired"])
def test_a_repaired_backup_is_good(verdict):
    assert row(verified(pair(verdict=verdict)))["good"]


def test_a_host_that_does_not_answer_is_a_row_with_its_reason_and_its_backups():
    found = row(unreachable("etc", "www", msg="Task failed: No route\nto host"))
    assert found["verdict"] == "unreachable"
    assert found["reasons"] == ["Did not answer: No route to host"]
    assert {item["name"]: item["verdict"] for item in found["pairs"]} == {"etc": "unreachable", "www": "unreachable"}
    assert found["todo"]


def test_a_host_of_which_nothing_is_known_has_failed():
    found = row({})
    assert (found["verdict"], found["pairs"]) == ("failed", [])
    assert found["reasons"] == [_rows.REASON_STOPPED]


def test_a_host_outside_the_limit_was_skipped():
    found = row({"backup_verify_pairs": [{"name": "etc"}]}, limited_out=True)
    assert found["verdict"] == "skipped"
    assert found["pairs"][0]["verdict"] == "skipped"


def test_a_verdict_holds_although_its_host_is_outside_the_limit():
    assert row(verified(pair()), limited_out=True)["verdict"] == "good"


def test_a_host_that_answered_and_has_no_verdict_has_failed_even_outside_the_limit():
    assert row({"backup_verify_reach": {"ping": "pong"}}, limited_out=True)["verdict"] == "failed"


def test_a_backup_that_the_run_did_not_come_to_has_failed():
    facts = {**verified(pair("a")), "backup_verify_pairs": [{"name": "a"}, {"name": "b", "src": "/b"}]}
    found = row(facts)
    assert found["verdict"] == "failed"
    assert {item["name"]: item["verdict"] for item in found["pairs"]} == {"a": "good", "b": "failed"}


def test_a_host_that_went_away_midway_keeps_the_verdicts_it_has():
    facts = {**unreachable("a", "b"), "fleetproof_verdicts": [pair("a")]}
    assert {item["name"]: item["verdict"] for item in row(facts)["pairs"]} == {"a": "good", "b": "unreachable"}


def test_the_failure_of_the_role_itself_speaks_for_all_backups():
    facts = {**verified(pair("backup_verify", "failed")), "backup_verify_pairs": [{"name": "a"}]}
    assert [item["name"] for item in row(facts)["pairs"]] == ["backup_verify"]


def test_verdicts_of_other_roles_stand_beside_those_of_the_same_name():
    found = row(verified(pair("etc"), pair("etc", "failed", source="ftp_mirror")))
    assert [(item["source"], item["verdict"]) for item in found["pairs"]] == [("ftp_mirror", "failed"), ("backup_verify", "good")]


def test_the_last_word_on_a_backup_counts():
    found = row(verified(pair("etc", "damaged"), pair("etc", "repaired")))
    assert [item["verdict"] for item in found["pairs"]] == ["repaired"]


@pytest.mark.parametrize("verdict", ["fine", "", None, 1, ["good"]])
def test_a_verdict_that_nobody_knows_is_a_failure(verdict):
    found = row(verified(pair(verdict=verdict)))
    assert found["verdict"] == "failed"
    assert "none that a report knows" in found["pairs"][0]["reasons"][0]


@pytest.mark.parametrize("value", ["good", 5, {"verdict": "good"}, [5], [{"verdict": "good"}], [None]])
def test_a_fact_that_is_no_list_of_verdicts_is_a_failure(value):
    found = row({"backup_verify_reach": {}, "fleetproof_verdicts": value})
    assert found["verdict"] == "failed"


@pytest.mark.parametrize(
    "more",
    [
        {"findings": None},
        {"findings": ["a"]},
        {"findings": [{"path": None}]},
        {"findings_total": "many"},
        {"reasons": "one"},
        {"counts": None},
        {"counts": {"right_list": 5}},
        {"bytes": None},
        {"bytes": {"left": "x"}},
        {"newest": "yesterday"},
        {"duration": "long"},
        {"checked_at": 5},
        {"repair": "yes"},
        {"complete": "yes"},
    ],
)
def test_odd_values_of_a_verdict_never_cost_the_report(more):
    found = row(verified(pair(**more)))
    assert found["verdict"] == "good"


def test_findings_that_are_not_named_are_counted():
    item = row(verified(pair(verdict="damaged", findings=[{"path": "a", "what": "b"}], findings_total=50)))["pairs"][0]
    assert (len(item["findings"]), item["findings_total"]) == (1, 50)


def test_the_age_is_from_the_newest_file_to_the_report():
    assert row(verified(pair()))["pairs"][0]["age"] == 3600
    assert row(verified(pair(newest=None)))["pairs"][0]["age"] is None


SITES = [{"name": "pub", "host": "ftp.example.com", "src": "/pub", "dest": "/srv/pub"}, {"name": "up", "host": "ftp.example.com", "src": "/a", "dest": "/b"}]


def test_mirrors_of_a_host_that_does_not_answer_are_rows_with_their_addresses():
    facts = {"ftp_mirror_reach": {"unreachable": True, "msg": "No route"}, "ftp_mirror_sites": SITES}
    found = row(facts)
    assert found["verdict"] == "unreachable"
    pub = found["pairs"][0]
    assert (pub["source"], pub["noun"], pub["name"], pub["src"], pub["dest"]) == ("ftp_mirror", "mirror", "pub", "ftp://ftp.example.com/pub", "/srv/pub")
    assert [item["name"] for item in found["pairs"]] == ["pub", "up"]


def test_a_mirror_that_the_run_did_not_come_to_has_failed():
    facts = {**verified(pair("a")), "ftp_mirror_reach": {"ping": "pong"}, "ftp_mirror_sites": SITES}
    verdicts = {(item["source"], item["name"]): item["verdict"] for item in row(facts)["pairs"]}
    assert verdicts == {("backup_verify", "a"): "good", ("ftp_mirror", "pub"): "failed", ("ftp_mirror", "up"): "failed"}


def test_a_host_that_went_away_between_two_roles_says_so_of_the_second():
    facts = {**verified(pair("a")), "ftp_mirror_reach": {"unreachable": True}, "ftp_mirror_sites": SITES}
    assert {item["name"]: item["verdict"] for item in row(facts)["pairs"]} == {"a": "good", "pub": "unreachable", "up": "unreachable"}


def test_the_failure_of_the_role_itself_speaks_for_all_mirrors():
    facts = {"ftp_mirror_sites": SITES, "fleetproof_verdicts": [pair("ftp_mirror", "failed", source="ftp_mirror")]}
    assert [item["name"] for item in row(facts)["pairs"]] == ["ftp_mirror"]


def test_what_a_role_that_took_no_part_would_have_judged_is_no_row():
    facts = {"backup_verify_pairs": [{"name": "etc"}], "ftp_mirror_sites": SITES}
    roles = _rows.roles_of([facts, verified(pair())])
    assert roles == {"backup_verify"}
    assert [item["name"] for item in _rows.host_row("web1", facts, True, NOW, roles)["pairs"]] == ["etc"]


def test_any_role_may_have_taken_part_when_no_host_says_so():
    assert _rows.roles_of([{}, {"ftp_mirror_sites": SITES}]) == {"backup_verify", "ftp_mirror", "mail_roundtrip"}


def test_mail_that_a_host_did_not_come_to_send_is_a_row_with_its_two_ends():
    routes = [{"name": "reports", "protocol": "pop3", "smtp": {"host": "mx"}, "fetch": {"host": "pop"}}]
    found = row({"mail_roundtrip_reach": {"unreachable": True}, "mail_roundtrip_routes": routes})["pairs"]
    assert [(item["source"], item["noun"], item["verdict"], item["src"], item["dest"]) for item in found] == [
        ("mail_roundtrip", "mailbox", "unreachable", "smtp://mx", "pop3s://pop")
    ]


def test_backups_and_mirrors_have_nouns_of_their_own():
    found = row(verified(pair("a"), pair("b", source="ftp_mirror", told="Fetched from\n<b>")))
    assert [(item["noun"], item["told"]) for item in found["pairs"]] == [("backup", ""), ("mirror", "Fetched from <b>")]
