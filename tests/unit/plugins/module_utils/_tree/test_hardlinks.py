# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._plan.plan import CORRUPTED, CREATED, FILE, LINKED, METADATA, MISSING, MODE, ROT, SIZE, UPDATED
from ansible_collections.fleetproof.backup.plugins.module_utils._tree.hardlinks import SAME, decide
from ansible_collections.fleetproof.backup.plugins.module_utils._tree.ledger import COPY, REPLACE

WHY = {SAME: 0, CREATED: MISSING, UPDATED: SIZE, METADATA: MODE, CORRUPTED: ROT}


def name(path: str, inode: int, there: t.Optional[int], action: int, links: int = 0, stage: int = COPY) -> t.Tuple[t.Any, ...]:
    """One name of file ``inode`` of the source, which in dest is a name of file ``there``."""
    folder, slash, own = path.rpartition("/")
    return (
        (1, inode),
        None if there is None else (2, there),
        links,
        folder + slash,
        None,
        (action, FILE, own, 10, WHY[action], ""),
        stage,
        4096,
        4096,
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([name("a", 1, None, CREATED), name("b", 1, None, CREATED)], {"a": (CREATED, ""), "b": (CREATED, "a")}),
        ([name("b", 1, 9, SAME, 2), name("a", 1, 9, SAME, 2)], {"a": (SAME, ""), "b": (SAME, "")}),
        ([name("a", 1, None, CREATED), name("b", 1, 9, SAME, 1)], {"a": (CREATED, "b"), "b": (SAME, "")}),
        ([name("a", 1, 8, SAME, 1), name("b", 1, 9, SAME, 1)], {"a": (SAME, ""), "b": (UPDATED, "a")}),
        ([name("a", 1, 8, UPDATED, 1), name("b", 1, 9, UPDATED, 1)], {"a": (UPDATED, ""), "b": (UPDATED, "a")}),
        # two files of the source that dest has as one
        ([name("a", 1, 9, SAME, 2), name("b", 2, 9, SAME, 2)], {"a": (SAME, ""), "b": (UPDATED, "")}),
        (
            [name("a", 1, 9, SAME, 4), name("b", 1, 9, SAME, 4), name("c", 2, 9, SAME, 4), name("d", 2, 9, SAME, 4)],
            {"a": (SAME, ""), "b": (SAME, ""), "c": (UPDATED, ""), "d": (UPDATED, "c")},
        ),
        # a name outside of the tree is not changed with it
        ([name("a", 1, 9, METADATA, 2)], {"a": (UPDATED, "")}),
        ([name("a", 1, 9, METADATA, 3), name("b", 1, 9, METADATA, 3)], {"a": (UPDATED, ""), "b": (UPDATED, "a")}),
        ([name("a", 1, 9, METADATA, 2), name("b", 1, 9, METADATA, 2)], {"a": (METADATA, ""), "b": (METADATA, "")}),
        ([name("a", 1, 9, SAME, 3), name("b", 1, 9, SAME, 3)], {"a": (SAME, ""), "b": (SAME, "")}),
        # rot is told for each name, and links nothing
        ([name("a", 1, 9, CORRUPTED, 2), name("b", 1, 9, CORRUPTED, 2)], {"a": (CORRUPTED, ""), "b": (CORRUPTED, "")}),
        ([name("a", 1, 9, CORRUPTED, 1), name("b", 1, None, CREATED)], {"a": (CORRUPTED, ""), "b": (CREATED, "")}),
        # what has to wait for a directory to go is not what others are linked to
        ([name("a", 1, None, UPDATED, stage=REPLACE), name("b", 1, None, CREATED)], {"a": (UPDATED, "b"), "b": (CREATED, "")}),
        # one name alone, the others lie outside of the tree
        ([name("d/a", 1, None, CREATED)], {"d/a": (CREATED, "")}),
    ],
)
def test_one_name_is_copied_and_the_others_are_linked_to_it(rows: t.Sequence[t.Any], expected: t.Dict[str, t.Tuple[int, str]]) -> None:
    assert {decided.path: (action, link_to) for decided, action, _why, link_to in decide(rows)} == expected
    # the same whatever the order in which the names were found
    assert {decided.path: (action, link_to) for decided, action, _why, link_to in decide(list(reversed(rows)))} == expected


def test_a_link_says_that_it_is_one() -> None:
    decisions = decide([name("a", 1, 9, SAME, 1), name("b", 1, None, CREATED)])
    assert [why for decided, _action, why, _link_to in decisions if decided.path == "b"] == [MISSING | LINKED]
