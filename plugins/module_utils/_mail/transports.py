# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ways for a mail to go that need no server: the local sendmail, a Maildir, a file.

Private to this collection. Each has the ``deliver`` of SmtpRoute.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import typing as t
from dataclasses import dataclass

from .._errors import FleetproofError, from_os_error
from .._message.addresses import Address
from .._state import assert_writable, make_parent, sync_directory, write_atomic
from .._values import display_name
from .deliver import Delivery, Journal, Letter
from .smtp import Reply

_BLOCK = 65536  # octets
_FOLDERS = ("tmp", "new", "cur")  # of a Maildir
_SENDMAIL_FOLDERS = ("/usr/sbin", "/usr/lib", "/usr/local/sbin", "/usr/bin")
_EX_TEMPFAIL = 75  # sysexits.h
# the program queues the mail before it answers; more than this many timeouts means that it hangs
_PATIENCE = 10


def blocks(message: t.IO[bytes]) -> t.Iterator[bytes]:
    """The message in pieces."""
    message.seek(0)
    return iter(lambda: message.read(_BLOCK), b"")


@dataclass(frozen=True)
class SendmailRoute:
    """The local ``sendmail``, whoever made it. It takes the mail for all recipients or for none."""

    program: t.Optional[str]
    timeout: float

    def deliver(self, letter: Letter, recipients: t.Sequence[Address], journal: Journal, probe: bool) -> Delivery:
        """Give the mail to the program; the code in a refusal is its exit status."""
        program = self._find()
        named = [address.identity for address in recipients]
        delivery = Delivery(server={"name": program, "tls_version": None, "cipher": None})
        if probe:
            delivery.accepted = named
            return delivery
        message, size = letter.composed()
        with tempfile.TemporaryFile() as text:
            # to a program on this machine a line ends with LF
            for line in message:
                text.write(line[:-2] + b"\n" if line.endswith(b"\r\n") else line)
            text.seek(0)
            argv = [program, "-i", "-f", letter.mail.sender.wire, "--", *(address.wire for address in recipients)]
            journal.sending(named, size)
            try:
                # run_command is AnsibleModule's, which is not known here
                done = subprocess.run(  # pylint: disable=ansible-bad-function
                    argv, stdin=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=_PATIENCE * self.timeout, check=False
                )
            except subprocess.TimeoutExpired:
                delivery.lose(named, FleetproofError("timeout", "%s did not finish within %g s and was stopped" % (program, _PATIENCE * self.timeout)))
                return delivery
            except OSError as error:
                journal.not_sent(named)
                raise from_os_error(error, "run %s" % program) from error
        self._judge(done, named, journal, delivery)
        return delivery

    def _judge(self, done: subprocess.CompletedProcess[bytes], named: t.List[str], journal: Journal, delivery: Delivery) -> None:
        if done.returncode == 0:
            delivery.settle(named, journal)
            return
        if done.returncode < 0:
            delivery.lose(named, FleetproofError("connect", "%s was killed by signal %d" % (done.args[0], -done.returncode)))
            return
        said = display_name(" ".join(done.stdout.decode("utf-8", "replace").split())[:500])
        if done.returncode == _EX_TEMPFAIL:
            why = "%s ended with status %d, by which some programs mean that they have queued the mail, and others that they have not (%s)"
            delivery.lose(named, FleetproofError("refused", why % (done.args[0], done.returncode, said)))
        else:
            delivery.refused = dict.fromkeys(named, Reply(done.returncode, said))
            journal.not_sent(named)

    def _find(self) -> str:
        if self.program is not None:
            found = self.program if os.access(self.program, os.X_OK) and os.path.isfile(self.program) else None
        else:
            found = shutil.which("sendmail", path=os.pathsep.join([*_SENDMAIL_FOLDERS, os.environ.get("PATH", "")]))
        if found is None:
            raise FleetproofError(
                "dependency", "There is no program %s on this host; install a mail server or name the program in path" % (self.program or "sendmail")
            )
        return found


@dataclass(frozen=True)
class MaildirRoute:
    """A Maildir on this host, made if it is not there."""

    path: str

    def deliver(self, letter: Letter, recipients: t.Sequence[Address], journal: Journal, probe: bool) -> Delivery:
        """Write to ``tmp``, move to ``new``: readers see the whole mail or none."""
        named = [address.identity for address in recipients]
        if os.path.exists(self.path) and not os.path.isdir(self.path):
            raise FleetproofError("argument", "path: %s is there and is not a Maildir" % self.path)
        for name in _FOLDERS:
            assert_writable(os.path.join(self.path, name))
        if probe:
            return Delivery(accepted=named)
        message, size = letter.composed()
        journal.sending(named, size)
        try:
            self._store(letter, message)
        except OSError as error:
            journal.not_sent(named)
            raise from_os_error(error, "deliver into the Maildir %s" % self.path) from error
        delivery = Delivery()
        delivery.settle(named, journal)
        return delivery

    def _store(self, letter: Letter, message: t.IO[bytes]) -> None:
        for name in _FOLDERS:
            os.makedirs(os.path.join(self.path, name), mode=0o700, exist_ok=True)
        name = "%d.%s.%s" % (letter.date, _tag(letter), re.sub("[^A-Za-z0-9.-]", "_", socket.gethostname()))
        temporary = os.path.join(self.path, "tmp", name)
        try:
            write_atomic(temporary, blocks(message))
            os.rename(temporary, os.path.join(self.path, "new", name))
        except BaseException:
            try:
                os.unlink(temporary)
            except FileNotFoundError:
                pass
            raise
        sync_directory(os.path.join(self.path, "new"))

    def holds(self, letter: Letter) -> bool:
        """True when the mail is in the Maildir, read or not."""
        for name in ("new", "cur"):
            try:
                if any(_tag(letter) in found for found in os.listdir(os.path.join(self.path, name))):
                    return True
            except (FileNotFoundError, NotADirectoryError):
                pass
        return False


@dataclass(frozen=True)
class EmlRoute:
    """One file for one mail; in a directory it is called after the Message-ID."""

    path: str

    def target(self, letter: Letter) -> str:
        """The file for the letter."""
        return eml_target(self.path, letter)

    def deliver(self, letter: Letter, recipients: t.Sequence[Address], journal: Journal, probe: bool) -> Delivery:
        """Write the file; there is the old one or the whole new one."""
        named = [address.identity for address in recipients]
        target = self.target(letter)
        assert_writable(os.path.dirname(os.path.abspath(target)))
        if probe:
            return Delivery(accepted=named)
        message, size = letter.composed()
        journal.sending(named, size)
        try:
            write_eml(target, message)
        except FleetproofError:
            journal.not_sent(named)
            raise
        delivery = Delivery()
        delivery.settle(named, journal)
        return delivery

    def holds(self, letter: Letter) -> bool:
        """True when the file is this mail."""
        try:
            with open(self.target(letter), "rb") as stored:
                return letter.message_id.encode("ascii") in stored.read(_BLOCK)
        except OSError:
            return False


def eml_target(path: str, letter: Letter) -> str:
    """``path``, or the file in it when it is a directory."""
    return os.path.join(path, _tag(letter) + ".eml") if os.path.isdir(path) else path


def write_eml(target: str, message: t.IO[bytes]) -> None:
    """Put the message at ``target``, for its owner alone."""
    make_parent(target)
    try:
        write_atomic(target, blocks(message))
    except OSError as error:
        raise from_os_error(error, "write %s" % target) from error


def _tag(letter: Letter) -> str:
    return letter.message_id[1:].split("@", 1)[0]
