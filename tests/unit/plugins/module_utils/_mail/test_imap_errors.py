# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.imap_errors import code_of, farewell, refusal
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.imap_parse import Response


@pytest.mark.parametrize(
    ("code", "name", "kind", "retryable"),
    [
        ("NONEXISTENT", "NO", "not_found", False),
        ("TRYCREATE", "NO", "not_found", False),
        ("OVERQUOTA", "NO", "no_space", False),
        ("NOPERM", "NO", "permission", False),
        ("INUSE", "NO", "busy", True),
        ("UNAVAILABLE", "NO", "busy", True),
        ("LIMIT", "NO", "refused", False),
        ("EXPIRED", "NO", "auth", False),
        ("AUTHENTICATIONFAILED", "NO", "auth", False),
        ("X-OTHER", "NO", "refused", False),
        ("", "NO", "refused", False),
        ("", "BAD", "protocol", False),
    ],
)
def test_a_refusal_is_of_the_kind_that_its_code_says(code: str, name: str, kind: str, retryable: bool) -> None:
    error = refusal("mail.example.com:993", "copy message 7", Response("F1", name, code=code, text="Because"))
    assert (error.kind, error.retryable) == (kind, retryable)
    assert error.message.startswith("mail.example.com:993 did not copy message 7: %s" % name)
    assert "Because" in error.message


def test_what_the_caller_knows_better_stands_where_no_code_tells() -> None:
    assert refusal("x", "do", Response("F1", "NO"), "not_found").kind == "not_found"
    assert refusal("x", "do", Response("F1", "BAD"), "argument").kind == "argument"
    assert refusal("x", "do", Response("F1", "NO", code="OVERQUOTA"), "not_found").kind == "no_space"


@pytest.mark.parametrize(("code", "kind", "retryable"), [("", "connect", True), ("UNAVAILABLE", "busy", True), ("AUTHENTICATIONFAILED", "auth", False)])
def test_a_farewell_can_be_tried_again_unless_it_is_for_good(code: str, kind: str, retryable: bool) -> None:
    error = farewell("x", Response("*", "BYE", code=code, text="Enough"))
    assert (error.kind, error.retryable, "Enough" in error.message) == (kind, retryable, True)


def test_the_last_response_with_a_code_counts() -> None:
    responses = [Response("*", "OK", code="UIDNEXT", argument="1"), Response("*", "OK"), Response("*", "OK", code="UIDNEXT", argument="2")]
    assert code_of(responses, "UIDNEXT") == "2"
    assert code_of(responses, "UIDVALIDITY") is None
