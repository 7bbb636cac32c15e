# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that make no sense are refused before anything is done, each by its name."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetproof.backup.tests.testbed.popd import PopServer

from .fetching import Fetcher


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"delete": "fetched"}, "delete needs dest"),
        ({"delete": "30d", "attachments_dest": "/nowhere/x"}, "delete needs dest"),
        ({"delete": "soon", "dest": "/nowhere/x"}, "delete: 'soon' is neither never nor fetched nor an age"),
        ({"state": "/nowhere/x"}, "state goes with dest"),
        ({"max_messages": 0}, "max_messages: 0 is less than 1"),
        ({"min_messages": 0}, "min_messages: 0 is less than 1"),
        ({"min_messages": 3, "max_messages": 2}, "min_messages is 3"),
        ({"max_parts": 0}, "max_parts"),
        ({"max_depth": 0}, "max_depth"),
        ({"max_listed": -2}, "max_listed"),
        ({"max_size": "big"}, "max_size"),
        ({"wait": -1}, "wait must be"),
        ({"wait": float("nan")}, "wait must be"),
        ({"wait": float("inf")}, "wait must be"),
        ({"match": {"subject": "("}}, "match.subject"),
    ],
)
def test_what_makes_no_sense_is_refused(fetch: Fetcher, pop: PopServer, given: t.Dict[str, t.Any], words: str) -> None:
    error = fetch.failing(**given)
    assert (error.kind, words in error.message) == ("argument", True), error.message
    assert pop.connections == 0


@pytest.mark.parametrize("delete", ["never", "Never", " fetched ", "0", "30d", "1d12h"])
def test_delete_is_a_word_or_an_age(fetch: Fetcher, delete: str) -> None:
    assert fetch.new(delete=delete).failure is None
