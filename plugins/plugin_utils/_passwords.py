# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hashed passwords for the role ftp_server. Private to this collection.

They are texts in the PHC string format: scheme, cost, salt and hash, the last two in Base64 without padding.
The program of the role reads them on the host, where nothing of this collection can be imported.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import typing as t

SALT = 16
LENGTH = 32
# What a guess costs: 16 MiB and about 0.15 seconds, or 600000 rounds, both as OWASP advises for 2023 and later.
COSTS = {"scrypt": "ln=14,r=8,p=5", "pbkdf2-sha256": "i=600000"}


def hash_password(password: str, scheme: str = "scrypt", known: str = "") -> str:
    """The hash of ``password``: ``known``, if that is one of it at the cost of today, otherwise a new one with a random salt."""
    salt = _salt_of(known, scheme)
    if salt:
        again = _hash(password, scheme, salt)
        if hmac.compare_digest(again.encode(), known.encode()):
            return known
    return _hash(password, scheme, os.urandom(SALT))


def _hash(password: str, scheme: str, salt: bytes) -> str:
    given = password.encode("utf-8")
    if scheme == "scrypt":
        digest = hashlib.scrypt(given, salt=salt, n=1 << 14, r=8, p=5, maxmem=64 * 1024 * 1024, dklen=LENGTH)
    else:
        digest = hashlib.pbkdf2_hmac("sha256", given, salt, 600_000, dklen=LENGTH)
    return "$".join(("", scheme, COSTS[scheme], _text(salt), _text(digest)))


def _salt_of(known: str, scheme: str) -> t.Optional[bytes]:
    """The salt of a hash that was made with this scheme at its cost of today; None for any other text."""
    begin = "$%s$%s$" % (scheme, COSTS[scheme])
    salt = known[len(begin) :].partition("$")[0] if known.startswith(begin) else ""
    try:
        found = base64.b64decode(salt + "=" * (-len(salt) % 4), validate=True)
    except ValueError:
        return None
    return found if len(found) == SALT else None


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii").rstrip("=")
