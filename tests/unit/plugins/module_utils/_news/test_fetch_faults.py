# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job of nntp_fetch, with servers and connections that fail."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError

from .conftest import GROUP, Reader, article, ids
from .scripted import Scripted

LINE = b"%d\ts%d\tf\td\t<%d@x>\t\t10\t1\r\n"
OVER = b"224 ok\r\n" + b"".join(LINE % ((number,) * 3) for number in (1, 2, 3)) + b".\r\n"


def sent(number: int, message_id: int = 0) -> bytes:
    return b"220 %d <%d@x>\r\nMessage-ID: <%d@x>\r\n\r\nText.\r\n.\r\n" % (number, number, message_id or number)


def scripted(**answers: t.Optional[bytes]) -> Scripted:
    """A server with the articles 1 to 3, but for what ``answers`` say of ``a1``, ``a2`` and ``a3``."""
    found: t.Dict[str, t.Optional[bytes]] = {"OVER": OVER}
    for number in (1, 2, 3):
        found["ARTICLE %d" % number] = answers.get("a%d" % number, sent(number))
    found["OVER"] = answers.get("over", OVER)
    return Scripted(found)


def fill(reader: Reader, *names: str) -> None:
    for name in names:
        reader.server.add_article(GROUP, article(name, body="x" * 2000 + "\n"))


@pytest.mark.parametrize("overview", ["garbled", "short", "reversed", "doubled", "foreign", "headers"])
def test_odd_overviews_hide_no_article(reader: Reader, overview: str) -> None:
    reader.server.behave(overview=overview)
    fill(reader, "a", "b", "c")
    outcome = reader.fetch(articles=["1-"])
    assert ids(outcome) == ["a", "b", "c"]
    assert len(outcome.result["broken"]) == (9 if overview == "garbled" else 0)
    assert outcome.failure is None


def test_an_overview_without_tabs_is_made_up_for_by_the_articles(reader: Reader) -> None:
    answers = {"OVER": b"224 ok\r\n1 s1 f d\r\n2\ts2\tf\td\r\n" + LINE % (3, 3, 3) + b".\r\n", "LISTGROUP": b"211 3 1 3 g\r\n1\r\n2\r\n3\r\n.\r\n"}
    heads = {"HEAD %d" % number: b"221 %d <%d@x>\r\nSubject: h%d\r\nMessage-ID: <%d@x>\r\n.\r\n" % ((number,) * 4) for number in (1, 2)}
    with Scripted({**answers, **heads}) as server:
        outcome = reader.fetch(port=server.port, articles=["1-"], bodies="none", preview_lines=0)
    assert [row["subject"] for row in outcome.result["messages"]] == ["h1", "h2", "s3"]
    assert [row["number"] for row in outcome.result["broken"]] == [None]


@pytest.mark.parametrize("hide", [["OVER"], ["OVER", "XOVER"], ["OVER", "XOVER", "LISTGROUP", "CAPABILITIES", "MODE READER"]])
def test_servers_without_overviews_will_do(reader: Reader, hide: t.List[str]) -> None:
    reader.server.behave(hide=hide)
    fill(reader, "a", "b", "c")
    reader.server.cancel("<b@example.com>")
    assert ids(reader.fetch(articles=["1-"])) == ["a", "c"]
    assert ids(reader.fetch(articles=["1-"], search={"subject": ["c"]}, bodies="none", preview_lines=0)) == ["c"]


def test_an_article_that_expires_in_between_is_skipped_with_the_reason(reader: Reader) -> None:
    with scripted(a2=b"423 no such article\r\n") as server:
        outcome = reader.fetch(port=server.port, articles=["1-"])
    assert [row["number"] for row in outcome.result["messages"]] == [1, 3]
    assert [(row["number"], "423 no such article" in row["reason"]) for row in outcome.result["skipped_articles"]] == [(2, True)]
    assert outcome.failure is None


@pytest.mark.parametrize("answer", [sent(3), sent(2, 7), b"220 x\r\nMessage-ID: <9@x>\r\n\r\n.\r\n"])
def test_another_article_in_its_place_is_listed_and_the_others_are_read(reader: Reader, answer: bytes, tmp_path: Path) -> None:
    with scripted(a2=answer) as server:
        outcome = reader.fetch(port=server.port, articles=["new"], dest=str(tmp_path / "news"))
        assert [row["number"] for row in outcome.result["messages"]] == [1, 3]
        assert [row["number"] for row in outcome.result["broken"]] == [2]
        assert len(list((tmp_path / "news" / "new").iterdir())) == 2
        assert server.connections <= 2


def test_a_server_that_goes_away_in_the_middle_is_waited_for(reader: Reader) -> None:
    fill(reader, "a", "b", "c", "d")
    reader.server.behave(replies={"ARTICLE": [None, None, "400 going down", None]})
    assert ids(reader.fetch(articles=["1-"], retries=1)) == ["a", "b", "c", "d"]
    assert reader.server.connections == 2


@pytest.mark.parametrize(
    "behaviour", [{"cut": {"ARTICLE": 1000}, "cuts": 2}, {"drop": {"ARTICLE": 2}}, {"drop": {"OVER": 1}}, {"drop": {"GROUP": 1}}, {"busy": 1}]
)
def test_a_connection_that_breaks_off_is_taken_up_again(reader: Reader, behaviour: t.Dict[str, t.Any], tmp_path: Path) -> None:
    fill(reader, "a", "b", "c")
    reader.server.behave(**behaviour)
    outcome = reader.fetch(articles=["new"], dest=str(tmp_path / "news"), retries=2)
    assert (ids(outcome), outcome.failure) == (["a", "b", "c"], None)
    assert sorted(Path(row["path"]).stat().st_size for row in outcome.result["messages"]) == [row["size"] for row in outcome.result["messages"]]
    assert reader.server.connections > 1


def test_an_article_that_the_server_stumbles_over_is_told_and_the_others_are_read(reader: Reader, tmp_path: Path) -> None:
    dest = str(tmp_path / "news")
    with scripted(a2=None) as server:
        outcome = reader.fetch(port=server.port, articles=["new"], dest=dest, retries=1)
        assert [row["number"] for row in outcome.result["messages"]] == [1, 3]
        assert [(row["number"], row["kind"]) for row in outcome.result["failed_articles"]] == [(2, "connect")]
        assert outcome.failure is not None
        assert outcome.failure.kind == "connect"
        assert outcome.changed


def test_what_failed_is_tried_again_the_next_time(reader: Reader, tmp_path: Path) -> None:
    fill(reader, "a", "b", "c")
    reader.server.behave(refuse={}, replies={"ARTICLE": [None, "403 disk trouble"]})
    dest = str(tmp_path / "news")
    outcome = reader.fetch(articles=["new"], dest=dest)
    assert (ids(outcome), [row["number"] for row in outcome.result["failed_articles"]]) == (["a", "c"], [2])
    reader.server.behave()
    assert ids(reader.fetch(articles=["new"], dest=dest)) == ["b"]


def test_what_a_run_that_failed_has_told_is_told_again(reader: Reader) -> None:
    fill(reader, "a", "b", "c")
    reader.server.behave(replies={"ARTICLE": [None, "403 disk trouble"]})
    outcome = reader.fetch(articles=["new"])
    assert ids(outcome) == ["a", "c"]
    assert outcome.failure is not None
    reader.server.behave()
    assert ids(reader.fetch(articles=["new"])) == ["a", "b", "c"]


def test_a_server_that_is_gone_for_good_ends_it_with_what_there_was(reader: Reader, tmp_path: Path) -> None:
    fill(reader, *"abcdefgh")
    dest = tmp_path / "news"
    reader.server.behave(cut={"ARTICLE": 10})
    outcome = reader.fetch(articles=["new"], dest=str(dest))
    assert ids(outcome) == []
    assert outcome.failure is not None
    assert outcome.failure.kind == "connect"
    # three that failed, and then it was not the articles
    assert outcome.result["counts"]["failed"] == 3
    reader.server.behave()
    assert ids(reader.fetch(articles=["new"], dest=str(dest))) == list("abcdefgh")


@pytest.mark.parametrize("stall", ["GROUP", "OVER", "ARTICLE", "greeting"])
def test_silence_is_an_error_within_the_timeout(reader: Reader, stall: str) -> None:
    fill(reader, "a")
    reader.server.behave(stall=stall)
    try:
        failure: t.Optional[FleetproofError] = reader.fetch(timeout=0.3).failure
    except FleetproofError as error:
        failure = error
    assert failure is not None
    assert (failure.kind, failure.retryable) == ("timeout", True)


def test_a_list_without_end_is_none(reader: Reader) -> None:
    with scripted(over=b"224 ok\r\n" + LINE % (1, 1, 1)) as server:
        # long enough for all that comes before
        outcome = reader.fetch(port=server.port, timeout=1.0, articles=["1-"])
    assert outcome.failure is not None
    assert outcome.failure.kind == "timeout"
    assert outcome.result["messages"] == []


def test_nonsense_in_the_middle_ends_the_connection_and_not_the_run(reader: Reader) -> None:
    with scripted(a2=b"what?\r\n") as server:
        outcome = reader.fetch(port=server.port, articles=["1-"])
        assert [row["number"] for row in outcome.result["messages"]] == [1, 3]
        assert [(row["number"], row["kind"]) for row in outcome.result["failed_articles"]] == [(2, "protocol")]


def test_a_wrong_password_is_not_tried_twice(reader: Reader) -> None:
    reader.server.behave(login="all")
    with pytest.raises(FleetproofError) as caught:
        reader.fetch(username="fleet", password="not the password", tls="implicit", port=reader.server.tls_port, retries=3)
    assert caught.value.kind == "auth"
    assert reader.server.connections == 1
