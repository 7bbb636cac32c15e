# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Maildir as the servers of the test bed keep it: whoever puts a file there, has delivered a mail."""

from __future__ import annotations

import itertools
import os
import pathlib
import re
import threading
import time
import typing as t

_NUMBERS = itertools.count(1)
_DELIVERING = threading.Lock()
_BARE_LF = re.compile(rb"(?<!\r)\n")
_LEADING = re.compile(r"\d+")


class Entry(t.NamedTuple):
    """A message: the part of its file's name that stays, its flags (letters), and where it is."""

    name: str
    flags: str
    path: pathlib.Path


def wire(raw: bytes) -> bytes:
    """As it is sent: each line ends with CRLF, and what has it already keeps it."""
    return _BARE_LF.sub(b"\r\n", raw)


class Maildir:
    """A directory with new, cur and tmp."""

    def __init__(self, path: t.Union[str, pathlib.Path]) -> None:
        self.path = pathlib.Path(path)
        for name in ("tmp", "new", "cur"):
            (self.path / name).mkdir(parents=True, exist_ok=True)
        # where they were last
        self._known: t.Dict[str, Entry] = {}

    def deliver(self, raw: bytes, when: t.Optional[float] = None, flags: t.Optional[str] = None) -> str:
        """Put a message there, whole at once; it is new unless flags are given. The name that stays."""
        with _DELIVERING:
            now = time.time()
            # padded, so that the names are in the order of their delivery
            name = "%d.M%06dP%dQ%08d.fleet" % (int(now), int(now % 1 * 1000000), os.getpid(), next(_NUMBERS))
        temporary = self.path / "tmp" / name
        temporary.write_bytes(raw)
        if when is not None:
            os.utime(temporary, (when, when))
        temporary.replace(self.path / "new" / name if flags is None else self.path / "cur" / (name + ":2," + flags))
        return name

    def entries(self) -> t.List[Entry]:
        """All messages, in the order of their delivery."""
        found: t.Dict[str, Entry] = {}
        # new goes first: what is moved to cur meanwhile is found twice, not lost
        for folder in ("new", "cur"):
            with os.scandir(self.path / folder) as listing:
                for item in listing:
                    if not item.name.startswith("."):
                        entry = _entry(pathlib.Path(item.path))
                        found[entry.name] = entry
        self._known = found
        return sorted(found.values(), key=_order)

    def find(self, name: str) -> t.Optional[Entry]:
        """Where a message is now."""
        last = self._known.get(name)
        if last is not None and last.path.exists():
            return last
        return next((entry for entry in self.entries() if entry.name == name), None)

    def read(self, entry: Entry) -> t.Optional[bytes]:
        """The message as it is on disk; None when it is gone."""
        try:
            return entry.path.read_bytes()
        except FileNotFoundError:
            now = self.find(entry.name)
            try:
                return None if now is None else now.path.read_bytes()
            except FileNotFoundError:
                return None

    def remove(self, name: str) -> bool:
        """False when it is not there."""
        found = self.find(name)
        if found is None:
            return False
        found.path.unlink()
        return True

    def set_flags(self, name: str, flags: str) -> bool:
        """Give it these letters, in cur. False when it is not there."""
        found = self.find(name)
        if found is None:
            return False
        path = self.path / "cur" / (name + ":2," + "".join(sorted(set(flags))))
        try:
            found.path.replace(path)
        except FileNotFoundError:  # somebody else was quicker
            return False
        self._known[name] = _entry(path)
        return True

    def clear(self) -> None:
        """Without any message."""
        for entry in self.entries():
            entry.path.unlink()


def _entry(path: pathlib.Path) -> Entry:
    name, _colon, info = path.name.partition(":")
    return Entry(name, info[2:] if info.startswith("2,") else "", path)


def _order(entry: Entry) -> t.Tuple[int, str]:
    leading = _LEADING.match(entry.name)
    return (int(leading.group()) if leading else 0, entry.name)
