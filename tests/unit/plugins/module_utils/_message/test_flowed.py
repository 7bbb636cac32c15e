# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._message.flowed import unwrapped


@pytest.mark.parametrize(
    ("text", "delsp", "expected"),
    [
        ("one \ntwo\nthree\n", False, "one two\nthree\n"),
        ("one \ntwo\n", True, "onetwo\n"),
        ("> one \n> two\nthree\n", False, "> one two\nthree\n"),
        ("> one \n>> two\n", False, "> one \n>> two\n"),
        (" >not quoted\n", False, ">not quoted\n"),
        (" From here \non\n", False, "From here on\n"),
        ("words\n-- \nme\n", False, "words\n-- \nme\n"),
        ("words \n-- \nme\n", False, "words \n-- \nme\n"),
        ("no flow\nat all\n", False, "no flow\nat all\n"),
        ("", False, ""),
    ],
)
def test_paragraphs_are_one_line_each(text: str, delsp: bool, expected: str) -> None:
    assert unwrapped(text, delsp) == expected
