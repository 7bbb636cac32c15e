# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import mailbox
import sys
import typing as t
from pathlib import Path

import pytest

from .conftest import Sender


def in_fours(send: Sender, **given: t.Any) -> t.List[t.Tuple[bool, str]]:
    outcomes = [send(check=check, **given) for check in (True, False, True, False)]
    assert [outcome.failure for outcome in outcomes] == [None] * 4
    return [(outcome.changed, outcome.result["state"]) for outcome in outcomes]


ONCE = [(True, "sent"), (True, "sent"), (False, "skipped"), (False, "skipped")]


def test_a_maildir_is_made_and_gets_the_mail_once(send: Sender) -> None:
    path = send.folder / "deep" / "Maildir"
    assert in_fours(send, transport="maildir", path=str(path), subject="报告") == ONCE
    (message,) = mailbox.Maildir(str(path), create=False)
    assert message["Message-ID"].endswith("@example.com>")
    assert list((path / "tmp").iterdir()) == []
    assert (path / "new").stat().st_mode & 0o777 == 0o700


def test_check_mode_makes_no_maildir(send: Sender) -> None:
    send(check=True, transport="maildir", path=str(send.folder / "Maildir"))
    assert list(send.folder.iterdir()) == []


@pytest.mark.parametrize("read", [False, True])
def test_a_run_that_was_cut_off_looks_into_the_maildir(send: Sender, read: bool) -> None:
    path = send.folder / "Maildir"
    send(transport="maildir", path=str(path))
    # as if the run had died before it could write down that the mail is there
    lines = send.ledger.read_text(encoding="utf-8").splitlines(keepends=True)
    assert json.loads(lines[-1])["step"] == "sent"
    send.ledger.write_text("".join(lines[:-1]), encoding="utf-8")
    (found,) = (path / "new").iterdir()
    if read:
        found.rename(path / "cur" / (found.name + ":2,S"))
    outcome = send(transport="maildir", path=str(path))
    assert (outcome.changed, outcome.result["state"], outcome.failure) == (False, "skipped", None)
    assert len(mailbox.Maildir(str(path), create=False)) == 1


def test_a_run_that_was_cut_off_before_the_mail_was_there_is_made_good(send: Sender) -> None:
    path = send.folder / "Maildir"
    send(transport="maildir", path=str(path))
    lines = send.ledger.read_text(encoding="utf-8").splitlines(keepends=True)
    send.ledger.write_text("".join(lines[:-1]), encoding="utf-8")
    for found in (path / "new").iterdir():
        found.unlink()
    outcome = send(transport="maildir", path=str(path))
    assert (outcome.changed, outcome.result["state"], outcome.failure) == (True, "sent", None)


def test_a_file_that_is_no_maildir_is_left_alone(send: Sender) -> None:
    (send.folder / "file").write_text("mine", encoding="utf-8")
    outcome = send(transport="maildir", path=str(send.folder / "file"))
    assert outcome.failure is not None
    assert (outcome.changed, outcome.failure.kind) == (False, "argument")
    assert (send.folder / "file").read_text(encoding="utf-8") == "mine"


def test_a_maildir_with_a_file_for_a_folder_is_found_out_in_check_mode_too(send: Sender) -> None:
    (send.folder / "M").mkdir()
    (send.folder / "M" / "new").touch()
    for check in (True, False):
        outcome = send(check=check, transport="maildir", path=str(send.folder / "M"))
        assert (outcome.changed, outcome.result["state"]) == (False, "failed")
    assert [path.name for path in (send.folder / "M").iterdir()] == ["new"]


def test_an_eml_file_is_written_once_and_again_when_it_is_gone(send: Sender) -> None:
    path = send.folder / "report.eml"
    assert in_fours(send, transport="eml", path=str(path)) == ONCE
    assert path.stat().st_mode & 0o777 == 0o600
    first = path.read_bytes()
    path.unlink()
    assert in_fours(send, transport="eml", path=str(path)) == ONCE
    assert path.read_bytes() == first


def test_another_mail_takes_the_place_of_the_file(send: Sender) -> None:
    path = send.folder / "report.eml"
    for subject in ("1", "2", "1"):
        assert in_fours(send, transport="eml", path=str(path), subject=subject) == ONCE
        assert b"Subject: %s\r\n" % subject.encode() in path.read_bytes()


def test_in_a_directory_each_mail_has_a_file(send: Sender) -> None:
    folder = send.folder / "out"
    folder.mkdir()
    for subject in ("1", "2"):
        assert in_fours(send, transport="eml", path=str(folder), subject=subject) == ONCE
    assert len(list(folder.iterdir())) == 2


def test_a_copy_in_a_file_is_not_a_mail_sent(send: Sender) -> None:
    send(transport="eml", path=str(send.folder / "a.eml"))
    assert send(transport="eml", path=str(send.folder / "b.eml")).changed
    assert send().result["state"] == "sent"
    assert send().result["state"] == "skipped"


PROGRAM = """#!%s
import json, os, sys, time
here = os.path.dirname(os.path.abspath(__file__))
wanted = open(os.path.join(here, "behaviour")).read()
if wanted == "hang":
    time.sleep(60)
if wanted == "die":
    os.kill(os.getpid(), 9)
data = sys.stdin.buffer.read()
json.dump([sys.argv[1:], data.decode("latin-1"), dict(os.environ)], open(os.path.join(here, "got-%%d" %% os.getpid()), "w"))
print("words of the program")
sys.exit(int(wanted))
"""


class Program:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.path = folder / "sendmail"
        self.path.write_text(PROGRAM % sys.executable, encoding="utf-8")
        self.path.chmod(0o755)
        self.behave("0")

    def behave(self, what: str) -> None:
        (self.folder / "behaviour").write_text(what, encoding="utf-8")

    def got(self) -> t.List[t.Any]:
        return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(self.folder.glob("got-*"))]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path / "bin")


def test_the_local_sendmail_gets_it_once_without_a_shell_and_without_the_password(send: Sender, program: Program) -> None:
    given = {
        "transport": "sendmail",
        "path": str(program.path),
        "to": ["`reboot`$HOME@example.com", "a@example.com"],
        "username": "fleet",
        "password": "correct horse",
    }
    assert in_fours(send, **given) == ONCE
    ((arguments, data, environ),) = program.got()
    assert arguments == ["-i", "-f", "fleet@example.com", "--", "`reboot`$HOME@example.com", "a@example.com"]
    assert "\r" not in data
    assert data.startswith("Date: ")
    assert "horse" not in json.dumps([arguments, data, environ])


def test_what_sendmail_refuses_is_refused_for_all_and_tried_by_the_next_run(send: Sender, program: Program) -> None:
    program.behave("67")
    outcome = send(transport="sendmail", path=str(program.path))
    assert (outcome.changed, outcome.result["state"]) == (False, "failed")
    assert outcome.result["refused"]["ops@example.com"]["code"] == 67
    assert "words of the program" in outcome.result["refused"]["ops@example.com"]["message"]
    assert outcome.failure is not None
    assert not outcome.failure.retryable
    program.behave("0")
    assert send(transport="sendmail", path=str(program.path)).result["state"] == "sent"


@pytest.mark.parametrize(("behaviour", "kind"), [("hang", "timeout"), ("die", "connect")])
def test_a_sendmail_that_is_stopped_leaves_it_unknown(send: Sender, program: Program, behaviour: str, kind: str) -> None:
    program.behave(behaviour)
    outcome = send(transport="sendmail", path=str(program.path), timeout=0.1)
    assert outcome.failure is not None
    assert (outcome.changed, outcome.result["state"], outcome.failure.kind) == (True, "unknown", kind)


def test_a_sendmail_that_is_not_there_is_named(send: Sender) -> None:
    outcome = send(transport="sendmail", path=str(send.folder / "none"))
    assert outcome.failure is not None
    assert (outcome.failure.kind, str(send.folder / "none") in outcome.failure.message) == ("dependency", True)
    assert not send.ledger.exists()


def test_a_sendmail_that_may_have_queued_the_mail_does_not_get_it_twice(send: Sender, program: Program) -> None:
    program.behave("75")
    given = {"transport": "sendmail", "path": str(program.path)}
    first = send(**given)
    assert first.failure is not None
    assert (first.changed, first.result["state"], first.failure.retryable) == (True, "unknown", False)
    assert "status 75" in first.failure.message
    program.behave("0")
    assert (send(**given).result["state"], len(program.got())) == ("unknown", 1)
    assert send(**given, on_unknown="resend").result["state"] == "sent"
