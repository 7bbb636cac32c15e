# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fleetproof.backup.plugins.filter.mirror_verdict import FilterModule

mirror_verdict = FilterModule().filters()["mirror_verdict"]


def test_a_failed_task_becomes_a_verdict_of_this_moment():
    row = mirror_verdict({"failed": True, "msg": "no"}, {"name": "pub", "host": "ftp.example.com", "src": "pub", "dest": "/b"})
    assert (row["verdict"], row["name"], row["src"], row["dest"]) == ("failed", "pub", "ftp://ftp.example.com/pub", "/b")
    made = datetime.datetime.strptime(row["checked_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    assert abs(datetime.datetime.now(datetime.timezone.utc) - made) < datetime.timedelta(minutes=1)


def test_a_task_that_was_skipped_says_nothing():
    skipped = {"skipped": True, "changed": False}
    row = mirror_verdict({"counts": {}}, {"name": "pub"}, proof=skipped, seen=skipped, kept=skipped)
    assert (row["verdict"], row["complete"], row["reasons"]) == ("good", None, [])


def test_check_mode_is_a_look():
    row = mirror_verdict({"counts": {"created": 1}, "actions": []}, {"name": "pub"}, check_mode=True)
    assert (row["verdict"], row["complete"]) == ("incomplete", False)
    assert "without check mode" in row["todo"]


@pytest.mark.parametrize(
    ("value", "site", "more", "named"), [([], {}, {}, "the input"), ({}, "etc", {}, "site"), ({}, {}, {"proof": "x"}, "proof"), ({}, {}, {"kept": [1]}, "kept")]
)
def test_what_is_no_result_is_refused_by_name(value, site, more, named):
    with pytest.raises(AnsibleFilterError, match=named):
        mirror_verdict(value, site, **more)


def test_an_age_that_is_none_is_an_error_that_names_it():
    with pytest.raises(AnsibleFilterError, match="max_age"):
        mirror_verdict({"counts": {}}, {"name": "pub", "max_age": "soon"})


def test_the_number_of_findings_has_to_be_one():
    with pytest.raises(AnsibleFilterError, match="max_findings"):
        mirror_verdict({}, {"name": "etc"}, max_findings="many")
