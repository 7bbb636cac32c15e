# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A news server that says word for word what a test tells it to, for what no real server would say."""

from __future__ import annotations

import contextlib
import socket
import threading
import typing as t

from ansible_collections.fleetproof.backup.plugins.module_utils._net.stream import Endpoint

ANSWERS = {
    "CAPABILITIES": b"101 list\r\nVERSION 2\r\nREADER\r\nOVER\r\nLIST ACTIVE\r\n.\r\n",
    "GROUP": b"211 3 1 3 fleet.reports\r\n",
    "LIST OVERVIEW.FMT": b"503 no\r\n",
    "QUIT": b"205 bye\r\n",
}


class Scripted:
    """Serves every connection on its own: none waits for another to end.

    An answer is by the longest beginning of the command that is known; what is not known is 500. An empty answer is none, and None ends the connection.
    """

    def __init__(self, answers: t.Mapping[str, t.Optional[bytes]], greeting: bytes = b"200 hello\r\n") -> None:
        self._answers: t.Dict[str, t.Optional[bytes]] = {**ANSWERS, **answers}
        self._greeting = greeting
        self.heard: t.List[str] = []
        self.connections = 0
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(5)
        self.port = int(self._socket.getsockname()[1])
        self._open: t.List[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Scripted:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        for sock in (self._socket, *self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        self._thread.join(10)

    def endpoint(self, timeout: float = 5.0) -> Endpoint:
        return Endpoint("127.0.0.1", self.port, "none", timeout=timeout)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock = self._socket.accept()[0]
                self._open.append(sock)
                self.connections += 1
                threading.Thread(target=self._converse, args=(sock,), daemon=True).start()

    def _converse(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock, sock.makefile("rb") as lines:
            sock.sendall(self._greeting)
            self._talk(sock, lines)

    def _talk(self, sock: socket.socket, lines: t.BinaryIO) -> None:
        for line in lines:
            command = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
            self.heard.append(command)
            known = max((name for name in self._answers if command.startswith(name)), key=len, default=None)
            answer = b"500 what?\r\n" if known is None else self._answers[known]
            if answer is None:
                return
            sock.sendall(answer)
