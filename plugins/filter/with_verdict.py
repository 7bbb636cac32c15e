# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter with_verdict; it is described in with_verdict.yml."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible.errors import AnsibleFilterError
from ansible_collections.fleetproof.backup.plugins.plugin_utils import _arguments
from ansible_collections.fleetproof.backup.plugins.plugin_utils._verdict import with_verdict as _with_verdict


def with_verdict(verdicts: t.Any, verdict: t.Any) -> t.List[t.Any]:
    """``verdicts`` with ``verdict`` in it; raises AnsibleFilterError for anything that is no verdict."""
    listed = isinstance(verdicts, Sequence) and all(isinstance(row, Mapping) for row in verdicts)
    if not listed or not isinstance(verdict, Mapping) or not {"source", "name"} <= set(verdict):
        raise AnsibleFilterError("with_verdict: expected a list of verdicts, and one verdict with source and name")
    return t.cast("t.List[t.Any]", _arguments.untrusted(_with_verdict(verdicts, verdict)))


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"with_verdict": with_verdict}
