# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the bytes of archives: the same for the same content, and believed only as they were written."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import subprocess
import sys
import time

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_format import CHUNK, FORMATS, NO_TIME, Member, Unsound
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_stream import Packer, compressor
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._ftp.archiving import (
    NOISE,
    archives_of_all_formats,
    members_of,
    read,
    written,
)
from hypothesis import given, settings
from hypothesis import strategies as st

archives = pytest.fixture(scope="module")(archives_of_all_formats)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("piece", [1, 4096, CHUNK, 10**6])
def test_the_bytes_do_not_depend_on_how_content_comes_in(name, piece):
    members = [(Member(b"x", len(NOISE) + 200000), NOISE + bytes(200000)), (Member(b"y", 70000), NOISE[:70000])]
    if piece == 1:
        members = [(Member(b"x", 70000), NOISE[:70000])]
    assert written(name, members, piece) == written(name, members, 333)


_PROGRAM = """
import io, os, sys, time
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_read import writer_to
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_format import Member, stored_path
os.umask(int(sys.argv[2], 8))
out = io.BytesIO()
writer = writer_to(out, sys.argv[1])
for path in ("a", "\\u00e9", "\\udce9"):
    writer.add(Member(stored_path(path, False), 3, 1700000001), [b"abc"])
writer.close()
sys.stdout.buffer.write(out.getvalue())
"""


@pytest.mark.parametrize("name", FORMATS)
def test_the_bytes_depend_on_neither_time_zone_locale_umask_nor_the_day(name):
    seen = set()
    for zone, locale, umask in (("UTC", "C", "022"), ("Pacific/Apia", "C.UTF-8", "077"), ("America/Lima", "POSIX", "000")):
        environment = {**os.environ, "TZ": zone, "LC_ALL": locale, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
        seen.add(subprocess.run([sys.executable, "-c", _PROGRAM, name, umask], env=environment, stdout=subprocess.PIPE, check=True).stdout)
        time.sleep(0.01)
    assert len(seen) == 1


def test_a_gzip_of_others_is_not_believed(archives):
    with pytest.raises(Unsound) as caught:
        read(gzip.compress(gzip.decompress(archives["tar.gz"]), mtime=1), "tar.gz")
    assert caught.value.kind == "refused"


def test_an_xz_that_wants_all_memory_is_not_read():
    data = lzma.compress(bytes(10240), filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 28}])
    with pytest.raises(Unsound) as caught:
        read(data, "tar.xz")
    # nobody is to look for a bad disk because of it
    assert caught.value.kind == "refused"
    assert "memory" in caught.value.reason


@pytest.mark.parametrize("name", FORMATS)
def test_no_flipped_bit_goes_unnoticed(name):
    site = {b"a/": (None, NO_TIME), b"a/b": (NOISE[:700], 1700000000), b"c": (b"text " * 50, -5), "é".encode(): (b"", 5)}
    data = written(name, members_of(site))
    missed = []
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 1 << at % 8
        try:
            # Some bits mean nothing: those that fill the last byte, a distance into a run of one byte
            if read(bytes(damaged), name) != members_of(site):
                missed.append(at)
        except Unsound:
            continue
    assert missed == []


@pytest.mark.parametrize("name", FORMATS)
def test_an_archive_that_ends_early_is_found_wherever_it_ends(name):
    data = written(name, members_of({b"a": (NOISE[:500], 5), b"b": (b"b", 5)}))
    for length in range(len(data)):
        with pytest.raises(Unsound):
            read(data[:length], name)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("tail", [b"\0", b"x", bytes(512), bytes(10240), "again"])
def test_nothing_may_follow_the_end(archives, name, tail):
    with pytest.raises(Unsound):
        read(archives[name] + (archives[name] if tail == "again" else tail), name)


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None, max_examples=100)
@given(data=st.binary(max_size=3000))
def test_any_other_file_is_no_archive(name, data):
    with pytest.raises(Unsound):
        read(data, name)


def _disturbed(data, edits):
    """Bytes replaced, taken out, put in."""
    found = bytearray(data)
    for what, place, value, length in edits:
        at = int(place * len(found))
        if what == "replace":
            found[at : at + 1] = bytes([value])
        elif what == "remove":
            del found[at : at + length]
        else:
            found[at:at] = bytes([value]) * length
    return bytes(found)


_EDITS = st.lists(
    st.tuples(st.sampled_from(("replace", "remove", "insert")), st.floats(0, 1, exclude_max=True), st.integers(0, 255), st.sampled_from((1, 4, 512))),
    min_size=1,
    max_size=3,
)
_SMALL = members_of(
    dict(sorted({b"a/": (None, NO_TIME), b"a/b": (b"text " * 100, 5), b"\xe9" * 120: (b"x", -7), "é".encode(): (b"y", 2**33), b"z": (b"", 0)}.items()))
)


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None, max_examples=150)
@given(edits=_EDITS)
def test_a_disturbed_archive_is_believed_only_where_it_holds_the_same(name, edits):
    try:
        found = read(_disturbed(written(name, _SMALL), edits), name)
    except Unsound:
        return
    assert found == _SMALL


@settings(deadline=None, max_examples=400)
@given(edits=_EDITS)
def test_whatever_is_believed_is_what_would_be_written(edits):
    # Below the checksum of the compression, as somebody would do it on purpose
    out = io.BytesIO()
    packer = Packer(compressor("tar.gz"), out)
    packer.write(_disturbed(gzip.decompress(written("tar.gz", _SMALL)), edits))
    packer.close()
    try:
        found = read(out.getvalue(), "tar.gz")
    except Unsound:
        return
    assert written("tar.gz", found) == out.getvalue()
