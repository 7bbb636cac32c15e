# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter backup_verdict; it is described in backup_verdict.yml."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.fleetproof.backup.plugins.plugin_utils import _arguments
from ansible_collections.fleetproof.backup.plugins.plugin_utils._verdict import SHOWN, Case, judge


def backup_verdict(
    compared: t.Any, pair: t.Any, copied: t.Any = None, before: t.Any = None, check_mode: bool = False, max_findings: int = SHOWN
) -> t.Dict[str, t.Any]:
    """The verdict on one backup; raises AnsibleFilterError for what is no result of a task."""
    for name, value in (("the input", compared), ("pair", pair), ("copied", copied or {}), ("before", before or {})):
        if not isinstance(value, Mapping):
            raise AnsibleFilterError("backup_verdict: %s must be a dictionary, and is %s" % (name, type(value).__name__))
    number = _arguments.whole(max_findings, "backup_verdict", "max_findings", -1, 1_000_000)
    # Variables from a command line are texts, and "no" is a text like any other.
    options = {**pair, "one_way": boolean(pair.get("one_way"), strict=False)}
    row = judge(Case(compared, options, copied or {}, before or {}, bool(check_mode), number), datetime.datetime.now(datetime.timezone.utc))
    return t.cast("t.Dict[str, t.Any]", _arguments.untrusted(row))


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"backup_verdict": backup_verdict}
