# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import stat
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._message.attachments import AttachmentFolder, save_attachments
from ansible_collections.fleetproof.backup.plugins.module_utils._message.parse import Message, parse


def message(*attachments: tuple) -> Message:
    """A mail with attachments ``(name, octets)``."""
    parts = [b'--b\r\nContent-Disposition: attachment; filename="%s"\r\n\r\n%s\r\n' % (name.encode(), octets) for name, octets in attachments]
    return parse(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n" + b"".join(parts) + b"--b--\r\n")


def files(directory: Path) -> dict:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def names(rows: list) -> list:
    return [row["path"] and os.path.basename(row["path"]) for row in rows]


def test_attachments_are_saved_once(tmp_path: Path) -> None:
    mail = message(("a.txt", b"one"), ("b.txt", b"two"))
    dest = tmp_path / "deep" / "dest"
    changed, rows = save_attachments(mail, str(dest), ["*"], "k", True)
    assert changed
    assert files(dest) == {"a.txt": b"one", "b.txt": b"two"}
    assert [row["path"] for row in rows] == [str(dest / "a.txt"), str(dest / "b.txt")]
    assert rows[0]["sha256"] == "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    assert stat.S_IMODE((dest / "a.txt").stat().st_mode) == 0o600
    assert stat.S_IMODE(dest.stat().st_mode) == 0o700
    assert save_attachments(mail, str(dest), ["*"], "k", True) == (False, rows)


def test_check_mode_says_what_would_be_and_writes_nothing(tmp_path: Path) -> None:
    mails = [message(("a.txt", b"one"), ("a.txt", b"two")), message(("a.txt", b"three")), message(("a.txt", b"one"))]
    said = AttachmentFolder(str(tmp_path / "dest"), None, False)
    foretold = [said.save(mail, "k") for mail in mails]
    assert not (tmp_path / "dest").exists()
    done = AttachmentFolder(str(tmp_path / "dest"), None, True)
    assert [done.save(mail, "k") for mail in mails] == foretold
    assert [changed for changed, _rows in foretold] == [True, True, False]
    again = AttachmentFolder(str(tmp_path / "dest"), None, False)
    assert [again.save(mail, "k")[0] for mail in mails] == [False, False, False]


def test_one_name_in_two_messages_overwrites_nothing(tmp_path: Path) -> None:
    first, second = message(("a.txt", b"one")), message(("a.txt", b"two"))
    save_attachments(first, str(tmp_path), [], "1", True)
    _changed, rows = save_attachments(second, str(tmp_path), [], "2", True)
    assert names(rows) == ["a-3fc4ccfe745870e2.txt"]
    assert files(tmp_path) == {"a.txt": b"one", "a-3fc4ccfe745870e2.txt": b"two"}
    assert save_attachments(second, str(tmp_path), [], "2", True) == (False, rows)
    assert not save_attachments(first, str(tmp_path), [], "1", True)[0]


def test_names_of_one_message_are_told_apart_whatever_their_case(tmp_path: Path) -> None:
    _changed, rows = save_attachments(message(("a.txt", b"1"), ("A.TXT", b"2"), ("x/a.txt", b"3")), str(tmp_path), [], "k", True)
    assert names(rows) == ["a.txt", "A (2).TXT", "a (3).txt"]


@pytest.mark.parametrize("name", ["../../evil", "/evil", "..\\\\..\\\\evil", "x/../evil"])
def test_no_name_leaves_the_directory(tmp_path: Path, name: str) -> None:
    dest = tmp_path / "a" / "b"
    save_attachments(message((name, b"x")), str(dest), [], "k", True)
    assert files(dest) == {"evil": b"x"}
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_link_or_directory_of_the_name_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"one")
    dest = tmp_path / "dest"
    dest.mkdir()
    (dest / "a.txt").symlink_to(target)
    (dest / "b.txt").mkdir()
    os.mkfifo(dest / "c.txt")
    _changed, rows = save_attachments(message(("a.txt", b"one"), ("b.txt", b""), ("c.txt", b"")), str(dest), [], "k", True)
    assert names(rows) == ["a-7692c3ad3540bb80.txt", "b-e3b0c44298fc1c14.txt", "c-e3b0c44298fc1c14.txt"]
    assert target.read_bytes() == b"one"
    assert (dest / "a.txt").is_symlink()


def test_a_sender_who_takes_the_names_of_the_next_mail_keeps_nothing_from_being_saved(tmp_path: Path) -> None:
    theirs = message(("a.txt", b"other"), ("a-7692c3ad3540bb80.txt", b"0ne"), ("attachment-7692c3ad3540bb80.bin", b"1"), ("-rf", b"2"))
    save_attachments(theirs, str(tmp_path), [], "1", True)
    before = files(tmp_path)
    mail = parse(b"Content-Type: application/x-any; name=a.txt\r\n\r\none")
    foretold = save_attachments(mail, str(tmp_path), [], "2", False)
    assert names(foretold[1]) == ["attachment-7692c3ad3540bb80-2.bin"]
    assert save_attachments(mail, str(tmp_path), [], "2", True) == foretold
    assert files(tmp_path) == {**before, "attachment-7692c3ad3540bb80-2.bin": b"one"}
    assert save_attachments(mail, str(tmp_path), [], "2", True) == (False, foretold[1])
    assert "_-rf" in before


@pytest.mark.parametrize("code", [errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL])
def test_a_name_that_the_file_system_does_not_take_is_replaced_by_a_plain_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    real = os.open

    def short_and_plain(path: t.Any, *args: t.Any, **more: t.Any) -> int:
        if isinstance(path, bytes) and (len(path) > 143 or not path.isascii()):
            raise OSError(code, os.strerror(code))
        return real(path, *args, **more)

    monkeypatch.setattr(os, "open", short_and_plain)
    changed, rows = save_attachments(message(("x" * 190 + ".txt", b"one"), ("é.txt", b"")), str(tmp_path), [], "k", True)
    assert changed
    assert names(rows) == ["attachment-7692c3ad3540bb80.txt", "attachment-e3b0c44298fc1c14.txt"]


def test_a_directory_called_like_a_leftover_is_left_alone(tmp_path: Path) -> None:
    planted = tmp_path / ".fleetproof-0000000000000001.tmp"
    planted.mkdir()
    os.utime(planted, (time.time() - 7200,) * 2)
    assert save_attachments(message(("a", b"x")), str(tmp_path), [], "k", True)[0]
    assert planted.is_dir()


def test_patterns_choose_by_the_decoded_name_without_case(tmp_path: Path) -> None:
    mail = message(("REPORT.Pdf", b"1"), ("=?utf-8?b?5aSH5Lu9?=.pdf", b"2"), ("a.txt", b"3"), ("x.pdf.exe", b"4"))
    _changed, rows = save_attachments(mail, str(tmp_path), ["*.PDF"], "k", True)
    assert names(rows) == ["REPORT.Pdf", "备份.pdf", None, None]
    assert sorted(files(tmp_path)) == ["REPORT.Pdf", "备份.pdf"]
    none = tmp_path / "none"
    assert not save_attachments(mail, str(none), ["*.iso"], "k", True)[0]
    assert not none.exists()


def test_an_attachment_without_a_name_gets_one_from_its_type(tmp_path: Path) -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/rfc822\n\nSubject: y\n\nz\n--b--\n"
    _changed, rows = save_attachments(parse(raw), str(tmp_path), ["*.eml"], "k", True)
    assert names(rows) == ["attachment-1.eml"]


def test_what_a_killed_run_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    old, new, other = (tmp_path / name for name in (".fleetproof-0000000000000001.tmp", ".fleetproof-0000000000000002.tmp", ".x.tmp"))
    for path in (old, new, other):
        path.write_bytes(b"half")
    for path in (old, other):
        os.utime(path, (time.time() - 7200,) * 2)
    save_attachments(message(("a", b"x")), str(tmp_path), [], "k", False)
    assert old.exists()
    save_attachments(message(("a", b"x")), str(tmp_path), [], "k", True)
    assert sorted(files(tmp_path)) == [new.name, other.name, "a"]


@pytest.mark.parametrize("apply", [True, False])
def test_a_directory_that_cannot_be_is_an_error_in_check_mode_as_well(tmp_path: Path, apply: bool) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FleetproofError, match="file"):
        save_attachments(message(("a", b"x")), str(tmp_path / "file" / "dest"), [], "k", apply)
