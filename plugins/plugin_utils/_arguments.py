# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What filters are given, checked. Private to this collection.

A filter names itself in its errors, because the error of a template seldom shows which part of it failed.
"""

from __future__ import annotations

import math
import re
import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.fleetproof.backup.plugins.plugin_utils._clean import plain

_wrap_var: t.Optional[t.Callable[[t.Any], t.Any]] = None
try:
    # What can mark a text as a template marks all others as none; what it reads lazily must not be copied by anything else.
    from ansible.template import trust_as_template as _trust_as_template  # noqa: F401 - only whether it is there
except ImportError:
    from ansible.utils.unsafe_proxy import wrap_var

    _wrap_var = wrap_var

_COLOR = re.compile(r"\A#[0-9a-fA-F]{6}\Z")


def number(value: t.Any, who: str) -> float:
    """A finite number, or a text that is one."""
    if not isinstance(value, bool):
        try:
            result = float(value)
        except (TypeError, ValueError):
            pass
        else:
            if math.isfinite(result):
                return result
    raise AnsibleFilterError("%s: %r is not a number" % (who, plain(value)))


def whole(value: t.Any, who: str, option: str, low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``."""
    result = number(value, "%s: %s" % (who, option))
    if result != int(result) or not low <= result <= high:
        raise AnsibleFilterError("%s: %s has to be a whole number from %d to %d, not %r" % (who, option, low, high, plain(value)))
    return int(result)


def text(value: t.Any, who: str, option: str) -> str:
    """A text, freed from marks."""
    if not isinstance(value, str):
        raise AnsibleFilterError("%s: %s has to be a text, not %r" % (who, option, plain(value)))
    return str(plain(value))


def color(value: t.Any, who: str, option: str) -> str:
    """A colour as HTML writes it, such as C(#cf4239)."""
    if not isinstance(value, str) or not _COLOR.match(value):
        raise AnsibleFilterError("%s: %s has to be a colour such as #cf4239, not %r" % (who, option, plain(value)))
    return str(plain(value))


def choice(value: t.Any, who: str, option: str, choices: t.Sequence[str]) -> str:
    """One of ``choices``."""
    if value not in choices:
        raise AnsibleFilterError("%s: %s has to be one of %s, not %r" % (who, option, ", ".join(choices), plain(value)))
    return str(plain(value))


def texts(value: t.Any, who: str, option: str) -> t.List[str]:
    """A list of texts."""
    if isinstance(value, (str, bytes, t.Mapping)) or not isinstance(value, t.Iterable):
        raise AnsibleFilterError("%s: %s has to be a list, not %r" % (who, option, plain(value)))
    return [text(item, who, option) for item in value]


def untrusted(value: t.Any) -> t.Any:
    """``value`` so marked that Ansible never takes any text in it for a template.

    From ansible-core 2.19 on this is how every text made by a plugin is treated, and it stays as it is.
    """
    return value if _wrap_var is None else _wrap_var(value)
