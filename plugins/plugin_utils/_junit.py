# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as JUnit XML: a test suite for each host, a test case for each backup.

Private to this collection. The form is the one that Jenkins, GitLab and GitHub's reporters read.
"""

from __future__ import annotations

import typing as t
import xml.etree.ElementTree as ET  # nosec B405 - writes XML, never reads it

from ansible_collections.fleetproof.backup.plugins.plugin_utils._clean import for_xml
from ansible_collections.fleetproof.backup.plugins.plugin_utils._report import Report, key_of
from ansible_collections.fleetproof.backup.plugins.plugin_utils._rows import Host, Pair

# No verdict on the backup itself: the test could not be made.
ERRORS = frozenset(("failed", "unreachable"))


class _Case(t.NamedTuple):
    name: str
    verdict: str
    seconds: float
    reasons: t.List[str]
    lines: t.List[str]


def junit(report: Report) -> str:
    """The whole document, encoded as UTF-8 when it is written."""
    suites = [_suite(row, report["made_at"]) for row in report["hosts"]]
    root = ET.Element("testsuites", _attributes(report["title"], [case for row in report["hosts"] for case in _cases(row)]))
    root.extend(suites)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(row: Host, made_at: str) -> ET.Element:
    cases = _cases(row)
    suite = ET.Element("testsuite", {**_attributes(row["name"], cases), "hostname": for_xml(row["name"]), "timestamp": made_at.rstrip("Z")})
    for case in cases:
        suite.append(_element(row, case))
    return suite


def _attributes(name: str, cases: t.Sequence[_Case]) -> t.Dict[str, str]:
    kinds = [_kind(case.verdict) for case in cases]
    return {
        "name": for_xml(name),
        "tests": str(len(cases)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
        "time": "%.3f" % sum(case.seconds for case in cases),
    }


def _cases(row: Host) -> t.List[_Case]:
    if not row["pairs"]:
        return [_Case("backups", row["verdict"], 0.0, row["reasons"], [row["todo"]])]
    return [_Case(key_of(pair), pair["verdict"], pair["duration"] or 0.0, pair["reasons"], _lines(pair)) for pair in row["pairs"]]


def _lines(pair: Pair) -> t.List[str]:
    lines = ["%s -> %s" % (pair["src"], pair["dest"]), *pair["reasons"]]
    lines += ["%s: %s" % (finding["path"], finding["what"]) for finding in pair["findings"]]
    more = pair["findings_total"] - len(pair["findings"])
    if more > 0:
        lines.append("and %d more" % more)
    if pair["todo"]:
        lines.append("To do: %s" % pair["todo"])
    return lines


def _kind(verdict: str) -> str:
    if verdict in ("good", "repaired"):
        return ""
    if verdict == "skipped":
        return "skipped"
    return "error" if verdict in ERRORS else "failure"


def _element(row: Host, case: _Case) -> ET.Element:
    element = ET.Element("testcase", {"classname": for_xml(row["name"]), "name": for_xml(case.name), "time": "%.3f" % case.seconds})
    kind = _kind(case.verdict)
    if not kind:
        return element
    child = ET.SubElement(element, kind, {"message": for_xml("; ".join(case.reasons) or case.verdict)})
    if kind != "skipped":
        child.set("type", case.verdict)
        child.text = for_xml("\n".join(case.lines))
    return element
