# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Posting, as a server sees it: once, whatever breaks off."""

from __future__ import annotations

import email
import email.policy
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Outcome, Task
from ansible_collections.fleetproof.backup.plugins.module_utils._net import retry
from ansible_collections.fleetproof.backup.plugins.module_utils._news.post import post
from ansible_collections.fleetproof.backup.plugins.module_utils._news.post_options import SPEC
from ansible_collections.fleetproof.backup.tests.testbed.nntpd import NewsServer

PARENT = (
    b"From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>\r\nNewsgroups: fleet.test\r\nSubject: Backup of web1\r\n"
    b"Date: Tue, 3 Feb 2026 05:05:06 +0100\r\nMessage-ID: <parent@example.org>\r\nReferences: <root@example.org>\r\n\r\n"
    b"It fails.\r\n> Since when?\r\nSince Monday.\r\n\r\n-- \r\nSent from a train\r\n"
)


class Poster:
    """Runs the job of nntp_post with the options that a test names, and sensible ones for the rest."""

    def __init__(self, server: NewsServer) -> None:
        self.server = server

    def __call__(self, check: bool = False, **given: t.Any) -> Outcome:
        found = {name: option.get("default") for name, option in SPEC.argument_spec.items()}
        usual = {"host": self.server.host, "port": self.server.port, "tls": "none", "timeout": 5.0, "retries": 2}
        article = {"newsgroups": ["fleet.test"], "subject": "Report", "body": "All good.\n", "sender": "Fleet <fleet@example.com>"}
        assert not set(given) - set(found)
        return post(Task({**found, **usual, **article, **given}, check, True))

    def refused(self, check: bool = False, **given: t.Any) -> FleetproofError:
        """The error that the task ends with."""
        with pytest.raises(FleetproofError) as caught:
            self(check=check, **given)
        return caught.value


@pytest.fixture(scope="module")
def running_news(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[NewsServer]:
    with NewsServer(tmp_path_factory.mktemp("nntpd")) as server:
        yield server


@pytest.fixture
def news(running_news: NewsServer) -> NewsServer:
    running_news.behave()
    running_news.forget()
    running_news.add_group("fleet.test")
    running_news.add_group("fleet.talk")
    return running_news


@pytest.fixture
def poster(news: NewsServer, monkeypatch: pytest.MonkeyPatch) -> Poster:
    # the pauses have tests of their own
    monkeypatch.setattr(retry, "backoff", lambda _attempt: 0.01)
    return Poster(news)


def received(news: NewsServer, group: str = "fleet.test") -> email.message.EmailMessage:
    """The last article of a group, as the standard library reads it."""
    return email.message_from_bytes(news.articles(group)[-1].raw, policy=email.policy.default)


def test_an_article_is_posted_once(poster: Poster, news: NewsServer) -> None:
    dry = poster(check=True)
    assert (dry.changed, dry.result["state"], news.articles(), news.commands("POST")) == (True, "posted", [], [])
    first = poster()
    assert (first.changed, first.result["state"], first.result["newsgroups"], first.result["references"]) == (True, "posted", ["fleet.test"], [])
    assert first.result["message_id"] == dry.result["message_id"] == received(news)["Message-ID"]
    for check in (True, False):
        again = poster(check=check)
        assert (again.changed, again.result["state"], again.diff) == (False, "present", None)
        assert (again.result["message_id"], again.result["newsgroups"]) == (first.result["message_id"], ["fleet.test"])
        assert again.result["size"] == len(news.articles()[0].raw)
    assert len(news.articles()) == 1
    assert len(news.commands("POST")) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"subject": "Report 2"},
        {"body": "All bad.\n"},
        {"sender": "Fleet <fleet@example.net>"},
        {"newsgroups": ["fleet.test", "fleet.talk"]},
        {"references": ["<root@example.org>"]},
        {"supersede": "<root@example.org>"},
    ],
)
def test_an_article_that_says_something_else_is_another_one(poster: Poster, other: t.Dict[str, t.Any]) -> None:
    assert poster().result["message_id"] != poster(**other).result["message_id"]


def test_what_is_not_said_by_the_article_does_not_make_another_one(poster: Poster, news: NewsServer) -> None:
    poster(newsgroups=["fleet.test", "fleet.talk"])
    same = poster(newsgroups=["fleet.talk", "fleet.test"], sender="The Fleet <fleet@EXAMPLE.com>", body="All good.", headers={"Organization": "Example"})
    assert (same.changed, len(news.articles())) == (False, 1)


def test_everything_in_an_article_arrives(poster: Poster, news: NewsServer) -> None:
    body = "值班\n.\n..two dots\nFrom here\n" + "x" * 3000 + "\n"
    outcome = poster(
        newsgroups=["fleet.test", "fleet.talk"],
        subject="备份报告 " * 20,
        body=body,
        sender="值班 <duty@example.com>",
        references=["<a@example.org>", "b@example.org"],
        followup_to=["fleet.talk"],
        distribution=["local", "world"],
        headers={"Organization": "Beispiel GmbH, Köln", "Reply-To": "Ops <ops@example.com>", "X-Run": ["1", "2"]},
    )
    article = received(news)
    assert article.get_content().replace("\r\n", "\n") == body
    assert article["Subject"] == ("备份报告 " * 20).strip()
    assert article["From"].addresses[0].display_name == "值班"
    assert (article["Newsgroups"], article["Followup-To"], article["Distribution"]) == ("fleet.test,fleet.talk", "fleet.talk", "local,world")
    assert article["References"].split() == ["<a@example.org>", "<b@example.org>"]
    assert (article["Organization"], article.get_all("X-Run")) == ("Beispiel GmbH, Köln", ["1", "2"])
    assert article["Reply-To"].addresses[0].addr_spec == "ops@example.com"
    assert [defect for part in article.walk() for defect in part.defects] == []
    assert max(map(len, news.articles()[0].raw.split(b"\r\n"))) <= 998
    assert outcome.diff is not None
    assert "Subject: 备份报告" in outcome.diff["after"]
    assert "..two dots" in outcome.diff["after"]


def test_an_answer_is_made_from_the_article(poster: Poster, news: NewsServer) -> None:
    news.add_article("fleet.test", PARENT)
    answer = {"newsgroups": None, "subject": None, "reply_to": "parent@example.org", "body": "Fixed.\n"}
    outcome = poster(**answer)
    article = received(news)
    assert outcome.result["newsgroups"] == ["fleet.test"]
    assert outcome.result["references"] == ["<root@example.org>", "<parent@example.org>"]
    assert (article["Subject"], article["References"]) == ("Re: Backup of web1", "<root@example.org> <parent@example.org>")
    assert article.get_content().replace("\r\n", "\n") == ("On 2026-02-03 at 04:05 UTC, Jörg wrote:\n> It fails.\n>> Since when?\n> Since Monday.\n\nFixed.\n")
    # the article that was answered is not needed any more
    news.cancel("<parent@example.org>")
    again = poster(**answer)
    assert (again.changed, again.result["state"], again.result["references"]) == (False, "present", ["<root@example.org>", "<parent@example.org>"])


def test_an_answer_without_a_quotation(poster: Poster, news: NewsServer) -> None:
    news.add_article("fleet.test", PARENT)
    poster(newsgroups=["fleet.talk"], subject="Another subject", reply_to="<parent@example.org>", quote=False, body="Fixed.\n")
    article = received(news, "fleet.talk")
    assert (article["Subject"], article.get_content().replace("\r\n", "\n")) == ("Another subject", "Fixed.\n")


def test_an_answer_goes_where_the_author_wants_it(poster: Poster, news: NewsServer) -> None:
    answer = {"newsgroups": None, "subject": None, "reply_to": "<parent@example.org>"}
    news.add_article("fleet.test", b"Followup-To: fleet.talk\r\n" + PARENT)
    assert poster(**answer).result["newsgroups"] == ["fleet.talk"]
    news.forget()
    news.add_group("fleet.test")
    news.add_article("fleet.test", b"Followup-To: poster\r\n" + PARENT)
    error = poster.refused(**answer)
    assert error.kind == "refused"
    assert "joerg@example.org" in error.message
    assert "smtp_report" in error.message
    assert poster(**{**answer, "newsgroups": ["fleet.test"]}).changed


def test_an_answer_to_an_article_in_groups_that_the_server_does_not_have(poster: Poster, news: NewsServer) -> None:
    news.add_article("fleet.test", PARENT.replace(b"Newsgroups: fleet.test", b"Newsgroups: far.away,fleet.test"))
    assert poster(newsgroups=None, reply_to="<parent@example.org>").result["newsgroups"] == ["far.away", "fleet.test"]


def test_an_answer_to_an_article_that_is_not_there(poster: Poster) -> None:
    error = poster.refused(reply_to="<never@example.org>")
    assert error.kind == "not_found"
    assert "<never@example.org>" in error.message
    assert "reply_to" in error.message


def test_an_article_is_cancelled_once(poster: Poster, news: NewsServer) -> None:
    news.add_article("fleet.test", PARENT)
    cancel = {"newsgroups": None, "subject": None, "body": None, "cancel": "<parent@example.org>"}
    dry = poster(check=True, **cancel)
    assert dry.changed
    assert len(news.articles("fleet.test")) == 1
    assert poster(**cancel).result == {**dry.result, "msg": dry.result["msg"].replace("Would post", "Posted")}
    assert news.articles("fleet.test") == []
    assert received(news, "control.cancel")["Control"] == "cancel <parent@example.org>"
    for check in (True, False):
        again = poster(check=check, **cancel)
        assert (again.changed, again.result["state"]) == (False, "present")
    nothing = poster(**{**cancel, "cancel": "<never@example.org>"})
    assert (nothing.changed, nothing.result["state"], nothing.diff) == (False, "gone", None)


def test_an_article_takes_the_place_of_another(poster: Poster, news: NewsServer) -> None:
    news.add_article("fleet.test", PARENT)
    outcome = poster(newsgroups=None, supersede="<parent@example.org>")
    (left,) = news.articles("fleet.test")
    assert left.message_id == outcome.result["message_id"]
    assert received(news)["Supersedes"] == "<parent@example.org>"
    assert not poster(newsgroups=None, supersede="<parent@example.org>").changed
    assert poster.refused(newsgroups=None, supersede="<never@example.org>").kind == "not_found"


@pytest.mark.parametrize("status", ["n", "m"])
def test_a_group_that_is_not_open_to_all(poster: Poster, news: NewsServer, status: str) -> None:
    news.add_group("fleet.closed", status)
    given = {"newsgroups": ["fleet.test", "fleet.closed"]}
    if status == "n":
        for check in (True, False):
            error = poster.refused(check=check, **given)
            assert error.kind == "permission"
            assert "fleet.closed" in error.message
    else:
        assert "moderated" in poster(check=True, **given).warnings[0]
        approved = poster(headers={"Approved": "mod@example.com"}, **given)
        assert approved.changed
        assert approved.warnings == []


def test_a_group_that_is_not_there(poster: Poster, news: NewsServer) -> None:
    for check in (True, False):
        error = poster.refused(check=check, newsgroups=["fleet.test", "fleet.tset"])
        assert error.kind == "not_found"
        assert "fleet.tset" in error.message
    assert news.commands("POST") == []


def test_a_server_that_does_not_let_us_post(poster: Poster, news: NewsServer) -> None:
    news.behave(read_only=True)
    for check in (True, False):
        assert poster.refused(check=check).kind == "permission"


def test_a_server_that_wants_a_login(poster: Poster, news: NewsServer) -> None:
    news.behave(login="all", clear_text_login=True)
    assert poster.refused().kind == "auth"
    assert poster(username="fleet", password="correct horse").changed


def test_a_server_that_wants_a_login_for_posting_alone(poster: Poster, news: NewsServer) -> None:
    news.behave(login="post", clear_text_login=True)
    error = poster.refused()
    assert "username" in error.message
    assert error.kind in ("auth", "permission")
    assert poster(username="fleet", password="correct horse").changed


def test_a_server_for_transit_until_it_is_told_that_we_read(poster: Poster, news: NewsServer) -> None:
    news.behave(transit=True)
    assert poster().changed


@pytest.mark.parametrize("reply", ["441 Posting failed: you are not funny", "437 No", "503 No such thing here"])
def test_what_the_server_says_is_shown(poster: Poster, news: NewsServer, reply: str) -> None:
    news.behave(replies={"posted": [reply]})
    error = poster.refused()
    assert reply in error.message
    assert not error.retryable
    assert news.articles() == []


@pytest.mark.parametrize(
    ("behaviour", "asked"),
    [
        # the server has the article, and the connection is gone before it has said so
        ({"replies": {"posted": ["done"]}}, 1),
        ({"cut": {"posted": 2}}, 1),
        # it has it, but does not show it yet: it is the one to know
        ({"replies": {"posted": ["done"]}, "late": 60.0}, 2),
        # it does not have it
        ({"replies": {"posted": ["drop"]}}, 2),
        ({"replies": {"posted": ["400 Closing down"]}}, 2),
    ],
)
def test_an_answer_that_is_lost_makes_no_second_article(poster: Poster, news: NewsServer, behaviour: t.Dict[str, t.Any], asked: int) -> None:
    news.behave(**behaviour)
    outcome = poster()
    assert (outcome.changed, outcome.result["state"], outcome.warnings) == (True, "posted", [])
    assert len(news.commands("POST")) == asked
    news.behave()
    assert len(news.articles()) == 1


def test_a_connection_that_is_lost_ahead_of_the_article(poster: Poster, news: NewsServer) -> None:
    news.behave(drop={"posted": 1})
    outcome = poster()
    assert (outcome.changed, len(news.articles())) == (True, 1)


def test_a_connection_that_is_always_lost_is_told(poster: Poster, news: NewsServer) -> None:
    news.behave(drop={"posted": 9})
    error = poster.refused()
    assert error.kind == "connect"
    assert "not known" in error.message
    assert error.retryable


@pytest.mark.parametrize("reply", ["441 435 Duplicate", "441 Article rejected: Message-ID already exists"])
def test_an_article_that_comes_to_be_there_between_the_question_and_the_post(poster: Poster, news: NewsServer, reply: str) -> None:
    message_id = poster().result["message_id"]
    news.behave(duplicate=reply, replies={"STAT": ["430 No such article"]})
    outcome = poster()
    assert (outcome.changed, outcome.result["state"], outcome.result["message_id"], outcome.warnings) == (False, "present", message_id, [])


def test_an_article_that_was_cancelled_stays_so(poster: Poster, news: NewsServer) -> None:
    message_id = poster().result["message_id"]
    news.cancel(message_id)
    outcome = poster()
    assert (outcome.changed, outcome.result["state"], news.articles()) == (False, "present", [])
    assert "does not show it" in outcome.warnings[0]


def test_an_article_that_is_seen_late_is_not_posted_twice(poster: Poster, news: NewsServer) -> None:
    news.behave(late=60.0)
    assert poster().changed
    again = poster()
    assert (again.changed, again.result["state"]) == (False, "present")


def test_the_password_is_nowhere(poster: Poster, news: NewsServer) -> None:
    news.behave(login="all", clear_text_login=True)
    outcome = poster(username="fleet", password="correct horse")
    assert "correct horse" not in repr(outcome)
    assert "wrong horse" not in poster.refused(username="fleet", password="wrong horse").message


def test_a_header_that_is_there_twice_is_no_article_that_is_there(poster: Poster, news: NewsServer) -> None:
    news.behave(replies={"posted": ['441 Duplicate "Organization" header']})
    error = poster.refused(headers={"Organization": ["One", "Two"]})
    assert (error.kind, 'Duplicate "Organization" header' in error.message) == ("refused", True)
    assert news.articles() == []


@pytest.mark.parametrize(
    ("given", "warned"),
    [({}, True), ({"sender": "J <JOERG@example.org>"}, False), ({"headers": {"Approved": "mod@example.com"}}, False)],
)
@pytest.mark.parametrize("option", ["cancel", "supersede"])
def test_what_somebody_else_wrote_is_not_taken_back_in_silence(poster: Poster, news: NewsServer, given: t.Dict[str, t.Any], warned: bool, option: str) -> None:
    news.add_article("fleet.test", PARENT)
    for check in (True, False):
        outcome = poster(check=check, newsgroups=None, **{option: "<parent@example.org>"}, **given)
        assert [("joerg@example.org" in warning, "not by the sender" in warning) for warning in outcome.warnings] == [(True, True)] * warned


def test_an_answer_to_an_article_with_broken_fields(poster: Poster, news: NewsServer) -> None:
    news.add_article(
        "fleet.test",
        b"From: \xff\xfe <\r\nNewsgroups: fleet.test\r\nSubject: \xb1\xb8\xb7\xdd =?nonsense?q?=ZZ?= \x1b[2J\r\nDate: never\r\n"
        b"References: <<a>> <b@example.org\r\n <c@example.org> x\r\n <d d@example.org>\r\nMessage-ID: <parent@example.org>\r\n\r\nText \x1b[2J \xff.\r\n",
    )
    outcome = poster(newsgroups=None, subject=None, reply_to="<parent@example.org>")
    assert outcome.result["references"] == ["<a>", "<c@example.org>", "<parent@example.org>"]
    raw = news.articles("fleet.test")[-1].raw
    assert b"\x1b" not in raw
    assert str(received(news)["Subject"]).startswith("Re: ")


@pytest.mark.parametrize(
    ("behaviour", "open_end"),
    [
        # the server has the article, and says no to the second one in words of its own
        ({"replies": {"posted": ["done"]}, "late": 60.0, "duplicate": "441 Article rejected"}, True),
        ({"replies": {"posted": ["400 Closing down"] * 3}}, True),
        ({"replies": {"posted": ["436 Try later"] * 3}}, False),
    ],
)
def test_what_became_of_an_article_is_not_said_where_nobody_knows(poster: Poster, news: NewsServer, behaviour: t.Dict[str, t.Any], open_end: bool) -> None:
    news.behave(**behaviour)
    error = poster.refused()
    assert ("not known" in error.message) is open_end, error.message
