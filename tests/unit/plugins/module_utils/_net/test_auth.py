# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._net import auth

PASSWORD = auth.Credentials("tim", "tanstaaftanstaaf")
TOKEN = auth.Credentials("tim", oauth_token="ya29")


@pytest.mark.parametrize(
    ("credentials", "offered", "encrypted", "mechanism"),
    [
        (PASSWORD, "PLAIN LOGIN CRAM-MD5", True, "PLAIN"),
        (PASSWORD, "LOGIN CRAM-MD5", True, "LOGIN"),
        (PASSWORD, "PLAIN LOGIN CRAM-MD5", False, "CRAM-MD5"),
        (PASSWORD, "plain", False, "PLAIN"),
        (TOKEN, "PLAIN XOAUTH2", True, "XOAUTH2"),
        (auth.Credentials("tim", "x", mechanism="cram-md5"), "PLAIN CRAM-MD5", True, "CRAM-MD5"),
    ],
)
def test_the_mechanism_follows_from_what_is_offered_and_who_may_listen(credentials: auth.Credentials, offered: str, encrypted: bool, mechanism: str) -> None:
    assert auth.choose(credentials, offered.split(), encrypted, "mail:587") == mechanism


@pytest.mark.parametrize(
    ("credentials", "offered"), [(PASSWORD, ""), (PASSWORD, "GSSAPI XOAUTH2"), (TOKEN, "PLAIN"), (auth.Credentials("t", "x", mechanism="login"), "PLAIN")]
)
def test_no_mechanism_in_common_is_an_error(credentials: auth.Credentials, offered: str) -> None:
    with pytest.raises(FleetproofError) as caught:
        auth.choose(credentials, offered.split(), True, "mail:587")
    assert caught.value.kind == "auth"


def test_what_is_said_is_what_the_rfcs_say() -> None:
    assert auth.initial_response(PASSWORD, "PLAIN") == b"\0tim\0tanstaaftanstaaf"
    assert auth.initial_response(TOKEN, "XOAUTH2") == b"user=tim\1auth=Bearer ya29\1\1"
    assert [auth.respond(PASSWORD, "LOGIN", b"", turn) for turn in (0, 1, 2)] == [b"tim", b"tanstaaftanstaaf", b""]
    # the example of RFC 2195
    assert auth.respond(PASSWORD, "CRAM-MD5", b"<1896.697170952@postoffice.reston.mci.net>", 0) == b"tim b913a602c7eda7a495b4e6e7334d3890"


def test_secrets_are_not_in_the_repr() -> None:
    assert "tanstaaf" not in repr(PASSWORD)
    assert "ya29" not in repr(TOKEN)


def test_a_nul_in_a_password_is_unsafe() -> None:
    with pytest.raises(FleetproofError) as caught:
        auth.initial_response(auth.Credentials("a\0b", "c"), "PLAIN")
    assert caught.value.kind == "unsafe"


def test_half_a_character_in_a_password_is_told_without_the_password() -> None:
    with pytest.raises(FleetproofError) as caught:
        auth.initial_response(auth.Credentials("a", "tanstaaf\ud800"), "PLAIN")
    assert (caught.value.kind, caught.value.__cause__) == ("argument", None)
    assert "tanstaaf" not in caught.value.message


def test_a_challenge_that_is_not_base64_is_the_servers_fault() -> None:
    with pytest.raises(FleetproofError) as caught:
        auth.decode("???", "mail:587")
    assert caught.value.kind == "protocol"
    empty: t.List[str] = [auth.encode(b"")]
    assert empty == ["="]
