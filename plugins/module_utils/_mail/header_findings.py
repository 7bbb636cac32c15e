# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is suspicious about the header of a message: who it says it is from, and what servers said of it.

Private to this collection. Pure. Mailing lists, forwarding and services that send for others are ordinary, and are
no reason for alarm.
"""

from __future__ import annotations

import re
import typing as t

from .._message.dates import seconds_of
from .._message.fields import Fields
from .._message.mailboxes import mailboxes_of
from .._values import display_name, iso_time
from .authentication import Verdict, verdicts_of
from .comments import without_comments
from .findings import Finding, finding
from .hops import Hop
from .hosts import host_key, is_local_address, is_name, organisation, same_organisation

# RFC 5322, section 3.6, and RFC 2045: fields that a message has at most once
_ONCE = (
    *("From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Subject", "Date", "Message-ID", "In-Reply-To", "References"),
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
)
# of these, what one program checks and another shows need not be the same
_SHOWN_ONCE = frozenset(("From", "Sender", "Reply-To", "Subject", "Date", "Content-Type"))
# RFC 2919 and 2369, and what older programs write
_OF_LISTS = ("List-Id", "List-Post", "Mailing-List", "X-Mailing-List", "X-BeenThere")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+"
_DOT_ATOM = r"%s(?:\.%s)*" % (_ATOM, _ATOM)
_MESSAGE_ID = re.compile(r'<(?:%s|"(?:[^"\\\r\n]|\\.)*")@(?:%s|\[[^\[\]\\\s]*\])>' % (_DOT_ATOM, _DOT_ATOM))
_LONGEST_ID = 996  # characters that fit in a line
_ADDRESS = re.compile(r"[^\s<>\"'(),;:@]{1,64}@([^\s<>\"'(),;:@]{1,253})")
# what forwarding servers write (SRS): SRS0=hash=time=domain=user@forwarder
_REWRITTEN = re.compile(r"srs[01][=+-].*?=([^=\s]+\.[^=\s]+)=[^=@]*@", re.IGNORECASE)
_DAY = 86400  # seconds


class Sender(t.NamedTuple):
    """One mailbox of a header: its display name and the domain of its address, as host_key gives it."""

    name: str
    address: str
    domain: str


def header_findings(fields: Fields, hops: t.Sequence[Hop], trusted: t.Sequence[str]) -> t.Iterator[Finding]:
    """Everything that the header alone tells. ``trusted``: as in verdicts_of."""
    by, verdicts = verdicts_of(fields, trusted)
    senders = senders_of(fields, "From")
    yield from _message_id(fields)
    yield from _twins(fields)
    yield from _date(fields, hops)
    yield from _names(fields, senders)
    yield from _domains(fields, senders, hops, verdicts)
    yield from _authentication(by, verdicts, is_list(fields))
    for value in fields.all("X-Authentication-Warning"):
        yield finding("authentication_warning", "a mail server warns: %s" % _short(value))
    for value in fields.all("X-Mailer")[:1]:
        yield finding("mailer", "it was written with %s" % _short(value))


def is_list(fields: Fields) -> bool:
    """True when it came by a mailing list, which sends other people's mail."""
    return any(fields.first(name) for name in _OF_LISTS) or fields.first("Precedence").strip().lower() == "list"


def senders_of(fields: Fields, name: str) -> t.List[Sender]:
    """The mailboxes in all fields of this name."""
    found = []
    for shown in mailboxes_of(fields.raw(name), fields.hint):
        label, angle, spec = shown.rpartition("<") if shown.endswith(">") else ("", "", shown)
        spec = spec[:-1] if angle else spec
        label = label.strip()
        if label[:1] == label[-1:] == '"' and len(label) > 1:
            label = re.sub(r"\\(.)", r"\1", label[1:-1])
        found.append(Sender(label, spec, host_key(spec.rpartition("@")[2]) if "@" in spec else ""))
    return found


def _message_id(fields: Fields) -> t.Iterator[Finding]:
    values = fields.raw("Message-ID")
    if not values:
        yield finding("message_id_missing", "it has no Message-ID")
        return
    written = values[0].decode("utf-8", "replace")
    value = " ".join(written.split())
    if not value:
        yield finding("message_id_missing", "its Message-ID is empty")
    elif len(value) > _LONGEST_ID or (not _MESSAGE_ID.fullmatch(value) and not _MESSAGE_ID.fullmatch(without_comments(value))):
        yield finding("message_id_malformed", "its Message-ID %s is not of the form <left@right> (RFC 5322, section 3.6.4)" % _short(value))


def _twins(fields: Fields) -> t.Iterator[Finding]:
    for name in _ONCE:
        count = len(fields.raw(name))
        if count > 1:
            weight = None if name in _SHOWN_ONCE else 1
            yield finding("duplicate_header", "the header %s is there %d times, and programs differ in which one they show" % (name, count), weight)


def _date(fields: Fields, hops: t.Sequence[Hop]) -> t.Iterator[Finding]:
    value = fields.first("Date")
    date = seconds_of(value)
    if date is None:
        yield finding("date_missing", "its Date %s cannot be read" % _short(value) if value.strip() else "it has no Date")
        return
    first = next((hop.time for hop in hops if hop.time is not None), None)
    if first is not None and abs(first - date) > _DAY:
        days = abs(first - date) / _DAY
        yield finding(
            "date_received",
            "it says that it was written on %s, %.1f days %s the first server had it (%s)"
            % (iso_time(date), days, "before" if date < first else "after", iso_time(first)),
        )


def _names(fields: Fields, senders: t.List[Sender]) -> t.Iterator[Finding]:
    if not any(sender.address.split()[:2] == [sender.address] for sender in senders):
        yield finding("from_missing", "it has no address in From")
    by_list = is_list(fields)
    for sender in senders:
        for match in _ADDRESS.finditer(sender.name):
            shown = host_key(match.group(1).strip("."))
            # "ann@example.com via List" is how lists write other people's names
            if is_name(shown) and not same_organisation(shown, sender.domain) and not by_list:
                yield finding("display_name_address", "it shows %s as the name of %s" % (_short(match.group()), _short(sender.address)))


def _domains(fields: Fields, senders: t.List[Sender], hops: t.Sequence[Hop], verdicts: t.List[Verdict]) -> t.Iterator[Finding]:
    """Who it is from, against who is to be answered, who gets the bounces, and whose servers it came from."""
    domains = [sender.domain for sender in senders if is_name(sender.domain)]
    if not domains or is_list(fields):
        return
    for sender in senders_of(fields, "Reply-To"):
        if is_name(sender.domain) and not _any_same(sender.domain, domains):
            yield finding("reply_to_domain", "it is from %s, and answers go to %s" % (domains[0], _short(sender.address)))
    if _is_proved(domains, verdicts):
        return
    bounces = fields.first("Return-Path").strip().strip("<>")
    rewritten = _REWRITTEN.match(bounces[:500])
    origin = host_key(rewritten.group(1) if rewritten else bounces.rpartition("@")[2]) if "@" in bounces else ""
    if is_name(origin) and not _any_same(origin, domains):
        yield finding("return_path_domain", "it is from %s, and bounces go to %s" % (domains[0], origin))
    hosts = _sending_hosts(hops)
    if hosts and not any(_any_same(host, domains + ([origin] if is_name(origin) else [])) for host in hosts):
        yield finding(
            "received_domain", "it is from %s, and came by servers of %s" % (domains[0], ", ".join(list(dict.fromkeys(map(organisation, hosts)))[:5]))
        )


def _any_same(host: str, domains: t.Iterable[str]) -> bool:
    return any(same_organisation(host, domain) for domain in domains)


def proved_domains(fields: Fields, trusted: t.Sequence[str]) -> t.List[str]:
    """The domains in From, if one's own server says that they sent the message."""
    domains = [sender.domain for sender in senders_of(fields, "From") if is_name(sender.domain)]
    return domains if len(domains) == 1 and _is_proved(domains, verdicts_of(fields, trusted)[1]) else []


def _is_proved(domains: t.List[str], verdicts: t.List[Verdict]) -> bool:
    """True when a server says that the domain in From sent it, whoever's servers that were."""
    for verdict in verdicts:
        if verdict.result == "pass" and (verdict.method == "dmarc" or (verdict.method in ("dkim", "spf") and _any_same(verdict.domain, domains))):
            return True
    return False


def _sending_hosts(hops: t.Sequence[Hop]) -> t.List[str]:
    """Names of the hosts that it came from; those of this host and of private networks say nothing."""
    found = []
    for hop in hops:
        if is_local_address(hop.address):
            continue
        for name in (hop.reverse, hop.sender, hop.by):
            name = host_key(name)
            if is_name(name) and not name.endswith((".localdomain", ".local", ".internal", ".lan", ".localhost")):
                found.append(name)
    return found


def _authentication(by: str, verdicts: t.List[Verdict], by_list: bool) -> t.Iterator[Finding]:
    passed = {verdict.method for verdict in verdicts if verdict.result == "pass"}
    told = set()
    for verdict in verdicts:
        rule = "%s_%s" % (verdict.method, verdict.result)
        if rule not in ("spf_fail", "spf_softfail", "dkim_fail", "dmarc_fail") or rule in told:
            continue
        told.add(rule)
        # DMARC passes when either of the two others does for the domain in From, and one good signature is enough
        if "dmarc" in passed or verdict.method in passed:
            continue
        weight = None
        if by_list and verdict.method != "spf":
            # lists change messages, which breaks signatures; their own check before that is in ARC
            weight = 0 if "arc" in passed or verdict.method == "dkim" else 1 if passed else None
        whom = " of %s" % display_name(verdict.domain) if verdict.domain else ""
        yield finding(rule, "%s says %s=%s%s" % (display_name(by), verdict.method, verdict.result, whom), weight)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return '"%s%s"' % (display_name(text[:100]), "…" if len(text) > 100 else "")
