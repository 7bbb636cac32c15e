# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetching over connections that break off: everything arrives, once, or it is told what did not."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._message.files import FileStore
from ansible_collections.fleetproof.backup.plugins.module_utils._message.seen import Seen
from ansible_collections.fleetproof.backup.tests.testbed.popd import PopServer

from .fetching import Fetcher, ids, mail, subjects

ALL = sorted(mail(number) for number in range(4))


@pytest.fixture(autouse=True)
def mails(pop: PopServer) -> t.List[str]:
    return [pop.deliver(mail(number)) for number in range(4)]


@pytest.mark.parametrize(
    "behaviour",
    [
        {"busy": 2},
        {"in_use": 2},
        {"drop": {"CAPA": 2}},
        {"drop": {"AUTH": 2}},
        {"drop": {"LIST": 2}},
        {"drop": {"UIDL": 2}},
        {"drop": {"RETR": 2}},
        {"drop": {"TOP": 2}},
        {"drop": {"DELE": 2}},
        {"drop": {"QUIT": 2}},
        {"cut": {"RETR": 40}, "cuts": 2},
        {"cut": {"UIDL": 40}, "cuts": 2},
        {"cut": {"TOP": 40}, "cuts": 2},
        {"replies": {"QUIT": ["done"]}},
        {"replies": {"QUIT": ["drop", "-ERR [SYS/TEMP] not now"]}},
        {"replies": {"RETR": [None, "close", None, None, "close"]}},
        {"keeps": 2},
        {"greeting": ["-ERR [SYS/TEMP] full"]},
    ],
)
def test_what_breaks_off_twice_is_fetched_and_deleted_all_the_same(fetch: Fetcher, pop: PopServer, mails: t.List[str], behaviour: t.Dict[str, t.Any]) -> None:
    pop.behave(**behaviour)
    outcome = fetch.new(delete="fetched", retries=2, match={"from": "ann"})
    assert outcome.failure is None
    assert (sorted(ids(outcome.result["messages"])), sorted(outcome.result["deleted"])) == (mails, mails)
    assert fetch.kept() == ALL
    assert pop.maildir_of.entries() == []
    assert outcome.result["counts"]["matched"] == 4


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        ({"drop": {"LIST": -1}}, "connect"),
        ({"drop": {"UIDL": -1}}, "connect"),
        ({"drop": {"TOP": -1}}, "connect"),
        ({"drop": {"DELE": -1}}, "connect"),
        ({"drop": {"QUIT": -1}}, "connect"),
        ({"keeps": -1}, "refused"),
        ({"stall": "QUIT"}, "timeout"),
    ],
)
def test_a_run_that_gives_up_is_finished_by_the_next_one(fetch: Fetcher, pop: PopServer, behaviour: t.Dict[str, t.Any], kind: str) -> None:
    pop.behave(**behaviour)
    outcome = fetch.new(delete="fetched", retries=1, timeout=0.5, match={"from": "ann"})
    assert outcome.failure is not None
    assert (outcome.failure.kind, outcome.failure.retryable) == (kind, True)
    assert outcome.changed == bool(fetch.kept())
    assert outcome.result["deleted"] == []
    assert len(pop.maildir_of.entries()) == 4
    pop.behave()
    again = fetch.new(delete="fetched", match={"from": "ann"})
    assert (again.failure, fetch.kept(), pop.maildir_of.entries()) == (None, ALL, [])
    assert len(outcome.result["messages"]) + len(again.result["messages"]) == 4


def test_deletions_that_were_done_though_the_answer_was_lost_are_told(fetch: Fetcher, pop: PopServer, mails: t.List[str]) -> None:
    pop.behave(replies={"QUIT": ["done"]})
    outcome = fetch.new(delete="fetched", retries=1)
    assert (outcome.failure, sorted(outcome.result["deleted"])) == (None, mails)


def test_a_message_that_is_refused_stops_no_other(fetch: Fetcher, pop: PopServer, mails: t.List[str]) -> None:
    pop.behave(replies={"RETR": [None, "-ERR [SYS/PERM] bad sector", None, None]})
    outcome = fetch.new(delete="fetched")
    assert outcome.failure is not None
    assert (outcome.changed, ids(outcome.result["failed_messages"]), outcome.result["counts"]["fetched"]) == (True, [mails[2]], 3)
    assert "bad sector" in outcome.failure.message
    assert [entry.name for entry in pop.maildir_of.entries()] == [mails[2]]
    pop.behave()
    assert subjects(fetch.new()) == ["Report 2"]


def test_a_header_that_is_refused_stops_no_other(fetch: Fetcher, pop: PopServer, mails: t.List[str]) -> None:
    pop.behave(replies={"TOP": ["-ERR bad sector", "-ERR bad sector", None, None]})
    outcome = fetch.new(match={"from": "ann"})
    assert outcome.failure is not None
    assert "2 messages could not be fetched, see failed_messages" in outcome.failure.message
    assert (ids(outcome.result["failed_messages"]), outcome.result["counts"]["fetched"]) == ([mails[3], mails[2]], 2)


def test_a_message_that_the_server_always_stumbles_over_stops_no_other(fetch: Fetcher, pop: PopServer, mails: t.List[str]) -> None:
    pop.behave(replies={"RETR": [None, "drop", "drop", None, None]})
    outcome = fetch.new(retries=1)
    assert outcome.failure is not None
    assert (outcome.failure.kind, ids(outcome.result["failed_messages"]), outcome.result["counts"]["fetched"]) == ("connect", [mails[2]], 3)


def test_a_server_that_stumbles_over_everything_is_not_tried_for_ever(fetch: Fetcher, pop: PopServer) -> None:
    for number in range(4, 20):
        pop.deliver(mail(number))
    pop.behave(drop={"RETR": -1})
    outcome = fetch.new(retries=1)
    assert outcome.failure is not None
    assert len(pop.commands("RETR")) == 8
    assert not outcome.changed


def test_an_error_on_this_host_ends_the_run_and_is_not_blamed_on_a_message(fetch: Fetcher, pop: PopServer, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: t.List[int] = []
    write = FileStore._write

    def full(self: FileStore, tag: str, raw: bytes, when: t.Optional[float]) -> str:
        calls.append(1)
        if len(calls) > 2:
            raise OSError(28, "No space left on device")
        return write(self, tag, raw, when)

    monkeypatch.setattr(FileStore, "_write", full)
    outcome = fetch.new(delete="fetched", retries=1)
    assert outcome.failure is not None
    assert (outcome.failure.kind, outcome.failure.retryable, outcome.result["failed_messages"]) == ("no_space", False, [])
    assert (outcome.changed, len(outcome.result["messages"]), len(pop.maildir_of.entries())) == (True, 2, 4)
    monkeypatch.undo()
    assert fetch.new().result["counts"]["fetched"] == 2
    assert fetch.kept() == ALL


def test_two_runs_at_once_are_busy_before_anything_is_fetched(fetch: Fetcher, pop: PopServer) -> None:
    with Seen(str(fetch.state), "pop3://somebody@else") as seen:
        seen.load()
        error = fetch.failing(dest=str(fetch.dest))
    assert (error.kind, error.retryable) == ("busy", True)
    assert not pop.commands("RETR")
    assert not fetch.dest.exists()


def test_a_destination_that_cannot_be_used_is_told_before_anybody_is_asked(fetch: Fetcher, pop: PopServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for given in ({"dest": str(tmp_path / "file")}, {"dest": str(tmp_path)}, {"attachments_dest": str(tmp_path / "file")}):
        with pytest.raises(FleetproofError) as caught:
            fetch(**given)
        assert caught.value.kind == "argument"
    assert pop.connections == 0
