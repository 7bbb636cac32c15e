# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One connection to a server of the test bed that speaks in lines: each command has an answer, and TLS may begin in between."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import ssl
import struct
import typing as t

if t.TYPE_CHECKING:
    from linewise import LineServer

LONGEST = 1048576
_ENDLESS = 67108864


@dataclasses.dataclass
class LineBehaviour:
    """What each of these servers does besides what it should.

    Commands are in capitals; "greeting" stands for what the server says first. What is counted is
    counted over all connections since ``behave``. Where a command is answered in place of what it
    should be, it is not done.

    greeting: replies in place of the greeting, one for each connection, which ends then.   busy: connections that are closed at once.
    hide: capabilities that are not offered, and commands that are not known.   mechanisms: of SASL that are offered.
    clear_text_login: logging in without TLS, by commands that show the password.
    starttls: offer, hide, refuse, inject (a line ahead of the handshake), garbage (in place of it), stall, reset.
    certificate: which one.   client_certificate: wanted or not.   tls_version: the highest, 1.2 or 1.3.
    refuse: by command, the reply each time.
    replies: by command, a reply for each time, or null (as it should be), stall (none), drop (the connection is reset),
    done (it is done, and then the connection is reset), close (the connection ends in good order).
    stall: command after which nothing more is said; ``connect``: not even the handshake of TLS; ``greeting``: nothing after it.
    drop: by command, how often the connection is reset in place of an answer (-1: always).
    cut: by command, the octets of the answer that are sent before the connection is reset.   cuts: how often (-1: always).
    delay: by command, seconds before it is done; or one number for all.   drip: by command, seconds between two octets of the answer.
    endless: command that is answered by a line that does not end.
    """

    greeting: t.List[str] = dataclasses.field(default_factory=list)
    busy: int = 0
    hide: t.List[str] = dataclasses.field(default_factory=list)
    mechanisms: t.List[str] = dataclasses.field(default_factory=lambda: ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"])
    clear_text_login: bool = False
    starttls: str = "offer"
    certificate: str = "good"
    client_certificate: bool = False
    tls_version: str = ""
    refuse: t.Dict[str, str] = dataclasses.field(default_factory=dict)
    replies: t.Dict[str, t.List[t.Optional[str]]] = dataclasses.field(default_factory=dict)
    stall: str = ""
    drop: t.Dict[str, int] = dataclasses.field(default_factory=dict)
    cut: t.Dict[str, int] = dataclasses.field(default_factory=dict)
    cuts: int = -1
    delay: t.Union[float, t.Dict[str, float]] = 0.0
    drip: t.Dict[str, float] = dataclasses.field(default_factory=dict)
    endless: str = ""


class Gone(Exception):
    """The connection is over."""


class Session:
    """One connection. What is said is gathered, and sent when the client has nothing more to say at the moment."""

    def __init__(self, server: LineServer[t.Any], sock: socket.socket, implicit: bool) -> None:
        self.server = server
        self.behaviour: t.Any = server.read_behaviour()
        self.sock = sock
        self.implicit = implicit
        self.encrypted = False
        self.user = ""
        self._in = b""
        self._out = bytearray()
        self._budget: t.Optional[int] = None
        self._drip = 0.0
        self._mute = False

    # -- what a protocol is made of -----------------------------------------------------------------

    def greet(self) -> None:
        """Say what is said first."""
        raise NotImplementedError

    def parse(self, line: str) -> t.Tuple[str, str]:
        """The command, in capitals, and the rest of the line."""
        verb, _space, rest = line.partition(" ")
        return verb.upper(), rest

    def do(self, verb: str, rest: str) -> None:
        """What the command is for."""
        raise NotImplementedError

    def ends(self, reply: str) -> bool:
        """Whether the connection ends with this reply."""
        del reply
        return False

    def leave(self) -> None:
        """Called at the end of the connection, however it came."""

    def read_command(self) -> str:
        """The next command."""
        return self.line().decode("utf-8", "surrogateescape")

    def say(self, text: str) -> None:
        """An answer, of one line or several that are parted by a newline."""
        for line in text.split("\n"):
            self.send(line.encode("utf-8", "surrogateescape") + b"\r\n")

    # -- a connection from beginning to end ---------------------------------------------------------

    def serve(self) -> None:
        """All of it."""
        with contextlib.suppress(Gone, OSError, ValueError):
            self._begin()
            while True:
                if b"\n" not in self._in:
                    self.flush()
                self._obey(self.read_command())
        self.leave()
        self._close()

    def _begin(self) -> None:
        behaviour = self.behaviour
        if self.server.left("busy", behaviour.busy):
            self.reset()
        if behaviour.stall == "connect":
            self.hold()
        if self.implicit:
            self._wrap()
        greeting = self.server.turn("greeting", behaviour.greeting)
        if greeting is not None:
            self.say(greeting)
            self.end()
        self.answer("greeting", "")

    def _obey(self, line: str) -> None:
        verb, rest = self.parse(line)
        # not the name of a command that a behaviour leaves empty
        verb = verb or "?"
        self.server.note(line, verb, self.encrypted)
        delay = self.behaviour.delay
        seconds = delay.get(verb, 0.0) if isinstance(delay, dict) else delay
        if seconds:
            self.flush()
            self.server.stopped.wait(seconds)
        self.answer(verb, rest)

    def answer(self, verb: str, rest: str) -> None:
        """As the behaviour wants it, or as it should be."""
        behaviour, server = self.behaviour, self.server
        if behaviour.stall == verb:
            self.hold()
        if server.left("drop " + verb, behaviour.drop.get(verb, 0)):
            self.reset()
        if verb in behaviour.drip or (verb in behaviour.cut and server.left("cut " + verb, behaviour.cuts)):
            self.flush()
            self._drip, self._budget = behaviour.drip.get(verb, 0.0), behaviour.cut.get(verb)
        if behaviour.endless == verb:
            self._never_end()
        reply = server.turn("reply " + verb, behaviour.replies.get(verb, [])) or behaviour.refuse.get(verb)
        if reply == "stall":
            self.hold()
        elif reply == "drop":
            self.reset()
        elif reply == "close":
            self.end()
        elif reply is not None and reply != "done":
            self.say(reply)
            if self.ends(reply):
                self.end()
        else:
            if reply == "done":
                self.flush()
                self._mute = True
            with contextlib.suppress(*((Gone,) if reply == "done" else ())):
                self.greet() if verb == "greeting" else self.do(verb, rest)
            if reply == "done":
                self.reset()
        if self._drip or self._budget is not None:
            self.flush()
            self._drip, self._budget = 0.0, None

    def _never_end(self) -> None:
        for _megabyte in range(_ENDLESS // LONGEST):
            self.send(b"+" * LONGEST)
        self.hold()

    # -- the wire -----------------------------------------------------------------------------------

    def _receive(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise Gone
        self._in += data

    def line(self, timeout: t.Optional[float] = None) -> bytes:
        """The next line, without its end. With ``timeout``: socket.timeout when there is none in so many seconds."""
        while b"\n" not in self._in:
            self.flush()
            if len(self._in) > LONGEST:
                raise Gone
            self.sock.settimeout(timeout)
            try:
                self._receive()
            finally:
                self.sock.settimeout(None)
        line, self._in = self._in.split(b"\n", 1)
        return line[:-1] if line.endswith(b"\r") else line

    def octets(self, count: int) -> bytes:
        """So many, of a literal."""
        self.flush()
        parts = [self._in]
        while sum(map(len, parts)) < count:
            self._in = b""
            self._receive()
            parts.append(self._in)
        whole = b"".join(parts)
        self._in = whole[count:]
        return whole[:count]

    def block(self) -> bytes:
        """The lines up to the dot, which are no longer dotted."""
        lines = []
        while True:
            line = self.line()
            if line == b".":
                return b"".join(line + b"\r\n" for line in lines)
            lines.append(line[1:] if line.startswith(b".") else line)

    def send_block(self, data: bytes, dotted: bool = True) -> None:
        """A text with CRLF, dotted, and the dot that ends it."""
        if dotted:
            data = data.replace(b"\r\n.", b"\r\n..")
            data = b"." + data if data.startswith(b".") else data
        self.send(data if not data or data.endswith(b"\r\n") else data + b"\r\n")
        self.send(b".\r\n")

    def send(self, data: bytes) -> None:
        """Gather for the client."""
        if self._mute:
            return
        if self._budget is not None:
            self._out += data[: self._budget]
            self._budget -= len(data)
            if self._budget <= 0:
                self.flush()
                # what came before a reset may be lost to a client that has not read it yet
                self.server.stopped.wait(0.05)
                self.reset()
        else:
            self._out += data
        if len(self._out) > 65536:
            self.flush()

    def flush(self) -> None:
        """Send what was gathered."""
        out, self._out = bytes(self._out), bytearray()
        if not self._drip:
            if out:
                self.sock.sendall(out)
            return
        for octet in out:
            self.sock.sendall(bytes([octet]))
            if self.server.stopped.wait(self._drip):
                raise Gone

    def hold(self) -> None:
        """Say nothing more until the client has gone."""
        self.flush()
        while True:
            self._in = b""
            self._receive()

    def end(self) -> None:
        """End in good order."""
        self.flush()
        raise Gone

    def reset(self) -> None:
        """Break the connection off, as a crash would: no close_notify, no FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        raise Gone

    def _close(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            if isinstance(self.sock, ssl.SSLSocket):
                # our part of the goodbye, without waiting for theirs
                self.sock.setblocking(False)
                with contextlib.suppress(OSError):
                    self.sock.unwrap()
            self.sock.settimeout(1.0)
            self.sock.shutdown(socket.SHUT_WR)
            while self.sock.recv(65536):
                pass
        self.sock.close()

    def _wrap(self) -> None:
        # what came ahead of the handshake is nothing that the client said in confidence
        self._in = b""
        self.sock = self.server.tls_context(self.behaviour).wrap_socket(self.sock, server_side=True)
        self.server.replace(self, self.sock)
        self.encrypted = True

    def start_tls(self, ready: str, refusal: str, injected: str) -> bool:
        """Go on with TLS, or do what the behaviour wants; True when it is encrypted now."""
        kind = self.behaviour.starttls
        if kind in ("refuse", "hide") or self.encrypted:
            self.say(refusal)
            return False
        self.say(ready)
        if kind == "inject":
            # one write, so that the line is there before the handshake
            self.say(injected)
        if kind in ("inject", "stall"):
            self.hold()
        self.flush()
        if kind in ("reset", "garbage"):
            self._in = b""
            self._receive()
            if kind == "reset":
                self.reset()
            self.say(injected)
            self.hold()
        self._wrap()
        return True

    # -- logging in ---------------------------------------------------------------------------------

    @property
    def may_log_in(self) -> bool:
        """Whether passwords may be said."""
        return self.encrypted or bool(self.behaviour.clear_text_login)

    def mechanisms(self) -> t.List[str]:
        """Those that are offered now."""
        return [name for name in self.behaviour.mechanisms if self.may_log_in or name == "CRAM-MD5"]
