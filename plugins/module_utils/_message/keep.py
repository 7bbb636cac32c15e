# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storing a message once, whatever happens in between.

Private to this collection. The order is: announce it in the state, put it, do what belongs to it (attachments), note it in
the state; each step is on disk before the next begins. A run that is killed leaves at most one message begun. The next
run that fetches it looks whether it was put, and goes on from there.
"""

from __future__ import annotations

import typing as t

from .seen import Seen
from .store import Store


class Keeper:
    """Puts messages of the account of ``seen`` into ``store``."""

    def __init__(self, store: Store, seen: Seen) -> None:
        self._store = store
        self._seen = seen

    def keep(self, key: str, raw: bytes, when: t.Optional[float], also: t.Callable[[str], None] = lambda _path: None) -> str:
        """Store the message, unless a killed run has done so, call ``also`` with its path, and note it. Its path."""
        name = "%s %s" % (self._seen.account, key)
        intent = self._seen.intent(key)
        path = None if intent is None else self._store.settle(name, intent, raw)
        if path is None:
            path = self._store.put(name, raw, when, lambda found: self._seen.begin(key, **found))
        also(path)
        self._seen.note(key, path)
        return path
