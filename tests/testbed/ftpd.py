# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An FTP server for tests and for the demo: real, on loopback, and able to misbehave on purpose.

    python ftpd.py DIRECTORY [--while PATH] [--lifetime SECONDS]

listens on free ports of 127.0.0.1 and ::1, writes ``DIRECTORY/ftpd.json`` (``host``, ``port`` in
clear text, ``explicit_port`` with AUTH TLS, which it insists on for control and data,
``implicit_port`` with TLS at once, ``ca``, ``root``, ``pid``), prints the same as one line, and
serves ``DIRECTORY/ftp``. What it was told is in ``DIRECTORY/commands.jsonl``. It ends when its
standard input does, or with ``--while`` when PATH is gone, or after the lifetime, or when the
process that started it is gone.

Users: ``fleet`` may do everything, ``reader`` and ``anonymous`` may read. How it behaves is read
from ``DIRECTORY/behaviour.json`` for each connection: see Behaviour.
In Python: ``with FtpServer(directory) as server: server.behave(hide=["MLSD"]); … server.commands()``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import pathlib
import re
import socket
import struct
import sys
import threading
import time
import typing as t
import zlib

from OpenSSL import SSL
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.filesystems import AbstractedFS
from pyftpdlib.handlers import DTPHandler, FTPHandler, TLS_DTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import AsyncChat, IOLoop
from pyftpdlib.servers import FTPServer

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from behaving import Behaving
from certificates import make_certificates
from serving import free_socket, parser, tell, wait

USERS = {"fleet": "correct horse", "reader": "reading is all"}
DIGESTS: t.Dict[str, t.Callable[[bytes], str]] = {
    "CRC32": lambda data: "%08x" % zlib.crc32(data),
    "MD5": lambda data: hashlib.md5(data).hexdigest(),
    "SHA-1": lambda data: hashlib.sha1(data).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "SHA-512": lambda data: hashlib.sha512(data).hexdigest(),
}
_ALGORITHM_OF = {"XCRC": "CRC32", "XMD5": "MD5", "XSHA": "SHA-1", "XSHA1": "SHA-1", "XSHA256": "SHA-256", "XSHA512": "SHA-512"}
_TWO_ARGUMENTS = re.compile(r"(?P<time>\d{14}) (?P<path>.+)", re.DOTALL)


@dataclasses.dataclass
class Cut:
    """A data connection that does not come to its end.

    after: bytes that go through.   times: how often this happens (-1: always).
    how: close (the data connection ends in good order), reset, stall (nothing more comes),
    drop (the control connection is reset as well).   reply: what is said of it; "" for nothing.
    """

    after: int
    times: int = -1
    how: str = "close"
    reply: str = "426 Transfer aborted."


@dataclasses.dataclass
class Behaviour:
    """What the server does besides what it should.

    Verbs are in capitals; what is counted is counted over all connections since ``behave``.

    encoding: of names on the wire; FEAT says UTF8 with utf-8 alone.   banner: in the greeting.   system: reply to SYST.
    hide: commands and features that are not offered (AUTH, EPSV, FEAT, MDTM, MFMT, MLSD, MLST, REST, SIZE, UTF8 …).
    style: of LIST, unix or dos.   dots: listings with ``.`` and ``..``.   hide_dots: names with a dot
    at their beginning are in no listing of LIST.   mdtm_write: MDTM with two arguments sets the time.
    hash: of HASH, XCRC, XMD5, XSHA, XSHA256, XSHA512, those that are offered.   lines: HASH replies of several lines.
    wrong_hash: digests are of something else.   size_off: added to each size that is told.
    greeting: replies in place of the greeting, one for each connection.   busy: connections that are closed at once.
    max_connections: more at a time are told ``too_many``, which is 421 (on connecting) or 530 (on logging in) with a text.
    auth_tls: offer, refuse, inject (a line ahead of the handshake), garbage (in place of it), stall, reset.
    certificate: which one.   tls_version: the highest, 1.2 or 1.3.   reuse: data connections must resume the session.
    clear_data: data connections in clear text, whatever PROT said.   pasv_address: in the reply to PASV.   pasv_closed: its port takes nothing.
    refuse: by verb, the reply each time.   replies: by verb, a reply for each time, or null (as it should be), stall (none),
    drop (the control connection is reset), done (it is done, and then the connection is reset).
    listings: by path ("*": all others), the text sent in place of a listing, each character an octet.
    cut: by verb (RETR, STOR, APPE, LIST, MLSD, NLST), see Cut.
    change: of append, rewrite (other bytes, as many), truncate, touch, remove: what happens to a file when RETR begins.   changes: how often.
    """

    encoding: str = "utf-8"
    banner: str = "Fleet test bed"
    system: str = "215 UNIX Type: L8"
    hide: t.List[str] = dataclasses.field(default_factory=list)
    style: str = "unix"
    dots: bool = False
    hide_dots: bool = False
    mdtm_write: bool = False
    hash: t.List[str] = dataclasses.field(default_factory=list)
    lines: bool = False
    wrong_hash: bool = False
    size_off: int = 0
    greeting: t.List[str] = dataclasses.field(default_factory=list)
    busy: int = 0
    max_connections: int = 0
    too_many: str = "421 Too many connections from your address"
    auth_tls: str = "offer"
    certificate: str = "good"
    tls_version: str = ""
    reuse: bool = False
    clear_data: bool = False
    pasv_address: str = ""
    pasv_closed: bool = False
    refuse: t.Dict[str, str] = dataclasses.field(default_factory=dict)
    replies: t.Dict[str, t.List[t.Optional[str]]] = dataclasses.field(default_factory=dict)
    listings: t.Dict[str, str] = dataclasses.field(default_factory=dict)
    cut: t.Dict[str, t.Union[Cut, t.Dict[str, t.Any]]] = dataclasses.field(default_factory=dict)
    change: str = ""
    changes: int = -1

    def __post_init__(self) -> None:
        self.cut = {verb: value if isinstance(value, Cut) else Cut(**value) for verb, value in self.cut.items()}


class _FileSystem(AbstractedFS):
    """pyftpdlib's, with the listings that a behaviour asks for."""

    def getsize(self, path: str) -> int:
        return super().getsize(path) + self.cmd_channel.behaviour.size_off

    def stat(self, path: str) -> os.stat_result:
        return self._told(super().stat(path))

    def lstat(self, path: str) -> os.stat_result:
        return self._told(super().lstat(path))

    def _told(self, found: os.stat_result) -> os.stat_result:
        off = self.cmd_channel.behaviour.size_off
        return os.stat_result((*found[:6], found.st_size + off, *found[7:])) if off else found

    def format_mlsx(self, basedir: str, listing: t.List[str], perms: str, facts: t.List[str], ignore_err: bool = True) -> t.Iterator[bytes]:
        if self.cmd_channel.behaviour.dots and ignore_err:
            listing = [".", "..", *listing]
        return self._or_raw(basedir, ignore_err, super().format_mlsx(basedir, listing, perms, facts, ignore_err))

    def format_list(self, basedir: str, listing: t.List[str], ignore_err: bool = True) -> t.Iterator[bytes]:
        behaviour = self.cmd_channel.behaviour
        if behaviour.hide_dots:
            listing = [name for name in listing if not name.startswith(".")]
        if behaviour.dots:
            listing = [".", "..", *listing]
        found = self._dos(basedir, listing) if behaviour.style == "dos" else super().format_list(basedir, listing, ignore_err)
        return self._or_raw(basedir, True, found)

    def _or_raw(self, basedir: str, whole: bool, found: t.Iterator[bytes]) -> t.Iterator[bytes]:
        listings = self.cmd_channel.behaviour.listings
        raw = listings.get(self.fs2ftp(basedir), listings.get("*")) if whole else None
        return found if raw is None else iter([raw.encode("latin-1")])

    def _dos(self, basedir: str, listing: t.List[str]) -> t.Iterator[bytes]:
        """As the servers of Windows do it, without being asked for years of four digits."""
        for name in listing:
            found = self.lstat(os.path.join(basedir, name))
            kind = "<DIR>         " if os.path.isdir(os.path.join(basedir, name)) else "%14d" % found.st_size
            line = "%s       %s %s\r\n" % (time.strftime("%m-%d-%y  %I:%M%p", time.gmtime(found.st_mtime)), kind, name)
            yield line.encode(self.cmd_channel.encoding, self.cmd_channel.unicode_errors)


class _Data:
    """A data connection that may be cut."""

    def use_sendfile(self) -> bool:
        return self.cmd_channel.cut is None and super().use_sendfile()

    def send(self, data: bytes) -> int:
        left = self._left(self.tot_bytes_sent)
        if left == 0:
            return 0
        # For TLS an empty text, as of an empty NLST, would be an error.
        return super().send(data if left is None else data[:left]) if data else 0

    def recv(self, buffer_size: int) -> bytes:
        left = self._left(self.tot_bytes_received)
        if left == 0:
            return b""
        return super().recv(buffer_size if left is None else min(left, buffer_size))

    def _left(self, so_far: int) -> t.Optional[int]:
        """Bytes that may still go through; None: any number. With none left the connection has been cut."""
        control = self.cmd_channel
        verb, cut = control.cut or ("", None)
        if cut is None:
            return None
        if so_far < cut.after:
            return cut.after - so_far
        if not control.bed.left("cut " + verb, cut.times):
            control.cut = None
            return None
        self.transfer_finished = False
        self._resp = (cut.reply, lambda *_words: None) if cut.reply and cut.how != "drop" else ()
        if cut.how == "close":
            self.close()
            return 0
        # Open, and not looked at any more.
        self.del_channel()
        if cut.how != "stall":
            # What came before a reset is lost to a client that has not read it yet.
            self.ioloop.call_later(0.05, self._break_off, control if cut.how == "drop" else None)
        return 0

    def _break_off(self, control: t.Any) -> None:
        for channel in (self, control):
            if channel is not None and not channel._closed:
                reset(channel)


class _ClearData(_Data, DTPHandler):
    pass


class _TlsData(_Data, TLS_DTPHandler):
    def __init__(self, sock: socket.socket, control: t.Any) -> None:
        if control.behaviour.clear_data:
            control._prot = False
        super().__init__(sock, control)

    def handle_ssl_established(self) -> None:
        # pylint: disable=protected-access # pyOpenSSL has no name for it
        if self.cmd_channel.behaviour.reuse and not SSL._lib.SSL_session_reused(self.socket._ssl):
            self._resp = ("522 SSL connection failed: session reuse required.", lambda *_words: None)
            reset(self)


def reset(channel: t.Any) -> None:
    """Break a connection off, as a crash would: no close_notify, no FIN."""
    with contextlib.suppress(OSError, SSL.Error):
        channel.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # pyftpdlib leaves the shutdown of TLS out after an error
    channel._error = True
    channel.close()


class _Control:
    """A session with the ways of failing that pyftpdlib does not have."""

    abstracted_fs = _FileSystem
    auth_failed_timeout = 0
    max_login_attempts = 100
    timeout = 600
    unicode_errors = "surrogateescape"
    bed: FtpServer
    implicit = False
    # The verb and its Cut, for the data connection of the moment
    cut: t.Optional[t.Tuple[str, Cut]] = None

    def __init__(self, conn: socket.socket, server: FTPServer, ioloop: t.Any = None) -> None:
        self.behaviour = behaviour = self.bed.read_behaviour()
        self.encoding = behaviour.encoding
        self.masquerade_address = behaviour.pasv_address or None
        self.banner = behaviour.banner
        hidden = set(behaviour.hide)
        offered = {**self.proto_cmds, "HASH": {"perm": "r", "auth": True, "arg": True, "help": "HASH path"}}
        offered.update((name, {"perm": None, "auth": True, "arg": True, "help": name + " path"}) for name in _ALGORITHM_OF)
        hidden.update({"HASH", *_ALGORITHM_OF} - set(behaviour.hash))
        self.proto_cmds = {name: what for name, what in offered.items() if name.split(" ")[0] not in hidden}
        self.algorithm = "SHA-256"
        super().__init__(conn, server, ioloop)
        self.bed.sessions.append(self)

    def handle(self) -> None:
        if self.bed.left("busy", self.behaviour.busy):
            reset(self)
            return
        if self.implicit:
            self.ssl_context = self.bed.tls_context(self.behaviour)
            self.secure_connection(self.ssl_context)
        greeting = self.bed.turn("greeting", self.behaviour.greeting)
        if greeting is not None:
            self.respond(greeting)
            self.close_when_done()
        elif self._too_many("421"):
            self.respond(self.behaviour.too_many)
            self.close_when_done()
        else:
            super().handle()

    def _too_many(self, code: str) -> bool:
        most = self.behaviour.max_connections
        return bool(most) and self.behaviour.too_many.startswith(code) and len(self.bed.sessions) > most

    def close(self) -> None:
        if self in self.bed.sessions:
            self.bed.sessions.remove(self)
        super().close()

    def push(self, data: str) -> None:
        # not the parent's, which cannot say names that are no text
        AsyncChat.push(self, data.encode(self.encoding, self.unicode_errors))

    # -- commands ---------------------------------------------------------------------------------

    def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
        encrypted = isinstance(self.socket, SSL.Connection)
        self.bed.heard.append((line, encrypted))
        self.bed.note(line, encrypted)
        behaviour = self.behaviour
        reply = self.bed.turn("reply " + cmd, behaviour.replies.get(cmd, [])) or behaviour.refuse.get(cmd)
        cut = behaviour.cut.get(cmd)
        self.cut = self.cut if cut is None else (cmd, cut)
        if reply is None:
            self._do(line, cmd, arg)
        elif reply == "drop":
            reset(self)
        elif reply == "done":
            # what it says to this never leaves
            self.push = lambda _data: None
            self._do(line, cmd, arg)
            reset(self)
        elif reply != "stall":
            self.respond(reply)
            if reply.startswith("421"):
                self.close_when_done()

    def _do(self, line: str, cmd: str, arg: str) -> None:
        two = _TWO_ARGUMENTS.fullmatch(arg) if cmd == "MDTM" and self.behaviour.mdtm_write and self.authenticated else None
        if two is not None:
            self.ftp_MFMT(self.fs.ftp2fs(two["path"]), two["time"])
        elif cmd == "OPTS" and arg.upper().startswith("HASH ") and "HASH" in self.proto_cmds:
            self._choose_algorithm(arg[5:].upper())
        else:
            super().pre_process_command(line, cmd, arg)

    def ftp_AUTH(self, line: str) -> None:
        kind = self.behaviour.auth_tls
        if kind == "refuse":
            self.respond("534 TLS is not to be had")
        elif kind == "stall":
            self.respond("234 Go on")
            self.del_channel()
        elif kind == "reset":
            self.respond("234 Go on")
            self.ioloop.call_later(0.1, reset, self)
        elif kind == "garbage":
            self.respond("234 Go on")
            self.ioloop.call_later(0.1, self.respond, "220 this is no TLS")
            self.del_channel()
        elif kind == "inject":
            # one write, so that the line is there before the handshake
            self.respond("234 Go on\r\n220 injected")
            self.del_channel()
        else:
            self.ssl_context = self.bed.tls_context(self.behaviour)
            super().ftp_AUTH(line)

    def ftp_PASS(self, line: str) -> None:
        if self._too_many("530"):
            self.respond(self.behaviour.too_many)
            self.close_when_done()
        else:
            super().ftp_PASS(line)

    def ftp_FEAT(self, line: str) -> None:
        self._extra_feats = [*self._extra_feats, *(name for name in self.behaviour.hash if name != "HASH")]
        if "HASH" in self.behaviour.hash:
            self._extra_feats.append("HASH " + ";".join(name + ("*" if name == self.algorithm else "") for name in DIGESTS))
        said: t.List[str] = []
        self.push = said.append
        super().ftp_FEAT(line)
        del self.push
        lines = "".join(said).split("\r\n")
        self.push("\r\n".join(text for text in lines if text.strip().split(" ")[0] not in self.behaviour.hide or not text.startswith(" ")))

    def ftp_SYST(self, line: str) -> None:
        self.respond(self.behaviour.system)

    def _make_epasv(self, extmode: bool = False) -> None:
        if not self.behaviour.pasv_closed:
            super()._make_epasv(extmode)
            return
        # the port is closed before it is told: who hears of it may be there at once
        said: t.List[str] = []
        self.push = said.append
        super()._make_epasv(extmode)
        del self.push
        self._shutdown_connecting_dtp()
        self.push("".join(said))

    def ftp_RETR(self, file: str) -> t.Optional[str]:
        found = super().ftp_RETR(file)
        if found is not None and self.behaviour.change and self.bed.left("change", self.behaviour.changes):
            change(pathlib.Path(file), self.behaviour.change)
        return found

    # -- digests ----------------------------------------------------------------------------------

    def _choose_algorithm(self, name: str) -> None:
        if name in DIGESTS:
            self.algorithm = name
            self.respond("200 %s" % name)
        else:
            self.respond("504 No such algorithm")

    def ftp_HASH(self, path: str) -> None:
        digest = self._digest(self.algorithm, path)
        if digest is None:
            return
        size = os.path.getsize(path)
        line = "%s 0-%d %s %s" % (self.algorithm, size, digest, self.fs.fs2ftp(path))
        self.respond("213-Computing %s digest\r\n213 %s" % (self.algorithm, line) if self.behaviour.lines else "213 " + line)

    def _digest(self, algorithm: str, path: str) -> t.Optional[str]:
        try:
            data = pathlib.Path(path).read_bytes()
        except OSError as error:
            self.respond("550 %s" % error.strerror)
            return None
        return DIGESTS[algorithm](data + b"!" * self.behaviour.wrong_hash)

    def _answer_digest(self, verb: str, argument: str) -> None:
        path = self.fs.ftp2fs(argument)
        digest = self._digest(_ALGORITHM_OF[verb], path) if self.fs.validpath(path) else None
        if digest is not None:
            head = "250-Computing %s digest\r\n" % _ALGORITHM_OF[verb] if self.behaviour.lines else ""
            self.respond("%s250 %s" % (head, digest.upper()))


def _answer(verb: str) -> t.Callable[[_Control, str], None]:
    return lambda self, argument: self._answer_digest(verb, argument)


for _verb in _ALGORITHM_OF:
    setattr(_Control, "ftp_" + _verb, _answer(_verb))


class _ClearControl(_Control, FTPHandler):
    dtp_handler = _ClearData


class _ExplicitControl(_Control, TLS_FTPHandler):
    dtp_handler = _TlsData
    tls_control_required = True
    tls_data_required = True


class _ImplicitControl(_ExplicitControl):
    implicit = True


def change(path: pathlib.Path, how: str) -> None:
    """What somebody else does to a file while it is sent."""
    if how == "remove":
        path.unlink()
        return
    if how == "touch":
        os.utime(path, (1000000000, 1000000000))
        return
    with path.open("r+b") as stream:
        size = os.fstat(stream.fileno()).st_size
        if how == "append":
            stream.seek(size)
            stream.write(b"more of it\n")
        elif how == "truncate":
            stream.truncate(size // 2)
        else:
            stream.write(b"?" * size)


class FtpServer(Behaving[Behaviour]):
    """The server in a thread of this process, or in the foreground by ``main``."""

    def __init__(self, directory: t.Union[str, pathlib.Path]) -> None:
        self.directory = pathlib.Path(directory)
        self.root = self.directory / "ftp"
        self.root.mkdir(parents=True, exist_ok=True)
        super().__init__(self.directory / "behaviour.json", Behaviour)
        self.certificates = make_certificates(self.directory / "tls")
        self.host = "127.0.0.1"
        self.port = self.explicit_port = self.implicit_port = 0
        self.sessions: t.List[_Control] = []
        self.log: t.Optional[t.TextIO] = None
        self._contexts: t.Dict[t.Tuple[str, str], SSL.Context] = {}
        self._stop = threading.Event()
        self._thread: t.Optional[threading.Thread] = None
        self._loop: t.Any = None

    @property
    def ca(self) -> str:
        """The certificate to trust."""
        return str(self.certificates / "ca.pem")

    # -- behaviour ------------------------------------------------------------------------------

    def forget_connections(self) -> None:
        super().forget_connections()
        # those of before are no longer counted
        self.sessions.clear()

    def commands(self, *verbs: str) -> t.List[str]:
        """What was said since ``behave``, in order; with ``verbs`` these alone."""
        return [line for line, _encrypted in list(self.heard) if not verbs or line.split(" ")[0].upper() in verbs]

    def note(self, line: str, encrypted: bool) -> None:
        """Write a command down, where the server is a program of its own."""
        if self.log is not None:
            said = "PASS" if line.upper().startswith("PASS ") else line
            self.log.write(json.dumps({"line": said, "encrypted": encrypted}) + "\n")

    def tls_context(self, behaviour: Behaviour) -> SSL.Context:
        """With the certificate that the behaviour names; one for all that name it, so that sessions can be resumed."""
        key = (behaviour.certificate, behaviour.tls_version)
        if key not in self._contexts:
            context = SSL.Context(SSL.TLS_SERVER_METHOD)
            context.use_certificate_chain_file(str(self.certificates / (behaviour.certificate + ".pem")))
            context.use_privatekey_file(str(self.certificates / (behaviour.certificate + ".key")))
            context.set_session_id(b"fleet test bed")
            if behaviour.tls_version:
                context.set_max_proto_version({"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}[behaviour.tls_version])
            self._contexts[key] = context
        return self._contexts[key]

    # -- life -----------------------------------------------------------------------------------

    def _listen(self) -> None:
        authorizer = DummyAuthorizer()
        authorizer.add_user("fleet", USERS["fleet"], str(self.root), perm="elradfmwMT")
        authorizer.add_user("reader", USERS["reader"], str(self.root), perm="elr")
        authorizer.add_anonymous(str(self.root))
        self._loop = IOLoop()
        for name, base in (("port", _ClearControl), ("explicit_port", _ExplicitControl), ("implicit_port", _ImplicitControl)):
            own = {"authorizer": authorizer, "bed": self}
            if base is not _ClearControl:
                own["ssl_context"] = self.tls_context(Behaviour())
            handler = type(base.__name__, (base,), own)
            sock = free_socket(self.host)
            port = sock.getsockname()[1]
            setattr(self, name, port)
            FTPServer(sock, handler, ioloop=self._loop)
            with contextlib.suppress(OSError):  # no IPv6 here
                FTPServer(("::1", port), handler, ioloop=self._loop)

    def _serve(self) -> None:
        while not self._stop.is_set():
            self._loop.loop(timeout=0.05, blocking=False)
        self._loop.close()

    def start(self) -> FtpServer:
        """Serve in a thread."""
        _silence()
        self._listen()
        self._thread = threading.Thread(target=self._serve, name="ftpd", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End, with all connections."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(20)

    def __enter__(self) -> FtpServer:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def facts(self) -> t.Dict[str, t.Any]:
        """Where it is to be found."""
        ports = {"port": self.port, "explicit_port": self.explicit_port, "implicit_port": self.implicit_port}
        return {"host": self.host, **ports, "ca": self.ca, "root": str(self.root), "pid": os.getpid()}


def _silence() -> None:
    """Nothing to standard error: pyftpdlib tells there of each thing that a client does."""
    logger = logging.getLogger("pyftpdlib")
    logger.setLevel(logging.CRITICAL)
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def main() -> None:
    """The command."""
    options = parser("An FTP server for tests, on loopback.").parse_args()
    server = FtpServer(options.directory)
    with open(server.directory / "commands.jsonl", "w", encoding="utf-8", buffering=1) as server.log, server:
        tell(server.directory / "ftpd.json", server.facts())
        wait(options)


if __name__ == "__main__":
    main()
