# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of what a new archive is made of: whatever the site was and is, the archive becomes what the site is."""

from __future__ import annotations

import tracemalloc

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_format import NO_TIME, Member, Order
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_read import ArchiveSide
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_recipe import DROP, FETCH, KEEP, MAKE_DIRECTORY, Files, New, Recipe
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.entries import DAY, FILE, SECOND, Entry, Listing
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.planner import Rules
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.survey import Survey
from hypothesis import given, settings
from hypothesis import strategies as st


class Inline:
    """Does the work of a pool here and now: a plan needs no server when both sides are at hand."""

    dead = None

    def work(self, tasks, make_worker, _number, _watch):
        worker = make_worker(None)
        stack = list(tasks)
        while stack:
            stack.extend(worker.do(stack.pop()))


def _side(site, there=True):
    side = ArchiveSide(there)
    order = Order()
    for path, (size, seconds) in sorted(site.items()):
        member = Member(path, size, seconds)
        order.take(member)
        side.add(member)
    return side


def _plan(src, dest, delete=True):
    return Survey(Inline(), lambda _line: (src, dest), Rules(recursive=True, delete=delete, take=not delete)).run()


_NAME = st.text("ab-.0", min_size=1, max_size=3).filter(lambda name: name not in (".", "..")).map(str.encode)


@st.composite
def _sites(draw):
    site = {}
    above = [b""]
    for name in draw(st.lists(_NAME, max_size=10)):
        path = draw(st.sampled_from(above)) + name
        if path in site or path + b"/" in site:
            continue
        if draw(st.booleans()):
            site[path + b"/"] = (0, NO_TIME)
            above.append(path + b"/")
        else:
            site[path] = (draw(st.integers(0, 3)), draw(st.integers(0, 2)))
    return site


@settings(max_examples=300, deadline=None)
@given(was=_sites(), is_now=_sites())
def test_the_archive_becomes_what_the_site_is(was, is_now):
    old = _side(was)
    recipe = Recipe(_plan(_side(is_now), old), old)
    made, read = {}, []
    for step in recipe.steps():
        if step.old:
            read.append(step.path)
        if step.what == KEEP:
            made[step.path] = was[step.path]
        elif step.what == MAKE_DIRECTORY:
            made[step.path] = (0, NO_TIME)
        elif step.what == FETCH:
            entry = recipe.files[step.number].entry
            made[step.path] = (entry.size, entry.mtime // SECOND)
            assert was.get(step.path) != made[step.path]
    assert made == is_now
    # Members come in the order of the archive, and each one of the old archive is read once, in its order.
    assert list(made) == sorted(is_now)
    assert read == sorted(was)
    assert recipe.keeps == any(step.what == KEEP for step in recipe.steps())
    assert recipe.files.paths == sorted(recipe.files.paths)


@settings(max_examples=200, deadline=None)
@given(was=_sites(), is_now=_sites())
def test_where_nothing_is_deleted_what_the_site_no_longer_has_stays(was, is_now):
    old = _side(was)
    plan = _plan(_side(is_now), old, delete=False)
    if plan.failures:
        return
    steps = list(Recipe(plan, old).steps())
    made = {step.path for step in steps if step.what != DROP}
    assert made >= set(is_now)
    # Only what a directory took the place of
    assert all(path + b"/" in is_now for path in set(was) - made)


def test_an_archive_that_is_not_there_is_made_of_everything():
    old = ArchiveSide(there=False)
    plan = _plan(_side({b"a/": (0, NO_TIME), b"a/b": (1, 1)}), old)
    assert plan.totals.created == 3
    recipe = Recipe(plan, old)
    assert [(step.what, step.path) for step in recipe.steps()] == [(MAKE_DIRECTORY, b"a/"), (FETCH, b"a/b")]
    assert not recipe.keeps


def test_two_names_that_are_one_in_an_archive_are_told():
    class Src:
        def list(self, _folder):
            # The bytes of é in a name that could not be decoded, beside the letter itself
            names = ("é", "\udcc3\udca9")
            return Listing({name: Entry(name, FILE, 1, SECOND) for name in names})

    old = ArchiveSide()
    with pytest.raises(FleetproofError) as caught:
        Recipe(_plan(Src(), old), old)
    assert caught.value.kind == "refused"
    assert "é" in caught.value.message


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.builds(
            New, st.binary(min_size=1, max_size=5), st.integers(-1, 2**62), st.integers(-62135596800 * SECOND, 253402300799 * SECOND), st.integers(0, 366 * DAY)
        ),
        max_size=8,
        unique_by=lambda new: new.path,
    )
)
def test_files_come_back_as_they_were_noted_and_in_order(members):
    files = Files()
    for member in members:
        files.add(member)
    files.sort()
    assert [files[number] for number in range(len(files))] == sorted(members)


def test_a_file_to_fetch_takes_little_memory():
    number = 20000
    tracemalloc.start()
    try:
        files = Files()
        for at in range(number):
            files.add(New(b"folder/file-%06d.bin" % at, at, at * SECOND, SECOND))
        files.sort()
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held / number < 110
