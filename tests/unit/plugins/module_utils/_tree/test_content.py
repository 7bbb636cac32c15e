# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._tree import content
from ansible_collections.fleetproof.backup.plugins.module_utils._tree.content import Comparer, open_to_read

SIZES = [0, 1, 4095, content.SMALL, content.SMALL + 1, content.BLOCK, content.BLOCK + 1, 3 * content.BLOCK + 17]


@pytest.fixture(name="same")
def fixture_same(tmp_path):
    comparer = Comparer()

    def same(left, right, size):
        (tmp_path / "left").write_bytes(left)
        (tmp_path / "right").write_bytes(right)
        one, other = (os.open(str(tmp_path / name), os.O_RDONLY) for name in ("left", "right"))
        try:
            return comparer.same(one, other, size)
        finally:
            os.close(one)
            os.close(other)

    return same


@pytest.mark.parametrize("size", SIZES)
def test_equal_bytes_are_the_same_and_one_other_bit_is_not(same, size):
    data = os.urandom(size)
    assert same(data, data, size)
    for at in {0, size // 2, size - 1} if size else ():
        other = bytearray(data)
        other[at] ^= 1
        assert not same(data, bytes(other), size)
        # What was unequal before must not stay in the buffers
        assert same(data, data, size)


@pytest.mark.parametrize("size", SIZES[1:])
def test_a_file_that_ends_early_is_not_the_same(same, size):
    data = os.urandom(size)
    assert not same(data[:-1], data, size)
    assert not same(data, data[:-1], size)
    assert not same(data[:-1], data[:-1], size)
    assert same(data, data, size)


def test_bytes_are_counted_as_they_are_compared(tmp_path):
    counted = []
    comparer = Comparer(lambda entries, size: counted.append((entries, size)))
    size = 2 * content.BLOCK + 5
    (tmp_path / "a").write_bytes(bytes(size))
    one, other = (os.open(str(tmp_path / "a"), os.O_RDONLY) for _unused in range(2))
    assert comparer.same(one, other, size)
    os.close(one)
    os.close(other)
    assert sum(item[1] for item in counted) == size
    assert len(counted) == 3


def test_opening_follows_no_link_and_waits_for_no_fifo(tmp_path):
    directory = os.open(str(tmp_path), os.O_RDONLY)
    os.symlink("/etc/passwd", str(tmp_path / "link"))
    os.mkfifo(str(tmp_path / "fifo"))
    (tmp_path / "file").write_bytes(b"1")
    with pytest.raises(OSError, match="symbolic links"):
        open_to_read("link", directory)
    os.close(open_to_read("fifo", directory))
    descriptor = open_to_read("file", directory)
    assert os.read(descriptor, 2) == b"1"
    os.close(descriptor)
    os.close(directory)
