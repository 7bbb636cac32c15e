# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way into a POP3 server: greeting, TLS, login (RFC 1939, RFC 2595, RFC 5034).

Private to this collection.
"""

from __future__ import annotations

import hashlib
import re
import typing as t

from .._errors import FleetproofError
from .._net import auth
from .._net.stream import Endpoint, dial
from .pop3 import Answer, Session, refusal

PORTS = {"implicit": 995, "starttls": 110, "none": 110}
_TURNS = 5  # of one login; the longest has two
_LONGEST_COMMAND = 253  # octets without the line end (RFC 5034, section 4)
# RFC 1939, section 7: like a Message-ID. Anything looser lets a server choose what is digested along with the password.
_STAMP = re.compile(r"<[!-;=?A-~]{1,200}@[!-;=?A-~]{1,200}>")
_BROKEN_DIGEST = "APOP is not safe against somebody who meddles with the connection (it is MD5): use tls=implicit or tls=starttls with %s"


def log_in(endpoint: Endpoint, credentials: auth.Credentials) -> t.Tuple[Session, t.List[str]]:
    """A Session that is encrypted as asked and logged in, its capabilities known, and the warnings that it draws."""
    session = Session(dial(endpoint))
    try:
        session.stream.tune()
        session.greet()
        found = _STAMP.search(session.greeting)
        stamp = found.group() if found else None
        if endpoint.tls == "starttls":
            session.start_tls()
            if credentials.mechanism != "apop":
                # said before TLS. Where the user wants APOP it does no harm: the digest goes to the server that TLS has proved
                stamp = None
        session.ask_capabilities()
        warnings = _Login(session, credentials, stamp).go()
        session.ask_capabilities()
    except BaseException:
        session.stream.close()
        raise
    return session, warnings


class _Login:
    """One login; ``said`` are the secrets that were sent, none of which may be shown."""

    def __init__(self, session: Session, credentials: auth.Credentials, stamp: t.Optional[str]) -> None:
        self._session = session
        self._credentials = credentials
        self._stamp = stamp
        self._said: t.List[str] = []

    def go(self) -> t.List[str]:
        """Log in, or raise; warnings."""
        session = self._session
        mechanism = self._choose()
        warnings = []
        if not session.stream.encrypted and not session.stream.stays_on_this_host:
            if mechanism == "APOP":
                warnings.append("%s: %s" % (session.where, _BROKEN_DIGEST % "another auth"))
            else:
                warnings.append(
                    "The credentials for %s are sent in clear text: anybody on the way can read them. Use tls=implicit or tls=starttls" % session.where
                )
        if mechanism == "APOP":
            answer = self._by_apop()
        elif mechanism == "USER":
            answer = self._by_user()
        else:
            answer = self._by_sasl(mechanism)
        if not answer.good:
            raise self._refusal(mechanism, answer)
        return warnings

    def _choose(self) -> str:
        """APOP, USER (which is USER and PASS) or a SASL mechanism."""
        session, wanted = self._session, self._credentials.mechanism
        capabilities = session.capabilities
        offered = set((capabilities or {}).get("SASL", "").upper().split())
        # who does not know CAPA knows USER, or tells
        has_user = capabilities is None or "USER" in capabilities
        encrypted = session.stream.encrypted
        if wanted == "apop":
            if self._stamp is None:
                raise FleetproofError("auth", "%s does not offer APOP: there is no valid time stamp in its greeting; choose another auth" % session.where)
            return "APOP"
        if wanted == "login":
            return "LOGIN" if "LOGIN" in offered and not has_user else "USER"
        if wanted == "auto" and self._credentials.oauth_token is None:
            if not encrypted and "CRAM-MD5" in offered:
                return "CRAM-MD5"
            if not encrypted and self._stamp is not None:
                return "APOP"
            if has_user and not offered & {"PLAIN", "LOGIN"}:
                return "USER"
        if not offered:
            self._none_offered(has_user)
        return auth.choose(self._credentials, offered, encrypted, session.where)

    def _none_offered(self, has_user: bool) -> None:
        where = self._session.where
        if has_user:
            wanted = "xoauth2" if self._credentials.oauth_token is not None else self._credentials.mechanism
            raise FleetproofError("auth", "%s does not offer to log in by %s, only by USER and PASS, which is auth=login" % (where, wanted.upper()))
        if self._session.stream.encrypted:
            raise FleetproofError("auth", "%s offers no login" % where)
        raise FleetproofError("auth", "%s offers no login on a connection in clear text; use tls=implicit or tls=starttls" % where)

    def _by_apop(self) -> Answer:
        secret = (self._stamp or "").encode("ascii") + (self._credentials.password or "").encode("utf-8", "surrogateescape")
        try:
            digest = hashlib.md5(secret).hexdigest()  # noqa: S324 # RFC 1939 has no other
        except ValueError as error:  # MD5 is switched off (FIPS)
            raise FleetproofError("dependency", "This machine does not allow MD5, which APOP needs; use another auth") from error
        self._said.append(digest)
        return self._session.command("APOP %s %s" % (self._credentials.username, digest))

    def _by_user(self) -> Answer:
        answer = self._session.command("USER " + self._credentials.username)
        if not answer.good:
            return answer
        self._said.append(self._credentials.password or "")
        return self._session.command("PASS " + self._said[-1])

    def _by_sasl(self, mechanism: str) -> Answer:
        session = self._session
        line = "AUTH " + mechanism
        initial = auth.initial_response(self._credentials, mechanism)
        if initial is not None and len(line) + 1 + len(auth.encode(initial)) <= _LONGEST_COMMAND:
            self._said.append(auth.encode(initial))
            line, initial = "%s %s" % (line, self._said[-1]), None
        session.say(line)
        for turn in range(_TURNS):
            answer = session.stream.read_line(session.stream.deadline())
            if not answer.startswith(b"+") or answer[:3].upper() == b"+OK":
                return session.read_answer(answer)
            if initial is not None:
                reply, initial = initial, None
            else:
                # the prompts of LOGIN and the excuses of XOAUTH2 take many forms and change nothing
                challenge = auth.decode(answer[1:].decode("ascii", "replace"), session.where) if mechanism == "CRAM-MD5" else b""
                reply = auth.respond(self._credentials, mechanism, challenge, turn)
            self._said.append(auth.encode(reply) if reply else "")
            session.say(self._said[-1])
        raise FleetproofError("protocol", "%s never comes to an end with the login" % session.where)

    def _refusal(self, mechanism: str, answer: Answer) -> FleetproofError:
        # some servers quote the command that they refuse
        text = answer.text
        for secret in filter(None, self._said):
            text = text.replace(secret, "********")
        answer = answer._replace(text=text)
        if answer.code and answer.code != "AUTH":
            return refusal(self._session.where, "let us in", answer, "auth")
        hint = "check username and %s" % ("oauth_token" if mechanism == "XOAUTH2" else "password")
        if not self._session.stream.encrypted and (mechanism == "USER" and not self._said):
            hint += ", or use tls=implicit or tls=starttls: many servers take no password in clear text"
        return FleetproofError("auth", "%s refused the login by %s (%s); %s" % (self._session.where, mechanism, answer, hint))
