# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection options of every module that talks to a server, beside doc_fragments/connection.py.

Private to this collection.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError
from .._module import ArgumentSpec
from .auth import Credentials
from .stream import Endpoint
from .tls import TlsPolicy

_LONGEST_TIMEOUT = 86400  # seconds; the system calls below take no number of any size

CONNECTION = ArgumentSpec(
    argument_spec={
        "host": {"type": "str", "default": "localhost"},
        "port": {"type": "int"},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "tls": {"type": "str", "choices": ["implicit", "starttls", "none"]},
        "validate_certs": {"type": "bool", "default": True},
        "ca_path": {"type": "path"},
        "client_cert": {"type": "path"},
        # a path, no secret in itself
        "client_key": {"type": "path", "no_log": False},
        "tls_min_version": {"type": "str", "default": "1.2", "choices": ["1.2", "1.3"]},
        "timeout": {"type": "float", "default": 30},
        "retries": {"type": "int", "default": 3},
        "source_address": {"type": "str"},
    },
    required_by={"password": ["username"], "client_key": ["client_cert"]},
)


def endpoint_of(params: t.Mapping[str, t.Any], tls: str, ports: t.Mapping[str, int]) -> Endpoint:
    """The Endpoint that the options describe; ``tls`` is what the module made of them, ``ports`` its default ports by it."""
    host = params["host"].strip()
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host or any(character <= " " or character == "\x7f" for character in host):
        raise FleetproofError("argument", "host: %r is not a host name or address" % params["host"])
    port = ports[tls] if params["port"] is None else params["port"]
    if not 1 <= port <= 65535:
        raise FleetproofError("argument", "port: %d is not between 1 and 65535" % port)
    if not 0 < params["timeout"] <= _LONGEST_TIMEOUT:
        raise FleetproofError("argument", "timeout must be more than 0 and at most %d seconds" % _LONGEST_TIMEOUT)
    if params["retries"] < 0:
        raise FleetproofError("argument", "retries must be 0 or more")
    policy = TlsPolicy(
        validate_certs=params["validate_certs"],
        ca_path=params["ca_path"],
        client_cert=params["client_cert"],
        client_key=params["client_key"],
        min_version=params["tls_min_version"],
    )
    return Endpoint(host, port, tls, policy, params["timeout"], params["source_address"])


def login_options(*choices: str) -> ArgumentSpec:
    """The options that say how to log in where a protocol knows several ways; ``choices`` are those beside ``auto``."""
    return ArgumentSpec(
        argument_spec={
            "auth": {"type": "str", "default": "auto", "choices": ["auto", *choices]},
            "oauth_token": {"type": "str", "no_log": True},
        },
        mutually_exclusive=[("password", "oauth_token")],
        required_by={"oauth_token": ["username"]},
    )


def credentials_of(params: t.Mapping[str, t.Any]) -> t.Optional[Credentials]:
    """Who logs in, and how; None where nobody does."""
    if params["username"] is None:
        return None
    if params["password"] is None and params["oauth_token"] is None:
        raise FleetproofError("argument", "username needs password or oauth_token")
    if (params["auth"] == "xoauth2") != (params["oauth_token"] is not None) and params["auth"] != "auto":
        raise FleetproofError("argument", "auth=xoauth2 goes with oauth_token, every other auth with password")
    return Credentials(params["username"], params["password"], params["oauth_token"], params["auth"])
