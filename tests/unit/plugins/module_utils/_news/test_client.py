# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups, overviews and articles, with servers that are as they should be and with others."""

from __future__ import annotations

import time
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._news.client import NewsServer
from ansible_collections.fleetproof.backup.plugins.module_utils._news.names import Wildmat
from ansible_collections.fleetproof.backup.plugins.module_utils._news.overview import BrokenLine, Overview
from ansible_collections.fleetproof.backup.plugins.module_utils._news.replies import Mismatch, Refused, TooLarge

from .conftest import GROUP, Reader, article
from .scripted import Scripted

ALL = Wildmat(["*"], "groups")
LINE = b"%d\ts%d\tf\td\t<%d@x>\t\t10\t1\r\n"
OLD: t.Dict[str, t.Optional[bytes]] = {"CAPABILITIES": b"500 what?\r\n"}


def fill(reader: Reader, *names: str) -> None:
    for name in names:
        reader.server.add_article(GROUP, article(name))


def fresh(body: str = "Text.\n") -> bytes:
    """An article of today."""
    return article("mine", body=body).replace(b"Date: Mon, 02 Mar 2026 10:00:00 +0000\n", b"")


def numbers(client: NewsServer, first: int, last: int) -> t.List[int]:
    found = list(client.over(first, last))
    assert all(isinstance(line, Overview) for line in found)
    return [t.cast(Overview, line).number for line in found]


def test_articles_come_as_they_are_by_number_and_by_id(reader: Reader) -> None:
    body = ".\n..\n.dot\n" + "x" * 5000 + "\n\n.\n"
    fill(reader, "a")
    reader.server.add_article(GROUP, article("b", body=body))
    client = reader.connect()
    group = client.group(GROUP)
    assert (group.count, group.first, group.last) == (2, 1, 2)
    whole = article("b", body=body).replace(b"\n", b"\r\n")
    assert client.article(2) == client.article("<b@example.com>") == whole
    assert client.head(2) + b"\r\n" + client.body("<b@example.com>") == whole
    assert client.stat(2)
    assert client.stat("<a@example.com>")
    assert not client.stat("<c@example.com>")
    assert not client.stat(3)
    client.quit()


@pytest.mark.parametrize("hide", [[], ["OVER"], ["OVER", "XOVER"], ["OVER", "XOVER", "LISTGROUP"], ["OVER", "XOVER", "LISTGROUP", "CAPABILITIES"]])
@pytest.mark.parametrize("overview", ["", "short", "reversed", "headers", "foreign"])
def test_overviews_are_had_from_any_server(reader: Reader, hide: t.List[str], overview: str) -> None:
    reader.server.behave(hide=hide, overview=overview)
    fill(reader, "a", "b", "c", "d")
    reader.server.cancel("<b@example.com>")
    client = reader.connect()
    client.group(GROUP)
    found = {line.number: line for line in client.over(1, 3) if isinstance(line, Overview)}
    assert sorted(found) == [1, 3]
    assert (found[3].subject, found[3].sender, found[3].message_id) == ("c", "Alice <alice@example.com>", "<c@example.com>")
    assert numbers(client, 9, 99) == []
    assert numbers(client, 3, 2) == []


def test_lines_of_an_overview_that_tell_nothing_do_not_stop_the_others(reader: Reader) -> None:
    reader.server.behave(overview="garbled")
    fill(reader, "a", "b")
    client = reader.connect()
    client.group(GROUP)
    found = list(client.over(1, 9))
    assert [line.number for line in found if isinstance(line, Overview)] == [1, 2]
    assert sum(isinstance(line, BrokenLine) for line in found) == 6


def test_an_old_server_is_asked_in_the_old_way() -> None:
    answers = {**OLD, "MODE READER": b"500 what?\r\n", "XOVER": b"224 ok\r\n" + LINE % (1, 1, 1) + b".\r\n", "LIST\r": b"215 x\r\n.\r\n"}
    answers["LIST ACTIVE"] = b"501 what?\r\n"
    answers["LIST"] = b"215 x\r\na.b 5 1 y\r\nb.c 0 1 n\r\nnonsense\r\n.\r\n"
    with Scripted(answers) as old:
        client = NewsServer.connect(old.endpoint())
        client.group(GROUP)
        assert numbers(client, 1, 3) == [1]
        assert [group.name for group in client.list_active(Wildmat(["a.*"], "groups"))] == ["a.b"]
        assert (client.date(), client.newgroups(0, ALL), client.newnews(ALL, 0)) == (None, None, None)
        client.close()


def test_articles_are_asked_for_ahead_and_holes_are_told(reader: Reader) -> None:
    names = ["n%d" % number for number in range(40)]
    fill(reader, *names)
    for name in names[5:15]:
        reader.server.cancel("<%s@example.com>" % name)
    client = reader.connect()
    client.group(GROUP)
    found = list(client.fetch("ARTICLE", range(1, 45), 10000))
    assert [piece.key for piece in found] == list(range(1, 45))
    assert [piece.key for piece in found if piece.raw is None] == [*range(6, 16), *range(41, 45)]
    assert all("<%s@example.com>" % names[int(piece.key) - 1] in piece.raw.decode() for piece in found if piece.raw is not None)
    assert all(piece.reply.code == 423 for piece in found if piece.raw is None)
    assert list(client.fetch("ARTICLE", [], 1)) == []
    assert not client.broken


def test_an_article_of_any_size_stops_at_the_limit(reader: Reader) -> None:
    reader.server.add_article(GROUP, article("big", body="x" * 100000 + "\n"))
    client = reader.connect()
    client.group(GROUP)
    with pytest.raises(TooLarge):
        client.article(1, 10000)
    assert client.broken


@pytest.mark.parametrize(
    ("command", "answer", "key"),
    [
        ("ARTICLE", b"220 2 <x@y>\r\n", 1),
        ("ARTICLE", b"220 0 <other@y>\r\n", "<x@y>"),
        ("ARTICLE", b"220 x <x@y>\r\n", 1),
        ("ARTICLE", b"220 0 <x@y>\r\nMessage-ID: <other@y>\r\n\r\n.\r\n", "<x@y>"),
        ("HEAD", b"221 0 <x@y>\r\nMessage-ID: <other@y>\r\n.\r\n", "<x@y>"),
        ("STAT", b"223 0 <other@y>\r\n", "<x@y>"),
    ],
)
def test_another_article_than_the_one_asked_for_is_none(command: str, answer: bytes, key: t.Union[int, str]) -> None:
    with Scripted({command: answer}) as server:
        client = NewsServer.connect(server.endpoint())
        with pytest.raises(Mismatch):
            {"ARTICLE": client.article, "HEAD": client.head, "STAT": client.stat}[command](key)
        assert client.broken


@pytest.mark.parametrize("answer", [b"211 lots\r\n", b"211\r\n", b"211 1 2\r\n", b"211 1 2 99999999999999999999 g\r\n"])
def test_a_group_that_makes_no_sense_is_told(answer: bytes) -> None:
    with Scripted({"GROUP": answer}) as server:
        client = NewsServer.connect(server.endpoint())
        with pytest.raises(FleetproofError) as caught:
            client.group(GROUP)
        assert caught.value.kind == "protocol"
        assert client.broken


@pytest.mark.parametrize(
    ("code", "kind", "retryable"),
    [
        (400, "connect", True),
        (403, "refused", True),
        (411, "not_found", False),
        (480, "auth", False),
        (483, "tls", False),
        (500, "protocol", False),
        (502, "permission", False),
    ],
)
def test_each_refusal_is_of_a_kind(code: int, kind: str, retryable: bool) -> None:
    with Scripted({"GROUP": b"%d no\r\n" % code}) as server:
        client = NewsServer.connect(server.endpoint())
        with pytest.raises(Refused) as caught:
            client.group(GROUP)
        assert (caught.value.kind, caught.value.retryable, caught.value.reply.code) == (kind, retryable, code)
        assert GROUP in caught.value.message
        assert client.broken is (code == 400)


@pytest.mark.parametrize("name", ["fleet.*", "a b", "a\r\nQUIT"])
def test_what_is_no_group_is_not_asked_for(reader: Reader, name: str) -> None:
    client = reader.connect()
    with pytest.raises(FleetproofError) as caught:
        client.group(name)
    assert caught.value.kind == "argument"
    assert not any(line.startswith("GROUP") for line, _encrypted in reader.server.heard)


@pytest.mark.parametrize("hide", [[], ["LIST COUNTS"]])
def test_groups_are_listed_with_what_they_are_for(reader: Reader, hide: t.List[str]) -> None:
    reader.server.behave(hide=hide)
    reader.server.add_group("fleet.announce", "n", created=1000.0)
    reader.server.add_group("other.group", "m", "Moderated")
    fill(reader, "a")
    client = reader.connect()
    wildmat = Wildmat(["*", "!other.*"], "groups")
    found = {group.name: (group.last, group.status) for group in client.list_active(wildmat)}
    assert found == {GROUP: (1, "y"), "fleet.announce": (0, "n")}
    assert client.list_newsgroups(wildmat) == {GROUP: "Reports of all backups"}
    assert client.list_newsgroups(ALL)["other.group"] == "Moderated"
    assert [group.name for group in client.newgroups(time.time() - 3600, ALL) or []] == [GROUP, "other.group"]
    assert client.newnews(ALL, time.time() - 3600) == ["<a@example.com>"]
    assert client.newnews(ALL, time.time() + 3600) == []
    assert client.newnews(Wildmat(["other.*"], "groups"), 0) == []
    assert abs((client.date() or 0) - time.time()) < 5


def test_an_article_is_posted_as_it_is(reader: Reader) -> None:
    client = reader.connect()
    raw = fresh(".\n..\n.dot\nbody\n")
    assert client.post(raw).code == 240
    assert client.stat("<mine@example.com>")
    assert client.body("<mine@example.com>") == b".\r\n..\r\n.dot\r\nbody\r\n"
    with pytest.raises(Refused) as caught:
        client.post(raw)
    assert (caught.value.kind, caught.value.reply.code) == ("refused", 441)
    # and the dialogue goes on
    assert client.stat("<mine@example.com>")


def test_where_nobody_may_post_this_is_said(reader: Reader) -> None:
    reader.server.behave(read_only=True)
    with pytest.raises(Refused) as caught:
        reader.connect().post(fresh())
    assert (caught.value.kind, caught.value.reply.code) == ("permission", 440)
    reader.server.behave(login="post")
    with pytest.raises(Refused) as caught:
        reader.connect().post(fresh())
    assert caught.value.kind == "auth"
    assert reader.server.articles() == []


def test_a_connection_that_is_lost_after_the_article_leaves_it_open(reader: Reader) -> None:
    reader.server.behave(replies={"posted": ["done"]})
    with pytest.raises(FleetproofError) as caught:
        reader.connect().post(fresh())
    assert caught.value.kind == "connect"
    assert reader.connect().stat("<mine@example.com>")
