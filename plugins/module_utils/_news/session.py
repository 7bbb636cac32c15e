# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work with a news server over connections that may break off.

Private to this collection. After a lost connection another one is opened, the group is selected again, and what was
not answered is asked for again. Posting does not go by this: what is asked for again here changes nothing.
"""

from __future__ import annotations

import types
import typing as t

from .._errors import FleetproofError
from .._net.auth import Credentials
from .._net.retry import Patience
from .._net.stream import Endpoint
from .client import Key, NewsServer, Piece
from .replies import Mismatch, TooLarge

_LOST_IN_A_ROW = 3  # articles that each cost all retries: then it is not the articles
T = t.TypeVar("T")


class Failed(t.NamedTuple):
    """An article that the server does not hand out as it should."""

    key: Key
    error: FleetproofError


class Session:
    """The server that the options name. ``warnings``: what the ways in draw, each once."""

    def __init__(self, endpoint: Endpoint, credentials: t.Optional[Credentials], retries: int) -> None:
        self.endpoint = endpoint
        self.where = endpoint.where
        self.warnings: t.List[str] = []
        self._credentials = credentials
        self._patience = Patience(retries)
        self._server: t.Optional[NewsServer] = None

    def account(self, group: str) -> str:
        """What a state file knows the group by; the usual ports lead to the same server."""
        host = self.endpoint.host if self.endpoint.port in (119, 563) else self.endpoint.where
        return "nntp://%s/%s" % (host.lower(), group)

    def attempt(self, operation: t.Callable[[NewsServer], T], group: t.Optional[str] = None) -> T:
        """What ``operation`` returns, with ``group`` selected; done again over another connection after an error that may pass."""
        while True:
            try:
                found = operation(self._ready(group))
            except FleetproofError as error:
                if not error.retryable or not self._patience.again():
                    raise
                self._drop()
            else:
                self._patience.refresh()
                return found

    def pieces(self, keys: t.Sequence[Key], limit: int, group: t.Optional[str] = None) -> t.Generator[t.Union[Piece, Failed], None, None]:
        """The articles, in this order. One that the server stumbles over does not stop the others."""
        done = lost = 0
        while done < len(keys):
            asked = False
            try:
                server = self._ready(group)
                asked = True
                for piece in server.fetch("ARTICLE", keys[done:], limit):
                    done += 1
                    lost = 0
                    # a connection alone is no progress: it may break off at the same article each time
                    self._patience.refresh()
                    yield piece
            except FleetproofError as error:
                self._drop()
                if error.retryable and self._patience.again():
                    continue
                if not isinstance(error, (TooLarge, Mismatch)):
                    lost += 1
                    if not asked or lost > _LOST_IN_A_ROW or error.kind in ("auth", "tls"):
                        raise
                    self._patience.refresh()
                done += 1
                yield Failed(keys[done - 1], error)

    def close(self) -> None:
        """Part from the server; never raises."""
        if self._server is not None:
            if not self._server.broken:
                self._server.quit()
            self._server = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: t.Optional[t.Type[BaseException]], error: t.Optional[BaseException], trace: t.Optional[types.TracebackType]) -> None:
        self.close()

    def _ready(self, group: t.Optional[str]) -> NewsServer:
        if self._server is None or self._server.broken:
            self._server = NewsServer.connect(self.endpoint, self._credentials)
            self.warnings.extend(warning for warning in self._server.warnings if warning not in self.warnings)
        if group is not None and (self._server.selected is None or self._server.selected.name != group):
            self._server.group(group)
        return self._server

    def _drop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
