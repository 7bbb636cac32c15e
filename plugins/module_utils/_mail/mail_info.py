# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job of mail_info: from its options to its result.

Private to this collection.
"""

from __future__ import annotations

import os
import typing as t

from .._errors import FleetproofError
from .._message.matching import Matcher
from .._message.parse import Limits, Message, parse
from .._message.record import message_id_of, record_of
from .._module import ArgumentSpec, Outcome, Task, stop_at
from .._values import display_name, max_listed_of, parse_size
from .compare import Comparison, compare
from .findings import score
from .hops import hops_of, total_delay
from .inspect import Keyword, inspect, keywords_of
from .mail_files import Mailbox, Place, open_mailbox
from .match_options import MATCH

SPEC = ArgumentSpec(
    argument_spec={
        "path": {"type": "path", "required": True},
        "format": {"type": "str", "choices": ["auto", "eml", "mbox", "mboxo", "maildir"], "default": "auto"},
        "match": {"type": "dict", "options": MATCH},
        "order": {"type": "str", "choices": ["newest", "oldest"], "default": "newest"},
        "max_messages": {"type": "int"},
        "max_size": {"type": "str", "default": "64M"},
        "max_parts": {"type": "int", "default": 1000},
        "max_depth": {"type": "int", "default": 50},
        "bodies": {"type": "str", "choices": ["none", "text", "all"], "default": "text"},
        # words to look for, no secret
        "keywords": {"type": "list", "elements": "str", "default": [], "no_log": False},
        "trusted_authserv": {"type": "list", "elements": "str", "default": []},
        "compare_with": {"type": "path"},
        "ignore_headers": {"type": "list", "elements": "str", "default": []},
        "max_listed": {"type": "int", "default": 1000},
    }
)


class Wanted(t.NamedTuple):
    """The options, checked and read. ``max_messages`` and ``max_listed`` are -1 for all."""

    matcher: Matcher
    max_messages: int
    max_size: int
    limits: Limits
    bodies: str
    keywords: t.List[Keyword]
    trusted: t.List[str]
    max_listed: int


def mail_info(task: Task) -> Outcome:
    """What there is to know about the messages at the path."""
    params = task.params
    wanted = _wanted(params)
    reference = None if params["compare_with"] is None else _Reference(params["compare_with"], params["ignore_headers"], wanted)
    mailbox = open_mailbox(params["path"], params["format"])
    survey = _Survey(mailbox, wanted, reference)
    survey.go(mailbox.places if params["order"] == "oldest" else mailbox.places[::-1])
    result = survey.result()
    result["msg"] = "%d of %d messages in the %s %s" % (survey.counts["messages"], survey.counts["found"], mailbox.kind, display_name(params["path"]))
    if reference is not None:
        result.update(reference.result(mailbox.path))
    return Outcome(result=result, failure=survey.failure())


def _wanted(params: t.Mapping[str, t.Any]) -> Wanted:
    for name in ("max_parts", "max_depth"):
        if params[name] < 1:
            raise FleetproofError("argument", "%s: %d is not a number from 1 on" % (name, params[name]))
    most = params["max_messages"]
    if most is not None and most < 0:
        raise FleetproofError("argument", "max_messages: %d is not a number of messages" % most)
    return Wanted(
        Matcher(params["match"]),
        -1 if most is None else most,
        parse_size(params["max_size"], "max_size"),
        Limits(params["max_parts"], params["max_depth"]),
        params["bodies"],
        keywords_of(params["keywords"]),
        params["trusted_authserv"],
        max_listed_of(params),
    )


class _Survey:
    """Reads the messages one by one and keeps what results show."""

    def __init__(self, mailbox: Mailbox, wanted: Wanted, reference: t.Optional[_Reference]) -> None:
        self._mailbox = mailbox
        self._wanted = wanted
        self._reference = reference
        self._messages: t.List[t.Dict[str, t.Any]] = []
        self._left_out: t.List[t.Dict[str, t.Any]] = [
            {"id": None, "path": display_name(path), "offset": None, "size": None, "reason": reason} for path, reason in mailbox.left_out
        ]
        self._broken: t.List[t.Dict[str, t.Any]] = []
        self._unread: t.List[FleetproofError] = []
        self.counts = {"found": len(mailbox.places), "messages": 0, "not_matched": 0, "skipped": len(self._left_out), "broken": 0, "vanished": 0}

    def go(self, places: t.Sequence[Place]) -> None:
        """Look at messages in this order until there are enough."""
        for place in places:
            if self.counts["messages"] == self._wanted.max_messages:
                break
            if place.length > self._wanted.max_size:
                self.counts["skipped"] += 1
                self._left_out.append({**_where(place), "size": place.length, "reason": "it is larger than max_size"})
                continue
            try:
                raw = self._mailbox.read(place, self._wanted.max_size)
            except FleetproofError as error:
                self._break(place, error.kind, error.message)
                self._unread.append(error)
                continue
            if raw is None:
                self.counts["vanished"] += 1
            else:
                self._look(place, raw)

    def _look(self, place: Place, raw: bytes) -> None:
        message = parse(raw, self._wanted.limits)
        if not message.fields.items():
            self._break(place, "protocol", "it has no header, so it is no message")
            return
        if not self._wanted.matcher.head(message.fields, len(raw)) or not self._wanted.matcher.body(message):
            self.counts["not_matched"] += 1
            return
        self.counts["messages"] += 1
        if self._reference is not None:
            self._reference.consider(place, message)
        if self._wanted.max_listed < 0 or len(self._messages) < self._wanted.max_listed:
            self._messages.append(self._record(place, message))

    def _record(self, place: Place, message: Message) -> t.Dict[str, t.Any]:
        hops = hops_of(message.fields)
        findings = inspect(message, hops, self._wanted.keywords, self._wanted.trusted)
        record = record_of(display_name(place.key), message, len(message.raw), self._wanted.bodies)
        record.update(
            _where(place),
            flags=place.flags,
            hops=[hop.as_result() for hop in hops],
            delay=total_delay(message.fields, hops),
            findings=[found.as_result() for found in findings],
            score=score(findings),
            defects=message.defects,
        )
        return record

    def _break(self, place: Place, kind: str, reason: str) -> None:
        self.counts["broken"] += 1
        self._broken.append({**_where(place), "kind": kind, "reason": reason})

    def result(self) -> t.Dict[str, t.Any]:
        """What was found."""
        left_out, more_left_out = stop_at(self._left_out, self._wanted.max_listed)
        broken, more_broken = stop_at(self._broken, self._wanted.max_listed)
        return {
            "format": self._mailbox.kind,
            "messages": self._messages,
            # "skipped" itself would make the task a skipped one
            "skipped_messages": left_out,
            "broken": broken,
            "counts": self.counts,
            "truncated": more_left_out or more_broken or self.counts["messages"] > len(self._messages),
        }

    def failure(self) -> t.Optional[FleetproofError]:
        """The task fails when a message could not be read: nobody knows what is in it."""
        if len(self._unread) < 2:
            return self._unread[0] if self._unread else None
        first = self._unread[0]
        return FleetproofError(first.kind, "%d messages could not be read, see broken; the first: %s" % (len(self._unread), first.message))


def _where(place: Place) -> t.Dict[str, t.Any]:
    return {"id": display_name(place.key), "path": display_name(place.path), "offset": place.offset}


class _Reference:
    """The message to compare with, and the one of the mailbox that is the same: by its Message-ID, or because there is no other."""

    def __init__(self, path: str, ignore_headers: t.List[str], wanted: Wanted) -> None:
        mailbox = open_mailbox(path, "auto", "compare_with")
        if len(mailbox.places) != 1:
            raise FleetproofError("argument", "compare_with: %s has %d messages, and must have one" % (display_name(path), len(mailbox.places)))
        raw = mailbox.read(mailbox.places[0], max(wanted.max_size, mailbox.places[0].length))
        if raw is None:
            raise FleetproofError("not_found", "compare_with: there is nothing at %s any more" % display_name(path))
        self._place = mailbox.places[0]
        self._message = parse(raw, wanted.limits)
        self._id = message_id_of(self._message.fields)
        self._ignore = ignore_headers
        self._first: t.Optional[t.Tuple[Place, Message]] = None
        self._count = 0
        self._is_found = False

    def consider(self, place: Place, message: Message) -> None:
        """Take ``message`` if it is the one."""
        self._count += 1
        is_itself = os.path.realpath(place.path) == self._place.path and place.offset == self._place.offset
        is_same = bool(self._id) and message_id_of(message.fields) == self._id and not is_itself
        if (is_same and not self._is_found) or self._first is None:
            self._first = (place, message)
        self._is_found = self._is_found or is_same

    def result(self, path: str) -> t.Dict[str, t.Any]:
        """What the way did: the message with more Received fields is the one that went further, else the one at ``path``."""
        if self._first is None or (self._count > 1 and not self._is_found):
            raise FleetproofError("not_found", "There is no message with the Message-ID %s of compare_with in %s" % (self._id or "(none)", display_name(path)))
        place, message = self._first
        sent, read = (self._place, self._message), (place, message)
        if len(self._message.fields.raw("Received")) > len(message.fields.raw("Received")):
            sent, read = read, sent
        found: Comparison = compare(sent[1], read[1], self._ignore)
        return {**found.as_result(), "compared": {"sent": _where(sent[0]), "read": _where(read[0])}}
