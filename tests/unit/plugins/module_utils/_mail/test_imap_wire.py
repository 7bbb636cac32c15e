# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dialogue with servers that say what no server should, word for word."""

from __future__ import annotations

import time
import tracemalloc
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._mail import imap_wire

from .imap_scripted import talking

WITH_PLUS = b"* OK [CAPABILITY IMAP4rev1 LITERAL+] hello\r\n"


def failing(answer: bytes, *parts: t.Union[str, bytes], timeout: float = 5.0, **given: t.Any) -> FleetproofError:
    """The error of a command that is answered so; nothing may be asked after it."""
    with talking({"NOOP": answer}, timeout=timeout) as (dialogue, server):
        with pytest.raises(FleetproofError) as caught:
            dialogue.command(*(parts or ("NOOP",)), **given)
        assert dialogue.broken
        heard = len(server.heard)
        with pytest.raises(FleetproofError):
            dialogue.command("NOOP")
        assert len(server.heard) == heard
    assert dialogue.where in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"F9 OK done\r\n", "what it was not asked"),
        (b"TAG DONE\r\n", "not IMAP"),
        (b"+ go on\r\n", "what it was not asked"),
        (b"* 1 FETCH (UID -7)\r\n* -1 EXISTS\r\n", "not IMAP"),
        (b"garbage\r\n", "not IMAP"),
        (b"\x00\x01\x02\r\n", "not IMAP"),
        (b"* 1 FETCH (BODY[] {99999999999}\r\n", "99999999999 octets at once"),
        (b"* 1 FETCH (BODY[] {65537}\r\n", "65537 octets at once"),
        (b"* LIST () {65537}\r\n", "65537 octets at once"),
        (b"* 1 FETCH " + b"(" * 100000 + b"\r\n", "more than 50 deep"),
    ],
)
def test_answers_that_cannot_be_end_it(answer: bytes, words: str) -> None:
    error = failing(answer, data=("FETCH",))
    assert (error.kind, error.retryable) == ("protocol", False)
    assert words in error.message


def test_lines_without_end_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap_wire, "_LINE", 100000)
    error = failing(b"* OK " + b"x" * 1000000 + b"\r\n")
    assert (error.kind, "line of more than 100000 octets" in error.message) == ("protocol", True)


def test_responses_without_end_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap_wire, "_UNASKED", 100000)
    assert "without end" in failing(b"* 1 FETCH (FLAGS (\\Seen))\r\n" * 10000).message


def test_a_giant_literal_takes_no_memory() -> None:
    with talking({"NOOP": b"* 1 FETCH (BODY[] {60000000}\r\n"}, timeout=0.3) as (dialogue, _server):
        tracemalloc.start()
        try:
            with pytest.raises(FleetproofError) as caught:
                dialogue.command("NOOP", data=("FETCH",), literal=64000000, total=64000000)
            assert tracemalloc.get_traced_memory()[1] < 2000000
        finally:
            tracemalloc.stop()
    assert caught.value.kind == "timeout"


def test_silence_and_trickles_are_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    started = time.monotonic()
    assert failing(b"* OK still he", timeout=0.2).kind == "timeout"
    assert failing(b"* 1 FETCH (BODY[] {10}\r\nabc", timeout=0.2, data=("FETCH",)).kind == "timeout"
    assert time.monotonic() - started < 3


def test_signs_of_life_give_more_time_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap_wire, "_PATIENCE", 2.0)
    with talking({}, timeout=0.3) as (dialogue, _server):
        incoming = imap_wire._Incoming(dialogue.stream, 100, 100, 10**6)
        first = incoming.deadline
        time.sleep(0.1)
        incoming.alive()
        assert incoming.deadline >= first + 0.1
        for _turn in range(5):
            time.sleep(0.1)
            incoming.alive()
        assert incoming.deadline <= first + 0.35


def test_a_farewell_is_an_error_with_its_reason() -> None:
    error = failing(b"* BYE Too many connections\r\n")
    assert (error.kind, error.retryable, "Too many connections" in error.message) == ("connect", True, True)
    error = failing(b"* BYE [UNAVAILABLE] Shutting down\r\n")
    assert (error.kind, error.retryable) == ("busy", True)


def test_a_connection_that_ends_in_the_middle_can_be_tried_again() -> None:
    # the server hangs up after the greeting
    with talking({}, greeting=b"* OK hello\r\n") as (dialogue, server):
        assert server._open is not None
        server._open.shutdown(2)
        with pytest.raises(FleetproofError) as caught:
            dialogue.command("NOOP")
    assert (caught.value.kind, caught.value.retryable) == ("connect", True)


@pytest.mark.parametrize("greeting", [b"220 ftp\r\n", b"F1 OK hello\r\n", b"+ hello\r\n", b"* 3 EXISTS\r\n", b"+OK POP3\r\n", b"\r\n", b"* NO\r\n"])
def test_what_does_not_greet_is_no_imap_server(greeting: bytes) -> None:
    with pytest.raises(FleetproofError) as caught, talking({}, greeting):
        pass
    assert caught.value.kind == "protocol"


def test_what_nobody_asked_for_changes_nothing() -> None:
    unasked = (
        b"* 5 EXISTS\r\n* 2 RECENT\r\n* 3 EXPUNGE\r\n* 2 FETCH (FLAGS (\\Seen))\r\n* XNEWS {3}\r\n)\r\n(\r\n* VANISHED 1:3\r\n* OK [ALERT] The disk is full\r\n"
    )
    with talking({"NOOP": unasked + b"TAG OK done\r\n"}) as (dialogue, _server):
        answer = dialogue.command("NOOP")
        assert (answer.status.good, dialogue.exists, dialogue.stirred) == (True, 4, True)
        dialogue.command("NOOP")
        assert dialogue.alerts == ["The disk is full"]


def test_news_is_what_has_come_not_what_has_gone() -> None:
    with talking({"NOOP": b"* 3 EXPUNGE\r\n* 2 EXISTS\r\nTAG OK done\r\n"}) as (dialogue, _server):
        dialogue.exists = 3
        dialogue.command("NOOP")
        assert (dialogue.exists, dialogue.stirred) == (2, False)


# -- what is said -------------------------------------------------------------------------------


def test_words_are_quoted_or_go_as_literals() -> None:
    with talking({}) as (dialogue, server):
        dialogue.command("SELECT ", b'a "b\\c')
        dialogue.command("LOGIN ", "ü".encode(), " ", b"a\r\nb")
        assert server.heard == [b'F1 SELECT "a \\"b\\\\c"\r\n', b"F2 LOGIN {2}\r\n\xc3\xbc {4}\r\na\r\nb\r\n"]


def test_literals_go_without_waiting_where_the_server_bears_it() -> None:
    with talking({}, WITH_PLUS) as (dialogue, server):
        dialogue.command("UID SEARCH SUBJECT ", "ü".encode())
        assert server.heard == [b"F1 UID SEARCH SUBJECT {2+}\r\n\xc3\xbc\r\n"]
    with talking({}, WITH_PLUS.replace(b"+]", b"-]")) as (dialogue, server):
        dialogue.command("SELECT ", b"\xff" * 4096)
        dialogue.command("SELECT ", b"\xff" * 4097)
        assert [line[:18] for line in server.heard] == [b"F1 SELECT {4096+}\r", b"F2 SELECT {4097}\r\n"]


def test_a_literal_that_is_refused_is_not_sent() -> None:
    with talking({"LITERAL": b"* 7 EXISTS\r\nTAG NO no LITERAL for you\r\n"}) as (dialogue, server):
        answer = dialogue.command("SELECT ", b"\xff")
        assert (answer.status.name, dialogue.exists, dialogue.broken) == ("NO", 7, False)
        assert dialogue.command("NOOP").status.good
        assert server.heard == [b"F2 NOOP\r\n"]


@pytest.mark.parametrize("part", ["NOOP\r\nF9 DELETE INBOX", "NOOP\nx", "NOOP\0", b"a\0b"])
def test_no_line_break_and_no_nul_reaches_the_wire(part: t.Union[str, bytes]) -> None:
    with talking({}) as (dialogue, server):
        with pytest.raises(FleetproofError) as caught:
            dialogue.command("SELECT ", part)
        assert caught.value.kind == "unsafe"
        with pytest.raises(FleetproofError):
            dialogue.say_line(b"DONE\r\nF9 DELETE INBOX")
        assert server.heard == []


def test_what_is_said_between_the_lines_is_kept_only_as_far_as_it_may_matter() -> None:
    said = b"* OK [COPYUID 1 2 3] x\r\n" + b"* OK still here\r\n" * 3000 + b"* OK [X] x\r\n" * 3000
    with talking({"NOOP": said + b"TAG OK done\r\n"}) as (dialogue, _server):
        answer = dialogue.command("NOOP")
    assert answer.status.good
    assert answer.data[0].code == "COPYUID"
    assert len(answer.data) <= 1000
