# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of the house that an import can break."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
import yaml

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
UTILS = PLUGINS / "module_utils"
PREFIX = "ansible_collections.fleetproof.backup.plugins."

# What a package of module_utils may import besides itself and the single files below it.
MAY_IMPORT = {
    "_tree": {"_plan"},
    "_mail": {"_net", "_message"},
    "_news": {"_net", "_message"},
    "_ftp": {"_plan", "_net"},
    "_plan": set(),
    "_message": set(),
    "_net": set(),
}
# Modules that cost more to import than a task with nothing to do should pay.
HEAVY = {"ssl", "email", "smtplib", "concurrent", "multiprocessing", "asyncio"}
# Libraries that a feature wants and nothing else does, by the files that hold it. They are imported inside functions:
# a host without them runs everything else.
OPTIONAL = {
    # options of smtp_report that sign mail: no cryptography of our own, and the standard library has none for signatures
    "_mail/sign_dkim.py": {"cryptography", "dkim", "nacl"},
    "_mail/sign_keys.py": {"cryptography"},
    "_mail/sign_smime.py": {"cryptography"},
}


def _imports(path: Path, top_level_only: bool = False) -> set[str]:
    """Absolute names of all modules that a file imports."""
    here = (PREFIX + ".".join(path.relative_to(PLUGINS).with_suffix("").parts)).split(".")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(here[: -node.level]) + "." if node.level else ""
            found.add(base + (node.module or ""))
    return found


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_arrows_between_packages_point_down(package: str) -> None:
    allowed = {package, *MAY_IMPORT[package]}
    for path in _files(UTILS / package):
        for name in _imports(path):
            if name.startswith(PREFIX + "module_utils._"):
                target = name[len(PREFIX + "module_utils.") :].split(".")[0]
                assert target in allowed or (UTILS / (target + ".py")).exists(), "%s imports %s" % (path, name)


def test_only_the_frame_knows_ansible() -> None:
    knowing = {path.name for path in _files(UTILS) if any(name.split(".")[0] == "ansible" for name in _imports(path))}
    assert knowing == {"_module.py"}


def _foreign(path: Path, top_level_only: bool = False) -> set[str]:
    own = ("ansible_collections.fleetproof.backup.plugins.module_utils", "ansible.module_utils", "__future__")
    roots = {name.split(".")[0] for name in _imports(path, top_level_only) if not name.startswith(own)}
    return roots - sys.stdlib_module_names


def test_managed_code_imports_the_standard_library_alone_but_for_what_an_option_needs() -> None:
    for path in [*_files(UTILS), *_files(PLUGINS / "modules")]:
        optional = OPTIONAL.get(path.relative_to(UTILS).as_posix(), set()) if UTILS in path.parents else set()
        assert _foreign(path) == optional, path
        assert not _foreign(path, top_level_only=True), path


def _reached(path: Path) -> set[str]:
    """All that is imported when ``path`` is: its own imports and, in turn, those of our files."""
    todo, seen, names = [path], set(), set()
    while todo:
        file = todo.pop()
        if file in seen:
            continue
        seen.add(file)
        for name in _imports(file, top_level_only=True):
            names.add(name)
            if name.startswith(PREFIX):
                target = PLUGINS.joinpath(*name[len(PREFIX) :].split("."))
                todo.extend(found for found in (target.with_suffix(".py"), target / "__init__.py") if found.exists())
    return names


@pytest.mark.parametrize("module", ["dir_compare", "backup_sync"])
def test_tree_modules_start_without_network_or_mail(module: str) -> None:
    reached = {name.split(".")[0] for name in _reached(PLUGINS / "modules" / (module + ".py"))}
    assert len(reached) > 5
    assert not reached & HEAVY


@pytest.mark.parametrize("path", _files(PLUGINS / "modules"), ids=lambda path: path.stem)
def test_no_result_is_taken_for_the_state_of_its_task(path: Path) -> None:
    """A list under one of these names makes Ansible show a task as skipped or failed that was neither."""
    texts = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert not {"skipped", "failed", "unreachable", "results", "ansible_facts"} & set(yaml.safe_load(texts["RETURN"]))
