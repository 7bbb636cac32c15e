# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._news.search import Search


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (None, True),
        ({}, True),
        ({"subject": ["BACKUP"]}, True),
        ({"subject": ["backup", "web2"]}, False),
        ({"subject": ["backup", "web2"], "match": "any"}, True),
        ({"subject": ["nothing"], "match": "any"}, False),
        ({"subject": ["stra\u00dfe"]}, True),
        ({"from": ["alice@"]}, True),
        ({"subject": ["backup"], "from": ["bob"]}, False),
        ({"subject": ["backup"], "from": ["bob"], "match": "any"}, True),
        # the body has to tell, unless it cannot change anything
        ({"body": ["x"]}, None),
        ({"subject": ["backup"], "body": ["x"]}, None),
        ({"subject": ["nothing"], "body": ["x"]}, False),
        ({"subject": ["nothing"], "body": ["x"], "match": "any"}, None),
        ({"subject": ["backup"], "body": ["x"], "match": "any"}, True),
    ],
)
def test_subject_and_sender_decide_as_far_as_they_can(given: t.Optional[t.Dict[str, t.Any]], wanted: t.Optional[bool]) -> None:
    assert Search(given).head("Backup  of web1, STRASSE", "Alice <Alice@example.com>") is wanted


def test_all_or_any_words_have_to_be_in_the_body() -> None:
    text = "The restore\nof db1 is done."
    assert Search({"body": ["RESTORE of", "db1"]}).body(text)
    assert not Search({"body": ["restore", "db2"]}).body(text)
    assert Search({"body": ["restore", "db2"], "match": "any"}).body(text)
    assert not Search({"body": ["db2"], "match": "any"}).body(text)


@pytest.mark.parametrize("name", ["subject", "from", "body"])
def test_an_empty_word_is_told(name: str) -> None:
    with pytest.raises(FleetproofError) as caught:
        Search({name: [" "]})
    assert caught.value.kind == "argument"
    assert "search.%s" % name in caught.value.message
