# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One connection that is there when it is needed.

Private to this collection. For modules that do one thing after another; transfers share the work of several
connections in pool.py.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError
from .._net.retry import Patience
from .client import Client
from .entries import FILE, Entry
from .options import Site
from .paths import parent_of

T = t.TypeVar("T")


class Session:
    """Connects when there is something to do, and again when the connection broke; a context manager."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.warnings: t.List[str] = []
        self._client: t.Optional[Client] = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._client is not None:
            self._client.close()

    def client(self) -> Client:
        """The connection."""
        if self._client is None or self._client.broken:
            if self._client is not None:
                self._client.close()
                self._client = None
            self._client = Client.connect(self.site)
            self.warnings += [warning for warning in self._client.warnings if warning not in self.warnings]
        return self._client

    def attempt(self, operation: t.Callable[[Client], T]) -> T:
        """What ``operation`` returns; errors that may pass are waited out, so it must bear to be begun again."""
        patience = Patience(self.site.retries)
        while True:
            try:
                return operation(self.client())
            except FleetproofError as error:
                if not error.retryable or not patience.again():
                    raise


def stat(client: Client, path: str) -> t.Optional[Entry]:
    """Client.stat that knows for certain that there is nothing in a file, which servers say in many ways."""
    try:
        return client.stat(path)
    except FleetproofError as error:
        if client.broken or error.retryable or not _in_a_file(client, path):
            raise
        return None


def _in_a_file(client: Client, path: str) -> bool:
    while path not in ("", "/"):
        path = parent_of(path)
        try:
            entry = client.stat(path)
        except FleetproofError:
            if client.broken:
                raise
            continue
        if entry is not None:
            return entry.kind == FILE
    return False
