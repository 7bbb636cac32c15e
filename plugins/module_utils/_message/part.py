# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One leaf of a message: what it is, its octets and its text.

Private to this collection. Nothing is decoded before it is asked for, and the octets of the message are not copied.
"""

from __future__ import annotations

import re
import typing as t

from .charsets import decode, html_label
from .fields import Fields
from .flowed import unwrapped
from .transfer import undo

_MIME_TYPE = re.compile(r"\A[^\s/;,]+/[^\s/;,]+\Z")
_BODIES = ("text/plain", "text/html")
_LINE_END = re.compile("\r{0,2}\n|\r")


class Kind(t.NamedTuple):
    """What Content-Type says: a media type in lower case and its parameters."""

    mime_type: str
    parameters: t.Dict[str, str]


def kind_of(fields: Fields, default: str) -> Kind:
    """The kind of the entity with these fields; ``default`` when they do not say, text/plain when they say nonsense (RFC 2045, section 5.2)."""
    if not fields.raw("content-type"):
        return Kind(default, {})
    mime_type, parameters = fields.parameters("content-type")
    mime_type = mime_type.split(" ")[0] if " " in mime_type else mime_type
    return Kind(mime_type if _MIME_TYPE.match(mime_type) else "text/plain", parameters)


class Part:
    """A leaf. ``message/rfc822`` is one: what was forwarded is an attachment, and not searched for the text of the mail.

    ``name`` is decoded, "" where there is none, and not safe as a path. ``attached``: it is no body, whether to be shown or not.
    ``choices``: the multipart/alternative entities around it, and which of their branches it is in.
    """

    def __init__(self, raw: bytes, start: int, fields: Fields, kind: Kind, is_root: bool = False, choices: t.Tuple[t.Tuple[int, int], ...] = ()) -> None:
        self._raw = raw
        self._start = start
        self._end = len(raw)
        self.fields = fields
        self.choices = choices
        self.mime_type = kind.mime_type
        self.charset = kind.parameters.get("charset", "").strip("\"' ").lower()
        self._parameters = kind.parameters
        disposition, more = fields.parameters("content-disposition")
        self.name = (more.get("filename") or more.get("name") or kind.parameters.get("name") or kind.parameters.get("filename") or "").strip()
        self.cid = fields.first("content-id").strip().strip("<>").strip()
        # the text of a mail that has nothing else is its body, whatever it is called
        named = bool(self.name) and not is_root
        self.attached = self.mime_type not in _BODIES or disposition.startswith("attachment") or named

    def end(self, position: int) -> None:
        """The body ends before ``position`` in the message."""
        self._end = max(position, self._start)

    def octets(self) -> bytes:
        """The body without its transfer encoding, as far as that goes."""
        return undo(self._raw[self._start : self._end], self.fields.first("content-transfer-encoding"))

    def text(self) -> str:
        """The body as text with lines that end with a line feed, whatever its charset says; paragraphs of format=flowed are one line each."""
        raw = self.octets()
        label = self.charset
        if self.mime_type == "text/html" and label in ("", "us-ascii", "ascii"):
            label = html_label(raw) or label
        text = _LINE_END.sub("\n", decode(raw, label))
        if self.mime_type == "text/plain" and self._parameters.get("format", "").lower() == "flowed":
            return unwrapped(text, self._parameters.get("delsp", "").lower() == "yes")
        return text
