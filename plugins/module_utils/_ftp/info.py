# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job of ftp_info: from its options to its result.

Private to this collection.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError
from .._filter import compile_filter
from .._module import ArgumentSpec, Outcome, Task
from .._values import display_name, exact_time, max_listed_of
from .client import Client
from .entries import DIRECTORY, FILE, SECOND, SPECIAL, SYMLINK, TYPES, Entry
from .options import SITE, site_of
from .paths import below, name_of, parent_of, server_path, shown
from .session import Session, stat
from .walk import Keep, Walk

SPEC = SITE.merge(
    ArgumentSpec(
        argument_spec={
            "path": {"type": "str", "default": "."},
            "recursive": {"type": "bool", "default": False},
            "include": {"type": "list", "elements": "str", "default": []},
            "exclude": {"type": "list", "elements": "str", "default": []},
            "max_listed": {"type": "int", "default": 1000},
        },
    )
)

_COUNTED = {FILE: "files", DIRECTORY: "directories", SYMLINK: "symlinks", SPECIAL: "special"}
_WARNED = 10
T = t.TypeVar("T")


def info(task: Task) -> Outcome:
    """What the server is, and what lies at the path."""
    params = task.params
    path = server_path(params["path"], "path")
    keep = compile_filter(params["include"], params["exclude"])
    rows = _Rows(max_listed_of(params))
    site, warnings = site_of(params)
    with Session(site) as session:
        result = session.attempt(_server)
        walk = _look(session, path, keep, params["recursive"], rows)
    rows.counts["refused"] = len(walk.refused)
    rows.counts["failed"] = len(walk.unread)
    result.update(
        entries=rows.rows,
        counts=rows.counts,
        refused=rows.cut([{"path": display_name(where), "reason": reason} for where, reason in walk.refused]),
        failed_files=rows.cut([{"path": display_name(where), "kind": error.kind, "reason": error.message} for where, error in walk.unread]),
        msg="%d entries in %s of %s" % (rows.total, shown(path), site.endpoint.where),
    )
    result["truncated"] = rows.truncated
    return Outcome(result=result, warnings=[*warnings, *session.warnings, *_loops(walk, path)], failure=_failure(walk))


def _server(client: Client) -> t.Dict[str, t.Any]:
    return {
        "welcome": [display_name(line) for line in client.welcome],
        "system": display_name(client.system()),
        "features": client.features.as_result(),
    }


def _look(session: Session, path: str, keep: t.Optional[Keep], recursive: bool, rows: _Rows) -> Walk:
    """Put what lies at the path into ``rows``."""
    walk = Walk(lambda folder: session.attempt(lambda client: client.list(folder)), keep, recursive)
    entry = session.attempt(lambda client: stat(client, path))
    if entry is None:
        raise FleetproofError("not_found", "There is nothing at %s on %s: look at path" % (shown(path), session.site.endpoint.where))
    if entry.kind == SYMLINK and session.attempt(lambda client: client.list(path)) is not None:
        # What the user names is looked into, by whatever name.
        entry = entry._replace(kind=DIRECTORY)
    if entry.kind == DIRECTORY:
        for where, found in walk.go(path, entry.unique):
            rows.add(where, found)
    else:
        rows.add(name_of(path), session.attempt(lambda client: _whole(client, path, entry)))
    return walk


def _whole(client: Client, path: str, entry: Entry) -> Entry:
    """``entry`` with what its directory tells of it, where there is no MLST."""
    listing = None if client.features.mlsd else client.list(parent_of(path))
    found = None if listing is None else listing.entries.get(name_of(path))
    if found is None:
        return entry
    if found.size < 0 <= entry.size:
        found = found._replace(size=entry.size)
    return found if entry.mtime is None else found._replace(mtime=entry.mtime, precision=entry.precision)


def _loops(walk: Walk, path: str) -> t.List[str]:
    """Warnings, not more than somebody will read."""
    told = ["%s is a directory above itself, so it was not entered" % display_name(below(path, where)) for where in walk.loops[:_WARNED]]
    more = len(walk.loops) - len(told)
    return [*told, "%d more directories are directories above themselves and were not entered" % more] if more else told


def _failure(walk: Walk) -> t.Optional[FleetproofError]:
    if not walk.unread:
        return None
    first = walk.unread[0][1]
    if len(walk.unread) == 1:
        return first
    return FleetproofError(first.kind, "%d directories could not be listed, see failed_files; the first: %s" % (len(walk.unread), first.message))


class _Rows:
    """Entries as results show them, up to a number; counts are of all."""

    def __init__(self, max_listed: int) -> None:
        self.rows: t.List[t.Dict[str, t.Any]] = []
        self.counts = dict.fromkeys((*_COUNTED.values(), "bytes", "refused", "failed"), 0)
        self.total = 0
        self.truncated = False
        self._most = max_listed

    def add(self, path: str, entry: Entry) -> None:
        """One more."""
        self.total += 1
        self.counts[_COUNTED[entry.kind]] += 1
        self.counts["bytes"] += max(0, entry.size)
        if 0 <= self._most <= len(self.rows):
            self.truncated = True
            return
        self.rows.append(as_row(path, entry))

    def cut(self, items: t.List[T]) -> t.List[T]:
        """As many of another list."""
        if 0 <= self._most < len(items):
            self.truncated = True
            return items[: self._most]
        return items


def as_row(path: str, entry: Entry) -> t.Dict[str, t.Any]:
    """An item of RV(entries); what the server did not tell is null."""
    row: t.Dict[str, t.Any] = {
        "path": display_name(path),
        "type": TYPES[entry.kind],
        "size": None if entry.size < 0 else entry.size,
        "mtime": None if entry.mtime is None else exact_time(entry.mtime),
        "mtime_precision": None if entry.mtime is None else max(1, entry.precision // SECOND),
        "mode": None if entry.mode is None else "%04o" % entry.mode,
        "owner": display_name(entry.owner) or None,
        "group": display_name(entry.group) or None,
        "unique": display_name(entry.unique) or None,
    }
    if entry.kind == SYMLINK:
        row["target"] = display_name(entry.target) or None
    return row
