# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a refusal of an IMAP server means: response codes (RFC 5530 and others) as kinds of error.

Private to this collection.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError
from .imap_parse import Response

_KINDS = {
    "ALREADYEXISTS": "argument",
    "AUTHENTICATIONFAILED": "auth",
    "AUTHORIZATIONFAILED": "auth",
    "BADCHARSET": "argument",
    "CANNOT": "argument",
    "CLIENTBUG": "protocol",
    "CORRUPTION": "integrity",
    "EXPIRED": "auth",
    "EXPUNGEISSUED": "changed_underfoot",
    "INUSE": "busy",
    "LIMIT": "refused",
    "NONEXISTENT": "not_found",
    "NOPERM": "permission",
    "OVERQUOTA": "no_space",
    "PRIVACYREQUIRED": "auth",
    "THROTTLED": "busy",
    "TRYCREATE": "not_found",
    "UNAVAILABLE": "busy",
}

_ADVICE = {
    "AUTHENTICATIONFAILED": "check username and password",
    "EXPIRED": "the password has expired: set a new one",
    "PRIVACYREQUIRED": "use tls=implicit or tls=starttls",
    "OVERQUOTA": "make room, or give the account more",
    "NOPERM": "give the account the rights, or use another one",
    "TRYCREATE": "create the mailbox first",
}


def refusal(where: str, doing: str, response: Response, otherwise: str = "refused") -> FleetproofError:
    """The error for a NO or BAD; ``doing`` completes "… did not …", ``otherwise`` is the kind when no code tells."""
    kind = _KINDS.get(response.code, "protocol" if response.name == "BAD" and otherwise == "refused" else otherwise)
    advice = _ADVICE.get(response.code)
    return FleetproofError(kind, "%s did not %s: %s%s" % (where, doing, response, "; %s" % advice if advice else ""))


def farewell(where: str, response: Response) -> FleetproofError:
    """The error for a BYE that nobody asked for: mostly a server that is going down, or has too many connections."""
    kind = _KINDS.get(response.code, "connect")
    return FleetproofError(kind, "%s ended the connection: %s" % (where, response), retryable=kind in ("connect", "busy"))


def code_of(responses: t.Iterable[Response], code: str) -> t.Optional[str]:
    """The argument of the last response with this code; None where there is none."""
    found = None
    for response in responses:
        if response.code == code:
            found = response.argument
    return found
