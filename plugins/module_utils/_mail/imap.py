# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IMAP as a client speaks it once it is logged in (RFC 3501; 2177, 4315, 6851).

Private to this collection. Messages are named by their UIDs alone: numbers shift while one looks away.
"""

from __future__ import annotations

import time
import typing as t

from .._errors import FleetproofError
from .._values import display_name
from .imap_errors import code_of, refusal
from .imap_parse import Response, fetched, flags_of, number_of
from .imap_search import Parts, in_set, uid_sets
from .imap_wire import Answer, Dialogue
from .mailbox import Unreadable, Vanished

_LISTED_AT_ONCE = 2000  # messages of which the size is asked
_CHANGED_AT_ONCE = 1000
_HEADS_AT_ONCE = 100
_HEAD = 1048576  # octets of a header that are read
_HEADS_SIZE = 33554432  # octets of headers in memory
_RESPONSE = 400  # octets of one response beside its literal, generously
# RFC 2177 allows 29 minutes, but there are servers that tell what is new only when they are spoken to
_IDLE = 30.0  # seconds
_LITERAL = 65536  # octets of a literal where none is due
_PAUSE = 1.0  # seconds before a server that ended an IDLE by itself is asked for another
_UID_MAX = 2**32 - 1


class Opened(t.NamedTuple):
    """What the server said about a mailbox when it was opened."""

    uidvalidity: t.Optional[int]
    writable: bool
    # flags that can be set for good, in lower case; None where the server does not say, which means all
    permanent: t.Optional[t.Set[str]]


class Session:
    """One mailbox of one server, over a Dialogue that is logged in."""

    def __init__(self, dialogue: Dialogue) -> None:
        self.dialogue = dialogue
        self.where = dialogue.where
        # what the server said last when it did not hand out what it was asked for
        self._excuse = ""

    # -- mailboxes ------------------------------------------------------------------------------

    def open(self, name: bytes, shown: str, writing: bool) -> Opened:
        """SELECT the mailbox, or EXAMINE it, which changes nothing whatever comes after."""
        self.dialogue.exists = 0
        answer = self.dialogue.command("SELECT " if writing else "EXAMINE ", name, data=("FLAGS",))
        if not answer.status.good:
            raise refusal(self.where, "open the mailbox %s" % display_name(shown), answer.status, "not_found")
        self.dialogue.stirred = False
        with self.dialogue.guarded():
            validity = code_of(answer.data, "UIDVALIDITY")
            permanent = code_of(answer.data, "PERMANENTFLAGS")
            return Opened(
                number_of(validity) if validity is not None else None,
                answer.status.code != "READ-ONLY",
                None if permanent is None else set(permanent.strip("()").lower().split()),
            )

    def status(self, name: bytes, items: str) -> t.Optional[t.Dict[str, int]]:
        """STATUS of a mailbox; None when there is none that could be opened."""
        answer = self.dialogue.command("STATUS ", name, " (%s)" % items, data=("STATUS",))
        if not answer.status.good:
            if answer.status.name == "BAD":
                raise refusal(self.where, "tell about a mailbox", answer.status)
            return None
        with self.dialogue.guarded():
            for response in answer.of("STATUS"):
                pairs = response.values[-1] if response.values else None
                if isinstance(pairs, list) and len(pairs) % 2 == 0:
                    return {str(key).upper(): number_of(value) for key, value in zip(pairs[::2], pairs[1::2]) if isinstance(value, str)}
        return {}

    # -- messages -------------------------------------------------------------------------------

    def search(self, parts: Parts) -> t.List[int]:
        """The UIDs of the messages that match, in ascending order."""
        answer = self.dialogue.command("UID SEARCH ", *parts, data=("SEARCH",), long_lines=True)
        self._must(answer, "search the mailbox", "argument" if answer.status.name == "BAD" else "refused")
        found = {uid for response in answer.of("SEARCH") for uid in response.values}
        if found and not 1 <= min(found) <= max(found) <= _UID_MAX:
            raise FleetproofError("protocol", "%s: it found a message whose UID cannot be" % self.where)
        return sorted(found)

    def present(self, uids: t.Iterable[int]) -> t.Set[int]:
        """Those of the messages that are still there."""
        # some go on telling of removed messages until they have said that these are gone
        self.noop()
        found: t.Set[int] = set()
        for uid_set, batch in uid_sets(uids, _LISTED_AT_ONCE):
            found.update(set(batch).intersection(self.search(["UID " + uid_set])))
        return found

    def sizes(self, uids: t.Iterable[int]) -> t.Dict[int, int]:
        """The size of each message in octets as the server says, -1 if it cannot; those that are gone are left out."""
        found: t.Dict[int, int] = {}
        for uid_set, batch in uid_sets(uids, _LISTED_AT_ONCE):
            got, whole = self._fetch(uid_set, batch, "RFC822.SIZE", 0, len(batch) * _RESPONSE)
            if not whole:
                found.update(dict.fromkeys(batch, -1))
            with self.dialogue.guarded():
                found.update({uid: number_of(items["RFC822.SIZE"]) for uid, items in got})
        return found

    def heads(self, sizes: t.Mapping[int, int]) -> t.Iterator[t.Tuple[int, bytes]]:
        """The header sections of the messages with these sizes, in ascending order of UIDs; those that are gone are left out."""
        batch: t.List[int] = []
        total = 0
        for uid in sorted(sizes):
            # no header is longer than its message; nor is more than _HEAD of it read
            size = min(sizes[uid], _HEAD) if sizes[uid] >= 0 else _HEAD
            if batch and (len(batch) >= _HEADS_AT_ONCE or total + size > _HEADS_SIZE):
                yield from self._heads(batch)
                batch, total = [], 0
            batch.append(uid)
            total += size
        yield from self._heads(batch)

    def _heads(self, uids: t.Sequence[int]) -> t.List[t.Tuple[int, bytes]]:
        found: t.Dict[int, bytes] = {}
        for uid_set, batch in uid_sets(uids, _HEADS_AT_ONCE):
            # a size that is a lie is found out by the total
            got, whole = self._fetch(uid_set, batch, "BODY.PEEK[HEADER]<0.%d>" % _HEAD, _HEAD, 2 * _HEADS_SIZE)
            for uid, items in got:
                head = _octets(items, "BODY[HEADER]")
                if head is not None:
                    found[uid] = head
            if not whole and len(batch) > 1:
                # one that cannot be read may have been the end of it for those behind it
                for uid in batch:
                    if uid not in found:
                        found.update(self._heads([uid]))
        return sorted(found.items())

    def body(self, uid: int, limit: int) -> bytes:
        """The whole message. Vanished, or Unreadable when it is not handed out; more than ``limit`` octets are an error caused by Oversized."""
        got, _whole = self._fetch(str(uid), [uid], "BODY.PEEK[]", limit, limit)
        found = [raw for raw in (_octets(items, "BODY[]") for _uid, items in got) if raw is not None]
        if not found:
            excuse = self._excuse
            if not self.present([uid]):
                raise Vanished("not_found", "Message %d is no longer on %s" % (uid, self.where))
            raise Unreadable("refused", "%s does not hand out message %d, though it has it%s" % (self.where, uid, excuse))
        return found[0]

    def _fetch(self, uid_set: str, uids: t.Sequence[int], items: str, literal: int, total: int) -> t.Tuple[t.List[t.Tuple[int, t.Dict[str, t.Any]]], bool]:
        """What the server sent of each of ``uids``, by item, and whether it says that it is all there is.

        News of other messages, and of flags, are passed over.
        """
        answer = self.dialogue.command("UID FETCH %s (UID %s)" % (uid_set, items), data=("FETCH",), literal=literal or _LITERAL, total=total)
        status = answer.status
        error = refusal(self.where, "hand out messages", status)
        if not status.good and (status.name == "BAD" or (error.retryable and error.kind != "changed_underfoot")):
            raise error
        self._excuse = "" if status.good else ": %s" % status
        wanted = set(uids)
        section = items.partition("<")[0].replace(".PEEK", "")
        found = []
        with self.dialogue.guarded():
            for response in answer.of("FETCH"):
                values = fetched(response)
                if "UID" in values and number_of(values["UID"]) in wanted and any(name.partition("<")[0] == section for name in values):
                    found.append((number_of(values["UID"]), values))
        # NO [EXPUNGEISSUED] is how some say that messages are gone (RFC 5530)
        return found, status.good or status.code == "EXPUNGEISSUED"

    def store(self, uids: t.Iterable[int], change: str) -> None:
        """Change flags, such as ``+FLAGS.SILENT (\\Seen)``."""
        for uid_set, _batch in uid_sets(uids, _CHANGED_AT_ONCE):
            self._must(self.dialogue.command("UID STORE %s %s" % (uid_set, change)), "change the flags of messages", "permission")

    def flags(self, uid: int) -> t.Set[str]:
        """The flags of a message in lower case; none when it is gone."""
        got, _whole = self._fetch(str(uid), [uid], "FLAGS", 0, 0)
        return flags_of(got[0][1]["FLAGS"]) if got else set()

    def move(self, uid: int, target: bytes, shown: str) -> None:
        """Move a message in one step (RFC 6851)."""
        self._moved(self.dialogue.command("UID MOVE %d " % uid, target), uid, shown, "move")

    def copy(self, uid: int, target: bytes, shown: str) -> None:
        """Copy a message; when this returns, the copy is there."""
        self._moved(self.dialogue.command("UID COPY %d " % uid, target), uid, shown, "copy")

    def _moved(self, answer: Answer, uid: int, shown: str, doing: str) -> None:
        self._must(answer, "%s message %d to %s" % (doing, uid, display_name(shown)))
        # RFC 4315: the new UIDs, in the tagged response to COPY and ahead of it with MOVE, where the server tells them
        told = code_of([*answer.data, answer.status], "COPYUID")
        words = (told or "").split()
        if len(words) >= 2 and not in_set(uid, words[1]):
            raise FleetproofError("integrity", "%s says that it did not %s message %d but %s" % (self.where, doing, uid, words[1]))

    def expunge(self, uids: t.Sequence[int]) -> None:
        """Remove those of the messages that are flagged as deleted, and no others (RFC 4315)."""
        for uid_set, _batch in uid_sets(uids, _CHANGED_AT_ONCE):
            self._must(self.dialogue.command("UID EXPUNGE " + uid_set), "remove messages", "permission")

    def expunge_all(self) -> None:
        """Remove all messages that are flagged as deleted, whoever did that."""
        self._must(self.dialogue.command("EXPUNGE"), "remove messages", "permission")

    # -- waiting --------------------------------------------------------------------------------

    def noop(self) -> None:
        """Have the server tell what is new."""
        self._must(self.dialogue.command("NOOP"), "answer NOOP")

    def idle(self, until: float) -> bool:
        """Wait for news until then (monotonic), as told by the server (RFC 2177); whether there are any."""
        dialogue = self.dialogue
        while not dialogue.stirred:
            left = until - time.monotonic()
            if left <= 0:
                return False
            if not self._idle(min(until, time.monotonic() + _IDLE)):
                time.sleep(max(0.0, min(_PAUSE, until - time.monotonic())))
                self.noop()
        return True

    def _idle(self, until: float) -> bool:
        """One IDLE; whether it was ended by us."""
        dialogue = self.dialogue
        tag = dialogue.begin()
        dialogue.say_line(tag.encode("ascii") + b" IDLE")
        answer = dialogue.answer(tag)
        if answer.status.tag != "+":
            raise refusal(self.where, "begin to wait (IDLE)", answer.status)
        ended = False
        while not (dialogue.stirred or ended) and time.monotonic() < until:
            response = self._news(until)
            if response is not None:
                # flags may matter to the search
                dialogue.stirred = dialogue.stirred or response.name == "FETCH"
                ended = response.tag == tag
        if not ended:
            dialogue.say_line(b"DONE")
            answer = dialogue.answer(tag)
            if answer.status.tag != tag or not answer.status.good:
                dialogue.broken = True
                raise refusal(self.where, "end the wait (DONE)", answer.status, "protocol")
        return not ended

    def _news(self, until: float) -> t.Optional[Response]:
        try:
            return self.dialogue.listen(until)
        except FleetproofError as error:
            if error.kind == "timeout" and not self.dialogue.broken:
                return None
            raise

    # -- the end --------------------------------------------------------------------------------

    def log_out(self) -> None:
        """Part from the server; never raises: what matters has been said."""
        if not self.dialogue.broken:
            try:
                self.dialogue.say_line(self.dialogue.begin().encode("ascii") + b" LOGOUT")
                # whatever is said by then, mostly BYE, which is raised like any other
                end = self.dialogue.stream.deadline(0.2)
                while self.dialogue.listen(end).tag == "*":
                    pass
            except FleetproofError:
                pass
        self.dialogue.close()

    def _must(self, answer: Answer, doing: str, otherwise: str = "refused") -> None:
        if not answer.status.good:
            raise refusal(self.where, doing, answer.status, otherwise)


def _octets(items: t.Mapping[str, t.Any], section: str) -> t.Optional[bytes]:
    """The text of a section; None where there is none."""
    for name, value in items.items():
        if name.partition("<")[0] == section and isinstance(value, bytes):
            return value
    return None
