# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger of mails sent: what makes "once" true across crashes, retries and parallel runs.

Private to this collection. A journal of JSON lines, one for each step of a delivery, written and
synced before the step is taken (``sending``) or after it is known (``sent``, ``not_sent``). A line
that was cut off by a crash was never synced, so the step it announces was never taken. A line that is
whole and makes no sense is an error: passing it over could send a mail twice. Addresses and
digests are kept, never a subject, a body or a password.
"""

from __future__ import annotations

import json
import os
import re
import typing as t
from dataclasses import dataclass, field

from .._errors import FleetproofError, from_os_error
from .._state import Lock, assert_writable, make_parent, sync_directory
from .._values import iso_time

_HEADER = b'{"fleetproof_ledger": 1}\n'
_FOREVER = 1e11  # seconds since the epoch; calendars end before
_MESSAGE_ID = re.compile(r"\A<[!-;=?-~]+@[!-;=?-~]+>\Z")


@dataclass
class Record:
    """What is known of one mail. ``unsettled`` are recipients to whom it was on its way when the connection died."""

    accepted: t.List[str] = field(default_factory=list)
    unsettled: t.List[str] = field(default_factory=list)
    # of the last attempt (seconds since the epoch): a retry is the same message, octet for octet
    date: t.Optional[float] = None
    message_id: t.Optional[str] = None
    # when the unsettled delivery began
    since: t.Optional[float] = None
    size: t.Optional[int] = None

    def apply(self, event: t.Mapping[str, t.Any]) -> None:
        """Bring the record on by one line of the journal."""
        step = event.get("step")
        if step == "sending":
            self.unsettled = _merged(self.unsettled, event.get("to", ()))
            self.since = event.get("at")
            self.date = event.get("date", self.date)
            self.message_id = event.get("message_id", self.message_id)
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
                self._check_header(journal.readline())
                wanted = json.dumps(key).encode("ascii")
                for number, line in enumerate(journal, 2):
                    if wanted in line and not _apply(record, line, key):
                        raise FleetproofError(
                            "integrity",
                            "Line %d of the ledger %s is damaged: correct it, or remove it if the mail that it is about may be sent again"
                            % (number, self.path),
                        )
        except FileNotFoundError:
            pass
        except OSError as error:
            raise from_os_error(error, "read the ledger %s" % self.path) from error
        return record

    def assert_writable(self) -> None:
        """Raise if a run could not keep this ledger; nothing is changed."""
        for path in (self.path, self.path + ".lock"):
            if os.path.islink(path):
                raise FleetproofError("unsafe", "ledger: %s is a symbolic link; name the file that it leads to" % path)
            if not os.path.lexists(path):
                assert_writable(os.path.dirname(os.path.abspath(path)))
            elif not os.access(path, os.R_OK | os.W_OK):
                raise FleetproofError("permission", "ledger: %s cannot be written" % path)

    def _check_header(self, first: bytes) -> None:
        # a crash may have cut off the very first line
        if first not in (b"", _HEADER) and not (_HEADER.startswith(first) and not first.endswith(b"\n")):
            raise FleetproofError("argument", "ledger: %s is there but is not a ledger of mails sent; name another file" % self.path)

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
            self._check_header(os.pread(descriptor, len(_HEADER), 0))
            if size < len(_HEADER):
                data = _HEADER[size:] + data
            elif os.pread(descriptor, 1, size - 1) != b"\n":
                # a line that a crash has cut off must not swallow ours
                data = b"\n" + data
            while data:
                data = data[journal.write(data) or 0 :]
            os.fsync(descriptor)
        if size == 0:
            sync_directory(os.path.dirname(os.path.abspath(self.path)))


def _apply(record: Record, line: bytes, key: str) -> bool:
    """Bring the record on by the line; False if the line is whole and yet makes no sense."""
    try:
        event = json.loads(line)
    except ValueError:
        # cut off, so never synced; another run has gone on after it in a line of its own
        return True
    if not isinstance(event, dict) or event.get("mail") != key:
        return True
    if not _makes_sense(event):
        return False
    record.apply(event)
    return True


def _makes_sense(event: t.Mapping[str, t.Any]) -> bool:
    to, size, message_id = event.get("to"), event.get("size"), event.get("message_id")
    return (
        event.get("step") in ("sending", "sent", "not_sent")
        and isinstance(to, list)
        and all(isinstance(address, str) for address in to)
        and all(isinstance(event.get(name, 0), (int, float)) and 0 <= event.get(name, 0) < _FOREVER for name in ("at", "date"))
        and (size is None or isinstance(size, int))
        and (message_id is None or (isinstance(message_id, str) and bool(_MESSAGE_ID.match(message_id))))
    )
