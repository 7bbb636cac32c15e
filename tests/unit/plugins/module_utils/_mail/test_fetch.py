# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What fetching promises: once, in order, as asked for, and nothing in check mode."""

from __future__ import annotations

import mailbox
import os
import threading
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._mail import fetch_result, pop3_mailbox
from ansible_collections.fleetproof.backup.tests.testbed.popd import PopServer

from .fetching import Fetcher, ids, mail, subjects, with_attachment


def everything(folder: Path) -> t.Dict[str, t.Tuple[int, bytes]]:
    """All files with their times and contents."""
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


# -- only looking ---------------------------------------------------------------------------------


def test_looking_returns_what_is_there_newest_first_and_changes_nothing(fetch: Fetcher, pop: PopServer, tmp_path: Path) -> None:
    names = [pop.deliver(mail(number)) for number in range(3)]
    for _again in range(2):
        outcome = fetch()
        assert (outcome.changed, outcome.failure) == (False, None)
        assert ids(outcome.result["messages"]) == names[::-1]
        assert outcome.result["mailbox"] == {"count": 3, "size": 3 * len(mail(0))}
        assert outcome.result["counts"]["matched"] == 3
    message = outcome.result["messages"][0]
    assert (message["subject"], message["text"], message["path"], message["size"]) == ("Report 2", "Hello 2\n.\n..dots\nFrom here\n", None, len(mail(2)))
    assert list(tmp_path.iterdir()) == []
    assert not pop.commands("DELE")


def test_an_empty_mailbox_is_no_failure(fetch: Fetcher) -> None:
    outcome = fetch()
    assert (outcome.changed, outcome.failure, outcome.result["messages"], outcome.result["mailbox"]) == (False, None, [], {"count": 0, "size": 0})


def test_without_bodies_only_headers_are_read(fetch: Fetcher, pop: PopServer) -> None:
    pop.deliver(mail(1))
    outcome = fetch(bodies="none")
    assert (subjects(outcome), outcome.result["messages"][0]["text"]) == (["Report 1"], "")
    assert not pop.commands("RETR")


def test_what_will_not_be_listed_is_not_read_whole(fetch: Fetcher, pop: PopServer) -> None:
    for number in range(5):
        pop.deliver(mail(number))
    outcome = fetch(max_listed=2)
    assert (subjects(outcome), outcome.result["truncated"], outcome.result["counts"]["matched"]) == (["Report 4", "Report 3"], True, 5)
    assert len(pop.commands("RETR")) == 2
    assert len(fetch(max_listed=-1).result["messages"]) == 5


def test_too_much_text_is_left_out_and_told(fetch: Fetcher, pop: PopServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_result, "_MOST_TEXT", 30)
    for number in range(2):
        pop.deliver(mail(number))
    outcome = fetch()
    assert [len(message["text"]) for message in outcome.result["messages"]] == [27, 0]
    assert outcome.result["truncated"]


# -- fetching, once -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["maildir", "mbox", "eml"])
def test_check_run_check_again_run_again(fetch: Fetcher, pop: PopServer, tmp_path: Path, kind: str) -> None:
    names = [pop.deliver(mail(number)) for number in range(3)]
    given = {"dest": str(fetch.dest), "format": kind}
    check = fetch(check=True, **given)
    assert everything(tmp_path) == {}
    run = fetch(**given)
    assert (check.changed, run.changed, check.failure, run.failure) == (True, True, None, None)
    assert ids(check.result["messages"]) == ids(run.result["messages"]) == names[::-1]
    assert check.result["counts"] == run.result["counts"]
    assert check.diff == run.diff
    after = everything(tmp_path)
    for again in (fetch(check=True, **given), fetch(**given)):
        assert (again.changed, again.result["messages"], again.diff, again.failure) == (False, [], [], None)
    assert {path: found for path, found in everything(tmp_path).items() if not path.endswith(".lock")} == {
        path: found for path, found in after.items() if not path.endswith(".lock")
    }
    pop.deliver(mail(3))
    assert subjects(fetch(**given)) == ["Report 3"]
    if kind == "mbox":
        assert len(mailbox.mbox(str(fetch.dest), create=False)) == 4
    else:
        paths = [message["path"] for message in run.result["messages"]]
        assert [Path(path).read_bytes() for path in paths] == [mail(2), mail(1), mail(0)]


def test_the_diff_has_a_line_for_each_message(fetch: Fetcher, pop: PopServer) -> None:
    name = pop.deliver(mail(1))
    fetched = fetch.new(delete="fetched").diff
    line = "%s Ann <ann@example.com>: Report 1 (%d bytes)\n" % (name, len(mail(1)))
    assert isinstance(fetched, list)
    assert [(part["before"], part["after"]) for part in fetched] == [("", line), (name + "\n", "")]
    assert fetched[0]["after_header"] == str(fetch.dest)


def test_check_mode_reads_headers_alone_unless_the_body_matters(fetch: Fetcher, pop: PopServer) -> None:
    pop.deliver(mail(1))
    fetch.new(check=True)
    assert not pop.commands("RETR")
    assert subjects(fetch.new(check=True, match={"body": "hello 1"})) == ["Report 1"]
    assert subjects(fetch.new(check=True, match={"body": "hello 2"})) == []


def test_what_does_not_match_is_left_for_another_task(fetch: Fetcher, pop: PopServer) -> None:
    for number in range(4):
        pop.deliver(mail(number))
    assert subjects(fetch.new(match={"subject": "[12]$"}, order="oldest")) == ["Report 1", "Report 2"]
    assert len(pop.commands("RETR")) == 2
    assert subjects(fetch.new(match={"body": "hello [03]"})) == ["Report 3", "Report 0"]
    assert fetch.kept() == sorted(mail(number) for number in range(4))


def test_sizes_are_compared_before_anything_is_read(fetch: Fetcher, pop: PopServer) -> None:
    pop.deliver(mail(1))
    pop.deliver(mail(2) + b"x" * 5000)
    assert subjects(fetch.new(match={"larger": "2K"})) == ["Report 2"]
    assert len(pop.commands("RETR", "TOP")) == 1


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_max_messages_leaves_the_others_for_the_next_run(fetch: Fetcher, pop: PopServer, order: str) -> None:
    for number in range(5):
        pop.deliver(mail(number))
    expected = ["Report %d" % number for number in range(5)]
    if order == "newest":
        expected.reverse()
    found = [subjects(fetch.new(order=order, max_messages=2)) for _run in range(4)]
    assert found == [expected[:2], expected[2:4], expected[4:], []]


def test_what_is_too_large_is_listed_each_time_and_not_fetched(fetch: Fetcher, pop: PopServer) -> None:
    large = pop.deliver(mail(1) + b"x" * 5000)
    pop.deliver(mail(2))
    for expected in (["Report 2"], []):
        outcome = fetch.new(max_size="2K")
        assert (subjects(outcome), ids(outcome.result["skipped_messages"]), outcome.failure) == (expected, [large], None)
        assert "max_size" in outcome.result["skipped_messages"][0]["reason"]
    assert subjects(fetch.new(max_size="1M")) == ["Report 1"]


def test_what_turns_out_to_be_too_large_costs_the_others_nothing(fetch: Fetcher, pop: PopServer) -> None:
    for number in range(3):
        pop.deliver(mail(number) + (b"x" * 500000 if number == 1 else b""))
    pop.behave(size_off=-10000000)
    outcome = fetch.new(max_size="2K")
    assert (subjects(outcome), len(outcome.result["skipped_messages"]), outcome.failure) == (["Report 2", "Report 0"], 1, None)


def test_a_broken_message_is_kept_as_it_is_and_told(fetch: Fetcher, pop: PopServer) -> None:
    raw = b"\xff\xfe nonsense\r\nContent-Type: multipart/mixed\r\n\r\n--x\r\n"
    name = pop.deliver(raw)
    pop.deliver(mail(1))
    outcome = fetch.new()
    assert (outcome.failure, outcome.result["counts"]["fetched"], ids(outcome.result["broken"])) == (None, 2, [name])
    assert Path(outcome.result["broken"][0]["path"]).read_bytes() == raw
    assert outcome.result["broken"][0]["reason"]


def test_limits_of_parts_are_told_and_the_message_is_kept_whole(fetch: Fetcher, pop: PopServer) -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 20 + b"--b--\r\n"
    pop.deliver(raw)
    outcome = fetch.new(max_parts=5)
    assert "more than 5 parts" in outcome.result["broken"][0]["reason"]
    assert fetch.kept() == [raw]


def test_messages_that_are_gone_are_forgotten(fetch: Fetcher, pop: PopServer) -> None:
    name = pop.deliver(mail(1))
    fetch.new()
    pop.forget()
    before = fetch.state.read_bytes()
    fetch.new(check=True)
    assert fetch.state.read_bytes() == before
    fetch.new()
    # RFC 1939 lets a server give the id to another message now
    (pop.maildir / "new" / name).write_bytes(mail(2))
    assert subjects(fetch.new()) == ["Report 2"]


def test_twins_are_fetched_each_and_never_deleted(fetch: Fetcher, pop: PopServer) -> None:
    pop.behave(uidl="twins")
    for number in range(3):
        pop.deliver(mail(number))
    outcome = fetch.new(delete="fetched")
    assert (outcome.result["counts"]["fetched"], outcome.result["deleted"], outcome.failure) == (3, [], None)
    assert "share their id" in outcome.warnings[0]
    assert not pop.commands("DELE")
    assert fetch.new().changed is False
    assert len(fetch.kept()) == 3


def test_without_its_state_a_run_puts_nothing_there_twice(fetch: Fetcher, pop: PopServer) -> None:
    pop.deliver(mail(1))
    fetch.new()
    fetch.state.unlink()
    assert fetch.new().result["counts"]["fetched"] == 1
    assert fetch.kept() == [mail(1)]


def test_the_default_state_is_one_file_for_each_account(fetch: Fetcher, pop: PopServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    pop.deliver(mail(1))
    assert fetch(dest=str(fetch.dest), state=None).changed
    assert not fetch(dest=str(fetch.dest), state=None).changed
    assert len(list((tmp_path / "xdg" / "fleetproof" / "fetched").glob("*.jsonl"))) == 1


def test_no_password_is_written_anywhere(fetch: Fetcher, pop: PopServer, tmp_path: Path) -> None:
    pop.deliver(mail(1))
    fetch.new(delete="fetched")
    assert not any(b"correct horse" in content for _time, content in everything(tmp_path).values())


def test_a_destination_that_is_gone_is_told_and_nothing_is_deleted_for_it(fetch: Fetcher, pop: PopServer) -> None:
    pop.deliver(mail(1))
    fetch.new()
    fetch.dest.rename(fetch.dest.with_name("unmounted"))
    pop.deliver(mail(2))
    outcome = fetch.new(delete="fetched")
    assert "was not there, though 1 messages" in outcome.warnings[0]
    assert (subjects(outcome), len(outcome.result["deleted"]), len(pop.maildir_of.entries())) == (["Report 2"], 1, 1)


@pytest.mark.parametrize("kind", ["maildir", "mbox"])
def test_what_was_in_a_destination_that_is_gone_is_not_deleted_later_either(fetch: Fetcher, pop: PopServer, kind: str) -> None:
    name = pop.deliver(mail(1))
    given = {"dest": str(fetch.dest), "format": kind}
    fetch(**given)
    away = fetch.dest.with_name("unmounted")
    fetch.dest.rename(away)
    if kind == "maildir":
        # the place where the disk is mounted
        fetch.dest.mkdir()
    pop.deliver(mail(2))
    fetch(delete="fetched", **given)
    for check in (True, False):
        outcome = fetch(check, delete="fetched", **given)
        assert (outcome.changed, "before it was gone" in outcome.warnings[0]) == (False, True)
    assert [entry.name for entry in pop.maildir_of.entries()] == [name]
    if kind == "maildir":
        kept = next((away / "new").iterdir())
        kept.rename(fetch.dest / "cur" / ("1.%s.x:2,S" % kept.name.split(".")[1]))
        assert fetch(delete="fetched", **given).result["deleted"] == [name]


def test_what_was_fetched_is_deleted_though_the_clock_was_put_back(fetch: Fetcher, pop: PopServer, monkeypatch: pytest.MonkeyPatch) -> None:
    name = pop.deliver(mail(1))
    fetch.new()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 86400)
    assert fetch.new(delete="1h").result["deleted"] == []
    assert fetch.new(delete="fetched").result["deleted"] == [name]


# -- attachments ----------------------------------------------------------------------------------


def test_attachments_are_saved_beside_the_messages(fetch: Fetcher, pop: PopServer, tmp_path: Path) -> None:
    pop.deliver(with_attachment(1, "data.csv"))
    pop.deliver(with_attachment(2, "../../etc/x.txt"))
    outcome = fetch.new(attachments_dest=str(tmp_path / "files"), attachments=["*.CSV"])
    assert outcome.result["counts"]["attachments"] == 1
    rows = [message["attachments"][0] for message in outcome.result["messages"]]
    assert [(row["name"].rpartition("/")[2], row["path"]) for row in rows] == [("x.txt", None), ("data.csv", str(tmp_path / "files" / "data.csv"))]
    assert (tmp_path / "files" / "data.csv").read_bytes() == b"1,2,1"


def test_attachments_alone_are_saved_once(fetch: Fetcher, pop: PopServer, tmp_path: Path) -> None:
    for number in range(2):
        pop.deliver(with_attachment(number, "%d.csv" % number))
    given = {"attachments_dest": str(tmp_path / "files"), "match": {"subject": "files"}}
    check = fetch(check=True, **given)
    assert everything(tmp_path) == {}
    run = fetch(**given)
    assert (check.changed, run.changed, check.result["counts"], len(os.listdir(str(tmp_path / "files")))) == (True, True, run.result["counts"], 2)
    assert [fetch(check=True, **given).changed, fetch(**given).changed] == [False, False]
    retrieved = len(pop.commands("RETR"))
    fetch(**given)
    assert len(pop.commands("RETR")) == retrieved
    # and the messages themselves are still to be had
    assert fetch.new().result["counts"]["fetched"] == 2


def test_saving_no_attachment_changes_nothing(fetch: Fetcher, pop: PopServer, tmp_path: Path) -> None:
    pop.deliver(mail(1))
    given = {"attachments_dest": str(tmp_path / "files")}
    assert [fetch(check=True, **given).changed, fetch(**given).changed, (tmp_path / "files").exists()] == [False, False, False]


# -- deleting -------------------------------------------------------------------------------------


def test_what_was_fetched_is_deleted_last_of_all(fetch: Fetcher, pop: PopServer) -> None:
    names = [pop.deliver(mail(number)) for number in range(3)]
    check = fetch.new(check=True, delete="fetched")
    assert (len(pop.maildir_of.entries()), sorted(check.result["deleted"])) == (3, names)
    run = fetch.new(delete="fetched")
    assert (sorted(run.result["deleted"]), run.result["counts"]) == (names, check.result["counts"])
    verbs = [line.split(" ")[0] for line in pop.commands("RETR", "DELE", "QUIT")]
    assert verbs[-7:] == ["RETR"] * 3 + ["DELE"] * 3 + ["QUIT"]
    assert (pop.maildir_of.entries(), len(fetch.kept())) == ([], 3)
    assert not fetch.new(delete="fetched").changed


def test_what_an_earlier_run_fetched_is_deleted_and_nothing_else(fetch: Fetcher, pop: PopServer, tmp_path: Path) -> None:
    pop.deliver(mail(1))
    fetch.new()
    pop.deliver(mail(2))
    fetch(dest=str(tmp_path / "other"))
    kept = pop.deliver(mail(3))
    outcome = fetch.new(delete="fetched", match={"subject": "nothing"})
    assert (outcome.changed, len(outcome.result["deleted"])) == (True, 1)
    assert [entry.name for entry in pop.maildir_of.entries()][1] == kept


def test_an_age_counts_from_the_fetching(fetch: Fetcher, pop: PopServer) -> None:
    pop.deliver(mail(1, Date="Tue, 3 Feb 2015 08:00:00 +0100"))
    assert fetch.new(delete="30d").result["deleted"] == []
    lines = fetch.state.read_text().splitlines()
    at = lines[-1].split('"at": ')[1].split(",")[0]
    fetch.state.write_text(fetch.state.read_text().replace(at, str(float(at) - 31 * 86400)))
    assert fetch.new(check=True, delete="30d").result["counts"]["deleted"] == 1
    assert fetch.new(delete="30d").result["counts"]["deleted"] == 1
    assert pop.maildir_of.entries() == []


def test_a_message_that_came_in_between_is_not_deleted(fetch: Fetcher, pop: PopServer) -> None:
    pop.deliver(mail(1))
    fetch.new(max_messages=1)
    # numbers have moved by now: what was the first is the second
    first = pop.maildir / "new" / "1.first"
    first.write_bytes(mail(0))
    outcome = fetch.new(delete="fetched", max_size="10")
    assert (ids(outcome.result["skipped_messages"]), len(outcome.result["deleted"])) == (["1.first"], 1)
    assert [entry.name for entry in pop.maildir_of.entries()] == ["1.first"]


# -- waiting --------------------------------------------------------------------------------------


def test_mail_is_seen_within_a_second_of_its_arrival(fetch: Fetcher, pop: PopServer) -> None:
    pop.deliver(mail(1))
    fetch.new()
    timer = threading.Timer(0.4, pop.deliver, [mail(2)])
    timer.start()
    outcome = fetch.new(wait=30, wait_interval=0.5)
    timer.join()
    assert (subjects(outcome), outcome.failure) == (["Report 2"], None)
    assert 0.4 <= outcome.result["waited"] < 10
    delivered = max(path.stat().st_mtime for path in pop.maildir.rglob("*.fleet*"))
    assert max(path.stat().st_ctime for path in fetch.dest.rglob("*") if path.is_file()) - delivered < 5


def test_looking_waits_for_any_message_that_matches(fetch: Fetcher, pop: PopServer) -> None:
    pop.deliver(mail(1))
    assert fetch(wait=30).result["waited"] < 10
    timer = threading.Timer(0.1, pop.deliver, [mail(2)])
    timer.start()
    outcome = fetch(wait=30, match={"subject": "2"})
    timer.join()
    assert subjects(outcome) == ["Report 2"]
    # what was looked at once is not looked at again
    assert sum(1 for line in pop.commands("TOP") if line == "TOP 1 0") == 1


def test_not_enough_in_time_is_a_failure_that_returns_what_came(fetch: Fetcher, pop: PopServer) -> None:
    for number in range(2):
        pop.deliver(mail(number))
    begun = time.monotonic()
    outcome = fetch.new(wait=0.2, min_messages=2, match={"subject": "Report 1"})
    assert time.monotonic() - begun < 10
    assert outcome.failure is not None
    assert (outcome.failure.kind, outcome.changed, subjects(outcome), len(fetch.kept())) == ("timeout", True, ["Report 1"], 1)
    for words in ("Waited 0.2 s", "pop3://fleet@", "not fetched before", "subject: Report 1", "1 of 2 came", "holds 2 in all"):
        assert words in outcome.failure.message
    assert outcome.result["waited"] >= 0.2


def test_check_mode_waits_as_well_and_fetches_nothing(fetch: Fetcher, pop: PopServer, tmp_path: Path) -> None:
    timer = threading.Timer(0.1, pop.deliver, [mail(1)])
    timer.start()
    outcome = fetch.new(check=True, wait=30)
    timer.join()
    assert (outcome.changed, subjects(outcome), everything(tmp_path)) == (True, ["Report 1"], {})
    failed = fetch(check=True, wait=0.1, match={"subject": "nothing"})
    assert failed.failure is not None
    assert failed.failure.kind == "timeout"


def test_a_server_that_goes_away_while_waiting_is_tried_again(fetch: Fetcher, pop: PopServer) -> None:
    pop.behave(drop={"LIST": 2})
    pop.deliver(mail(1))
    assert subjects(fetch(wait=30, retries=2)) == ["Report 1"]


def test_the_pause_between_two_looks_is_as_asked(fetch: Fetcher, pop: PopServer, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: t.List[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        pop.deliver(mail(1))

    monkeypatch.setattr(pop3_mailbox.time, "sleep", sleep)
    fetch(wait=30, wait_interval=7.5)
    assert pauses == [7.5]
