# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a group has, in portions: as much as is needed, in the order that is needed.

Private to this collection.
"""

from __future__ import annotations

import typing as t

from .client import NewsServer
from .groups import Group
from .memory import Memory
from .overview import BrokenLine, Overview, of_header
from .request import Request
from .session import Session

Line = t.Union[Overview, BrokenLine]

_SMALLEST, _LARGEST = 50, 2000  # numbers that are asked for at once
_HEADER = 8388608  # octets


class Listing:
    """``cut``: there were more articles than may be looked at."""

    def __init__(self, session: Session, group: Group, request: Request) -> None:
        self._session = session
        self._group = group
        self._request = request
        self.cut = False
        self._found = 0

    def batches(self, memory: t.Optional[Memory]) -> t.Iterator[t.List[Line]]:
        """Articles as they are asked for, the newest first for ``latest``, else the oldest; with ``memory`` those that it has not gone past."""
        left = self._request.max_articles
        for first, last in self._windows(memory):
            lines = self.lines(first, last)
            self._found = len(lines)
            if self._request.kind == "latest":
                lines.reverse()
            if len(lines) > left:
                self.cut = True
                lines = lines[:left]
            left -= len(lines)
            yield lines
            if self.cut:
                return

    def _windows(self, memory: t.Optional[Memory]) -> t.Iterator[t.Tuple[int, int]]:
        """Ranges of numbers; sizes grow, since groups have holes."""
        request = self._request
        low, high = max(self._group.first, request.first), min(self._group.last, request.last)
        if memory is not None:
            yield from ((number, number) for number in sorted(memory.left) if low <= number <= high)
            low = max(low, (memory.high or 0) + 1)
        size = max(_SMALLEST, min(2 * (request.count or _LARGEST), _LARGEST))
        while low <= high:
            if request.kind == "latest":
                yield max(low, high - size + 1), high
                high -= size
            else:
                yield low, min(high, low + size - 1)
                low += size
            if not self._found and size == _LARGEST and low <= high:
                low, high = self._beyond_the_hole(low, high)
            size = min(2 * size, _LARGEST)

    def _beyond_the_hole(self, low: int, high: int) -> t.Tuple[int, int]:
        """What is left of a range that may be millions of numbers without an article."""
        numbers = self._session.attempt(lambda server: server.numbers(low, high), self._group.name)
        return (numbers[0], numbers[-1]) if numbers else (1, 0)

    def lines(self, first: int, last: int) -> t.List[Line]:
        """What the server tells of these numbers, in their order. Of lines that tell nothing the articles themselves are asked."""
        return self._session.attempt(lambda server: _lines(server, first, last), self._group.name)


def _lines(server: NewsServer, first: int, last: int) -> t.List[Line]:
    found: t.Dict[int, Overview] = {}
    broken: t.List[BrokenLine] = []
    for line in server.over(first, last):
        if isinstance(line, BrokenLine):
            broken.append(line)
        else:
            found.setdefault(line.number, line)
    if broken:
        untold = [number for number in server.numbers(first, last) if number not in found]
        for piece in server.fetch("HEAD", untold, _HEADER):
            if piece.raw is not None:
                line = of_header(piece.raw, int(piece.key), piece.reply.text)
                if isinstance(line, Overview):
                    found[line.number] = line
    known = [line for line in broken if line.number not in found]
    return [*sorted(found.values(), key=lambda overview: overview.number), *known]
