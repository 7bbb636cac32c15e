# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the servers of mail and news have in common: commands are lines, each has an answer, and TLS may begin in between.

A server is a thread that accepts, and one thread for each connection: a Session. Both ways of TLS
are served, in clear text with STARTTLS (STLS) on ``port`` and at once on ``tls_port``, each on
127.0.0.1 and, where there is IPv6, on ::1.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import selectors
import socket
import ssl
import struct
import sys
import threading
import typing as t

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from behaving import Behaving
from certificates import make_certificates
from serving import free_socket, tell, wait

USERS = {"fleet": "correct horse"}
TOKENS = {"fleet": "ya29.token"}
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


S = t.TypeVar("S", bound=LineBehaviour)


class LineServer(Behaving[S]):
    """A server in threads of this process."""

    session: t.Type[Session]

    def __init__(self, directory: t.Union[str, pathlib.Path], name: str, kind: t.Type[S]) -> None:
        self.directory = pathlib.Path(directory)
        self.certificates = make_certificates(self.directory / "tls")
        super().__init__(self.directory / (name + "-behaviour.json"), kind)
        self.name = name
        self.host = "127.0.0.1"
        self.port = self.tls_port = 0
        self.users = dict(USERS)
        self.tokens = dict(TOKENS)
        self.stopped = threading.Event()
        self.log: t.Optional[t.TextIO] = None
        self._verbs: t.List[str] = []
        self._contexts: t.Dict[t.Tuple[str, str, bool], ssl.SSLContext] = {}
        self._open: t.Dict[Session, t.Tuple[socket.socket, threading.Thread]] = {}
        self._opening = threading.Lock()
        self._listening: t.List[t.Tuple[socket.socket, bool]] = []
        self._thread: t.Optional[threading.Thread] = None
        self._wake, self._woken = socket.socketpair()

    @property
    def ca(self) -> str:
        """The certificate to trust."""
        return str(self.certificates / "ca.pem")

    # -- what was said ------------------------------------------------------------------------------

    def commands(self, *verbs: str) -> t.List[str]:
        """What was said since ``behave``, in order; with ``verbs`` these alone."""
        return [line for (line, _encrypted), verb in zip(list(self.heard), list(self._verbs)) if not verbs or verb in verbs]

    def forget_connections(self) -> None:
        super().forget_connections()
        self._verbs.clear()

    def note(self, line: str, verb: str, encrypted: bool) -> None:
        """Write a command down; without its secrets where the server is a program of its own."""
        self._verbs.append(verb)
        self.heard.append((line, encrypted))
        if self.log is not None:
            said = verb if verb in ("PASS", "APOP", "AUTH", "LOGIN", "AUTHENTICATE", "AUTHINFO PASS", "AUTHINFO SASL") else line
            self.log.write(json.dumps({"line": said, "encrypted": encrypted}) + "\n")

    def tls_context(self, behaviour: LineBehaviour) -> ssl.SSLContext:
        """With the certificate that the behaviour names."""
        key = (behaviour.certificate, behaviour.tls_version, behaviour.client_certificate)
        if key not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificates / (behaviour.certificate + ".pem"), self.certificates / (behaviour.certificate + ".key"))
            if behaviour.tls_version:
                context.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[behaviour.tls_version]
            if behaviour.client_certificate:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(self.ca)
            self._contexts[key] = context
        return self._contexts[key]

    # -- life ---------------------------------------------------------------------------------------

    def _listen(self, implicit: bool) -> int:
        sock = free_socket(self.host)
        sock.listen(128)
        port = int(sock.getsockname()[1])
        self._listening.append((sock, implicit))
        six = socket.socket(socket.AF_INET6, socket.SOCK_STREAM) if socket.has_ipv6 else None
        if six is not None:
            try:
                six.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                six.bind(("::1", port))
                six.listen(128)
                self._listening.append((six, implicit))
            except OSError:  # no IPv6 here, or somebody else has this port of it
                six.close()
        return port

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            for sock, implicit in self._listening:
                sock.setblocking(False)
                selector.register(sock, selectors.EVENT_READ, implicit)
            while not self.stopped.is_set():
                for key, _events in selector.select():
                    if key.fileobj is not self._woken:
                        with contextlib.suppress(OSError):
                            self._take(key.fileobj.accept()[0], bool(key.data))  # type: ignore[union-attr]

    def _take(self, sock: socket.socket, implicit: bool) -> None:
        sock.setblocking(True)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session = self.session(self, sock, implicit)
        thread = threading.Thread(target=self._serve, args=(session,), name=self.name, daemon=True)
        with self._opening:
            self._open[session] = (sock, thread)
        thread.start()

    def _serve(self, session: Session) -> None:
        try:
            session.serve()
        finally:
            with self._opening:
                self._open.pop(session, None)

    def replace(self, session: Session, sock: socket.socket) -> None:
        """The connection of the session is another one now."""
        with self._opening:
            if session in self._open:
                self._open[session] = (sock, self._open[session][1])

    def start(self: L) -> L:  # noqa: PYI019 # typing has Self since 3.11
        """Serve in threads."""
        self.port = self._listen(False)
        self.tls_port = self._listen(True)
        self._thread = threading.Thread(target=self._accept, name=self.name, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End, with all connections."""
        self.stopped.set()
        self._wake.send(b"x")
        if self._thread is not None:
            self._thread.join(20)
        for sock, _implicit in self._listening:
            sock.close()
        with self._opening:
            found = list(self._open.values())
        for sock, _thread in found:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for _sock, thread in found:
            thread.join(20)
        self._wake.close()
        self._woken.close()

    def __enter__(self: L) -> L:  # noqa: PYI019
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def facts(self) -> t.Dict[str, t.Any]:
        """Where it is to be found."""
        return {"host": self.host, "port": self.port, "tls_port": self.tls_port, "ca": self.ca, "pid": os.getpid()}


L = t.TypeVar("L", bound=LineServer[t.Any])


def run(server: LineServer[t.Any], options: argparse.Namespace) -> None:
    """The server as a program: it tells where it is, and writes down what it is told."""
    with open(server.directory / (server.name + "-commands.jsonl"), "w", encoding="utf-8", buffering=1) as server.log, server:
        tell(server.directory / (server.name + ".json"), server.facts())
        wait(options)
