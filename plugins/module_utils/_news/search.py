# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which articles are searched for: words in the subject, the sender and the body.

Private to this collection. Pure. A word is found anywhere in the text as people see it, without regard to case.
"""

from __future__ import annotations

import re
import typing as t

from .._errors import FleetproofError

_BLANKS = re.compile(r"\s+")


class Search:
    """Words to look for; without any, every article is meant. ``match``: ``all`` of them, or ``any``."""

    def __init__(self, given: t.Optional[t.Mapping[str, t.Any]]) -> None:
        given = given or {}
        self._heads = [(name, _plain(word, "search.%s" % name)) for name in ("subject", "from") for word in given.get(name) or []]
        self._bodies = [_plain(word, "search.body") for word in given.get("body") or []]
        self._any = given.get("match") == "any"

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to look for."""
        return not self._heads and not self._bodies

    def head(self, subject: str, sender: str) -> t.Optional[bool]:
        """Whether the article is meant; None when its body has to tell."""
        texts = {"subject": _folded(subject), "from": _folded(sender)}
        found = [word in texts[name] for name, word in self._heads]
        if self._any and any(found):
            return True
        if not self._any and not all(found):
            return False
        if self._bodies:
            return None
        return not self._any or not self._heads

    def body(self, text: str) -> bool:
        """Whether an article is meant of which ``head`` could not tell."""
        text = _folded(text)
        found = [word in text for word in self._bodies]
        return any(found) if self._any else all(found)


def _plain(word: t.Any, what: str) -> str:
    folded = _folded(str(word))
    if not folded:
        raise FleetproofError("argument", "%s: an empty word is in every article; leave it out" % what)
    return folded


def _folded(text: str) -> str:
    # a phrase is found across the end of a line
    return _BLANKS.sub(" ", text.casefold()).strip()
