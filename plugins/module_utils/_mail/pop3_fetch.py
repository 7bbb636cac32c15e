# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job of pop3_fetch.

Private to this collection.
"""

from __future__ import annotations

import math

from .._errors import FleetproofError
from .._module import ArgumentSpec, Outcome, Task
from .._net.options import credentials_of, endpoint_of, login_options
from .fetch import fetch
from .fetch_options import FETCH
from .pop3_login import PORTS
from .pop3_mailbox import PopMailbox

SPEC = FETCH.merge(login_options("plain", "login", "cram-md5", "apop", "xoauth2")).merge(
    ArgumentSpec(argument_spec={"wait_interval": {"type": "float", "default": 0.5}})
)


def pop3_fetch(task: Task) -> Outcome:
    """Fetch mail by POP3."""
    params = task.params
    endpoint = endpoint_of(params, params["tls"], PORTS)
    credentials = credentials_of(params)
    if credentials is None:
        raise FleetproofError("argument", "username is needed: there is no POP3 without a login")
    interval = params["wait_interval"]
    if not (math.isfinite(interval) and interval > 0):
        raise FleetproofError("argument", "wait_interval must be more than 0 seconds")
    keyed = params["dest"] is not None or params["attachments_dest"] is not None
    return fetch(task, lambda: PopMailbox(endpoint, credentials, keyed, interval))
