# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What FETCH tells of a message (RFC 3501, section 6.4.5), but for its structure and its single parts."""

from __future__ import annotations

import datetime
import email
import email.policy
import email.utils
import os
import re
import sys
import typing as t

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from imap_box import Message
from imap_words import Section, Word, Wrong, section_of, text_of

_MACROS = {
    "ALL": ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"],
    "FAST": ["FLAGS", "INTERNALDATE", "RFC822.SIZE"],
}
_ALIASES = {"RFC822": "BODY[]", "RFC822.HEADER": "BODY.PEEK[HEADER]", "RFC822.TEXT": "BODY[TEXT]"}
_FIELD = re.compile(rb"(?:^|(?<=\r\n))([^:\r\n]*):(?:[^\r]|\r(?!\n)|\r\n[ \t])*(?:\r\n|\Z)")
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


class INTERNALDATE:
    """The one way of writing a time in IMAP."""

    @staticmethod
    def text(seconds: float) -> str:
        """In UTC."""
        when = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
        return "%2d-%s-%04d %02d:%02d:%02d +0000" % (when.day, _MONTHS[when.month - 1], when.year, when.hour, when.minute, when.second)

    @staticmethod
    def seconds(text: str) -> float:
        """The other way round."""
        return datetime.datetime.strptime(text.strip(), "%d-%b-%Y %H:%M:%S %z").timestamp()


def string(data: bytes, literal: bool = False) -> bytes:
    """Quoted where that is possible."""
    if literal or re.search(rb"[\x00\r\n\x80-\xff]", data) or len(data) > 500:
        return b"{%d}\r\n%s" % (len(data), data)
    return b'"%s"' % re.sub(rb'(["\\])', rb"\\\1", data)


class Fetcher:
    """The items of one command."""

    def __init__(self, word: Word, by_uid: bool, behaviour: t.Any) -> None:
        names = [text_of(item) for item in word] if isinstance(word, list) else _MACROS.get(text_of(word).upper(), [text_of(word)])
        self._sections: t.Dict[str, Section] = {}
        self._aliases: t.Dict[str, str] = {}
        self._names: t.List[str] = []
        for name in names:
            section = section_of(_ALIASES.get(name.upper(), name))
            if section is not None:
                self._sections[name] = section
            elif name.upper() not in ("FLAGS", "UID", "RFC822.SIZE", "INTERNALDATE", "ENVELOPE"):
                raise Wrong("%s is not served" % name)
            self._names.append(name if section is not None else name.upper())
        if by_uid and "UID" not in self._names:
            self._names.insert(0, "UID")
        # the flags as they are afterwards
        self.marks = any(not section.peek for section in self._sections.values())
        if self.marks and "FLAGS" not in self._names:
            self._names.append("FLAGS")
        self.reads = bool(self._sections) or bool({"RFC822.SIZE", "ENVELOPE"} & set(self._names))
        self._behaviour = behaviour

    def items(self, message: Message, flags: str, raw: t.Callable[[], bytes]) -> t.List[bytes]:
        """Each with its name, as they are sent."""
        found = []
        for name in self._names:
            if name in self._sections:
                section = self._sections[name]
                told = name.upper() if name.upper() in _ALIASES else section.told
                found.append(told.encode("utf-8", "surrogateescape") + b" " + self._body(section, raw()))
            elif name == "FLAGS":
                found.append(b"FLAGS (%s)" % flags.encode("utf-8", "surrogateescape"))
            elif name == "UID":
                found.append(b"UID %d" % message.uid)
            elif name == "RFC822.SIZE":
                found.append(b"RFC822.SIZE %d" % (len(raw()) + self._behaviour.size_off))
            elif name == "INTERNALDATE":
                found.append(b"INTERNALDATE " + string(INTERNALDATE.text(message.when).encode()))
            else:
                found.append(b"ENVELOPE " + _envelope(raw(), self._behaviour.literals))
        return found

    def _body(self, section: Section, raw: bytes) -> bytes:
        if self._behaviour.fetch == "nil":
            return b"NIL"
        data = part_of(section, raw)
        if self._behaviour.fetch == "short":
            data = data[:-10]
        return b"{%d}\r\n%s" % (len(data), data)


def part_of(section: Section, raw: bytes) -> bytes:
    """The octets of a section."""
    if raw.startswith(b"\r\n"):
        head, body = b"\r\n", raw[2:]
    else:
        start, gap, body = raw.partition(b"\r\n\r\n")
        head = start + gap
    if section.kind == "":
        data = raw
    elif section.kind == "TEXT":
        data = body
    elif section.kind == "HEADER":
        data = head
    else:
        wanted = {field.upper().encode("utf-8", "surrogateescape") for field in section.fields}
        out = section.kind.endswith("NOT")
        data = b"".join(found.group() for found in _FIELD.finditer(head) if (found.group(1).strip().upper() in wanted) != out) + b"\r\n"
    return data if section.start is None else data[section.start : section.start + section.count]


def _envelope(raw: bytes, literals: bool) -> bytes:
    parsed = email.message_from_bytes(raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n", policy=email.policy.compat32)

    def text(value: t.Optional[str]) -> bytes:
        return b"NIL" if value is None else string(str(value).replace("\r\n", "").encode("utf-8", "surrogateescape"), literals)

    def people(name: str) -> bytes:
        found = email.utils.getaddresses([str(value) for value in parsed.get_all(name, [])])
        rows = []
        for person, address in found:
            local, _at, domain = address.rpartition("@")
            rows.append(b"(%s NIL %s %s)" % (text(person or None), text(local), text(domain)))
        return b"(%s)" % b"".join(rows) if rows else b"NIL"

    sender = "Sender" if parsed["Sender"] else "From"
    reply = "Reply-To" if parsed["Reply-To"] else "From"
    lists = [people(name) for name in ("From", sender, reply, "To", "Cc", "Bcc")]
    return b"(%s)" % b" ".join([text(parsed["Date"]), text(parsed["Subject"]), *lists, text(parsed["In-Reply-To"]), text(parsed["Message-ID"])])
