# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be posted: the options of nntp_post as values that were checked.

Private to this collection.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._errors import FleetproofError
from .._message.addresses import Address, id_domain, parse_address, parse_addresses
from .._message.headers import Charset, checked_name, checked_value, find_charset
from .._module import ArgumentSpec
from .article import Identity
from .names import group_name, message_id
from .options import NEWS
from .reply import trimmed

SPEC = NEWS.merge(
    ArgumentSpec(
        argument_spec={
            "newsgroups": {"type": "list", "elements": "str"},
            "subject": {"type": "str"},
            "body": {"type": "str"},
            "sender": {"type": "str", "required": True, "aliases": ["from"]},
            "reply_to": {"type": "str"},
            "quote": {"type": "bool", "default": True},
            "quote_lines": {"type": "int", "default": -1},
            "references": {"type": "list", "elements": "str"},
            "cancel": {"type": "str"},
            "supersede": {"type": "str"},
            "followup_to": {"type": "list", "elements": "str", "default": []},
            "distribution": {"type": "list", "elements": "str", "default": []},
            "headers": {"type": "dict", "default": {}},
            "charset": {"type": "str", "default": "utf-8"},
            "message_id_domain": {"type": "str"},
        },
        mutually_exclusive=[("reply_to", "references", "cancel"), ("cancel", "supersede")],
    )
)

# Made from other options, or for servers alone to write (RFC 5536, section 3.2; RFC 5537, section 3.5).
_OURS = re.compile(
    r"\A(?:from|newsgroups|subject|date|message-id|references|control|also-control|supersedes|followup-to|distribution|mime-version|content-.*|bcc"
    r"|path|xref|lines|injection-.*|nntp-posting-.*|x-trace|x-complaints-to|received|relay-version|posting-version|date-received)\Z",
    re.IGNORECASE,
)
_HOLD_ADDRESSES = frozenset(("reply-to", "sender", "approved", "mail-copies-to", "to", "cc"))
_NOBODY = frozenset(("nobody", "never", "always", "poster"))
_DISTRIBUTION = re.compile(r"[A-Za-z][A-Za-z0-9+_-]{0,60}\Z")
_LONGEST_LIST = 900  # octets of all names of groups: they go on one line


@dataclass(frozen=True)
class Draft:
    """``newsgroups`` is None, and ``subject`` and ``body`` "", where they come from the article that this one is about."""

    newsgroups: t.Optional[t.List[str]]
    subject: str
    body: str
    sender: Address
    reply_to: t.Optional[str]
    quote_lines: int
    references: t.List[str]
    cancel: t.Optional[str]
    supersede: t.Optional[str]
    followup_to: t.List[str]
    distribution: t.List[str]
    fields: t.List[t.Tuple[str, str]]
    address_fields: t.List[t.Tuple[str, t.List[Address]]]
    charset: Charset
    id_domain: str

    @property
    def message_id(self) -> str:
        """The same for the same article."""
        about = [("reply_to", self.reply_to), ("cancel", self.cancel), ("supersede", self.supersede), ("references", " ".join(self.references))]
        told = [(name, value) for name, value in about if value]
        return Identity(self.newsgroups, self.subject, self.body, self.sender, told).message_id(self.id_domain)

    @property
    def about(self) -> t.Optional[str]:
        """The article that has to be read before this one can be made."""
        if self.reply_to or self.cancel:
            return self.reply_to or self.cancel
        return self.supersede if self.newsgroups is None else None

    @property
    def approved(self) -> bool:
        """Whether it says that a moderator has seen it."""
        return any(name.lower() == "approved" for name, _value in self.address_fields)


def draft_of(params: t.Mapping[str, t.Any]) -> Draft:
    """The Draft that the options make; FleetproofError (argument, unsafe) where they make none."""
    sender = parse_address(params["sender"], "sender")
    if not sender.domain or sender.needs_utf8:
        raise FleetproofError("argument", "sender: %r has no place in news; write Name <user@example.com>" % params["sender"])
    fields, address_fields = _headers(params["headers"])
    draft = Draft(
        newsgroups=_groups(params["newsgroups"], "newsgroups") or None,
        subject=checked_value(params["subject"] or "", "subject").strip(),
        body=params["body"] or "",
        sender=sender,
        reply_to=_id(params, "reply_to"),
        quote_lines=_quote_lines(params),
        references=trimmed([message_id(name, "references") for name in params["references"] or []]),
        cancel=_id(params, "cancel"),
        supersede=_id(params, "supersede"),
        followup_to=_groups(params["followup_to"], "followup_to"),
        distribution=[_distribution(name) for name in params["distribution"]],
        fields=fields,
        address_fields=address_fields,
        charset=find_charset(params["charset"]),
        # a domain does not tell case
        id_domain=id_domain(params["message_id_domain"], sender).lower(),
    )
    _check(draft)
    return draft


def _check(draft: Draft) -> None:
    if draft.newsgroups is None and not (draft.reply_to or draft.cancel or draft.supersede):
        raise FleetproofError("argument", "newsgroups is needed, unless reply_to, cancel or supersede name an article that is in some")
    if draft.cancel is None:
        if not draft.subject and draft.reply_to is None:
            raise FleetproofError("argument", "subject is needed, unless reply_to names an article to take it from")
        if not draft.body.strip():
            raise FleetproofError("argument", "body is empty, and servers refuse articles that say nothing")
    if draft.subject.lower().startswith("cmsg "):
        raise FleetproofError("argument", 'subject: %r begins with "cmsg ", which old servers take for an order; use cancel' % draft.subject)
    names = [name.lower() for name in draft.followup_to]
    if "poster" in names and len(names) > 1:
        raise FleetproofError("argument", "followup_to: poster cannot stand beside names of groups")


def _id(params: t.Mapping[str, t.Any], name: str) -> t.Optional[str]:
    return None if params[name] is None else message_id(params[name], name)


def _quote_lines(params: t.Mapping[str, t.Any]) -> int:
    most: int = params["quote_lines"]
    if most < -1:
        raise FleetproofError("argument", "quote_lines: %d is less than -1, which means all" % most)
    return most if params["quote"] else 0


def _groups(names: t.Optional[t.Sequence[str]], what: str) -> t.List[str]:
    found = list(dict.fromkeys(group_name(checked_value(name, what), what) for name in names or []))
    if len(",".join(found).encode("utf-8")) > _LONGEST_LIST:
        raise FleetproofError("argument", "%s: these are too many for one article" % what)
    return found


def _distribution(name: str) -> str:
    checked_value(name, "distribution")
    if _DISTRIBUTION.match(name) is None:
        raise FleetproofError("argument", "distribution: %r is none, such as world or local" % name)
    return name


def _headers(given: t.Mapping[str, t.Any]) -> t.Tuple[t.List[t.Tuple[str, str]], t.List[t.Tuple[str, t.List[Address]]]]:
    fields = []
    address_fields = []
    for name, values in given.items():
        checked_name(str(name), "headers")
        if _OURS.match(str(name)):
            raise FleetproofError("argument", "headers: %s is made from the other options or by the server, and cannot be set here" % name)
        for value in values if isinstance(values, list) else [values]:
            if value is None:
                continue
            text = checked_value(str(value), "headers: %s" % name).strip()
            if str(name).lower() in _HOLD_ADDRESSES and text.lower() not in _NOBODY:
                address_fields.append((str(name), _addresses(text, "headers: %s" % name)))
            elif text:
                fields.append((str(name), text))
    return fields, address_fields


def _addresses(text: str, what: str) -> t.List[Address]:
    found = parse_addresses(text, what)
    if not found:
        raise FleetproofError("argument", "%s: there is no address in it" % what)
    return found
