# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fleetproof.backup.plugins.filter.ftp_password_hash import FilterModule, ftp_password_hash


def test_ansible_finds_it():
    assert FilterModule().filters() == {"ftp_password_hash": ftp_password_hash}


def test_the_second_run_keeps_the_hash_of_the_first():
    first = ftp_password_hash("geheim", "pbkdf2-sha256")
    assert ftp_password_hash("geheim", "pbkdf2-sha256", first) == first


@pytest.mark.parametrize("password", ["", None, 12345, ["x"]])
def test_what_is_no_password_is_an_error(password):
    with pytest.raises(AnsibleFilterError, match="has to be a text"):
        ftp_password_hash(password)


@pytest.mark.parametrize(("options", "word"), [({"scheme": "md5"}, "scheme"), ({"known": 5}, "known")])
def test_an_error_names_the_option_and_not_the_password(options, word):
    with pytest.raises(AnsibleFilterError, match=word) as caught:
        ftp_password_hash("geheim", **options)
    assert "geheim" not in str(caught.value)


def test_half_a_character_is_an_error_that_does_not_show_it():
    with pytest.raises(AnsibleFilterError, match="characters that are none"):
        ftp_password_hash("geheim\ud800")


def test_a_password_from_a_vault_of_older_releases_is_one():
    class Encrypted:
        __ENCRYPTED__ = True

        def __str__(self):
            return "geheim"

    first = ftp_password_hash("geheim", "pbkdf2-sha256")
    assert ftp_password_hash(Encrypted(), "pbkdf2-sha256", first) == first
