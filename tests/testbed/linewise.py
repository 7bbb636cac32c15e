# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the servers of mail and news have in common: commands are lines, each has an answer, and TLS may begin in between.

A server is a thread that accepts, and one thread for each connection: see session.py. Both ways of TLS
are served, in clear text with STARTTLS (STLS) on ``port`` and at once on ``tls_port``, each on
127.0.0.1 and, where there is IPv6, on ::1.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import selectors
import socket
import ssl
import sys
import threading
import typing as t

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from behaving import Behaving
from certificates import make_certificates
from serving import free_socket, tell, wait
from session import LineBehaviour, Session

USERS = {"fleet": "correct horse"}
TOKENS = {"fleet": "ya29.token"}

S = t.TypeVar("S", bound=LineBehaviour)


class LineServer(Behaving[S]):
    """A server in threads of this process."""

    session: t.Type[Session]

    def __init__(self, directory: t.Union[str, pathlib.Path], name: str, kind: t.Type[S]) -> None:
        self.directory = pathlib.Path(directory)
        self.certificates = make_certificates(self.directory / "tls")
        super().__init__(self.directory / (name + "-behaviour.json"), kind)
        self.name = name
        self.host = "127.0.0.1"
        self.port = self.tls_port = 0
        self.users = dict(USERS)
        self.tokens = dict(TOKENS)
        self.stopped = threading.Event()
        self.log: t.Optional[t.TextIO] = None
        self._verbs: t.List[str] = []
        self._contexts: t.Dict[t.Tuple[str, str, bool], ssl.SSLContext] = {}
        self._open: t.Dict[Session, t.Tuple[socket.socket, threading.Thread]] = {}
        self._opening = threading.Lock()
        self._listening: t.List[t.Tuple[socket.socket, bool]] = []
        self._thread: t.Optional[threading.Thread] = None
        self._wake, self._woken = socket.socketpair()

    @property
    def ca(self) -> str:
        """The certificate to trust."""
        return str(self.certificates / "ca.pem")

    # -- what was said ------------------------------------------------------------------------------

    def commands(self, *verbs: str) -> t.List[str]:
        """What was said since ``behave``, in order; with ``verbs`` these alone."""
        return [line for (line, _encrypted), verb in zip(list(self.heard), list(self._verbs)) if not verbs or verb in verbs]

    def forget_connections(self) -> None:
        super().forget_connections()
        self._verbs.clear()

    def note(self, line: str, verb: str, encrypted: bool) -> None:
        """Write a command down; without its secrets where the server is a program of its own."""
        self._verbs.append(verb)
        self.heard.append((line, encrypted))
        if self.log is not None:
            said = verb if verb in ("PASS", "APOP", "AUTH", "LOGIN", "AUTHENTICATE", "AUTHINFO PASS", "AUTHINFO SASL") else line
            self.log.write(json.dumps({"line": said, "encrypted": encrypted}) + "\n")

    def tls_context(self, behaviour: LineBehaviour) -> ssl.SSLContext:
        """With the certificate that the behaviour names."""
        key = (behaviour.certificate, behaviour.tls_version, behaviour.client_certificate)
        if key not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificates / (behaviour.certificate + ".pem"), self.certificates / (behaviour.certificate + ".key"))
            if behaviour.tls_version:
                context.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[behaviour.tls_version]
            if behaviour.client_certificate:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(self.ca)
            self._contexts[key] = context
        return self._contexts[key]

    # -- life ---------------------------------------------------------------------------------------

    def _listen(self, implicit: bool) -> int:
        sock = free_socket(self.host)
        sock.listen(128)
        port = int(sock.getsockname()[1])
        self._listening.append((sock, implicit))
        six = socket.socket(socket.AF_INET6, socket.SOCK_STREAM) if socket.has_ipv6 else None
        if six is not None:
            try:
                six.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                six.bind(("::1", port))
                six.listen(128)
                self._listening.append((six, implicit))
            except OSError:  # no IPv6 here, or somebody else has this port of it
                six.close()
        return port

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            for sock, implicit in self._listening:
                sock.setblocking(False)
                selector.register(sock, selectors.EVENT_READ, implicit)
            while not self.stopped.is_set():
                for key, _events in selector.select():
                    if key.fileobj is not self._woken:
                        with contextlib.suppress(OSError):
                            self._take(key.fileobj.accept()[0], bool(key.data))  # type: ignore[union-attr]

    def _take(self, sock: socket.socket, implicit: bool) -> None:
        sock.setblocking(True)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session = self.session(self, sock, implicit)
        thread = threading.Thread(target=self._serve, args=(session,), name=self.name, daemon=True)
        with self._opening:
            self._open[session] = (sock, thread)
        thread.start()

    def _serve(self, session: Session) -> None:
        try:
            session.serve()
        finally:
            with self._opening:
                self._open.pop(session, None)

    def replace(self, session: Session, sock: socket.socket) -> None:
        """The connection of the session is another one now."""
        with self._opening:
            if session in self._open:
                self._open[session] = (sock, self._open[session][1])

    def start(self: L) -> L:  # noqa: PYI019 # typing has Self since 3.11
        """Serve in threads."""
        self.port = self._listen(False)
        self.tls_port = self._listen(True)
        self._thread = threading.Thread(target=self._accept, name=self.name, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End, with all connections."""
        self.stopped.set()
        self._wake.send(b"x")
        if self._thread is not None:
            self._thread.join(20)
        for sock, _implicit in self._listening:
            sock.close()
        with self._opening:
            found = list(self._open.values())
        for sock, _thread in found:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for _sock, thread in found:
            thread.join(20)
        self._wake.close()
        self._woken.close()

    def __enter__(self: L) -> L:  # noqa: PYI019
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def facts(self) -> t.Dict[str, t.Any]:
        """Where it is to be found."""
        return {"host": self.host, "port": self.port, "tls_port": self.tls_port, "ca": self.ca, "pid": os.getpid()}


L = t.TypeVar("L", bound=LineServer[t.Any])


def run(server: LineServer[t.Any], options: argparse.Namespace) -> None:
    """The server as a program: it tells where it is, and writes down what it is told."""
    with open(server.directory / (server.name + "-commands.jsonl"), "w", encoding="utf-8", buffering=1) as server.log, server:
        tell(server.directory / (server.name + ".json"), server.facts())
        wait(options)
