# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job of nntp_post: an article is posted once, and the server alone remembers it.

Private to this collection. The Message-ID comes from what the article says. The server is asked for it first, and no server
takes a second article with the same one: so neither another run, nor an answer that was lost on the way, makes two of it.
"""

from __future__ import annotations

import re
import time
import typing as t

from .._errors import FleetproofError
from .._message.fields import Fields
from .._message.mailboxes import mailboxes_of
from .._message.parse import Message, parse
from .._module import Outcome, Task
from .._values import display_name
from .article import Article
from .client import NewsServer
from .names import Wildmat, group_name
from .options import session_of
from .overview import references_of
from .post_options import Draft, draft_of
from .replies import Refused
from .reply import groups_of, quotation, references_to, subject_of
from .session import Session

# What servers answer to an article that they have, or had.
# INN says "Duplicate … header" as well, of an article that it does not take.
_DUPLICATE = re.compile(r"\b435\b|duplicate(?!.{0,80}\b(?:header|field))|message-?id.{0,60}(?:already|exists|in use|not unique)", re.IGNORECASE)


def post(task: Task) -> Outcome:
    """Post the article that the options of ``task`` describe, unless the server has it."""
    draft = draft_of(task.params)
    with session_of(task.params) as session:
        run = Run(draft, session, task.check_mode)
        if not run.is_there():
            run.prepare()
            run.post()
        return run.outcome()


class Run:
    """One run. ``state``: what became of the article, as RV(state) says it."""

    def __init__(self, draft: Draft, session: Session, check: bool) -> None:
        self._draft = draft
        self._session = session
        self._check = check
        self._server: t.Dict[str, t.Any] = {}
        self._message_id = draft.message_id
        self._warnings: t.List[str] = []
        self._article: t.Optional[Article] = None
        self._raw = b""
        self._date = time.time()
        self._newsgroups: t.List[str] = list(draft.newsgroups or [])
        self._references: t.List[str] = []
        self.state = "posted"

    # -- is there anything to do? -----------------------------------------------------------------------

    def is_there(self) -> bool:
        """Whether the server has the article already."""
        message_id = self._message_id
        there = self._session.attempt(lambda server: server.stat(message_id))
        self._server = self._session.attempt(lambda server: server.facts())
        if not there:
            return False
        self.state = "present"
        self._raw = self._read(message_id) or b""
        fields = parse(self._raw).fields
        self._newsgroups = _groups(fields)
        self._references = references_of(fields)
        return True

    def prepare(self) -> None:
        """Make the article, and see that the server would take it. ``state`` becomes gone where there is nothing to cancel."""
        draft = self._draft
        about: t.Optional[Message] = None
        if draft.about is not None:
            raw = self._read(draft.about)
            if raw is None and draft.cancel:
                self.state = "gone"
                return
            if raw is None:
                option = "reply_to" if draft.reply_to else "supersede"
                advice = "" if draft.reply_to else "; give newsgroups to post all the same"
                raise FleetproofError("not_found", "%s: %s does not have the article %s%s" % (option, self._session.where, draft.about, advice))
            about = parse(raw)
            self._judge_author(about.fields)
        self._article = article = article_of(draft, about)
        self._newsgroups = list(article.newsgroups)
        self._references = list(article.references)
        self._raw = article.compose(self._date)
        self._check_groups(article)
        self._check_permission()

    def _judge_author(self, fields: Fields) -> None:
        """Only who wrote an article, or moderates its group, may take it back (RFC 5537, section 5.3)."""
        draft = self._draft
        if draft.reply_to or draft.approved:
            return
        people = [person for name in ("from", "sender") for person in mailboxes_of(fields.raw(name), fields.hint)]
        if draft.sender.shown.lower() not in [person.rpartition("<")[2].rstrip(">").lower() for person in people]:
            self._warnings.append(
                "The article %s is not by the sender, but by %s: servers may refuse that it is taken back, or take no notice"
                % (draft.about, display_name(", ".join(people[:3]))[:200] or "nobody who is named")
            )

    def _read(self, message_id: str) -> t.Optional[bytes]:
        """An article, None where the server does not have it."""
        try:
            return self._session.attempt(lambda server: server.article(message_id))
        except FleetproofError as error:
            if error.kind == "not_found":
                return None
            raise

    def _check_groups(self, article: Article) -> None:
        names = list(article.newsgroups)
        listed = self._session.attempt(lambda server: {group.name: group.status for group in server.list_active(Wildmat(names, "newsgroups"))})
        missing = [name for name in names if name not in listed]
        # an article that is answered may be in groups that only other servers have
        for name in missing if self._draft.newsgroups is not None or len(missing) == len(names) else []:
            self._open(name)
        for name, status in listed.items():
            self._judge(name, status)

    def _open(self, name: str) -> None:
        # servers may leave groups out of the list
        self._session.attempt(lambda server: server.group(name))

    def _judge(self, name: str, status: str) -> None:
        """``status`` as RFC 3977 section 7.6.3 and RFC 6048 section 3.1 have it. Control messages go everywhere."""
        if self._draft.cancel:
            return
        if status in ("n", "x"):
            raise FleetproofError("permission", "%s does not let anybody post to %s (status %s)" % (self._session.where, name, status))
        if status.startswith("="):
            raise FleetproofError("argument", "newsgroups: %s is called %s now" % (name, status[1:]))
        if status == "m" and not self._draft.approved:
            self._warnings.append(
                "%s is moderated: the article goes to its moderator, and each run sends it again until it has been approved" % name,
            )

    def _check_permission(self) -> None:
        allowed, login = self._session.attempt(lambda server: (server.posting, "AUTHINFO" in (server.capabilities or {})))
        if not allowed:
            advice = "; a login may help: give username and password" if login else ""
            raise FleetproofError("permission", "%s does not let us post%s" % (self._session.where, advice))

    # -- posting ------------------------------------------------------------------------------------

    def post(self) -> None:
        """Post what was prepared. After a lost connection the server is asked whether it has the article before it gets it again."""
        if self._check or self._article is None:
            return
        open_end = False

        def attempt(server: NewsServer) -> None:
            nonlocal open_end
            if open_end and server.stat(self._message_id):
                return
            try:
                server.post(self._raw)
            except Refused as error:
                if error.reply.code in (435, 437, 441) and self._is_known(server, error, open_end):
                    self.state = "posted" if open_end else "present"
                    return
                # a server that ends the connection may have taken the article before
                open_end = open_end or error.retryable
                raise
            except FleetproofError:
                open_end = True
                raise

        try:
            self._session.attempt(attempt)
        except FleetproofError as error:
            # 403 and 436 are clear words
            if not open_end or (isinstance(error, Refused) and error.reply.code in (403, 436)):
                raise
            raise FleetproofError(
                error.kind,
                "%s. Whether it has the article is not known: run the task again, it asks, and posts only if it has not" % error.message,
                error.retryable,
            ) from error

    def _is_known(self, server: NewsServer, error: Refused, by_us: bool) -> bool:
        """Whether the server refused the article because it has it, or had it; ``by_us``: this run may have brought it."""
        if server.broken:
            return False
        if server.stat(self._message_id):
            return True
        if _DUPLICATE.search(error.reply.text) is None:
            return False
        if not by_us:
            self._warnings.append(
                "%s says that it has had the article %s, and does not show it: it was cancelled, has expired, or is about to appear"
                % (self._session.where, self._message_id)
            )
        return True

    # -- the end ------------------------------------------------------------------------------------

    def outcome(self) -> Outcome:
        """What was done, or would be."""
        changed = self.state == "posted"
        diff = None
        if changed and self._article is not None:
            diff = {"before_header": "not posted", "before": "", "after_header": self._message_id, "after": self._article.shown(self._date)}
        return Outcome(
            changed=changed,
            result={
                "state": self.state,
                "message_id": self._message_id,
                "newsgroups": self._newsgroups,
                "references": self._references,
                "size": len(self._raw),
                "server": self._server,
                "msg": self._sentence(),
            },
            diff=diff,
            warnings=[*self._session.warnings, *self._warnings],
        )

    def _sentence(self) -> str:
        where, names = self._session.where, ", ".join(self._newsgroups)
        if self.state == "gone":
            return "There is nothing to cancel: %s does not have the article %s" % (where, self._draft.cancel)
        if self.state == "present":
            return "The article %s is on %s already" % (self._message_id, where)
        return "%s %s to %s on %s" % ("Would post" if self._check else "Posted", self._message_id, names, where)


def article_of(draft: Draft, about: t.Optional[Message]) -> Article:
    """The article that a draft makes, with what it takes from the article that it is about."""
    subject, body, references = draft.subject, draft.body, draft.references
    newsgroups = draft.newsgroups
    relations = [("Supersedes", draft.supersede)] if draft.supersede else []
    if about is not None and draft.reply_to:
        newsgroups = newsgroups or groups_of(about.fields)
        subject = subject or subject_of(about.fields)
        references = references_to(about.fields, draft.reply_to)
        quoted = quotation(about, draft.quote_lines)
        body = quoted + "\n" + body if quoted else body
    elif about is not None:
        newsgroups = newsgroups or _groups(about.fields)
    if draft.cancel:
        relations = [("Control", "cancel " + draft.cancel)]
        subject = subject or "cmsg cancel " + draft.cancel
        body = body if body.strip() else "This article cancels %s.\n" % draft.cancel
    return Article(
        message_id=draft.message_id,
        newsgroups=[group_name(name, "newsgroups") for name in newsgroups or []] or _nowhere(draft),
        subject=subject,
        sender=draft.sender,
        body=body,
        charset=draft.charset,
        references=references,
        about=relations,
        followup_to=draft.followup_to,
        distribution=draft.distribution,
        fields=draft.fields,
        address_fields=draft.address_fields,
    )


def _groups(fields: Fields) -> t.List[str]:
    return list(dict.fromkeys(filter(None, re.split(r"[,\s]+", fields.first("newsgroups")))))


def _nowhere(draft: Draft) -> t.List[str]:
    raise FleetproofError("argument", "The article %s does not say which newsgroups it is in; give newsgroups" % draft.about)
