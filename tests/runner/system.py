# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs of the operating system that some tests use; installed only where that is simple and allowed."""

from __future__ import annotations

import os
import shutil
import subprocess
import typing as t

# Program: Debian's package of it.
PROGRAMS = {
    "rsync": "rsync",
    "setfacl": "acl",
    "setfattr": "attr",
    "strace": "strace",
    "mkfs.ext4": "e2fsprogs",
}


def missing() -> list[str]:
    """Those that are not on PATH (nor in the folders of the administrator's programs)."""
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    return [name for name in PROGRAMS if shutil.which(name, path=folders) is None]


def install(say: t.Callable[[str], None], log: str) -> bool:
    """Install what is missing by apt-get, where there is one and we are root; returns whether nothing is missing afterwards."""
    absent = missing()
    if not absent:
        return True
    packages = sorted({PROGRAMS[name] for name in absent})
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        say("not on this machine: %s (packages %s on Debian); tests that need them are skipped" % (", ".join(absent), " ".join(packages)))
        return False
    say("installing %s by apt-get" % " ".join(packages))
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    with open(log, "w", encoding="utf-8") as stream:
        # An update that fails may still leave lists that are good enough.
        for command in (["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", *packages]):
            try:
                subprocess.run(command, check=False, timeout=240, env=environ, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT)
            except subprocess.TimeoutExpired:
                stream.write("Stopped: %s took longer than four minutes.\n" % " ".join(command))
    absent = missing()
    if absent:
        say("apt-get could not bring %s; see %s; tests that need them are skipped" % (", ".join(absent), log))
    return not absent
