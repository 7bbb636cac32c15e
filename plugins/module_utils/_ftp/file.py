# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job of ftp_file: from its options to its result.

Private to this collection.
"""

from __future__ import annotations

import re
import typing as t

from .._errors import FleetproofError
from .._module import ArgumentSpec, Outcome, Task
from .._values import display_name
from .client import Client
from .entries import DIRECTORY
from .file_plan import Facts, Node, Plan, Wish, mode_of, plan_of
from .options import SITE, site_of
from .paths import server_path, shown
from .session import Session

SPEC = SITE.merge(
    ArgumentSpec(
        argument_spec={
            "path": {"type": "str", "required": True},
            "state": {"type": "str", "required": True, "choices": ["directory", "file", "absent", "renamed"]},
            "recursive": {"type": "bool", "default": False},
            "mode": {"type": "raw"},
            "from": {"type": "str"},
        },
        required_if=[("state", "renamed", ("from",))],
    )
)

_MODE = re.compile(r"(?:0o)?([0-7]{3,5})")
_SHOWN = 1000  # paths in a diff


def ensure(task: Task) -> Outcome:
    """Have the path on the server as the options wish it."""
    wish = wish_of(task.params)
    site, warnings = site_of(task.params)
    work = _Work(wish, task.check_mode)
    failure: t.Optional[FleetproofError] = None
    with Session(site) as session:
        try:
            session.attempt(work.once)
        except FleetproofError as error:
            if not work.acted:
                raise
            failure = error
    plan = work.plan
    if plan is None:
        raise ValueError("there is no plan, and no reason why")
    failure = failure or _failure(work.failures)
    result: t.Dict[str, t.Any] = {
        "path": display_name(wish.path) or ".",
        "created": [display_name(path) for path in (plan.make if failure is None else work.made)],
        "removed": sum(1 for _node in plan.remove.all()) if plan.remove is not None and task.check_mode else work.removed,
        "failed_files": [{"path": display_name(path), "kind": error.kind, "reason": error.message} for path, error in work.failures],
    }
    if failure is None:
        result.update(state=plan.after.state, mode=_octal(plan.after.mode), msg=_sentence(plan, site.endpoint.where))
    return Outcome(
        changed=not plan.empty if failure is None else work.acted,
        result=result,
        diff=_diff(plan),
        warnings=[*warnings, *session.warnings, *work.warnings],
        failure=failure,
    )


def wish_of(params: t.Mapping[str, t.Any]) -> Wish:
    """The Wish that the options describe."""
    state, source = params["state"], params["from"]
    if params["recursive"] and state != "absent":
        raise FleetproofError("argument", "recursive is for state=absent; state=directory makes the directories above path in any case")
    if params["mode"] is not None and state not in ("directory", "file"):
        raise FleetproofError("argument", "mode is for state=directory and state=file")
    if source is not None and state != "renamed":
        raise FleetproofError("argument", "from is for state=renamed")
    path = server_path(params["path"], "path")
    if not params["path"]:
        raise FleetproofError("unsafe" if state in ("absent", "renamed") else "argument", "path is empty")
    wish = Wish(path, state, params["recursive"], parse_mode(params["mode"]), "" if source is None else server_path(source, "from"))
    if wish.source not in ("", "/") and (wish.path + "/").startswith(wish.source + "/"):
        raise FleetproofError("argument", "from (%s) cannot be renamed to path (%s), which is the same or lies in it" % (shown(wish.source), shown(path)))
    return wish


def parse_mode(value: t.Any) -> t.Optional[int]:
    """Permission bits from ``"0644"``; None stays None."""
    if value is None:
        return None
    match = _MODE.fullmatch(value.strip()) if isinstance(value, str) else None
    bits = int(match.group(1), 8) if match is not None else -1
    if not 0 <= bits <= 0o7777:
        raise FleetproofError(
            "argument",
            'mode: %r is not an octal number in quotes such as "0644" or "2755"; numbers without quotes and words such as u=rw are not taken' % (value,),
        )
    return bits


class _Work:
    """The way to the wish. It may be gone more than once: each time what is left to do is planned anew."""

    def __init__(self, wish: Wish, check_mode: bool) -> None:
        self.wish = wish
        # The first one: it tells what there was before anything was done
        self.plan: t.Optional[Plan] = None
        self.acted = False
        self.made: t.List[str] = []
        self.removed = 0
        self.failures: t.List[t.Tuple[str, FleetproofError]] = []
        self.warnings: t.List[str] = []
        self._check_mode = check_mode

    def once(self, client: Client) -> None:
        """Plan, and do it unless this is check mode."""
        plan = plan_of(client, self.wish)
        if self.plan is None:
            self.plan = plan
            self._warn(plan, client)
        if self._check_mode:
            return
        # those of an attempt before are planned again
        self.failures = []
        try:
            self._act(client, plan)
        finally:
            # What was sent and not answered may have been done.
            self.acted = self.acted or (client.broken and not plan.empty)

    def _warn(self, plan: Plan, client: Client) -> None:
        if plan.mode is not None and plan.before.state != "absent" and plan.before.mode is None:
            self.warnings.append(
                "%s does not tell the mode of %s, so it is set each time and the task is always changed" % (client.where, shown(plan.after.path))
            )

    def _act(self, client: Client, plan: Plan) -> None:
        for path in plan.make:
            self._make(client, path)
        if plan.rename is not None:
            client.rename(*plan.rename)
            self.acted = True
        if plan.remove is not None:
            self._remove(client, plan.remove)
        if plan.mode is not None:
            self._set_mode(client, plan.after.path, plan.mode)

    def _make(self, client: Client, path: str) -> None:
        try:
            client.make_directory(path)
        except FleetproofError as error:
            if client.broken or error.retryable:
                raise
            # Another host of the fleet may have been quicker.
            found = client.stat(path)
            if found is None or found.kind != DIRECTORY:
                raise
        self.acted = True
        self.made.append(path)

    def _set_mode(self, client: Client, path: str, mode: int) -> None:
        client.set_mode(path, mode)
        self.acted = True
        told = mode_of(client, path, client.stat(path))
        if told is not None and told != mode:
            self.warnings.append("%s has mode %s, though the server took %s: it does not keep all bits" % (shown(path), _octal(told), _octal(mode)))

    def _remove(self, client: Client, node: Node) -> bool:
        """Remove an entry and all in it; what cannot be removed does not keep the rest from it. True: it is gone."""
        try:
            if node.kind != DIRECTORY:
                client.delete(node.path)
            elif not self._was_link(client, node.path):
                # each of them, also after one that stays
                gone = [self._remove(client, inner) for inner in node.inner]
                if not all(gone):
                    return False
                client.remove_directory(node.path)
        except FleetproofError as error:
            if client.broken or error.retryable:
                raise
            if error.kind != "not_found":
                self.failures.append((node.path, error))
                return False
            return True
        self.acted = True
        self.removed += 1
        return True

    def _was_link(self, client: Client, path: str) -> bool:
        """Whether a symbolic link was removed that the server listed as the directory that it leads to.

        Some do, and nobody else can tell. DELE removes a link and refuses a directory (RFC 959 has RMD for those).
        """
        try:
            client.delete(path)
        except FleetproofError as error:
            if client.broken or error.retryable:
                raise
            return False
        return True


def _failure(failures: t.List[t.Tuple[str, FleetproofError]]) -> t.Optional[FleetproofError]:
    if not failures:
        return None
    first = failures[0][1]
    if len(failures) == 1:
        return first
    return FleetproofError(first.kind, "%d entries could not be removed, see failed_files; the first: %s" % (len(failures), first.message))


def _sentence(plan: Plan, where: str) -> str:
    path = shown(plan.after.path)
    if plan.empty:
        return "%s on %s is %s, as it should be" % (path, where, plan.after.state)
    if plan.rename is not None:
        return "%s on %s is now %s" % (shown(plan.before.path), where, path)
    if plan.remove is not None:
        return "%s on %s is removed" % (path, where)
    if plan.make:
        return "The directory %s on %s is made" % (path, where)
    return "%s on %s has mode %s" % (path, where, _octal(plan.after.mode))


def _diff(plan: Plan) -> t.Dict[str, t.Any]:
    before = _facts(plan.before)
    if plan.remove is not None and plan.remove.inner:
        inner = [node for node in plan.remove.all() if node is not plan.remove]
        before["path_content"] = {
            "directories": [display_name(node.path) for node in inner if node.kind == DIRECTORY][:_SHOWN],
            "files": [display_name(node.path) for node in inner if node.kind != DIRECTORY][:_SHOWN],
        }
    return {"before": before, "after": _facts(plan.after)}


def _facts(facts: Facts) -> t.Dict[str, t.Any]:
    shown_facts: t.Dict[str, t.Any] = {"path": display_name(facts.path) or ".", "state": facts.state}
    if facts.mode is not None:
        shown_facts["mode"] = _octal(facts.mode)
    return shown_facts


def _octal(mode: t.Optional[int]) -> t.Optional[str]:
    return None if mode is None else "%04o" % mode
