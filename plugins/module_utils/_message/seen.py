# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is remembered of messages that were fetched: the state file of one or several accounts.

Private to this collection. A journal of JSON lines, each synced before its writer goes on: ``begin`` before a
message is stored, ``note`` when it is safe on disk, ``forget`` when the server does not have it any more, ``fact`` for
what a protocol wants to remember. A line that a crash cut off was never synced, so what it says never happened. Every
line names its account: several may share a file, one at a time. Keys and paths are kept, never text of a message or
a password.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import types
import typing as t
from dataclasses import dataclass

from .._errors import FleetproofError, from_os_error
from .._state import Lock, assert_writable, make_parent, state_directory, sync_directory, write_atomic
from .._values import display_name

_HEADER = b'{"fleetproof_seen": 1}\n'
_STEPS = ("begin", "note", "forget", "fact")
_LATEST = 1e12  # seconds since the epoch that a clock may show
# Lines that say nothing any more are tolerated up to this number and as many as there are live ones.
_SPARE_LINES = 1000


@dataclass(frozen=True)
class Entry:
    """A message that was dealt with at ``at`` (seconds since the epoch); ``path`` is where it is, None if it was not stored."""

    at: float
    path: t.Optional[str]


def default_path(account: str) -> str:
    """The state file of an account unless the user names another one."""
    return os.path.join(state_directory(), "fetched", hashlib.sha256(account.encode("utf-8", "surrogateescape")).hexdigest()[:32] + ".jsonl")


class Seen:
    """The state of one account, such as ``pop3://user@host``, ``imap://user@host/INBOX`` or ``nntp://host/group``.

    Call ``load`` first. With ``write`` the file is locked until ``close``, and another run with it is ``busy``; without,
    nothing on disk changes, and what ``begin``, ``note``, ``forget`` and ``learn`` do is forgotten at the end (check mode).
    """

    def __init__(self, path: t.Optional[str], account: str) -> None:
        self.path = os.path.abspath(path or default_path(account))
        self.account = account
        self.facts: t.Dict[str, t.Any] = {}
        self._entries: t.Dict[str, Entry] = {}
        self._pending: t.Dict[str, t.Dict[str, t.Any]] = {}
        self._others: t.List[bytes] = []
        self._lines = 0
        self._lock: t.Optional[Lock] = None
        self._descriptor = -1

    # -- reading ----------------------------------------------------------------------------------

    def load(self, write: bool = True) -> None:
        """Read the file, if there is one; ``write``: hold it for this run."""
        self._assert_writable()
        if write:
            self._lock = Lock(self.path + ".lock", "is fetching with the state file %s" % display_name(self.path))
            self._lock.__enter__()  # pylint: disable=unnecessary-dunder-call # held until close()
        try:
            self._read()
            if write and self._lines > _SPARE_LINES + 2 * len(self._entries):
                self._rewrite()
        except BaseException:
            self.close()
            raise

    def __contains__(self, key: object) -> bool:
        """Whether the message was dealt with."""
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> t.Iterator[str]:
        return iter(self._entries)

    def fetched_at(self, key: str) -> t.Optional[float]:
        """When, in seconds since the epoch; None if it was not."""
        entry = self._entries.get(key)
        return None if entry is None else entry.at

    def path_of(self, key: str) -> t.Optional[str]:
        """Where it was put; None if it was not."""
        entry = self._entries.get(key)
        return None if entry is None else entry.path

    def intent(self, key: str) -> t.Optional[t.Dict[str, t.Any]]:
        """What ``begin`` was told for a message that was never noted: its run was killed. None where there is no such thing."""
        return self._pending.get(key)

    def unsettled(self) -> t.List[str]:
        """Keys of messages that were begun and never noted."""
        return list(self._pending)

    # -- writing ----------------------------------------------------------------------------------

    def begin(self, key: str, **intent: t.Any) -> None:
        """The message is about to be stored; ``intent`` (JSON) is what its store needs to find it again."""
        self._pending[key] = intent
        self._append({"step": "begin", "key": key, "intent": intent})

    def note(self, key: str, path: t.Optional[str] = None) -> None:
        """The message has been dealt with, and is at ``path`` if it was stored."""
        entry = Entry(time.time(), path)
        self._append({"step": "note", "key": key, "at": entry.at, "path": path})
        self._pending.pop(key, None)
        self._entries[key] = entry

    def forget(self, keys: t.Iterable[str]) -> None:
        """The server does not have these messages any more."""
        known = [key for key in keys if key in self._entries or key in self._pending]
        if not known:
            return
        self._append({"step": "forget", "keys": known})
        for key in known:
            self._entries.pop(key, None)
            self._pending.pop(key, None)

    def learn(self, name: str, value: t.Any) -> None:
        """Remember a fact (JSON) in ``facts``."""
        if name in self.facts and self.facts[name] == value:
            return
        self._append({"step": "fact", "name": name, "value": value})
        self.facts[name] = value

    def close(self) -> None:
        """Let other runs have the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        if self._lock is not None:
            self._lock.__exit__(None, None, None)
            self._lock = None

    def __enter__(self) -> Seen:
        return self

    def __exit__(self, kind: t.Optional[t.Type[BaseException]], error: t.Optional[BaseException], trace: t.Optional[types.TracebackType]) -> None:
        self.close()

    # -- the file ---------------------------------------------------------------------------------

    def _assert_writable(self) -> None:
        for path in (self.path, self.path + ".lock"):
            if os.path.islink(path):
                raise FleetproofError("unsafe", "state: %s is a symbolic link; name the file that it leads to" % display_name(path))
            if not os.path.lexists(path):
                assert_writable(os.path.dirname(path))
            elif not os.path.isfile(path):
                raise FleetproofError("argument", "state: %s is not a file" % display_name(path))
            elif not os.access(path, os.R_OK | os.W_OK):
                raise FleetproofError("permission", "state: %s cannot be written" % display_name(path))

    def _read(self) -> None:
        try:
            with open(self.path, "rb") as journal:
                self._check_header(journal.readline())
                for number, line in enumerate(journal, 2):
                    self._lines += 1
                    if not self._take(line):
                        raise FleetproofError(
                            "integrity",
                            "Line %d of the state file %s is damaged: correct it, or remove the file if messages that are there may be fetched again"
                            % (number, display_name(self.path)),
                        )
        except FileNotFoundError:
            pass
        except OSError as error:
            raise from_os_error(error, "read the state file %s" % display_name(self.path)) from error

    def _check_header(self, first: bytes) -> None:
        # a crash may have cut off the very first line
        if first not in (b"", _HEADER) and not (_HEADER.startswith(first) and not first.endswith(b"\n")):
            raise FleetproofError("argument", "state: %s is there but is not a state file of fetched messages; name another file" % display_name(self.path))

    def _take(self, line: bytes) -> bool:
        """Go on by one line; False if it is whole and yet makes no sense."""
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            # cut off, so never synced; another run has gone on after it in a line of its own
            return True
        if not _makes_sense(event):
            return False
        if event["account"] != self.account:
            self._others.append(line if line.endswith(b"\n") else line + b"\n")
            return True
        step = event["step"]
        if step == "begin":
            self._pending[event["key"]] = event["intent"]
        elif step == "note":
            self._pending.pop(event["key"], None)
            self._entries[event["key"]] = Entry(float(event["at"]), event["path"])
        elif step == "forget":
            for key in event["keys"]:
                self._entries.pop(key, None)
                self._pending.pop(key, None)
        else:
            self.facts[event["name"]] = event["value"]
        return True

    def _events(self) -> t.Iterator[t.Dict[str, t.Any]]:
        """What would have led to where we are."""
        for key, entry in self._entries.items():
            yield {"step": "note", "key": key, "at": entry.at, "path": entry.path}
        for key, intent in self._pending.items():
            yield {"step": "begin", "key": key, "intent": intent}
        for name, value in self.facts.items():
            yield {"step": "fact", "name": name, "value": value}

    def _rewrite(self) -> None:
        """Leave out what says nothing any more; lines of other accounts stay."""
        write_atomic(self.path, [_HEADER, *self._others, *map(self._line, self._events())])

    def _line(self, event: t.Mapping[str, t.Any]) -> bytes:
        return json.dumps({"account": self.account, **event}, sort_keys=True).encode("ascii") + b"\n"

    def _append(self, event: t.Mapping[str, t.Any]) -> None:
        """Write one line and wait until it is on disk."""
        if self._lock is None:
            return
        data = self._line(event)
        try:
            if self._descriptor < 0:
                data = self._open() + data
            while data:
                data = data[os.write(self._descriptor, data) :]
            os.fsync(self._descriptor)
        except OSError as error:
            raise from_os_error(error, "write the state file %s" % display_name(self.path)) from error

    def _open(self) -> bytes:
        """Open the file for appending; what has to stand ahead of the first line."""
        make_parent(self.path)
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        size = os.fstat(self._descriptor).st_size
        if size == 0:
            sync_directory(os.path.dirname(self.path))
        if size < len(_HEADER):
            return _HEADER[size:]
        # a line that a crash has cut off must not swallow ours
        return b"" if os.pread(self._descriptor, 1, size - 1) == b"\n" else b"\n"


def _makes_sense(event: t.Any) -> bool:
    if not isinstance(event, dict) or event.get("step") not in _STEPS or not isinstance(event.get("account"), str):
        return False
    step = event["step"]
    if step == "forget":
        keys = event.get("keys")
        return isinstance(keys, list) and all(isinstance(key, str) for key in keys)
    if step == "fact":
        return isinstance(event.get("name"), str) and "value" in event
    if not isinstance(event.get("key"), str):
        return False
    if step == "begin":
        return isinstance(event.get("intent"), dict)
    at = event.get("at")
    return isinstance(at, (int, float)) and not isinstance(at, bool) and abs(at) < _LATEST and isinstance(event.get("path"), (str, type(None)))
