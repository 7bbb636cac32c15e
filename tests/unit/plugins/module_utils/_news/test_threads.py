# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random
import typing as t

from ansible_collections.fleetproof.backup.plugins.module_utils._news.overview import Overview
from ansible_collections.fleetproof.backup.plugins.module_utils._news.threads import threads_of
from hypothesis import given
from hypothesis import strategies as st


def one(name: str, *references: str) -> Overview:
    return Overview(ord(name[0]), "subject of " + name, "", "", name, list(references), 0, 0)


def drawn(*articles: Overview) -> t.List[str]:
    """Each thread as its root and its articles with their depths."""
    rows = threads_of(articles)
    for row in rows:
        assert row["count"] == len(row["articles"])
    return ["%s: %s" % (row["root"], " ".join("%s%d" % (each["id"], each["depth"]) for each in row["articles"])) for row in rows]


def test_answers_stand_below_what_they_answer() -> None:
    assert drawn(one("a"), one("b"), one("c", "a"), one("d", "a", "c"), one("e", "a")) == ["a: a0 c1 d2 e1", "b: b0"]


def test_the_order_of_arrival_does_not_matter() -> None:
    articles = [one("a"), one("c", "a"), one("d", "a", "c"), one("e", "a"), one("f", "a", "c", "d")]
    for seed in range(20):
        shuffled = articles[:]
        random.Random(seed).shuffle(shuffled)
        row = threads_of(shuffled)[0]
        assert {each["id"]: each["depth"] for each in row["articles"]} == {"a": 0, "c": 1, "d": 2, "e": 1, "f": 3}
        assert row["subject"] == "subject of a"


def test_answers_to_one_missing_article_are_one_thread() -> None:
    assert drawn(one("b", "a"), one("c", "a")) == ["a: b1 c1"]


def test_a_missing_article_with_one_answer_is_not_missed() -> None:
    assert drawn(one("c", "a", "b")) == ["c: c0"]
    assert drawn(one("d", "a", "b", "c"), one("e", "a", "b", "c")) == ["c: d1 e1"]


def test_a_missing_article_in_between_takes_no_room() -> None:
    assert drawn(one("a"), one("c", "a", "b"), one("d", "a", "b")) == ["a: a0 c1 d1"]


def test_what_an_article_says_of_itself_beats_what_others_say() -> None:
    assert drawn(one("a"), one("b"), one("d", "b", "c"), one("c", "a")) == ["a: a0 c1 d2", "b: b0"]


def test_loops_are_not_closed() -> None:
    for articles in (
        [one("a", "b"), one("b", "a")],
        [one("a", "a")],
        [one("a", "c"), one("b", "a"), one("c", "b")],
        [one("a", "b", "a", "b"), one("b", "a", "b")],
    ):
        rows = threads_of(articles)
        assert sorted(each["id"] for row in rows for each in row["articles"]) == sorted(article.message_id for article in articles)


def test_a_branch_without_articles_is_none() -> None:
    assert drawn(one("b", "a"), one("a", "c", "d", "b")) == ["a: a0 b1"]


def test_an_article_that_is_listed_twice_counts_once() -> None:
    assert drawn(one("a"), one("a"), one("b", "a")) == ["a: a0 b1"]


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefgh"), max_size=5)), max_size=12))
def test_each_article_is_in_one_thread_whatever_they_refer_to(found: t.List[t.Tuple[str, t.List[str]]]) -> None:
    rows = threads_of([one(name, *references) for name, references in found])
    assert sorted(each["id"] for row in rows for each in row["articles"]) == sorted({name for name, _references in found})


def test_a_thread_may_be_deeper_than_python_recurses() -> None:
    names = ["<%d>" % number for number in range(5000)]
    articles = [Overview(number, "s", "", "", name, names[max(0, number - 1) : number], 0, 0) for number, name in enumerate(names)]
    row = threads_of(articles)[0]
    assert (row["count"], row["articles"][-1]["depth"]) == (5000, 4999)
    # and backwards, where each one makes the chain longer at its top
    assert sum(row["count"] for row in threads_of(articles[::-1])) == 5000


def test_many_references_cost_little() -> None:
    references = ["<%d>" % number for number in range(100000)]
    assert threads_of([Overview(1, "s", "", "", "<a>", references, 0, 0), Overview(2, "s", "", "", "<b>", references, 0, 0)])[0]["count"] == 2
