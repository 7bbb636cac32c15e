# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a state file remembers of the articles of a group.

Private to this collection. Keys are the number and the id of an article, so that those which expired can be forgotten
and those which a server has numbered anew are known again. Facts: ``high``, number and id of the last article that "new"
has gone past, and ``left``, numbers below it that were not had, for reasons that may pass.
"""

from __future__ import annotations

import typing as t

from .._message.seen import Seen
from .._message.store import Store
from .groups import Group
from .overview import Overview

_MOST_LEFT = 1000


class Memory:
    """Remembers ``at_once`` what is stored; what is only told, when the run is at its end and all was well."""

    def __init__(self, seen: Seen, store: t.Optional[Store], at_once: bool) -> None:
        self._seen = seen
        self._store = store
        self._at_once = at_once
        self._numbers = dict(_split(key) for key in seen)
        self._later: t.List[t.Callable[[], None]] = []
        self.high, self._high_id = _high(seen.facts.get("high"))
        self.left = {number for number in seen.facts.get("left", []) if isinstance(number, int)}

    def knows(self, message_id: str) -> bool:
        """Whether the article was dealt with."""
        return message_id in self._numbers

    def is_other(self, overview: Overview) -> bool:
        """Whether the number that was the last one belongs to another article now: the server has begun anew."""
        return overview.number == self.high and overview.message_id != self._high_id

    def restart(self) -> None:
        """The numbers mean nothing any more; the ids still do."""
        self.high = None
        self._high_id = ""
        self.left.clear()

    def keep(self, overview: Overview, raw: bytes, when: t.Optional[float]) -> t.Optional[str]:
        """Store the article, unless a run that was killed has done so, and note it. Its path."""
        key = "%d %s" % (overview.number, overview.message_id)
        path = None
        if self._store is not None:
            name = "%s %s" % (self._seen.account, overview.message_id)
            intent = self._seen.intent(key)
            path = None if intent is None else self._store.settle(name, intent, raw)
            if path is None:
                path = self._store.put(name, raw, when, lambda found: self._seen.begin(key, **found))
        self._numbers[overview.message_id] = overview.number
        self._do(lambda: self._seen.note(key, path))
        return path

    def again(self, overview: Overview) -> None:
        """An article that is known has this number now."""
        old = self._numbers[overview.message_id]
        if overview.number and overview.number != old:
            key = "%d %s" % (old, overview.message_id)
            path = self._seen.path_of(key)
            self._numbers[overview.message_id] = overview.number
            self._do(lambda: self._seen.note("%d %s" % (overview.number, overview.message_id), path))
            self._do(lambda: self._seen.forget([key]))

    def leave(self, overview: Overview) -> None:
        """The article could not be had this time."""
        self.left.add(overview.number)

    def settle(self, overview: Overview) -> None:
        """The article need not be asked for again."""
        self.left.discard(overview.number)

    def past(self, overview: Overview) -> None:
        """All up to this article has been dealt with, or left."""
        if self.high is None or overview.number > self.high:
            self.high, self._high_id = overview.number, overview.message_id

    def flush(self) -> None:
        """Write down how far we are."""
        left, high = sorted(self.left)[-_MOST_LEFT:], self.high
        self._do(lambda: self._seen.learn("left", left))
        if high is not None:
            fact = [high, self._high_id]
            self._do(lambda: self._seen.learn("high", fact))

    def forget(self, group: Group) -> None:
        """Articles that have expired."""
        gone = [(message_id, number) for message_id, number in self._numbers.items() if 0 < number < group.first <= group.last]
        self._seen.forget(["%d %s" % (number, message_id) for message_id, number in gone])
        for message_id, _number in gone:
            del self._numbers[message_id]
        self.left = {number for number in self.left if number >= group.first}

    def finish(self) -> None:
        """All was well: what was told has been told."""
        for step in self._later:
            step()
        self._later = []

    def _do(self, step: t.Callable[[], None]) -> None:
        if self._at_once:
            step()
        else:
            self._later.append(step)


def _split(key: str) -> t.Tuple[str, int]:
    number, _space, message_id = key.partition(" ")
    return message_id, int(number) if number.isdigit() else 0


def _high(fact: t.Any) -> t.Tuple[t.Optional[int], str]:
    if isinstance(fact, list) and len(fact) == 2 and isinstance(fact[0], int) and isinstance(fact[1], str):
        return fact[0], fact[1]
    return None, ""
