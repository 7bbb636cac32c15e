# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A mailbox of the IMAP server: a Maildir with numbers that stay (UIDs), and keywords, in a file beside the messages."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import sys
import threading
import time
import typing as t

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from maildir import Entry, Maildir

LETTERS = {"S": "\\Seen", "R": "\\Answered", "F": "\\Flagged", "T": "\\Deleted", "D": "\\Draft"}
_LETTER_OF = {flag.lower(): letter for letter, flag in LETTERS.items()}
# the clock of the file system goes in steps: a directory that changed just now may change again without a trace
_STEP = 0.05


class Message(t.NamedTuple):
    """One message at a moment."""

    uid: int
    flags: t.FrozenSet[str]
    entry: Entry

    @property
    def name(self) -> str:
        """What its file is known by."""
        return self.entry.name

    @property
    def when(self) -> float:
        """INTERNALDATE, in seconds."""
        with contextlib.suppress(OSError):
            return self.entry.path.stat().st_mtime
        return 0.0


class Box:
    """A mailbox. Several servers, and processes, may have the same."""

    def __init__(self, path: pathlib.Path) -> None:
        self.maildir = Maildir(path)
        self._file = path / "fleet-uids.json"
        self._locking = threading.RLock()
        self._last: t.Optional[t.Tuple[t.Tuple[int, ...], t.List[Message], int, int]] = None

    @property
    def validity(self) -> int:
        """UIDVALIDITY."""
        self.messages()
        assert self._last is not None
        return self._last[2]

    @property
    def following(self) -> int:
        """UIDNEXT."""
        self.messages()
        assert self._last is not None
        return self._last[3]

    def messages(self) -> t.List[Message]:
        """All, by UID."""
        with self._locking:
            before = self._stamps()
            if self._last is None or self._last[0] != before or time.time() - max(before[1:], default=0) / 1e9 < _STEP:
                with self._state() as state:
                    found = self._number(state)
                    self._last = (before, found, state["validity"], state["next"])
            return self._last[1]

    def _stamps(self) -> t.Tuple[int, ...]:
        try:
            own = os.stat(self._file)
        except FileNotFoundError:
            return (0,)
        return (own.st_ino, *(os.stat(self.maildir.path / name).st_mtime_ns for name in ("new", "cur")), own.st_mtime_ns)

    @contextlib.contextmanager
    def _state(self) -> t.Iterator[t.Dict[str, t.Any]]:
        """What the file says, written back when it is something else afterwards."""
        with self._locking, (self.maildir.path / ".fleet-uids.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                text = self._file.read_text(encoding="utf-8")
            except FileNotFoundError:
                text = json.dumps({"validity": int(time.time()), "next": 1, "uids": {}, "keywords": {}})
            state = json.loads(text)
            yield state
            now = json.dumps(state)
            if now != text or not self._file.exists():
                temporary = self._file.with_name(".fleet-uids.new")
                temporary.write_text(now, encoding="utf-8")
                temporary.replace(self._file)

    def _number(self, state: t.Dict[str, t.Any]) -> t.List[Message]:
        """Give each that has none a UID."""
        entries = self.maildir.entries()
        known, keywords = state["uids"], state["keywords"]
        if not {entry.name for entry in entries}.issuperset(known):
            # a file that is renamed while the directory is read may be in neither place
            entries = self.maildir.entries()
        for entry in entries:
            if entry.name not in known:
                known[entry.name] = state["next"]
                state["next"] += 1
        there = {entry.name for entry in entries}
        for name in [name for name in known if name not in there]:
            del known[name]
            keywords.pop(name, None)
        found = [Message(known[entry.name], _flags(entry.flags, keywords.get(entry.name, [])), entry) for entry in entries]
        return sorted(found, key=lambda message: message.uid)

    def read(self, message: Message) -> t.Optional[bytes]:
        """The file; None when it is gone."""
        return self.maildir.read(message.entry)

    def set_flags(self, message: Message, flags: t.Iterable[str]) -> Message:
        """These, and no others; the message as it is then."""
        found = frozenset(flags)
        letters = "".join(_LETTER_OF[flag.lower()] for flag in found if flag.lower() in _LETTER_OF)
        keywords = sorted(flag for flag in found if not flag.startswith("\\"))
        if keywords != sorted(flag for flag in message.flags if not flag.startswith("\\")):
            with self._state() as state:
                state["keywords"][message.name] = keywords
        if letters or not message.entry.path.match("new/*"):
            self.maildir.set_flags(message.name, letters)
        return Message(message.uid, found, self.maildir.find(message.name) or message.entry)

    def take_in(self) -> t.Set[str]:
        """Move what is in new to cur, as the first session that sees it does; their names."""
        found = {entry.name for entry in self.maildir.entries() if entry.path.match("new/*")}
        return {name for name in found if self.maildir.set_flags(name, "")}

    def add(self, raw: bytes, flags: t.Iterable[str] = (), when: t.Optional[float] = None) -> int:
        """One more message; its UID."""
        found = [_canonical(flag) for flag in flags]
        letters = "".join(_LETTER_OF[flag.lower()] for flag in found if flag.lower() in _LETTER_OF)
        with self._locking:
            name = self.maildir.deliver(raw, when, letters if letters else None)
            message = next(message for message in self.messages() if message.name == name)
            if any(not flag.startswith("\\") for flag in found):
                self.set_flags(message, found)
            return message.uid

    def remove(self, message: Message) -> bool:
        """False when it was gone already."""
        return self.maildir.remove(message.name)

    def renumber(self) -> None:
        """Another UIDVALIDITY, and UIDs from 1: what was known of them means nothing any longer."""
        with self._state() as state:
            state.update(validity=state["validity"] + 1, next=1, uids={})


def _canonical(flag: str) -> str:
    letter = _LETTER_OF.get(flag.lower())
    return LETTERS[letter] if letter else flag


def _flags(letters: str, keywords: t.Iterable[str]) -> t.FrozenSet[str]:
    return frozenset([LETTERS[letter] for letter in letters if letter in LETTERS] + list(keywords))


class Boxes:
    """INBOX, which is the Maildir itself, and what is below it (Maildir++)."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self._known: t.Dict[str, Box] = {}
        self.get("INBOX", create=True)

    def _folder(self, name: str) -> t.Optional[pathlib.Path]:
        """Names have "." between their levels; None for a name that cannot be."""
        if name.upper() == "INBOX":
            return self.path
        if not name or "/" in name or "\0" in name or any(not part for part in name.split(".")):
            return None
        return self.path / ("." + name)

    def get(self, name: str, create: bool = False) -> t.Optional[Box]:
        """The mailbox; None where there is none."""
        folder = self._folder(name)
        if folder is None or not (create or (folder / "cur").is_dir()):
            self._known.pop(name, None)
            return None
        name = "INBOX" if folder == self.path else name
        if name not in self._known:
            self._known[name] = Box(folder)
        return self._known[name]

    def names(self) -> t.List[str]:
        """All of them, INBOX first."""
        return ["INBOX", *sorted(item.name[1:] for item in self.path.iterdir() if item.name.startswith(".") and (item / "cur").is_dir())]

    def delete(self, name: str) -> bool:
        """With all its messages. False where there is none, or it is INBOX."""
        box = None if name.upper() == "INBOX" else self.get(name)
        if box is None:
            return False
        folder = box.maildir.path
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        folder.rmdir()
        self._known.pop(name, None)
        return True
