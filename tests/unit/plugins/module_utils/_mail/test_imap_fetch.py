# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole job against a server: fetched once, changed on the server only when safe, and in check mode not at all."""

from __future__ import annotations

import os
import threading
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.imap import Session
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.imap_fetch import SPEC, imap_fetch
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Outcome, Task
from ansible_collections.fleetproof.backup.plugins.module_utils._net import retry
from ansible_collections.fleetproof.backup.tests.testbed.imapd import ImapServer


def mail(subject: str, body: str = "Hello.\r\n") -> bytes:
    return ("From: Ä <a@example.com>\r\nMessage-ID: <%s@example.com>\r\nSubject: %s\r\n\r\n%s" % (subject, subject, body)).encode()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[ImapServer]:
    with ImapServer(tmp_path_factory.mktemp("imapd")) as server:
        yield server


@pytest.fixture
def server(running: ImapServer, monkeypatch: pytest.MonkeyPatch) -> ImapServer:
    monkeypatch.setattr(retry, "backoff", lambda _attempt: 0.01)
    running.behave()
    running.forget()
    for subject in ("one", "two", "three"):
        running.deliver(mail(subject))
    return running


class Fetcher:
    """Runs the job of imap_fetch with the options that a test names, and sensible ones for the rest."""

    def __init__(self, server: ImapServer, folder: Path) -> None:
        self.server = server
        self.dest = folder / "Maildir"
        self.state = folder / "state.jsonl"

    def look(self, check: bool = False, **given: t.Any) -> Outcome:
        found = {name: option.get("default") for name, option in SPEC.argument_spec.items()}
        usual = {"host": self.server.host, "port": self.server.tls_port, "ca_path": self.server.ca, "timeout": 5.0, "retries": 0}
        who = {"username": "fleet", "password": "correct horse"}
        unknown = set(given) - set(found)
        assert not unknown, unknown
        return imap_fetch(Task({**found, **usual, **who, **given}, check, True))

    def __call__(self, check: bool = False, **given: t.Any) -> Outcome:
        return self.look(check, **{"dest": str(self.dest), "state": str(self.state), "order": "oldest", **given})

    def kept(self) -> t.List[bytes]:
        """What is in the Maildir, in no order that matters."""
        return sorted(path.read_bytes() for path in self.dest.glob("new/*"))


@pytest.fixture
def fetch(server: ImapServer, tmp_path: Path) -> Fetcher:
    return Fetcher(server, tmp_path)


def on_server(server: ImapServer, name: str = "INBOX") -> t.List[t.Tuple[str, t.List[str]]]:
    """Subject and flags of each message that the server has."""
    box = server.box(name)
    return [((box.read(message) or b"").split(b"Subject: ")[1].split(b"\r\n")[0].decode(), sorted(message.flags)) for message in box.messages()]


def subjects(outcome: Outcome) -> t.List[str]:
    return [message["subject"] for message in outcome.result["messages"]]


def test_mail_is_fetched_once_and_check_mode_knows(server: ImapServer, fetch: Fetcher) -> None:
    for changed in (True, False):
        check = fetch(check=True)
        assert (check.changed, len(check.result["messages"])) == (changed, 3 if changed else 0)
        assert len(fetch.kept()) == (0 if changed else 3)
        run = fetch()
        assert run.failure is None
        assert (run.changed, subjects(run)) == (changed, ["one", "two", "three"] if changed else [])
        assert check.result["counts"]["fetched"] == run.result["counts"]["fetched"]
    assert fetch.kept() == sorted(map(mail, ("one", "two", "three")))
    assert on_server(server) == [("one", []), ("two", []), ("three", [])]
    assert not server.commands("SELECT")
    server.deliver(mail("four"))
    assert subjects(fetch()) == ["four"]


def test_looking_tells_all_of_it_and_changes_nothing(server: ImapServer, fetch: Fetcher) -> None:
    run = fetch.look()
    assert (run.changed, subjects(run)) == (False, ["three", "two", "one"])
    first = run.result["messages"][0]
    validity = server.box().validity
    assert (first["id"], first["from"], first["text"]) == ("%d.3" % validity, "Ä <a@example.com>", "Hello.\n")
    assert run.result["mailbox"] == {"count": 3, "size": sum(len(mail(name)) for name in ("one", "two", "three")), "unseen": 3, "uidvalidity": validity}
    assert run.result["server"]["tls_version"].startswith("TLSv1")
    assert on_server(server) == [("one", []), ("two", []), ("three", [])]
    assert not server.commands("SELECT")


def test_one_is_opened_by_its_id(server: ImapServer, fetch: Fetcher) -> None:
    del server
    listed = fetch.look(bodies="none").result["messages"]
    opened = fetch.look(search="UID %s" % listed[1]["id"].split(".")[1])
    assert [(message["id"], message["text"]) for message in opened.result["messages"]] == [(listed[1]["id"], "Hello.\n")]


def removing(server: ImapServer, monkeypatch: pytest.MonkeyPatch, before: str, subject: str = "two") -> t.List[str]:
    """Have another client remove a message ahead of a step of the session; gets an item each time it comes to that."""
    server.box("Done")
    real = getattr(Session, before)
    came: t.List[str] = []

    def too_late(self: Session, *arguments: t.Any) -> t.Any:
        came.append(before)
        for message in server.box().messages():
            if b"Subject: %s" % subject.encode() in (server.box().read(message) or b""):
                server.box().remove(message)
        return real(self, *arguments)

    monkeypatch.setattr(Session, before, too_late)
    return came


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("before", "stored", "options"),
    [
        ("sizes", True, {}),
        ("sizes", False, {}),
        ("heads", True, {"match": {"from": "a@"}}),
        ("heads", False, {"match": {"from": "a@"}}),
        ("heads", False, {"bodies": "none"}),
        ("body", True, {"match": {"body": "Hello"}}),
        ("body", False, {}),
    ],
)
def test_a_message_that_another_client_removes_meanwhile_is_no_failure(
    server: ImapServer, fetch: Fetcher, monkeypatch: pytest.MonkeyPatch, before: str, stored: bool, options: t.Dict[str, t.Any], check: bool
) -> None:
    came = removing(server, monkeypatch, before)
    run = fetch(check=check, **options) if stored else fetch.look(check=check, order="oldest", **options)
    assert came
    assert (run.failure, run.result["failed_messages"], run.warnings, subjects(run)) == (None, [], [], ["one", "three"])
    assert run.result["counts"]["matched"] == 2


def test_a_mailbox_that_another_client_empties_is_not_gone_through_one_by_one(server: ImapServer, fetch: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        server.deliver(mail("more %d" % number))
    real = Session.body

    def too_late(self: Session, uid: int, limit: int) -> bytes:
        if uid > 1:
            for message in server.box().messages():
                server.box().remove(message)
        return real(self, uid, limit)

    monkeypatch.setattr(Session, "body", too_late)
    run = fetch()
    assert (run.failure, subjects(run), run.result["failed_messages"]) == (None, ["one"], [])
    assert len([line for line in server.commands("UID FETCH") if "BODY" in line]) == 2


@pytest.mark.parametrize(("before", "options"), [("store", {"mark_seen": True}), ("move", {"move_to": "Done"}), ("store", {"delete": "fetched"})])
def test_a_message_that_another_client_removes_when_it_is_here_is_no_failure(
    server: ImapServer, fetch: Fetcher, monkeypatch: pytest.MonkeyPatch, before: str, options: t.Dict[str, t.Any]
) -> None:
    came = removing(server, monkeypatch, before, "one")
    run = fetch(**options)
    assert came
    assert (run.failure, subjects(run), len(fetch.kept())) == (None, ["one", "two", "three"], 3)


def test_a_header_that_is_not_handed_out_though_the_message_is_there_is_a_failure(server: ImapServer, fetch: Fetcher) -> None:
    server.behave(fetch="nil")
    run = fetch.look(match={"from": "a@"})
    assert run.failure is not None
    assert (run.failure.kind, run.result["counts"]["failed"]) == ("refused", 3)
    assert "did not hand out the header of message" in run.result["failed_messages"][0]["reason"]


def test_a_message_whose_size_the_server_leaves_out_is_not_taken_for_gone(server: ImapServer, fetch: Fetcher) -> None:
    fetch()
    server.behave(fetch="missing")
    assert fetch().result["counts"]["fetched"] == 0
    server.behave()
    assert fetch().result["counts"]["fetched"] == 0


def test_search_narrows_down_and_match_decides(fetch: Fetcher) -> None:
    assert subjects(fetch(search="OR SUBJECT one SUBJECT two", match={"subject": "^t"})) == ["two"]
    assert subjects(fetch(match={"subject": "^t"})) == ["three"]


@pytest.mark.parametrize("check", [True, False])
def test_what_is_handled_is_marked_and_moved(server: ImapServer, fetch: Fetcher, check: bool) -> None:
    server.box("Done")
    run = fetch(check=check, mark_seen=True, move_to="Done", match={"subject": "t"})
    assert (run.failure, run.changed) == (None, True)
    if check:
        assert (on_server(server), on_server(server, "Done")) == ([("one", []), ("two", []), ("three", [])], [])
    else:
        assert (on_server(server), on_server(server, "Done")) == ([("one", [])], [("two", ["\\Seen"]), ("three", ["\\Seen"])])


def test_what_is_deleted_was_fetched_by_this_task(server: ImapServer, fetch: Fetcher) -> None:
    assert fetch(delete="fetched", match={"subject": "two"}).result["counts"]["deleted"] == 1
    assert [subject for subject, _flags in on_server(server)] == ["one", "three"]
    assert fetch(delete="1h").result["counts"]["deleted"] == 0
    check = fetch(delete="fetched", check=True)
    assert (check.changed, check.result["counts"]["deleted"]) == (True, 2)
    assert len(on_server(server)) == 2
    run = fetch(delete="fetched")
    assert (run.changed, run.result["counts"]["deleted"], on_server(server)) == (True, 2, [])
    assert len(fetch.kept()) == 3


def test_what_cannot_be_marked_is_told_and_is_here(server: ImapServer, fetch: Fetcher) -> None:
    server.behave(refuse={"UID STORE": "NO Flags are for others"})
    run = fetch(mark_seen=True)
    assert run.failure is not None
    assert (run.failure.kind, "Flags are for others" in run.failure.message) == ("permission", True)
    assert (run.changed, subjects(run), fetch.kept()) == (True, ["one"], [mail("one")])
    server.behave()
    assert subjects(fetch(mark_seen=True)) == ["one", "two", "three"]
    assert fetch.kept() == sorted(map(mail, ("one", "two", "three")))


@pytest.mark.parametrize(
    "options",
    [
        {"mark_seen": True, "dest": None, "state": None},
        {"move_to": "Done", "dest": None, "state": None},
        {"move_to": "Done", "delete": "fetched"},
        {"move_to": "INBOX"},
        {"mailbox": ""},
        {"search": ""},
        {"username": None, "password": None},
    ],
)
def test_options_that_make_no_sense_together_are_refused(fetch: Fetcher, options: t.Dict[str, t.Any]) -> None:
    with pytest.raises(FleetproofError) as caught:
        fetch(**options)
    assert caught.value.kind == "argument"
    assert not fetch.dest.exists()


def test_no_line_break_reaches_the_server(server: ImapServer, fetch: Fetcher) -> None:
    for options in ({"mailbox": "a\r\nF9 DELETE INBOX"}, {"move_to": "a\nb"}, {"search": "ALL\r\nF9 DELETE INBOX"}, {"search": "SUBJECT {9}"}):
        with pytest.raises(FleetproofError) as caught:
            fetch(**options)
        assert caught.value.kind == "unsafe"
    assert server.commands() == []


def test_messages_that_are_numbered_anew_are_fetched_again_with_a_warning(server: ImapServer, fetch: Fetcher) -> None:
    fetch()
    server.renumber()
    run = fetch()
    assert len(run.result["messages"]) == 3
    (warning,) = run.warnings
    assert "another UIDVALIDITY" in warning
    assert "the 3 that were fetched" in warning
    again = fetch()
    assert (again.changed, again.warnings) == (False, [])


# a run that breaks off anywhere, and another one after it
@pytest.mark.parametrize("command", ["SELECT", "UID SEARCH", "UID FETCH", "UID STORE", "UID MOVE", "UID EXPUNGE"])
@pytest.mark.parametrize("how", ["drop", "done"])
@pytest.mark.parametrize("retries", [0, 3])
def test_nothing_is_lost_or_repeated_by_a_connection_that_breaks(server: ImapServer, fetch: Fetcher, command: str, how: str, retries: int) -> None:
    server.box("Done")
    server.behave(replies={command: [None, how]} if command in ("UID FETCH", "UID STORE", "UID MOVE") else {command: [how]})
    wish: t.Dict[str, t.Any] = {"delete": "fetched"} if command == "UID EXPUNGE" else {"mark_seen": True, "move_to": "Done"}
    told: t.List[str] = []
    try:
        first = fetch(retries=retries, **wish)
        failure = first.failure
        told = subjects(first)
    except FleetproofError as error:
        failure = error
    assert (failure is None) == (retries > 0)
    assert failure is None or failure.retryable
    # each file has been told of, whatever became of its message afterwards
    assert len(told) == len(fetch.kept())
    second = fetch(**wish)
    assert second.failure is None
    assert set(told + subjects(second)) == {"one", "two", "three"}
    assert fetch.kept() == sorted(map(mail, ("one", "two", "three")))
    assert on_server(server) == []
    if "move_to" in wish:
        assert sorted(on_server(server, "Done")) == [("one", ["\\Seen"]), ("three", ["\\Seen"]), ("two", ["\\Seen"])]


def test_a_run_that_is_killed_after_each_step_leaves_the_rest_to_the_next(server: ImapServer, fetch: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync
    left = [0]

    def die(descriptor: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        real(descriptor)

    for steps in range(40):
        left[0] = steps
        monkeypatch.setattr(os, "fsync", die)
        try:
            fetch(mark_seen=True)
        except KeyboardInterrupt:
            continue
        finally:
            monkeypatch.setattr(os, "fsync", real)
        break
    assert fetch.kept() == sorted(map(mail, ("one", "two", "three")))
    assert [flags for _subject, flags in on_server(server)] == [["\\Seen"]] * 3
    assert not fetch(mark_seen=True).changed


@pytest.mark.parametrize("hide", [[], ["IDLE"]])
def test_a_report_that_arrives_is_seen_within_a_second(server: ImapServer, fetch: Fetcher, hide: t.List[str]) -> None:
    server.behave(hide=hide)
    arrived: t.List[float] = []
    timer = threading.Timer(0.3, lambda: arrived.append(time.monotonic() if server.deliver(mail("report")) else 0.0))
    timer.start()
    began = time.monotonic()
    run = fetch.look(match={"message_id": "<report@example.com>"}, wait=30)
    ended = time.monotonic()
    timer.join()
    assert subjects(run) == ["report"]
    assert ended - arrived[0] < 1.5
    assert arrived[0] - began < run.result["waited"] + 0.1 < ended - began + 0.2


def test_a_report_that_never_arrives_is_an_error_that_says_so(fetch: Fetcher) -> None:
    run = fetch.look(match={"message_id": "<report@example.com>"}, wait=0.3)
    assert run.failure is not None
    assert (run.failure.kind, "<report@example.com>" in run.failure.message) == ("timeout", True)


def test_the_maildir_is_where_it_was_meant_to_be(fetch: Fetcher) -> None:
    run = fetch(max_messages=1)
    (message,) = run.result["messages"]
    assert Path(message["path"]).read_bytes() == mail("one")
