# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import json

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.plugin_utils import _rows
from ansible_collections.fleetproof.backup.plugins.plugin_utils._roundtrip_verdict import Case, judge, sides

NOW = datetime.datetime(2026, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
ROUTE = {
    "name": "reports",
    "protocol": "imap",
    "sent": None,
    "smtp": {"host": "mx.example.com", "username": "fleet", "password": "sesame"},
    "fetch": {"host": "imap.example.com", "username": "fleet", "password": "sesame"},
}
HOPS = [{"by": "mx.example.com", "delay": 0.4}, {"by": "store.example.com", "delay": 61}]
RECORD = {"message_id": "<1@x>", "size": 5120, "hops": HOPS, "delay": 61.4}


def sent(**more):
    """A result of smtp_report."""
    return {"changed": True, "state": "sent", "message_id": "<1@x>", "size": 4096, **more}


def fetched(**more):
    return {"messages": [{"message_id": "<1@x>", "size": 5120}], "waited": 1.25, **more}


def compared(**more):
    """A result of mail_info with compare_with."""
    added = [{"name": "Received", "value": "by store"}, {"name": "Received", "value": "by mx"}, {"name": "Return-Path", "value": "<a@x>"}]
    return {"messages": [RECORD], "same_body": True, "same_headers": True, "added_headers": added, "differences": [], **more}


def failed(kind, message="It did not work", **more):
    return {"failed": True, "msg": message, "error": {"kind": kind, "retryable": False}, **more}


def judged(went=None, route=None, came=None, beside=None, **case):
    came = fetched() if came is None else came
    beside = compared() if beside is None else beside
    return judge(Case({**ROUTE, **(route or {})}, sent() if went is None else went, came, beside, **case), NOW)


def test_a_mail_that_comes_through_as_it_was_sent_is_good_and_its_way_is_told():
    assert judged() == {
        "source": "mail_roundtrip",
        "name": "reports",
        "src": "smtp://mx.example.com",
        "dest": "imaps://imap.example.com/INBOX",
        "verdict": "good",
        "complete": True,
        "intact": True,
        "fresh": None,
        "reasons": [],
        "findings": [],
        "findings_total": 0,
        "todo": "",
        "told": "Arrived after 1.2 s, by 2 hops: mx.example.com (400 ms) -> store.example.com (1 min 1 s); added on the way: Received, Return-Path",
        "counts": {},
        "bytes": {"left": 4096, "right": 5120},
        "newest": None,
        "duration": 1.25,
        "checked_at": "2026-02-03T04:05:06Z",
        "repair": None,
        "sync": None,
        "message_id": "<1@x>",
        "hops": HOPS,
        "added_headers": compared()["added_headers"],
    }


def test_no_password_comes_out_whatever_happens():
    address = {"smtp": {"host": "smtp://fleet:sesame@mx.example.com"}}
    for row in (judged(), judged(failed("auth")), judged(came=failed("auth")), judged(route=address)):
        assert "sesame" not in json.dumps(row)


def test_a_verdict_on_a_route_is_one_that_the_report_knows():
    row = _rows.host_row("web1", {"fleetproof_verdicts": [judged()]}, False, "2026-02-03T04:05:06Z")
    assert (row["verdict"], row["pairs"][0]["noun"], row["pairs"][0]["bytes"]["right"]) == ("good", "mailbox", 5120)


@pytest.mark.parametrize(
    ("kind", "word"), [("auth", "username and password"), ("resolve", "host"), ("connect", "firewall"), ("tls", "ca_path"), ("odd", "run again")]
)
def test_what_keeps_a_mail_from_being_sent_is_the_reason_and_says_what_to_do(kind, word):
    row = judged(failed(kind, "Task failed: Module failed: mx.example.com: no"), came={}, beside={})
    assert (row["verdict"], row["complete"], row["reasons"]) == ("failed", None, ["No mail could be sent: mx.example.com: no"])
    assert word in row["todo"]
    assert row["told"] == "From smtp://mx.example.com to imaps://imap.example.com/INBOX"


def test_what_keeps_it_from_being_fetched_is_told_apart_from_that():
    row = judged(came=failed("auth", "imap.example.com refused the login"), beside={})
    assert (row["verdict"], row["reasons"]) == ("failed", ["The mail could not be fetched: imap.example.com refused the login"])
    assert "fetch of this route" in row["todo"]


def test_a_mail_that_never_arrives_is_no_failure_of_the_mailbox():
    row = judged(came=failed("timeout", "No message came within 60 s", messages=[], waited=60.0), beside={})
    assert (row["verdict"], row["complete"], row["intact"]) == ("incomplete", False, None)
    assert "<1@x>" in row["todo"]
    # a server that does not answer is something else
    assert judged(came=failed("timeout", "No answer"), beside={})["verdict"] == "failed"


def test_a_changed_body_and_changed_headers_are_damage_that_is_named():
    differences = ["the text was changed", "the header Subject was a and is b"]
    row = judged(beside=compared(same_body=False, same_headers=False, differences=differences))
    assert (row["verdict"], row["complete"], row["intact"], row["findings_total"]) == ("damaged", True, False, 2)
    assert [item["what"] for item in row["findings"]] == differences
    assert len(row["reasons"]) == 2
    assert judged(beside=compared(same_headers=False, differences=differences), max_findings=1)["findings"] == [row["findings"][0]]


@pytest.mark.parametrize(("limit", "verdict", "fresh"), [("2s", "good", True), ("1s", "stale", False), (None, "good", None)])
def test_a_mail_may_take_so_long_and_no_longer(limit, verdict, fresh):
    row = judged(route={"max_delay": limit})
    assert (row["verdict"], row["fresh"]) == (verdict, fresh)
    if verdict == "stale":
        assert "store.example.com" in row["reasons"][0]


def test_of_a_mail_that_was_sent_before_the_servers_say_how_long_it_took():
    route = {"sent": "/var/lib/reports/last.eml", "max_delay": "1m"}
    row = judged({"messages": [{"message_id": "<1@x>", "size": 4096}]}, route)
    assert (row["src"], row["duration"], row["verdict"]) == ("/var/lib/reports/last.eml", 61.4, "stale")


def test_in_check_mode_nothing_is_proved_and_that_is_what_it_says():
    row = judged(came={"messages": []}, beside={}, check_mode=True)
    assert (row["verdict"], row["complete"]) == ("unverified", None)
    assert "without check mode" in row["todo"]


def test_what_arrived_and_cannot_be_looked_at_is_not_proved():
    row = judged(beside=failed("permission", "no"))
    assert (row["verdict"], row["reasons"]) == ("unverified", ["What arrived could not be looked at: no"])


def test_a_host_that_went_away_has_failed():
    assert judged({"unreachable": True, "msg": "gone"}, came={}, beside={})["verdict"] == "failed"


def test_a_delay_that_is_none_is_an_error():
    with pytest.raises(FleetproofError) as caught:
        judged(route={"max_delay": "soon"})
    assert caught.value.kind == "argument"


@pytest.mark.parametrize(
    ("route", "wanted"),
    [
        ({"protocol": "pop3", "smtp": {"host": "::1", "port": 587}, "fetch": {"host": "p", "port": 1110}}, ("smtp://[::1]", "pop3s://p:1110")),
        ({"protocol": "pop3", "smtp": {"host": "a", "tls": "none", "port": 25}, "fetch": {"host": "p", "tls": "none"}}, ("smtp://a", "pop3://p")),
        ({"smtp": {"host": "a", "tls": "implicit"}, "fetch": {"host": "b", "mailbox": "Reports"}}, ("smtps://a", "imaps://b/Reports")),
        ({"name": "x"}, ("SMTP", "IMAP")),
        ({"smtp": "odd", "fetch": None}, ("SMTP", "IMAP")),
    ],
)
def test_the_two_ends_of_a_route_are_shown_as_addresses(route, wanted):
    assert sides(route) == wanted


def test_a_server_that_stops_answering_in_the_mailbox_is_no_mail_that_did_not_arrive():
    row = judged(came=failed("timeout", "imap.example.com did not answer within 30 s", messages=[], waited=0.0), beside={})
    assert (row["verdict"], row["complete"]) == ("failed", None)
    assert row["reasons"] == ["The mail could not be fetched: imap.example.com did not answer within 30 s"]


def test_a_mail_that_is_not_there_when_nobody_waits_has_not_arrived():
    row = judged(came=fetched(messages=[], waited=0.0, msg="Nothing to fetch among 3 messages"), beside={})
    assert (row["verdict"], row["complete"], row["intact"]) == ("incomplete", False, None)
    assert row["reasons"] == ["The mail did not arrive: Nothing to fetch among 3 messages"]


def test_a_mail_that_is_too_large_to_be_fetched_is_neither_damaged_nor_lost():
    skipped = [{"id": "1", "size": 10**9, "reason": "1000000000 octets are more than max_size allows"}]
    row = judged(came=fetched(messages=[], skipped_messages=skipped), beside={})
    assert (row["verdict"], row["complete"]) == ("unverified", None)
    assert "max_size" in row["reasons"][0]


def test_copies_that_the_way_made_are_counted():
    row = judged(came=fetched(messages=[RECORD, RECORD]))
    assert (row["verdict"], row["told"][:31]) == ("good", "Arrived after 1.2 s, 2 times, b")


def test_what_was_sent_before_and_did_not_arrive_is_named_too():
    went = {"messages": [{"message_id": "<7@x>", "size": 4096}]}
    came = failed("timeout", "No message came within 60 s", messages=[], waited=60.0)
    row = judged(went, {"sent": "/var/lib/reports/last.eml"}, came=came, beside={})
    assert row["message_id"] == "<7@x>"
    assert "<7@x>" in row["todo"]
    assert "Message-ID of its own" in row["todo"]


def test_in_check_mode_only_the_server_that_was_asked_is_said_to_let_us_in():
    row = judged({"messages": [RECORD]}, {"sent": "/var/lib/reports/last.eml"}, came={"messages": []}, beside={}, check_mode=True)
    assert row["reasons"] == ["The server lets us in; whether mail comes through was not tried in check mode"]


@pytest.mark.parametrize("records", [[{"message_id": "", "size": 4096}], []])
def test_what_has_no_message_id_cannot_be_looked_for(records):
    row = judged({"messages": records}, {"sent": "/var/lib/reports/last.eml"}, came={}, beside={})
    assert row["verdict"] == "failed"
    assert "no Message-ID" in row["reasons"][0]


def test_what_ansible_stumbles_over_is_not_said_to_be_a_mail_that_could_not_be_sent():
    row = judged({"failed": True, "msg": "roundtrip_verdict: max_delay: 'soon' is not a duration"}, came={}, beside={})
    assert row["reasons"] == ["The route could not be proved: roundtrip_verdict: max_delay: 'soon' is not a duration"]


@pytest.mark.parametrize(
    ("elapsed", "told", "wanted"),
    [
        # the mail had been there before anybody looked
        (70.0, 61.4, 61.4),
        # the clocks of the servers are wrong
        (60.0, 61.4, 1.25),
        (70.0, -3600.0, 1.25),
        (70.0, None, 1.25),
        # whole seconds say nothing about a second
        (70.0, 1.0, 1.25),
        (None, 61.4, 1.25),
    ],
)
def test_a_mailbox_that_is_looked_into_late_makes_no_slow_mail_a_quick_one(elapsed, told, wanted):
    row = judged(route={"max_delay": "1m"}, beside=compared(messages=[{**RECORD, "delay": told}]), elapsed=elapsed)
    assert (row["duration"], row["fresh"]) == (wanted, wanted < 60)
