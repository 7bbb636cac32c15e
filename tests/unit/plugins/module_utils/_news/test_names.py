# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._news.names import Wildmat, group_name, is_message_id, message_id, moment


@pytest.mark.parametrize("name", ["comp.lang.python", "de.alt.test", "a", "local.c++", "fr.test-1_2", "\u00fc.test"])
def test_names_of_groups_are_taken(name: str) -> None:
    assert group_name(name, "group") == name


@pytest.mark.parametrize(
    "name",
    ["", "a b", "a\r\nQUIT", "a\nb", "a\0b", "a\tb", "*", "comp.*", "a?b", "a,b", "!a", "[a]", "a\\b", "a\x7f", "a\x85b", "a\u2028b", "x" * 461, "\udc80"],
)
def test_what_is_no_name_of_a_group_is_told(name: str) -> None:
    with pytest.raises(FleetproofError) as caught:
        group_name(name, "group")
    assert caught.value.kind == "argument"
    assert caught.value.message.startswith("group: ")


@pytest.mark.parametrize(("text", "wanted"), [("<a@b>", "<a@b>"), (" a@b ", "<a@b>"), ("<a$%!=_@[1.2]>", "<a$%!=_@[1.2]>")])
def test_message_ids_are_taken_with_or_without_brackets(text: str, wanted: str) -> None:
    assert message_id(text, "articles") == wanted


@pytest.mark.parametrize("text", ["", "<>", "<a b@c>", "<a@b", "<a@b>\r\nQUIT", "<a<b@c>", "<\u00fc@b>", "<%s@b>" % ("a" * 250)])
def test_what_is_no_message_id_is_told(text: str) -> None:
    with pytest.raises(FleetproofError) as caught:
        message_id(text, "articles")
    assert caught.value.kind == "argument"
    assert not is_message_id(text)


@pytest.mark.parametrize(
    ("patterns", "name", "wanted"),
    [
        (["*"], "a.b", True),
        (["a.*"], "a.b.c", True),
        (["a.*"], "a", False),
        (["a.*", "!a.b.*"], "a.b.c", False),
        (["a.*,!a.b.*,a.b.c"], "a.b.c", True),
        (["!a.b", "*"], "a.b", True),
        (["a.?"], "a.b", True),
        (["a.?"], "a.bc", False),
        (["a.b"], "aXb", False),
        (["c++.*"], "c++.x", True),
        (["!x"], "y", False),
        (["**a**"], "bab", True),
    ],
)
def test_the_last_pattern_that_matches_decides(patterns: list[str], name: str, wanted: bool) -> None:
    assert Wildmat(patterns, "groups").match(name) is wanted


@pytest.mark.parametrize("pattern", ["", "a b", "a\r\nb", "!", "a,,b", "[ab]", "a\\*"])
def test_what_is_no_pattern_is_told(pattern: str) -> None:
    with pytest.raises(FleetproofError) as caught:
        Wildmat([pattern], "groups")
    assert caught.value.kind == "argument"


def test_many_patterns_are_matched_here_as_they_do_not_fit_into_a_command() -> None:
    wildmat = Wildmat(["group%d.*" % number for number in range(100)], "groups")
    assert wildmat.text == "*"
    assert wildmat.match("group99.a")
    assert not wildmat.match("group100.a")


@pytest.mark.parametrize(
    ("seconds", "wanted"), [(0, "19700101 000000 GMT"), (1770091506.9, "20260203 040506 GMT"), (-1e15, "19700101 000000 GMT"), (1e18, "99991231 235959 GMT")]
)
def test_moments_are_written_as_commands_want_them(seconds: float, wanted: str) -> None:
    assert moment(seconds) == wanted
