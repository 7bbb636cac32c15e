# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a mail that was sent and fetched again says about the way it went.

Private to this collection. ``judge`` takes the results of smtp_report, of pop3_fetch or imap_fetch and of
mail_info as they are registered, also those of tasks that failed, and returns a verdict of the form that
``_verdict.judge`` gives to a backup. Pure: no clock, no files, no Ansible. Nothing here reads a password,
and none comes out.
"""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass, field

from ansible_collections.fleetproof.backup.plugins.module_utils._values import parse_duration
from ansible_collections.fleetproof.backup.plugins.plugin_utils._human import human_time
from ansible_collections.fleetproof.backup.plugins.plugin_utils._verdict import SHOWN, Finding, Judgement, count_of, message_of

SOURCE = "mail_roundtrip"
# RFC 6409 and RFC 8314 for what is sent, RFC 1939, RFC 9051 and RFC 8314 for what is fetched
_PORTS = {
    "smtp": {"none": 25, "starttls": 587, "implicit": 465},
    "pop3": {"none": 110, "starttls": 110, "implicit": 995},
    "imap": {"none": 143, "starttls": 143, "implicit": 993},
}

_Result = t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Case:
    """One way of mail at the moment it is judged."""

    # the options of the route
    route: _Result
    # smtp_report's result, or mail_info's for a message that was sent before; or that of the task that failed
    sent: _Result
    # the result of pop3_fetch or imap_fetch; empty when it did not come to that
    fetched: _Result = field(default_factory=dict)
    # mail_info's result for what was fetched, held against what was sent
    compared: _Result = field(default_factory=dict)
    check_mode: bool = False
    max_findings: int = SHOWN
    # seconds from before it was sent to the verdict, by one clock; None if that is not known
    elapsed: t.Optional[float] = None


def judge(case: Case, now: datetime.datetime) -> t.Dict[str, t.Any]:
    """The verdict on one route, as the role puts it into ``fleetproof_verdicts``. ``now`` is when it was looked at, in UTC.

    Raises FleetproofError (argument) for a ``max_delay`` that is none.
    """
    judgement = Judgement()
    if _is_failure(case.sent):
        _judge_the_sending(case, judgement)
    elif case.route.get("sent") and not _sent_id(case):
        judgement.add("failed", "The message that was sent has no Message-ID, so nothing can be looked for", "Correct the sent of this route")
    elif _is_failure(case.fetched):
        _judge_the_fetching(case, judgement)
    elif case.check_mode and not case.compared:
        who = "The server lets us in" if case.route.get("sent") else "Both servers let us in"
        todo = "Run without check mode to %s" % ("look for the mail" if case.route.get("sent") else "send a mail")
        judgement.add("unverified", "%s; whether mail comes through was not tried in check mode" % who, todo)
    elif not case.compared:
        _judge_the_absence(case, judgement)
    elif _is_failure(case.compared):
        reason = "What arrived could not be looked at: %s" % (message_of(case.compared) or "the task ended without a reason")
        judgement.add("unverified", reason, "Correct what the reason names, and run again")
    else:
        _judge_the_message(case, judgement)
    _judge_the_delay(case, judgement)
    src, dest = sides(case.route)
    message = _message(case)
    size = message.get("size")
    return {
        "source": SOURCE,
        "name": case.route.get("name", ""),
        "src": src,
        "dest": dest,
        **judgement.as_row(case.max_findings),
        "told": _told(case),
        "counts": {},
        "bytes": {"left": case.sent.get("size"), "right": size},
        "newest": None,
        "duration": delay_of(case),
        "checked_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "repair": None,
        "sync": None,
        "message_id": message.get("message_id") or _sent_id(case),
        "hops": list(message.get("hops") or []),
        "added_headers": list(case.compared.get("added_headers") or []),
    }


def sides(route: _Result) -> t.Tuple[str, str]:
    """Where a mail goes in and where it comes out, for people: ``smtp://mail.example.com``, ``imap://mail.example.com/INBOX``."""
    protocol = str(route.get("protocol") or "imap")
    fetch = _options(route.get("fetch"))
    there = _url(protocol, fetch, "implicit")
    if protocol == "imap" and fetch.get("host"):
        there += "/%s" % (fetch.get("mailbox") or "INBOX")
    if route.get("sent"):
        return str(route["sent"]), there
    return _url("smtp", _options(route.get("smtp")), "starttls"), there


def _options(value: t.Any) -> _Result:
    return value if isinstance(value, t.Mapping) else {}


def _url(scheme: str, options: _Result, tls: str) -> str:
    # Who writes an address here may have written a password into it.
    host = str(options.get("host") or "").rpartition("@")[2].rpartition("/")[2]
    if not host:
        # it is in module_defaults, or the module's own
        return scheme.upper()
    if ":" in host and not host.startswith("["):
        host = "[%s]" % host
    tls = str(options.get("tls") or tls)
    port = str(options.get("port") or "")
    shown = "" if not port or port == str(_PORTS[scheme].get(tls)) else ":%s" % port
    return "%s%s://%s%s" % (scheme, "s" if tls == "implicit" else "", host, shown)


def route_of(route: _Result) -> str:
    """What a route is, when there is no more to tell."""
    return "From %s to %s" % sides(route)


# by what it is looked for, and so cannot be found without
_IF_RENAMED = ". A server that gives mails a Message-ID of its own makes this one impossible to find"
_IF_UNMARKED = ". A gateway that takes away the header X-Fleetproof-Probe makes it impossible to find"


def _sent_id(case: Case) -> str:
    """The Message-ID of what was sent, also where that was read from a file."""
    for result in (case.sent, *(case.sent.get("messages") or [])):
        if result.get("message_id"):
            return str(result["message_id"])
    return ""


def _is_failure(result: _Result) -> bool:
    return bool(result.get("failed") or result.get("unreachable"))


# What to do, by the kind of error; %s is the variable that says how the server is reached.
_AFTER_A_FAILURE = {
    "resolve": "Correct host in %s, or see that this host can look names up",
    "connect": "See that the server is up, that port in %s is right, and that no firewall is in between",
    "timeout": "See that the server is up and not overloaded, and that no firewall is in between",
    "tls": "Do what the reason says: tls and port in %s say how this server encrypts, ca_path from which authority its certificate is",
    "auth": "Correct username and password in %s",
    "refused": "Look at what the server says, and correct the addresses of this route or the server's rules",
    "permission": "Let the user of this route into the mailbox, or correct %s",
    "argument": "Correct %s",
    "busy": "Run again when the other program has left the mailbox",
    "dependency": "Install what the reason names",
}
_AGAIN = "Correct what the reason names, and run again"


def _add_failure(judgement: Judgement, result: _Result, what: str, variable: str) -> None:
    message = message_of(result) or "the task ended without a reason"
    kind = str((result.get("error") or {}).get("kind", ""))
    todo = _AFTER_A_FAILURE.get(kind, _AGAIN)
    if result.get("unreachable"):
        todo = "Bring the host back, and run again"
    judgement.add("failed", "%s: %s" % (what, message), todo % variable if "%s" in todo else todo)


def _judge_the_sending(case: Case, judgement: Judgement) -> None:
    if case.route.get("sent"):
        _add_failure(judgement, case.sent, "The message that was sent could not be read", "the sent of this route")
    elif not (case.sent.get("error") or case.sent.get("unreachable")):
        # not the module says so, but Ansible, of whatever it stumbled over
        _add_failure(judgement, case.sent, "The route could not be proved", "")
    else:
        _add_failure(judgement, case.sent, "No mail could be sent", "smtp of this route")


def _judge_the_fetching(case: Case, judgement: Judgement) -> None:
    fetched = case.fetched
    # The mailbox was looked into to the end of the time, and the mail is not there. A server that stopped answering did not wait for it.
    if (fetched.get("error") or {}).get("kind") == "timeout" and fetched.get("waited") and not fetched.get("messages", True):
        _add_absence(case, judgement, message_of(fetched))
        return
    _add_failure(judgement, fetched, "The mail could not be fetched", "fetch of this route")


def _judge_the_absence(case: Case, judgement: Judgement) -> None:
    """Nothing failed, and yet there is nothing to hold against what was sent."""
    for item in case.fetched.get("skipped_messages") or []:
        reason = "The mail is there, and was not fetched: %s" % (item.get("reason") or "no reason was given")
        judgement.add("unverified", reason, "Send something smaller, or look at the mailbox")
        return
    _add_absence(case, judgement, message_of(case.fetched) or "it is not in the mailbox")


def _add_absence(case: Case, judgement: Judgement, reason: str) -> None:
    judgement.complete = False
    judgement.add(
        "incomplete",
        "The mail did not arrive: %s" % reason,
        "Look for %s in the logs and queues of the servers on the way, and in the mailbox's other folders; "
        "a bounce would have gone to the sender%s" % (_sent_id(case) or "the mail", _IF_RENAMED if case.route.get("sent") else _IF_UNMARKED),
    )


def _judge_the_message(case: Case, judgement: Judgement) -> None:
    """Whether what came out is what went in."""
    compared = case.compared
    findings = [Finding("message", str(sentence)) for sentence in compared.get("differences") or []]
    judgement.complete = True
    judgement.intact = bool(compared.get("same_body")) and bool(compared.get("same_headers"))
    if not compared.get("same_body"):
        judgement.add(
            "damaged",
            "The mail is not what was sent: its body or an attachment was changed on the way",
            "Find out which of the hops changes mails (a virus scanner, a disclaimer, a gateway that converts), by the headers that it added",
        )
    if not compared.get("same_headers"):
        judgement.add(
            "damaged",
            "Headers of the mail were changed or taken away on the way",
            "Find out which of the hops rewrites headers; if it is meant to, name them in ignore_headers of this route",
        )
    if not judgement.intact:
        judgement.find("damaged", len(findings), findings)


def _judge_the_delay(case: Case, judgement: Judgement) -> None:
    limit = case.route.get("max_delay")
    delay = delay_of(case)
    if not limit or delay is None or not judgement.complete:
        return
    judgement.fresh = delay <= parse_duration(limit, "max_delay")
    if not judgement.fresh:
        slowest = max(_message(case).get("hops") or [], key=lambda hop: hop.get("delay") or 0, default=None)
        where = ", most of it at %s" % slowest["by"] if slowest and slowest.get("by") else ""
        judgement.add("stale", "The mail took %s, more than the %s allowed%s" % (human_time(delay), limit, where), "Look at the queue of the slowest hop")


def delay_of(case: Case) -> t.Optional[float]:
    """Seconds the mail took. For one that was sent just now, until it was seen; where it was there before, and else, by what the servers wrote."""
    if _is_failure(case.fetched) or not case.compared:
        return None
    if case.route.get("sent"):
        delay = _message(case).get("delay")
        return None if delay is None else max(0.0, float(delay))
    waited = case.fetched.get("waited")
    if waited is None:
        return None
    # A mailbox that is looked into late has had the mail for a while: then the servers know better, if their clocks can be right.
    # They tell whole seconds.
    delay = float(_message(case).get("delay") or 0)
    if case.elapsed is not None and max(1.0, float(waited)) < delay <= case.elapsed:
        return round(delay, 3)
    return round(float(waited), 3)


def _message(case: Case) -> _Result:
    """The record of what arrived, or nothing."""
    for result in (case.compared, case.fetched):
        for message in result.get("messages") or []:
            return t.cast(_Result, message)
    return {}


def _told(case: Case) -> str:
    """One line on what was seen."""
    if _is_failure(case.sent) or _is_failure(case.fetched) or not case.compared or _is_failure(case.compared):
        return route_of(case.route)
    delay = delay_of(case)
    hops = _message(case).get("hops") or []
    copies = len(case.fetched.get("messages") or [])
    way = " -> ".join("%s%s" % (hop.get("by") or "?", "" if hop.get("delay") is None else " (%s)" % human_time(hop["delay"])) for hop in hops)
    added = list(dict.fromkeys(str(item.get("name")) for item in case.compared.get("added_headers") or []))
    return "".join(
        (
            "Arrived" if delay is None else "Arrived after %s" % human_time(delay),
            ", %d times" % copies if copies > 1 else "",
            ", by %s: %s" % (count_of(len(hops), "hop", "hops"), way) if hops else "",
            "; added on the way: %s" % ", ".join(added) if added else "",
        )
    )
