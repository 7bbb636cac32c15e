# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mail addresses: read strictly, written safely.

Private to this collection. Pure functions; RFC 5322 section 3.4 for the forms that people write,
RFC 6531 for addresses with characters beyond ASCII.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass

from .._errors import FleetproofError

# C0, DEL, C1, the Unicode line ends and surrogates: never part of an address, but of an injection
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_NAMED = re.compile(r"\A(?P<name>(?:%s|[^\"<>])*)<(?P<spec>[^<>]*)>\Z" % _QUOTED)
_COMMENTED = re.compile(r"\A(?P<spec>[^\s()<>]+)\s*\((?P<name>[^()]*)\)\Z")
_ATEXT = r"[^\s\x00-\x20\x7f()<>\[\]:;@\\,.\"]"
_LOCAL = re.compile(r"\A(?:%s+(?:\.%s+)*|%s)\Z" % (_ATEXT, _ATEXT, _QUOTED))
_LABEL = re.compile(r"\A[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\Z")
_SPLIT = re.compile(r'%s|\([^()]*\)|<[^<>]*>|,|[^",(<]+|.' % _QUOTED, re.DOTALL)
_DOMAIN = re.compile(r"\A[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\Z")


@dataclass(frozen=True)
class Address:
    """One mailbox. ``domain`` is empty for a local user such as ``root``, else ASCII (IDNA); ``shown`` is the address as written."""

    name: str
    local: str
    domain: str
    shown: str

    @property
    def wire(self) -> str:
        """As the envelope has it."""
        return "%s@%s" % (self.local, self.domain) if self.domain else self.local

    @property
    def identity(self) -> str:
        """Equal for two spellings of one mailbox: domains do not tell case, local parts may (RFC 5321, section 2.4)."""
        return "%s@%s" % (self.local, self.domain.lower()) if self.domain else self.local

    @property
    def needs_utf8(self) -> bool:
        """True when only SMTPUTF8 can carry it: a domain can be put in ASCII, a local part cannot."""
        return not self.local.isascii()


def parse_addresses(text: str, what: str) -> t.List[Address]:
    """The mailboxes in ``text``, separated by commas; ``what`` names the option for errors."""
    if _CONTROL.search(text):
        raise FleetproofError("unsafe", "%s: an address must not contain line breaks or control characters: %r" % (what, text))
    pieces = [""]
    for match in _SPLIT.finditer(text):
        if match.group() == ",":
            pieces.append("")
        else:
            pieces[-1] += match.group()
    return [_parse_one(piece.strip(), what) for piece in pieces if piece.strip()]


def parse_address(text: str, what: str) -> Address:
    """The one mailbox in ``text``."""
    found = parse_addresses(text, what)
    if len(found) != 1:
        raise FleetproofError("argument", "%s: %r is not one mail address" % (what, text))
    return found[0]


def _parse_one(text: str, what: str) -> Address:
    match = _NAMED.match(text) or _COMMENTED.match(text)
    name, spec = (_plain_name(match.group("name")), match.group("spec").strip()) if match else ("", text)
    local, at, domain = spec.rpartition("@")
    if not at:
        local, domain = spec, ""
    elif not domain:
        raise _not_an_address(text, what)
    if not _LOCAL.match(local) or not local.isprintable() or len(local.encode("utf-8")) > 64:
        raise _not_an_address(text, what)
    return Address(name, local, _ascii_domain(domain, text, what) if domain else "", spec)


def _plain_name(text: str) -> str:
    # a display name is a run of words and quoted strings
    words = re.sub(_QUOTED, lambda quoted: re.sub(r"\\(.)", r"\1", quoted.group()[1:-1]), text)
    return " ".join(words.split())


def _ascii_domain(domain: str, text: str, what: str) -> str:
    if domain.startswith("[") and domain.endswith("]"):
        inner = domain[1:-1]
        try:
            ipaddress.ip_address(inner[5:] if inner.lower().startswith("ipv6:") else inner)
        except ValueError as error:
            raise _not_an_address(text, what) from error
        return domain
    try:
        found = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise _not_an_address(text, what) from error
    if len(found) > 253 or not all(_LABEL.match(label) for label in found.split(".")):
        raise _not_an_address(text, what)
    return found


def _not_an_address(text: str, what: str) -> FleetproofError:
    return FleetproofError(
        "argument", "%s: %r is not a mail address; write user@example.com or Name <user@example.com>, and one list item for each" % (what, text)
    )


def distinct(addresses: t.Iterable[Address]) -> t.List[Address]:
    """The mailboxes in order, each one once."""
    found: t.Dict[str, Address] = {}
    for address in addresses:
        found.setdefault(address.identity, address)
    return list(found.values())


def id_domain(given: t.Optional[str], sender: Address) -> str:
    """What stands behind the "@" of the Message-IDs: the option ``message_id_domain``, or else the domain of the sender."""
    if given is None:
        return sender.domain if _DOMAIN.match(sender.domain) else "ansible"
    try:
        domain = given.strip().encode("idna").decode("ascii")
    except UnicodeError:
        domain = ""
    if not _DOMAIN.match(domain):
        raise FleetproofError("unsafe" if re.search(r"[\r\n]", given) else "argument", "message_id_domain: %r is not a domain" % given)
    return domain
