# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A POP3 server for tests and for the demo: real, on loopback, and able to misbehave on purpose.

    python popd.py DIRECTORY [--maildir PATH] [--while PATH] [--lifetime SECONDS]

listens on free ports of 127.0.0.1 and ::1, writes ``DIRECTORY/popd.json`` (``host``, ``port`` with
STLS, ``tls_port`` with TLS at once, ``ca``, ``maildir``, ``pid``), prints the same as one line, and
serves the Maildir, which is ``DIRECTORY/Maildir`` unless it is given. What it was told is in
``DIRECTORY/popd-commands.jsonl``. It ends when its standard input does, or with ``--while`` when
PATH is gone, or after the lifetime, or when the process that started it is gone.

The messages are the files in ``new`` and ``cur``, whoever put them there, and the UIDL is the part
of the file's name ahead of the colon. How the server behaves is read from
``DIRECTORY/popd-behaviour.json`` for each connection: see Behaviour.
In Python: ``with PopServer(directory) as server: server.deliver(raw); server.behave(hide=["TOP"]); … server.commands()``.
"""

from __future__ import annotations

import base64
import dataclasses
import itertools
import os
import pathlib
import sys
import threading
import time
import typing as t

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from linewise import TOKENS, USERS, LineServer, run
from maildir import Entry, Maildir, wire
from passwords import Cancelled, authenticate, check, check_apop, decode, stamp
from serving import parser
from session import LineBehaviour, Session

__all__ = ["TOKENS", "USERS", "Behaviour", "PopServer"]

_SERIAL = itertools.count(1)


@dataclasses.dataclass
class Behaviour(LineBehaviour):
    """What the server does besides what it should: all that LineBehaviour has, and this.

    ``hide`` knows APOP (no stamp in the greeting), CAPA, PIPELINING, RESP-CODES, SASL, STLS, TOP, UIDL, USER.

    banner: of the greeting, ahead of the stamp.   login_delay: seconds; who comes back sooner is told so [LOGIN-DELAY].
    lock: one session at a time; others are told [IN-USE] after ``lock_wait`` seconds.   in_use: how many logins are told so in any case.
    uidl: "", twins (all messages have the same), changing (other ones in each session), long (more than 70 octets),
    odd (octets that are no ASCII, and a space), empty, missing (of the last message).
    size_off: added to each size that is told.   sizes: "" or zero (0 octets each).
    top: "", all (the whole message, however many lines are asked for), seen (TOP moves the file from new to cur, as RETR does).
    stuffing: without it, lines that begin with a dot are sent as they are.
    lines: crlf, or lf (of messages alone, as some gateways do).
    keeps: how many deleted messages QUIT does not remove, and says so.
    """

    banner: str = "Fleet test bed ready"
    login_delay: float = 0.0
    lock: bool = True
    lock_wait: float = 1.0
    in_use: int = 0
    uidl: str = ""
    size_off: int = 0
    sizes: str = ""
    top: str = ""
    stuffing: bool = True
    lines: str = "crlf"
    keeps: int = 0


class _Refused(Exception):
    """A command that is answered by -ERR."""


class _Message(t.NamedTuple):
    """One of the session's snapshot."""

    entry: Entry
    uid: bytes
    size: int


class _PopSession(Session):
    server: PopServer
    behaviour: Behaviour

    def __init__(self, server: PopServer, sock: t.Any, implicit: bool) -> None:
        super().__init__(server, sock, implicit)
        self.stamp = stamp()
        self.login = ""
        self.messages: t.List[_Message] = []
        self.deleted: t.Set[int] = set()
        self.locked = False

    def greet(self) -> None:
        told = "" if "APOP" in self.behaviour.hide else " " + self.stamp.decode()
        self.say("+OK " + self.behaviour.banner + told)

    def do(self, verb: str, rest: str) -> None:
        method = getattr(self, "_do_" + verb.lower(), None) if verb.isalpha() else None
        try:
            if method is None or verb in self.behaviour.hide:
                raise _Refused("Unknown command")
            if not self.user and verb not in _BEFORE:
                raise _Refused("Log in first")
            if self.user and verb in _BEFORE - {"CAPA", "QUIT"}:
                raise _Refused("You are logged in")
            method(rest)
        except _Refused as refused:
            self.say("-ERR %s" % refused)

    def leave(self) -> None:
        if self.locked:
            self.server.lock.release()

    # -- before and while logging in ----------------------------------------------------------------

    def _do_capa(self, _rest: str) -> None:
        behaviour = self.behaviour
        found = ["TOP", "UIDL", "RESP-CODES", "PIPELINING"]
        if self.may_log_in:
            found.append("USER")
        if self.mechanisms():
            found.append("SASL " + " ".join(self.mechanisms()))
        if not self.encrypted and behaviour.starttls != "hide":
            found.append("STLS")
        if behaviour.login_delay:
            found.append("LOGIN-DELAY %d" % behaviour.login_delay)
        found.append("IMPLEMENTATION fleet test bed")
        self.say("\n".join(["+OK", *(name for name in found if name.split(" ", 1)[0] not in behaviour.hide), "."]))

    def _do_stls(self, _rest: str) -> None:
        if self.start_tls("+OK Begin", "-ERR TLS is not available", "+OK injected"):
            self.login = ""

    def _need_cover(self) -> None:
        if not self.may_log_in:
            raise _Refused("[AUTH] Plaintext authentication disallowed on connections in clear text")

    def _do_user(self, rest: str) -> None:
        self._need_cover()
        self.login = rest
        self.say("+OK")

    def _do_pass(self, rest: str) -> None:
        self._need_cover()
        if not self.login:
            raise _Refused("USER goes first")
        self._enter(check(self.server.users, self.login.encode("utf-8", "surrogateescape"), rest.encode("utf-8", "surrogateescape")))

    def _do_apop(self, rest: str) -> None:
        name, _space, digest = rest.rpartition(" ")
        self._enter(name if check_apop(self.server.users, self.stamp, name, digest) else None)

    def _do_auth(self, rest: str) -> None:
        if not rest:
            self.say("\n".join(["+OK", *self.mechanisms(), "."]))
            return
        name, _space, initial = rest.partition(" ")
        if name.upper() not in self.behaviour.mechanisms or "SASL" in self.behaviour.hide:
            raise _Refused("Unsupported authentication mechanism")
        if name.upper() not in self.mechanisms():
            self._need_cover()

        def ask(challenge: bytes) -> bytes:
            self.say("+ " + _base64(challenge))
            return decode(self.line())

        try:
            first = decode(b"" if initial == "=" else initial.encode()) if initial else None
            found = authenticate(name.upper(), first, ask, self.server.users, self.server.tokens)
        except Cancelled as cancelled:
            raise _Refused("Authentication %s" % cancelled) from cancelled
        self._enter(found)

    def _enter(self, user: t.Optional[str]) -> None:
        server, behaviour = self.server, self.behaviour
        if user is None:
            raise _Refused("[AUTH] Authentication failed")
        if server.left("in use", behaviour.in_use):
            raise _Refused("[IN-USE] The maildrop is locked by another session")
        if behaviour.login_delay and time.monotonic() - server.last_login < behaviour.login_delay:
            raise _Refused("[LOGIN-DELAY] Not so soon")
        if behaviour.lock:
            self.locked = server.lock.acquire(timeout=behaviour.lock_wait)
            if not self.locked:
                raise _Refused("[IN-USE] The maildrop is locked by another session")
        server.last_login = time.monotonic()
        self.user = user
        self._look()
        self.say("+OK Logged in, %d messages" % len(self.messages))

    def _look(self) -> None:
        """The messages of this session, which stay the same to its end."""
        found = [(entry, self.server.maildir_of.read(entry)) for entry in self.server.maildir_of.entries()]
        there = [(entry, raw) for entry, raw in found if raw is not None]
        self.messages = [
            _Message(entry, self._uid(entry.name, number == len(there)), self._size(len(self._sent(raw)))) for number, (entry, raw) in enumerate(there, 1)
        ]

    def _uid(self, name: str, last: bool) -> bytes:
        kind = self.behaviour.uidl
        if kind == "missing":
            return b"" if last else name.encode("utf-8", "surrogateescape")
        made = {
            "": name,
            "twins": "twin",
            "changing": "%d.%d" % (time.time(), next(_SERIAL)),
            "long": name + "x" * 100,
            "odd": name + " ä",
            "empty": "",
        }
        return made[kind].encode("utf-8", "surrogateescape")

    def _size(self, size: int) -> int:
        return 0 if self.behaviour.sizes == "zero" else max(0, size + self.behaviour.size_off)

    def _sent(self, raw: bytes) -> bytes:
        return raw.replace(b"\r\n", b"\n") if self.behaviour.lines == "lf" else wire(raw)

    # -- logged in ----------------------------------------------------------------------------------

    def _number(self, text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not 0 < int(text) <= len(self.messages):
            raise _Refused("There's no message %s" % text)
        if int(text) in self.deleted:
            raise _Refused("Message is deleted")
        return int(text)

    def _left(self) -> t.List[t.Tuple[int, _Message]]:
        return [(number, message) for number, message in enumerate(self.messages, 1) if number not in self.deleted]

    def _do_stat(self, _rest: str) -> None:
        found = self._left()
        self.say("+OK %d %d" % (len(found), sum(message.size for _number, message in found)))

    def _do_list(self, rest: str) -> None:
        if rest.strip():
            number = self._number(rest.strip())
            self.say("+OK %d %d" % (number, self.messages[number - 1].size))
            return
        found = self._left()
        self.say("+OK %d messages" % len(found))
        self.send(b"".join(b"%d %d\r\n" % (number, message.size) for number, message in found) + b".\r\n")

    def _do_uidl(self, rest: str) -> None:
        if rest.strip():
            number = self._number(rest.strip())
            self.send(b"+OK %d %s\r\n" % (number, self.messages[number - 1].uid))
            return
        self.say("+OK")
        found = [(number, message) for number, message in self._left() if self.behaviour.uidl != "missing" or message.uid]
        self.send(b"".join(b"%d %s\r\n" % (number, message.uid) for number, message in found) + b".\r\n")

    def _octets(self, number: int) -> bytes:
        raw = self.server.maildir_of.read(self.messages[number - 1].entry)
        if raw is None:
            raise _Refused("[SYS/TEMP] Message %d has gone" % number)
        return self._sent(raw)

    def _seen(self, number: int) -> None:
        name = self.messages[number - 1].entry.name
        found = self.server.maildir_of.find(name)
        if found is not None and "S" not in found.flags:
            self.server.maildir_of.set_flags(name, found.flags + "S")

    def _do_retr(self, rest: str) -> None:
        number = self._number(rest.strip())
        data = self._octets(number)
        self._seen(number)
        self.say("+OK %d octets" % self.messages[number - 1].size)
        self._send_message(data)

    def _do_top(self, rest: str) -> None:
        which, _space, count = rest.strip().partition(" ")
        number = self._number(which)
        if not (count.isascii() and count.isdigit()):
            raise _Refused("Noise after the message number, or no number of lines")
        data = self._octets(number)
        if self.behaviour.top == "seen":
            self._seen(number)
        if self.behaviour.top != "all":
            end = b"\n" if self.behaviour.lines == "lf" else b"\r\n"
            head, gap, body = (b"", end, data[len(end) :]) if data.startswith(end) else data.partition(end + end)
            data = head + gap + end.join([*body.split(end)[: int(count)], b""]) if gap else data
        self.say("+OK")
        self._send_message(data)

    def _send_message(self, data: bytes) -> None:
        if self.behaviour.lines == "lf":
            data = data.replace(b"\n.", b"\n..")
            self.send((b"." + data if data.startswith(b".") else data) + (b"" if data.endswith(b"\n") else b"\n") + b".\r\n")
        else:
            self.send_block(data, self.behaviour.stuffing)

    def _do_dele(self, rest: str) -> None:
        self.deleted.add(self._number(rest.strip()))
        self.say("+OK Marked to be deleted")

    def _do_rset(self, _rest: str) -> None:
        self.deleted.clear()
        self.say("+OK")

    def _do_noop(self, _rest: str) -> None:
        self.say("+OK")

    def _do_quit(self, _rest: str) -> None:
        kept = 0
        for number in sorted(self.deleted):
            if self.server.left("keeps", self.behaviour.keeps):
                kept += 1
            else:
                self.server.maildir_of.remove(self.messages[number - 1].entry.name)
        if self.locked:
            # ahead of the answer, so that the client may come back at once
            self.locked = False
            self.server.lock.release()
        self.say("-ERR Some deleted messages were not removed" if kept else "+OK Bye")
        self.end()


_BEFORE = {"CAPA", "STLS", "USER", "PASS", "APOP", "AUTH", "QUIT"}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class PopServer(LineServer[Behaviour]):
    """The server in threads of this process."""

    session = _PopSession

    def __init__(self, directory: t.Union[str, pathlib.Path], maildir: t.Union[str, pathlib.Path, None] = None) -> None:
        super().__init__(directory, "popd", Behaviour)
        self.maildir_of = Maildir(maildir or self.directory / "Maildir")
        self.lock = threading.Lock()
        self.last_login = float("-inf")

    @property
    def maildir(self) -> pathlib.Path:
        """Where the messages are."""
        return self.maildir_of.path

    def deliver(self, raw: bytes, when: t.Optional[float] = None) -> str:
        """A new message; its UIDL."""
        return self.maildir_of.deliver(raw, when)

    def forget(self) -> None:
        """Empty the maildrop."""
        self.maildir_of.clear()

    def facts(self) -> t.Dict[str, t.Any]:
        return {**super().facts(), "maildir": str(self.maildir)}


def main() -> None:
    """The command."""
    known = parser("A POP3 server for tests, on loopback.")
    known.add_argument("--maildir", help="the Maildir to serve, in place of DIRECTORY/Maildir")
    options = known.parse_args()
    run(PopServer(options.directory, options.maildir), options)


if __name__ == "__main__":
    main()
