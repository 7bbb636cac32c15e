# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text whose lines were wrapped for the way only: format=flowed (RFC 3676).

Private to this collection. Pure.
"""

from __future__ import annotations

import typing as t


def unwrapped(text: str, delsp: bool) -> str:
    """``text`` with one line for each paragraph, quote marks before it. ``delsp``: the blank that a line was broken at is not part of the text."""
    if " \n" not in text and "\n " not in text and not text.startswith(" "):
        return text
    out: t.List[str] = []
    open_depth = -1  # quote marks of the line that is to be continued; -1: none is
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        if content.startswith(" "):
            content = content[1:]
        signature = content == "-- "
        flows = content.endswith(" ") and not signature
        if flows and delsp:
            content = content[:-1]
        if open_depth == depth and not signature:
            out += (content,)
        else:
            out += ("\n" if out else "", ">" * depth + " " if depth else "", content)
        open_depth = depth if flows else -1
    return "".join(out)
