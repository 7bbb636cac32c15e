# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job of nntp_fetch: find articles, search them, read them, keep them.

Private to this collection.
"""

from __future__ import annotations

import contextlib
import typing as t

from .._errors import FleetproofError
from .._message.fields import Fields
from .._message.matching import arrival_of
from .._message.parse import Message, parse
from .._message.record import message_id_of
from .._message.seen import Seen
from .._message.store import Store, store_of
from .._module import Outcome, Task
from .client import Key, Piece
from .groups import Group
from .listing import Listing
from .memory import Memory
from .options import session_of
from .overview import BrokenLine, Overview, references_of
from .replies import Mismatch, TooLarge
from .request import Request, request_of
from .result import Findings, record_of_article, record_of_overview
from .session import Failed, Session

_AT_ONCE = 32  # articles that are asked for together while it is not known how many of them are meant


def fetch(task: Task) -> Outcome:
    """Fetch what the options of ``task`` describe."""
    request = request_of(task)
    store = None
    if request.dest is not None:
        store = store_of(request.dest, request.format)
        store.probe()
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(session_of(task.params))
        if store is not None:
            stack.callback(store.close)
        run = Run(request, session, store, stack)
        run.go()
        return run.outcome()


class Run:
    """One run. ``go`` raises nothing for what happens once the group is open: ``failure`` tells."""

    def __init__(self, request: Request, session: Session, store: t.Optional[Store], stack: contextlib.ExitStack) -> None:
        self._request = request
        self._session = session
        self._store = store
        self._stack = stack
        self._findings = Findings(request.max_listed)
        self._warnings: t.List[str] = []
        self._failure: t.Optional[FleetproofError] = None
        self._group: t.Optional[Group] = None
        self._memory: t.Optional[Memory] = None
        self._server: t.Dict[str, t.Any] = {}
        self._stored_before = 0

    # -- from beginning to end ----------------------------------------------------------------------

    def go(self) -> None:
        """Look and fetch."""
        request = self._request
        if request.group is not None:
            self._group = self._session.attempt(lambda server: server.group(str(request.group)))
        self._server = self._session.attempt(lambda server: server.facts())
        if request.remembers:
            self._remember()
        try:
            if request.kind == "ids":
                self._take([_by_id(message_id) for message_id in request.ids])
            elif self._group is not None:
                self._go_through(self._group)
            if self._memory is not None and self._failure is None and self._findings.first_failure is None:
                self._memory.finish()
        except FleetproofError as error:
            self._failure = error

    def _remember(self) -> None:
        request = self._request
        seen = Seen(request.state, self._session.account(request.group or ""))
        seen.load(write=not request.check)
        self._stack.callback(seen.close)
        self._memory = Memory(seen, None if request.check else self._store, at_once=request.dest is not None)

    def _go_through(self, group: Group) -> None:
        request, memory = self._request, self._memory
        listing = Listing(self._session, group, request)
        if request.kind == "new" and memory is not None:
            self._notice_restart(group, listing, memory)
        for batch in listing.batches(memory if request.kind == "new" else None):
            overviews = []
            for line in batch:
                if isinstance(line, BrokenLine):
                    self._findings.breaks(line.number, "", line.reason, None)
                else:
                    overviews.append(line)
            self._findings.counts["looked_at"] += len(overviews)
            self._take(overviews)
            if memory is not None and request.kind == "new":
                memory.flush()
            if self._is_full:
                break
        if listing.cut:
            self._warnings.append(
                "Only %d articles of %s were looked at, which is what max_articles allows%s"
                % (self._findings.counts["looked_at"], group.name, ": the next run goes on from there" if request.kind == "new" else "")
            )
        if memory is not None:
            memory.forget(group)

    def _notice_restart(self, group: Group, listing: Listing, memory: Memory) -> None:
        """Servers that were set up again number their articles from the beginning."""
        if memory.high is None:
            return
        other = group.count != 0 and group.last < memory.high
        if not other and group.first <= memory.high <= group.last:
            other = any(isinstance(line, Overview) and memory.is_other(line) for line in listing.lines(memory.high, memory.high))
        if other:
            self._warnings.append(
                "%s has begun to number the articles of %s anew since the last run, where the last one was %d: "
                "all that it has now was looked at again, and what is known by its message id was left out" % (self._session.where, group.name, memory.high)
            )
            memory.restart()

    @property
    def _is_full(self) -> bool:
        return self._request.count is not None and self._wanted(self._request.count) <= 0

    def _wanted(self, count: int) -> int:
        """How many there still may be of ``count``. The newest ones are the same when they are asked for again; of a range the next ones follow."""
        return count - self._findings.counts["matched"] - (self._stored_before if self._request.kind in ("latest", "first") else 0)

    # -- articles -----------------------------------------------------------------------------------

    def _take(self, overviews: t.Sequence[Overview]) -> None:
        """Go through articles in their order until there are enough."""
        todo = list(overviews)
        while todo and not self._is_full:
            # not more than what may be needed: what is asked for has to be read
            size = len(todo)
            if self._request.count is not None:
                wanted = self._wanted(self._request.count)
                size = wanted if self._request.search.is_empty else max(wanted, _AT_ONCE)
            self._take_some(todo[:size])
            todo = todo[size:]

    def _take_some(self, overviews: t.Sequence[Overview]) -> None:
        chosen = []
        for overview in overviews:
            says = self._says(overview)
            chosen.append((overview, says, self._reads(overview, says)))
        whole = [_key(overview) for overview, _says, reads in chosen if reads]
        pieces = self._session.pieces(whole, self._request.max_size, self._request.group)
        for overview, says, reads in chosen:
            if self._is_full:
                break
            if reads:
                self._consider(overview, says, next(pieces))
            elif says is not False:
                self._list(overview)
            self._pass(overview, reads)
        pieces.close()

    def _list(self, overview: Overview) -> None:
        """An article that need not, or must not, be read."""
        if self._memory is not None and self._known(overview):
            self._memory.again(overview)
            self._stored_before += 1
        elif overview.size > self._request.max_size:
            self._too_large(overview)
        else:
            self._findings.add(overview, record_of_overview(overview))
            self._note(overview, b"", None)

    def _says(self, overview: Overview) -> t.Optional[bool]:
        """Whether the article is meant; None when more of it has to be read."""
        if overview.number == 0 and not self._request.search.is_empty:
            return None
        return self._request.search.head(overview.subject, overview.sender)

    def _known(self, overview: Overview) -> bool:
        return self._memory is not None and self._memory.knows(overview.message_id)

    def _reads(self, overview: Overview, says: t.Optional[bool]) -> bool:
        """Whether the article is to be read whole."""
        if says is False or self._known(overview) or overview.size > self._request.max_size:
            return False
        return says is None or self._request.reads_whole or overview.number == 0

    def _consider(self, overview: Overview, says: t.Optional[bool], piece: t.Union[Piece, Failed]) -> None:
        if isinstance(piece, Failed):
            self._stumble(overview, piece.error)
            return
        if piece.raw is None:
            self._findings.skip(overview, "the server does not have it any more: %s" % str(piece.reply))
            if self._memory is not None:
                self._memory.settle(overview)
            return
        message = parse(piece.raw)
        found = message_id_of(message.fields)
        if found and overview.message_id and found != overview.message_id:
            self._stumble(overview, Mismatch("the server sent another article in its place: %s" % found))
            return
        overview = _completed(overview, message.fields)
        if says is None and not self._is_meant(overview, message):
            return
        self._findings.counts["fetched"] += 1
        self._findings.counts["bytes"] += len(piece.raw)
        path = self._note(overview, piece.raw, arrival_of(message.fields))
        record = record_of_article(overview, message, self._request.bodies, self._request.preview_lines)
        record["path"] = path
        if message.defects:
            self._findings.breaks(overview.number, overview.message_id, "; ".join(message.defects), path)
        self._findings.add(overview, record)

    def _is_meant(self, overview: Overview, message: Message) -> bool:
        says = self._request.search.head(overview.subject, overview.sender)
        return self._request.search.body(message.text) if says is None else says

    def _stumble(self, overview: Overview, error: FleetproofError) -> None:
        if isinstance(error, TooLarge):
            self._too_large(overview)
        elif isinstance(error, Mismatch):
            self._findings.breaks(overview.number, overview.message_id, error.message, None)
        else:
            self._findings.fail(overview, error)
        if self._memory is not None:
            self._memory.leave(overview)

    def _too_large(self, overview: Overview) -> None:
        self._findings.skip(overview, "it is larger than max_size allows (%d octets)" % self._request.max_size)
        if self._memory is not None:
            self._memory.leave(overview)

    def _note(self, overview: Overview, raw: bytes, when: t.Optional[float]) -> t.Optional[str]:
        if self._memory is None:
            return None
        self._memory.settle(overview)
        return self._memory.keep(overview, raw, when)

    def _pass(self, overview: Overview, at_once: bool) -> None:
        if self._memory is not None and self._request.kind == "new":
            self._memory.past(overview)
            if at_once:
                self._memory.flush()

    # -- the result ---------------------------------------------------------------------------------

    def outcome(self) -> Outcome:
        """All of it."""
        request, findings, group = self._request, self._findings, self._group
        changed = bool(findings.counts["fetched"]) if request.dest is not None else request.kind == "new" and bool(findings.counts["matched"])
        result = findings.as_result(request.kind == "latest", request.threads)
        result.update(
            group=None if group is None else {"name": group.name, "count": group.count, "first": group.first, "last": group.last},
            server=self._server,
            msg=self._sentence(),
        )
        return Outcome(
            changed=changed,
            result=result,
            diff=None if request.dest is None else findings.diff(request.dest),
            warnings=[*self._session.warnings, *self._warnings],
            failure=self._failure or self._first_failure(),
        )

    def _first_failure(self) -> t.Optional[FleetproofError]:
        first, count = self._findings.first_failure, self._findings.counts["failed"]
        if first is None or count == 1:
            return first
        return FleetproofError(first.kind, "%d articles could not be fetched, see failed_articles; the first: %s" % (count, first.message), first.retryable)

    def _sentence(self) -> str:
        counts, request = self._findings.counts, self._request
        where = "%s on %s" % (request.group, self._session.where) if request.group is not None else self._session.where
        if request.dest is None:
            return "%d %sarticles in %s" % (counts["matched"], "new " if request.kind == "new" else "", where)
        if not counts["fetched"]:
            return "Nothing to fetch in %s" % where
        return "%d articles of %s %s" % (counts["fetched"], where, "would be fetched" if request.check else "fetched")


def _by_id(message_id: str) -> Overview:
    """An article of which nothing else is known yet."""
    return Overview(0, "", "", "", message_id, [], -1, -1)


def _key(overview: Overview) -> Key:
    return overview.number or overview.message_id


def _completed(overview: Overview, fields: Fields) -> Overview:
    """With what the header tells, which is more than a list does."""
    return overview._replace(
        subject=fields.first("subject"),
        sender=fields.first("from"),
        date=fields.first("date"),
        message_id=overview.message_id or message_id_of(fields),
        references=references_of(fields),
    )
