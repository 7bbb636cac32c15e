# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logging in by SASL: which mechanism, and what to say.

Private to this collection. Pure functions; RFC 4616 (PLAIN), RFC 2195 (CRAM-MD5), and the two that
have no RFC: LOGIN and XOAUTH2.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import typing as t
from dataclasses import dataclass, field

from .._errors import FleetproofError


@dataclass(frozen=True)
class Credentials:
    """Who logs in, and by what. ``mechanism`` is ``auto`` or one of plain, login, cram-md5, xoauth2, and apop (POP3 alone)."""

    username: str
    password: t.Optional[str] = field(default=None, repr=False)
    oauth_token: t.Optional[str] = field(default=None, repr=False)
    mechanism: str = "auto"


def choose(credentials: Credentials, offered: t.Iterable[str], encrypted: bool, where: str) -> str:
    """The mechanism to use, in capitals. In clear text one that does not show the password goes first."""
    have = {name.upper() for name in offered}
    if not have:
        raise FleetproofError(
            "auth",
            "%s offers no login%s; leave out username, or use the port for sending mail (587 or 465)"
            % (where, "" if encrypted else " on a connection in clear text"),
        )
    if credentials.mechanism != "auto":
        wanted = [credentials.mechanism.upper()]
    elif credentials.oauth_token is not None:
        wanted = ["XOAUTH2"]
    else:
        wanted = ["PLAIN", "LOGIN", "CRAM-MD5"] if encrypted else ["CRAM-MD5", "PLAIN", "LOGIN"]
    for name in wanted:
        if name in have:
            return name
    raise FleetproofError("auth", "%s does not offer to log in by %s, only by %s" % (where, " or ".join(wanted), ", ".join(sorted(have))))


def initial_response(credentials: Credentials, mechanism: str) -> t.Optional[bytes]:
    """What goes along with the AUTH command, before base64; None when the server speaks first."""
    if mechanism == "PLAIN":
        return b"\0" + _octets(credentials.username) + b"\0" + _octets(credentials.password or "")
    if mechanism == "XOAUTH2":
        return b"user=" + _octets(credentials.username) + b"\1auth=Bearer " + _octets(credentials.oauth_token or "") + b"\1\1"
    return None


def respond(credentials: Credentials, mechanism: str, challenge: bytes, turn: int) -> bytes:
    """The answer to the challenge number ``turn`` (from 0), before base64."""
    if mechanism == "LOGIN" and turn < 2:
        return _octets(credentials.username if turn == 0 else credentials.password or "")
    if mechanism == "CRAM-MD5" and turn == 0:
        try:
            digest = hmac.new(_octets(credentials.password or ""), challenge, "md5").hexdigest()
        except ValueError as error:  # MD5 is switched off (FIPS)
            raise FleetproofError("dependency", "This machine does not allow MD5, which auth=cram-md5 needs; use another auth") from error
        return _octets(credentials.username) + b" " + digest.encode("ascii")
    # an XOAUTH2 server explains its refusal in a challenge and waits for an empty answer
    return b""


def _octets(text: str) -> bytes:
    if "\0" in text:
        raise FleetproofError("unsafe", "username, password and oauth_token must not contain NUL")
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # which would quote it
        raise FleetproofError("argument", "username, password and oauth_token must be text; one of them has half of a character in it") from None


def encode(data: bytes) -> str:
    """Base64 as SASL in SMTP wants it: an empty initial response is ``=`` (RFC 4954)."""
    return base64.b64encode(data).decode("ascii") or "="


def decode(text: str, where: str) -> bytes:
    """A challenge of the server."""
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise FleetproofError("protocol", "%s sent a login challenge that is not base64" % where) from error
