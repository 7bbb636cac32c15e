# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a mail server says it found when it checked where a message came from (Authentication-Results, RFC 8601).

Private to this collection. Pure. Anybody can write such a field into a message, so that only those of a
server of one's own count, and of several that it wrote the topmost for each method.
"""

from __future__ import annotations

import re
import typing as t

from .._message.fields import Fields
from .comments import without_comments

_LONGEST = 65536  # characters of a field
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|;|[^";]+|"')
_METHOD = re.compile(r"\s*([a-z0-9-]+)(?:\s*/\s*[0-9]+)?\s*=\s*([a-z0-9]+)\b", re.IGNORECASE)
_PROPERTY = re.compile(r"([a-z0-9-]+\s*\.\s*[a-z0-9_-]+)\s*=\s*(\"[^\"]*\"|[^\s\"]+)", re.IGNORECASE)


class Verdict(t.NamedTuple):
    """One result: ``method`` and ``result`` in lower case, and the properties, such as ``header.d``."""

    method: str
    result: str
    properties: t.Dict[str, str]

    @property
    def domain(self) -> str:
        """Whose mail it was checked to be, "" if that is not said."""
        for name in ("header.d", "header.i", "smtp.mailfrom", "header.from", "smtp.helo"):
            if name in self.properties:
                return self.properties[name].rpartition("@")[2].strip(".>")
        return ""


def verdicts_of(fields: Fields, trusted: t.Sequence[str]) -> t.Tuple[str, t.List[Verdict]]:
    """Who says so and what. ``trusted``: authserv-ids that count; if there are none, the one of the topmost field."""
    wanted = {name.lower() for name in trusted}
    by = ""
    found: t.Dict[str, t.List[Verdict]] = {}
    for value in fields.all("Authentication-Results"):
        server, verdicts = parse_results(value)
        if not wanted:
            wanted = {server.lower()}
        if server.lower() not in wanted:
            continue
        by = by or server
        methods = {verdict.method for verdict in verdicts if verdict.method not in found}
        for verdict in verdicts:
            if verdict.method in methods:
                found.setdefault(verdict.method, []).append(verdict)
    return by, [verdict for verdicts in found.values() for verdict in verdicts]


def parse_results(value: str) -> t.Tuple[str, t.List[Verdict]]:
    """The authserv-id of one field and its verdicts."""
    pieces = _split(without_comments(value[:_LONGEST]))
    server = (pieces[0].split() or [""])[0].strip('"')
    verdicts = []
    for piece in pieces[1:]:
        match = _METHOD.match(piece)
        if match is not None:
            properties: t.Dict[str, str] = {}
            for name, text in _PROPERTY.findall(piece[match.end() :]):
                properties.setdefault("".join(name.lower().split()), text.strip('"'))
            verdicts.append(Verdict(match.group(1).lower(), match.group(2).lower(), properties))
    return server, verdicts


def _split(text: str) -> t.List[str]:
    """The text between semicolons that stand in no quotes."""
    pieces = [""]
    for match in _PIECE.finditer(text):
        if match.group() == ";":
            pieces.append("")
        else:
            pieces[-1] += match.group()
    return pieces
