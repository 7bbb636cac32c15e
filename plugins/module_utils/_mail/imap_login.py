# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way into an IMAP server: greeting, TLS, login (RFC 3501, sections 6.1 and 6.2; RFC 4959).

Private to this collection.
"""

from __future__ import annotations

import re
import typing as t

from .._errors import FleetproofError
from .._net import auth
from .._net.stream import Endpoint, dial
from .._values import display_name
from .imap_errors import refusal
from .imap_parse import Response
from .imap_wire import Answer, Dialogue

PORTS = {"implicit": 993, "starttls": 143, "none": 143}
_FEW = 3  # letters
_TURNS = 5  # of one login; the longest has two
# Codes of a refusal that says nothing about username and password.
_NOT_THE_LOGIN = frozenset(("INUSE", "UNAVAILABLE", "THROTTLED", "LIMIT", "CONTACTADMIN"))


def log_in(endpoint: Endpoint, credentials: t.Optional[auth.Credentials]) -> t.Tuple[Dialogue, t.List[str]]:
    """A Dialogue that is encrypted as asked and logged in, and the warnings that it draws."""
    dialogue = Dialogue(dial(endpoint))
    warnings: t.List[str] = []
    try:
        dialogue.stream.tune()
        greeting = _greeting(dialogue)
        if endpoint.tls == "starttls":
            _start_tls(dialogue, greeting)
        if greeting.name == "PREAUTH":
            # the greeting may have told what can be done ahead of a login
            dialogue.capabilities = frozenset()
            _ask_capabilities(dialogue)
            if credentials is not None:
                warnings.append("%s lets us in without a login, so username and password were not used: %s" % (dialogue.where, greeting.text))
        else:
            warnings.extend(_authenticate(dialogue, credentials))
            _ask_capabilities(dialogue)
        if not dialogue.welcome and dialogue.has("ID"):
            dialogue.welcome = _ask_name(dialogue)
    except BaseException:
        dialogue.close()
        raise
    return dialogue, warnings


def _greeting(dialogue: Dialogue) -> Response:
    endpoint = dialogue.stream.endpoint
    try:
        return dialogue.greeting()
    except FleetproofError as error:
        if error.kind == "timeout" and endpoint.tls != "implicit" and endpoint.port == PORTS["implicit"]:
            raise FleetproofError("timeout", "%s; port %d is usually for tls=implicit" % (error.message, endpoint.port)) from error
        raise


def _ask_capabilities(dialogue: Dialogue) -> None:
    """Have them asked for, unless the server has told them since they were forgotten."""
    if not dialogue.capabilities:
        answer = dialogue.command("CAPABILITY")
        if not answer.status.good or not dialogue.capabilities:
            raise refusal(dialogue.where, "tell what it can do", answer.status, "protocol")


def _ask_name(dialogue: Dialogue) -> str:
    """What the server calls itself (RFC 2971), for when the greeting does not count."""
    for response in dialogue.command("ID NIL", data=("ID",)).of("ID"):
        words = response.values[0] if response.values else None
        for name, value in zip(words[::2], words[1::2]) if isinstance(words, list) else ():
            if name == b"name" and isinstance(value, bytes):
                return display_name(value.decode("utf-8", "replace"))
    return ""


def _start_tls(dialogue: Dialogue, greeting: Response) -> None:
    """Encrypt, or raise: there is no way past this in clear text. What was learnt before does not count any more."""
    where = dialogue.where
    if greeting.name == "PREAUTH":
        # STARTTLS is a command for those who are not logged in: this greeting takes it away (CVE-2020-12398 and its kin)
        raise FleetproofError(
            "tls",
            "%s takes us for logged in before the connection is encrypted, which leaves no way to encrypt it: somebody may be meddling with it. "
            "Nothing was sent; use tls=implicit" % where,
        )
    _ask_capabilities(dialogue)
    if not dialogue.has("STARTTLS"):
        raise FleetproofError(
            "tls",
            "%s does not offer STARTTLS, so nothing was sent: the server cannot do it, or somebody in between takes the offer away. "
            "Use tls=implicit if it has a port for that, or tls=none to log in in clear text" % where,
        )
    status = dialogue.command("STARTTLS").status
    if not status.good:
        raise FleetproofError(
            "tls",
            "%s offers STARTTLS but refused it (%s), so nothing was sent; tls=none would log in in clear text" % (where, status),
            retryable=status.code == "UNAVAILABLE",
        )
    dialogue.stream.start_tls()
    dialogue.forget()


def _authenticate(dialogue: Dialogue, credentials: t.Optional[auth.Credentials]) -> t.List[str]:
    if credentials is None:
        raise FleetproofError("argument", "%s wants a login: give username, and password or oauth_token" % dialogue.where)
    _ask_capabilities(dialogue)
    offered = {name[5:] for name in dialogue.capabilities if name.startswith("AUTH=")}
    by_command = "LOGIN" not in offered and not dialogue.has("LOGINDISABLED")
    encrypted = dialogue.stream.encrypted
    if not offered and not by_command:
        advice = "" if encrypted else " on a connection in clear text; use tls=implicit or tls=starttls"
        raise FleetproofError("auth", "%s offers no login%s" % (dialogue.where, advice))
    try:
        mechanism = auth.choose(credentials, offered | {"LOGIN"} if by_command else offered, encrypted, dialogue.where)
    except FleetproofError as error:
        hint = "" if encrypted else "; it may offer more with tls=implicit or tls=starttls"
        raise FleetproofError(error.kind, error.message + hint) from error
    warnings = []
    if not encrypted and not dialogue.stream.stays_on_this_host:
        warnings.append("The credentials for %s are sent in clear text: anybody on the way can read them. Use tls=implicit or tls=starttls" % dialogue.where)
    before = dialogue.capabilities
    said = [secret for secret in (credentials.password, credentials.oauth_token) if secret]
    try:
        if mechanism == "LOGIN" and by_command:
            answer = _by_command(dialogue, credentials, said)
        else:
            answer = _by_sasl(dialogue, credentials, mechanism, said)
    except FleetproofError as error:
        # most of this is our own words, and a password of few letters is in any
        longer = [secret for secret in said if len(secret) > _FEW]
        raise FleetproofError(error.kind, _without(longer, error.message), retryable=error.retryable) from error
    _verdict(dialogue, answer.status, mechanism, said)
    if dialogue.capabilities is before:
        # not told again along with the verdict; what counts is what can be done from here on
        dialogue.capabilities = frozenset()
    return warnings


def _without(secrets: t.Iterable[str], text: str) -> str:
    """``text`` without what some servers repeat of what they do not understand, whole or cut off."""
    for secret in filter(None, secrets):
        for form in (secret, display_name(secret)):
            text = text.replace(form, "********")
            size = next((size for size in range(len(form) - 1, _FEW, -1) if text.endswith(form[:size])), 0)
            text = text[:-size] + "********" if size else text
    return text


def _by_command(dialogue: Dialogue, credentials: auth.Credentials, said: t.List[str]) -> Answer:
    """The LOGIN command, for servers without AUTHENTICATE."""
    words = [text.encode("utf-8", "surrogateescape") for text in (credentials.username, credentials.password or "")]
    if any(re.search(rb"[\r\n\0]", word) for word in words):
        raise FleetproofError("unsafe", "username and password must not contain line breaks or NUL")
    # as it is between quotation marks
    said.append(re.sub(r'(["\\])', r"\\\1", credentials.password or ""))
    return dialogue.command("LOGIN ", words[0], " ", words[1])


def _by_sasl(dialogue: Dialogue, credentials: auth.Credentials, mechanism: str, said: t.List[str]) -> Answer:
    """AUTHENTICATE; ``said`` gets all that was sent for it."""

    def encoded(octets: bytes) -> str:
        if octets:
            said.append(auth.encode(octets))
        return said[-1] if octets else ""

    initial = auth.initial_response(credentials, mechanism)
    tag = dialogue.begin()
    line = "%s AUTHENTICATE %s" % (tag, mechanism)
    if initial is not None and dialogue.has("SASL-IR"):
        line, initial = "%s %s" % (line, auth.encode(initial)), None
        said.append(line.rsplit(" ", 1)[1])
    dialogue.say_line(line.encode("ascii"))
    answer = dialogue.answer(tag)
    turn = 0
    while answer.status.tag == "+":
        if turn > _TURNS:
            dialogue.close()
            raise FleetproofError("protocol", "%s never comes to an end with the login" % dialogue.where)
        if initial is not None:
            reply, initial = encoded(initial), None
        else:
            # the prompts of LOGIN and the excuses of XOAUTH2 take many forms and change nothing
            challenge = auth.decode(answer.status.text, dialogue.where) if mechanism == "CRAM-MD5" else b""
            reply = encoded(auth.respond(credentials, mechanism, challenge, turn))
            turn += 1
        dialogue.say_line(reply.encode("ascii"))
        answer = dialogue.answer(tag)
    return answer


def _verdict(dialogue: Dialogue, status: Response, mechanism: str, secrets: t.Sequence[str]) -> None:
    if status.good:
        return
    shown = _without(secrets, str(status))
    if status.code in _NOT_THE_LOGIN:
        raise FleetproofError("auth", "%s does not let anybody log in now (%s)" % (dialogue.where, shown), retryable=status.code != "CONTACTADMIN")
    password = "oauth_token" if mechanism == "XOAUTH2" else "password"
    hint = "the password has expired, so set a new one" if status.code == "EXPIRED" else "check username and %s" % password
    raise FleetproofError("auth", "%s refused the login by %s (%s); %s" % (dialogue.where, mechanism, shown, hint))
