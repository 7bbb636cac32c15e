# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import threading
import time

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError

from .conftest import Script


def test_several_commands_go_out_at_once_and_have_their_replies_in_order(script: Script) -> None:
    script.answer_each("213 1\r\n", "550 no\r\n", "213-x\r\n y\r\n213 3\r\n")
    replies = script.control.exchange(["SIZE a", "SIZE b", "SIZE c"])
    assert [(reply.code, reply.text) for reply in replies] == [(213, "1"), (550, "no"), (213, "x y 3")]
    assert script.heard() == b"SIZE a\r\nSIZE b\r\nSIZE c\r\n"


def test_ten_thousand_commands_do_not_choke_on_each_other(script: Script) -> None:
    script.answer({"SIZE": "213 7" + "7" * 300 + "\r\n"})
    replies = script.control.exchange(["SIZE /%s%d" % ("x" * 200, number) for number in range(10000)])
    assert len(replies) == 10000


@pytest.mark.parametrize("greeting", ["220 Microsoft FTP Service", "220 MikroTik router"])
def test_servers_that_lose_commands_get_them_one_by_one(script: Script, greeting: str) -> None:
    script.say(greeting)
    script.control.heed(script.control.receive())
    script.answer_each("213 1\r\n")
    assert script.control.exchange(["SIZE a"])[0].text == "1"
    assert script.heard() == b"SIZE a\r\n"
    with pytest.raises(FleetproofError):
        script.control.exchange(["SIZE b", "SIZE c"])
    # the second would follow the answer to the first, and there is none
    assert script.heard() == b"SIZE b\r\n"


@pytest.mark.parametrize("name", ["a\rb", "a\nDELE b", "a\0b", "\r\n"])
def test_a_line_break_never_reaches_the_wire(script: Script, name: str) -> None:
    with pytest.raises(FleetproofError) as caught:
        script.control.command("RETR " + name)
    assert caught.value.kind == "unsafe"
    assert not script.control.broken
    script.answer_each("200 ok\r\n")
    script.control.command("NOOP")
    assert script.heard() == b"NOOP\r\n"


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        # as ProFTPD repeats it, pure-ftpd, and vsftpd, which does not
        (b"550 /.fleetproof-probe-\xff-: No such file\r\n", b"DELE /\xff\xff\xfe\r\n"),
        (b"550 /.fleetproof-probe-\xff\xff-: No such file\r\n", b"DELE /\xff\xfe\r\n"),
        (b"550 Could not get file size.\r\n", b"DELE /\xff\xfe\r\n"),
    ],
)
def test_the_escape_of_telnet_is_sent_twice_to_those_who_know_it(script: Script, said: bytes, sent: bytes) -> None:
    script.answer_each(said, b"250 gone\r\n", b"250 gone\r\n")
    for _time in range(2):
        assert script.control.command("DELE /\udcff\udcfe").code == 250
    assert script.heard() == b"SIZE /.fleetproof-probe-\xff\xff-\r\n" + sent + sent


def test_a_reply_without_end_is_refused(script: Script) -> None:
    script.answer({"STAT": "211-x\r\n" * 5000})
    with pytest.raises(FleetproofError) as caught:
        script.control.command("STAT")
    assert (caught.value.kind, caught.value.retryable) == ("protocol", False)
    assert script.control.broken


def test_a_reply_of_many_octets_is_refused(script: Script) -> None:
    script.answer({"STAT": "211-x\r\n" + ("y" * 8000 + "\r\n") * 40})
    with pytest.raises(FleetproofError) as caught:
        script.control.command("STAT")
    assert caught.value.kind == "protocol"


def test_what_does_not_speak_ftp_is_quoted(script: Script) -> None:
    script.say("HTTP/1.1 400 Bad Request")
    with pytest.raises(FleetproofError) as caught:
        script.control.receive()
    assert caught.value.message == "ftp.example:21 does not speak FTP as it should: HTTP/1.1 400 Bad Request"


def test_announcements_are_passed_over_but_not_for_ever(script: Script) -> None:
    script.say("120 in a minute", "220 now")
    assert script.control.final().code == 220
    script.answer({"NOOP": "150 soon\r\n" * 2500})
    with pytest.raises(FleetproofError) as caught:
        script.control.command("NOOP")
    assert caught.value.kind == "protocol"


def test_announcements_give_no_more_time(script: Script) -> None:
    stop = threading.Event()

    def announce() -> None:
        while not stop.wait(0.2):
            script.say("150 still at it")

    thread = threading.Thread(target=announce, daemon=True)
    thread.start()
    started = time.monotonic()
    with pytest.raises(FleetproofError) as caught:
        script.control.command("NOOP")
    assert (caught.value.kind, script.control.broken) == ("timeout", True)
    assert time.monotonic() - started < 2
    stop.set()
    thread.join(5)


@pytest.mark.parametrize("reply", ["530 no such password: %s", "230-hello %s\r\n230 %s!", "%s is no reply", "421 away with %s"])
def test_a_secret_that_is_repeated_is_not_shown(script: Script, reply: str) -> None:
    secret = "s\u00fcss\x7f"
    script.answer({"PASS": reply.replace("%s", secret) + "\r\n", "PWD": '257 "/%s"\r\n' % secret})
    try:
        shown = str(script.control.confide("PASS " + secret, secret))
    except FleetproofError as error:
        shown = error.message
    assert "********" in shown
    assert "\u00fc" not in shown
    if not script.control.broken:
        # a directory may well be called the same
        assert script.control.command("PWD").text == '"/%s"' % secret


@pytest.mark.parametrize("secret", ["2", "30", "230", "230 ", "-"])
def test_a_secret_that_is_a_number_leaves_the_code_of_the_reply_alone(script: Script, secret: str) -> None:
    script.answer_each("230-in\r\n230 x%s\r\n" % secret)
    reply = script.control.confide("PASS " + secret, secret)
    assert (reply.code, reply.lines) == (230, ["in", "x********"])


def test_421_is_the_end_whatever_was_asked(script: Script) -> None:
    script.say("421 Timeout (300 seconds): closing control connection.")
    with pytest.raises(FleetproofError) as caught:
        script.control.command("NOOP")
    assert (caught.value.kind, caught.value.retryable, script.control.broken) == ("connect", True, True)


@pytest.mark.parametrize("surplus", ["550 no such file", "250 done", "150 coming"])
def test_an_answer_that_nobody_asked_for_is_not_taken_for_that_to_the_next_command(script: Script, surplus: str) -> None:
    script.answer_each("213 1\r\n%s\r\n" % surplus)
    assert script.control.command("SIZE a").text == "1"
    with pytest.raises(FleetproofError) as caught:
        script.control.command("MLST a")
    # nothing was sent, and on another connection it may go well
    assert (caught.value.kind, caught.value.retryable, script.control.broken) == ("protocol", True, True)
    script.control.stream.close()
    assert script.heard() == b"SIZE a\r\n"


def test_a_connection_that_ended_while_nobody_used_it_is_told_before_anything_is_sent(script: Script) -> None:
    script.far.shutdown(socket.SHUT_WR)
    with pytest.raises(FleetproofError) as caught:
        script.control.command("DELE a")
    assert (caught.value.kind, caught.value.retryable, script.control.broken) == ("connect", True, True)
    script.control.stream.close()
    assert script.heard() == b""


def test_silence_and_an_end_break_the_connection(script: Script) -> None:
    started = time.monotonic()
    with pytest.raises(FleetproofError) as caught:
        script.control.command("NOOP")
    assert (caught.value.kind, script.control.broken) == ("timeout", True)
    assert time.monotonic() - started < 2
    script.far.close()
    with pytest.raises(FleetproofError) as caught:
        script.control.command("NOOP")
    assert caught.value.kind == "connect"


def test_octets_that_are_no_text_come_back_as_they_were(script: Script) -> None:
    script.answer_each(b'257 "/gr\xfc\xdf"\r\n', b"250 ok\r\n")
    text = script.control.command("PWD").text
    assert text == '"/gr\udcfc\udcdf"'
    script.control.command("CWD " + text.strip('"'))
    assert script.heard() == b"PWD\r\nCWD /gr\xfc\xdf\r\n"


def test_parting_never_raises_nor_waits_long(script: Script) -> None:
    started = time.monotonic()
    script.control.quit()
    assert time.monotonic() - started < 2
    assert script.heard() == b"QUIT\r\n"
    script.control.quit()
