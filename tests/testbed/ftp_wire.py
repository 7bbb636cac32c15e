# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network between an FTP client and its server, with distance and breaks: a proxy for either side to connect through.

    python ftp_wire.py DIRECTORY --port PORT [--latency SECONDS] [--while PATH] [--lifetime SECONDS]

listens on a free port of 127.0.0.1, passes everything on to PORT, and writes ``DIRECTORY/ftp_wire.json``
(``host``, ``port``). In clear text it reads the replies to PASV and EPSV along the way and puts itself
between the data connections as well; with TLS it sees the control connection alone.
In Python: ``with Wire(port) as wire: wire.behave(data=Break(after=1000)); … wire.breaks``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import queue
import re
import socket
import struct
import sys
import threading
import time
import typing as t

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from serving import parser, tell, wait

HOST = "127.0.0.1"
_CHUNK = 65536
_PASV = re.compile(rb"^227 .*?(\d+),(\d+),(\d+),(\d+),(\d+),(\d+)", re.DOTALL)
_EPSV = re.compile(rb"^229 .*?\((\S)\1\1(\d+)\1\)", re.DOTALL)


@dataclasses.dataclass
class Break:
    """Where a connection breaks.

    after: bytes from the server (``down``) or from the client (``up``) that come through.   times: how often (-1: always).
    how: reset (both ends see it at once), close (both see the end of the data), stall (nothing more comes, and nobody is told).
    """

    after: int
    direction: str = "down"
    times: int = 1
    how: str = "reset"


class Wire:
    """A proxy in threads of this process."""

    def __init__(self, port: int, host: str = HOST) -> None:
        self.target = (host, port)
        self.host = HOST
        self.latency = 0.0
        # how many connections have been broken since ``behave``
        self.breaks = 0
        self._control: t.Optional[Break] = None
        self._data: t.Optional[Break] = None
        self._lock = threading.Lock()
        self._open: t.Set[socket.socket] = set()
        self._stopped = False
        self._listener = self._listen()
        self.port = int(self._listener.getsockname()[1])

    def behave(self, latency: float = 0.0, control: t.Optional[Break] = None, data: t.Optional[Break] = None) -> None:
        """Behave so from now on: seconds that everything takes in each direction, and breaks of one kind of connection or both."""
        with self._lock:
            self.latency, self._control, self._data, self.breaks = latency, control, data, 0

    # -- life -----------------------------------------------------------------------------------

    def __enter__(self) -> Wire:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopped = True
        with self._lock:
            found = list(self._open)
        for sock in found:
            # what waits for this socket wakes up
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            self._forget(sock)

    def _listen(self) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # whatever the default timeout of this process is
        sock.settimeout(None)
        sock.bind((HOST, 0))
        sock.listen(64)
        with self._lock:
            self._open.add(sock)
        return sock

    def _forget(self, sock: socket.socket) -> None:
        with self._lock:
            self._open.discard(sock)
        with contextlib.suppress(OSError):
            sock.close()

    @staticmethod
    def _spawn(work: t.Callable[..., None], *arguments: t.Any) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, name="ftp_wire", daemon=True)
        thread.start()
        return thread

    # -- connections ----------------------------------------------------------------------------

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            self._spawn(self._join, client, self.target, True)

    def _accept_data(self, listener: socket.socket, port: int) -> None:
        """One data connection, as PASV promised."""
        listener.settimeout(30)
        try:
            client, _address = listener.accept()
        except OSError:
            return
        finally:
            self._forget(listener)
        self._join(client, (self.target[0], port), False)

    def _join(self, client: socket.socket, target: t.Tuple[str, int], control: bool) -> None:
        client.settimeout(None)
        try:
            server = socket.create_connection(target, 30)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        ends = _Ends(client, server)
        with self._lock:
            self._open.update((client, server))
            broken = self._control if control else self._data
        for sock in (client, server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        rewrite = self._rewriter() if control else None
        ways = [
            self._spawn(self._pass_on, ends, client, server, broken if broken and broken.direction == "up" else None, None),
            self._spawn(self._pass_on, ends, server, client, broken if broken and broken.direction == "down" else None, rewrite),
        ]
        for way in ways:
            way.join()
        for sock in (client, server):
            self._forget(sock)

    def _pass_on(
        self, ends: _Ends, source: socket.socket, sink: socket.socket, broken: t.Optional[Break], rewrite: t.Optional[t.Callable[[bytes], bytes]]
    ) -> None:
        """Bytes from one to the other, late as the latency says; breaks where they are to break."""
        late: queue.Queue[t.Tuple[float, bytes]] = queue.Queue()
        writer = self._spawn(self._deliver, late, sink)
        passed = 0
        while True:
            left = _CHUNK if broken is None else min(_CHUNK, broken.after - passed)
            if broken is not None and left <= 0:
                if self._take(broken):
                    late.put((0.0, b""))
                    writer.join()
                    ends.end(broken.how)
                    return
                broken = None
                continue
            try:
                data = source.recv(left)
            except OSError:
                data = b""
            passed += len(data)
            due = time.monotonic() + self.latency
            late.put((due, rewrite(data) if rewrite is not None and data else data))
            if not data:
                writer.join()
                return

    @staticmethod
    def _deliver(late: queue.Queue[t.Tuple[float, bytes]], sink: socket.socket) -> None:
        while True:
            due, data = late.get()
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                if data:
                    sink.sendall(data)
                    continue
                if due:
                    sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            return

    def _take(self, broken: Break) -> bool:
        """Whether this one breaks; it has then been counted."""
        with self._lock:
            if 0 <= broken.times <= self.breaks:
                return False
            self.breaks += 1
            return True

    def _rewriter(self) -> t.Callable[[bytes], bytes]:
        """Puts ports of ours into the replies that name ports of the server. Each reply comes in one piece."""
        clear = True

        def rewrite(data: bytes) -> bytes:
            nonlocal clear
            # TLS records of the handshake
            if not clear or data[:1] == b"\x16":
                clear = False
                return data
            return b"".join(self._rewrite_line(line) for line in data.splitlines(keepends=True))

        return rewrite

    def _rewrite_line(self, line: bytes) -> bytes:
        pasv, epsv = _PASV.match(line), _EPSV.match(line)
        if pasv is None and epsv is None:
            return line
        if pasv is not None:
            port = int(pasv[5]) * 256 + int(pasv[6])
        else:
            assert epsv is not None
            port = int(epsv[2])
        listener = self._listen()
        own = int(listener.getsockname()[1])
        self._spawn(self._accept_data, listener, port)
        if pasv is not None:
            return b"227 Entering passive mode (%s,%d,%d)\r\n" % (HOST.replace(".", ",").encode(), own // 256, own % 256)
        return b"229 Entering extended passive mode (|||%d|)\r\n" % own


class _Ends:
    """The two sockets of one connection."""

    def __init__(self, *socks: socket.socket) -> None:
        self._socks = socks

    def end(self, how: str) -> None:
        """Break it; with ``stall`` it stays as it is until somebody else ends it."""
        for sock in self._socks if how != "stall" else ():
            with contextlib.suppress(OSError):
                if how == "reset":
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    sock.shutdown(socket.SHUT_WR)
            if how == "reset":
                # A close alone would wait for the thread that reads from it.
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RD)
                with contextlib.suppress(OSError):
                    sock.close()


def main() -> None:
    """The command."""
    found = parser("A network with faults, on loopback.")
    found.add_argument("--port", type=int, required=True, help="of the server")
    found.add_argument("--latency", type=float, default=0.0, help="seconds in each direction")
    options = found.parse_args()
    with Wire(options.port) as wire:
        wire.behave(latency=options.latency)
        tell(pathlib.Path(options.directory) / "ftp_wire.json", {"host": wire.host, "port": wire.port, "pid": os.getpid()})
        wait(options)


if __name__ == "__main__":
    main()
