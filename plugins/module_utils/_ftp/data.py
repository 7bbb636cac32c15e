# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Data connections: made, encrypted, read or written, and ended so that nothing is lost in silence.

Private to this collection.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import time
import typing as t

from .._errors import FleetproofError, kind_of_os_error, reason_of_os_error
from .._net.tls import cut_off, handshake, tls_error

_BLOCK = 262144  # octets
_LINUX_BIND_ADDRESS_NO_PORT = 24  # ip(7); the socket module of Python before 3.12 has no name for it


def connect(address: t.Any, family: int, timeout: float, source_address: t.Optional[str], where: str) -> socket.socket:
    """A TCP connection to ``address``."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        if source_address is not None:
            if hasattr(socket, "IPPROTO_IP") and family == socket.AF_INET:
                _port_when_connecting(sock)
            sock.bind((source_address, 0))
        sock.connect(address)
    except socket.timeout as error:
        sock.close()
        raise FleetproofError(
            "timeout",
            "The data connection to port %d of %s was not made within %g s: a firewall may let the control connection alone through; "
            "open the ports for passive mode, or use passive=false" % (address[1], where, timeout),
        ) from error
    except OSError as error:
        sock.close()
        raise FleetproofError("connect", "Could not make a data connection to port %d of %s: %s" % (address[1], where, reason_of_os_error(error))) from error
    return sock


def _port_when_connecting(sock: socket.socket) -> None:
    """Ports are chosen by the far end as well, so that many short connections do not use them up."""
    try:
        sock.setsockopt(socket.IPPROTO_IP, _LINUX_BIND_ADDRESS_NO_PORT, 1)
    except OSError:
        pass


def listen(address: str, family: int, timeout: float, where: str) -> socket.socket:
    """A socket that waits for the server to connect to us (active mode)."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        sock.bind((address, 0))
        sock.listen(1)
    except OSError as error:
        sock.close()
        raise FleetproofError("connect", "Could not listen on %s for the data connection of %s: %s" % (address, where, reason_of_os_error(error))) from error
    return sock


def accept(listener: socket.socket, server: str, timeout: float, where: str) -> socket.socket:
    """The connection that ``server`` makes to us; connections from anybody else are hung up on."""
    deadline = time.monotonic() + timeout
    while True:
        left = deadline - time.monotonic()
        try:
            if left <= 0:
                raise socket.timeout
            listener.settimeout(left)
            sock, address = listener.accept()
        except socket.timeout as error:
            raise FleetproofError("timeout", "%s made no data connection within %g s; passive=true needs none to this host" % (where, timeout)) from error
        except OSError as error:
            raise FleetproofError("connect", "The data connection of %s did not come: %s" % (where, reason_of_os_error(error))) from error
        if address[0] == server:
            return sock
        sock.close()


class Channel:
    """An open data connection."""

    def __init__(self, sock: socket.socket, where: str, timeout: float) -> None:
        self._sock = sock
        self._where = where
        self._timeout = timeout
        # True where TLS took up the session of the control connection
        self.resumed = False
        sock.settimeout(timeout)

    def encrypt(self, context: ssl.SSLContext, host: str, session: t.Optional[ssl.SSLSession]) -> None:
        """Encrypt, resuming ``session`` of the control connection: vsftpd and ProFTPD take nobody else."""
        found = handshake(self._sock, context, host, "The data connection of " + self._where, session)
        self._sock = found
        self.resumed = bool(found.session_reused)

    @property
    def encrypted(self) -> bool:
        """True where there is TLS."""
        return isinstance(self._sock, ssl.SSLSocket)

    def read_into(self, buffer: t.Any) -> int:
        """Octets read into ``buffer``; 0 at the end. CutOff: it ended in a way that does not say that this was all."""
        try:
            return self._sock.recv_into(buffer)
        except socket.timeout as error:
            raise self._late("sent nothing") from error
        except ssl.SSLZeroReturnError:
            return 0
        except ssl.SSLError as error:
            if cut_off(error):
                raise CutOff(self._where) from error
            raise tls_error(error, self._where, "The data connection of " + self._where) from error
        except OSError as error:
            raise self._lost(error) from error

    def write(self, data: t.Any) -> None:
        """Send all of ``data``; whenever some of it is taken, the timeout begins anew."""
        view = memoryview(data).cast("B")
        start = 0
        try:
            while start < len(view):
                # not sendall(), which gives a slow line the timeout for the whole of it
                start += self._sock.send(view[start : start + _BLOCK])
        except socket.timeout as error:
            raise self._late("took nothing") from error
        except ssl.SSLError as error:
            if cut_off(error):
                raise CutOff(self._where) from error
            raise tls_error(error, self._where, "The data connection of " + self._where) from error
        except OSError as error:
            raise self._lost(error) from error

    def send_file(self, descriptor: int, offset: int, count: int) -> int:
        """Send octets of a file without taking them in hand where that can be; less than ``count`` only at its end."""
        sent = 0
        while sent < count:
            if self.encrypted:
                block = os.pread(descriptor, min(_BLOCK, count - sent), offset + sent)
                self.write(block)
                done = len(block)
            else:
                done = self._send_file(descriptor, offset + sent, min(count - sent, 1 << 30))
            if not done:
                break
            sent += done
        return sent

    def _send_file(self, descriptor: int, offset: int, count: int) -> int:
        # with a timeout set, the descriptor does not block
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                return os.sendfile(self._sock.fileno(), descriptor, offset, count)
            except BlockingIOError:
                poll = select.poll()
                poll.register(self._sock.fileno(), select.POLLOUT)
                if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                    raise self._late("took nothing") from None
            except OSError as error:
                raise self._lost(error) from error

    def finish_writing(self) -> None:
        """Say that this was all, and close.

        With TLS that is its farewell and then the end of our direction; what the server still sends
        (tickets of TLS 1.3, its own farewell) is taken in: closing over unread octets is a reset,
        which could cost the server the end of the file.
        """
        if isinstance(self._sock, ssl.SSLSocket):
            try:
                self._sock.settimeout(0)
                self._sock.unwrap()
            except (OSError, ValueError):
                # mostly that the answer is not there yet
                pass
            self._drain()
        self.close()

    def _drain(self) -> None:
        deadline = time.monotonic() + self._timeout
        try:
            plain = socket.socket(fileno=self._sock.detach())
        except OSError:
            return
        self._sock = plain
        try:
            plain.shutdown(socket.SHUT_WR)
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    # nor is there an end to those who never stop sending
                    return
                plain.settimeout(left)
                if not plain.recv(_BLOCK):
                    return
        except OSError:
            # the closing reply tells whether the server has it all
            return

    def close(self) -> None:
        """Hang up; never raises."""
        try:
            self._sock.close()
        except OSError:
            pass

    def _late(self, what: str) -> FleetproofError:
        return FleetproofError("timeout", "The data connection of %s stalled: the server %s for %g s" % (self._where, what, self._timeout))

    def _lost(self, error: OSError) -> FleetproofError:
        kind = kind_of_os_error(error)
        return FleetproofError(
            kind if kind in ("connect", "timeout") else "connect", "The data connection of %s was lost: %s" % (self._where, reason_of_os_error(error))
        )


class CutOff(FleetproofError):
    """TLS ended without its farewell: by the server in its own careless way, or by anybody who cut the connection."""

    def __init__(self, where: str) -> None:
        super().__init__("connect", "The data connection of %s was cut off: TLS ended without its farewell, so what came may not be all" % where)
