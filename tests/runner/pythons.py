# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Python interpreters this machine has, as real programs and not as the shims of a version manager."""

from __future__ import annotations

import glob
import os
import subprocess
import typing as t
from dataclasses import dataclass

Version = tuple[int, int]

# Newest first. A Python newer than these may work and is not taken unasked.
CONTROLLER: tuple[Version, ...] = ((3, 13), (3, 12), (3, 11))
MANAGED: tuple[Version, ...] = ((3, 8), (3, 9), (3, 10))
KNOWN: tuple[Version, ...] = tuple((3, minor) for minor in range(8, 15))

# Where version managers put interpreters that are not on PATH.
PLACES = (
    "{pyenv}/versions/{version}.*/bin/python{version}",
    "{home}/.local/share/uv/python/cpython-{version}.*/bin/python{version}",
    "{home}/.asdf/installs/python/{version}.*/bin/python{version}",
    "/opt/python/{version}*/bin/python{version}",
)

# A Python without venv and ensurepip (Debian splits them off) cannot make an environment.
_ASK = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2]); print(sys.base_prefix); print(sys.executable)"


@dataclass(frozen=True)
class Python:
    """One interpreter that can make virtual environments."""

    version: Version
    path: str

    @property
    def name(self) -> str:
        return version_name(self.version)

    @property
    def folder(self) -> str:
        return os.path.dirname(self.path)


def version_name(version: Version) -> str:
    """``3.13`` from (3, 13)."""
    return "%d.%d" % version


def path_without_shims() -> list[str]:
    """The folders of PATH but those whose ``python3.x`` is a script of a version manager."""
    return [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if os.path.basename(folder.rstrip("/")) != "shims"]


def _candidates(version: Version) -> t.Iterator[str]:
    name = version_name(version)
    home = os.path.expanduser("~")
    for pattern in PLACES:
        # The highest patch release first.
        found = glob.glob(pattern.format(pyenv=os.environ.get("PYENV_ROOT", os.path.join(home, ".pyenv")), home=home, version=name))
        yield from sorted(found, key=lambda path: [int(part) for part in path.replace("/", ".").split(".") if part.isdigit()], reverse=True)
    for folder in path_without_shims():
        yield os.path.join(folder, "python" + name)


def find(version: Version) -> Python | None:
    """The first usable interpreter of that version; None when there is none."""
    for path in _candidates(version):
        if not os.access(path, os.X_OK):
            continue
        try:
            answer = subprocess.run([path, "-c", _ASK], capture_output=True, text=True, timeout=30, check=True).stdout.splitlines()
        except (OSError, subprocess.SubprocessError):
            continue
        if len(answer) != 3 or answer[0] != version_name(version):
            continue
        # A virtual environment stands for the interpreter it was made from.
        real = os.path.join(answer[1], "bin", "python" + answer[0])
        return Python(version, real if os.access(real, os.X_OK) else answer[2])
    return None


def find_first(versions: t.Iterable[Version]) -> Python | None:
    """The first of ``versions`` that this machine has."""
    for version in versions:
        python = find(version)
        if python is not None:
            return python
    return None
