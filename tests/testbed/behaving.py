# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a server of the test bed behaves: read from a file for each connection, so that other processes can say it as well."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import threading
import typing as t

B = t.TypeVar("B")


class Behaving(t.Generic[B]):
    """A server that behaves as told from the next connection on.

    What is to happen some times, and then no more, is counted over all connections since it was told.
    """

    def __init__(self, path: pathlib.Path, kind: t.Type[B]) -> None:
        self.connections = 0
        # lines as they came, each with whether it came encrypted
        self.heard: t.List[t.Tuple[str, bool]] = []
        self._path = path
        self._kind = kind
        self._text = ""
        self._counts: t.Dict[str, int] = {}
        self._counting = threading.Lock()

    def behave(self, **behaviour: t.Any) -> None:
        """Behave so from the next connection on, and well in all that is not named."""
        checked: t.Any = self._kind(**behaviour)
        self._counts.clear()
        self.heard.clear()
        self.forget_connections()
        temporary = self._path.with_name("." + self._path.name)
        temporary.write_text(json.dumps(dataclasses.asdict(checked)), encoding="utf-8")
        temporary.replace(self._path)

    def forget_connections(self) -> None:
        """Called when another behaviour begins."""
        self.connections = 0

    def read_behaviour(self) -> B:
        """What the file says now."""
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            text = "{}"
        if text != self._text:
            self._text = text
            self._counts.clear()
            self.forget_connections()
        self.connections += 1
        return self._kind(**json.loads(text))

    def count(self, what: str) -> int:
        """How often this has been counted, with this time."""
        with self._counting:
            self._counts[what] = self._counts.get(what, 0) + 1
            return self._counts[what]

    def left(self, what: str, times: int) -> bool:
        """True the first ``times`` times (-1: always)."""
        return times < 0 or (times > 0 and self.count(what) <= times)

    def turn(self, what: str, replies: t.Sequence[t.Optional[str]]) -> t.Optional[str]:
        """The next of the replies; None when they are used up."""
        if not replies:
            return None
        number = self.count(what)
        return replies[number - 1] or None if number <= len(replies) else None
