# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.sign_keys import blocks_of, key_block, load_key, missing, read_pem
from ansible_collections.fleetproof.backup.tests.testbed.signing import PASSPHRASE
from hypothesis import given
from hypothesis import strategies as st


def pem(keys: Path, name: str) -> bytes:
    return (keys / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "passphrase"),
    [("fleet.key", None), ("fleet.pkcs1.key", None), ("fleet.encrypted.key", PASSPHRASE), ("fleet.old.key", PASSPHRASE), ("ec.key", None)],
)
@pytest.mark.parametrize("windows", [False, True])
@pytest.mark.parametrize("around", [b"", b"Bag Attributes\n    friendlyName: fleet\n"])
def test_a_key_is_taken_in_every_form_that_programs_write(keys: Path, name: str, passphrase: t.Optional[str], windows: bool, around: bytes) -> None:
    text = around + pem(keys, name) + around
    block = key_block(text.replace(b"\n", b"\r\n") if windows else text, passphrase, "it")
    assert block.encrypted == (passphrase is not None)
    assert hasattr(load_key(block, passphrase, "sign", "it"), "public_key")


def test_the_key_is_found_beside_its_certificate(keys: Path) -> None:
    assert key_block(pem(keys, "fleet.pem") + pem(keys, "fleet.key"), None, "it").label == "PRIVATE KEY"


BAD = {
    "it is not PEM": lambda keys: b"secret",
    "it is not PEM, which": lambda keys: b"",
    "not PEM, which begins with -----BEGIN on a line of its own": lambda keys: pem(keys, "fleet.key").replace(b"\n", b" "),
    "it is no private key but a certificate": lambda keys: pem(keys, "fleet.pem"),
    "it is a key in another form \\(openssh private key\\); write it as PKCS#8": lambda keys: pem(keys, "fleet.key").replace(b"PRIVATE", b"OPENSSH PRIVATE"),
    "it has more than one private key": lambda keys: pem(keys, "fleet.key") + pem(keys, "ec.key"),
    "it: the private key is damaged: it is not base64": lambda keys: pem(keys, "fleet.key").replace(b"MII", b"MI?", 1),
    "it is encrypted; give its passphrase": lambda keys: pem(keys, "fleet.encrypted.key"),
    "it is encrypted; give": lambda keys: pem(keys, "fleet.old.key"),
}


@pytest.mark.parametrize("sentence", sorted(BAD))
def test_what_is_wrong_with_a_key_is_told_in_one_sentence(keys: Path, sentence: str) -> None:
    with pytest.raises(FleetproofError, match=sentence) as caught:
        key_block(BAD[sentence](keys), None, "it")
    assert caught.value.kind == "argument"


def test_a_passphrase_for_a_key_that_has_none_is_a_mistake(keys: Path) -> None:
    with pytest.raises(FleetproofError, match="it is not encrypted, and yet a passphrase is given"):
        key_block(pem(keys, "fleet.key"), PASSPHRASE, "it")


@pytest.mark.parametrize("name", ["fleet.encrypted.key", "fleet.old.key"])
def test_a_wrong_passphrase_opens_nothing_and_is_not_repeated(keys: Path, name: str) -> None:
    block = key_block(pem(keys, name), "wrong one", "it")
    with pytest.raises(FleetproofError, match="it cannot be opened: the passphrase is wrong, or the key is damaged") as caught:
        load_key(block, "wrong one", "sign", "it")
    assert "wrong one" not in caught.value.message


def test_a_key_that_was_cut_is_damaged(keys: Path) -> None:
    lines = pem(keys, "fleet.key").splitlines(keepends=True)
    with pytest.raises(FleetproofError, match="it is damaged: it is no private key that can be read"):
        load_key(key_block(b"".join(lines[:5] + lines[-1:]), None, "it"), None, "sign", "it")


@given(st.binary(max_size=300), st.sampled_from([b"", b"-----BEGIN PRIVATE KEY-----\n", b"-----BEGIN RSA PRIVATE KEY-----\n"]))
def test_any_octets_are_read_or_told(text: bytes, before: bytes) -> None:
    whole = before + text + b"\n-----END PRIVATE KEY-----\n"
    try:
        found = blocks_of(whole, "it")
    except FleetproofError:
        # one sentence, and no other exception
        return
    assert all(block.text in whole.replace(b"\r\n", b"\n") + b"\n" for block in found)


def test_a_file_that_is_not_there_or_cannot_be_a_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(FleetproofError, match="which chain_path of sign: smime names") as caught:
        read_pem({"chain_path": str(tmp_path / "none")}, "chain", "sign: smime")
    assert caught.value.kind == "not_found"
    with pytest.raises(FleetproofError, match="Could not read"):
        read_pem({"chain_path": str(tmp_path)}, "chain", "sign: smime")
    with pytest.raises(FleetproofError, match="chain_path /dev/zero is larger than any file of keys"):
        read_pem({"chain_path": "/dev/zero"}, "chain", "sign: smime")


def test_a_library_that_is_there_and_does_not_work_says_why() -> None:
    gone = missing("It", "thing", ModuleNotFoundError("No module named 'thing'"))
    assert "(" not in gone.message
    broken = missing("It", "thing", ImportError("libthing.so.3: cannot open shared object file"), "thing>=3")
    assert "on this host (libthing.so.3: cannot open shared object file): install it for" in broken.message
    assert "pip install 'thing>=3'" in broken.message
