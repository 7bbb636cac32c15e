# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both trees compared again after a run.

Private to this collection.
"""

from __future__ import annotations

import typing as t

from .._plan.plan import ROT, UNREADABLE, why_words
from .._plan.run import Done
from .rules import Rules
from .sync_plan import SyncPlan, make_plan
from .walk import WalkOptions


def verify_all(plan: SyncPlan, done: Done, source: int, dest: t.Optional[int], rules: Rules, options: WalkOptions, workers: int) -> None:
    """Plan once more, by content: what would be done now is what went wrong. Notes it in ``done``."""
    rules = rules._replace(method="content", drop_cache=True, sweep=False)
    again = make_plan(source, dest, rules, options, workers)
    known = {failure.path for failure in plan.failures}
    known.update(failure.path for failure, _action in done.failures)
    for path, item in again.actions():
        if path in known or (plan.totals.corrupted and item.why & ROT):
            continue
        if item.why & (ROT | UNREADABLE):
            done.fail(path, "integrity", "dest does not hold what was written: %s" % why_words(item.why), -1)
        else:
            done.fail(path, "changed_underfoot", "differs again after the run (%s)" % why_words(item.why), -1)
    for failure in again.failures:
        if failure.path not in known:
            done.fail(*failure, -1)
    done.verified = again.totals.unchanged
