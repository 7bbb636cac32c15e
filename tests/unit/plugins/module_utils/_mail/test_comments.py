# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.comments import without_comments, words_and_comments
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b", [("a", False), ("b", False)]),
        ("a (b c) d", [("a", False), ("b c", True), ("d", False)]),
        ("a(b)c", [("a", False), ("b", True), ("c", False)]),
        ("(a (b) c)", [("a (b) c", True)]),
        (r"(a \) b) c", [(r"a \) b", True), ("c", False)]),
        ("a (b", [("a", False), ("b", True)]),
        ("a) b", [("a)", False), ("b", False)]),
        ("()", [("", True)]),
        ("  ", []),
    ],
)
def test_words_are_told_from_comments(text: str, expected: t.List[t.Tuple[str, bool]]) -> None:
    assert list(words_and_comments(text)) == expected


def test_words_without_comments_have_one_space_between_them() -> None:
    assert without_comments("<1@example.com>\t (by (me)) x") == "<1@example.com> x"


@given(st.text(alphabet="ab()\\ \t;", max_size=60))
def test_nothing_but_white_space_and_parentheses_is_lost(text: str) -> None:
    def kept(found: str) -> str:
        return "".join(letter for letter in found if letter in "ab;")

    assert kept("".join(word for word, _is_comment in words_and_comments(text))) == kept(text)
