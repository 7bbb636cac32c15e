# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The octets of an article."""

from __future__ import annotations

import email
import email.policy

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._message.addresses import parse_address
from ansible_collections.fleetproof.backup.plugins.module_utils._message.headers import UTF8, find_charset
from ansible_collections.fleetproof.backup.plugins.module_utils._news.article import Article, Identity
from hypothesis import given
from hypothesis import strategies as st

FLEET = parse_address("Fleet <fleet@example.com>", "sender")


@given(
    subject=st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=200),
    body=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=400),
    charset=st.sampled_from(["utf-8", "gbk", "iso-8859-1", "us-ascii"]),
)
def test_any_text_comes_out_as_it_went_in(subject: str, body: str, charset: str) -> None:
    raw = Article("<a@b>", ["fleet.test"], subject.strip(), FLEET, body, find_charset(charset)).compose(0.0)
    assert raw.isascii()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert raw.endswith(b"\r\n")
    message = email.message_from_bytes(raw, policy=email.policy.default)
    payload = message.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.decode(message.get_content_charset("ascii")).replace("\r\n", "\n") == (body if body.endswith("\n") else body + "\n")


def test_references_are_folded_and_groups_are_not() -> None:
    groups = ["group.number.%d" % index for index in range(20)]
    references = ["<%040d@example.com>" % index for index in range(12)]
    lines = Article("<a@b>", groups, "x", FLEET, "y", UTF8, references, about=[("Supersedes", "<s@b>")]).compose(0.0).split(b"\r\n")
    assert b"Newsgroups: " + ",".join(groups).encode() in lines
    assert b"Supersedes: <s@b>" in lines
    assert all(len(line) <= 76 for line in lines if line.startswith((b"References:", b" <")))


@pytest.mark.parametrize("option", ["reply_to", "cancel", "supersede", "references"])
def test_what_an_article_is_to_another_one_tells_them_apart(option: str) -> None:
    plain = Identity(["a.b"], "s", "b", FLEET)
    assert plain.message_id("x") != Identity(["a.b"], "s", "b", FLEET, [(option, "<a@b>")]).message_id("x")


def test_no_part_of_an_article_can_pass_for_another_part() -> None:
    assert Identity(["a.b"], "s\n", "b", FLEET).message_id("x") != Identity(["a.b"], "s", "\nb", FLEET).message_id("x")
    assert Identity(["a.b", "c.d"], "s", "b", FLEET).message_id("x") != Identity(["a.b,c.d"], "s", "b", FLEET).message_id("x")
    assert Identity(None, "s", "b", FLEET).message_id("x") != Identity([], "s", "b", FLEET).message_id("x")
