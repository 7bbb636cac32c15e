# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report on a fleet as data; every page, mail and file is made from it.

Private to this collection. Pure: no clock, no files, no Ansible.
"""

from __future__ import annotations

import hashlib
import json
import re
import typing as t

from ansible_collections.fleetproof.backup.plugins.plugin_utils import _history
from ansible_collections.fleetproof.backup.plugins.plugin_utils._clean import name as clean_name
from ansible_collections.fleetproof.backup.plugins.plugin_utils._clean import one_line, shortened
from ansible_collections.fleetproof.backup.plugins.plugin_utils._human import counted
from ansible_collections.fleetproof.backup.plugins.plugin_utils._rows import VERDICTS, Facts, Host, Pair, host_row, roles_of

FORMAT = 1
# So many bad hosts are named in a subject; it is read on a telephone.
NAMED_IN_SUBJECT = 5


class Change(t.TypedDict):
    """A backup whose verdict is not that of the last report. None: it was not in it, or is not in this one."""

    host: str
    pair: str
    before: t.Optional[str]
    after: t.Optional[str]


class Summary(t.TypedDict):
    """The whole fleet in numbers."""

    hosts: _history.Tally
    backups: _history.Tally
    # backups by verdict, only those that there are
    verdicts: t.Dict[str, int]
    entries: int
    bytes: int
    findings: int
    # seconds that comparing and repairing took, all hosts together
    duration: float


class Report(t.TypedDict):
    """Everything that a report says."""

    format: int
    title: str
    headline: str
    subject: str
    # good, bad, or partial: nothing is bad, but not all were checked
    verdict: str
    made_at: str
    check_mode: bool
    summary: Summary
    # the worst first
    hosts: t.List[Host]
    changes: t.List[Change]
    previous: t.Optional[str]
    history: t.List[_history.Run]
    identity: str
    state: str
    # same as the last report but for times; and whether the verdicts differ from what was last mailed
    same: bool
    news: bool
    # what is missing from the report, and why
    notes: t.List[str]


class Request(t.NamedTuple):
    """What a report is made of."""

    # every host that was asked for
    hosts: t.Sequence[str]
    # what is known of each host's variables, as plain values
    facts: t.Mapping[str, Facts]
    # the hosts that the run was limited to; None when it was not limited
    limit: t.Optional[t.Collection[str]]
    history: str
    made_at: str
    title: str
    check_mode: bool


def make(request: Request) -> Report:
    """The report, with its history up to and including this run."""
    runs, broken = _history.read(request.history)
    roles = roles_of(request.facts.values())
    rows = [_row(host, request, roles) for host in dict.fromkeys(request.hosts)]
    rows.sort(key=lambda row: (-VERDICTS.index(row["verdict"]), _natural(row["name"])))
    summary = _summary(rows)
    _tell_since_when(rows, runs, request.made_at)
    verdicts = {row["name"]: _verdicts(row) for row in _by_name(rows)}
    before = _history.known_verdicts(run["verdicts"] for run in runs)
    known = _history.known_verdicts([*(run["verdicts"] for run in runs), verdicts])
    state = _digest(known)
    identity = _digest([one_line(request.title), *(_lasting(row) for row in _by_name(rows))])
    title = one_line(request.title, 60)
    text = headline(summary["hosts"], [row["name"] for row in rows if _is_bad(row)])
    run = _run(rows, summary, request.made_at, identity, state, verdicts)
    notes = [counted(broken, "line of the history could not be read and is", "lines of the history could not be read and are") + " left out"] if broken else []
    return {
        "format": FORMAT,
        "title": title,
        "headline": text,
        "subject": "%s%s: %s" % (title, " (check mode)" if request.check_mode else "", text),
        "verdict": _overall(summary["hosts"]),
        "made_at": request.made_at,
        "check_mode": request.check_mode,
        "summary": summary,
        "hosts": rows,
        "changes": _changes(before, known) if runs else [],
        "previous": runs[-1]["made_at"] if runs else None,
        "history": [*runs, run],
        "identity": identity,
        "state": state,
        "same": bool(runs) and runs[-1]["identity"] == identity,
        "news": _history.last_told(runs) != state,
        "notes": notes,
    }


def headline(hosts: _history.Tally, bad: t.Sequence[str]) -> str:
    """``6 of 8 hosts good, 2 bad: db1, web3``"""
    total = hosts["total"]
    if not total:
        return "no host was asked for"
    if hosts["good"] == total > 1:
        return "all %d hosts good" % total
    text = "%d of %s good" % (hosts["good"], counted(total, "host", "hosts"))
    if bad:
        named = [shortened(name, 40) for name in bad[:NAMED_IN_SUBJECT]]
        more = len(bad) - len(named)
        text += ", %d bad: %s%s" % (len(bad), ", ".join(named), " and %d more" % more if more else "")
    if hosts["skipped"]:
        text += "%s %d not checked" % (";" if bad else ",", hosts["skipped"])
    return text


def _row(host: str, request: Request, roles: t.Collection[str]) -> Host:
    limited_out = request.limit is not None and host not in request.limit
    return host_row(host, request.facts.get(host, {}), limited_out, request.made_at, roles)


def _is_bad(row: Host) -> bool:
    return not row["good"] and row["verdict"] != "skipped"


def _natural(name: str) -> t.List[t.Tuple[int, str]]:
    """web2 before web10."""
    return [(int(part), "") if part.isdigit() and part.isascii() else (0, part) for part in re.split(r"([0-9]+)", name)]


def _by_name(rows: t.Iterable[Host]) -> t.List[Host]:
    return sorted(rows, key=lambda row: row["name"])


def _overall(hosts: _history.Tally) -> str:
    if hosts["bad"] or not hosts["total"]:
        return "bad"
    return "partial" if hosts["skipped"] else "good"


def _tally(rows: t.Sequence[t.Union[Host, Pair]]) -> _history.Tally:
    good = sum(row["good"] for row in rows)
    skipped = sum(row["verdict"] == "skipped" for row in rows)
    return {"total": len(rows), "good": good, "bad": len(rows) - good - skipped, "skipped": skipped}


def _summary(rows: t.Sequence[Host]) -> Summary:
    pairs = [pair for row in rows for pair in row["pairs"]]
    return {
        "hosts": _tally(rows),
        "backups": _tally(pairs),
        "verdicts": {verdict: number for verdict in VERDICTS for number in [sum(pair["verdict"] == verdict for pair in pairs)] if number},
        "entries": sum(pair["entries"] or 0 for pair in pairs),
        "bytes": sum(pair["bytes"]["right"] or 0 for pair in pairs),
        "findings": sum(pair["findings_total"] for pair in pairs),
        "duration": round(sum(pair["duration"] or 0 for pair in pairs), 3),
    }


def key_of(pair: Pair) -> str:
    """The name of a backup, with the role it is from where that is not the usual one."""
    return pair["name"] if pair["source"] == "backup_verify" else "%s/%s" % (pair["source"], pair["name"])


def _size(row: Host) -> t.Optional[int]:
    """Bytes of all backups of a host; None when no size is known."""
    sizes = [pair["bytes"]["right"] for pair in row["pairs"] if pair["bytes"]["right"] is not None]
    return sum(sizes) if sizes else None


def _verdicts(row: Host) -> t.Dict[str, str]:
    # A host without any backup known by name still has a verdict, under no name.
    return {key_of(pair): pair["verdict"] for pair in row["pairs"]} or {"": row["verdict"]}


def _run(rows: t.Sequence[Host], summary: Summary, made_at: str, identity: str, state: str, verdicts: _history.Verdicts) -> _history.Run:
    return {
        "format": _history.FORMAT,
        "made_at": made_at,
        "identity": identity,
        "state": state,
        "mailed": False,
        "hosts": summary["hosts"],
        "backups": summary["backups"],
        "bytes": summary["bytes"],
        "sizes": {row["name"]: size for row in _by_name(rows) for size in [_size(row)] if size is not None},
        "verdicts": verdicts,
    }


def _tell_since_when(rows: t.Iterable[Host], runs: t.Sequence[_history.Run], made_at: str) -> None:
    """Fill in since when each backup has had its verdict; a report that left the host out neither counts nor makes a gap."""
    for row in rows:
        for pair in row["pairs"]:
            pair["since"] = made_at
            for run in reversed(runs):
                verdicts = run["verdicts"].get(row["name"], {})
                if _history.left_out(verdicts):
                    continue
                if verdicts.get(key_of(pair)) != pair["verdict"]:
                    break
                pair["since"] = run["made_at"]
                pair["reports"] += 1


def _changes(before: _history.Verdicts, after: _history.Verdicts) -> t.List[Change]:
    """What is not as it was, the worst first. A host without names of backups is compared as a whole."""
    changes: t.List[Change] = []
    for host in sorted({*before, *after}, key=_natural):
        old, new = before.get(host, {}), after.get(host, {})
        for key in sorted({*old, *new}):
            if old.get(key) != new.get(key):
                was = old.get(key)
                changes.append({"host": clean_name(host), "pair": clean_name(key), "before": was if was is None else one_line(was, 20), "after": new.get(key)})
    changes.sort(key=lambda change: -VERDICTS.index(change["after"]) if change["after"] else 0)
    return changes


def _lasting(row: Host) -> t.Any:
    """What a row says but for times, durations and the sentences that may hold them."""
    told = ("source", "name", "src", "dest", "verdict", "complete", "intact", "fresh", "findings", "findings_total", "counts", "bytes")
    pairs = [[pair[key] for key in told] for pair in sorted(row["pairs"], key=key_of)]  # type: ignore[literal-required]
    return [row["name"], row["verdict"], pairs]


def _digest(value: t.Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode("ascii")).hexdigest()
