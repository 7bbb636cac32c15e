# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._news.groups import Group, Listed, read_active, read_counts, read_group


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("3 1 5 g list follows", Group("g", 3, 1, 5)),
        ("0 0 0 g", Group("g", 0, 1, 0)),
        ("0 7 6 g", Group("g", 0, 7, 6)),
        # marks that cannot be are an empty group, and an estimate is never above what there is room for
        ("5 9 3 g", Group("g", 0, 9, 8)),
        ("99 1 5 g", Group("g", 5, 1, 5)),
        ("-3 1 5 g", Group("g", -3, 1, 5)),
        ("3 -1 5 g", Group("g", 3, 0, 5)),
        ("3 -9 -5 g", Group("g", 0, 1, 0)),
        ("1 2147483647 2147483647 g", Group("g", 1, 2147483647, 2147483647)),
    ],
)
def test_water_marks_mean_something_whatever_they_are(text: str, wanted: Group) -> None:
    assert read_group(text, "g") == wanted


@pytest.mark.parametrize("text", ["", "3 1", "a b c g", "3 1 %s g" % ("9" * 19), "3.5 1 2 g", "\u0663 1 3 g"])
def test_what_is_no_answer_is_none(text: str) -> None:
    assert read_group(text, "g") is None


def test_lines_of_lists_are_read_and_others_are_not() -> None:
    assert read_active(b"a.b 0000000120 0000000003 y") == Listed("a.b", -1, 3, 120, "y")
    assert read_active(b"a.b 2 3 m") == Listed("a.b", -1, 3, 2, "m")
    assert read_active(b"a.b 5 1") == Listed("a.b", -1, 1, 5, "")
    assert read_counts(b"a.b 120 3 112 y") == Listed("a.b", 112, 3, 120, "y")
    assert read_counts(b"a.b 0 1 0 n") == Listed("a.b", 0, 1, 0, "n")
    for line in (b"", b"a.b", b"a.b x y z", b"a.b 1", b"\xff\xfe"):
        assert read_active(line) is None
        assert read_counts(line) is None
