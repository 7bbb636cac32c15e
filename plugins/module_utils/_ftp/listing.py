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

import typing as t

from .._errors import FleetproofError
from .._values import display_name
from .dates import parse_time_val
from .entries import DIRECTORY, FILE, SECOND, SPECIAL, SYMLINK, Entry, Listing, Refused, refusal
from .list_styles import dos_line, eplf_line, unix_line

_SHOWN = 200  # characters of a line in an error
_KINDS = {"file": FILE, "dir": DIRECTORY, "cdir": DIRECTORY, "pdir": DIRECTORY}
_OWNER = ("unix.ownername", "unix.owner", "unix.uid")
_GROUP = ("unix.groupname", "unix.group", "unix.gid")


def parse_mlsd(data: bytes, encoding: str) -> Listing:
    """What MLSD sent (RFC 3659, section 7)."""
    found = _Collector(encoding)
    for line in _lines(data, encoding):
        # The facts end at the first blank behind a semicolon, so that blanks in values of careless servers do no harm.
        head, mark, name = line.partition(b"; ")
        facts = _facts(found.text(head)) if mark else None
        if facts is None:
            raise _unreadable(line, encoding)
        if facts.get("type", "").lower() in ("cdir", "pdir"):
            continue
        entry = _entry(facts)
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
    entry = None if facts is None else _entry(facts)
    if entry is None:
        raise _unreadable_text(line)
    return entry._replace(name=path[path.rfind("/") + 1 :])


class _Collector:
    """A listing as it grows."""

    def __init__(self, encoding: str) -> None:
        self.listing = Listing()
        self._encoding = encoding

    def text(self, raw: bytes) -> str:
        """Bytes that are no text in the encoding become lone surrogates."""
        return raw.decode(self._encoding, "surrogateescape")

    def add(self, raw: bytes, entry: Entry) -> None:
        """``entry`` under the name ``raw``, or the name among the refused."""
        name = self.text(raw)
        reason = refusal(name) or self._astray(name, raw)
        if reason:
            self.listing.refused.append(Refused(name, reason))
            return
        if name in self.listing.entries:
            raise FleetproofError("protocol", "the listing has the name %s twice" % display_name(name))
        self.listing.entries[name] = entry._replace(name=name)

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


def _entry(facts: t.Dict[str, str]) -> t.Optional[Entry]:
    """An entry without its name; None where the type is missing or a number is none."""
    told = facts.get("type", "")
    kind, target = _kind(told)
    size = facts.get("size", "") if kind == FILE else ""
    modify = facts.get("modify", "")
    mode = facts.get("unix.mode", "")
    if mode.startswith("0o"):
        # pyftpdlib on Python 3
        mode = mode[2:]
    time = parse_time_val(modify) if modify else None
    if not told or (size and not _is_number(size, "0123456789")) or (modify and time is None) or (mode and not _is_number(mode, "01234567")):
        return None
    return Entry(
        "",
        kind,
        int(size) if size else -1,
        time[0] if time else None,
        time[1] if time else SECOND,
        int(mode, 8) & 0o7777 if mode else None,
        _first(facts, _OWNER),
        _first(facts, _GROUP),
        facts.get("unique", ""),
        target,
    )


def _kind(told: str) -> t.Tuple[int, str]:
    """The kind, and the target of a link. Types of other systems are SPECIAL (section 7.5.1.5)."""
    kind = _KINDS.get(told.lower())
    if kind is not None:
        return kind, ""
    lowered = told.lower()
    for start in ("os.unix=slink", "os.unix=symlink"):
        if lowered == start or lowered.startswith(start + ":"):
            return SYMLINK, told[len(start) + 1 :]
    return SPECIAL, ""


def _first(facts: t.Dict[str, str], names: t.Iterable[str]) -> str:
    return next((facts[name] for name in names if facts.get(name)), "")


def _is_number(text: str, digits: str) -> bool:
    return len(text) <= 20 and not text.strip(digits)


def _unreadable(line: bytes, encoding: str) -> FleetproofError:
    return _unreadable_text(line.decode(encoding, "surrogateescape"))


def _unreadable_text(line: str) -> FleetproofError:
    return FleetproofError("protocol", "the listing has a line that cannot be read: %s" % _shown(line))


def _shown(line: str) -> str:
    shown = display_name(line)
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "\u2026"
