# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sending once: what the ledger says is left to do, doing it, and telling what is so now.

Private to this collection. One path for check mode and run: the plan is the same, and check mode
hands it to the same route, which stops short of handing the mail over.
"""

from __future__ import annotations

import contextlib
import os
import time
import typing as t
from dataclasses import dataclass, field

from .._errors import FleetproofError
from .._message.addresses import Address, distinct
from .._state import assert_writable
from .._values import iso_time
from .deliver import Delivery, Journal, Letter, SmtpRoute
from .ledger import Ledger, Record
from .smtp import Reply
from .transports import EmlRoute, MaildirRoute, SendmailRoute, eml_target, write_eml

Route = t.Union[SmtpRoute, SendmailRoute, MaildirRoute, EmlRoute]

# timeouts to wait for another run that is sending the same mail
_PATIENCE = 20


@dataclass(frozen=True)
class Errand:
    """A mail and how it is to be sent. ``on_unknown``: ``fail``, ``resend`` or ``assume_sent``."""

    # from the date and the Message-ID of an earlier attempt, if there was one
    letter_of: t.Callable[[float, t.Optional[str]], Letter]
    key: str
    recipients: t.Sequence[Address]
    route: Route
    ledger: Ledger
    once: bool = True
    on_unknown: str = "fail"
    probe: bool = True
    save_to: t.Optional[str] = None
    timeout: float = 30.0


@dataclass
class Report:
    """How it went, by identity of the recipients; ``accepted`` counts those of earlier runs as well."""

    letter: Letter
    pending: t.List[Address] = field(default_factory=list)
    accepted: t.List[str] = field(default_factory=list)
    new: t.List[str] = field(default_factory=list)
    refused: t.Dict[str, Reply] = field(default_factory=dict)
    unsettled: t.List[str] = field(default_factory=list)
    # why the unsettled of this very run are so; None when they are from an earlier run
    lost: t.Optional[FleetproofError] = None
    since: t.Optional[float] = None
    error: t.Optional[FleetproofError] = None
    server: t.Optional[t.Dict[str, t.Optional[str]]] = None
    size: t.Optional[int] = None
    warnings: t.List[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Somebody has got the mail, or may have."""
        return bool(self.new) or self.lost is not None

    @property
    def state(self) -> str:
        """RV(state)."""
        if self.unsettled:
            return "unknown"
        if self.new:
            return "sent"
        return "failed" if self.refused or self.error else "skipped"

    def failure(self, shown: t.Mapping[str, str]) -> t.Optional[FleetproofError]:
        """One error for all that went wrong; ``shown`` has the addresses as the user wrote them."""
        error = self.error
        sentences = []
        if self.unsettled:
            sentences.append(self._unsettled_sentence(shown))
            error = FleetproofError(self.lost.kind if self.lost else "connect", "", retryable=False)
        if self.error is not None:
            sentences.append(self.error.message)
        if self.refused:
            listed = ", ".join("%s (%s)" % (shown[who], reply) for who, reply in self.refused.items())
            sentences.append("%d of %d recipients were refused: %s" % (len(self.refused), len(shown), listed))
            error = error or FleetproofError("refused", "", retryable=all(reply.temporary for reply in self.refused.values()))
        if error is None:
            return None
        if self.accepted:
            sentences.append("%d recipients have the mail and will not get it again" % len(self.accepted))
        return FleetproofError(error.kind, "; ".join(sentences), retryable=error.retryable)

    def _unsettled_sentence(self, shown: t.Mapping[str, str]) -> str:
        people = ", ".join(shown[who] for who in self.unsettled)
        earlier = "an earlier run broke off at %s with the mail on its way" % (iso_time(self.since) or "an unknown time")
        why = self.lost.message if self.lost else earlier
        return (
            "Whether the mail %s reached %s is not known: %s. "
            "Look for this Message-ID in the mailbox or the log of the server, then run again with on_unknown=resend or on_unknown=assume_sent"
            % (self.letter.message_id, people, why)
        )


class _Steps(Journal):
    """Writes the steps of a delivery into the ledger."""

    def __init__(self, ledger: Ledger, key: str, letter: Letter) -> None:
        self._ledger, self._key, self._letter = ledger, key, letter

    def sending(self, to: t.Sequence[str], size: int) -> None:
        self._ledger.append(self._key, "sending", time.time(), to, date=self._letter.date, size=size, message_id=self._letter.message_id)

    def sent(self, to: t.Sequence[str]) -> None:
        self._ledger.append(self._key, "sent", time.time(), to)

    def not_sent(self, to: t.Sequence[str]) -> None:
        self._ledger.append(self._key, "not_sent", time.time(), to)


def send(errand: Errand, check: bool) -> Report:
    """Do the errand, or with ``check`` find out what doing it would bring; the ledger and the mailboxes stay as they are then."""
    # a file that is no ledger, or cannot be written, is found out before a lock is put beside it, and in check mode too
    errand.ledger.read(errand.key)
    errand.ledger.assert_writable()
    guarded = errand.once and not check
    with errand.ledger.locked(errand.key, _PATIENCE * errand.timeout) if guarded else contextlib.nullcontext():
        record = errand.ledger.read(errand.key) if errand.once else Record()
        letter = errand.letter_of(record.date if record.date is not None else float(int(time.time())), record.message_id)
        journal = Journal() if check else _Steps(errand.ledger, errand.key, letter)
        report = _plan(errand, record, letter, journal)
        if report.pending:
            _carry_out(errand, report, journal, check)
    return report


def _plan(errand: Errand, record: Record, letter: Letter, journal: Journal) -> Report:
    """Who has it, who may have it, who is left."""
    everybody = distinct(errand.recipients)
    known = {address.identity for address in everybody}
    accepted = [who for who in record.accepted if who in known]
    unsettled = [who for who in record.unsettled if who in known and who not in accepted]
    if isinstance(errand.route, (MaildirRoute, EmlRoute)):
        # here one can look: the file is there, whole, or it is not
        there = errand.route.holds(letter)
        if (there and unsettled) or (unsettled and errand.on_unknown == "assume_sent"):
            journal.sent(unsettled)
            accepted += unsettled
        if isinstance(errand.route, EmlRoute) and not there:
            accepted = []
        unsettled = []
    elif unsettled and errand.on_unknown == "assume_sent":
        journal.sent(unsettled)
        accepted, unsettled = [*accepted, *unsettled], []
    elif errand.on_unknown == "resend":
        unsettled = []
    done = {*accepted, *unsettled}
    pending = [address for address in everybody if address.identity not in done]
    return Report(letter, pending, accepted, unsettled=unsettled, since=record.since, size=record.size)


def _carry_out(errand: Errand, report: Report, journal: Journal, check: bool) -> None:
    letter = report.letter
    report.size = letter.composed()[1]
    delivery = Delivery()
    try:
        if errand.save_to is not None:
            assert_writable(os.path.dirname(os.path.abspath(eml_target(errand.save_to, letter))))
        if check and not errand.probe:
            delivery.accepted = [address.identity for address in report.pending]
        else:
            delivery = errand.route.deliver(letter, report.pending, journal, probe=check)
    except FleetproofError as error:
        delivery.error = error
    report.new = delivery.accepted
    report.accepted = [*report.accepted, *delivery.accepted]
    report.refused = delivery.refused
    report.lost = delivery.lost
    report.unsettled = [*report.unsettled, *delivery.unsettled]
    report.error, report.server, report.warnings = delivery.error, delivery.server, delivery.warnings
    report.size = letter.composed(delivery.utf8)[1]
    if errand.save_to is not None and not check and report.changed:
        try:
            write_eml(eml_target(errand.save_to, letter), letter.composed(delivery.utf8)[0])
        except FleetproofError as error:
            report.error = report.error or error
