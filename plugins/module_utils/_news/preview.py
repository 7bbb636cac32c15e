# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first lines of an article that say something of its author's own.

Private to this collection. Pure. Left out are quoted text, the lines that say who is quoted, signatures, and more than one
empty line in a row. Interpreter prompts (">>> " and "... ") stay: in groups about Python they are not quotes.
"""

from __future__ import annotations

import re
import typing as t

_QUOTED = re.compile(r"[ \t]{0,3}(?:[>\uff1e]|\|(?!\|)|:[ \t]|[A-Za-z][A-Za-z.]{0,3}>(?:[ \t>]|\Z))")
_TABLE = re.compile(r"[ \t]{0,3}\|.*\|[ \t]*\Z")
_PROMPT = re.compile(r">>>(?: [^>]|\Z)")
_COMPACT = re.compile(r">>(?!>)")
_SIGNATURE = "-- "
_FORWARDED = re.compile(
    r"[ \t]*-{2,}[ \t]*(?:original message|original-nachricht|urspr\u00fcngliche nachricht|message d'origine|mensaje original|messaggio originale|"
    r"oorspronkelijk bericht|\u539f\u59cb\u90ae\u4ef6|\u539f\u59cb\u90f5\u4ef6|forwarded message)[ \t]*-{2,}[ \t]*\Z",
    re.IGNORECASE,
)
# How a line ends that says who is quoted.
_WROTE = re.compile(
    r"(?:\b(?:wrote|writes|said|says|a \u00e9crit|\u00e9crit|\u00e9crivait|ha scritto|scrive)"
    # an id, or the name of a group
    r"(?: in (?:(?:message|article|news:).{0,200}|[a-z0-9_+-]{1,60}(?:\.[a-z0-9_+-]{1,60}){1,12}))?|"
    # the name may come last
    r"\b(?:schrieb|schreibt|geschrieben|escribi\u00f3|escribio|escribe|scrisse|escreveu|schreef|skrev|skriver|kirjoitti|napisa\u0142\(?a?\)?|napsal\(?a?\)?|"
    r"\u043f\u0438\u0448\u0435\u0442|\u043f\u0438\u0441\u0430\u043b\(?\u0430?\)?|\u043d\u0430\u043f\u0438\u0441\u0430\u043b\(?\u0430?\)?)(?: .{1,120})?|"
    r"\u5199\u9053|\u5beb\u9053|\u66f8\u304d\u307e\u3057\u305f|\ub2d8\uc774 \uc791\uc131)[ \t]{0,3}(?::|\uff1a|\.{3}|\u2026)[ \t]*\Z",
    re.IGNORECASE,
)
# How it begins, where it takes more than one line; a date or an address belongs to it.
_BEGINS = re.compile(
    r"[ \t]{0,3}(?:on|in|at|am|le|el|il|em|op|den|dne|w dniu|\u5728|\u65bc|in article|in message|in news)\b.{0,400}(?:[0-9]|@|<|news:)", re.IGNORECASE
)
_CERTAIN = re.compile(r"[ \t]{0,3}(?:on|am|le|el|il|em|op|den|in article|in message)\b.{0,400}(?:[0-9]|<[^<>]+>)", re.IGNORECASE)
_MOST_LINES = 20000  # of an article that are looked at
_LONGEST = 1000  # characters of a line that says who is quoted


def preview_of(text: str, most: int) -> t.List[str]:
    """The first ``most`` meaningful lines of a text, and an empty one wherever there were some between them."""
    lines = _own_part(text.split("\n", _MOST_LINES)[:_MOST_LINES])
    quoted = _quotes(lines)
    dropped = _attributions(lines, quoted)
    found: t.List[str] = []
    blank = False
    for index, line in enumerate(lines):
        if not most:
            break
        if quoted[index] or dropped[index]:
            continue
        if line.strip():
            found.extend(["", line.rstrip()] if blank and found else [line.rstrip()])
            most -= 1
        blank = not line.strip()
    return found


def _own_part(lines: t.List[str]) -> t.List[str]:
    for index, line in enumerate(lines):
        if line == _SIGNATURE or _FORWARDED.match(line[:_LONGEST]):
            return lines[:index]
    return lines


def _quotes(lines: t.Sequence[str]) -> t.List[bool]:
    """Which lines are quotes. Prompts are none, unless they stand in a ladder of quotes (">", ">>", ">>>")."""
    found = [_QUOTED.match(line) is not None and _TABLE.match(line) is None for line in lines]
    start = 0
    while start < len(lines):
        end = start
        while end < len(lines) and found[end]:
            end += 1
        if not any(_COMPACT.match(line) for line in lines[start:end]):
            for index in range(start, end):
                found[index] = _PROMPT.match(lines[index]) is None
        start = end + 1
    return found


def _attributions(lines: t.Sequence[str], quoted: t.Sequence[bool]) -> t.List[bool]:
    """Which lines say who is quoted: they stand ahead of a quote, or cannot mean anything else."""
    dropped = [False] * len(lines)
    quote_follows = False
    for index in range(len(lines) - 1, -1, -1):
        line = lines[index]
        if quoted[index]:
            quote_follows = True
            continue
        if not line.strip():
            continue
        first = _beginning(lines, quoted, index)
        if first is not None and (quote_follows or _CERTAIN.match(lines[first])):
            for each in range(first, index + 1):
                dropped[each] = True
        quote_follows = False
    return dropped


def _beginning(lines: t.Sequence[str], quoted: t.Sequence[bool], end: int) -> t.Optional[int]:
    """Where the words begin that end with the line ``end`` and say who is quoted, at most two lines above; None when it does not end so."""
    words, found = "", None
    for index in range(end, max(end - 3, -1), -1):
        line = lines[index]
        if quoted[index] or not line.strip() or len(line) > _LONGEST:
            break
        words = "%s %s" % (line, words) if words else line
        if (index == end or _BEGINS.match(line)) and _WROTE.search(words):
            found = index
    return found
