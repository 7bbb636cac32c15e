# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An article as its author means it: who it is (its identity), and its octets (RFC 5536).

Private to this collection. Pure. Everything is 7 bit but names of groups, so that any server can carry it.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from dataclasses import dataclass

from .._message.addresses import Address
from .._message.compose import format_date, text_entity
from .._message.headers import Charset, mailboxes, unstructured
from .._message.headers import field as header_field


@dataclass(frozen=True)
class Identity:
    """What makes an article this one and no other. It is known before anything is asked of the server.

    ``newsgroups`` and ``subject`` are as the task has them: None and "" where they come from the article that is answered.
    ``about``: what it is to another article: ``("reply_to", id)``, ``("cancel", id)``, ``("supersede", id)``, ``("references", ids)``.
    """

    newsgroups: t.Optional[t.Sequence[str]]
    subject: str
    body: str
    sender: Address
    about: t.Sequence[t.Tuple[str, str]] = ()

    def message_id(self, domain: str) -> str:
        """``<…@domain>``: the same for the same article, on every host and at any time."""
        parts = {
            "newsgroups": None if self.newsgroups is None else sorted(set(self.newsgroups)),
            "subject": self.subject,
            # the last line ends, whether its author wrote so or not
            "body": self.body.rstrip("\n"),
            "sender": self.sender.identity,
            "about": sorted(self.about),
        }
        canonical = json.dumps(["fleetproof news 1", parts], sort_keys=True, separators=(",", ":"))
        return "<%s@%s>" % (hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:40], domain)


@dataclass(frozen=True)
class Article:
    """All that is in an article. ``fields`` and ``address_fields`` are further header fields; ``about`` are those with message ids."""

    message_id: str
    newsgroups: t.Sequence[str]
    subject: str
    sender: Address
    body: str
    charset: Charset
    references: t.Sequence[str] = ()
    about: t.Sequence[t.Tuple[str, str]] = ()
    followup_to: t.Sequence[str] = ()
    distribution: t.Sequence[str] = ()
    fields: t.Sequence[t.Tuple[str, str]] = ()
    address_fields: t.Sequence[t.Tuple[str, t.Sequence[Address]]] = ()

    def compose(self, date: float) -> bytes:
        """The octets, lines ended by CRLF; ``date`` in seconds."""
        mime, body = text_entity(self.body, self.charset)
        own = {name.lower() for name, _value in self.fields}
        fields = [*self.fields, *([] if "user-agent" in own else [("User-Agent", "fleetproof.backup")])]
        head = [
            header_field("From", mailboxes([self.sender], self.charset, utf8=False)),
            # names of groups are not folded: old servers take what stands on the first line
            header_field("Newsgroups", [",".join(self.newsgroups)]),
            header_field("Subject", unstructured("Subject", self.subject, self.charset)),
            header_field("Date", [format_date(date)]),
            header_field("Message-ID", [self.message_id]),
            *self._relations(),
            *(header_field(name, mailboxes(found, self.charset, utf8=False)) for name, found in self.address_fields if found),
            *(header_field(name, unstructured(name, value, self.charset)) for name, value in fields),
            *mime,
        ]
        return "".join(head).encode("utf-8") + b"\r\n" + body

    def _relations(self) -> t.List[str]:
        lines = [header_field(name, [value]) for name, value in self.about]
        if self.references:
            lines.append(header_field("References", [name if index == 0 else " " + name for index, name in enumerate(self.references)]))
        if self.followup_to:
            lines.append(header_field("Followup-To", [",".join(self.followup_to)]))
        if self.distribution:
            lines.append(header_field("Distribution", [",".join(self.distribution)]))
        return lines

    def shown(self, date: float) -> str:
        """The article as its readers will see it."""
        fields = [
            ("From", "%s <%s>" % (self.sender.name, self.sender.shown) if self.sender.name else self.sender.shown),
            ("Newsgroups", ", ".join(self.newsgroups)),
            ("Subject", self.subject),
            ("Date", format_date(date)),
            ("Message-ID", self.message_id),
            *self.about,
            ("References", " ".join(self.references)),
            ("Followup-To", ", ".join(self.followup_to)),
            ("Distribution", ", ".join(self.distribution)),
            *((name, ", ".join(address.shown for address in found)) for name, found in self.address_fields),
            *self.fields,
        ]
        return "\n".join([*("%s: %s" % (name, value) for name, value in fields if value), "", self.body.rstrip("\n"), ""])
