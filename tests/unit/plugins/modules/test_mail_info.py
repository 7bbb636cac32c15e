# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation of mail_info says is what the module takes, finds and returns."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import yaml  # type: ignore[import-untyped]
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.findings import WEIGHTS
from ansible_collections.fleetproof.backup.plugins.module_utils._mail.mail_info import SPEC, mail_info
from ansible_collections.fleetproof.backup.plugins.module_utils._module import Task
from ansible_collections.fleetproof.backup.plugins.modules import mail_info as module

DOCUMENTATION: t.Dict[str, t.Any] = yaml.safe_load(module.DOCUMENTATION)
RETURN: t.Dict[str, t.Any] = yaml.safe_load(module.RETURN)
# what Ansible itself puts into, or reads from, a result under these names
RESERVED = {"skipped", "failed", "changed", "warnings", "deprecations", "results", "ansible_facts", "diff", "rc", "stdout", "stderr", "exception", "invocation"}
MAIL = (
    b"Received: from a.example by b.example with ESMTP; Tue, 3 Feb 2026 04:05:07 +0000\r\nFrom: a@example.com\r\nX-Mailer: x\r\n"
    b"Content-Type: application/pdf; name=a.pdf\r\n\r\nx\r\n"
)


def test_every_option_is_what_its_documentation_says() -> None:
    def compared(documented: t.Dict[str, t.Any], real: t.Dict[str, t.Any]) -> None:
        assert set(documented) == set(real)
        for name, option in real.items():
            for fact in ("type", "default", "elements", "required"):
                assert documented[name].get(fact) == option.get(fact), (name, fact)
            assert list(documented[name].get("choices", [])) == list(option.get("choices", []))
            compared(documented[name].get("suboptions", {}), option.get("options", {}))

    compared(DOCUMENTATION["options"], SPEC.argument_spec)


def test_every_rule_is_documented_with_its_weight() -> None:
    notes = " ".join(DOCUMENTATION["notes"])
    documented = dict(re.findall(r"V\(([a-z_]+)\)\s+\(([0-9])", notes))
    assert documented == {rule: str(weight) for rule, weight in WEIGHTS.items()}


def test_everything_that_is_returned_is_documented_and_nothing_is_that_ansible_keeps_for_itself(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(MAIL)
    (tmp_path / "b.eml").write_bytes(b"")
    (tmp_path / "c.eml").symlink_to("a.eml")
    options = {name: option.get("default") for name, option in SPEC.argument_spec.items()}
    result = mail_info(Task({**options, "path": str(tmp_path), "compare_with": str(tmp_path / "a.eml")}, False, False)).result
    assert not set(result) & RESERVED

    def compared(found: t.Any, documented: t.Dict[str, t.Any], where: str) -> None:
        if "contains" not in documented:
            return
        rows = found if isinstance(found, list) else [found]
        assert rows, where
        for row in rows:
            assert set(row) == set(documented["contains"]), where
            for name in row:
                if row[name]:
                    compared(row[name], documented["contains"][name], "%s.%s" % (where, name))

    # an error is no part of a result that is one
    assert set(result) == set(RETURN) - {"error"}
    for name in set(result) - {"added_headers", "missing_headers", "changed_headers"}:
        compared(result[name], RETURN[name], name)


def test_examples_name_options_that_are_there() -> None:
    for task in yaml.safe_load(module.EXAMPLES):
        for name, options in task.items():
            if name == "fleetproof.backup.mail_info":
                assert set(options) <= set(SPEC.argument_spec)
