# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import itertools
import os
import struct

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._tree import metadata
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._tree.comparing import FIFO, THEN, Link, compared, grow
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(name="twins")
def fixture_twins(tmp_path):
    tree = {"d": {}, "f": b"1", "l": Link("f"), "p": FIFO}
    for side in ("left", "right"):
        grow(tmp_path / side, tree)
        for name in ("l", "p", "d", "."):
            os.utime(str(tmp_path / side / name), ns=(THEN, THEN), follow_symlinks=False)
    return tmp_path / "left", tmp_path / "right"


def _diff(twins, *fields):
    return [(item["path"], item["field"], item["left"], item["right"]) for item in compared(*twins, metadata=list(fields))["metadata_diff"]]


def _set_attribute(path, name, value):
    try:
        os.setxattr(str(path), name, value, follow_symlinks=False)
    except AttributeError:
        pytest.skip("extended attributes need Linux")
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.EPERM):
            pytest.skip("this file system has no such attributes")
        raise


def _acl(*entries):
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


NOBODY_READS = _acl((1, 6, 0xFFFFFFFF), (2, 4, 65534), (4, 4, 0xFFFFFFFF), (0x10, 4, 0xFFFFFFFF), (0x20, 0, 0xFFFFFFFF))


def test_twins_differ_in_nothing(twins):
    fields = [field for field in metadata.FIELDS if metadata.attributes_available() or field not in ("xattrs", "acls")]
    result = compared(*twins, metadata=fields)
    assert result["metadata_diff"] == []
    assert result["identical"]


def test_modes_of_everything_but_links_are_compared(twins):
    for name in ("d", "f", "p", "."):
        os.chmod(str(twins[0] / name), 0o750)
        os.chmod(str(twins[1] / name), 0o4700)
    assert _diff(twins, "mode") == [(name, "mode", "0750", "4700") for name in (".", "d", "f", "p")]
    assert not compared(*twins, metadata=["mode"])["identical"]
    assert compared(*twins)["identical"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owners_and_groups_are_numbers(twins):
    os.chown(str(twins[1] / "f"), 12, 34)
    os.chown(str(twins[1] / "l"), 12, 0, follow_symlinks=False)
    assert _diff(twins, "owner", "group") == [("f", "group", 0, 34), ("f", "owner", 0, 12), ("l", "owner", 0, 12)]
    assert _diff(twins, "group") == [("f", "group", 0, 34)]


def test_times_of_everything_are_compared(twins):
    for name in ("d", "f", "l", "p", "."):
        os.utime(str(twins[1] / name), ns=(THEN, THEN + 1), follow_symlinks=False)
    before, after = "2020-09-13T12:26:40.123456789Z", "2020-09-13T12:26:40.12345679Z"
    assert _diff(twins, "mtime") == [(name, "mtime", before, after) for name in (".", "d", "f", "l", "p")]


def test_attributes_are_compared_by_name_and_value(twins):
    for side, value in zip(twins, (b"one", b"two\xff")):
        _set_attribute(side / "f", "user.kind", value)
        _set_attribute(side / "f", "user.same", b"same")
    _set_attribute(twins[0] / "d", "user.only", b"x" * 300)
    assert _diff(twins, "xattrs") == [
        ("d", "xattrs", {"user.only": "x" * 256 + "… (300 bytes)"}, {}),
        ("f", "xattrs", {"user.kind": "one"}, {"user.kind": "two\\xff"}),
    ]
    assert _diff(twins, "acls") == []


def test_attributes_of_a_link_are_its_own(twins):
    _set_attribute(twins[0] / "f", "user.kind", b"1")
    assert [row[0] for row in _diff(twins, "xattrs")] == ["f"]


def test_access_lists_are_compared_and_shown_as_text(twins):
    _set_attribute(twins[0] / "f", "system.posix_acl_access", NOBODY_READS)
    _set_attribute(twins[0] / "d", "system.posix_acl_default", NOBODY_READS)
    shown = "user::rw-,user:65534:r--,group::r--,mask::r--,other::---"
    assert _diff(twins, "acls") == [
        ("d", "acls", {"system.posix_acl_default": shown}, {}),
        ("f", "acls", {"system.posix_acl_access": shown}, {}),
    ]
    assert _diff(twins, "xattrs") == []


@pytest.mark.parametrize("value", [b"", b"\x02\0\0\0abc", b"\x03\0\0\0", b"any text"])
def test_what_is_no_access_list_is_shown_as_it_is(value):
    assert metadata.acl_text(value) == metadata.display_name(value)


def test_without_attributes_to_read_the_field_is_refused(monkeypatch):
    monkeypatch.delattr(os, "listxattr", raising=False)
    metadata.check_fields(["mode", "hardlinks"], "metadata")
    for field in ("xattrs", "acls"):
        with pytest.raises(FleetproofError) as caught:
            metadata.check_fields(["mode", field], "metadata")
        assert caught.value.kind == "dependency"


def test_holes_are_seen(tmp_path):
    for side in ("left", "right"):
        (tmp_path / side).mkdir()
        with open(str(tmp_path / side / "f"), "wb") as file:
            if side == "left":
                file.truncate(1 << 20)
            else:
                file.write(bytes(1 << 20))
                os.fsync(file.fileno())
    if not metadata.is_sparse(os.stat(str(tmp_path / "left" / "f"))):
        pytest.skip("this file system makes no holes")
    assert _diff((tmp_path / "left", tmp_path / "right"), "sparse") == [("f", "sparse", True, False)]
    assert compared(tmp_path / "left", tmp_path / "right")["identical"]


def test_hard_links_are_compared_by_what_they_join(tmp_path):
    for side in ("left", "right"):
        grow(tmp_path / side, {"d": {}, "a": b"1", "x": b"1", "single": b"1"})
    for side, links in (("left", (("a", "b"), ("a", "d/c"), ("x", "y"))), ("right", (("a", "b"), ("x", "d/c"), ("x", "y")))):
        for source, link in links:
            os.link(str(tmp_path / side / source), str(tmp_path / side / link))
    twins = tmp_path / "left", tmp_path / "right"
    assert _diff(twins, "hardlinks") == [("d/c", "hardlinks", "a", "x"), ("x", "hardlinks", "y", "d/c"), ("y", "hardlinks", "x", "d/c")]
    os.unlink(str(twins[1] / "d" / "c"))
    os.link(str(twins[1] / "a"), str(twins[1] / "d" / "c"))
    assert _diff(twins, "hardlinks") == []


def test_hard_links_that_are_copies_on_the_other_side_are_told(tmp_path):
    grow(tmp_path / "left", {"a": b"1"})
    os.link(str(tmp_path / "left" / "a"), str(tmp_path / "left" / "b"))
    grow(tmp_path / "right", {"a": b"1", "b": b"1"})
    assert _diff((tmp_path / "left", tmp_path / "right"), "hardlinks") == [("a", "hardlinks", "b", None), ("b", "hardlinks", "a", None)]
    # A name outside the tree, or left out of it, is no link within it
    assert compared(tmp_path / "left", tmp_path / "right", metadata=["hardlinks"], exclude=["b"])["identical"]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=7))
def test_hard_links_differ_exactly_when_they_join_other_names(inodes):
    rows = [(chr(97 + index), (1, left), (2, right)) for index, (left, right) in enumerate(inodes)]

    def joined(side):
        return {(one[0], other[0]) for one, other in itertools.combinations(rows, 2) if one[side] == other[side]}

    assert bool(metadata.link_differences(rows)) == (joined(1) != joined(2))
