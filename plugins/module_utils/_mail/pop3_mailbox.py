# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A mailbox as POP3 shows it (RFC 1939).

Private to this collection. A session is a snapshot: what comes later is seen by the next one alone, and numbers are
good for one session. So messages are known by their UIDL, and deleted by number only in the session that listed it.
"""

from __future__ import annotations

import collections
import re
import time
import typing as t

from .._errors import FleetproofError
from .._net import auth
from .._net.stream import Endpoint
from .._values import display_name
from .mailbox import Mailbox, NotDeleted, Ref, TooLarge, Unreadable
from .pop3 import Session, TooMuch, refusal
from .pop3_login import PORTS, log_in

_AT_ONCE = 50  # commands that are sent ahead of their answers
_HEAD = 262144  # octets of a header that are read
_WHOLE = 1073741824  # octets of a message that is read for its header alone
_SIZE = re.compile(rb"\A\s*([0-9]{1,10})[ \t]+([0-9]{1,18})(?:[ \t].*)?\Z", re.DOTALL)
# RFC 1939, section 7
_UID = re.compile(rb"\A\s*([0-9]{1,10})[ \t]+([!-~]{1,70})[ \t]*\Z")
_DELAY = re.compile(r"\A([0-9]{1,6})")


def account_of(endpoint: Endpoint, username: str) -> str:
    """The mailbox as the state knows it. The usual ports lead to the same one, whatever the encryption."""
    host = endpoint.host.lower().rstrip(".")
    host = "[%s]" % host if ":" in host else host
    port = "" if endpoint.port in PORTS.values() else ":%d" % endpoint.port
    return "pop3://%s@%s%s" % (username, host, port)


class PopMailbox(Mailbox):
    """The mailbox of ``credentials`` at ``endpoint``, opened.

    ``keyed``: messages have to be known again later, so UIDL is a must; else their numbers will do. ``interval`` in seconds
    between two looks when waiting.
    """

    def __init__(self, endpoint: Endpoint, credentials: auth.Credentials, keyed: bool, interval: float) -> None:
        super().__init__()
        self.where = endpoint.where
        self.account = account_of(endpoint, credentials.username)
        self._endpoint = endpoint
        self._credentials = credentials
        self._keyed = keyed
        self._interval = interval
        self._session: t.Optional[Session] = None
        self._refs: t.Optional[t.List[Ref]] = None
        self._has_top = True
        self._marked = 0
        self._refused: t.Dict[str, str] = {}
        self._facts: t.Dict[str, t.Any] = {}
        self._open()

    def _open(self) -> None:
        self._session, warnings = log_in(self._endpoint, self._credentials)
        self._refs = None
        self.warnings.extend(warning for warning in warnings if warning not in self.warnings)
        capabilities = self._session.capabilities or {}
        stream = self._session.stream
        name = capabilities.get("IMPLEMENTATION") or self._session.greeting
        self._facts = {"name": name, "tls_version": stream.tls_version, "cipher": stream.cipher}
        delay = _DELAY.match(capabilities.get("LOGIN-DELAY", ""))
        if delay:
            self._interval = max(self._interval, float(delay.group(1)))

    @property
    def _open_session(self) -> Session:
        if self._session is None:
            raise FleetproofError("connect", "The connection to %s is closed" % self.where)
        return self._session

    # -- what is there ----------------------------------------------------------------------------

    def refs(self) -> t.List[Ref]:
        if self._refs is None:
            self._refs = self._list()
        return list(self._refs)

    def totals(self) -> t.Dict[str, int]:
        refs = self._refs or []
        return {"count": len(refs), "size": sum(max(0, ref.size) for ref in refs)}

    def _list(self) -> t.List[Ref]:
        session = self._open_session
        answer = session.command("LIST")
        if not answer.good:
            raise refusal(self.where, "list the messages", answer, "protocol")
        sizes = [self._numbers(line) for line in session.lines()]
        uids = self._uids([number for number, _size in sizes])
        twins = collections.Counter(uids.values())
        again: t.Dict[str, int] = collections.Counter()
        refs = []
        for number, size in sizes:
            uid = uids[number]
            again[uid] += 1
            # a UIDL has no space in it, so no other message has this key
            key = uid if again[uid] == 1 else "%s %d" % (uid, again[uid])
            refs.append(Ref(key, number, size, twins[uid] == 1))
        return refs

    def _numbers(self, line: bytes) -> t.Tuple[int, int]:
        match = _SIZE.match(line)
        if match is None:
            raise FleetproofError("protocol", "%s sent a list of messages that cannot be read: %s" % (self.where, display_name(line[:100])))
        return int(match.group(1)), int(match.group(2))

    def _uids(self, numbers: t.List[int]) -> t.Dict[int, str]:
        """The UIDL of each message; its number where there is none and nothing has to be remembered."""
        session = self._open_session
        by_number = {number: str(number) for number in numbers}
        answer = session.command("UIDL")
        if not answer.good:
            if self._keyed:
                raise FleetproofError(
                    "protocol",
                    "%s does not tell unique ids of messages (UIDL: %s), so what was fetched could not be known again; without dest and attachments_dest "
                    "the messages can be looked at" % (self.where, answer),
                )
            return by_number
        lines = session.lines()
        found: t.Dict[int, str] = {}
        for line in lines:
            match = _UID.match(line)
            if match is None:
                return self._unusable("it sent the line %s" % display_name(line[:100]), by_number)
            found[int(match.group(1))] = match.group(2).decode("ascii")
        if sorted(found) != sorted(by_number) or len(lines) != len(numbers):
            return self._unusable("they are not of the messages that it lists", by_number)
        return found

    def _unusable(self, why: str, by_number: t.Dict[int, str]) -> t.Dict[int, str]:
        if self._keyed:
            raise FleetproofError(
                "protocol",
                "%s tells unique ids of messages (UIDL) that cannot be used, for %s; what was fetched could not be known again. "
                "Without dest and attachments_dest the messages can be looked at" % (self.where, why),
            )
        return by_number

    def server(self) -> t.Dict[str, t.Any]:
        return dict(self._facts)

    # -- reading ----------------------------------------------------------------------------------

    def heads(self, refs: t.Sequence[Ref]) -> t.Iterator[t.Tuple[Ref, bytes]]:
        session = self._open_session
        if session.capabilities is not None and not session.offers("TOP"):
            self._has_top = False
        step = _AT_ONCE if self._has_top and session.offers("PIPELINING") else 1
        for start in range(0, len(refs), step):
            some = refs[start : start + step]
            if self._has_top:
                session.say(*("TOP %d 0" % ref.number for ref in some))
            for ref in some:
                head = self._head(session, ref)
                if head is not None:
                    yield ref, head

    def _head(self, session: Session, ref: Ref) -> t.Optional[bytes]:
        if self._has_top:
            answer = session.answer()
            if not answer.good and not session.offers("TOP"):
                # an old server that cannot say what it can do
                self._has_top = False
        if not self._has_top:
            answer = session.command("RETR %d" % ref.number)
        if not answer.good:
            return None
        try:
            return session.beginning(_HEAD, _WHOLE)
        except TooMuch as error:
            failure = TooLarge("refused", "It is larger than %d octets, and %s does not hand out headers alone" % (_WHOLE, self.where))
            failure.ref = ref
            raise failure from error

    def retrieve(self, ref: Ref, limit: int) -> bytes:
        session = self._open_session
        answer = session.command("RETR %d" % ref.number)
        if not answer.good:
            error = refusal(self.where, "hand out message %s" % ref.key, answer)
            raise Unreadable(error.kind, error.message, error.retryable)
        try:
            return session.block(limit)
        except TooMuch as error:
            raise TooLarge("refused", "It is larger than max_size allows (%d octets), though the server says that it has %d" % (limit, ref.size)) from error

    # -- the end ----------------------------------------------------------------------------------

    def delete(self, refs: t.Sequence[Ref]) -> None:
        session = self._open_session
        step = _AT_ONCE if session.offers("PIPELINING") else 1
        for start in range(0, len(refs), step):
            some = refs[start : start + step]
            session.say(*("DELE %d" % ref.number for ref in some))
            for ref in some:
                answer = session.answer()
                if answer.good:
                    self._marked += 1
                else:
                    self._refused[ref.key] = str(answer)

    def finish(self) -> None:
        session = self._open_session
        if not self._marked and not self._refused:
            self.close()
            return
        try:
            answer = session.command("QUIT")
        except FleetproofError as error:
            raise FleetproofError(
                error.kind,
                "%s; whether the messages are deleted on the server is not known, and the next run deletes those that are still there" % error.message,
                retryable=error.retryable,
            ) from error
        finally:
            self._hang_up()
        if not answer.good:
            raise FleetproofError(
                "refused",
                "%s did not confirm that the messages are deleted (%s); the next run deletes those that are still there" % (self.where, answer),
                retryable=True,
            )
        if self._refused:
            first = next(iter(self._refused.items()))
            failure = NotDeleted("refused", "%s did not delete %d messages, the first being %s: %s" % (self.where, len(self._refused), *first))
            failure.keys = frozenset(self._refused)
            raise failure

    def wait(self, until: float) -> None:
        self.close()
        time.sleep(max(0.0, min(self._interval, until - time.monotonic())))
        self._open()

    def _hang_up(self) -> None:
        if self._session is not None:
            self._session.stream.close()
            self._session = None

    def close(self) -> None:
        if self._session is not None and not self._marked:
            # in good order, so that the server lets go of the mailbox at once
            self._session.quit()
        # what was marked is not deleted without QUIT
        self._hang_up()
