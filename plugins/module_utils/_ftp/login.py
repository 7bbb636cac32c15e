# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way in: greeting, TLS, user name and password, abilities.

Private to this collection. With ``tls`` ``starttls`` or ``implicit`` nothing of value is said, and no data
connection made, before it is encrypted (RFC 4217); there is no way back to clear text.
"""

from __future__ import annotations

import re
import typing as t

from .._errors import FleetproofError
from .._net.stream import dial
from .control import Control
from .features import Features
from .options import Site
from .replies import Reply, error_of, says_busy, wants_tls
from .text import encode

_LOGIN_HINT = "; check username and password"
_ANONYMOUS_HINT = "; it seems to want a username and a password"
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')


class Admission(t.NamedTuple):
    """What was learnt on the way in."""

    control: Control
    welcome: t.List[str]
    features: Features
    # the directory after logging in, absolute
    home: str
    warnings: t.List[str]


def admit(site: Site) -> Admission:
    """Connect and log in, once."""
    control = Control(dial(site.endpoint), site.encoding)
    try:
        control.stream.tune()
        welcome = _greet(control)
        if site.endpoint.tls == "starttls":
            _start_tls(control)
        warnings = []
        if not control.stream.encrypted and not site.anonymous and not control.stream.stays_on_this_host:
            warnings.append("The credentials for %s are sent in clear text: anybody on the way can read them. Use tls=starttls or tls=implicit" % control.where)
        welcome += _log_in(control, site)
        if control.stream.encrypted:
            _protect(control)
        features = _ask_features(control)
        return Admission(control, welcome, features, _settle(control, features), warnings)
    except BaseException:
        control.broken = True
        control.stream.close()
        raise


def _greet(control: Control) -> t.List[str]:
    try:
        reply = control.final()
    except FleetproofError as error:
        endpoint = control.stream.endpoint
        if error.kind == "timeout" and endpoint.tls != "implicit" and endpoint.port == 990:
            raise FleetproofError("timeout", "%s; port 990 is usually for tls=implicit" % error.message) from error
        raise
    if reply.code != 220:
        raise _refused(control, reply, "be let in")
    control.heed(reply)
    return [line.strip() for line in reply.lines]


def _start_tls(control: Control) -> None:
    reply = control.command("AUTH TLS")
    if reply.code != 234:
        raise FleetproofError(
            "tls",
            "%s refused to encrypt the connection (AUTH TLS: %s), so no credentials were sent: the server cannot do it, or somebody in between takes "
            "it away. Use tls=implicit if it has a port for that, or tls=none to send all in clear text" % (control.where, reply),
            retryable=reply.code == 431,
        )
    control.stream.start_tls()


def _log_in(control: Control, site: Site) -> t.List[str]:
    _check(control, "username", site.username)
    _check(control, "password", site.password)
    reply = control.command("USER " + site.username)
    if reply.code == 331:
        secret = "" if site.anonymous else site.password
        reply = control.confide("PASS " + site.password, secret)
    if reply.code in (332, 532):
        raise FleetproofError("auth", "%s asks for an account besides user name and password (%s), which is not supported" % (control.where, reply))
    if reply.code not in (230, 232, 202):
        raise _refused(control, reply, "log in as %s" % site.username, _ANONYMOUS_HINT if site.anonymous else _LOGIN_HINT)
    return [line.strip() for line in reply.lines]


def _check(control: Control, option: str, value: str) -> None:
    """What can be sent; the errors show nothing of it."""
    if re.search("[\r\n\0]", value):
        raise FleetproofError("unsafe", "The option %s has a line break or a NUL in it and was not sent to %s" % (option, control.where))
    try:
        encode(value, control.encoding)
    except FleetproofError:
        raise FleetproofError("argument", "The option %s cannot be written in the encoding %s of %s" % (option, control.encoding, control.where)) from None


def _refused(control: Control, reply: Reply, doing: str, hint: str = "") -> FleetproofError:
    """``hint``: what to do about a 530, which means that nobody may be let in by this name."""
    error = error_of(reply, doing, control.where)
    if says_busy(reply):
        return FleetproofError("busy", error.message)
    if not control.stream.encrypted and wants_tls(reply):
        return FleetproofError("tls", "%s; use tls=starttls" % error.message)
    if reply.code == 530:
        return FleetproofError("auth", error.message + hint)
    return error


def _protect(control: Control) -> None:
    """Data connections shall be encrypted as well; also where TLS came first, for the protection is up to each side."""
    for command, reply in zip(("PBSZ 0", "PROT P"), control.exchange(["PBSZ 0", "PROT P"])):
        if not reply.good:
            raise FleetproofError(
                "tls", "%s refused to encrypt data connections (%s: %s), and nothing is transferred in clear text" % (control.where, command, reply)
            )


def _ask_features(control: Control) -> Features:
    reply = control.command("FEAT")
    if not reply.good and not reply.unknown and reply.code not in (503, 530, 550):
        raise error_of(reply, "ask for features (FEAT)", control.where)
    return Features(reply)


def _settle(control: Control, features: Features) -> str:
    """Octets as they are, names in UTF-8 where that is offered, all facts; returns the directory that we are in."""
    wishes = []
    if features.utf8 and control.encoding == "utf-8":
        wishes.append("OPTS UTF8 ON")
    if features.facts_to_ask:
        wishes.append("OPTS MLST %s;" % ";".join(features.facts_to_ask))
    # refused wishes change nothing that is relied upon
    *_granted, kind, where = control.exchange([*wishes, "TYPE I", "PWD"])
    if not kind.good:
        raise error_of(kind, "ask for binary transfers (TYPE I)", control.where)
    return _directory_in(control, where)


def _directory_in(control: Control, reply: Reply) -> str:
    """The path in the reply to PWD, where quotes are doubled (RFC 959, appendix II)."""
    match = _QUOTED.search(reply.lines[-1]) if reply.code == 257 else None
    path = match.group(1).replace('""', '"') if match else ""
    if not path.startswith("/"):
        raise FleetproofError("protocol", "%s does not tell its working directory as a path (PWD: %s)" % (control.where, reply))
    return path.rstrip("/") or "/"
