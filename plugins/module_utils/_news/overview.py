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
# What the fields of a line are after the number; more may follow. Servers older than RFC 3977 may have another order.
FORMAT = ("subject", "from", "date", "message-id", "references", "bytes", "lines")
_NEEDED = frozenset(FORMAT[:5])


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


def read_format(lines: t.Iterable[bytes]) -> t.Tuple[str, ...]:
    """The order of the fields from what LIST OVERVIEW.FMT says, such as ``Subject:`` and ``:bytes``; FORMAT where it makes no sense."""
    names = tuple(line.decode("ascii", "replace").lower().partition(":full")[0].strip(" :") for line in lines)
    return names if set(names) >= _NEEDED else FORMAT


def read_line(line: bytes, first: int, last: int, order: t.Sequence[str] = FORMAT) -> t.Union[Overview, BrokenLine]:
    """The line of one article; its number must be between ``first`` and ``last``."""
    start, *values = line.split(b"\t")
    number = int(start) if _NUMBER.match(start) else None
    shown = display_name(line[:80])
    if number is None:
        return BrokenLine(None, "the overview line has no number: %s" % shown)
    if not first <= number <= last:
        return BrokenLine(number, "the overview line is of an article that was not asked for")
    fields = dict(zip(order, values))
    message_id = fields.get("message-id", b"").decode("utf-8", "replace").strip()
    if not is_message_id(message_id):
        return BrokenLine(number, "the overview line has no message id: %s" % shown)
    return Overview(
        number,
        decode_value(fields.get("subject", b"")),
        decode_value(fields.get("from", b"")),
        decode_value(fields.get("date", b"")),
        message_id,
        ids_of(fields.get("references", b"")),
        _count(fields.get("bytes", b"")),
        _count(fields.get("lines", b"")),
    )


def of_header(raw: bytes, number: int, reply: str) -> t.Union[Overview, BrokenLine]:
    """The same from the header of the article (HEAD), and from the text of the reply, which names the id as well."""
    fields = parse_fields(raw)[0]
    words = [message_id_of(fields), *reply.split()[1:2]]
    message_id = next((word for word in words if is_message_id(word)), "")
    if not message_id:
        return BrokenLine(number, "the article has no message id")
    lines = _count(fields.first("lines").encode("ascii", "replace"))
    return Overview(number, fields.first("subject"), fields.first("from"), fields.first("date"), message_id, references_of(fields), -1, lines)


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
