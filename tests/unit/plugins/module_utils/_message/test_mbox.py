# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mbox: read back by the standard library, whole after every kind of interruption, and locked."""

from __future__ import annotations

import contextlib
import fcntl
import mailbox
import os
import socket
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._message import mbox, mbox_lock
from ansible_collections.fleetproof.backup.plugins.module_utils._message.mbox import MboxStore, entry_of, from_line
from hypothesis import given
from hypothesis import strategies as st

RAW = b"From: Ann <ann@example.com>\r\nSubject: one\r\n\r\nHello\r\nFrom here\r\n>From there\r\n"
OTHER = b"Subject: two\r\n\r\nno line end"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made" / "inbox"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mbox_lock, "PATIENCE", 0.1)


def put(path: Path, raw: bytes, when: float = 0.0) -> t.Dict[str, t.Any]:
    """Store the message; what was announced."""
    announced: t.List[t.Dict[str, t.Any]] = []
    assert MboxStore(str(path)).put("k", raw, when, announced.append) == str(path)
    assert not Path(str(path) + ".lock").exists()
    return announced[0]


def subjects(path: Path) -> t.List[str]:
    with contextlib.closing(mailbox.mbox(str(path), create=False)) as box:
        return [str(message["subject"]) for message in box]


def test_messages_stand_one_after_the_other(path: Path) -> None:
    put(path, RAW)
    put(path, OTHER, 86400.0)
    assert path.read_bytes() == (
        b"From ann@example.com Thu Jan  1 00:00:00 1970\nFrom: Ann <ann@example.com>\nSubject: one\n\nHello\n>From here\n>>From there\n\n"
        b"From MAILER-DAEMON Fri Jan  2 00:00:00 1970\nSubject: two\n\nno line end\n\n"
    )
    assert subjects(path) == ["one", "two"]
    assert path.stat().st_mode & 0o777 == 0o600


@given(st.lists(st.sampled_from([b"From ", b">", b"From", b"x", b"\r\n", b"\n", b"\r", b" ", b"\xff", b"Content-Length: 3"])).map(b"".join))
def test_quoting_can_be_undone(body: bytes) -> None:
    raw = b"Subject: x\r\n\r\n" + body
    lines = entry_of(b"From x\n", raw).split(b"\n")[1:]
    assert not any(line.startswith(b"From ") for line in lines)
    undone = b"\n".join(line[1:] if line.lstrip(b">").startswith(b"From ") else line for line in lines)
    assert undone.rstrip(b"\n") == raw.replace(b"\r\n", b"\n").rstrip(b"\n")


@pytest.mark.parametrize(
    ("header", "sender"),
    [
        (b"Return-Path: <bounce@example.com>\r\nFrom: a@b.c\r\n", b"bounce@example.com"),
        (b"Return-Path: <>\r\n", b"MAILER-DAEMON"),
        (b"From: =?utf-8?q?x?= <a@b.c>\r\n", b"a@b.c"),
        (b"From: a@b.c (Ann)\r\n", b"a@b.c"),
        (b"From: nobody\r\n", b"MAILER-DAEMON"),
        (b"Return-Path: <a b@c.d>\r\n", b"MAILER-DAEMON"),
        (b"", b"MAILER-DAEMON"),
    ],
)
def test_the_first_line_has_the_sender_without_blanks(header: bytes, sender: bytes) -> None:
    assert from_line(header + b"\r\n", 0.0) == b"From %s Thu Jan  1 00:00:00 1970\n" % sender


@pytest.mark.parametrize("end", [b"", b"\n", b"x\n", b"x"])
def test_what_was_there_is_kept_and_ends_with_an_empty_line(path: Path, end: bytes) -> None:
    path.parent.mkdir()
    before = b"From a@b.c Thu Jan  1 00:00:00 1970\nSubject: zero\n\n" + end
    path.write_bytes(before)
    put(path, RAW)
    assert path.read_bytes().startswith(before)
    assert b"\n\nFrom ann@" in path.read_bytes()
    assert subjects(path) == ["zero", "one"]


def test_a_whole_message_is_found_where_it_was_announced_and_where_it_went(path: Path) -> None:
    put(path, OTHER)
    put(path, OTHER)
    intent = put(path, RAW)
    put(path, OTHER)
    # the server may show it with another header by now
    assert MboxStore(str(path)).settle("k", intent, RAW + b"x") == str(path)
    whole = path.read_bytes()
    first = entry_of(from_line(OTHER, 0.0), OTHER)
    path.write_bytes(whole[len(first) :])
    assert MboxStore(str(path)).settle("k", intent, RAW) == str(path)
    assert path.read_bytes() == whole[len(first) :]


def test_a_message_is_found_across_the_blocks_that_are_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(path, OTHER)
    intent = put(path, RAW)
    path.write_bytes(b"From x\n\n" + path.read_bytes())
    for size in range(1, 60):
        monkeypatch.setattr(mbox, "_BLOCK", size)
        assert MboxStore(str(path)).settle("k", intent, RAW) == str(path), size


def test_a_message_that_was_cut_off_anywhere_is_taken_back_and_put_whole(path: Path) -> None:
    put(path, OTHER)
    start = path.stat().st_size
    intent = put(path, RAW)
    whole = path.read_bytes()
    for end in range(start, len(whole)):
        path.write_bytes(whole[:end])
        store = MboxStore(str(path))
        assert store.settle("k", intent, RAW) is None
        assert path.read_bytes() == whole[:start]
        store.put("k", RAW, 0.0)
        assert path.read_bytes() == whole


@pytest.mark.parametrize("tail", [b"From somebody else\n", b"From ann@example.com Thu Jan  1 00:00:00 1970\nFrom: Bob"])
def test_what_is_not_proved_to_be_ours_is_never_cut_off(path: Path, tail: bytes) -> None:
    put(path, OTHER)
    before = path.read_bytes()
    intent = put(path, RAW)
    path.write_bytes(before + tail)
    assert MboxStore(str(path)).settle("k", intent, RAW) is None
    assert path.read_bytes() == before + tail


def test_what_another_program_has_put_behind_a_message_that_was_cut_off_is_not_read_as_a_part_of_it(path: Path) -> None:
    put(path, OTHER)
    start = path.stat().st_size
    intent = put(path, RAW)
    whole = path.read_bytes()
    for sender in (b"ann@example.com", b"bob@example.com"):
        foreign = b"From %s Thu Jan  1 00:00:00 1970\nSubject: foreign\n\ntext\n\n" % sender
        for end in range(start, len(whole)):
            path.write_bytes(whole[:end] + foreign)
            store = MboxStore(str(path))
            assert store.settle("k", intent, RAW) is None
            assert path.read_bytes().endswith(b"\n" + foreign), end
            assert path.read_bytes().startswith(whole[:start])
            store.put("k", RAW, 0.0)
            found = subjects(path)
            assert (found[0], found[-2:]) == ("two", ["foreign", "one"]), end


@pytest.mark.parametrize("intent", [{}, {"offset": -1, "length": 1, "digest": "", "line": ""}, {"offset": "1", "length": 1, "digest": "", "line": "x"}])
def test_an_intent_that_makes_no_sense_finds_nothing(path: Path, intent: t.Dict[str, t.Any]) -> None:
    put(path, RAW)
    before = path.read_bytes()
    assert MboxStore(str(path)).settle("k", intent, RAW) is None
    assert path.read_bytes() == before


def test_an_mbox_that_is_gone_is_settled_without_being_made(path: Path) -> None:
    intent = put(path, RAW)
    path.unlink()
    assert MboxStore(str(path)).settle("k", intent, RAW) is None
    assert not path.exists()


def test_a_failed_write_is_taken_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(path, OTHER)
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mbox.os, "fsync", full)
    with pytest.raises(FleetproofError) as caught:
        MboxStore(str(path)).put("k", RAW, 0.0)
    assert caught.value.kind == "no_space"
    assert path.read_bytes() == before


# -- locks --------------------------------------------------------------------------------------


def busy(path: Path) -> str:
    with pytest.raises(FleetproofError) as caught:
        MboxStore(str(path)).put("k", RAW, 0.0)
    assert caught.value.kind == "busy"
    return caught.value.message


def test_a_lock_of_another_program_is_waited_for_and_told(path: Path) -> None:
    put(path, OTHER)
    code = "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.lockf(f, fcntl.LOCK_EX); print('locked', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin
        assert other.stdout
        assert other.stdout.readline() == b"locked\n"
        assert "has locked the mbox" in busy(path)
        other.stdin.close()
    put(path, RAW)


@pytest.mark.parametrize("content", ["", "12345", "99999999:%s" % socket.gethostname(), "99999999:elsewhere:fleetproof", "%d:here" % os.getppid()])
def test_a_dot_lock_that_is_not_of_a_dead_run_of_ours_stays(path: Path, content: str) -> None:
    put(path, OTHER)
    lock = Path(str(path) + ".lock")
    lock.write_text(content)
    assert str(lock) in busy(path)
    assert lock.read_text() == content
    lock.unlink()
    put(path, RAW)


def test_a_dot_lock_of_a_run_that_lives_stays(path: Path) -> None:
    put(path, OTHER)
    lock = Path(str(path) + ".lock")
    lock.write_text("%d:%s:fleetproof" % (os.getppid(), socket.gethostname()))
    assert "in the way" in busy(path)


def test_a_dot_lock_of_a_run_that_was_killed_is_removed(path: Path) -> None:
    put(path, OTHER)
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    Path(str(path) + ".lock").write_text("%d:%s:fleetproof" % (gone.pid, socket.gethostname()))
    put(path, RAW)
    assert subjects(path) == ["two", "one"]


def test_both_locks_are_held_while_the_message_is_written(path: Path) -> None:
    def look(_intent: t.Dict[str, t.Any]) -> None:
        assert Path(str(path) + ".lock").read_text().startswith("%d:" % os.getpid())
        code = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
        assert subprocess.run([sys.executable, "-c", code, str(path)], stderr=subprocess.DEVNULL, check=False).returncode != 0

    MboxStore(str(path)).put("k", RAW, 0.0, look)
    with open(path, "r+b") as free:
        fcntl.lockf(free, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_an_mbox_that_a_mail_program_replaces_meanwhile_is_opened_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(path, OTHER)
    by_fcntl = mbox_lock._by_fcntl
    replaced: t.List[int] = []

    def replace(descriptor: int, where: str, end: float) -> None:
        if not replaced:
            replaced.append(1)
            new = path.with_name("new")
            new.write_bytes(b"")
            new.replace(path)
        by_fcntl(descriptor, where, end)

    monkeypatch.setattr(mbox_lock, "_by_fcntl", replace)
    put(path, RAW)
    assert subjects(path) == ["one"]


# -- places ---------------------------------------------------------------------------------------


def test_looking_changes_nothing(path: Path) -> None:
    MboxStore(str(path)).probe()
    assert not path.parent.exists()
    put(path, RAW)
    MboxStore(str(path)).probe()


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda path: path.write_bytes(b"From a letter\n"), None),
        (lambda path: path.write_bytes(b"Fr"), None),
        (lambda path: path.write_bytes(b"notes"), "argument"),
        (lambda path: path.mkdir(), "argument"),
        (lambda path: path.symlink_to("/etc/passwd"), "unsafe"),
        (os.mkfifo, "argument"),
    ],
)
def test_what_is_no_mbox_is_told_and_left_alone(tmp_path: Path, make: t.Callable[[Path], object], kind: t.Optional[str]) -> None:
    path = tmp_path / "inbox"
    make(path)
    if kind is None:
        MboxStore(str(path)).probe()
        return
    with pytest.raises(FleetproofError) as caught:
        MboxStore(str(path)).probe()
    assert caught.value.kind == kind


def test_a_dot_lock_that_cannot_be_written_on_a_full_disk_is_not_left_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(path, OTHER)

    def full() -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        # what is written into the lock is not to be had, as when there is no room for it
        patch.setattr(mbox_lock.socket, "gethostname", full)
        with pytest.raises(FleetproofError) as caught:
            MboxStore(str(path)).put("k", RAW, 0.0)
    assert (caught.value.kind, os.listdir(str(path.parent))) == ("no_space", [path.name])
    put(path, RAW)


def test_a_dot_lock_of_ours_that_is_older_than_any_run_is_removed_whoever_has_its_number_now(path: Path) -> None:
    put(path, OTHER)
    lock = Path(str(path) + ".lock")
    lock.write_text("%d:%s:fleetproof" % (os.getppid(), socket.gethostname()))
    os.utime(lock, (1, 1))
    put(path, RAW)
    assert subjects(path) == ["two", "one"]
