# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong with backups, planted on purpose, with what a report has to say about it.

Each function breaks one thing on one host of a fleet and returns the Plant: where it is and how it must
be found. The entry is chosen by the host's name, so that a run can be told again.
"""

from __future__ import annotations

import ctypes
import os
import random
import shlex
import subprocess
import sys
import time
import typing as t
from dataclasses import dataclass
from pathlib import Path

from fleet import Host

DAY = 86400
# prctl(2) and capabilities(7) of Linux: what lets root read a directory without any permission
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


@dataclass(frozen=True)
class Plant:
    """One planted fault: what was done, the verdict it must lead to, and the paths that must be named."""

    host: str
    fault: str
    verdict: str
    # no paths: the fault is the host's, not a file's
    paths: t.FrozenSet[str] = frozenset()
    # the backup or mirror that it is in; none: the whole host
    pair: str = ""


def _choose(host: Host, tree: Path, wanted: t.Callable[[Path], bool]) -> Path:
    """One entry below ``tree`` for which ``wanted`` holds; the same one for the same tree. Raises LookupError if there is none."""
    found = [path for path in sorted(tree.rglob("*")) if wanted(path)]
    if not found:
        raise LookupError("%s has no entry in %s for this fault" % (host.name, tree))
    return random.Random(host.name).choice(found)


def _is_file_of(at_least: int) -> t.Callable[[Path], bool]:
    return lambda path: path.is_file() and not path.is_symlink() and path.stat().st_size >= at_least and path.name != "written-today.txt"


def _plant(host: Host, fault: str, verdict: str, *paths: Path) -> Plant:
    shown = frozenset(str(path.relative_to(host.src if host.src in path.parents else host.dest)) for path in paths)
    return Plant(host.name, fault, verdict, shown, host.pair)


def missing_file(host: Host) -> Plant:
    """A file that is not in the backup."""
    path = _choose(host, host.dest, _is_file_of(1))
    path.unlink()
    return _plant(host, "a missing file", "incomplete", path)


def extra_file(host: Host) -> Plant:
    """A file that only the backup has."""
    path = _choose(host, host.dest, lambda path: path.is_dir() and not path.is_symlink()) / "left-behind.tmp"
    path.write_text("an interrupted job left this behind\n", encoding="utf-8")
    return _plant(host, "an extra file", "incomplete", path)


def flipped_bit(host: Host) -> Plant:
    """Silent corruption: one bit of one byte, size and modification time as before."""
    path = _choose(host, host.dest, _is_file_of(1024))
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(status.st_size // 2)
        byte = file.read(1)[0]
        file.seek(status.st_size // 2)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    return _plant(host, "a flipped bit, with size and time unchanged", "damaged", path)


def truncated_file(host: Host) -> Plant:
    """A copy that broke off half-way."""
    path = _choose(host, host.dest, _is_file_of(8192))
    os.truncate(path, path.stat().st_size // 2)
    return _plant(host, "a truncated file", "damaged", path)


def link_turned_into_a_file(host: Host) -> Plant:
    """A tool that copies what a link points to, instead of the link."""
    path = _choose(host, host.dest, lambda path: path.is_symlink() and path.is_file())
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    return _plant(host, "a symbolic link turned into a file", "incomplete", path)


def stale_backup(host: Host) -> Plant:
    """A job that has not run for three days, while the source goes on."""
    then = time.time() - 3 * DAY
    for tree in (host.src, host.dest):
        for path in tree.rglob("*"):
            if not path.is_symlink() and path.is_file() and path.stat().st_mtime > then:
                os.utime(path, (then, then))
    path = host.src / "written-today.txt"
    path.write_text(path.read_text(encoding="utf-8") + "and three days later still is\n", encoding="utf-8")
    return _plant(host, "a backup that is three days behind", "stale", path)


def unreadable_directory(host: Host) -> t.Tuple[Plant, t.Callable[[], None]]:
    """A directory of the source that may not be read; also returned: what makes it readable again.

    Raises PermissionError when nothing on this machine makes a directory unreadable for us.
    """
    path = _choose(host, host.src, lambda path: path.is_dir() and not path.is_symlink() and any(_is_file_of(1)(inside) for inside in path.iterdir()))
    mode = path.stat().st_mode

    def heal() -> None:
        path.chmod(mode)

    path.chmod(0)
    if os.access(path, os.R_OK):
        interpreter = _interpreter_without_privilege(host)
        if not _is_bound_by_permissions(interpreter, path):
            heal()
            raise PermissionError("This user may read every directory, whatever its mode")
        host.variables["ansible_python_interpreter"] = str(interpreter)
    return _plant(host, "an unreadable directory", "unverified", path), heal


def name_that_leads_away(host: Host, site: Path, mirror: str) -> t.Tuple[Plant, t.Callable[[], None]]:
    """A file on an FTP server whose name is a path, which a careless client would write to; also returned: what gives it a better one.

    ``site`` is the directory on the server, ``mirror`` what the host calls its mirror.
    """
    path = site / "..\\..\\Startup\\update.txt"
    path.write_text("whoever asked for this?\n", encoding="utf-8")

    def heal() -> None:
        if path.exists():
            path.rename(site / "update.txt")

    return Plant(host.name, "a name on the FTP server that leads out of the mirror", "incomplete", frozenset((path.name,)), mirror), heal


def _interpreter_without_privilege(host: Host) -> Path:
    """A Python for the host that, though root's, is bound by the permissions of files like anybody's."""
    script = host.root / "python"
    script.write_text('#!/bin/sh\nexec %s %s "$@"\n' % (shlex.quote(sys.executable), shlex.quote(str(Path(__file__).resolve()))), encoding="utf-8")
    script.chmod(0o755)
    return script


def _is_bound_by_permissions(interpreter: Path, closed: Path) -> bool:
    """Whether a program of this interpreter runs, and cannot read the directory ``closed``."""
    program = "import os, sys\ntry:\n    os.listdir(sys.argv[1])\nexcept PermissionError:\n    print('refused')"
    ran = subprocess.run([str(interpreter), "-c", program, str(closed)], capture_output=True, text=True, check=False)
    return ran.stdout == "refused\n"


def _without_privilege(arguments: t.Sequence[str]) -> t.NoReturn:
    """Give up the right to pass over file permissions, for good, and become the Python interpreter."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl: %s" % os.strerror(ctypes.get_errno()))
    os.execv(sys.executable, [sys.executable, *arguments])


if __name__ == "__main__":
    _without_privilege(sys.argv[1:])
