# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import encodings
import pkgutil
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.text import decode, encode, encoding_of
from hypothesis import given
from hypothesis import strategies as st

CODECS = ("utf-8", "latin-1", "gbk", "big5", "shift_jis", "cp932", "euc_jp", "gb18030", "cp1252", "koi8-r")


@pytest.mark.parametrize("codec", CODECS)
@given(data=st.binary(max_size=40).map(lambda data: data.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")))
def test_octets_come_back_as_they_were_or_not_at_all(codec: str, data: bytes) -> None:
    name = decode(data, codec)
    back = written(name, codec)
    # another spelling of the same text is possible (big5 has some twice), but never one of other text
    assert back is None or decode(back, codec) == name
    if codec in ("utf-8", "latin-1"):
        assert back == data


def written(name: str, codec: str) -> t.Optional[bytes]:
    try:
        return encode(name, codec)
    except FleetproofError:
        return None


@pytest.mark.parametrize("codec", CODECS)
@given(name=st.text(st.characters(blacklist_categories=["Cs"]), max_size=20))
def test_a_name_is_written_so_that_it_reads_the_same_or_not_at_all(codec: str, name: str) -> None:
    data = written(name, codec)
    assert data is None or decode(data, codec) == name
    if codec == "utf-8":
        assert data == name.encode()


def test_what_a_codec_would_bend_is_refused() -> None:
    # Shift-JIS has one place for the backslash and the yen sign
    with pytest.raises(FleetproofError) as caught:
        encode("\u00a5", "shift_jis")
    assert caught.value.message == "The name \u00a5 cannot be written in the encoding shift_jis of the server (option encoding)"
    with pytest.raises(FleetproofError):
        encode("\u4f60", "latin-1")


@pytest.mark.parametrize(
    ("given_name", "expected"), [("auto", "utf-8"), ("AUTO", "utf-8"), ("UTF8", "utf-8"), ("gbk", "gbk"), ("latin-1", "iso8859-1"), ("cp932", "cp932")]
)
def test_encodings_are_codecs_that_carry_commands(given_name: str, expected: str) -> None:
    assert encoding_of(given_name) == expected


@pytest.mark.parametrize(
    "name",
    ["utf-16", "utf-7", "hz", "iso2022_jp", "cp037", "rot13", "base64", "hex", "no such", "", "a\0b", "punycode", "utf-8-sig", "idna", "raw_unicode_escape"],
)
def test_other_encodings_are_an_error(name: str) -> None:
    with pytest.raises(FleetproofError) as caught:
        encoding_of(name)
    assert caught.value.kind == "argument"


@pytest.mark.parametrize("codec", sorted({module.name for module in pkgutil.iter_modules(encodings.__path__)}))
def test_in_each_codec_of_python_that_is_taken_anything_can_be_read_and_no_character_becomes_the_end_of_a_command(codec: str) -> None:
    try:
        found = encoding_of(codec)
    except FleetproofError:
        return
    for octet in range(256):
        for rest in (b"", b" ", b"\\", b"\xff", b"0\xff0"):
            decode(bytes((octet,)) + rest, found)
    characters = "".join(map(chr, [*range(0x20, 0x500), *range(0x500, 0xD800, 11)])) + "".join(map(chr, range(0xDC80, 0xDD00)))
    sent = b"".join(written("a" + character, found) or b"" for character in characters)
    assert not set(sent) & set(b"\r\n\0")
    assert sent.startswith(b"a a!")
