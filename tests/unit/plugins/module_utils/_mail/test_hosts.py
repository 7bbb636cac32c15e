# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.hosts import (
    Address,
    address_of,
    deceives,
    host_key,
    is_local_address,
    is_name,
    link_address,
    organisation,
    same_organisation,
    shown_host,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("example.com", "mail.example.com", True),
        ("a.b.example.com", "c.example.com", True),
        ("Example.COM.", "example.com", True),
        ("example.com", "example.org", False),
        ("example.com", "badexample.com", False),
        ("example.com.evil.net", "example.com", False),
        ("news.example.co.uk", "example.co.uk", True),
        ("example.co.uk", "other.co.uk", False),
        ("example.com.cn", "other.com.cn", False),
        ("ann.github.io", "bob.github.io", False),
        ("ann.github.io", "www.ann.github.io", True),
        ("bücher.example", "xn--bcher-kva.example", True),
        ("localhost", "localhost", True),
        ("localhost", "mailhost", False),
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "198.51.2.1", False),
    ],
)
def test_hosts_belong_together_below_one_registered_name(first: str, second: str, same: bool) -> None:
    assert same_organisation(first, second) is same


def test_the_registered_part_of_a_name() -> None:
    assert [organisation(name) for name in ("example.com", "a.b.example.com", "a.example.co.jp", "x.com.au")] == [
        "example.com",
        "example.com",
        "example.co.jp",
        "x.com.au",
    ]


@pytest.mark.parametrize(
    ("host", "address", "is_odd"),
    [
        ("192.0.2.7", "192.0.2.7", False),
        ("[2001:db8::1]", "2001:db8::1", False),
        ("3221225991", "192.0.2.7", True),
        ("0xc0000207", "192.0.2.7", True),
        ("0300.0.2.7", "192.0.2.7", True),
        ("0xc0.0x0.0x2.0x7", "192.0.2.7", True),
        ("192.519", "192.0.2.7", True),
        ("example.com", "", False),
        ("1.2.3.4.5", "", False),
        ("4294967296", "", False),
        ("300.1.1.1", "", False),
        ("0xzz", "", False),
        ("", "", False),
    ],
)
def test_addresses_are_known_however_they_are_written(host: str, address: str, is_odd: bool) -> None:
    assert address_of(host) == (address, is_odd and bool(address))


def test_addresses_for_documentation_are_not_those_of_a_private_network() -> None:
    assert [is_local_address(text) for text in ("10.1.2.3", "127.0.0.1", "fd00::1", "192.0.2.7", "8.8.8.8", "example")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("xn--80ak6aa92e.com", True),  # apple, all of it Cyrillic
        ("p\u0430ypal.com", True),  # one Cyrillic letter
        ("\u0430\u0440\u0440\u04cf\u0435.example", True),
        ("bücher.example", False),
        ("пример.рф", False),
        ("пример.com", False),
        ("例え.jp", False),
        ("例えabc.jp", False),
        ("παράδειγμα.gr", False),
        ("example.com", False),
        ("xn--zzzzzzzzzzzz.com", False),
    ],
)
def test_letters_that_look_like_others_are_told_from_names_of_other_scripts(host: str, expected: bool) -> None:
    assert deceives(shown_host(host)) is expected


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("http://example.com/x", ("http", "", "example.com")),
        ("HTTPS://Example.COM:8443?x", ("https", "", "example.com")),
        ("http://bank.example@evil.example/", ("http", "bank.example", "evil.example")),
        ("http://bank.example%40x@evil.example\\@bank.example", ("http", "bank.example@x", "evil.example")),
        ("//example.com/x", ("https", "", "example.com")),
        ("http:/\\example.com", ("http", "", "example.com")),
        (" ht\ntp://exam\tple.com ", ("http", "", "example.com")),
        ("http://[2001:db8::1]:80/", ("http", "", "[2001:db8::1]")),
        ("http://example。com/", ("http", "", "example.com")),
        ("http://ex%61mple.com/", ("http", "", "example.com")),
        ("java\nscript:alert(1)", ("javascript", "", "")),
        ("mailto:a@example.com", ("mailto", "", "")),
        ("page.html", ("", "", "")),
        ("/page", ("", "", "")),
        ("#top", ("", "", "")),
        ("", ("", "", "")),
    ],
)
def test_a_link_is_read_as_browsers_do(href: str, expected: object) -> None:
    assert link_address(href) == Address(*expected)  # type: ignore[misc]


@given(st.text(max_size=60) | st.text(alphabet="xn-.0x1a\u0430:/@[]", max_size=60))
def test_any_text_gives_some_answer(text: str) -> None:
    host = link_address(text).host
    for name in (text, host, "http://" + text):
        address_of(name)
        deceives(shown_host(name))
        is_name(host_key(name))
        link_address(name)
    assert same_organisation(text, text)
