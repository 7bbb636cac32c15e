# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an FTP server answers (RFC 959, section 4.2), and what a refusal means.

Private to this collection.
"""

from __future__ import annotations

import re
import typing as t

from .._errors import FleetproofError
from .._values import display_name

_SHOWN = 500  # characters of a reply in an error
_START = re.compile(rb"\A([1-5][0-9][0-9])(?:([ -])(.*))?\Z", re.DOTALL)
_TOO_MANY = re.compile(r"too many|maximum|\bmax\b|limit|already (?:connected|logged)|try (?:again )?later", re.IGNORECASE)
# So many were wrong, or too many: no matter of waiting, and another try may lock the account
_WRONG = re.compile(r"attempt|fail|incorrect|invalid|password", re.IGNORECASE)
_GONE = re.compile(r"no such|not (?:be )?found|not exist|n't exist|cannot find|can't find|can not find|non-?existent|unknown file", re.IGNORECASE)
_FORBIDDEN = re.compile(
    r"permission|denied|not (?:permitted|allowed)|access|privilege|forbidden|read[- ]?only|not enough rights|unauthori[sz]ed", re.IGNORECASE
)
_FULL = re.compile(r"no space|disk full|quota|insufficient (?:storage|space)|not enough space|exceeded storage", re.IGNORECASE)
_WANTS_TLS = re.compile(r"\b(?:TLS|SSL|FTPS)\b|encrypt|\bAUTH\b", re.IGNORECASE)
# Kinds by code; what is not here goes by its first digit.
_KIND = {
    425: "connect",
    426: "connect",
    430: "auth",
    431: "tls",
    450: "busy",
    451: "busy",
    452: "no_space",
    501: "argument",
    522: "tls",
    530: "auth",
    532: "auth",
    533: "tls",
    534: "tls",
    535: "tls",
    536: "tls",
    552: "no_space",
    553: "permission",
}


class Reply(t.NamedTuple):
    """Three digits and the lines of text, without the code where a line has it."""

    code: int
    lines: t.List[str]

    @property
    def text(self) -> str:
        """All lines in one."""
        return " ".join(line.strip() for line in self.lines).strip()

    @property
    def good(self) -> bool:
        """It is done."""
        return 200 <= self.code < 300

    @property
    def preliminary(self) -> bool:
        """It has begun; another reply follows."""
        return self.code < 200

    @property
    def unknown(self) -> bool:
        """The server does not know the command, or not in this form."""
        return self.code in (500, 501, 502, 504)

    def __str__(self) -> str:
        # shown to people: nothing in it may act upon their terminal
        shown = display_name(self.text)
        return "%d %s" % (self.code, shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "\u2026")


class Assembly:
    """A reply as its lines come in.

    RFC 959: a reply of several lines begins with the code and a hyphen, and ends with the first line
    that begins with the same code and a blank. What stands between may begin with anything.
    """

    def __init__(self) -> None:
        self._code = b""
        self._lines: t.List[bytes] = []

    def add(self, line: bytes) -> bool:
        """True when ``line`` is the last one. ValueError: this is not FTP."""
        match = _START.match(line)
        if not self._code:
            if match is None:
                raise ValueError
            self._code = match.group(1)
            self._lines.append(match.group(3) or b"")
            return match.group(2) != b"-"
        if match is None or match.group(1) != self._code:
            self._lines.append(line)
            return False
        self._lines.append(match.group(3) or b"")
        return match.group(2) != b"-"

    def reply(self, decode: t.Callable[[bytes], str]) -> Reply:
        """The whole of it."""
        return Reply(int(self._code), [decode(line) for line in self._lines])


def says_gone(reply: Reply, path: str) -> bool:
    """True when the text says that there is nothing at ``path``, and nothing of permissions."""
    text = _without(reply.text, path)
    return bool(_GONE.search(text)) and not _FORBIDDEN.search(text)


def says_busy(reply: Reply) -> bool:
    """True for a refused connection or login that says that there are too many already."""
    return reply.code in (421, 530, 550) and bool(_TOO_MANY.search(reply.text)) and (reply.code == 421 or not _WRONG.search(reply.text))


def wants_tls(reply: Reply) -> bool:
    """True for a refusal that asks for encryption."""
    return reply.code >= 421 and bool(_WANTS_TLS.search(reply.text))


def error_of(reply: Reply, doing: str, where: str, path: str = "") -> FleetproofError:
    """The error for a reply that is none of those hoped for.

    ``doing`` completes "Could not …"; ``path`` is what stood in the command: servers repeat it, and a
    file may well be called "no such file".
    """
    kind, retryable = _kind_of(reply, _without(reply.text, path))
    return FleetproofError(kind, "Could not %s on %s: %s" % (doing, where, reply), retryable)


def _kind_of(reply: Reply, text: str) -> t.Tuple[str, t.Optional[bool]]:
    if reply.code == 421:
        # also what an idle connection is told before it is closed
        if _WANTS_TLS.search(text):
            # pure-ftpd, in answer to USER
            return "tls", None
        return "busy" if _TOO_MANY.search(text) else "connect", None
    if reply.code in (450, 550, 553, 451) and _FULL.search(text):
        return "no_space", None
    if reply.code in (550, 553, 450, 501):
        if _FORBIDDEN.search(text):
            return "permission", None
        if _GONE.search(text):
            return "not_found", None
        if reply.code == 550:
            return "refused", None
    if reply.code in _KIND:
        return _KIND[reply.code], None
    if reply.code < 400 or reply.code in (500, 503):
        return "protocol", None
    return "refused", reply.code < 500


def _without(text: str, path: str) -> str:
    for part in (path, path.rsplit("/", 1)[-1]):
        if part:
            text = text.replace(part, "")
    return text
