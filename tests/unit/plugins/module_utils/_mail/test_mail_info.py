# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._mail import mail_info as job
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.mail_files import Mailbox, open_mailbox
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.mail_info import SPEC, mail_info
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Outcome, Task

HEADER = "From: Ann <ann@example.com>\r\nTo: ops@example.org\r\nSubject: %s\r\nDate: Tue, 3 Feb 2026 04:05:06 +0000\r\nMessage-ID: <%s@example.com>\r\n"
TRACE = "Delivered-To: ops@example.org\r\nReceived: from mail.example.com ([192.0.2.1]) by mx.example.org with ESMTPS; Tue, 3 Feb 2026 04:05:09 +0000\r\n"


def mail(subject: str = "Report", key: str = "1", body: str = "All good.\r\n", top: str = "") -> bytes:
    return (top + HEADER % (subject, key) + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + body).encode()


def told(path: Path, check: bool = False, **given: t.Any) -> Outcome:
    options = {name: option.get("default") for name, option in SPEC.argument_spec.items()}
    assert not set(given) - set(options)
    return mail_info(Task({**options, "path": str(path), **given}, check, True))


def maildir(path: Path, *messages: bytes) -> Path:
    for folder in ("new", "cur", "tmp"):
        (path / folder).mkdir(parents=True)
    for number, raw in enumerate(messages):
        (path / "new" / ("%d.a.host" % (1770000000 + number))).write_bytes(raw)
    return path


def test_a_message_is_told_with_its_way_and_what_is_suspicious(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(mail(subject="=?gbk?b?sbi33Q==?=", body="password: http://3405803785/\r\n", top=TRACE))
    outcome = told(path, keywords=["password"], bodies="all")
    assert not outcome.changed
    assert outcome.failure is None
    assert outcome.result["counts"] == {"found": 1, "messages": 1, "not_matched": 0, "skipped": 0, "broken": 0, "vanished": 0}
    assert outcome.result["format"] == "eml"
    found = outcome.result["messages"][0]
    assert (found["subject"], found["from"], found["message_id"]) == ("备份", "Ann <ann@example.com>", "<1@example.com>")
    assert found["text"].strip() == "password: http://3405803785/"
    assert (found["path"], found["offset"], found["size"]) == (str(path), None, path.stat().st_size)
    assert [(hop["by"], hop["tls"], hop["delay"]) for hop in found["hops"]] == [("mx.example.org", "TLS", 3.0)]
    assert found["delay"] == 3.0
    assert [row["rule"] for row in found["findings"]] == ["link_hidden_address", "keyword"]
    assert found["score"] == 7
    assert found["defects"] == []


def test_check_mode_says_the_same(tmp_path: Path) -> None:
    path = maildir(tmp_path / "Maildir", mail(), mail(key="2"))
    before = sorted((name, os.stat(path / "new" / name).st_mtime_ns) for name in os.listdir(path / "new"))
    assert told(path, check=True) == told(path)
    assert sorted((name, os.stat(path / "new" / name).st_mtime_ns) for name in os.listdir(path / "new")) == before


def test_messages_come_in_order_and_up_to_a_number(tmp_path: Path) -> None:
    path = maildir(tmp_path / "Maildir", *(mail(str(number), str(number)) for number in range(5)))

    def subjects(**given: t.Any) -> t.List[str]:
        return [row["subject"] for row in told(path, **given).result["messages"]]

    assert subjects() == ["4", "3", "2", "1", "0"]
    assert subjects(order="oldest", max_messages=2) == ["0", "1"]
    assert subjects(max_messages=0) == []
    assert subjects(match={"subject": "[13]"}) == ["3", "1"]
    assert subjects(match={"subject": "[13]"}, max_messages=1) == ["3"]
    assert subjects(match={"body": "all GOOD"}, max_messages=1) == ["4"]


def test_messages_of_an_mbox_are_told_apart_by_their_offsets(tmp_path: Path) -> None:
    line = b"From ann@example.com Tue Feb  3 04:05:06 2026\n"
    first = line + mail("one").replace(b"\r\n", b"\n") + b"\n"
    (tmp_path / "mbox").write_bytes(first + line + mail("two", "2").replace(b"\r\n", b"\n") + b"\n")
    found = told(tmp_path / "mbox").result["messages"]
    assert [(row["subject"], row["offset"], row["id"]) for row in found] == [("two", len(first), str(len(first))), ("one", 0, "0")]


def test_lists_stop_and_counts_do_not(tmp_path: Path) -> None:
    result = told(maildir(tmp_path / "Maildir", *(mail(key=str(number)) for number in range(4))), max_listed=2).result
    assert (len(result["messages"]), result["counts"]["messages"], result["truncated"]) == (2, 4, True)
    assert not told(tmp_path / "Maildir", max_listed=-1).result["truncated"]


def test_what_is_too_large_is_listed_and_not_read(tmp_path: Path) -> None:
    path = maildir(tmp_path / "Maildir", mail(body="x" * 5000), mail(key="2"))
    result = told(path, max_size="1K").result
    assert [row["message_id"] for row in result["messages"]] == ["<2@example.com>"]
    assert [(row["id"], row["reason"]) for row in result["skipped_messages"]] == [("1770000000.a.host", "it is larger than max_size")]
    assert result["counts"]["skipped"] == 1


def test_what_is_no_message_is_listed_and_hides_no_other(tmp_path: Path) -> None:
    path = maildir(tmp_path / "Maildir", b"", mail(), b"\x00\xff\xfe")
    outcome = told(path)
    assert len(outcome.result["messages"]) == 1
    assert [(row["kind"], row["reason"]) for row in outcome.result["broken"]] == [("protocol", "it has no header, so it is no message")] * 2
    assert outcome.failure is None


def test_what_could_not_be_read_fails_the_task_after_all_others_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mbox"
    line = b"From ann@example.com Tue Feb  3 04:05:06 2026\n"
    path.write_bytes(line + mail() + b"\n" + line + mail(key="2"))

    def cut(where: str, kind: str) -> Mailbox:
        """As somebody who expires the second message just after it was listed."""
        mailbox = open_mailbox(where, kind)
        os.truncate(where, mailbox.places[1].offset or 0)
        return mailbox

    monkeypatch.setattr(job, "open_mailbox", cut)
    outcome = told(path)
    assert [row["message_id"] for row in outcome.result["messages"]] == ["<1@example.com>"]
    assert [row["kind"] for row in outcome.result["broken"]] == ["changed_underfoot"]
    assert outcome.failure is not None
    assert outcome.failure.kind == "changed_underfoot"


def test_the_message_with_the_same_id_is_compared(tmp_path: Path) -> None:
    (tmp_path / "sent.eml").write_bytes(mail(key="7"))
    path = maildir(tmp_path / "Maildir", mail(key="6"), mail(key="7", top=TRACE), mail(key="8"))
    result = told(path, compare_with=str(tmp_path / "sent.eml")).result
    assert (result["same"], result["same_body"], result["same_headers"], result["same_attachments"]) == (True, True, True, True)
    assert [row["name"] for row in result["added_headers"]] == ["Delivered-To", "Received"]
    assert (result["compared"]["sent"]["id"], result["compared"]["read"]["id"]) == ("sent.eml", "1770000001.a.host")
    assert len(result["messages"]) == 3


def test_the_one_that_went_further_is_the_one_as_read_whichever_is_named_first(tmp_path: Path) -> None:
    (tmp_path / "sent.eml").write_bytes(mail())
    (tmp_path / "read.eml").write_bytes(mail(top=TRACE, body="All bad.\r\n"))
    one = told(tmp_path / "sent.eml", compare_with=str(tmp_path / "read.eml")).result
    other = told(tmp_path / "read.eml", compare_with=str(tmp_path / "sent.eml")).result
    assert one["compared"] == other["compared"]
    assert one["differences"] == other["differences"] == ['part 1 (text/plain): line 1 was "All good." and is "All bad."']
    assert (one["same_body"], one["same_headers"]) == (False, True)


def test_headers_are_left_out_of_the_comparison_on_demand(tmp_path: Path) -> None:
    (tmp_path / "sent.eml").write_bytes(mail())
    (tmp_path / "read.eml").write_bytes(mail(subject="[list] Report", top=TRACE))
    result = told(tmp_path / "read.eml", compare_with=str(tmp_path / "sent.eml"), ignore_headers=["Subject", "received"]).result
    assert result["same_headers"]
    assert [row["name"] for row in result["added_headers"]] == ["Delivered-To"]


def test_two_single_messages_are_compared_whatever_their_ids(tmp_path: Path) -> None:
    (tmp_path / "sent.eml").write_bytes(mail(key="1"))
    (tmp_path / "read.eml").write_bytes(mail(key="2"))
    result = told(tmp_path / "read.eml", compare_with=str(tmp_path / "sent.eml")).result
    assert [row["name"] for row in result["changed_headers"]] == ["Message-ID"]


def test_no_message_to_compare_with_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "sent.eml").write_bytes(mail(key="9"))
    path = maildir(tmp_path / "Maildir", mail(key="1"), mail(key="2"))
    with pytest.raises(FleetproofError, match=r"no message with the Message-ID <9@example\.com>") as caught:
        told(path, compare_with=str(tmp_path / "sent.eml"))
    assert caught.value.kind == "not_found"
    with pytest.raises(FleetproofError, match="has 2 messages, and must have one"):
        told(tmp_path / "sent.eml", compare_with=str(path))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"max_size": "big"}, "max_size"),
        ({"max_parts": 0}, "max_parts"),
        ({"max_depth": -1}, "max_depth"),
        ({"max_messages": -1}, "max_messages"),
        ({"max_listed": -2}, "max_listed"),
        ({"keywords": ["/(/"]}, "keywords"),
        ({"match": {"subject": "("}}, "match.subject"),
        ({"compare_with": "/nothing/there"}, "compare_with"),
    ],
)
def test_options_that_make_no_sense_are_told(tmp_path: Path, given: t.Dict[str, t.Any], sentence: str) -> None:
    (tmp_path / "a.eml").write_bytes(mail())
    with pytest.raises(FleetproofError, match=sentence):
        told(tmp_path / "a.eml", **given)


def test_limits_on_parts_hold(tmp_path: Path) -> None:
    raw = b"From: a@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 50 + b"--b--\r\n"
    (tmp_path / "a.eml").write_bytes(raw)
    assert any("more than 10 parts" in sentence for sentence in told(tmp_path / "a.eml", max_parts=10).result["messages"][0]["defects"])
