# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.paths import below, name_of, parent_of, server_path
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (".", ""),
        ("", ""),
        ("./", ""),
        ("/", "/"),
        ("//.//", "/"),
        ("a", "a"),
        ("./a//b/./c/", "a/b/c"),
        ("/a/b/", "/a/b"),
        (" a / b", " a / b"),
        ("...", "..."),
        ("a..b/..c", "a..b/..c"),
        ("C:\\x", "C:\\x"),
        ("b\udcff", "b\udcff"),
    ],
)
def test_a_path_is_written_in_one_way(text, path):
    assert server_path(text, "path") == path


@pytest.mark.parametrize(
    ("text", "kind"), [("..", "argument"), ("a/../b", "argument"), ("/..", "argument"), ("a\n", "unsafe"), ("a\rb", "unsafe"), ("\0", "unsafe")]
)
def test_what_is_no_certain_path_is_refused_by_the_name_of_its_option(text, kind):
    with pytest.raises(FleetproofError) as error:
        server_path(text, "from")
    assert error.value.kind == kind
    assert error.value.message.startswith("from: ")


@given(st.text(st.sampled_from("/.ab ")))
def test_what_is_written_in_one_way_stays_so_and_goes_together_again(text):
    try:
        path = server_path(text, "path")
    except FleetproofError:
        assert ".." in text.split("/")
        return
    assert server_path(path, "path") == path
    if path not in ("", "/"):
        assert below(parent_of(path), name_of(path)) == path
