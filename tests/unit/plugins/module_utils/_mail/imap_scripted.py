# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An IMAP server that says word for word what a test tells it to, for what no real server would say."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import typing as t

from ansible_collections.fleetproof.backup.plugins.module_utils._mail.imap_wire import Dialogue
from ansible_collections.fleetproof.backup.plugins.module_utils._net.stream import Endpoint, dial

_COMMAND = re.compile(rb"\A(F[0-9]+) (UID [A-Z]+|[A-Z]+)")
_LITERAL = re.compile(rb"\{([0-9]+)(\+?)\}\r\n\Z")


class Scripted:
    """Serves one connection after the other. ``TAG`` in an answer stands for the tag of the command."""

    def __init__(self, answers: t.Mapping[str, bytes], greeting: bytes = b"* OK [CAPABILITY IMAP4rev1] hello\r\n") -> None:
        self.answers = answers
        self.greeting = greeting
        # each command as it came, literals included
        self.heard: t.List[bytes] = []
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(5)
        self.port = int(self._socket.getsockname()[1])
        self._open: t.Optional[socket.socket] = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Scripted:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        for sock in filter(None, (self._socket, self._open)):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        self._thread.join(10)

    def endpoint(self, **given: t.Any) -> Endpoint:
        return Endpoint("127.0.0.1", self.port, "none", **{"timeout": 5.0, **given})

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._open = self._socket.accept()[0]
                with self._open, self._open.makefile("rb") as lines:
                    self._open.sendall(self.greeting)
                    self._talk(self._open, lines)

    def _talk(self, sock: socket.socket, lines: t.BinaryIO) -> None:
        tag = b""
        for line in lines:
            match = _COMMAND.match(line)
            if match is not None:
                tag, name = match.group(1), match.group(2).decode()
                line = self._with_literals(sock, lines, line, tag)
            elif line == b"DONE\r\n":
                name = "DONE"
            else:
                continue
            if line:
                self.heard.append(line)
                sock.sendall(self.answers.get(name, b"TAG OK done\r\n").replace(b"TAG", tag))

    def _with_literals(self, sock: socket.socket, lines: t.BinaryIO, line: bytes, tag: bytes) -> bytes:
        """The whole command; empty when a literal of it was refused."""
        literal = _LITERAL.search(line)
        while literal is not None:
            if not literal.group(2):
                word = self.answers.get("LITERAL", b"+ go on\r\n").replace(b"TAG", tag)
                sock.sendall(word)
                if not word.startswith(b"+"):
                    return b""
            line += lines.read(int(literal.group(1))) + lines.readline()
            literal = _LITERAL.search(line)
        return line


@contextlib.contextmanager
def talking(
    answers: t.Mapping[str, bytes], greeting: bytes = b"* OK [CAPABILITY IMAP4rev1] hello\r\n", timeout: float = 5.0
) -> t.Iterator[t.Tuple[Dialogue, Scripted]]:
    """A Dialogue with such a server, past its greeting."""
    with Scripted(answers, greeting) as server:
        dialogue = Dialogue(dial(server.endpoint(timeout=timeout)))
        try:
            dialogue.greeting()
            yield dialogue, server
        finally:
            dialogue.close()
