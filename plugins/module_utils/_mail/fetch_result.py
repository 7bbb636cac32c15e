# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run of fetching found and did, as its result tells it.

Private to this collection.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError
from .._module import stop_at
from .._values import display_name

_MOST_TEXT = 67108864  # characters of all texts that are returned together

Record = t.Dict[str, t.Any]


class Findings:
    """Gathers while messages are gone through. Counts are of everything, lists stop at ``max_listed``."""

    def __init__(self, max_listed: int) -> None:
        self.messages: t.List[Record] = []
        self.skipped: t.List[Record] = []
        self.broken: t.List[Record] = []
        self.failed: t.List[Record] = []
        self.deleted: t.List[str] = []
        self.saved = False
        self.first_failure: t.Optional[FleetproofError] = None
        self.counts = {"matched": 0, "fetched": 0, "bytes": 0, "attachments": 0, "skipped": 0, "broken": 0, "failed": 0, "deleted": 0}
        self._max_listed = max_listed
        self._text_left = _MOST_TEXT
        self._truncated = False

    @property
    def has_room(self) -> bool:
        """Whether one more message will be listed."""
        return self._max_listed < 0 or len(self.messages) < self._max_listed

    def add(self, record: Record) -> None:
        """A message that matches; what is too much text to be returned is left out of it."""
        if not self.has_room:
            self._truncated = True
            return
        for name in ("text", "html"):
            if len(record[name]) > self._text_left:
                record[name] = ""
                self._truncated = True
            self._text_left -= len(record[name])
        self.messages.append(record)

    def skip(self, key: str, size: int, reason: str) -> None:
        """A message that matches as far as that can be told, and is not fetched."""
        self.counts["skipped"] += 1
        self.skipped.append({"id": key, "size": size, "reason": reason})

    def breaks(self, key: str, reason: str, path: t.Optional[str]) -> None:
        """A message that could not be read in all its parts."""
        self.counts["broken"] += 1
        self.broken.append({"id": key, "reason": reason, "path": path})

    def fail(self, key: str, error: FleetproofError) -> None:
        """A message that the server does not hand out."""
        self.counts["failed"] += 1
        self.failed.append({"id": key, "kind": error.kind, "reason": error.message})
        self.first_failure = self.first_failure or error

    def delete(self, keys: t.Sequence[str]) -> None:
        """Messages that are not on the server any more, by our doing."""
        self.counts["deleted"] += len(keys)
        self.deleted.extend(keys)

    def as_result(self) -> t.Dict[str, t.Any]:
        """Lists, counts and ``truncated``."""
        result: t.Dict[str, t.Any] = {"messages": self.messages, "counts": self.counts}
        truncated = self._truncated
        for name in ("skipped", "broken", "failed", "deleted"):
            # "skipped" and "failed" themselves mean something to Ansible
            key = name + "_messages" if name in ("skipped", "failed") else name
            result[key], cut = stop_at(getattr(self, name), self._max_listed)
            truncated = truncated or cut
        result["truncated"] = truncated
        return result

    def diff(self, where: str, dest: t.Optional[str]) -> t.List[t.Dict[str, t.Any]]:
        """What comes to be at ``dest``, and what goes from the server, one line for each message."""
        found: t.List[t.Dict[str, t.Any]] = []
        if dest is not None and self.counts["fetched"]:
            lines = [_line(record) for record in self.messages]
            more = self.counts["fetched"] - len(lines)
            lines += ["and %d more\n" % more] if more > 0 else []
            found.append({"before": "", "after": "".join(lines), "before_header": dest, "after_header": dest})
        if self.deleted:
            kept, cut = stop_at(self.deleted, self._max_listed)
            lines = ["%s\n" % display_name(key) for key in kept] + (["and %d more\n" % (len(self.deleted) - len(kept))] if cut else [])
            found.append({"before": "".join(lines), "after": "", "before_header": where, "after_header": where})
        return found


def _line(record: Record) -> str:
    return "%s %s: %s (%d bytes)\n" % (record["id"], display_name(record["from"]), display_name(record["subject"]), record["size"])
