# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible_collections.fleetproof.backup.plugins.plugin_utils import _history
from ansible_collections.fleetproof.backup.tests.unit.plugins.plugin_utils.reporting import history_of, pair, verified

FLEET = {"web1": verified(pair())}


def test_what_is_written_is_read():
    text = history_of(FLEET, FLEET, FLEET)
    runs, broken = _history.read(text)
    assert (len(runs), broken) == (3, 0)
    assert _history.write(runs, 3) == text


def test_the_oldest_runs_go_first():
    runs, _broken = _history.read(history_of(FLEET, FLEET, FLEET))
    kept, _broken = _history.read(_history.write(runs, 2))
    assert [run["made_at"] for run in kept] == [run["made_at"] for run in runs[1:]]


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"made_at": "today"},
        {"hosts": {"good": 1}},
        {"backups": None},
        {"verdicts": {"web1": "good"}},
        {"verdicts": None},
        {"sizes": []},
        {"sizes": {"web1": "big"}},
    ],
)
def test_a_line_that_cannot_be_used_never_costs_the_others(change):
    lines = history_of(FLEET, FLEET).splitlines()
    lines.insert(1, json.dumps({**json.loads(lines[0]), **change}))
    runs, broken = _history.read("\n".join(lines))
    assert (len(runs), broken) == (2, 1)


@pytest.mark.parametrize("line", ["{", "[]", "null", "\x00", '{"format": 1'])
def test_a_line_that_is_cut_off_is_counted(line):
    runs, broken = _history.read(line + "\n\n" + history_of(FLEET))
    assert (len(runs), broken) == (1, 1)


def test_the_last_told_state_is_of_the_last_mailed_run():
    damaged = {"web1": verified(pair(verdict="damaged"))}
    runs, _broken = _history.read(history_of(FLEET, damaged, mailed=(0,)))
    assert _history.last_told(runs) == runs[0]["state"] != runs[1]["state"]
    assert _history.last_told([]) is None


def test_a_silent_host_counts_with_its_last_size():
    runs, _broken = _history.read(history_of({**FLEET, "db1": verified(pair())}, {**FLEET, "db1": {}}, FLEET))
    assert _history.total_sizes(runs) == [2048, 2048, 1024]


def test_a_run_that_left_a_host_out_tells_nothing_about_it():
    runs = [{"a": {"etc": "good"}, "b": {"": "good"}}, {"a": {"": "skipped"}, "c": {"x": "skipped"}}]
    assert _history.known_verdicts(runs) == {"a": {"etc": "good"}, "c": {"x": "skipped"}}
