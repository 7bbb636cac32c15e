# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job of nntp_fetch, with a server that is as it should be."""

from __future__ import annotations

import json
import mailbox
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._message.seen import Seen

from .conftest import GROUP, Reader, article, ids
from .scripted import Scripted


def fill(reader: Reader, *names: str, **more: str) -> None:
    for name in names:
        reader.server.add_article(GROUP, article(name, **more))


def tree(folder: Path) -> t.Dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def heard(reader: Reader, verb: str) -> t.List[str]:
    return [line for line, _encrypted in reader.server.heard if line.startswith(verb)]


# -- which ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, "e"),
        ({"articles": ["latest"], "count": 3}, "cde"),
        ({"articles": ["latest"], "count": 99}, "abcde"),
        ({"articles": ["first"]}, "a"),
        ({"articles": ["first"], "count": 2}, "ab"),
        ({"articles": ["2-3"]}, "b"),
        ({"articles": ["2-4"]}, "bc"),
        ({"articles": ["4-"]}, "cde"),
        ({"articles": ["4-"], "count": 2}, "cd"),
        ({"articles": ["1"]}, "a"),
        ({"articles": ["3"]}, ""),
        ({"articles": ["1-"]}, "abcde"),
        ({"articles": ["90-99"]}, ""),
        ({"articles": ["<b@example.com>", "a@example.com"]}, "ba"),
        ({"articles": ["<b@example.com>"], "group": None}, "b"),
    ],
)
def test_articles_by_their_place_or_id(reader: Reader, given: t.Dict[str, t.Any], wanted: str) -> None:
    fill(reader, "a", "b", "gone", "c", "d", "e")
    reader.server.cancel("<gone@example.com>")
    outcome = reader.fetch(**given)
    assert ids(outcome) == list(wanted)
    assert not outcome.changed
    assert outcome.failure is None
    if given.get("group", GROUP):
        assert outcome.result["group"] == {"name": GROUP, "count": 5, "first": 1, "last": 6}


def test_the_newest_is_found_behind_many_holes(reader: Reader) -> None:
    names = ["n%d" % number for number in range(130)]
    fill(reader, "old", *names, "last")
    for name in (*names, "last"):
        reader.server.cancel("<%s@example.com>" % name)
    assert ids(reader.fetch()) == ["old"]
    assert reader.fetch(articles=["first"], count=5).result["counts"]["matched"] == 1


@pytest.mark.parametrize(("articles", "wanted"), [("latest", "a"), ("1-", "ab"), ("first", "a")])
def test_millions_of_numbers_without_an_article_are_passed_at_once(reader: Reader, articles: str, wanted: str) -> None:
    fill(reader, "a")
    spool = reader.server.spool.path / GROUP
    (spool / "900000000").write_bytes(article("b").replace(b"\n", b"\r\n"))
    count = {"latest": {"count": 2, "search": {"subject": ["a"]}}, "1-": {}, "first": {}}[articles]
    assert ids(reader.fetch(articles=[articles], **count)) == list(wanted)  # type: ignore[arg-type]
    assert len(reader.server.heard) < 40


def test_an_article_is_told_of_with_all_that_it_has(reader: Reader) -> None:
    reader.server.add_article(GROUP, article("a", "=?utf-8?b?w7xiZXI=?=", "One\n\n> two\n\nthree\n-- \nsig\n", References="<x@y> <b@c>", X_Two="2"))
    row = reader.fetch().result["messages"][0]
    assert (row["id"], row["number"], row["subject"], row["from"]) == ("<a@example.com>", 1, "\u00fcber", "Alice <alice@example.com>")
    assert (row["references"], row["preview"], row["lines"]) == (["<x@y>", "<b@c>"], ["One", "", "three"], 7)
    assert (row["date"], row["headers"]["x-two"], row["path"]) == ("2026-03-02T10:00:00Z", ["2"], None)
    assert row["text"].startswith("One\n")
    assert row["size"] == len(
        article("a", "=?utf-8?b?w7xiZXI=?=", "One\n\n> two\n\nthree\n-- \nsig\n", References="<x@y> <b@c>", X_Two="2").replace(b"\n", b"\r\n")
    )


def test_subjects_alone_are_had_without_reading_articles(reader: Reader) -> None:
    fill(reader, "a", "b", References="<x@y>")
    rows = reader.fetch(articles=["1-"], bodies="none", preview_lines=0).result["messages"]
    assert [(row["subject"], row["from"], row["references"], row["lines"], row["text"]) for row in rows] == [
        ("a", "Alice <alice@example.com>", ["<x@y>"], 1, ""),
        ("b", "Alice <alice@example.com>", ["<x@y>"], 1, ""),
    ]
    assert heard(reader, "ARTICLE") == heard(reader, "HEAD") == []


@pytest.mark.parametrize(
    ("search", "wanted", "read"),
    [
        ({"subject": ["BACKUP"]}, "ab", 2),
        ({"subject": ["backup"], "body": ["done"]}, "a", 2),
        ({"subject": ["backup"], "body": ["done"], "match": "any"}, "abc", 4),
        ({"body": ["done", "drill"]}, "c", 4),
        ({"from": ["bob"], "subject": ["nothing"]}, "", 0),
        ({"from": ["bob"]}, "d", 1),
    ],
)
def test_words_are_searched_for_and_only_what_has_to_be_read_is(reader: Reader, search: t.Dict[str, t.Any], wanted: str, read: int) -> None:
    reader.server.add_article(GROUP, article("a", "Backup of web1", "It is done.\n"))
    reader.server.add_article(GROUP, article("b", "=?utf-8?q?b=61ckup?= of web2", "It is under way.\n"))
    reader.server.add_article(GROUP, article("c", "other", "The drill\nis Done.\n"))
    reader.server.add_article(GROUP, article("d", "last", From="Bob <bob@example.com>"))
    outcome = reader.fetch(articles=["1-"], search=search)
    assert ids(outcome) == list(wanted)
    assert len(heard(reader, "ARTICLE")) == read
    # and by ids as well, where there is no overview
    everything = ["<%s@example.com>" % name for name in "abcd"]
    assert ids(reader.fetch(articles=everything, search=search)) == list(wanted)


def test_the_newest_that_matches_is_the_newest_that_matches(reader: Reader) -> None:
    fill(reader, "a", "b", body="word\n")
    fill(reader, *["n%d" % number for number in range(60)])
    assert ids(reader.fetch(search={"body": ["word"]})) == ["b"]
    assert ids(reader.fetch(search={"body": ["word"]}, count=2)) == ["a", "b"]


def test_threads_are_of_what_was_found(reader: Reader) -> None:
    fill(reader, "a")
    fill(reader, "b", References="<a@example.com>")
    fill(reader, "c")
    fill(reader, "d", References="<a@example.com> <b@example.com>")
    threads = reader.fetch(articles=["latest"], count=9, threads=True).result["threads"]
    assert [(row["root"], row["count"], [(each["number"], each["depth"]) for each in row["articles"]]) for row in threads] == [
        ("<a@example.com>", 3, [(1, 0), (2, 1), (4, 2)]),
        ("<c@example.com>", 1, [(3, 0)]),
    ]
    assert reader.fetch().result["threads"] == []


def test_not_more_articles_are_looked_at_than_allowed(reader: Reader) -> None:
    fill(reader, *"abcde")
    outcome = reader.fetch(articles=["latest"], count=5, max_articles=2)
    assert ids(outcome) == ["d", "e"]
    assert "max_articles" in outcome.warnings[0]
    assert ids(reader.fetch(articles=["1-"], max_articles=2)) == ["a", "b"]


def test_lists_stop_and_counts_do_not(reader: Reader) -> None:
    fill(reader, *"abcde")
    outcome = reader.fetch(articles=["1-"], max_listed=2, threads=True)
    assert (ids(outcome), len(outcome.result["threads"]), outcome.result["truncated"]) == (["a", "b"], 2, True)
    assert outcome.result["counts"]["matched"] == 5


def test_what_is_too_large_or_gone_is_told_and_does_not_stop_the_others(reader: Reader) -> None:
    fill(reader, "a")
    reader.server.add_article(GROUP, article("big", body="x" * 5000 + "\n"))
    fill(reader, "c")
    outcome = reader.fetch(articles=["1-"], max_size="2K")
    assert ids(outcome) == ["a", "c"]
    assert [(row["id"], row["number"]) for row in outcome.result["skipped_articles"]] == [("<big@example.com>", 2)]
    outcome = reader.fetch(articles=["<a@example.com>", "<big@example.com>", "<nothing@example.com>", "<c@example.com>"], max_size="2K")
    assert ids(outcome) == ["a", "c"]
    assert [row["id"] for row in outcome.result["skipped_articles"]] == ["<big@example.com>", "<nothing@example.com>"]
    assert outcome.failure is None


def test_an_article_that_cannot_be_parsed_is_listed_and_returned(reader: Reader) -> None:
    reader.server.add_article(GROUP, article("a", Content_Type="multipart/mixed; boundary=b", body="--b\n\nhalf"))
    fill(reader, "b")
    outcome = reader.fetch(articles=["1-"])
    assert ids(outcome) == ["a", "b"]
    assert [row["id"] for row in outcome.result["broken"]] == ["<a@example.com>"]


# -- once -------------------------------------------------------------------------------------------


def test_articles_are_kept_as_they_are_and_once(reader: Reader, tmp_path: Path) -> None:
    fill(reader, "a", "b", body=".\n..\n.dot\n")
    dest = tmp_path / "news"
    before = tree(tmp_path)
    foretold = reader.fetch(True, articles=["1-"], dest=str(dest))
    assert tree(tmp_path) == before
    outcome = reader.fetch(articles=["1-"], dest=str(dest))
    assert foretold.changed
    assert outcome.changed
    assert foretold.diff == outcome.diff
    assert foretold.result["counts"] == outcome.result["counts"]
    paths = [row["path"] for row in outcome.result["messages"]]
    assert [Path(path).read_bytes() for path in paths] == [article(name, body=".\n..\n.dot\n").replace(b"\n", b"\r\n") for name in "ab"]
    kept = tree(tmp_path)
    again = reader.fetch(articles=["1-"], dest=str(dest))
    assert (again.changed, ids(again), again.result["counts"]["fetched"]) == (False, [], 0)
    assert not reader.fetch(True, articles=["1-"], dest=str(dest)).changed
    assert tree(tmp_path) == kept
    assert len(heard(reader, "ARTICLE")) == 4


@pytest.mark.parametrize("format", ["maildir", "mbox", "eml"])
def test_each_format_has_them_all(reader: Reader, tmp_path: Path, format: str) -> None:  # noqa: A002
    fill(reader, "a", "b", body="From here\n")
    dest = tmp_path / "news"
    reader.fetch(articles=["new"], dest=str(dest), format=format)
    fill(reader, "c")
    assert ids(reader.fetch(articles=["new"], dest=str(dest), format=format)) == ["c"]
    if format == "eml":
        assert len(list(dest.glob("*.eml"))) == 3
    else:
        box: mailbox.Mailbox[t.Any] = mailbox.mbox(dest) if format == "mbox" else mailbox.Maildir(dest)
        assert sorted(message["Message-ID"] for message in box) == ["<%s@example.com>" % name for name in "abc"]
        box.close()


def test_new_is_what_has_come_since_the_last_time(reader: Reader) -> None:
    fill(reader, "a", "b")
    assert ids(reader.fetch(True, articles=["new"])) == ["a", "b"]
    outcome = reader.fetch(articles=["new"])
    assert (ids(outcome), outcome.changed) == (["a", "b"], True)
    outcome = reader.fetch(articles=["new"])
    assert (ids(outcome), outcome.changed) == ([], False)
    fill(reader, "c", "d", "e")
    assert ids(reader.fetch(True, articles=["new"])) == ["c", "d", "e"]
    assert ids(reader.fetch(articles=["new"], count=2)) == ["c", "d"]
    assert ids(reader.fetch(articles=["new"])) == ["e"]


def test_what_is_new_and_not_returned_is_for_the_next_run(reader: Reader, tmp_path: Path) -> None:
    fill(reader, *"abc")
    assert ids(reader.fetch(articles=["new"], max_listed=2)) == ["a", "b"]
    assert ids(reader.fetch(articles=["new"], max_listed=0)) == []
    assert ids(reader.fetch(articles=["new"], max_listed=2)) == ["c"]
    # what is on disk is not lost
    kept = reader.fetch(articles=["new"], max_listed=1, dest=str(tmp_path / "news"), state=str(tmp_path / "other"))
    assert (ids(kept), kept.result["counts"]["fetched"]) == (["a"], 3)


def test_what_a_search_leaves_out_is_gone_past(reader: Reader) -> None:
    fill(reader, "a1", "b1", "a2")
    assert ids(reader.fetch(articles=["new"], search={"subject": ["a"]})) == ["a1", "a2"]
    fill(reader, "b2")
    assert ids(reader.fetch(articles=["new"], search={"subject": ["b"]})) == ["b2"]


def test_what_was_too_large_is_tried_again(reader: Reader) -> None:
    fill(reader, "a")
    reader.server.add_article(GROUP, article("big", body="x" * 5000 + "\n"))
    fill(reader, "c")
    assert ids(reader.fetch(articles=["new"], max_size="2K")) == ["a", "c"]
    outcome = reader.fetch(articles=["new"], max_size="2K")
    assert (ids(outcome), [row["number"] for row in outcome.result["skipped_articles"]]) == ([], [2])
    assert ids(reader.fetch(articles=["new"])) == ["big"]
    assert ids(reader.fetch(articles=["new"])) == []


def test_what_was_fetched_otherwise_is_not_new(reader: Reader, tmp_path: Path) -> None:
    fill(reader, "a", "b", "c")
    dest = str(tmp_path / "news")
    assert ids(reader.fetch(dest=dest)) == ["c"]
    assert ids(reader.fetch(articles=["new"], dest=dest)) == ["a", "b"]
    assert ids(reader.fetch(articles=["new"], dest=dest)) == []


@pytest.mark.parametrize("kept", ["first", "last"])
def test_a_server_that_begins_anew_is_noticed_and_nothing_comes_twice(reader: Reader, tmp_path: Path, kept: str) -> None:
    fill(reader, "a", "b", "c")
    dest = str(tmp_path / "news")
    reader.fetch(articles=["new"], dest=dest)
    reader.server.forget()
    reader.server.add_group(GROUP)
    # fewer than before, or as many and more: then it is told by the id of the last one
    fill(reader, *(["b", "x"] if kept == "first" else ["x", "y", "b", "z"]))
    foretold = reader.fetch(True, articles=["new"], dest=dest)
    outcome = reader.fetch(articles=["new"], dest=dest)
    assert ids(foretold) == ids(outcome) == (["x"] if kept == "first" else ["x", "y", "z"])
    assert "anew" in outcome.warnings[0]
    assert reader.fetch(articles=["new"], dest=dest).warnings == []
    fill(reader, "last")
    assert ids(reader.fetch(articles=["new"], dest=dest)) == ["last"]


def test_an_empty_group_is_no_new_beginning(reader: Reader) -> None:
    fill(reader, "a")
    reader.fetch(articles=["new"])
    reader.server.cancel("<a@example.com>")
    outcome = reader.fetch(articles=["new"])
    assert (outcome.warnings, ids(outcome)) == ([], [])


def test_what_has_expired_is_forgotten(reader: Reader) -> None:
    fill(reader, "a", "b", "c")
    reader.fetch(articles=["new"])
    reader.server.cancel("<a@example.com>")
    fill(reader, "d")
    reader.fetch(articles=["new"])
    with Seen(str(reader.state), "nntp://%s:%d/%s" % (reader.server.host, reader.server.port, GROUP)) as seen:
        seen.load(write=False)
        assert sorted(seen) == ["2 <b@example.com>", "3 <c@example.com>", "4 <d@example.com>"]


def test_a_run_that_was_killed_is_taken_up(reader: Reader, tmp_path: Path) -> None:
    fill(reader, "a", "b", "c")
    dest = tmp_path / "news"
    reader.fetch(articles=["new"], dest=str(dest))
    kept = tree(dest)
    lines = reader.state.read_bytes().splitlines(True)
    for cut in range(1, len(lines)):
        # as if the run had ended here, with one more article on disk than it has noted, or not
        reader.state.write_bytes(b"".join(lines[:cut]) + lines[cut][:20])
        noted = [line for line in lines[1:cut] if json.loads(line)["step"] == "note"]
        outcome = reader.fetch(articles=["new"], dest=str(dest))
        assert len(ids(outcome)) == 3 - len(noted)
        assert tree(dest) == kept
        assert ids(reader.fetch(articles=["new"], dest=str(dest))) == []


def test_one_run_at_a_time_has_the_state(reader: Reader) -> None:
    fill(reader, "a")
    with Seen(str(reader.state), "nntp://other/group") as seen:
        seen.load()
        with pytest.raises(FleetproofError) as caught:
            reader.fetch(articles=["new"])
        assert caught.value.kind == "busy"
        # looking takes nothing from it
        assert ids(reader.fetch(True, articles=["new"])) == ["a"]


def test_two_groups_may_share_a_state(reader: Reader) -> None:
    reader.server.add_group("fleet.other")
    fill(reader, "a")
    reader.server.add_article("fleet.other", article("b"))
    assert ids(reader.fetch(articles=["new"])) == ["a"]
    assert ids(reader.fetch(articles=["new"], group="fleet.other")) == ["b"]
    assert ids(reader.fetch(articles=["new"])) == ids(reader.fetch(articles=["new"], group="fleet.other")) == []


# -- what cannot be ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {"group": None},
        {"group": "a b"},
        {"group": "fleet.*"},
        {"group": "a\r\nQUIT"},
        {"articles": []},
        {"articles": ["newest"]},
        {"articles": ["5-2"]},
        {"articles": ["-5"]},
        {"articles": ["1-2", "4-5"]},
        {"articles": ["<a b@c>"]},
        {"count": 0},
        {"max_articles": 0},
        {"preview_lines": -1},
        {"max_size": "lots"},
        {"max_listed": -2},
        {"search": {"subject": [""]}},
        {"state": "/nowhere/state"},
        {"retries": -1},
    ],
)
def test_options_that_make_no_sense_are_told_before_anybody_is_asked(reader: Reader, given: t.Dict[str, t.Any]) -> None:
    with pytest.raises(FleetproofError) as caught:
        reader.fetch(**given)
    assert caught.value.kind == "argument"
    assert reader.server.heard == []


def test_a_group_that_is_not_there_is_told(reader: Reader) -> None:
    with pytest.raises(FleetproofError) as caught:
        reader.fetch(group="no.such.group")
    assert caught.value.kind == "not_found"
    assert "no.such.group" in caught.value.message


@pytest.mark.parametrize("group", [b"211 0 0 0 g\r\n", b"211 7 9 3 g\r\n", b"211 -1 -1 -1 g\r\n", b"211 3 5 4 g\r\n"])
def test_a_group_whose_numbers_make_no_sense_is_empty(reader: Reader, group: bytes) -> None:
    with Scripted({"GROUP": group}) as server:
        outcome = reader.fetch(port=server.port, articles=["1-"])
        assert (ids(outcome), outcome.failure) == ([], None)
        assert not any(line.startswith(("OVER", "XOVER", "ARTICLE")) for line in server.heard)


@pytest.mark.parametrize(("articles", "wanted"), [("latest", "de"), ("first", "ab")])
def test_a_task_that_is_run_again_fetches_no_others(reader: Reader, articles: str, wanted: str, tmp_path: Path) -> None:
    fill(reader, *"abcde")
    given: t.Dict[str, t.Any] = {"articles": [articles], "count": 2, "dest": str(tmp_path / "news")}
    assert ids(reader.fetch(**given)) == list(wanted)
    for check in (True, False):
        again = reader.fetch(check=check, **given)
        assert (ids(again), again.changed) == ([], False)
    fill(reader, "f")
    assert ids(reader.fetch(**given)) == (["f"] if articles == "latest" else [])
