# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The history of a report: one line of JSON for each run, the oldest first.

Private to this collection. A line that cannot be read is left out and told about; it never costs the others.
"""

from __future__ import annotations

import json
import typing as t

from ansible_collections.fleetproof.backup.plugins.plugin_utils._human import parse_time

FORMAT = 1

# host -> "source/name" -> verdict
Verdicts = t.Dict[str, t.Dict[str, str]]


class Tally(t.TypedDict):
    """How many there are of each kind."""

    total: int
    good: int
    bad: int
    skipped: int


class Run(t.TypedDict):
    """What is kept of a report."""

    format: int
    made_at: str
    # digests of all that the report says but the times, and of the verdicts alone
    identity: str
    state: str
    # whether a mail told about it
    mailed: bool
    hosts: Tally
    backups: Tally
    # all backups together, and those of each host whose size is known
    bytes: int
    sizes: t.Dict[str, int]
    verdicts: Verdicts


def read(text: str) -> t.Tuple[t.List[Run], int]:
    """The runs in ``text``, and the number of lines that could not be read."""
    runs = []
    broken = 0
    for line in text.splitlines():
        if not line.strip():
            continue
        run = _run(line)
        if run is None:
            broken += 1
        else:
            runs.append(run)
    return runs, broken


def _run(line: str) -> t.Optional[Run]:
    try:
        data = json.loads(line)
    except ValueError:
        return None
    if not isinstance(data, dict) or data.get("format") != FORMAT or parse_time(data.get("made_at")) is None:
        return None
    if not (_is_tally(data.get("hosts")) and _is_tally(data.get("backups"))):
        return None
    verdicts, sizes = data.get("verdicts"), data.get("sizes")
    if not isinstance(verdicts, dict) or not all(isinstance(value, dict) for value in verdicts.values()) or not _are_sizes(sizes):
        return None
    data["identity"], data["state"] = str(data.get("identity", "")), str(data.get("state", ""))
    data["mailed"] = data.get("mailed") is True
    data["bytes"] = data["bytes"] if isinstance(data.get("bytes"), int) else 0
    return t.cast("Run", {key: data[key] for key in Run.__annotations__})


def _are_sizes(value: t.Any) -> bool:
    return isinstance(value, dict) and all(isinstance(size, int) for size in value.values())


def _is_tally(value: t.Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), int) for key in ("total", "good", "bad", "skipped"))


def write(runs: t.Sequence[Run], keep: int) -> str:
    """The last ``keep`` of ``runs`` as lines."""
    return "".join(json.dumps(run, sort_keys=True) + "\n" for run in runs[len(runs) - min(keep, len(runs)) :])


def total_sizes(runs: t.Sequence[Run]) -> t.List[int]:
    """Bytes of all backups in each run. A host whose size was not known counts with the last one that was, so that the total does not dip for its silence."""
    known: t.Dict[str, int] = {}
    totals = []
    for run in runs:
        known = {host: run["sizes"].get(host, known.get(host, 0)) for host in run["verdicts"]}
        totals.append(sum(known.values()))
    return totals


def known_verdicts(runs: t.Iterable[t.Mapping[str, t.Mapping[str, str]]]) -> Verdicts:
    """The last verdict on each backup of the hosts of the last run, given the verdicts of each run. A run that left a host out tells nothing about it."""
    known: t.Dict[str, t.Mapping[str, str]] = {}
    for verdicts in runs:
        known = {host: known.get(host, new) if left_out(new) else new for host, new in verdicts.items()}
    return {host: dict(verdicts) for host, verdicts in known.items()}


def left_out(verdicts: t.Mapping[str, str]) -> bool:
    """Whether a host was left out of a run."""
    return set(verdicts.values()) == {"skipped"}


def last_told(runs: t.Sequence[Run]) -> t.Optional[str]:
    """The state of the fleet in the last report that was mailed; None when none was."""
    return next((run["state"] for run in reversed(runs) if run["mailed"]), None)
