# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import xml.etree.ElementTree as ET

from ansible_collections.fleetproof.backup.plugins.plugin_utils._junit import junit
from ansible_collections.fleetproof.backup.tests.unit.plugins.plugin_utils.reporting import nasty_fleet, pair, report, unreachable, verified
from hypothesis import given, settings
from hypothesis import strategies as st

FLEET = {
    "web1": verified(pair(), pair("www", "stale")),
    "db1": verified(pair("data", "failed")),
    "db2": verified(pair("data", "repaired")),
    "mail1": unreachable("maildir"),
    "gone": {},
    "left": {"backup_verify_pairs": [{"name": "etc"}]},
}


def parsed(found):
    return ET.fromstring(junit(found).encode("utf-8"))


def outcomes(root):
    return {(case.get("classname"), case.get("name")): [child.tag for child in case] for case in root.iter("testcase")}


def test_each_backup_is_a_test_case():
    root = parsed(report(FLEET, limit=[name for name in FLEET if name != "left"]))
    assert outcomes(root) == {
        ("web1", "etc"): [],
        ("web1", "www"): ["failure"],
        ("db1", "data"): ["error"],
        ("db2", "data"): [],
        ("mail1", "maildir"): ["error"],
        ("gone", "backups"): ["error"],
        ("left", "etc"): ["skipped"],
    }


def test_the_numbers_of_the_suites_are_those_of_their_cases():
    root = parsed(report(FLEET, limit=[name for name in FLEET if name != "left"]))
    for suite in [root, *root]:
        cases = list(suite.iter("testcase"))
        assert int(suite.get("tests")) == len(cases)
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(attribute)) == sum(case.find(tag) is not None for case in cases)
        assert float(suite.get("time")) == sum(float(case.get("time")) for case in cases)


def test_a_failure_tells_its_reasons_its_findings_and_what_to_do():
    item = pair("data", "damaged", findings=[{"path": "a/b", "what": "content differs"}], findings_total=3)
    failure = parsed(report({"db1": verified(item)})).find(".//failure")
    assert failure.get("message") == "It is damaged"
    assert failure.get("type") == "damaged"
    assert failure.text.splitlines()[-3:] == ["a/b: content differs", "and 2 more", "To do: Do something about data"]


def test_backups_of_other_roles_have_names_of_their_own():
    root = parsed(report({"web1": verified(pair("etc"), pair("etc", source="ftp_mirror"))}))
    assert set(outcomes(root)) == {("web1", "etc"), ("web1", "ftp_mirror/etc")}


def test_what_means_harm_is_text():
    root = parsed(report(nasty_fleet()))
    assert {element.tag for element in root.iter()} == {"testsuites", "testsuite", "testcase", "failure", "error"}


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(), min_size=1))
def test_any_text_makes_xml_that_can_be_parsed(text):
    fleet = {text: verified(pair(text, "damaged", reasons=[text], findings=[{"path": text, "what": text}]))}
    assert len(list(parsed(report(fleet, title=text)).iter("testcase"))) == 1
