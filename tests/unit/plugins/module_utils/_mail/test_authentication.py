# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.authentication import parse_results, verdicts_of
from ansible_collections.fleetproof.backup.plugins.module_utils._message.fields import parse_fields
from hypothesis import given
from hypothesis import strategies as st

GOOGLE = (
    "mx.example.com;\r\n       dkim=pass header.i=@example.org header.s=sel1 header.b=AbC/d;\r\n       spf=softfail (example.com: domain of a@example.net"
    " does; not designate 192.0.2.1 as permitted sender) smtp.mailfrom=a@example.net;\r\n       dmarc=fail (p=NONE sp=NONE dis=NONE) header.from=example.org"
)


def test_a_field_is_read_with_its_comments_and_properties() -> None:
    server, verdicts = parse_results(GOOGLE)
    assert server == "mx.example.com"
    assert [(one.method, one.result, one.domain) for one in verdicts] == [
        ("dkim", "pass", "example.org"),
        ("spf", "softfail", "example.net"),
        ("dmarc", "fail", "example.org"),
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("mx.example.com 1; none", []),
        ("mx.example.com", []),
        ('mx.example.com; dkim=fail reason="bad; signature" header.d=a.example', [("dkim", "fail", "a.example")]),
        ("mx.example.com; DKIM/1=PASS header.d=a.example", [("dkim", "pass", "a.example")]),
        ("mx.example.com; auth=pass smtp.auth=x; ;; spf=none", [("auth", "pass", ""), ("spf", "none", "")]),
        ("", []),
    ],
)
def test_the_forms_that_servers_write(value: str, expected: object) -> None:
    assert [(one.method, one.result, one.domain) for one in parse_results(value)[1]] == expected


def verdicts(*values: str, trusted: tuple[str, ...] = ()) -> tuple[str, list[tuple[str, str]]]:
    fields = parse_fields("".join("Authentication-Results: %s\r\n" % value for value in values).encode())[0]
    by, found = verdicts_of(fields, trusted)
    return by, [(one.method, one.result) for one in found]


def test_only_the_server_at_the_top_counts_if_none_is_named() -> None:
    assert verdicts("mx.example.com; spf=fail", "other.example; spf=pass; dmarc=pass") == ("mx.example.com", [("spf", "fail")])


def test_only_named_servers_count() -> None:
    found = verdicts("forged.example; spf=pass", "MX.example.com; spf=fail", trusted=("mx.example.com",))
    assert found == ("MX.example.com", [("spf", "fail")])
    assert verdicts("forged.example; spf=pass", trusted=("mx.example.com",)) == ("", [])


def test_a_later_field_of_one_server_adds_methods_and_changes_none() -> None:
    found = verdicts("mx.example.com; dkim=fail; dkim=pass", "mx.example.com; dmarc=fail", "mx.example.com; dkim=pass; dmarc=pass; spf=pass")
    assert found[1] == [("dkim", "fail"), ("dkim", "pass"), ("dmarc", "fail"), ("spf", "pass")]


@given(st.text(alphabet='mx.;=()"\\ dkimpasfl/1', max_size=80) | st.text(max_size=40))
def test_any_text_is_read(text: str) -> None:
    parse_results(text)
