# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes into commands of NNTP: names of groups, wildmats, message ids, times (RFC 3977, sections 3.6, 4 and 9.8).

Private to this collection. Pure. What could be taken for something else by the server is an error before it is sent.
"""

from __future__ import annotations

import re
import time
import typing as t

from .._errors import FleetproofError

# A name holds no wildmat characters, no comma, no white space and no control characters; it does not begin with "!".
_GROUP = re.compile(r"[^\x00-\x20\x7f-\x9f*?,\[\]\\!\ud800-\udfff\s]+\Z")
_WILDMAT = re.compile(r"[^\x00-\x20\x7f-\x9f,\[\]\\\ud800-\udfff\s]+\Z")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,248}>\Z")
_LAST_MOMENT = 253402300799.0  # the year 9999 ends
_LONGEST_NAME = 460  # octets: with its command it fits into a line (RFC 3977, section 3.1)


def group_name(text: str, what: str) -> str:
    """``text`` if it can be the name of one group."""
    if _GROUP.match(text) is None or len(text.encode("utf-8")) > _LONGEST_NAME:
        raise FleetproofError("argument", "%s: %r is not the name of a newsgroup, such as comp.lang.python" % (what, text))
    return text


def message_id(text: str, what: str) -> str:
    """``text`` if it can be a message id; the angle brackets may be missing."""
    found = text.strip()
    if not found.startswith("<"):
        found = "<%s>" % found
    if _MESSAGE_ID.match(found) is None:
        raise FleetproofError("argument", "%s: %r is not a message id, such as <1234@news.example.com>" % (what, text))
    return found


def is_message_id(text: str) -> bool:
    """Whether a server can be asked for it."""
    return _MESSAGE_ID.match(text) is not None


class Wildmat:
    """Patterns of names: of those that match, the last one decides, and one with "!" says no (RFC 3977, section 4.2)."""

    def __init__(self, patterns: t.Sequence[str], what: str) -> None:
        words = [word for pattern in patterns for word in pattern.split(",")]
        for word in words:
            if _WILDMAT.match(word) is None or word == "!" or len(word.encode("utf-8")) > _LONGEST_NAME:
                raise FleetproofError("argument", "%s: %r is neither the name of a newsgroup nor a pattern of names, such as comp.lang.*" % (what, word))
        self._rules = [(not word.startswith("!"), _regex(word.lstrip("!"))) for word in words]
        text = ",".join(words)
        # one that does not fit into a command is left to us alone
        self.text = text if len(text.encode("utf-8")) <= _LONGEST_NAME else "*"

    def match(self, name: str) -> bool:
        """Whether the group is meant."""
        for wanted, rule in reversed(self._rules):
            if rule.match(name):
                return wanted
        return False


def _regex(pattern: str) -> t.Pattern[str]:
    # runs of stars mean one, and would be slow
    pattern = re.sub(r"\*+", "*", pattern)
    return re.compile("".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern) + r"\Z", re.DOTALL)


def moment(seconds: float) -> str:
    """The arguments of NEWGROUPS and NEWNEWS (RFC 3977, section 7.3.2)."""
    return time.strftime("%Y%m%d %H%M%S GMT", time.gmtime(min(max(seconds, 0.0), _LAST_MOMENT)))
