# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of archives as they are written and read, by ourselves and by the tools of others."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import time
import typing as t
import zipfile

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp import archive_zip
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_format import CHUNK, FORMATS, NO_TIME, Member, Unsound
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_read import ArchiveSide, open_archive, reader_of, told, writer_to
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_stream import Raw
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_tar import header
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.entries import DIRECTORY, FILE, SECOND, Entry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

_NOISE = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(3 * CHUNK // 32)) + b"seventeen bytes !"

# A site of everything: path, content, time
_SITE = {
    b"a": (b"", 1700000000),
    b"a-b": (b"x", 1700000001),
    b"a.d/": (None, NO_TIME),
    b"a.d/empty/": (None, NO_TIME),
    b"a.d/%s" % (b"long" * 60): (b"long path", 1600000000),
    b"a.d/noise": (_NOISE, 1500000000),
    b"a.d/zeros": (bytes(5 * CHUNK), 951782400),
    b"before 1970": (b"old", -86401),
    b"before 1601": (b"older", -20000000000),
    b"in 2050": (b"new", 2524608001),
    b"in 2250": (b"newer", 8836000001),
    "é漢字".encode(): (b"text", 1700000002),
    b"n\xe9": (b"no text", 1700000003),
    b"n\xe9" * 70: (b"long and no text", 1700000004),
}
_SITE = dict(sorted(_SITE.items()))


def _members(site):
    return [(Member(path, 0 if content is None else len(content), seconds), content or b"") for path, (content, seconds) in site.items()]


def _written(name, members, piece=1000):
    out = io.BytesIO()
    writer = writer_to(out, name)
    digests = [writer.add(member, (content[at : at + piece] for at in range(0, len(content), piece))) for member, content in members]
    writer.close()
    assert digests == [hashlib.sha256(content).digest() for _member, content in members]
    return out.getvalue()


def _reader(data, name):
    return reader_of(Raw(io.BytesIO(data), lambda _size: None), name)


def _read(data, name):
    reader = _reader(data, name)
    found = []
    while True:
        member = reader.next()
        if member is None:
            return found
        found.append((member, b"".join(reader.chunks())))


def _side(data, name):
    return ArchiveSide.read(io.BytesIO(data), name, "/b/site", lambda _size: None)


@pytest.fixture(scope="module")
def archives():
    """The same site in every format."""
    return {name: _written(name, _members(_SITE)) for name in FORMATS}


@pytest.mark.parametrize("name", FORMATS)
def test_what_was_written_is_read(archives, name):
    assert _read(archives[name], name) == _members(_SITE)


@pytest.mark.parametrize("name", FORMATS)
def test_content_that_nobody_reads_is_read_over(archives, name):
    reader = _reader(archives[name], name)
    found = []
    while True:
        member = reader.next()
        if member is None:
            break
        found.append(member.path)
        next(reader.chunks(), None)
    assert found == list(_SITE)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("piece", [1, 4096, CHUNK, 10**6])
def test_the_bytes_do_not_depend_on_how_content_comes_in(name, piece):
    members = [(Member(b"x", len(_NOISE) + 200000), _NOISE + bytes(200000)), (Member(b"y", 70000), _NOISE[:70000])]
    if piece == 1:
        members = [(Member(b"x", 70000), _NOISE[:70000])]
    assert _written(name, members, piece) == _written(name, members, 333)


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


# What is pinned here is part of the promise that a site makes the same bytes tomorrow; compressors apart


def test_the_form_of_tar_stays_as_it_is(archives):
    found = {gzip.decompress(archives["tar.gz"]), bz2.decompress(archives["tar.bz2"]), lzma.decompress(archives["tar.xz"])}
    assert [hashlib.sha256(data).hexdigest() for data in found] == ["0f2389604fa0aecfeba0ce65d3f8f030e766e6edfae973199211b1c9303fcb21"]


def test_the_form_of_zip_stays_as_it_is():
    packed = archive_zip._Packed(0x12345678, 99, 1234)
    headers = b"".join(make(member, packed) for member, _content in _members(_SITE) for make in (archive_zip.local_header, archive_zip.central_header))
    assert hashlib.sha256(headers + archive_zip.end_records(3, 4, 5)).hexdigest() == "a5cb11504461a49134b967fee862073e2e80354f384c6d32f77b050e9370f1d0"


_NAME = st.binary(min_size=1, max_size=140).filter(lambda data: not set(data) & set(b"/\\\0\r\n") and data not in (b".", b".."))
_TIME = st.integers(-62135596800, 253402300799) | st.integers(0, 2**33)


@st.composite
def _sites(draw):
    """Sites of any names and times."""
    site = {}
    above = [b""]
    taken = set()
    for name in draw(st.lists(_NAME, max_size=12)):
        folder = draw(st.sampled_from(above))
        if folder + name in taken:
            continue
        taken.add(folder + name)
        if draw(st.booleans()) and len(folder) < 400:
            site[folder + name + b"/"] = (None, NO_TIME)
            above.append(folder + name + b"/")
        else:
            site[folder + name] = (draw(st.binary(max_size=2000)), draw(_TIME))
    return dict(sorted(site.items()))


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(site=_sites())
def test_any_site_comes_back_exactly(name, site):
    data = _written(name, _members(site))
    assert _read(data, name) == _members(site)
    side = _side(data, name)
    assert (len(side), side.size, side.sha256) == (len(site), len(data), hashlib.sha256(data).hexdigest())
    found = {}
    folders = [""]
    while folders:
        folder = folders.pop()
        for entry in side.list(folder).entries.values():
            path = folder + entry.name
            if entry.kind == DIRECTORY:
                folders.append(path + "/")
                found[path + "/"] = (0, NO_TIME)
            else:
                found[path] = (entry.size, entry.mtime // SECOND)
    expected = {path.decode("utf-8", "surrogateescape"): (len(content or b""), seconds) for path, (content, seconds) in site.items()}
    assert found == expected


def test_a_folder_is_listed_as_a_server_would(archives):
    side = _side(archives["zip"], "zip")
    top = side.list("")
    assert top.entries["a"] == Entry("a", FILE, 0, 1700000000 * SECOND, SECOND)
    assert top.entries["a.d"].kind == DIRECTORY
    assert "n\udce9" in top.entries
    assert not top.refused
    assert set(side.list("a.d/").entries) == {"empty", "long" * 60, "noise", "zeros"}
    assert side.list("a.d/empty/").entries == {}
    assert side.list("a/") is None
    assert side.list("none/") is None


def test_an_archive_of_nothing_has_a_root(archives):
    for name in FORMATS:
        assert _side(_written(name, []), name).list("").entries == {}


# What others read


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
    assert found == _SITE


def test_zipfile_reads_the_same(archives):
    with zipfile.ZipFile(io.BytesIO(archives["zip"])) as archive:
        assert archive.testzip() is None
        for info, (path, (content, _seconds)) in zip(archive.infolist(), _SITE.items()):
            assert info.filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437") == path
            assert archive.read(info) == (content or b"")
            assert info.external_attr >> 16 == (stat.S_IFDIR | 0o755 if info.is_dir() else stat.S_IFREG | 0o644)
            assert info.create_system == 3
        assert archive.getinfo("a").date_time == (2023, 11, 14, 22, 13, 20)
        assert archive.getinfo("a-b").date_time == (2023, 11, 14, 22, 13, 20)
        assert archive.getinfo("before 1970").date_time == (1980, 1, 1, 0, 0, 0)
        assert archive.getinfo("in 2250").date_time == (2107, 12, 31, 23, 59, 58)


def _extracted(directory):
    """What a tool made of an archive: contents and times by path."""
    found: t.Dict[bytes, t.Any] = {}
    for above, folders, files in os.walk(os.fsencode(directory)):
        for folder in folders:
            found[os.path.relpath(os.path.join(above, folder), os.fsencode(directory)) + b"/"] = None
        for name in files:
            path = os.path.join(above, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, os.fsencode(directory))] = (file.read(), int(os.stat(path).st_mtime))
    return found


def _tool(*names):
    return pytest.param(*names, marks=pytest.mark.skipif(shutil.which(names[0]) is None, reason="%s is not installed" % names[0]))


@pytest.mark.parametrize(
    ("program", "options", "name"),
    [_tool(program, ("-xf",), name) for program in ("tar", "bsdtar") for name in FORMATS[1:]]
    + [_tool("bsdtar", ("-xf",), "zip"), _tool("unzip", ("-q",), "zip"), _tool("7zz", ("x", "-y"), "zip")],
)
def test_the_tools_extract_the_same(archives, tmp_path, program, options, name):
    archive = tmp_path / ("site." + name)
    archive.write_bytes(archives[name])
    out = tmp_path / "out"
    out.mkdir()
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "Pacific/Apia"}
    done = subprocess.run([program, *options, str(archive)], cwd=out, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    # GNU tar has a word to say on hdrcharset, and on times of long ago
    assert done.returncode == 0, done.stdout
    found = _extracted(out)
    # The file system under the tests holds no earlier time
    assert found.pop(b"before 1601")[0] == b"older"
    expected = {path: None if content is None else (content, seconds) for path, (content, seconds) in _SITE.items() if path != b"before 1601"}
    if name == "zip":
        # Bytes that are no text have no home in zip, and times beyond 32 bits no reader: what is between is exact.
        special = [path for path in _SITE if b"\xe9" in path and path.startswith(b"n")]
        special += [b"in 2250", b"in 2050", b"before 1970"]
        for path in special:
            expected.pop(path)
        if program != "7zz":
            assert {content[0] for content in found.values() if content} >= {b"no text", b"old", b"new"}
        found = {path: value for path, value in found.items() if path in expected}
    assert found == expected


def test_unzip_has_nothing_to_say(archives, tmp_path):
    if shutil.which("unzip") is None:
        pytest.skip("unzip is not installed")
    archive = tmp_path / "site.zip"
    archive.write_bytes(archives["zip"])
    done = subprocess.run(["unzip", "-tq", str(archive)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert (done.returncode, b"No errors" in done.stdout) == (0, True), done.stdout


# Large ones


def test_sizes_and_numbers_beyond_32_and_16_bits_are_told_in_64(monkeypatch, tmp_path):
    monkeypatch.setattr(archive_zip, "_WIDE", 10)
    members = [(Member(b"large", 11, 1), b"hello world"), (Member(b"small", 2, 1), b"hi")]
    data = _written("zip", members)
    assert _read(data, "zip") == members
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("large") == b"hello world"
        assert (archive.getinfo("large").extract_version, archive.getinfo("small").extract_version) == (45, 20)
    (tmp_path / "x.zip").write_bytes(data)
    if shutil.which("unzip"):
        subprocess.run(["unzip", "-tq", str(tmp_path / "x.zip")], check=True)


def test_an_archive_may_have_more_members_than_16_bits_count():
    members = [(Member(b"%06d" % number), b"") for number in range(65600)]
    data = _written("zip", members)
    assert len(_side(data, "zip")) == 65600
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.infolist()) == 65600
    assert len(_side(_written("tar.gz", members), "tar.gz")) == 65600


def test_offsets_beyond_32_bits_are_told_in_64():
    entry = archive_zip.central_header(Member(b"a", 3), archive_zip._Packed(1, 3, 5 << 30))
    assert entry.endswith((5 << 30).to_bytes(8, "little") + archive_zip._exact_time(NO_TIME))
    records = archive_zip.end_records(1, 5 << 30, len(entry))
    assert zipfile._EndRecData(io.BytesIO(bytes(len(entry)) + records))[zipfile._ECD_OFFSET] == 5 << 30


def test_a_file_of_more_than_8_gib_fits_into_tar():
    member = Member(b"large", 9 << 30, 7)
    with tarfile.open(fileobj=io.BytesIO(header(member)), mode="r:") as archive:
        info = archive.next()
    assert (info.name, info.size, info.mtime) == ("large", 9 << 30, 7)


# What is not believed


@pytest.mark.parametrize("name", FORMATS)
def test_no_flipped_bit_goes_unnoticed(name):
    site = {b"a/": (None, NO_TIME), b"a/b": (_NOISE[:700], 1700000000), b"c": (b"text " * 50, -5), "é".encode(): (b"", 5)}
    data = _written(name, _members(site))
    missed = []
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 1 << at % 8
        try:
            # Some bits mean nothing: those that fill the last byte, a distance into a run of one byte
            if _read(bytes(damaged), name) != _members(site):
                missed.append(at)
        except Unsound:
            continue
    assert missed == []


@pytest.mark.parametrize("name", FORMATS)
def test_an_archive_that_ends_early_is_found_wherever_it_ends(name):
    data = _written(name, _members({b"a": (_NOISE[:500], 5), b"b": (b"b", 5)}))
    for length in range(len(data)):
        with pytest.raises(Unsound):
            _read(data[:length], name)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("tail", [b"\0", b"x", bytes(512), bytes(10240), "again"])
def test_nothing_may_follow_the_end(archives, name, tail):
    with pytest.raises(Unsound):
        _read(archives[name] + (archives[name] if tail == "again" else tail), name)


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
        _read(_packed("tar.xz", data), "tar.xz")


def test_a_gzip_of_others_is_not_believed(archives):
    with pytest.raises(Unsound) as caught:
        _read(gzip.compress(gzip.decompress(archives["tar.gz"]), mtime=1), "tar.gz")
    assert caught.value.kind == "refused"


def test_an_xz_that_wants_all_memory_is_not_read():
    data = lzma.compress(bytes(10240), filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 28}])
    with pytest.raises(Unsound):
        _read(data, "tar.xz")


def test_a_zip_of_others_is_not_believed(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", "text")
    with pytest.raises(Unsound):
        _read(out.getvalue(), "zip")


@pytest.mark.parametrize("path", [b"../x", b"/etc/x", b"a/b", b"..", b"a\\b", b"a\nb"])
def test_a_zip_with_a_name_that_leads_astray_is_not_believed(path):
    member, packed = Member(path), archive_zip._Packed(0, 0)
    local, central = archive_zip.local_header(member, packed), archive_zip.central_header(member, packed)
    with pytest.raises(Unsound) as caught:
        _read(local + central + archive_zip.end_records(1, len(local), len(central)), "zip")
    assert caught.value.kind == "unsafe"


def test_a_zip_whose_directory_tells_another_tale_is_not_believed():
    data = _written("zip", [(Member(b"aa", 3), b"abc"), (Member(b"bb", 3), b"abc")])
    with pytest.raises(Unsound):
        _read(data[::-1].replace(b"bb", b"cc", 1)[::-1], "zip")


def test_a_member_that_inflates_to_more_than_it_says_is_not_read_on():
    honest = _written("zip", [(Member(b"a", 10 * CHUNK), bytes(10 * CHUNK))])
    member = Member(b"a", CHUNK + 5)
    packed = archive_zip._Packed(0, 700)
    liar = archive_zip.local_header(member, packed) + honest[len(archive_zip.local_header(member, packed)) :]
    reader = _reader(liar, "zip")
    reader.next()
    seen = []
    with pytest.raises(Unsound):
        seen.extend(map(len, reader.chunks()))
    assert sum(seen) <= CHUNK + 5


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None, max_examples=100)
@given(data=st.binary(max_size=3000))
def test_any_other_file_is_no_archive(name, data):
    with pytest.raises(Unsound):
        _read(data, name)


def test_what_cannot_be_relied_on_says_what_to_do(tmp_path):
    with pytest.raises(FleetproofError) as caught, told("/b/site.zip"):
        raise Unsound("it ends early")
    assert caught.value.kind == "integrity"
    assert "/b/site.zip" in caught.value.message
    assert "remove it" in caught.value.message


def test_a_disk_that_cannot_be_read_is_told():
    class Broken(io.BytesIO):
        def read(self, _size=-1):
            raise OSError(5, "Input/output error")

    with pytest.raises(FleetproofError) as caught:
        ArchiveSide.read(Broken(), "zip", "/b/site.zip", lambda _size: None)
    assert (caught.value.kind, caught.value.message) == ("integrity", "Could not read the archive /b/site.zip: Input/output error")


def _open(tmp_path, name):
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        return open_archive(directory, name, str(tmp_path / name))
    finally:
        os.close(directory)


def test_an_archive_that_is_not_there_is_none(tmp_path):
    assert _open(tmp_path, "none.zip") is None


def test_only_a_regular_file_is_an_archive(tmp_path):
    (tmp_path / "folder.zip").mkdir()
    os.mkfifo(tmp_path / "fifo.zip")
    for name in ("folder.zip", "fifo.zip"):
        with pytest.raises(FleetproofError) as caught:
            _open(tmp_path, name)
        assert caught.value.kind == "argument"
    (tmp_path / "target").write_bytes(b"")
    (tmp_path / "link.zip").symlink_to("target")
    with pytest.raises(FleetproofError) as caught:
        _open(tmp_path, "link.zip")
    assert caught.value.kind == "unsafe"
    assert "symbolic link" in caught.value.message
    (tmp_path / "site.zip").write_bytes(b"x")
    with _open(tmp_path, "site.zip") as file:
        assert file.read() == b"x"
