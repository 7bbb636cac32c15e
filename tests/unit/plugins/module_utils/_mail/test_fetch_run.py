# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetching over connections that break off: everything arrives, once, or it is told what did not."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.pop3_mailbox import PopMailbox
from ansible_collections.fleetproof.backup.plugins.module_utils._message.files import FileStore
from ansible_collections.fleetproof.backup.plugins.module_utils._message.seen import Seen
from ansible_collections.fleetproof.backup.plugins.module_utils._net import retry
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
    outcome = fetch.new(delete="fetched", retries=1, timeout=1.0 if kind == "timeout" else 10.0, match={"from": "ann"})
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


def test_a_server_that_stumbles_now_and_then_is_tried_to_the_end(fetch: Fetcher, pop: PopServer) -> None:
    for number in range(4, 10):
        pop.deliver(mail(number))
    pop.behave(replies={"RETR": ["drop", None, "drop", None, "drop", None, "drop", None, "drop", None]})
    outcome = fetch.new(retries=0)
    assert (outcome.result["counts"]["failed"], outcome.result["counts"]["fetched"]) == (5, 5)


def test_a_place_that_is_busy_is_tried_again_and_not_blamed_on_a_message(fetch: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(_self: FileStore, _tag: str, _raw: bytes, _when: t.Optional[float]) -> str:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(FileStore, "_write", busy)
    outcome = fetch.new(retries=1)
    assert outcome.failure is not None
    assert (outcome.failure.kind, outcome.result["counts"]["failed"], outcome.changed) == ("busy", 0, False)


def test_what_is_handled_is_safe_on_disk_and_nothing_is_in_check_mode(fetch: Fetcher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    handled: t.List[int] = []
    monkeypatch.setattr(PopMailbox, "handled", lambda _self, _ref: handled.append(len(fetch.kept())))
    for given in ({"attachments_dest": str(tmp_path / "files")}, {"dest": str(fetch.dest)}):
        fetch(check=True, **given)
    fetch()
    assert handled == []
    fetch.new()
    assert handled == [1, 2, 3, 4]


def test_only_a_whole_listing_makes_messages_forgotten(fetch: Fetcher, pop: PopServer, mails: t.List[str], monkeypatch: pytest.MonkeyPatch) -> None:
    fetch.new()
    pop.maildir_of.remove(mails[0])
    with monkeypatch.context() as patch:
        patch.setattr(PopMailbox, "complete", False)
        fetch.new()
    assert '"forget"' not in fetch.state.read_text()
    fetch.new()
    assert '"forget"' in fetch.state.read_text()


def test_connections_that_are_lost_now_and_then_do_not_end_the_waiting(fetch: Fetcher, pop: PopServer, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: t.List[int] = []
    wait = PopMailbox.wait

    def counted(self: PopMailbox, until: float) -> None:
        looks.append(1)
        if len(looks) == 4:
            pop.deliver(mail(9))
        wait(self, until)

    monkeypatch.setattr(PopMailbox, "wait", counted)
    pop.behave(replies={"LIST": ["drop", None, "drop", None, "drop", None]})
    assert subjects(fetch(wait=60, retries=1, match={"subject": "9"})) == ["Report 9"]


def test_what_comes_while_a_deletion_is_tried_again_has_not_come_too_late(fetch: Fetcher, pop: PopServer, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch.new()
    pop.behave(drop={"DELE": 1})

    def pause(_attempt: int) -> float:
        pop.deliver(mail(9))
        return 0.0

    monkeypatch.setattr(retry, "backoff", pause)
    outcome = fetch.new(delete="fetched", wait=0.01, wait_interval=0.01, retries=3)
    assert (outcome.failure, subjects(outcome), outcome.result["counts"]["deleted"]) == (None, ["Report 9"], 5)


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


def test_what_was_deleted_is_told_though_the_server_refused_to_delete_another(fetch: Fetcher, pop: PopServer, mails: t.List[str]) -> None:
    fetch.new()
    pop.behave(replies={"DELE": [None, "-ERR read only", None, None]})
    outcome = fetch.new(delete="fetched")
    assert outcome.failure is not None
    assert mails[1] in outcome.failure.message
    assert (outcome.changed, sorted(outcome.result["deleted"]), outcome.result["counts"]["deleted"]) == (True, [mails[0], *mails[2:]], 3)
    assert [entry.name for entry in pop.maildir_of.entries()] == [mails[1]]


def test_a_header_that_the_server_always_stumbles_over_stops_no_other(fetch: Fetcher, pop: PopServer, mails: t.List[str]) -> None:
    for reply, kind, retries, tries in (("drop", "connect", 1, 2), ("what?", "protocol", 0, 1)):
        # all at once, newest first: the second stumbles; then one after the other, where it does so again
        pop.behave(hide=["PIPELINING"], replies={"TOP": [*[None, reply] * tries, None, *[reply] * tries, None, None]})
        outcome = fetch(match={"from": "ann"}, bodies="none", retries=retries)
        assert outcome.failure is not None
        assert (outcome.failure.kind, ids(outcome.result["failed_messages"]), len(outcome.result["messages"])) == (kind, [mails[2]], 3)


def test_nonsense_in_place_of_a_message_stops_no_other(fetch: Fetcher, pop: PopServer, mails: t.List[str]) -> None:
    pop.behave(replies={"RETR": [None, "what?", None, None]})
    outcome = fetch.new()
    assert outcome.failure is not None
    assert (outcome.failure.kind, ids(outcome.result["failed_messages"]), outcome.result["counts"]["fetched"]) == ("protocol", [mails[2]], 3)


def test_a_message_that_takes_over_the_id_of_one_that_was_fetched_is_not_deleted_unread(fetch: Fetcher, pop: PopServer, mails: t.List[str]) -> None:
    pop.behave(uidl="twins")
    assert subjects(fetch.new(match={"subject": "0"})) == ["Report 0"]
    for name in mails[:3]:
        pop.maildir_of.remove(name)
    for check in (True, False):
        outcome = fetch.new(check, delete="fetched", match={"subject": "0"})
        assert (outcome.result["deleted"], "or once did" in outcome.warnings[0]) == ([], True)
    assert [entry.name for entry in pop.maildir_of.entries()] == mails[3:]
