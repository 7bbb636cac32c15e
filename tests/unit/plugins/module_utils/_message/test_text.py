# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._message.text import columns, text_of_html
from hypothesis import given
from hypothesis import strategies as st

CASES = {
    "paragraphs stand apart": ("<p>One</p><p>Two<br>Three</p>", "One\n\nTwo\nThree\n"),
    "white space collapses": ("<div>a \n  b&nbsp;c</div>\n<div>d</div>", "a b c\nd\n"),
    "headings are underlined": ("<h1>Title</h1><h2>Part</h2>text", "Title\n=====\n\nPart\n----\n\ntext\n"),
    "links show where they go": (
        '<a href="https://x.test/y">here</a>, <a href="https://x.test/">https://x.test/</a>',
        "here (https://x.test/y), https://x.test/\n",
    ),
    "mail addresses are not said twice": ('<a href="mailto:a@b.c">a@b.c</a>', "a@b.c\n"),
    "links within the page are words": ('<a href="#top">up</a>', "up\n"),
    "lists": ("<ul><li>a<li>b<ol><li>c</li><li>d</li></ol></ul>", "- a\n- b\n\n  1. c\n  2. d\n"),
    "numbers begin where they are told to": ('<ol start="9"><li>a<li>b</ol>', "9. a\n10. b\n"),
    "quotes": ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b\n"),
    "preformatted text stays": ("<pre>a\n  b   c</pre>", "a\n  b   c\n"),
    "pictures by their words": ('<img src="cid:x" alt="Trend of sizes"><img src="cid:y">', "[Trend of sizes]\n"),
    "what is not shown is not said": ("<head><title>T</title><style>p{}</style></head><p style='display: none'>x</p><p hidden>y</p><script>z</script>a", "a\n"),
    "tables line up": (
        "<table><tr><th>host<th style='text-align:right'>files<tr><td>web1<td align=right>9</td><tr><td>数据库</td><td align=right>1234</td></tr></table>",
        "host    files\n------  -----\nweb1        9\n数据库   1234\n",
    ),
    "cells over columns": ("<table><tr><td colspan=2>all</td><td>x</td></tr><tr><td>a</td><td>b</td><td>c</td></tr></table>", "all     x\na    b  c\n"),
    "tables that only lay out the page are no tables": (
        "<table><tr><td><table><tr><td>a</td><td>b</td></tr></table></td></tr><tr><td><p>c</p></td></tr></table>",
        "a  b\n\nc\n",
    ),
    "entities": ("&lt;b&gt; &amp; &#22909;", "<b> & 好\n"),
    "nothing": ("", "\n"),
    "unclosed": ("<div><b>a<table><tr><td>x<td>y</div>", "a\n\nx  y\n"),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_html_reads_well_as_text(name: str) -> None:
    html, text = CASES[name]
    assert text_of_html(html) == text


def test_a_table_too_wide_for_a_line_is_told_row_by_row() -> None:
    long = "a long reason " * 5
    html = "<table><tr><th>host</th><th>why</th><th>todo</th></tr><tr><td>web1</td><td>%s</td><td>%s</td></tr></table>" % (long, long)
    assert text_of_html(html) == "- host: web1\n  why: %s\n  todo: %s\n" % (long.strip(), long.strip())


def test_long_lines_are_broken_between_words() -> None:
    lines = text_of_html("<p>%s</p>" % ("word " * 100)).splitlines()
    assert len(lines) > 5
    assert max(map(columns, lines)) <= 78


def test_a_heading_that_nobody_closed_ends_where_the_next_begins() -> None:
    assert (
        text_of_html("<h1>one<h2>two<p>three") == "one\n===\n\ntwo\n---\n\nthree\n"
        or text_of_html("<h1>one<h2>two</h2><p>three") == "one\n===\n\ntwo\n---\n\nthree\n"
    )


def test_elements_in_elements_without_end_do_no_harm() -> None:
    assert text_of_html("<div>" * 5000 + "deep" + "</div>" * 5000) == "deep\n"
    assert "deep" in text_of_html("<ul><li>" * 3000 + "deep")
    assert "deep" in text_of_html("<table><tr><td>" * 3000 + "deep")


@given(
    st.lists(
        st.one_of(
            st.sampled_from("<p> </p> <td> <tr> <table> </table> <li> <ul> </ul> <a href='http://x'> </a> <br> <pre> <th> &amp; <!-- --> <![ <b".split()),
            st.text(max_size=8),
        ),
        max_size=40,
    )
)
def test_any_input_gives_some_text(pieces: list[str]) -> None:
    assert text_of_html("".join(pieces)).endswith("\n")


@pytest.mark.parametrize("piece", ["<meta ", "<", "<!--", "</", '<a ="', "<![CDATA[x>", "<<!x>!-- >", "<?", "<!--x-->"])
def test_what_never_ends_is_looked_at_once(piece: str) -> None:
    text_of_html("<p>begin</p>" + piece * (300_000 // len(piece)))  # minutes, when each one is followed to the end


def test_comments_and_declarations_say_nothing_and_hide_nothing() -> None:
    page = "<!DOCTYPE html><p>one<!-- <p>two --> three<![if !mso]> four<![endif]><?xml x?> a < b <<!x>![c</p>"
    assert text_of_html(page) == "one three four a < b <![c\n"


@pytest.mark.parametrize("reference", ["&#%s;" % ("1" * 6000), "&#x%s;" % ("f" * 6000), "&#%s" % ("9" * 6000)])
def test_the_number_of_a_character_may_be_of_any_length(reference: str) -> None:
    assert text_of_html("<p title='%s'>a%sb</p>" % (reference, reference)).startswith("a\ufffdb")
