# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.entries import DIRECTORY, FILE, MINUTE, SECOND, SYMLINK
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.pool import Pool
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.remote import RemoteSide, clean, join, missing, parent_of, stat_following


@pytest.mark.parametrize(("path", "bare"), [("a/", "a"), ("a", "a"), ("/", "/"), ("//", "/"), (".", ""), ("./", ""), ("", ""), ("/a/b//", "/a/b")])
def test_a_path_has_no_slash_at_its_end(path, bare):
    assert clean(path) == bare


@pytest.mark.parametrize(
    ("root", "relative", "path"),
    [("", "", ""), ("", "a/b", "a/b"), ("/", "", "/"), ("/", "a/", "/a"), ("x", "a/b/", "x/a/b"), ("/x", "a", "/x/a"), ("x", "", "x")],
)
def test_paths_are_joined_below_every_root(root, relative, path):
    assert join(root, relative) == path


@pytest.mark.parametrize(("path", "parent"), [("", None), ("/", None), ("a", ""), ("/a", "/"), ("a/b", "a"), ("/a/b", "/a")])
def test_what_a_path_lies_in(path, parent):
    assert parent_of(path) == parent


@pytest.fixture
def lines(desk):
    pools = []

    def make(**site):
        pools.append(Pool(desk.site(**site), 1))
        return pools[-1].first

    yield make
    for pool in pools:
        pool.close()


def test_a_directory_is_listed_below_its_root(desk, lines):
    (desk.root / "site/sub").mkdir(parents=True)
    (desk.root / "site/sub/a").write_bytes(b"abc")
    side = RemoteSide(lines(), "site")
    assert side.list("").entries["sub"].kind == DIRECTORY
    assert side.list("sub/").entries["a"][:3] == ("a", FILE, 3)
    assert side.list("gone/") is None


def test_what_a_listing_does_not_tell_is_asked_for(desk, lines):
    for name in ("a", "b"):
        (desk.root / name).write_bytes(b"abc")
        os.utime(desk.root / name, (1_600_000_007, 1_600_000_007))
    desk.server.behave(hide=["MLSD", "MLST"])
    side = RemoteSide(lines(), "")
    listing = side.list("")
    assert listing.entries["a"].precision >= MINUTE
    side.refine("", listing, ["a"])
    assert listing.entries["a"][2:5] == (3, 1_600_000_007 * SECOND, SECOND)
    assert listing.entries["b"].precision >= MINUTE
    desk.server.behave(hide=["MLSD", "MLST", "MDTM", "SIZE"])
    before = listing.entries["b"]
    RemoteSide(lines(), "").refine("", listing, ["b"])
    assert listing.entries["b"] == before


def test_links_are_told_where_mlsd_hides_them(desk, lines):
    (desk.root / "dir").mkdir()
    (desk.root / "link").symlink_to("dir")
    (desk.root / "broken").symlink_to("nowhere")
    side = RemoteSide(lines(), "")
    assert side.list("").entries["link"].kind == DIRECTORY
    assert sorted((entry.name, entry.kind) for entry in side.links("")) == [("broken", SYMLINK), ("link", SYMLINK)]
    desk.server.behave(refuse={"LIST": "502 Not here."})
    assert RemoteSide(lines(), "").links("") == []
    # It can tell, and does not.
    desk.server.behave(refuse={"LIST": "550 Permission denied."})
    with pytest.raises(FleetproofError):
        RemoteSide(lines(), "").links("")


def test_a_listing_that_breaks_off_is_asked_for_again(desk, lines, monkeypatch):
    (desk.root / "a").touch()
    monkeypatch.setattr("ansible_collections.fleetproof.backup.plugins.module_utils._net.retry.backoff", lambda _attempt: 0.01)
    desk.server.behave(cut={"MLSD": {"after": 10, "times": 1, "how": "drop"}})
    line = lines()
    line.pool.site = line.pool.site._replace(retries=2)
    assert list(RemoteSide(line, "").list("").entries) == ["a"]


def test_a_link_is_what_it_leads_to_where_src_names_it(desk):
    (desk.root / "dir").mkdir()
    (desk.root / "file").write_bytes(b"abc")
    (desk.root / "to_dir").symlink_to("dir")
    (desk.root / "to_file").symlink_to("file")
    client = desk.connect()
    for name, kind in (("to_dir", DIRECTORY), ("to_file", FILE)):
        real = client.stat(name)
        # As servers have it that tell links in MLST
        client.stat = lambda _path, real=real: real._replace(kind=SYMLINK, size=-1)
        found = stat_following(client, name)
        del client.stat
        assert found.kind == kind
        assert found.size == (3 if kind == FILE else -1)
    assert stat_following(client, "gone") is None


def test_what_is_missing_of_a_path_is_named(desk):
    (desk.root / "pub").mkdir()
    client = desk.connect()
    assert missing(client, "pub/x").startswith("There is no file or directory pub/x on the server")
    assert missing(client, "x").startswith("There is no file or directory x on the server")
    assert missing(client, "pub/no/such/x").startswith("There is no directory pub/no on the server, so src (pub/no/such/x) cannot be there")
    with pytest.raises(FleetproofError):
        client.delete("x")
