# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which entries of a tree take part: lists of patterns as in gitignore(5).

Private to this collection. An entry is left out when it matches ``exclude`` and not ``include``; the
caller never enters a directory that is left out. Within one list the last pattern that matches decides,
and ``!`` before a pattern takes back what an earlier one of the same list said.

Two things differ from a .gitignore file: a list has no comments, so ``#`` is a character like any other,
and a pattern that could never match (no ``]``, a lone backslash at the end) is an error, not silence.
"""

from __future__ import annotations

import re
import typing as t

from ._errors import FleetproofError

# matches(path, is_directory) of one list
_Matches = t.Callable[[str, bool], bool]

# Character classes as wildmatch knows them, ASCII only.
_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    "space": r" \t\n\r\f\v",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


def compile_filter(
    include: t.Sequence[str],
    exclude: t.Sequence[str],
    key: t.Optional[t.Callable[[str], str]] = None,
) -> t.Optional[t.Callable[[str, bool], bool]]:
    """``keep(path, is_directory)``: whether an entry takes part; None when everything does.

    ``path`` is relative to the root, without a slash at either end. With ``key`` (how names are matched,
    see names.py) paths and patterns are both put through it first. Raises FleetproofError (argument) for
    a pattern that cannot be read.
    """
    left_out = _compile_list(exclude, "exclude", key)
    if left_out is None:
        return None
    taken_back = _compile_list(include, "include", key)

    def keep(path: str, is_directory: bool) -> bool:
        if key is not None:
            path = key(path)
        return not left_out(path, is_directory) or (taken_back is not None and taken_back(path, is_directory))

    return keep


def _compile_list(patterns: t.Sequence[str], option: str, key: t.Optional[t.Callable[[str], str]]) -> t.Optional[_Matches]:
    """One list as a function; None when no pattern in it can match anything."""
    groups: t.List[t.Tuple[bool, t.List[_Pattern]]] = []
    for text in patterns:
        pattern = _parse(text if key is None else key(text), "%s: the pattern %r" % (option, text))
        if pattern is None:
            continue
        if not groups or groups[-1][0] == pattern.negated:
            groups.append((not pattern.negated, []))
        groups[-1][1].append(pattern)
    if not any(verdict for verdict, _members in groups):
        return None
    if len(groups) == 1:
        return _any_of(groups[0][1])
    last_first = [(verdict, _any_of(members)) for verdict, members in reversed(groups)]

    def matches(path: str, is_directory: bool) -> bool:
        for verdict, hit in last_first:
            if hit(path, is_directory):
                return verdict
        return False

    return matches


class _Pattern(t.NamedTuple):
    """One pattern, taken apart."""

    regex: str
    negated: bool
    # only directories match
    directory: bool
    # the whole path from the root is matched, not the last component
    anchored: bool


def _parse(text: str, what: str) -> t.Optional[_Pattern]:
    """None for a pattern that matches nothing (empty, or slashes alone)."""
    # Blanks at the end count only behind a backslash.
    body = text.rstrip(" ")
    if len(body) < len(text) and (len(body) - len(body.rstrip("\\"))) % 2:
        body += " "
    negated = body.startswith("!")
    if negated:
        body = body[1:]
    directory = body.endswith("/")
    if directory:
        body = body[:-1]
    anchored = "/" in body
    if body.startswith("/"):
        body = body[1:]
    if not body:
        return None
    return _Pattern(_translate(body, what), negated, directory, anchored)


def _any_of(patterns: t.List[_Pattern]) -> _Matches:
    """Whether at least one of ``patterns`` matches."""
    tests = [[_alternatives(patterns, anchored, directory) for anchored in (False, True)] for directory in (False, True)]

    def hit(path: str, is_directory: bool) -> bool:
        by_name, by_path = tests[is_directory]
        if by_name is not None and by_name(path[path.rfind("/") + 1 :]):
            return True
        return by_path is not None and by_path(path) is not None

    return hit


def _alternatives(patterns: t.List[_Pattern], anchored: bool, directory: bool) -> t.Optional[t.Callable[[str], t.Optional[t.Match[str]]]]:
    regexes = [pattern.regex for pattern in patterns if pattern.anchored == anchored and (directory or not pattern.directory)]
    return re.compile("|".join(regexes), re.DOTALL).fullmatch if regexes else None


def _translate(body: str, what: str) -> str:
    """A pattern without its ``!`` and the slashes at its ends as a regular expression for a full match."""
    regex = []
    at = 0
    while at < len(body):
        char = body[at]
        at += 1
        if char == "*":
            at, piece = _stars(body, at)
            regex.append(piece)
        elif char == "?":
            regex.append("[^/]")
        elif char == "[":
            at, piece = _bracket(body, at, what)
            regex.append(piece)
        elif char == "\\":
            if at == len(body):
                raise FleetproofError("argument", "%s ends in a lone backslash; write \\\\ for the character itself" % what)
            regex.append(re.escape(body[at]))
            at += 1
        else:
            regex.append(re.escape(char))
    return "".join(regex)


def _stars(body: str, at: int) -> t.Tuple[int, str]:
    """What the ``*`` before ``at``, and those that follow it, stand for; and where the pattern goes on."""
    start = at - 1
    while body[at : at + 1] == "*":
        at += 1
    whole = at - start == 2 and (start == 0 or body[start - 1] == "/")
    if whole and at == len(body):
        return at, ".+"  # "dir/**": all that is inside, at any depth
    if whole and body[at : at + 1] == "/":
        return at + 1, "(?:.+/)?"  # "**/": in any directory, or in none
    return at, "[^/]*"


def _bracket(body: str, at: int, what: str) -> t.Tuple[int, str]:
    """The set that begins behind the ``[`` before ``at``, and where the pattern goes on."""
    negated = body[at : at + 1] in ("!", "^") and at < len(body)
    if negated:
        at += 1
    members: t.List[str] = []
    first = True
    while True:
        if at >= len(body):
            raise FleetproofError("argument", "%s has a [ without its ]; write \\[ for the character itself" % what)
        if body[at] == "]" and not first:
            break
        first = False
        if body.startswith("[:", at) and body.find(":]", at + 2) >= 0:
            end = body.find(":]", at + 2)
            name = body[at + 2 : end]
            if name not in _CLASSES:
                raise FleetproofError("argument", "%s names an unknown character class [:%s:]" % (what, name))
            members.append(_CLASSES[name])
            at = end + 2
            continue
        at, low = _member(body, at)
        high = low
        if body[at : at + 1] == "-" and body[at + 1 : at + 2] not in ("", "]"):
            at, high = _member(body, at + 1)
        if low <= high:  # a range the wrong way round holds nothing
            members.append("%s-%s" % (re.escape(low), re.escape(high)))
    if negated:
        return at + 1, "[^/%s]" % "".join(members)
    return at + 1, "(?!/)[%s]" % "".join(members) if members else "(?!)"


def _member(body: str, at: int) -> t.Tuple[int, str]:
    if body[at] == "\\" and at + 1 < len(body):
        at += 1
    return at + 1, body[at]
