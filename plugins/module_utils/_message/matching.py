# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which messages are wanted: the option ``match`` of what fetches mail.

Private to this collection. Pure. Text is matched by regular expressions (re.search) without regard to case, in the header
as it is shown to people: decoded, on one line. What all conditions hold for is wanted.
"""

from __future__ import annotations

import datetime
import re
import time
import typing as t

from .._errors import FleetproofError
from .._values import parse_duration, parse_size
from .dates import seconds_of
from .fields import Fields
from .parse import Message
from .record import message_id_of

_HEADERS = {"from": ("from",), "to": ("to", "cc"), "subject": ("subject",)}
_MOMENT = re.compile(
    r"\A([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]+)?)?\s*(Z|[+-][0-9]{2}:?[0-9]{2})?)?\Z", re.IGNORECASE
)
_ID = re.compile(r"\A<[^<>\s]+>\Z")
_LATEST = 86400.0  # seconds from now on that a date may be ahead: clocks are wrong, and senders lie
_CHECKED = ("from", "to", "subject", "message_id", "since", "header", "body", "larger", "smaller")


class Matcher:
    """The conditions of ``match``; without any, all messages are wanted."""

    def __init__(self, match: t.Optional[t.Mapping[str, t.Any]] = None, now: t.Optional[float] = None) -> None:
        given = {name: value for name, value in (match or {}).items() if value is not None}
        self._headers = [(names, _pattern("match.%s" % key, given[key])) for key, names in _HEADERS.items() if key in given]
        self._headers += [((str(name),), _pattern("match.header.%s" % name, value)) for name, value in given.get("header", {}).items()]
        self._exact_id = str(given.get("message_id", ""))
        self._message_id = _id_pattern(self._exact_id) if "message_id" in given else None
        self._body = _pattern("match.body", given["body"], re.MULTILINE) if "body" in given else None
        self._larger = parse_size(given["larger"], "match.larger") if "larger" in given else None
        self._smaller = parse_size(given["smaller"], "match.smaller") if "smaller" in given else None
        self._since = moment_of(given["since"], "match.since", time.time() if now is None else now) if "since" in given else None
        self._given = given

    @property
    def needs_head(self) -> bool:
        """Whether the header has to be read."""
        return bool(self._headers) or self._message_id is not None or self._since is not None

    @property
    def needs_body(self) -> bool:
        """Whether the whole message has to be read."""
        return self._body is not None

    def sized(self, size: int) -> bool:
        """Whether the size, in octets, is right; one that is not known (-1) is."""
        return size < 0 or ((self._larger is None or size > self._larger) and (self._smaller is None or size < self._smaller))

    def head(self, fields: Fields, size: int) -> bool:
        """Whether size and header are right."""
        if not self.sized(size):
            return False
        for names, pattern in self._headers:
            if not any(pattern.search(value) for name in names for value in fields.all(name)):
                return False
        if self._message_id is not None:
            found = message_id_of(fields)
            if found != self._exact_id and not self._message_id.search(found):
                return False
        if self._since is None:
            return True
        date = date_of(fields)
        return date is not None and date >= self._since

    def body(self, message: Message) -> bool:
        """Whether the text of the message is right."""
        return self._body is None or self._body.search(message.text) is not None

    def __str__(self) -> str:
        """For sentences; empty without conditions."""
        return ", ".join("%s: %s" % (name, self._given[name]) for name in _CHECKED if name in self._given)


def date_of(fields: Fields) -> t.Optional[float]:
    """When the message was sent (Date), or came (the newest Received) where that is missing or nonsense; seconds since the epoch."""
    date = seconds_of(fields.first("date"))
    return arrival_of(fields) if date is None else date


def arrival_of(fields: Fields) -> t.Optional[float]:
    """When the message came, by the newest Received, else by Date; None where neither makes sense."""
    for text in (fields.first("received").rpartition(";")[2], fields.first("date")):
        found = seconds_of(text.strip())
        if found is not None and 0 < found < time.time() + _LATEST:
            return found
    return None


def _pattern(what: str, text: t.Any, flags: int = 0) -> t.Pattern[str]:
    try:
        return re.compile(str(text), re.IGNORECASE | flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise FleetproofError("argument", "%s: %r is not a regular expression (%s)" % (what, str(text), error)) from error


def _id_pattern(text: str) -> t.Pattern[str]:
    try:
        return _pattern("match.message_id", text)
    except FleetproofError:
        # ids may have brackets in them, and each is to be found as it is
        if not _ID.match(text):
            raise
        return re.compile(re.escape(text), re.IGNORECASE)


def moment_of(text: t.Any, what: str, now: float) -> float:
    """Seconds since the epoch from a date, a date with time (UTC unless it has an offset), or an age such as ``2d``."""
    match = _MOMENT.match(str(text).strip())
    if match is None:
        try:
            return now - parse_duration(text, what)
        except FleetproofError as error:
            raise FleetproofError("argument", "%s: %r is neither a time such as 2026-02-03T04:05:06Z nor an age such as 2d" % (what, str(text))) from error
    year, month, day, hour, minute, second, zone = match.groups()
    try:
        moment = datetime.datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=datetime.timezone.utc)
        return moment.timestamp() - _offset(zone)
    except (ValueError, OverflowError) as error:
        raise FleetproofError("argument", "%s: %r is no time that the calendar has" % (what, str(text))) from error


def _offset(zone: t.Optional[str]) -> float:
    if not zone or zone.upper() == "Z":
        return 0.0
    digits = zone[1:].replace(":", "")
    seconds = 3600.0 * int(digits[:2]) + 60.0 * int(digits[2:])
    return -seconds if zone[0] == "-" else seconds
