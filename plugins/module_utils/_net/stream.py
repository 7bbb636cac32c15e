# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection as line protocols need it: dialled, encrypted, read by lines, never waiting for ever.

Private to this collection. Everything that can go wrong on the way is a FleetproofError.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
import typing as t
from dataclasses import dataclass, field

from .._errors import FleetproofError, kind_of_os_error, reason_of_os_error
from .._values import display_name
from .tls import TlsPolicy, cut_off, handshake, make_context, tls_error

_CHUNK = 65536  # octets asked for at once
_SIGN_OF_LIFE = 60  # seconds


@dataclass(frozen=True)
class Endpoint:
    """Where to and how. ``tls`` is ``implicit``, ``starttls`` or ``none``; ``timeout`` in seconds for each answer."""

    host: str
    port: int
    tls: str
    policy: TlsPolicy = field(default_factory=TlsPolicy)
    timeout: float = 30.0
    source_address: t.Optional[str] = None

    @property
    def where(self) -> str:
        """``host:port`` for sentences, IPv6 addresses in brackets."""
        return ("[%s]:%d" if ":" in self.host else "%s:%d") % (self.host, self.port)


def is_loopback(address: str) -> bool:
    """True for an IP address, with or without a zone, that leads back to this host."""
    found = ipaddress.ip_address(address.split("%", 1)[0])
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def dial(endpoint: Endpoint) -> Stream:
    """An open connection, already encrypted when ``tls`` is ``implicit``."""
    # before the first packet: a CA file that is not there should not look like a network problem
    context = None if endpoint.tls == "none" else make_context(endpoint.policy)
    stream = Stream(_open(endpoint), endpoint, context)
    if endpoint.tls == "implicit":
        stream.start_tls()
    return stream


def _open(endpoint: Endpoint) -> socket.socket:
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise FleetproofError(
            "resolve", "The host name %s cannot be resolved: %s" % (endpoint.host, error.strerror or error), retryable=error.errno == socket.EAI_AGAIN
        ) from error
    except (UnicodeError, ValueError, OverflowError) as error:
        raise FleetproofError("argument", "host: %r is not a host name or address" % endpoint.host) from error
    failure: t.Optional[FleetproofError] = None
    for family, kind, proto, _name, address in found:
        try:
            return _open_one(endpoint, family, kind, proto, address)
        except FleetproofError as error:
            # what the last address said stands; one that answers the purpose beats one of the wrong family
            failure = error if failure is None or failure.kind == "argument" else failure
    raise failure or FleetproofError("resolve", "The host name %s has no address" % endpoint.host)


def _open_one(endpoint: Endpoint, family: int, kind: int, proto: int, address: t.Any) -> socket.socket:
    sock = socket.socket(family, kind, proto)
    try:
        sock.settimeout(endpoint.timeout)
        if endpoint.source_address is not None:
            _bind(sock, endpoint)
        sock.connect(address)
    except FleetproofError:
        sock.close()
        raise
    except socket.timeout as error:
        sock.close()
        raise FleetproofError("timeout", "%s did not answer within %g s" % (endpoint.where, endpoint.timeout)) from error
    except OSError as error:
        sock.close()
        raise FleetproofError("connect", "Could not connect to %s: %s" % (endpoint.where, reason_of_os_error(error))) from error
    return sock


def _bind(sock: socket.socket, endpoint: Endpoint) -> None:
    try:
        sock.bind((endpoint.source_address, 0))
    except OSError as error:
        raise FleetproofError(
            "argument",
            "source_address: %s is not an address of this machine that can reach %s (%s)"
            % (endpoint.source_address, endpoint.where, reason_of_os_error(error)),
        ) from error


class _NothingYet(Exception):
    """Nothing is there, and nobody waits."""


class Stream:
    """An open connection that is read by lines and written whole."""

    def __init__(self, sock: socket.socket, endpoint: Endpoint, context: t.Optional[ssl.SSLContext] = None) -> None:
        self.endpoint = endpoint
        self._sock = sock
        self._context = context
        self._buffer = b""
        sock.settimeout(endpoint.timeout)

    @property
    def encrypted(self) -> bool:
        """True once TLS is up."""
        return isinstance(self._sock, ssl.SSLSocket)

    @property
    def tls_version(self) -> t.Optional[str]:
        """Such as ``TLSv1.3``; None in clear text."""
        return self._sock.version() if isinstance(self._sock, ssl.SSLSocket) else None

    @property
    def cipher(self) -> t.Optional[str]:
        """OpenSSL's name of the cipher; None in clear text."""
        found = self._sock.cipher() if isinstance(self._sock, ssl.SSLSocket) else None
        return found[0] if found else None

    @property
    def stays_on_this_host(self) -> bool:
        """True when the other end is a loopback address: nobody on a network can listen."""
        try:
            return is_loopback(str(self._sock.getpeername()[0]))
        except OSError:
            # it has hung up already, which the next read or write will tell
            return False

    @property
    def own_address(self) -> str:
        """The local address of this connection."""
        try:
            return str(self._sock.getsockname()[0])
        except OSError as error:
            raise self._lost(error) from error

    @property
    def peer(self) -> t.Any:
        """The address of the other end as the socket module writes it."""
        try:
            return self._sock.getpeername()
        except OSError as error:
            raise self._lost(error) from error

    @property
    def family(self) -> int:
        """AF_INET or AF_INET6."""
        return self._sock.family

    @property
    def tls_context(self) -> t.Optional[ssl.SSLContext]:
        """What a second connection needs that is to resume the TLS session of this one; None in clear text."""
        return self._context if self.encrypted else None

    @property
    def tls_session(self) -> t.Optional[ssl.SSLSession]:
        """The TLS session as of now: with TLS 1.3 there is none before the first answer."""
        return self._sock.session if isinstance(self._sock, ssl.SSLSocket) else None

    def tune(self) -> None:
        """For a dialogue of short lines that may have long pauses: no waiting for more to send, and signs of life."""
        try:
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
                # the system's own two hours are longer than firewalls remember a connection
                if hasattr(socket, name):
                    self._sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), _SIGN_OF_LIFE)
        except OSError:
            # it has hung up already, which the next read or write will tell
            pass

    def start_tls(self) -> None:
        """Encrypt from here on, or close and raise.

        Anything that has come before the handshake was not protected by it and could be anybody's
        (the command injection of CVE-2011-0411 and its kin): it ends the connection.
        """
        if self._buffer:
            self.close()
            raise FleetproofError(
                "tls", "%s sent data ahead of the TLS handshake: somebody may be meddling with the connection, so it was closed" % self.endpoint.where
            )
        if self._context is None:
            self._context = make_context(self.endpoint.policy)
        self._sock.settimeout(self.endpoint.timeout)
        self._sock = handshake(self._sock, self._context, self.endpoint.host, self.endpoint.where)

    def deadline(self, times: float = 1.0) -> float:
        """The moment (monotonic) by which an answer that may take ``times`` the timeout must be complete."""
        return time.monotonic() + times * self.endpoint.timeout

    def read_line(self, deadline: float, limit: int = 8192) -> bytes:
        """The next line without its line end. Longer than ``limit`` octets, late, or cut off: an error."""
        while b"\n" not in self._buffer:
            if len(self._buffer) > limit:
                raise FleetproofError("protocol", "%s sent a line of more than %d octets" % (self.endpoint.where, limit))
            self._buffer += self._receive(deadline)
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line[:-1] if line.endswith(b"\r") else line

    def read_some(self, deadline: float, most: int = _CHUNK) -> bytes:
        """What has come, or comes next by ``deadline``: at least one octet and at most ``most``."""
        if not self._buffer:
            self._buffer = self._receive(deadline)
        data, self._buffer = self._buffer[:most], self._buffer[most:]
        return data

    def unread(self, data: bytes) -> None:
        """Put back what was read too far."""
        self._buffer = data + self._buffer

    def arrived(self) -> bool:
        """Whether something has come that nobody has read yet. An end of the connection is an error, as when reading."""
        if not self._buffer:
            try:
                self._buffer = self._receive(None)
            except _NothingYet:
                return False
        return True

    def _receive(self, deadline: t.Optional[float]) -> bytes:
        """What comes by ``deadline``; None: what is there."""
        left = 0.0 if deadline is None else deadline - time.monotonic()
        if deadline is not None and left <= 0:
            raise self._late()
        try:
            self._sock.settimeout(left)
            data = self._sock.recv(_CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError) as error:
            raise _NothingYet from error
        except socket.timeout as error:
            raise self._late() from error
        except ssl.SSLError as error:
            raise self._tls_broken(error) from error
        except OSError as error:
            raise self._lost(error) from error
        if not data:
            raise FleetproofError("connect", "%s closed the connection" % self.endpoint.where)
        return data

    def write(self, data: bytes) -> None:
        """Send all of ``data`` within the timeout."""
        try:
            self._sock.settimeout(self.endpoint.timeout)
            self._sock.sendall(data)
        except socket.timeout as error:
            raise self._late() from error
        except ssl.SSLError as error:
            raise self._tls_broken(error) from error
        except OSError as error:
            raise self._lost(error) from error

    def close(self) -> None:
        """Hang up; never raises."""
        try:
            self._sock.close()
        except OSError:
            pass

    def _late(self) -> FleetproofError:
        return FleetproofError("timeout", "%s did not answer within %g s" % (self.endpoint.where, self.endpoint.timeout))

    def _tls_broken(self, error: ssl.SSLError) -> FleetproofError:
        if cut_off(error) or isinstance(error, ssl.SSLZeroReturnError):
            return FleetproofError("connect", "%s closed the connection" % self.endpoint.where)
        said = self._said_in_clear()
        if said:
            return FleetproofError("tls", "%s answered in clear text inside the TLS connection: …%s" % (self.endpoint.where, said))
        return tls_error(error, self.endpoint.host, self.endpoint.where)

    def _said_in_clear(self) -> str:
        """What follows the octets that TLS could not make sense of, where it is text; its first five octets are gone."""
        try:
            # past the TLS layer: SSLSocket would hand it to OpenSSL, which has given up
            data = socket.socket.recv(self._sock, _CHUNK, socket.MSG_DONTWAIT)
        except OSError:
            return ""
        text = data.decode("ascii", "replace").strip()
        return display_name(text[:200]) if text.isprintable() and text.isascii() else ""

    def _lost(self, error: OSError) -> FleetproofError:
        kind = kind_of_os_error(error)
        return FleetproofError(
            kind if kind in ("connect", "timeout") else "connect", "The connection to %s was lost: %s" % (self.endpoint.where, reason_of_os_error(error))
        )
