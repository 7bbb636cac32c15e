# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of archives in the zip format."""

from __future__ import annotations

import hashlib
import io
import shutil
import stat
import subprocess
import tracemalloc
import zipfile

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp import archive_zip
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_format import CHUNK, NO_TIME, Member, Unsound
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_zip import ZipWriter
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._ftp.archiving import (
    SITE,
    archives_of_all_formats,
    members_of,
    read,
    reading,
    side_of,
    written,
)

archives = pytest.fixture(scope="module")(archives_of_all_formats)


# What is pinned here is part of the promise that a site makes the same bytes tomorrow; compressors apart
def test_the_form_of_zip_stays_as_it_is():
    packed = archive_zip._Packed(0x12345678, 99, 1234)
    headers = b"".join(make(member, packed) for member, _content in members_of(SITE) for make in (archive_zip.local_header, archive_zip.central_header))
    assert hashlib.sha256(headers + archive_zip.end_records(3, 4, 5)).hexdigest() == "a5cb11504461a49134b967fee862073e2e80354f384c6d32f77b050e9370f1d0"


def test_zipfile_reads_the_same(archives):
    with zipfile.ZipFile(io.BytesIO(archives["zip"])) as archive:
        assert archive.testzip() is None
        for info, (path, (content, _seconds)) in zip(archive.infolist(), SITE.items()):
            assert info.filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437") == path
            assert archive.read(info) == (content or b"")
            assert info.external_attr >> 16 == (stat.S_IFDIR | 0o755 if info.is_dir() else stat.S_IFREG | 0o644)
            assert info.create_system == 3
        assert archive.getinfo("a").date_time == (2023, 11, 14, 22, 13, 20)
        assert archive.getinfo("a-b").date_time == (2023, 11, 14, 22, 13, 20)
        assert archive.getinfo("before 1970").date_time == (1980, 1, 1, 0, 0, 0)
        assert archive.getinfo("in 2250").date_time == (2107, 12, 31, 23, 59, 58)


def test_unzip_has_nothing_to_say(archives, tmp_path):
    if shutil.which("unzip") is None:
        pytest.skip("unzip is not installed")
    archive = tmp_path / "site.zip"
    archive.write_bytes(archives["zip"])
    done = subprocess.run(["unzip", "-tq", str(archive)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert (done.returncode, b"No errors" in done.stdout) == (0, True), done.stdout


def test_sizes_and_numbers_beyond_32_and_16_bits_are_told_in_64(monkeypatch, tmp_path):
    monkeypatch.setattr(archive_zip, "_WIDE", 10)
    members = [(Member(b"large", 11, 1), b"hello world"), (Member(b"small", 2, 1), b"hi")]
    data = written("zip", members)
    assert read(data, "zip") == members
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("large") == b"hello world"
        assert (archive.getinfo("large").extract_version, archive.getinfo("small").extract_version) == (45, 20)
    (tmp_path / "x.zip").write_bytes(data)
    if shutil.which("unzip"):
        subprocess.run(["unzip", "-tq", str(tmp_path / "x.zip")], check=True)


def test_an_archive_may_have_more_members_than_16_bits_count():
    members = [(Member(b"%06d" % number), b"") for number in range(65600)]
    data = written("zip", members)
    assert len(side_of(data, "zip")) == 65600
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.infolist()) == 65600
    assert len(side_of(written("tar.gz", members), "tar.gz")) == 65600


def test_a_member_that_was_written_takes_little_memory(tmp_path):
    number = 10000
    with open(tmp_path / "x.zip", "w+b") as out:
        writer = ZipWriter(out)
        tracemalloc.start()
        try:
            for at in range(number):
                writer.add(Member(b"some-file-%06d.bin" % at, 3, 1700000000 + 7 * at), [b"%03d" % (at % 1000)])
            held = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        writer.close()
    assert held / number < 60
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert len(archive.infolist()) == number


def test_offsets_beyond_32_bits_are_told_in_64():
    entry = archive_zip.central_header(Member(b"a", 3), archive_zip._Packed(1, 3, 5 << 30))
    assert entry.endswith((5 << 30).to_bytes(8, "little") + archive_zip._exact_time(NO_TIME))
    records = archive_zip.end_records(1, 5 << 30, len(entry))
    assert zipfile._EndRecData(io.BytesIO(bytes(len(entry)) + records))[zipfile._ECD_OFFSET] == 5 << 30


def test_a_zip_of_others_is_not_believed(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", "text")
    with pytest.raises(Unsound):
        read(out.getvalue(), "zip")


@pytest.mark.parametrize("path", [b"../x", b"/etc/x", b"a/b", b"..", b"a\\b", b"a\nb"])
def test_a_zip_with_a_name_that_leads_astray_is_not_believed(path):
    member, packed = Member(path), archive_zip._Packed(0, 0)
    local, central = archive_zip.local_header(member, packed), archive_zip.central_header(member, packed)
    with pytest.raises(Unsound) as caught:
        read(local + central + archive_zip.end_records(1, len(local), len(central)), "zip")
    assert caught.value.kind == "unsafe"


def test_a_zip_whose_directory_tells_another_tale_is_not_believed():
    data = written("zip", [(Member(b"aa", 3), b"abc"), (Member(b"bb", 3), b"abc")])
    with pytest.raises(Unsound):
        read(data[::-1].replace(b"bb", b"cc", 1)[::-1], "zip")


def test_a_member_that_inflates_to_more_than_it_says_is_not_read_on():
    honest = written("zip", [(Member(b"a", 10 * CHUNK), bytes(10 * CHUNK))])
    member = Member(b"a", CHUNK + 5)
    packed = archive_zip._Packed(0, 700)
    liar = archive_zip.local_header(member, packed) + honest[len(archive_zip.local_header(member, packed)) :]
    reader = reading(liar, "zip")
    reader.next()
    seen = []
    with pytest.raises(Unsound):
        seen.extend(map(len, reader.chunks()))
    assert sum(seen) <= CHUNK + 5
