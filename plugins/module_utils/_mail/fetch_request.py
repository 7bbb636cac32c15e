# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be fetched, and where to: the options of fetching as values that were checked.

Private to this collection.
"""

from __future__ import annotations

import math
import os
import typing as t
from dataclasses import dataclass

from .._errors import FleetproofError
from .._message.matching import Matcher
from .._message.parse import Limits
from .._module import Task
from .._values import max_listed_of, parse_duration, parse_size

_LONGEST_WAIT = 604800  # seconds


@dataclass(frozen=True)
class Request:
    """``delete_after``: seconds since a message was fetched, 0 for at once, None for never. ``check``: nothing is to change."""

    dest: t.Optional[str]
    format: str
    matcher: Matcher
    max_messages: t.Optional[int]
    max_size: int
    limits: Limits
    newest_first: bool
    state: t.Optional[str]
    delete_after: t.Optional[float]
    wait: float
    min_messages: int
    attachments_dest: t.Optional[str]
    patterns: t.List[str]
    bodies: str
    max_listed: int
    retries: int
    check: bool

    @property
    def remembers(self) -> bool:
        """Whether the state has a part in it."""
        return self.dest is not None or self.attachments_dest is not None

    @property
    def reads_whole(self) -> bool:
        """Whether what matches is read whole in any case."""
        if self.check and self.dest is not None:
            return self.matcher.needs_body
        return self.remembers or self.matcher.needs_body


def request_of(task: Task) -> Request:
    """The Request that the options of ``task`` make; FleetproofError (argument) where they make none."""
    params = task.params
    if params["state"] is not None and params["dest"] is None and params["attachments_dest"] is None:
        raise FleetproofError("argument", "state goes with dest or attachments_dest: without them nothing is fetched that could be remembered")
    request = Request(
        dest=None if params["dest"] is None else os.path.abspath(params["dest"]),
        format=params["format"],
        matcher=Matcher(params["match"]),
        max_messages=params["max_messages"],
        max_size=parse_size(params["max_size"], "max_size"),
        limits=Limits(_at_least(params, "max_parts", 1), _at_least(params, "max_depth", 1)),
        newest_first=params["order"] == "newest",
        state=params["state"],
        delete_after=_delete_after(params),
        wait=_wait(params),
        min_messages=_at_least(params, "min_messages", 1),
        attachments_dest=params["attachments_dest"],
        patterns=params["attachments"],
        bodies=params["bodies"],
        max_listed=max_listed_of(params),
        retries=params["retries"],
        check=task.check_mode,
    )
    if request.max_messages is not None and _at_least(params, "max_messages", 1) < request.min_messages:
        raise FleetproofError("argument", "min_messages is %d, which is more than max_messages allows" % request.min_messages)
    return request


def _at_least(params: t.Mapping[str, t.Any], name: str, least: int) -> int:
    if params[name] < least:
        raise FleetproofError("argument", "%s: %d is less than %d" % (name, params[name], least))
    return int(params[name])


def _delete_after(params: t.Mapping[str, t.Any]) -> t.Optional[float]:
    text = params["delete"].strip().lower()
    if text == "never":
        return None
    if params["dest"] is None:
        raise FleetproofError("argument", "delete needs dest: a message is deleted on the server only when it is safe on disk")
    if text == "fetched":
        return 0.0
    try:
        return parse_duration(text, "delete")
    except FleetproofError as error:
        raise FleetproofError("argument", "delete: %r is neither never nor fetched nor an age such as 30d" % params["delete"]) from error


def _wait(params: t.Mapping[str, t.Any]) -> float:
    if not (math.isfinite(params["wait"]) and 0 <= params["wait"] <= _LONGEST_WAIT):
        raise FleetproofError("argument", "wait must be from 0 to %d seconds" % _LONGEST_WAIT)
    return float(params["wait"])
