# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives in memory; for the tests beside it."""

from __future__ import annotations

import hashlib
import io

from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_format import CHUNK, FORMATS, NO_TIME, Member
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_read import ArchiveSide, reader_of, writer_to
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.archive_stream import Raw

# Bytes that nothing compresses
NOISE = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(3 * CHUNK // 32)) + b"seventeen bytes !"

# A site of everything: path, content, time
SITE = {
    b"a": (b"", 1700000000),
    b"a-b": (b"x", 1700000001),
    b"a.d/": (None, NO_TIME),
    b"a.d/empty/": (None, NO_TIME),
    b"a.d/%s" % (b"long" * 60): (b"long path", 1600000000),
    b"a.d/noise": (NOISE, 1500000000),
    b"a.d/zeros": (bytes(5 * CHUNK), 951782400),
    b"before 1970": (b"old", -86401),
    b"before 1601": (b"older", -20000000000),
    b"in 2050": (b"new", 2524608001),
    b"in 2250": (b"newer", 8836000001),
    "é漢字".encode(): (b"text", 1700000002),
    b"n\xe9": (b"no text", 1700000003),
    b"n\xe9" * 70: (b"long and no text", 1700000004),
}
SITE = dict(sorted(SITE.items()))


def members_of(site):
    """Members and contents of a site."""
    return [(Member(path, 0 if content is None else len(content), seconds), content or b"") for path, (content, seconds) in site.items()]


def written(name, members, piece=1000):
    """An archive of the format ``name``; contents come in pieces."""
    out = io.BytesIO()
    writer = writer_to(out, name)
    digests = [writer.add(member, (content[at : at + piece] for at in range(0, len(content), piece))) for member, content in members]
    writer.close()
    assert digests == [hashlib.sha256(content).digest() for _member, content in members]
    return out.getvalue()


def reading(data, name):
    """A reader of it."""
    return reader_of(Raw(io.BytesIO(data), lambda _size: None), name)


def read(data, name):
    """Members and contents of an archive."""
    reader = reading(data, name)
    found = []
    while True:
        member = reader.next()
        if member is None:
            return found
        found.append((member, b"".join(reader.chunks())))


def side_of(data, name):
    """It as a side of a comparison."""
    return ArchiveSide.read(io.BytesIO(data), name, "/b/site", lambda _size: None)


def archives_of_all_formats():
    """For a fixture: the same site in every format."""
    return {name: written(name, members_of(SITE)) for name in FORMATS}
