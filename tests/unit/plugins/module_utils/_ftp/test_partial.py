# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.entries import FILE, Entry
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.partial import Partial
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.ways import temporary_for
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._ftp.moving import LONG_AGO, ways

SOURCE = Entry("data", FILE, 100_000, LONG_AGO)
TEMPORARY = temporary_for("data", SOURCE)


class Here:
    """A directory, and the files that are received into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.directory = os.open(folder, os.O_RDONLY)
        self.opened: t.List[Partial] = []

    def open(self, replaces: bool = False, source: Entry = SOURCE, **given: t.Any) -> Partial:
        found = Partial(self.directory, "data", source, ways(**given), replaces)
        self.opened.append(found)
        return found

    def names(self) -> t.List[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def here(tmp_path: Path) -> t.Iterator[Here]:
    found = Here(tmp_path)
    yield found
    for partial in found.opened:
        partial.close()
    os.close(found.directory)


def test_a_file_gets_its_name_when_it_is_finished(here: Here) -> None:
    partial = here.open()
    partial.write(b"all of ")
    partial.write(memoryview(b"it"))
    assert here.names() == [TEMPORARY]
    assert partial.finish(LONG_AGO, sync=True)
    assert here.names() == ["data"]
    assert (here.folder / "data").read_bytes() == b"all of it"
    assert (here.folder / "data").stat().st_mtime_ns == LONG_AGO


def test_what_was_left_is_found_again_and_appended_to(here: Here) -> None:
    first = here.open()
    first.write(b"x" * 70_000)
    first.leave(keep=True)
    first.close()
    second = here.open()
    assert (second.size, second.usable) == (70_000, 70_000)
    assert second.holds(memoryview(b"x" * 1000), 69_000)
    assert not second.holds(memoryview(b"x" * 1001), 69_000)
    second.write(b"y" * 30_000)
    second.finish(None, sync=False)
    assert (here.folder / "data").read_bytes() == b"x" * 70_000 + b"y" * 30_000


@pytest.mark.parametrize(("written", "keep", "left"), [(b"", True, False), (b"", False, False), (b"x", True, True), (b"x", False, False)])
def test_what_is_left_behind(here: Here, written: bytes, keep: bool, left: bool) -> None:
    partial = here.open()
    partial.write(written)
    partial.leave(keep)
    assert here.names() == ([TEMPORARY] if left else [])


@pytest.mark.parametrize(("keep", "written", "content"), [(True, b"", b"old"), (False, b"", b"old"), (True, b"new", b"new"), (False, b"new", None)])
def test_in_place_an_old_file_goes_only_when_it_was_written_to(here: Here, keep: bool, written: bytes, content: t.Optional[bytes]) -> None:
    path = here.folder / "data"
    path.write_bytes(b"old")
    partial = here.open(replaces=True, atomic=False)
    if written:
        partial.cut(0)
        partial.write(written)
    partial.leave(keep)
    assert (path.read_bytes() if path.exists() else None) == content


def test_a_full_disk_is_told_as_such(here: Here) -> None:
    partial = here.open()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        # the nearest to a full disk that needs no rights
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
        with pytest.raises(FleetproofError) as caught:
            partial.write(b"x" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.kind == "no_space"
    assert "data" in caught.value.message
    partial.leave(keep=False)
    assert here.names() == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_descriptor_that_takes_nothing_is_a_full_disk(here: Here) -> None:
    partial = here.open()
    os.close(partial.descriptor)
    partial.descriptor = os.open("/dev/full", os.O_RDWR)
    with pytest.raises(FleetproofError) as caught:
        partial.write(b"x")
    assert caught.value.kind == "no_space"
    assert os.strerror(errno.ENOSPC) in caught.value.message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_part_of_somebody_else_is_not_gone_on_with(here: Here) -> None:
    (here.folder / TEMPORARY).write_bytes(b"x" * 70_000)
    os.chown(here.folder / TEMPORARY, 1234, 1234)
    partial = here.open()
    assert partial.usable == 0
    assert (here.folder / TEMPORARY).stat().st_uid == 0
    assert (here.folder / TEMPORARY).stat().st_size == 0


@pytest.mark.parametrize("plant", ["link", "broken link", "hard link", "fifo"])
def test_nothing_but_a_plain_file_of_ours_is_gone_on_with(here: Here, tmp_path_factory: pytest.TempPathFactory, plant: str) -> None:
    victim = tmp_path_factory.mktemp("elsewhere") / "victim"
    if plant != "broken link":
        victim.write_bytes(b"precious" * 10_000)
    at = here.folder / TEMPORARY
    if plant == "fifo":
        os.mkfifo(at)
    elif plant == "hard link":
        os.link(victim, at)
    else:
        at.symlink_to(victim)
    partial = here.open()
    assert partial.usable == 0
    partial.write(b"new")
    partial.finish(None, sync=False)
    assert victim.read_bytes() == b"precious" * 10_000 if plant != "broken link" else not victim.exists()
    assert stat.S_ISREG((here.folder / "data").lstat().st_mode)


def test_a_directory_at_the_temporary_name_is_an_error(here: Here) -> None:
    (here.folder / TEMPORARY).mkdir()
    with pytest.raises(FleetproofError):
        here.open()
    assert here.names() == [TEMPORARY]


def test_a_time_that_no_file_can_have_is_told(here: Here) -> None:
    partial = here.open()
    partial.write(b"x")
    assert not partial.finish(10**30, sync=False)
    assert here.names() == ["data"]


@pytest.mark.parametrize(("size", "usable"), [(100_000, 0), (99_999, 99_999), (100_001, 0), (0, 0)])
def test_in_place_only_what_is_shorter_than_the_source_may_be_a_part(here: Here, size: int, usable: int) -> None:
    (here.folder / "data").write_bytes(b"x" * size)
    assert here.open(replaces=True, atomic=False).usable == usable
