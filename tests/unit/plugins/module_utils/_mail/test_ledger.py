# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.ledger import Ledger

KEY = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(str(tmp_path / "state" / "ledger.jsonl"))


def test_nothing_is_known_of_a_mail_before_it_is_sent_and_asking_writes_nothing(ledger: Ledger) -> None:
    record = ledger.read(KEY)
    assert (record.accepted, record.unsettled, record.date) == ([], [], None)
    assert not os.path.exists(os.path.dirname(ledger.path))


def test_the_steps_of_a_delivery_add_up(ledger: Ledger) -> None:
    ledger.append(KEY, "sending", 10.0, ["a@x", "b@x"], date=9.0, size=100)
    assert ledger.read(KEY).unsettled == ["a@x", "b@x"]
    ledger.append(KEY, "not_sent", 11.0, ["a@x", "b@x"])
    assert ledger.read(KEY).unsettled == []
    ledger.append(KEY, "sending", 20.0, ["a@x"], date=19.0, size=100)
    ledger.append(KEY, "sent", 21.0, ["a@x"])
    ledger.append(KEY, "sending", 22.0, ["b@x"], date=19.0, size=100)
    record = ledger.read(KEY)
    assert (record.accepted, record.unsettled, record.date, record.since, record.size) == (["a@x"], ["b@x"], 19.0, 22.0, 100)
    assert ledger.read(OTHER).accepted == []


def test_the_file_is_for_its_owner_alone(ledger: Ledger) -> None:
    ledger.append(KEY, "sending", 10.0, ["a@x"])
    assert os.stat(ledger.path).st_mode & 0o777 == 0o600
    assert os.stat(os.path.dirname(ledger.path)).st_mode & 0o777 == 0o700


def test_a_line_that_a_crash_cut_off_takes_nothing_with_it(ledger: Ledger) -> None:
    ledger.append(KEY, "sending", 10.0, ["a@x"])
    ledger.append(KEY, "sent", 11.0, ["a@x"])
    with open(ledger.path, "ab") as journal:
        journal.write(json.dumps({"mail": OTHER, "step": "sending", "to": ["c@x"]}).encode()[:-9])
    ledger.append(OTHER, "sending", 12.0, ["d@x"])
    assert ledger.read(KEY).accepted == ["a@x"]
    assert ledger.read(OTHER).unsettled == ["d@x"]


@pytest.mark.parametrize("content", [b"root:x:0:0::/root:/bin/sh\n", b"{}\n", b"\xff\xfe"])
def test_a_file_that_is_no_ledger_is_left_alone(ledger: Ledger, content: bytes) -> None:
    os.makedirs(os.path.dirname(ledger.path))
    with open(ledger.path, "wb") as other:
        other.write(content)
    with pytest.raises(FleetproofError, match="not a ledger"):
        ledger.read(KEY)


@pytest.mark.parametrize("length", [1, 10, 23])
def test_a_first_line_that_a_crash_cut_off_is_made_good(ledger: Ledger, length: int) -> None:
    ledger.append(KEY, "sending", 10.0, ["a@x"])
    header = Path(ledger.path).read_bytes().splitlines(keepends=True)[0]
    with open(ledger.path, "wb") as journal:
        journal.write(header[:length])
    assert ledger.read(KEY).unsettled == []
    ledger.append(KEY, "sending", 11.0, ["b@x"])
    assert ledger.read(KEY).unsettled == ["b@x"]
    assert Path(ledger.path).read_bytes().startswith(header)


def test_a_file_that_is_no_ledger_is_never_written_to(ledger: Ledger) -> None:
    os.makedirs(os.path.dirname(ledger.path))
    with open(ledger.path, "wb") as other:
        other.write(b"mine\n")
    with pytest.raises(FleetproofError, match="not a ledger"):
        ledger.append(KEY, "sending", 10.0, ["a@x"])
    assert Path(ledger.path).read_bytes() == b"mine\n"


@pytest.mark.parametrize(
    "damage",
    [
        {"to": 5},
        {"to": None},
        {"to": [7]},
        {"step": "gone"},
        {"date": "now"},
        {"date": 1e300},
        {"at": None},
        {"size": "big"},
        {"message_id": "<a@b>\r\nBcc: x"},
    ],
)
def test_a_line_that_is_whole_and_makes_no_sense_is_told_and_not_passed_over(ledger: Ledger, damage: t.Dict[str, t.Any]) -> None:
    ledger.append(KEY, "sending", 10.0, ["a@x"])
    with open(ledger.path, "ab") as journal:
        journal.write(json.dumps({"mail": KEY, "step": "sent", "at": 11.0, "to": ["a@x"], **damage}).encode() + b"\n")
    with pytest.raises(FleetproofError, match="Line 3 of the ledger") as caught:
        ledger.read(KEY)
    assert caught.value.kind == "integrity"
    # other mails are not held up
    assert ledger.read(OTHER).unsettled == []


HOLD = """
import sys
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.ledger import Ledger
with Ledger(sys.argv[1]).locked(sys.argv[2], 0):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_runs_never_send_one_mail_at_the_same_time_but_two_mails_they_do(ledger: Ledger) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, ledger.path, KEY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(FleetproofError) as caught, ledger.locked(KEY, 0.2):
            pass
        assert (caught.value.kind, caught.value.retryable) == ("busy", True)
        with ledger.locked(OTHER, 0):
            ledger.append(OTHER, "sending", 1.0, ["a@x"])
        holder.kill()
        holder.wait()
        with ledger.locked(KEY, 5):
            pass
    finally:
        holder.kill()
        holder.communicate()
