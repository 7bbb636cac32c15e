# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import random

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._tree import text_diff
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.comparing import Link, grow, outcome


@pytest.fixture(name="prepared")
def fixture_prepared(tmp_path):
    def prepared(left, right, **options):
        grow(tmp_path / "left", left)
        grow(tmp_path / "right", right)
        diff = outcome(tmp_path / "left", tmp_path / "right", diff_mode=True, **options).diff
        return None if diff is None else diff["prepared"].replace(str(tmp_path), "")

    return prepared


def test_text_is_shown_as_a_unified_diff(prepared):
    assert prepared({"d": {"f": b"one\ntwo\n"}}, {"d": {"f": b"one\nthree"}}) == (
        "--- /left/d/f\n+++ /right/d/f\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n\\ No newline at end of file\n"
    )


def test_lines_end_at_line_feeds_alone(prepared):
    text = prepared({"f": b"a\x0bb\r\nc\n"}, {"f": b"a\x0bB\r\nc\n"})
    assert "-a\x0bb\r\n+a\x0bB\r\n c\n" in text


@pytest.mark.parametrize(
    ("left", "right", "line"),
    [
        (b"\0\1", b"\0\2", "differs: f (binary)\n"),
        (b"\xff\xfe", b"text", "differs: f (binary)\n"),
        (b"x" * (text_diff.BYTES + 1), b"y", "differs: f (larger than 64 KiB)\n"),
        (Link("a"), Link("b"), "differs: f (a link)\n"),
        (b"1", Link("b"), "other type: f: file on the left, link on the right\n"),
        (b"1", None, "only on the left: f\n"),
        (None, b"1", "only on the right: f\n"),
        ({"deep": b""}, None, "only on the left: f\n"),
    ],
)
def test_what_cannot_be_shown_has_a_line(prepared, left, right, line):
    assert prepared({} if left is None else {"f": left}, {} if right is None else {"f": right}) == line


def test_nothing_is_shown_of_trees_that_are_the_same(prepared):
    assert prepared({"a": b"1"}, {"a": b"1"}) is None


def test_twenty_files_are_shown_and_the_others_named(prepared):
    names = ["f%02d" % number for number in range(25)]
    text = prepared(dict.fromkeys(names, b"1\n"), dict.fromkeys(names, b"2\n"))
    assert text.count("@@ -1 +1 @@") == 20
    assert text.splitlines()[-5:] == ["differs: f%02d" % number for number in range(20, 25)]


def test_metadata_and_clashes_have_their_lines(prepared, tmp_path):
    text = prepared({"A": b"", "a": b""}, {"A": b""}, ignore_case=True)
    assert text == "not compared: a: argument: left: the name falls together with A\n"


def test_modes_are_told_in_words(tmp_path):
    for side, mode in (("left", 0o600), ("right", 0o640)):
        grow(tmp_path / side, {"a": b""})
        os.chmod(str(tmp_path / side / "a"), mode)
    diff = outcome(tmp_path / "left", tmp_path / "right", diff_mode=True, metadata=["mode"]).diff
    assert diff == {"prepared": "mode: a: 0600 on the left, 0640 on the right\n"}


def test_texts_that_would_take_too_long_have_a_line(prepared):
    chance = random.Random(1)
    left, right = (b"".join(b"%d\n" % chance.randrange(101) for _unused in range(18000)) for _side in "lr")
    assert prepared({"f": left}, {"f": right}) == "differs: f (too many equal lines to tell which is which)\n"
