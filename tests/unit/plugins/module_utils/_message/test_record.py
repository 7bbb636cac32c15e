# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._message.fields import parse_fields
from ansible_collections.fleetproof.backup.plugins.module_utils._message.parse import parse
from ansible_collections.fleetproof.backup.plugins.module_utils._message.record import record_of, record_of_fields
from hypothesis import given
from hypothesis import strategies as st

RAW = """From: =?gb2312?B?1cXI/Q==?= <z@example.com>\r
To: "Doe, J" <j@example.com>, Team: a@example.com;\r
CC: c@example.com\r
Subject: =?utf-8?q?=E5=A4=87?=\r
Date: Sat, 21 Nov 2026 13:00:00 +0100\r
Message-Id: <1@example.com> (made up)\r
X-Twice: 1\r
X-twice: 2\r
Content-Type: multipart/mixed; boundary=b\r
\r
--b\r
Content-Type: text/html\r
\r
<p>Hello</p>\r
--b\r
Content-Type: text/csv; name=a.csv\r
Content-Transfer-Encoding: base64\r
\r
b25l\r
--b--\r
""".encode("ascii")


def test_a_record_has_what_the_modules_return() -> None:
    record = record_of("key", parse(RAW), len(RAW), "all")
    headers = record.pop("headers")
    assert record == {
        "id": "key",
        "message_id": "<1@example.com>",
        "subject": "备",
        "from": "张三 <z@example.com>",
        "to": ['"Doe, J" <j@example.com>', "a@example.com"],
        "cc": ["c@example.com"],
        "date": "2026-11-21T12:00:00Z",
        "size": len(RAW),
        "text": "Hello\n",
        "html": "<p>Hello</p>",
        "attachments": [
            {
                "name": "a.csv",
                "mime_type": "text/csv",
                "size": 3,
                "sha256": "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed",
                "path": None,
            }
        ],
        "path": None,
    }
    assert headers["x-twice"] == ["1", "2"]
    assert headers["subject"] == ["备"]
    assert list(headers)[:2] == ["from", "to"]


@pytest.mark.parametrize(("bodies", "text", "html"), [("none", "", ""), ("text", "Hello\n", ""), ("all", "Hello\n", "<p>Hello</p>")])
def test_bodies_are_there_as_they_are_asked_for(bodies: str, text: str, html: str) -> None:
    record = record_of("k", parse(RAW), 1, bodies)
    assert (record["text"], record["html"], len(record["attachments"])) == (text, html, 1)


def test_a_header_alone_gives_the_same_but_the_bodies() -> None:
    whole = record_of("k", parse(RAW), 7, "none")
    assert record_of_fields("k", parse_fields(RAW.partition(b"\r\n\r\n")[0])[0], 7) == {**whole, "attachments": []}


@pytest.mark.parametrize(("field", "message_id"), [(b"<a@b>", "<a@b>"), (b"a@b", "a@b"), (b"x <a@b> <c@d>", "<a@b>"), (b"", "")])
def test_a_message_id_is_found_in_what_surrounds_it(field: bytes, message_id: str) -> None:
    assert record_of_fields("k", parse_fields(b"Message-ID: " + field + b"\n\n")[0], 0)["message_id"] == message_id


@given(st.binary(max_size=300))
def test_any_octets_give_a_record_that_can_be_returned(raw: bytes) -> None:
    json.dumps(record_of("k", parse(raw), len(raw), "all"), ensure_ascii=False).encode("utf-8")
