# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter human_time; it is described in human_time.yml."""

from __future__ import annotations

import typing as t

from ansible_collections.fleetproof.backup.plugins.plugin_utils import _arguments, _human


def human_time(value: t.Any, parts: int = 2) -> str:
    """The filter; options are checked, and what is wrong with one is an AnsibleFilterError."""
    return _human.human_time(_arguments.number(value, "human_time"), _arguments.whole(parts, "human_time", "parts", 1, 4))


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"human_time": human_time}
