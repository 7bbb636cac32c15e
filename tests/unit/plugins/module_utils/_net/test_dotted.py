# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import threading
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._net.dotted import read_dotted
from ansible_collections.fleetproof.backup.plugins.module_utils._net.stream import Endpoint, Stream
from hypothesis import given
from hypothesis import strategies as st


def fed(pieces: t.Sequence[bytes], timeout: float = 5.0) -> t.Tuple[Stream, socket.socket, threading.Thread]:
    """A stream to which the pieces come one by one."""
    ours, theirs = socket.socketpair()
    stream = Stream(ours, Endpoint("test", 1, "none", timeout=timeout))

    def send() -> None:
        for piece in pieces:
            theirs.sendall(piece)

    thread = threading.Thread(target=send)
    thread.start()
    return stream, theirs, thread


def received(pieces: t.Sequence[bytes]) -> t.Tuple[bytes, bytes]:
    """The block, and the line after it."""
    stream, theirs, thread = fed([*pieces, b"+OK next\r\n"])
    try:
        return b"".join(read_dotted(stream)), stream.read_line(stream.deadline())
    finally:
        thread.join()
        theirs.close()
        stream.close()


def stuffed(block: bytes) -> bytes:
    """As a server sends it (RFC 1939, section 3)."""
    return (b"\r\n" + block).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


def cut_up(data: bytes, places: t.Iterable[int]) -> t.List[bytes]:
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in zip(edges, edges[1:])]


@pytest.mark.parametrize(
    "block", [b"", b".\r\n", b"a\r\n", b"..\r\n", b".a\r\n.\r\nb\r\n", b"\r\n\r\n", b"\n.\n\r\n", b"x" * 200000 + b"\r\n", b"lf\n.\nonly\r\n", b"\r\r\n.\r\n"]
)
def test_a_block_comes_out_as_it_was_whatever_its_pieces(block: bytes) -> None:
    data = stuffed(block)
    assert received([data]) == (block, b"+OK next")
    if len(data) < 100:
        assert received([data[index : index + 1] for index in range(len(data))]) == (block, b"+OK next")


@given(st.lists(st.sampled_from([b"\r\n", b".", b"\n", b"\r", b"a"]), max_size=40), st.lists(st.integers(0, 200), max_size=10))
def test_any_block_in_any_pieces(tokens: t.List[bytes], places: t.List[int]) -> None:
    block = b"".join(tokens)
    if not block.endswith(b"\r\n"):
        block += b"\r\n"
    assert received(cut_up(stuffed(block), places)) == (block, b"+OK next")


def test_a_block_that_is_cut_off_is_no_block() -> None:
    stream, theirs, thread = fed([b"half a mess"])
    thread.join()
    theirs.close()
    with pytest.raises(FleetproofError) as caught:
        list(read_dotted(stream))
    assert caught.value.kind == "connect"


def test_a_peer_that_only_drips_is_late() -> None:
    ours, theirs = socket.socketpair()
    stream = Stream(ours, Endpoint("test", 1, "none", timeout=0.3))
    done = threading.Event()

    def drip() -> None:
        while not done.wait(0.05):
            theirs.sendall(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with pytest.raises(FleetproofError) as caught:
            list(read_dotted(stream))
        assert caught.value.kind == "timeout"
    finally:
        done.set()
        thread.join()
        theirs.close()
        stream.close()
