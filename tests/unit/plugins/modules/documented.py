# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Holds the documentation of a module against what the module takes and returns."""

from __future__ import annotations

import typing as t

import yaml  # type: ignore[import-untyped]

Described = t.Dict[str, t.Any]


def options_of(*documentation: str) -> Described:
    """The options of doc fragments and of the module; what comes later replaces what came before."""
    found: Described = {}
    for text in documentation:
        found.update(yaml.safe_load(text).get("options") or {})
    return found


def compare_options(documented: Described, real: Described) -> None:
    """Every option is what its documentation says, and each has one."""
    assert set(documented) == set(real)
    for name, option in real.items():
        for fact in ("type", "default", "elements", "required"):
            assert documented[name].get(fact) == option.get(fact), (name, fact)
        assert set(documented[name].get("choices", [])) == set(option.get("choices", [])), name
        compare_options(documented[name].get("suboptions", {}), option.get("options", {}))


def compare_returns(found: t.Any, documented: Described, where: str) -> None:
    """All that is returned is documented, and all that is documented is returned."""
    if "contains" in documented:
        rows = found if isinstance(found, list) else [found]
        assert rows, where
        for row in rows:
            assert set(row) == set(documented["contains"]), where
            for name in row:
                if row[name]:
                    compare_returns(row[name], documented["contains"][name], "%s.%s" % (where, name))
