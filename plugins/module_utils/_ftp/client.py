# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One connection to an FTP server and all that is asked over it.

Private to this collection. ftplib is not used: it cannot resume TLS sessions, keeps names as text of one
encoding, and sends one command at a time. Paths are absolute or relative to the directory after logging
in, and are always sent as absolute ones, so that it does not matter where the connection stands.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError
from .._values import display_name
from . import directories, hashes
from .control import Control
from .data import Channel
from .dates import format_time_val, parse_time_val
from .entries import DIRECTORY, FILE, SECOND, Entry, Listing
from .features import Features
from .listing import parse_facts
from .login import Admission, admit
from .options import Site
from .rendezvous import Rendezvous
from .replies import Reply, error_of
from .transfers import Incoming, Outgoing

_HASH_RATE = 20_000_000  # octets a second that even a slow server digests
_HASH_PATIENCE = 20.0  # timeouts, where the size is not known


class Client:
    """A connection that is logged in.

    ``broken``: the connection is of no use any more; close it and make a new one.
    """

    def __init__(self, site: Site, admission: Admission) -> None:
        self.site = site
        self.welcome = admission.welcome
        self.features: Features = admission.features
        self.home = admission.home
        self.warnings = admission.warnings
        self.control: Control = admission.control
        self.where = self.control.where
        self._rendezvous = Rendezvous(self.control, site.passive)
        self._rendezvous.protected = self.control.stream.encrypted
        self._lister = directories.Directories(self)
        self._type = "I"
        self._hash_algorithm = ""

    @classmethod
    def connect(cls, site: Site) -> Client:
        """One attempt; too many connections are an error of kind ``busy``."""
        return cls(site, admit(site))

    @property
    def broken(self) -> bool:
        """True when nothing more can be asked."""
        return self.control.broken

    @broken.setter
    def broken(self, value: bool) -> None:
        self.control.broken = value

    @property
    def encrypted(self) -> bool:
        """True where there is TLS, on the control connection and so on all data connections."""
        return self.control.stream.encrypted

    @property
    def tls_version(self) -> t.Optional[str]:
        """Such as ``TLSv1.3``; None in clear text."""
        return self.control.stream.tls_version

    @property
    def cipher(self) -> t.Optional[str]:
        """OpenSSL's name of the cipher; None in clear text."""
        return self.control.stream.cipher

    def close(self) -> None:
        """Say goodbye and hang up; never raises."""
        self._rendezvous.forget()
        self.control.quit()

    def absolute(self, path: str) -> str:
        """The path as it is sent."""
        if path.startswith("/"):
            return path
        return "%s/%s" % (self.home.rstrip("/"), path) if path else self.home

    # -- looking --------------------------------------------------------------------------------

    def system(self) -> str:
        """What the server says it runs on (SYST); "" where it does not say."""
        reply = self.control.command("SYST")
        return reply.text if reply.good else ""

    def list(self, path: str) -> t.Optional[Listing]:
        """What the directory holds; None when it is not there. Raises when that cannot be told for certain."""
        return self._lister.list(self.absolute(path))

    def list_plain(self, path: str) -> t.Optional[Listing]:
        """The same by LIST, also where there is MLSD: less is told of each, but links are told from what they lead to."""
        return self._lister.list_plain(self.absolute(path))

    def stat(self, path: str) -> t.Optional[Entry]:
        """One file or directory; None when it is not there."""
        full = self.absolute(path)
        if not self.features.mlsd:
            return self._stat_without_mlst(full, full.rsplit("/", 1)[-1])
        reply = self.control.command("MLST " + full)
        if reply.good:
            return self._told_in(reply, full)
        if self._lister.is_gone(reply, full):
            return None
        raise error_of(reply, "look at %s" % display_name(full), self.where, full)

    def _told_in(self, reply: Reply, full: str) -> Entry:
        """The entry in a good reply to MLST."""
        if len(reply.lines) < 3:
            raise FleetproofError("protocol", "%s gave no facts of %s: %s" % (self.where, display_name(full), reply))
        try:
            return parse_facts(reply.lines[1])._replace(name=full.rsplit("/", 1)[-1])
        except FleetproofError as error:
            raise FleetproofError(error.kind, "Could not look at %s on %s: %s" % (display_name(full), self.where, error.message)) from error

    def _stat_without_mlst(self, full: str, name: str) -> t.Optional[Entry]:
        if full == "/":
            return Entry("", DIRECTORY)
        directory, size, moment = self.control.exchange(["CWD " + full, "SIZE " + full, "MDTM " + full])
        if directory.good:
            return Entry(name, DIRECTORY)
        if size.code == 213:
            told = _time_in(moment)
            return Entry(name, FILE, self._number_in(size, full), told[0] if told else None, told[1] if told else SECOND)
        return self._lister.find(full)

    def glance(self, path: str) -> t.Tuple[t.Optional[int], t.Optional[int]]:
        """Size and time of a file as SIZE and MDTM tell them at once; None for each that they do not.

        Why not is not looked into: what is not told of a file that need not be there is no error.
        """
        full = self.absolute(path)
        size, moment = self.control.exchange(["SIZE " + full, "MDTM " + full])
        told = _time_in(moment)
        return self._size_in(size, full) if size.code == 213 else None, told[0] if told else None

    def watch(self, incoming: Incoming) -> None:
        """Have the server say right behind the data what the file is then, for ``seen``."""
        verbs = ("MLST",) if self.features.mlsd else ("SIZE", "MDTM")
        incoming.behind = ["%s %s" % (verb, incoming.path) for verb in verbs]

    def seen(self, incoming: Incoming) -> t.Optional[Entry]:
        """What ``stat`` says of a file that was just transferred, asked for along with it where that was possible."""
        name = incoming.path.rsplit("/", 1)[-1]
        answers = incoming.answers
        if len(answers) == 1 and answers[0].good:
            return self._told_in(answers[0], incoming.path)
        if len(answers) == 2 and answers[0].code == 213:
            size, told = self._size_in(answers[0], incoming.path), _time_in(answers[1])
            return Entry(name, FILE, -1 if size is None else size, told[0] if told else None, told[1] if told else SECOND)
        return self.stat(incoming.path)

    def size(self, path: str) -> t.Optional[int]:
        """Octets of a file as binary transfers count them; None where the server does not tell sizes."""
        return self.sizes_and_times([path], times=False)[0][0]

    def mtime(self, path: str) -> t.Optional[int]:
        """When a file was last written, in nanoseconds; None where the server does not tell times."""
        return self.sizes_and_times([path], sizes=False)[0][1]

    def sizes_and_times(self, paths: t.Sequence[str], sizes: bool = True, times: bool = True) -> t.List[t.Tuple[t.Optional[int], t.Optional[int]]]:
        """Size and time of each of many files, asked for together. A file that is not there, or may not be looked at, is an error."""
        full = [self.absolute(path) for path in paths]
        found_sizes = self._ask("SIZE", full) if sizes and self.features.size is not False else []
        self.features.size = self._remember(self.features.size, found_sizes)
        found_times = self._ask("MDTM", full) if times and self.features.mdtm is not False else []
        self.features.mdtm = self._remember(self.features.mdtm, found_times)
        result = []
        for number, path in enumerate(full):
            size = self._size_in(found_sizes[number], path) if found_sizes else None
            told = self._moment_in(found_times[number], path) if found_times else None
            result.append((size, told))
        return result

    def _ask(self, verb: str, paths: t.Sequence[str]) -> t.List[Reply]:
        return self.control.exchange(["%s %s" % (verb, path) for path in paths])

    @staticmethod
    def _remember(known: t.Optional[bool], replies: t.Sequence[Reply]) -> t.Optional[bool]:
        """Whether the server knows a command, judged by its replies where nobody said so before."""
        if known is None and replies:
            return False if replies[0].unknown else (True if replies[0].good else None)
        return known

    def _size_in(self, reply: Reply, path: str) -> t.Optional[int]:
        if reply.good:
            return self._number_in(reply, path)
        if reply.unknown:
            return None
        raise self._unseen(reply, path, "tell the size of")

    def _number_in(self, reply: Reply, path: str) -> int:
        text = reply.text
        if reply.code == 213 and text.isdigit() and text.isascii() and len(text) <= 20:
            return int(text)
        raise FleetproofError("protocol", "%s does not tell the size of %s as a number: %s" % (self.where, display_name(path), reply))

    def _moment_in(self, reply: Reply, path: str) -> t.Optional[int]:
        told = _time_in(reply)
        if told is not None:
            return told[0]
        if reply.good:
            raise FleetproofError("protocol", "%s does not tell the time of %s as it should: %s" % (self.where, display_name(path), reply))
        if reply.unknown:
            return None
        raise self._unseen(reply, path, "tell the time of")

    def _unseen(self, reply: Reply, path: str, doing: str) -> FleetproofError:
        """``not_found`` where that is certain; servers such as vsftpd say the same of all that goes wrong."""
        error = error_of(reply, "%s %s" % (doing, display_name(path)), self.where, path)
        if error.kind == "refused" and self._lister.is_gone(reply, path):
            return FleetproofError("not_found", error.message)
        return error

    def digest(self, path: str, command: str, algorithm: str, size: int = -1) -> str:
        """The digest that the server computes, in lower-case hexadecimal; ``size`` of the file, if known, tells how long that may take."""
        full = self.absolute(path)
        doing = "compute %s of %s" % (algorithm, display_name(full))
        if command == "HASH" and self._hash_algorithm != algorithm:
            self.control.expect("OPTS HASH " + algorithm, doing)
            self._hash_algorithm = algorithm
        patience = _HASH_PATIENCE if size < 0 else 1.0 + size / _HASH_RATE / self.site.endpoint.timeout
        reply = self.control.expect(hashes.command_line(command, full), doing, full, patience)
        found = hashes.digest_in(reply.lines, command, algorithm, full)
        if not found:
            raise FleetproofError("protocol", "Could not %s on %s: there is no such digest in the reply %s" % (doing, self.where, reply))
        return found

    # -- transferring ---------------------------------------------------------------------------

    def retrieve(self, path: str, offset: int = 0) -> Incoming:
        """A file from ``offset`` (octets) on, as a context manager."""
        full = self.absolute(path)
        doing = "download %s" % display_name(full)
        return Incoming(self.control, self._begin("RETR", offset, doing, full), doing, full)

    def store(self, path: str, offset: int = 0, append: bool = False) -> Outgoing:
        """A file to write to from ``offset`` (octets) on, as a context manager; ``append`` adds at its end.

        With an offset most servers keep what a longer file holds behind the end of the transfer.
        """
        full = self.absolute(path)
        doing = "upload %s" % display_name(full)
        return Outgoing(self.control, self._begin("APPE" if append else "STOR", offset, doing, full), doing, full)

    def _begin(self, verb: str, offset: int, doing: str, full: str) -> Channel:
        command = "%s %s" % (verb, full)
        if not offset:
            return self._rendezvous.open_at_once(command, doing, full)
        self._prepare(offset, doing)
        try:
            return self._rendezvous.open(command, doing, full)
        except FleetproofError:
            if not self.broken:
                # it was for this transfer, but not every server forgets it when that is refused
                self.control.command("REST 0")
            raise

    def _prepare(self, offset: int, doing: str) -> None:
        if self.features.rest is False:
            raise FleetproofError("refused", "Could not %s on %s: it cannot resume (REST)" % (doing, self.where))
        (reply,) = self._rendezvous.prepare(["REST %d" % offset])
        if reply.code != 350:
            if reply.unknown:
                self.features.rest = False
            self._rendezvous.forget()
            raise FleetproofError("refused", "Could not %s on %s: it does not resume from octet %d (%s)" % (doing, self.where, offset, reply))
        self.features.rest = True

    def receive_all(self, command: str, doing: str, path: str, limit: int, before: t.Sequence[str] = ()) -> t.Tuple[t.List[Reply], bytes, t.Optional[Reply]]:
        """What a command such as LIST sends, with the replies to the commands ``before`` it and its closing reply.

        A command ``before`` that is refused ends it: no data and no closing reply then. Data that may
        not be all are an error.
        """
        replies = self._rendezvous.prepare(before)
        if any(not reply.good for reply in replies):
            self._rendezvous.forget()
            return replies, b"", None
        with Incoming(self.control, self._rendezvous.open(command, doing, path), doing, path) as incoming:
            found = incoming.read_all(limit)
        if incoming.unclean:
            raise FleetproofError("connect", "Could not %s on %s: TLS ended without its farewell, so what came may not be all" % (doing, self.where))
        return replies, found, incoming.closing

    def type(self, letter: str) -> None:
        """``I`` for octets as they are, ``A`` for text with the line ends of each side."""
        if letter != self._type:
            self.control.expect("TYPE " + letter, "choose the type %s" % letter)
            self._type = letter

    def noop(self) -> None:
        """A sign of life."""
        self.control.expect("NOOP", "go on")

    # -- changing -------------------------------------------------------------------------------

    def make_directory(self, path: str) -> None:
        """MKD; one that is there already is refused."""
        self._do("MKD", path, "make the directory")

    def remove_directory(self, path: str) -> None:
        """RMD; has to be empty."""
        self._do("RMD", path, "remove the directory")

    def delete(self, path: str) -> None:
        """DELE."""
        self._do("DELE", path, "delete")

    def _do(self, verb: str, path: str, doing: str) -> None:
        full = self.absolute(path)
        self.control.expect("%s %s" % (verb, full), "%s %s" % (doing, display_name(full)), full)

    def rename(self, old: str, new: str) -> None:
        """RNFR and RNTO; most servers replace a file of the new name."""
        full_old, full_new = self.absolute(old), self.absolute(new)
        doing = "rename %s to %s" % (display_name(full_old), display_name(full_new))
        # sent together: the second is refused wherever the first is (503)
        first, second = self.control.exchange(["RNFR " + full_old, "RNTO " + full_new])
        if first.code != 350:
            raise error_of(first, doing, self.where, full_old)
        if not second.good:
            raise error_of(second, doing, self.where, full_new)

    def set_mtime(self, path: str, nanoseconds: int) -> bool:
        """The time of last modification, in whole seconds; False where the server cannot set it."""
        full = self.absolute(path)
        stamp = format_time_val(nanoseconds)
        if stamp is None:
            return False
        if self.features.mfmt:
            reply = self.control.command("MFMT %s %s" % (stamp, full))
            if reply.good or reply.unknown:
                return reply.good
            raise self._unseen(reply, full, "set the time of")
        if self.features.mdtm is False or self.features.mdtm_write is False:
            return False
        # vsftpd and others set the time by MDTM; what the rest makes of it is told by asking
        written, read = self.control.exchange(["MDTM %s %s" % (stamp, full), "MDTM " + full])
        told = _time_in(read)
        done = written.good and told is not None and told[0] // SECOND == nanoseconds // SECOND
        self.features.mdtm_write = done
        return done

    def set_mode(self, path: str, mode: int) -> None:
        """SITE CHMOD."""
        full = self.absolute(path)
        self.control.expect("SITE CHMOD %03o %s" % (mode & 0o7777, full), "set the mode of %s" % display_name(full), full)


def _time_in(reply: Reply) -> t.Optional[t.Tuple[int, int]]:
    return parse_time_val(reply.text) if reply.code == 213 else None
