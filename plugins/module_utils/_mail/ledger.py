# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger of mails sent: what makes "once" true across crashes, retries and parallel runs.

Private to this collection. A journal of JSON lines, one for each step of a delivery, written and
synced before the step is taken (``sending``) or after it is known (``sent``, ``not_sent``). A line
that was cut off by a crash was never synced, so the step it announces was never taken. Addresses and
digests are kept, never a subject, a body or a password.
"""

from __future__ import annotations

import json
import os
import typing as t
from dataclasses import dataclass, field

from .._errors import FleetproofError, from_os_error
from .._state import Lock, make_parent, sync_directory
from .._values import iso_time

_HEADER = {"fleetproof_ledger": 1}


@dataclass
class Record:
    """What is known of one mail. ``unsettled`` are recipients to whom it was on its way when the connection died."""

    accepted: t.List[str] = field(default_factory=list)
    unsettled: t.List[str] = field(default_factory=list)
    # of the first attempt (seconds since the epoch): a retry is the same message, octet for octet
    date: t.Optional[float] = None
    # when the unsettled delivery began
    since: t.Optional[float] = None
    size: t.Optional[int] = None

    def apply(self, event: t.Mapping[str, t.Any]) -> None:
        """Bring the record on by one line of the journal."""
        step = event.get("step")
        if step == "sending":
            self.unsettled = _merged(self.unsettled, event.get("to", ()))
            self.since = event.get("at")
            self.date = self.date if self.date is not None else event.get("date")
            self.size = event.get("size", self.size)
        elif step in ("sent", "not_sent"):
            named = set(event.get("to", ()))
            if step == "sent":
                self.accepted = _merged(self.accepted, event.get("to", ()))
            self.unsettled = [address for address in self.unsettled if address not in named]


def _merged(known: t.List[str], more: t.Iterable[str]) -> t.List[str]:
    return [*known, *(address for address in more if address not in known)]


class Ledger:
    """The journal at ``path``. Reading never writes; ``locked`` is for those who are going to send."""

    def __init__(self, path: str) -> None:
        self.path = path

    def locked(self, key: str, wait: float) -> Lock:
        """Holds off other runs that are about to send the same mail; other mails go on meanwhile."""
        return Lock(self.path + ".lock", "is sending this very mail", slot=int(key[:15], 16), wait=wait)

    def read(self, key: str) -> Record:
        """What is known of the mail with this key; an empty Record if nothing is."""
        record = Record()
        try:
            with open(self.path, "rb") as journal:
                first = journal.readline()
                if first and not _is_header(first):
                    raise FleetproofError("argument", "ledger: %s is there but is not a ledger of mails sent; name another file" % self.path)
                wanted = json.dumps(key).encode("ascii")
                for line in journal:
                    if wanted in line:
                        _apply(record, line, key)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise from_os_error(error, "read the ledger %s" % self.path) from error
        return record

    def append(self, key: str, step: str, at: float, to: t.Sequence[str], **more: t.Any) -> None:
        """Write one line and wait until it is on disk."""
        event = {"mail": key, "step": step, "at": at, "time": iso_time(at), "to": list(to), **more}
        try:
            # on the ledger itself: closing the .lock file here would give up the slot that is held in it
            with Lock(self.path, "is writing the ledger %s" % self.path, wait=60):
                self._append_line(event)
        except OSError as error:
            raise from_os_error(error, "write the ledger %s" % self.path) from error

    def _append_line(self, event: t.Mapping[str, t.Any]) -> None:
        make_parent(self.path)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as journal:
            size = os.fstat(descriptor).st_size
            data = json.dumps(event, sort_keys=True).encode("ascii") + b"\n"
            if size == 0:
                data = json.dumps(_HEADER).encode("ascii") + b"\n" + data
            elif os.pread(descriptor, 1, size - 1) != b"\n":
                # a line that a crash has cut off must not swallow ours
                data = b"\n" + data
            while data:
                data = data[journal.write(data) or 0 :]
            os.fsync(descriptor)
        if size == 0:
            sync_directory(os.path.dirname(os.path.abspath(self.path)))


def _is_header(line: bytes) -> bool:
    try:
        return bool(json.loads(line) == _HEADER)
    except ValueError:
        return False


def _apply(record: Record, line: bytes, key: str) -> None:
    try:
        event = json.loads(line)
    except ValueError:
        return
    if isinstance(event, dict) and event.get("mail") == key:
        record.apply(event)
