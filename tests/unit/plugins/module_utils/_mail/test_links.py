# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.links import Link, links_of_text, page_of
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("source", "links"),
    [
        ('<a href="http://a.example/">here</a>', [("http://a.example/", "here")]),
        ("<A HREF = 'http://a.example/' class=x>he<b>re</b>\n <i>now</i></A>", [("http://a.example/", "here now")]),
        ("<a href=http://a.example/?x=1&amp;y>t</a>", [("http://a.example/?x=1&y", "t")]),
        ('<a href="&#106;avascript:x()">t</a>', [("javascript:x()", "t")]),
        ('<a title=">" href="http://a.example">t</a>', [("http://a.example", "t")]),
        ("<a/href=http://a.example>t</a>", [("http://a.example", "t")]),
        ('<a href="one" href="two">t</a>', [("one", "t")]),
        ('<a = href="one">t</a>', [("one", "t")]),
        ("<a href=one>t<a href=two>u", [("one", "t"), ("two", "u")]),
        ("<a name=top>t</a>", []),
        ("<!-- <a href=one>t</a> --><a href=two>u</a>", [("two", "u")]),
        ("<!-- <a href=one>t</a>", []),
        ("<!DOCTYPE html><a href=one>t</a>", [("one", "t")]),
        ("<script>'<a href=one>t</a>'</script><a href=two>u</a>", [("two", "u")]),
        ("<style><a href=one>t</a>", []),
        ("<title>İ<a href=one></title><a href=two>u</a>", [("two", "u")]),
        ("<map><area href=one></map>", [("one", "")]),
        ("<a href=one>b\u200ba\u00adnk</a>", [("one", "bank")]),
        ('<a href="one>t</a>', [('"one', "t")]),
        ("1 < 2 <a href=one>t</a>", [("one", "t")]),
        ("<a href=one><table><tr><td>a</td><td>b</td></tr></table></a>", [("one", "a b")]),
        ("<iframe src=one></iframe>", [("one", "")]),
    ],
)
def test_links_are_found_as_browsers_find_them(source: str, links: object) -> None:
    assert page_of(source).links == [Link(*link) for link in links]  # type: ignore[attr-defined]


def test_forms_scripts_and_words_are_found() -> None:
    page = page_of("<title>no</title><p>Your&nbsp;pass<b>word</b></p>now<form action='http://a.example/'><input type=password></form><script>x</script>")
    assert (page.forms, page.scripts, page.text) == (1, 1, "Your password now")
    assert page.links == [Link("http://a.example/", "")]


@pytest.mark.parametrize(
    ("source", "forms"), [("<input type=password>", 1), ("<input type=hidden>", 0), ("<input>", 1), ("<textarea></textarea>", 1), ("<b>", 0)]
)
def test_a_field_without_a_form_counts_if_something_can_be_typed_into_it(source: str, forms: int) -> None:
    assert page_of(source).forms == forms


def test_links_in_plain_text_end_before_the_mark_of_the_sentence() -> None:
    text = "See https://a.example/x?y=1, (HTTP://b.example/) and <ftp://c.example>. Not www.d.example or xhttp://e.example"
    assert [link.href for link in links_of_text(text)] == ["https://a.example/x?y=1", "HTTP://b.example/", "ftp://c.example"]


def test_a_number_of_a_character_without_end_is_no_error() -> None:
    assert page_of("<a href='&#%s;'>&#x%s;</a>" % ("1" * 6000, "f" * 6000)).links == [Link("\ufffd", "\ufffd")]


HOSTILE = [
    "<",
    "<a ",
    "<a href='",
    '<a href="',
    "<!--",
    "<!",
    "</a",
    "<script>",
    "<a href=x>",
    "<a b=",
    "&",
    "&#",
    "<a\t",
    "<a " + "b " * 50,
    "<title",
    "=" * 9,
    " ",
    "<a //",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_markup_takes_time_linear_in_its_size(piece: str) -> None:
    source = piece * (200_000 // len(piece))
    begun = time.process_time()
    page_of(source)
    page_of("<a href=x>" + source)
    page_of("<a x=" + source)
    links_of_text("http://" + source)
    assert time.process_time() - begun < 5.0


@given(st.text(alphabet="<>/!-aA hrefscipt='\"=&#x1;\n", max_size=100) | st.text(max_size=50))
def test_any_text_is_some_page(text: str) -> None:
    page_of(text)
