# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of every module that walks directory trees, beside doc_fragments/tree.py.

Private to this collection.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError
from .._module import ArgumentSpec
from .._share import usable_cores
from .walk import WalkOptions

TREE = ArgumentSpec(
    argument_spec={
        "include": {"type": "list", "elements": "str", "default": []},
        "exclude": {"type": "list", "elements": "str", "default": []},
        "one_file_system": {"type": "bool", "default": False},
        "unicode_normalization": {"type": "str", "default": "none", "choices": ["none", "nfc", "nfd"]},
        "modify_window": {"type": "float", "default": 0},
        "parallel": {"type": "str", "default": "auto"},
        "max_listed": {"type": "int", "default": 1000},
        "progress_path": {"type": "path"},
    },
)

# More processes than this only wait for each other.
MOST_WORKERS = 64


def walk_options_of(params: t.Mapping[str, t.Any]) -> WalkOptions:
    """How the trees are walked; also reads O(follow) and O(ignore_case) of modules that have them."""
    key = None
    ignore_case = params.get("ignore_case", False)
    if params["unicode_normalization"] != "none" or ignore_case:
        from .names import matching_key  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # few tasks need it

        key = matching_key(params["unicode_normalization"], ignore_case)
    keep = None
    if params["include"] or params["exclude"]:
        from .._filter import compile_filter  # noqa: PLC0415 # pylint: disable=import-outside-toplevel # as above

        keep = compile_filter(params["include"], params["exclude"], key)
    return WalkOptions(keep=keep, key=key, follow=params.get("follow", False), one_file_system=params["one_file_system"])


def workers_of(params: t.Mapping[str, t.Any]) -> int:
    """How many processes may work: as many as asked for, or one a core."""
    text = params["parallel"].strip()
    if text == "auto":
        return usable_cores()
    if not text.isdecimal() or not 1 <= int(text) <= MOST_WORKERS:
        raise FleetproofError("argument", "parallel: %r is neither auto nor a number from 1 to %d" % (params["parallel"], MOST_WORKERS))
    return int(text)
