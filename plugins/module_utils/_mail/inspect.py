# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is suspicious about a message.

Private to this collection. Pure, and linear in the size of the message.
"""

from __future__ import annotations

import re
import typing as t

from .._errors import FleetproofError
from .._message.parse import Message
from .file_findings import file_findings
from .findings import Finding, finding, limited
from .header_findings import header_findings, proved_domains
from .hops import Hop
from .link_findings import link_findings
from .links import links_of_text, page_of

_PAGES = (".htm", ".html", ".shtml", ".xhtml")
_MOST_PAGES = 20  # attached HTML texts that are looked into


class Keyword(t.NamedTuple):
    """A word as the user wrote it, and what finds it."""

    written: str
    pattern: t.Pattern[str]


def keywords_of(words: t.Sequence[str]) -> t.List[Keyword]:
    """The keywords: plain words, or regular expressions between slashes, neither telling case."""
    found = []
    for word in words:
        if len(word) > 2 and word.startswith("/") and word.endswith("/"):
            expression = word[1:-1]
        else:
            pieces = [re.escape(piece) for piece in word.split()]
            if not pieces:
                raise FleetproofError("argument", "keywords: an empty keyword is in every message; leave it out")
            # "pass" is not in "passenger"; scripts without spaces between words have no such borders
            expression = r"\s+".join(pieces)
            expression = (r"(?<![A-Za-z0-9_])" if re.match("[A-Za-z0-9_]", word.strip()) else "") + expression
            expression += r"(?![A-Za-z0-9_])" if re.search(r"[A-Za-z0-9_]\Z", word.strip()) else ""
        try:
            found.append(Keyword(word, re.compile(expression, re.IGNORECASE)))
        except (re.error, RecursionError, OverflowError) as error:
            raise FleetproofError("argument", "keywords: %s is not a regular expression: %s" % (word, error)) from error
    return found


def inspect(message: Message, hops: t.Sequence[Hop], keywords: t.Sequence[Keyword] = (), trusted: t.Sequence[str] = ()) -> t.List[Finding]:
    """What was found, the heaviest first. ``trusted``: servers whose Authentication-Results count, see verdicts_of."""
    found = list(header_findings(message.fields, hops, trusted))
    page = page_of(message.html) if message.html else None
    plain = "\n".join(part.text() for part in message.parts if not part.attached and part.mime_type == "text/plain")
    found += link_findings(page, links_of_text(plain), proved_domains(message.fields, trusted))
    pages = 0
    for part in message.attachments:
        found += file_findings(part)
        if (part.mime_type == "text/html" or part.name.lower().endswith(_PAGES)) and pages < _MOST_PAGES:
            pages += 1
            found += link_findings(page_of(part.text()), ())
    found += _keywords(keywords, {"subject": message.fields.first("Subject"), "text": plain, "HTML text": page.text if page else ""})
    return sorted(limited(found), key=lambda one: -one.weight)


def _keywords(keywords: t.Sequence[Keyword], texts: t.Dict[str, str]) -> t.Iterator[Finding]:
    for keyword in keywords:
        places = [place for place, text in texts.items() if keyword.pattern.search(text)]
        if places:
            yield finding("keyword", "the keyword %s is in the %s" % (keyword.written, " and the ".join(places)))
