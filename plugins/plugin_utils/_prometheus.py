# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report in the text format of Prometheus (exposition format 0.0.4), for the textfile collector.

Private to this collection. A backup that was not asked for in this run has no C(fleetproof_backup_good):
neither 0 nor 1 would be true.
"""

from __future__ import annotations

import typing as t

from ansible_collections.fleetproof.backup.plugins.plugin_utils._human import parse_time
from ansible_collections.fleetproof.backup.plugins.plugin_utils._report import Report
from ansible_collections.fleetproof.backup.plugins.plugin_utils._rows import Host, Pair

Labels = t.Dict[str, str]
Sample = t.Tuple[Labels, float]


class _Metric(t.NamedTuple):
    name: str
    told: str
    samples: t.List[Sample]


def prometheus(report: Report) -> str:
    """All metrics, each with its HELP and TYPE; a metric without samples is left out."""
    return "".join(_text(metric) for metric in [*_of_report(report), *_of_hosts(report["hosts"]), *_of_backups(report["hosts"])] if metric.samples)


def _of_report(report: Report) -> t.List[_Metric]:
    hosts = report["summary"]["hosts"]
    kinds = (("good", hosts["good"]), ("bad", hosts["bad"]), ("skipped", hosts["skipped"]))
    return [
        _Metric("fleetproof_report_timestamp_seconds", "When the report was made.", [({}, _seconds(report["made_at"]) or 0)]),
        _Metric("fleetproof_report_hosts", "Hosts in the report by state.", [({"state": state}, number) for state, number in kinds]),
        _Metric("fleetproof_report_duration_seconds", "What comparing and repairing took on all hosts together.", [({}, report["summary"]["duration"])]),
    ]


def _of_hosts(hosts: t.Sequence[Host]) -> t.List[_Metric]:
    return [
        _Metric(
            "fleetproof_host_good",
            "Whether every backup of the host is good (1) or not (0).",
            [({"host": row["name"]}, int(row["good"])) for row in hosts if row["verdict"] != "skipped"],
        ),
        _Metric(
            "fleetproof_host_verdict",
            "The verdict on the host, 1 for the one that holds.",
            [({"host": row["name"], "verdict": row["verdict"]}, 1) for row in hosts],
        ),
    ]


def _of_backups(hosts: t.Sequence[Host]) -> t.List[_Metric]:
    def each(value: t.Callable[[Pair], t.Optional[float]], **more: str) -> t.List[Sample]:
        rows = ((row, pair, value(pair)) for row in hosts for pair in row["pairs"])
        return [({**_labels(row, pair), **more}, number) for row, pair, number in rows if number is not None]

    checked = [(row, pair) for row in hosts for pair in row["pairs"]]
    return [
        _Metric(
            "fleetproof_backup_good",
            "Whether the backup is good or was repaired (1) or not (0).",
            each(lambda p: None if p["verdict"] == "skipped" else int(p["good"])),
        ),
        _Metric(
            "fleetproof_backup_verdict",
            "The verdict on the backup, 1 for the one that holds.",
            [({**_labels(row, pair), "verdict": pair["verdict"]}, 1) for row, pair in checked],
        ),
        _Metric("fleetproof_backup_complete", "Whether the backup has all that the source has and nothing else.", each(lambda p: _flag(p["complete"]))),
        _Metric("fleetproof_backup_intact", "Whether all content that was compared is the same.", each(lambda p: _flag(p["intact"]))),
        _Metric("fleetproof_backup_fresh", "Whether the newest file of the backup is young enough.", each(lambda p: _flag(p["fresh"]))),
        _Metric(
            "fleetproof_backup_findings", "Entries that are not as they should be.", each(lambda p: None if p["checked_at"] is None else p["findings_total"])
        ),
        _Metric("fleetproof_backup_entries", "Entries of the backup.", each(lambda p: p["entries"])),
        _Metric(
            "fleetproof_backup_size_bytes",
            "Size of the source and of the backup.",
            each(lambda p: p["bytes"]["left"], side="source") + each(lambda p: p["bytes"]["right"], side="backup"),
        ),
        _Metric("fleetproof_backup_newest_timestamp_seconds", "Modification time of the newest file of the backup.", each(lambda p: _seconds(p["newest"]))),
        _Metric("fleetproof_backup_checked_timestamp_seconds", "When the backup was compared with its source.", each(lambda p: _seconds(p["checked_at"]))),
        _Metric("fleetproof_backup_duration_seconds", "What comparing and repairing took.", each(lambda p: p["duration"])),
    ]


def _labels(row: Host, pair: Pair) -> Labels:
    return {"host": row["name"], "pair": pair["name"], "source": pair["source"]}


def _flag(value: t.Optional[bool]) -> t.Optional[float]:
    return None if value is None else int(value)


def _seconds(time: t.Optional[str]) -> t.Optional[float]:
    moment = parse_time(time)
    return None if moment is None else moment.timestamp()


def _text(metric: _Metric) -> str:
    help_text = metric.told.replace("\\", "\\\\").replace("\n", "\\n")
    lines = ["# HELP %s %s" % (metric.name, help_text), "# TYPE %s gauge" % metric.name]
    lines += ["%s%s %s" % (metric.name, _label_text(labels), _value(value)) for labels, value in metric.samples]
    return "\n".join(lines) + "\n"


def _label_text(labels: Labels) -> str:
    if not labels:
        return ""
    return "{%s}" % ",".join('%s="%s"' % (key, value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")) for key, value in labels.items())


def _value(value: float) -> str:
    return "%d" % value if value == int(value) else repr(float(value))
