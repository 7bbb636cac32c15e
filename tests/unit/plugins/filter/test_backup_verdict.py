# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fleetproof.backup.plugins.filter.backup_verdict import FilterModule

backup_verdict = FilterModule().filters()["backup_verdict"]


def test_a_failed_task_becomes_a_verdict_of_this_moment():
    row = backup_verdict({"failed": True, "msg": "no"}, {"name": "etc", "src": "/a", "dest": "/b"})
    assert (row["verdict"], row["name"], row["src"], row["dest"]) == ("failed", "etc", "/a", "/b")
    made = datetime.datetime.strptime(row["checked_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    assert abs(datetime.datetime.now(datetime.timezone.utc) - made) < datetime.timedelta(minutes=1)


def test_the_number_of_findings_has_to_be_one():
    with pytest.raises(AnsibleFilterError, match="max_findings"):
        backup_verdict({}, {"name": "etc"}, max_findings="many")


@pytest.mark.parametrize(("value", "pair", "more", "named"), [([], {}, {}, "the input"), ({}, "etc", {}, "pair"), ({}, {}, {"copied": "x"}, "copied")])
def test_what_is_no_result_is_refused_by_name(value, pair, more, named):
    with pytest.raises(AnsibleFilterError, match=named):
        backup_verdict(value, pair, **more)


@pytest.mark.parametrize(
    ("one_way", "verdict"), [("false", "incomplete"), ("no", "incomplete"), ("true", "good"), (True, "good"), (False, "incomplete"), (None, "incomplete")]
)
def test_a_flag_may_be_text(one_way, verdict):
    lists = {name: [] for name in ("left_only", "diff_files", "corrupted", "outdated", "funny_files", "metadata_diff", "type_diff")}
    compared = {**lists, "right_only": ["extra"], "counts": {"right_only": {"entries": 1, "bytes": 0}}, "coverage": {"files": 0, "files_read": 0}}
    assert backup_verdict(compared, {"name": "etc", "one_way": one_way})["verdict"] == verdict
