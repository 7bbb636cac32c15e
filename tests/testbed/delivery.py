# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last hop: a mail as a server puts it into a mailbox, with what it adds, and with what may become of it on the way."""

from __future__ import annotations

import email.utils
import itertools
import os
import re
import time
import typing as t

HOST = "mail.fleet.test"
_SERIAL = itertools.count(1)
WAYS = ("", "lost", "footer", "tag", "corrupt", "twice", "rename")


def changed(raw: bytes, way: str) -> t.List[bytes]:
    """What arrives of it, as Behaviour says: once, not at all, twice, or as something else."""
    if way == "lost":
        return []
    if way == "twice":
        return [raw, raw]
    if way == "footer":
        return [raw + b"-- \r\nThe list for reports\r\n"]
    if way == "tag":
        head, subject, rest = raw.partition(b"\r\nSubject: ")
        return [head + subject + (b"[fleet] " if subject else b"") + rest]
    if way == "rename":
        return [re.sub(rb"(?im)^(Message-ID:)[^\r\n]*", rb"\1 <%d@way.test>" % next(_SERIAL), raw, count=1)]
    if way == "corrupt":
        # in the body, and no end of a line
        place = next(place for place in range(len(raw) * 9 // 10, 0, -1) if raw[place : place + 1].isalnum())
        return [raw[:place] + (b"A" if raw[place : place + 1] != b"A" else b"B") + raw[place + 1 :]]
    return [raw]


def trace(facts: t.Mapping[str, t.Any]) -> bytes:
    """Return-Path, Delivered-To and Received (RFC 5321, section 4.4); the protocol by RFC 3848 and RFC 6531."""
    recipients = facts["rcpt_tos"]
    protocol = "UTF8SMTP" if "SMTPUTF8" in facts["mail_options"] else "ESMTP"
    protocol += ("S" if facts["tls"] else "") + ("A" if facts["login"] else "")
    cipher = "\r\n\t(version=%s cipher=%s)" % (facts["tls"][1], facts["tls"][0]) if facts["tls"] else ""
    number = "%X%05X%X" % (int(time.time()), os.getpid(), next(_SERIAL))
    lines = [
        "Return-Path: <%s>" % (facts["mail_from"] or ""),
        "Delivered-To: %s" % (recipients[0] if recipients else ""),
        "Received: from %s ([%s])" % (facts["helo"] or "unknown", facts["peer"]),
        "\tby %s (Fleet test bed) with %s%s" % (HOST, protocol, cipher),
        # as servers do it: who else has it is nobody's business
        "\tid %s%s; %s" % (number, " for <%s>" % recipients[0] if len(recipients) == 1 else "", email.utils.formatdate(localtime=True)),
    ]
    return "".join(line + "\r\n" for line in lines).encode("utf-8", "surrogateescape")
