# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which articles are to be fetched, and what of them: the options of nntp_fetch as values that were checked.

Private to this collection.
"""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass

from .._errors import FleetproofError
from .._module import ArgumentSpec, Task
from .._values import max_listed_of, parse_size
from .names import group_name, message_id
from .options import NEWS
from .search import Search

_RANGE = re.compile(r"([0-9]{1,18})(?:(-)([0-9]{1,18})?)?\Z")
_KINDS = ("latest", "first", "new")
_WITHOUT_END = 10**18

SPEC = NEWS.merge(
    ArgumentSpec(
        argument_spec={
            "group": {"type": "str"},
            "articles": {"type": "list", "elements": "str", "default": ["latest"]},
            "count": {"type": "int"},
            "search": {
                "type": "dict",
                "options": {
                    "subject": {"type": "list", "elements": "str"},
                    "from": {"type": "list", "elements": "str"},
                    "body": {"type": "list", "elements": "str"},
                    "match": {"type": "str", "choices": ["all", "any"], "default": "all"},
                },
            },
            "threads": {"type": "bool", "default": False},
            "preview_lines": {"type": "int", "default": 20},
            "bodies": {"type": "str", "choices": ["none", "text", "all"], "default": "text"},
            "max_articles": {"type": "int", "default": 10000},
            "max_size": {"type": "str", "default": "64M"},
            "dest": {"type": "path"},
            "format": {"type": "str", "choices": ["maildir", "mbox", "eml"], "default": "maildir"},
            "state": {"type": "path"},
            "max_listed": {"type": "int", "default": 1000},
        },
    )
)


@dataclass(frozen=True)
class Request:
    """``kind``: latest, first, new, range (``first`` to ``last``) or ids (``ids``). ``check``: nothing is to change."""

    group: t.Optional[str]
    kind: str
    first: int
    last: int
    ids: t.List[str]
    count: t.Optional[int]
    search: Search
    threads: bool
    preview_lines: int
    bodies: str
    max_articles: int
    max_size: int
    dest: t.Optional[str]
    format: str
    state: t.Optional[str]
    max_listed: int
    check: bool

    @property
    def remembers(self) -> bool:
        """Whether the state has a part in it."""
        return self.dest is not None or self.kind == "new"

    @property
    def reads_whole(self) -> bool:
        """Whether every article that is meant is read whole."""
        return self.dest is not None or self.bodies != "none" or self.preview_lines > 0


def request_of(task: Task) -> Request:
    """The Request that the options of ``task`` make; FleetproofError (argument) where they make none."""
    params = task.params
    kind, first, last, ids = _articles(params["articles"])
    group = params["group"]
    if group is None and kind != "ids":
        raise FleetproofError("argument", "group is needed, unless articles are message ids")
    count = None if params["count"] is None else _at_least("count", params["count"], 1)
    if count is None and kind in ("latest", "first"):
        count = 1
    most = max_listed_of(params)
    if kind == "new" and params["dest"] is None and most >= 0:
        # what is not returned has not been told to anybody
        count = most if count is None else min(count, most)
    request = Request(
        group=None if group is None else group_name(group, "group"),
        kind=kind,
        first=first,
        last=last,
        ids=ids,
        count=count,
        search=Search(params["search"]),
        threads=params["threads"],
        preview_lines=_at_least("preview_lines", params["preview_lines"], 0),
        bodies=params["bodies"],
        max_articles=_at_least("max_articles", params["max_articles"], 1),
        max_size=parse_size(params["max_size"], "max_size"),
        dest=None if params["dest"] is None else os.path.abspath(params["dest"]),
        format=params["format"],
        state=params["state"],
        max_listed=most,
        check=task.check_mode,
    )
    if request.state is not None and not request.remembers:
        raise FleetproofError("argument", "state goes with dest or articles=new: otherwise there is nothing to remember")
    return request


def _articles(words: t.Sequence[str]) -> t.Tuple[str, int, int, t.List[str]]:
    if len(words) == 1:
        word = words[0].strip()
        if word in _KINDS:
            return word, 0, _WITHOUT_END, []
        match = _RANGE.match(word)
        if match is not None:
            first = int(match.group(1))
            last = int(match.group(3)) if match.group(3) else _WITHOUT_END if match.group(2) else first
            if first > last:
                raise FleetproofError("argument", "articles: %s ends before it begins" % word)
            return "range", first, last, []
    if not words or not all("@" in word for word in words):
        raise FleetproofError(
            "argument",
            "articles: %s is neither latest, first or new, nor a range such as 100-200 or 100-, nor message ids" % (", ".join(words) or "an empty list"),
        )
    return "ids", 0, 0, list(dict.fromkeys(message_id(word, "articles") for word in words))


def _at_least(name: str, value: int, least: int) -> int:
    if value < least:
        raise FleetproofError("argument", "%s: %d is less than %d" % (name, value, least))
    return value
