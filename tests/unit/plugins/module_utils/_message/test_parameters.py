# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._message.headers import UTF8, old_parameter, parameter, with_parameters
from ansible_collections.fleetproof.backup.plugins.module_utils._message.parameters import octets_of_parameter, read_parameters
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("raw", "parameters"),
    [
        (b"a/b", {}),
        (b"a/b; charset=utf-8", {"charset": "utf-8"}),
        (b'a/b; NAME="a b.txt"; x=y', {"name": "a b.txt", "x": "y"}),
        (b"a/b; name=two words.txt; x=1", {"name": "two words.txt", "x": "1"}),
        (b'a/b;;; name = "x" ;', {"name": "x"}),
        (b'a/b; name="a\\"b"', {"name": 'a"b'}),
        (b'a/b; name="C:\\new\\x.txt"', {"name": "C:\\new\\x.txt"}),
        (b'a/b; name="never closed', {"name": "never closed"}),
        (b"a/b; nonsense; name=x", {"name": "x"}),
        (b'a/b; name="a;b"; x=y', {"name": "a;b", "x": "y"}),
        (b"a/b; name=x; name=y", {"name": "x"}),
        # RFC 2231
        (b"a/b; name*=utf-8''%e5%a4%87.txt", {"name": "备.txt"}),
        (b"a/b; name*=iso-8859-1'fr'caf%E9", {"name": "café"}),
        (b"a/b; name*=gb2312''%B1%B8", {"name": "备"}),
        (b"a/b; name*=%E5%A4%87", {"name": "备"}),
        (b"a/b; name*=\"utf-8''%e5%a4%87\"", {"name": "备"}),
        (b'a/b; name*0="long "; name*1="name"', {"name": "long name"}),
        (b'a/b; name*1="name"; name*0="long "', {"name": "long name"}),
        (b"a/b; name*0*=utf-8''%e5%a4; name*1*=%87; name*2=%41.txt", {"name": "备%41.txt"}),
        (b"a/b; name=old; name*=utf-8''new", {"name": "new"}),
        (b"a/b; name*=no-such''caf%C3%A9", {"name": "café"}),
        # RFC 2047 where RFC 2231 ought to be
        (b"a/b; name==?utf-8?b?5aSH?=", {"name": "备"}),
        (b'a/b; name="=?utf-8?q?=E5=A4=87?=.txt"', {"name": "备.txt"}),
        (b'a/b; name="=?utf-8?q?a?=\r\n =?utf-8?q?b?="', {"name": "ab"}),
        (b'a/b; name*0="=?utf-8?q?=E5"; name*1="=A4=87?="', {"name": "备"}),
        # raw octets
        ('a/b; name="备份已经.txt"'.encode(), {"name": "备份已经.txt"}),
        ('a/b; name="备份已经.txt"'.encode("gbk"), {"name": "备份已经.txt"}),
        (b'a/b; name="a\x00b\x1b"', {"name": "a\ufffdb\ufffd"}),
    ],
)
def test_parameters_are_read(raw: bytes, parameters: dict) -> None:
    assert read_parameters(raw) == ("a/b", parameters)


@given(
    st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp"), blacklist_characters="\ufeff"), min_size=1, max_size=80).map(str.strip).filter(bool)
)
def test_what_was_written_comes_back(value: str) -> None:
    for pieces in (parameter("name", value), old_parameter("name", value, UTF8)):
        raw = "\r\n".join(with_parameters("a/b", pieces)).encode("ascii")
        assert read_parameters(raw)[1]["name"] == value


@given(st.binary(max_size=200) | st.lists(st.sampled_from([b";", b"=", b'"', b"*", b"*0", b"'", b"a", b"%41", b" ", b"\\", b"\xff"])).map(b"".join))
def test_any_octets_can_be_read(raw: bytes) -> None:
    read_parameters(raw)
    read_parameters(b"a/b;" + raw)


@pytest.mark.parametrize("piece", [b";", b"a=b;", b'a="\\"', b" ", b"x ", b"=", b"a*1*=%41;"])
def test_parameters_without_end_take_linear_time(piece: bytes) -> None:
    begun = time.process_time()
    read_parameters(b"a/b;" + piece * (400_000 // len(piece)))
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("raw", "octets"),
    [
        (b'a/b; BOUNDARY="=?utf-8?q?abc?="', b"=?utf-8?q?abc?="),
        (b"a/b; boundary=b\xe9c; boundary=second", b"b\xe9c"),
        (b"a/b; boundary*0=b; boundary*1*=%E9; boundary=plain", b"b\xe9"),
        (b"a/b; boundary*=utf-8''%C3%A9", b"\xc3\xa9"),
        (b"a/b; charset=x", b""),
    ],
)
def test_a_boundary_is_octets_and_no_text(raw: bytes, octets: bytes) -> None:
    assert octets_of_parameter(raw, "boundary") == octets
