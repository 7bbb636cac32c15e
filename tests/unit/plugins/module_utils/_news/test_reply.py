# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an answer takes from the article that it answers."""

from __future__ import annotations

import time
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._message.fields import parse_fields
from ansible_collections.fleetproof.backup.plugins.module_utils._message.parse import parse
from ansible_collections.fleetproof.backup.plugins.module_utils._news.preview import preview_of
from ansible_collections.fleetproof.backup.plugins.module_utils._news.reply import groups_of, quotation, references_to, subject_of, trimmed
from hypothesis import given
from hypothesis import strategies as st


def quoted(body: str, most: int = -1, head: str = "From: Jane <jane@example.org>\n") -> t.List[str]:
    return quotation(parse((head + "\n" + body).encode()), most).split("\n")[1:-1]


@pytest.mark.parametrize(
    ("subject", "answer"),
    [
        ("Backup", "Re: Backup"),
        ("Re: Backup", "Re: Backup"),
        ("RE: Backup", "RE: Backup"),
        ("Re[2]: Backup", "Re[2]: Backup"),
        ("Re^3: Backup", "Re^3: Backup"),
        ("Reply: Backup", "Re: Reply: Backup"),
        ("Recovery", "Re: Recovery"),
        ("", "Re:"),
        ("=?utf-8?q?a=0D=0ABcc:_b?=", "Re: a Bcc: b"),
    ],
)
def test_the_subject_of_an_answer(subject: str, answer: str) -> None:
    assert subject_of(parse_fields(("Subject: %s\n\n" % subject).encode())[0]) == answer


@pytest.mark.parametrize(
    ("fields", "groups"),
    [
        ("Newsgroups: a.b, c.d,,a.b\n", ["a.b", "c.d"]),
        ("Newsgroups: a.b\nFollowup-To: c.d\n", ["c.d"]),
        ("Newsgroups: a.b\nFollowup-To: \n", ["a.b"]),
        ("Subject: x\n", []),
    ],
)
def test_where_an_answer_goes(fields: str, groups: t.List[str]) -> None:
    assert groups_of(parse_fields((fields + "\n").encode())[0]) == groups


def test_an_author_who_wants_mail_is_named() -> None:
    with pytest.raises(FleetproofError, match=r"jane@example\.org"):
        groups_of(parse_fields(b"Newsgroups: a.b\nFollowup-To: Poster\nFrom: Jane <jane@example.org>\n\n")[0])


def test_references_are_those_of_the_article_and_itself() -> None:
    fields = parse_fields(b"Message-ID: <c@x>\nReferences: <a@x>\n\t(nonsense) <b@x> <not an id>\n\n")[0]
    assert references_to(fields, "<c@x>") == ["<a@x>", "<b@x>", "<c@x>"]
    # of mail that was turned into news
    assert references_to(parse_fields(b"In-Reply-To: <a@x>\n\n")[0], "<c@x>") == ["<a@x>", "<c@x>"]
    assert references_to(parse_fields(b"Subject: x\n\n")[0], "<c@x>") == ["<c@x>"]


@given(st.lists(st.integers(3, 248).map(lambda length: "<%s>" % ("a" * length)), max_size=60))
def test_references_fit_into_a_header_field(references: t.List[str]) -> None:
    found = trimmed(references)
    assert len("References: " + " ".join(found)) <= 998 or len(found) <= 3
    if len(references) > 2:
        # RFC 5537, section 3.4.4
        assert found[0] == references[0]
        assert found[-2:] == references[-2:]
    assert len(found) == len(references) or len("References: " + " ".join([found[0], references[len(references) - len(found)], *found[1:]])) > 998


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("One.\n\nTwo.\n", ["> One.", ">", "> Two."]),
        ("> Old.\n> > Older.\nNew.\n", [">> Old.", ">> > Older.", "> New."]),
        ("Text.\n-- \nJane\nPhone 1\n", ["> Text."]),
        ("Text.\n-- \n", ["> Text."]),
        ("Text.\n--\nNot a signature.\n", ["> Text.", "> --", "> Not a signature."]),
        ("\n\n  Indented.  \n\n", [">   Indented."]),
        ("A\x1b[2J\n", ["> A\ufffd[2J"]),
        ("", []),
        ("-- \nJane\n", []),
    ],
)
def test_the_text_is_quoted_without_its_signature(body: str, lines: t.List[str]) -> None:
    assert quoted(body) == lines


def test_a_paragraph_in_one_line_is_wrapped_behind_its_marks() -> None:
    flowed = "From: j@x\nContent-Type: text/plain; format=flowed\n"
    words = "word " * 40
    assert quoted("\n".join("word " * 8 for _line in range(5)) + "\nend\n", head=flowed) == ["> " + ("word " * 14).strip()] * 2 + ["> " + "word " * 12 + "end"]
    assert all(line.startswith(">> ") and len(line) < 80 for line in quoted("> " + words + "\n"))
    assert quoted("https://example.org/" + "x" * 300) == ["> https://example.org/" + "x" * 300]


def test_a_quotation_that_is_cut_says_so() -> None:
    assert quoted("1\n2\n3\n", 2) == ["> 1", "> 2", "> [...]"]
    assert quoted("1\n2\n", 2) == ["> 1", "> 2"]
    assert quotation(parse(b"From: j@x\n\n1\n"), 0) == ""


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("From: Jane Doe <jane@example.org>\nDate: Tue, 3 Feb 2026 05:05:06 +0100\n", "On 2026-02-03 at 04:05 UTC, Jane Doe wrote:"),
        ('From: "Doe, Jane" <jane@example.org>\nDate: yesterday\n', "Doe, Jane wrote:"),
        ("From: jane@example.org\n", "jane wrote:"),
        ("From: =?utf-8?q?Jane=0AX:_y?= <jane@example.org>\n", "Jane X: y wrote:"),
        ("Subject: x\n", "somebody wrote:"),
    ],
)
def test_a_quotation_says_who_is_quoted_without_the_address(head: str, said: str) -> None:
    assert quotation(parse((head + "\nText.\n").encode()), -1) == said + "\n> Text.\n"


def test_a_quotation_is_not_among_the_meaningful_lines_of_an_answer() -> None:
    message = parse(b"From: Jane <j@x>\nDate: Tue, 3 Feb 2026 05:05:06 +0100\n\nOld.\n")
    assert preview_of(quotation(message, -1) + "\nNew.\n", 20) == ["New."]


@given(st.binary(max_size=300))
def test_any_article_can_be_quoted(raw: bytes) -> None:
    for line in quotation(parse(b"From: j@x\n\n" + raw), -1).split("\n")[1:-1]:
        assert line.startswith(">")


def test_references_without_end_take_no_time() -> None:
    references = ["<%d@x>" % number for number in range(200000)]
    begin = time.process_time()
    found = trimmed(references)
    assert time.process_time() - begin < 2
    assert (found[0], found[-1]) == (references[0], references[-1])
