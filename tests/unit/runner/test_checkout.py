# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.tests.runner.checkout import place


def _grow(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, encoding="utf-8")


def _names(folder: str) -> list[str]:
    top = Path(folder)
    return sorted(str(path.relative_to(top)) for path in top.rglob("*") if not path.is_dir() and path.relative_to(top).parts[0] != ".git")


@pytest.fixture(name="source")
def _source(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    _grow(source, "galaxy.yml", "plugins/modules/one.py", "tests/output/junit/old.xml", ".venv/bin/python", "plugins/modules/__pycache__/one.cpython-313.pyc")
    (source / ".gitignore").write_text("/.venv/\n/tests/output/\n__pycache__/\n", encoding="utf-8")
    return source


def test_an_unpacked_release_is_copied_but_for_what_tools_made(source: Path, tmp_path: Path) -> None:
    assert _names(place(str(tmp_path / "build"), str(source))) == [".gitignore", "galaxy.yml", "plugins/modules/one.py"]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is missing")
def test_a_clone_gives_what_git_knows_and_what_it_would_add(source: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(source)], check=True)
    subprocess.run(["git", "-C", str(source), "add", "galaxy.yml", ".gitignore"], check=True)
    destination = place(str(tmp_path / "build"), str(source))
    assert _names(destination) == [".gitignore", "galaxy.yml", "plugins/modules/one.py"]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is missing")
def test_a_tool_that_asks_git_in_the_copy_hears_of_the_copy(source: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(source)], check=True)
    (source / ".gitignore").write_text("/.build/\n/.venv/\n/tests/output/\n__pycache__/\n", encoding="utf-8")
    destination = place(str(source / ".build"), str(source))
    _grow(Path(destination), "plugins/modules/__pycache__/one.pyc")
    command = ["git", "-C", destination, "ls-files", "-z"]
    known = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    ignored = subprocess.run([*command, "--others", "--ignored", "--exclude-standard", "--directory"], check=True, capture_output=True, text=True).stdout
    assert known.split("\0") == [".gitignore", "galaxy.yml", "plugins/modules/one.py", ""]
    assert ignored.split("\0") == ["plugins/modules/__pycache__/", ""]


def test_a_second_copy_takes_over_every_change_and_drops_what_is_gone(source: Path, tmp_path: Path) -> None:
    build = str(tmp_path / "build")
    destination = Path(place(build, str(source)))
    _grow(destination, "tests/output/left-behind.txt", "plugins/modules/gone/deep.py")
    (source / "galaxy.yml").write_text("a longer text", encoding="utf-8")
    (source / "plugins" / "modules" / "one.py").unlink()
    _grow(source, "plugins/modules/one.py/now_a_folder.py")
    os.symlink("galaxy.yml", source / "link.yml")
    place(build, str(source))
    assert _names(str(destination)) == [".gitignore", "galaxy.yml", "link.yml", "plugins/modules/one.py/now_a_folder.py"]
    assert (destination / "galaxy.yml").read_text(encoding="utf-8") == "a longer text"
    assert os.readlink(destination / "link.yml") == "galaxy.yml"
