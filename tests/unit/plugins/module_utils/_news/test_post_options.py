# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of nntp_post that make no article, and those that do."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._news.post_options import SPEC, Draft, draft_of

BREAKS = ("\r\n", "\n", "\r", "\0", "\x85", "\u2028")


def draft(**given: t.Any) -> Draft:
    found = {name: option.get("default") for name, option in SPEC.argument_spec.items()}
    assert not set(given) - set(found)
    return draft_of({**found, "newsgroups": ["fleet.test"], "subject": "Report", "body": "Text.", "sender": "fleet@example.com", **given})


@pytest.mark.parametrize("broken", BREAKS)
@pytest.mark.parametrize(
    "given",
    [
        lambda text: {"subject": text},
        lambda text: {"sender": "%s <fleet@example.com>" % text},
        lambda text: {"newsgroups": [text]},
        lambda text: {"followup_to": [text]},
        lambda text: {"distribution": [text]},
        lambda text: {"headers": {"X-Test": text}},
        lambda text: {"headers": {"Reply-To": "%s <fleet@example.com>" % text}},
        lambda text: {"headers": {"Keywords": ["fine", text]}},
    ],
)
def test_a_line_break_is_never_sent(given: t.Callable[[str], t.Dict[str, t.Any]], broken: str) -> None:
    with pytest.raises(FleetproofError) as caught:
        draft(**given("a%sControl: cancel <x@y>" % broken))
    assert caught.value.kind == "unsafe"


@pytest.mark.parametrize("option", ["reply_to", "cancel", "supersede"])
def test_a_line_break_in_a_message_id_is_never_sent(option: str) -> None:
    for broken in BREAKS:
        with pytest.raises(FleetproofError):
            draft(**{option: "<a@b>%sQUIT" % broken})
    with pytest.raises(FleetproofError):
        draft(references=["<a@b>\r\nQUIT"])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"newsgroups": None}, "newsgroups"),
        ({"newsgroups": []}, "newsgroups"),
        ({"newsgroups": ["a.*"]}, "newsgroups"),
        ({"newsgroups": ["a,b"]}, "newsgroups"),
        ({"newsgroups": ["group%d.%s" % (index, "x" * 50) for index in range(20)]}, "too many"),
        ({"subject": None}, "subject"),
        ({"subject": "cmsg cancel <a@b>"}, "cancel"),
        ({"body": " \n"}, "body"),
        ({"body": None, "reply_to": "<a@b>"}, "body"),
        ({"sender": "root"}, "sender"),
        ({"sender": "jörg@example.com"}, "sender"),
        ({"sender": "a@example.com, b@example.com"}, "sender"),
        ({"cancel": "nonsense and more"}, "cancel"),
        ({"references": ["<a b@c>"]}, "references"),
        ({"quote_lines": -2}, "quote_lines"),
        ({"followup_to": ["poster", "a.b"]}, "followup_to"),
        ({"distribution": ["a,b"]}, "distribution"),
        ({"headers": {"Message-ID": "<a@b>"}}, "Message-ID"),
        ({"headers": {"control": "cancel <a@b>"}}, "control"),
        ({"headers": {"Path": "x"}}, "Path"),
        ({"headers": {"Injection-Info": "x"}}, "Injection-Info"),
        ({"headers": {"Content-Type": "text/html"}}, "Content-Type"),
        ({"headers": {"a b": "x"}}, "headers"),
        ({"headers": {"Reply-To": "nobody at all"}}, "Reply-To"),
        ({"charset": "utf-16"}, "charset"),
        ({"message_id_domain": "a b"}, "message_id_domain"),
    ],
)
def test_what_makes_no_article_is_told(given: t.Dict[str, t.Any], told: str) -> None:
    with pytest.raises(FleetproofError) as caught:
        draft(**given)
    assert caught.value.kind == "argument"
    assert told in caught.value.message


def test_which_article_has_to_be_read_first() -> None:
    assert draft().about is None
    assert draft(newsgroups=None, reply_to="a@b").about == "<a@b>"
    assert draft(newsgroups=None, subject=None, body=None, cancel="a@b").about == "<a@b>"
    assert draft(newsgroups=None, supersede="a@b").about == "<a@b>"
    # its groups are known
    assert draft(supersede="a@b").about is None


def test_a_header_of_addresses_may_say_nobody() -> None:
    found = draft(headers={"Mail-Copies-To": "nobody", "Approved": "mod@example.com", "X-Empty": None})
    assert found.fields == [("Mail-Copies-To", "nobody")]
    assert found.approved


def test_the_message_id_is_the_same_on_every_host_and_at_any_time() -> None:
    # whoever changes this makes every fleet post its old articles once more
    assert draft().message_id == "<61709c1863b4fc1b3af5dcc8d9abd8e3835030b8@example.com>"
    assert draft(message_id_domain="News.example.com").message_id.endswith("@news.example.com>")
