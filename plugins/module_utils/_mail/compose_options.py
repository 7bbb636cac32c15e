# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that say what a mail is, and the Mail they make.

Private to this collection.
"""

from __future__ import annotations

import re
import typing as t
from urllib.parse import quote

from .._errors import FleetproofError
from .._message.addresses import Address, distinct, id_domain, parse_address, parse_addresses
from .._message.compose import Mail
from .._message.content import Content, look_at
from .._message.headers import Charset, checked_name, checked_value, find_charset
from .._message.text import text_of_html
from .._module import ArgumentSpec

COMPOSE = ArgumentSpec(
    argument_spec={
        "sender": {"type": "str", "default": "root", "aliases": ["from"]},
        "to": {"type": "list", "elements": "str", "default": ["root"], "aliases": ["recipients"]},
        "cc": {"type": "list", "elements": "str", "default": []},
        "bcc": {"type": "list", "elements": "str", "default": []},
        "reply_to": {"type": "list", "elements": "str", "default": []},
        "subject": {"type": "str", "required": True, "aliases": ["msg"]},
        "body": {"type": "str"},
        "subtype": {"type": "str", "default": "plain", "choices": ["plain", "html"]},
        "html": {"type": "str"},
        "charset": {"type": "str", "default": "utf-8"},
        "inline": {"type": "list", "elements": "raw", "default": []},
        "attach": {"type": "list", "elements": "raw", "default": []},
        "headers": {"type": "raw", "default": {}},
        "priority": {"type": "str", "choices": ["low", "normal", "high"]},
        "message_id_domain": {"type": "str"},
    },
)

# Made from other options, or by the message's structure; Bcc would show the blind copies.
_OURS = re.compile(r"\A(?:from|to|cc|bcc|subject|date|message-id|mime-version|content-.*)\Z", re.IGNORECASE)
_HOLD_ADDRESSES = frozenset(("reply-to", "sender", "errors-to", "disposition-notification-to", "return-receipt-to", "mail-followup-to", "mail-reply-to"))
# where one Name=value ends and the next begins, in the string form of mail modules
_NEXT_HEADER = re.compile(r"\s*[|,]\s*(?=[!-9;<>-~]+=)")
_NEXT_IN_ITEM = re.compile(r"\s*\|\s*(?=[!-9;<>-~]+=)")


def mail_of(params: t.Mapping[str, t.Any]) -> t.Tuple[Mail, t.List[str]]:
    """The Mail that the options describe, and warnings about it. Files are looked at, nothing is kept open."""
    charset = find_charset(params["charset"])
    text, html, derived = _bodies(params)
    fields, address_fields = _headers(params["headers"])
    reply_to = _addresses(params["reply_to"], "reply_to")
    if reply_to and any(name.lower() == "reply-to" for name, _found in address_fields):
        raise FleetproofError("argument", "headers: Reply-To is there twice, once by reply_to")
    sender = parse_address(params["sender"], "sender")
    mail = Mail(
        sender=sender,
        to=_addresses(params["to"], "to"),
        cc=_addresses(params["cc"], "cc"),
        bcc=_addresses(params["bcc"], "bcc"),
        reply_to=reply_to,
        subject=checked_value(params["subject"], "subject"),
        text=text,
        html=html,
        charset=charset,
        inline=_contents(params["inline"], "inline", charset),
        attach=_contents(params["attach"], "attach", charset),
        fields=fields,
        address_fields=address_fields,
        priority=params["priority"],
        id_domain=id_domain(params["message_id_domain"], sender),
        text_is_derived=derived,
    )
    if not (mail.to or mail.cc or mail.bcc):
        raise FleetproofError("argument", "to, cc and bcc are all empty: there is nobody to send the mail to")
    return mail, _doubts(mail)


def _bodies(params: t.Mapping[str, t.Any]) -> t.Tuple[str, t.Optional[str], bool]:
    """Text, HTML, and whether the text was made from the HTML."""
    text, html = params["body"], params["html"]
    if params["subtype"] == "html":
        if html is not None:
            raise FleetproofError(
                "argument", "subtype=html says that body is HTML, and html is given as well; use body for the text and html for the HTML, without subtype"
            )
        text, html = None, text if text is not None else params["subject"]
    if html is None:
        # a mail without a body says its subject, as the mail modules before this one do
        return text or params["subject"], None, False
    if text:
        return text, html, False
    return text_of_html(html), html, True


def _addresses(items: t.Iterable[str], what: str) -> t.List[Address]:
    return distinct(address for item in items for address in parse_addresses(item, what))


def _contents(items: t.Iterable[t.Any], option: str, charset: Charset) -> t.List[Content]:
    found = []
    for item in items:
        if not isinstance(item, (str, dict)):
            raise FleetproofError("argument", "%s: %r is neither a path nor a dictionary" % (option, item))
        found.append(look_at(item, option, charset))
    return found


def _headers(given: t.Any) -> t.Tuple[t.List[t.Tuple[str, str]], t.List[t.Tuple[str, t.List[Address]]]]:
    fields = []
    address_fields = []
    for name, value in _pairs(given):
        checked_name(name, "headers")
        if _OURS.match(name):
            raise FleetproofError(
                "argument", "headers: %s is made from the other options (sender, to, cc, subject, message_id_domain …) and cannot be set here" % name
            )
        text = checked_value(value, "headers: " + name)
        if name.lower() in _HOLD_ADDRESSES:
            address_fields.append((name, parse_addresses(text, "headers: " + name)))
        else:
            fields.append((name, text))
    return fields, address_fields


def _pairs(given: t.Any) -> t.Iterator[t.Tuple[str, str]]:
    """Names and values from a dictionary (a list is a header several times), a list of ``Name=value`` or a string of these."""
    if isinstance(given, dict):
        for name, value in given.items():
            for one in value if isinstance(value, list) else [value]:
                if one is not None:
                    yield str(name), str(one)
        return
    if isinstance(given, str):
        items = _NEXT_HEADER.split(given)
    elif isinstance(given, list) and all(isinstance(item, str) for item in given):
        items = [piece for item in given for piece in _NEXT_IN_ITEM.split(item)]
    else:
        raise FleetproofError("argument", "headers: write a dictionary, or a list of Name=value")
    for item in items:
        name, equals, value = item.strip().partition("=")
        if not equals:
            if item.strip():
                raise FleetproofError("argument", "headers: %r is not Name=value" % item)
            continue
        yield name.strip(), value.strip()


def _doubts(mail: Mail) -> t.List[str]:
    """What the author may not have meant: pictures that are not in the text, texts without their pictures."""
    if mail.html is None:
        return []
    cids = [item.cid for item in mail.inline if item.cid]
    there = set(cids)
    wanted = set(re.findall(r"""(?<![\w.-])cid:([^"'\s<>)]+)""", mail.html))
    warnings = ["inline: more than one picture is called cid:%s, and only one of them will be shown" % cid for cid in sorted(there) if cids.count(cid) > 1]
    warnings += ["inline: the HTML does not show cid:%s" % cid for cid in sorted(there) if cid not in wanted and quote(cid) not in wanted]
    return warnings + [
        "html: there is no inline picture for cid:%s" % cid for cid in sorted(wanted) if cid not in there and cid not in {quote(known) for known in there}
    ]
