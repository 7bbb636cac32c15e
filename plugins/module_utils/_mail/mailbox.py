# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What fetching needs of a mailbox on a server, whatever its protocol.

Private to this collection. POP3 is in pop3_mailbox.py, IMAP in imap_mailbox.py.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError


class Ref(t.NamedTuple):
    """A message on the server. ``key`` is the same in every session: the UIDL, or UIDVALIDITY and UID with a dot between.

    ``number`` is what the protocol calls it by in this session: message number or UID. ``size`` in octets, as the server
    says, -1 if it does not. ``unique``: no other message has this key, so that it may be deleted by it.
    """

    key: str
    number: int
    size: int
    unique: bool = True


class Unreadable(FleetproofError):
    """The server does not hand out this one message; the session goes on."""


class Vanished(Unreadable):
    """Somebody else has removed the message since it was listed, which is no failure of anything."""


class TooLarge(FleetproofError):
    """The message turned out to be larger than the limit; the session is over, since the rest of it would still come.

    ``ref`` says which message, where that is not the one that was asked for.
    """

    ref: t.Optional[Ref] = None


class NotDeleted(FleetproofError):
    """The session has come to its end in good order. The messages in ``keys`` were not deleted; the others that were marked are."""

    keys: t.FrozenSet[str] = frozenset()


class Mailbox:
    """An open mailbox. Errors are FleetproofErrors; after one that is not Unreadable the session is over: ``close``, and open another.

    ``where`` names the server in sentences, ``account`` the mailbox in the state (see Seen), ``complete`` tells whether
    ``refs`` lists all messages, so that those that are not among them are gone.
    """

    where: str = ""
    account: str = ""
    complete: bool = True

    def __init__(self) -> None:
        self.warnings: t.List[str] = []

    def recall(self, known: t.Collection[str]) -> t.Optional[str]:
        """A warning if ``known``, the keys of all that was fetched, cannot be keys of this mailbox any more."""
        del known
        return None

    def refs(self) -> t.List[Ref]:
        """All messages, oldest first, as of now or as of the beginning of the session."""
        raise NotImplementedError

    def totals(self) -> t.Dict[str, int]:
        """RV(mailbox): ``count`` of messages and ``size`` in octets, as of the last ``refs``."""
        raise NotImplementedError

    def head(self, ref: Ref) -> bytes:
        """The header section of the message."""
        for _ref, head in self.heads([ref]):
            return head
        raise Unreadable("protocol", "%s did not send the header of message %s" % (self.where, ref.key))

    def heads(self, refs: t.Sequence[Ref]) -> t.Iterator[t.Tuple[Ref, bytes]]:
        """The header sections of many, as fast as the protocol allows; messages that the server does not hand out are left out."""
        raise NotImplementedError

    def present(self, refs: t.Sequence[Ref]) -> t.Set[str]:
        """The keys of those that are still on the server. By most protocols nobody else can remove any in the meantime."""
        return {ref.key for ref in refs}

    def retrieve(self, ref: Ref, limit: int) -> bytes:
        """The message as it is, with CRLF, not marked as seen. Vanished, Unreadable, or TooLarge past ``limit`` octets."""
        raise NotImplementedError

    def handled(self, ref: Ref) -> None:
        """The message is safe on disk: do what was asked for (mark it, move it)."""

    def delete(self, refs: t.Sequence[Ref]) -> None:
        """Mark the messages for deletion; ``finish`` does it."""
        raise NotImplementedError

    def finish(self) -> None:
        """End the session in good order: what was marked is deleted, and the server has said so, when this returns. NotDeleted tells what was not."""
        raise NotImplementedError

    def wait(self, until: float) -> None:
        """Return as soon as there may be new mail, or at ``until`` (monotonic). ``refs`` tells then."""
        raise NotImplementedError

    def server(self) -> t.Dict[str, t.Any]:
        """RV(server): ``name``, ``tls_version`` and ``cipher``."""
        raise NotImplementedError

    def close(self) -> None:
        """Hang up; never raises."""
