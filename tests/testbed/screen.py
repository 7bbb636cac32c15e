# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plain words, tables and a little colour for a person at a terminal; plain text when there is none."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
import typing as t

GREEN, RED, YELLOW, BOLD, DIM = "32", "31", "33", "1", "2"
_BY_VERDICT = {"good": GREEN, "repaired": GREEN, "stale": YELLOW, "unverified": YELLOW, "skipped": YELLOW}


class Screen:
    """Standard output, with the seconds since the start."""

    def __init__(self) -> None:
        self.colour = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self.width = min(140, max(60, shutil.get_terminal_size((120, 40)).columns))
        self.started = time.monotonic()

    def paint(self, text: str, colour: str) -> str:
        """``text`` in a colour (SGR number), where there are colours."""
        return "\033[%sm%s\033[0m" % (colour, text) if self.colour else text

    def verdict(self, word: str, text: str = "") -> str:
        """A verdict in its colour; ``text`` instead of the word itself, such as the word with blanks."""
        return self.paint(text or word, _BY_VERDICT.get(word, RED))

    def step(self, text: str) -> None:
        """A new part of the story."""
        print("\n%s %s" % (self.paint("[%5.1f s]" % (time.monotonic() - self.started), DIM), self.paint(text, BOLD)), flush=True)

    def say(self, text: str = "", indent: int = 2) -> None:
        """A paragraph."""
        margin = " " * indent
        print(textwrap.fill(text, self.width, initial_indent=margin, subsequent_indent=margin, break_long_words=False) if text else "", flush=True)

    def lines(self, lines: t.Iterable[str], indent: int = 2) -> None:
        """Lines as they are; what is wider than the terminal is cut."""
        for line in lines:
            room = self.width - indent
            print(" " * indent + (line if len(line) <= room else line[: room - 3] + "..."), flush=True)

    def table(self, heads: t.Sequence[str], rows: t.Sequence[t.Sequence[str]], verdict: int = -1) -> None:
        """Columns as wide as they need; the last one wraps. ``verdict`` is the column that gets a colour."""
        widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads) - 1)]
        left = sum(widths) + 2 * len(widths) + 2
        for number, row in enumerate([heads, *rows]):
            cells = [cell.ljust(width) for cell, width in zip(row, widths)]
            if number and verdict >= 0:
                cells[verdict] = self.verdict(row[verdict], cells[verdict])
            last = textwrap.wrap(row[-1], max(20, self.width - left), break_long_words=False) or [""]
            line = "  ".join([*cells, last[0]])
            print("  " + (line if number else self.paint(line, BOLD)))
            for more in last[1:]:
                print(" " * left + more)
        sys.stdout.flush()
