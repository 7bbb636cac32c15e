# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

from ansible_collections.fleetproof.backup.plugins.plugin_utils._prometheus import prometheus
from ansible_collections.fleetproof.backup.tests.unit.plugins.plugin_utils.reporting import nasty_fleet, pair, report, unreachable, verified
from hypothesis import given, settings
from hypothesis import strategies as st

FLEET = {
    "web1": verified(pair(), pair("www", "stale", fresh=False)),
    "db2": verified(pair("data", "repaired")),
    "mail1": unreachable("maildir"),
    "left": {"backup_verify_pairs": [{"name": "etc"}]},
}
# Exposition format 0.0.4
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def parsed(text):
    """The samples by name and labels; whatever the format forbids is an error."""
    samples, declared, finished = {}, None, set()
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        kind = re.fullmatch(r"# (HELP|TYPE) (\S+) (.+)", line)
        if kind:
            if kind[1] == "HELP":
                assert kind[2] not in finished, "the lines of a metric have to stand together"
                declared = kind[2]
                finished.add(declared)
            else:
                assert (kind[2], kind[3]) == (declared, "gauge")
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        assert match[1] == declared
        labels = tuple((name, re.sub(r"\\.", lambda part: UNESCAPED[part[0]], value)) for name, value in LABEL.findall(match[2] or ""))
        assert (match[1], labels) not in samples, "the same sample twice: %s" % line
        samples[match[1], labels] = float(match[3])
    return samples


def by_pair(samples, metric):
    return {(dict(labels)["host"], dict(labels)["pair"]): value for (name, labels), value in samples.items() if name == metric}


def test_a_backup_is_good_or_not():
    samples = parsed(prometheus(report(FLEET, limit=["web1", "db2", "mail1"])))
    assert by_pair(samples, "fleetproof_backup_good") == {("web1", "etc"): 1, ("web1", "www"): 0, ("db2", "data"): 1, ("mail1", "maildir"): 0}


def test_a_host_that_was_left_out_is_neither():
    samples = parsed(prometheus(report(FLEET, limit=["web1", "db2", "mail1"])))
    assert {dict(labels)["host"]: value for (name, labels), value in samples.items() if name == "fleetproof_host_good"} == {"web1": 0, "db2": 1, "mail1": 0}
    assert samples["fleetproof_host_verdict", (("host", "left"), ("verdict", "skipped"))] == 1
    assert samples["fleetproof_report_hosts", (("state", "skipped"),)] == 1


def test_sizes_times_and_numbers_are_there():
    samples = parsed(prometheus(report(FLEET)))
    labels = (("host", "web1"), ("pair", "etc"), ("source", "backup_verify"))
    assert samples["fleetproof_backup_size_bytes", (*labels, ("side", "source"))] == 2048
    assert samples["fleetproof_backup_size_bytes", (*labels, ("side", "backup"))] == 1024
    assert samples["fleetproof_backup_newest_timestamp_seconds", labels] == 1770087906
    assert samples["fleetproof_backup_duration_seconds", labels] == 1.5
    assert samples["fleetproof_report_timestamp_seconds", ()] == 1770091506


def test_what_is_not_known_has_no_sample():
    samples = parsed(prometheus(report(FLEET)))
    assert ("mail1", "maildir") not in by_pair(samples, "fleetproof_backup_size_bytes")
    assert ("web1", "etc") not in by_pair(samples, "fleetproof_backup_fresh")
    assert by_pair(samples, "fleetproof_backup_fresh") == {("web1", "www"): 0}


def test_the_same_name_from_two_roles_makes_two_series():
    samples = parsed(prometheus(report({"web1": verified(pair(), pair(source="ftp_mirror"))})))
    assert sum(name == "fleetproof_backup_good" for name, _labels in samples) == 2


def test_labels_hold_whatever_a_host_is_called():
    fleet = nasty_fleet()
    found = report(fleet)
    samples = by_pair(parsed(prometheus(found)), "fleetproof_backup_good")
    assert set(samples) == {(row["name"], item["name"]) for row in found["hosts"] for item in row["pairs"]}


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(), min_size=1), st.text(st.characters(), min_size=1))
def test_any_text_makes_metrics_that_can_be_read_back(host, name):
    found = report({host: verified(pair(name))})
    row = found["hosts"][0]
    assert by_pair(parsed(prometheus(found)), "fleetproof_backup_good") == {(row["name"], row["pairs"][0]["name"]): 1}
