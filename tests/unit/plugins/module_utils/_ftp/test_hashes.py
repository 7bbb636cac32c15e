# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import typing as t
import zlib

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.hashes import command_line, digest_in, new, offers_of, same
from hypothesis import given
from hypothesis import strategies as st

MD5 = hashlib.md5(b"x").hexdigest()
SHA256 = hashlib.sha256(b"x").hexdigest()


@given(st.lists(st.binary(max_size=100), max_size=5))
def test_crc32_is_that_of_zlib_in_pieces_or_not(pieces: t.List[bytes]) -> None:
    digest = new("CRC32")
    for piece in pieces:
        digest.update(memoryview(piece))
    assert int(digest.hexdigest(), 16) == zlib.crc32(b"".join(pieces))
    assert len(digest.hexdigest()) == 8


@pytest.mark.parametrize(("name", "expected"), [("SHA-256", "sha256"), ("SHA-512", "sha512"), ("SHA-1", "sha1"), ("MD5", "md5")])
def test_algorithms_are_those_of_hashlib(name: str, expected: str) -> None:
    digest = new(name)
    digest.update(b"abc")
    assert digest.hexdigest() == hashlib.new(expected, b"abc").hexdigest()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"HASH": "SHA-1*;MD5", "XCRC": ""}, ["HASH SHA-1", "HASH MD5", "XCRC CRC32"]),
        ({"HASH": "sha-256,sha_512", "XSHA": ""}, ["HASH SHA-256", "HASH SHA-512", "XSHA SHA-1"]),
        ({"XMD5": "", "XSHA1": "filename;start;end", "XSHA256": ""}, ["XSHA256 SHA-256", "XSHA1 SHA-1", "XMD5 MD5"]),
        ({"HASH": "WHIRLPOOL*"}, []),
        ({"SIZE": ""}, []),
    ],
)
def test_the_best_offer_comes_first(names: t.Dict[str, str], expected: t.List[str]) -> None:
    assert ["%s %s" % offer for offer in offers_of(names)] == expected


@pytest.mark.parametrize(
    ("lines", "command", "algorithm", "path", "expected"),
    [
        (["SHA-256 0-1 %s /a" % SHA256], "HASH", "SHA-256", "/a", SHA256),
        (["Computing SHA256 digest", "SHA256 0-1 %s /a b" % SHA256.upper()], "HASH", "SHA-256", "/a b", SHA256),
        (["SHA-256 0-1 %s %s" % (SHA256, "0" * 64)], "HASH", "SHA-256", "/" + "0" * 64, SHA256),
        (["SHA-1 0-1 %s /a" % SHA256[:40]], "HASH", "SHA-256", "/a", ""),
        ([SHA256.upper()], "XSHA256", "SHA-256", "/a", SHA256),
        (["/a %s" % MD5], "XMD5", "MD5", "/a", MD5),
        (["Computing MD5 digest", MD5.upper()], "XMD5", "MD5", "/a", MD5),
        # the file has the name of a digest: of another one, and of its own
        (["/%s %s" % ("0" * 32, MD5)], "XMD5", "MD5", "/" + "0" * 32, MD5),
        ([MD5], "XMD5", "MD5", "/" + MD5, MD5),
        (["8CDC1683"], "XCRC", "CRC32", "/a", "8cdc1683"),
        (["8CDC168"], "XCRC", "CRC32", "/a", ""),
        (["%s %s" % ("1" * 32, "2" * 32)], "XMD5", "MD5", "/a", ""),
        (["done"], "XMD5", "MD5", "/a", ""),
        ([SHA256], "XMD5", "MD5", "/a", ""),
    ],
)
def test_only_a_digest_of_the_right_length_counts(lines: t.List[str], command: str, algorithm: str, path: str, expected: str) -> None:
    assert digest_in(lines, command, algorithm, path) == expected


def test_names_with_blanks_are_quoted_for_the_old_commands() -> None:
    assert command_line("XMD5", "/a b") == 'XMD5 "/a b"'
    assert command_line("XMD5", "/a") == "XMD5 /a"
    assert command_line("HASH", "/a b") == "HASH /a b"


def test_digests_are_the_same_in_capitals() -> None:
    assert same("8CDC1683", "8cdc1683")
    assert not same("8cdc1683", "8cdc1684")
    assert not same("", "")
