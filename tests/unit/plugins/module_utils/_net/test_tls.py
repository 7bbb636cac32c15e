# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._net.tls import TlsPolicy, make_context, tls_error
from ansible_collections.fleetproof.backup.tests.testbed.certificates import make_certificates


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls"))


def test_certificates_and_names_are_checked_unless_told_otherwise() -> None:
    context = make_context(TlsPolicy())
    assert (context.verify_mode, context.check_hostname, context.minimum_version) == (ssl.CERT_REQUIRED, True, ssl.TLSVersion.TLSv1_2)
    context = make_context(TlsPolicy(validate_certs=False, min_version="1.3"))
    assert (context.verify_mode, context.check_hostname, context.minimum_version) == (ssl.CERT_NONE, False, ssl.TLSVersion.TLSv1_3)


def test_ca_path_takes_the_place_of_the_system(certificates: Path) -> None:
    context = make_context(TlsPolicy(ca_path=str(certificates / "ca.pem")))
    assert len(context.get_ca_certs()) == 1
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_a_directory_of_authorities_needs_no_hashed_names(certificates: Path, tmp_path: Path) -> None:
    (tmp_path / "ours.crt").write_bytes((certificates / "ca.pem").read_bytes())
    (tmp_path / "README").write_text("no certificate", encoding="utf-8")
    context = make_context(TlsPolicy(ca_path=str(tmp_path)))
    assert len(context.get_ca_certs()) == 1
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_an_empty_directory_trusts_nobody(tmp_path: Path) -> None:
    context = make_context(TlsPolicy(ca_path=str(tmp_path)))
    assert context.get_ca_certs() == []
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize(("content", "kind"), [(None, "not_found"), ("no certificate", "argument")])
def test_a_ca_file_that_cannot_be_used_is_named(tmp_path: Path, content: str | None, kind: str) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(FleetproofError, match="ca_path") as caught:
        make_context(TlsPolicy(ca_path=str(path)))
    assert caught.value.kind == kind
    assert str(path) in caught.value.message


def test_a_client_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FleetproofError, match="client_cert") as caught:
        make_context(TlsPolicy(client_cert=str(tmp_path / "none.pem")))
    assert caught.value.kind == "not_found"


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_a_password(certificates: Path, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key((certificates / "client.key").read_bytes(), None)
    encrypted = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret"))
    (tmp_path / "client.key").write_bytes(encrypted)
    with pytest.raises(FleetproofError, match="must not be encrypted"):
        make_context(TlsPolicy(client_cert=str(certificates / "client.pem"), client_key=str(tmp_path / "client.key")))


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("WRONG_VERSION_NUMBER", "not TLS"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "tls_min_version"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "client_cert"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "cipher in common"),
        ("SOMETHING_ELSE", "TLS failed (SOMETHING_ELSE)"),
    ],
)
def test_each_failure_has_its_sentence(reason: str, words: str) -> None:
    error = ssl.SSLError(1, "words of OpenSSL")
    error.reason = reason
    found = tls_error(error, "mail", "mail:465")
    assert (found.kind, found.retryable) == ("tls", False)
    assert words in found.message
    assert found.message.startswith("mail:465")
