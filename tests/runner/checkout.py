# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Places a copy of the checkout where Ansible looks for a collection.

ansible-test wants ``…/ansible_collections/NAMESPACE/NAME`` as a real path, and nothing that a test
leaves behind belongs in the checkout. The copy holds what git knows or would add; without git, all
but what is made by tools.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import typing as t

NAMESPACE, NAME = "fleetproof", "backup"
# As in .gitignore, for a checkout without git (an unpacked release).
MADE_BY_TOOLS = frozenset(
    (".git", ".venv", ".build", ".cache", ".hypothesis", ".ansible", ".nox", ".mypy_cache", ".ruff_cache", ".pytest_cache", "__pycache__", "demo-output")
)


def root() -> str:
    """The folder of galaxy.yml."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _git_files(source: str) -> list[str] | None:
    """What git knows or would add; None where ``source`` is not the top of a work tree, or there is no git."""
    if not os.path.exists(os.path.join(source, ".git")):
        return None
    # A checkout of another user's (CI containers) is read and not run: git's ownership guard has nothing to guard here.
    command = ["git", "-c", "safe.directory=" + source, "-C", source, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    try:
        answer = subprocess.run(command, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return [os.fsdecode(name) for name in answer.split(b"\0") if name and os.path.lexists(os.path.join(os.fsencode(source), name))]


def _all_files(source: str) -> t.Iterator[str]:
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if name not in MADE_BY_TOOLS and os.path.join(folder, name) != os.path.join(source, "tests", "output")]
        for name in names:
            if not name.endswith(".pyc"):
                yield os.path.relpath(os.path.join(folder, name), source)


def _same(left: str, right: str) -> bool:
    try:
        one, other = os.lstat(left), os.lstat(right)
    except FileNotFoundError:
        return False
    return (stat.S_IFMT(one.st_mode), one.st_mode, one.st_size, one.st_mtime_ns) == (
        stat.S_IFMT(other.st_mode),
        other.st_mode,
        other.st_size,
        other.st_mtime_ns,
    )


def place(build: str, source: str = "") -> str:
    """Make ``build/ansible_collections/fleetproof/backup`` equal to ``source`` (default: this checkout); returns that path."""
    source = source or root()
    destination = os.path.join(build, "ansible_collections", NAMESPACE, NAME)
    names = _git_files(source)
    wanted = set(_all_files(source) if names is None else names)
    os.makedirs(destination, exist_ok=True)
    for folder, folders, files in os.walk(destination, topdown=False):
        if os.path.relpath(folder, destination).split(os.sep, maxsplit=1)[0] == ".git":
            continue
        for name in files + [name for name in folders if os.path.islink(os.path.join(folder, name))]:
            path = os.path.join(folder, name)
            if os.path.relpath(path, destination) not in wanted:
                os.unlink(path)
        if folder != destination and not os.listdir(folder):
            os.rmdir(folder)
    for name in sorted(wanted):
        path, copy = os.path.join(source, name), os.path.join(destination, name)
        if _same(path, copy):
            continue
        if os.path.lexists(copy):
            os.unlink(copy)
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        shutil.copy2(path, copy, follow_symlinks=False)
    _cut_off_from_git(destination)
    return destination


def _cut_off_from_git(destination: str) -> None:
    """Give the copy a repository of its own: tools that list files by git would ask the checkout's, which ignores the copy.

    Everything is added, as git does not tell what it ignores below a folder in which it knows no file.
    """
    if shutil.which("git") is None:
        return
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    if not os.path.isdir(os.path.join(destination, ".git")):
        subprocess.run(["git", "init", "--quiet", "--template=", "--initial-branch=main", destination], check=True, env=environ)
    subprocess.run(["git", "-C", destination, "-c", "core.autocrlf=false", "add", "--all"], check=True, env=environ)
