# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server tells of its groups: GROUP, LIST and NEWGROUPS (RFC 3977, sections 6.1 and 7.6; RFC 6048).

Private to this collection. Pure.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

_NUMBER = re.compile(r"-?[0-9]{1,18}\Z")


@dataclass(frozen=True)
class Group:
    """A group. The articles have numbers from ``first`` to ``last``, with holes, and are about ``count``; none where ``last`` is below ``first``."""

    name: str
    count: int
    first: int
    last: int


@dataclass(frozen=True)
class Listed(Group):
    """A group of a list. ``count`` is -1 where it is not told. ``status``: y (may be posted to), n, m (moderated), or what the server says."""

    status: str


def read_group(text: str, name: str) -> t.Optional[Group]:
    """The reply to GROUP, without its code; None when it is none."""
    numbers = _numbers(text.split()[:3], 3)
    return None if numbers is None else _sound(name, numbers[0], numbers[1], numbers[2])


def read_active(line: bytes) -> t.Optional[Listed]:
    """A line of LIST ACTIVE or NEWGROUPS: name, last, first, status; None when it is none."""
    words = line.decode("utf-8", "surrogateescape").split()
    numbers = _numbers(words[1:3], 2)
    if numbers is None:
        return None
    group = _sound(words[0], -1, numbers[1], numbers[0])
    return Listed(group.name, group.count, group.first, group.last, words[3] if len(words) > 3 else "")


def read_counts(line: bytes) -> t.Optional[Listed]:
    """A line of LIST COUNTS: name, last, first, count, status; None when it is none."""
    words = line.decode("utf-8", "surrogateescape").split()
    numbers = _numbers(words[1:4], 3)
    if numbers is None:
        return None
    group = _sound(words[0], numbers[2], numbers[1], numbers[0])
    return Listed(group.name, group.count, group.first, group.last, words[4] if len(words) > 4 else "")


def _numbers(words: t.Sequence[str], wanted: int) -> t.Optional[t.List[int]]:
    if len(words) != wanted or not all(_NUMBER.match(word) for word in words):
        return None
    return [int(word) for word in words]


def _sound(name: str, count: int, first: int, last: int) -> Group:
    """Water marks that mean something, whatever overflow or emptiness makes of them."""
    first, last = max(first, 0), max(last, 0)
    if last < first or last == 0:
        first = max(first, 1)
        return Group(name, min(count, 0), first, first - 1)
    # an estimate, which is not above what there is room for
    return Group(name, count if count < 0 else min(count, last - first + 1), first, last)
