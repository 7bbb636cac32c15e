# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._plan import plan as words
from ansible_collections.fleetproof.backup.plugins.module_utils._plan.plan import (
    BATCH_BYTES,
    BATCH_ITEMS,
    CREATED,
    FILE,
    MISSING,
    Batch,
    Item,
    Plan,
    Totals,
    pack,
    pack_folder,
    unpack,
    why_words,
)
from hypothesis import given
from hypothesis import strategies as st

ITEMS = st.lists(
    st.builds(
        Item,
        st.integers(0, 4),
        st.integers(0, 4),
        st.text(st.characters(codec="utf-8", exclude_characters="/\0") | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF), min_size=1),
        st.integers(0, 1 << 60),
        st.integers(0, 1 << 16),
        st.text(),
        st.text(),
    )
)


@given(folder=st.text(), other=st.none() | st.text(), items=ITEMS)
def test_a_batch_comes_out_as_it_was_put_in(folder: str, other: t.Optional[str], items: t.List[Item]) -> None:
    assert unpack(pack(folder, other, items)) == Batch(folder, other, items)


@given(sizes=st.lists(st.sampled_from([0, 1, 4096, BATCH_BYTES - 1, BATCH_BYTES, 1 << 40]), max_size=700))
def test_batches_of_a_folder_hold_every_action_once_and_in_order(sizes: t.List[int]) -> None:
    items = [(CREATED, FILE, "f%d" % number, size, MISSING) for number, size in enumerate(sizes)]
    batches = [(size, unpack(packed)) for size, packed in pack_folder("d/", None, items)]
    assert [item[:5] for _size, batch in batches for item in batch.items] == items
    for size, batch in batches:
        assert size == sum(item.size for item in batch.items)
        assert 0 < len(batch.items) <= BATCH_ITEMS
        assert size <= BATCH_BYTES or len(batch.items) == 1


def test_actions_have_their_folder_in_front() -> None:
    plan = Plan(2)
    plan.stages[1].append(pack("", None, [(CREATED, FILE, "a", 1, MISSING)]))
    plan.stages[0].append(pack("d/e/", "other/", [(CREATED, FILE, "b", 2, MISSING), (CREATED, FILE, "c", 3, MISSING)]))
    assert sorted((path, item.size) for path, item in plan.actions()) == [("a", 1), ("d/e/b", 2), ("d/e/c", 3)]


def test_totals_add_up_and_the_largest_stays_the_largest() -> None:
    one, other = Totals(created=1, copy_bytes=10, largest_update=7), Totals(created=2, deleted=3, largest_update=5)
    one.add(other.as_list())
    assert one == Totals(created=3, copy_bytes=10, deleted=3, largest_update=7)


@pytest.mark.parametrize(
    ("new", "old", "kept", "grown"),
    [(10, None, False, (10, 1, 0)), (10, 4, False, (6, 0, 10)), (4, 10, False, (0, 0, 4)), (4, 10, True, (4, 1, 4))],
    ids=["new", "larger", "smaller", "the old one is kept"],
)
def test_what_a_file_takes(new: int, old: t.Optional[int], kept: bool, grown: t.Tuple[int, int, int]) -> None:
    totals = Totals()
    totals.grow(new, old, kept)
    assert (totals.grow_bytes, totals.grow_inodes, totals.largest_update) == grown


@pytest.mark.parametrize("field", ["created", "updated", "metadata", "deleted", "leftovers"])
def test_any_action_is_a_change(field: str) -> None:
    plan = Plan(1)
    plan.totals.unchanged = plan.totals.corrupted = 5
    assert not plan.changes
    setattr(plan.totals, field, 1)
    assert plan.changes


def test_every_reason_has_words() -> None:
    bits = [value for name, value in vars(words).items() if name.isupper() and isinstance(value, int) and name in _REASONS]
    assert len(bits) == len(_REASONS)
    assert all(why_words(bit) for bit in bits)
    assert len({why_words(bit) for bit in bits}) == len(bits)
    assert why_words(words.MTIME | words.SIZE) == "size, mtime"
    assert why_words(0) == ""


_REASONS = "CONTENT SIZE MTIME MODE OWNER GROUP ACLS XATTRS MISSING EXTRA TYPE TARGET LINKED ROT UNREADABLE LEFTOVER".split()
