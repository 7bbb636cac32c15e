# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of archives as they are written and read, by ourselves and by the tools of others."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_format import FORMATS, NO_TIME, Unsound
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_read import ArchiveSide, open_archive, told
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.entries import DIRECTORY, FILE, SECOND, Entry
from ansible_collections.fleetproof.backup.tests.unit.plugins.module_utils._ftp.archiving import (
    SITE,
    archives_of_all_formats,
    members_of,
    read,
    reading,
    side_of,
    written,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

archives = pytest.fixture(scope="module")(archives_of_all_formats)


@pytest.mark.parametrize("name", FORMATS)
def test_what_was_written_is_read(archives, name):
    assert read(archives[name], name) == members_of(SITE)


@pytest.mark.parametrize("name", FORMATS)
def test_content_that_nobody_reads_is_read_over(archives, name):
    reader = reading(archives[name], name)
    found = []
    while True:
        member = reader.next()
        if member is None:
            break
        found.append(member.path)
        next(reader.chunks(), None)
    assert found == list(SITE)


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
    data = written(name, members_of(site))
    assert read(data, name) == members_of(site)
    side = side_of(data, name)
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
    side = side_of(archives["zip"], "zip")
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
        assert side_of(written(name, []), name).list("").entries == {}


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
    expected = {path: None if content is None else (content, seconds) for path, (content, seconds) in SITE.items() if path != b"before 1601"}
    if name == "zip":
        # Bytes that are no text have no home in zip, and times beyond 32 bits no reader: what is between is exact.
        special = [path for path in SITE if b"\xe9" in path and path.startswith(b"n")]
        special += [b"in 2250", b"in 2050", b"before 1970"]
        for path in special:
            expected.pop(path)
        if program != "7zz":
            assert {content[0] for content in found.values() if content} >= {b"no text", b"old", b"new"}
        found = {path: value for path, value in found.items() if path in expected}
    assert found == expected


def test_what_cannot_be_relied_on_says_what_to_do(tmp_path):
    with pytest.raises(FleetproofError) as caught, told("/b/site.zip"):
        raise Unsound("it ends early")
    assert caught.value.kind == "integrity"
    assert "/b/site.zip" in caught.value.message
    assert "Move it away" in caught.value.message


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
