# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An IMAP mailbox as fetching needs it.

Private to this collection. Keys are UIDVALIDITY and UID with a dot between (RFC 3501, section 2.3.1.1).
"""

from __future__ import annotations

import time
import typing as t

from .._errors import FleetproofError
from .._net.auth import Credentials
from .._net.retry import backoff
from .._net.stream import Endpoint
from .._values import display_name
from .imap import Opened, Session
from .imap_login import PORTS, log_in
from .imap_names import mailbox_name
from .imap_parse import Oversized
from .imap_remove import Remover
from .imap_search import search_parts
from .mailbox import Mailbox, Ref, TooLarge

_POLL = 0.5  # seconds between two looks, where the server cannot say on its own that there is news
_REDIAL = 5.0  # seconds at most between two attempts to get back to a server while waiting


class Wish(t.NamedTuple):
    """What is to be done in which mailbox; names as users write them.

    ``keyed``: messages have to be known again later. ``writing``: the server may be changed.
    """

    mailbox: str = "INBOX"
    search: str = "ALL"
    mark_seen: bool = False
    move_to: t.Optional[str] = None
    delete: bool = False
    keyed: bool = True
    writing: bool = False


def account_of(endpoint: Endpoint, username: str, name: str) -> str:
    """The mailbox as the state knows it. The usual ports lead to the same one, whatever the encryption."""
    host = endpoint.host.lower().rstrip(".")
    host = "[%s]" % host if ":" in host else host
    port = "" if endpoint.port in PORTS.values() else ":%d" % endpoint.port
    return "imap://%s@%s%s/%s" % (username, host, port, name)


class ImapMailbox(Mailbox):
    """See Mailbox. After a lost connection ``wait`` alone finds its way back; for all else there is a new session."""

    def __init__(self, endpoint: Endpoint, credentials: t.Optional[Credentials], wish: Wish) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._credentials = credentials
        self._wish = wish
        self._name = mailbox_name(wish.mailbox, "mailbox")
        self._target = None if wish.move_to is None else mailbox_name(wish.move_to, "move_to")
        self._criteria = search_parts(wish.search)
        if self._target == self._name:
            raise FleetproofError("argument", "move_to: %s is the mailbox itself" % display_name(wish.mailbox))
        self.complete = wish.search.strip().upper() == "ALL"
        # which may be written in any case
        name = "INBOX" if self._name == b"INBOX" else wish.mailbox
        self.where = "%s of %s" % (display_name(name), endpoint.where)
        self.account = account_of(endpoint, credentials.username if credentials is not None else "", name)
        # sizes never change (RFC 3501, section 2.3.4): each is asked for once
        self._sizes: t.Dict[int, int] = {}
        self._validity = 0
        self._odd = False
        self._totals: t.Dict[str, int] = {}
        self._server: t.Dict[str, t.Any] = {}
        self._open()

    # -- opening --------------------------------------------------------------------------------

    def _open(self) -> None:
        dialogue, warnings = log_in(self._endpoint, self._credentials)
        try:
            session = Session(dialogue)
            opened = session.open(self._name, self._wish.mailbox, self._wish.writing)
            self._check(session, opened)
        except BaseException:
            dialogue.close()
            raise
        self.warnings.extend(warning for warning in warnings if warning not in self.warnings)
        for alert in dialogue.alerts:
            warning = "%s says: %s" % (dialogue.where, alert)
            if warning not in self.warnings:
                self.warnings.append(warning)
        if opened.uidvalidity != self._validity:
            self._sizes = {}
        self._validity = opened.uidvalidity or 0
        self._totals = {"count": dialogue.exists, "uidvalidity": self._validity}
        stream = dialogue.stream
        self._server = {"name": dialogue.welcome, "tls_version": stream.tls_version, "cipher": stream.cipher}
        self._session = session
        self._remover = Remover(session, self._wish.mailbox)

    def _check(self, session: Session, opened: Opened) -> None:
        """Find out before anything is done whether it can be."""
        wish = self._wish
        if wish.keyed and not opened.uidvalidity:
            raise FleetproofError(
                "protocol",
                "%s does not tell UIDVALIDITY, so what was fetched could not be known again; without dest and attachments_dest the messages "
                "can be looked at" % self.where,
            )
        if wish.writing and not opened.writable:
            raise FleetproofError(
                "permission", "%s can be read only: leave out mark_seen, move_to and delete, or use an account that may change the mailbox" % self.where
            )
        wanted = ["\\Seen"] if wish.mark_seen else []
        if wish.delete or (wish.move_to is not None and not session.dialogue.has("MOVE")):
            wanted.append("\\Deleted")
        # an empty list is what EXAMINE is answered, as nothing can be changed after it
        missing = [flag for flag in wanted if wish.writing and opened.permanent is not None and flag.lower() not in opened.permanent]
        if missing:
            raise FleetproofError("permission", "%s does not keep the flag %s for this account, so what is asked for cannot be done" % (self.where, missing[0]))
        if self._target is not None and session.status(self._target, "MESSAGES") is None:
            raise FleetproofError(
                "not_found", "move_to: there is no mailbox %s on %s that could be opened; create it first" % (display_name(str(wish.move_to)), session.where)
            )

    def recall(self, known: t.Collection[str]) -> t.Optional[str]:
        """See Mailbox: UIDVALIDITY is not what it was."""
        if not known or any(key.startswith("%d." % self._validity) for key in known):
            return None
        return (
            "%s has another UIDVALIDITY than before: the server has numbered its messages anew, so the %d that were fetched cannot be told "
            "from others any more, and those of them that are still there are fetched again" % (self.where, len(known))
        )

    # -- looking --------------------------------------------------------------------------------

    def refs(self) -> t.List[Ref]:
        """See Mailbox."""
        session = self._session
        session.noop()
        # what this has told of is found; what comes from here on may be not
        session.dialogue.stirred = False
        uids = session.search(self._criteria)
        self._learn_sizes(uids)
        self._totals = self._count(uids)
        # one whose size is not told may be gone, and only who asks for the rest of it needs to know
        return [Ref("%d.%d" % (self._validity, uid), uid, self._sizes.get(uid, -1)) for uid in uids]

    def _learn_sizes(self, uids: t.Sequence[int]) -> None:
        self._sizes.update(self._session.sizes(uid for uid in uids if uid not in self._sizes))

    def _count(self, uids: t.Sequence[int]) -> t.Dict[str, int]:
        session = self._session
        size: t.Optional[int] = None
        if not self.complete and session.dialogue.has("STATUS=SIZE"):
            # RFC 8438, which saves asking for each
            size = (session.status(self._name, "SIZE") or {}).get("SIZE")
        if size is None:
            every = uids if self.complete else session.search(["ALL"])
            self._learn_sizes(every)
            size = sum(max(self._sizes.get(uid, 0), 0) for uid in every)
        unseen = len(session.search(["UNSEEN"]))
        return {"count": session.dialogue.exists, "size": size, "unseen": unseen, "uidvalidity": self._validity}

    def totals(self) -> t.Dict[str, int]:
        """See Mailbox. Beside these ``uidvalidity``, and ``unseen``: the number of messages without that flag."""
        return dict(self._totals)

    def heads(self, refs: t.Sequence[Ref]) -> t.Iterator[t.Tuple[Ref, bytes]]:
        """See Mailbox; in the order of UIDs."""
        by_uid = {self._uid(ref): ref for ref in refs}
        for uid, head in self._session.heads({uid: ref.size for uid, ref in by_uid.items()}):
            yield by_uid[uid], head

    def present(self, refs: t.Sequence[Ref]) -> t.Set[str]:
        """See Mailbox."""
        found = self._session.present(self._uid(ref) for ref in refs)
        return {ref.key for ref in refs if ref.number in found}

    def retrieve(self, ref: Ref, limit: int) -> bytes:
        """See Mailbox."""
        try:
            raw = self._session.body(self._uid(ref), limit)
        except FleetproofError as error:
            if isinstance(error.__cause__, Oversized):
                raise TooLarge(
                    "refused",
                    "It has %d octets, which is more than max_size allows (%d octets), though the server says that it has %d"
                    % (error.__cause__.size, limit, ref.size),
                ) from error
            raise
        if ref.size not in (-1, len(raw)) and not self._odd:
            # some servers only estimate sizes, so it is no error
            self._odd = True
            self.warnings.append(
                "Message %s of %s has %d octets where the server said %d: look whether it is whole before it is deleted there"
                % (ref.key, self.where, len(raw), ref.size)
            )
        return raw

    def _uid(self, ref: Ref) -> int:
        if not ref.key.startswith("%d." % self._validity):
            raise FleetproofError("changed_underfoot", "%s has numbered its messages anew while we looked" % self.where)
        return ref.number

    # -- changing -------------------------------------------------------------------------------

    def handled(self, ref: Ref) -> None:
        """See Mailbox: mark the message as seen, move it."""
        uid = self._uid(ref)
        if not self._wish.writing:
            return
        try:
            self._handle(uid)
        except FleetproofError as error:
            # there is nothing to be done with a message that somebody else has removed
            if error.kind == "integrity" or self._session.dialogue.broken or self._session.present([uid]):
                raise

    def _handle(self, uid: int) -> None:
        if self._wish.mark_seen:
            self._session.store([uid], "+FLAGS.SILENT (\\Seen)")
        if self._target is None:
            return
        if self._session.dialogue.has("MOVE"):
            self._session.move(uid, self._target, str(self._wish.move_to))
        else:
            self._remover.foresee([uid])
            self._session.copy(uid, self._target, str(self._wish.move_to))
            self._remover.remove([uid])

    def delete(self, refs: t.Sequence[Ref]) -> None:
        """See Mailbox."""
        uids = [self._uid(ref) for ref in refs]
        self._remover.foresee(uids)
        self._remover.mark(uids)

    def finish(self) -> None:
        """See Mailbox."""
        try:
            self._remover.finish()
        except FleetproofError as error:
            if not self._session.dialogue.broken:
                raise
            raise FleetproofError(
                error.kind,
                "%s; whether the messages are deleted on the server is not known, and the next run deletes those that are still there" % error.message,
                retryable=error.retryable,
            ) from error
        self._session.log_out()

    # -- waiting --------------------------------------------------------------------------------

    def wait(self, until: float) -> None:
        """See Mailbox. A connection that is lost meanwhile is made anew, as often as it takes."""
        attempt = 0
        while True:
            try:
                if self._session.dialogue.broken:
                    self._open()
                    return
                self._listen(until)
                return
            except FleetproofError as error:
                self._session.dialogue.close()
                attempt += 1
                pause = min(backoff(attempt), _REDIAL)
                if not error.retryable or time.monotonic() + pause >= until:
                    raise
                time.sleep(pause)

    def _listen(self, until: float) -> None:
        session = self._session
        if session.dialogue.has("IDLE"):
            session.idle(until)
            return
        while not session.dialogue.stirred and time.monotonic() < until:
            time.sleep(max(0.0, min(_POLL, until - time.monotonic())))
            session.noop()

    # -- the rest -------------------------------------------------------------------------------

    def server(self) -> t.Dict[str, t.Any]:
        """See Mailbox; ``name`` is how it greets."""
        return dict(self._server)

    def close(self) -> None:
        """See Mailbox."""
        self._session.log_out()
