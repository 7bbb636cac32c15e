# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._net.stream import Endpoint, Stream, is_loopback
from ansible_collections.fleetproof.backup.plugins.module_utils._net.tls import TlsPolicy
from ansible_collections.fleetproof.backup.tests.testbed.certificates import make_certificates

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


def test_a_connection_that_may_be_idle_gives_signs_of_life_before_a_firewall_forgets_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        stream = Stream(near, Endpoint("127.0.0.1", 21, "none", timeout=0.5))
        stream.tune()
        assert near.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert 0 < near.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 120
        assert 0 < near.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) <= 120
        stream.close()


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


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls"))


def encrypted(certificates: Path, afterwards: t.Callable[[ssl.SSLSocket], None]) -> Stream:
    """A stream over TLS to a peer that says a line and then does as it is told."""
    near, far = socket.socketpair()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "good.pem", certificates / "good.key")

    def work() -> None:
        far.settimeout(5)
        sock = context.wrap_socket(far, server_side=True)
        sock.sendall(b"220 hello\r\n")
        afterwards(sock)

    threading.Thread(target=work, daemon=True).start()
    policy = TlsPolicy(ca_path=str(certificates / "ca.pem"))
    stream = Stream(near, Endpoint("localhost", 21, "starttls", policy, timeout=2.0))
    stream.start_tls()
    assert stream.read_line(stream.deadline()) == b"220 hello"
    return stream


def test_what_is_said_in_clear_text_inside_tls_is_shown(certificates: Path) -> None:
    """As vsftpd does it with its 500 OOPS."""

    def afterwards(sock: ssl.SSLSocket) -> None:
        socket.socket.sendall(sock, b"500 OOPS: cannot change directory:/srv\r\n")

    stream = encrypted(certificates, afterwards)
    with pytest.raises(FleetproofError) as caught:
        stream.read_line(stream.deadline())
    assert (caught.value.kind, caught.value.retryable) == ("tls", False)
    # the first octets are taken for the head of a TLS record, and are gone
    assert caught.value.message == "localhost:21 answered in clear text inside the TLS connection: \u2026OPS: cannot change directory:/srv"
    stream.close()


def test_what_is_no_text_inside_tls_is_not_shown(certificates: Path) -> None:
    stream = encrypted(certificates, lambda sock: socket.socket.sendall(sock, b"12345\x00\x1b[2J\xff"))
    with pytest.raises(FleetproofError) as caught:
        stream.read_line(stream.deadline())
    assert caught.value.kind == "tls"
    assert "\x1b" not in caught.value.message
    assert "clear text" not in caught.value.message
    stream.close()


@pytest.mark.parametrize("clean", [True, False])
def test_the_end_of_an_encrypted_connection_is_told_with_its_farewell_or_without(certificates: Path, clean: bool) -> None:
    def afterwards(sock: ssl.SSLSocket) -> None:
        if clean:
            sock.settimeout(0)
            with contextlib.suppress(OSError):
                sock.unwrap()
        socket.socket(fileno=sock.detach()).close()

    stream = encrypted(certificates, afterwards)
    with pytest.raises(FleetproofError) as caught:
        stream.read_line(stream.deadline())
    assert (caught.value.kind, caught.value.retryable) == ("connect", True)
    assert caught.value.message == "localhost:21 closed the connection"
    stream.close()


def test_a_second_connection_can_take_up_the_session(certificates: Path) -> None:
    done = threading.Event()
    stream = encrypted(certificates, lambda _sock: done.wait(5) and None)
    assert stream.tls_session is not None
    assert stream.tls_context is not None
    done.set()
    stream.close()


def test_in_clear_text_there_is_no_session(pair: Pair) -> None:
    stream, _far = pair
    assert (stream.tls_session, stream.tls_context) == (None, None)
