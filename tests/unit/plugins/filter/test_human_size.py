# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fleetproof.backup.plugins.filter.human_size import FilterModule, human_size


def test_ansible_finds_it():
    assert FilterModule().filters() == {"human_size": human_size}


@pytest.mark.parametrize(("value", "text"), [(1536, "1.5 KiB"), ("1536", "1.5 KiB"), (0, "0 B")])
def test_numbers_and_texts_that_are_numbers(value, text):
    assert human_size(value) == text


@pytest.mark.parametrize("value", ["much", None, True, [], float("nan"), float("inf")])
def test_what_is_no_number_is_an_error_that_names_the_filter(value):
    with pytest.raises(AnsibleFilterError, match=r"human_size: .* is not a number"):
        human_size(value)


@pytest.mark.parametrize("digits", [-1, 10, 1.5, "x"])
def test_odd_digits_are_an_error(digits):
    with pytest.raises(AnsibleFilterError, match="digits"):
        human_size(5, digits)
