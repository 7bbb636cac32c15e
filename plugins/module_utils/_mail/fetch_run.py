# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetching mail, once, over connections that may break off.

Private to this collection. What is known of a message outlives the session: after a lost connection another one
is opened, what is there is listed again, and the run goes on where it was.
"""

from __future__ import annotations

import itertools
import time
import typing as t

from .._errors import FleetproofError
from .._message.attachments import AttachmentFolder
from .._message.fields import Fields, parse_fields
from .._message.keep import Keeper
from .._message.matching import arrival_of
from .._message.parse import Message, parse
from .._message.record import record_of, record_of_fields
from .._message.seen import Seen
from .._message.store import Store, store_of
from .._net.retry import Patience
from .._values import display_name
from .fetch_request import Request
from .fetch_result import Findings
from .mailbox import Mailbox, NotDeleted, Ref, TooLarge, Unreadable, Vanished

_HEADS_AT_ONCE = 100
_LOST_IN_A_ROW = 3  # messages that each cost all retries: then it is not the messages


def _shared(ref: Ref) -> str:
    """The name of the fact that several messages have had the id of this one."""
    return "shared id: %s" % ref.key.partition(" ")[0]


class Run:
    """One run. ``go`` does it, and never raises for what is found out on the way: ``failure`` tells."""

    def __init__(self, request: Request, open_mailbox: t.Callable[[], Mailbox]) -> None:
        self.request = request
        self.findings = Findings(request.max_listed)
        self.warnings: t.List[str] = []
        self.failure: t.Optional[FleetproofError] = None
        self.waited: t.Optional[float] = None
        self.mailbox: t.Optional[Mailbox] = None
        self._open_mailbox = open_mailbox
        self._patience = Patience(request.retries)
        self._store: t.Optional[Store] = None
        self._folder: t.Optional[AttachmentFolder] = None
        self._seen: t.Optional[Seen] = None
        self._settled: t.Set[str] = set()
        self._fetched: t.Set[str] = set()
        self._marked: t.Set[str] = set()
        self._at: t.Optional[Ref] = None
        self._lost = 0
        self._heads_at_once = _HEADS_AT_ONCE
        self._at_heads = False
        self._dest_was_there = False
        self._missed = False
        self._begun = time.monotonic()

    # -- from beginning to end ----------------------------------------------------------------------

    def go(self) -> None:
        """Look, fetch, wait, delete."""
        self._probe()
        try:
            while not self._attempt():
                pass
        finally:
            for thing in (self.mailbox, self._store, self._seen):
                if thing is not None:
                    thing.close()

    def _probe(self) -> None:
        request = self.request
        if request.dest is not None:
            self._store = store_of(request.dest, request.format)
            self._store.probe()
            self._dest_was_there = self._store.is_there()
        if request.attachments_dest is not None:
            self._folder = AttachmentFolder(request.attachments_dest, request.patterns, not request.check)
            self._folder.probe()

    def _attempt(self) -> bool:
        """One session; whether the run is over."""
        try:
            self._session()
        except TooLarge as error:
            # the server was wrong about its size, and the session went with it
            ref = error.ref or self._at
            if ref is not None:
                self._skip(ref, error.message)
                return False
            self.failure = error
        except FleetproofError as error:
            if error.retryable and self._patience.again():
                return False
            broken = error.retryable or error.kind == "protocol"
            if broken and self._at_heads and self._at is None:
                # one of many headers may be what the server stumbles over: one at a time tells which
                self._heads_at_once = 1
                self._patience.refresh()
                return False
            if broken and self._at is not None and self._lost < _LOST_IN_A_ROW:
                # this message may be what the server stumbles over: the others go on
                self._lost += 1
                self._heads_at_once = _HEADS_AT_ONCE
                self._settle(self._at)
                self.findings.fail(self._at.key, error)
                self._patience.refresh()
                return False
            self.failure = error
        return True

    def _session(self) -> None:
        if self.mailbox is not None:
            self.mailbox.close()
        self._at = None
        self._at_heads = False
        self.failure = None
        mailbox = self._open_mailbox()
        self.mailbox = mailbox
        self._remember(mailbox)
        until = self._begun + self.request.wait
        while True:
            refs = self._list(mailbox)
            self._look(mailbox, refs)
            self._at = None
            if self._is_enough or time.monotonic() >= until:
                break
            # nothing went wrong for a whole round
            self._patience.refresh()
            mailbox.wait(until)
        if self.waited is None:
            self.waited = time.monotonic() - self._begun if self.request.wait else 0.0
        if not self._is_enough:
            self.failure = self._too_few(mailbox)
        self._delete(mailbox, refs)
        try:
            mailbox.finish()
        except NotDeleted as error:
            self._marked.difference_update(error.keys)
            self._confirm(())
            raise
        self._confirm(())

    @property
    def _is_enough(self) -> bool:
        return not self.request.wait or self.findings.counts["matched"] >= self.request.min_messages

    @property
    def _is_full(self) -> bool:
        most = self.request.max_messages
        return most is not None and self.findings.counts["fetched"] >= most

    def _too_few(self, mailbox: Mailbox) -> FleetproofError:
        request, what = self.request, str(self.request.matcher)
        return FleetproofError(
            "timeout",
            "Waited %g s in %s for mail%s%s: %d of %d came; the mailbox holds %d in all"
            % (
                request.wait,
                mailbox.account,
                " that was not fetched before" if request.remembers else "",
                " with %s" % what if what else "",
                self.findings.counts["matched"],
                request.min_messages,
                mailbox.totals()["count"],
            ),
        )

    # -- what is there, and what is known of it -----------------------------------------------------

    def _remember(self, mailbox: Mailbox) -> None:
        request = self.request
        if not request.remembers or self._seen is not None:
            return
        # attachments alone are another thing to have done with a message than storing it
        account = mailbox.account if request.dest is not None else mailbox.account + " attachments"
        seen = Seen(request.state, account)
        seen.load(write=not request.check)
        self._seen = seen

    def _list(self, mailbox: Mailbox) -> t.List[Ref]:
        refs = mailbox.refs()
        there = {ref.key for ref in refs}
        self._confirm(there)
        self._miss_dest()
        if self._seen is not None:
            strange = mailbox.recall(list(self._seen))
            if strange is not None:
                self._warn(strange)
        if self._seen is not None and mailbox.complete:
            self._seen.forget([key for key in [*self._seen, *self._seen.unsettled()] if key not in there])
        for ref in refs:
            if self._seen is not None and not ref.unique:
                # for good: when one of them goes, another takes over its key
                self._seen.learn(_shared(ref), True)
        return refs

    def _miss_dest(self) -> None:
        """Tell if what was fetched earlier cannot be where it was put."""
        if self._seen is None or self.request.dest is None or self._dest_was_there or self._missed:
            return
        count = sum(1 for key in self._seen if key not in self._fetched and self._is_ours(key))
        if count:
            self._missed = True
            # the run after this one finds it there again, without them
            self._seen.learn(self._gone, time.time())
            self._warn(
                "dest: %s was not there, though %d messages had been put into it: those are neither fetched again nor deleted on the server. "
                "Bring it back, or remove the state file to fetch them again" % (display_name(self.request.dest), count)
            )

    @property
    def _gone(self) -> str:
        """The name of the fact that tells when dest was missed last."""
        return "dest was not there: %s" % self.request.dest

    def _may_be_gone(self, key: str) -> bool:
        """Whether dest was missed after the message had been put into it, and the message is not seen to be there again."""
        seen, store = self._seen, self._store
        if seen is None or store is None:
            return True
        at, missed, path = seen.fetched_at(key), seen.facts.get(self._gone), seen.path_of(key)
        if not isinstance(missed, (int, float)) or (at is not None and at > missed):
            return False
        return path is None or not store.holds(path)

    def _is_ours(self, key: str) -> bool:
        """Whether the message was put into dest; what another task put elsewhere is that task's."""
        path = None if self._seen is None else self._seen.path_of(key)
        dest = self.request.dest
        return path is not None and dest is not None and (path == dest or path.startswith(dest.rstrip("/") + "/"))

    def _confirm(self, there: t.Collection[str]) -> None:
        """What was marked for deletion and is not there any more has been deleted."""
        gone = sorted(key for key in self._marked if key not in there)
        self.findings.delete(gone)
        self._marked.difference_update(gone)

    def _settle(self, ref: Ref) -> None:
        self._settled.add(ref.key)

    # -- one message after the other ----------------------------------------------------------------

    def _look(self, mailbox: Mailbox, refs: t.Sequence[Ref]) -> None:
        matcher = self.request.matcher
        todo = [ref for ref in refs if ref.key not in self._settled and (self._seen is None or ref.key not in self._seen)]
        for ref in [ref for ref in todo if not matcher.sized(ref.size)]:
            self._settle(ref)
        todo = [ref for ref in todo if ref.key not in self._settled]
        if self.request.newest_first:
            todo.reverse()
        if self._seen is not None:
            # what a killed run has left half done may be in the way of the others
            begun = set(self._seen.unsettled())
            todo.sort(key=lambda ref: ref.key not in begun)
        gone: t.Set[str] = set()
        for ref, fields in self._with_fields(mailbox, todo):
            if self._is_full:
                return
            if ref.key in gone:
                self._settle(ref)
                continue
            self._at = ref
            try:
                self._consider(mailbox, ref, fields)
            except Vanished:
                # where one goes, all may: the others are not asked for one by one
                left = [other for other in todo if other.key not in self._settled]
                gone = {other.key for other in left} - mailbox.present(left)
            except Unreadable as error:
                self.findings.fail(ref.key, error)
            self._settle(ref)
            self._lost = 0
            self._patience.refresh()

    def _with_fields(self, mailbox: Mailbox, refs: t.Sequence[Ref]) -> t.Iterator[t.Tuple[Ref, t.Optional[Fields]]]:
        """The messages with their headers, where those have to be read ahead of the rest."""
        request = self.request
        if not request.matcher.needs_head and self._reads_all(len(refs)):
            yield from zip(refs, itertools.repeat(None))
            return
        step = self._heads_at_once
        for start in range(0, len(refs), step):
            some = refs[start : start + step]
            heads: t.Dict[str, bytes] = {}
            self._at = some[0] if step == 1 else None
            self._at_heads = True
            for ref, head in mailbox.heads(some):
                heads[ref.key] = head
            without = [ref for ref in some if ref.key not in heads]
            there = mailbox.present(without) if without else set()
            self._at_heads = False
            for ref in some:
                if ref.key in heads:
                    yield ref, parse_fields(heads[ref.key])[0]
                    continue
                self._settle(ref)
                if ref.key in there:
                    self.findings.fail(ref.key, Unreadable("refused", "%s did not hand out the header of message %s" % (mailbox.where, ref.key)))

    def _reads_all(self, count: int) -> bool:
        """Whether each of so many messages will be read whole, so that its header need not be read first."""
        request = self.request
        if request.reads_whole or request.remembers or request.bodies == "none":
            return request.reads_whole
        return request.max_listed < 0 or len(self.findings.messages) + min(count, request.max_messages or count) <= request.max_listed

    def _consider(self, mailbox: Mailbox, ref: Ref, fields: t.Optional[Fields]) -> None:
        request, findings = self.request, self.findings
        if fields is not None and not request.matcher.head(fields, ref.size):
            return
        if ref.size > request.max_size:
            self._skip(ref, "%d octets are more than max_size allows (%d)" % (ref.size, request.max_size))
            return
        if fields is not None and not (request.reads_whole or (not request.remembers and request.bodies != "none" and findings.has_room)):
            self._count(ref, max(0, ref.size))
            findings.add(record_of_fields(ref.key, fields, ref.size))
            return
        raw = mailbox.retrieve(ref, request.max_size)
        # what goes wrong from here on is no fault of the message
        self._at = None
        message = parse(raw, request.limits)
        if not request.matcher.body(message):
            return
        self._take(mailbox, ref, raw, message)

    def _skip(self, ref: Ref, reason: str) -> None:
        """The message matches as far as is known, and is too large."""
        self._settle(ref)
        self.findings.counts["matched"] += 1
        self.findings.skip(ref.key, ref.size, reason)

    def _count(self, ref: Ref, size: int) -> None:
        self._fetched.add(ref.key)
        counts = self.findings.counts
        counts["matched"] += 1
        counts["fetched"] += 1
        counts["bytes"] += size

    def _take(self, mailbox: Mailbox, ref: Ref, raw: bytes, message: Message) -> None:
        """Store what is to be stored of a message that is wanted, and tell of it."""
        record = record_of(ref.key, message, len(raw), self.request.bodies)

        def also(path: t.Optional[str]) -> None:
            if self._folder is not None:
                saved, rows = self._folder.save(message, ref.key)
                record["attachments"] = rows
                self.findings.saved = self.findings.saved or saved
            # ahead of what may fail, or may have been done when the connection breaks off: the message is here
            self._tell(ref, record, message, path)
            if not self.request.check:
                mailbox.handled(ref)

        if self._seen is not None and self._store is not None and not self.request.check:
            Keeper(self._store, self._seen).keep(ref.key, raw, arrival_of(message.fields), also)
        elif self._seen is not None and self._store is None:
            also(None)
            self._seen.note(ref.key)
        else:
            self._tell(ref, record, message, None)

    def _tell(self, ref: Ref, record: t.Dict[str, t.Any], message: Message, path: t.Optional[str]) -> None:
        """List a message, unless an earlier session of this run has done so."""
        if ref.key in self._fetched:
            return
        self._count(ref, record["size"])
        self.findings.counts["attachments"] += sum(1 for row in record["attachments"] if row["path"] is not None)
        shown = record["path"] = None if path is None else display_name(path)
        if message.defects:
            self.findings.breaks(ref.key, "; ".join(message.defects), shown)
        self.findings.add(record)

    # -- last of all --------------------------------------------------------------------------------

    def _delete(self, mailbox: Mailbox, refs: t.Sequence[Ref]) -> None:
        """Delete on the server what is due, of what is on disk."""
        if self.request.delete_after is None or self._seen is None:
            return
        due = [ref for ref in refs if self._is_due(ref)]
        gone = {ref.key for ref in due if ref.key not in self._fetched and self._may_be_gone(ref.key)}
        if gone:
            self._warn(
                "%d messages of %s were put into dest before it was gone for a while, are not seen in it now, and were not deleted on the server. "
                "Bring them back, or remove the state file to fetch them again" % (len(gone), mailbox.account)
            )
        due = [ref for ref in due if ref.key not in gone]
        twins = [ref for ref in due if _shared(ref) in self._seen.facts]
        if twins:
            self._warn(
                "%d messages of %s share their id with others, or once did, and were not deleted, since it is not certain which of them were fetched"
                % (len(twins), mailbox.account)
            )
        due = [ref for ref in due if _shared(ref) not in self._seen.facts]
        if self.request.check:
            self.findings.delete([ref.key for ref in due])
        elif due:
            self._marked.update(ref.key for ref in due)
            mailbox.delete(due)

    def _is_due(self, ref: Ref) -> bool:
        after, seen = self.request.delete_after, self._seen
        if after is None or seen is None:
            return False
        if ref.key in self._fetched:
            return after <= 0
        at = seen.fetched_at(ref.key)
        # "fetched" is no matter of clocks, which may have been put back
        return at is not None and self._dest_was_there and self._is_ours(ref.key) and (after <= 0 or time.time() - at >= after)

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)
