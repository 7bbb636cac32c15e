# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ruff: noqa: RUF001 # texts in many scripts

from __future__ import annotations

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._message.charsets import decode, html_label
from hypothesis import given
from hypothesis import strategies as st

CHINESE = "备份已经完成，三台主机"
TRADITIONAL = "備份已經完成，三台主機"
JAPANESE = "バックアップは完了しました"
KOREAN = "백업이 완료되었습니다"
RUSSIAN = "Резервная копия готова"
GREEK = "Το αντίγραφο ασφαλείας"
FRENCH = "Sauvegarde terminée, ça va: é"


@pytest.mark.parametrize(
    ("text", "codec", "label"),
    [
        # rightly labelled
        (CHINESE, "gb2312", "gb2312"),
        (CHINESE, "gbk", "GBK"),
        (CHINESE, "gb18030", "gb18030"),
        (CHINESE, "hz", "hz-gb-2312"),
        (TRADITIONAL, "big5", "Big5"),
        ("香港嘅啲嘢", "big5hkscs", "big5-hkscs"),
        (JAPANESE, "shift_jis", "Shift_JIS"),
        (JAPANESE, "euc_jp", "EUC-JP"),
        (JAPANESE, "iso2022_jp", "ISO-2022-JP"),
        (KOREAN, "euc_kr", "euc-kr"),
        (KOREAN, "iso2022_kr", "iso-2022-kr"),
        (RUSSIAN, "koi8_r", "KOI8-R"),
        (RUSSIAN, "cp1251", "windows-1251"),
        (RUSSIAN, "iso8859_5", "iso-8859-5"),
        (RUSSIAN, "mac_cyrillic", "x-mac-cyrillic"),
        (GREEK, "iso8859_7", "iso-8859-7"),
        ("שלום עולם", "iso8859_8", "iso-8859-8-i"),
        ("สำรองข้อมูล", "tis_620", "tis-620"),
        ("Zażółć gęślą jaźń", "iso8859_2", "iso-8859-2"),
        (FRENCH, "latin-1", "iso-8859-1"),
        (FRENCH, "utf-8", "utf-8"),
        (CHINESE, "utf-16", "utf-16"),
        (CHINESE, "utf-16-le", "utf-16le"),
        (CHINESE, "utf-16-be", "utf-16"),
        (FRENCH, "utf-16-le", "utf-16"),
        (FRENCH, "utf-32-be", "utf-32"),
        # more than the label says
        ("朱镕基，喆", "gbk", "gb2312"),
        ("㐂𠮷", "gb18030", "gb2312"),
        ("①髙﨑㈱", "cp932", "shift_jis"),
        ("똠방각하 펲시콜라", "cp949", "ks_c_5601-1987"),
        ("\u201ccurly\u201d – 5 €", "cp1252", "iso-8859-1"),
        ("\u201ccurly\u201d – 5 €", "cp1252", "iso-8859-15"),
        ("\u201eZażółć\u201d – 5 €", "cp1250", "iso-8859-2"),
        ("\u201eРезерв\u201c – №", "cp1251", "iso-8859-5"),
        ("\u201cΑντίγραφο\u201d – €", "cp1253", "iso-8859-7"),
        ("\u201cİstanbul\u201d – €", "cp1254", "iso-8859-9"),
        # plainly wrong
        (CHINESE, "utf-8", "gb2312"),
        (CHINESE, "gbk", "utf-8"),
        (CHINESE, "gbk", "us-ascii"),
        (CHINESE, "gbk", "iso-8859-1"),
        (CHINESE, "utf-8", "us-ascii"),
        (CHINESE, "utf-8", "iso-8859-1"),
        (CHINESE, "utf-8", "big5"),
        (FRENCH, "latin-1", "utf-8"),
        (FRENCH, "utf-8", "windows-1252"),
        (RUSSIAN, "utf-8", "koi8-r"),
        (JAPANESE, "cp932", "iso-2022-jp"),
        (JAPANESE, "utf-8", "shift_jis"),
        (KOREAN, "utf-8", "euc-kr"),
        (FRENCH, "utf-8", "utf-16"),
        (CHINESE, "utf-8-sig", "iso-8859-1"),
        # none, and none that is known
        (CHINESE, "utf-8", ""),
        (CHINESE, "gbk", ""),
        (FRENCH, "latin-1", ""),
        (JAPANESE, "iso2022_jp", ""),
        (FRENCH, "latin-1", "unknown-8bit"),
        (CHINESE, "gbk", "x-unknown"),
        (CHINESE, "utf-16", ""),
        # dirty
        (CHINESE, "gbk", '"GB2312"'),
        (CHINESE, "gbk", "'gb2312';"),
        (CHINESE, "gbk", "gb_2312-80 (simplified)"),
        (FRENCH, "utf-8", "UTF8"),
        (FRENCH, "utf-8", "utf-8 format=flowed"),
        (RUSSIAN, "koi8_r", "koi8r"),
        (JAPANESE, "cp932", "x-sjis"),
        (JAPANESE, "euc_jp", "x-euc-jp"),
        (FRENCH, "latin-1", "iso8859-1"),
        (FRENCH, "latin-1", "ISO_8859-1:1987"),
        (RUSSIAN, "cp1251", "cp-1251"),
    ],
)
def test_text_is_read_whatever_its_label_says(text: str, codec: str, label: str) -> None:
    assert decode(text.encode(codec), label) == text


def test_characters_that_vendors_added_to_japanese_are_read() -> None:
    raw = b"\x1b$B-!-j\x1b(B abc \x1b(I1\x1b(B"
    assert decode(raw, "iso-2022-jp") == "①㈱ abc ｱ"


@pytest.mark.parametrize("label", ["tis260", "tactis", "x-none", "cp99999"])
def test_a_charset_without_a_codec_is_as_good_as_none(label: str) -> None:
    # Python 3.8 has names for codecs that it does not have
    assert decode("é".encode(), label) == "é"


def test_utf7_is_ascii() -> None:
    assert decode(b"+ADw-script+AD4-", "utf-7") == "+ADw-script+AD4-"


@pytest.mark.parametrize("label", ["base64", "zlib", "bz2", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "rot13", "hex", "mbcs"])
def test_codecs_that_are_no_charsets_are_not_used(label: str) -> None:
    assert decode(b"YWJj \\u0041 \xc3\xa9", label) == "YWJj \\u0041 é"


def test_what_cannot_be_read_is_replaced_and_the_rest_stays() -> None:
    assert decode("Größe".encode() + b"\xff" + "über".encode(), "utf-8") == "Größe\ufffdüber"
    assert decode("备份已经".encode()[:-1], "utf-8") == "备份已\ufffd"
    assert decode(b"\xb1\xb8\xb7\xdd\xff end", "gb2312") == "备份\ufffd end"
    assert decode(b"a\x81b", "windows-1252") == "a\ufffdb"


def test_octets_without_a_label_follow_the_hint_if_they_are_not_utf8() -> None:
    assert decode(RUSSIAN.encode("koi8_r"), "", "koi8-r") == RUSSIAN
    assert decode(RUSSIAN.encode(), "", "koi8-r") == RUSSIAN


def test_accents_are_not_taken_for_chinese() -> None:
    text = "Résumé: déjà vu, où êtes-vous? Ça coûte 5£. Größe, Übergröße, weiß"
    assert decode(text.encode("latin-1"), "") == text


@given(
    st.binary(max_size=200),
    st.sampled_from(["", "utf-8", "gb2312", "big5", "iso-2022-jp", "shift_jis", "utf-16", "utf-32", "euc-kr", "hz", "tis-620"]) | st.text(),
)
def test_any_octets_give_text_without_surrogates(raw: bytes, label: str) -> None:
    decode(raw, label).encode("utf-8")


@pytest.mark.parametrize(
    ("page", "label"),
    [
        (b'<html><head><meta charset="gbk">', "gbk"),
        (b"<META HTTP-EQUIV='Content-Type' content='text/html; charset=gb2312'>", "gb2312"),
        (b'<?xml version="1.0" encoding="big5"?>', "big5"),
        (b"<p>charset=x</p>", ""),
        (b" " * 5000 + b"<meta charset=gbk>", ""),
    ],
)
def test_a_page_tells_its_charset(page: bytes, label: str) -> None:
    assert html_label(page) == label
