# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import json

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.plugin_utils import _rows
from ansible_collections.fleetproof.backup.plugins.plugin_utils._mirror_verdict import Case, judge, sides, url

NOW = datetime.datetime(2026, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
SITE = {"name": "releases", "host": "ftp.example.com", "src": "pub/releases", "dest": "/srv/releases", "username": "fleet", "password": "sesame"}
COUNTS = {"created": 0, "updated": 0, "deleted": 0, "metadata": 0, "unchanged": 0, "corrupted": 0, "failed": 0, "removed": 0}


def seen(newest="2026-02-03T03:05:06Z", entries=5, size=4096):
    """What dir_compare says of a directory held against itself."""
    return {"counts": {"right_list": {"entries": entries, "bytes": size}, "left_list": {"entries": entries, "bytes": size}}, "newest": newest}


def moved(**more):
    """A result of ftp_transfer; ``counts`` are those that are not 0."""
    counts = {**COUNTS, **more.pop("counts", {})}
    return {"counts": counts, "actions": [], "failed_files": [], "bytes_moved": 0, "guard": None, "duration": 1.5, **more}


def failed(*files, **more):
    """A result of a transfer of which ``files`` (path, kind, reason) could not be moved."""
    listed = [dict(zip(("path", "kind", "reason"), item)) for item in files]
    return moved(**{"failed": True, "msg": "Could not", "error": {"kind": "refused"}, "counts": {"failed": len(files)}, "failed_files": listed, **more})


def judged(result, site=None, **case):
    case.setdefault("seen", seen())
    return judge(Case(result, {**SITE, **(site or {})}, **case), NOW)


def test_a_mirror_that_holds_all_is_good_and_says_what_was_fetched():
    row = judged(moved(counts={"created": 3, "updated": 1}, bytes_moved=2048, changed=True), proof=moved(counts={"unchanged": 5}))
    assert row == {
        "source": "ftp_mirror",
        "name": "releases",
        "src": "ftp://ftp.example.com/pub/releases",
        "dest": "/srv/releases",
        "verdict": "good",
        "complete": True,
        "intact": None,
        "fresh": None,
        "reasons": [],
        "findings": [],
        "findings_total": 0,
        "todo": "",
        "told": "Fetched from ftp://ftp.example.com/pub/releases: 3 new, 1 updated, 2.0 KiB",
        "counts": {"right_list": {"entries": 5, "bytes": 4096}},
        "bytes": {"left": None, "right": 4096},
        "newest": "2026-02-03T03:05:06Z",
        "duration": 3.0,
        "checked_at": "2026-02-03T04:05:06Z",
        "repair": None,
        "sync": {"counts": {**COUNTS, "created": 3, "updated": 1}, "bytes_copied": 2048},
    }


def test_a_verdict_of_a_mirror_is_one_that_the_report_knows():
    row = _rows.host_row("web1", {"fleetproof_verdicts": [judged(moved())]}, False, "2026-02-03T04:05:06Z")
    assert (row["verdict"], row["pairs"][0]["entries"], row["pairs"][0]["bytes"]["right"]) == ("good", 5, 4096)
    assert row["pairs"][0]["told"].startswith("Fetched from")


@pytest.mark.parametrize(
    ("kind", "todo"),
    [
        ("resolve", "name of the server"),
        ("connect", "firewall"),
        ("timeout", "overloaded"),
        ("tls", "certificate"),
        ("auth", "password"),
        ("not_found", "Correct the path"),
        ("busy", "other run"),
        ("no_space", "room"),
        ("unsafe", "trusted"),
        ("protocol", "Correct what the reason names"),
    ],
)
def test_a_transfer_that_came_to_nothing_is_failed_and_says_what_to_do(kind, todo):
    row = judged({"failed": True, "msg": "Module failed: Task failed: It\ndid not work", "error": {"kind": kind, "retryable": False}})
    assert row["verdict"] == "failed"
    assert "did not work" in row["reasons"][0]
    assert todo in row["todo"]
    assert (row["complete"], row["intact"], row["fresh"], row["sync"]) == (None, None, None, None)


def test_a_mirror_that_could_not_be_reached_still_has_its_age_and_size():
    row = judged({"failed": True, "msg": "timed out", "error": {"kind": "timeout"}}, {"max_age": "30m"})
    assert (row["verdict"], row["fresh"], row["newest"], row["bytes"]["right"]) == ("failed", False, "2026-02-03T03:05:06Z", 4096)
    assert len(row["reasons"]) == 2
    assert "overloaded" in row["todo"]


@pytest.mark.parametrize(
    ("result", "reason"),
    [({"unreachable": True, "msg": "ssh"}, "The host went away: ssh"), ({"timedout": {"period": 5}, "msg": "5 s"}, "Given up: 5 s"), ({}, "without a reason")],
)
def test_a_task_without_a_result_is_failed(result, reason):
    row = judged(result)
    assert row["verdict"] == "failed"
    assert reason in row["reasons"][0]
    assert row["todo"]


def test_a_guard_that_stopped_the_transfer_is_named_with_its_variable():
    row = judged(moved(failed=True, guard="max_delete", msg="The plan takes 9 of 10", error={"kind": "unsafe"}, counts={"deleted": 9}))
    assert row["verdict"] == "failed"
    # What the site says itself counts before what is said for all.
    assert "give this site another max_delete (or all, ftp_mirror_max_delete)" in row["todo"]
    assert row["complete"] is None
    assert row["told"] == "Mirror of ftp://ftp.example.com/pub/releases"


def test_no_room_is_no_matter_of_another_limit():
    row = judged(moved(failed=True, guard="min_free", msg="no room", error={"kind": "no_space"}))
    assert "Make room" in row["todo"]


@pytest.mark.parametrize(
    ("kind", "verdict", "todo"),
    [
        ("integrity", "damaged", "spoils"),
        ("permission", "incomplete", "read what is listed"),
        ("refused", "incomplete", "refuses"),
        ("unsafe", "incomplete", "attack"),
        ("changed_underfoot", "incomplete", "less is written"),
        ("connect", "incomplete", "goes on from where it is"),
        ("no_space", "incomplete", "room"),
        ("argument", "incomplete", "Correct"),
    ],
)
def test_a_file_that_could_not_be_moved_is_named_with_its_reason(kind, verdict, todo):
    row = judged(failed(("a/b", kind, "550 No")))
    assert (row["verdict"], row["complete"]) == (verdict, False)
    assert row["findings"] == [{"path": "a/b", "what": "550 No"}]
    assert row["findings_total"] == 1
    assert todo in row["todo"]
    assert row["intact"] is (False if kind == "integrity" else None)


def test_damage_comes_before_what_is_merely_missing():
    row = judged(failed(("gone", "refused", "550 No"), ("bad", "integrity", "XSHA256 differs")))
    assert row["verdict"] == "damaged"
    assert [item["path"] for item in row["findings"]] == ["bad", "gone"]
    assert len(row["reasons"]) == 2
    assert "Do not use" in row["todo"]


def test_a_list_that_was_cut_short_does_not_change_the_numbers():
    row = judged(failed(("a", "refused", "550 No"), counts={"failed": 500}))
    assert row["findings_total"] == 500
    assert row["reasons"] == ["500 entries could not be moved"]


def test_a_transfer_that_failed_without_naming_a_file_is_not_good():
    row = judged(moved(failed=True, msg="The archive could not be written", error={"kind": "no_space"}))
    assert (row["verdict"], row["complete"], row["reasons"]) == ("incomplete", False, ["The archive could not be written"])


LEFT = [
    {"path": "new", "action": "created", "why": "missing in dest", "size": 5},
    {"path": "changed", "action": "updated", "why": "size, mtime", "size": 5},
    {"path": "left", "action": "deleted", "why": "not in src", "size": 5},
    {"path": "x.tmp", "action": "leftover", "why": "left behind by an interrupted run", "size": 0},
]
TO_DO = {"created": 1, "updated": 1, "deleted": 1, "unchanged": 2}


def test_what_the_proof_would_still_move_is_missing():
    row = judged(moved(), proof=moved(counts=TO_DO, actions=LEFT, changed=True))
    assert (row["verdict"], row["complete"]) == ("incomplete", False)
    assert {item["path"]: item["what"] for item in row["findings"]} == {
        "new": "missing from the mirror",
        "changed": "not as in the source: size, mtime",
        "left": "in the mirror only",
    }
    assert row["reasons"] == ["3 entries are still to be moved (a run would create 1, update 1, delete 1)"]
    assert "less is written" in row["todo"]


@pytest.mark.parametrize(("case", "todo"), [({"check_mode": True, "look": True}, "without check mode"), ({"look": True}, "fleetproof.backup.ftp_mirror")])
def test_a_look_says_what_the_mirror_lacks_and_how_to_get_it(case, todo):
    row = judged(moved(counts=TO_DO, actions=LEFT, changed=True), **case)
    assert (row["verdict"], row["complete"], row["findings_total"]) == ("incomplete", False, 3)
    assert todo in row["todo"]
    assert row["told"] == "Mirror of ftp://ftp.example.com/pub/releases"


def test_a_look_that_finds_nothing_proves_the_mirror():
    row = judged(moved(counts={"unchanged": 5}), look=True)
    assert (row["verdict"], row["complete"]) == ("good", True)


def test_a_look_counts_what_fails_once():
    row = judged(failed(("..\\evil", "unsafe", "the name has a backslash in it")), look=True)
    assert (row["verdict"], row["findings_total"], len(row["reasons"])) == ("incomplete", 1, 1)


def test_a_proof_that_could_not_be_made_leaves_the_mirror_unverified():
    row = judged(moved(), {"max_age": "1d"}, proof={"failed": True, "msg": "timed out", "error": {"kind": "timeout"}})
    assert (row["verdict"], row["complete"], row["fresh"]) == ("unverified", None, True)
    assert "timed out" in row["reasons"][0]


def test_a_proof_that_sees_failures_finds_them():
    row = judged(moved(), proof=failed(("a", "permission", "550 Permission denied")))
    assert (row["verdict"], row["complete"], row["findings"]) == ("incomplete", False, [{"path": "a", "what": "550 Permission denied"}])


def test_without_a_proof_the_word_of_the_transfer_counts_and_nothing_more_is_claimed():
    row = judged(moved(), {"max_age": "1d"})
    assert (row["verdict"], row["complete"], row["fresh"], row["bytes"]["right"]) == ("good", None, True, 4096)


@pytest.mark.parametrize(
    ("found", "verdict", "fresh", "reason"),
    [
        (seen(), "good", True, ""),
        (seen("2026-01-03T03:05:06Z"), "stale", False, "of 2026-01-03T03:05:06Z, more than the 1d12h allowed"),
        (seen(None, 0, 0), "stale", False, "no file"),
        (seen(None), "unverified", None, "does not tell"),
        ({"msg": "Could not open the left directory", "failed": True}, "unverified", None, "Could not open"),
        ({}, "unverified", None, "could not be seen"),
    ],
)
def test_the_age_of_the_newest_file_is_judged(found, verdict, fresh, reason):
    row = judged(moved(), {"max_age": "1d12h"}, proof=moved(), seen=found)
    assert (row["verdict"], row["fresh"]) == (verdict, fresh)
    assert reason in "".join(row["reasons"])
    assert bool(row["todo"]) is (verdict != "good")


def test_an_age_that_is_not_known_is_no_news_beside_what_is_worse():
    assert len(judged(failed(("new", "refused", "550")), {"max_age": "1s"}, seen={})["reasons"]) == 1


UPLOAD = {"direction": "upload", "src": "/srv/site", "dest": "/incoming"}


@pytest.mark.parametrize(("proof", "right", "newest"), [(moved(), 4096, "2026-02-03T03:05:06Z"), (moved(counts={"created": 1}), None, None)])
def test_what_was_sent_is_as_large_as_its_source_once_it_is_all_there(proof, right, newest):
    row = judged(moved(), {**UPLOAD, "max_age": "1d"}, proof=proof)
    assert (row["bytes"], row["newest"]) == ({"left": 4096, "right": right}, newest)


def test_an_age_that_is_none_is_an_error():
    with pytest.raises(FleetproofError, match="max_age"):
        judged(moved(), {"max_age": "yesterday"})


ARCHIVE = {"archive": {"path": "/srv/site.tar.gz", "format": "tar.gz"}, "dest": None}
LISTED = {
    "counts": {"files": 2, "directories": 1, "bytes": 77},
    "entries": [
        {"path": "a", "type": "file", "mtime": "2026-02-03T03:00:00Z"},
        {"path": "b", "type": "file", "mtime": None},
        {"path": "c", "type": "directory", "mtime": "2026-02-03T04:00:00Z"},
    ],
}


def test_an_archive_is_as_new_as_the_newest_file_of_its_site():
    found = moved(archive={"path": "/srv/site.tar.gz", "size": 999, "entries": 3}, counts={"updated": 1})
    row = judged(found, {**ARCHIVE, "max_age": "2h"}, proof=moved(), seen=LISTED)
    assert (row["dest"], row["bytes"], row["newest"]) == ("/srv/site.tar.gz", {"left": 77, "right": 999}, "2026-02-03T03:00:00Z")
    assert (row["verdict"], row["fresh"]) == ("good", True)


def test_an_archive_of_which_nobody_asked_the_age_has_its_size():
    row = judged(moved(archive={"path": "/srv/site.tar.gz", "size": 999, "entries": 3}), ARCHIVE, proof=moved(), seen={})
    assert (row["verdict"], row["bytes"]["right"], row["newest"]) == ("good", 999, None)


def test_a_dated_copy_that_could_not_be_kept_is_told():
    row = judged(moved(), proof=moved(), kept={"failed": True, "msg": "No space left on device"})
    assert row["verdict"] == "incomplete"
    assert "No space left" in row["reasons"][0]


def test_of_a_task_with_many_items_the_reason_is_that_of_the_first_that_failed():
    items = [{"msg": "fine"}, {"failed": True, "msg": "Permission denied"}]
    row = judged(moved(), proof=moved(), kept={"failed": True, "msg": "One or more items failed", "results": items})
    assert "Permission denied" in row["reasons"][0]
    assert "One or more" not in row["reasons"][0]


@pytest.mark.parametrize(
    ("site", "wanted"),
    [
        ({}, ("ftp://ftp.example.com/pub/releases", "/srv/releases")),
        ({"direction": "upload", "src": "/srv/site", "dest": "/incoming"}, ("/srv/site", "ftp://ftp.example.com/incoming")),
        ({"port": 2121}, ("ftp://ftp.example.com:2121/pub/releases", "/srv/releases")),
        ({"port": "21", "tls": "none"}, ("ftp://ftp.example.com/pub/releases", "/srv/releases")),
        ({"tls": "implicit", "port": 990}, ("ftps://ftp.example.com/pub/releases", "/srv/releases")),
        ({"host": "2001:db8::1", "src": "."}, ("ftp://[2001:db8::1]/.", "/srv/releases")),
        ({"host": ""}, ("pub/releases", "/srv/releases")),
        ({"host": "ftp://fleet:sesame@ftp.example.com"}, ("ftp://ftp.example.com/pub/releases", "/srv/releases")),
        ({"host": "fleet:se@same@ftp.example.com"}, ("ftp://ftp.example.com/pub/releases", "/srv/releases")),
        ({"host": "ftp://ftp.example.com"}, ("ftp://ftp.example.com/pub/releases", "/srv/releases")),
    ],
)
def test_both_sides_are_shown_as_people_write_them(site, wanted):
    assert sides({**SITE, **site}) == wanted


def test_an_upload_is_told_as_one():
    row = judged(moved(), UPLOAD)
    assert row["told"] == "Sent to ftp://ftp.example.com/incoming: nothing new"


def test_no_secret_comes_out():
    row = judged(failed(("a", "refused", "550")), proof=failed(("a", "refused", "550")))
    assert "sesame" not in json.dumps(row)
    assert "fleet" not in url(SITE, "/pub")


@pytest.mark.parametrize(("number", "named"), [(0, 0), (3, 3), (-1, 50)])
def test_no_more_findings_are_named_than_asked_for(number, named):
    files = [("%03d" % index, "refused", "550") for index in range(50)]
    row = judged(failed(*files), max_findings=number)
    assert (len(row["findings"]), row["findings_total"]) == (named, 50)
