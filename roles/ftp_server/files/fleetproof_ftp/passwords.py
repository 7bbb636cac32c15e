# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hashed passwords: reading them, and checking a password against one.

The texts are those of the PHC string format, as the filter fleetproof.backup.ftp_password_hash writes them:
``$scrypt$ln=14,r=8,p=5$SALT$HASH`` and ``$pbkdf2-sha256$i=600000$SALT$HASH``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import typing as t

# What is more than this is no setting but a mistake, and would let every login take minutes or all memory.
LIMITS = {"ln": (10, 20), "r": (1, 32), "p": (1, 16), "i": (10_000, 10_000_000)}
MOST_MEMORY = 256 * 1024 * 1024
_FORM = re.compile(r"\A\$(scrypt|pbkdf2-sha256)\$([a-z]+=[0-9]+(?:,[a-z]+=[0-9]+)*)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)\Z")


class Hash(t.NamedTuple):
    """A hashed password: ``cost`` are the numbers of the scheme."""

    scheme: str
    cost: t.Dict[str, int]
    salt: bytes
    digest: bytes


def parse(text: str) -> Hash:
    """The parts of a hashed password; raises ValueError, which does not hold the text."""
    found = _FORM.match(text)
    if not found:
        raise ValueError("it is not of the form $scrypt$ln=14,r=8,p=5$SALT$HASH or $pbkdf2-sha256$i=600000$SALT$HASH")
    scheme, numbers, salt, digest = found.groups()
    cost = {name: int(value) for name, value in (pair.split("=") for pair in numbers.split(","))}
    if set(cost) != ({"ln", "r", "p"} if scheme == "scrypt" else {"i"}):
        raise ValueError("%s takes other numbers" % scheme)
    for name, value in cost.items():
        low, high = LIMITS[name]
        if not low <= value <= high:
            raise ValueError("%s has to be from %d to %d" % (name, low, high))
    if scheme == "scrypt" and _memory(cost) > MOST_MEMORY:
        raise ValueError("ln and r ask for more than %d MiB of memory" % (MOST_MEMORY // 1024 // 1024))
    result = Hash(scheme, cost, _bytes(salt), _bytes(digest))
    if len(result.salt) < 8 or not 16 <= len(result.digest) <= 64:
        raise ValueError("its salt or its hash is too short or too long")
    return result


def verify(known: Hash, password: str) -> bool:
    """Whether this is the password. How long it takes depends on ``known`` alone."""
    return hmac.compare_digest(_derive(known, password), known.digest)


def decoy(like: t.Optional[Hash] = None) -> Hash:
    """A hash that no password has, and that takes as long to check as ``like``."""
    if like is None:
        like = Hash("scrypt", {"ln": 14, "r": 8, "p": 5}, b"", bytes(32))
    return like._replace(salt=os.urandom(16), digest=os.urandom(len(like.digest)))


def _derive(known: Hash, password: str) -> bytes:
    given = password.encode("utf-8", "surrogatepass")
    length = len(known.digest)
    if known.scheme == "scrypt":
        cost = known.cost
        return hashlib.scrypt(given, salt=known.salt, n=1 << cost["ln"], r=cost["r"], p=cost["p"], maxmem=2 * _memory(cost) + 1024 * 1024, dklen=length)
    return hashlib.pbkdf2_hmac("sha256", given, known.salt, known.cost["i"], dklen=length)


def _memory(cost: t.Mapping[str, int]) -> int:
    """Bytes that scrypt takes (RFC 7914)."""
    return 128 * cost["r"] * ((1 << cost["ln"]) + cost["p"])


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise ValueError("its salt or its hash is no Base64") from None
