# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Digests that servers compute, and the same computed here.

Private to this collection. HASH is draft-bryan-ftpext-hash; the commands that begin with X are older
and nowhere written down. Algorithms have the names of the IANA registry of hash functions.
"""

from __future__ import annotations

import hashlib
import re
import typing as t
import zlib


class Offer(t.NamedTuple):
    """A command, and what it computes."""

    command: str
    algorithm: str


class Digest(t.Protocol):
    """What hashlib makes."""

    def update(self, data: t.Any) -> None:
        """Take in more."""

    def hexdigest(self) -> str:
        """The digest so far, in lower case."""


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: t.Any) -> None:
        self._value = zlib.crc32(data, self._value)

    def hexdigest(self) -> str:
        return "%08x" % (self._value & 0xFFFFFFFF)


# The best first; digits of the digest in hexadecimal.
_LENGTH = {"SHA-256": 64, "SHA-512": 128, "SHA-1": 40, "MD5": 32, "CRC32": 8}
_NAME = {"SHA-256": "sha256", "SHA-512": "sha512", "SHA-1": "sha1", "MD5": "md5"}
_COMMANDS = {"SHA-256": ("XSHA256",), "SHA-512": ("XSHA512",), "SHA-1": ("XSHA1", "XSHA"), "MD5": ("XMD5",), "CRC32": ("XCRC",)}
# A digest for HASH: algorithm, range of octets, digest (draft-bryan-ftpext-hash-02, section 3.1)
_HASH_REPLY = re.compile(r"(?:\A| )[A-Za-z0-9-]+ [0-9]+-[0-9]+ ([0-9A-Fa-f]+)(?: |\Z)")
_HEX = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]+(?![0-9A-Za-z])")


def offers_of(names: t.Mapping[str, str]) -> t.List[Offer]:
    """What the features ``names`` offer, the best first: strength, then HASH, which also tells which algorithm it used."""
    spoken = {_plain(name.rstrip("*")) for name in names.get("HASH", "").upper().replace(",", ";").split(";")}
    found = []
    for algorithm in _LENGTH:
        if _plain(algorithm) in spoken and _here(algorithm):
            found.append(Offer("HASH", algorithm))
        found.extend([Offer(command, algorithm) for command in _COMMANDS[algorithm] if command in names and _here(algorithm)])
    return found


def _plain(name: str) -> str:
    return name.strip().replace("-", "").replace("_", "")


def _here(algorithm: str) -> bool:
    """False where the policy of this host (FIPS) forbids the algorithm altogether."""
    try:
        new(algorithm)
    except ValueError:
        return False
    return True


def new(algorithm: str) -> Digest:
    """To compute ``algorithm`` here. ValueError: not on this host."""
    if algorithm == "CRC32":
        return _Crc32()
    try:
        # under FIPS, MD5 is there for what is no matter of security; Python 3.8 cannot be told
        return t.cast(t.Any, hashlib).new(_NAME[algorithm], usedforsecurity=False)  # type: ignore[no-any-return]
    except TypeError:
        return hashlib.new(_NAME[algorithm])


def command_line(command: str, path: str) -> str:
    """How the server is asked. The old commands take a range behind the name: blanks in a name want quotes around it."""
    return '%s "%s"' % (command, path) if command != "HASH" and " " in path and '"' not in path else "%s %s" % (command, path)


def digest_in(lines: t.Sequence[str], command: str, algorithm: str, path: str) -> str:
    """The digest in a reply about ``path``, in lower case; "" when there is none of the right length, or more than one.

    Servers put it at the end, in front of the name, or in a line of its own; and the name of a file may
    look like a digest itself.
    """
    length = _LENGTH[algorithm]
    text = " ".join(line.strip() for line in lines)
    if command == "HASH":
        match = _HASH_REPLY.search(text)
        return match.group(1).lower() if match and len(match.group(1)) == length else ""
    found = _candidates(text, length)
    if len(found) > 1:
        found = _candidates(text.replace(path, " ").replace(path.rsplit("/", 1)[-1], " "), length)
    return found.pop() if len(found) == 1 else ""


def _candidates(text: str, length: int) -> t.Set[str]:
    return {match.lower() for match in _HEX.findall(text) if len(match) == length}


def same(one: str, other: str) -> bool:
    """Whether two digests are one, however they are written."""
    return bool(one) and one.lower() == other.lower()
