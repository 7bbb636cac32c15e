# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of every module that talks to an FTP server, beside doc_fragments/ftp.py.

Private to this collection.
"""

from __future__ import annotations

import typing as t

from .._errors import FleetproofError
from .._module import ArgumentSpec
from .._net.options import CONNECTION, endpoint_of
from .._net.stream import Endpoint
from .netrc import lookup
from .text import encoding_of

SITE = CONNECTION.merge(
    ArgumentSpec(
        argument_spec={
            "tls": {"type": "str", "choices": ["implicit", "starttls", "none"], "default": "starttls"},
            "netrc": {"type": "bool", "default": False},
            "passive": {"type": "bool", "default": True},
            "encoding": {"type": "str", "default": "auto"},
        }
    )
)

PORTS = {"starttls": 21, "implicit": 990, "none": 21}
ANONYMOUS = ("anonymous", "anonymous@")  # RFC 1635


class Site(t.NamedTuple):
    """A server and how to be let in. ``encoding`` is the name of a codec."""

    endpoint: Endpoint
    username: str
    password: str
    passive: bool = True
    encoding: str = "utf-8"
    retries: int = 3

    @property
    def anonymous(self) -> bool:
        """Nothing secret is needed to log in."""
        return self.username.lower() in ("anonymous", "ftp")


def site_of(params: t.Mapping[str, t.Any]) -> t.Tuple[Site, t.List[str]]:
    """The Site that the options describe, and warnings."""
    endpoint = endpoint_of(params, params["tls"], PORTS)
    encoding = encoding_of(params["encoding"])
    username, password = params["username"], params["password"]
    warnings: t.List[str] = []
    if params["netrc"]:
        if password is not None:
            warnings.append("netrc: the file was not read, since username and password are given")
        else:
            username, password = lookup(endpoint.host, username)
    if not username:
        if password:
            raise FleetproofError("argument", "username is empty though there is a password: give both, or neither to log in anonymously")
        username, password = ANONYMOUS
    return Site(endpoint, username, password or "", params["passive"], encoding, params["retries"]), warnings
