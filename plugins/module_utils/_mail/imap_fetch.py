# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job of imap_fetch: from its options to its result.

Private to this collection. All but the protocol is in fetch.py.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError
from .._module import ArgumentSpec, Outcome, Task
from .._net.options import credentials_of, endpoint_of, login_options
from .fetch import fetch
from .fetch_options import FETCH
from .imap_login import PORTS
from .imap_mailbox import ImapMailbox, Wish

SPEC = FETCH.merge(login_options("plain", "login", "cram-md5", "xoauth2")).merge(
    ArgumentSpec(
        argument_spec={
            "mailbox": {"type": "str", "default": "INBOX"},
            "search": {"type": "str", "default": "ALL"},
            "mark_seen": {"type": "bool", "default": False},
            "move_to": {"type": "str"},
        },
    )
)


def imap_fetch(task: Task) -> Outcome:
    """Fetch mail by IMAP."""
    params = task.params
    endpoint = endpoint_of(params, params["tls"], PORTS)
    credentials = credentials_of(params)
    wish = _wish(params, task.check_mode)
    return fetch(task, lambda: ImapMailbox(endpoint, credentials, wish))


def _wish(params: t.Mapping[str, t.Any], check: bool) -> Wish:
    delete = params["delete"].strip().lower() != "never"
    keyed = params["dest"] is not None or params["attachments_dest"] is not None
    changing = [name for name in ("mark_seen", "move_to") if params[name]]
    if changing and not keyed:
        raise FleetproofError(
            "argument", "%s needs dest or attachments_dest: nothing happens to a message on the server until it is safe on disk" % changing[0]
        )
    if delete and params["move_to"] is not None:
        raise FleetproofError("argument", "move_to and delete both say where the messages go; give one of them")
    return Wish(
        mailbox=params["mailbox"],
        search=params["search"],
        mark_seen=params["mark_seen"],
        move_to=params["move_to"],
        delete=delete,
        keyed=keyed,
        writing=not check and (delete or bool(changing)),
    )
