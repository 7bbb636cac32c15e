# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text from HTML, for readers without HTML: paragraphs, lists, links and tables that line up.

Private to this collection. Pure; any input gives some text, never an error.
"""

from __future__ import annotations

import re
import typing as t
import unicodedata
from dataclasses import dataclass, field
from html.parser import HTMLParser

WIDTH = 78  # columns of a line
_TABLE_WIDTH = 110  # columns that a table may take before it is written row by row
_HEADING_LINES = 10  # lines of a heading that its underline is as long as
_DEEPEST = 100  # elements inside each other; what lies deeper is taken as lying beside

_VOID = frozenset(("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"))
_SILENT = frozenset(("head", "script", "style", "template", "title", "noscript", "svg"))
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_LOUD = frozenset(("p", *_HEADINGS, "ul", "ol", "dl", "table", "blockquote", "pre", "hr"))
_BLOCK = _LOUD | frozenset(("address", "article", "aside", "body", "caption", "center", "dd", "details", "div", "dt", "fieldset", "figcaption", "figure"))
_BLOCK |= frozenset(("footer", "form", "header", "html", "li", "main", "nav", "section", "summary", "tbody", "td", "tfoot", "th", "thead", "tr"))
# an open element of these ends when one of its successors begins
_ENDS = {
    "li": frozenset(("li",)),
    "p": frozenset(("p",)),
    "td": frozenset(("td", "th")),
    "th": frozenset(("td", "th")),
    "tr": frozenset(("td", "th", "tr")),
    "dt": frozenset(("dt", "dd")),
    "dd": frozenset(("dt", "dd")),
    **dict.fromkeys(_HEADINGS, frozenset(_HEADINGS)),
}
_HIDDEN = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_RIGHT = re.compile(r"text-align\s*:\s*(?:right|end)", re.IGNORECASE)
# no character has a number of eight digits, and Python refuses to read one of thousands
_NO_CHARACTER = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{8,});?")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")


@dataclass
class _Node:
    tag: str
    attrs: t.Dict[str, str] = field(default_factory=dict)
    children: t.List[t.Union[str, _Node]] = field(default_factory=list)

    def find(self, *tags: str) -> t.Iterator[_Node]:
        """Elements of these kinds below, not going into tables below this one."""
        for child in self.children:
            if isinstance(child, _Node):
                if child.tag in tags:
                    yield child
                elif child.tag != "table":
                    yield from child.find(*tags)

    def holds(self, tags: t.FrozenSet[str]) -> bool:
        return any(isinstance(child, _Node) and (child.tag in tags or child.holds(tags)) for child in self.children)


class _Builder(HTMLParser):
    """Builds the tree; elements that nobody closed are closed where browsers would."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = _Node("")
        self._open = [self.root]

    def built(self, html: str) -> _Node:
        """The tree of the whole page."""
        self.feed(html)
        self.close()
        return self.root

    def handle_starttag(self, tag: str, attrs: t.List[t.Tuple[str, t.Optional[str]]]) -> None:
        ends = _ENDS.get(tag)
        while ends and len(self._open) > 1 and self._open[-1].tag in ends:
            self._open.pop()
        node = _Node(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(node)
        if tag not in _VOID and len(self._open) < _DEEPEST:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        for index in range(len(self._open) - 1, 0, -1):
            if self._open[index].tag == tag:
                del self._open[index:]
                return
            # </p> does not close the table around it
            if self._open[index].tag in ("table", "td", "th") and tag not in ("table", "tr", "tbody", "thead", "tfoot"):
                return

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def text_of_html(html: str) -> str:
    """What the HTML says, as text with lines of 78 columns where words allow it."""
    page = _Page(WIDTH)
    page.flow(_Builder().built(_tamed(html)))
    return "\n".join(page.finish()) + "\n"


def known_references(html: str) -> str:
    """``html`` with U+FFFD for references to characters whose numbers are too long to be those of any."""
    return _NO_CHARACTER.sub("\ufffd", html)


def _tamed(html: str) -> str:
    """``html`` without comments and declarations, and with every "<" that begins no tag written out.

    html.parser looks for the end of what never ends again and again, up to the end of the page each time, and gives up
    at "<![" with nothing sensible after it.
    """
    # nothing that is taken out may leave a "<" before what began otherwise
    html = re.sub("<(?=<)", "&lt;", known_references(html))
    pieces = []
    position = 0
    while position < len(html):
        start = html.find("<!--", position)
        if start < 0:
            pieces.append(html[position:])
            break
        pieces.append(html[position:start])
        end = html.find("-->", start + 4)
        position = end + 3 if end >= 0 else len(html)
    html = re.sub(r"<[!?][^>]*>?", "", "".join(pieces))
    first, *rest = html.split("<")
    return first + "".join(("<" if ">" in piece else "&lt;") + piece for piece in rest)


def columns(text: str) -> int:
    """How many columns of a terminal the text takes: Chinese, Japanese and Korean characters take two."""
    return sum(0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


class _Page:
    """Lines being written, with the words of the present paragraph."""

    def __init__(self, width: int) -> None:
        self._width = max(width, 20)
        self._lines: t.List[str] = []
        self._words = ""
        self._gap = False

    def finish(self) -> t.List[str]:
        """All lines, without empty ones at the end."""
        self._end_line()
        while self._lines and not self._lines[-1]:
            self._lines.pop()
        return self._lines

    def flow(self, node: _Node) -> None:
        """Write what is in the node."""
        for child in node.children:
            if isinstance(child, str):
                self._words += _INVISIBLE.sub("", child)
            elif child.tag not in _SILENT and "hidden" not in child.attrs and not _HIDDEN.search(child.attrs.get("style", "")):
                self._element(child)

    def _element(self, node: _Node) -> None:
        if node.tag in _LOUD:
            self._paragraph_break()
        elif node.tag in _BLOCK:
            self._end_line()
        writer = getattr(self, "_on_" + node.tag, None)
        if writer is not None:
            writer(node)
        else:
            self.flow(node)
        if node.tag in _LOUD:
            self._paragraph_break()
        elif node.tag in _BLOCK:
            self._end_line()

    def _end_line(self) -> None:
        words = " ".join(self._words.split())
        self._words = ""
        if words:
            self._put(_wrapped(words, self._width))

    def _paragraph_break(self) -> None:
        self._end_line()
        self._gap = True

    def _put(self, lines: t.List[str]) -> None:
        if lines:
            if self._gap and self._lines:
                self._lines.append("")
            self._gap = False
            self._lines += lines

    def _inner(self, node: _Node, narrower: int) -> t.List[str]:
        page = _Page(self._width - narrower)
        page.flow(node)
        return page.finish()

    def _on_br(self, _node: _Node) -> None:
        if self._words.strip():
            self._end_line()
        else:
            self._put([""] if self._lines and self._lines[-1] and not self._gap else [])

    def _on_hr(self, _node: _Node) -> None:
        self._put(["-" * self._width])

    def _on_img(self, node: _Node) -> None:
        alt = " ".join(node.attrs.get("alt", "").split())
        if alt:
            self._words += "[%s]" % alt

    def _on_a(self, node: _Node) -> None:
        before, self._words = self._words, ""
        lines = len(self._lines)
        self.flow(node)
        href = node.attrs.get("href", "").strip()
        address = href[7:] if href.lower().startswith("mailto:") else href
        if re.match(r"(?:https?|ftps?|mailto):", href, re.IGNORECASE) and address not in self._words and len(self._lines) == lines:
            self._words += " (%s)" % address if self._words.strip() else address
        self._words = before + self._words

    def _on_pre(self, node: _Node) -> None:
        text = "".join(_all_text(node)).strip("\n")
        self._put([line.rstrip() for line in text.split("\n")])

    def _on_blockquote(self, node: _Node) -> None:
        self._put(["> " + line if line else ">" for line in self._inner(node, 2)])

    def _heading(self, node: _Node, underline: str) -> None:
        lines = self._inner(node, 0)
        if lines:
            self._put([*lines, underline * min(max(map(columns, lines[:_HEADING_LINES])), self._width)])

    def _on_h1(self, node: _Node) -> None:
        self._heading(node, "=")

    def _on_h2(self, node: _Node) -> None:
        self._heading(node, "-")

    def _on_ul(self, node: _Node) -> None:
        self._list(node, None)

    def _on_ol(self, node: _Node) -> None:
        start = node.attrs.get("start", "1")
        self._list(node, int(start) if re.match(r"\A-?[0-9]{1,6}\Z", start) else 1)

    def _list(self, node: _Node, number: t.Optional[int]) -> None:
        for child in node.children:
            if isinstance(child, str):
                self._put(_wrapped(" ".join(child.split()), self._width) if child.strip() else [])
                continue
            mark = "- " if number is None else "%d. " % number
            lines = self._inner(child, len(mark))
            self._put([(mark if index == 0 else " " * len(mark)) + line if line else "" for index, line in enumerate(lines)])
            number = None if number is None else number + 1

    def _on_dd(self, node: _Node) -> None:
        self._put(["  " + line if line else "" for line in self._inner(node, 2)])

    def _on_table(self, node: _Node) -> None:
        rows = [list(row.find("td", "th")) for row in node.find("tr")]
        rows = [row for row in rows if row]
        # tables that only place things on the page hold tables, or have one column
        if node.holds(frozenset(("table",))) or max(map(len, rows), default=0) < 2:
            self.flow(node)
            return
        for caption in node.find("caption"):
            self._put(self._inner(caption, 0))
        self._put(_table_lines(rows, [[" ".join(" ".join(self._inner(cell, 0)).split()) for cell in row] for row in rows]))


def _all_text(node: _Node) -> t.Iterator[str]:
    for child in node.children:
        if isinstance(child, str):
            yield child
        elif child.tag == "br":
            yield "\n"
        else:
            yield from _all_text(child)


def _wrapped(words: str, width: int) -> t.List[str]:
    lines: t.List[str] = []
    room = 0
    for word in words.split(" "):
        needed = columns(word)
        if lines and needed + 1 <= room:
            lines[-1] += " " + word
            room -= needed + 1
        else:
            lines.append(word)
            room = width - needed
    return lines


def _table_lines(rows: t.List[t.List[_Node]], texts: t.List[t.List[str]]) -> t.List[str]:
    spread = [_spread(row, text) for row, text in zip(rows, texts)]
    count = max(map(len, spread))
    widths = [max((columns(row[index][0]) for row in spread if index < len(row)), default=0) for index in range(count)]
    has_header = all(cell.tag == "th" for cell in rows[0])
    if sum(widths) + 2 * (count - 1) > _TABLE_WIDTH:
        return _rows_as_lists([[text for text, _right in row] for row in spread], has_header)
    lines = []
    for number, row in enumerate(spread):
        cells = []
        for index, (text, right) in enumerate(row):
            fill = " " * (widths[index] - columns(text))
            cells.append(fill + text if right else text + fill)
        lines.append("  ".join(cells).rstrip())
        if number == 0 and has_header:
            lines.append("  ".join("-" * width for width in widths))
    return lines


def _spread(row: t.List[_Node], texts: t.List[str]) -> t.List[t.Tuple[str, bool]]:
    """The cells of a row with their alignment; one that spans columns leaves the others empty."""
    cells: t.List[t.Tuple[str, bool]] = []
    for node, text in zip(row, texts):
        right = node.attrs.get("align", "").lower() == "right" or bool(_RIGHT.search(node.attrs.get("style", "")))
        cells.append((text, right))
        span = node.attrs.get("colspan", "1")
        cells += [("", False)] * (min(int(span), 50) - 1 if re.match(r"\A[0-9]{1,4}\Z", span) else 0)
    return cells


def _rows_as_lists(rows: t.List[t.List[str]], has_header: bool) -> t.List[str]:
    if not has_header:
        return [" | ".join(cell for cell in row if cell) for row in rows]
    lines = []
    for row in rows[1:]:
        named = ["%s: %s" % (name, cell) if name else cell for name, cell in zip([*rows[0], *[""] * len(row)], row) if cell]
        lines += ["- " + line if index == 0 else "  " + line for index, line in enumerate(named)]
    return lines
