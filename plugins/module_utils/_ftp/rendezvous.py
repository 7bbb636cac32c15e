# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the data connection goes: EPSV, PASV, EPRT and PORT (RFC 2428, RFC 959).

Private to this collection. The address that a server names is never used: data connections go to, and
come from, the host of the control connection, or a server could have us connect to others (FTP bounce).
"""

from __future__ import annotations

import ipaddress
import re
import socket
import typing as t

from .._errors import FleetproofError
from . import data
from .control import Control
from .replies import Reply, error_of

_EPSV = re.compile(r"\(([!-~])\1\1([0-9]{1,5})\1\)")
_PASV = re.compile(r"([0-9]{1,3}),([0-9]{1,3}),([0-9]{1,3}),([0-9]{1,3}),([0-9]{1,3}),([0-9]{1,3})")
# Refusals that are about the data connection
_OF_DATA = (425, 426, 522)
_NO_SUCH_PROTOCOL = 522  # RFC 2428, section 2


def port_of(reply: Reply, where: str) -> int:
    """The port in a reply to EPSV or PASV."""
    if reply.code == 229:
        match = _EPSV.search(reply.text)
        port = int(match.group(2)) if match else 0
    else:
        match = _PASV.search(reply.text)
        port = int(match.group(5)) * 256 + int(match.group(6)) if match else 0
    if not 1 <= port <= 65535:
        raise FleetproofError("protocol", "%s does not tell a port for the data connection: %s" % (where, reply))
    if port < 1024:
        # never a port for data of a server that means well; it may be a service that others run there
        raise FleetproofError(
            "unsafe", "%s wants a data connection to its port %d, which was not made: ports below 1024 are for other services" % (where, port)
        )
    return port


class Rendezvous:
    """Makes the data connections of a control connection."""

    def __init__(self, control: Control, passive: bool) -> None:
        self._control = control
        self._endpoint = control.stream.endpoint
        self._passive = passive
        self._peer = control.stream.peer
        self._family = control.stream.family
        # set once PROT P is agreed
        self.protected = False
        # the verb that this server takes
        self._verb = "EPSV" if passive else ("EPRT" if self._family == socket.AF_INET6 else "PORT")
        # whether it has been seen to work
        self._proved = False
        self._port = 0
        self._listener: t.Optional[socket.socket] = None

    def prepare(self, commands: t.Sequence[str]) -> t.List[Reply]:
        """Agree on a data connection; the replies to ``commands``, which are sent along."""
        self.forget()
        if self._passive:
            return self._prepare_passive(commands)
        return self._prepare_active(commands)

    def _prepare_passive(self, commands: t.Sequence[str]) -> t.List[Reply]:
        first, *others = self._control.exchange([self._verb, *commands])
        if self._verb == "EPSV" and first.code != 229 and self._family == socket.AF_INET and (first.unknown or first.code == _NO_SUCH_PROTOCOL):
            self._verb = "PASV"
            first, *others = self._control.exchange([self._verb, *commands])
        self._port = self._port_in(first)
        self._proved = True
        return others

    def _port_in(self, reply: Reply) -> int:
        if reply.code != (229 if self._verb == "EPSV" else 227):
            raise error_of(reply, "agree on a data connection (%s)" % self._verb, self._control.where)
        return port_of(reply, self._control.where)

    def _prepare_active(self, commands: t.Sequence[str]) -> t.List[Reply]:
        own = self._control.stream.own_address
        self._listener = data.listen(own, self._family, self._endpoint.timeout, self._control.where)
        try:
            reply = self._control.command(self._invitation(own, self._listener.getsockname()[1]))
            if not reply.good:
                raise error_of(reply, "agree on a data connection (%s)" % self._verb, self._control.where)
            # not sent along: pyftpdlib connects before it answers PORT, and answers what comes after it meanwhile
            return self._control.exchange(commands)
        except BaseException:
            self.forget()
            raise

    def _invitation(self, own: str, port: int) -> str:
        if self._verb == "PORT":
            return "PORT %s,%d,%d" % (own.replace(".", ","), port // 256, port % 256)
        address = ipaddress.ip_address(own.split("%", 1)[0])
        return "EPRT |%d|%s|%d|" % (2 if address.version == 6 else 1, address, port)

    def forget(self) -> None:
        """Give up what was agreed on and not used."""
        self._port = 0
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def open(self, command: str, doing: str, path: str) -> data.Channel:
        """Send the command that transfers something; the data connection for it, once the server has begun."""
        self._control.send(command)
        return self._begin(doing, path)

    def open_at_once(self, command: str, doing: str, path: str) -> data.Channel:
        """``prepare`` and ``open`` in one write, which saves a round trip, where this server has agreed before."""
        control = self._control
        if not (self._proved and control.several):
            self.prepare([])
            return self.open(command, doing, path)
        self.forget()
        control.send(self._verb, command)
        reply = control.receive()
        try:
            self._port = self._port_in(reply)
        except FleetproofError:
            # what the server makes of the command is not worth waiting for
            control.broken = True
            raise
        return self._begin(doing, path)

    def _begin(self, doing: str, path: str) -> data.Channel:
        control = self._control
        channel: t.Optional[data.Channel] = None
        settled = False
        try:
            if self._listener is None:
                # before the reply: many servers answer only when somebody is there
                channel = self._connect()
            reply = control.receive()
            if not reply.preliminary:
                settled = True
                raise error_of(reply, doing, control.where, path)
            if channel is None:
                channel = self._accept()
            if self.protected:
                self._encrypt(channel)
        except BaseException as error:
            if channel is not None:
                channel.close()
            if settled or control.broken:
                raise
            if isinstance(error, FleetproofError):
                self._explain(error, doing, path)
            control.broken = True
            raise
        finally:
            self.forget()
        return channel

    def _explain(self, error: FleetproofError, doing: str, path: str) -> None:
        """Raise what the server says about a data connection that did not come to be, if it says something."""
        reply = self._control.explanation()
        if reply is None or reply.code < 400:
            return
        if error.kind == "tls" and not error.retryable and reply.code in (425, 426):
            # we broke it off ourselves, and know better why: another try would not help
            return
        told = error_of(reply, doing, self._control.where, path)
        if reply.code in _OF_DATA:
            told = FleetproofError(told.kind, "%s (%s)" % (told.message, error.message), told.retryable)
        # else it refused the command itself, and waited for no connection
        raise told from error

    def _connect(self) -> data.Channel:
        endpoint = self._endpoint
        # IPv6 addresses carry a zone, which stays
        address = (self._peer[0], self._port, *self._peer[2:])
        sock = data.connect(address, self._family, endpoint.timeout, endpoint.source_address, self._control.where)
        return data.Channel(sock, self._control.where, endpoint.timeout)

    def _accept(self) -> data.Channel:
        if self._listener is None:
            raise ValueError("open() was not called")
        sock = data.accept(self._listener, self._peer[0], self._endpoint.timeout, self._control.where)
        return data.Channel(sock, self._control.where, self._endpoint.timeout)

    def _encrypt(self, channel: data.Channel) -> None:
        stream = self._control.stream
        context = stream.tls_context
        # ProFTPD 1.3.8 with mod_tls_shmcache and TLS 1.3 dies of some 240 of these (free(): invalid pointer):
        # to us the connection is lost, and the caller makes another
        if context is None:
            raise FleetproofError("internal", "Data connections of %s are to be encrypted and the control connection is not" % self._control.where)
        channel.encrypt(context, self._endpoint.host, stream.tls_session)
