# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The FTP server of the test bed, and clients of it; and a server that says what a test wants it to say."""

from __future__ import annotations

import socket
import threading
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.client import Client
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.control import Control
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.options import Site
from ansible_collections.fleetproof.backup.plugins.module_utils._net.stream import Endpoint, Stream
from ansible_collections.fleetproof.backup.plugins.module_utils._net.tls import TlsPolicy
from ansible_collections.fleetproof.backup.tests.testbed.ftpd import USERS, FtpServer

from .asking import clear


class Desk:
    """A server that behaves as told, and clients of it that are closed in the end."""

    def __init__(self, server: FtpServer) -> None:
        self.server = server
        self.root = server.root
        self.clients: t.List[Client] = []

    def site(self, tls: str = "none", passive: bool = True, encoding: str = "utf-8", user: str = "fleet", **endpoint: t.Any) -> Site:
        ports = {"none": self.server.port, "starttls": self.server.explicit_port, "implicit": self.server.implicit_port}
        usual = {"host": self.server.host, "port": ports[tls], "tls": tls, "policy": TlsPolicy(ca_path=self.server.ca), "timeout": 5.0}
        return Site(Endpoint(**{**usual, **endpoint}), user, USERS.get(user, "guest"), passive, encoding, 0)

    def connect(self, tls: str = "none", **given: t.Any) -> Client:
        client = Client.connect(self.site(tls, **given))
        self.clients.append(client)
        return client


@pytest.fixture(scope="session")
def running_desk(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[FtpServer]:
    with FtpServer(tmp_path_factory.mktemp("ftpd")) as server:
        yield server


@pytest.fixture
def desk(running_desk: FtpServer) -> t.Iterator[Desk]:
    running_desk.behave()
    clear(running_desk.root)
    found = Desk(running_desk)
    yield found
    for client in found.clients:
        client.close()


class Script:
    """The far end of a control connection: what it says is up to the test."""

    def __init__(self, far: socket.socket, control: Control) -> None:
        self.far = far
        self.control = control
        self._heard = b""
        self._answering: t.Optional[threading.Thread] = None

    def say(self, *lines: str) -> None:
        self.far.sendall("".join(line + "\r\n" for line in lines).encode())

    def answer(self, replies: t.Dict[str, str]) -> None:
        """From now on, by verb, or with "" for all others."""

        def work() -> None:
            buffer = b""
            try:
                while True:
                    data = self.far.recv(65536)
                    if not data:
                        return
                    buffer += data
                    while b"\r\n" in buffer:
                        line, buffer = buffer.split(b"\r\n", 1)
                        verb = line.decode("latin-1").split(" ")[0]
                        self.far.sendall(replies.get(verb, replies.get("", "")).encode())
            except OSError:
                return

        threading.Thread(target=work, daemon=True).start()

    def answer_each(self, *replies: t.Union[str, bytes]) -> None:
        """One of them to each command that comes in, in this order."""

        def work() -> None:
            try:
                for number, reply in enumerate(replies, 1):
                    while self._heard.count(b"\n") < number:
                        self._heard += self.far.recv(65536)
                    self.far.sendall(reply.encode() if isinstance(reply, str) else reply)
            except OSError:
                return

        self._answering = threading.Thread(target=work, daemon=True)
        self._answering.start()

    def heard(self) -> bytes:
        """What has come in since this was asked last."""
        if self._answering is not None:
            self._answering.join(5)
            self._answering = None
            heard, self._heard = self._heard, b""
            return heard
        return self.far.recv(65536)


@pytest.fixture
def script() -> t.Iterator[Script]:
    near, far = socket.socketpair()
    far.settimeout(5)
    control = Control(Stream(near, Endpoint("ftp.example", 21, "none", timeout=0.5)), "utf-8")
    yield Script(far, control)
    control.stream.close()
    far.close()
