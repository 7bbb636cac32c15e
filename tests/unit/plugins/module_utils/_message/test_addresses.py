# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._message.addresses import distinct, id_domain, parse_address, parse_addresses
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "name", "wire"),
    [
        ("ops@example.com", "", "ops@example.com"),
        ("<ops@example.com>", "", "ops@example.com"),
        ("  Ops Team <ops@example.com> ", "Ops Team", "ops@example.com"),
        ("Ops   Team<ops@example.com>", "Ops Team", "ops@example.com"),
        ('"Doe, John" <john@example.com>', "Doe, John", "john@example.com"),
        (r'"The \"Boss\"" <b@example.com>', 'The "Boss"', "b@example.com"),
        ("jane@example.net (Jane Jolie)", "Jane Jolie", "jane@example.net"),
        ("值班 <duty@example.com>", "值班", "duty@example.com"),
        ("root", "", "root"),
        ("Charlie Root <root@localhost>", "Charlie Root", "root@localhost"),
        ("user@[192.0.2.1]", "", "user@[192.0.2.1]"),
        ("user@[IPv6:2001:db8::1]", "", "user@[IPv6:2001:db8::1]"),
        ('"odd local"@example.com', "", '"odd local"@example.com'),
        ("a+b.c_d@example.com", "", "a+b.c_d@example.com"),
        ("ops@bücher.example", "", "ops@xn--bcher-kva.example"),
        ("用户@例子.example", "", "用户@xn--fsqu00a.example"),
    ],
)
def test_an_address_is_read_in_every_form_that_people_write(text: str, name: str, wire: str) -> None:
    found = parse_address(text, "to")
    assert (found.name, found.wire) == (name, wire)


@pytest.mark.parametrize(
    "text",
    [
        "a b@example.com", "@example.com", "a@", "a@b@example.com", "a@-example.com", "a@exam ple.com", "a..b@example.com", ".a@example.com",
        "<a@example.com", "a@example.com>", "Name <a@example.com> more", "a@example..com", "a@[300.1.1.1]", "Doe\" <a@example.com>",
        "x" * 65 + "@example.com", "a@" + "x" * 64 + ".com", "a,b",
    ],
)  # fmt: skip
def test_what_is_no_single_address_is_refused(text: str) -> None:
    with pytest.raises(FleetproofError) as caught:
        parse_address(text, "to")
    assert caught.value.kind == "argument"
    assert "to: " in caught.value.message


@pytest.mark.parametrize(
    "text", ["a@example.com\nBcc: x@example.com", "a@example.com\r\nRCPT TO:<x@y.z>", "Name\x00 <a@b.c>", "a@b.c\u2028", "Na\x1bme <a@b.c>"]
)
def test_an_address_with_a_line_break_is_unsafe(text: str) -> None:
    with pytest.raises(FleetproofError) as caught:
        parse_addresses(text, "to")
    assert caught.value.kind == "unsafe"


def test_commas_separate_addresses_but_not_inside_quotes_and_comments() -> None:
    found = parse_addresses('a@x.y, "B, b" <b@x.y>,,c@x.y (C, c),', "to")
    assert [(address.name, address.wire) for address in found] == [("", "a@x.y"), ("B, b", "b@x.y"), ("C, c", "c@x.y")]


def test_spellings_of_one_mailbox_are_one_recipient() -> None:
    found = distinct([parse_address(text, "to") for text in ("Ops <ops@Example.COM>", "ops@example.com", "Ops@example.com")])
    assert [address.shown for address in found] == ["ops@Example.COM", "Ops@example.com"]


def test_only_a_local_part_beyond_ascii_needs_smtputf8() -> None:
    assert not parse_address("值班 <duty@例子.example>", "to").needs_utf8
    assert parse_address("值班@example.com", "to").needs_utf8


@given(st.text(max_size=60))
def test_whatever_is_given_no_address_carries_what_could_end_a_command(text: str) -> None:
    try:
        found = parse_addresses(text, "to")
    except FleetproofError:
        return
    for address in found:
        assert not set(address.wire) & set("\r\n\0\t")
        assert ">" not in address.wire or address.wire.startswith('"')
        assert "<%s>" % address.wire == ("<%s>" % address.wire).strip()


@pytest.mark.parametrize(
    ("domain", "sender", "expected"),
    [
        (None, "fleet@example.com", "example.com"),
        (None, "root", "ansible"),
        (None, "fleet@[192.0.2.1]", "ansible"),
        ("b\xfccher.example", "root", "xn--bcher-kva.example"),
    ],
)
def test_message_ids_end_with_a_domain(domain: t.Optional[str], sender: str, expected: str) -> None:
    assert id_domain(domain, parse_address(sender, "sender")) == expected


@pytest.mark.parametrize(("domain", "kind"), [("a b", "argument"), ("a>\r\nX: y", "unsafe"), ("", "argument"), ("a..b", "argument")])
def test_what_is_no_domain_ends_no_message_id(domain: str, kind: str) -> None:
    with pytest.raises(FleetproofError) as caught:
        id_domain(domain, parse_address("root", "sender"))
    assert caught.value.kind == kind
