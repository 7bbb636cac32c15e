# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._tree.names import NORMALIZATIONS, matching_key


def test_without_a_rule_there_is_no_key():
    assert matching_key() is None


@pytest.mark.parametrize("form", ["nfc", "nfd"])
@pytest.mark.parametrize(("one", "other"), [("caf\u00e9", "cafe\u0301"), ("\uac00", "\u1100\u1161"), ("\u00c5", "\u212b"), ("plain", "plain")])
def test_composed_and_decomposed_names_match(form, one, other):
    key = matching_key(form)
    assert key(one) == key(other)


@pytest.mark.parametrize("form", ["nfc", "nfd"])
@pytest.mark.parametrize(("one", "other"), [("\ufb01", "fi"), ("A", "a"), ("e", "\u00e9"), ("x\udcff", "x\udcfe")])
def test_names_that_only_look_alike_do_not_match(form, one, other):
    key = matching_key(form)
    assert key(one) != key(other)


@pytest.mark.parametrize("form", NORMALIZATIONS)
@pytest.mark.parametrize(("one", "other"), [("README", "ReadMe"), ("stra\u00dfe", "STRASSE"), ("\u03a3\u03a3", "\u03c3\u03c2"), ("A\udcff", "a\udcff")])
def test_case_is_folded_as_unicode_says(form, one, other):
    key = matching_key(form, ignore_case=True)
    assert key(one) == key(other)


def test_both_rules_hold_together():
    key = matching_key("nfc", ignore_case=True)
    assert key("CAFE\u0301") == key("caf\u00e9")
