# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The message itself: what it says, who it is (identity), and its octets.

Private to this collection. The structure is mixed(related(alternative(text, html), inline…),
attachments…), less what is not there. Everything is 7 bit, so that any server can carry it; only
addresses that need SMTPUTF8 make the header 8 bit.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import tempfile
import time
import typing as t
from dataclasses import dataclass, field

from .addresses import Address
from .content import Content
from .headers import Charset, holding, mailboxes, old_parameter, parameter, unstructured, with_parameters
from .headers import field as header_field

LONGEST_LINE = 998  # octets without the line end, RFC 5322 section 2.1.1
_IN_MEMORY = 8 * 1024 * 1024  # octets of a composed message kept in memory; more goes to a temporary file
_LINE_END = re.compile("\r\n|\r|\n")
_NOT_TEXT = re.compile(b"[^\t\r\n -~]")
# what programs on the way trim, and what they put a ">" before (RFC 6376 section 5.3, RFC 8551 section 3.1.3)
_FRAGILE = re.compile(rb"[\t ](?=\r\n)|^From ", re.MULTILINE)
_PRIORITY = {
    "high": (("X-Priority", "1 (Highest)"), ("Importance", "high"), ("Priority", "urgent")),
    "low": (("X-Priority", "5 (Lowest)"), ("Importance", "low"), ("Priority", "non-urgent")),
}

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Mail:
    """A mail as its author means it. ``text`` is what text programs show; ``html`` None means text alone.

    ``fields`` are further header fields ``(name, tokens)`` or address fields ``(name, addresses)``.
    """

    sender: Address
    to: t.Sequence[Address]
    cc: t.Sequence[Address]
    bcc: t.Sequence[Address]
    reply_to: t.Sequence[Address]
    subject: str
    text: str
    html: t.Optional[str]
    charset: Charset
    inline: t.Sequence[Content] = ()
    attach: t.Sequence[Content] = ()
    fields: t.Sequence[t.Tuple[str, str]] = ()
    address_fields: t.Sequence[t.Tuple[str, t.Sequence[Address]]] = ()
    priority: t.Optional[str] = None
    id_domain: str = "ansible"
    text_is_derived: bool = False
    # to be signed: what is known to be altered on the way is encoded
    sealed: bool = False

    @property
    def identity(self) -> str:
        """A digest of recipients, subject, bodies and attachments: two mails with the same one are the same mail.

        What a program made (text from HTML, guessed media types) is left out, so that a newer version
        does not send old mails again.
        """
        parts = {
            "recipients": sorted({address.identity for address in (*self.to, *self.cc, *self.bcc)}),
            "subject": self.subject,
            "text": None if self.text_is_derived else self.text,
            "html": self.html,
            "inline": [(item.name, item.cid, item.digest) for item in self.inline],
            "attach": [(item.name, item.cid, item.digest) for item in self.attach],
        }
        canonical = json.dumps(["fleetproof mail 1", parts], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def needs_utf8(self) -> bool:
        """True when an address in the header or the envelope needs SMTPUTF8."""
        others = [address for _name, addresses in self.address_fields for address in addresses]
        return any(address.needs_utf8 for address in (self.sender, *self.to, *self.cc, *self.bcc, *self.reply_to, *others))

    def message_id(self, nonce: str = "") -> str:
        """``<…@domain>``, made from the identity; ``nonce`` sets apart mails that are meant to be sent again and again."""
        name = hashlib.sha256(("%s %s" % (self.identity, nonce)).encode("ascii")).hexdigest() if nonce else self.identity
        return "<%s@%s>" % (name[:40], self.id_domain)


@dataclass
class _Part:
    """A MIME entity: its own header, and either octets, a Content or further parts; every body ends with a line end.

    ``open_end``: that line end is part of the body, and the boundary that follows needs one of its own.
    """

    header: t.List[str]
    body: t.Union[bytes, Content, None] = None
    open_end: bool = False
    parts: t.List[_Part] = field(default_factory=list)
    boundary: str = ""


def format_date(seconds: float) -> str:
    """A date as RFC 5322 section 3.3 has it, in the zone of this machine, whatever the locale."""
    moment = time.localtime(seconds)
    offset = moment.tm_gmtoff // 60
    zone = "%s%02d%02d" % ("-" if offset < 0 else "+", abs(offset) // 60, abs(offset) % 60)
    return "%s, %02d %s %04d %02d:%02d:%02d %s" % (
        _DAYS[moment.tm_wday], moment.tm_mday, _MONTHS[moment.tm_mon - 1], moment.tm_year, moment.tm_hour, moment.tm_min, moment.tm_sec, zone
    )  # fmt: skip


def compose(mail: Mail, message_id: str, date: float, utf8: bool) -> t.IO[bytes]:
    """The whole message, lines ended by CRLF, in a file that is at its beginning. Bcc is not in it.

    ``utf8``: the way there can do SMTPUTF8. The same arguments give the same octets.
    """
    body = _body(mail)
    out: t.IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 # the caller keeps it
    head = [*header_of(mail, message_id, date, utf8), header_field("MIME-Version", ["1.0"]), *body.header]
    out.write("".join(head).encode("utf-8"))
    _write(body, out)
    out.seek(0)
    return out


def header_of(mail: Mail, message_id: str, date: float, utf8: bool) -> t.List[str]:
    """The header fields that are about the message, not about its MIME structure; each with its line end."""
    charset = mail.charset

    def addresses(name: str, found: t.Sequence[Address]) -> t.List[str]:
        return [header_field(name, mailboxes(found, charset, utf8))] if found else []

    given = {name.lower() for name, _value in mail.fields}
    usual = [("Auto-Submitted", "auto-generated"), ("X-Mailer", "fleetproof.backup"), *_PRIORITY.get(mail.priority or "", ())]
    fields = [*mail.fields, *((name, value) for name, value in usual if name.lower() not in given)]
    return [
        header_field("Date", [format_date(date)]),
        *addresses("From", [mail.sender]),
        *addresses("Reply-To", mail.reply_to),
        *(addresses("To", mail.to) or ([] if mail.cc else [header_field("To", ["undisclosed-recipients:;"])])),
        *addresses("Cc", mail.cc),
        header_field("Subject", unstructured("Subject", mail.subject, charset)),
        header_field("Message-ID", [message_id]),
        *(line for name, found in mail.address_fields for line in addresses(name, found)),
        *(header_field(name, unstructured(name, value, charset)) for name, value in fields),
    ]


def _body(mail: Mail) -> _Part:
    identity = mail.identity
    made = 0

    def multipart(subtype: str, parts: t.List[_Part], *parameters: t.List[str]) -> _Part:
        nonlocal made
        made += 1
        # "=_" cannot occur in quoted-printable or base64, and no text knows the digest of itself
        boundary = "=_%s_%d" % (identity[:32], made)
        tokens = with_parameters("multipart/" + subtype, *parameters, parameter("boundary", boundary))
        return _Part([header_field("Content-Type", tokens)], parts=parts, boundary=boundary)

    body = _text_part("plain", mail.text, mail.charset, mail.sealed)
    if mail.html is not None:
        body = multipart("alternative", [body, _text_part("html", mail.html, mail.charset, mail.sealed)])
    loose = list(mail.attach)
    if mail.inline and mail.html is not None:
        pictures = [_content_part(item, "inline", mail.charset) for item in mail.inline]
        body = multipart("related", [body, *pictures], parameter("type", "multipart/alternative"))
    others = [_content_part(item, "inline", mail.charset) for item in mail.inline] if mail.html is None else []
    others += [_content_part(item, "attachment", mail.charset) for item in loose]
    return multipart("mixed", [body, *others]) if others else body


def _text_part(subtype: str, text: str, charset: Charset, sealed: bool) -> _Part:
    charset = holding(text, charset)
    raw = "\r\n".join(_LINE_END.split(text)).encode(charset.codec, "replace")
    if not raw.endswith(b"\r\n"):
        raw += b"\r\n"
    encoding = "7bit"
    if _NOT_TEXT.search(raw) or max(map(len, raw.split(b"\r\n"))) > LONGEST_LINE or (sealed and _FRAGILE.search(raw)):
        quoted = _quoted_printable(raw)
        coded = base64.encodebytes(raw).replace(b"\n", b"\r\n")
        readable = len(quoted) < len(coded) and not (sealed and _FRAGILE.search(quoted))
        encoding, raw = ("quoted-printable", quoted) if readable else ("base64", coded)
    kind = with_parameters("text/" + subtype, parameter("charset", charset.label))
    return _Part([header_field("Content-Type", kind), header_field("Content-Transfer-Encoding", [encoding])], raw, open_end=encoding != "base64")


def text_entity(text: str, charset: Charset) -> t.Tuple[t.List[str], bytes]:
    """The MIME header fields and the octets of a message that is nothing but text."""
    part = _text_part("plain", text, charset, sealed=False)
    return [header_field("MIME-Version", ["1.0"]), *part.header], t.cast(bytes, part.body)


def _quoted_printable(raw: bytes) -> bytes:
    return b"\r\n".join(_quoted_line(line) for line in raw.split(b"\r\n"))


def _quoted_line(line: bytes) -> bytes:
    # line by line: b2a_qp leaves a lone CR or LF as it is
    return binascii.b2a_qp(line, istext=False).replace(b"=\n", b"=\r\n")


def _content_part(item: Content, disposition: str, charset: Charset) -> _Part:
    kind = [old_parameter("name", item.name, charset)] if not item.name.isascii() else [parameter("name", item.name)]
    if item.text_charset:
        kind.insert(0, parameter("charset", item.text_charset))
    header = [
        header_field("Content-Type", with_parameters(item.mime_type, *kind)),
        header_field("Content-Transfer-Encoding", ["base64"]),
        header_field("Content-Disposition", with_parameters(disposition, parameter("filename", item.name))),
    ]
    if item.cid:
        header.append(header_field("Content-ID", ["<%s>" % item.cid]))
    return _Part(header, item)


def _write(part: _Part, out: t.IO[bytes]) -> None:
    """Write the empty line after the header of ``part``, and its body."""
    out.write(b"\r\n")
    if isinstance(part.body, Content):
        for chunk in part.body.chunks():
            out.write(base64.encodebytes(chunk).replace(b"\n", b"\r\n"))
        return
    if part.body is not None:
        out.write(part.body)
        return
    boundary = part.boundary.encode("ascii")
    for inner in part.parts:
        out.write(b"--%s\r\n" % boundary)
        out.write("".join(inner.header).encode("ascii"))
        _write(inner, out)
        out.write(b"\r\n" if inner.open_end else b"")
    out.write(b"--%s--\r\n" % boundary)
