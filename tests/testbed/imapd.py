# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An IMAP server for tests and for the demo: real, on loopback, and able to misbehave on purpose.

    python imapd.py DIRECTORY [--maildir PATH] [--while PATH] [--lifetime SECONDS]

listens on free ports of 127.0.0.1 and ::1, writes ``DIRECTORY/imapd.json`` (``host``, ``port`` with
STARTTLS, ``tls_port`` with TLS at once, ``ca``, ``maildir``, ``pid``), prints the same as one line,
and serves the Maildir, which is ``DIRECTORY/Maildir`` unless it is given. What it was told is in
``DIRECTORY/imapd-commands.jsonl``. It ends when its standard input does, or with ``--while`` when
PATH is gone, or after the lifetime, or when the process that started it is gone.

IMAP4rev1 (RFC 3501) with IDLE, UIDPLUS, MOVE, UNSELECT, ID, NAMESPACE, SASL-IR and LITERAL+; not
served are the structure of messages and their single parts. INBOX is the Maildir, other mailboxes
are below it (``.Name``). UIDs are kept beside the messages, in ``fleet-uids.json``. How the server
behaves is read from ``DIRECTORY/imapd-behaviour.json`` for each connection: see Behaviour.
In Python: ``with ImapServer(directory) as server: server.deliver(raw); server.behave(hide=["IDLE"]); … server.commands()``.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import os
import pathlib
import re
import socket
import sys
import time
import typing as t

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from imap_box import Box, Boxes, Message
from imap_fetch import INTERNALDATE, Fetcher, string
from imap_search import CHARSETS, Found, Search
from imap_words import Atom, Word, Wrong, literal_size, numbers_in, text_of, words_of
from linewise import TOKENS, USERS, LineServer, run
from maildir import wire
from passwords import Cancelled, authenticate, check, decode
from serving import parser
from session import LONGEST, LineBehaviour, Session

__all__ = ["TOKENS", "USERS", "Behaviour", "ImapServer"]

_AFTER_LOGIN = ("IDLE", "UIDPLUS", "MOVE", "UNSELECT", "NAMESPACE")
_CAPABILITY_OF = {"IDLE": "IDLE", "MOVE": "MOVE", "UID MOVE": "MOVE", "UID EXPUNGE": "UIDPLUS", "UNSELECT": "UNSELECT", "NAMESPACE": "NAMESPACE", "ID": "ID"}
_ANY_TIME = {"CAPABILITY", "NOOP", "LOGOUT", "ID"}
_BEFORE_LOGIN = {"STARTTLS", "LOGIN", "AUTHENTICATE"}
_SELECTED = {"CHECK", "CLOSE", "UNSELECT", "EXPUNGE", "SEARCH", "FETCH", "STORE", "COPY", "MOVE"}
_FLAGS = "\\Answered \\Flagged \\Deleted \\Seen \\Draft"
# no message may lose its number while one of these is under way
_STEADY = {"FETCH", "STORE", "SEARCH"}
_IDLE_POLL = 0.03


@dataclasses.dataclass
class Behaviour(LineBehaviour):
    """What the server does besides what it should: all that LineBehaviour has, and this.

    Replies are told with the tag of the command, unless they begin with ``*`` or ``+``, or with ``=``, which stands for nothing.
    Commands are named as UID FETCH and FETCH. A command that is answered "OK …" in place of what it should be, is not done.
    ``hide`` knows the capabilities (IDLE, UIDPLUS, MOVE, UNSELECT, NAMESPACE, ID, SASL-IR, LITERAL+, STARTTLS, AUTH,
    LOGINDISABLED) and what SELECT tells (UIDVALIDITY, UIDNEXT, UNSEEN, PERMANENTFLAGS).

    preauth: logged in from the start.   tell_capabilities: in the greeting, and in the answer to logging in.
    uidvalidity: told in place of the one that is (0: none).   read_only: SELECT says READ-ONLY, and nothing can be changed.
    unsolicited: by command ("*": all), lines that are said ahead of its end.
    literals: strings are literals wherever that is possible.   size_off: added to RFC822.SIZE.
    fetch: "", reversed (the last message first), split (each item in an answer of its own), doubled (each answer twice),
    nil (bodies are NIL), missing (of the last message), short (bodies end 10 octets early, and the literal says so),
    gone (the second message is expunged, and said to be, in the midst of it).
    idle: "", silent (what arrives is not told), chatter (every tenth of a second the server says that it is there),
    bye (it ends the connection at once), end (it ends IDLE by itself).
    search: "", missing (no answer but OK), several (each number in an answer of its own), blank (a space at its end).
    bye: LOGOUT says BYE.
    """

    preauth: bool = False
    tell_capabilities: bool = True
    uidvalidity: t.Optional[int] = None
    read_only: bool = False
    unsolicited: t.Dict[str, t.List[str]] = dataclasses.field(default_factory=dict)
    literals: bool = False
    size_off: int = 0
    fetch: str = ""
    idle: str = ""
    search: str = ""
    bye: bool = True


class _No(Exception):
    """A command that cannot be done: NO and why."""


class _ImapSession(Session):
    server: ImapServer
    behaviour: Behaviour

    def __init__(self, server: ImapServer, sock: t.Any, implicit: bool) -> None:
        super().__init__(server, sock, implicit)
        self.tag = "*"
        self.words: t.List[Word] = []
        self.segments: t.List[bytes] = []
        self.box: t.Optional[Box] = None
        self.read_only = False
        # the messages as the client knows them
        self.view: t.List[Message] = []
        self.recent: t.Set[str] = set()
        # what the mailbox said when all of it was told
        self.told: t.Optional[t.List[Message]] = None

    # -- lines --------------------------------------------------------------------------------------

    def read_command(self) -> str:
        self.segments = [self.line()]
        while True:
            size = literal_size(self.segments[-1])
            if size is None or (size[1] and "LITERAL+" in self.behaviour.hide) or size[0] > 64 * LONGEST:
                break
            if not size[1]:
                self.send(b"+ OK\r\n")
            self.segments += [self.octets(size[0]), self.line()]
        return b"".join(self.segments).decode("utf-8", "surrogateescape")

    def parse(self, line: str) -> t.Tuple[str, str]:
        self.tag, _space, rest = line.partition(" ")
        verb, _space, rest = rest.partition(" ")
        if verb.upper() == "UID":
            second, _space, rest = rest.partition(" ")
            verb += " " + second
        return verb.upper(), rest

    def say(self, text: str) -> None:
        lines = text.split("\n")
        for line in lines:
            if line.startswith("="):
                line = line[1:]
            elif not line.startswith(("* ", "+")):
                line = self.tag + " " + line
            self.send(line.encode("utf-8", "surrogateescape") + b"\r\n")

    def ends(self, reply: str) -> bool:
        return reply.startswith("* BYE")

    def greet(self) -> None:
        told = " [CAPABILITY %s]" % self._capabilities() if self.behaviour.tell_capabilities else ""
        if self.behaviour.preauth:
            self.user = "fleet"
        self.say("* %s%s Fleet test bed ready" % ("PREAUTH" if self.user else "OK", told))

    def _capabilities(self) -> str:
        behaviour = self.behaviour
        found = ["IMAP4rev1", "LITERAL+", "SASL-IR", "ID"]
        if self.user:
            found += _AFTER_LOGIN
        else:
            if not self.encrypted and behaviour.starttls != "hide":
                found.append("STARTTLS")
            if not self.may_log_in:
                found.append("LOGINDISABLED")
            found += ["AUTH=" + name for name in self.mechanisms() if "AUTH" not in behaviour.hide]
        return " ".join(name for name in found if name not in behaviour.hide)

    # -- commands -----------------------------------------------------------------------------------

    def do(self, verb: str, rest: str) -> None:
        del rest
        try:
            words = words_of(self.segments)
            self.words = words[3 if verb.startswith("UID ") else 2 :]
            text = self._done(verb)
        except _No as no:
            text = "NO %s" % no
        except (Wrong, IndexError, ValueError) as error:
            text = "BAD %s" % (str(error) or type(error).__name__)
        if text:
            self._unsolicited(verb)
            self.say(text)

    def _done(self, verb: str) -> str:
        name = verb.rpartition(" ")[2]
        by_uid = verb.startswith("UID ")
        method = getattr(self, "_do_" + name.lower(), None) if name.isalpha() else None
        if method is None or _CAPABILITY_OF.get(verb) in self.behaviour.hide or (by_uid and name not in _SELECTED):
            raise Wrong("unknown command %s" % verb)
        if not self.user and verb not in _ANY_TIME | _BEFORE_LOGIN:
            raise Wrong("not logged in")
        if self.user and verb in _BEFORE_LOGIN:
            raise Wrong("you are logged in")
        if name in _SELECTED and self.box is None:
            raise Wrong("no mailbox is selected")
        if name in _SELECTED - {"CHECK", "CLOSE", "UNSELECT"}:
            # ahead of it, and what is gone only where no number can be mistaken
            text = str(method(by_uid))
            self._news(expunge=by_uid or name not in _STEADY)
            return text
        return str(method())

    def _unsolicited(self, verb: str) -> None:
        lines = self.behaviour.unsolicited
        for line in [*lines.get("*", []), *lines.get(verb, [])]:
            self.say(line)

    def _do_capability(self) -> str:
        self.say("* CAPABILITY " + self._capabilities())
        return "OK Done"

    def _do_id(self) -> str:
        self.say('* ID ("name" "fleet test bed")')
        return "OK Done"

    def _do_namespace(self) -> str:
        self.say('* NAMESPACE (("" ".")) NIL NIL')
        return "OK Done"

    def _do_noop(self) -> str:
        self._news()
        return "OK Done"

    def _do_check(self) -> str:
        return self._do_noop()

    def _do_logout(self) -> str:
        if self.behaviour.bye:
            self.say("* BYE Logging out")
        self.say("OK Done")
        return self._end()

    def _end(self) -> str:
        self.end()
        raise AssertionError

    # -- logging in ---------------------------------------------------------------------------------

    def _do_starttls(self) -> str:
        self.start_tls("OK Begin", "BAD TLS is not available", "* OK injected")
        # it is said already, ahead of the handshake
        return ""

    def _need_cover(self) -> None:
        if not self.may_log_in:
            raise _No("[PRIVACYREQUIRED] Plaintext authentication disallowed on connections in clear text")

    def _do_login(self) -> str:
        self._need_cover()
        name, password = self.words
        return self._enter(check(self.server.users, bytes(t.cast(bytes, name)), bytes(t.cast(bytes, password))))

    def _do_authenticate(self) -> str:
        mechanism = text_of(self.words[0]).upper()
        initial = text_of(self.words[1]).encode() if len(self.words) > 1 else None
        if mechanism not in self.behaviour.mechanisms or "AUTH" in self.behaviour.hide:
            raise _No("Unsupported authentication mechanism")
        if mechanism not in self.mechanisms():
            self._need_cover()
        if initial is not None and "SASL-IR" in self.behaviour.hide:
            raise Wrong("no initial response here")

        def ask(challenge: bytes) -> bytes:
            self.send(b"+ " + base64.b64encode(challenge) + b"\r\n")
            return decode(self.line())

        try:
            first = None if initial is None else decode(b"" if initial == b"=" else initial)
            return self._enter(authenticate(mechanism, first, ask, self.server.users, self.server.tokens))
        except Cancelled as cancelled:
            raise Wrong("Authentication %s" % cancelled) from cancelled

    def _enter(self, user: t.Optional[str]) -> str:
        if user is None:
            raise _No("[AUTHENTICATIONFAILED] Authentication failed.")
        self.user = user
        return ("OK [CAPABILITY %s] Logged in" % self._capabilities()) if self.behaviour.tell_capabilities else "OK Logged in"

    # -- mailboxes ----------------------------------------------------------------------------------

    def _named(self, word: Word, create: bool = False) -> Box:
        name = text_of(word)
        box = self.server.boxes.get(name, create)
        if box is None:
            raise _No("[%s] Mailbox doesn't exist: %s" % ("CANNOT" if create else "NONEXISTENT", name))
        return box

    def _do_select(self) -> str:
        return self._select(self.behaviour.read_only)

    def _do_examine(self) -> str:
        return self._select(True)

    def _select(self, read_only: bool) -> str:
        hide, uidvalidity = self.behaviour.hide, self.behaviour.uidvalidity
        self.box, self.view, self.told = None, [], None
        box = self._named(self.words[0])
        new = {message.name for message in box.messages() if message.entry.path.match("new/*")}
        self.recent = new if read_only else box.take_in()
        self.box, self.read_only, self.view = box, read_only, list(box.messages())
        self.say("* FLAGS (%s)" % " ".join([_FLAGS, *self._keywords()]))
        self.say("* %d EXISTS\n* %d RECENT" % (len(self.view), self._recent()))
        unseen = next((number for number, message in enumerate(self.view, 1) if "\\Seen" not in message.flags), 0)
        permanent = "" if read_only else " ".join([_FLAGS, *self._keywords(), "\\*"])
        told = [
            ("PERMANENTFLAGS", "(%s)" % permanent, True),
            ("UNSEEN", "%d" % unseen, unseen > 0),
            ("UIDVALIDITY", "%d" % (box.validity if uidvalidity is None else uidvalidity), uidvalidity != 0),
            ("UIDNEXT", "%d" % box.following, True),
        ]
        for name, value, there in told:
            if there and name not in hide:
                self.say("* OK [%s %s] Told" % (name, value))
        return "OK [READ-%s] Done" % ("ONLY" if read_only else "WRITE")

    def _keywords(self) -> t.List[str]:
        return sorted({flag for message in self.view for flag in message.flags if not flag.startswith("\\")})

    def _recent(self) -> int:
        return sum(message.name in self.recent for message in self.view)

    def _do_unselect(self) -> str:
        self.box, self.view = None, []
        return "OK Done"

    def _do_close(self) -> str:
        assert self.box is not None
        if not self.read_only:
            for message in self.box.messages():
                if "\\Deleted" in message.flags:
                    self.box.remove(message)
        return self._do_unselect()

    def _do_create(self) -> str:
        if self.server.boxes.get(text_of(self.words[0])) is not None:
            raise _No("[ALREADYEXISTS] Mailbox exists")
        self._named(self.words[0], create=True)
        return "OK Done"

    def _do_delete(self) -> str:
        if not self.server.boxes.delete(text_of(self.words[0])):
            raise _No("[NONEXISTENT] No such mailbox, or it cannot be deleted")
        return "OK Done"

    def _do_subscribe(self) -> str:
        return "OK Done"

    def _do_list(self, kind: str = "LIST") -> str:
        reference, pattern = text_of(self.words[0]), text_of(self.words[1])
        if not pattern:
            self.say('* %s (\\Noselect) "." ""' % kind)
            return "OK Done"
        wanted = re.compile("".join({"*": ".*", "%": r"[^.]*"}.get(char, re.escape(char)) for char in reference + pattern) + r"\Z")
        for name in self.server.boxes.names():
            if wanted.match(name) or (name == "INBOX" and wanted.match("inbox")):
                self.send(b'* %s (\\HasNoChildren) "." ' % kind.encode() + string(name.encode("utf-8", "surrogateescape"), self.behaviour.literals) + b"\r\n")
        return "OK Done"

    def _do_lsub(self) -> str:
        return self._do_list("LSUB")

    def _do_status(self) -> str:
        box, items = self._named(self.words[0]), self.words[1]
        messages = box.messages()
        known = {
            "MESSAGES": len(messages),
            "RECENT": sum(message.entry.path.match("new/*") for message in messages),
            "UIDNEXT": box.following,
            "UIDVALIDITY": box.validity if self.behaviour.uidvalidity is None else self.behaviour.uidvalidity,
            "UNSEEN": sum("\\Seen" not in message.flags for message in messages),
        }
        names = [text_of(item).upper() for item in items]  # type: ignore[arg-type]
        if not set(names) <= set(known):
            raise Wrong("unknown status item")
        told = " ".join("%s %d" % (name, known[name]) for name in names)
        self.send(b"* STATUS " + string(text_of(self.words[0]).encode("utf-8", "surrogateescape"), self.behaviour.literals) + b" (%s)\r\n" % told.encode())
        return "OK Done"

    def _do_append(self) -> str:
        box = self.server.boxes.get(text_of(self.words[0]))
        if box is None:
            raise _No("[TRYCREATE] Mailbox doesn't exist")
        flags: t.List[str] = []
        when: t.Optional[float] = None
        for word in self.words[1:-1]:
            if isinstance(word, list):
                flags = [text_of(flag) for flag in word]
            else:
                when = INTERNALDATE.seconds(text_of(word))
        uid = box.add(bytes(t.cast(bytes, self.words[-1])), flags, when)
        self._news()
        return "OK [APPENDUID %d %d] Done" % (box.validity, uid) if "UIDPLUS" not in self.behaviour.hide else "OK Done"

    # -- what has changed ---------------------------------------------------------------------------

    def _news(self, expunge: bool = True) -> None:
        """Tell what is not as the client knows it."""
        if self.box is None:
            return
        now = self.box.messages()
        if now is self.told:
            return
        self.told = now if expunge else None
        there = {message.uid: message for message in now}
        if expunge:
            for number in range(len(self.view), 0, -1):
                if self.view[number - 1].uid not in there:
                    self.say("* %d EXPUNGE" % number)
                    del self.view[number - 1]
        for number, message in enumerate(self.view, 1):
            found = there.get(message.uid)
            if found is not None:
                if found.flags != message.flags:
                    self.say("* %d FETCH (UID %d FLAGS (%s))" % (number, found.uid, self._flags(found)))
                self.view[number - 1] = found
        highest = max((message.uid for message in self.view), default=0)
        new = [message for message in now if message.uid > highest]
        if new:
            if not self.read_only:
                self.recent |= self.box.take_in()
            self.view += new
            self.say("* %d EXISTS\n* %d RECENT" % (len(self.view), self._recent()))

    def _flags(self, message: Message) -> str:
        return " ".join(sorted(message.flags) + (["\\Recent"] if message.name in self.recent else []))

    def _do_idle(self) -> str:
        kind = self.behaviour.idle
        self.say("+ idling")
        if kind == "bye":
            self.say("* BYE Disconnected for inactivity")
            self.end()
        if kind == "end":
            return "OK That is enough"
        last = time.monotonic()
        while True:
            if kind != "silent":
                self._news()
            if kind == "chatter" and time.monotonic() - last > 0.1:
                last = time.monotonic()
                self.say("* OK Still here")
            try:
                line = self.line(_IDLE_POLL)
            except socket.timeout:
                continue
            if line.upper() != b"DONE":
                raise Wrong("DONE is expected")
            self._news()
            return "OK Done"

    # -- messages -----------------------------------------------------------------------------------

    def _chosen(self, word: Word, by_uid: bool) -> t.List[t.Tuple[int, Message]]:
        """With their numbers."""
        highest = max((message.uid for message in self.view), default=0) if by_uid else len(self.view)
        chosen = numbers_in(text_of(word), highest)
        found = [(number, message) for number, message in enumerate(self.view, 1) if chosen(message.uid if by_uid else number)]
        if not found and not by_uid:
            raise Wrong("no such messages")
        return found

    def _raw(self, message: Message) -> bytes:
        assert self.box is not None
        return wire(self.box.read(message) or b"")

    def _do_search(self, by_uid: bool) -> str:
        words = list(self.words)
        if len(words) > 1 and isinstance(words[0], Atom) and words[0].upper_text == "CHARSET":
            if text_of(words[1]).upper() not in CHARSETS:
                raise _No("[BADCHARSET (%s)] Unknown charset" % " ".join(CHARSETS))
            del words[:2]
        search = Search(words, len(self.view), max((message.uid for message in self.view), default=0))
        found = []
        for number, message in enumerate(self.view, 1):
            raw: t.Callable[[], bytes] = functools.partial(self._raw, message)
            asked = Found(number, message.uid, message.flags, message.when, message.name in self.recent, raw)
            if search(asked):
                found.append(message.uid if by_uid else number)
        kind = self.behaviour.search
        if kind == "several":
            for one in found:
                self.say("* SEARCH %d" % one)
        elif kind != "missing":
            self.say(" ".join(["* SEARCH", *map(str, found)]) + (" " if kind == "blank" else ""))
        return "OK Done"

    def _do_fetch(self, by_uid: bool) -> str:
        fetcher = Fetcher(self.words[1], by_uid, self.behaviour)
        chosen = self._chosen(self.words[0], by_uid)
        kind = self.behaviour.fetch
        if kind == "reversed":
            chosen.reverse()
        if kind == "missing":
            chosen = chosen[:-1]
        for place, (number, message) in enumerate(chosen):
            if fetcher.reads and self.box is not None and self.box.maildir.find(message.name) is None:
                # it is gone, and the client will hear of it later
                continue
            if kind == "gone" and place == 1:
                assert self.box is not None
                self.box.remove(message)
                self.view = [other for other in self.view if other.uid != message.uid]
                self.say("* %d EXPUNGE" % number)
                continue
            message = self._mark_seen(message, number) if fetcher.marks and not self.read_only else message
            self._send_items(number if kind != "gone" or place == 0 else number - 1, fetcher, message)
        return "OK Done"

    def _send_items(self, number: int, fetcher: Fetcher, message: Message) -> None:
        items = fetcher.items(message, self._flags(message), lambda: self._raw(message))
        parts = items[0:1] if not items else [b" ".join(items)]
        if self.behaviour.fetch == "split":
            uid = b"UID %d" % message.uid
            parts = [item if item == uid else uid + b" " + item for item in items]
        for part in parts * (2 if self.behaviour.fetch == "doubled" else 1):
            self.send(b"* %d FETCH (%s)\r\n" % (number, part))

    def _mark_seen(self, message: Message, number: int) -> Message:
        if "\\Seen" in message.flags:
            return message
        return self._set(number, message, message.flags | {"\\Seen"})

    def _set(self, number: int, message: Message, flags: t.Iterable[str]) -> Message:
        assert self.box is not None
        self.view[number - 1] = found = self.box.set_flags(message, flags)
        return found

    def _writable(self) -> None:
        if self.read_only:
            raise _No("[NOPERM] The mailbox is read-only")

    def _do_store(self, by_uid: bool) -> str:
        self._writable()
        how = text_of(self.words[1]).upper()
        rest = self.words[2:]
        words = rest[0] if isinstance(rest[0], list) else rest
        known = {flag.lower(): flag for flag in _FLAGS.split(" ")}
        given = frozenset(known.get(text_of(word).lower(), text_of(word)) for word in words)
        action = how.replace(".SILENT", "")
        if action not in ("FLAGS", "+FLAGS", "-FLAGS") or "\\Recent" in given:
            raise Wrong("what is to be stored?")
        for number, message in self._chosen(self.words[0], by_uid):
            flags = given if action == "FLAGS" else message.flags | given if action == "+FLAGS" else message.flags - given
            found = self._set(number, message, flags)
            if not how.endswith(".SILENT"):
                self.say("* %d FETCH (%sFLAGS (%s))" % (number, "UID %d " % found.uid if by_uid else "", self._flags(found)))
        return "OK Done"

    def _copy(self, by_uid: bool) -> t.Tuple[t.List[Message], str]:
        target = self.server.boxes.get(text_of(self.words[1]))
        if target is None:
            raise _No("[TRYCREATE] Mailbox doesn't exist")
        done: t.List[Message] = []
        uids: t.List[int] = []
        for _number, message in self._chosen(self.words[0], by_uid):
            raw = t.cast(Box, self.box).read(message)
            if raw is not None:
                uids.append(target.add(raw, message.flags, message.when))
                done.append(message)
        if not done or "UIDPLUS" in self.behaviour.hide:
            return done, ""
        sets = tuple(",".join(map(str, numbers)) for numbers in ([message.uid for message in done], uids))
        return done, "[COPYUID %d %s %s] " % (target.validity, *sets)

    def _do_copy(self, by_uid: bool) -> str:
        return "OK %sDone" % self._copy(by_uid)[1]

    def _do_move(self, by_uid: bool) -> str:
        self._writable()
        done, told = self._copy(by_uid)
        if told:
            self.say("* OK %sMoved" % told)
        for message in done:
            t.cast(Box, self.box).remove(message)
        self._news()
        return "OK Done"

    def _do_expunge(self, by_uid: bool) -> str:
        self._writable()
        chosen = {message.uid for _number, message in self._chosen(self.words[0], True)} if by_uid else None
        for message in t.cast(Box, self.box).messages():
            if "\\Deleted" in message.flags and (chosen is None or message.uid in chosen):
                t.cast(Box, self.box).remove(message)
        self._news()
        return "OK Done"


class ImapServer(LineServer[Behaviour]):
    """The server in threads of this process."""

    session = _ImapSession

    def __init__(self, directory: t.Union[str, pathlib.Path], maildir: t.Union[str, pathlib.Path, None] = None) -> None:
        super().__init__(directory, "imapd", Behaviour)
        self.maildir = pathlib.Path(maildir or self.directory / "Maildir")
        self.boxes = Boxes(self.maildir)

    def box(self, name: str = "INBOX") -> Box:
        """A mailbox, which is made where it is not there."""
        found = self.boxes.get(name, create=True)
        assert found is not None
        return found

    def deliver(self, raw: bytes, when: t.Optional[float] = None, name: str = "INBOX") -> str:
        """A new message; the name of its file."""
        return self.box(name).maildir.deliver(raw, when)

    def forget(self) -> None:
        """Empty INBOX, with UIDs from 1 again, and no other mailboxes."""
        for name in self.boxes.names():
            self.boxes.delete(name)
        self.box().maildir.clear()
        self.renumber()

    def renumber(self, name: str = "INBOX") -> None:
        """Another UIDVALIDITY, and UIDs from 1."""
        self.box(name).renumber()

    def facts(self) -> t.Dict[str, t.Any]:
        return {**super().facts(), "maildir": str(self.maildir)}


def main() -> None:
    """The command."""
    known = parser("An IMAP server for tests, on loopback.")
    known.add_argument("--maildir", help="the Maildir to serve, in place of DIRECTORY/Maildir")
    options = known.parse_args()
    run(ImapServer(options.directory, options.maildir), options)


if __name__ == "__main__":
    main()
