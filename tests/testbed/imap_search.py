# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What SEARCH finds (RFC 3501, section 6.4.4)."""

from __future__ import annotations

import datetime
import email
import email.header
import email.message
import email.policy
import email.utils
import os
import sys
import typing as t

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from imap_words import Atom, Word, Wrong, numbers_in, text_of

CHARSETS = ("US-ASCII", "UTF-8")


class Found(t.NamedTuple):
    """A message as the keys ask about it."""

    number: int
    uid: int
    flags: t.FrozenSet[str]
    when: float
    recent: bool
    raw: t.Callable[[], bytes]


Key = t.Callable[[Found], bool]

_FLAG_KEYS = {"ANSWERED": "\\Answered", "DELETED": "\\Deleted", "DRAFT": "\\Draft", "FLAGGED": "\\Flagged", "SEEN": "\\Seen"}


class Search:
    """The keys of one command."""

    def __init__(self, words: t.Sequence[Word], highest: int, highest_uid: int) -> None:
        self._words = list(words)
        self._highest = highest
        self._highest_uid = highest_uid
        keys = []
        while self._words:
            keys.append(self._key())
        if not keys:
            raise Wrong("SEARCH without a key")
        self._keys = keys

    def __call__(self, message: Found) -> bool:
        return all(key(message) for key in self._keys)

    def _next(self) -> Word:
        if not self._words:
            raise Wrong("a key without its argument")
        return self._words.pop(0)

    def _text(self) -> str:
        return text_of(self._next()).casefold()

    def _key(self) -> Key:
        word = self._next()
        if isinstance(word, list):
            return Search(word, self._highest, self._highest_uid)
        if not isinstance(word, Atom):
            raise Wrong("a string where a key is expected")
        name = word.upper_text
        if name[0].isdigit() or name[0] == "*":
            chosen = numbers_in(name, self._highest)
            return lambda message: chosen(message.number)
        for maker in (self._flag_key, self._date_key, self._text_key, self._other_key):
            found = maker(name)
            if found is not None:
                return found
        raise Wrong("unknown key %s" % name)

    def _flag_key(self, name: str) -> t.Optional[Key]:
        positive = name[2:] if name.startswith("UN") else name
        wanted = positive == name
        if positive == "KEYWORD":
            keyword = self._text()
            return lambda message: (keyword in {flag.casefold() for flag in message.flags}) == wanted
        if positive in _FLAG_KEYS:
            flag = _FLAG_KEYS[positive]
            return lambda message: (flag in message.flags) == wanted
        return {
            "ALL": lambda _message: True,
            "RECENT": lambda message: message.recent,
            "OLD": lambda message: not message.recent,
            "NEW": lambda message: message.recent and "\\Seen" not in message.flags,
        }.get(name)

    def _date_key(self, name: str) -> t.Optional[Key]:
        sent = name.startswith("SENT")
        how = name[4:] if sent else name
        if how not in ("SINCE", "BEFORE", "ON"):
            return None
        try:
            wanted = datetime.datetime.strptime(text_of(self._next()), "%d-%b-%Y").date()
        except ValueError as error:
            raise Wrong("no date") from error

        def key(message: Found) -> bool:
            day = _sent_on(message) if sent else datetime.datetime.fromtimestamp(message.when, datetime.timezone.utc).date()
            if day is None:
                return False
            return {"SINCE": day >= wanted, "BEFORE": day < wanted, "ON": day == wanted}[how]

        return key

    def _text_key(self, name: str) -> t.Optional[Key]:
        if name in ("FROM", "TO", "CC", "BCC", "SUBJECT", "HEADER"):
            field = self._text() if name == "HEADER" else name
            wanted = self._text()
            return lambda message: any(wanted in value for value in _values(message, field))
        if name in ("TEXT", "BODY"):
            wanted = self._text()
            return lambda message: wanted in _readable(message, name == "TEXT")
        return None

    def _other_key(self, name: str) -> t.Optional[Key]:
        if name in ("LARGER", "SMALLER"):
            size = int(text_of(self._next()))
            return lambda message: len(message.raw()) > size if name == "LARGER" else len(message.raw()) < size
        if name == "UID":
            chosen = numbers_in(text_of(self._next()), self._highest_uid)
            return lambda message: chosen(message.uid)
        if name == "NOT":
            inner = self._key()
            return lambda message: not inner(message)
        if name == "OR":
            one, other = self._key(), self._key()
            return lambda message: one(message) or other(message)
        return None


def _parsed(message: Found) -> email.message.Message:
    return email.message_from_bytes(message.raw(), policy=email.policy.compat32)


def _sent_on(message: Found) -> t.Optional[datetime.date]:
    parts = email.utils.parsedate(str(_parsed(message)["Date"]))
    try:
        return None if parts is None else datetime.date(*parts[:3])
    except ValueError:
        return None


def _values(message: Found, field: str) -> t.List[str]:
    return [_decoded(str(value)).casefold() for value in _parsed(message).get_all(field, [])]


def _decoded(value: str) -> str:
    try:
        return str(email.header.make_header(email.header.decode_header(value)))
    except (ValueError, LookupError):
        return value


def _readable(message: Found, with_header: bool) -> str:
    """The octets, and what the parts are when they are decoded."""
    raw = message.raw()
    found = [raw if with_header else raw.partition(b"\r\n\r\n")[2]]
    texts = []
    for part in _parsed(message).walk():
        if with_header:
            texts += [_decoded(str(value)) for value in part.values()]
        if part.get_content_maintype() == "text":
            octets = t.cast(bytes, part.get_payload(decode=True) or b"")
            try:
                texts.append(octets.decode(part.get_content_charset("utf-8"), "replace"))
            except LookupError:
                texts.append(octets.decode("utf-8", "replace"))
    return "\n".join([octets.decode("utf-8", "replace") for octets in found] + texts).casefold()
