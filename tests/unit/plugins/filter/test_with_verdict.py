# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.fleetproof.backup.plugins.filter.with_verdict import FilterModule

try:
    from ansible.template import trust_as_template as trusted
except ImportError:

    def trusted(value):  # no marks, so a text is as good as a trusted one
        return str(value)


with_verdict = FilterModule().filters()["with_verdict"]


def test_a_verdict_joins_those_that_are_there_or_takes_the_place_of_its_predecessor():
    old = {"source": "backup_verify", "name": "etc", "verdict": "stale"}
    new = {**old, "verdict": "good"}
    other = {"source": "ftp_mirror", "name": "etc", "verdict": "good"}
    assert with_verdict([old], other) == [old, other]
    assert with_verdict([old, other], new) == [new, other]


def test_no_text_in_it_is_ever_a_template():
    """Before ansible-core 2.19 a text without a mark is one when the fact is read."""
    (row,) = with_verdict([], {"source": "backup_verify", "name": "etc", "reasons": ["%s differs" % "{{ 6 * 7 }}"]})
    templar = Templar(loader=DataLoader(), variables={"fact": row})
    assert templar.template(trusted("{{ fact.reasons[0] }}")) == "{{ 6 * 7 }} differs"


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [({}, {"source": "a", "name": "b"}), (["x"], {"source": "a", "name": "b"}), ("x", {"source": "a", "name": "b"}), ([], "good"), ([], {"name": "b"})],
)
def test_what_is_no_verdict_is_refused(verdicts, verdict):
    with pytest.raises(AnsibleFilterError, match="with_verdict"):
        with_verdict(verdicts, verdict)
