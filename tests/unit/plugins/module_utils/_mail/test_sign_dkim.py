# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import shutil
import subprocess
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.sign_dkim import DkimSigner
from ansible_collections.fleetproof.backup.plugins.module_utils._message.addresses import parse_address
from ansible_collections.fleetproof.backup.tests.testbed.signing import PASSPHRASE
from cryptography.hazmat.primitives import serialization

from .test_sign import is_proved

MESSAGE = b"Date: Tue, 03 Feb 2026 04:05:06 +0000\r\nFrom: Fleet <fleet@example.com>\r\nSubject: Report\r\n\r\nAll good.\r\n"
DATE = 1770091506.0


def signer(keys: Path, sender: str = "fleet@example.com", **given: t.Any) -> DkimSigner:
    options = {"domain": "example.com", "selector": "rsa", "oversign": [], **given}
    if "private_key" not in options:
        options.setdefault("private_key_path", str(keys / "fleet.key"))
    return DkimSigner(options, parse_address(sender, "sender"))


@pytest.mark.parametrize(
    ("name", "passphrase"), [("fleet.key", None), ("fleet.pkcs1.key", None), ("fleet.encrypted.key", PASSPHRASE), ("fleet.old.key", PASSPHRASE)]
)
def test_an_rsa_key_signs_whatever_form_it_is_in(keys: Path, name: str, passphrase: t.Optional[str]) -> None:
    found = signer(keys, private_key_path=str(keys / name), passphrase=passphrase)
    assert found.facts["algorithm"] == "rsa-sha256"
    assert is_proved(found.sign(MESSAGE, DATE), keys)


def ed25519_forms(keys: Path) -> t.Dict[str, t.Tuple[str, t.Optional[str]]]:
    text = (keys / "ed25519.key").read_bytes()
    key = serialization.load_pem_private_key(text, None)
    secret = serialization.BestAvailableEncryption(PASSPHRASE.encode())
    locked = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret)
    seed = key.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    return {
        "PEM": (text.decode(), None),
        "encrypted": (locked.decode(), PASSPHRASE),
        "base64": (base64.b64encode(seed).decode() + "\n", None),
    }


@pytest.mark.parametrize("form", ["PEM", "encrypted", "base64"])
def test_an_ed25519_key_signs_whatever_form_it_is_in(keys: Path, form: str) -> None:
    text, passphrase = ed25519_forms(keys)[form]
    found = signer(keys, selector="ed", private_key=text, passphrase=passphrase)
    assert found.facts["algorithm"] == "ed25519-sha256"
    assert is_proved(found.sign(MESSAGE, DATE), keys)


@pytest.mark.parametrize("selector", ["rsa", "ed"])
def test_the_same_mail_is_signed_with_the_same_octets_and_the_time_of_the_mail(keys: Path, selector: str) -> None:
    path = str(keys / {"rsa": "fleet.key", "ed": "ed25519.key"}[selector])
    first, second = (signer(keys, selector=selector, private_key_path=path).sign(MESSAGE, DATE) for _time in range(2))
    assert first == second
    assert b"t=1770091506;" in first
    assert first.endswith(b"\r\n" + MESSAGE)


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n\r\n", b"x", b" \r\n\t\r\n", b".\r\n", b"a  b \r\n\r\n", b"\r\n\r\nend"])
def test_bodies_at_the_limits_of_the_canonical_form_are_proved(keys: Path, body: bytes) -> None:
    head = MESSAGE.split(b"\r\n\r\n", 1)[0]
    assert is_proved(signer(keys).sign(head + b"\r\n\r\n" + body, DATE), keys)


@pytest.mark.parametrize(
    ("sender", "domain", "doubted"),
    [
        ("fleet@example.com", "example.com", False),
        ("fleet@Example.COM", "EXAMPLE.com.", False),
        ("fleet@mail.example.com", "example.com", False),
        ("fleet@example.com", "mail.example.com", True),
        ("fleet@notexample.com", "example.com", True),
        ("fleet@bücher.example", "bücher.example", False),
        ("root", "example.com", True),
    ],
)
def test_a_domain_that_is_not_the_senders_draws_a_warning(keys: Path, sender: str, domain: str, doubted: bool) -> None:
    found = signer(keys, sender, domain=domain)
    assert bool(found.warnings) == doubted
    assert found.facts["domain"] == domain.rstrip(".").lower().encode("idna").decode("ascii")


@pytest.mark.parametrize(
    ("option", "value", "kind"),
    [
        ("domain", "", "argument"),
        ("domain", "example..com", "argument"),
        ("domain", "-a.example", "argument"),
        ("domain", "example.com; l=0", "argument"),
        ("domain", "example.com\r\nBcc: x@example.com", "unsafe"),
        ("selector", "a b", "argument"),
        ("selector", "a\nb", "unsafe"),
        ("selector", "x" * 64, "argument"),
        ("oversign", ["Subject:"], "argument"),
        ("oversign", ["Subject\r\n"], "argument"),
        ("oversign", ["Received"], "argument"),
        ("oversign", ["DKIM-Signature"], "argument"),
    ],
)
def test_names_that_would_break_the_header_are_refused(keys: Path, option: str, value: t.Any, kind: str) -> None:
    with pytest.raises(FleetproofError, match="sign: dkim: %s" % option) as caught:
        signer(keys, **{option: value})
    assert caught.value.kind == kind


def test_a_selector_may_have_dots(keys: Path) -> None:
    assert b" s=2026._a.b;" in signer(keys, selector="2026._a.b").sign(MESSAGE, DATE)


def damaged(keys: Path, at: int) -> str:
    lines = (keys / "fleet.pkcs1.key").read_text(encoding="ascii").splitlines()
    der = bytearray(base64.b64decode("".join(lines[1:-1])))
    der[at] ^= 1
    return "%s\n%s\n%s\n" % (lines[0], base64.b64encode(bytes(der)).decode(), lines[-1])


# offsets in RSAPrivateKey of 2048 bits: the modulus, a prime, an exponent, the coefficient, the end
@pytest.mark.parametrize("at", [100, 700, 900, 1000, 1100, -1])
def test_a_key_with_one_bit_of_it_turned_is_found_out(keys: Path, at: int) -> None:
    with pytest.raises(FleetproofError, match=r"is damaged: what it signs cannot be verified|is neither an RSA key nor"):
        signer(keys, private_key=damaged(keys, at))


@pytest.mark.parametrize("length", [0, 1, 2, 20, 600])
def test_a_key_that_was_cut_is_found_out(keys: Path, length: int) -> None:
    lines = (keys / "fleet.key").read_text(encoding="ascii").splitlines()
    cut = base64.b64encode(base64.b64decode("".join(lines[1:-1]))[:length]).decode()
    with pytest.raises(FleetproofError, match="is neither an RSA key nor an Ed25519 key that can be read"):
        signer(keys, private_key="%s\n%s\n%s\n" % (lines[0], cut, lines[-1]))


def test_a_key_of_another_kind_is_found_out(keys: Path) -> None:
    with pytest.raises(
        FleetproofError, match=r"private_key_path .*/ec.key is neither an RSA key nor an Ed25519 key that can be read; DKIM signs with these two"
    ):
        signer(keys, private_key_path=str(keys / "ec.key"))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no program openssl here")
def test_a_key_that_receivers_would_not_take_is_refused(keys: Path) -> None:
    short = subprocess.run(["openssl", "genrsa", "768"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
    with pytest.raises(FleetproofError, match="has 768 bits, and receivers take no RSA key of less than 1024"):
        signer(keys, private_key=short)
