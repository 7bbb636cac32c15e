# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import tracemalloc
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.entries import Listing
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.listing import parse_mlsd
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.walk import Walk

COUNT = 20
BAD = 500_000  # octets


def listing_of(folder: str) -> t.Optional[Listing]:
    """A root with directories in it, the listings of which are long and cannot be read."""
    if not folder:
        return parse_mlsd(b"".join(b"type=dir; d%d\r\n" % number for number in range(COUNT)), "utf-8")
    data = b"type=file; x" + b"y" * BAD + b"\r\nrubbish\r\n"
    try:
        return parse_mlsd(data, "utf-8")
    except FleetproofError as error:
        raise FleetproofError(error.kind, "Could not list it: %s" % error.message) from error


def test_directories_that_cannot_be_read_do_not_pile_up_in_memory() -> None:
    walk = Walk(listing_of)
    tracemalloc.start()
    assert len(list(walk.go(""))) == COUNT
    kept, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(path, error.kind) for path, error in walk.unread] == [("d%d" % number, "protocol") for number in sorted(range(COUNT), key=str)]
    assert kept < BAD


@pytest.mark.parametrize(("kind", "goes_on"), [("permission", True), ("protocol", True), ("timeout", False), ("auth", False)])
def test_what_is_wrong_with_one_directory_does_not_hide_the_others_and_what_is_wrong_with_all_ends_it(kind: str, goes_on: bool) -> None:
    def one_is_bad(folder: str) -> t.Optional[Listing]:
        if folder == "a":
            raise FleetproofError(kind, "No")
        return parse_mlsd(b"type=file; x\r\n" if folder else b"type=dir; a\r\ntype=dir; b\r\n", "utf-8")

    walk = Walk(one_is_bad)
    if not goes_on:
        with pytest.raises(FleetproofError):
            list(walk.go(""))
        return
    assert [path for path, _entry in walk.go("")] == ["a", "b", "b/x"]
    assert [path for path, _error in walk.unread] == ["a"]
