# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Articles as conversations: who answers whom, by References.

Private to this collection. Pure, nothing is recursive. As programs for mail and news have done it since Netscape: articles that are
referred to and are not there have their place, loops are not closed, and what an article says of itself beats what others say of it.
Subjects are not looked at: equal ones belong to different conversations as often as not.
"""

from __future__ import annotations

import typing as t

from .overview import Overview

_MOST_REFERENCES = 50  # of one article: the oldest and the newest ones
_DEEPEST = 2000  # ancestors that are looked at for a loop

Row = t.Dict[str, t.Any]


def threads_of(articles: t.Sequence[Overview]) -> t.List[Row]:
    """RV(threads): ``{root, subject, count, articles: [{id, number, depth}]}``, by the place of their first article in ``articles``."""
    forest = _Forest(articles)
    rows = [forest.row(root) for root in forest.roots()]
    return [row for _place, row in sorted(rows, key=lambda found: found[0])]


class _Forest:
    """Ids and their parents; not every id has an article."""

    def __init__(self, articles: t.Sequence[Overview]) -> None:
        self._places: t.Dict[str, int] = {}
        self._articles = articles
        for place, article in enumerate(articles):
            self._places.setdefault(article.message_id, place)
        self._parents: t.Dict[str, str] = {}
        self._has_children: t.Set[str] = set()
        for place, article in enumerate(articles):
            if self._places[article.message_id] == place:
                self._add(article)
        # a branch that was named, and that no article is on, is none
        alive: t.Set[str] = set()
        for name in self._places:
            above: t.Optional[str] = name
            while above is not None and above not in alive:
                alive.add(above)
                above = self._parents.get(above)
        self._children: t.Dict[str, t.List[str]] = {}
        for child, parent in self._parents.items():
            if child in alive:
                self._children.setdefault(parent, []).append(child)

    def _add(self, article: Overview) -> None:
        references = [reference for reference in article.references if reference != article.message_id]
        if len(references) > _MOST_REFERENCES:
            references = references[:1] + references[1 - _MOST_REFERENCES :]
        for parent, child in zip(references, references[1:]):
            if child not in self._parents:
                self._link(parent, child)
        if references:
            self._link(references[-1], article.message_id)

    def _link(self, parent: str, child: str) -> None:
        if child in self._has_children and self._is_below(parent, child):
            return
        if parent != child:
            self._parents[child] = parent
            self._has_children.add(parent)

    def _is_below(self, lower: str, upper: str) -> bool:
        """Whether ``upper`` is among the ancestors of ``lower``, or too much is."""
        place: t.Optional[str] = lower
        for _level in range(_DEEPEST):
            if place is None:
                return False
            if place == upper:
                return True
            place = self._parents.get(place)
        return True

    def roots(self) -> t.List[str]:
        """Ids that nothing is above, each with an article at or below it."""
        ids = dict.fromkeys([*self._places, *self._children])
        return [found for found in ids if found not in self._parents]

    def row(self, root: str) -> t.Tuple[int, Row]:
        """The thread below a root, and the place of its first article."""
        listed: t.List[Row] = []
        first = len(self._articles)
        while root not in self._places and len(self._children[root]) == 1:
            # nobody misses an ancestor that has but one answer
            root = self._children[root][0]
        todo = [(root, 0)]
        while todo:
            found, depth = todo.pop()
            place = self._places.get(found)
            if place is not None:
                first = min(first, place)
                listed.append({"id": found, "number": self._articles[place].number, "depth": depth})
            # an ancestor that is missing takes no room, but for the root
            below = depth + 1 if place is not None or found == root else depth
            todo.extend((child, below) for child in sorted(self._children.get(found, ()), key=self._first_below, reverse=True))
        subject = self._articles[self._places[listed[0]["id"]]].subject
        return first, {"root": root, "subject": subject, "count": len(listed), "articles": listed}

    def _first_below(self, found: str) -> t.Tuple[int, str]:
        """The place of an id among its siblings: that of its article, or of the first article right below it."""
        places = [self._places[each] for each in (found, *self._children.get(found, ())) if each in self._places]
        return (self._places[found] if found in self._places else min(places, default=len(self._articles)), found)
