# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of every module that fetches mail, beside doc_fragments/fetch.py.

Private to this collection.
"""

from __future__ import annotations

from .._module import ArgumentSpec
from .._net.options import CONNECTION
from .match_options import MATCH

FETCH = CONNECTION.merge(
    ArgumentSpec(
        argument_spec={
            "tls": {"type": "str", "choices": ["implicit", "starttls", "none"], "default": "implicit"},
            "dest": {"type": "path"},
            "format": {"type": "str", "choices": ["maildir", "mbox", "eml"], "default": "maildir"},
            "match": {"type": "dict", "options": MATCH},
            "max_messages": {"type": "int"},
            "max_size": {"type": "str", "default": "64M"},
            "max_parts": {"type": "int", "default": 1000},
            "max_depth": {"type": "int", "default": 50},
            "order": {"type": "str", "choices": ["newest", "oldest"], "default": "newest"},
            "state": {"type": "path"},
            "delete": {"type": "str", "default": "never"},
            "wait": {"type": "float", "default": 0},
            "min_messages": {"type": "int", "default": 1},
            "attachments_dest": {"type": "path"},
            "attachments": {"type": "list", "elements": "str", "default": ["*"]},
            "bodies": {"type": "str", "choices": ["none", "text", "all"], "default": "text"},
            "max_listed": {"type": "int", "default": 1000},
        },
    )
)
