# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A news server as a client sees it (RFC 3977; RFC 2980 for older ones).

Private to this collection. Errors are FleetproofErrors; after one of kind connect, timeout or protocol the connection is over.
"""

from __future__ import annotations

import bisect
import collections
import datetime
import re
import typing as t

from .._errors import FleetproofError
from .._message.fields import parse_fields
from .._message.record import message_id_of
from .._net.auth import Credentials
from .._net.stream import Endpoint
from .._values import display_name
from .connection import Connection
from .groups import Group, Listed, read_active, read_counts, read_group
from .names import Wildmat, group_name, is_message_id, message_id, moment
from .overview import FORMAT, BrokenLine, Overview, of_header, read_format, read_line
from .replies import Mismatch, Reply, TooLarge

Key = t.Union[int, str]  # the number of an article in the group that is selected, or a message id

_LIST = 268435456  # octets; half a million groups, or articles
_HEADER = 8388608  # octets
_ARTICLE = 67108864  # octets
_AHEAD = 16  # commands that are sent ahead of their answers: small enough to never fill a socket
_GONE = frozenset((420, 421, 422, 423, 430))
_CODES = {"ARTICLE": 220, "HEAD": 221, "BODY": 222}
_PATIENCE_AFTER_POST = 10.0  # times the timeout; a server looks at an article before it takes it


class Piece(t.NamedTuple):
    """An article, header or body that was asked for by ``key``; ``raw`` is None when the server does not have it (any more), see ``reply``."""

    key: Key
    raw: t.Optional[bytes]
    reply: Reply


class NewsServer:
    """A connection to a news server."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.where = connection.where
        self.selected: t.Optional[Group] = None
        self._order: t.Optional[t.Sequence[str]] = None
        self._numbers: t.Optional[t.Tuple[t.Optional[Group], t.List[int]]] = None

    @classmethod
    def connect(cls, endpoint: Endpoint, credentials: t.Optional[Credentials] = None) -> NewsServer:
        """One that is encrypted and logged in as asked, and ready for reading."""
        return cls(Connection(endpoint, credentials))

    # -- what it is -----------------------------------------------------------------------------

    @property
    def capabilities(self) -> t.Optional[t.Dict[str, t.List[str]]]:
        """Arguments by label; None for a server that does not tell."""
        return self._connection.capabilities

    @property
    def posting(self) -> bool:
        """Whether the server says that we may post."""
        return self._connection.posting

    @property
    def warnings(self) -> t.List[str]:
        """What the way in draws."""
        return self._connection.warnings

    def facts(self) -> t.Dict[str, t.Any]:
        """RV(server)."""
        capabilities = self.capabilities or {}
        stream = self._connection.stream
        return {
            "implementation": " ".join(capabilities.get("IMPLEMENTATION", [])),
            "capabilities": capabilities,
            "posting": self.posting,
            "tls_version": stream.tls_version,
            "cipher": stream.cipher,
        }

    def date(self) -> t.Optional[float]:
        """The time of the server in seconds since the epoch; None when it does not tell."""
        reply = self._connection.ask("DATE")
        if reply.code != 111:
            if reply.unknown:
                return None
            raise self._refusal("tell the time", reply)
        try:
            return datetime.datetime.strptime(reply.text.split(" ")[0], "%Y%m%d%H%M%S").replace(tzinfo=datetime.timezone.utc).timestamp()
        except ValueError:
            return None

    # -- groups ---------------------------------------------------------------------------------

    def group(self, name: str) -> Group:
        """Select a group: numbers of articles mean those in it."""
        self.selected = None
        reply = self._connection.ask("GROUP " + group_name(name, "group"))
        if reply.code != 211:
            raise self._refusal("open the group %s" % name, reply)
        found = read_group(reply.text, name)
        if found is None:
            raise self._nonsense("GROUP", reply)
        self.selected = found
        return found

    def list_active(self, wildmat: Wildmat) -> t.Iterator[Listed]:
        """The groups that are meant, with counts where the server tells them (LIST COUNTS, RFC 6048). Lines that make no sense are left out."""
        read, reply = read_active, None
        if self._connection.has("LIST", "COUNTS"):
            read, reply = read_counts, self._connection.ask("LIST COUNTS " + wildmat.text)
        if reply is None or reply.code != 215:
            read, reply = read_active, self._connection.ask("LIST ACTIVE " + wildmat.text)
        if reply.unknown:
            # older than patterns
            reply = self._connection.ask("LIST")
        if reply.code != 215:
            raise self._refusal("list its groups", reply)
        return self._listed(read, wildmat)

    def list_newsgroups(self, wildmat: Wildmat) -> t.Dict[str, str]:
        """Descriptions by name of group; of those alone that have one."""
        reply = self._connection.ask("LIST NEWSGROUPS " + wildmat.text)
        if reply.code != 215:
            if reply.unknown or reply.code == 502:
                return {}
            raise self._refusal("describe its groups", reply)
        found = {}
        for line in self._connection.lines(_LIST):
            words = line.decode("utf-8", "surrogateescape").split(None, 1)
            if len(words) == 2 and wildmat.match(words[0]):
                found[words[0]] = words[1].strip()
        return found

    def newgroups(self, since: float, wildmat: Wildmat) -> t.Optional[t.List[Listed]]:
        """Groups that were made since then, by the clock of the server; None when it does not tell."""
        reply = self._connection.ask("NEWGROUPS " + moment(since))
        if reply.code != 231:
            if reply.unknown or reply.code == 502:
                return None
            raise self._refusal("tell which groups are new", reply)
        return list(self._listed(read_active, wildmat))

    def newnews(self, wildmat: Wildmat, since: float) -> t.Optional[t.List[str]]:
        """Ids of articles that came since then, by the clock of the server; None when it does not tell."""
        reply = self._connection.ask("NEWNEWS %s %s" % (wildmat.text, moment(since)), _PATIENCE_AFTER_POST)
        if reply.code != 230:
            if reply.unknown or reply.code in (480, 502):
                return None
            raise self._refusal("tell which articles are new", reply)
        found = (line.decode("utf-8", "replace").strip() for line in self._connection.lines(_LIST))
        return list(dict.fromkeys(filter(is_message_id, found)))

    def _listed(self, read: t.Callable[[bytes], t.Optional[Listed]], wildmat: Wildmat) -> t.Iterator[Listed]:
        for line in self._connection.lines(_LIST):
            group = read(line)
            if group is not None and wildmat.match(group.name):
                yield group

    # -- what is in a group ---------------------------------------------------------------------

    def over(self, first: int, last: int) -> t.Iterator[t.Union[Overview, BrokenLine]]:
        """What the group that is selected has between two numbers, by OVER, XOVER, or the headers themselves where there is neither."""
        if first > last:
            return
        if self._order is None:
            reply = self._connection.ask("LIST OVERVIEW.FMT")
            self._order = read_format(self._connection.lines(_LIST)) if reply.code == 215 else FORMAT
        reply = self._connection.ask("%s %d-%d" % ("OVER" if self._connection.has("OVER") else "XOVER", first, last))
        if reply.code == 224:
            for line in self._connection.lines(_LIST):
                yield read_line(line, first, last, self._order)
            return
        if reply.code in _GONE:
            return
        if not reply.unknown and reply.code != 502:
            raise self._refusal("list the articles %d to %d" % (first, last), reply)
        for piece in self.fetch("HEAD", self.numbers(first, last), _HEADER):
            if piece.raw is not None:
                yield of_header(piece.raw, int(piece.key), piece.reply.text)

    def numbers(self, first: int, last: int) -> t.Sequence[int]:
        """The numbers of the articles in the group that is selected, as far as the server tells (LISTGROUP); without holes where it does not."""
        if self._numbers is None or self._numbers[0] != self.selected:
            reply = self._connection.ask("LISTGROUP")
            if reply.code != 211:
                if reply.unknown or reply.code in _GONE or reply.code == 502:
                    return range(first, last + 1)
                raise self._refusal("list the numbers of articles", reply)
            found = {int(line) for line in self._connection.lines(_LIST) if re.match(rb"[0-9]{1,18}\Z", line)}
            # old servers know no ranges here, so it is asked for once
            self._numbers = (self.selected, sorted(found))
        numbers = self._numbers[1]
        return numbers[bisect.bisect_left(numbers, first) : bisect.bisect_right(numbers, last)]

    # -- articles -------------------------------------------------------------------------------

    def article(self, key: Key, limit: int = _ARTICLE) -> bytes:
        """An article, whole, with CRLF. ``key`` is a message id or a number in the group that is selected."""
        return self._one("ARTICLE", key, limit)

    def head(self, key: Key) -> bytes:
        """The header of an article."""
        return self._one("HEAD", key, _HEADER)

    def body(self, key: Key, limit: int = _ARTICLE) -> bytes:
        """The body of an article."""
        return self._one("BODY", key, limit)

    def stat(self, key: Key) -> bool:
        """Whether the server has the article."""
        reply = self._connection.ask("STAT " + self._said(key))
        if reply.code == 223:
            self._check("STAT", key, reply)
            return True
        if reply.code in _GONE:
            return False
        raise self._refusal("tell whether it has the article %s" % key, reply)

    def fetch(self, verb: str, keys: t.Iterable[Key], limit: int) -> t.Iterator[Piece]:
        """Articles (ARTICLE), headers (HEAD) or bodies (BODY) one after the other, with some of the commands sent ahead.

        Who stops early has hung up. TooLarge past ``limit`` octets and Mismatch are of the first key that has had no answer.
        """
        todo = iter(keys)
        asked: t.Deque[Key] = collections.deque()
        done = False
        try:
            for key in todo:
                # on its own: it may want MODE READER first
                reply = self._connection.ask("%s %s" % (verb, self._said(key)))
                yield self._piece(verb, key, reply, limit)
                break
            while True:
                while len(asked) < _AHEAD:
                    following = next(todo, None)
                    if following is None:
                        break
                    self._connection.send("%s %s" % (verb, self._said(following)))
                    asked.append(following)
                if not asked:
                    break
                key = asked.popleft()
                yield self._piece(verb, key, self._connection.reply(), limit)
            done = True
        finally:
            if not done:
                self._connection.close()

    def _one(self, verb: str, key: Key, limit: int) -> bytes:
        reply = self._connection.ask("%s %s" % (verb, self._said(key)))
        piece = self._piece(verb, key, reply, limit)
        if piece.raw is None:
            raise self._refusal("send the article %s" % key, reply)
        return piece.raw

    def _said(self, key: Key) -> str:
        return message_id(key, "message id") if isinstance(key, str) else "%d" % key

    def _piece(self, verb: str, key: Key, reply: Reply, limit: int) -> Piece:
        if reply.code in _GONE:
            return Piece(key, None, reply)
        if reply.code != _CODES[verb]:
            raise self._refusal("send the article %s" % key, reply)
        self._check(verb, key, reply)
        try:
            raw = self._connection.octets(limit)
        except FleetproofError as error:
            if not isinstance(error, TooLarge):
                raise
            raise TooLarge("The article %s is larger than %d octets" % (key, limit)) from error
        if isinstance(key, str) and verb != "BODY":
            found = message_id_of(parse_fields(raw)[0])
            if found and found != key:
                raise self._mismatch(key, found)
        return Piece(key, raw, reply)

    def _check(self, verb: str, key: Key, reply: Reply) -> None:
        """The reply names the number of the article, and its id; after STAT of an id the number may be 0."""
        words = reply.text.split()
        said = words[1:2] if isinstance(key, str) else words[:1]
        if said and said[0] != str(key) and (isinstance(key, str) or not said[0].isdigit() or int(said[0]) != key):
            raise self._mismatch(key, "%s of %s" % (verb, said[0]))

    def _mismatch(self, key: Key, found: str) -> Mismatch:
        self._connection.close()
        return Mismatch("%s was asked for the article %s and answered with another one (%s)" % (self.where, key, display_name(found)))

    # -- posting --------------------------------------------------------------------------------

    def post(self, raw: bytes) -> Reply:
        """Post an article, header and body. Refused carries the reply of a server that does not take it.

        An error of kind connect or timeout leaves open whether the server has it: ask by ``stat`` on a new connection.
        """
        reply = self._connection.ask("POST")
        if reply.code != 340:
            raise self._refusal("let us post", reply)
        lines = raw.replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n")
        data = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)
        self._connection.send_block(data + b"\r\n.\r\n")
        reply = self._connection.reply(_PATIENCE_AFTER_POST)
        if reply.code != 240:
            raise self._refusal("take the article", reply)
        return reply

    # -- the end --------------------------------------------------------------------------------

    @property
    def broken(self) -> bool:
        """Whether nothing can be asked any more."""
        return self._connection.broken

    def quit(self) -> None:
        """Part in good order; never raises."""
        self._connection.quit()

    def close(self) -> None:
        """Hang up; never raises."""
        self._connection.close()

    def _refusal(self, doing: str, reply: Reply) -> FleetproofError:
        return self._connection.refusal(doing, reply)

    def _nonsense(self, command: str, reply: Reply) -> FleetproofError:
        self._connection.close()
        return FleetproofError("protocol", "%s answers %s with %s, which makes no sense" % (self.where, command, reply))
