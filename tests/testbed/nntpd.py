# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A news server for tests and for the demo: real, on loopback, and able to misbehave on purpose.

    python nntpd.py DIRECTORY [--group NAME]… [--while PATH] [--lifetime SECONDS]

listens on free ports of 127.0.0.1 and ::1, writes ``DIRECTORY/nntpd.json`` (``host``, ``port`` with
STARTTLS, ``tls_port`` with TLS at once, ``ca``, ``spool``, ``pid``), prints the same as one line,
and serves ``DIRECTORY/spool``: ``GROUP/NUMBER`` is an article. What it was told is in
``DIRECTORY/nntpd-commands.jsonl``. It ends when its standard input does, or with ``--while`` when
PATH is gone, or after the lifetime, or when the process that started it is gone.

The commands for readers of RFC 3977, with XOVER, XHDR, STARTTLS (RFC 4642) and AUTHINFO (RFC 4643);
it checks and completes what is posted, and takes back what is cancelled or superseded, as INN does.
How it behaves is read from ``DIRECTORY/nntpd-behaviour.json`` for each connection: see Behaviour.
In Python: ``with NewsServer(directory) as server: server.add_article("fleet.test", raw); server.behave(transit=True); … server.articles()``.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import fnmatch
import os
import pathlib
import re
import sys
import time
import typing as t

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from linewise import TOKENS, USERS, LineServer, run
from maildir import wire
from passwords import Cancelled, authenticate, check, decode
from posting import HOST, new_id, post
from serving import parser
from session import LineBehaviour, Session
from spool import Article, Spool, split

__all__ = ["TOKENS", "USERS", "Behaviour", "NewsServer"]

_TWO_WORDS = {"MODE", "AUTHINFO", "LIST"}
_OVERVIEW = ["Subject:", "From:", "Date:", "Message-ID:", "References:", ":bytes", ":lines", "Xref:full"]
_ANY_TIME = {"CAPABILITIES", "QUIT", "HELP", "MODE READER", "AUTHINFO USER", "AUTHINFO PASS", "AUTHINFO SASL"}
_BEFORE_LOGIN = {"STARTTLS", "DATE"}
_METHODS = {"ARTICLE": 220, "HEAD": 221, "BODY": 222, "STAT": 223}


@dataclasses.dataclass
class Behaviour(LineBehaviour):
    """What the server does besides what it should: all that LineBehaviour has, and this.

    LIST ACTIVE, MODE READER, AUTHINFO PASS are commands of their own; "posted" stands for the article after POST: what is
    answered in its place has not been posted, ``replies: {"posted": ["done"]}`` has, and ``drop`` has not.
    After a reply that begins with 400 the connection ends. ``hide`` knows commands, and the capabilities MSGID (OVER by
    Message-ID), MODE-READER, READER, POST, AUTHINFO, SASL, STARTTLS.

    login: "", all (480 until somebody has logged in), post (for POST alone).   tls_needed: 483 until it is encrypted.
    transit: 401 until MODE READER, and capabilities without READER, as INN does.   read_only: 201, and 440 to POST.
    late: seconds until an article that was posted is seen.   recommend: whether 340 names a Message-ID.
    duplicate: the reply to a Message-ID that is known.   cancels: without it, Control and Supersedes are taken, and not obeyed.
    count_off: added to the number that GROUP tells.   clock: seconds that DATE is ahead.
    overview: "", short (fields are missing at the end), garbled (lines that are none among the others), reversed, doubled,
    headers (Xref without its name), foreign (another order of fields and other names, as LIST OVERVIEW.FMT says).
    stuffing: without it, lines that begin with a dot are sent as they are.   lines: crlf, or lf (of articles alone).
    """

    login: str = ""
    tls_needed: bool = False
    transit: bool = False
    read_only: bool = False
    late: float = 0.0
    recommend: bool = True
    duplicate: str = "441 435 Duplicate"
    cancels: bool = True
    count_off: int = 0
    clock: float = 0.0
    overview: str = ""
    stuffing: bool = True
    lines: str = "crlf"


class _Reply(Exception):
    """A command that ends here, with this."""


class _NewsSession(Session):
    server: NewsServer
    behaviour: Behaviour

    def __init__(self, server: NewsServer, sock: t.Any, implicit: bool) -> None:
        super().__init__(server, sock, implicit)
        self.spool = server.spool
        self.reader = not self.behaviour.transit
        self.login = ""
        self.group = ""
        self.current = 0
        self.posted = b""
        self.recommended = ""

    def ends(self, reply: str) -> bool:
        return reply.startswith("400")

    def greet(self) -> None:
        kind = "NNRP server ready" if self.reader else "server ready (transit mode)"
        self.say("%d %s fleet test bed %s" % (201 if self.behaviour.read_only else 200, HOST, kind))

    def parse(self, line: str) -> t.Tuple[str, str]:
        words = [*line.split(None, 1), "", ""]
        verb, rest = words[0].upper(), words[1].strip()
        if verb in _TWO_WORDS and rest:
            second, _space, rest = rest.partition(" ")
            return verb + " " + second.upper(), rest.strip()
        return verb, rest

    def do(self, verb: str, rest: str) -> None:
        try:
            if verb == "posted":
                self._keep()
                return
            self._allowed(verb)
            first = verb.partition(" ")[0]
            name = verb.lower().replace(" ", "_").replace(".", "_")
            method = getattr(self, "_do_" + name, None)
            if verb in _METHODS:
                self._article(verb, rest)
            elif method is None or not re.match(r"[a-z_]+\Z", name) or {verb, first} & set(self.behaviour.hide):
                raise _Reply({"LIST": "501 Unknown LIST keyword", "MODE": "501 Unknown MODE variant"}.get(first, "500 What?"))
            else:
                method(rest)
        except _Reply as reply:
            self.say(str(reply))

    def _allowed(self, verb: str) -> None:
        behaviour = self.behaviour
        if verb not in _ANY_TIME:
            if behaviour.tls_needed and not self.encrypted and verb != "STARTTLS":
                raise _Reply("483 Encryption required")
            if not self.reader:
                raise _Reply("401 MODE-READER")
            if not self.user and ((behaviour.login == "all" and verb not in _BEFORE_LOGIN) or (behaviour.login == "post" and verb == "POST")):
                raise _Reply("480 %s" % ("Posting not allowed" if verb == "POST" else "Read access denied"))

    # -- sessions -----------------------------------------------------------------------------------

    def _do_capabilities(self, _rest: str) -> None:
        behaviour, found = self.behaviour, ["VERSION 2", "IMPLEMENTATION fleet test bed"]
        if self.reader:
            found += ["READER", "OVER MSGID" if "MSGID" not in behaviour.hide else "OVER", "HDR", "NEWNEWS"]
            found.append("LIST ACTIVE ACTIVE.TIMES COUNTS HEADERS NEWSGROUPS OVERVIEW.FMT")
            if not behaviour.read_only and (self.user or not behaviour.login):
                found.append("POST")
            if not self.encrypted and behaviour.starttls != "hide":
                found.append("STARTTLS")
        else:
            found += ["IHAVE", "MODE-READER", "STREAMING"]
        if not self.user:
            ways = ["USER"] if self.may_log_in else []
            ways += ["SASL"] if self.mechanisms() and "SASL" not in behaviour.hide else []
            found.append(" ".join(["AUTHINFO", *ways]))
            if "SASL" in ways:
                found.append("SASL " + " ".join(self.mechanisms()))
        self._list(101, "Capability list", [line for line in found if line.split(" ", 1)[0] not in behaviour.hide])

    def _list(self, code: int, text: str, lines: t.Iterable[t.Union[str, bytes]]) -> None:
        self.say("%d %s" % (code, text))
        rows = [line if isinstance(line, bytes) else line.encode("utf-8", "surrogateescape") for line in lines]
        self.send_block(b"".join(row + b"\r\n" for row in rows))

    def _do_mode_reader(self, _rest: str) -> None:
        self.reader = True
        self.say("201 Posting prohibited" if self.behaviour.read_only else "200 Posting allowed")

    def _do_quit(self, _rest: str) -> None:
        self.say("205 Bye")
        self.end()

    def _do_help(self, _rest: str) -> None:
        self._list(100, "Legal commands", sorted(name[4:].upper() for name in dir(self) if name.startswith("_do_")))

    def _do_date(self, _rest: str) -> None:
        self.say(time.strftime("111 %Y%m%d%H%M%S", time.gmtime(time.time() + self.behaviour.clock)))

    def _do_starttls(self, _rest: str) -> None:
        refusal = "502 TLS is active already" if self.encrypted else "580 Can not initiate TLS negotiation"
        if self.start_tls("382 Begin TLS negotiation now", refusal, "200 injected"):
            self.login = self.group = ""
            self.current = 0

    # -- logging in ---------------------------------------------------------------------------------

    def _may_begin(self) -> None:
        if self.user:
            raise _Reply("502 You are logged in")
        if not self.may_log_in:
            raise _Reply("483 Encryption required")

    def _do_authinfo_user(self, rest: str) -> None:
        self._may_begin()
        self.login = rest
        self.say("381 Enter password")

    def _do_authinfo_pass(self, rest: str) -> None:
        self._may_begin()
        if not self.login:
            raise _Reply("482 AUTHINFO USER goes first")
        self._enter(check(self.server.users, self.login.encode("utf-8", "surrogateescape"), rest.encode("utf-8", "surrogateescape")))

    def _do_authinfo_sasl(self, rest: str) -> None:
        name, _space, initial = rest.partition(" ")
        if self.user:
            raise _Reply("502 You are logged in")
        if name.upper() not in self.behaviour.mechanisms or "SASL" in self.behaviour.hide:
            raise _Reply("503 Mechanism not recognized")
        if name.upper() not in self.mechanisms():
            raise _Reply("483 Encryption required")

        def ask(challenge: bytes) -> bytes:
            self.send(b"383 " + (base64.b64encode(challenge) or b"=") + b"\r\n")
            return decode(self.line())

        try:
            first = decode(b"" if initial == "=" else initial.encode()) if initial else None
            self._enter(authenticate(name.upper(), first, ask, self.server.users, self.server.tokens))
        except Cancelled as cancelled:
            raise _Reply("481 Authentication %s" % cancelled) from cancelled

    def _enter(self, user: t.Optional[str]) -> None:
        if user is None:
            raise _Reply("481 Authentication failed")
        self.user = user
        self.say("281 Authentication succeeded")

    # -- groups and articles ------------------------------------------------------------------------

    def _numbers(self, group: str = "") -> t.Dict[int, Article]:
        if not (group or self.group):
            raise _Reply("412 No newsgroup selected")
        return self.spool.numbers(group or self.group)

    def _water(self, group: str) -> t.Tuple[int, int, int]:
        """How many articles, the lowest number, the highest."""
        numbers = self.spool.numbers(group)
        high = max([*numbers, *([] if numbers else [self.spool.groups[group].high])])
        return len(numbers), min(numbers, default=high + 1), high

    def _enter_group(self, name: str) -> str:
        if name not in self.spool.groups:
            raise _Reply("411 No such group %s" % name)
        self.group = name
        count, low, high = self._water(name)
        self.current = low if count else 0
        return "211 %d %d %d %s" % (max(0, count + self.behaviour.count_off), low, high, name)

    def _do_group(self, rest: str) -> None:
        self.say(self._enter_group(rest))

    def _do_listgroup(self, rest: str) -> None:
        words = rest.split()
        if not words and not self.group:
            raise _Reply("412 No newsgroup selected")
        reply = self._enter_group(words[0] if words else self.group)
        chosen = self._chosen(words[1], self._numbers()) if len(words) > 1 else self._numbers()
        self.say(reply + " list follows")
        self.send(b"".join(b"%d\r\n" % number for number in chosen) + b".\r\n")

    @staticmethod
    def _chosen(text: str, numbers: t.Dict[int, Article]) -> t.Dict[int, Article]:
        found = re.match(r"(\d{1,18})(?:(-)(\d{1,18})?)?\Z", text)
        if found is None:
            raise _Reply("501 Syntax error")
        low = int(found.group(1))
        high = low if not found.group(2) else int(found.group(3)) if found.group(3) else max(numbers, default=0)
        return {number: article for number, article in numbers.items() if low <= number <= high}

    def _one(self, rest: str) -> t.Tuple[int, Article]:
        """By number, by Message-ID (number 0), or the current one."""
        if rest.startswith("<"):
            article = self.spool.by_id(rest)
            if article is None:
                raise _Reply("430 No such article")
            return 0, article
        numbers = self._numbers()
        if not rest:
            if self.current not in numbers:
                raise _Reply("420 No current article")
            return self.current, numbers[self.current]
        if not (rest.isascii() and rest.isdigit()):
            raise _Reply("501 Syntax error")
        if int(rest) not in numbers:
            raise _Reply("423 No such article number in this group")
        self.current = int(rest)
        return self.current, numbers[self.current]

    def _article(self, verb: str, rest: str) -> None:
        if verb in self.behaviour.hide:
            raise _Reply("500 What?")
        number, article = self._one(rest)
        self.say("%d %d %s" % (_METHODS[verb], number, article.message_id))
        if verb == "STAT":
            return
        head, body = split(article.raw)
        data = {"ARTICLE": article.raw, "HEAD": head, "BODY": body}[verb]
        if self.behaviour.lines == "lf":
            data = data.replace(b"\r\n", b"\n").replace(b"\n.", b"\n..")
            self.send((b"." + data if data.startswith(b".") else data) + (b"" if data.endswith(b"\n") else b"\n") + b".\r\n")
        else:
            self.send_block(data, self.behaviour.stuffing)

    def _step(self, up: bool) -> None:
        numbers = self._numbers()
        if not self.current:
            raise _Reply("420 No current article")
        further = [number for number in numbers if (number > self.current if up else number < self.current)]
        if not further:
            raise _Reply("421 No next article" if up else "422 No previous article")
        self.current = min(further) if up else max(further)
        self.say("223 %d %s" % (self.current, numbers[self.current].message_id))

    def _do_next(self, _rest: str) -> None:
        self._step(True)

    def _do_last(self, _rest: str) -> None:
        self._step(False)

    # -- overviews ----------------------------------------------------------------------------------

    def _range(self, rest: str, missing: str) -> t.Dict[int, Article]:
        """What a command is about: a range, a Message-ID, or the current article."""
        if rest.startswith("<") or not rest:
            if rest and "MSGID" in self.behaviour.hide:
                raise _Reply("503 Overview by Message-ID unsupported")
            number, article = self._one(rest)
            return {number: article}
        found = self._chosen(rest, self._numbers())
        if not found:
            raise _Reply(missing)
        return found

    def _do_over(self, rest: str, missing: str = "423 No articles in that range") -> None:
        found = self._range(rest, missing)
        rows = [self._overview(number, article) for number, article in found.items()]
        kind = self.behaviour.overview
        if kind == "reversed":
            rows.reverse()
        elif kind == "doubled":
            rows = [row for row in rows for _time in range(2)]
        elif kind == "garbled":
            rows = [line for row in rows for line in (b"", b"no number\tSubject", row, b"\xff\xfe\t\t")]
        self._list(224, "Overview information follows", rows)

    def _do_xover(self, rest: str) -> None:
        # the answer of INN: a list, which is empty
        self._do_over(rest, "224 No articles in that range\n.")

    def _overview(self, number: int, article: Article) -> bytes:
        kind = self.behaviour.overview
        values = [_clean(_value(article, name)) for name in self._overview_format()]
        if kind != "headers" and values[-1]:
            values[-1] = b"Xref: " + values[-1]
        return b"\t".join([b"%d" % number, *values[: 4 if kind == "short" else None]])

    def _overview_format(self) -> t.List[str]:
        return ["From:", "Subject:", *_OVERVIEW[2:5], "Bytes:", "Lines:", "Xref:full"] if self.behaviour.overview == "foreign" else _OVERVIEW

    def _do_hdr(self, rest: str, code: int = 225) -> None:
        name, _space, which = rest.partition(" ")
        if not name:
            raise _Reply("501 Syntax error")
        found = self._range(which.strip(), "423 No articles in that range")
        rows = []
        for number, article in found.items():
            value = _clean(_value(article, name if name.startswith(":") else name + ":"))
            rows.append(b"%d %s" % (number, value))
        self._list(code, "Header follows", rows)

    def _do_xhdr(self, rest: str) -> None:
        self._do_hdr(rest, 221)

    # -- lists --------------------------------------------------------------------------------------

    def _matching(self, wildmat: str) -> t.List[str]:
        return [name for name in sorted(self.spool.groups) if not wildmat or matches(wildmat, name)]

    def _do_list(self, _rest: str) -> None:
        self._do_list_active("")

    def _do_list_active(self, rest: str) -> None:
        rows = []
        for name in self._matching(rest):
            _count, low, high = self._water(name)
            rows.append("%s %010d %010d %s" % (name, high, low, self.spool.groups[name].status))
        self._list(215, 'Newsgroups in form "group high low status"', rows)

    def _do_list_counts(self, rest: str) -> None:
        rows = []
        for name in self._matching(rest):
            count, low, high = self._water(name)
            rows.append("%s %d %d %d %s" % (name, high, low, count, self.spool.groups[name].status))
        self._list(215, 'Newsgroups in form "group high low count status"', rows)

    def _do_list_newsgroups(self, rest: str) -> None:
        self._list(215, "Descriptions", ["%s\t%s" % (name, self.spool.groups[name].description) for name in self._matching(rest)])

    def _do_list_active_times(self, rest: str) -> None:
        self._list(215, "Group creations", ["%s %d news@%s" % (name, self.spool.groups[name].created, HOST) for name in self._matching(rest)])

    def _do_list_overview_fmt(self, _rest: str) -> None:
        self._list(215, "Order of fields", self._overview_format())

    def _do_list_headers(self, _rest: str) -> None:
        self._list(215, "Metadata items", [":", ":lines", ":bytes"])

    def _do_newgroups(self, rest: str) -> None:
        since = _time(rest)
        rows = []
        for name in self._matching(""):
            _count, low, high = self._water(name)
            if self.spool.groups[name].created >= since:
                rows.append("%s %d %d %s" % (name, high, low, self.spool.groups[name].status))
        self._list(231, "New newsgroups follow", rows)

    def _do_newnews(self, rest: str) -> None:
        wildmat, _space, when = rest.partition(" ")
        since = _time(when)
        found = [
            article.message_id
            for article in self.spool.articles()
            if article.arrived >= since and article.seen_from <= time.monotonic() and any(matches(wildmat, name) for name in article.groups)
        ]
        self._list(230, "New news follows", found)

    # -- posting ------------------------------------------------------------------------------------

    def _do_post(self, _rest: str) -> None:
        if self.behaviour.read_only:
            raise _Reply("440 Posting not allowed")
        self.recommended = new_id()
        self.say("340 Ok" + (", recommended message-ID " + self.recommended if self.behaviour.recommend else ""))
        self.posted = self.block()
        self.answer("posted", "")

    def _keep(self) -> None:
        behaviour = self.behaviour
        recommended = self.recommended if behaviour.recommend else ""
        found = post(self.spool, self.posted, self.user, behaviour.late, recommended, behaviour.cancels)
        self.say(self.behaviour.duplicate if found.reply == "441 435 Duplicate" else found.reply)


def matches(wildmat: str, name: str) -> bool:
    """RFC 3977, section 4: the last pattern that matches decides."""
    decided = False
    for pattern in wildmat.split(","):
        if re.match(fnmatch.translate(pattern.lstrip("!")), name):
            decided = not pattern.startswith("!")
    return decided


def _clean(value: bytes) -> bytes:
    return re.sub(rb"[\t\r\n\0]", b" ", value)


def _value(article: Article, name: str) -> bytes:
    """A field of an overview, or of HDR."""
    if name.lower() in (":bytes", "bytes:"):
        return b"%d" % len(article.raw)
    if name.lower() in (":lines", "lines:"):
        return b"%d" % len(article.body.splitlines())
    name = name.partition(":")[0]
    return article.message_id.encode("utf-8", "surrogateescape") if name.lower() == "message-id" else article.field(name)


def _time(text: str) -> float:
    """``[yy]yymmdd hhmmss [GMT]``; without GMT the clock of the server, which is the same."""
    words = text.split()
    try:
        day = words[0] if len(words[0]) == 8 else ("20" if words[0] < "70" else "19") + words[0]
        found = datetime.datetime.strptime(day + words[1], "%Y%m%d%H%M%S")
    except (IndexError, ValueError) as error:
        raise _Reply("501 Syntax error") from error
    return found.replace(tzinfo=datetime.timezone.utc).timestamp()


class NewsServer(LineServer[Behaviour]):
    """The server in threads of this process."""

    session = _NewsSession

    def __init__(self, directory: t.Union[str, pathlib.Path]) -> None:
        super().__init__(directory, "nntpd", Behaviour)
        self.spool = Spool(self.directory / "spool")

    def add_group(self, name: str, status: str = "y", description: str = "", created: t.Optional[float] = None) -> None:
        """A newsgroup: y, n (no posting) or m (moderated); created in seconds."""
        self.spool.add_group(name, status, description, created)

    def add_article(self, groups: t.Union[str, t.Sequence[str]], raw: bytes, arrived: t.Optional[float] = None) -> int:
        """File an article as it is, with no check and nothing added; its number in the first of the groups."""
        names = [groups] if isinstance(groups, str) else list(groups)
        return self.spool.add(names, wire(raw), arrived).groups[names[0]]

    def articles(self, group: str = "") -> t.List[Article]:
        """What is there, in the order in which it came."""
        return [article for article in self.spool.articles() if not group or group in article.groups]

    def cancel(self, message_id: str) -> None:
        """Take an article back."""
        self.spool.remove(message_id)

    def forget(self) -> None:
        """Without groups and articles."""
        self.spool.clear()

    def facts(self) -> t.Dict[str, t.Any]:
        return {**super().facts(), "spool": str(self.spool.path)}


def main() -> None:
    """The command."""
    known = parser("A news server for tests, on loopback.")
    known.add_argument("--group", action="append", default=[], help="a newsgroup that is made where it is not there")
    options = known.parse_args()
    server = NewsServer(options.directory)
    for name in options.group:
        server.add_group(name)
    run(server, options)


if __name__ == "__main__":
    main()
