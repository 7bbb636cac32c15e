# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a news server answers, and what a refusal of it means (RFC 3977, sections 3.1 and 3.2; RFC 4643).

Private to this collection.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError
from .._values import display_name


class Reply(t.NamedTuple):
    """Three digits and text, as the server wrote it (undecodable octets as surrogates)."""

    code: int
    text: str

    @property
    def good(self) -> bool:
        """The server did, or goes on to do, what it was asked to."""
        return 100 <= self.code < 400

    @property
    def unknown(self) -> bool:
        """The server does not have the command, or not in this form."""
        return self.code in (500, 501, 503)

    def __str__(self) -> str:
        # shown to people: nothing in it may act upon their terminal
        return ("%03d %s" % (self.code, display_name(self.text[:300]))).rstrip()


class Refused(FleetproofError):
    """The server said no, by ``reply``."""

    def __init__(self, kind: str, message: str, reply: Reply, retryable: t.Optional[bool] = None) -> None:
        super().__init__(kind, message, retryable)
        self.reply = reply


class Mismatch(FleetproofError):
    """The server answered with another article than the one asked for: nothing that follows on this connection can be trusted."""

    def __init__(self, message: str) -> None:
        super().__init__("protocol", message)


class TooLarge(FleetproofError):
    """What the server sends is larger than the limit; the connection is closed, since the rest of it would still come."""

    def __init__(self, message: str) -> None:
        super().__init__("protocol", message)


# Kind, what may follow from it, whether it may pass. 401 is dealt with before it comes to this.
_MEANING: t.Dict[int, t.Tuple[str, str, bool]] = {
    400: ("connect", "it ends the connection; try again later", True),
    403: ("refused", "something is wrong inside the server; try again later", True),
    411: ("not_found", "look for the name with nntp_info", False),
    420: ("not_found", "", False),
    421: ("not_found", "", False),
    422: ("not_found", "", False),
    423: ("not_found", "", False),
    430: ("not_found", "", False),
    435: ("refused", "", False),
    436: ("refused", "", True),
    437: ("refused", "", False),
    440: ("permission", "", False),
    441: ("refused", "", False),
    483: ("tls", "use tls=starttls or tls=implicit", False),
    502: ("permission", "", False),
}


def refusal(where: str, doing: str, reply: Reply, logged_in: bool = False) -> Refused:
    """The error for a reply that is not what was asked for; ``doing`` completes "… did not …"."""
    if reply.code == 480:
        advice = "the account is not allowed to, so use another one" if logged_in else "it wants a login: give username and password"
        return Refused("auth", "%s did not %s: %s; %s" % (where, doing, reply, advice), reply)
    kind, advice, retryable = _MEANING.get(reply.code, ("refused" if 400 <= reply.code < 500 else "protocol", "", False))
    return Refused(kind, "%s did not %s: %s%s" % (where, doing, reply, "; %s" % advice if advice else ""), reply, retryable)
