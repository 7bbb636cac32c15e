# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job of nntp_info."""

from __future__ import annotations

import calendar
import time
import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._message.compose import format_date

from .conftest import GROUP, Reader, article

HOUR = 3600.0


def test_groups_are_told_with_what_they_have_and_are_for(reader: Reader) -> None:
    reader.server.add_group("other.group", "m", "Moderated")
    reader.server.add_article(GROUP, article("a"))
    outcome = reader.info(groups=["*", "!control.*"])
    assert not outcome.changed
    rows = [{name: row[name] for name in ("name", "count", "first", "last", "status", "description")} for row in outcome.result["groups"]]
    assert rows == [
        {"name": GROUP, "count": 1, "first": 1, "last": 1, "status": "y", "description": "Reports of all backups"},
        {"name": "other.group", "count": 0, "first": 1, "last": 0, "status": "m", "description": "Moderated"},
    ]
    assert (outcome.result["new_groups"], outcome.result["updated_groups"], outcome.result["new_articles_by"]) == (None, None, None)
    assert outcome.result["server"]["implementation"] == "fleet test bed"
    assert outcome.result["server"]["clock_offset"] in (-1, 0, 1)
    assert outcome.result["counts"]["groups"] == 2
    assert [row["name"] for row in reader.info(groups=["other.*"]).result["groups"]] == ["other.group"]


@pytest.mark.parametrize(("hide", "by"), [([], "arrival"), (["NEWNEWS"], "date"), (["CAPABILITIES", "NEWNEWS"], "date")])
def test_what_is_new_is_told_by_what_the_server_can(reader: Reader, hide: t.List[str], by: str) -> None:
    reader.server.behave(hide=hide)
    now = time.time()
    reader.server.forget()
    reader.server.add_group("old.quiet", created=now - 100 * HOUR)
    reader.server.add_group("old.busy", created=now - 100 * HOUR)
    reader.server.add_group("young", created=now - HOUR)
    for name, group, age in (("a", "old.quiet", 50), ("b", "old.busy", 50), ("c", "old.busy", 1), ("d", "old.busy", 2)):
        reader.server.add_article(group, article(name, Date=format_date(now - age * HOUR)), now - age * HOUR)
    result = reader.info(new_since="10h").result
    assert result["new_groups"] == ["young"]
    assert result["updated_groups"] == ["old.busy"]
    assert {row["name"]: (row["new"], row["new_articles"]) for row in result["groups"]} == {"old.quiet": (False, 0), "old.busy": (False, 2), "young": (True, 0)}
    assert (result["new_articles_by"], result["counts"]["new_articles"]) == (by, 2)
    assert reader.info(new_since="90h").result["counts"]["new_articles"] == 4
    assert reader.info(new_since="2100-01-01").result["counts"]["new_articles"] == 0


def test_the_clock_of_the_server_is_what_counts(reader: Reader) -> None:
    reader.server.behave(clock=5 * HOUR)
    outcome = reader.info(new_since="1h")
    assert abs(outcome.result["server"]["clock_offset"] - 5 * HOUR) <= 2
    assert "seconds ahead of the clock of this host" in outcome.warnings[0]
    asked = next(line for line, _encrypted in reader.server.heard if line.startswith("NEWGROUPS"))
    moment = calendar.timegm(time.strptime(asked, "NEWGROUPS %Y%m%d %H%M%S GMT"))
    assert abs(moment - (time.time() + 4 * HOUR)) < 30


def test_a_server_that_tells_little_will_do(reader: Reader) -> None:
    reader.server.behave(hide=["CAPABILITIES", "MODE READER", "LIST COUNTS", "LIST NEWSGROUPS", "NEWGROUPS", "NEWNEWS", "DATE"])
    reader.server.add_article(GROUP, article("a"))
    result = reader.info(new_since="2026-01-01").result
    assert [(row["name"], row["count"], row["description"], row["new"], row["new_articles"]) for row in result["groups"]] == [(GROUP, 1, "", None, 1)]
    assert (result["new_groups"], result["server"]["clock_offset"]) == (None, None)


def test_the_list_stops_and_the_count_does_not(reader: Reader) -> None:
    reader.server.add_group("other.group")
    result = reader.info(max_listed=1).result
    assert (len(result["groups"]), result["counts"]["groups"], result["truncated"]) == (1, 2, True)


@pytest.mark.parametrize("given", [{"groups": ["a b"]}, {"groups": ["a\r\nQUIT"]}, {"new_since": "yesterday"}, {"new_since": "2026-13-01"}, {"max_listed": -2}])
def test_options_that_make_no_sense_are_told_before_anybody_is_asked(reader: Reader, given: t.Dict[str, t.Any]) -> None:
    with pytest.raises(FleetproofError) as caught:
        reader.info(**given)
    assert caught.value.kind == "argument"
    assert reader.server.heard == []


def test_millions_of_numbers_without_an_article_are_passed_at_once(reader: Reader) -> None:
    reader.server.behave(hide=["NEWNEWS"])
    reader.server.add_article(GROUP, article("a", Date=format_date(time.time())))
    (reader.server.spool.path / GROUP / "900000000").write_bytes(article("b", Date=format_date(time.time())).replace(b"\n", b"\r\n"))
    result = reader.info(new_since="1h").result
    assert (result["new_articles_by"], result["counts"]["new_articles"]) == ("date", 2)
    assert len(reader.server.heard) < 40
