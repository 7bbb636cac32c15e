# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._message.addresses import parse_addresses
from ansible_collections.fleetproof.backup.plugins.module_utils._message.mailboxes import mailboxes_of
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"a@x", ["a@x"]),
        (b"a@x, <b@y>,, c@z ", ["a@x", "b@y", "c@z"]),
        (b'"Doe, John" <j@x>, B <b@y>', ['"Doe, John" <j@x>', "B <b@y>"]),
        (b"John Doe <j@x>", ["John Doe <j@x>"]),
        (b"=?utf-8?q?D=C3=B6e=2C_J?= <j@x>", ['"Döe, J" <j@x>']),
        (b"=?utf-8?q?D=C3=B6e, J?= <j@x>", ['"Döe, J" <j@x>']),
        (b'"=?gb2312?B?1cXI/Q==?=" <z@x>', ["张三 <z@x>"]),
        (b"=?utf-8?b?5byg?= =?utf-8?b?5LiJ?= <z@x>", ["张三 <z@x>"]),
        ("张三 <z@x>".encode(), ["张三 <z@x>"]),
        ("张三先生 <z@x>".encode("gbk"), ["张三先生 <z@x>"]),
        ("jürgen@bücher.example".encode(), ["jürgen@bücher.example"]),
        (b"j@x (John (the) Doe)", ['"John (the) Doe" <j@x>']),
        (b"j@x (John)", ["John <j@x>"]),
        (b"Team: a@x, B <b@y>; c@z", ["a@x", "B <b@y>", "c@z"]),
        (b"undisclosed-recipients:;", []),
        (b"", []),
        (b'"a b"@x', ['"a b"@x']),
        (b'"j@x" <j@x>', ["j@x"]),
        (b'"say \\"hi\\"" <j@x>', ['"say \\"hi\\"" <j@x>']),
        (b"J <j @ x>", ["J <j@x>"]),
        # RFC 5322, A.5 and A.6
        (b"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", ["Pete <pete@silly.test>"]),
        (b"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", []),
        (b"Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example", ["Mary Smith <mary@example.net>", "jdoe@test.example"]),
        (b"J. R. <j@x>", ['"J. R." <j@x>']),
        (b"root", ["root"]),
        (b"<>", ["<>"]),
        (b"a@[IPv6:::1], b@y", ["a@[IPv6:::1]", "b@y"]),
        (b"J <j@x, b@y", ["J <j@x>", "b@y"]),
        (b'"J <j@x>, b@y', ['"\\"J" <j@x>', "b@y"]),
        (b"(J <j@x>", ['"(J" <j@x>']),
        (b"a@x,\r\n b@y", ["a@x", "b@y"]),
        (b"a\x00\x1b@x", ["a\ufffd\ufffd@x"]),
    ],
)
def test_addresses_are_told_apart_and_decoded(raw: bytes, found: list) -> None:
    assert mailboxes_of([raw]) == found


def test_several_fields_are_one_list() -> None:
    assert mailboxes_of([b"a@x", b"b@y"]) == ["a@x", "b@y"]


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp", "Zs", "Cf")), min_size=1, max_size=40))
def test_a_reply_can_be_sent_to_what_was_read(name: str) -> None:
    quoted = '"%s" <j@example.com>' % name.replace("\\", "\\\\").replace('"', '\\"')
    (shown,) = mailboxes_of([quoted.encode()])
    (address,) = parse_addresses(shown, "to")
    assert address.wire == "j@example.com"
    assert "=?" in name or address.name == name


@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from([b"<", b">", b'"', b"(", b")", b",", b":", b";", b"@", b"a", b"\\", b"=?a?q?b?=", b"[", b" "])).map(b"".join)
)
def test_any_octets_can_be_read(raw: bytes) -> None:
    for shown in mailboxes_of([raw]):
        shown.encode("utf-8")


@pytest.mark.parametrize("piece", [b'\\"', b"(", b"()", b"<", b"<a@", b"[", b":", b"=?a?q?", b'""@', b"a@b,"])
def test_addresses_without_end_take_linear_time(piece: bytes) -> None:
    begun = time.process_time()
    mailboxes_of([piece * (200_000 // len(piece))])
    assert time.process_time() - begun < 10
