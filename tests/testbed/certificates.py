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
import fcntl
import functools
import ipaddress
import pathlib
import sys
import typing as t

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

NAMES = ("localhost", "127.0.0.1", "::1")

_PAST = (datetime.datetime(2020, 1, 1), datetime.datetime(2021, 1, 1))
_FUTURE = (datetime.datetime(2090, 1, 1), datetime.datetime(2091, 1, 1))


def make_certificates(directory: t.Union[str, pathlib.Path], names: t.Sequence[str] = NAMES) -> pathlib.Path:
    """Write the certificates unless they are there; returns the directory."""
    directory = pathlib.Path(directory)
    if (directory / "ca.pem").exists():
        return directory
    directory.mkdir(parents=True, exist_ok=True)
    # two servers may begin with the same directory
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / "ca.pem").exists():
            _write(directory, *_make(tuple(names)))
    return directory


@functools.lru_cache(maxsize=None)
def _make(names: t.Tuple[str, ...]) -> t.Tuple[bytes, t.Dict[str, t.Tuple[bytes, bytes]]]:
    """The authority, and the certificates with their keys: once for each process, and one key for all servers, because RSA keys take their time."""
    authority = trustme.CA()
    server, client = (rsa.generate_private_key(65537, 2048) for _time in range(2))
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    valid = (now - datetime.timedelta(days=1), now + datetime.timedelta(days=300))
    return authority.cert_pem.bytes(), {
        "good": _issue(authority, server, names, *valid),
        "wrong_name": _issue(authority, server, ["wrong.example"], *valid),
        "expired": _issue(authority, server, names, *_PAST),
        "not_yet": _issue(authority, server, names, *_FUTURE),
        "unknown_ca": _issue(trustme.CA(), server, names, *valid),
        "client": _issue(authority, client, ["client.example"], *valid),
    }


def _write(directory: pathlib.Path, authority: bytes, issued: t.Dict[str, t.Tuple[bytes, bytes]]) -> None:
    for name, (certificate, key) in issued.items():
        (directory / (name + ".pem")).write_bytes(certificate)
        (directory / (name + ".key")).touch(mode=0o600)
        (directory / (name + ".key")).write_bytes(key)
    # last, and whole at once: whoever waits for it finds the others
    temporary = directory / ".ca.pem"
    temporary.write_bytes(authority)
    temporary.replace(directory / "ca.pem")


def _issue(authority: trustme.CA, key: rsa.RSAPrivateKey, hosts: t.Sequence[str], begin: datetime.datetime, end: datetime.datetime) -> t.Tuple[bytes, bytes]:
    """A certificate for a period (UTC), and for a key, which trustme of all ages cannot choose; and the key."""
    issuer = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    signer = serialization.load_pem_private_key(authority.private_key_pem.bytes(), None)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "test bed")]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)  # type: ignore[arg-type]
        .sign(signer, hashes.SHA256())  # type: ignore[arg-type]
    )
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    return certificate.public_bytes(serialization.Encoding.PEM), secret


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


if __name__ == "__main__":
    print(make_certificates(sys.argv[1], sys.argv[2:] or NAMES))
