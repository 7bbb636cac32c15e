# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job of every module that fetches mail: from its options to its result.

Private to this collection. The protocol is in the Mailbox that the module opens.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError
from .._module import Outcome, Task
from .fetch_request import request_of
from .fetch_run import Run
from .mailbox import Mailbox


def fetch(task: Task, open_mailbox: t.Callable[[], Mailbox]) -> Outcome:
    """Fetch what the options of ``task`` describe. ``open_mailbox`` opens the mailbox, again after each lost connection."""
    run = Run(request_of(task), open_mailbox)
    run.go()
    if run.mailbox is None:
        # nothing was seen of the mailbox, so there is nothing to tell but why
        raise run.failure or FleetproofError("internal", "The mailbox was not opened")
    request, findings, mailbox = run.request, run.findings, run.mailbox
    changed = findings.saved or (request.dest is not None and bool(findings.counts["fetched"])) or bool(findings.counts["deleted"])
    result = findings.as_result()
    result.update(mailbox=mailbox.totals(), server=mailbox.server(), waited=round(run.waited or 0.0, 3), msg=_sentence(run, mailbox))
    return Outcome(
        changed=changed,
        result=result,
        diff=findings.diff(mailbox.account, request.dest),
        warnings=[*mailbox.warnings, *run.warnings],
        failure=run.failure or _failure(run),
    )


def _failure(run: Run) -> t.Optional[FleetproofError]:
    first, count = run.findings.first_failure, run.findings.counts["failed"]
    if first is None or count == 1:
        return first
    return FleetproofError(first.kind, "%d messages could not be fetched, see failed_messages; the first: %s" % (count, first.message), first.retryable)


def _sentence(run: Run, mailbox: Mailbox) -> str:
    counts, request = run.findings.counts, run.request
    total = mailbox.totals()["count"]
    if request.dest is None:
        said = "%d of %d messages in %s match" % (counts["matched"], total, mailbox.account)
    elif not counts["fetched"]:
        said = "Nothing to fetch among %d messages in %s" % (total, mailbox.account)
    else:
        said = "%d of %d messages in %s %s" % (counts["fetched"], total, mailbox.account, "would be fetched" if request.check else "fetched")
    if counts["deleted"]:
        said += ", %d %s deleted there" % (counts["deleted"], "would be" if request.check else "were")
    return said
