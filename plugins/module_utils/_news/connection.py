# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way into a news server: greeting, capabilities, MODE READER, TLS and login (RFC 3977, section 5; RFC 4642; RFC 4643).

Private to this collection. What was learnt before TLS, and before the login, is forgotten and asked for again.
"""

from __future__ import annotations

import re
import typing as t

from .._errors import FleetproofError
from .._net import auth
from .._net.stream import Endpoint, dial
from .._values import display_name
from .replies import Refused, Reply, refusal
from .wire import Dialogue

PORTS = {"implicit": 563, "starttls": 119, "none": 119}
# Beside ``auto``: AUTHINFO USER, and what goes by AUTHINFO SASL.
MECHANISMS = ("user", "plain", "login", "cram-md5", "xoauth2")
_CAPABILITIES = 262144  # octets
_TURNS = 5  # of one login; the longest has two


class Connection(Dialogue):
    """A connection that is ready for reading: encrypted and logged in as asked.

    ``capabilities``: arguments by label, both in capitals but for those of IMPLEMENTATION; None when the server does not tell (RFC 2980 and older).
    ``posting``: whether it says that we may post. ``warnings``: what the way in draws.
    """

    def __init__(self, endpoint: Endpoint, credentials: t.Optional[auth.Credentials]) -> None:
        super().__init__(dial(endpoint))
        self.capabilities: t.Optional[t.Dict[str, t.List[str]]] = None
        self.posting = False
        self.logged_in = False
        self.warnings: t.List[str] = []
        self._reader = False
        try:
            self.stream.tune()
            self._greeting()
            self._look_around(credentials is not None or endpoint.tls == "starttls")
            if endpoint.tls == "starttls":
                self._start_tls()
                self._look_around(credentials is not None)
            if credentials is not None:
                self._log_in(credentials)
                self._look_around(False)
        except BaseException:
            self.close()
            raise

    # -- commands -------------------------------------------------------------------------------

    def ask(self, command: str, patience: float = 1.0) -> Reply:
        """The reply to a command. A server that wants MODE READER first gets it (RFC 3977, section 3.2.1)."""
        self.send(command)
        reply = self.reply(patience)
        if reply.code == 401 and not self._reader:
            self._mode_reader(True)
            self.send(command)
            reply = self.reply(patience)
        if reply.code == 400:
            self.close()
        return reply

    def refusal(self, doing: str, reply: Reply) -> Refused:
        """The error for a reply that is not what was asked for; ``doing`` completes "… did not …"."""
        return refusal(self.where, doing, reply, self.logged_in)

    def has(self, label: str, argument: str = "") -> bool:
        """Whether the server says that it can do this; False where it tells nothing."""
        found = (self.capabilities or {}).get(label)
        return found is not None and (not argument or argument in found)

    def quit(self) -> None:
        """Part from the server; never raises: what matters has been said."""
        try:
            self.send("QUIT")
            self.reply(0.2)
        except FleetproofError:
            pass
        self.close()

    # -- the way in -----------------------------------------------------------------------------

    def _greeting(self) -> None:
        endpoint = self.stream.endpoint
        try:
            reply = self.reply()
        except FleetproofError as error:
            if error.kind == "timeout" and endpoint.tls != "implicit" and endpoint.port == PORTS["implicit"]:
                raise FleetproofError("timeout", "%s; port %d is usually for tls=implicit" % (error.message, endpoint.port)) from error
            raise
        if reply.code in (200, 201):
            self.posting = reply.code == 200
        elif reply.code == 400:
            raise self._busy(reply)
        elif reply.code == 502:
            raise Refused("permission", "%s does not serve this host: %s" % (self.where, reply), reply)
        elif reply.code != 480:
            raise Refused("protocol", "%s does not greet as a news server does: %s" % (self.where, reply), reply)

    def _busy(self, reply: Reply) -> Refused:
        return Refused("busy", "%s does not let anybody in now: %s; try again later" % (self.where, reply), reply)

    def _look_around(self, more_to_come: bool) -> None:
        """Learn what the server can do, and have it be one for readers. ``more_to_come``: what it refuses now may go after TLS or a login."""
        self.capabilities = None
        reply = self.ask("CAPABILITIES")
        if reply.code == 101:
            self.capabilities = _capabilities(self.lines(_CAPABILITIES))
        elif reply.code == 400 or (reply.code in (480, 483) and not more_to_come):
            raise self.refusal("tell what it can do", reply)
        told = self.capabilities is not None
        if not self._reader and (self.has("MODE-READER") if told else not more_to_come or reply.code not in (480, 483)):
            if self._mode_reader(more_to_come) and told:
                self._look_around(more_to_come)
        elif told:
            self.posting = self.has("POST")

    def _mode_reader(self, more_to_come: bool) -> bool:
        """Whether the server is one for readers now."""
        self.send("MODE READER")
        reply = self.reply()
        if reply.code in (200, 201):
            self._reader = True
            self.posting = reply.code == 200
        elif reply.code == 400:
            # as in the greeting: some servers count their readers here
            raise self._busy(reply)
        elif not reply.unknown and not (reply.code in (480, 483) and more_to_come):
            raise self.refusal("let us read (MODE READER)", reply)
        return self._reader

    def _start_tls(self) -> None:
        """Encrypt, or raise: there is no way past this in clear text."""
        if self.capabilities is not None and not self.has("STARTTLS"):
            raise FleetproofError(
                "tls",
                "%s does not offer STARTTLS, so nothing was sent: the server cannot do it, or somebody in between takes the offer away. "
                "Use tls=implicit if it has a port for that, or tls=none to go on in clear text" % self.where,
            )
        reply = self.ask("STARTTLS")
        if reply.code != 382:
            raise Refused(
                "tls",
                "%s refused STARTTLS (%s), so nothing was sent; tls=none would go on in clear text" % (self.where, reply),
                reply,
                retryable=reply.code in (400, 403),
            )
        self.stream.start_tls()
        self.capabilities = None
        self.posting = False

    # -- login ----------------------------------------------------------------------------------

    def _log_in(self, credentials: auth.Credentials) -> None:
        if any(re.search("[\r\n\0]", text or "") for text in (credentials.username, credentials.password, credentials.oauth_token)):
            raise FleetproofError("unsafe", "username, password and oauth_token must not contain line breaks or NUL")
        mechanism = self._mechanism(credentials)
        if not self.stream.encrypted and not self.stream.stays_on_this_host:
            self.warnings.append(
                "The credentials for %s are sent in clear text: anybody on the way can read them. Use tls=implicit or tls=starttls" % self.where
            )
        reply, secrets = self._by_user(credentials) if mechanism == "USER" else self._by_sasl(credentials, mechanism)
        if reply.code not in (281, 283):
            raise self._no_login(mechanism, reply, secrets)
        self.logged_in = True

    def _mechanism(self, credentials: auth.Credentials) -> str:
        """USER, or a mechanism of SASL."""
        sasl = (self.capabilities or {}).get("SASL", []) if self.has("AUTHINFO", "SASL") else []
        by_user = self.capabilities is None or self.has("AUTHINFO", "USER")
        if not by_user and not sasl:
            advice = (
                "; leave out username" if self.stream.encrypted else " on a connection in clear text; use tls=implicit or tls=starttls, or leave out username"
            )
            raise FleetproofError("auth", "%s offers no login%s" % (self.where, advice))
        wanted = credentials.mechanism
        # servers offer what their SASL library could do, whether it knows the users or not
        if by_user and (wanted == "user" or (wanted == "auto" and credentials.oauth_token is None)):
            return "USER"
        return auth.choose(credentials, sasl or ["USER"], self.stream.encrypted, self.where)

    def _by_user(self, credentials: auth.Credentials) -> t.Tuple[Reply, t.List[str]]:
        reply = self.ask("AUTHINFO USER " + credentials.username)
        secrets = [credentials.password or ""]
        if reply.code == 381:
            reply = self.ask("AUTHINFO PASS " + secrets[0])
        return reply, secrets

    def _by_sasl(self, credentials: auth.Credentials, mechanism: str) -> t.Tuple[Reply, t.List[str]]:
        initial = auth.initial_response(credentials, mechanism)
        said = [] if initial is None else [auth.encode(initial)]
        reply = self.ask(" ".join(["AUTHINFO SASL", mechanism, *said]))
        turn = 0
        while reply.code == 383:
            if turn > _TURNS:
                raise FleetproofError("protocol", "%s never comes to an end with the login" % self.where)
            # the prompts of LOGIN and the excuses of XOAUTH2 take many forms and change nothing
            challenge = auth.decode(reply.text, self.where) if mechanism == "CRAM-MD5" else b""
            said.append(auth.encode(auth.respond(credentials, mechanism, challenge, turn)))
            reply = self.ask(said[-1])
            turn += 1
        return reply, said

    def _no_login(self, mechanism: str, reply: Reply, secrets: t.Sequence[str]) -> Refused:
        # some servers quote the command that they refuse
        shown = str(reply)
        for secret in filter(None, secrets):
            shown = shown.replace(secret, "********")
        start = "%s refused the login by %s (%s)" % (self.where, "AUTHINFO USER" if mechanism == "USER" else mechanism, shown)
        if reply.code == 483:
            return Refused("tls", "%s: it wants an encrypted connection for that; use tls=implicit or tls=starttls" % start, reply)
        if reply.code in (400, 403):
            return Refused("auth", "%s; try again later" % start, reply, retryable=True)
        password = "oauth_token" if mechanism == "XOAUTH2" else "password"
        return Refused("auth", "%s; check username and %s" % (start, password), reply)


def _capabilities(lines: t.Iterable[bytes]) -> t.Dict[str, t.List[str]]:
    found: t.Dict[str, t.List[str]] = {}
    for line in lines:
        words = line.decode("utf-8", "replace").split()
        if words:
            label = words[0].upper()
            arguments = words[1:] if label == "IMPLEMENTATION" else [word.upper() for word in words[1:]]
            found.setdefault(label, []).extend(display_name(word) for word in arguments)
    return found
