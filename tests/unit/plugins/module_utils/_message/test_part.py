# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._message.fields import parse_fields
from ansible_collections.fleetproof.backup.plugins.module_utils._message.part import Part, kind_of


def part(raw: bytes, is_root: bool = False) -> Part:
    fields, body = parse_fields(raw)
    return Part(raw, body, fields, kind_of(fields, "text/plain"), is_root)


@pytest.mark.parametrize(
    ("value", "default", "mime_type"),
    [
        (b"Text/HTML; charset=x", "text/plain", "text/html"),
        (b"text/html charset=x", "text/plain", "text/html"),
        (b"text", "message/rfc822", "text/plain"),
        (b"text/plain/x", "message/rfc822", "text/plain"),
        (b"", "message/rfc822", "text/plain"),
        (None, "message/rfc822", "message/rfc822"),
    ],
)
def test_the_type_is_in_lower_case_and_text_where_it_is_nonsense(value: bytes | None, default: str, mime_type: str) -> None:
    fields, _body = parse_fields(b"\n" if value is None else b"Content-Type: " + value + b"\n\n")
    assert kind_of(fields, default).mime_type == mime_type


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (b"Content-Type: a/b; name=old", "old"),
        (b"Content-Type: a/b; name=old\nContent-Disposition: attachment; filename=new", "new"),
        (b"Content-Disposition: attachment; filename=old; filename*=utf-8''%e5%a4%87", "备"),
        (b"Content-Disposition: attachment; name=odd", "odd"),
        (b"Content-Type: a/b; filename=odd", "odd"),
        (b'Content-Disposition: attachment; filename="../../x"', "../../x"),
        (b"X: y", ""),
    ],
)
def test_the_name_is_what_the_sender_called_it(header: bytes, name: str) -> None:
    assert part(header + b"\n\n").name == name


@pytest.mark.parametrize(
    ("header", "attached", "attached_as_root"),
    [
        (b"Content-Type: text/plain", False, False),
        (b"Content-Type: text/plain; name=x", True, False),
        (b"Content-Type: text/html\nContent-Disposition: ATTACHMENT", True, True),
        (b"Content-Type: text/html\nContent-Disposition: inline", False, False),
        (b"Content-Type: text/csv", True, True),
        (b"Content-Type: image/png\nContent-Disposition: inline", True, True),
    ],
)
def test_what_is_no_body_is_attached(header: bytes, attached: bool, attached_as_root: bool) -> None:
    assert (part(header + b"\n\n").attached, part(header + b"\n\n", is_root=True).attached) == (attached, attached_as_root)


def test_a_part_ends_where_it_is_told_to() -> None:
    found = part(b"Content-Transfer-Encoding: base64\n\naGVsbG8=\n--b\n")
    found.end(43)
    assert found.octets() == b"hello"
    found.end(0)
    assert found.octets() == b""
