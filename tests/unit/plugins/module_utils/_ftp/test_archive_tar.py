# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of archives in the tar format."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_format import FORMATS, Member, Unsound
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_tar import header
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._ftp.archiving import (
    SITE,
    archives_of_all_formats,
    read,
)

archives = pytest.fixture(scope="module")(archives_of_all_formats)


# What is pinned here is part of the promise that a site makes the same bytes tomorrow; compressors apart
def test_the_form_of_tar_stays_as_it_is(archives):
    found = {gzip.decompress(archives["tar.gz"]), bz2.decompress(archives["tar.bz2"]), lzma.decompress(archives["tar.xz"])}
    assert [hashlib.sha256(data).hexdigest() for data in found] == ["0f2389604fa0aecfeba0ce65d3f8f030e766e6edfae973199211b1c9303fcb21"]


@pytest.mark.parametrize("name", FORMATS[1:])
def test_tarfile_reads_the_same(archives, name):
    with tarfile.open(fileobj=io.BytesIO(archives[name])) as archive:
        found = {}
        for info in archive:
            assert (info.uid, info.gid, info.uname, info.gname) == (0, 0, "", "")
            assert info.mode == (0o755 if info.isdir() else 0o644)
            path = info.name.encode("utf-8", "surrogateescape")
            file = archive.extractfile(info)
            found[path + b"/" if info.isdir() else path] = (None if file is None else file.read(), info.mtime)
    assert found == SITE


def test_a_file_of_more_than_8_gib_fits_into_tar():
    member = Member(b"large", 9 << 30, 7)
    with tarfile.open(fileobj=io.BytesIO(header(member)), mode="r:") as archive:
        info = archive.next()
    assert (info.name, info.size, info.mtime) == ("large", 9 << 30, 7)


def _packed(name, data):
    return {"tar.gz": lambda: gzip.compress(data, mtime=0), "tar.bz2": lambda: bz2.compress(data), "tar.xz": lambda: lzma.compress(data)}[name]()


def _gnu(**members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, size in members.items():
            info = tarfile.TarInfo(path)
            info.size = size
            archive.addfile(info, io.BytesIO(bytes(size)))
    return out.getvalue()


def _foreign_tars():
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(link)
    yield "link", out.getvalue()
    yield "gnu", _gnu(a=3)
    yield "negative size", (header(Member(b"a", 5)).replace(b"00000000005", b"-0000000005")) + bytes(1024)
    for path in (b"../x", b"/etc/x", b"a/b", b"..", b"a\\b", b"a\nb", b"./a"):
        yield path.decode(), header(Member(path)) + bytes(10240 - 512)
    yield "huge extended header", header(Member(b"a" * 200)).replace(b"00000000320", b"77777777777", 1) + bytes(10240)
    yield "more than there is in the world", header(Member(b"a", 2**63)) + bytes(10240)
    yield "order", header(Member(b"b")) + header(Member(b"a")) + bytes(10240 - 1024)
    yield "twice", header(Member(b"a")) + header(Member(b"a")) + bytes(10240 - 1024)
    yield "padding", header(Member(b"a", 1)) + b"a" + b"x" * 511 + bytes(10240 - 1024)
    yield "short end", header(Member(b"a")) + bytes(1024)
    yield "empty", b""


@pytest.mark.parametrize(("what", "data"), list(_foreign_tars()), ids=lambda value: value if isinstance(value, str) else "")
def test_a_tar_of_others_is_not_believed(what, data):
    with pytest.raises(Unsound):
        read(_packed("tar.xz", data), "tar.xz")
