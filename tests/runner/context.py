# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a run happens: its folders, its environments and the variables that every command gets."""

from __future__ import annotations

import configparser
import fcntl
import os
import subprocess
import threading
import time
import typing as t

from . import checkout, pythons
from .environments import Environment

# The cores that sanity is run with, and the Pythons each of them runs on.
CORES: dict[str, tuple[pythons.Version, ...]] = {
    "2.21": ((3, 13), (3, 12)),
    "2.20": ((3, 13), (3, 12)),
    "2.19": ((3, 13), (3, 12), (3, 11)),
    "2.18": ((3, 13), (3, 12), (3, 11)),
    "2.17": ((3, 12), (3, 11), (3, 10)),
}
# With the newest one, these are run by "test": the oldest that the collection supports, and the last that runs on Python 3.11.
MORE_CORES = ("2.17", "2.19")


class NoPython(Exception):
    """No Python on this machine can run the controller."""


class Context:
    """One run: made once, read by every stage."""

    def __init__(self) -> None:
        root = checkout.root()
        self.build = os.path.abspath(os.environ.get("FLEETPROOF_BUILD") or os.path.join(root, ".build"))
        self.logs = os.path.join(self.build, "logs")
        self.collection = os.path.join(self.build, "ansible_collections", checkout.NAMESPACE, checkout.NAME)
        self.bed_required = os.environ.get("FLEETPROOF_BED") == "require"
        self.started = time.monotonic()
        self.processes: set[subprocess.Popen[bytes]] = set()
        self.running: set[str] = set()
        self._found: dict[pythons.Version, pythons.Python | None] = {}
        self._environments: dict[str, Environment] = {}
        self._said = threading.Lock()
        controller = self.first(pythons.CONTROLLER)
        if controller is None:
            raise NoPython("No Python 3.11, 3.12 or 3.13 with venv and ensurepip was found; install one (on Debian and Ubuntu also the package python3-venv)")
        self.controller = controller

    def first(self, versions: t.Iterable[pythons.Version]) -> pythons.Python | None:
        """The first of these versions on this machine; each is looked for once."""
        for version in versions:
            if version not in self._found:
                self._found[version] = pythons.find(version)
            if self._found[version] is not None:
                return self._found[version]
        return None

    def say(self, text: str) -> None:
        """One line of progress, with the seconds since the start."""
        with self._said:
            print("[%6.1f s] %s" % (time.monotonic() - self.started, text), flush=True)

    def environment(self, name: str, python: pythons.Python, requirements: t.Sequence[str], no_deps: t.Sequence[str] = (), folder: str = "") -> Environment:
        """The environment of that name; built by its own ``build``."""
        if name not in self._environments:
            folder = folder or os.path.join(self.build, "venvs", name)
            self._environments[name] = Environment(name, folder, python, requirements, no_deps, os.path.join(self.logs, "environment-%s.log" % name))
        return self._environments[name]

    @property
    def test(self) -> Environment:
        """What runs the collection, its tests and the demo."""
        own = "FLEETPROOF_BUILD" in os.environ
        return self.environment("test", self.controller, ["test.txt"], folder="" if own else os.path.join(checkout.root(), ".venv"))

    @property
    def tools(self) -> Environment:
        """What looks at the collection."""
        return self.environment("tools", self.controller, ["tools.txt"])

    @property
    def importer(self) -> Environment:
        """What takes the artefact in as a Galaxy server would."""
        return self.environment("importer", self.controller, ["importer.txt"])

    def managed(self) -> Environment | None:
        """What runs the unit tests as the oldest managed hosts would; None when no such Python is here."""
        python = self.first(pythons.MANAGED)
        return None if python is None else self.environment("managed-%s" % python.name, python, ["managed.txt"], ["managed-nodeps.txt"])

    def core(self, core: str) -> Environment | None:
        """One release of ansible-core alone; None when no Python that it runs on is here."""
        python = self.first(CORES[core])
        return None if python is None else self.environment("core-%s" % core, python, ["ansible-core==%s.*" % core])

    def home(self, environment: Environment) -> str:
        """The home folder of an environment's commands: one each, as ansible-test is not made to share its own with another release."""
        home = os.path.join(self.build, "home", environment.name)
        os.makedirs(home, exist_ok=True)
        self._carry_over_pip_settings(home)
        return home

    def environ(self, environment: Environment) -> dict[str, str]:
        """The variables of a command: nothing of the user's Ansible, all of the user's pip, one locale."""
        # ansible-test asks for each python3.x by name, and has to meet the interpreter, not a shim.
        found = [python.folder for python in map(self._look, pythons.KNOWN) if python is not None]
        folders = [environment.bin, *dict.fromkeys(found), *pythons.path_without_shims()]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MOLECULE_", "PYTHON", "VIRTUAL_ENV"))}
        home = self.home(environment)
        return {
            **kept,
            "PATH": os.pathsep.join(folders),
            "HOME": home,
            "ANSIBLE_HOME": os.path.join(home, ".ansible"),
            "ANSIBLE_COLLECTIONS_PATH": self.build,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def _look(self, version: pythons.Version) -> pythons.Python | None:
        return self.first([version])

    def prepare(self) -> t.IO[str]:
        """Take the build folder for this run and put the checkout into it; the run lasts as long as the returned file is open."""
        for folder in (self.build, self.logs):
            os.makedirs(folder, exist_ok=True)
        lock = open(os.path.join(self.build, "lock"), "w", encoding="ascii")  # noqa: SIM115 # it is held to the end of the run
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.say("another run uses %s; waiting for its end" % self.build)
            fcntl.flock(lock, fcntl.LOCK_EX)
        checkout.place(self.build)
        return lock

    @staticmethod
    def _carry_over_pip_settings(own_home: str) -> None:
        """ansible-test drops all variables but a few, and HOME is our own: what the user set for pip goes into a file there."""
        settings = configparser.RawConfigParser()
        home = os.path.expanduser("~")
        config = os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
        own = os.environ.get("PIP_CONFIG_FILE")
        settings.read([own] if own else [os.path.join(home, ".pip", "pip.conf"), os.path.join(config, "pip", "pip.conf")])
        if not settings.has_section("global"):
            settings.add_section("global")
        for name, value in os.environ.items():
            if name.startswith("PIP_") and name != "PIP_CONFIG_FILE":
                settings.set("global", name[len("PIP_") :].lower().replace("_", "-"), value)
        folder = os.path.join(own_home, ".config", "pip")
        os.makedirs(folder, exist_ok=True)
        # Index addresses may hold a password.
        with os.fdopen(os.open(os.path.join(folder, "pip.conf"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
            settings.write(stream)
