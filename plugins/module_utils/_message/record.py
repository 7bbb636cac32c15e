# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules return of a message: the entries of RV(messages).

Private to this collection.
"""

from __future__ import annotations

import hashlib
import re
import typing as t

from .._values import iso_time
from .dates import seconds_of
from .fields import Fields
from .mailboxes import mailboxes_of
from .parse import Message
from .part import Part

_MESSAGE_ID = re.compile(r"<[^<>]*>")


def record_of(key: str, message: Message, size: int, bodies: str) -> t.Dict[str, t.Any]:
    """The entry for a message that was read whole. ``size`` is in octets.

    ``bodies``: ``none``, ``text`` (made from the HTML where there is no plain text) or ``all``; what is not wanted is "".
    """
    record = record_of_fields(key, message.fields, size)
    record["text"] = message.text if bodies in ("text", "all") else ""
    record["html"] = message.html if bodies == "all" else ""
    record["attachments"] = [row_of(part, part.octets()) for part in message.attachments]
    return record


def record_of_fields(key: str, fields: Fields, size: int) -> t.Dict[str, t.Any]:
    """The entry for a message of which only the header was read."""
    headers: t.Dict[str, t.List[str]] = {}
    for name, value in fields.items():
        headers.setdefault(name.lower(), []).append(value)
    return {
        "id": key,
        "message_id": message_id_of(fields),
        "subject": fields.first("subject"),
        "from": ", ".join(_addresses(fields, "from")),
        "to": _addresses(fields, "to"),
        "cc": _addresses(fields, "cc"),
        "date": iso_time(seconds_of(fields.first("date"))) or "",
        "size": size,
        "text": "",
        "html": "",
        "headers": headers,
        "attachments": [],
        "path": None,
    }


def message_id_of(fields: Fields) -> str:
    """The Message-ID with its angle brackets; as it is where it has none, "" where there is none."""
    value = fields.first("message-id")
    found = _MESSAGE_ID.search(value)
    return found.group() if found else value.strip()


def row_of(part: Part, octets: bytes) -> t.Dict[str, t.Any]:
    """``{name, mime_type, size, sha256, path}`` of a leaf that is not on disk; ``octets`` are what it holds, without the transfer encoding."""
    return {"name": part.name, "mime_type": part.mime_type, "size": len(octets), "sha256": hashlib.sha256(octets).hexdigest(), "path": None}


def _addresses(fields: Fields, name: str) -> t.List[str]:
    return mailboxes_of(fields.raw(name), fields.hint)
