# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses in the header of mail that others wrote: taken as they are, never refused.

Private to this collection. Pure, linear. For addresses that people give to a module see addresses.py, which is strict.
"""

from __future__ import annotations

import re
import typing as t

from .words import LONGEST_VALUE, decode_value, unfold

# no quoted string, comment or angle is looked for a second time once it was found not to end
_TOKEN = re.compile(r"=\?[^?\s]{0,60}\?[bBqQ]\?[^?\"<>]*\?=|\[[^\[\]]{0,300}\]|[^\"(<,;:=\[\\]+|\\.|.", re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ANGLE = re.compile(r"<([^<>]*)>")
_OPEN_ANGLE = re.compile(r"<([^<>,;\s@]{1,320}@[^<>,;\s]{1,320})")
_PARENTHESIS = re.compile(r"\\.|[()]", re.DOTALL)
_COMMENT = re.compile(r"\([^()]*\)")
_ROUTE = re.compile(r"\A@[^:]*:")  # by which mail once went (RFC 5322, section 4.4)
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_SPECIAL = re.compile(r"[\"(),.:;<>@\[\\\]]")


class _One:
    """What was found of the address that is being read."""

    def __init__(self) -> None:
        self.phrase: t.List[str] = []
        self.comments: t.List[str] = []
        self.spec: t.Optional[str] = None

    def shown(self, hint: str) -> str:
        """``Name <address>``, ready to be written to; "" for nothing."""
        phrase, comment = ("".join(self.phrase), " ".join(self.comments))
        if self.spec is None and not phrase.strip():
            # a comment on nobody, such as behind a group without members
            return ""
        if self.spec is None:
            # white space is no part of an address, unless it is quoted
            pieces = (piece if piece.startswith('"') else "".join(piece.split()) for piece in self.phrase)
            spec, name = ("".join(pieces) if "@" in phrase else phrase, comment)
        else:
            spec, name = (self.spec, phrase if phrase.strip() else comment)
        shown_spec, shown_name = _text(spec, hint), " ".join(_text(name, hint).split())
        if not shown_name or shown_name == shown_spec:
            return shown_spec or ("<>" if self.spec is not None else "")
        if _SPECIAL.search(shown_name):
            shown_name = '"%s"' % shown_name.replace("\\", "\\\\").replace('"', '\\"')
        return "%s <%s>" % (shown_name, shown_spec)


def mailboxes_of(values: t.Iterable[bytes], hint: str = "") -> t.List[str]:
    """The mailboxes in the address fields ``values`` as ``Name <user@example.com>``, decoded; members of groups among them.

    A name with characters that mean something in an address is quoted. ``hint`` is a charset for octets that were not encoded.
    """
    return [shown for value in values for shown in (one.shown(hint) for one in _read(unfold(value[:LONGEST_VALUE]).decode("latin-1"))) if shown]


def _read(text: str) -> t.Iterator[_One]:
    one = _One()
    position = 0
    endless: t.Set[str] = set()
    while position < len(text):
        char = text[position]
        found = None
        if char in '"(<' and char not in endless:
            found = _QUOTED.match(text, position) if char == '"' else _ANGLE.match(text, position) if char == "<" else None
            end = _comment_end(text, position) if char == "(" else found.end() if found else 0
            if char == "<" and found is None:
                end = _open_angle(text, position, one)
            if end:
                _take(one, char, found, text[position:end])
                position = end
                continue
            if char != "<":
                endless.add(char)
        piece = t.cast(t.Match[str], _TOKEN.match(text, position)).group()
        position += len(piece)
        if piece in (",", ";"):
            yield one
            one = _One()
        elif piece == ":" and one.spec is None:
            # the name of a group, or a scheme
            one = _One()
        else:
            one.phrase.append(piece)
    yield one


def _take(one: _One, char: str, found: t.Optional[t.Match[str]], text: str) -> None:
    if char == '"' and found:
        # in the address itself the quotes belong to it, in a name they do not
        follows_at = found.string.startswith("@", found.end())
        one.phrase.append(text if follows_at else _PAIR.sub(r"\1", found.group(1)))
    elif char == "<" and found:
        spec = found.group(1)
        one.spec = "".join(_ROUTE.sub("", spec if '"' in spec else _COMMENT.sub("", spec)).split())
    elif char == "(":
        one.comments.append(_PAIR.sub(r"\1", text[1:-1]))


def _open_angle(text: str, position: int, one: _One) -> int:
    """The end of an address whose ">" is missing; 0 where there is none."""
    match = _OPEN_ANGLE.match(text, position)
    if match is None:
        return 0
    one.spec = match.group(1)
    return match.end()


def _comment_end(text: str, position: int) -> int:
    """Where the comment that begins at ``position`` ends; 0 if it does not. Comments may be nested."""
    depth = 0
    for match in _PARENTHESIS.finditer(text, position):
        depth += {"(": 1, ")": -1}.get(match.group(), 0)
        if depth == 0:
            return match.end()
    return 0


def _text(text: str, hint: str) -> str:
    return decode_value(text.encode("latin-1"), hint)
