# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp import data
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.data import Channel, CutOff
from ansible_collections.fleetproof.backup.plugins.module_utils._net.tls import TlsPolicy, make_context
from ansible_collections.fleetproof.backup.tests.testbed.certificates import make_certificates

Far = t.Callable[[ssl.SSLSocket], None]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls"))


def encrypted(certificates: Path, far: Far, timeout: float = 5.0, certificate: str = "good") -> t.Tuple[Channel, threading.Thread]:
    """A channel over TLS to a peer that does as far says."""
    here, there = socket.socketpair()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificates / (certificate + ".pem"), certificates / (certificate + ".key"))

    def work() -> None:
        there.settimeout(10)
        try:
            sock = server.wrap_socket(there, server_side=True, suppress_ragged_eofs=False)
        except OSError:
            # the other side would not have it
            there.close()
            return
        far(sock)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    channel = Channel(here, "ftp.example:21", timeout)
    channel.encrypt(make_context(TlsPolicy(ca_path=str(certificates / "ca.pem"))), "localhost", None)
    return channel, thread


def read_all(channel: Channel) -> bytes:
    found, block = b"", bytearray(1000)
    while True:
        count = channel.read_into(block)
        if not count:
            return found
        found += block[:count]


@pytest.mark.parametrize("certificate", ["wrong_name", "expired", "unknown_ca"])
def test_the_certificate_of_a_data_connection_is_checked_as_that_of_the_control_connection_is(certificates: Path, certificate: str) -> None:
    with pytest.raises(FleetproofError) as caught:
        encrypted(certificates, lambda _sock: None, certificate=certificate)
    assert (caught.value.kind, caught.value.retryable) == ("tls", False)
    assert "data connection of ftp.example:21" in caught.value.message


def test_the_farewell_of_tls_is_the_end(certificates: Path) -> None:
    def far(sock: ssl.SSLSocket) -> None:
        sock.sendall(b"abc" * 1000)
        sock.unwrap().close()

    channel, thread = encrypted(certificates, far)
    assert read_all(channel) == b"abc" * 1000
    channel.finish_writing()
    thread.join(5)


def test_an_end_without_the_farewell_is_told(certificates: Path) -> None:
    def far(sock: ssl.SSLSocket) -> None:
        sock.sendall(b"abc")
        socket.socket(fileno=sock.detach()).close()

    channel, thread = encrypted(certificates, far)
    thread.join(5)
    with pytest.raises(CutOff) as caught:
        read_all(channel)
    assert (caught.value.kind, caught.value.retryable) == ("connect", True)


def test_the_farewell_is_said_and_nothing_that_was_sent_is_lost(certificates: Path) -> None:
    """The far end reads late, and has tickets of TLS 1.3 under way that nobody reads."""
    size = 3_000_000
    got: t.List[bytes] = []
    clean: t.List[bool] = []

    def far(sock: ssl.SSLSocket) -> None:
        time.sleep(0.2)
        while True:
            try:
                block = sock.recv(65536)
            except ssl.SSLZeroReturnError:
                block = b""
            except OSError:
                clean.append(False)
                return
            if not block:
                clean.append(True)
                sock.close()
                return
            got.append(block)

    channel, thread = encrypted(certificates, far)
    channel.write(b"x" * size)
    channel.finish_writing()
    thread.join(10)
    assert (sum(map(len, got)), clean) == (size, [True])


def test_a_peer_that_does_not_answer_the_farewell_is_not_waited_for_long(certificates: Path) -> None:
    stop = threading.Event()
    channel, thread = encrypted(certificates, lambda _sock: stop.wait(10) and None, timeout=0.5)
    started = time.monotonic()
    channel.finish_writing()
    assert time.monotonic() - started < 3
    stop.set()
    thread.join(5)


def test_a_peer_that_never_stops_sending_is_not_listened_to_for_long(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # so that reading never catches up
    monkeypatch.setattr(data, "_BLOCK", 1)

    def far(sock: ssl.SSLSocket) -> None:
        descriptor = sock.detach()
        os.set_blocking(descriptor, True)
        # a process of its own, or the two threads would make pauses for one another
        program = "import os, signal\nsignal.alarm(20)\nprint(flush=True)\nwhile True: os.write(%d, bytes(1 << 20))" % descriptor
        with subprocess.Popen([sys.executable, "-c", program], pass_fds=[descriptor], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as flood:
            os.close(descriptor)
            assert flood.stdout is not None
            flood.stdout.readline()
            flowing.set()

    flowing = threading.Event()
    channel, thread = encrypted(certificates, far, timeout=0.5)
    assert flowing.wait(10)
    ending = threading.Thread(target=channel.finish_writing, daemon=True)
    ending.start()
    ending.join(5)
    assert not ending.is_alive()
    thread.join(5)


@pytest.fixture
def pair() -> t.Iterator[t.Tuple[Channel, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _address = listener.accept()
    channel = Channel(near, "ftp.example:21", 0.5)
    yield channel, far
    channel.close()
    far.close()


def test_a_stall_ends_at_the_timeout(pair: t.Tuple[Channel, socket.socket], tmp_path: Path) -> None:
    channel, _far = pair
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.truncate(50_000_000)
    descriptor = os.open(big, os.O_RDONLY)
    for work in (lambda: channel.read_into(bytearray(10)), lambda: channel.write(b"x" * 50_000_000), lambda: channel.send_file(descriptor, 0, 50_000_000)):
        started = time.monotonic()
        with pytest.raises(FleetproofError) as caught:
            work()
        assert (caught.value.kind, caught.value.retryable) == ("timeout", True)
        assert "stalled" in caught.value.message
        assert time.monotonic() - started < 3
    os.close(descriptor)


def test_a_line_that_is_slow_and_does_not_stand_still_is_no_stall() -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        near = socket.create_connection(listener.getsockname())
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        far, _address = listener.accept()
    got: t.List[int] = []

    def work() -> None:
        while True:
            time.sleep(0.05)
            count = len(far.recv(20_000))
            if not count:
                return
            got.append(count)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    channel = Channel(near, "ftp.example:21", 0.4)
    started = time.monotonic()
    channel.write(b"x" * 250_000)
    # far longer than the timeout, and in one block
    assert time.monotonic() - started > 0.5
    channel.finish_writing()
    thread.join(10)
    assert sum(got) == 250_000
    far.close()


def test_a_reset_is_never_an_end(pair: t.Tuple[Channel, socket.socket]) -> None:
    channel, far = pair
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    far.close()
    with pytest.raises(FleetproofError) as caught:
        channel.read_into(bytearray(10))
    assert (caught.value.kind, caught.value.retryable) == ("connect", True)


def test_a_file_is_sent_from_where_and_as_far_as_is_asked(pair: t.Tuple[Channel, socket.socket], tmp_path: Path) -> None:
    channel, far = pair
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 100)
    descriptor = os.open(path, os.O_RDONLY)
    assert channel.send_file(descriptor, 10, 100) == 100
    assert channel.send_file(descriptor, 25_590, 100) == 10
    assert channel.send_file(descriptor, 99_999, 5) == 0
    os.close(descriptor)
    channel.finish_writing()
    far.settimeout(5)
    got = b""
    while True:
        block = far.recv(1000)
        if not block:
            break
        got += block
    assert got == bytes(range(10, 110)) + bytes(range(246, 256))
