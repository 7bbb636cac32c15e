# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import fnmatch
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.entries import (
    DAY,
    DIRECTORY,
    EXACT,
    FILE,
    MINUTE,
    SECOND,
    SPECIAL,
    SYMLINK,
    Entry,
    Listing,
    Refused,
)
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.planner import (
    BOTH,
    IN_PLACE_OF_FILE,
    NEW,
    ONLY_DEST,
    Found,
    Rules,
    compare,
    difference,
    entry_of,
    to_ask,
)
from ansible_collections.fleetproof.backup.plugins.module_utils._plan.plan import CONTENT, MTIME, SIZE, Item
from ansible_collections.fleetproof.backup.plugins.module_utils._values import temporary_name
from hypothesis import given
from hypothesis import strategies as st

S = SECOND


def file(name: str = "f", size: int = 3, mtime: t.Optional[int] = 10 * S, precision: int = SECOND) -> Entry:
    return Entry(name, FILE, size, mtime, precision)


def listing(*entries: Entry, refused: t.Sequence[Refused] = ()) -> Listing:
    return Listing({entry.name: entry for entry in entries}, list(refused))


def names(notes: t.Sequence[t.Any]) -> t.List[str]:
    return [Item(*note).name for note in notes]


@pytest.mark.parametrize(
    ("src", "dest", "rules", "why"),
    [
        (file(), file(), Rules(), 0),
        (file(size=4), file(), Rules(), SIZE),
        (file(size=4, mtime=20 * S), file(), Rules(), SIZE | MTIME),
        # What one side knows exactly is the same as what the other knows to the second.
        (file(mtime=10 * S + 700_000_000, precision=EXACT), file(), Rules(), 0),
        (file(), file(mtime=10 * S + 700_000_000, precision=EXACT), Rules(), 0),
        (file(mtime=11 * S), file(), Rules(), MTIME),
        (file(mtime=10 * S + 700_000_000, precision=EXACT), file(mtime=10 * S, precision=EXACT), Rules(), MTIME),
        (file(mtime=69 * S), file(precision=MINUTE), Rules(), 0),
        (file(mtime=71 * S), file(precision=MINUTE), Rules(), MTIME),
        (file(mtime=80_000 * S), file(precision=DAY), Rules(), 0),
        # Either may be the later one where times are kept.
        (file(), file(mtime=20 * S), Rules(), MTIME),
        (file(), file(mtime=20 * S), Rules(window=10 * S), 0),
        # Where they are not, dest only has to be as late.
        (file(), file(mtime=20 * S), Rules(times=False), 0),
        (file(mtime=20 * S), file(), Rules(times=False), MTIME),
        (file(mtime=20 * S), file(), Rules(times=False, window=10 * S), 0),
        (file(size=4), file(mtime=20 * S), Rules(times=False), SIZE),
        # Line ends change sizes.
        (file(size=4), file(), Rules(sizes=False), 0),
        (file(size=4, mtime=20 * S), file(), Rules(sizes=False), MTIME),
        (file(size=-1), file(), Rules(), 0),
        (file(size=-1, mtime=20 * S), file(), Rules(), MTIME),
    ],
)
def test_two_files_are_equal_by_size_and_time(src, dest, rules, why):
    assert difference(src, dest, rules) == (why, False)


@pytest.mark.parametrize(
    ("src", "dest", "rules", "found"),
    [
        (file(mtime=None), file(), Rules(), (0, True)),
        (file(), file(mtime=None), Rules(times=False), (0, True)),
        (file(size=4), file(mtime=None), Rules(), (SIZE, False)),
        # Nothing goes by size: they are moved each time.
        (file(mtime=None), file(), Rules(sizes=False), (CONTENT, False)),
        (file(size=-1, mtime=None), file(), Rules(), (CONTENT, False)),
        # What is to go from src is moved unless everything is known.
        (file(), file(), Rules(take=True), (0, False)),
        (file(), file(mtime=None), Rules(take=True), (CONTENT, False)),
        (file(precision=MINUTE), file(), Rules(take=True), (CONTENT, False)),
        (file(size=-1), file(), Rules(take=True), (CONTENT, False)),
        (file(), file(mtime=file().mtime + 5 * SECOND), Rules(times=False, take=True), (MTIME, False)),
    ],
)
def test_without_a_time_size_decides_and_it_is_said(src, dest, rules, found):
    assert difference(src, dest, rules) == found


@pytest.mark.parametrize(
    ("remote", "local", "is_src", "rules", "asked"),
    [
        (file(), file(), True, Rules(), False),
        (file(precision=MINUTE), file(), True, Rules(), True),
        (file(mtime=None), file(), False, Rules(), True),
        # New files that come from the server get its time, exactly; those that go there need none.
        (file(precision=MINUTE), None, True, Rules(), True),
        (file(precision=MINUTE), None, True, Rules(times=False), False),
        (file(size=-1), None, True, Rules(times=False), True),
        (file(precision=MINUTE), None, False, Rules(), False),
        # Unequal sizes leave nothing to ask.
        (file(size=4, precision=MINUTE), file(), False, Rules(), False),
        (file(size=4, precision=MINUTE), file(), False, Rules(sizes=False), True),
        (file(size=-1), file(), False, Rules(), True),
        (Entry("f", DIRECTORY), Entry("f", DIRECTORY), True, Rules(), False),
    ],
)
def test_only_what_matters_is_asked_for_file_by_file(remote, local, is_src, rules, asked):
    assert to_ask(listing(remote), Listing() if local is None else listing(local), is_src, rules) == (["f"] if asked else [])


def test_a_refused_name_fails_and_its_folder_stays():
    for src, dest in (
        (listing(refused=[Refused("../x", "it leads elsewhere")]), Listing()),
        (Listing(), listing(refused=[Refused("../x", "it leads elsewhere")])),
    ):
        found = compare("sub/", BOTH, src, dest, Rules(delete=True))
        assert [(failure.path, failure.kind) for failure in found.failures] == [("sub/../x", "unsafe")]
        assert found.stays


@pytest.mark.parametrize("kind", [SYMLINK, SPECIAL])
def test_links_and_special_files_take_no_part(kind):
    odd = Entry("f", kind)
    found = compare("", BOTH, listing(odd), listing(file()), Rules(delete=True, recursive=True))
    assert (found.aside, found.copies, found.removals, found.failures) == (1, [], [], [])
    found = compare("", BOTH, listing(file()), listing(odd), Rules(delete=True, recursive=True))
    assert (found.copies, found.removals, [failure.kind for failure in found.failures]) == ([], [], ["refused"])
    found = compare("", ONLY_DEST, None, listing(odd), Rules(delete=True, recursive=True))
    assert (found.removals, found.stays, found.aside) == ([], True, 1)
    found = compare("", BOTH, listing(Entry("f", DIRECTORY)), listing(odd), Rules(delete=True, recursive=True))
    assert (found.down, [failure.kind for failure in found.failures]) == ([], ["refused"])


def test_what_can_be_gone_on_with_is_no_leftover():
    used, stale = temporary_name(1), temporary_name(2)
    rules = Rules(temporary=lambda entry: {"f": used}.get(entry.name, ""), block=10)
    found = compare("", BOTH, listing(file(size=100), file("g", size=7)), listing(file(used, size=60), file(stale)), rules)
    assert names(found.leftovers) == [stale]
    # What is there already takes no room again.
    assert found.totals.grow_bytes == 100 + 10 - 60
    found = compare("", BOTH, listing(file()), listing(file(), file(used)), rules)
    assert names(found.leftovers) == [used]


def test_temporary_names_of_src_are_left_out():
    assert compare("", BOTH, listing(file(temporary_name(1))), Listing(), Rules()).copies == []


def test_what_an_item_says_is_the_file_as_it_was_planned():
    for entry in (file(), file(mtime=0), file(mtime=None), file(precision=MINUTE), file(mtime=1, precision=EXACT)):
        (note,) = compare("", NEW, listing(entry), None, Rules()).copies
        assert entry_of(Item(*note)) == entry


def test_a_directory_stands_for_what_it_is_on_both_sides():
    src = listing(Entry("both", DIRECTORY), Entry("new", DIRECTORY), Entry("odd", DIRECTORY), file("swap"))
    dest = listing(Entry("both", DIRECTORY), file("odd"), Entry("swap", DIRECTORY), Entry("old", DIRECTORY))
    found = compare("", BOTH, src, dest, Rules(recursive=True, delete=True))
    assert sorted((name, state) for name, state, _unique in found.down) == [
        ("both", BOTH),
        ("new", NEW),
        ("odd", IN_PLACE_OF_FILE),
        ("old", ONLY_DEST),
        ("swap", ONLY_DEST),
    ]
    assert names(found.replacements) == ["swap"]
    found = compare("", BOTH, src, dest, Rules(delete=True))
    assert (found.down, found.copies, found.removals) == ([], [], [])


# A tree is a dictionary of names: a file is (size, time), a directory is a tree.
_NAMES = st.sampled_from(["a", "b", "c.iso", "d"])
_FILES = st.tuples(st.integers(0, 3), st.integers(1, 3))
_TREES = st.recursive(st.dictionaries(_NAMES, _FILES, max_size=4), lambda inner: st.dictionaries(_NAMES, _FILES | inner, max_size=4), max_leaves=8)
Tree = t.Dict[str, t.Any]


def listed(tree: t.Optional[Tree]) -> t.Optional[Listing]:
    if tree is None:
        return None
    return listing(*(Entry(name, DIRECTORY) if isinstance(what, dict) else file(name, what[0], what[1] * S) for name, what in tree.items()))


def apply(src: t.Optional[Tree], dest: t.Optional[Tree], rules: Rules, folder: str = "", state: int = BOTH) -> t.Tuple[Tree, int]:
    """What the plan makes of dest, and how many actions that took."""
    found: Found = compare(folder, state, listed(src), listed(dest), rules)
    made = dict(dest or {})
    work = len(found.copies) + len(found.removals) + len(found.replacements) + len(found.leftovers) + (state in (NEW, IN_PLACE_OF_FILE))
    for name in names(found.removals):
        del made[name]
    for name, what, _unique in found.down:
        inner_src = (src or {}).get(name) if what != ONLY_DEST else None
        inner, more = apply(inner_src, made.get(name) if what in (BOTH, ONLY_DEST) else None, rules, folder + name + "/", what)
        work += more
        made[name] = inner
        if what == ONLY_DEST and not inner:
            del made[name]
            work += 1
    for name in names(found.copies):
        made[name] = (src or {})[name]
    for name in names(found.replacements):
        if name not in made:
            made[name] = (src or {})[name]
    return made, work


@given(_TREES, _TREES)
def test_the_plan_makes_dest_what_src_is_and_the_second_plan_is_empty(src, dest):
    rules = Rules(recursive=True, delete=True)
    made, _work = apply(src, dest, rules)
    assert made == src
    assert apply(src, made, rules) == (src, 0)


@given(_TREES, _TREES)
def test_what_is_left_out_is_never_touched_and_what_is_not_in_src_stays_without_delete(src, dest):
    def keep(path: str, _is_directory: bool) -> bool:
        return not fnmatch.fnmatch(path.rpartition("/")[2], "*.iso")

    for delete in (False, True):
        made, _work = apply(src, dest, Rules(recursive=True, delete=delete, keep=keep))
        before, after, wanted = flat(dest), flat(made), flat(src)
        for path, what in before.items():
            left_out = any(not keep(part, False) for part in path.split("/"))
            above_changed = any(isinstance(wanted.get("/".join(path.split("/")[:n])), tuple) for n in range(1, path.count("/") + 1))
            if left_out or (not delete and path not in wanted and not above_changed):
                assert after[path] == what, path
        assert not [path for path in after if path not in before and any(not keep(part, False) for part in path.split("/"))]


def flat(tree: Tree, folder: str = "") -> t.Dict[str, t.Any]:
    found: t.Dict[str, t.Any] = {}
    for name, what in tree.items():
        if isinstance(what, dict):
            found[folder + name] = "directory"
            found.update(flat(what, folder + name + "/"))
        else:
            found[folder + name] = what
    return found
