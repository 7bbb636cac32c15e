# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of a server that is logged in, and what is made of answers that no real server would give."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._mail import imap
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.imap import Session
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.imap_parse import Oversized
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.imap_wire import Dialogue
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.mailbox import Unreadable, Vanished
from ansible_collections.fleetproof.backup.plugins.module_utils._net.stream import Endpoint, Stream

from .imap_scripted import Scripted, talking


@contextlib.contextmanager
def session(answers: t.Mapping[str, bytes]) -> t.Iterator[t.Tuple[Session, Scripted]]:
    with talking(answers) as (dialogue, server):
        yield Session(dialogue), server


def test_examine_changes_nothing_and_tells_what_the_server_did() -> None:
    flags = b"* FLAGS (\\Seen \\Deleted)\r\n* OK [PERMANENTFLAGS (\\Seen \\*)] x\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 42] x\r\nTAG OK [READ-WRITE] x\r\n"
    with session({"EXAMINE": flags, "SELECT": flags}) as (ours, server):
        assert ours.open(b"INBOX", "INBOX", writing=False) == (42, True, {"\\seen", "\\*"})
        assert (ours.dialogue.exists, ours.dialogue.stirred) == (3, False)
        ours.open(b"a b", "a b", writing=True)
        assert server.heard == [b'F1 EXAMINE "INBOX"\r\n', b'F2 SELECT "a b"\r\n']


def test_a_mailbox_that_is_not_there_is_named() -> None:
    with session({"SELECT": b"TAG NO Unknown Mailbox\r\n"}) as (ours, _server), pytest.raises(FleetproofError) as caught:
        ours.open(b"x", "Entwürfe", writing=True)
    assert (caught.value.kind, "Entwürfe" in caught.value.message, "Unknown Mailbox" in caught.value.message) == ("not_found", True, True)


@pytest.mark.parametrize("validity", [b"-1", b"x", b"", b"1 2"])
def test_a_uidvalidity_that_is_no_number_is_refused(validity: bytes) -> None:
    with session({"SELECT": b"* OK [UIDVALIDITY %s] x\r\nTAG OK x\r\n" % validity}) as (ours, _server), pytest.raises(FleetproofError) as caught:
        ours.open(b"x", "x", writing=True)
    assert caught.value.kind == "protocol"


def test_sizes_are_of_those_that_were_asked_for_in_whatever_order_they_come() -> None:
    answer = (
        b"* 2 FETCH (FLAGS (\\Seen))\r\n* 9 FETCH (UID 99 RFC822.SIZE 1)\r\n* 3 FETCH (RFC822.SIZE 30 FLAGS () UID 7)\r\n"
        b"* 4 FETCH (RFC822.SIZE 40)\r\n* 1 FETCH (UID 5 RFC822.SIZE 10)\r\n* 1 FETCH (UID 6)\r\nTAG OK\r\n"
    )
    with session({"UID FETCH": answer}) as (ours, server):
        assert ours.sizes([7, 5, 6]) == {5: 10, 7: 30}
        assert server.heard == [b"F1 UID FETCH 5:7 (UID RFC822.SIZE)\r\n"]


@pytest.mark.parametrize("size", [b"-3", b"x", b"NIL", b"99999999999999999999"])
def test_a_size_that_is_no_number_is_refused(size: bytes) -> None:
    with session({"UID FETCH": b"* 1 FETCH (UID 5 RFC822.SIZE %s)\r\nTAG OK\r\n" % size}) as (ours, _server), pytest.raises(FleetproofError) as caught:
        ours.sizes([5])
    assert caught.value.kind == "protocol"


@pytest.mark.parametrize("found", [b"0", b"4294967296", b"-1", b"1 x"])
def test_a_uid_that_cannot_be_is_refused(found: bytes) -> None:
    with session({"UID SEARCH": b"* SEARCH %s\r\nTAG OK\r\n" % found}) as (ours, _server), pytest.raises(FleetproofError) as caught:
        ours.search(["ALL"])
    assert caught.value.kind == "protocol"


def test_what_is_found_may_come_in_parts_twice_or_not_at_all() -> None:
    with session({"UID SEARCH": b"* SEARCH 9 2\r\n* 4 EXISTS\r\n* SEARCH 2 3\r\nTAG OK\r\n"}) as (ours, _server):
        assert ours.search(["ALL"]) == [2, 3, 9]
    with session({"UID SEARCH": b"TAG OK\r\n"}) as (ours, _server):
        assert ours.search(["ALL"]) == []


def test_hundreds_of_thousands_are_found_at_once() -> None:
    uids = list(range(10**6, 10**6 + 300000))
    with session({"UID SEARCH": b"* SEARCH " + b" ".join(b"%d" % uid for uid in uids) + b"\r\nTAG OK\r\n"}) as (ours, _server):
        assert ours.search(["ALL"]) == uids


def test_a_search_that_the_server_does_not_understand_is_a_fault_of_the_option() -> None:
    with session({"UID SEARCH": b"TAG BAD Unknown argument FOO\r\n"}) as (ours, _server), pytest.raises(FleetproofError) as caught:
        ours.search(["FOO"])
    assert (caught.value.kind, "Unknown argument FOO" in caught.value.message) == ("argument", True)


def test_a_message_is_as_it_came() -> None:
    raw = b"Subject: {3}\r\n\r\n)\r\n\0\xff\r\nF1 OK\r\n"
    answer = b"* 5 FETCH (FLAGS (\\Seen))\r\n* 1 FETCH (BODY[] {%d}\r\n%s UID 7 FLAGS ())\r\nTAG OK\r\n" % (len(raw), raw)
    with session({"UID FETCH": answer}) as (ours, server):
        assert ours.body(7, 1000) == raw
        assert server.heard == [b"F1 UID FETCH 7 (UID BODY.PEEK[])\r\n"]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (b"* 1 FETCH (UID 8 BODY[] {1}\r\nx)\r\nTAG OK\r\n", "not_found", "is no longer"),
        (b"TAG NO [EXPUNGEISSUED] gone\r\n", "not_found", "is no longer"),
        (b"* 1 FETCH (UID 7 BODY[] NIL)\r\nTAG OK [EXPUNGEISSUED] gone\r\n", "not_found", "is no longer"),
        (b"TAG OK\r\n", "refused", "does not hand out message 7"),
        (b"TAG NO [SERVERBUG] Corrupted\r\n", "refused", "Corrupted"),
        (b"* 1 FETCH (UID 7 BODY[] NIL)\r\nTAG OK\r\n", "refused", "does not hand out message 7"),
        (b"* 1 FETCH (UID 7 BODY[] x)\r\nTAG OK\r\n", "refused", "does not hand out message 7"),
        (b"* 1 FETCH (UID 7 BODY[] (a))\r\nTAG OK\r\n", "refused", "does not hand out message 7"),
    ],
)
def test_a_message_that_cannot_be_had_does_not_end_the_session(answer: bytes, kind: str, words: str) -> None:
    found = b"* SEARCH%s\r\nTAG OK\r\n" % (b"" if kind == "not_found" else b" 7")
    with session({"UID FETCH": answer, "UID SEARCH": found}) as (ours, server):
        with pytest.raises(Unreadable) as caught:
            ours.body(7, 1000)
        assert not ours.dialogue.broken
        # some servers tell of a message until they have said that it is gone
        assert [line.split(b" ", 1)[1] for line in server.heard[1:]] == [b"NOOP\r\n", b"UID SEARCH UID 7\r\n"]
    assert (caught.value.kind, words in caught.value.message) == (kind, True)
    assert isinstance(caught.value, Vanished) == (kind == "not_found")


@pytest.mark.parametrize(("answer", "kind"), [(b"TAG NO [UNAVAILABLE] later\r\n", "busy"), (b"TAG BAD what\r\n", "protocol")])
def test_a_server_that_hands_out_nothing_is_another_matter(answer: bytes, kind: str) -> None:
    with session({"UID FETCH": answer}) as (ours, _server), pytest.raises(FleetproofError) as caught:
        ours.body(7, 1000)
    assert (caught.value.kind, isinstance(caught.value, Unreadable)) == (kind, False)


def test_a_message_that_cannot_be_read_hides_no_others() -> None:
    answer = b"* 1 FETCH (UID 5 RFC822.SIZE 3 BODY[HEADER]<0> {4}\r\na:\r\n)\r\nTAG NO [SERVERBUG] Message 2 is corrupted\r\n"
    with session({"UID FETCH": answer}) as (ours, server):
        assert ours.sizes([5, 6, 7]) == {5: 3, 6: -1, 7: -1}
        assert list(ours.heads({5: 3, 6: -1, 7: -1})) == [(5, b"a:\r\n")]
        assert [line.split()[3] for line in server.heard] == [b"5:7", b"5:7", b"6", b"7"]


def test_a_message_beyond_the_limit_is_not_read() -> None:
    with session({"UID FETCH": b"* 1 FETCH (UID 7 BODY[] {1001}\r\n"}) as (ours, _server):
        with pytest.raises(FleetproofError) as caught:
            ours.body(7, 1000)
        assert ours.dialogue.broken
    assert isinstance(caught.value.__cause__, Oversized)
    assert caught.value.__cause__.size == 1001


def test_headers_are_asked_for_in_batches_that_fit_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "_HEADS_AT_ONCE", 3)
    monkeypatch.setattr(imap, "_HEADS_SIZE", 1000)
    with session({"UID FETCH": b"* 1 FETCH (UID 5 BODY[HEADER]<0> {4}\r\na:\r\n)\r\nTAG OK\r\n"}) as (ours, server):
        assert list(ours.heads({1: 400, 2: 400, 3: 400, 4: 1, 5: 1, 6: 1, 7: 1})) == [(5, b"a:\r\n")]
        asked = [line.split()[3] for line in server.heard]
    assert asked == [b"1:2", b"3:5", b"6:7"]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (b"TAG NO [TRYCREATE] No such mailbox\r\n", "not_found", "create the mailbox first"),
        (b"TAG NO [OVERQUOTA] Full\r\n", "no_space", "Full"),
        (b"TAG NO [INUSE] Locked\r\n", "busy", "Locked"),
        (b"TAG NO Because\r\n", "refused", "Because"),
        (b"TAG BAD What\r\n", "protocol", "What"),
        (b"TAG OK [COPYUID 42 8 1] done\r\n", "integrity", "did not copy message 7"),
    ],
)
def test_a_copy_that_was_not_made_says_why(answer: bytes, kind: str, words: str) -> None:
    with session({"UID COPY": answer}) as (ours, _server), pytest.raises(FleetproofError) as caught:
        ours.copy(7, b"Archive", "Archive")
    assert (caught.value.kind, words in caught.value.message) == (kind, True)


def test_a_copy_that_was_made_is_one() -> None:
    with session({"UID COPY": b"TAG OK [COPYUID 42 7 1] done\r\n", "UID MOVE": b"* OK [COPYUID 42 6:8 1:3] x\r\n* 1 EXPUNGE\r\nTAG OK done\r\n"}) as (
        ours,
        server,
    ):
        ours.copy(7, b"A&-B", "A&B")
        ours.move(7, b"A&-B", "A&B")
        assert server.heard == [b'F1 UID COPY 7 "A&-B"\r\n', b'F2 UID MOVE 7 "A&-B"\r\n']


def test_those_that_are_still_there_are_told_from_those_that_are_gone() -> None:
    with session({"UID SEARCH": b"* SEARCH 5 7 99\r\nTAG OK\r\n"}) as (ours, server):
        assert ours.present([7, 6, 5]) == {5, 7}
        assert server.heard == [b"F1 NOOP\r\n", b"F2 UID SEARCH UID 5:7\r\n"]


# -- waiting ------------------------------------------------------------------------------------


@pytest.mark.parametrize("news", [b"* 4 EXISTS\r\n", b"* 1 FETCH (FLAGS (\\Flagged))\r\n"])
def test_news_ends_the_wait_at_once(news: bytes) -> None:
    with session({"IDLE": b"+ idling\r\n* OK Still here\r\n" + news}) as (ours, server):
        started = time.monotonic()
        assert ours.idle(started + 60)
        assert time.monotonic() - started < 2
        assert server.heard == [b"F1 IDLE\r\n", b"DONE\r\n"]
        # news that have come already are not waited for
        assert ours.idle(started + 60)
        assert len(server.heard) == 2


def test_flags_that_change_while_we_look_are_news_and_those_that_we_asked_for_are_none() -> None:
    flags = b"* 1 FETCH (UID 7 FLAGS (\\Flagged))\r\nTAG OK\r\n"
    with session({"UID FETCH": flags, "UID SEARCH": flags}) as (ours, server):
        assert ours.flags(7) == {"\\flagged"}
        assert not ours.dialogue.stirred
        ours.search(["UNSEEN"])
        assert ours.idle(time.monotonic() + 60)
        assert not any(b"IDLE" in line for line in server.heard)


def test_a_wait_is_begun_anew_before_anybody_forgets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "_IDLE", 0.1)
    with session({"IDLE": b"+ idling\r\n"}) as (ours, server):
        assert not ours.idle(time.monotonic() + 0.35)
        assert server.heard[:4] == [b"F1 IDLE\r\n", b"DONE\r\n", b"F2 IDLE\r\n", b"DONE\r\n"]
        assert not ours.dialogue.broken


def test_a_server_that_ends_the_wait_is_asked_again_but_not_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "_PAUSE", 0.1)
    with session({"IDLE": b"+ idling\r\nTAG OK enough\r\n"}) as (ours, server):
        assert not ours.idle(time.monotonic() + 0.35)
        asked = [line for line in server.heard if b"IDLE" in line]
        assert 2 <= len(asked) <= 4
        assert not ours.dialogue.broken


def test_a_server_that_does_not_want_to_idle_says_so() -> None:
    with session({"IDLE": b"TAG NO not now\r\n"}) as (ours, _server), pytest.raises(FleetproofError) as caught:
        ours.idle(time.monotonic() + 60)
    assert (caught.value.kind, "not now" in caught.value.message) == ("refused", True)


def test_leaving_takes_no_time_with_a_server_that_does_not_answer() -> None:
    with session({"LOGOUT": b""}) as (ours, _server):
        started = time.monotonic()
        ours.log_out()
        assert time.monotonic() - started < 3
        ours.log_out()


def test_leaving_takes_no_time_with_a_server_that_goes_on_talking() -> None:
    ours, theirs = socket.socketpair()
    over = threading.Event()

    def talk() -> None:
        with contextlib.suppress(OSError):
            while not over.wait(0.02):
                theirs.sendall(b"* OK And another thing\r\n")

    talking_on = threading.Thread(target=talk)
    give_up = threading.Timer(20, over.set)
    with ours, theirs:
        talking_on.start()
        give_up.start()
        started = time.monotonic()
        Session(Dialogue(Stream(ours, Endpoint("127.0.0.1", 143, "none", timeout=1.0)))).log_out()
        took = time.monotonic() - started
        over.set()
        give_up.cancel()
        talking_on.join()
    assert took < 10


def test_leaving_does_not_wait_for_what_is_not_said() -> None:
    with talking({"LOGOUT": b"TAG OK done\r\n"}, timeout=60) as (dialogue, _server):
        started = time.monotonic()
        Session(dialogue).log_out()
        assert time.monotonic() - started < 6
