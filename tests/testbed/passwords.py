# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server's side of logging in: SASL over lines (PLAIN, LOGIN, CRAM-MD5, XOAUTH2), and APOP."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import time
import typing as t

Users = t.Mapping[str, str]


class Cancelled(Exception):
    """The client has broken the exchange off, or said what is no base64."""


def stamp() -> bytes:
    """What nobody has been asked before (RFC 2195, RFC 1939)."""
    return b"<%d.%d@fleet.test>" % (os.getpid(), time.time_ns())


def decode(said: bytes) -> bytes:
    """An answer of the client."""
    if said == b"*":
        raise Cancelled("cancelled")
    try:
        return base64.b64decode(said, validate=True)
    except (ValueError, binascii.Error) as error:
        raise Cancelled("that is no base64") from error


def authenticate(mechanism: str, initial: t.Optional[bytes], ask: t.Callable[[bytes], bytes], users: Users, tokens: Users) -> t.Optional[str]:
    """Who has logged in; None when it was somebody else, or with another password.

    initial: what came along with the command, decoded.   ask: says a challenge and returns the answer, both decoded.
    """
    if mechanism == "PLAIN":
        parts = (ask(b"") if initial is None else initial).split(b"\0")
        return check(users, parts[1], parts[2]) if len(parts) == 3 else None
    if mechanism == "LOGIN":
        login = ask(b"Username:") if initial is None else initial
        return check(users, login, ask(b"Password:"))
    if mechanism == "CRAM-MD5":
        challenge = stamp()
        name, _space, digest = ask(challenge).rpartition(b" ")
        login_text = name.decode("utf-8", "replace")
        wanted = hmac.new(users.get(login_text, "").encode(), challenge, "md5").hexdigest().encode()
        return login_text if login_text in users and hmac.compare_digest(wanted, digest) else None
    if mechanism == "XOAUTH2":
        said = (ask(b"") if initial is None else initial).decode("utf-8", "replace")
        fields = dict(part.partition("=")[::2] for part in said.split("\1") if part)
        name_text = fields.get("user", "")
        if name_text in tokens and fields.get("auth") == "Bearer " + tokens[name_text]:
            return name_text
        # it explains itself, and waits for an answer before it refuses
        ask(b'{"status":"400","schemes":"Bearer"}')
    return None


def check(users: Users, login: bytes, password: bytes) -> t.Optional[str]:
    """Who this is; None when it is nobody."""
    name = login.decode("utf-8", "replace")
    return name if name in users and users[name].encode() == password else None


def check_apop(users: Users, challenge: bytes, name: str, digest: str) -> bool:
    """RFC 1939, section 7."""
    return name in users and hashlib.md5(challenge + users[name].encode()).hexdigest() == digest.lower()
