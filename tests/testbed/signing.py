# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Throw-away keys and certificates for mail that is signed: what serves, and every way of not serving.

    python signing.py DIRECTORY

writes into DIRECTORY the issuers ``ca.pem`` and ``issuing.pem``; the certificates for fleet@example.com
``fleet.pem`` (RSA) and ``ec.pem``; ``expired.pem``, ``not_yet.pem``, ``server.pem`` (not for mail) and ``ed25519.pem``;
their keys ``fleet.key``, ``ec.key`` and ``ed25519.key``, the first one also as ``fleet.pkcs1.key``,
``fleet.encrypted.key`` and ``fleet.old.key`` (encrypted as by older programs); and ``dns.json``, the TXT records
that DKIM asks for, by name. ``fleet.key`` is the key of the selector ``rsa``, ``ed25519.key`` of ``ed``.
"""

from __future__ import annotations

import base64
import datetime
import json
import pathlib
import sys
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PASSPHRASE = "correct horse battery"
ADDRESS = "fleet@example.com"
DOMAIN = "example.com"

_PEM = serialization.Encoding.PEM
_NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
_DAY = datetime.timedelta(days=1)


def make_signing_keys(directory: t.Union[str, pathlib.Path]) -> pathlib.Path:
    """Write all of it; returns the directory."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    # the slow one, made once
    keys = {"fleet": rsa.generate_private_key(65537, 2048), "ec": ec.generate_private_key(ec.SECP256R1()), "ed25519": ed25519.Ed25519PrivateKey.generate()}
    root, issuing = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = (_NOW - _DAY, _NOW + 30 * _DAY)
    certificates = {
        "ca": _issue("Root", root, "Root", root, now, authority=True),
        "issuing": _issue("Issuing", issuing, "Root", root, now, authority=True),
        "fleet": _issue("Fleet", keys["fleet"], "Issuing", issuing, now, ADDRESS),
        "ec": _issue("Fleet", keys["ec"], "Issuing", issuing, now, ADDRESS),
        "ed25519": _issue("Fleet", keys["ed25519"], "Issuing", issuing, now, ADDRESS),
        "expired": _issue("Fleet", keys["fleet"], "Issuing", issuing, (_NOW - 2 * _DAY, _NOW - _DAY), ADDRESS),
        "not_yet": _issue("Fleet", keys["fleet"], "Issuing", issuing, (_NOW + _DAY, _NOW + 2 * _DAY), ADDRESS),
        "server": _issue("Server", keys["fleet"], "Issuing", issuing, now),
    }
    for name, certificate in certificates.items():
        (directory / (name + ".pem")).write_bytes(certificate.public_bytes(_PEM))
    for name, key in keys.items():
        _write_key(directory / (name + ".key"), key)
    secret = serialization.BestAvailableEncryption(PASSPHRASE.encode())
    _write_key(directory / "fleet.encrypted.key", keys["fleet"], encryption=secret)
    _write_key(directory / "fleet.old.key", keys["fleet"], serialization.PrivateFormat.TraditionalOpenSSL, secret)
    _write_key(directory / "fleet.pkcs1.key", keys["fleet"], serialization.PrivateFormat.TraditionalOpenSSL)
    (directory / "dns.json").write_text(json.dumps(_records(keys), indent=1), encoding="ascii")
    return directory


def _issue(subject: str, key, issuer: str, signer, valid, address: str = "", authority: bool = False) -> x509.Certificate:
    use = ExtendedKeyUsageOID.EMAIL_PROTECTION if address else ExtendedKeyUsageOID.SERVER_AUTH
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    if address:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(address)]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "test bed"), x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _write_key(path: pathlib.Path, key, form=serialization.PrivateFormat.PKCS8, encryption=None) -> None:
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(_PEM, form, encryption or serialization.NoEncryption()))


def _records(keys) -> t.Dict[str, str]:
    info = keys["fleet"].public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    raw = keys["ed25519"].public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {
        "rsa._domainkey.%s." % DOMAIN: "v=DKIM1; k=rsa; p=" + base64.b64encode(info).decode(),
        "ed._domainkey.%s." % DOMAIN: "v=DKIM1; k=ed25519; p=" + base64.b64encode(raw).decode(),
    }


if __name__ == "__main__":
    print(make_signing_keys(sys.argv[1]))
