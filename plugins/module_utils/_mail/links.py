# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The links, forms and words of an HTML text.

Private to this collection. A scanner of its own, as html.parser takes time that grows with the square of hostile
input, and gives up on some. This one is linear and takes anything; what browsers would do with broken markup is
followed as far as links need it.
"""

from __future__ import annotations

import html
import re
import typing as t
from dataclasses import dataclass, field

from .._message.text import known_references

_LONGEST = 4 * 1024 * 1024  # characters of a text that are looked at
_MOST_LINKS = 10000
_LONGEST_TEXT = 500  # characters of a link's own text
_TAG = re.compile(r"<(?:(!--)|([!?])|(/?)([a-zA-Z][^\s/>]*))")
_ATTRIBUTE = re.compile(r"""[\s/]*([^\s>/][^\s=>/]*)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s>]*))?""")
_TAG_END = re.compile(r"[\s/]*>?")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_RAW = frozenset(("script", "style", "title", "textarea", "xmp"))
_APART = frozenset("address article blockquote body br dd div dl dt footer form h1 h2 h3 h4 h5 h6 head header hr li ol p pre section table td th tr ul".split())
_URL = re.compile(r"\b(?:https?|ftps?)://[^\s<>\"'`]{1,2000}", re.IGNORECASE)


class Link(t.NamedTuple):
    """Where it leads, as written, and what its text is; "" for one without, or in plain text."""

    href: str
    text: str


@dataclass
class Page:
    """What an HTML text holds. ``forms`` counts those that can send something."""

    links: t.List[Link] = field(default_factory=list)
    forms: int = 0
    scripts: int = 0
    text: str = ""


def links_of_text(text: str) -> t.List[Link]:
    """The addresses in plain text that mail programs make links of."""
    found = []
    for match in _URL.finditer(text[:_LONGEST]):
        # the mark at the end of a sentence is not part of it
        found.append(Link(match.group().rstrip(".,;:!?)]}"), ""))
        if len(found) >= _MOST_LINKS:
            break
    return found


def page_of(source: str) -> Page:
    """Everything of interest in an HTML text."""
    return _Scanner(source[:_LONGEST]).scan()


def unescape(text: str) -> str:
    """``text`` with its character references replaced, whatever numbers they name."""
    return html.unescape(known_references(text))


class _Scanner:
    def __init__(self, source: str) -> None:
        self._source = source
        self._lower = source.lower()
        if len(self._lower) != len(source):
            # a few letters are two in lower case; then positions would not agree
            self._lower = re.sub("[A-Z]", lambda letter: letter.group().lower(), source)
        self._page = Page()
        self._words: t.List[str] = []
        self._href: t.Optional[str] = None
        self._link_words: t.List[str] = []
        self._in_form = False

    def scan(self) -> Page:
        """Go through the text once."""
        source = self._source
        position = 0
        while position < len(source):
            match = _TAG.search(source, position)
            self._text(source[position : match.start() if match else len(source)])
            if match is None:
                break
            if match.group(1):
                end = source.find("-->", match.end())
                position = end + 3 if end >= 0 else len(source)
            elif match.group(2):
                end = source.find(">", match.end())
                position = end + 1 if end >= 0 else len(source)
            else:
                position = self._tag(match)
        self._end_link()
        self._page.text = " ".join(_INVISIBLE.sub("", "".join(self._words)).split())
        return self._page

    def _text(self, raw: str) -> None:
        if raw:
            text = unescape(raw)
            self._words.append(text)
            if self._href is not None:
                self._link_words.append(text)

    def _tag(self, match: t.Match[str]) -> int:
        """Take in the tag that begins at ``match``; where it ends."""
        name = match.group(4).lower()
        attributes, position = self._attributes(match.end())
        if name in _APART:
            self._text(" ")
        if match.group(3):
            if name == "a":
                self._end_link()
            elif name == "form":
                self._in_form = False
            return position
        self._element(name, attributes)
        if name in _RAW:
            end = self._lower.find("</" + name, position)
            return end if end >= 0 else len(self._source)
        return position

    def _attributes(self, position: int) -> t.Tuple[t.Dict[str, str], int]:
        found: t.Dict[str, str] = {}
        while True:
            match = _ATTRIBUTE.match(self._source, position)
            if match is None:
                break
            value = match.group(2) or ""
            if value[:1] in ("'", '"') and len(value) > 1 and value[-1] == value[0]:
                value = value[1:-1]
            # of two that have one name the first counts
            found.setdefault(match.group(1).lower(), value)
            position = match.end()
        return found, t.cast(t.Match[str], _TAG_END.match(self._source, position)).end()

    def _element(self, name: str, attributes: t.Dict[str, str]) -> None:
        if name == "a":
            self._end_link()
            if "href" in attributes:
                self._href = unescape(attributes["href"])
        elif name == "area" and "href" in attributes:
            self._add(Link(unescape(attributes["href"]), ""))
        elif name == "form":
            self._page.forms += 1
            self._in_form = True
            if attributes.get("action"):
                self._add(Link(unescape(attributes["action"]), ""))
        elif name in ("input", "textarea", "select") and not self._in_form:
            # a field that belongs to no form can still ask for a password
            if attributes.get("type", "text").lower() in ("text", "password", "email", "tel"):
                self._page.forms += 1
        elif name == "script":
            self._page.scripts += 1
        elif name in ("iframe", "frame") and attributes.get("src"):
            self._add(Link(unescape(attributes["src"]), ""))

    def _end_link(self) -> None:
        if self._href is not None:
            text = " ".join(_INVISIBLE.sub("", "".join(self._link_words)).split())[:_LONGEST_TEXT]
            self._add(Link(self._href, text))
        self._href = None
        self._link_words = []

    def _add(self, link: Link) -> None:
        if len(self._page.links) < _MOST_LINKS:
            self._page.links.append(link)
