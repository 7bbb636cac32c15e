# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible_collections.fleetproof.backup.plugins.plugin_utils import _report
from ansible_collections.fleetproof.backup.tests.unit.plugins.plugin_utils.reporting import (
    history_of,
    nasty_fleet,
    pair,
    report,
    unreachable,
    verified,
)

GOOD = {"web1": verified(pair()), "web2": verified(pair())}
BAD = {**GOOD, "web2": verified(pair(verdict="damaged"))}


def test_the_subject_says_it_at_once():
    fleet = {"host%d" % number: verified(pair()) for number in range(6)}
    fleet.update(db1=verified(pair(verdict="damaged")), web3=unreachable("etc"))
    assert report(fleet)["subject"] == "Backups: 6 of 8 hosts good, 2 bad: web3, db1"


@pytest.mark.parametrize(
    ("tally", "bad", "text"),
    [
        ((8, 8, 0, 0), [], "all 8 hosts good"),
        ((1, 1, 0, 0), [], "1 of 1 host good"),
        ((1, 0, 1, 0), ["a"], "0 of 1 host good, 1 bad: a"),
        ((3, 1, 0, 2), [], "1 of 3 hosts good, 2 not checked"),
        ((3, 1, 1, 1), ["a"], "1 of 3 hosts good, 1 bad: a; 1 not checked"),
        ((9, 1, 8, 0), list("abcdefgh"), "1 of 9 hosts good, 8 bad: a, b, c, d, e and 3 more"),
        ((0, 0, 0, 0), [], "no host was asked for"),
    ],
)
def test_headlines(tally, bad, text):
    assert _report.headline(dict(zip(("total", "good", "bad", "skipped"), tally)), bad) == text


def test_a_subject_stays_one_line_whatever_a_host_is_called():
    assert "\n" not in report({"a\nBcc: x@example.com": {}})["subject"]


def test_the_worst_host_comes_first_and_names_are_in_the_order_of_people():
    fleet = {
        "web10": verified(pair()),
        "web2": verified(pair()),
        "db": verified(pair(verdict="stale")),
        "mail": unreachable(),
        "x": verified(pair(verdict="repaired")),
    }
    assert [row["name"] for row in report(fleet)["hosts"]] == ["mail", "db", "x", "web2", "web10"]


def test_every_host_that_was_asked_for_is_a_row_once():
    rows = report(GOOD, hosts=["web1", "gone", "web1"])["hosts"]
    assert sorted(row["name"] for row in rows) == ["gone", "web1"]


@pytest.mark.parametrize(
    ("fleet", "limit", "verdict"),
    [
        (GOOD, None, "good"),
        (BAD, None, "bad"),
        ({**GOOD, "x": {}}, ["web1", "web2"], "partial"),
        ({**BAD, "x": {}}, ["web1", "web2"], "bad"),
        ({}, None, "bad"),
    ],
)
def test_the_verdict_on_the_whole(fleet, limit, verdict):
    assert report(fleet, limit=limit)["verdict"] == verdict


def test_the_summary_counts_everything():
    summary = report({**BAD, "mail": unreachable("a", "b"), "left": {}}, limit=["web1", "web2", "mail"])["summary"]
    assert summary["hosts"] == {"total": 4, "good": 1, "bad": 2, "skipped": 1}
    assert summary["backups"] == {"total": 4, "good": 1, "bad": 3, "skipped": 0}
    assert summary["verdicts"] == {"good": 1, "damaged": 1, "unreachable": 2}
    assert (summary["entries"], summary["bytes"], summary["duration"]) == (12, 2048, 3.0)


def test_a_first_report_has_no_changes_and_is_news():
    first = report(BAD)
    assert (first["changes"], first["previous"], first["same"], first["news"]) == ([], None, False, True)


def test_the_same_again_is_the_same_whatever_the_time():
    later = {"web1": verified(pair(duration=9.9, newest="2026-02-03T04:00:00Z", checked_at="2026-02-03T04:05:00Z")), "web2": verified(pair())}
    again = report(later, history_of(GOOD))
    assert again["same"]
    assert again["changes"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "damaged"},
        {"findings": [{"path": "a", "what": "b"}]},
        {"bytes": {"left": 1, "right": 2}},
        {"src": "/other"},
        {"complete": False},
        {"counts": {}},
    ],
)
def test_whatever_else_changes_makes_it_another_report(change):
    assert not report({**GOOD, "web2": verified(pair(**change))}, history_of(GOOD))["same"]


def test_another_title_makes_it_another_report():
    assert not report(GOOD, history_of(GOOD), title="Nightly")["same"]


def test_changes_are_told_the_worst_first():
    before = {**GOOD, "old": verified(pair())}
    after = {"web1": verified(pair(), pair("www")), "web2": unreachable("etc")}
    changes = [(change["host"], change["pair"], change["before"], change["after"]) for change in report(after, history_of(before))["changes"]]
    assert changes == [("web2", "etc", "good", "unreachable"), ("old", "etc", "good", None), ("web1", "www", None, "good")]


def test_a_backup_that_nobody_asks_for_any_more_is_told():
    before = {"web1": verified(pair(), pair("www"))}
    assert report({"web1": verified(pair())}, history_of(before))["changes"] == [{"host": "web1", "pair": "www", "before": "good", "after": None}]


def test_a_host_that_was_left_out_has_not_changed():
    left_out = report(BAD | {"web1": {}}, history_of(BAD), limit=["web2"])
    assert left_out["changes"] == []
    assert left_out["state"] == report(BAD)["state"]


def test_the_verdict_before_a_limited_run_is_what_counts_after_it():
    limited = report({"web1": verified(pair()), "web2": {}}, history_of(BAD), limit=["web1"], made_at="2026-01-02T00:00:00Z")
    text = "".join(json.dumps(run) + "\n" for run in limited["history"])
    after = report(BAD, text)
    assert after["changes"] == []
    assert next(row for row in after["hosts"] if row["name"] == "web2")["pairs"][0]["reports"] == 2


def test_a_verdict_tells_since_when_it_holds():
    bad = report(BAD, history_of(GOOD, BAD, BAD))["hosts"][0]["pairs"][0]
    assert (bad["since"], bad["reports"]) == ("2026-01-02T04:05:06Z", 3)


def test_news_is_what_was_not_mailed():
    assert not report(BAD, history_of(BAD, mailed=(0,)))["news"]
    assert report(BAD, history_of(GOOD, mailed=(0,)))["news"]
    # The mail about the change did not go out.
    assert report(BAD, history_of(GOOD, BAD, mailed=(0,)))["news"]


def test_broken_lines_of_the_history_are_noted():
    assert report(GOOD, "{\n" + history_of(GOOD))["notes"] == ["1 line of the history could not be read and is left out"]


def test_a_report_is_json_whatever_hosts_say():
    found = report(nasty_fleet(), history_of(nasty_fleet()))
    assert json.loads(json.dumps(found)) == found
    # Every character can be written as UTF-8.
    json.dumps(found, ensure_ascii=False).encode("utf-8")
