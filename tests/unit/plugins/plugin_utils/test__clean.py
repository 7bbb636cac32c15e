# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import xml.etree.ElementTree as ET

import pytest
from ansible_collections.fleetproof.backup.plugins.plugin_utils import _clean
from hypothesis import given
from hypothesis import strategies as st


class Marked(str):
    """A text with a mark, as templating engines make them."""

    def __str__(self):
        raise AssertionError("the mark was not taken off")


def test_marked_texts_become_plain_ones():
    data = _clean.plain({Marked("key"): [Marked("value"), {"deep": (Marked("x"),)}]})
    assert data == {"key": ["value", {"deep": ["x"]}]}
    assert not isinstance(data["key"][0], Marked)
    assert not isinstance(next(iter(data)), Marked)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (True, True),
        (3, 3),
        (2.5, 2.5),
        (None, None),
        (b"a\xff", "a\\xff"),
        (datetime.date(2026, 2, 3), "2026-02-03"),
        (datetime.datetime(2026, 2, 3, 4, 5, tzinfo=datetime.timezone.utc), "2026-02-03T04:05:00+00:00"),
        ({1: 2}, {"1": 2}),
        (range(2), [0, 1]),
    ],
)
def test_values_become_what_json_has(value, wanted):
    assert _clean.plain(value) == wanted


def test_a_sentence_is_one_line_and_holds_no_control_character():
    assert _clean.one_line("a\nb\t c\x1b[31m") == "a b c\\x1b[31m"


def test_a_name_keeps_its_spaces_and_shows_its_line_break():
    assert _clean.name("a  b\n") == "a  b\\x0a"


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u200f", "\u2028", "\ufeff"])
def test_marks_that_turn_text_around_are_shown(mark):
    assert _clean.name("x" + mark) == "x\\u%04x" % ord(mark)


@given(st.text(st.characters(), max_size=40), st.integers(10, 60))
def test_shortened_text_keeps_both_ends_and_the_limit(text, limit):
    short = _clean.shortened(text, limit)
    assert len(short) <= max(limit, 0)
    if len(text) <= limit:
        assert short == text
    else:
        assert short[0] == text[0]
        assert short[-1] == text[-1]


@given(st.text(st.characters()))
def test_what_is_made_for_xml_can_be_parsed(text):
    element = ET.Element("a", {"b": _clean.for_xml(text)})
    element.text = _clean.for_xml(text)
    assert ET.fromstring(ET.tostring(element, encoding="utf-8")).tag == "a"
