# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t
import zlib
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.blocks import BLOCK, holds
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.entries import MINUTE, SECOND, Entry
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.proof import check_unmoved, local_digest, same_content
from ansible_collections.fleetproof.backup.tests.testbed.ftpd import FtpServer
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._ftp.moving import LONG_AGO, Bench, noise, ways

SIZES = (0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[FtpServer]:
    with FtpServer(tmp_path_factory.mktemp("ftpd")) as running:
        yield running


@pytest.fixture
def bench(server: FtpServer, tmp_path: Path) -> t.Iterator[Bench]:
    with Bench(server, tmp_path) as found:
        yield found


@pytest.fixture
def opened(tmp_path: Path) -> t.Iterator[t.Callable[[bytes], int]]:
    descriptors: t.List[int] = []

    def make(data: bytes) -> int:
        path = tmp_path / ("file-%d" % len(descriptors))
        path.write_bytes(data)
        descriptors.append(os.open(path, os.O_RDONLY))
        return descriptors[-1]

    yield make
    for descriptor in descriptors:
        os.close(descriptor)


@pytest.mark.parametrize("size", SIZES)
def test_a_digest_is_of_the_whole_file(opened: t.Callable[[bytes], int], size: int) -> None:
    descriptor = opened(noise(size))
    assert local_digest(descriptor, size, "CRC32", ways()) == "%08x" % zlib.crc32(noise(size))
    # twice: it does not depend on where the descriptor stands
    assert local_digest(descriptor, size, "CRC32", ways()) == "%08x" % zlib.crc32(noise(size))


def test_a_digest_ends_where_the_file_does(opened: t.Callable[[bytes], int]) -> None:
    assert local_digest(opened(b"short"), 10**6, "CRC32", ways()) == "%08x" % zlib.crc32(b"short")


def test_bytes_are_compared_where_they_lie(opened: t.Callable[[bytes], int]) -> None:
    descriptor = opened(b"0123456789")
    assert holds(descriptor, memoryview(b"345"), 3)
    assert holds(descriptor, memoryview(b""), 99)
    assert not holds(descriptor, memoryview(b"346"), 3)
    assert not holds(descriptor, memoryview(b"89x"), 8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("tls", ["none", "starttls"])
def test_reading_back_finds_the_same(bench: Bench, opened: t.Callable[[bytes], int], size: int, tls: str) -> None:
    bench.offer("file", noise(size))
    assert same_content(bench.connect(tls), "file", opened(noise(size)), size, ways(verify="read_back"))


@pytest.mark.parametrize("other", [b"?" + noise(BLOCK + 9)[1:], noise(BLOCK + 9)[:-1] + b"?", noise(BLOCK + 9)[:-1], noise(BLOCK + 9) + b"?", b""])
def test_reading_back_finds_every_difference_and_leaves_the_connection_usable(bench: Bench, opened: t.Callable[[bytes], int], other: bytes) -> None:
    bench.offer("file", other)
    client = bench.connect()
    assert not same_content(client, "file", opened(noise(BLOCK + 9)), BLOCK + 9, ways(verify="read_back"))
    client.noop()


@pytest.mark.parametrize("command", ["HASH", "XCRC", "XMD5", "XSHA1", "XSHA256", "XSHA512"])
@pytest.mark.parametrize("lines", [True, False])
def test_digests_of_all_servers_are_understood(bench: Bench, opened: t.Callable[[bytes], int], command: str, lines: bool) -> None:
    bench.behave(hash=[command], lines=lines)
    bench.offer("file", noise(1000))
    client = bench.connect()
    assert same_content(client, "file", opened(noise(1000)), 1000, ways(verify="hash"))
    assert not same_content(client, "file", opened(noise(1001)), 1001, ways(verify="hash"))


@pytest.mark.parametrize("hide", [[], ["MLST", "MLSD"], ["MLST", "MLSD", "MDTM"]])
def test_a_source_that_stands_still_is_no_error(bench: Bench, hide: t.List[str]) -> None:
    bench.behave(hide=hide)
    check_unmoved("file", bench.offer("file", b"data"), bench.connect().stat("file"))


@pytest.mark.parametrize("hide", [[], ["MLST", "MLSD"]])
@pytest.mark.parametrize(("change", "word"), [({"size": 5}, "5 bytes"), ({"mtime": LONG_AGO + SECOND}, "time"), ({"mtime": LONG_AGO - SECOND}, "time")])
def test_a_source_that_moved_is_told(bench: Bench, hide: t.List[str], change: t.Dict[str, int], word: str) -> None:
    bench.behave(hide=hide)
    entry: Entry = bench.offer("file", b"data")._replace(**change)
    with pytest.raises(FleetproofError) as caught:
        check_unmoved("file", entry, bench.connect().stat("file"))
    assert caught.value.kind == "changed_underfoot"
    assert word in caught.value.message


def test_a_source_that_is_gone_is_told(bench: Bench) -> None:
    entry = bench.offer("file", b"data")
    (bench.there / "file").unlink()
    with pytest.raises(FleetproofError) as caught:
        check_unmoved("file", entry, bench.connect().stat("file"))
    assert caught.value.kind == "changed_underfoot"
    assert "gone" in caught.value.message


def test_a_time_that_was_a_guess_proves_nothing(bench: Bench) -> None:
    entry = bench.offer("file", b"data")
    check_unmoved("file", entry._replace(mtime=LONG_AGO - 3600 * SECOND, precision=MINUTE), bench.connect().stat("file"))
