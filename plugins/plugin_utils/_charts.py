# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the charts of a report show. Private to this collection; _png draws them."""

from __future__ import annotations

import typing as t

from ansible_collections.fleetproof.backup.plugins.plugin_utils._history import Run, total_sizes
from ansible_collections.fleetproof.backup.plugins.plugin_utils._human import counted, human_date, human_size
from ansible_collections.fleetproof.backup.plugins.plugin_utils._page import TONES, word
from ansible_collections.fleetproof.backup.plugins.plugin_utils._png import Chart
from ansible_collections.fleetproof.backup.plugins.plugin_utils._report import Report
from ansible_collections.fleetproof.backup.plugins.plugin_utils._rows import VERDICTS

# Of middling lightness: told apart on white and on black.
COLORS = {"good": "#2f9461", "mended": "#3488ac", "aged": "#cf9626", "bad": "#cf4239", "quiet": "#98a2ad"}
# Two stand side by side in the page.
WIDTH, HEIGHT = 320, 200
RUNS = 30
BARS = 8
# Pixels above the bars, and for each of them.
ABOVE_BARS, BAR = 38, 22


class NamedChart(Chart):
    """A chart with its place in the report."""

    name: str
    # all that it shows, in words, for whoever does not see it
    alt: str


def charts(report: Report) -> t.List[NamedChart]:
    """The charts that there is something to show in."""
    runs = report["history"][-RUNS:]
    found = [_verdicts(report), _sizes(report)]
    # Side by side, so of one height: that of the longer one.
    for chart in found:
        chart["height"] = ABOVE_BARS + BAR * max(3, *(len(other["labels"]) for other in found))
    if len(runs) > 1:
        found += [_trend(runs), _growth(runs, total_sizes(report["history"])[-RUNS:])]
    return [chart for chart in found if chart["labels"]]


def _chart(name: str, title: str, alt: str) -> NamedChart:
    return {
        "name": name,
        "title": title,
        "alt": alt,
        "kind": "barh",
        "series": [],
        "labels": [],
        "unit": "number",
        "stacked": False,
        "width": WIDTH,
        "height": HEIGHT,
    }


def _verdicts(report: Report) -> NamedChart:
    numbers = {verdict: number for verdict in VERDICTS for number in [sum(row["verdict"] == verdict for row in report["hosts"])] if number}
    told = ", ".join("%d %s" % (number, word(verdict)) for verdict, number in numbers.items())
    chart = _chart("verdicts", "Hosts by verdict", "Hosts by verdict: %s." % told)
    chart["labels"] = [word(verdict) for verdict in numbers]
    chart["series"] = [{"name": "hosts", "values": list(numbers.values()), "color": "", "colors": [COLORS[TONES.get(verdict, "bad")] for verdict in numbers]}]
    return chart


def _sizes(report: Report) -> NamedChart:
    sizes = [(row["name"], sum(pair["bytes"]["right"] or 0 for pair in row["pairs"])) for row in report["hosts"]]
    sizes = sorted((item for item in sizes if item[1]), key=lambda item: (-item[1], item[0]))
    shown = sizes[:BARS]
    title = "Size by host" if len(sizes) <= BARS else "Size by host, the largest %d" % BARS
    chart = _chart("sizes", title, "%s: %s." % (title, ", ".join("%s %s" % (name, human_size(size)) for name, size in shown)))
    chart["unit"] = "bytes"
    chart["labels"] = [name for name, _size in shown]
    chart["series"] = [{"name": "backup", "values": [size for _name, size in shown], "color": COLORS["mended"], "colors": []}]
    return chart


def _trend(runs: t.Sequence[Run]) -> NamedChart:
    last = runs[-1]["hosts"]
    alt = "Hosts over the last %d reports: %s good in the first, %d of %d in the last." % (
        len(runs),
        "%d of %d" % (runs[0]["hosts"]["good"], runs[0]["hosts"]["total"]),
        last["good"],
        last["total"],
    )
    chart = _chart("trend", "Hosts, the last %d reports" % len(runs), alt)
    chart["kind"] = "bar"
    chart["stacked"] = True
    chart["labels"] = [_day(run) for run in runs]
    kinds = (("good", "good", "good"), ("not checked", "skipped", "quiet"), ("bad", "bad", "bad"))
    chart["series"] = [
        {"name": name, "values": [run["hosts"][key] for run in runs], "color": COLORS[tone], "colors": []}  # type: ignore[literal-required]
        for name, key, tone in kinds
        if any(run["hosts"][key] for run in runs)  # type: ignore[literal-required]
    ]
    return chart


def _growth(runs: t.Sequence[Run], sizes: t.List[int]) -> NamedChart:
    alt = "Size of all backups over %s: %s at first, %s at last." % (
        counted(len(runs), "report", "reports"),
        human_size(sizes[0]),
        human_size(sizes[-1]),
    )
    chart = _chart("growth", "Size of all backups", alt)
    chart["kind"] = "area"
    chart["unit"] = "bytes"
    chart["labels"] = [_day(run) for run in runs]
    chart["series"] = [{"name": "backups", "values": list(sizes), "color": COLORS["mended"], "colors": []}]
    return chart


def _day(run: Run) -> str:
    return human_date(run["made_at"], with_time=False).rsplit(" ", 1)[0]
