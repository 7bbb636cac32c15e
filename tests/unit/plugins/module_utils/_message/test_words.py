# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import time

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._message.headers import UTF8, encoded_words, find_charset
from ansible_collections.fleetproof.backup.plugins.module_utils._message.words import decode_value
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?q?caf=C3=A9?=", "café"),
        (b"=?UTF-8?B?Y2Fmw6k=?=", "café"),
        (b"=?utf-8?q?a_b?= =?utf-8?q?_c?=", "a b c"),
        (b"=?utf-8?q?a?=\r\n =?utf-8?q?b?= c", "ab c"),
        (b"a =?utf-8?q?b?= c", "a b c"),
        # a character cut in two, in both encodings, and with two names of one charset
        (b"=?utf-8?b?5aSH5Lu?= =?utf-8?b?9?=", "备\ufffd"),
        (b"=?utf-8?q?=E5=A4?= =?UTF8?q?=87?=", "备"),
        (b"=?gb2312?B?" + base64.b64encode("备".encode("gbk")[:1]) + b"?= =?gb2312?B?" + base64.b64encode("备".encode("gbk")[1:]) + b"?=", "备"),
        (b"=?gb2312?q?=B1?= =?iso-8859-1?q?=E9?=", "\ufffdé"),
        # padding that is wrong or missing, or in the middle
        (b"=?utf-8?B?Y2Fmw6k?=", "café"),
        (b"=?utf-8?B?Y2Fmw6k==?=", "café"),
        (b"=?utf-8?B?YQ==YQ==?=", "aa"),
        (b"=?utf-8?B?Y2Fm w6k=?=", "café"),
        # what RFC 2047 forbids and programs write
        (b'"=?utf-8?q?Sm=C3=AFth=2C_J?=" <a@b>', '"Smïth, J" <a@b>'),
        (b"=?utf-8?q?a b c?=", "a b c"),
        (b"=?utf-8?Q?what?=20now?=", "what? now"),
        (b"x=?utf-8?q?=C3=A9?=y", "xéy"),
        (b"=?utf-8*de?q?f=C3=BCr?=", "für"),
        (b"=??q?=C3=A9?=", "é"),
        (b'=?"utf-8"?q?=C3=A9?=', "é"),
        (b"=?utf-8 ?q?=C3=A9?=", "é"),
        (b"=?utf-8?q?=C3=A9=ZZ=?=", "é=ZZ="),
        (b"=?no-such-charset?q?caf=E9?=", "café"),
        (b"=?unknown-8bit?q?caf=C3=A9?=", "café"),
        (b"=?utf-8?q?broken =?utf-8?q?=C3=A9?=", "=?utf-8?q?broken é"),
        (b"=?utf-8?q?=C3=A9", "é"),
        (b"=?utf-8?q?=C3=A9?", "é?"),
        (b"=?utf-8?q?never ended", "=?utf-8?q?never ended"),
        (b"=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        (b"=?utf-8?q??=", ""),
        (b"=? =?= ?=", "=? =?= ?="),
        # never encoded
        ("naïve".encode(), "naïve"),
        ("naïve".encode("latin-1"), "naïve"),
        ("备份已经完成".encode("gbk"), "备份已经完成"),
        ("件名".encode("iso2022_jp"), "件名"),
        # folded, and with what does not belong there
        (b"a\r\n b\n c\r d", "a b c d"),
        (b"a\r\n\tb", "a b"),
        (b"a\r\r\n b", "a b"),
        (b"=?utf-8?q?a=0D=0ABcc:_x=00?=", "a  Bcc: x\ufffd"),
        (b"  a \t", "a"),
    ],
)
def test_a_value_is_decoded(raw: bytes, text: str) -> None:
    assert decode_value(raw) == text


def test_the_charset_of_the_body_tells_what_raw_octets_are() -> None:
    assert decode_value("Отчёт".encode("koi8_r"), "koi8-r") == "Отчёт"


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp"), blacklist_characters="\ufeff"), max_size=120))
def test_what_was_encoded_comes_back(text: str) -> None:
    assert decode_value("\r\n ".join(encoded_words(text, UTF8)).encode("ascii")) == text


@pytest.mark.parametrize("charset", ["gb18030", "gbk", "iso-2022-jp", "shift_jis", "euc-jp"])
def test_what_was_encoded_in_another_charset_comes_back(charset: str) -> None:
    text = "第三份報告 三台主機中有一台 " * 6
    assert decode_value("\r\n ".join(encoded_words(text, find_charset(charset))).encode("ascii")) == text


@given(st.binary(max_size=300) | st.lists(st.sampled_from([b"=?", b"?=", b"utf-8", b"?q?", b"?b?", b"=", b" ", b"\n", b"\xe9", b"=41", b"QQ"])).map(b"".join))
def test_any_octets_give_one_line(raw: bytes) -> None:
    value = decode_value(raw)
    value.encode("utf-8")
    assert value.isprintable() or not any(character < " " or character in "\x7f\x85\u2028\u2029" for character in value)


@pytest.mark.parametrize("piece", [b"=?a?q?", b"=?", b"=?utf-8?q?a?= ", b"=?a?q?x?=20", b"?=", b"\n ", b"=?utf-8?b?YQ"])
def test_words_without_end_take_linear_time(piece: bytes) -> None:
    begun = time.process_time()
    decode_value(piece * (400_000 // len(piece)) + b"?=")
    assert time.process_time() - begun < 10  # a second; minutes, if the rest were looked at for each
