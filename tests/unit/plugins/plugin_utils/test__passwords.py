# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.plugins.plugin_utils._passwords import COSTS, hash_password

# The program of the role stands on its own: it is copied to hosts.
sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "roles" / "ftp_server" / "files"))

from fleetproof_ftp import passwords  # type: ignore[import-not-found, unused-ignore]


@pytest.mark.parametrize("scheme", sorted(COSTS))
@pytest.mark.parametrize("password", ["geheim", "pässwörd 密码", " ", "$scrypt$"])
def test_the_server_takes_the_password_and_no_other(scheme, password):
    known = passwords.parse(hash_password(password, scheme))
    assert passwords.verify(known, password)
    assert not passwords.verify(known, password + " ")
    assert not passwords.verify(known, "")


@pytest.mark.parametrize("scheme", sorted(COSTS))
def test_a_known_hash_is_kept_for_the_same_password_alone(scheme):
    first = hash_password("one", scheme)
    assert hash_password("one", scheme, first) == first
    assert hash_password("two", scheme, first) != first
    assert hash_password("one", scheme) != first, "the salt is not random"
    assert "one" not in first


def test_another_scheme_makes_another_hash():
    first = hash_password("one", "pbkdf2-sha256")
    assert hash_password("one", "scrypt", first).startswith("$scrypt$ln=14,r=8,p=5$")


@pytest.mark.parametrize(
    "known", ["", "x", "$scrypt$", "$scrypt$ln=14,r=8,p=5$", "$scrypt$ln=14,r=8,p=5$AAAA$AAAA", "$scrypt$ln=14,r=8,p=5$====$", "$scrypt$ln=14,r=8,p=5$é$x"]
)
def test_what_is_no_hash_is_replaced(known):
    assert passwords.verify(passwords.parse(hash_password("one", "scrypt", known)), "one")


def test_a_cost_that_is_too_low_for_today_is_replaced():
    weak = "$scrypt$ln=10,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    assert passwords.parse(weak).cost["ln"] == 10
    assert hash_password("one", "scrypt", weak).startswith("$scrypt$ln=14,")
