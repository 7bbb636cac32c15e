# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run found: checks, and the tables and lines that tell of them."""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass, field
from xml.etree import ElementTree

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"

# How a test, in whatever language it is written, says that it needs the real test bed. Where that is required, such a skip is a failure.
BED_WORDS = "test bed"
# How a playbook or a script tells of a skip: one line, anywhere in its output.
_SKIP_LINE = re.compile(r"FLEETPROOF SKIP (?P<name>[^:\"]+): (?P<reason>[^\"\n]+)")
_SANITY_RUN = re.compile(r"^Running sanity test \"(?P<name>[^\"]+)\"(?: on Python (?P<python>[0-9.]+))?", re.MULTILINE)
_SANITY_FAILED = re.compile(
    r"^(?:ERROR|FATAL): The \d+ sanity test\(s\) listed below \(out of \d+\) failed\. See error output above for details\.\n(?P<names>.*)",
    re.MULTILINE | re.DOTALL,
)
_SANITY_SKIPPED = re.compile(r"^WARNING: Skipping sanity test \"(?P<name>[^\"]+)\"(?: on Python (?P<python>[0-9.]+))? (?P<reason>.+)$", re.MULTILINE)
_LEFT_OUT = re.compile(r"^WARNING: Excluding (?:\w+ )?tests (?P<reason>[^:\n]+): ", re.MULTILINE)
# The lines that say what went wrong: an exception of Python's, a task of Ansible's, a tool's own word for it.
_TELLING = re.compile(r"^(?:[\w.]*(?:Error|Exception|Failed)\b.*|fatal: .*|(?:E  +|ERROR|CRITICAL|FATAL)\b.*)$")
_LONGEST_REASON = 300  # characters
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Check:
    """One thing that passed, failed or was skipped: a test, a linter, a target."""

    name: str
    outcome: str
    reason: str = ""


@dataclass
class StageResult:
    """One stage after its run."""

    name: str
    checks: list[Check] = field(default_factory=list)
    seconds: float = 0.0
    log: str = ""

    def count(self, outcome: str) -> int:
        return sum(1 for check in self.checks if check.outcome == outcome)

    @property
    def outcome(self) -> str:
        """Failed when anything failed; skipped when nothing at all was run."""
        if self.count(FAILED):
            return FAILED
        return PASSED if self.count(PASSED) else SKIPPED


def from_junit(path: str) -> list[Check]:
    """The tests of a JUnit XML file as pytest writes it; none when there is no such file."""
    if not os.path.exists(path):
        return []
    checks = []
    for case in ElementTree.parse(path).iter("testcase"):  # noqa: S314 # our own pytest wrote it
        name = "%s::%s" % (case.get("classname", ""), case.get("name", ""))
        bad = case.find("failure") if case.find("failure") is not None else case.find("error")
        skip = case.find("skipped")
        if bad is not None:
            checks.append(Check(name, FAILED, bad.get("message", "").splitlines()[0] if bad.get("message") else ""))
        elif skip is not None:
            checks.append(Check(name, SKIPPED, skip.get("message", "")))
        else:
            checks.append(Check(name, PASSED))
    return checks


def from_skip_lines(text: str) -> list[Check]:
    """The skips that a playbook or script told of, each once."""
    found = {(match["name"].strip(), match["reason"].strip()) for match in _SKIP_LINE.finditer(_ANSI.sub("", text))}
    return [Check(name, SKIPPED, reason) for name, reason in sorted(found)]


def left_out(text: str) -> str:
    """Why ansible-test left an integration target out (it ends well all the same); empty when it did not."""
    match = _LEFT_OUT.search(_ANSI.sub("", text))
    return match["reason"] if match else ""


def last_words(text: str) -> str:
    """The last line of an output that tells what went wrong, or else its last line; cut where it is long."""
    lines = [line.strip() for line in _ANSI.sub("", text).splitlines() if line.strip()]
    telling = [line for line in lines if _TELLING.match(line)]
    # the wrapper that ran the command has the last word, and only repeats its status
    own = [line for line in telling if "returned exit status" not in line and "returned non-zero" not in line]
    return next(iter([*own[-1:], *telling[-1:], *lines[-1:]]), "")[:_LONGEST_REASON]


def from_sanity(text: str) -> list[Check]:
    """One check for each sanity test that ansible-test ran or left out, and for each Python where it makes a difference."""
    text = _ANSI.sub("", text)
    failed: set[str] = set()
    for match in _SANITY_FAILED.finditer(text):
        failed.update(line.strip().replace(" --python ", " on Python ") for line in match["names"].splitlines() if line.strip())
    skipped = {_sanity_name(match): match["reason"] for match in _SANITY_SKIPPED.finditer(text)}
    names = [name for name in dict.fromkeys(_sanity_name(match) for match in _SANITY_RUN.finditer(text)) if name not in skipped]
    checks = [Check(name, FAILED if name in failed else PASSED) for name in names]
    checks += [Check(name, FAILED) for name in sorted(failed.difference(names))]
    return checks + [Check(name, SKIPPED, reason) for name, reason in skipped.items()]


def _sanity_name(match: re.Match[str]) -> str:
    return match["name"] + (" on Python " + match["python"] if match["python"] else "")


def require_bed(checks: t.Iterable[Check]) -> None:
    """Turn each skip for want of the test bed into a failure."""
    for check in checks:
        if check.outcome == SKIPPED and BED_WORDS in check.reason:
            check.outcome = FAILED
            check.reason = "skipped, though the test bed is required: %s" % check.reason


def summary(stages: t.Sequence[StageResult], missing: t.Sequence[str], seconds: float) -> str:
    """The closing text; its last line alone is ``N passed, N failed, N skipped``."""
    lines = ["", "%-34s %-8s %7s %7s %7s %9s" % ("stage", "result", PASSED, FAILED, SKIPPED, "seconds")]
    for stage in stages:
        row = (stage.name, stage.outcome, stage.count(PASSED), stage.count(FAILED), stage.count(SKIPPED), stage.seconds)
        lines.append("%-34s %-8s %7d %7d %7d %9.1f" % row)
    lines.append("%-34s %-8s %7s %7s %7s %9.1f" % ("all together", "", "", "", "", seconds))
    for outcome, title in ((SKIPPED, "Skipped:"), (FAILED, "Failed:")):
        rows = [
            "  %s: %s%s" % (stage.name, check.name, " (%s)" % check.reason if check.reason else "")
            for stage in stages
            for check in stage.checks
            if check.outcome == outcome
        ]
        if rows:
            lines += ["", title, *rows]
    logs = ["  %s: %s" % (stage.name, stage.log) for stage in stages if stage.outcome == FAILED and stage.log]
    if logs:
        lines += ["", "The whole output:", *logs]
    if missing:
        lines += ["", "Not on this machine, and of use to some tests: %s" % ", ".join(missing)]
    total = [sum(stage.count(outcome) for stage in stages) for outcome in (PASSED, FAILED, SKIPPED)]
    return "\n".join([*lines, "", "%d passed, %d failed, %d skipped" % tuple(total)])
