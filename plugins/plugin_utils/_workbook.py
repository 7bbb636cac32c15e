# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as sheets of a workbook. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible_collections.fleetproof.backup.plugins.plugin_utils._page import TONES, word
from ansible_collections.fleetproof.backup.plugins.plugin_utils._report import Report
from ansible_collections.fleetproof.backup.plugins.plugin_utils._rows import VERDICTS, Host, Pair
from ansible_collections.fleetproof.backup.plugins.plugin_utils._xlsx import Column, Sheet

_FILLS = {"good": "#e2f2e9", "mended": "#def0f7", "aged": "#fbeccb", "bad": "#fadedb", "quiet": "#e9ecef"}


def _column(title: str, width: int, form: str = "text") -> Column:
    return {"title": title, "width": width, "format": form, "fills": {}}


def sheets(report: Report) -> t.List[Sheet]:
    """What was found, every finding that is known by name, and the history."""
    return [_backups(report), _findings(report), _history(report)]


def _backups(report: Report) -> Sheet:
    verdict = _column("Verdict", 13)
    verdict["fills"] = {word(name): _FILLS[TONES.get(name, "bad")] for name in VERDICTS}
    columns = [
        _column("Host", 18),
        _column("Backup", 18),
        verdict,
        _column("Reasons", 60),
        _column("To do", 50),
        _column("Findings", 10, "number"),
        _column("Entries", 10, "number"),
        _column("Bytes in the source", 18, "number"),
        _column("Bytes in the backup", 18, "number"),
        _column("Newest file (UTC)", 18, "time"),
        _column("Complete", 10, "flag"),
        _column("Intact", 10, "flag"),
        _column("Fresh", 10, "flag"),
        _column("Since (UTC)", 18, "time"),
        _column("Reports", 9, "number"),
        _column("Seconds", 10, "decimal"),
        _column("Source", 30),
        _column("Destination", 30),
        _column("Checked by", 16),
    ]
    rows = [row for host in report["hosts"] for row in _rows_of(host)]
    return {"name": "Backups", "columns": columns, "rows": rows}


def _rows_of(host: Host) -> t.List[t.List[t.Any]]:
    if not host["pairs"]:
        return [[host["name"], None, word(host["verdict"]), "; ".join(host["reasons"]), host["todo"], *[None] * 14]]
    return [_row(host, pair) for pair in host["pairs"]]


def _row(host: Host, pair: Pair) -> t.List[t.Any]:
    return [
        host["name"],
        pair["name"],
        word(pair["verdict"]),
        "; ".join(pair["reasons"]),
        pair["todo"],
        pair["findings_total"],
        pair["entries"],
        pair["bytes"]["left"],
        pair["bytes"]["right"],
        pair["newest"],
        pair["complete"],
        pair["intact"],
        pair["fresh"],
        pair["since"],
        pair["reports"],
        pair["duration"],
        pair["src"],
        pair["dest"],
        pair["source"],
    ]


def _findings(report: Report) -> Sheet:
    rows: t.List[t.List[t.Any]] = []
    for host in report["hosts"]:
        for pair in host["pairs"]:
            rows += [[host["name"], pair["name"], finding["path"], finding["what"]] for finding in pair["findings"]]
            more = pair["findings_total"] - len(pair["findings"])
            if more > 0:
                rows.append([host["name"], pair["name"], None, "%d more" % more])
    return {"name": "Findings", "columns": [_column("Host", 18), _column("Backup", 18), _column("Path", 70), _column("What", 50)], "rows": rows}


def _history(report: Report) -> Sheet:
    columns = [_column("Report (UTC)", 18, "time")]
    titles = ("Hosts", "Good hosts", "Bad hosts", "Hosts not checked", "Backups", "Good backups", "Bytes in the backups")
    columns += [_column(title, 18, "number") for title in titles]
    rows = []
    for run in reversed(report["history"]):
        hosts, backups = run["hosts"], run["backups"]
        rows.append([run["made_at"], hosts["total"], hosts["good"], hosts["bad"], hosts["skipped"], backups["total"], backups["good"], run["bytes"]])
    # Excel keeps the name History for itself.
    return {"name": "Past reports", "columns": columns, "rows": rows}
