# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Delivering one mail by SMTP: to each recipient once, and what became of each.

Private to this collection. The moment that matters is the end of DATA: before it the server must
not have the mail, after its reply it is known, in between it is not. A Journal is told before and after.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._errors import FleetproofError
from .._message.addresses import Address
from .._message.compose import Mail, compose
from .._net.auth import Credentials
from .._net.retry import Patience
from .._net.stream import Endpoint
from .sign import Signing
from .smtp import Reply, Session, open_session

_UNKNOWN_TO_SERVER = Reply(553, "5.6.7 The server does not offer SMTPUTF8, which this address needs")


class Journal:
    """Is told of each step before or after it is taken; this one forgets. Recipients are given by identity."""

    def sending(self, to: t.Sequence[str], size: int) -> None:
        """The mail is about to be handed over: if nothing more is heard, the outcome is not known."""

    def sent(self, to: t.Sequence[str]) -> None:
        """They have it."""

    def not_sent(self, to: t.Sequence[str]) -> None:
        """They do not have it."""


@dataclass
class Letter:
    """A mail ready to go: with its Message-ID and date, and what the envelope asks for."""

    mail: Mail
    message_id: str
    date: float
    dsn_notify: t.Sequence[str] = ()
    dsn_return: str = "headers"
    signing: t.Optional[Signing] = None
    _composed: t.Dict[bool, t.Tuple[t.IO[bytes], int]] = field(default_factory=dict, repr=False)

    def composed(self, utf8: bool = True) -> t.Tuple[t.IO[bytes], int]:
        """The octets, signed if that is wanted, and how many they are. Without ``utf8`` addresses that need SMTPUTF8 are left out of the header."""
        utf8 = utf8 and self.mail.needs_utf8
        if utf8 not in self._composed:
            message = compose(self.mail, self.message_id, self.date, utf8)
            if self.signing is not None:
                message = self.signing.sign(message, self.date)
            size = message.seek(0, 2) or message.tell()
            self._composed[utf8] = (message, size)
        message, size = self._composed[utf8]
        message.seek(0)
        return message, size


@dataclass
class Delivery:
    """What became of the recipients, by identity.

    ``lost`` is what broke off the delivery to the ``unsettled``, ``error`` what kept the rest from getting it.
    """

    accepted: t.List[str] = field(default_factory=list)
    refused: t.Dict[str, Reply] = field(default_factory=dict)
    unsettled: t.List[str] = field(default_factory=list)
    lost: t.Optional[FleetproofError] = None
    error: t.Optional[FleetproofError] = None
    server: t.Optional[t.Dict[str, t.Optional[str]]] = None
    warnings: t.List[str] = field(default_factory=list)
    # which form of the letter went out, see Letter.composed
    utf8: bool = True

    def warn(self, warnings: t.Iterable[str]) -> None:
        """Add warnings, each one once, however often it was tried."""
        self.warnings += [warning for warning in warnings if warning not in self.warnings]

    def settle(self, named: t.List[str], journal: Journal) -> None:
        """``named`` have the mail. Failing to note that down does not undo it."""
        self.accepted += named
        try:
            journal.sent(named)
        except FleetproofError as error:
            self.error = FleetproofError(error.kind, "The mail was sent, but that could not be noted down: %s" % error.message, retryable=False)

    def lose(self, named: t.List[str], error: FleetproofError) -> None:
        """Whether ``named`` have the mail is not known, because of ``error``."""
        self.unsettled += named
        self.lost = error


@dataclass(frozen=True)
class SmtpRoute:
    """How to reach the server."""

    endpoint: Endpoint
    credentials: t.Optional[Credentials] = None
    ehlo_host: t.Optional[str] = None
    opportunistic: bool = False
    retries: int = 3

    def deliver(self, letter: Letter, recipients: t.Sequence[Address], journal: Journal, probe: bool) -> Delivery:
        """Hand ``letter`` over for ``recipients``. With ``probe`` everything is done but DATA, and ``accepted`` is who would be."""
        delivery = Delivery()
        patience = Patience(self.retries)
        pending = list(recipients)
        while pending:
            before = len(pending)
            delivery.error = self._attempt(letter, pending, journal, probe, delivery)
            settled = {*delivery.accepted, *delivery.unsettled, *(who for who, reply in delivery.refused.items() if not reply.temporary)}
            pending = [address for address in pending if address.identity not in settled]
            if delivery.error is not None and not delivery.error.retryable:
                break
            if len(pending) < before:
                # some have it now: a server that takes a hundred at a time is given the time for all
                patience.refresh()
            if pending and not patience.again():
                break
        return delivery

    def _attempt(self, letter: Letter, pending: t.Sequence[Address], journal: Journal, probe: bool, delivery: Delivery) -> t.Optional[FleetproofError]:
        delivery.error = None
        try:
            session, warnings = open_session(self.endpoint, self.ehlo_host, self.credentials, self.opportunistic)
            try:
                delivery.warn(warnings)
                delivery.server = session.facts()
                _Transaction(session, letter, journal, delivery).run(pending, probe)
                if delivery.lost is None:
                    session.quit()
            finally:
                session.close()
        except FleetproofError as error:
            return error
        return delivery.error


@dataclass
class _Transaction:
    session: Session
    letter: Letter
    journal: Journal
    delivery: Delivery

    def run(self, pending: t.Sequence[Address], probe: bool) -> None:
        """One mail on an open session; the replies go into the delivery."""
        session = self.session
        utf8 = session.has("SMTPUTF8")
        sender = self.letter.mail.sender
        if sender.needs_utf8 and not utf8:
            raise FleetproofError("refused", "%s does not offer SMTPUTF8, which the sender %s needs" % (session.where, sender.shown))
        self.delivery.utf8 = utf8
        message, size = self.letter.composed(utf8)
        limit = session.size_limit
        if limit is not None and size > limit:
            raise FleetproofError("refused", "The message has %d octets and %s takes no more than %d; nothing was sent" % (size, session.where, limit))
        reply = session.mail(sender.wire, self._mail_parameters(size, utf8))
        if not reply.good:
            raise FleetproofError("refused", "%s refused the sender %s: %s" % (session.where, sender.shown, reply), retryable=reply.temporary)
        named = self._name(pending, utf8)
        if not named or probe:
            session.reset()
            self.delivery.accepted += named
        else:
            self._hand_over(named, message, size)

    def _mail_parameters(self, size: int, utf8: bool) -> t.List[str]:
        parameters = ["SIZE=%d" % size] if self.session.has("SIZE") else []
        if utf8 and self.letter.mail.needs_utf8:
            parameters += ["SMTPUTF8", "BODY=8BITMIME"]
        if self.letter.dsn_notify and self.session.has("DSN"):
            wanted = "FULL" if self.letter.dsn_return == "full" else "HDRS"
            parameters += ["RET=" + wanted, "ENVID=" + _xtext(self.letter.message_id[1:-1])]
        elif self.letter.dsn_notify:
            self.delivery.warn(["%s does not offer DSN: it will not send the notifications that dsn asks for" % self.session.where])
        return parameters

    def _rcpt_parameters(self, address: Address) -> t.List[str]:
        if not self.letter.dsn_notify or not self.session.has("DSN"):
            return []
        original = [] if address.needs_utf8 else ["ORCPT=rfc822;" + _xtext(address.wire)]
        return ["NOTIFY=" + ",".join(self.letter.dsn_notify).upper(), *original]

    def _name(self, pending: t.Sequence[Address], utf8: bool) -> t.List[str]:
        named = []
        for address in pending:
            if address.needs_utf8 and not utf8:
                reply = _UNKNOWN_TO_SERVER
            else:
                reply = self.session.rcpt(address.wire, self._rcpt_parameters(address))
            if reply.good:
                named.append(address.identity)
                self.delivery.refused.pop(address.identity, None)
            else:
                self.delivery.refused[address.identity] = reply
            if reply.code == 421:
                raise FleetproofError("refused", "%s is closing down: %s" % (self.session.where, reply), retryable=True)
        return named

    def _hand_over(self, named: t.List[str], message: t.IO[bytes], size: int) -> None:
        self.journal.sending(named, size)
        try:
            reply = self._send(message)
        except FleetproofError:
            self.journal.not_sent(named)
            raise
        if reply is None:
            try:
                reply = self.session.finish_body()
            except FleetproofError as error:
                self.delivery.lose(named, FleetproofError(error.kind, "%s after the mail was handed over and before the answer came" % error.message))
                return
        if reply.good:
            self.delivery.settle(named, self.journal)
        elif reply.code >= 400:
            self.delivery.refused.update(dict.fromkeys(named, reply))
            self.journal.not_sent(named)
        else:
            self.delivery.lose(named, FleetproofError("protocol", "%s answered the mail with %s" % (self.session.where, reply)))

    def _send(self, message: t.IO[bytes]) -> t.Optional[Reply]:
        """DATA and the body but for its end: None when all is well, or the reply that refuses it."""
        reply = self.session.data()
        if reply.code != 354:
            return reply if reply.code >= 400 else Reply(554, "5.5.0 unexpected answer to DATA: %s" % reply)
        try:
            self.session.send_body(message)
        except FleetproofError:
            # a server that has had enough says why and hangs up while we are still sending
            words = self.session.last_words()
            if words is None or words.code < 400:
                raise
            return words
        return None


def _xtext(text: str) -> str:
    """RFC 3461, section 4: printable ASCII but ``+`` and ``=``, the rest in hexadecimal."""
    return "".join(chr(octet) if 33 <= octet <= 126 and octet not in b"+=" else "+%02X" % octet for octet in text.encode("utf-8"))
