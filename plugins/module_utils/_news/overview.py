# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server tells of articles without sending them: lines of OVER and XOVER (RFC 3977, section 8.3; RFC 2980, section 2.8).

Private to this collection. Pure.
"""

from __future__ import annotations

import re
import typing as t

from .._message.fields import Fields, parse_fields
from .._message.record import message_id_of
from .._message.words import decode_value
from .._values import display_name
from .names import is_message_id

_ID = re.compile(r"<[^<>\s]+>")
_NUMBER = re.compile(rb"[0-9]{1,18}\Z")
_FIELDS = 8  # number, subject, from, date, message id, references, octets, lines; more may follow


class Overview(t.NamedTuple):
    """An article: ``number`` in its group, header fields as text, ``references`` the oldest first, ``size`` in octets; -1 where not told."""

    number: int
    subject: str
    sender: str
    date: str
    message_id: str
    references: t.List[str]
    size: int
    lines: int


class BrokenLine(t.NamedTuple):
    """A line that tells nothing: the number of the article if that can be read, and what is wrong."""

    number: t.Optional[int]
    reason: str


def read_line(line: bytes, first: int, last: int) -> t.Union[Overview, BrokenLine]:
    """The line of one article; its number must be between ``first`` and ``last``."""
    fields = line.split(b"\t")
    number = int(fields[0]) if _NUMBER.match(fields[0]) else None
    shown = display_name(line[:80])
    if number is None:
        return BrokenLine(None, "the overview line has no number: %s" % shown)
    if not first <= number <= last:
        return BrokenLine(number, "the overview line is of an article that was not asked for")
    if len(fields) < _FIELDS - 3:
        return BrokenLine(number, "the overview line has %d fields instead of %d: %s" % (len(fields), _FIELDS, shown))
    fields += [b""] * (_FIELDS - len(fields))
    message_id = fields[4].decode("utf-8", "replace").strip()
    if not is_message_id(message_id):
        return BrokenLine(number, "the overview line has no message id: %s" % shown)
    return Overview(
        number, decode_value(fields[1]), decode_value(fields[2]), decode_value(fields[3]), message_id, ids_of(fields[5]), _count(fields[6]), _count(fields[7])
    )


def of_header(raw: bytes, number: int) -> Overview:
    """The same from the header of the article (HEAD)."""
    fields = parse_fields(raw)[0]
    return Overview(
        number,
        fields.first("subject"),
        fields.first("from"),
        fields.first("date"),
        message_id_of(fields),
        references_of(fields),
        -1,
        _count(fields.first("lines").encode("ascii", "replace")),
    )


def references_of(fields: Fields) -> t.List[str]:
    """The ids of the articles that this one goes back to, the oldest first; by In-Reply-To where mail has been turned into news."""
    for name in ("references", "in-reply-to"):
        found = ids_of(b" ".join(fields.raw(name)))
        if found:
            return found
    return []


def ids_of(raw: bytes) -> t.List[str]:
    """Message ids in a text, each once."""
    return list(dict.fromkeys(_ID.findall(raw.decode("utf-8", "replace"))))


def _count(field: bytes) -> int:
    field = field.strip()
    return int(field) if _NUMBER.match(field) else -1
