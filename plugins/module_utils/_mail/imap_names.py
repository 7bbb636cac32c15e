# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of IMAP mailboxes on the wire: modified UTF-7 (RFC 3501, section 5.1.3).

Private to this collection.
"""

from __future__ import annotations

import base64
import re
import typing as t

from .._errors import FleetproofError
from .._values import display_name

_SHIFTED = re.compile("[^\x20-\x7e]+")


def mailbox_name(name: str, option: str) -> bytes:
    """``name`` as servers know it. INBOX is the same in any case; control characters are refused."""
    if not name or re.search("[\x00-\x1f\x7f]", name):
        raise FleetproofError("unsafe" if name else "argument", "%s: %r is not the name of a mailbox" % (option, display_name(name)))
    if name.upper() == "INBOX":
        return b"INBOX"
    try:
        return _SHIFTED.sub(_shift, name.replace("&", "&-")).encode("ascii")
    except UnicodeEncodeError as error:
        raise FleetproofError("argument", "%s: %s is not text, which names of mailboxes are" % (option, display_name(name))) from error


def _shift(match: t.Match[str]) -> str:
    octets = base64.b64encode(match.group().encode("utf-16-be")).rstrip(b"=").replace(b"/", b",")
    return "&%s-" % octets.decode("ascii")
