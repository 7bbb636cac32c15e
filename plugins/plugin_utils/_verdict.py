# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a comparison of a backup with its source says about the backup.

Private to this collection. ``judge`` takes the result of dir_compare as it is registered, also one of
a task that failed or of a host that went away, and returns the verdict that roles put into the fact
``fleetproof_verdicts``. Pure: no clock, no files, no Ansible.
"""

from __future__ import annotations

import datetime
import re
import typing as t
from dataclasses import asdict, dataclass, field

# The worst one wins.
ORDER = ("good", "repaired", "stale", "unverified", "incomplete", "damaged", "failed")
GREEN = frozenset(("good", "repaired"))
# How many findings a verdict names unless told.
SHOWN = 20
# Methods that take something else than the content for proof.
PARTIAL_METHODS = frozenset(("shallow", "quick", "size"))

_Result = t.Mapping[str, t.Any]
# dir_compare's words
_SIDES = {"left": "source", "right": "backup"}


@dataclass(frozen=True)
class Finding:
    """One entry that is not as it should be."""

    path: str
    what: str


@dataclass
class Judgement:
    """What is known so far; every part of a comparison adds to it."""

    verdict: str = "good"
    complete: t.Optional[bool] = None
    intact: t.Optional[bool] = None
    fresh: t.Optional[bool] = None
    # (verdict, sentence), (verdict, finding)
    reasons: t.List[t.Tuple[str, str]] = field(default_factory=list)
    findings: t.List[t.Tuple[str, Finding]] = field(default_factory=list)
    findings_total: int = 0
    todo: str = ""

    def add(self, verdict: str, reason: str, todo: str) -> None:
        """A reason for ``verdict``, and what to do if no other reason is worse."""
        if ORDER.index(verdict) > ORDER.index(self.verdict):
            self.verdict = verdict
            self.todo = todo
        self.reasons.append((verdict, reason))

    def find(self, verdict: str, total: int, findings: t.Iterable[Finding]) -> None:
        """Name entries; ``total`` is how many there are, named or not."""
        self.findings.extend((verdict, finding) for finding in findings)
        self.findings_total += total

    def as_row(self, max_findings: int) -> t.Dict[str, t.Any]:
        """The part of the verdict that says what was found, the worst first; of the findings as many as asked for (-1: all)."""

        def badness(item: t.Tuple[str, t.Any]) -> int:
            return -ORDER.index(item[0])

        findings = sorted(self.findings, key=badness)
        return {
            "verdict": self.verdict,
            "complete": self.complete,
            "intact": self.intact,
            "fresh": self.fresh,
            "reasons": [reason for _verdict, reason in sorted(self.reasons, key=badness)],
            "findings": [asdict(finding) for _verdict, finding in (findings if max_findings < 0 else findings[:max_findings])],
            "findings_total": self.findings_total,
            "todo": self.todo,
        }


@dataclass(frozen=True)
class Case:
    """One backup at the moment it is judged."""

    # dir_compare's result, or that of the task that failed
    compared: _Result
    # the options of the pair
    pair: _Result
    # backup_sync's result; empty when nothing was copied
    copied: _Result = field(default_factory=dict)
    # the verdict before a repair; empty when there was none
    before: _Result = field(default_factory=dict)
    check_mode: bool = False
    max_findings: int = SHOWN


def judge(case: Case, now: datetime.datetime) -> t.Dict[str, t.Any]:
    """The verdict on one backup, as roles put it into ``fleetproof_verdicts``. ``now`` is when it was compared, in UTC."""
    judgement = Judgement()
    compared = case.compared
    if is_failure(compared):
        _judge_failure(case, judgement)
    else:
        _judge_completeness(case, judgement)
        _judge_content(case, judgement)
        _judge_metadata(case, judgement)
        _judge_unread(case, judgement)
        _judge_freshness(case, judgement)
        if judgement.verdict == "good" and case.before and not case.check_mode:
            judgement.verdict = "repaired"
            judgement.reasons.append(("repaired", "Was %s: %s" % (case.before["verdict"], "; ".join(case.before["reasons"]))))
    _tell_the_copy(case, judgement)
    counts = compared.get("counts") or {}
    duration = sum(float(part.get("duration") or 0) for part in (compared, case.copied, case.before))
    return {
        "source": "backup_verify",
        "name": case.pair.get("name", ""),
        "src": case.pair.get("src", ""),
        "dest": case.pair.get("dest", ""),
        **judgement.as_row(case.max_findings),
        "counts": counts,
        "bytes": {"left": _bytes(counts, "left_list"), "right": _bytes(counts, "right_list")},
        "newest": compared.get("newest"),
        "duration": round(duration, 3),
        "checked_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        **_what_was_copied(case),
    }


def with_verdict(rows: t.Iterable[_Result], row: _Result) -> t.List[_Result]:
    """``rows`` with ``row`` in the place of the one for the same backup, or at the end."""
    key = (row["source"], row["name"])
    kept = list(rows)
    for index, other in enumerate(kept):
        if (other.get("source"), other.get("name")) == key:
            kept[index] = row
            return kept
    return [*kept, row]


def is_failure(result: _Result) -> bool:
    """Whether a task's result is no result: it failed, or its host went away."""
    return bool(result.get("failed") or result.get("unreachable")) or "counts" not in result


def count_of(number: int, one: str, many: str) -> str:
    """``1 file is`` or ``2 files are``, from ``"file is", "files are"``."""
    return "%d %s" % (number, one if number == 1 else many)


def _bytes(counts: _Result, category: str) -> t.Optional[int]:
    value = counts.get(category)
    return value.get("bytes") if isinstance(value, dict) else None


def _entries(counts: _Result, category: str) -> int:
    value = counts.get(category) or 0
    return int(value.get("entries", 0)) if isinstance(value, dict) else int(value)


REPAIR = "Run again with backup_verify_repair=true to copy what is missing or different"


def _judge_completeness(case: Case, judgement: Judgement) -> None:
    """Missing, left over, turned into something else."""
    compared = case.compared
    counts = compared["counts"]
    missing, extra, turned = (_entries(counts, category) for category in ("left_only", "right_only", "type_diff"))
    if case.pair.get("one_way"):
        extra = 0
    judgement.complete = not (missing or extra or turned)
    if missing:
        judgement.add("incomplete", count_of(missing, "entry is missing from the backup", "entries are missing from the backup"), REPAIR)
        judgement.find("incomplete", missing, (Finding(path, "missing from the backup") for path in compared["left_only"]))
    if turned:
        judgement.add("incomplete", count_of(turned, "entry is of another type in the backup", "entries are of another type in the backup"), REPAIR)
        found = (Finding(item["path"], "a %s in the backup, a %s in the source" % (item["right"], item["left"])) for item in compared["type_diff"])
        judgement.find("incomplete", turned, found)
        # Nothing but a deletion takes away a directory with something in it.
        if any(item["right"] == "directory" for item in compared["type_diff"]):
            judgement.todo = "%s, and with backup_verify_delete=true to remove the directories that are in the way" % REPAIR
    if extra:
        remove = "backup_verify_delete=true to remove what the source does not have, or set one_way for a backup that keeps what was deleted"
        judgement.add("incomplete", count_of(extra, "entry is in the backup only", "entries are in the backup only"), "")
        judgement.todo = "%s, and with %s" % (REPAIR, remove) if missing or turned else "Run again with backup_verify_repair=true and %s" % remove
        judgement.find("incomplete", extra, (Finding(path, "in the backup only") for path in compared["right_only"]))


def _judge_content(case: Case, judgement: Judgement) -> None:
    """Other bytes: damage, unless the source is simply newer."""
    compared = case.compared
    counts = compared["counts"]
    different = _entries(counts, "diff_files")
    rotten = _entries(counts, "corrupted")
    outdated = _entries(counts, "outdated")
    damaged = different - rotten - outdated
    coverage = compared["coverage"]
    if coverage["files_read"] >= coverage["files"]:
        judgement.intact = True
    elif case.pair.get("sample") or case.pair.get("method") in PARTIAL_METHODS:
        why = "a sample of %s" % case.pair["sample"] if case.pair.get("sample") else "method %s" % case.pair["method"]
        judgement.reasons.append(("good", "The content of %d of %d files was read (%s)" % (coverage["files_read"], coverage["files"], why)))
    if rotten:
        judgement.intact = False
        judgement.add(
            "damaged",
            count_of(rotten, "file differs", "files differ") + " in content though size and time are the same: silent corruption on one of the two sides",
            "Find out which side is right and check its disks; if the source is, run with backup_verify_repair=true and backup_verify_on_corruption=overwrite",
        )
    if damaged:
        judgement.intact = False
        judgement.add("damaged", count_of(damaged, "file holds", "files hold") + " other content than the source", REPAIR)
    if outdated:
        judgement.fresh = False
        judgement.add(
            "stale",
            count_of(outdated, "file is older in the backup than in the source", "files are older in the backup than in the source"),
            "Find out why the backup job did not run; run again with backup_verify_repair=true to bring the backup up to date",
        )
    judgement.find("damaged", rotten, (Finding(path, "content differs, though size and time are the same") for path in compared["corrupted"]))
    told = {*compared["corrupted"], *compared["outdated"]}
    judgement.find("damaged", damaged, (Finding(path, "content differs") for path in compared["diff_files"] if path not in told))
    judgement.find("stale", outdated, (Finding(path, "older than in the source") for path in compared["outdated"]))


def _judge_metadata(case: Case, judgement: Judgement) -> None:
    compared = case.compared
    number = _entries(compared["counts"], "metadata_diff")
    if not number:
        return
    judgement.complete = False
    judgement.add("incomplete", count_of(number, "difference in metadata", "differences in metadata"), REPAIR)
    judgement.find(
        "incomplete",
        number,
        (Finding(item["path"], "%s is %s, in the source %s" % (item["field"], item["right"], item["left"])) for item in compared["metadata_diff"]),
    )


def _judge_unread(case: Case, judgement: Judgement) -> None:
    compared = case.compared
    number = _entries(compared["counts"], "funny_files")
    if not number:
        return
    judgement.complete = judgement.complete and None
    judgement.intact = judgement.intact and None
    findings = [Finding(item["path"], _why_unread(item["reason"])) for item in compared["funny_files"]]
    told = {finding.what for finding in findings}
    judgement.add(
        "unverified",
        count_of(number, "entry could not be compared", "entries could not be compared") + (": %s" % told.pop() if len(told) == 1 else ""),
        "Verify again at a time when less is written there"
        if all(item["reason"].startswith("changed_underfoot") for item in compared["funny_files"])
        else "Let the user that verifies read what is listed (become: true), and verify again",
    )
    judgement.find("unverified", number, findings)


def _why_unread(reason: str) -> str:
    """``Permission denied in the source`` from ``permission: left: Permission denied``, the form in which dir_compare says it."""
    parts = reason.split(": ", 2)
    if len(parts) < 3 or parts[1] not in _SIDES:
        return reason
    return "%s in the %s" % (parts[2], _SIDES[parts[1]])


def _judge_freshness(case: Case, judgement: Judgement) -> None:
    compared = case.compared
    max_age = case.pair.get("max_age")
    if not max_age:
        return
    if not compared.get("stale"):
        judgement.fresh = judgement.fresh is not False
        return
    judgement.fresh = False
    if compared.get("newest"):
        reason = "The newest file in the backup is of %s, more than the %s allowed ago" % (compared["newest"], max_age)
    else:
        reason = "There is no file in the backup that could be at most %s old" % max_age
    judgement.add(
        "stale",
        reason,
        "Find out why the backup job did not run; run again with backup_verify_repair=true to bring the backup up to date"
        if judgement.reasons
        else "The source holds nothing newer either: find out why nothing is written there any more",
    )


_AFTER_A_FAILURE = {
    "not_found": "Make sure that the disk is mounted and that the pair names the right directories",
    "permission": "Verify as a user who may read both directories (become: true)",
    "argument": "Correct the options of this backup",
    "busy": "Wait for the other run to end, and verify again",
}


def _judge_failure(case: Case, judgement: Judgement) -> None:
    """No comparison: why, and what to do."""
    compared = case.compared
    kind = (compared.get("error") or {}).get("kind", "")
    message = message_of(compared) or "The task ended without a reason"
    if compared.get("unreachable"):
        judgement.add("failed", "The host went away: %s" % message, "Bring the host back, and verify again")
    elif compared.get("timedout"):
        judgement.add("failed", "Given up: %s" % message, "Look for a hung file system on the host, or set a longer backup_verify_timeout")
    elif kind == "not_found" and case.check_mode and case.copied.get("counts") and not case.copied.get("failed"):
        judgement.complete = False
        judgement.add("incomplete", "The backup is not there yet", "Run without check mode to make it")
    else:
        judgement.add("failed", message, _AFTER_A_FAILURE.get(kind, "Correct what the reason names, and verify again"))


def message_of(result: _Result) -> str:
    """Why a task failed, in one line, without what ansible-core puts before it."""
    return re.sub(r"\A(?:(?:Task|Action|Module) failed: )+", "", " ".join(str(result.get("msg") or "").split()))


def _tell_the_copy(case: Case, judgement: Judgement) -> None:
    """What a repair, or bringing up to date, did or would do."""
    copied = case.copied
    if not copied:
        return
    what = "repair" if case.before else "copy"
    if is_failure(copied) or copied.get("failed"):
        judgement.reasons.append((judgement.verdict, "The %s failed: %s" % (what, message_of(copied))))
        if judgement.verdict not in (*GREEN, "failed") and not _entries(case.compared["counts"], "corrupted"):
            judgement.todo = _after_a_failed_copy(copied, what)
    elif case.check_mode:
        counts = copied["counts"]
        words = (("created", "create"), ("updated", "update"), ("metadata", "correct the metadata of"), ("deleted", "delete"))
        done = ", ".join("%s %d" % (word, counts[key]) for key, word in words if counts.get(key))
        judgement.reasons.append((judgement.verdict, "A %s would %s" % (what, done or "change nothing")))
        if done and judgement.verdict not in GREEN:
            judgement.todo = "Run without check mode to do what the %s would do" % what
            if _entries(case.compared.get("counts") or {}, "right_only") and not (counts.get("deleted") or case.pair.get("one_way")):
                judgement.todo += ", and with backup_verify_delete=true to remove what the source does not have"
    elif case.before and judgement.todo == REPAIR:
        judgement.todo = "See whether the user that repairs may change what is listed (become: true) and whether something else writes to the backup"


def _after_a_failed_copy(copied: _Result, what: str) -> str:
    """What to do about a backup that is not good and could not be copied to."""
    guard = copied.get("guard")
    if guard:
        return "Look at what the guard %s found; put it right, or run again with another backup_verify_%s if it is as it should be" % (guard, guard)
    kind = (copied.get("error") or {}).get("kind", "")
    return {"busy": _AFTER_A_FAILURE["busy"]}.get(kind, "Correct what made the %s fail, and run again" % what)


def _what_was_copied(case: Case) -> t.Dict[str, t.Any]:
    """RV(repair) for a repair, RV(sync) for a backup that was brought up to date first."""
    copied = case.copied
    summary = {"counts": copied.get("counts") or {}, "bytes_copied": copied.get("bytes_copied") or 0} if copied else None
    if case.before and summary is not None:
        return {"repair": {**summary, "before": case.before["verdict"]}, "sync": case.before.get("sync")}
    return {"repair": None, "sync": summary}
