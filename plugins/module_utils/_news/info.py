# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job of nntp_info: what a news server has, can do, and has got since a time.

Private to this collection.
"""

from __future__ import annotations

import time
import typing as t

from .._message.dates import seconds_of
from .._message.matching import moment_of
from .._module import ArgumentSpec, Outcome, Task, stop_at
from .._values import display_name, iso_time, max_listed_of
from .client import NewsServer
from .groups import Group, Listed
from .names import Wildmat
from .options import NEWS, session_of
from .overview import Overview
from .session import Session

SPEC = NEWS.merge(
    ArgumentSpec(
        argument_spec={
            "groups": {"type": "list", "elements": "str", "default": ["*"]},
            "new_since": {"type": "str"},
            "max_listed": {"type": "int", "default": 1000},
        },
    )
)
_SKEWED = 60.0  # seconds that two clocks may differ before anybody is told
_WINDOW = 200  # articles that are looked at together, from the newest back

Row = t.Dict[str, t.Any]


def info(task: Task) -> Outcome:
    """What the server tells."""
    params = task.params
    wildmat = Wildmat(params["groups"], "groups")
    most = max_listed_of(params)
    now = time.time()
    since = None if params["new_since"] is None else moment_of(params["new_since"], "new_since", now)
    with session_of(params) as session:
        server = session.attempt(lambda found: found.facts())
        offset = session.attempt(_clock_offset)
        listed = session.attempt(lambda found: list(found.list_active(wildmat)))
        descriptions = session.attempt(lambda found: found.list_newsgroups(wildmat))
        listed = sorted({group.name: group for group in listed}.values(), key=lambda group: group.name)
        news = News(session, None if since is None else since + (offset or 0.0))
        news.look(listed, wildmat, most)
    shown, truncated = stop_at(listed, most)
    rows = [_row(group, descriptions.get(group.name, ""), news) for group in shown]
    result: Row = {
        "groups": rows,
        "new_groups": None if news.groups is None else [display_name(name) for name in news.groups],
        "updated_groups": None if since is None else [row["name"] for row in rows if row["new_articles"]],
        "new_articles_by": news.by,
        "counts": {"groups": len(listed), "new_articles": sum(news.articles.values())},
        "truncated": truncated,
        "server": {**server, "clock_offset": None if offset is None else round(offset)},
        "since": iso_time(since),
        "msg": "%d groups on %s" % (len(listed), session.where),
    }
    warnings = list(session.warnings)
    if offset is not None and abs(offset) > _SKEWED:
        warnings.append("The clock of %s is %d seconds %s of the clock of this host" % (session.where, abs(offset), "ahead" if offset > 0 else "short"))
    return Outcome(result=result, warnings=warnings)


class News:
    """What has come since ``since``, by the clock of the server; None: nobody asks.

    ``groups``: names of groups that were made since then; None where the server does not tell. ``articles``: how many are new, by
    group. ``by``: ``arrival`` where the server tells what has come (NEWNEWS), else ``date``: what the authors say of when they wrote.
    """

    def __init__(self, session: Session, since: t.Optional[float]) -> None:
        self._session = session
        self._since = since
        self.groups: t.Optional[t.List[str]] = None
        self.articles: t.Dict[str, int] = {}
        self.by: t.Optional[str] = None

    def look(self, listed: t.Sequence[Listed], wildmat: Wildmat, most: int) -> None:
        """Ask. Articles are counted in those groups alone that will be shown."""
        since = self._since
        if since is None:
            return
        found = self._session.attempt(lambda server: server.newgroups(since, wildmat))
        self.groups = None if found is None else sorted({group.name for group in found})
        arrived = self._session.attempt(lambda server: _arrived(server, wildmat, since))
        self.by = "date" if arrived is None else "arrival"
        for group in stop_at(list(listed), most)[0]:
            if arrived == 0 or group.last < group.first:
                self.articles[group.name] = 0
            elif arrived is None:
                self.articles[group.name] = self._session.attempt(lambda server, name=group.name: _written(server, name, since))  # type: ignore[misc]
            else:
                # the name of one group is a pattern that means it alone
                alone = Wildmat([group.name], "groups")
                self.articles[group.name] = self._session.attempt(lambda server, alone=alone: _arrived(server, alone, since)) or 0  # type: ignore[misc]


def _clock_offset(server: NewsServer) -> t.Optional[float]:
    """Seconds that the clock of the server is ahead of ours; None when it does not tell."""
    before = time.time()
    told = server.date()
    # it tells whole seconds
    return None if told is None else told + 0.5 - (before + time.time()) / 2


def _arrived(server: NewsServer, wildmat: Wildmat, since: float) -> t.Optional[int]:
    if server.capabilities is not None and "NEWNEWS" not in server.capabilities:
        return None
    found = server.newnews(wildmat, since)
    return None if found is None else len(found)


def _written(server: NewsServer, name: str, since: float) -> int:
    """How many of the newest articles say that they were written since then, up to the first portion in which none does."""
    group: Group = server.group(name)
    count, last = 0, group.last
    while last >= group.first:
        first = max(group.first, last - _WINDOW + 1)
        lines = list(server.over(first, last))
        dates = [seconds_of(line.date) for line in lines if isinstance(line, Overview)]
        new = sum(1 for date in dates if date is not None and date >= since)
        count += new
        if lines and not new:
            break
        last = first - 1
        if not lines and first > group.first:
            # there may be millions of numbers without an article
            last = max(server.numbers(group.first, last), default=0)
    return count


def _row(group: Listed, description: str, news: News) -> Row:
    return {
        "name": display_name(group.name),
        "count": max(0, group.last - group.first + 1) if group.count < 0 else group.count,
        "first": group.first,
        "last": group.last,
        "status": display_name(group.status),
        "description": display_name(description),
        "new": None if news.groups is None else group.name in news.groups,
        "new_articles": news.articles.get(group.name),
    }
