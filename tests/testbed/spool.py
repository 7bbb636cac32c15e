# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Newsgroups on disk, as the news server of the test bed keeps them: ``GROUP/NUMBER`` is an article, whoever put it there.

``groups.json`` tells of the groups; they are read from it, and from the names of the directories, when the spool is opened.
"""

from __future__ import annotations

import dataclasses
import email
import email.message
import email.policy
import json
import os
import pathlib
import re
import sys
import threading
import time
import typing as t

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from maildir import wire

# the clock of the file system goes in steps: a directory that changed just now may change again without a trace
_STEP = 0.05
_FIELD = re.compile(rb"(?:^|(?<=\r\n))([^:\s]+):[ \t]?((?:[^\r]|\r(?!\n)|\r\n[ \t])*)(?:\r\n|\Z)")


@dataclasses.dataclass
class Group:
    """A newsgroup. ``status`` is y, n (no posting) or m (moderated)."""

    name: str
    status: str = "y"
    description: str = ""
    created: float = 0.0
    high: int = 0


@dataclasses.dataclass(eq=False)
class Article:
    """An article: its octets with CRLF, its Message-ID, its number in each group, and when it came."""

    raw: bytes
    message_id: str
    groups: t.Dict[str, int]
    arrived: float
    # time.monotonic() from which it is seen
    seen_from: float = 0.0

    @property
    def message(self) -> email.message.EmailMessage:
        """Parsed with the modern policy."""
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    def fields(self) -> t.List[t.Tuple[str, bytes]]:
        """The header, unfolded."""
        return fields_of(self.raw)

    def field(self, name: str) -> bytes:
        """The first of this name; empty where there is none."""
        return next((value for found, value in self.fields() if found.lower() == name.lower()), b"")

    @property
    def body(self) -> bytes:
        """What comes after the header."""
        return split(self.raw)[1]


def split(raw: bytes) -> t.Tuple[bytes, bytes]:
    """The header, with the end of its last line, and the body."""
    if raw.startswith(b"\r\n"):
        return b"", raw[2:]
    head, gap, body = raw.partition(b"\r\n\r\n")
    return (head + b"\r\n", body) if gap else (raw, b"")


def fields_of(raw: bytes) -> t.List[t.Tuple[str, bytes]]:
    """Names, and values without their folds."""
    head = split(raw)[0]
    return [(found.group(1).decode("latin-1"), found.group(2).replace(b"\r\n", b"").strip()) for found in _FIELD.finditer(head)]


class Spool:
    """All groups and articles; what is there when it is opened is found again."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.groups: t.Dict[str, Group] = {}
        # of all that were ever here, cancelled ones as well
        self.history: t.Dict[str, t.Optional[Article]] = {}
        self._numbers: t.Dict[str, t.Dict[int, Article]] = {}
        # when the directory of a group was changed last, as it was when it was read
        self._changed: t.Dict[str, int] = {}
        self.lock = threading.RLock()
        path.mkdir(parents=True, exist_ok=True)
        self._load()

    def _load(self) -> None:
        known = self.path / "groups.json"
        told = json.loads(known.read_text(encoding="utf-8")) if known.exists() else {"groups": [], "gone": []}
        self.history = dict.fromkeys(told["gone"])
        self.groups = {row["name"]: Group(**row) for row in told["groups"]}
        self._numbers = {name: {} for name in self.groups}
        for folder in sorted(path for path in self.path.iterdir() if path.is_dir()):
            self.add_group(folder.name)
            self._look(folder.name)

    def _look(self, group: str) -> None:
        """Take what others have put there, and forget what they have taken away."""
        folder = self.path / group
        changed = folder.stat().st_mtime_ns
        if changed == self._changed.get(group) and time.time() - changed / 1e9 > _STEP:
            return
        self._changed[group] = changed
        there = sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())
        for number in there:
            if number not in self._numbers[group]:
                self._found(group, number, folder / str(number))
        for number in set(self._numbers[group]) - set(there):
            article = self._numbers[group].pop(number)
            del article.groups[group]
            if not article.groups:
                self.history[article.message_id] = None

    def _found(self, group: str, number: int, path: pathlib.Path) -> None:
        raw = wire(path.read_bytes())
        message_id = _id_of(raw) or "<%s.%d@fleet.test>" % (group, number)
        article = self.history.get(message_id) or Article(raw, message_id, {}, path.stat().st_mtime)
        article.groups[group] = number
        self.history[message_id] = self._numbers[group][number] = article
        self.groups[group].high = max(self.groups[group].high, number)

    def _save(self) -> None:
        text = json.dumps(
            {
                "groups": [dataclasses.asdict(group) for group in self.groups.values()],
                "gone": [message_id for message_id, article in self.history.items() if article is None],
            }
        )
        temporary = self.path / ".groups.json"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(self.path / "groups.json")

    def add_group(self, name: str, status: str = "y", description: str = "", created: t.Optional[float] = None) -> None:
        """Unless it is there."""
        with self.lock:
            if name not in self.groups:
                self.groups[name] = Group(name, status, description, time.time() if created is None else created)
                self._numbers[name] = {}
                (self.path / name).mkdir(exist_ok=True)
                self._save()

    def add(self, groups: t.Sequence[str], raw: bytes, arrived: t.Optional[float] = None, late: float = 0.0, host: str = "") -> Article:
        """File it under the next number of each group. With ``host``, which is the name of a server, Xref tells of that."""
        with self.lock:
            for group in groups:
                self.add_group(group)
            for group in groups:
                self._look(group)
            numbers = {group: self.groups[group].high + 1 for group in groups}
            raw = wire(raw)
            if host:
                places = "".join(" %s:%d" % place for place in numbers.items())
                raw = ("Xref: %s%s\r\n" % (host, places)).encode("utf-8", "surrogateescape") + raw
            first = next(iter(numbers.items()))
            message_id = _id_of(raw) or "<%s.%d@fleet.test>" % first
            now = time.time() if arrived is None else arrived
            article = Article(raw, message_id, numbers, now, time.monotonic() + late if late else 0.0)
            for group, number in numbers.items():
                path = self.path / group / str(number)
                temporary = path.with_name(".%d" % number)
                temporary.write_bytes(raw)
                os.utime(temporary, (now, now))
                temporary.replace(path)
                self._numbers[group][number] = article
                self.groups[group].high = number
            self.history[message_id] = article
            self._save()
            return article

    def remove(self, message_id: str) -> None:
        """Cancel it: it is not there any longer, and cannot come again."""
        with self.lock:
            article = self.history.get(message_id)
            self.history[message_id] = None
            for group, number in (article.groups if article else {}).items():
                self._numbers[group].pop(number, None)
                (self.path / group / str(number)).unlink(missing_ok=True)
            self._save()

    def numbers(self, group: str) -> t.Dict[int, Article]:
        """What is seen of a group, by number."""
        now = time.monotonic()
        with self.lock:
            self._look(group)
            return {number: article for number, article in sorted(self._numbers[group].items()) if article.seen_from <= now}

    def by_id(self, message_id: str) -> t.Optional[Article]:
        """None for what is not there, or not yet."""
        with self.lock:
            for group in self.groups:
                self._look(group)
            article = self.history.get(message_id)
        return article if article is not None and article.seen_from <= time.monotonic() else None

    def articles(self) -> t.List[Article]:
        """All that are there, in the order in which they came."""
        with self.lock:
            for group in self.groups:
                self._look(group)
            return sorted((article for article in self.history.values() if article is not None), key=lambda article: article.arrived)

    def clear(self) -> None:
        """Without any article or group."""
        with self.lock:
            for name in self.groups:
                for path in (self.path / name).iterdir():
                    path.unlink()
                (self.path / name).rmdir()
            self.groups, self.history, self._numbers, self._changed = {}, {}, {}, {}
            self._save()


def _id_of(raw: bytes) -> str:
    return next((value.decode("utf-8", "surrogateescape") for name, value in fields_of(raw) if name.lower() == "message-id"), "")
