# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._news.preview import preview_of


def shown(text: str, most: int = 20) -> str:
    return "\n".join(preview_of(text, most))


@pytest.mark.parametrize(
    "line",
    ["> a", ">a", ">> a", "> > a", "| a", "|a", ": a", "AB> a", "Al>> a", " > a", "\uff1e a", ">", ">>> > a"],
)
def test_quotes_are_left_out(line: str) -> None:
    assert shown("before\n%s\nafter" % line) == "before\nafter"


@pytest.mark.parametrize("line", ["| a | b |", ":-) a", ":) a", "a > b", "x: y", "a|b", "|| a", "<a> b", "http://a/?b>c", "->> a", "... a", ">>> a", ">>>"])
def test_what_only_looks_like_a_quote_stays(line: str) -> None:
    assert shown("before\n%s\nafter" % line) == "before\n%s\nafter" % line


def test_prompts_of_the_interpreter_stay_unless_they_are_in_a_ladder_of_quotes() -> None:
    session = ">>> for x in y:\n...     print(x)\n...\n1\n>>> 2"
    assert shown("> How?\n\n" + session) == session
    assert shown("> How?\n" + session) == session
    assert shown(">>> third\n>> second\n> first\nmine") == "mine"
    assert shown("> >>> quoted()\nmine") == "mine"


@pytest.mark.parametrize(
    "attribution",
    [
        "Alice wrote:",
        "alice@example.com writes:",
        "On Mon, 2 Mar 2026 10:00:00 +0000, Alice <alice@example.com> wrote:",
        "On Mon, 2 Mar 2026 at 10:00, Alice Example <alice@example.com>\nwrote:",
        "On Monday, March 2, 2026 at 10:00:00 AM UTC+1, Alice\nExample of the long name\nwrote:",
        "On Mon, 2 Mar 2026 10:00, Alice <alice@example.com>\nwrote in comp.lang.python:",
        "Alice wrote in comp.lang.c++:",
        "In article <1234@example.com>, alice@example.com (Alice) writes:",
        "In article <1234@example.com>,\nAlice <alice@example.com> wrote:",
        "In <1234@example.com> Alice <alice@example.com> writes:",
        "Alice <alice@example.com> wrote in message news:1234@example.com...",
        "Am 02.03.2026 um 10:00 schrieb Alice:",
        "Am Montag, 2. M\u00e4rz 2026 10:00:00 UTC+1 schrieb Alice\nExample:",
        "Alice schrieb:",
        "Le 2 mars 2026 \u00e0 10:00, Alice a \u00e9crit :",
        "El lun, 2 mar 2026 a las 10:00, Alice (<alice@example.com>) escribi\u00f3:",
        "Il giorno lun 2 mar 2026 alle ore 10:00 Alice ha scritto:",
        "Em seg., 2 de mar. de 2026 10:00, Alice escreveu:",
        "Op 2 maart 2026 schreef Alice:",
        "Den 2 mars 2026 10:00 skrev Alice:",
        "W dniu 2.03.2026 o 10:00, Alice napisa\u0142(a):",
        "2 \u043c\u0430\u0440\u0442\u0430 2026 \u0433., 10:00 Alice \u043d\u0430\u043f\u0438\u0441\u0430\u043b:",
        "\u5728 2026\u5e743\u67082\u65e5\uff0cAlice \u5199\u9053\uff1a",
    ],
)
@pytest.mark.parametrize("gap", ["", "\n"])
def test_lines_that_say_who_is_quoted_are_left_out(attribution: str, gap: str) -> None:
    assert shown("Hello,\n\n%s\n%s> Is it done?\n\nIt is." % (attribution, gap)) == "Hello,\n\nIt is."


@pytest.mark.parametrize("text", ["As Knuth wrote:\n\nPremature optimisation", "He said:\nit is done", "Run this:\n> x is no quote to me"])
def test_words_that_introduce_no_quote_stay(text: str) -> None:
    first = text.split("\n", maxsplit=1)[0]
    assert shown(text).partition("\n")[0] == first


def test_who_is_quoted_is_left_out_without_a_quote_where_it_is_certain() -> None:
    assert shown("On Mon, 2 Mar 2026 10:00:00, Alice wrote:\n\nall below") == "all below"


def test_the_signature_and_what_was_forwarded_is_cut() -> None:
    assert shown("mine\n-- \nAlice\nExample Inc.") == "mine"
    assert shown("mine\n--\nstays") == "mine\n--\nstays"
    assert shown("mine\n-----Original Message-----\nFrom: Bob") == "mine"
    assert shown("mine\n-----Urspr\u00fcngliche Nachricht-----\nVon: Bob") == "mine"


def test_empty_lines_are_one_between_lines_and_none_at_the_ends() -> None:
    assert shown("\n\n \na\n\n\n> q\n\nb  \n\n\n") == "a\n\nb"
    assert shown("") == ""
    assert shown("> q\n\n") == ""


def test_so_many_lines_that_say_something_and_not_more() -> None:
    text = "\n\n\n".join("line %d" % number for number in range(30))
    found = preview_of(text, 20)
    assert [line for line in found if line] == ["line %d" % number for number in range(20)]
    assert found[-1] == "line 19"
    assert preview_of(text, 0) == []


@pytest.mark.parametrize(
    "line",
    ["on 1 " * 100000, "> " * 200000, "wrote:" * 100000, "|" * 300000, "wrote in message " * 50000, "wrote in a.b" * 80, "A" * 300000 + ">", "\n" * 300000],
)
def test_odd_lines_take_no_time(line: str) -> None:
    begin = time.process_time()
    shown("a\n%s\n> q\n%s" % (line, line))
    assert time.process_time() - begin < 2


def test_an_article_of_millions_of_lines_takes_no_time() -> None:
    text = "kept\n" + "On 2 May Jane said nothing, but at last she wrote\n" * 1000000
    begin = time.process_time()
    assert preview_of(text, 2)[0] == "kept"
    assert preview_of("> q\n" * 1000000 + "never reached", 20) == []
    # most of it is the time that splitting and matching take under load
    assert time.process_time() - begin < 5
