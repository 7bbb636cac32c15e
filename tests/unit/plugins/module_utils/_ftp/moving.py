# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server, a client and files to move between them; for the tests beside it."""

from __future__ import annotations

import os
import random
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.client import Client
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.download import download
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.entries import EXACT, FILE, Entry
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.options import Site
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.upload import upload
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.ways import Moved, Ways
from ansible_collections.fleetproof.backup.plugins.module_utils._net.stream import Endpoint
from ansible_collections.fleetproof.backup.plugins.module_utils._net.tls import TlsPolicy
from ansible_collections.fleetproof.backup.tests.testbed.ftpd import USERS, FtpServer

# 2020-01-02T03:04:05Z, in nanoseconds
LONG_AGO = 1577934245 * 10**9
# what a server can keep of a time
SECOND = 10**9
TLS = ("none", "starttls", "implicit")


def noise(size: int) -> bytes:
    """The same bytes for the same size, and no two blocks alike."""
    return random.Random(size).getrandbits(8 * size).to_bytes(size, "little") if size else b""


def ways(**given: t.Any) -> Ways:
    """Ways as the module has them when nothing is asked for, but for the sync, which tests can do without."""
    usual: t.Dict[str, t.Any] = {"resume": True, "atomic": True, "preserve_mtime": True, "verify": "size", "ascii": False, "pace": None}
    return Ways(**{**usual, "note": lambda _size: None, "sync": False, **given})


class Bench:
    """One server and one directory here; every connection is closed at the end."""

    def __init__(self, server: FtpServer, folder: Path) -> None:
        self.server = server
        self.there = server.root
        self.here = folder / "here"
        self.here.mkdir()
        self.directory = os.open(self.here, os.O_RDONLY)
        self.clients: t.List[Client] = []
        server.behave()
        for path in self.there.iterdir():
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_exception: object) -> None:
        for client in self.clients:
            client.close()
        os.close(self.directory)

    def behave(self, **behaviour: t.Any) -> None:
        """Connections made from now on meet a server like this."""
        self.server.behave(**behaviour)

    def connect(self, tls: str = "none") -> Client:
        """One more connection."""
        port = {"none": self.server.port, "starttls": self.server.explicit_port, "implicit": self.server.implicit_port}[tls]
        endpoint = Endpoint(self.server.host, port, tls, TlsPolicy(ca_path=self.server.ca), timeout=3.0)
        client = Client.connect(Site(endpoint, "fleet", USERS["fleet"], retries=0))
        self.clients.append(client)
        return client

    def offer(self, name: str, data: bytes, mtime: int = LONG_AGO) -> Entry:
        """A file on the server."""
        _write(self.there / name, data, mtime)
        return Entry(name, FILE, len(data), mtime)

    def have(self, name: str, data: bytes, mtime: int = LONG_AGO + 123_456_789) -> Entry:
        """A file here."""
        _write(self.here / name, data, mtime)
        return Entry(name, FILE, len(data), mtime, EXACT)

    def fetch(self, entry: Entry, client: t.Optional[Client] = None, replaces: bool = False, **given: t.Any) -> Moved:
        """One download, under the same name."""
        return download(client or self.connect(), entry.name, self.directory, entry.name, entry, ways(**given), replaces)

    def send(self, entry: Entry, client: t.Optional[Client] = None, replaces: bool = False, **given: t.Any) -> Moved:
        """One upload, under the same name."""
        return upload(client or self.connect(), self.directory, entry.name, entry, entry.name, ways(**given), replaces)

    def fails(self, move: t.Callable[..., Moved], *arguments: t.Any, **given: t.Any) -> FleetproofError:
        """The error that a transfer ends with."""
        with pytest.raises(FleetproofError) as caught:
            move(*arguments, **given)
        return caught.value

    def names_here(self) -> t.List[str]:
        """All that is here."""
        return sorted(path.name for path in self.here.iterdir())

    def names_there(self) -> t.List[str]:
        """All that the server has."""
        return sorted(path.name for path in self.there.iterdir())

    def offsets(self) -> t.List[int]:
        """Where transfers went on, in order."""
        return [int(line.split()[1]) for line in self.server.commands("REST")]


def _write(path: Path, data: bytes, mtime: int) -> None:
    path.write_bytes(data)
    os.utime(path, ns=(mtime, mtime))
