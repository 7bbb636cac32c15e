# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs of the operating system that some tests use; installed only where that is simple and allowed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import typing as t

# Program: Debian's package of it.
PROGRAMS = {
    "rsync": "rsync",
    "setfacl": "acl",
    "setfattr": "attr",
    "strace": "strace",
    "mkfs.ext4": "e2fsprogs",
    "lftp": "lftp",
    "bsdtar": "libarchive-tools",
    "unzip": "unzip",
    "7zz": "7zip",
    "db5.3_load": "db5.3-util",
    "openssl": "openssl",
}
# Brings servers without installing them.
UNPACKED = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "testbed", "unpacked.py")


def missing() -> list[str]:
    """Those that are not on PATH (nor in the folders of the administrator's programs), and the servers that have not been brought here."""
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    servers = subprocess.run([sys.executable, UNPACKED, "--missing"], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    return [name for name in PROGRAMS if shutil.which(name, path=folders) is None] + servers


def install(say: t.Callable[[str], None], log: str) -> bool:
    """Install what is missing by apt-get, where there is one and we are root; returns whether nothing is missing afterwards."""
    absent = missing()
    if not absent:
        return True
    packages = sorted({PROGRAMS.get(name, name) for name in absent})
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        say("not on this machine: %s (packages %s on Debian); tests that need them are skipped" % (", ".join(absent), " ".join(packages)))
        return False
    say("bringing %s by apt-get" % " ".join(packages))
    programs = sorted({PROGRAMS[name] for name in absent if name in PROGRAMS})
    commands = [["apt-get", "update"]]
    if programs:
        commands.append(["apt-get", "install", "--yes", "--no-install-recommends", *programs])
    if any(name not in PROGRAMS for name in absent):
        commands.append([sys.executable, UNPACKED])
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    with open(log, "w", encoding="utf-8") as stream:
        # An update that fails may still leave lists that are good enough.
        for command in commands:
            try:
                subprocess.run(command, check=False, timeout=240, env=environ, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT)
            except subprocess.TimeoutExpired:
                stream.write("Stopped: %s took longer than four minutes.\n" % " ".join(command))
    absent = missing()
    if absent:
        say("apt-get could not bring %s; see %s; tests that need them are skipped" % (", ".join(absent), log))
    return not absent
