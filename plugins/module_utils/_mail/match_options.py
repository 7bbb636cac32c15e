# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option ``match`` of every module that reads mail; what it means is in _message/matching.py.

Private to this collection.
"""

from __future__ import annotations

import typing as t

MATCH: t.Dict[str, t.Dict[str, t.Any]] = {
    "from": {"type": "str"},
    "to": {"type": "str"},
    "subject": {"type": "str"},
    "message_id": {"type": "str"},
    "since": {"type": "str"},
    "header": {"type": "dict"},
    "body": {"type": "str"},
    "larger": {"type": "str"},
    "smaller": {"type": "str"},
}
