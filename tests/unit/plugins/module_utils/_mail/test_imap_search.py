# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.imap_search import in_set, search_parts, uid_sets
from hypothesis import given, settings
from hypothesis import strategies as st


def joined(parts: t.Sequence[t.Union[str, bytes]]) -> t.List[t.Union[str, bytes]]:
    """Neighbouring str as one."""
    found: t.List[t.Union[str, bytes]] = []
    for part in parts:
        if found and isinstance(part, str) and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return found


@pytest.mark.parametrize(
    ("criteria", "parts"),
    [
        ("ALL", ["ALL"]),
        (' (OR FROM "a b" SUBJECT "\\"x\\"") UNSEEN ', ['(OR FROM "a b" SUBJECT "\\"x\\"") UNSEEN']),
        ("SUBJECT Prüfung", ["CHARSET UTF-8 SUBJECT ", "Prüfung".encode()]),
        ('(SUBJECT "a \\"ü\\"") UNSEEN', ["CHARSET UTF-8 (SUBJECT ", 'a "ü"'.encode(), ") UNSEEN"]),
        ('SUBJECT "{5}"', ['SUBJECT "{5}"']),
        ("KEYWORD $Label1", ["KEYWORD $Label1"]),
    ],
)
def test_criteria_go_as_they_are_and_what_is_beyond_ascii_as_literals(criteria: str, parts: t.List[t.Union[str, bytes]]) -> None:
    assert joined(search_parts(criteria)) == parts


@pytest.mark.parametrize(
    ("criteria", "kind"),
    [
        ("ALL\r\nF9 DELETE INBOX", "unsafe"),
        ("SUBJECT a\0", "unsafe"),
        ("SUBJECT {5}", "unsafe"),
        ("SUBJECT {5+}", "unsafe"),
        ("SUBJECT ~{5}", "unsafe"),
        ("SUBJECT x{5}", "unsafe"),
        ("SUBJECT x{5+}", "unsafe"),
        ('SUBJECT "a', "argument"),
        ('SUBJECT "a\\"', "argument"),
        ("", "argument"),
        ("  ", "argument"),
        ("RETURN (SAVE) ALL", "argument"),
        ("charset latin-1 SUBJECT x", "argument"),
    ],
)
def test_what_would_say_more_than_it_looks_like_is_refused(criteria: str, kind: str) -> None:
    with pytest.raises(FleetproofError) as caught:
        search_parts(criteria)
    assert caught.value.kind == kind


def test_sets_are_short_and_whole() -> None:
    assert list(uid_sets([9, 1, 2, 3, 3, 5], 100)) == [("1:3,5,9", [1, 2, 3, 5, 9])]
    assert list(uid_sets(range(1, 8), 3)) == [("1:3", [1, 2, 3]), ("4:6", [4, 5, 6]), ("7", [7])]
    assert list(uid_sets([], 3)) == []


@settings(deadline=None)
@given(st.sets(st.integers(1, 2**32 - 1)), st.integers(1, 50))
def test_each_uid_is_in_one_set_and_no_other_is(uids: t.Set[int], most: int) -> None:
    sets = list(uid_sets(uids, most))
    assert [uid for _text, batch in sets for uid in batch] == sorted(uids)
    for text, batch in sets:
        assert len(batch) <= most
        assert len(text) <= 4000
        assert all(in_set(uid, text) for uid in batch)


def test_sets_stay_below_the_length_of_a_command() -> None:
    sets = list(uid_sets(range(10**9, 10**9 + 20000, 2), 100000))
    assert len(sets) > 20
    assert max(len(text) for text, _batch in sets) <= 4000


@pytest.mark.parametrize(("text", "found"), [("4", True), ("1:3,7", False), ("9:2", True), ("", False), ("x,4", True), ("-4", False)])
def test_sets_of_the_server_are_understood(text: str, found: bool) -> None:
    assert in_set(4, text) is found
