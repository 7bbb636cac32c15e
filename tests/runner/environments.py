# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual environments, built when the first stage that needs them starts and kept until what they are made of changes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import threading
import typing as t
from dataclasses import dataclass, field

from . import checkout
from .pythons import Python

# Seconds for one call of pip; a slow mirror is not an endless one.
INSTALL_TIMEOUT = 900


class EnvironmentFailed(Exception):
    """One sentence why an environment could not be built."""


@dataclass
class Environment:
    """A virtual environment and what is installed into it."""

    name: str
    folder: str
    python: Python
    requirements: t.Sequence[str] = ()
    # Installed with neither dependencies nor a look at the Python version that it asks for.
    requirements_no_deps: t.Sequence[str] = ()
    log: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _failure: str | None = None

    @property
    def bin(self) -> str:
        return os.path.join(self.folder, "bin")

    @property
    def executable(self) -> str:
        return os.path.join(self.bin, "python")

    def _identity(self) -> str:
        """Changes with the interpreter and with every requirement, also those that a requirements file includes."""
        parts = [self.python.path]
        for requirement in (*self.requirements, "--no-deps", *self.requirements_no_deps):
            parts += _content(_file(requirement)) if requirement.endswith(".txt") else [requirement]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def is_ready(self) -> bool:
        """Whether it stands as it should."""
        try:
            with open(os.path.join(self.folder, "fleetproof-identity"), encoding="ascii") as stream:
                return stream.read() == self._identity() and os.access(self.executable, os.X_OK)
        except OSError:
            return False

    def build(self, say: t.Callable[[str], None]) -> None:
        """Make it ready; raises EnvironmentFailed, also for those who come after the one that failed."""
        with self._lock:
            if self._failure is not None:
                raise EnvironmentFailed(self._failure)
            if self.is_ready():
                return
            say("building the environment %s with Python %s" % (self.name, self.python.name))
            try:
                self._build()
            except EnvironmentFailed as error:
                self._failure = str(error)
                raise

    def _build(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(os.path.dirname(self.folder), exist_ok=True)
        os.makedirs(os.path.dirname(self.log), exist_ok=True)
        with open(self.log, "w", encoding="utf-8") as log:
            self._run([self.python.path, "-m", "venv", self.folder], log, "make the virtual environment")
            pip = [self.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--progress-bar", "off"]
            if self.requirements:
                self._run(pip + _arguments(self.requirements), log, "install the packages")
            if self.requirements_no_deps:
                self._run([*pip, "--no-deps", "--ignore-requires-python", *_arguments(self.requirements_no_deps)], log, "install the packages")
        with open(os.path.join(self.folder, "fleetproof-identity"), "w", encoding="ascii") as stream:
            stream.write(self._identity())

    def _run(self, command: list[str], log: t.TextIO, what: str) -> None:
        log.write("$ %s\n" % " ".join(command))
        log.flush()
        environ = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
        try:
            status = subprocess.run(
                command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=INSTALL_TIMEOUT, env=environ, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            raise EnvironmentFailed("Could not %s for %s within %s minutes; see %s" % (what, self.name, INSTALL_TIMEOUT // 60, self.log)) from None
        if status:
            raise EnvironmentFailed("Could not %s for %s: %s; all of it is in %s" % (what, self.name, _last_error(self.log), self.log))


def _arguments(requirements: t.Sequence[str]) -> list[str]:
    """``-r FILE`` for a file of tests/requirements, anything else as it is."""
    arguments: list[str] = []
    for requirement in requirements:
        if requirement.endswith(".txt"):
            arguments += ["-r", _file(requirement)]
        else:
            arguments.append(requirement)
    return arguments


def _file(requirement: str) -> str:
    return os.path.join(checkout.root(), "tests", "requirements", requirement)


def _content(path: str) -> list[str]:
    """The lines of a requirements file and of those that it includes; comments do not count."""
    lines: list[str] = []
    with open(path, encoding="utf-8") as stream:
        for line in stream:
            line = line.partition("#")[0].strip()
            included = line.partition("-r ")[2]
            if included:
                lines += _content(os.path.join(os.path.dirname(path), included))
            elif line:
                lines.append(line)
    return lines


def _last_error(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as stream:
        lines = [line.strip() for line in stream if line.strip()]
    errors = [line for line in lines if line.upper().startswith("ERROR")]
    return (errors or lines)[-1]
