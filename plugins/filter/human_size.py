# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter human_size; it is described in human_size.yml."""

from __future__ import annotations

import typing as t

from ansible_collections.fleetproof.backup.plugins.plugin_utils import _arguments, _human


def human_size(value: t.Any, digits: int = 1) -> str:
    """The filter; options are checked, and what is wrong with one is an AnsibleFilterError."""
    return _human.human_size(_arguments.number(value, "human_size"), _arguments.whole(digits, "human_size", "digits", 0, 9))


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"human_size": human_size}
