# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removing messages from an IMAP mailbox, ours and no others.

Private to this collection. EXPUNGE removes whatever anybody has flagged as deleted. Where the server
has UIDPLUS (RFC 4315) it is told which messages; where it has not, and others are flagged, nothing is removed.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError
from .._values import display_name
from .imap import Session

_DELETED = "+FLAGS.SILENT (\\Deleted)"


class Remover:
    """Marks messages and removes them in the end."""

    def __init__(self, session: Session, mailbox: str) -> None:
        self._session = session
        self._mailbox = mailbox
        self._ours: t.Set[int] = set()
        self._selective = session.dialogue.has("UIDPLUS")

    def foresee(self, uids: t.Iterable[int]) -> None:
        """Refuse before anything is marked if these could not be removed without others."""
        if self._selective:
            return
        # flags that others have set are news, too
        self._session.noop()
        others = set(self._session.search(["DELETED"])) - self._ours - set(uids)
        if others:
            raise FleetproofError(
                "refused",
                "%s cannot remove single messages (it has no UIDPLUS), and %d others in %s are marked as deleted, which would go with ours: "
                "have them removed or unmarked by whoever did that" % (self._session.where, len(others), display_name(self._mailbox)),
            )

    def mark(self, uids: t.Sequence[int]) -> None:
        """Mark as deleted; ``finish`` removes them."""
        try:
            self._session.store(uids, _DELETED)
        except FleetproofError:
            if self._session.dialogue.broken:
                raise
            # somebody else may have removed some, and no more be wrong than that
            there = self._session.present(uids)
            if len(there) == len(set(uids)):
                raise
            self._session.store(there, _DELETED)
        self._ours.update(uids)

    def remove(self, uids: t.Sequence[int]) -> None:
        """Mark and remove at once, so that no more than these stay marked by a run that is killed."""
        self.mark(uids)
        self.finish()

    def finish(self) -> None:
        """Remove what was marked, and see that it is gone."""
        if not self._ours:
            return
        # somebody else may have marked some meanwhile
        self.foresee([])
        if self._selective:
            self._session.expunge(sorted(self._ours))
        else:
            self._session.expunge_all()
        left = self._session.present(self._ours)
        if left:
            raise FleetproofError(
                "refused",
                "%s did not remove %d messages from %s, though it says so; look whether they are marked as deleted"
                % (self._session.where, len(left), display_name(self._mailbox)),
            )
        self._ours = set()
