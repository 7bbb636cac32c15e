# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter roundtrip_verdict; it is described in roundtrip_verdict.yml."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.plugin_utils import _arguments
from ansible_collections.fleetproof.backup.plugins.plugin_utils._roundtrip_verdict import Case, judge
from ansible_collections.fleetproof.backup.plugins.plugin_utils._verdict import SHOWN


def roundtrip_verdict(
    sent: t.Any,
    route: t.Any,
    fetched: t.Any = None,
    compared: t.Any = None,
    check_mode: bool = False,
    max_findings: int = SHOWN,
    elapsed: t.Optional[float] = None,
) -> t.Dict[str, t.Any]:
    """The verdict on one way of mail; raises AnsibleFilterError for what is no result of a task."""
    for name, value in (("the input", sent), ("route", route), ("fetched", fetched or {}), ("compared", compared or {})):
        if not isinstance(value, Mapping):
            raise AnsibleFilterError("roundtrip_verdict: %s must be a dictionary, and is %s" % (name, type(value).__name__))
    number = _arguments.whole(max_findings, "roundtrip_verdict", "max_findings", -1, 1_000_000)
    try:
        seconds = None if elapsed is None else float(elapsed)
    except (TypeError, ValueError) as error:
        raise AnsibleFilterError("roundtrip_verdict: elapsed has to be a number of seconds, not %r" % (elapsed,)) from error
    case = Case(route, sent, _of_a_task(fetched), _of_a_task(compared), bool(check_mode), number, seconds)
    try:
        row = judge(case, datetime.datetime.now(datetime.timezone.utc))
    except FleetproofError as error:
        raise AnsibleFilterError("roundtrip_verdict: %s" % error.message) from error
    return t.cast("t.Dict[str, t.Any]", _arguments.untrusted(row))


def _of_a_task(result: t.Any) -> t.Any:
    """A result that says something; a task that was skipped says nothing."""
    return {} if not result or result.get("skipped") else result


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"roundtrip_verdict": roundtrip_verdict}
