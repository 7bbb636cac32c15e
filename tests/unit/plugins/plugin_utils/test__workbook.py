# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.fleetproof.backup.plugins.plugin_utils._workbook import sheets
from ansible_collections.fleetproof.backup.tests.unit.plugins.plugin_utils.reporting import history_of, pair, report, unreachable, verified

FLEET = {
    "web1": verified(pair(), pair("www", "damaged", findings=[{"path": "a", "what": "b"}], findings_total=5)),
    "mail1": unreachable("maildir"),
    "gone": {},
}


def tables(found):
    return {sheet["name"]: [dict(zip((column["title"] for column in sheet["columns"]), row)) for row in sheet["rows"]] for sheet in sheets(found)}


def test_every_row_has_a_value_for_each_column():
    for sheet in sheets(report(FLEET, history_of(FLEET))):
        assert sheet["rows"]
        assert {len(row) for row in sheet["rows"]} == {len(sheet["columns"])}


def test_every_backup_is_a_row_and_so_is_a_host_without_any():
    rows = tables(report(FLEET))["Backups"]
    assert {(row["Host"], row["Backup"]): row["Verdict"] for row in rows} == {
        ("gone", None): "failed",
        ("mail1", "maildir"): "unreachable",
        ("web1", "www"): "damaged",
        ("web1", "etc"): "good",
    }
    assert rows[0]["To do"]


def test_findings_are_named_and_the_others_counted():
    assert tables(report(FLEET))["Findings"] == [
        {"Host": "web1", "Backup": "www", "Path": "a", "What": "b"},
        {"Host": "web1", "Backup": "www", "Path": None, "What": "4 more"},
    ]


def test_the_history_begins_with_this_report():
    rows = tables(report(FLEET, history_of(FLEET, FLEET)))["Past reports"]
    assert [row["Report (UTC)"] for row in rows] == ["2026-02-03T04:05:06Z", "2026-01-02T04:05:06Z", "2026-01-01T04:05:06Z"]
    assert rows[0]["Bad hosts"] == 3
