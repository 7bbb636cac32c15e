# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One row of the report for every host that was asked for, whatever became of it.

Private to this collection. A host that did not answer, that stopped midway or that was left out by a
limit is a row like any other, and so is each of its backups that is known by name.
"""

from __future__ import annotations

import typing as t

from ansible_collections.fleetproof.backup.plugins.plugin_utils import _mirror_verdict, _roundtrip_verdict, _verdict
from ansible_collections.fleetproof.backup.plugins.plugin_utils._clean import name as clean_name
from ansible_collections.fleetproof.backup.plugins.plugin_utils._clean import one_line
from ansible_collections.fleetproof.backup.plugins.plugin_utils._human import parse_time

# From the best to the worst; the worst backup of a host is the verdict on the host.
VERDICTS = ("good", "repaired", "skipped", *_verdict.ORDER[2:], "unreachable")
GREEN = _verdict.GREEN

ROLE = "backup_verify"
# By role: the variable that lists what it is to judge, and the one that says whether the host answered it
KNOWN = {
    ROLE: ("backup_verify_pairs", "backup_verify_reach"),
    _mirror_verdict.SOURCE: ("ftp_mirror_sites", "ftp_mirror_reach"),
    _roundtrip_verdict.SOURCE: ("mail_roundtrip_routes", "mail_roundtrip_reach"),
}
# What the verdicts of a role are on, and what its two sides are called
NOUNS = {_mirror_verdict.SOURCE: "mirror", _roundtrip_verdict.SOURCE: "mailbox"}
# How a role's own words for what it judges become those of the report
_SIDES = {
    _mirror_verdict.SOURCE: (_mirror_verdict.sides, _mirror_verdict.mirror_of),
    _roundtrip_verdict.SOURCE: (_roundtrip_verdict.sides, _roundtrip_verdict.route_of),
}

TODO_UNREACHABLE = "See that the host is up and can be logged in to, and run again"
TODO_STOPPED = "Look at what the run says about this host: the task that failed names the reason"
TODO_SKIPPED = "Run again without the limit to have it checked"
TODO_MALFORMED = "Correct the role or the task that set this verdict"
REASON_SKIPPED = "Not asked in this run, which was limited to other hosts"
REASON_STOPPED = "The run stopped on this host before there was a verdict"


class Finding(t.TypedDict):
    """One entry of a backup that is not as it should be."""

    path: str
    what: str


class Sizes(t.TypedDict):
    """Bytes of the source and of the backup."""

    left: t.Optional[int]
    right: t.Optional[int]


class Pair(t.TypedDict):
    """The verdict on one backup."""

    source: str
    # what it is: a backup or a mirror
    noun: str
    name: str
    src: str
    dest: str
    # what was done, in one line; empty where there is no more to say than the verdict does
    told: str
    verdict: str
    good: bool
    complete: t.Optional[bool]
    intact: t.Optional[bool]
    fresh: t.Optional[bool]
    reasons: t.List[str]
    findings: t.List[Finding]
    findings_total: int
    todo: str
    counts: t.Dict[str, t.Any]
    entries: t.Optional[int]
    bytes: Sizes
    newest: t.Optional[str]
    # seconds from the newest file of the backup to the report
    age: t.Optional[float]
    duration: t.Optional[float]
    checked_at: t.Optional[str]
    repair: t.Optional[t.Dict[str, t.Any]]
    sync: t.Optional[t.Dict[str, t.Any]]
    # the time of the first of the reports, without a gap up to this one, that gave this verdict, and how many they are
    since: t.Optional[str]
    reports: int


class Host(t.TypedDict):
    """A host, and all that is known about its backups."""

    name: str
    verdict: str
    good: bool
    reasons: t.List[str]
    todo: str
    pairs: t.List[Pair]


Facts = t.Mapping[str, t.Any]


def roles_of(fleet: t.Iterable[Facts]) -> t.FrozenSet[str]:
    """The roles that took part, by the word of any host; when no host says so, any of them may have."""
    took_part = set()
    for facts in fleet:
        took_part |= {role for role, (_known, reach) in KNOWN.items() if reach in facts}
        took_part |= {str(row.get("source", ROLE)) for row in _verdicts(facts)} & set(KNOWN)
    return frozenset(took_part or KNOWN)


def host_row(host: str, facts: Facts, limited_out: bool, made_at: str, roles: t.Collection[str] = frozenset(KNOWN)) -> Host:
    """The row of ``host``.

    ``facts`` holds what is known of its variables C(fleetproof_verdicts) and those of KNOWN, as plain values;
    ``limited_out`` says that the run was limited to other hosts, ``roles`` which of KNOWN took part in it.
    """
    pairs = [_pair(row, made_at) for row in _verdicts(facts)]
    missing = [row for role in KNOWN if role in roles for row in _without_verdict(facts, pairs, role)]
    verdict, reason, todo = _why_no_verdict(facts, limited_out and not pairs)
    pairs += [_pair({**row, "verdict": verdict, "reasons": [reason], "todo": todo}, made_at) for row in missing]
    if not pairs:
        return {"name": clean_name(host), "verdict": verdict, "good": False, "reasons": [reason], "todo": todo, "pairs": []}
    pairs.sort(key=lambda pair: (-VERDICTS.index(pair["verdict"]), pair["source"], pair["name"]))
    worst = pairs[0]
    whole = worst["verdict"] in ("unreachable", "skipped")
    return {
        "name": clean_name(host),
        "verdict": worst["verdict"],
        "good": worst["good"],
        "reasons": [reason] if whole else [],
        "todo": todo if whole else "",
        "pairs": pairs,
    }


def _verdicts(facts: Facts) -> t.List[Facts]:
    """The rows that roles left in the fact, the last word on each backup; what is no row becomes a failure that says so."""
    found = facts.get("fleetproof_verdicts")
    if found is None:
        return []
    rows: t.Dict[t.Tuple[str, str], Facts] = {}
    for row in found if isinstance(found, list) else [found]:
        usable = row if isinstance(row, dict) and row.get("name") else _malformed(row)
        rows[str(usable.get("source", ROLE)), str(usable["name"])] = usable
    return list(rows.values())


def _malformed(row: t.Any) -> Facts:
    return {"name": "fleetproof_verdicts", "verdict": "failed", "reasons": ["Not a verdict: %s" % one_line(row, 200)], "todo": TODO_MALFORMED}


def _without_verdict(facts: Facts, pairs: t.List[Pair], role: str) -> t.List[Facts]:
    """What the inventory knows of for ``role``, and nobody judged."""
    listed, reach = KNOWN[role]
    known = facts.get(listed)
    judged = {pair["name"] for pair in pairs if pair["source"] == role}
    if not isinstance(known, list) or (pairs and not judged and not facts.get(reach)):
        return []
    # The role's own failure speaks for all of them.
    if role in judged:
        return []
    missing = [row for row in known if isinstance(row, dict) and row.get("name") and clean_name(row["name"]) not in judged]
    return [{**_shown(row, role), "source": role} for row in missing]


def _shown(row: Facts, role: str) -> Facts:
    """What a role was to judge, as far as the report shows it."""
    if role not in _SIDES:
        return row
    sides, words = _SIDES[role]
    src, dest = sides(row)
    return {"name": row["name"], "src": src, "dest": dest, "told": words(row)}


def _why_no_verdict(facts: Facts, limited_out: bool) -> t.Tuple[str, str, str]:
    """Verdict, reason and what to do for what was not judged."""
    reaches = [reach for _known, name in KNOWN.values() for reach in [facts.get(name)] if isinstance(reach, dict) and reach]
    for reach in reaches:
        if reach.get("unreachable"):
            return "unreachable", "Did not answer: %s" % one_line(_verdict.message_of(reach) or "no reason given", 300), TODO_UNREACHABLE
    if limited_out and not reaches:
        return "skipped", REASON_SKIPPED, TODO_SKIPPED
    return "failed", REASON_STOPPED, TODO_STOPPED


def _pair(row: Facts, made_at: str) -> Pair:
    """A verdict as the report holds it: every field there, every text safe to show."""
    verdict = row.get("verdict")
    reasons = [one_line(reason) for reason in _list(row.get("reasons"))]
    todo = one_line(row.get("todo") or "")
    if verdict not in VERDICTS:
        reasons.insert(0, "The verdict %s is none that a report knows" % one_line(repr(verdict), 100))
        verdict, todo = "failed", TODO_MALFORMED
    counts = row.get("counts")
    counts = counts if isinstance(counts, dict) else {}
    newest = row.get("newest")
    findings = [_finding(item) for item in _list(row.get("findings"))]
    source = one_line(row.get("source") or ROLE, 100)
    return {
        "source": source,
        "noun": NOUNS.get(source, "backup"),
        "name": clean_name(row["name"]),
        "src": clean_name(row.get("src") or ""),
        "dest": clean_name(row.get("dest") or ""),
        "told": one_line(row.get("told") or "", 300),
        "verdict": str(verdict),
        "good": verdict in GREEN,
        "complete": _flag(row.get("complete")),
        "intact": _flag(row.get("intact")),
        "fresh": _flag(row.get("fresh")),
        "reasons": reasons,
        "findings": findings,
        "findings_total": max(_whole(row.get("findings_total")) or 0, len(findings)),
        "todo": todo,
        "counts": counts,
        "entries": _entries(counts),
        "bytes": _sizes(row.get("bytes")),
        "newest": newest if parse_time(newest) else None,
        "age": _age(newest, made_at),
        "duration": _number(row.get("duration")),
        "checked_at": row.get("checked_at") if parse_time(row.get("checked_at")) else None,
        "repair": row["repair"] if isinstance(row.get("repair"), dict) else None,
        "sync": row["sync"] if isinstance(row.get("sync"), dict) else None,
        "since": None,
        "reports": 1,
    }


def _finding(item: t.Any) -> Finding:
    if isinstance(item, dict):
        return {"path": clean_name(item.get("path", "")), "what": one_line(item.get("what", ""), 300)}
    return {"path": one_line(item), "what": ""}


def _list(value: t.Any) -> t.List[t.Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _flag(value: t.Any) -> t.Optional[bool]:
    return value if isinstance(value, bool) else None


def _number(value: t.Any) -> t.Optional[float]:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _whole(value: t.Any) -> t.Optional[int]:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _sizes(value: t.Any) -> Sizes:
    value = value if isinstance(value, dict) else {}
    return {"left": _whole(value.get("left")), "right": _whole(value.get("right"))}


def _entries(counts: t.Dict[str, t.Any]) -> t.Optional[int]:
    """How many entries the backup holds, of dir_compare's counts."""
    value = counts.get("right_list")
    return _whole(value.get("entries") if isinstance(value, dict) else value)


def _age(newest: t.Any, made_at: str) -> t.Optional[float]:
    moment, now = parse_time(newest), parse_time(made_at)
    return (now - moment).total_seconds() if moment and now else None
