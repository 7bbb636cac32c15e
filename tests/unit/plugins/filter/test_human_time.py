# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fleetproof.backup.plugins.filter.human_time import FilterModule, human_time


def test_ansible_finds_it():
    assert FilterModule().filters() == {"human_time": human_time}


def test_numbers_and_texts_that_are_numbers():
    assert human_time(5400) == human_time("5400") == "1 h 30 min"
    assert human_time(5400, 1) == "2 h"


@pytest.mark.parametrize("value", ["long", None, True])
def test_what_is_no_number_is_an_error_that_names_the_filter(value):
    with pytest.raises(AnsibleFilterError, match=r"human_time: .* is not a number"):
        human_time(value)


@pytest.mark.parametrize("parts", [0, 5])
def test_odd_parts_are_an_error(parts):
    with pytest.raises(AnsibleFilterError, match="parts"):
        human_time(5, parts)
