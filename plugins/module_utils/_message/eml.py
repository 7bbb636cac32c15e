# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory of .eml files, one for each message.

Private to this collection. Names are ``YYYYMMDDTHHMMSSZ-TAG.eml``, by the arrival of the message (UTC): they sort by it,
and nothing in them is of a sender's choosing.
"""

from __future__ import annotations

import time

from .files import FileStore


class EmlStore(FileStore):
    """The directory at ``dest``, which is made if it is not there."""

    def name_of(self, tag: str, when: float) -> str:
        return "%s-%s.eml" % (time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(when)), tag)
