# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import struct
import time
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._net.stream import Endpoint, Stream, is_loopback

Pair = t.Tuple[Stream, socket.socket]


@pytest.fixture
def pair() -> t.Iterator[Pair]:
    near, far = socket.socketpair()
    stream = Stream(near, Endpoint("mail", 25, "none", timeout=0.5))
    yield stream, far
    stream.close()
    far.close()


def test_lines_are_read_one_by_one_however_they_come(pair: Pair) -> None:
    stream, far = pair
    far.sendall(b"one\r\ntw")
    assert stream.read_line(stream.deadline()) == b"one"
    far.sendall(b"o\nthree\r\n")
    assert [stream.read_line(stream.deadline()) for _line in range(2)] == [b"two", b"three"]


def test_a_line_of_the_longest_length_is_read_and_a_longer_one_refused(pair: Pair) -> None:
    stream, far = pair
    far.sendall(b"x" * 100 + b"\n" + b"y" * 101)
    assert stream.read_line(stream.deadline(), limit=100) == b"x" * 100
    with pytest.raises(FleetproofError) as caught:
        stream.read_line(stream.deadline(), limit=100)
    assert caught.value.kind == "protocol"


def test_silence_ends_at_the_deadline(pair: Pair) -> None:
    stream, far = pair
    far.sendall(b"no line end")
    started = time.monotonic()
    with pytest.raises(FleetproofError) as caught:
        stream.read_line(stream.deadline(0.5))
    assert 0.2 < time.monotonic() - started < 2
    assert (caught.value.kind, caught.value.retryable) == ("timeout", True)


def test_the_end_of_a_connection_is_told(pair: Pair) -> None:
    stream, far = pair
    far.sendall(b"half a li")
    far.close()
    with pytest.raises(FleetproofError) as caught:
        stream.read_line(stream.deadline())
    assert caught.value.kind == "connect"


def test_a_peer_that_takes_nothing_is_given_the_timeout(pair: Pair) -> None:
    stream, _far = pair
    with pytest.raises(FleetproofError) as caught:
        stream.write(b"x" * 50_000_000)
    assert caught.value.kind == "timeout"


def test_what_came_ahead_of_the_handshake_ends_the_connection(pair: Pair) -> None:
    stream, far = pair
    far.sendall(b"220 go on\r\n250 injected\r\n")
    assert stream.read_line(stream.deadline()) == b"220 go on"
    with pytest.raises(FleetproofError) as caught:
        stream.start_tls()
    assert caught.value.kind == "tls"
    assert far.recv(10) == b""


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("fe80::1%eth0", False),
        ("::ffff:192.0.2.1", False),
        ("0.0.0.0", False),
    ],
)
def test_only_loopback_stays_on_this_host(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected


def test_a_peer_that_has_hung_up_is_told_as_such_and_not_as_a_defect() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _address = listener.accept()
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    far.close()
    stream = Stream(near, Endpoint("127.0.0.1", 25, "none", timeout=0.5))
    assert not stream.stays_on_this_host
    with pytest.raises(FleetproofError) as caught:
        stream.read_line(stream.deadline())
    assert (caught.value.kind, caught.value.retryable) == ("connect", True)
    stream.close()
