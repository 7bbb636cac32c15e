# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An SMTP server for tests and for the demo: real, on loopback, and able to misbehave on purpose.

    python smtpd.py DIRECTORY [--maildir PATH] [--while PATH] [--lifetime SECONDS]

listens on free ports of 127.0.0.1 and ::1, writes ``DIRECTORY/smtpd.json`` (``host``, ``port`` with
STARTTLS, ``tls_port`` with TLS at once, ``ca``, ``pid``), prints the same as one line, and keeps
what it receives as ``DIRECTORY/mail/NNNN.eml`` beside ``NNNN.json`` with the envelope. With a Maildir
it delivers there as well, one copy for all recipients, with the fields that a mail server adds. It
ends when its standard input does, or with ``--while`` when PATH is gone, or after the lifetime, or
when the process that started it is gone.

How it behaves is read from ``DIRECTORY/behaviour.json`` for each connection: see Behaviour.
In Python: ``with SmtpServer(directory) as server: server.behave(refuse={…}); … server.messages()``.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import email
import email.policy
import hmac
import json
import logging
import os
import pathlib
import re
import socket
import ssl
import struct
import sys
import threading
import time
import typing as t

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from behaving import Behaving
from certificates import make_certificates
from delivery import changed, trace
from maildir import Maildir
from serving import free_socket, parser, tell, wait

USERS = {"fleet": "correct horse"}
TOKENS = {"fleet": "ya29.token"}
_DSN = re.compile(r"\s(?:RET|ENVID|NOTIFY|ORCPT)=\S+", re.IGNORECASE)


@dataclasses.dataclass
class Behaviour:
    """What the server does besides what it should.

    refuse: address to reply, for RCPT.   defer: address to how often it is answered 451 first.
    sender: reply to MAIL.   data: replies to DATA, one for each time.   verdict: replies to the message, one for each time.
    greeting: replies in place of the greeting, one for each connection.   busy: connections that are closed at once.
    starttls: offer, hide, refuse, inject (a line ahead of the handshake), garbage (in place of it), stall, reset.
    hide: extensions that are not offered.   stall: command after which nothing more is said.
    drop: ``before`` or ``after`` the message is kept, once it is there whole; ``within`` it, after 1000 octets.
    drops: how often (-1: always).   certificate: which one.   client_certificate: wanted or not.   tls_version: the highest, 1.2 or 1.3.
    max_recipients: more are answered 452.   size: the limit.   clear_text_login: AUTH without TLS.
    long_lines: EHLO with a line that never ends.   delay: seconds before the verdict.
    way: what becomes of mails on their way to the Maildir: "" (nothing), lost, twice, footer (text at the end), tag (in the
    subject), rename (another Message-ID), corrupt (another letter in the body).   way_delay: seconds that they take.
    """

    refuse: t.Dict[str, str] = dataclasses.field(default_factory=dict)
    defer: t.Dict[str, int] = dataclasses.field(default_factory=dict)
    sender: t.Optional[str] = None
    data: t.List[str] = dataclasses.field(default_factory=list)
    verdict: t.List[str] = dataclasses.field(default_factory=list)
    greeting: t.List[str] = dataclasses.field(default_factory=list)
    busy: int = 0
    starttls: str = "offer"
    hide: t.List[str] = dataclasses.field(default_factory=list)
    stall: str = ""
    drop: str = ""
    drops: int = -1
    certificate: str = "good"
    client_certificate: bool = False
    tls_version: str = ""
    max_recipients: int = 1000
    size: int = 33554432
    clear_text_login: bool = False
    long_lines: bool = False
    delay: float = 0.0
    way: str = ""
    way_delay: float = 0.0
    mechanisms: t.List[str] = dataclasses.field(default_factory=lambda: ["CRAM-MD5", "LOGIN", "PLAIN", "XOAUTH2"])


@dataclasses.dataclass
class Received:
    """One mail that was kept: its octets, and its envelope."""

    raw: bytes
    envelope: t.Dict[str, t.Any]

    @property
    def message(self) -> email.message.EmailMessage:
        """Parsed with the modern policy."""
        return email.message_from_bytes(self.raw, policy=email.policy.default)


class _Handler:
    """Keeps mail, and refuses what the behaviour says."""

    def __init__(self, server: SmtpServer) -> None:
        self.server = server

    async def handle_EHLO(self, server: _Protocol, session: Session, _envelope: Envelope, hostname: str, responses: t.List[str]) -> t.List[str]:
        behaviour = server.behaviour
        session.host_name = hostname
        found = [line for line in responses if line[4:].split(" ")[0] not in behaviour.hide and not line[4:].startswith(("HELP", "AUTH"))]
        if behaviour.starttls == "hide":
            found = [line for line in found if line[4:] != "STARTTLS"]
        if server.may_log_in and "AUTH" not in behaviour.hide:
            found.append("250-AUTH " + " ".join(behaviour.mechanisms))
        if "DSN" not in behaviour.hide:
            found.append("250-DSN")
        if behaviour.long_lines:
            found.append("250-X" + "x" * 100000)
        return [*found, "250 HELP"]

    async def handle_MAIL(self, server: _Protocol, session: Session, envelope: Envelope, address: str, options: t.List[str]) -> str:
        if server.behaviour.sender:
            return server.behaviour.sender
        envelope.mail_from = address
        envelope.mail_options.extend([*options, *server.taken_out])
        del session
        return "250 2.1.0 ok"

    async def handle_RCPT(self, server: _Protocol, session: Session, envelope: Envelope, address: str, options: t.List[str]) -> str:
        del session
        behaviour = server.behaviour
        if address in behaviour.refuse:
            return behaviour.refuse[address]
        if self.server.count("defer " + address) <= behaviour.defer.get(address, 0):
            return "451 4.7.1 come back later"
        if len(envelope.rcpt_tos) >= behaviour.max_recipients:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend([*options, *server.taken_out])
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: _Protocol, session: Session, envelope: Envelope) -> str:
        behaviour = server.behaviour
        dropping = behaviour.drop in ("before", "after") and self.server.left("drop", behaviour.drops)
        reply = self.server.turn("verdict", behaviour.verdict) or "250 2.0.0 kept"
        if reply.startswith("250") and not (dropping and behaviour.drop == "before"):
            self.server.keep(server, session, envelope)
        if dropping:
            server.reset()
            await asyncio.sleep(3600)
        await asyncio.sleep(behaviour.delay)
        return reply


class _Protocol(SMTP):
    """aiosmtpd with the ways of failing that it does not have."""

    def __init__(self, server: SmtpServer, implicit: bool) -> None:
        self.behaviour = server.read_behaviour()
        self.taken_out: t.List[str] = []
        self._server = server
        self._implicit = implicit
        super().__init__(
            _Handler(server),
            hostname="mail.fleet.test",
            data_size_limit=self.behaviour.size,
            enable_SMTPUTF8="SMTPUTF8" not in self.behaviour.hide,
            tls_context=None if implicit else server.tls_context(self.behaviour),
            authenticator=_check_password,
            # we see to it ourselves: aiosmtpd does not know TLS that was there from the start
            auth_require_tls=False,
            loop=server.loop,
        )

    @property
    def may_log_in(self) -> bool:
        return self._implicit or self._tls_protocol is not None or self.behaviour.clear_text_login

    def reset(self) -> None:
        """Break the connection off, as a crash would."""
        transport = self._original_transport or self.transport
        assert isinstance(transport, asyncio.WriteTransport)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()

    async def _stalled(self, where: str) -> None:
        if self.behaviour.stall == where:
            await asyncio.sleep(3600)

    async def _hear(self, command: str) -> None:
        self._server.heard.append((command, self._implicit or self._tls_protocol is not None))
        await self._stalled(command)

    async def _handle_client(self) -> None:
        if self._server.left("busy", self.behaviour.busy):
            self.reset()
            return
        await self._stalled("connect")
        greeting = self._server.turn("greeting", self.behaviour.greeting)
        if greeting is not None:
            await self.push(greeting)
            if self.transport is not None:
                self.transport.close()
            return
        await super()._handle_client()

    async def smtp_EHLO(self, hostname: str) -> None:
        await self._hear("EHLO")
        await super().smtp_EHLO(hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:
        kind = self.behaviour.starttls
        if kind in ("refuse", "hide"):
            await self.push("454 4.7.0 TLS not available")
        elif kind == "stall":
            await self.push("220 ready")
            await asyncio.sleep(3600)
        elif kind == "reset":
            await self.push("220 ready")
            await self._reader.read(100)
            self.reset()
        elif kind == "garbage":
            await self.push("220 ready")
            await self._reader.read(100)
            await self.push("250 this is no TLS")
        elif kind == "inject":
            # one write, so that the line is there before the handshake
            self._writer.write(b"220 ready\r\n250 injected\r\n")
            await asyncio.sleep(3600)
        else:
            await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str) -> None:
        await self._hear("AUTH")
        if not self.may_log_in:
            await self.push("538 5.7.11 Encryption required")
        elif arg.split(" ", maxsplit=1)[0] not in self.behaviour.mechanisms:
            await self.push("504 5.5.4 not this one")
        else:
            await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg: t.Optional[str]) -> None:
        await self._hear("MAIL")
        await super().smtp_MAIL(self._without_dsn(arg))

    async def smtp_RCPT(self, arg: t.Optional[str]) -> None:
        await self._hear("RCPT")
        await super().smtp_RCPT(self._without_dsn(arg))

    async def smtp_DATA(self, arg: str) -> None:
        await self._hear("DATA")
        reply = self._server.turn("data", self.behaviour.data)
        if reply is not None:
            await self.push(reply)
        elif self.behaviour.drop == "within" and self._server.left("drop", self.behaviour.drops):
            await self.push("354 go on")
            await self._reader.readexactly(1000)
            self.reset()
            await asyncio.sleep(3600)
        else:
            await super().smtp_DATA(arg)

    def _without_dsn(self, arg: t.Optional[str]) -> t.Optional[str]:
        """aiosmtpd does not know the parameters of DSN; they are kept for the envelope."""
        self.taken_out = [found.strip() for found in _DSN.findall(arg or "")]
        return arg if arg is None else _DSN.sub("", arg)

    async def auth_CRAM__MD5(self, _server: SMTP, _args: t.List[str]) -> AuthResult:
        challenge = b"<%d.%d@fleet.test>" % (os.getpid(), time.time_ns())
        answer = await self.challenge_auth(challenge)
        login, _space, digest = answer.decode().rpartition(" ") if isinstance(answer, bytes) else ("", "", "")
        wanted = hmac.new(USERS.get(login, "").encode(), challenge, "md5").hexdigest()
        return AuthResult(success=login in USERS and hmac.compare_digest(wanted, digest), handled=False, auth_data=_Login(login))

    async def auth_XOAUTH2(self, _server: SMTP, args: t.List[str]) -> AuthResult:
        fields = dict(part.partition("=")[::2] for part in base64.b64decode(args[1]).decode().split("\1") if part)
        login = fields.get("user", "")
        good = TOKENS.get(login) is not None and fields.get("auth") == "Bearer " + TOKENS[login]
        if not good:
            await self.challenge_auth(b'{"status":"400","schemes":"Bearer"}')
        return AuthResult(success=good, handled=False, auth_data=_Login(login))


@dataclasses.dataclass
class _Login:
    login: str


def _check_password(_server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, data: t.Any) -> AuthResult:
    del mechanism
    good = USERS.get(data.login.decode()) == data.password.decode()
    # handled=False, or a wrong password leaves the client without an answer
    return AuthResult(success=good, handled=False, auth_data=_Login(data.login.decode()))


class SmtpServer(Behaving[Behaviour]):
    """The server in a thread of this process, or in the foreground by ``serve``."""

    def __init__(self, directory: t.Union[str, pathlib.Path], maildir: t.Union[str, pathlib.Path, None] = None) -> None:
        self.directory = pathlib.Path(directory)
        self.store = self.directory / "mail"
        self.store.mkdir(parents=True, exist_ok=True)
        super().__init__(self.directory / "behaviour.json", Behaviour)
        self.certificates = make_certificates(self.directory / "tls")
        self.mailbox = None if maildir is None else Maildir(maildir)
        self.host = "127.0.0.1"
        self.port = self.tls_port = 0
        self.loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread: t.Optional[threading.Thread] = None
        self._ready = threading.Event()

    @property
    def ca(self) -> str:
        """The certificate to trust."""
        return str(self.certificates / "ca.pem")

    # -- behaviour ------------------------------------------------------------------------------

    def forget_connections(self) -> None:
        """They are counted from the start."""

    def tls_context(self, behaviour: Behaviour) -> ssl.SSLContext:
        """With the certificate that the behaviour names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificates / (behaviour.certificate + ".pem"), self.certificates / (behaviour.certificate + ".key"))
        if behaviour.tls_version:
            context.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[behaviour.tls_version]
        if behaviour.client_certificate:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca)
        return context

    # -- mail -----------------------------------------------------------------------------------

    def keep(self, server: _Protocol, session: Session, envelope: Envelope) -> None:
        """Put a mail into the store: the envelope first, so that a message is never without."""
        number = len(list(self.store.glob("*.eml"))) + 1
        transport = server.transport
        cipher = transport.get_extra_info("cipher") if transport is not None else None
        facts = {
            "mail_from": envelope.mail_from,
            "mail_options": envelope.mail_options,
            "rcpt_tos": envelope.rcpt_tos,
            "rcpt_options": envelope.rcpt_options,
            "helo": session.host_name,
            "peer": (session.peer or ("",))[0],
            "login": getattr(session.auth_data, "login", None),
            "tls": list(cipher) if cipher else None,
            "size": len(envelope.original_content or b""),
        }
        for name, data in (("json", json.dumps(facts, indent=1).encode()), ("eml", bytes(envelope.original_content or b""))):
            temporary = self.store / (".%04d.%s" % (number, name))
            temporary.write_bytes(data)
            temporary.replace(self.store / ("%04d.%s" % (number, name)))
        behaviour = server.behaviour
        if behaviour.way_delay:
            self.loop.call_later(behaviour.way_delay, self._deliver, bytes(envelope.original_content or b""), facts, behaviour.way)
        else:
            self._deliver(bytes(envelope.original_content or b""), facts, behaviour.way)

    def _deliver(self, raw: bytes, facts: t.Dict[str, t.Any], way: str) -> None:
        if self.mailbox is not None:
            for copy in changed(raw, way):
                self.mailbox.deliver(trace(facts) + copy)

    def messages(self) -> t.List[Received]:
        """What has been received, in order."""
        found = sorted(self.store.glob("*.eml"))
        return [Received(path.read_bytes(), json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))) for path in found]

    def forget(self) -> None:
        """Empty the store."""
        for path in self.store.iterdir():
            path.unlink()

    # -- life -----------------------------------------------------------------------------------

    async def _run(self) -> None:
        self._stop = asyncio.Event()
        servers = []
        loop = asyncio.get_running_loop()
        for implicit in (False, True):
            context: t.Optional[ssl.SSLContext] = None
            if implicit:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(self.certificates / "good.pem", self.certificates / "good.key")
                # the certificate of the moment, chosen for each connection
                context.sni_callback = self._choose_certificate
            sock = free_socket(self.host)
            port = sock.getsockname()[1]
            servers.append(await loop.create_server(self._protocol_maker(implicit), sock=sock, ssl=context))
            with contextlib.suppress(OSError):  # no IPv6 here
                servers.append(await loop.create_server(self._protocol_maker(implicit), "::1", port, ssl=context))
            if implicit:
                self.tls_port = port
            else:
                self.port = port
        self._ready.set()
        await self._stop.wait()
        for server in servers:
            server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _protocol_maker(self, implicit: bool) -> t.Callable[[], _Protocol]:
        return lambda: _Protocol(self, implicit)

    def _choose_certificate(self, sock: t.Any, _name: t.Optional[str], _context: ssl.SSLContext) -> None:
        self.connections -= 1
        sock.context = self.tls_context(self.read_behaviour())

    def start(self) -> SmtpServer:
        """Serve in a thread."""

        def work() -> None:
            asyncio.set_event_loop(self.loop)
            self.loop.run_until_complete(self._run())
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()

        self._thread = threading.Thread(target=work, name="smtpd", daemon=True)
        self._thread.start()
        if not self._ready.wait(20):
            raise RuntimeError("the SMTP server did not start")
        return self

    def stop(self) -> None:
        """End, with all connections."""
        self.loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join(20)

    def __enter__(self) -> SmtpServer:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def facts(self) -> t.Dict[str, t.Any]:
        """Where it is to be found."""
        found = {"host": self.host, "port": self.port, "tls_port": self.tls_port, "ca": self.ca, "mail": str(self.store), "pid": os.getpid()}
        return found if self.mailbox is None else {**found, "maildir": str(self.mailbox.path)}


def main() -> None:
    """The command."""
    known = parser("An SMTP server for tests, on loopback.")
    known.add_argument("--maildir", help="where mails are delivered besides")
    options = known.parse_args()
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    with SmtpServer(options.directory, options.maildir) as server:
        tell(server.directory / "smtpd.json", server.facts())
        wait(options)


if __name__ == "__main__":
    main()
