# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job of smtp_report: from its options to its result.

Private to this collection.
"""

from __future__ import annotations

import hashlib
import os
import typing as t
from dataclasses import replace

from .._errors import FleetproofError
from .._message.addresses import distinct
from .._message.compose import Mail, format_date
from .._module import ArgumentSpec, Outcome, Task
from .._net.options import CONNECTION, credentials_of, endpoint_of, login_options
from .._state import state_directory
from .compose_options import COMPOSE, mail_of
from .deliver import Letter, SmtpRoute
from .ledger import Ledger
from .once import Errand, Report, Route, send
from .sign import SIGN, Signing
from .transports import EmlRoute, MaildirRoute, SendmailRoute

SPEC = (
    CONNECTION.merge(login_options("plain", "login", "cram-md5", "xoauth2"))
    .merge(COMPOSE)
    .merge(SIGN)
    .merge(
        ArgumentSpec(
            argument_spec={
                "secure": {"type": "str", "choices": ["always", "starttls", "never", "try"]},
                "ehlo_host": {"type": "str", "aliases": ["ehlohost"]},
                "dsn": {
                    "type": "dict",
                    "options": {
                        "notify": {"type": "list", "elements": "str", "choices": ["never", "success", "failure", "delay"], "default": ["failure"]},
                        "return": {"type": "str", "choices": ["headers", "full"], "default": "headers"},
                    },
                },
                "transport": {"type": "str", "default": "smtp", "choices": ["smtp", "sendmail", "maildir", "eml"]},
                "path": {"type": "path"},
                "send": {"type": "str", "default": "once", "choices": ["once", "always"]},
                "ledger": {"type": "path"},
                "on_unknown": {"type": "str", "default": "fail", "choices": ["fail", "resend", "assume_sent"]},
                "probe": {"type": "bool", "default": True},
                "save_to": {"type": "path"},
            },
            mutually_exclusive=[("tls", "secure")],
            required_if=[("transport", "maildir", ("path",)), ("transport", "eml", ("path",))],
        )
    )
)

_SIGNATURES = {"smime": "S/MIME", "dkim": "DKIM"}
PORTS = {"starttls": 587, "implicit": 465, "none": 25}


def report(task: Task) -> Outcome:
    """Send the mail that the options describe, unless it has been sent, and tell what became of it."""
    params = task.params
    mail, doubts = mail_of(params)
    signing = None
    if params["sign"]:
        # the identity stays: a mail that was sent without a signature is not sent again for the sake of one
        mail, signing = replace(mail, sealed=True), Signing(params["sign"], mail.sender)
    done = send(_errand(params, mail, signing), task.check_mode)
    shown = {address.identity: address.shown for address in distinct((*mail.to, *mail.cc, *mail.bcc))}
    result: t.Dict[str, t.Any] = {
        "state": done.state,
        "message_id": done.letter.message_id,
        "accepted": [shown[who] for who in shown if who in done.accepted],
        "refused": {shown[who]: {"code": reply.code, "message": reply.text.replace("\n", " ")} for who, reply in done.refused.items()},
        "size": done.size,
    }
    if done.server is not None:
        result["server"] = done.server
    if signing is not None and done.pending:
        result["signed"] = signing.facts
        doubts += signing.warnings
    if done.unsettled:
        result["unknown"] = [shown[who] for who in done.unsettled]
    return Outcome(
        changed=done.changed,
        result=result,
        diff=_diff(mail, done, signing),
        # a mail that does not go out needs no advice
        warnings=[*(doubts if done.pending else []), *done.warnings],
        failure=done.failure(shown),
    )


def _errand(params: t.Mapping[str, t.Any], mail: Mail, signing: t.Optional[Signing]) -> Errand:
    once = params["send"] == "once"
    dsn = params["dsn"]
    notify: t.List[str] = [] if dsn is None else dsn["notify"]
    if "never" in notify and len(notify) > 1:
        raise FleetproofError("argument", "dsn: notify=never cannot stand beside others")
    if dsn is not None and params["transport"] != "smtp":
        raise FleetproofError("argument", "dsn needs transport=smtp")
    # receivers drop a second message with the same id, so a mail that is meant to come again has another each time
    own_id = mail.message_id("" if once else os.urandom(16).hex())

    def letter_of(date: float, message_id: t.Optional[str]) -> Letter:
        return Letter(mail, message_id or own_id, date, notify, "headers" if dsn is None else dsn["return"], signing)

    return Errand(
        letter_of=letter_of,
        key=_key(params, mail),
        recipients=distinct((*mail.to, *mail.cc, *mail.bcc)),
        route=_route(params),
        ledger=Ledger(params["ledger"] or os.path.join(state_directory(), "mail-ledger.jsonl")),
        once=once,
        on_unknown=params["on_unknown"],
        probe=params["probe"],
        save_to=params["save_to"],
        timeout=params["timeout"],
    )


def _key(params: t.Mapping[str, t.Any], mail: Mail) -> str:
    """What the ledger knows the mail by: a copy in a file is not a copy sent."""
    if params["transport"] in ("smtp", "sendmail"):
        return mail.identity
    place = "%s\n%s\n%s" % (mail.identity, params["transport"], os.path.realpath(params["path"]))
    return hashlib.sha256(place.encode("utf-8", "surrogateescape")).hexdigest()


def _route(params: t.Mapping[str, t.Any]) -> Route:
    if params["transport"] == "sendmail":
        return SendmailRoute(params["path"], params["timeout"])
    if params["transport"] == "maildir":
        return MaildirRoute(params["path"])
    if params["transport"] == "eml":
        return EmlRoute(params["path"])
    if params["path"] is not None:
        raise FleetproofError("argument", "path is for the transports maildir, eml and sendmail")
    tls, opportunistic = _tls(params)
    ports = {**PORTS, "starttls": 25} if opportunistic else PORTS
    endpoint = endpoint_of(params, tls, ports)
    credentials = credentials_of(params)
    ehlo_host = params["ehlo_host"]
    if ehlo_host is not None and (not ehlo_host.isascii() or not ehlo_host.isprintable() or " " in ehlo_host or not ehlo_host):
        raise FleetproofError("unsafe" if "\n" in ehlo_host or "\r" in ehlo_host else "argument", "ehlo_host: %r is not a host name" % ehlo_host)
    return SmtpRoute(endpoint, credentials, ehlo_host, opportunistic, params["retries"])


def _tls(params: t.Mapping[str, t.Any]) -> t.Tuple[str, bool]:
    """The value of O(tls) that is meant, and whether it is only wished for (secure=try)."""
    secure = params["secure"]
    if secure is None:
        return params["tls"] or "starttls", False
    if secure == "try":
        return ("implicit", False) if params["port"] == PORTS["implicit"] else ("starttls", True)
    return {"always": "implicit", "starttls": "starttls", "never": "none"}[secure], False


def _diff(mail: Mail, done: Report, signing: t.Optional[Signing]) -> t.Optional[t.Dict[str, str]]:
    """The mail as its readers will see it, for those who are to get it now."""
    if not done.pending:
        return None
    fields = [
        ("Date", format_date(done.letter.date)),
        ("From", _people([mail.sender])),
        ("Reply-To", _people(mail.reply_to)),
        ("To", _people(mail.to)),
        ("Cc", _people(mail.cc)),
        ("Subject", mail.subject),
        ("Message-ID", done.letter.message_id),
        *((name, _people(found)) for name, found in mail.address_fields),
        *mail.fields,
    ]
    lines = ["%s: %s" % (name, value) for name, value in fields if value]
    lines += ["[to be signed by %s: %s]" % (_SIGNATURES[kind], _facts(facts)) for kind, facts in (signing.facts if signing else {}).items()]
    lines += ["[to be handed over for %s]" % ", ".join(address.shown for address in done.pending), "", mail.text.rstrip("\n"), ""]
    lines += [
        "[%s: %s, %s, %d octets]" % (kind, item.name, item.mime_type, item.size)
        for kind, items in (("inline", mail.inline), ("attached", mail.attach))
        for item in items
    ]
    return {"before_header": "not sent", "before": "", "after_header": done.letter.message_id, "after": "\n".join(lines) + "\n"}


def _facts(facts: t.Mapping[str, t.Any]) -> str:
    return ", ".join("%s %s" % (name.replace("_", " "), " ".join(value) if isinstance(value, list) else value) for name, value in facts.items() if value)


def _people(addresses: t.Iterable[t.Any]) -> str:
    return ", ".join("%s <%s>" % (address.name, address.shown) if address.name else address.shown for address in addresses)
