# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fleetproof.backup.plugins.filter.roundtrip_verdict import FilterModule

roundtrip_verdict = FilterModule().filters()["roundtrip_verdict"]


def test_a_failed_task_becomes_a_verdict():
    row = roundtrip_verdict({"failed": True, "msg": "no"}, {"name": "mail", "smtp": {"host": "mx"}})
    assert (row["verdict"], row["name"], row["src"]) == ("failed", "mail", "smtp://mx")


def test_tasks_that_were_skipped_in_check_mode_say_nothing():
    skipped = {"skipped": True, "changed": False}
    assert roundtrip_verdict({}, {"name": "mail"}, fetched={"messages": []}, compared=skipped, check_mode=True)["verdict"] == "unverified"


@pytest.mark.parametrize(("value", "route", "more", "named"), [([], {}, {}, "the input"), ({}, "mail", {}, "route"), ({}, {}, {"fetched": "x"}, "fetched")])
def test_what_is_no_result_is_refused_by_name(value, route, more, named):
    with pytest.raises(AnsibleFilterError, match=named):
        roundtrip_verdict(value, route, **more)


def test_a_delay_that_is_none_is_an_error_that_names_it():
    done = {"messages": [{}], "waited": 1, "same_body": True, "same_headers": True}
    with pytest.raises(AnsibleFilterError, match="max_delay"):
        roundtrip_verdict({}, {"name": "mail", "max_delay": "soon"}, fetched=done, compared=done)
