# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What processes leave for each other in the run directory: locks that hold as long as their process, and the state of the server."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
import typing as t

from .configuration import Config, Problem

# Seconds for which a lock is tried; somebody may just be looking whether it is held.
PATIENCE = 1.0


class Busy(Exception):
    """Another try may go well: a port or a lock is taken."""


class Lock:
    """A lock on a file of the run directory, which holds the number of the process; it ends with the process."""

    def __init__(self, config: Config, name: str) -> None:
        self.path = os.path.join(config.run_dir, name + ".lock")
        self._descriptor = -1

    def __enter__(self) -> Lock:
        descriptor = _open(self.path)
        until = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    os.close(descriptor)
                    raise Busy("%s is held by process %s" % (self.path, holder_of(self.path))) from None
                time.sleep(0.05)
            else:
                break
        os.ftruncate(descriptor, 0)
        os.write(descriptor, b"%d\n" % os.getpid())
        self._descriptor = descriptor
        return self

    def __exit__(self, *_anything: object) -> None:
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def holder(config: Config, name: str) -> int:
    """The process that holds a lock, 0 for none."""
    return holder_of(os.path.join(config.run_dir, name + ".lock"))


def holder_of(path: str) -> int:
    """As holder, by the path of the lock."""
    if not os.path.exists(path):
        return 0
    descriptor = _open(path)
    try:
        # Between taking the lock and writing the number there is a moment.
        for _attempt in range(20):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                return 0
            text = os.pread(descriptor, 32, 0).strip()
            if text.isdigit():
                return int(text)
            time.sleep(0.05)
        raise Problem("%s is held by a process that does not say its number" % path)
    finally:
        os.close(descriptor)


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise Problem("%s cannot be opened: %s" % (path, error.strerror)) from None


def write(config: Config, facts: t.Mapping[str, t.Any]) -> None:
    """Replace the state as a whole; raises Busy where that cannot be, for a disk that is full may have room again."""
    path = _path(config)
    try:
        with open(path + ".new", "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600)) as stream:
            json.dump(facts, stream)
        os.replace(path + ".new", path)
    except OSError as error:
        raise Busy("%s cannot be written: %s" % (path, error.strerror)) from None


def read(config: Config) -> t.Dict[str, t.Any]:
    """The state that the last server left, empty for none. It says nothing about whether it still runs."""
    try:
        with open(_path(config), encoding="utf-8") as stream:
            found = json.load(stream)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remove(config: Config) -> None:
    try:
        os.unlink(_path(config))
    except FileNotFoundError:
        pass


def program_digest() -> str:
    """The digest of this program's files."""
    folder = os.path.dirname(os.path.abspath(__file__))
    whole = hashlib.sha256()
    for name in sorted(os.listdir(folder)):
        if name.endswith(".py"):
            with open(os.path.join(folder, name), "rb") as stream:
                whole.update(b"%s\0%s" % (name.encode(), hashlib.sha256(stream.read()).digest()))
    return whole.hexdigest()


def _path(config: Config) -> str:
    return os.path.join(config.run_dir, "state.json")
