# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The frame that every module runs in: options in, one job, one result out.

Private to this collection, and the only file of module_utils that knows AnsibleModule. A module
declares an ArgumentSpec and hands its job to ``run``; the job gets a Task and returns an Outcome
or raises FleetproofError.
"""

from __future__ import annotations

import os
import sys
import traceback
import typing as t
from dataclasses import dataclass, field

from ansible.module_utils.basic import AnsibleModule

from ._errors import FleetproofError, from_os_error
from ._values import display_name


@dataclass
class ArgumentSpec:
    """The options of a module, or the piece of them that one doc fragment describes."""

    argument_spec: t.Dict[str, t.Dict[str, t.Any]] = field(default_factory=dict)
    mutually_exclusive: t.List[t.Sequence[str]] = field(default_factory=list)
    required_together: t.List[t.Sequence[str]] = field(default_factory=list)
    required_one_of: t.List[t.Sequence[str]] = field(default_factory=list)
    required_if: t.List[t.Sequence[t.Any]] = field(default_factory=list)
    required_by: t.Dict[str, t.Sequence[str]] = field(default_factory=dict)

    def merge(self, other: ArgumentSpec) -> ArgumentSpec:
        """Both together as a new value; an option of ``other`` replaces one of the same name."""
        return ArgumentSpec(
            argument_spec={**self.argument_spec, **other.argument_spec},
            mutually_exclusive=[*self.mutually_exclusive, *other.mutually_exclusive],
            required_together=[*self.required_together, *other.required_together],
            required_one_of=[*self.required_one_of, *other.required_one_of],
            required_if=[*self.required_if, *other.required_if],
            required_by={**self.required_by, **other.required_by},
        )

    def to_kwargs(self) -> t.Dict[str, t.Any]:
        """What AnsibleModule takes."""
        return {
            "argument_spec": self.argument_spec,
            "mutually_exclusive": self.mutually_exclusive,
            "required_together": self.required_together,
            "required_one_of": self.required_one_of,
            "required_if": self.required_if,
            "required_by": self.required_by,
        }


@dataclass
class Task:
    """One run of a module as its job sees it."""

    params: t.Dict[str, t.Any]
    check_mode: bool
    diff_mode: bool


@dataclass
class Outcome:
    """What a job found or did.

    ``failure`` makes the task fail at the end with everything in ``result`` still returned: one
    bad file never hides the others.
    """

    changed: bool = False
    result: t.Dict[str, t.Any] = field(default_factory=dict)
    # Ansible's diff: {before, after, before_header, after_header} or {prepared}, or a list of them
    diff: t.Union[t.Dict[str, t.Any], t.List[t.Dict[str, t.Any]], None] = None
    warnings: t.List[str] = field(default_factory=list)
    failure: t.Optional[FleetproofError] = None


def printable(value: t.Any) -> t.Any:
    """``value`` with every string safe for JSON and a terminal: stray surrogates (bytes that are no text) as ``\\xNN``."""
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return display_name(value)
        return value
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [printable(item) for item in value]
    return value


def stop_at(items: t.List[t.Any], max_listed: int) -> t.Tuple[t.List[t.Any], bool]:
    """The first ``max_listed`` items (-1: all) and whether any were left out."""
    if max_listed < 0 or len(items) <= max_listed:
        return items, False
    return items[:max_listed], True


def run(spec: ArgumentSpec, job: t.Callable[[Task], Outcome]) -> t.NoReturn:
    """Run ``job`` as an Ansible module with full check and diff mode, and exit.

    Whatever happens, the task ends with one sentence: expected errors with their kind, a defect of
    ours as kind ``internal`` with its place in our code (the traceback is in RV(exception) only).
    """
    module = AnsibleModule(supports_check_mode=True, **spec.to_kwargs())
    task = Task(params=module.params, check_mode=module.check_mode, diff_mode=module._diff)  # pylint: disable=protected-access # it has no public name
    parent = os.getpid()
    try:
        try:
            outcome = job(task)
        except OSError as error:
            where = " (%s)" % display_name(error.filename) if isinstance(error.filename, (str, bytes)) else ""
            raise from_os_error(error, "finish%s" % where) from error
    except FleetproofError as error:
        _leave_worker(parent)
        module.fail_json(msg=printable(error.message), changed=False, error=error.as_result(), **printable(getattr(error, "result", {})))
    except Exception as error:  # noqa: BLE001 # pylint: disable=broad-except # the last fence: a defect is told in one sentence too
        _leave_worker(parent)
        module.fail_json(
            msg=printable("This is a defect of fleetproof.backup, please report it: %s" % _place(error)),
            changed=False,
            error={"kind": "internal", "retryable": False},
            exception=printable(traceback.format_exc()),
        )
    for warning in outcome.warnings:
        module.warn(printable(warning))
    result = printable(outcome.result)
    result["changed"] = outcome.changed
    if task.diff_mode and outcome.diff is not None:
        result["diff"] = printable(outcome.diff)
    if outcome.failure is not None:
        # what a result says of its own is of success
        result["msg"] = printable(outcome.failure.message)
        module.fail_json(error=outcome.failure.as_result(), **result)
    module.exit_json(**result)


def _leave_worker(parent: int) -> None:
    """A worker process that got here by accident must not answer for the task."""
    if os.getpid() != parent:
        os._exit(70)  # EX_SOFTWARE, sysexits.h


def _place(error: BaseException) -> str:
    frame = traceback.extract_tb(sys.exc_info()[2])[-1]
    return "%s: %s at %s:%s" % (type(error).__name__, error, os.path.basename(frame.filename), frame.lineno)
