# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run of nntp_fetch found and did, as its result tells it.

Private to this collection.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError
from .._message.fields import Fields
from .._message.parse import Message
from .._message.record import record_of, record_of_fields
from .._module import stop_at
from .._values import display_name
from .overview import Overview
from .preview import preview_of
from .threads import threads_of

_MOST_TEXT = 67108864  # characters of all texts that are returned together
_LISTS = ("skipped", "broken", "failed")

Record = t.Dict[str, t.Any]


class Findings:
    """Gathers while articles are gone through. Counts are of everything, lists stop at ``max_listed``."""

    def __init__(self, max_listed: int) -> None:
        self.counts = {"looked_at": 0, "matched": 0, "fetched": 0, "bytes": 0, "skipped": 0, "broken": 0, "failed": 0}
        self.first_failure: t.Optional[FleetproofError] = None
        self.truncated = False
        self._messages: t.List[Record] = []
        self._found: t.List[Overview] = []
        self._rows: t.Dict[str, t.List[Record]] = {name: [] for name in _LISTS}
        self._max_listed = max_listed
        self._text_left = _MOST_TEXT

    def add(self, overview: Overview, record: Record) -> None:
        """An article that is meant; what is too much text to be returned is left out."""
        self.counts["matched"] += 1
        self._found.append(overview)
        if 0 <= self._max_listed <= len(self._messages):
            self.truncated = True
            return
        for name in ("text", "html"):
            if len(record[name]) > self._text_left:
                record[name] = ""
                self.truncated = True
            self._text_left -= len(record[name])
        self._messages.append(record)

    def skip(self, overview: Overview, reason: str) -> None:
        """An article that is not there any more, or too large."""
        self._row("skipped", overview, size=max(0, overview.size), reason=reason)

    def breaks(self, number: t.Optional[int], message_id: str, reason: str, path: t.Optional[str]) -> None:
        """What could not be read, or not in all its parts."""
        self.counts["broken"] += 1
        self._rows["broken"].append({"id": display_name(message_id), "number": number or None, "reason": reason, "path": path})

    def fail(self, overview: Overview, error: FleetproofError) -> None:
        """An article that the server does not hand out."""
        self._row("failed", overview, kind=error.kind, reason=error.message)
        self.first_failure = self.first_failure or error

    def _row(self, name: str, overview: Overview, **more: t.Any) -> None:
        self.counts[name] += 1
        self._rows[name].append({"id": display_name(overview.message_id), "number": overview.number or None, **more})

    def as_result(self, newest_first: bool, threads: bool) -> t.Dict[str, t.Any]:
        """Lists, counts and ``truncated``; articles were added newest first, or they are in order."""
        step = -1 if newest_first else 1
        result: t.Dict[str, t.Any] = {"messages": self._messages[::step], "counts": self.counts, "threads": []}
        truncated = self.truncated
        for name in _LISTS:
            # "skipped" and "failed" themselves mean something to Ansible
            result[name if name == "broken" else name + "_articles"], cut = stop_at(self._rows[name], self._max_listed)
            truncated = truncated or cut
        if threads:
            result["threads"], cut = stop_at(threads_of(self._found[::step]), self._max_listed)
            truncated = truncated or cut
        result["truncated"] = truncated
        return result

    def diff(self, dest: str) -> t.Optional[t.Dict[str, t.Any]]:
        """What comes to be at ``dest``, one line for each article."""
        if not self.counts["fetched"]:
            return None
        lines = ["%s %s: %s (%d bytes)\n" % (row["id"], display_name(row["from"]), display_name(row["subject"]), row["size"]) for row in self._messages]
        more = self.counts["fetched"] - len(lines)
        lines += ["and %d more\n" % more] if more > 0 else []
        return {"before": "", "after": "".join(lines), "before_header": dest, "after_header": dest}


def record_of_article(overview: Overview, message: Message, bodies: str, preview_lines: int) -> Record:
    """The entry of RV(messages) for an article that was read whole."""
    size = len(message.raw)
    record = record_of(overview.message_id, message, size, bodies)
    body = message.raw.partition(b"\r\n\r\n")[2]
    return _with_news(record, overview, preview_of(message.text, preview_lines), body.count(b"\n"))


def record_of_overview(overview: Overview) -> Record:
    """The same where nothing was read but what the server tells in a list."""
    values = {
        "From": overview.sender,
        "Subject": overview.subject,
        "Date": overview.date,
        "Message-ID": overview.message_id,
        "References": " ".join(overview.references),
    }
    fields = Fields([(name, value.encode("utf-8", "surrogateescape")) for name, value in values.items() if value])
    return _with_news(record_of_fields(overview.message_id, fields, max(0, overview.size)), overview, [], max(0, overview.lines))


def _with_news(record: Record, overview: Overview, preview: t.List[str], lines: int) -> Record:
    record.update(number=overview.number or None, references=overview.references, preview=preview, lines=lines)
    return record
