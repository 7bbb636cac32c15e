# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import tracemalloc
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp import directories
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.client import Client
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.entries import DIRECTORY, FILE
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.listing import parse_mlsd

from .asking import plant
from .conftest import Desk

NO_MLSD = {"hide": ["MLST", "MLSD"]}
EMPTY = ""
DOTS = "drwxr-xr-x 2 0 0 40 Nov 21 09:26 .\r\ndrwxr-xr-x 2 0 0 40 Nov 21 09:26 ..\r\n"


def names(client: Client, path: str) -> t.List[str]:
    listing = client.list(path)
    assert listing is not None
    assert listing.refused == []
    return sorted(listing.entries)


@pytest.mark.parametrize("behaviour", [{}, NO_MLSD, {**NO_MLSD, "dots": True}, {**NO_MLSD, "style": "dos"}, {"dots": True}])
@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_a_directory_is_what_is_in_it(desk: Desk, behaviour: t.Dict[str, t.Any], encoding: str) -> None:
    # names that a shell would take apart, options, and blanks
    special = ["*", "-l", "-a x", "[a]", "~x", "$HOME", '"q"', "%41", "\u4f60\u597d", "x;y= z", ".hidden", "a -> b"]
    plant(desk.root, *["%s/f" % name for name in special], "e/")
    desk.server.behave(**behaviour, encoding=encoding)
    client = desk.connect(encoding=encoding)
    assert names(client, "") == sorted([*special, "e"])
    for name in special:
        assert names(client, name) == ["f"]
    assert names(client, "/e") == []


@pytest.mark.parametrize("behaviour", [{}, NO_MLSD])
def test_what_is_not_there_is_none_and_what_is_a_file_an_error(desk: Desk, behaviour: t.Dict[str, t.Any]) -> None:
    plant(desk.root, "a/f")
    desk.server.behave(**behaviour)
    client = desk.connect()
    assert client.list("b") is None
    assert client.list("b/c/d") is None
    assert client.list("a/g") is None
    with pytest.raises(FleetproofError) as caught:
        client.list("a/f")
    assert (caught.value.kind, client.broken) == ("refused", False)


@pytest.mark.parametrize("behaviour", [{}, NO_MLSD])
def test_where_the_text_does_not_tell_the_directory_above_does(desk: Desk, behaviour: t.Dict[str, t.Any]) -> None:
    """As vsftpd, which says the same of all that goes wrong."""
    plant(desk.root, "there/f")
    vague = "550 Failed to change directory."
    desk.server.behave(**behaviour, replies={"CWD": [vague]})
    assert desk.connect().list("nowhere") is None
    # counted anew with other behaviour
    desk.server.behave(**behaviour, replies={"CWD": [vague], "NOOP": ["200 x"]})
    with pytest.raises(FleetproofError) as caught:
        desk.connect().list("there")
    assert caught.value.kind == "refused"


@pytest.mark.parametrize(("reply", "kind"), [("550 Permission denied.", "permission"), ("450 Busy", "busy"), ("530 Log in", "auth"), ("550 What?", "refused")])
def test_a_directory_that_may_be_there_is_an_error_and_never_nothing(desk: Desk, reply: str, kind: str) -> None:
    plant(desk.root, "a/f")
    desk.server.behave(refuse={"CWD": reply})
    with pytest.raises(FleetproofError) as caught:
        desk.connect().list("a")
    assert caught.value.kind == kind


@pytest.mark.parametrize("verb", ["MLSD", "LIST"])
@pytest.mark.parametrize("tls", ["none", "starttls"])
@pytest.mark.parametrize(
    "cut",
    [
        {"after": 20},
        {"after": 20, "how": "reset"},
        {"after": 20, "how": "drop"},
        {"after": 20, "reply": "226 Transfer complete."},
        {"after": 0, "reply": "451 Failed"},
    ],
)
def test_a_listing_that_ends_early_is_an_error(desk: Desk, verb: str, tls: str, cut: t.Dict[str, t.Any]) -> None:
    plant(desk.root, "a", "b", "c")
    desk.server.behave(cut={verb: cut}, hide=[] if verb == "MLSD" else ["MLST", "MLSD"])
    with pytest.raises(FleetproofError):
        desk.connect(tls).list("")


@pytest.mark.parametrize("reply", ["226-Options: -a\r\n226 Output truncated to 10000 matches", "250 Listing truncated"])
@pytest.mark.parametrize("verb", ["MLSD", "LIST"])
def test_a_listing_of_a_part_is_an_error(desk: Desk, verb: str, reply: str) -> None:
    """As pure-ftpd does it by default from 10000 entries on."""
    line = "type=file;size=1; a\r\n" if verb == "MLSD" else "-rw-r--r-- 1 0 0 1 Nov 21 09:26 a\r\n"
    desk.server.behave(listings={"*": line + "x" * 100}, cut={verb: {"after": len(line), "reply": reply}}, hide=[] if verb == "MLSD" else ["MLST", "MLSD"])
    with pytest.raises(FleetproofError) as caught:
        desk.connect().list("")
    assert "only a part" in caught.value.message


def test_a_listing_without_end_is_not_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directories, "_LIMIT", 100_000)
    desk.server.behave(listings={"*": "".join("type=file;size=1; %d\r\n" % number for number in range(100_000))})
    with pytest.raises(FleetproofError) as caught:
        desk.connect().list("")
    assert (caught.value.kind, caught.value.retryable) == ("protocol", False)
    assert "more than 100000 octets" in caught.value.message


def test_the_largest_listing_that_is_taken_fits_into_memory() -> None:
    count = 20_000
    # as short as lines can be
    data = b"".join(b"type=dir; %x\r\n" % number for number in range(count))
    tracemalloc.start()
    listing = parse_mlsd(data, "utf-8")
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(listing.entries) == count
    assert peak / len(data) * directories._LIMIT < 4 << 30


def test_what_list_has_to_be_asked_for_is_asked_for(desk: Desk) -> None:
    plant(desk.root, ".hidden", "a")
    desk.server.behave(**NO_MLSD)
    client = desk.connect()
    assert names(client, "") == [".hidden", "a"]
    assert desk.server.commands("LIST") == ["LIST -a"]


@pytest.mark.parametrize("reply", ["500 Unknown option", "501 Bad parameter", "504 Not this", "550 -a: No such file or directory"])
def test_a_server_that_does_not_know_the_option_is_asked_without_it_from_then_on(desk: Desk, reply: str) -> None:
    plant(desk.root, "a", "d/")
    desk.server.behave(**NO_MLSD, replies={"LIST": [reply]})
    client = desk.connect()
    assert names(client, "") == ["a", "d"]
    assert names(client, "d") == []
    assert desk.server.commands("LIST") == ["LIST -a", "LIST", "LIST"]


def test_an_empty_answer_for_a_directory_that_cannot_be_read_is_seen_through(desk: Desk) -> None:
    """As vsftpd: 226 and nothing, where an empty directory would at least have itself in it."""
    plant(desk.root, "unreadable/f", "empty/")
    desk.server.behave(**NO_MLSD, dots=True, listings={"/unreadable": EMPTY})
    # whether it is the first one that is listed or not
    for first in ((), ("",)):
        client = desk.connect()
        for path in first:
            client.list(path)
        with pytest.raises(FleetproofError) as caught:
            client.list("unreadable")
        assert caught.value.kind == "permission"
        assert names(client, "empty") == []


def test_an_empty_answer_of_vsftpd_for_the_root_is_seen_through(desk: Desk) -> None:
    desk.server.behave(**NO_MLSD, listings={"/": EMPTY}, refuse={"STAT": "211 vsFTPd 3.0.3 - secure, fast, stable"})
    with pytest.raises(FleetproofError) as caught:
        desk.connect().list("")
    assert caught.value.kind == "permission"


def test_a_server_that_takes_the_option_for_a_name_is_asked_without_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(desk.root, "a")
    desk.server.behave(**NO_MLSD)
    client = desk.connect()
    fetch = client._lister._fetch
    monkeypatch.setattr(client._lister, "_fetch", lambda command, path, doing: b"" if command == "LIST -a" else fetch(command, path, doing))
    assert names(client, "") == ["a"]


def test_an_empty_directory_of_a_server_without_dots_is_empty(desk: Desk) -> None:
    plant(desk.root, "d/")
    desk.server.behave(**NO_MLSD)
    assert names(desk.connect(), "d") == []
    os.rmdir(desk.root / "d")
    assert names(desk.connect(), "") == []


@pytest.mark.parametrize("behaviour", [{}, NO_MLSD])
def test_one_entry_is_looked_at(desk: Desk, behaviour: t.Dict[str, t.Any]) -> None:
    plant(desk.root, "d/f", "d/ f ")
    os.utime(desk.root / "d" / "f", (1_600_000_000, 1_600_000_000))
    desk.server.behave(**behaviour)
    client = desk.connect()
    found = t.cast(t.Any, client.stat("d/f"))
    assert (found.name, found.kind, found.size, found.mtime) == ("f", FILE, 3, 1_600_000_000 * 10**9)
    assert t.cast(t.Any, client.stat("d/ f ")).name == " f "
    for path, name in (("d", "d"), ("/d", "d"), ("", ""), ("/", "")):
        found = t.cast(t.Any, client.stat(path))
        assert (found.name, found.kind) == (name, DIRECTORY)
    assert client.stat("g") is None
    assert client.stat("g/h/i") is None
    assert client.stat("d/g") is None


@pytest.mark.parametrize("behaviour", [{}, NO_MLSD])
def test_what_cannot_be_looked_at_is_an_error(desk: Desk, behaviour: t.Dict[str, t.Any]) -> None:
    plant(desk.root, "d/f")
    denied = "550 Permission denied."
    desk.server.behave(**behaviour, refuse={"MLST": denied, "SIZE": denied, "CWD": denied})
    client = desk.connect()
    with pytest.raises(FleetproofError) as caught:
        client.stat("d/f")
    assert caught.value.kind == "permission"
