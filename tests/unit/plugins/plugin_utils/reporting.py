# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Made-up verdicts and reports for the tests of what is made from them."""

from __future__ import annotations

from ansible_collections.fleetproof.backup.plugins.plugin_utils import _history, _report

NOW = "2026-02-03T04:05:06Z"
# What a host may call its files when it means harm, or by accident.
NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}{% raw %}{#",
    "a\nb\tc\r\x00\x07\x1b[31m",
    "=1+1",
    "+cmd|' /C calc'!A0",
    "@SUM(A1)",
    "-2",
    'back\\slash "quoted"',
    "\u202egnp.exe",
    "\ud800\udcff",
    "$\\frac{a$",
    "漢字 ünï",
    "]]>&amp;<!--",
)


def pair(name="etc", verdict="good", **more):
    """A verdict as backup_verify leaves it."""
    row = {
        "source": "backup_verify",
        "name": name,
        "src": "/srv/" + name,
        "dest": "/backup/" + name,
        "verdict": verdict,
        "complete": True,
        "intact": True,
        "fresh": None,
        "reasons": [] if verdict == "good" else ["It is %s" % verdict],
        "findings": [],
        "findings_total": 0,
        "todo": "" if verdict in ("good", "repaired") else "Do something about %s" % name,
        "counts": {"left_list": {"entries": 7, "bytes": 2048}, "right_list": {"entries": 6, "bytes": 1024}},
        "bytes": {"left": 2048, "right": 1024},
        "newest": "2026-02-03T03:05:06Z",
        "duration": 1.5,
        "checked_at": NOW,
        "repair": None,
        "sync": None,
    }
    row.update(more)
    return row


def verified(*pairs):
    """The variables of a host that was verified."""
    return {"backup_verify_reach": {"ping": "pong"}, "fleetproof_verdicts": list(pairs)}


def unreachable(*names, msg="Connection timed out"):
    """The variables of a host that did not answer and whose backups have these names."""
    return {
        "backup_verify_reach": {"unreachable": True, "msg": msg},
        "backup_verify_pairs": [{"name": name, "src": "/srv/" + name, "dest": "/backup/" + name} for name in names],
    }


def report(facts, history="", made_at=NOW, limit=None, hosts=None, title="Backups", check_mode=False):
    """The report on the hosts of ``facts``."""
    request = _report.Request(list(facts) if hosts is None else hosts, facts, limit, history, made_at, title, check_mode)
    return _report.make(request)


def history_of(*fleets, mailed=()):
    """The history after a report on each of ``fleets``, one a day from the first of January on; ``mailed`` are the indices of those that were mailed."""
    text = ""
    for index, facts in enumerate(fleets):
        runs = report(facts, text, "2026-01-%02dT04:05:06Z" % (index + 1))["history"]
        runs[-1]["mailed"] = index in mailed
        text = _history.write(runs, 1000)
    return text


def nasty_fleet():
    """A fleet in which everything that a host may choose means harm."""
    rows = [pair(name, "damaged", src=name, dest=name, reasons=[name], todo=name, findings=[{"path": name, "what": name}], findings_total=3) for name in NASTY]
    return {"web1": verified(*rows), "db1": unreachable(msg=" ".join(NASTY)), "ok": verified(pair())}
