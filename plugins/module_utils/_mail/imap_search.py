# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to look for, as IMAP servers are asked for it (RFC 3501, section 6.4.4): criteria, and sets of UIDs.

Private to this collection. Pure functions.
"""

from __future__ import annotations

import re
import typing as t

from .._errors import FleetproofError
from .._values import display_name

_LONGEST_SET = 4000  # octets; RFC 7162, section 4 asks for commands below 8192
# a quoted string, a bracket, or anything up to the next of them
_WORD = re.compile(r'( +)|([()])|"((?:[^"\\]|\\.)*)"|([^ ()"]+)')

Parts = t.List[t.Union[str, bytes]]


def search_parts(criteria: str) -> Parts:
    """The arguments of UID SEARCH for ``criteria`` as users write them, ready for Dialogue.command.

    What is beyond ASCII goes as literals in UTF-8, and with it word of that. A line break, or what the
    server would take for the announcement of one, is refused.
    """
    text = criteria.strip(" ")
    if re.search("[\r\n\0]", text):
        raise FleetproofError("unsafe", "search: %s has a line break or a NUL in it" % display_name(text))
    if not text:
        raise FleetproofError("argument", "search is empty; ALL finds every message")
    if re.match(r"(?:RETURN|CHARSET)\b", text, re.IGNORECASE):
        raise FleetproofError("argument", "search: leave out %s, which is seen to" % text.split()[0].upper())
    parts = _parts_of(text)
    return parts if text.isascii() else ["CHARSET UTF-8 ", *parts]


def _parts_of(text: str) -> Parts:
    parts: Parts = []
    position = 0
    while position < len(text):
        match = _WORD.match(text, position)
        if match is None:
            raise FleetproofError("argument", "search: %s has a quotation mark without another" % display_name(text))
        position = match.end()
        quoted, bare = match.group(3), match.group(4)
        if bare is not None and "{" in bare:
            raise FleetproofError("unsafe", "search: %s would be taken for the announcement of more; put it in quotation marks" % display_name(bare))
        if match.group().isascii():
            parts.append(match.group())
        else:
            parts.append((re.sub(r"\\(.)", r"\1", quoted) if bare is None else bare).encode("utf-8", "surrogateescape"))
    return parts


def uid_sets(uids: t.Iterable[int], most: int) -> t.Iterator[t.Tuple[str, t.List[int]]]:
    """``uids`` as sets such as ``1:4,9`` that are short enough for a command, each of at most ``most`` UIDs, and what is in them."""
    batch: t.List[int] = []
    words: t.List[str] = []
    length = 0
    for first, last in _runs(sorted(set(uids)), most):
        word = str(first) if first == last else "%d:%d" % (first, last)
        if batch and (length + len(word) + 1 > _LONGEST_SET or len(batch) + last - first + 1 > most):
            yield ",".join(words), batch
            batch, words, length = [], [], 0
        batch.extend(range(first, last + 1))
        words.append(word)
        length += len(word) + 1
    if batch:
        yield ",".join(words), batch


def _runs(uids: t.Sequence[int], most: int) -> t.Iterator[t.Tuple[int, int]]:
    """First and last of each run without a gap, of at most ``most``."""
    first = last = 0
    for uid in uids:
        if first and (uid != last + 1 or uid - first >= most):
            yield first, last
            first = 0
        first, last = first or uid, uid
    if first:
        yield first, last


def in_set(uid: int, uid_set: str) -> bool:
    """Whether a set that the server wrote, such as ``4,7:9``, has ``uid`` in it."""
    for word in uid_set.split(","):
        ends = [int(end) for end in word.split(":") if re.match(r"\A[0-9]{1,10}\Z", end)]
        if ends and min(ends) <= uid <= max(ends):
            return True
    return False
