# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import threading
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.mail_files import Mailbox, open_mailbox

LINE = b"From ann@example.com Tue Feb  3 04:05:06 2026\n"
MAX = 10**6


def maildir(path: Path, **files: bytes) -> Path:
    """A Maildir; names are FOLDER__NAME."""
    for folder in ("new", "cur", "tmp"):
        (path / folder).mkdir(parents=True)
    for name, raw in files.items():
        (path / name.replace("__", "/")).write_bytes(raw)
    return path


def contents(mailbox: Mailbox) -> t.List[t.Optional[bytes]]:
    return [mailbox.read(place, MAX) for place in mailbox.places]


def test_each_kind_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(b"A: 1\n\n")
    (tmp_path / "mbox").write_bytes(LINE + b"A: 1\n\n")
    (tmp_path / "empty").write_bytes(b"")
    assert [open_mailbox(str(path), "auto").kind for path in (tmp_path / "a.eml", tmp_path / "mbox", tmp_path, maildir(tmp_path / "Maildir"))] == [
        "eml",
        "mbox",
        "eml",
        "maildir",
    ]
    assert open_mailbox(str(tmp_path / "empty"), "auto").places == []


def test_an_empty_file_that_says_it_is_a_message_is_one_without_a_header(tmp_path: Path) -> None:
    (tmp_path / "sent.eml").write_bytes(b"")
    mailbox = open_mailbox(str(tmp_path / "sent.eml"), "auto")
    assert (mailbox.kind, contents(mailbox)) == ("eml", [b""])


def test_an_eml_file_is_one_message(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"A: 1\r\n\r\nx")
    for kind in ("auto", "eml"):
        mailbox = open_mailbox(str(path), kind)
        assert contents(mailbox) == [b"A: 1\r\n\r\nx"]
        assert (mailbox.places[0].key, mailbox.places[0].offset) == ("a", None)


def test_messages_of_an_mbox_have_their_places(tmp_path: Path) -> None:
    path = tmp_path / "mbox"
    path.write_bytes(LINE + b"A: 1\n\n>>From x\n\n" + LINE + b"B: 2\n\ny\n")
    mailbox = open_mailbox(str(path), "auto")
    assert [place.offset for place in mailbox.places] == [0, len(LINE) + 16]
    assert contents(mailbox) == [b"A: 1\n\n>From x\n", b"B: 2\n\ny\n"]
    assert contents(open_mailbox(str(path), "mboxo"))[0] == b"A: 1\n\n>>From x\n"


def test_a_directory_of_files_has_those_that_are_called_eml(tmp_path: Path) -> None:
    for number, name in enumerate(["b.eml", "a.EML", "c.txt", ".hidden.eml"]):
        (tmp_path / name).write_bytes(b"A: %d\n\n" % number)
        os.utime(tmp_path / name, (1000 + number, 1000 + number))
    assert [place.key for place in open_mailbox(str(tmp_path), "auto").places] == ["b.eml", "a.EML"]


def test_a_maildir_is_read_in_the_order_of_delivery_with_its_flags(tmp_path: Path) -> None:
    files = {"new__1770000002.M1.host": b"B: 2\n\n", "cur__1770000001.M9.host:2,RS": b"A: 1\n\n", "cur__1770000003.M0.host:2,": b"C: 3\n\n", "tmp__1.x": b"no"}
    path = maildir(tmp_path / "Maildir", **files)
    (path / ".Sent" / "cur").mkdir(parents=True)
    (path / ".Sent" / "cur" / "1.x").write_bytes(b"no")
    (path / "cur" / ".nfs1").write_bytes(b"no")
    mailbox = open_mailbox(str(path), "auto")
    assert contents(mailbox) == [b"A: 1\n\n", b"B: 2\n\n", b"C: 3\n\n"]
    assert [(place.key, place.flags) for place in mailbox.places] == [("1770000001.M9.host", "RS"), ("1770000002.M1.host", ""), ("1770000003.M0.host", "")]


def test_a_message_that_moved_meanwhile_is_read_and_one_that_is_gone_is_no_error(tmp_path: Path) -> None:
    path = maildir(tmp_path / "Maildir", **{"new__1.a.host": b"A: 1\n\n", "new__2.b.host": b"B: 2\n\n", "cur__3.c.host:2,S": b"C: 3\n\n"})
    mailbox = open_mailbox(str(path), "maildir")
    (path / "new" / "1.a.host").rename(path / "cur" / "1.a.host:2,S")
    (path / "new" / "2.b.host").unlink()
    (path / "cur" / "3.c.host:2,S").rename(path / "cur" / "3.c.host:2,RS")
    assert contents(mailbox) == [b"A: 1\n\n", None, b"C: 3\n\n"]


def test_an_eml_file_that_is_gone_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(b"A: 1\n\n")
    mailbox = open_mailbox(str(tmp_path), "auto")
    (tmp_path / "a.eml").unlink()
    assert contents(mailbox) == [None]


def test_the_path_may_be_a_link_and_links_inside_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"S: 1\n\n")
    path = maildir(tmp_path / "Maildir", **{"new__1.a": b"A: 1\n\n"})
    (path / "new" / "2.b").symlink_to(tmp_path / "secret")
    os.mkfifo(path / "cur" / "3.c")
    (tmp_path / "link").symlink_to(path)
    mailbox = open_mailbox(str(tmp_path / "link"), "auto")
    assert contents(mailbox) == [b"A: 1\n\n"]
    assert [(os.path.basename(name), reason) for name, reason in mailbox.left_out] == [
        ("3.c", "it is not a regular file"),
        ("2.b", "it is a symbolic link, which is not followed"),
    ]


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("/etc/passwd"), os.mkfifo], ids=["link", "fifo"])
def test_what_takes_the_place_of_a_message_is_not_opened(tmp_path: Path, make: t.Callable[[Path], None]) -> None:
    path = maildir(tmp_path / "Maildir", **{"new__1.a": b"A: 1\n\n"})
    mailbox = open_mailbox(str(path), "auto")
    (path / "new" / "1.a").unlink()
    make(path / "new" / "1.a")
    with pytest.raises(FleetproofError):
        mailbox.read(mailbox.places[0], MAX)


def test_a_folder_of_a_maildir_that_is_a_link_makes_it_none(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "cur").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FleetproofError, match="no Maildir"):
        open_mailbox(str(tmp_path / "box"), "maildir")


@pytest.mark.parametrize(
    ("name", "kind", "error", "sentence"),
    [
        ("nothing", "auto", "not_found", "there is nothing at"),
        ("file", "maildir", "argument", "is a file, and a Maildir is a directory"),
        ("file", "mbox", "argument", "is no mbox"),
        ("dir", "mbox", "argument", "is a directory, and an mbox is a file"),
        ("dir", "maildir", "argument", "is no Maildir"),
        ("fifo", "auto", "argument", "neither a file nor a directory"),
    ],
)
def test_a_path_that_will_not_do_is_told(tmp_path: Path, name: str, kind: str, error: str, sentence: str) -> None:
    (tmp_path / "file").write_bytes(b"A: 1\n\n")
    (tmp_path / "dir").mkdir()
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(FleetproofError, match=sentence) as caught:
        open_mailbox(str(tmp_path / name), kind)
    assert caught.value.kind == error


def test_an_mbox_that_was_rewritten_meanwhile_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mbox"
    path.write_bytes(LINE + b"A: 1\n\nx\n\n" + LINE + b"B: 2\n\n")
    mailbox = open_mailbox(str(path), "auto")
    path.write_bytes(LINE + b"B: 2\n\n")
    assert mailbox.read(mailbox.places[0], MAX) is not None
    with pytest.raises(FleetproofError) as caught:
        mailbox.read(mailbox.places[1], MAX)
    assert (caught.value.kind, caught.value.retryable) == ("changed_underfoot", True)


def test_a_file_that_grows_is_not_read_beyond_the_limit(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(b"A: 1\n\n" + b"x" * 100)
    mailbox = open_mailbox(str(tmp_path / "a.eml"), "auto")
    with pytest.raises(FleetproofError, match="grew") as caught:
        mailbox.read(mailbox.places[0], 50)
    assert caught.value.kind == "changed_underfoot"


def test_messages_that_come_and_go_meanwhile_are_no_error(tmp_path: Path) -> None:
    path = maildir(tmp_path / "Maildir")
    stop = threading.Event()

    def deliver() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            name = "%d.%d.host" % (1770000000 + number, number)
            (path / "tmp" / name).write_bytes(b"A: 1\n\n")
            os.rename(path / "tmp" / name, path / "new" / name)
            os.rename(path / "new" / name, path / "cur" / (name + ":2,S"))
            if number % 3:
                os.unlink(path / "cur" / (name + ":2,S"))

    mailer = threading.Thread(target=deliver)
    mailer.start()
    try:
        for _time in range(30):
            assert set(contents(open_mailbox(str(path), "auto"))) <= {b"A: 1\n\n", None}
    finally:
        stop.set()
        mailer.join()
