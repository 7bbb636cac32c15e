# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The answers to MLSD, MLST and LIST, taken apart.

Private to this collection. A listing decides what is deleted, so there is no guessing: a line that cannot
be read, two entries of one name, or data that ends in the middle of a line are errors of kind ``protocol``,
and nothing is skipped but what names the directory itself and the one above it. Lines are taken apart as
bytes, and only names are decoded: in GBK and its kin the second byte of a character may be any ASCII letter.
The messages of errors complete a sentence that ends in a colon and says whose listing it is.
"""

from __future__ import annotations

import functools
import typing as t

from .._errors import FleetproofError
from .._values import display_name
from .dates import parse_time_val
from .entries import DIRECTORY, FILE, SECOND, SPECIAL, SYMLINK, Entry, Listing, Refused, refusal
from .list_styles import dos_line, eplf_line, unix_line

_SHOWN = 200  # characters of a line in an error
_KINDS = {"file": FILE, "dir": DIRECTORY, "cdir": DIRECTORY, "pdir": DIRECTORY}
_NO_MODE = -1


def parse_mlsd(data: bytes, encoding: str) -> Listing:
    """What MLSD sent (RFC 3659, section 7)."""
    found = _Collector(encoding)
    for line in _lines(data, encoding):
        # The facts end at the first blank behind a semicolon, so that blanks in values of careless servers do no harm.
        head, mark, name = line.partition(b"; ")
        facts = _facts(found.text(head)) if mark else None
        if facts is not None and facts.get("type", "").lower() in ("cdir", "pdir"):
            continue
        entry = None if facts is None else _entry(facts, found.text(name))
        if entry is None:
            raise _unreadable(line, encoding)
        found.add(name, entry)
    return found.listing


def parse_list(data: bytes, encoding: str, now: float) -> Listing:
    """What LIST sent, in any style that list_styles.py knows; ``now`` is in seconds since the epoch.

    Times are taken as UTC, with the precision that is left of them.
    """
    found = _Collector(encoding)
    for number, line in enumerate(_lines(data, encoding)):
        if number == 0 and line.startswith(b"total ") and line[6:].strip().isdigit():
            continue
        taken = unix_line(line, found.text, now) or dos_line(line, found.text) or eplf_line(line, found.text)
        if taken is None:
            raise _unreadable(line, encoding)
        name, entry = taken
        if name in (b".", b"..") and entry.kind == DIRECTORY:
            continue
        found.add(name, entry)
    return found.listing


def parse_facts(line: str) -> Entry:
    """The line of a reply to MLST (RFC 3659, section 7.2), with or without the blank that it begins with.

    The name is the last component of the path that the server told, "" for the root.
    """
    head, mark, path = line.partition("; ")
    facts = _facts(head[1:] if head.startswith(" ") else head) if mark else None
    entry = None if facts is None else _entry(facts, path[path.rfind("/") + 1 :])
    if entry is None:
        raise _unreadable_text(line)
    return entry


class _Collector:
    """A listing as it grows."""

    def __init__(self, encoding: str) -> None:
        self.listing = Listing()
        self._encoding = encoding

    def text(self, raw: bytes) -> str:
        """Bytes that are no text in the encoding become lone surrogates."""
        return raw.decode(self._encoding, "surrogateescape")

    def add(self, raw: bytes, entry: Entry) -> None:
        """``entry`` under its name, which came as ``raw``; or the name among the refused."""
        name = entry.name
        reason = refusal(name) or self._astray(name, raw)
        if reason:
            self.listing.refused.append(Refused(name, reason))
            return
        if name in self.listing.entries:
            raise FleetproofError("protocol", "the listing has the name %s twice" % display_name(name))
        self.listing.entries[name] = entry

    def _astray(self, name: str, raw: bytes) -> str:
        """Why a command that uses ``name`` would not reach what was listed as ``raw``; "" when it would."""
        try:
            if name.encode(self._encoding, "surrogateescape") == raw:
                return ""
        except UnicodeEncodeError:
            pass
        return "the name %s does not have the same bytes when it is written in %s again" % (display_name(name), self._encoding)


def _lines(data: bytes, encoding: str) -> t.List[bytes]:
    """The lines without their ends, CR LF or LF."""
    lines = data.split(b"\n")
    if lines.pop():
        last = data[data.rfind(b"\n") + 1 :]
        raise FleetproofError("protocol", "the listing is cut short in the line: %s" % _shown(last.decode(encoding, "surrogateescape")))
    return [line[:-1] if line.endswith(b"\r") else line for line in lines]


def _facts(head: str) -> t.Optional[t.Dict[str, str]]:
    """Facts by their names in lower case, from ``type=file;size=3`` ; None where that is not what it is."""
    facts: t.Dict[str, str] = {}
    for fact in head.split(";"):
        name, mark, value = fact.partition("=")
        name = name.lower()
        if not mark or not name or name in facts:
            return None
        facts[name] = value
    return facts


def _entry(facts: t.Dict[str, str], name: str) -> t.Optional[Entry]:
    """The entry; None where the type is missing or a number is none."""
    told, modify, mode, size = facts.get("type"), facts.get("modify"), facts.get("unix.mode"), ""
    if not told:
        return None
    kind, target = _kind(told)
    if kind == FILE:
        size = facts.get("size") or ""
        if size and not (size.isdigit() and size.isascii() and len(size) <= 20):
            return None
    time = parse_time_val(modify) if modify else (None, SECOND)
    bits = _mode(mode) if mode else None
    if time is None or bits == _NO_MODE:
        return None
    get = facts.get
    return Entry(
        name,
        kind,
        int(size) if size else -1,
        time[0],
        time[1],
        bits,
        get("unix.ownername") or get("unix.owner") or get("unix.uid") or "",
        get("unix.groupname") or get("unix.group") or get("unix.gid") or "",
        get("unique") or "",
        target,
    )


@functools.lru_cache(maxsize=256)
def _kind(told: str) -> t.Tuple[int, str]:
    """The kind, and the target of a link. Types of other systems are SPECIAL (section 7.5.1.5)."""
    lowered = told.lower()
    kind = _KINDS.get(lowered)
    if kind is not None:
        return kind, ""
    for start in ("os.unix=slink", "os.unix=symlink"):
        if lowered == start or lowered.startswith(start + ":"):
            return SYMLINK, told[len(start) + 1 :]
    return SPECIAL, ""


@functools.lru_cache(maxsize=256)
def _mode(text: str) -> int:
    """Permission bits, from octal digits or, as pyftpdlib has it, a number of Python; or _NO_MODE."""
    digits = text[2:] if text.startswith("0o") else text
    return _NO_MODE if not digits or len(digits) > 20 or digits.strip("01234567") else int(digits, 8) & 0o7777


def _unreadable(line: bytes, encoding: str) -> FleetproofError:
    return _unreadable_text(line.decode(encoding, "surrogateescape"))


def _unreadable_text(line: str) -> FleetproofError:
    return FleetproofError("protocol", "the listing has a line that cannot be read: %s" % _shown(line))


def _shown(line: str) -> str:
    shown = display_name(line)
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "\u2026"
