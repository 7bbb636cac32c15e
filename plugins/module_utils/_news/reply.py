# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a follow-up takes from the article that it answers: groups, subject, References, quotation (RFC 5537, section 3.4.3).

Private to this collection. Pure.
"""

from __future__ import annotations

import re
import textwrap
import time
import typing as t

from .._errors import FleetproofError
from .._message.dates import seconds_of
from .._message.fields import Fields
from .._message.mailboxes import mailboxes_of
from .._message.parse import Message
from .._message.record import message_id_of
from .names import is_message_id
from .overview import references_of

_LONGEST_REFERENCES = 998 - len("References: ")  # octets, RFC 5537 section 3.4.4
_WIDTH = 72  # characters of a quoted line that had to be wrapped
_LONGEST_LINE = 100  # characters; what is longer is a paragraph that its author never wrapped
_ANSWERED = re.compile(r"re(?:\^[0-9]{1,3}|\[[0-9]{1,3}\])?:", re.IGNORECASE)
_SIGNATURE = "-- "
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_QUOTES = re.compile(r"(?:>[ ]?)*")
_NAMED = re.compile(r"(.*\S)\s*<[^<>]*>\Z", re.DOTALL)


def groups_of(fields: Fields) -> t.List[str]:
    """Where a follow-up to the article goes: Followup-To, or else Newsgroups."""
    wanted = _names(fields.first("followup-to"))
    if [name.lower() for name in wanted] == ["poster"]:
        people = _CONTROL.sub(" ", fields.first("reply-to") or fields.first("from"))
        raise FleetproofError(
            "refused", "The author of the article wants answers by mail (Followup-To: poster): write to %s with smtp_report, or give newsgroups" % people
        )
    return wanted or _names(fields.first("newsgroups"))


def _names(value: str) -> t.List[str]:
    return list(dict.fromkeys(filter(None, re.split(r"[,\s]+", value))))


def subject_of(fields: Fields) -> str:
    """``Re: …``, once."""
    subject = " ".join(_CONTROL.sub(" ", fields.first("subject")).split())
    return subject if _ANSWERED.match(subject) else ("Re: " + subject).strip()


def references_to(fields: Fields, parent: str) -> t.List[str]:
    """The References of a follow-up to the article ``parent``, oldest first, trimmed where they are too long for a header field."""
    found = [name for name in references_of(fields) if is_message_id(name) and name != parent]
    return trimmed([*found, message_id_of(fields) if is_message_id(message_id_of(fields)) else parent])


def trimmed(references: t.List[str]) -> t.List[str]:
    """``references`` without the second and more of them, until they fit; the first and the last two always stay."""
    # each but the first has a space ahead of it
    size = sum(len(name) + 1 for name in references) - 1
    start = 1
    while size > _LONGEST_REFERENCES and len(references) - start > 2:
        size -= len(references[start]) + 1
        start += 1
    return [*references[:1], *references[start:]]


def quotation(message: Message, most: int) -> str:
    """The text of the article as a quotation of at most ``most`` lines (-1: all), ahead of it who is quoted. "" when there is nothing to quote.

    The signature is left out, and paragraphs that were sent as one line each (format=flowed) are wrapped.
    """
    lines = [quoted for line in _said(message.text) for quoted in _quoted(line)]
    if most >= 0 and len(lines) > most:
        lines = [*lines[:most], "> [...]"] if most else []
    if not lines:
        return ""
    return "\n".join([_attribution(message.fields), *lines]) + "\n"


def _said(text: str) -> t.List[str]:
    lines = [_CONTROL.sub("\ufffd", line) for line in text.rstrip().split("\n")]
    # rstrip took the blank of a signature without lines
    ends = [index for index, line in enumerate(lines) if line == _SIGNATURE or (line == "--" and index == len(lines) - 1)]
    lines = lines[: ends[0]] if ends else lines
    while lines and not lines[-1].strip():
        lines.pop()
    while lines and not lines[0].strip():
        lines.pop(0)
    return lines


def _quoted(line: str) -> t.List[str]:
    line = line.rstrip()
    if len(line) <= _LONGEST_LINE:
        return [_behind_mark(line)]
    marks = t.cast(t.Match[str], _QUOTES.match(line)).group()
    wrapped = textwrap.wrap(line[len(marks) :], _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [_behind_mark(marks + piece) for piece in wrapped or [""]]


def _behind_mark(line: str) -> str:
    return (">" if line.startswith(">") or not line else "> ") + line


def _attribution(fields: Fields) -> str:
    people = mailboxes_of(fields.raw("from"), fields.hint)
    who = " ".join(_CONTROL.sub(" ", people[0] if people else "somebody").split())
    named = _NAMED.match(who)
    # the address is for those who read the article itself
    name = (named.group(1) if named else who.partition("@")[0]).strip('"') or "somebody"
    seconds = seconds_of(fields.first("date"))
    try:
        when = "" if seconds is None else time.strftime("On %Y-%m-%d at %H:%M UTC, ", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        when = ""
    return "%s%s wrote:" % (when, name)
