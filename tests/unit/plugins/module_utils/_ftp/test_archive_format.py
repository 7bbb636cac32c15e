# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of what archives have in common: formats, paths, times, the order of members."""

from __future__ import annotations

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_format import (
    NO_TIME,
    Member,
    Order,
    Unsound,
    format_of,
    shown_path,
    sized,
    stored_path,
    stored_seconds,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("path", "wanted", "expected"),
    [
        ("/b/site.zip", None, "zip"),
        ("/b/site.ZIP", None, "zip"),
        ("/b/site.tar.gz", None, "tar.gz"),
        ("/b/site.tgz", None, "tar.gz"),
        ("/b/site.tar.bz2", None, "tar.bz2"),
        ("/b/site.tbz2", None, "tar.bz2"),
        ("/b/site.tar.xz", None, "tar.xz"),
        ("/b/site.txz", None, "tar.xz"),
        ("/b/site", "zip", "zip"),
        ("/b/site.zip", "tar.xz", "tar.xz"),
    ],
)
def test_the_suffix_stands_for_the_format_unless_one_is_named(path, wanted, expected):
    assert format_of(path, wanted) == expected


@pytest.mark.parametrize("path", ["/b/site", "/b/site.tar", "/b/zip", "/b/site.rar", "/b.zip/site"])
def test_a_suffix_that_stands_for_nothing_is_an_argument_error(path):
    with pytest.raises(FleetproofError) as caught:
        format_of(path, None)
    assert caught.value.kind == "argument"
    assert "archive.format" in caught.value.message


@given(st.binary(min_size=1).map(lambda data: data.decode("utf-8", "surrogateescape")), st.booleans())
def test_the_bytes_of_a_path_come_back_as_they_went(path, is_directory):
    stored = stored_path(path, is_directory)
    assert shown_path(stored) == path + ("/" if is_directory else "")


@pytest.mark.parametrize("path", ["\ud800", "x" * 65536])
def test_a_path_that_no_archive_can_hold_is_refused(path):
    with pytest.raises(FleetproofError) as caught:
        stored_path(path, False)
    assert caught.value.kind == "unsafe"


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [(None, NO_TIME), (0, 0), (1_999_999_999, 1), (-1, -1), (-(10**9), -1), (10**30, 253402300799), (-(10**30), -62135596800)],
)
def test_times_are_whole_seconds_rounded_down(nanoseconds, expected):
    assert stored_seconds(nanoseconds) == expected


def _take(*members):
    order = Order()
    for member in members:
        order.take(member if isinstance(member, Member) else Member(member))


@pytest.mark.parametrize(
    "paths",
    [
        [b"a", b"a-", b"a.b", b"b/", b"b/c", b"b/c-", b"b/d/", b"b/d/e", b"b0", b"c"],
        [b"a/", b"a/b/", b"a/b/c/", b"a/b/c/d", b"b/", b"b/c"],
        [b"a-b", b"a/", b"a/b"],
        [b"a/", b"a/a/", b"a/a/a", b"aa"],
        ["é".encode(), b"\xe9"],
    ],
)
def test_members_in_the_order_of_their_bytes_are_taken(paths):
    _take(*paths)


@pytest.mark.parametrize(
    ("paths", "kind"),
    [
        ([b"b", b"a"], "refused"),
        ([b"a", b"a"], "refused"),
        ([b"a/b"], "unsafe"),
        ([b"a/", b"b/c"], "unsafe"),
        ([b"a/", b"a/b/c"], "unsafe"),
        ([b"a", b"a-", b"a/"], "unsafe"),
        ([b"a/", b"a/b", b"a/b.c", b"a/b/"], "unsafe"),
        ([b""], "refused"),
        ([b"/"], "unsafe"),
        ([b"/etc"], "unsafe"),
        ([b".."], "unsafe"),
        ([b"../x"], "unsafe"),
        ([b"./"], "unsafe"),
        ([b"a/", b"a/../"], "unsafe"),
        ([b"a/", b"a//"], "unsafe"),
        ([b"a\\b"], "unsafe"),
        ([b"a\nb"], "unsafe"),
        ([b"a\0"], "unsafe"),
        ([Member(b"a", -1)], "refused"),
        ([Member(b"a", 2**63)], "refused"),
        ([Member(b"a", 0, 10**12)], "refused"),
        ([Member(b"a/", 1)], "refused"),
        ([Member(b"a/", 0, 5)], "refused"),
    ],
)
def test_a_member_that_may_not_be_there_is_not_taken(paths, kind):
    with pytest.raises(Unsound) as caught:
        _take(*paths)
    assert caught.value.kind == kind


@pytest.mark.parametrize("chunks", [[b"ab"], [b"abcd"], [], [b"a", b"bcd"]])
def test_content_of_another_size_is_a_change_underfoot(chunks):
    with pytest.raises(FleetproofError) as caught:
        list(sized(Member(b"a", 3), chunks))
    assert caught.value.kind == "changed_underfoot"


def test_content_of_the_right_size_passes():
    assert list(sized(Member(b"a", 3), [b"a", b"bc"])) == [b"a", b"bc"]
