# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs between two trees, for the eyes: unified diffs of text and a line for everything else.

Private to this collection; for tasks in diff mode.
"""

from __future__ import annotations

import difflib
import os
import typing as t

from .._descent import Descent, open_untouched
from .._values import display_name
from .collect import Findings
from .pairs import reason_of
from .walk import SIDES

# So many files are shown, and of each side no more than so many bytes.
FILES = 20
BYTES = 64 * 1024
# Finding what unlike texts have in common takes a time that grows with this number: pairs of equal lines.
PAIRS = 500_000


def diff_text(findings: Findings, left: int, right: int, roots: t.Tuple[str, str], follow: bool, one_way: bool) -> str:
    """All that makes the trees differ, as far as it is listed; "" when nothing does.

    ``left`` and ``right`` are the descriptors of the trees, ``roots`` the paths they are called by.
    """
    parts: t.List[str] = []
    descents = (Descent(left, follow), Descent(right, follow))
    paths = findings.paths["diff_files"].settle()
    for number, path in enumerate(paths):
        parts.append(_file(path, descents, roots, follow) if number < FILES else "differs: %s" % display_name(path))
    for descent in descents:
        descent.close()
    parts += ["only on the left: %s" % display_name(path) for path in findings.paths["left_only"].settle()]
    if not one_way:
        parts += ["only on the right: %s" % display_name(path) for path in findings.paths["right_only"].settle()]
    rows = findings.rows
    parts += ["other type: %s: %s on the left, %s on the right" % (display_name(path), *types) for path, *types in rows["type_diff"].settle()]
    parts += ["not compared: %s: %s" % (display_name(path), reason) for path, reason in rows["funny_files"].settle()]
    parts += ["%s: %s: %s on the left, %s on the right" % (field, display_name(path), *sides) for path, field, *sides in rows["metadata_diff"].settle()]
    return "".join(part if part.endswith("\n") else part + "\n" for part in parts)


def _file(path: str, descents: t.Tuple[Descent, Descent], roots: t.Tuple[str, str], follow: bool) -> str:
    """A unified diff of one file, or the line that says why there is none."""
    rel, slash, name = path.rpartition("/")
    shown = display_name(path)
    texts: t.List[t.List[str]] = []
    for side, descent in enumerate(descents):
        try:
            data = _read(descent.open(rel + slash), name, follow)
        except OSError as error:
            return "differs: %s (%s)" % (shown, reason_of(error, SIDES[side]))
        if data is None:
            return "differs: %s (a link)" % shown
        if len(data) > BYTES:
            return "differs: %s (larger than %d KiB)" % (shown, BYTES // 1024)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            return "differs: %s (binary)" % shown
        # At line feeds only: splitlines() knows a dozen more ends of a line.
        texts.append([line for line in text.replace("\n", "\n\0").split("\0") if line])
    if _equal_pairs(*texts) > PAIRS:
        return "differs: %s (too many equal lines to tell which is which)" % shown
    before, after = (display_name(os.path.join(root, path)) for root in roots)
    lines = [line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in difflib.unified_diff(texts[0], texts[1], before, after)]
    return "".join(lines) or "differs: %s (no longer)" % shown


def _equal_pairs(before: t.List[str], after: t.List[str]) -> int:
    """How many pairs of equal lines difflib looks at, each time it looks; lines that make up more than a hundredth are none to it."""
    there: t.Dict[str, int] = {}
    for line in after:
        there[line] = there.get(line, 0) + 1
    most = len(after) // 100 + 1 if len(after) >= 200 else len(after)
    return sum(number for number in (there.get(line, 0) for line in before) if number <= most)


def _read(directory: int, name: str, follow: bool) -> t.Optional[bytes]:
    """The start of a file, up to one byte more than is shown; None for what is no file."""
    try:
        os.readlink(name, dir_fd=directory)
    except OSError:
        pass
    else:
        if not follow:
            return None
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = open_untouched(name, flags if follow else flags | os.O_NOFOLLOW, directory)
    with open(descriptor, "rb") as file:
        return file.read(BYTES + 1)
