# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a session does otherwise than pyftpdlib's own: how it logs in, its names, its passive ports, its TLS."""

from __future__ import annotations

import codecs
import concurrent.futures
import errno
import os
import typing as t

from pyftpdlib.exceptions import AuthenticationFailed
from pyftpdlib.handlers import DTPHandler, FTPHandler, ThrottledDTPHandler
from pyftpdlib.ioloop import AsyncChat

from . import configuration
from .configuration import Config, Problem, Users

try:
    from OpenSSL import SSL
    from pyftpdlib.handlers import TLS_DTPHandler, TLS_FTPHandler
except ImportError:
    SSL = None
    TLS_DTPHandler = TLS_FTPHandler = object

# How often it is looked whether a password has been checked, in seconds.
GLANCE = 0.01
# Commands that may wait while a password is checked; nobody sends so many unanswered.
MOST_HELD = 64
# Replies that a client leaves unread; they take memory.
MOST_UNREAD = 4096
# Seconds for a client to log in, and to read the last reply: until then it holds one of the sessions that there may be.
LOGIN, LAST_WORDS = 60.0, 10.0
ENCODING_ERRORS = "fleetproof"
UNSAFE = frozenset("\0\r\n")


class NoPassivePort(OSError):
    """All passive ports are taken."""


class Authorizer:
    """What pyftpdlib asks about users. The users can be replaced while sessions go on."""

    def __init__(self, users: Users) -> None:
        self.users = users

    def validate_authentication(self, username: str, password: str, handler: t.Any) -> None:
        """The password was checked before, because that takes long; here is what came of it."""
        if not handler.password_is_right:
            raise AuthenticationFailed("Authentication failed.")

    def get_home_dir(self, username: str) -> str:
        """The home directory. Without it there is no login: its disk may not be mounted."""
        user = self.users.get(username)
        if user is None or not os.path.isdir(user.home):
            raise AuthenticationFailed("The home directory is not there.")
        return os.path.realpath(user.home)

    def has_user(self, username: str) -> bool:
        return self.users.get(username) is not None

    def has_perm(self, username: str, perm: str, path: t.Optional[str] = None) -> bool:
        return perm in self.get_perms(username)

    def get_perms(self, username: str) -> str:
        user = self.users.get(username)
        return "" if user is None else user.permissions

    def get_msg_login(self, username: str) -> str:
        return "Login successful."

    def get_msg_quit(self, username: str) -> str:
        return "Goodbye."

    def impersonate_user(self, username: str, password: str) -> None:
        """All users are one account of the system."""

    def terminate_impersonation(self, username: str) -> None:
        """All users are one account of the system."""


def _encoding_errors(error: UnicodeError) -> t.Tuple[t.Union[str, bytes], int]:
    """Bytes that are no text go through as they are; a character that the encoding lacks is shown as a question mark."""
    if isinstance(error, UnicodeEncodeError):
        codes = [ord(character) for character in error.object[error.start : error.end]]
        return bytes(code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else ord("?") for code in codes), error.end
    return codecs.lookup_error("surrogateescape")(error)


codecs.register_error(ENCODING_ERRORS, _encoding_errors)


class InRange(FTPHandler.passive_dtp):  # type: ignore[misc, name-defined, unused-ignore]
    """The listening end of a data connection. No port outside of the range is ever opened: a firewall would let nobody get there."""

    _trying = False

    def bind_af_unspecified(self, addr: t.Any) -> t.Any:
        """Finds out the family of an address, with any port."""
        self._trying = True
        try:
            return super().bind_af_unspecified(addr)
        finally:
            self._trying = False

    def bind(self, addr: t.Any) -> None:
        if addr[1] == 0 and self.cmd_channel.passive_ports is not None and not self._trying:
            self.close()
            raise NoPassivePort(errno.EADDRINUSE, "no passive port is free")
        super().bind(addr)


class Careful:
    """What all sessions have in common, plain or not: to be mixed into pyftpdlib's handler."""

    password_is_right = False
    # Two at a time: hashing takes memory, and whoever guesses passwords is to hold up nobody's transfers.
    hashing = concurrent.futures.ThreadPoolExecutor(max_workers=2)

    def __init__(self, *args: t.Any, **more: t.Any) -> None:
        self._checking: t.Optional[concurrent.futures.Future[bool]] = None
        self._held: t.List[bytes] = []
        super().__init__(*args, **more)
        if not self._closed:
            self.call_later(LOGIN, self._see_who_it_is)

    def _see_who_it_is(self) -> None:
        """Nobody holds a session by saying NOOP for ever, or by never coming to the end of a TLS handshake."""
        if not self.authenticated:
            self.log("Nobody logged in within %d seconds." % LOGIN)
            self.close()

    def close(self) -> None:
        """A password that nobody waits for is not checked."""
        if self._checking is not None:
            self._checking.cancel()
        super().close()

    def close_when_done(self) -> None:
        """Wait for a last reply to be taken, but not for ever."""
        super().close_when_done()
        if not self._closed:
            self.call_later(LAST_WORDS, self.close)

    def push(self, data: str) -> None:
        """Send a reply. Who sends commands and reads no replies does not get all memory for them."""
        if len(self.producer_fifo) > MOST_UNREAD:
            self.discard_buffers()
            self.call_later(0, self.close)
            return
        AsyncChat.push(self, data.encode(self.encoding, self.unicode_errors))  # type: ignore[misc, unused-ignore]

    def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
        """No name with a NUL or a line break gets to the file system, the log or a reply."""
        if UNSAFE & set(line):
            self.respond("501 A command cannot hold NUL or line breaks.")
            return
        super().pre_process_command(line, cmd, arg)

    def process_command(self, cmd: str, *args: t.Any, **more: t.Any) -> None:
        """Let PASS wait for the hash without letting anybody else wait."""
        if cmd == "PASS" and self.username and not self.authenticated:
            self._checking = self.hashing.submit(self.authorizer.users.check, self.username, args[0])
            self._await_check(args[0])
        else:
            super().process_command(cmd, *args, **more)

    def _await_check(self, password: str) -> None:
        if self._closed or self._checking is None:
            return
        if not self._checking.done():
            self.ioloop.call_later(GLANCE, self._await_check, password, _errback=self.handle_error)
            return
        self.password_is_right = self._checking.result()
        try:
            super().process_command("PASS", password)
        finally:
            self.password_is_right = False

    def found_terminator(self) -> None:
        """Commands that are sent ahead of the answer to PASS have their turn after it."""
        if self._checking is None:
            super().found_terminator()
            return
        self._held.append(b"".join(self._in_buffer))
        self._in_buffer, self._in_buffer_len = [], 0
        if len(self._held) > MOST_HELD:
            self.close()

    def on_login(self, username: str) -> None:
        self._go_on()

    def on_login_failed(self, username: str, password: str) -> None:
        self._go_on()

    def _go_on(self) -> None:
        self._checking = None
        held, self._held = self._held, []
        for number, line in enumerate(held):
            if self._closed or self._closing:
                return
            if self._checking is not None:
                self._held = held[number:]
                return
            self._in_buffer, self._in_buffer_len = [line], len(line)
            super().found_terminator()

    def ftp_STOU(self, line: str) -> t.Optional[str]:
        """Look at the letter and the place before a file is made; pyftpdlib does so afterwards, or not at all."""
        folder = os.path.dirname(self.fs.ftp2fs(line)) if line else self.fs.ftp2fs(self.fs.cwd)
        if not self.authorizer.has_perm(self.username, "w", folder):
            self.respond("550 Not enough privileges.")
        elif not self.fs.validpath(folder):
            self.respond("550 The file would be outside of the home directory.")
        else:
            return super().ftp_STOU(line)
        return None

    def _make_epasv(self, extmode: bool = False) -> None:
        try:
            super()._make_epasv(extmode)
        except NoPassivePort:
            self.respond_w_warning("425 No passive port is free, try again later.")


class Encrypted(Careful):
    """A session that becomes encrypted by AUTH TLS."""

    def secure_connection(self, ssl_context: t.Any) -> None:
        """What somebody in between sent ahead in clear is not taken for a command of the client."""
        super().secure_connection(ssl_context)
        self.ac_in_buffer = b""

    def ftp_PROT(self, line: str) -> None:
        """Data in clear are refused as such, for else a connection that was opened before would be in clear."""
        if line.upper() == "C":
            self.respond("534 Data connections have to be encrypted (PROT P).")
        else:
            super().ftp_PROT(line)


class EncryptedData(TLS_DTPHandler):  # type: ignore[misc, unused-ignore]
    """A data connection that comes to the end of its handshake before anything else, so that also nothing ends as TLS ends."""

    def send(self, data: bytes) -> int:
        """For TLS an empty text would be the end of the connection, and any other a way to shake hands that pyftpdlib does not notice."""
        return super().send(data) if data and not self._ssl_accepting else 0

    def modify_ioloop_events(self, events: int, logdebug: bool = False) -> None:
        """A client that takes its time to shake hands is waited for, and not asked about without a break."""
        if self._ssl_accepting and self._ssl_want_read:
            events = self.ioloop.READ
        super().modify_ioloop_events(events, logdebug)


class EncryptedFromTheStart(Encrypted):
    """A session that is encrypted before a word is said (implicit TLS)."""

    def handle(self) -> None:
        self.secure_connection(self.get_ssl_context())

    def handle_ssl_established(self) -> None:
        super().handle()

    def handle_max_cons(self) -> None:
        self.log("Too many connections.")
        self.close()

    handle_max_cons_per_ip = handle_max_cons


def make_handler(config: Config, users: Users) -> t.Any:
    """The class of the sessions."""
    bases: t.Tuple[t.Any, ...] = (Careful, FTPHandler)
    channel = DTPHandler
    values: t.Dict[str, t.Any] = {}
    if config.tls != "none":
        if SSL is None:
            raise Problem("TLS needs pyOpenSSL, which this Python does not have: install it, or set tls to none")
        bases = (Encrypted if config.tls == "starttls" else EncryptedFromTheStart, TLS_FTPHandler)
        channel = EncryptedData
        values.update(tls_control_required=True, tls_data_required=True, ssl_context=make_context(config))
    if config.upload_limit or config.download_limit:
        limits = {"read_limit": config.upload_limit, "write_limit": config.download_limit}
        channel = type("Throttled", (ThrottledDTPHandler,) if channel is DTPHandler else (ThrottledDTPHandler, channel), limits)
    ports = config.passive_ports
    values.update(
        authorizer=Authorizer(users),
        dtp_handler=channel,
        passive_dtp=InRange,
        timeout=config.timeout,
        banner=config.banner,
        max_login_attempts=config.max_login_attempts,
        auth_failed_timeout=config.login_delay,
        permit_foreign_addresses=False,
        permit_privileged_ports=False,
        masquerade_address=config.masquerade_address or None,
        passive_ports=None if ports is None else range(ports[0], ports[1] + 1),
        encoding=config.encoding,
        unicode_errors=ENCODING_ERRORS,
    )
    return type("Session", bases, values)


def make_context(config: Config) -> t.Any:
    """TLS as configured: nothing below the lowest version, no compression, no renegotiation."""
    configuration.check_key(config)
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version({"TLSv1.2": SSL.TLS1_2_VERSION, "TLSv1.3": SSL.TLS1_3_VERSION}[config.tls_min_version])
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE | getattr(SSL, "OP_NO_RENEGOTIATION", 0))
    # A key with a passphrase would otherwise ask for it on a terminal.
    context.set_passwd_cb(lambda *_anything: b"")
    try:
        context.use_certificate_chain_file(config.certificate)
        context.use_privatekey_file(config.key)
        context.check_privatekey()
    except SSL.Error:
        raise Problem(
            "The certificate %s and the private key %s cannot be used: they have to be PEM, belong together, and the key must have no passphrase"
            % (config.certificate, config.key)
        ) from None
    return context
