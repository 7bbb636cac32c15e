# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Throw-away certificates for the servers of the test bed: one that is right, and every way of being wrong.

    python certificates.py DIRECTORY [NAME…]

writes ``ca.pem`` and, each with its key, ``good``, ``wrong_name``, ``expired``, ``not_yet``,
``unknown_ca`` and ``client`` (``.pem``, ``.key``) into DIRECTORY. RSA, because some servers of the
bed cannot do otherwise.
"""

from __future__ import annotations

import datetime
import pathlib
import sys
import typing as t

import trustme

NAMES = ("localhost", "127.0.0.1", "::1")

_PAST = (datetime.datetime(2020, 1, 1), datetime.datetime(2021, 1, 1))  # trustme takes naive UTC
_FUTURE = (datetime.datetime(2090, 1, 1), datetime.datetime(2091, 1, 1))


def make_certificates(directory: t.Union[str, pathlib.Path], names: t.Sequence[str] = NAMES) -> pathlib.Path:
    """Write the certificates unless they are there; returns the directory."""
    directory = pathlib.Path(directory)
    if (directory / "ca.pem").exists():
        return directory
    directory.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()

    def issue(name: str, *hosts: str, issuer: trustme.CA = authority, period: t.Optional[t.Tuple[datetime.datetime, datetime.datetime]] = None) -> None:
        not_before, not_after = period or (None, None)
        found = issuer.issue_cert(*hosts, not_before=not_before, not_after=not_after, key_type=trustme.KeyType.RSA)
        (directory / (name + ".pem")).write_bytes(b"".join(blob.bytes() for blob in found.cert_chain_pems))
        key = directory / (name + ".key")
        key.touch(mode=0o600)
        key.write_bytes(found.private_key_pem.bytes())

    issue("good", *names)
    issue("wrong_name", "wrong.example")
    issue("expired", *names, period=_PAST)
    issue("not_yet", *names, period=_FUTURE)
    issue("unknown_ca", *names, issuer=trustme.CA())
    issue("client", "client.example")
    # last: whoever waits for it finds the others
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    return directory


if __name__ == "__main__":
    print(make_certificates(sys.argv[1], sys.argv[2:] or NAMES))
