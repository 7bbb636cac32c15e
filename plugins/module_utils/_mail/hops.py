# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way that a message came, from its Received fields as mail servers write them.

Private to this collection. Pure; what cannot be read is left empty, never an error. RFC 5321
section 4.4 is what the fields should be; comments hold much of what servers tell.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .._message.dates import seconds_of
from .._message.fields import Fields
from .._values import iso_time
from .comments import words_and_comments

_LONGEST = 8192  # characters of a field that are looked at for its clauses; real ones have a few hundred
_CLAUSES = frozenset(("from", "by", "with", "id", "for", "via", "tls"))
# "using TLSv1.3 with cipher …", "version=TLS1_3 cipher=…", "TLS1.3", "TLS1.2:ECDHE…:256"; but no host may call itself so
_TLS = re.compile(r"\s*(?:(?:using\s+|version=)(TLS|SSL)v?([0-9](?:[._][0-9])?)(?![0-9.])|(TLS|SSL)v?([0-9](?:[._][0-9])?)(?=:|\s*\Z))", re.IGNORECASE)
# RFC 3848 and RFC 6531: the S is for TLS, the A for a login
_TLS_PROTOCOL = re.compile(r"(?:UTF8)?(?:E?SMTPSA?|LMTPSA?|HTTPS)", re.IGNORECASE)
_HELO = re.compile(r"(?:\b(?:HELO|EHLO)\s+|\bhelo=)([^\s\])]+)", re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)+\.?")
_ADDRESS = re.compile(r"[0-9A-Fa-f.:]+")


class Hop(t.NamedTuple):
    """One server that took the message. Texts are empty, and numbers None, where it does not tell."""

    by: str
    # what the host that sent calls itself, what the server's own look-up says of it, and its address
    sender: str
    reverse: str
    address: str
    protocol: str
    # the version, as "TLSv1.3"; "TLS" where only the protocol tells of it
    tls: str
    # seconds since the epoch
    time: t.Optional[float]
    # seconds since the hop before, below 0 where the clocks of the two do not agree
    delay: t.Optional[float]

    @property
    def skewed(self) -> bool:
        """True when the message was here before it was at the hop before, as the clocks have it."""
        return self.delay is not None and self.delay < 0

    def as_result(self) -> t.Dict[str, t.Any]:
        """An item of RV(messages[].hops)."""
        return {
            "from": self.sender,
            "address": self.address,
            "by": self.by,
            "with": self.protocol,
            "tls": self.tls or None,
            "time": iso_time(self.time),
            "delay": self.delay,
            "clock_skew": self.skewed,
        }


def hops_of(fields: Fields) -> t.List[Hop]:
    """All hops, the oldest first. The delay of the first is counted from the Date field, where there is one."""
    found = []
    last = seconds_of(fields.first("Date"))
    for value in reversed(fields.all("Received")):
        hop = parse_received(value)
        if hop.time is not None:
            hop = hop._replace(delay=None if last is None else hop.time - last)
            last = hop.time
        found.append(hop)
    return found


def total_delay(fields: Fields, hops: t.Sequence[Hop]) -> t.Optional[float]:
    """Seconds from the Date field, or else from the first hop, to the last hop."""
    times = [hop.time for hop in hops if hop.time is not None]
    date = seconds_of(fields.first("Date"))
    if not times or (date is None and len(times) < 2):
        return None
    return times[-1] - (times[0] if date is None else date)


def parse_received(value: str) -> Hop:
    """The hop that one Received field tells of; its delay is for the caller to say."""
    clauses, comments = _clauses(value[:_LONGEST])
    protocol = " ".join(clauses.get("with", [])[:5])
    about = " ".join(comments.get("from", []))
    sender = (clauses.get("from") or [""])[0]
    helo = _HELO.search(about)
    if helo is not None and sender.lower() in ("unknown", ""):
        sender = helo.group(1)
    return Hop(
        by=_bare((clauses.get("by") or [""])[0]),
        sender=_bare(sender),
        reverse=_reverse(comments.get("from", [])),
        address=_address([*clauses.get("from", []), *about.split()]),
        protocol=protocol,
        tls=_tls(protocol, comments),
        time=_time(value),
        delay=None,
    )


def _clauses(text: str) -> t.Tuple[t.Dict[str, t.List[str]], t.Dict[str, t.List[str]]]:
    """Words by clause and comments by the clause they stand in ("" before the first); of several clauses of a kind the first."""
    words: t.Dict[str, t.List[str]] = {}
    comments: t.Dict[str, t.List[str]] = {}
    clause = ""
    for piece, is_comment in words_and_comments(text):
        if is_comment:
            comments.setdefault(clause, []).append(piece)
        elif piece.lower() in _CLAUSES:
            # a second one of its kind is part of what somebody wrote into the first
            clause = piece.lower() if piece.lower() not in words else "again"
            words.setdefault(clause, [])
        else:
            words.setdefault(clause, []).append(piece.rstrip(";"))
            if piece.endswith(";"):
                # what follows is the date, or more clauses (Dovecot)
                clause = ";"
    return words, comments


def _bare(host: str) -> str:
    """A host name as it is usually written: addresses without brackets, names without the dot of the root."""
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        return host[5:] if host.lower().startswith("ipv6:") else host
    return host.rstrip(".").strip("<>")


def _reverse(comments: t.List[str]) -> str:
    """The name that the server itself found, which stands first in the comment: ``(mail.example.com [192.0.2.1])``."""
    first = (comments[0].split() if comments else [])[:1]
    return _bare(first[0]) if first and _HOST.fullmatch(first[0]) and not _is_address(first[0]) else ""


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _address(words: t.List[str]) -> str:
    """The first IP address in the words, as servers write them: ``[192.0.2.1]:25``, ``[IPv6:2001:db8::1]``, ``2001:db8::1``."""
    for word in words:
        word = re.sub(r"\Aipv6:", "", word.strip("[](),;<>").split("]")[0], flags=re.IGNORECASE)
        if _ADDRESS.fullmatch(word) and _is_address(word):
            return word
    return ""


def _tls(protocol: str, comments: t.Dict[str, t.List[str]]) -> str:
    for found in comments.values():
        for comment in found:
            match = _TLS.match(comment)
            if match is not None:
                name, version = match.group(1, 2) if match.group(1) else match.group(3, 4)
                return "%sv%s" % (name.upper(), version.replace("_", "."))
    return "TLS" if _TLS_PROTOCOL.fullmatch(protocol) else ""


def _time(value: str) -> t.Optional[float]:
    """The date after the last semicolon; some servers write semicolons into the comment behind it."""
    end = len(value)
    for _attempt in range(3):
        end = value.rfind(";", 0, end)
        if end < 0:
            return None
        found = seconds_of(value[end + 1 :].strip())
        if found is not None:
            return found
    return None
