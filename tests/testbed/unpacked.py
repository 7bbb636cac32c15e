# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that are downloaded and unpacked, never installed: their Debian packages conflict, or start them as soon as they are there.

    python unpacked.py [--missing]

brings those of PACKAGES below FOLDER, each into a directory with all libraries that this machine
does not have, and says what is not to be had; or tells the names of those that are not there yet.
Root and apt-get are needed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import typing as t

FOLDER = pathlib.Path("/var/cache/fleetproof.backup")
PACKAGES: t.Dict[str, t.Tuple[str, ...]] = {
    "vsftpd": ("vsftpd",),
    "proftpd": ("proftpd-core", "proftpd-mod-crypto"),
    "pure-ftpd": ("pure-ftpd", "pure-ftpd-common"),
    "postfix": ("postfix",),
    "dovecot": ("dovecot-core", "dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd"),
    "inn": ("inn2",),
}
TIMEOUT = 240  # seconds for one command


class NotToBeHad(Exception):
    """A server that cannot be brought to this machine, with the reason."""


def is_there(name: str) -> bool:
    """Whether it has been unpacked."""
    return (FOLDER / name).is_dir()


def unpacked(name: str) -> pathlib.Path:
    """The root of the unpacked server, which is brought here first if need be."""
    place = FOLDER / name
    if is_there(name):
        return place
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise NotToBeHad("there is no %s here to bring %s with" % (program, name))
    if os.geteuid() != 0:
        raise NotToBeHad("%s has to be brought here by root" % name)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_there(name):
            with tempfile.TemporaryDirectory(prefix="." + name, dir=FOLDER) as folder:
                whole = _unpack(name, pathlib.Path(folder))
                whole.rename(place)
    return place


def _unpack(name: str, folder: pathlib.Path) -> pathlib.Path:
    archives = folder / "archives"
    (archives / "partial").mkdir(parents=True)
    # apt's own user writes there
    for path in (folder, archives):
        path.chmod(0o755)
    with contextlib.suppress(LookupError):
        shutil.chown(archives / "partial", "_apt")
    download = ["apt-get", "install", "--download-only", "--reinstall", "--yes", "--no-install-recommends"]
    download += ["-o", "Dir::Cache::archives=%s" % archives, "-o", "Debug::NoLocking=true", *PACKAGES[name]]
    if _run(download) and (_run(["apt-get", "update"]) or _run(download)):
        raise NotToBeHad("apt-get cannot download %s" % " ".join(PACKAGES[name]))
    whole = folder / "root"
    for archive in sorted(archives.glob("*.deb")):
        if _run(["dpkg-deb", "--extract", str(archive), str(whole)]):
            raise NotToBeHad("%s cannot be unpacked" % archive.name)
    return whole


def _run(command: t.Sequence[str]) -> int:
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    try:
        return subprocess.run(command, check=False, timeout=TIMEOUT, env=environ, stdin=subprocess.DEVNULL, stdout=sys.stderr).returncode
    except subprocess.TimeoutExpired:
        return 1


def libraries(root: pathlib.Path) -> str:
    """LD_LIBRARY_PATH for what was unpacked there."""
    return os.pathsep.join(str(path) for pattern in ("usr/lib/*-linux-gnu*", "lib/*-linux-gnu*") for path in sorted(root.glob(pattern)))


def main() -> int:
    """The command; 1 when something is not to be had."""
    if sys.argv[1:] == ["--missing"]:
        print("\n".join(name for name in PACKAGES if not is_there(name)))
        return 0
    status = 0
    for name in PACKAGES:
        try:
            print(unpacked(name))
        except NotToBeHad as error:
            print(error)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
