# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.fleetproof.backup.plugins.module_utils._mail.findings import WEIGHTS, Finding, finding, limited, score


def test_the_score_counts_each_rule_once_at_its_heaviest() -> None:
    found = [finding("link_address", "a", 1), finding("link_address", "b"), finding("link_address", "c"), finding("mailer", "d"), finding("dmarc_fail", "e")]
    assert score(found) == 8
    assert score([]) == 0


def test_the_severity_is_the_weight_in_a_word() -> None:
    assert [Finding("mailer", "", weight).severity for weight in (0, 1, 2, 3, 5)] == ["info", "low", "medium", "medium", "high"]
    assert set(WEIGHTS.values()) == {0, 1, 2, 3, 5}


def test_what_is_found_often_is_told_a_few_times_and_counted() -> None:
    found = limited([finding("link_address", str(number)) for number in range(25)] + [finding("mailer", "x"), finding("mailer", "x")])
    assert [one.message for one in found] == [*map(str, range(10)), "x", "15 more of this kind"]
    assert score(found) == 3
