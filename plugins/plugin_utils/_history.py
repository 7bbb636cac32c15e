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
    # all backups together
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
    if not isinstance(verdicts, dict) or not all(isinstance(value, dict) for value in verdicts.values()) or not isinstance(sizes, dict):
        return None
    return {
        "format": FORMAT,
        "made_at": data["made_at"],
        "identity": str(data.get("identity", "")),
        "state": str(data.get("state", "")),
        "mailed": data.get("mailed") is True,
        "hosts": data["hosts"],
        "backups": data["backups"],
        "bytes": data["bytes"] if isinstance(data.get("bytes"), int) else 0,
        "sizes": sizes,
        "verdicts": verdicts,
    }


def _is_tally(value: t.Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), int) for key in ("total", "good", "bad", "skipped"))


def write(runs: t.Sequence[Run], keep: int) -> str:
    """The last ``keep`` of ``runs`` as lines."""
    return "".join(json.dumps(run, sort_keys=True) + "\n" for run in runs[len(runs) - min(keep, len(runs)) :])


def last_told(runs: t.Sequence[Run]) -> t.Optional[str]:
    """The state of the fleet in the last report that was mailed; None when none was."""
    return next((run["state"] for run in reversed(runs) if run["mailed"]), None)
