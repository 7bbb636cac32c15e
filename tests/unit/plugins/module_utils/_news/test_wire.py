# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dialogue with servers that say what no server should, word for word."""

from __future__ import annotations

import contextlib
import tracemalloc
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._net.stream import dial
from ansible_collections.fleetproof.backup.plugins.module_utils._news import wire
from ansible_collections.fleetproof.backup.plugins.module_utils._news.replies import TooLarge
from ansible_collections.fleetproof.backup.plugins.module_utils._news.wire import Dialogue

from .scripted import Scripted


@contextlib.contextmanager
def talking(answer: t.Optional[bytes], timeout: float = 5.0) -> t.Iterator[t.Tuple[Dialogue, Scripted]]:
    """A Dialogue, past the greeting, with a server that answers LIST so."""
    with Scripted({"LIST": answer}) as server:
        dialogue = Dialogue(dial(server.endpoint(timeout)))
        try:
            dialogue.reply()
            yield dialogue, server
        finally:
            dialogue.close()


@pytest.mark.parametrize(
    "answer", [b"\r\n", b"2 hello\r\n", b"99 x\r\n", b"2000 x\r\n", b"600 x\r\n", b"OK\r\n", b"a.b 1 2 y\r\n", b"\x00\xff\r\n", b"+OK POP3 here\r\n"]
)
def test_answers_without_three_digits_end_it(answer: bytes) -> None:
    with talking(answer) as (dialogue, server):
        dialogue.send("LIST")
        with pytest.raises(FleetproofError) as caught:
            dialogue.reply()
        assert (caught.value.kind, caught.value.retryable) == ("protocol", False)
        assert server.endpoint().where in caught.value.message
        assert dialogue.broken
        with pytest.raises(FleetproofError):
            dialogue.send("LIST")
        assert server.heard == ["LIST"]


@pytest.mark.parametrize(("answer", "code", "text"), [(b"215 a b\r\n", 215, "a b"), (b"215\r\n", 215, ""), (b"215 \r\n", 215, ""), (b"215\ta\n", 215, "a")])
def test_answers_are_a_code_and_text(answer: bytes, code: int, text: str) -> None:
    with talking(answer) as (dialogue, _server):
        dialogue.send("LIST")
        assert dialogue.reply() == (code, text)


def test_text_of_servers_does_nothing_to_a_terminal() -> None:
    with talking(b"502 \x1b[2J\xff\xfe no\r\n") as (dialogue, _server):
        dialogue.send("LIST")
        assert str(dialogue.reply()) == "502 \\x1b[2J\\xff\\xfe no"


@pytest.mark.parametrize("command", ["LIST\r\nQUIT", "LIST\nQUIT", "LIST \0", "LIST\r"])
def test_nothing_is_sent_that_could_be_two_commands(command: str) -> None:
    with talking(b"215 x\r\n") as (dialogue, server):
        with pytest.raises(FleetproofError) as caught:
            dialogue.send(command)
        assert caught.value.kind == "unsafe"
        dialogue.send("LIST")
        dialogue.reply()
        assert server.heard == ["LIST"]


def test_lines_come_out_one_by_one_whatever_their_length() -> None:
    long = b"x" * 300000
    with talking(b"215 x\r\na\r\n..b\r\n\r\n" + long + b"\r\nlf\nonly\r\n.\r\n") as (dialogue, _server):
        dialogue.send("LIST")
        dialogue.reply()
        assert list(dialogue.lines(1000000)) == [b"a", b".b", b"", long, b"lf", b"only"]
        assert not dialogue.broken


def test_blocks_without_end_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with talking(b"215 x\r\n" + b"a b c d\r\n" * 100000) as (dialogue, _server):
        dialogue.send("LIST")
        dialogue.reply()
        with pytest.raises(TooLarge):
            list(dialogue.lines(100000))
        assert dialogue.broken
    monkeypatch.setattr(wire, "_LINE", 100000)
    with talking(b"215 x\r\n" + b"a" * 1000000) as (dialogue, _server):
        dialogue.send("LIST")
        dialogue.reply()
        with pytest.raises(TooLarge):
            list(dialogue.lines(100000000))
    with talking(b"215 x\r\n" + b"a" * 3000000) as (dialogue, _server):
        dialogue.send("LIST")
        dialogue.reply()
        tracemalloc.start()
        try:
            with pytest.raises(TooLarge):
                dialogue.octets(200000)
            assert tracemalloc.get_traced_memory()[1] < 2000000
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(("answer", "kind"), [(b"", "timeout"), (b"215 x", "timeout"), (None, "connect")])
def test_silence_and_hanging_up_are_told_apart(answer: t.Optional[bytes], kind: str) -> None:
    with talking(answer, timeout=0.2) as (dialogue, _server):
        dialogue.send("LIST")
        with pytest.raises(FleetproofError) as caught:
            dialogue.reply()
        assert (caught.value.kind, caught.value.retryable) == (kind, True)
        assert dialogue.broken


def test_a_block_that_never_ends_is_late() -> None:
    with talking(b"215 x\r\na\r\n", timeout=0.2) as (dialogue, _server):
        dialogue.send("LIST")
        dialogue.reply()
        with pytest.raises(FleetproofError) as caught:
            dialogue.octets(1000)
        assert caught.value.kind == "timeout"


def test_who_stops_reading_early_has_hung_up() -> None:
    with talking(b"215 x\r\na\r\nb\r\n.\r\n") as (dialogue, _server):
        dialogue.send("LIST")
        dialogue.reply()
        lines = t.cast(t.Generator[bytes, None, None], dialogue.lines(1000))
        assert next(lines) == b"a"
        lines.close()
        assert dialogue.broken
