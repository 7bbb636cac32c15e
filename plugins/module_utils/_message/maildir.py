# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Maildir: one file for each message, from tmp to new, and where a mail program likes from there.

Private to this collection. Names are ``SECONDS.TAG.HOST``, by the arrival of the message.
"""

from __future__ import annotations

import os
import socket

from .._errors import FleetproofError
from .._values import display_name
from .files import FileStore


class MaildirStore(FileStore):
    """The Maildir at ``dest``, which is made if it is not there."""

    folders = ("new", "cur")
    temporary = "tmp"

    def name_of(self, tag: str, when: float) -> str:
        # as the authors of the format have it
        host = socket.gethostname().replace("/", "\\057").replace(":", "\\072")
        return "%d.%s.%s" % (when, tag, host)

    def probe(self) -> None:
        super().probe()
        if os.path.isdir(self._dest) and not any(os.path.isdir(os.path.join(self._dest, folder)) for folder in self.folders) and os.listdir(self._dest):
            raise FleetproofError("argument", "dest: %s has files in it and is not a Maildir, for it has neither new nor cur" % display_name(self._dest))
