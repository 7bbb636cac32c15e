# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.tests.runner.outcome import (
    FAILED,
    PASSED,
    SKIPPED,
    Check,
    StageResult,
    from_junit,
    from_sanity,
    from_skip_lines,
    last_words,
    left_out,
    require_bed,
    summary,
)

SANITY = """\
WARNING: Using locale "C.UTF-8" instead of "en_US.UTF-8". Tests which depend on the locale may behave unexpectedly.
Running sanity test "compile" on Python 3.9
Running sanity test "compile" on Python 3.13
WARNING: Skipping sanity test "compile" on Python 3.14 because it could not be found.
Running sanity test "pep8"
ERROR: Found 1 pep8 issue(s) which need to be resolved:
Running sanity test "yamllint"
FATAL: The 2 sanity test(s) listed below (out of 4) failed. See error output above for details.
compile --python 3.9
pep8
"""


def test_sanity_tests_are_counted_each_with_its_python() -> None:
    assert from_sanity(SANITY) == [
        Check("compile on Python 3.9", FAILED),
        Check("compile on Python 3.13", PASSED),
        Check("pep8", FAILED),
        Check("yamllint", PASSED),
        Check("compile on Python 3.14", SKIPPED, "because it could not be found."),
    ]


def test_sanity_that_ends_well_has_no_failure() -> None:
    assert [check.outcome for check in from_sanity(SANITY.split("FATAL", maxsplit=1)[0])] == [PASSED, PASSED, PASSED, PASSED, SKIPPED]


def test_a_skip_that_a_playbook_tells_of_is_found_once_in_its_output() -> None:
    text = 'ok: [testhost] => {\n    "msg": "FLEETPROOF SKIP access lists: setfacl is missing"\n}\n\x1b[0;32mFLEETPROOF SKIP access lists: setfacl is missing\n'
    assert from_skip_lines(text) == [Check("access lists", SKIPPED, "setfacl is missing")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            'WARNING: Excluding target tests marked "needs/root" which require --allow-root or running as root: links',
            'marked "needs/root" which require --allow-root or running as root',
        ),
        ('WARNING: Excluding controller tests marked "disabled" which require --allow-disabled: links', 'marked "disabled" which require --allow-disabled'),
        ("WARNING: Unable to determine context for the following test targets, they will be run on the target host: links", ""),
    ],
)
def test_a_target_that_ansible_test_left_out_is_no_target_that_passed(line: str, reason: str) -> None:
    assert left_out("first\n%s\nlast\n" % line) == reason


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("all well\n\n", "all well"),
        (
            'Traceback:\n  File x\nAssertionError: exit status 2 instead of 0\nmore\nFATAL: Command "x" returned exit status 1.\n',
            "AssertionError: exit status 2 instead of 0",
        ),
        ("KeyError: 'a'\nFATAL: Command \"x\" returned exit status 1.\n", "KeyError: 'a'"),
        ("fatal: [web1]: FAILED! => {}\nPLAY RECAP\nweb1 : ok=1\n", "fatal: [web1]: FAILED! => {}"),
        ("\x1b[0;31mERROR: no such target\x1b[0m\n", "ERROR: no such target"),
        ("ValueError: " + "x" * 1000, "ValueError: " + "x" * 288),
    ],
)
def test_the_last_words_of_an_output_say_what_went_wrong(text: str, said: str) -> None:
    assert last_words(text) == said


def test_junit_tells_passed_failed_broken_and_skipped_apart(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite><testcase classname="a.b" name="one"/>'
        '<testcase classname="a.b" name="two"><failure message="assert 1 == 2&#10;more"/></testcase>'
        '<testcase classname="a.b" name="three"><error message="no fixture"/></testcase>'
        '<testcase classname="a.b" name="four"><skipped message="no rsync here"/></testcase></testsuite></testsuites>',
        encoding="utf-8",
    )
    assert from_junit(str(report)) == [
        Check("a.b::one", PASSED),
        Check("a.b::two", FAILED, "assert 1 == 2"),
        Check("a.b::three", FAILED, "no fixture"),
        Check("a.b::four", SKIPPED, "no rsync here"),
    ]


def test_a_report_that_was_never_written_holds_no_tests(tmp_path: Path) -> None:
    assert from_junit(str(tmp_path / "report.xml")) == []


def test_a_skip_for_want_of_the_test_bed_fails_where_the_bed_is_required() -> None:
    checks = [Check("one", SKIPPED, "the test bed has no Postfix"), Check("two", SKIPPED, "no rsync here"), Check("three", PASSED)]
    require_bed(checks)
    assert [check.outcome for check in checks] == [FAILED, SKIPPED, PASSED]
    assert "test bed has no Postfix" in checks[0].reason


def test_a_stage_that_ran_nothing_is_skipped_and_one_failure_makes_it_fail() -> None:
    assert StageResult("empty").outcome == SKIPPED
    assert StageResult("skips", [Check("a", SKIPPED)]).outcome == SKIPPED
    assert StageResult("mixed", [Check("a", SKIPPED), Check("b", PASSED)]).outcome == PASSED
    assert StageResult("bad", [Check("a", PASSED), Check("b", FAILED)]).outcome == FAILED


def test_the_summary_names_skips_and_failures_and_ends_with_the_totals() -> None:
    stages = [
        StageResult("unit", [Check("one", PASSED), Check("two", SKIPPED, "no rsync here")], 1.25),
        StageResult("lint", [Check("mypy", FAILED, "exit status 1")], 2.5, "/logs/mypy.log"),
    ]
    lines = summary(stages, ["strace"], 3.5).splitlines()
    assert lines[-1] == "1 passed, 1 failed, 1 skipped"
    assert "  unit: two (no rsync here)" in lines
    assert "  lint: mypy (exit status 1)" in lines
    assert "  lint: /logs/mypy.log" in lines
    assert "Not on this machine, and of use to some tests: strace" in lines
