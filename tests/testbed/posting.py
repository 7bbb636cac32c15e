# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a news server does with an article that is posted: checks, added fields, cancelling (RFC 5537), with the replies of INN."""

from __future__ import annotations

import dataclasses
import email.utils
import itertools
import os
import re
import sys
import time
import typing as t

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from spool import Article, Spool, fields_of, split

HOST = "news.fleet.test"
_MESSAGE_ID = re.compile(r"<[^\s<>@]+@[^\s<>@]+>\Z")
_SERIAL = itertools.count(1)
_DAY = 86400.0


@dataclasses.dataclass
class Posting:
    """The outcome: the reply, and what was kept."""

    reply: str
    article: t.Optional[Article] = None


def new_id() -> str:
    """One that nobody has had."""
    return "<%d.%d.%d@%s>" % (time.time_ns(), os.getpid(), next(_SERIAL), HOST)


def post(spool: Spool, raw: bytes, user: str = "", late: float = 0.0, recommended: str = "", cancels: bool = True) -> Posting:
    """File an article, or say why not."""
    # of two that are the same, and come at once, one is the second
    with spool.lock:
        return _post(spool, raw, user, late, recommended, cancels)


def _post(spool: Spool, raw: bytes, user: str, late: float, recommended: str, cancels: bool) -> Posting:
    head, body = split(raw)
    fields: t.Dict[str, t.List[str]] = {}
    for name, value in fields_of(raw):
        fields.setdefault(name.lower(), []).append(value.decode("utf-8", "surrogateescape"))
    problem = _problem(spool, fields, body)
    if problem:
        return Posting("441 " + problem)
    message_id = fields.get("message-id", [""])[0] or recommended or new_id()
    if spool.by_id(message_id) is not None or message_id in spool.history:
        return Posting("441 435 Duplicate")
    groups = [group for group in _list(fields["newsgroups"][0]) if group in spool.groups]
    if "control" in fields:
        words = fields["control"][0].split()
        if len(words) != 2 or words[0].lower() != "cancel":
            return Posting("441 437 Unknown control message")
        if cancels:
            spool.remove(words[1])
        # as INN does it: not among the others
        spool.add_group("control.cancel", "n", "Cancel messages")
        groups = ["control.cancel"]
    for old in fields.get("supersedes", []) if cancels else []:
        spool.remove(old)
    article = spool.add(groups, _complete(head, fields, message_id, user) + b"\r\n" + body, late=late, host=HOST)
    return Posting("240 Article received " + message_id, article)


def _list(value: str) -> t.List[str]:
    return [name.strip() for name in value.split(",") if name.strip()]


def _problem(spool: Spool, fields: t.Dict[str, t.List[str]], body: bytes) -> str:
    for name in ("From", "Newsgroups", "Subject"):
        if not any(fields.get(name.lower(), [])):
            return "Missing required %s header field" % name
    for name in ("From", "Newsgroups", "Subject", "Message-ID", "Date", "References", "Control", "Supersedes"):
        if len(fields.get(name.lower(), [])) > 1:
            return "Duplicate %s header field" % name
    if "@" not in email.utils.parseaddr(fields["from"][0])[1]:
        return "Address in From header field not in Internet syntax"
    for name in ("message-id", "supersedes"):
        if not all(_MESSAGE_ID.match(value) and len(value) <= 250 for value in fields.get(name, [])):
            return "Can't parse %s header field body" % {"message-id": "Message-ID"}.get(name, "Supersedes")
    for name in ("Xref", "NNTP-Posting-Host", "Injection-Info"):
        if name.lower() in fields:
            return "Can't set system %s header field" % name
    if not body.strip():
        return "Article is empty"
    return _date_problem(fields) or _group_problem(spool, fields)


def _date_problem(fields: t.Dict[str, t.List[str]]) -> str:
    for value in fields.get("date", []):
        found = email.utils.parsedate_tz(value)
        if found is None:
            return "Can't parse Date header field body"
        seconds = email.utils.mktime_tz(found)
        if seconds > time.time() + _DAY:
            return "Article posted in the future"
        if seconds < time.time() - 14 * _DAY:
            return '437 Too old -- "%s"' % value
    return ""


def _group_problem(spool: Spool, fields: t.Dict[str, t.List[str]]) -> str:
    groups = _list(fields["newsgroups"][0])
    known = [spool.groups[name] for name in groups if name in spool.groups]
    if not known:
        return 'No valid newsgroups in "%s"' % fields["newsgroups"][0]
    for group in known:
        if group.status == "n" and "control" not in fields:
            return 'Postings to "%s" are not allowed here' % group.name
        if group.status == "m" and "approved" not in fields:
            return "%s is moderated" % group.name
    return ""


def _complete(head: bytes, fields: t.Dict[str, t.List[str]], message_id: str, user: str) -> bytes:
    """With what an injecting agent adds."""
    now = email.utils.formatdate()
    added = ["Path: %s!not-for-mail" % HOST] if "path" not in fields else []
    head = re.sub(rb"(?im)^Path:[ \t]*", b"Path: %s!.POSTED!" % HOST.encode(), head)
    if not fields.get("message-id", [""])[0]:
        head = re.sub(rb"(?im)^Message-ID:[ \t]*\r\n", b"", head)
        added.append("Message-ID: " + message_id)
    if "date" not in fields:
        added.append("Date: " + now)
    elif "injection-date" not in fields:
        added.append("Injection-Date: " + now)
    added.append('Injection-Info: %s; posting-host="127.0.0.1"%s' % (HOST, '; posting-account="%s"' % user if user else ""))
    return head + "".join(line + "\r\n" for line in added).encode("utf-8", "surrogateescape")
