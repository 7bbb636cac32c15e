# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SMTP as a client speaks it (RFC 5321), over a Stream.

Private to this collection. smtplib is not used: it reads ahead of the TLS handshake, has no time
limit for an answer as a whole, and leaves open what a lost connection means. Here every step either
has its reply or is a FleetproofError, and nothing is sent that has a line break in it.
"""

from __future__ import annotations

import re
import socket
import typing as t
from dataclasses import dataclass

from .._errors import FleetproofError
from .._net import auth
from .._net.stream import Endpoint, Stream, dial
from .._values import display_name

_LINES = 500  # lines of one reply; EHLO of the chattiest servers has some thirty
_REPLY = re.compile(rb"\A([2-5][0-9][0-9])(?:([ -])(.*))?\Z", re.DOTALL)
_BLOCK = 262144  # octets of the message sent at once
# RFC 5321, 4.5.3.2.6 gives the server ten minutes to take the message in: giving up early leaves the outcome unknown
_PATIENCE_AFTER_DATA = 10.0


@dataclass(frozen=True)
class Reply:
    """What the server said: three digits and text."""

    code: int
    text: str

    @property
    def good(self) -> bool:
        """The server did what it was asked to."""
        return 200 <= self.code < 300

    @property
    def temporary(self) -> bool:
        """The same may work later (RFC 5321, section 4.2.1)."""
        return 400 <= self.code < 500

    def __str__(self) -> str:
        return "%d %s" % (self.code, self.text.replace("\n", " "))


class Session:
    """A dialogue with an SMTP server, from the greeting to QUIT."""

    def __init__(self, stream: Stream, ehlo_host: t.Optional[str] = None) -> None:
        self._stream = stream
        self.where = stream.endpoint.where
        self._ehlo_host = ehlo_host
        self.name = ""
        self.extensions: t.Dict[str, str] = {}

    # -- the way in -----------------------------------------------------------------------------

    def greet(self) -> None:
        """Wait for the greeting and say EHLO."""
        try:
            reply = self._read()
        except FleetproofError as error:
            if error.kind == "timeout" and not self._stream.encrypted and self._stream.endpoint.port == 465:
                raise FleetproofError("timeout", "%s; port 465 is usually for tls=implicit" % error.message) from error
            raise
        if reply.code != 220:
            raise self._refusal("did not let us in", reply)
        self.name = reply.text.split(" ", 1)[0]
        self.ehlo()

    def ehlo(self) -> None:
        """Learn what the server can do; a server that only knows HELO can do nothing beyond the basics."""
        name = self._ehlo_host or _own_name(self._stream.own_address)
        self.extensions = {}
        reply = self._command("EHLO " + name)
        if reply.good:
            lines = reply.text.split("\n")
            for line in lines[1:]:
                # some old servers write AUTH=LOGIN
                keyword, _space, value = line.strip().replace("AUTH=", "AUTH ", 1).partition(" ")
                known = self.extensions.get(keyword.upper())
                self.extensions[keyword.upper()] = ("%s %s" % (known, value)).strip() if known else value.strip()
        elif reply.code in (500, 501, 502, 504):
            reply = self._command("HELO " + name)
        if not reply.good:
            raise self._refusal("did not take our EHLO", reply)

    def start_tls(self) -> None:
        """Encrypt, or raise: there is no way past this in clear text. What was learnt before does not count any more."""
        if "STARTTLS" not in self.extensions:
            self.quit()
            raise FleetproofError(
                "tls",
                "%s does not offer STARTTLS, so nothing was sent: the server cannot do it, or somebody in between takes the offer away. "
                "Use tls=implicit if it has a port for that, or tls=none to send in clear text" % self.where,
            )
        reply = self._command("STARTTLS")
        if reply.code != 220:
            self.quit()
            raise FleetproofError(
                "tls",
                "%s offers STARTTLS but refused it (%s), so nothing was sent; tls=none would send in clear text" % (self.where, reply),
                retryable=reply.temporary,
            )
        self._stream.start_tls()
        self.ehlo()

    def login(self, credentials: auth.Credentials) -> None:
        """Log in, or raise with kind ``auth``."""
        mechanism = auth.choose(credentials, self.extensions.get("AUTH", "").split(), self._stream.encrypted, self.where)
        initial = auth.initial_response(credentials, mechanism)
        said = [] if initial is None else [auth.encode(initial)]
        reply = self._command(" ".join(["AUTH", mechanism, *said]))
        turn = 0
        while reply.code == 334:
            if turn > 3:
                raise FleetproofError("protocol", "%s never comes to an end with the login" % self.where)
            # the prompts of LOGIN and the excuses of XOAUTH2 take many forms and change nothing
            challenge = auth.decode(reply.text, self.where) if mechanism == "CRAM-MD5" else b""
            answer = auth.respond(credentials, mechanism, challenge, turn)
            said.append(auth.encode(answer) if answer else "")
            reply = self._command(said[-1])
            turn += 1
        if not reply.good:
            # some servers quote the command that they refuse
            shown = str(reply)
            for secret in filter(None, said):
                shown = shown.replace(secret, "********")
            hint = "" if reply.temporary else "; check username and %s" % ("oauth_token" if mechanism == "XOAUTH2" else "password")
            raise FleetproofError("auth", "%s refused the login by %s (%s)%s" % (self.where, mechanism, shown, hint), retryable=reply.temporary)

    # -- one mail -------------------------------------------------------------------------------

    def has(self, extension: str) -> bool:
        """True when the server offers the extension."""
        return extension in self.extensions

    @property
    def size_limit(self) -> t.Optional[int]:
        """The largest message in octets that the server takes; None when it does not say or has no limit (RFC 1870)."""
        value = self.extensions.get("SIZE", "")
        return int(value) or None if re.match(r"\A[0-9]{1,18}\Z", value) else None

    def mail(self, sender: str, parameters: t.Sequence[str]) -> Reply:
        """Begin a mail."""
        return self._command(" ".join(["MAIL FROM:<%s>" % sender, *parameters]))

    def rcpt(self, recipient: str, parameters: t.Sequence[str]) -> Reply:
        """Name one recipient."""
        return self._command(" ".join(["RCPT TO:<%s>" % recipient, *parameters]))

    def data(self) -> Reply:
        """Ask to send the message; 354 means go on."""
        return self._command("DATA")

    def send_body(self, message: t.IO[bytes]) -> None:
        """Send the message but for its very end: until then the server must not take it as complete."""
        message.seek(0)
        while True:
            lines = message.readlines(_BLOCK)
            if not lines:
                return
            block = b"".join(lines)
            stuffed = block.replace(b"\n.", b"\n..")
            self._stream.write(b"." + stuffed if block.startswith(b".") else stuffed)

    def finish_body(self) -> Reply:
        """Send the end of the message and wait for the verdict. An error from here on leaves open whether the server has it."""
        self._stream.write(b".\r\n")
        return self._read(_PATIENCE_AFTER_DATA)

    def last_words(self) -> t.Optional[Reply]:
        """A reply that is there already, such as the reason why the server hung up; None if there is none."""
        try:
            return self._read(0.1)
        except FleetproofError:
            return None

    def reset(self) -> None:
        """Drop the mail that was begun."""
        self._command("RSET")

    def quit(self) -> None:
        """Part from the server; never raises: what matters has been said."""
        try:
            self._command("QUIT", 0.2)
        except FleetproofError:
            pass
        self._stream.close()

    def close(self) -> None:
        """Hang up without a word."""
        self._stream.close()

    def facts(self) -> t.Dict[str, t.Optional[str]]:
        """RV(server)."""
        return {"name": self.name, "tls_version": self._stream.tls_version, "cipher": self._stream.cipher}

    @property
    def exposed(self) -> bool:
        """True when somebody on the network could read along."""
        return not self._stream.encrypted and not self._stream.stays_on_this_host

    # -- lines ----------------------------------------------------------------------------------

    def _command(self, line: str, patience: float = 1.0) -> Reply:
        if re.search("[\r\n\0]", line):
            raise FleetproofError("unsafe", "A line break was about to be sent to %s as part of a command" % self.where)
        self._stream.write(line.encode("utf-8", "surrogateescape") + b"\r\n")
        return self._read(patience)

    def _read(self, patience: float = 1.0) -> Reply:
        deadline = self._stream.deadline(patience)
        code, texts = b"", []
        for _line in range(_LINES):
            match = _REPLY.match(self._stream.read_line(deadline))
            if match is None or (code and match.group(1) != code):
                raise FleetproofError("protocol", "%s does not speak SMTP as it should" % self.where)
            code = match.group(1)
            # shown to people: nothing in it may act upon their terminal
            texts.append(display_name((match.group(3) or b"").decode("utf-8", "replace")))
            if match.group(2) != b"-":
                return Reply(int(code), "\n".join(texts))
        raise FleetproofError("protocol", "%s sent a reply of more than %d lines" % (self.where, _LINES))

    def _refusal(self, what: str, reply: Reply) -> FleetproofError:
        return FleetproofError("refused", "%s %s: %s" % (self.where, what, reply), retryable=reply.temporary)


def _own_name(own_address: str) -> str:
    """How we call ourselves: the name of this machine if it is a full one, else our address (RFC 5321, 4.1.3); DNS is not asked."""
    name = socket.gethostname()
    if re.match(r"\A[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+\Z", name):
        return name
    address = own_address.split("%", 1)[0]
    return "[IPv6:%s]" % address if ":" in address else "[%s]" % address


def open_session(
    endpoint: Endpoint, ehlo_host: t.Optional[str], credentials: t.Optional[auth.Credentials], opportunistic: bool = False
) -> t.Tuple[Session, t.List[str]]:
    """A Session that is ready for a mail, encrypted and logged in as asked, and the warnings it draws.

    ``opportunistic`` (secure=try): encrypt if the server offers it, else go on in clear text, but
    never with credentials and never silently. An encryption that was begun is never given up.
    """
    stream = dial(endpoint)
    session = Session(stream, ehlo_host)
    warnings: t.List[str] = []
    try:
        session.greet()
        if endpoint.tls == "starttls" and (session.has("STARTTLS") or credentials or not opportunistic):
            session.start_tls()
        elif opportunistic and endpoint.tls == "starttls" and session.exposed:
            warnings.append("%s does not offer STARTTLS: with secure=try the mail goes there in clear text" % session.where)
        if credentials is not None:
            if session.exposed:
                warnings.append(
                    "The credentials for %s are sent in clear text: anybody on the way can read them. Use tls=starttls or tls=implicit" % session.where
                )
            session.login(credentials)
    except BaseException:
        session.close()
        raise
    return session, warnings
