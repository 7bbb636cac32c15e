# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._message.content import CHUNK, guess_type, look_at, readable_name
from ansible_collections.fleetproof.backup.plugins.module_utils._message.headers import UTF8, find_charset


def test_a_bare_path_will_do(tmp_path: Path) -> None:
    (tmp_path / "chart.png").write_bytes(b"\x89PNG")
    found = look_at(str(tmp_path / "chart.png"), "attach", UTF8)
    assert (found.name, found.mime_type, found.size, found.cid) == ("chart.png", "image/png", 4, None)
    assert b"".join(found.chunks()) == b"\x89PNG"


def test_home_and_variables_in_a_path_are_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PLACE", str(tmp_path))
    assert look_at("~/a.txt", "attach", UTF8).size == 1
    assert look_at({"path": "$PLACE/a.txt"}, "attach", UTF8).size == 1


def test_content_is_text_and_content_b64_is_anything() -> None:
    assert b"".join(look_at({"content": "报告", "name": "a.txt"}, "attach", UTF8).chunks()) == "报告".encode()
    coded = base64.encodebytes(bytes(range(256))).decode()
    assert b"".join(look_at({"content_b64": coded, "name": "a.bin"}, "attach", UTF8).chunks()) == bytes(range(256))


def test_an_inline_picture_is_called_by_its_name_unless_told_otherwise() -> None:
    assert look_at({"content": "x", "name": "a.png"}, "inline", UTF8).cid == "a.png"
    assert look_at({"content": "x", "name": "a.png", "cid": "<trend@fleet>"}, "inline", UTF8).cid == "trend@fleet"
    assert look_at({"content": "x", "cid": "trend"}, "inline", UTF8).name == "trend"
    assert look_at({"content": "x", "name": "图.png"}, "inline", UTF8).cid is None


def test_text_that_is_utf8_says_so_and_other_text_says_nothing(tmp_path: Path) -> None:
    assert look_at({"content": "名,值\n", "name": "a.csv"}, "attach", UTF8).text_charset == "utf-8"
    (tmp_path / "gbk.csv").write_bytes("名,值\n".encode("gbk"))
    assert look_at(str(tmp_path / "gbk.csv"), "attach", UTF8).text_charset is None
    assert look_at({"content": "x", "name": "a.png"}, "attach", UTF8).text_charset is None
    # a character on the seam between two pieces
    (tmp_path / "long.txt").write_bytes(b"x" * (CHUNK - 1) + "é".encode())
    assert look_at(str(tmp_path / "long.txt"), "attach", UTF8).text_charset == "utf-8"


@pytest.mark.parametrize(
    ("item", "kind", "words"),
    [
        ({}, "argument", "exactly one"),
        ({"content": "x", "content_b64": "eA==", "name": "a"}, "argument", "exactly one"),
        ({"content": "x"}, "argument", "needs a name"),
        ({"content_b64": "?", "name": "a"}, "argument", "not base64"),
        ({"content": "x", "name": "a", "mime": "b"}, "argument", "there is no mime"),
        ({"content": "x", "name": "a\r\nBcc: x"}, "unsafe", "line break"),
        ({"content": "x", "name": "a", "mime_type": "text/html\r\nX: y"}, "unsafe", "media type"),
        ({"content": "x", "name": "a", "mime_type": "html"}, "argument", "media type"),
        ({"content": "x", "name": "a", "mime_type": "message/rfc822"}, "argument", "base64"),
        ({"content": "x", "name": "a", "mime_type": "a/" + "b" * 128}, "argument", "media type"),
        ({"content": "x", "name": "a", "cid": "a b"}, "argument", "cid"),
        ({"content": "x", "name": "a", "cid": "c" * 256}, "argument", "cid"),
        ({"content": "x", "name": "a", "cid": "a>\r\nX: y"}, "unsafe", "cid"),
        ({"path": "/nowhere/report.xlsx"}, "not_found", "there is no file /nowhere/report.xlsx"),
        ({"path": "/"}, "argument", "is not a file"),
    ],
)
def test_an_item_that_cannot_be_is_refused_in_one_sentence(item: t.Dict[str, str], kind: str, words: str) -> None:
    with pytest.raises(FleetproofError, match=words) as caught:
        look_at(item, "attach", UTF8)
    assert caught.value.kind == kind


def test_a_file_that_changes_while_the_mail_is_made_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("before", encoding="utf-8")
    found = look_at(str(tmp_path / "a.txt"), "attach", UTF8)
    (tmp_path / "a.txt").write_text("after!", encoding="utf-8")
    with pytest.raises(FleetproofError, match="changed") as caught:
        list(found.chunks())
    assert caught.value.kind == "changed_underfoot"


@pytest.mark.parametrize(
    ("raw", "charset", "shown"),
    [
        ("报告.xlsx".encode(), "utf-8", "报告.xlsx"),
        ("报告.xlsx".encode("gbk"), "gbk", "报告.xlsx"),
        ("报告.xlsx".encode("gbk"), "utf-8", "报告.xlsx"),
        (b"caf\xe9.txt", "utf-8", "caf\\xe9.txt"),
        (b"a\nb.txt", "utf-8", "a\\x0ab.txt"),
        (b"\xff\xfe", "utf-8", "\\xff\\xfe"),
    ],
)
def test_a_file_name_of_any_octets_becomes_a_name_for_people(raw: bytes, charset: str, shown: str) -> None:
    assert readable_name(os.fsdecode(raw), find_charset(charset)) == shown


@pytest.mark.parametrize(
    ("name", "mime_type"),
    [
        ("a.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("a.PNG", "image/png"),
        ("a.csv", "text/csv"),
        ("a.log", "text/plain"),
        ("a.tar.gz", "application/gzip"),
        ("mail.eml", "application/octet-stream"),
        ("noextension", "application/octet-stream"),
        ("a.unheardof", "application/octet-stream"),
    ],
)
def test_media_types_follow_from_the_name_and_are_the_same_on_every_host(name: str, mime_type: str) -> None:
    assert guess_type(name) == mime_type
