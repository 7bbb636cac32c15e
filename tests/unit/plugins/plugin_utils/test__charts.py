# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.fleetproof.backup.plugins.plugin_utils._charts import BARS, RUNS, charts
from ansible_collections.fleetproof.backup.tests.unit.plugins.plugin_utils.reporting import history_of, pair, report, unreachable, verified

FLEET = {"web1": verified(pair()), "db1": verified(pair("data", "damaged")), "mail1": unreachable("maildir")}


def by_name(found):
    return {chart["name"]: chart for chart in charts(found)}


def test_a_first_report_has_no_trend():
    assert list(by_name(report(FLEET))) == ["verdicts", "sizes"]


def test_a_fleet_of_which_no_size_is_known_has_no_chart_of_sizes():
    assert list(by_name(report({"mail1": unreachable()}))) == ["verdicts"]


def test_every_host_counts_in_the_verdicts():
    chart = by_name(report(FLEET))["verdicts"]
    assert dict(zip(chart["labels"], chart["series"][0]["values"])) == {"good": 1, "damaged": 1, "unreachable": 1}
    assert chart["alt"] == "Hosts by verdict: 1 good, 1 damaged, 1 unreachable."


def test_the_largest_hosts_are_shown():
    fleet = {"h%02d" % number: verified(pair(bytes={"left": 0, "right": number * 1000})) for number in range(20)}
    chart = by_name(report(fleet))["sizes"]
    assert chart["labels"] == ["h%02d" % number for number in range(19, 19 - BARS, -1)]


def test_the_trend_is_of_the_last_reports():
    found = report(FLEET, history_of(*[{**FLEET, "db1": verified(pair("data"))}] * (RUNS - 2), FLEET))
    trend = by_name(found)["trend"]
    values = {series["name"]: series["values"] for series in trend["series"]}
    assert values == {"good": [2] * (RUNS - 2) + [1, 1], "bad": [1] * (RUNS - 2) + [2, 2]}
    assert trend["alt"] == "Hosts over the last 30 reports: 2 of 3 good in the first, 1 of 3 in the last."


def test_every_series_has_a_value_for_each_label():
    for chart in charts(report(FLEET, history_of(FLEET, FLEET))):
        assert {len(series["values"]) for series in chart["series"]} == {len(chart["labels"])}


def test_a_silent_host_leaves_no_dent_in_the_total():
    chart = by_name(report({**FLEET, "db1": unreachable("data")}, history_of(FLEET)))["growth"]
    assert chart["series"][0]["values"] == [2048, 2048]
