# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.sign_smime import SmimeSigner
from ansible_collections.fleetproof.backup.plugins.module_utils._message.addresses import parse_address
from ansible_collections.fleetproof.backup.tests.testbed.signing import PASSPHRASE

from .test_sign import needs_openssl, openssl

MESSAGE = (
    b"Date: Tue, 03 Feb 2026 04:05:06 +0000\r\nFrom: Fleet <fleet@example.com>\r\nSubject: Report\r\n content-type: folded\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: text/plain;\r\n charset="utf-8"\r\nContent-Transfer-Encoding: 7bit\r\n\r\nAll good.\r\n'
)


def signer(keys: Path, sender: str = "fleet@example.com", **given: t.Any) -> SmimeSigner:
    paths = {"certificate_path": str(keys / "fleet.pem"), "private_key_path": str(keys / "fleet.key"), "chain_path": str(keys / "issuing.pem")}
    return SmimeSigner({**paths, **given}, parse_address(sender, "sender"))


@needs_openssl
@pytest.mark.parametrize(
    ("name", "passphrase"), [("fleet.key", None), ("fleet.pkcs1.key", None), ("fleet.encrypted.key", PASSPHRASE), ("fleet.old.key", PASSPHRASE)]
)
def test_a_key_signs_whatever_form_it_is_in(keys: Path, tmp_path: Path, name: str, passphrase: t.Optional[str]) -> None:
    raw = signer(keys, private_key_path=str(keys / name), passphrase=passphrase).sign(MESSAGE, 0)
    assert openssl(raw, keys, tmp_path) is not None


@needs_openssl
def test_everything_can_be_given_in_place(keys: Path, tmp_path: Path) -> None:
    text = {name: (keys / name).read_text(encoding="ascii") for name in ("fleet.pem", "fleet.key", "issuing.pem")}
    given = {"certificate": text["fleet.pem"], "private_key": text["fleet.key"], "chain": text["issuing.pem"]}
    raw = SmimeSigner(given, parse_address("fleet@example.com", "sender")).sign(MESSAGE, 0)
    assert openssl(raw, keys, tmp_path) is not None


@needs_openssl
def test_the_header_fields_about_content_move_and_the_others_stay(keys: Path, tmp_path: Path) -> None:
    raw = signer(keys).sign(MESSAGE, 0)
    head = raw.split(b"\r\n\r\n", 1)[0]
    assert head.startswith(b"Date: Tue, 03 Feb 2026 04:05:06 +0000\r\nFrom: Fleet <fleet@example.com>\r\nSubject: Report\r\n content-type: folded\r\n")
    assert head.count(b"MIME-Version: 1.0") == 1
    assert b"text/plain" not in head
    assert openssl(raw, keys, tmp_path) == b'Content-Type: text/plain;\r\n charset="utf-8"\r\nContent-Transfer-Encoding: 7bit\r\n\r\nAll good.\r\n'
    assert all(len(line) <= 78 for line in raw.split(b"\r\n"))


def test_no_octet_is_bare(keys: Path) -> None:
    raw = signer(keys).sign(MESSAGE, 0)
    assert raw.replace(b"\r\n", b"").count(b"\r") + raw.replace(b"\r\n", b"").count(b"\n") == 0
    assert raw.endswith(b"--\r\n")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"certificate_path": "expired.pem"}, "sign: smime: the certificate of CN=Fleet,O=test bed expired at 20.*; renew it"),
        ({"certificate_path": "not_yet.pem"}, "sign: smime: the certificate of CN=Fleet,O=test bed is valid from 20.* on; see whether the clock"),
        ({"private_key_path": "ec.key"}, "private_key_path .*/ec.key is not the key of the certificate of CN=Fleet,O=test bed, which stands first"),
        ({"certificate_path": "issuing.pem"}, "is not the key of the certificate of CN=Issuing,O=test bed"),
        ({"certificate_path": "ed25519.pem", "private_key_path": "ed25519.key"}, "ed25519.key is neither an RSA key nor one of an elliptic curve"),
        ({"certificate_path": "fleet.key"}, "certificate_path .*/fleet.key has no certificate in it"),
        ({"chain_path": "fleet.key"}, "chain_path .*/fleet.key has no certificate in it"),
        ({"private_key_path": "fleet.pem"}, "private_key_path .*/fleet.pem is no private key but a certificate"),
        ({"private_key_path": "fleet.encrypted.key"}, "is encrypted; give its passphrase"),
        ({"certificate_path": "dns.json"}, "certificate_path .*/dns.json is not PEM"),
    ],
)
def test_what_does_not_serve_is_told_in_one_sentence(keys: Path, given: t.Dict[str, str], sentence: str) -> None:
    with pytest.raises(FleetproofError, match=sentence) as caught:
        signer(keys, **{option: str(keys / name) for option, name in given.items()})
    assert caught.value.kind == "argument"


def test_a_damaged_certificate_is_told(keys: Path) -> None:
    lines = (keys / "fleet.pem").read_text(encoding="ascii").splitlines()
    with pytest.raises(FleetproofError, match="sign: smime: certificate is damaged: it is no certificate that can be read"):
        signer(keys, certificate="\n".join(lines[:4] + lines[-1:]), certificate_path=None)


@pytest.mark.parametrize(
    ("sender", "name", "warnings"),
    [
        ("fleet@example.com", "fleet", []),
        ("Fleet <Fleet@EXAMPLE.com>", "fleet", []),
        ("ops@example.com", "fleet", ["is for fleet@example.com and the sender is ops@example.com"]),
        ("fleet@example.com", "server", ["names no mail address", "was not issued for mail"]),
    ],
)
def test_a_certificate_that_readers_will_not_accept_draws_a_warning(keys: Path, sender: str, name: str, warnings: t.List[str]) -> None:
    found = signer(keys, sender, certificate_path=str(keys / (name + ".pem"))).warnings
    assert len(found) == len(warnings)
    assert all(part in warning for part, warning in zip(warnings, found))
