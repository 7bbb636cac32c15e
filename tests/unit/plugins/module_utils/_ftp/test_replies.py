# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._ftp.replies import Assembly, Reply, error_of, says_busy, says_gone, wants_tls


def assembled(*lines: bytes) -> t.Tuple[Reply, int]:
    """The reply, and how many of the lines it took."""
    assembly = Assembly()
    for number, line in enumerate(lines, 1):
        if assembly.add(line):
            return assembly.reply(bytes.decode), number
    raise AssertionError("the reply does not end")


@pytest.mark.parametrize(
    ("lines", "code", "text"),
    [
        ([b"220 ready"], 220, "ready"),
        ([b"220"], 220, ""),
        ([b"220-"], None, ""),
        ([b"123-First line", b"Second line", b"234 A line beginning with numbers", b"123 The last line"], 123, None),
        ([b"150-one", b"150-two", b"226 not the end", b"1500 files", b"150 three"], 150, "one two 226 not the end 1500 files three"),
        ([b"211-Features:", b" MDTM", b"", b" SIZE", b"211 End"], 211, "Features: MDTM  SIZE End"),
        ([b"220-Welcome", b"220"], 220, "Welcome"),
    ],
)
def test_a_reply_ends_with_the_line_of_its_code_and_a_blank(lines: t.List[bytes], code: t.Optional[int], text: t.Optional[str]) -> None:
    if code is None:
        with pytest.raises(AssertionError):
            assembled(*lines)
        return
    reply, taken = assembled(*lines)
    assert (reply.code, taken, len(reply.lines)) == (code, len(lines), len(lines))
    assert text is None or reply.text == text


@pytest.mark.parametrize("line", [b"", b"hello", b"99 no", b"600 no", b"2200 four digits", b"22", b"SSH-2.0-OpenSSH", b" 220 late", b"\xff\xfb220 x"])
def test_what_is_not_ftp_is_told(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        Assembly().add(line)


@pytest.mark.parametrize(
    ("code", "text", "kind", "retryable"),
    [
        # vsftpd
        (421, "There are too many connected users, please try later.", "busy", True),
        (421, "Timeout.", "connect", True),
        (530, "Login incorrect.", "auth", False),
        (550, "Permission denied.", "permission", False),
        (550, "Failed to open file.", "refused", False),
        (553, "Could not create file.", "permission", False),
        (426, "Failure writing network stream.", "connect", True),
        (522, "SSL connection failed: session reuse required", "tls", False),
        # proftpd
        (550, "/nono: No such file or directory", "not_found", False),
        (550, "/x: Permission denied", "permission", False),
        (425, "Unable to build data connection: Operation not permitted", "connect", True),
        (451, "/x: Disk quota exceeded", "no_space", False),
        (552, "Transfer aborted. Disc quota exceeded", "no_space", False),
        # pure-ftpd
        (421, "50 users (the maximum) are already logged in, sorry", "busy", True),
        (421, "Sorry, cleartext sessions and weak ciphers are not accepted on this server. Please use TLS", "tls", False),
        (553, "Can't open that file: No such file or directory", "not_found", False),
        (550, "Can't create directory: File exists", "refused", False),
        (450, "/x is being used by another client", "busy", True),
        (451, "Write error", "busy", True),
        (452, "No space left on device", "no_space", False),
        (500, "Unknown command", "protocol", False),
        (502, "Not implemented", "refused", False),
        (504, "Not for this parameter", "refused", False),
        (501, "Bad path", "argument", False),
        (534, "Need TLS", "tls", False),
        (431, "Unavailable", "tls", False),
        (430, "Wrong", "auth", False),
        (454, "Odd", "refused", True),
        (250, "Should not have been good", "protocol", False),
    ],
)
def test_a_refusal_has_a_kind(code: int, text: str, kind: str, retryable: bool) -> None:
    error = error_of(Reply(code, [text]), "do it", "ftp.example:21")
    assert (error.kind, error.retryable) == (kind, retryable)
    assert error.message == "Could not do it on ftp.example:21: %d %s" % (code, text)


def test_a_name_says_nothing_of_the_reason() -> None:
    reply = Reply(550, ["/srv/No such file: failed"])
    assert error_of(reply, "x", "y", "/srv/No such file").kind == "refused"
    assert not says_gone(reply, "/srv/No such file")
    assert says_gone(Reply(550, ["/srv/permission: No such file or directory"]), "/srv/permission")
    assert error_of(Reply(550, ["denied.txt: Not found"]), "x", "y", "/srv/denied.txt").kind == "not_found"


def test_doubt_is_permission() -> None:
    reply = Reply(550, ["No such file or permission denied"])
    assert error_of(reply, "x", "y").kind == "permission"
    assert not says_gone(reply, "/x")


def test_what_a_server_says_does_nothing_to_a_terminal_and_is_cut() -> None:
    message = error_of(Reply(550, ["\x1b[2J" + "x" * 10000]), "do it", "here").message
    assert "\x1b" not in message
    assert "\\x1b[2J" in message
    assert len(message) < 600


@pytest.mark.parametrize(
    ("reply", "busy", "tls"),
    [
        (Reply(530, ["Sorry, the maximum number of clients (3) for this user already connected."]), True, False),
        (Reply(530, ["Login incorrect."]), False, False),
        (Reply(530, ["Maximum login attempts. Disconnecting."]), False, False),
        (Reply(530, ["Password incorrect, try again later"]), False, False),
        (Reply(530, ["Too many failed logins"]), False, False),
        (Reply(530, ["Non-anonymous sessions must use encryption."]), False, True),
        (Reply(550, ["SSL/TLS required on the control channel"]), False, True),
        (Reply(530, ["Unauthorized author"]), False, False),
    ],
)
def test_why_a_login_was_refused_is_told_by_the_text(reply: Reply, busy: bool, tls: bool) -> None:
    assert (says_busy(reply), wants_tls(reply)) == (busy, tls)
