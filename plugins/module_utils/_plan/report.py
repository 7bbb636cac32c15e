# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run in the words of results: counts, the actions one by one, the lines of a diff, the sentence that a failed task ends with.

Private to this collection.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError
from .._values import display_name
from . import plan as words
from .plan import ACTIONS, CORRUPTED, CREATED, DELETED, DIRECTORY, FILE, LETTERS, METADATA, REMOVED, Failure, Item, Plan, why_words
from .run import Run

# Which of several kinds of failure a task is said to have failed with.
_GRAVEST = ("no_space", "integrity", "unsafe", "permission", "refused", "busy", "not_found", "changed_underfoot")

# path, action, why, size, itemised line
_Row = t.Tuple[str, str, str, int, str]


class Report:
    """What a run says of itself."""

    def __init__(self, run: Run[t.Any], max_listed: int) -> None:
        """``max_listed`` -1: everything is listed."""
        self.run = run
        self.max_listed = max_listed
        plan: t.Optional[Plan] = run.plan
        self.plan = plan or Plan(0)
        done = run.done
        failures: t.Dict[str, Failure] = {}
        for failure in [*self.plan.failures, *([] if done is None else [failure for failure, _action in done.failures])]:
            # What failed first is why the rest failed.
            failures.setdefault(failure.path, failure)
        self.failures = sorted(failures.values())
        # Actions of entries that failed: how many of each kind, and how many of them were not done
        self.failed_actions, self.undone = [0] * len(ACTIONS), 0
        if failures:
            undone = set() if done is None else {(failure.path, action) for failure, action in done.failures}
            for path, item in self.plan.actions():
                if path in failures:
                    self.failed_actions[item.action] += not item.why & words.LEFTOVER
                    self.undone += (path, item.action) in undone
        self.no_deletions = self.plan.no_deletions or ("" if done is None else done.no_deletions)

    @property
    def counts(self) -> t.Dict[str, int]:
        """RV(counts): what was done; in check mode and after a guard's stop, what was planned."""
        totals = self.plan.totals
        counts = {name: getattr(totals, name) - self.failed_actions[action] for action, name in enumerate(ACTIONS) if action != REMOVED or self.plan.removes}
        if self._deletes_nothing:
            counts["deleted"] = 0
        counts["unchanged"] = totals.unchanged
        counts["failed"] = len(self.failures)
        return counts

    @property
    def changed(self) -> bool:
        """Whether dest is not what it was, or would not be."""
        if self.run.guard is not None:
            return False
        totals = self.plan.totals
        deleted = 0 if self._deletes_nothing else totals.deleted
        return totals.created + totals.updated + totals.metadata + deleted + totals.removed + totals.leftovers > self.undone

    @property
    def _deletes_nothing(self) -> bool:
        return self.run.done is not None and bool(self.run.done.no_deletions)

    @property
    def bytes_copied(self) -> int:
        """What was copied, or in check mode would be."""
        if self.run.done is not None:
            return self.run.done.bytes_copied
        return 0 if self.run.guard is not None else self.plan.totals.copy_bytes

    def rows(self) -> t.Tuple[t.List[_Row], bool]:
        """The first actions by path, and whether there are more."""
        failed = {failure.path for failure in self.failures}
        without_deletions = self._deletes_nothing
        wanted = self.max_listed + 1
        first: t.List[t.Tuple[str, int, Item]] = []
        last = ""
        for number, batch in enumerate(self.plan.batches_by_folder()):
            if last and batch.folder > last:
                break
            for item in batch.items:
                path = batch.folder + item.name
                if path in failed or (without_deletions and item.action == DELETED and not item.why & words.LEFTOVER):
                    continue
                first.append((path, number, item))
            if 0 < wanted <= len(first) // 2:
                first.sort()
                del first[wanted:]
                last = first[-1][0]
        first.sort()
        if self.max_listed < 0:
            return [_row(path, item) for path, _number, item in first], False
        return [_row(path, item) for path, _number, item in first[: self.max_listed]], len(first) > self.max_listed

    def failure(self) -> t.Optional[FleetproofError]:
        """What the task ends with; None when all is well."""
        if self.run.guard is not None:
            return self.run.guard
        corrupted = self.plan.totals.corrupted
        if not self.failures and not corrupted:
            return None
        sentences = []
        kinds = {failure.kind for failure in self.failures}
        if corrupted:
            kinds.add("integrity")
            sentences.append(
                "%s changed in src though size and mtime did not, which is bit rot until told otherwise: the copies in dest were kept. "
                "Look at them, and restore src, or set on_corruption to overwrite" % _number(corrupted, "file has", "files have")
            )
        if self.failures:
            first = self.failures[0]
            sentences.append(
                "%s could not be brought in line, first %s: %s. Everything else was; see failed_files"
                % (_number(len(self.failures), "entry", "entries"), display_name(first.path), first.reason)
            )
        if self.no_deletions:
            sentences.append("Nothing was deleted, because %s" % self.no_deletions)
        kind = next((kind for kind in _GRAVEST if kind in kinds), "") or min(kinds)
        return FleetproofError(kind, ". ".join(sentences))

    def diff(self, rows: t.Sequence[_Row], truncated: bool) -> t.Dict[str, t.Any]:
        """Ansible's diff: one itemised line for each action, as rsync writes them."""
        lines = [row[4] for row in rows]
        if truncated:
            lines.append("… and more; see counts")
        return {"prepared": "".join(line + "\n" for line in lines)}


def _number(number: int, one: str, many: str) -> str:
    return "%d %s" % (number, one if number == 1 else many)


def _row(path: str, item: Item) -> _Row:
    shown = display_name(path)
    action = "leftover" if item.why & words.LEFTOVER else ACTIONS[item.action]
    return shown, action, why_words(item.why), item.size, itemise(shown, item)


def itemise(path: str, item: Item) -> str:
    """A line as ``rsync --itemize-changes`` has it: ``YXcstpoguax path`` (rsync(1))."""
    if item.kind == DIRECTORY and path != ".":
        path += "/"
    if item.action == DELETED:
        return "*deleting   %s" % path
    if item.action == REMOVED:
        return "*removing   %s" % path
    if item.action == CORRUPTED:
        return "!%sc........ %s" % (LETTERS[item.kind], path)
    verb = "h" if item.link_to else "." if item.action == METADATA else ">" if item.kind == FILE else "c"
    if item.action == CREATED or item.why & words.TYPE:
        return "%s%s+++++++++ %s" % (verb, LETTERS[item.kind], path)
    letters = (
        (words.CONTENT | words.TARGET | words.ROT | words.UNREADABLE, "c"),
        (words.SIZE, "s"),
        (words.MTIME, "t"),
        (words.MODE, "p"),
        (words.OWNER, "o"),
        (words.GROUP, "g"),
        (0, "."),
        (words.ACLS, "a"),
        (words.XATTRS, "x"),
    )
    return "%s%s%s %s" % (verb, LETTERS[item.kind], "".join(letter if item.why & bits else "." for bits, letter in letters), path)


def list_failures(failures: t.Sequence[Failure], max_listed: int) -> t.Tuple[t.List[t.Dict[str, str]], bool]:
    """RV(failed_files), and whether there are more."""
    shown = failures if max_listed < 0 else failures[:max_listed]
    listed = [{"path": display_name(failure.path), "kind": failure.kind, "reason": failure.reason} for failure in shown]
    return listed, len(shown) < len(failures)
