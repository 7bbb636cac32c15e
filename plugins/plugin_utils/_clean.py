# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values as they come from hosts, made safe to show and to store.

Private to this collection. What a host says may hold anything: line breaks, control characters,
text that turns the reading direction around. Nothing of it is acted upon, and nothing of it is lost.
"""

from __future__ import annotations

import datetime
import re
import typing as t

from ansible_collections.fleetproof.backup.plugins.module_utils._values import display_name

# Line and paragraph separators, and the marks that make text read in another order than it is written in (Unicode TR 36).
_DECEPTIVE = re.compile("[\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
# Everything but the characters of XML 1.0, section 2.2.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def plain(value: t.Any) -> t.Any:
    """``value`` as JSON has it, freed from the types and marks that a templating engine adds.

    A file name that is not text is shown with ``\\xNN``, a time in ISO 8601.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, t.Mapping):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return display_name(value)
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, t.Iterable):
        return [plain(item) for item in value]
    return str(value)


def _key(key: t.Any) -> str:
    return str.__str__(key) if isinstance(key, str) else str(key)


def one_line(value: t.Any, limit: int = 1000) -> str:
    """A sentence: white space of any kind becomes one space, what is left of control characters is escaped."""
    return shortened(name(" ".join(str(value).split())), limit)


def name(value: t.Any) -> str:
    """A file name or a label: spaces stay, control characters and direction marks are escaped."""
    return _DECEPTIVE.sub(lambda match: "\\u%04x" % ord(match.group()), display_name(str(value)))


def shortened(text: str, limit: int) -> str:
    """``text``, or its beginning and its end with an ellipsis between them; ``limit`` is in characters."""
    if len(text) <= limit:
        return text
    head = (limit - 1) * 2 // 3
    return text[:head] + "…" + text[len(text) - (limit - 1 - head) :]


def for_xml(text: str) -> str:
    """``text`` with a replacement character for each one that XML 1.0 cannot hold, escaped or not."""
    return _NOT_XML.sub("\ufffd", text)
