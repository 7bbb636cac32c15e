# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of every module that talks to a news server, beside doc_fragments/nntp.py.

Private to this collection.
"""

from __future__ import annotations

import typing as t

from .._module import ArgumentSpec
from .._net.options import CONNECTION, credentials_of, endpoint_of, login_options
from .connection import MECHANISMS, PORTS
from .session import Session

NEWS = CONNECTION.merge(login_options(*MECHANISMS)).merge(
    ArgumentSpec(argument_spec={"tls": {"type": "str", "choices": ["implicit", "starttls", "none"], "default": "implicit"}})
)


def session_of(params: t.Mapping[str, t.Any]) -> Session:
    """The Session that the options describe; nothing is connected yet."""
    endpoint = endpoint_of(params, params["tls"], PORTS)
    return Session(endpoint, credentials_of(params), params["retries"])
