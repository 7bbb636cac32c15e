# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime

import pytest
from ansible_collections.fleetproof.backup.plugins.plugin_utils._verdict import ORDER, SHOWN, Case, judge, with_verdict

NOW = datetime.datetime(2026, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
PAIR = {"name": "etc", "src": "/srv/etc", "dest": "/backup/etc", "method": "content"}
LISTS = ("left_only", "right_only", "diff_files", "corrupted", "outdated", "funny_files", "metadata_diff", "type_diff")
FAULTS = {
    "left_only": ["gone"],
    "right_only": ["extra"],
    "type_diff": [{"path": "link", "left": "link", "right": "file"}],
    "diff_files": ["other"],
    "funny_files": [{"path": "closed", "reason": "permission: left: Permission denied"}],
    "metadata_diff": [{"path": "script", "field": "mode", "left": "0755", "right": "0644"}],
}


def compared(**lists):
    """A result of dir_compare with these lists; counts follow from them unless given."""
    counts = dict(lists.pop("counts", {}))
    result = {name: lists.pop(name, []) for name in LISTS}
    for name in LISTS:
        counts.setdefault(name, {"entries": len(result[name]), "bytes": 0})
    counts.setdefault("left_list", {"entries": 7, "bytes": 70})
    counts.setdefault("right_list", {"entries": 6, "bytes": 60})
    lists.setdefault("coverage", {"files": 5, "files_read": 5})
    return {"counts": counts, "duration": 1.5, "newest": "2026-02-03T04:00:00Z", "stale": False, "changed": False, **result, **lists}


def judged(result, pair=None, **case):
    return judge(Case(result, {**PAIR, **(pair or {})}, **case), NOW)


def test_a_backup_without_differences_is_good_and_says_what_was_compared():
    row = judged(compared())
    assert row == {
        "source": "backup_verify",
        "name": "etc",
        "src": "/srv/etc",
        "dest": "/backup/etc",
        "verdict": "good",
        "complete": True,
        "intact": True,
        "fresh": None,
        "reasons": [],
        "findings": [],
        "findings_total": 0,
        "todo": "",
        "counts": row["counts"],
        "bytes": {"left": 70, "right": 60},
        "newest": "2026-02-03T04:00:00Z",
        "duration": 1.5,
        "checked_at": "2026-02-03T04:05:06Z",
        "repair": None,
        "sync": None,
    }


@pytest.mark.parametrize(
    ("lists", "verdict", "complete", "intact", "fresh", "finding"),
    [
        ({"left_only": ["gone"]}, "incomplete", False, True, None, ("gone", "missing from the backup")),
        ({"right_only": ["extra"]}, "incomplete", False, True, None, ("extra", "in the backup only")),
        ({"type_diff": FAULTS["type_diff"]}, "incomplete", False, True, None, ("link", "a file in the backup, a link in the source")),
        ({"diff_files": ["other"]}, "damaged", True, False, None, ("other", "content differs")),
        ({"diff_files": ["rot"], "corrupted": ["rot"]}, "damaged", True, False, None, ("rot", "content differs, though size and time are the same")),
        ({"diff_files": ["old"], "outdated": ["old"]}, "stale", True, True, False, ("old", "older than in the source")),
        ({"funny_files": FAULTS["funny_files"]}, "unverified", None, None, None, ("closed", "Permission denied in the source")),
        ({"metadata_diff": FAULTS["metadata_diff"]}, "incomplete", False, True, None, ("script", "mode is 0644, in the source 0755")),
    ],
)
def test_each_kind_of_difference_has_its_verdict(lists, verdict, complete, intact, fresh, finding):
    row = judged(compared(**lists))
    assert (row["verdict"], row["complete"], row["intact"], row["fresh"]) == (verdict, complete, intact, fresh)
    assert [(item["path"], item["what"]) for item in row["findings"]] == [finding]
    assert row["findings_total"] == 1
    assert len(row["reasons"]) == 1
    assert row["todo"]


def test_the_worst_reason_decides_and_comes_first():
    row = judged(compared(**FAULTS, stale=True), {"max_age": "26h"})
    assert row["verdict"] == "damaged"
    assert "other content" in row["reasons"][0]
    assert row["findings"][0]["path"] == "other"
    assert row["findings_total"] == len(FAULTS) == len(row["findings"])
    assert (row["complete"], row["intact"], row["fresh"]) == (False, False, False)
    assert len(row["reasons"]) == len(FAULTS) + 1


def test_what_to_do_covers_all_that_makes_a_backup_incomplete():
    missing, extra, both = ({"left_only": ["a"]}, {"right_only": ["b"]}, {"left_only": ["a"], "right_only": ["b"]})
    delete = "backup_verify_delete=true"
    assert [delete in judged(compared(**lists))["todo"] for lists in (missing, extra, both)] == [False, True, True]
    assert "copy what is missing" in judged(compared(**both))["todo"]


def test_a_list_that_was_cut_short_does_not_change_the_numbers():
    row = judged(compared(left_only=["a", "b"], counts={"left_only": {"entries": 500, "bytes": 9}}))
    assert row["findings_total"] == 500
    assert len(row["findings"]) == 2
    assert row["reasons"] == ["500 entries are missing from the backup"]


def test_no_more_findings_are_named_than_a_fact_should_hold():
    row = judged(compared(left_only=["%03d" % number for number in range(50)], diff_files=["other"]))
    assert len(row["findings"]) == SHOWN
    assert row["findings"][0]["path"] == "other"
    assert row["findings_total"] == 51
    many = compared(left_only=["%03d" % number for number in range(50)])
    assert [len(judged(many, max_findings=number)["findings"]) for number in (0, 3, -1)] == [0, 3, 50]


def test_a_source_that_moved_on_is_told_apart_from_damage_in_numbers_too():
    counts = {"diff_files": {"entries": 100, "bytes": 0}, "outdated": {"entries": 97, "bytes": 0}, "corrupted": {"entries": 1, "bytes": 0}}
    row = judged(compared(diff_files=["new", "rot"], outdated=["new"], corrupted=["rot"], counts=counts))
    assert row["verdict"] == "damaged"
    assert [reason.split()[0] for reason in row["reasons"]] == ["1", "2", "97"]
    assert row["findings_total"] == 100


def test_what_changed_while_it_was_read_is_to_be_verified_at_a_quieter_time():
    moving = {"path": "log", "reason": "changed_underfoot: right: the file changed while it was read"}
    alone = judged(compared(funny_files=[moving]))
    assert "less is written" in alone["todo"]
    assert alone["reasons"] == ["1 entry could not be compared: the file changed while it was read in the backup"]
    assert "become" in judged(compared(funny_files=[moving, *FAULTS["funny_files"]]))["todo"]


def test_what_only_the_backup_holds_is_no_fault_one_way():
    assert judged(compared(right_only=["kept"]), {"one_way": True})["verdict"] == "good"


@pytest.mark.parametrize(
    ("pair", "why"),
    [
        ({"method": "quick"}, "method quick"),
        ({"method": "size"}, "method size"),
        ({"method": "shallow"}, "method shallow"),
        ({"sample": "5%"}, "a sample of 5%"),
    ],
)
def test_content_that_was_not_read_is_not_called_intact(pair, why):
    row = judged(compared(coverage={"files": 100, "files_read": 5}), pair)
    assert row["verdict"] == "good"
    assert row["intact"] is None
    assert row["reasons"] == ["The content of 5 of 100 files was read (%s)" % why]


def test_content_that_a_partial_method_read_whole_is_intact():
    assert judged(compared(), {"method": "shallow"})["intact"] is True


@pytest.mark.parametrize(("stale", "fresh", "verdict"), [(False, True, "good"), (True, False, "stale")])
def test_age_is_judged_when_it_was_asked_for(stale, fresh, verdict):
    row = judged(compared(stale=stale), {"max_age": "26h"})
    assert (row["fresh"], row["verdict"]) == (fresh, verdict)


def test_an_old_backup_of_an_old_source_is_no_fault_of_the_backup_job():
    same = judged(compared(stale=True), {"max_age": "26h"})
    behind = judged(compared(stale=True, left_only=["new"]), {"max_age": "26h"})
    assert "source holds nothing newer" in same["todo"]
    assert "source holds nothing newer" not in behind["todo"]


def test_an_empty_backup_is_stale_too():
    row = judged(compared(stale=True, newest=None), {"max_age": "26h"})
    assert row["verdict"] == "stale"
    assert "None" not in row["reasons"][0]


@pytest.mark.parametrize(
    ("result", "reason", "todo"),
    [
        ({"failed": True, "msg": "Could not open the right directory /b: No such file", "error": {"kind": "not_found"}}, "Could not open", "mounted"),
        ({"failed": True, "msg": "x", "error": {"kind": "permission"}}, "x", "become"),
        ({"unreachable": True, "msg": "ssh: timed out"}, "The host went away: ssh: timed out", "Bring the host back"),
        ({"failed": True, "msg": "Task failed: Timed out after 5 second(s).", "timedout": {"period": 5}}, "Given up: Timed out", "hung"),
        ({"failed": True, "msg": "'x' is undefined\nand more"}, "'x' is undefined and more", "Correct"),
        ({}, "without a reason", "Correct"),
    ],
)
def test_a_failure_is_a_verdict_with_its_reason(result, reason, todo):
    row = judged(result)
    assert row["verdict"] == "failed"
    assert (row["complete"], row["intact"], row["fresh"]) == (None, None, None)
    assert reason in row["reasons"][0]
    assert todo in row["todo"]


def test_what_is_good_after_a_repair_is_repaired_and_says_what_it_was():
    before = judged(compared(left_only=["gone"]))
    copied = {"changed": True, "counts": {"created": 1, "updated": 0, "deleted": 0}, "bytes_copied": 12, "duration": 0.5}
    row = judged(compared(), copied=copied, before=before)
    assert row["verdict"] == "repaired"
    assert row["repair"] == {"counts": copied["counts"], "bytes_copied": 12, "before": "incomplete"}
    assert row["duration"] == pytest.approx(1.5 + 0.5 + 1.5)
    assert "1 entry is missing" in row["reasons"][0]


def test_what_a_repair_could_not_mend_keeps_its_verdict_and_says_why():
    before = judged(compared(diff_files=["rot"], corrupted=["rot"]))
    copied = {"failed": True, "msg": "1 file has rotted", "counts": {"corrupted": 1}}
    row = judged(compared(diff_files=["rot"], corrupted=["rot"]), copied=copied, before=before)
    assert row["verdict"] == "damaged"
    assert row["repair"]["before"] == "damaged"
    assert "The repair failed: 1 file has rotted" in row["reasons"]
    assert "backup_verify_on_corruption=overwrite" in row["todo"]


def test_check_mode_keeps_the_verdict_and_tells_what_a_repair_would_do():
    before = judged(compared(left_only=["gone"], right_only=["extra"]))
    copied = {"changed": True, "counts": {"created": 1, "updated": 0, "deleted": 1}}
    row = judged(compared(left_only=["gone"], right_only=["extra"]), copied=copied, before=before, check_mode=True)
    assert row["verdict"] == "incomplete"
    assert row["reasons"][-1] == "A repair would create 1, delete 1"
    assert row["repair"]["counts"]["created"] == 1


def test_check_mode_of_a_first_copy_does_not_call_the_missing_backup_a_failure():
    missing = {"failed": True, "msg": "Could not open the right directory", "error": {"kind": "not_found"}}
    row = judged(missing, copied={"counts": {"created": 3}}, check_mode=True)
    assert (row["verdict"], row["complete"]) == ("incomplete", False)
    assert row["reasons"] == ["The backup is not there yet", "A copy would create 3"]
    assert judged(missing, copied={"counts": {"created": 3}})["verdict"] == "failed"
    assert judged(missing, check_mode=True)["verdict"] == "failed"


def test_bringing_up_to_date_first_is_no_repair():
    row = judged(compared(), copied={"counts": {"created": 3}, "bytes_copied": 9})
    assert row["verdict"] == "good"
    assert row["repair"] is None
    assert row["sync"] == {"counts": {"created": 3}, "bytes_copied": 9}


def test_a_failed_copy_is_told_also_when_the_backup_is_good():
    row = judged(compared(), copied={"failed": True, "msg": "Another run holds the lock", "counts": {}})
    assert row["verdict"] == "good"
    assert row["reasons"] == ["The copy failed: Another run holds the lock"]


def test_verdicts_are_ordered_as_documented():
    assert ORDER == ("good", "repaired", "stale", "unverified", "incomplete", "damaged", "failed")


def test_a_verdict_takes_the_place_of_the_one_for_the_same_backup():
    one, two, other = ({"source": source, "name": name} for source, name in (("a", "x"), ("a", "y"), ("b", "x")))
    newer = {**one, "verdict": "good"}
    assert with_verdict([one, two, other], newer) == [newer, two, other]
    assert with_verdict([], one) == [one]
    assert with_verdict([one], other) == [one, other]


def test_a_directory_that_is_in_the_way_is_removed_by_a_deletion_only():
    def todo(there):
        return judged(compared(type_diff=[{"path": "a", "left": "file", "right": there}]))["todo"]

    assert "backup_verify_delete=true" in todo("directory")
    assert "backup_verify_delete" not in todo("link")


@pytest.mark.parametrize(
    ("copied", "told"),
    [
        ({"guard": "max_delete", "error": {"kind": "unsafe"}}, "another backup_verify_max_delete"),
        ({"guard": None, "error": {"kind": "busy"}}, "Wait for the other run"),
        ({"guard": None, "error": {"kind": "permission"}}, "Correct what made the repair fail"),
    ],
)
def test_after_a_repair_that_failed_the_same_again_is_no_advice(copied, told):
    before = judged(compared(right_only=["extra"]))
    row = judged(compared(right_only=["extra"]), copied={"failed": True, "msg": "no", "counts": {}, **copied}, before=before)
    assert told in row["todo"]
    assert "backup_verify_repair=true" not in row["todo"]


def test_after_a_repair_that_left_a_difference_the_same_again_is_no_advice():
    owner = [{"path": "a", "field": "owner", "left": "root", "right": "user"}]
    row = judged(compared(metadata_diff=owner), copied={"changed": True, "counts": {"metadata": 1}}, before=judged(compared(metadata_diff=owner)))
    assert "become: true" in row["todo"]


def test_check_mode_does_not_promise_what_the_run_will_not_do():
    before = judged(compared(right_only=["extra"]))
    idle = judged(compared(right_only=["extra"]), copied={"counts": {"unchanged": 5}}, before=before, check_mode=True)
    assert idle["todo"] == before["todo"]
    half = judged(compared(left_only=["a"], right_only=["extra"]), copied={"counts": {"created": 1}}, before=before, check_mode=True)
    assert half["todo"].startswith("Run without check mode")
    assert "backup_verify_delete=true" in half["todo"]
