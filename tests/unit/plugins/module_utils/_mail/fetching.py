# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetching from the POP3 server of the test bed as the tests do it, and mails to fetch."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.pop3_fetch import SPEC, pop3_fetch
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Outcome, Task
from ansible_collections.fleetproof.backup.tests.testbed.popd import PopServer


def mail(number: int, **more: str) -> bytes:
    """A message with lines that a protocol or an mbox could stumble over."""
    fields = {"From": "Ann <ann@example.com>", "To": "ops@example.com", "Subject": "Report %d" % number, "Message-ID": "<%d@example.com>" % number, **more}
    header = "".join("%s: %s\r\n" % item for item in fields.items())
    return (header + "\r\nHello %d\r\n.\r\n..dots\r\nFrom here\r\n" % number).encode("utf-8")


def with_attachment(number: int, name: str = "data.csv") -> bytes:
    """A message with a file."""
    return (
        "Subject: Files %d\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n"
        "Content-Type: text/csv\r\nContent-Disposition: attachment; filename=%s\r\n\r\n1,2,%d\r\n--b--\r\n" % (number, name, number)
    ).encode("ascii")


class Fetcher:
    """Runs the job of pop3_fetch with the options that a test names, and sensible ones for the rest."""

    def __init__(self, server: PopServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.dest = folder / "mail"
        self.state = folder / "state.jsonl"

    def options(self, **given: t.Any) -> t.Dict[str, t.Any]:
        found = {name: option.get("default") for name, option in SPEC.argument_spec.items()}
        usual: t.Dict[str, t.Any] = {"host": self.server.host, "port": self.server.tls_port, "ca_path": self.server.ca, "timeout": 5.0, "retries": 0}
        usual.update(username="fleet", password="correct horse", wait_interval=0.05)
        if "dest" in given or "attachments_dest" in given:
            usual["state"] = str(self.state)
        unknown = set(given) - set(found)
        assert not unknown, unknown
        return {**found, **usual, **given}

    def __call__(self, check: bool = False, **given: t.Any) -> Outcome:
        return pop3_fetch(Task(self.options(**given), check, True))

    def new(self, check: bool = False, **given: t.Any) -> Outcome:
        """Fetch into the Maildir."""
        return self(check, dest=str(self.dest), **given)

    def failing(self, check: bool = False, **given: t.Any) -> FleetproofError:
        """The error that it ends with."""
        try:
            outcome = self(check, **given)
        except FleetproofError as error:
            found: t.Optional[FleetproofError] = error
        else:
            found = outcome.failure
        assert found is not None
        assert "correct horse" not in found.message
        return found

    def kept(self) -> t.List[bytes]:
        """What is in the Maildir."""
        places = [self.dest / name for name in ("new", "cur")]
        return sorted(path.read_bytes() for place in places if place.is_dir() for path in place.iterdir())


def subjects(outcome: Outcome) -> t.List[str]:
    """Of the messages that were returned."""
    return [message["subject"] for message in outcome.result["messages"]]


def ids(rows: t.List[t.Dict[str, t.Any]]) -> t.List[str]:
    """Of the items of a list."""
    return [row["id"] for row in rows]
