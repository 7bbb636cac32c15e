# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words and comments of a structured header field, for fields that others wrote.

Private to this collection. Pure, linear; parentheses that nobody closed end with the text.
"""

from __future__ import annotations

import re
import typing as t

_PIECE = re.compile(r"\\.?|[()]|[^()\\\s]+|\s+", re.DOTALL)


def words_and_comments(text: str) -> t.Iterator[t.Tuple[str, bool]]:
    """The words and the comments (True, without their parentheses), which may hold comments (RFC 5322, section 3.2.2)."""
    depth = 0
    word = ""
    for match in _PIECE.finditer(text):
        piece = match.group()
        if piece == "(":
            if depth == 0:
                if word:
                    yield word, False
                word = ""
            else:
                word += piece
            depth += 1
        elif piece == ")" and depth:
            depth -= 1
            if depth == 0:
                yield word, True
                word = ""
            else:
                word += piece
        elif depth or not piece.isspace():
            word += piece
        elif word:
            yield word, False
            word = ""
    if word:
        yield word, depth > 0


def without_comments(text: str) -> str:
    """The words, with one space between them."""
    return " ".join(word for word, is_comment in words_and_comments(text) if not is_comment)
