# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet on this machine: hosts of the local connection, each with directories of its own.

What they hold are real trees of the machine (the Python standard library, /usr/share/doc, ...), copied
and never touched themselves. No root, no containers, no process: a host is a directory and a few lines
of inventory.

    python3 tests/testbed/fleet.py up --state DIR --hosts web1,web2 [--limit-size BYTES]
    python3 tests/testbed/fleet.py down --state DIR
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import site
import socket
import stat
import sys
import sysconfig
import time
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

INVENTORY = "inventory.json"
# Trees worth copying, the most telling first; those that a machine lacks are passed over.
USUAL_TREES = ("/usr/share/doc", "/usr/share/zoneinfo", "/usr/include", "/usr/share/perl", "/usr/share/locale", "/usr/share/vim")
# A tree with less than this is no real one (files, bytes).
ENOUGH = (40, 256 * 1024)
# No host gets more files than this: the trees are to be real, not to fill the disk.
MOST_FILES = 2500
# What each release of an FTP site may hold
SITE_BYTES = 512 * 1024
SKIPPED = frozenset(("__pycache__", "site-packages", "dist-packages", "test", "tests"))


@dataclass
class Host:
    """One host: what its files are, and what the inventory says of it."""

    name: str
    root: Path
    # what the backup is called in the report, and the tree of this machine that it is made of
    pair: str
    origin: Path
    variables: t.Dict[str, t.Any] = field(default_factory=dict)

    # the names of the FTP sites that it mirrors
    mirrors: t.List[str] = field(default_factory=list)

    @property
    def src(self) -> Path:
        return self.root / "data"

    @property
    def dest(self) -> Path:
        return self.root / "backup"

    def mirror(self, name: str) -> Path:
        """Where it keeps the mirror of a site."""
        return self.root / "mirrors" / name


@dataclass
class Fleet:
    """All hosts, and the directory that holds them and their inventory."""

    root: Path
    hosts: t.List[Host]

    def host(self, name: str) -> Host:
        """Raises KeyError for a name that is not in the fleet."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise KeyError(name)

    def write_inventory(self, variables: t.Mapping[str, t.Any]) -> Path:
        """Write the inventory, with ``variables`` for the whole fleet; call again after a change of a host's variables."""
        hosts = {}
        for host in self.hosts:
            pair = {"name": host.pair, "src": str(host.src), "dest": str(host.dest)}
            hosts[host.name] = {
                "ansible_connection": "local",
                "ansible_python_interpreter": "{{ ansible_playbook_python }}",
                "ansible_remote_tmp": str(host.root / "tmp"),
                "backup_verify_pairs": [pair],
                **host.variables,
            }
            if host.mirrors:
                hosts[host.name]["ftp_mirror_sites"] = [{"name": name, "src": name, "dest": str(host.mirror(name))} for name in host.mirrors]
        path = self.root / INVENTORY
        path.write_text(json.dumps({"all": {"children": {"fleet": {"hosts": hosts}}, "vars": dict(variables)}}, indent=2) + "\n", encoding="utf-8")
        return path


def real_trees(count: int) -> t.List[t.Tuple[str, Path]]:
    """``count`` names and directories of this machine that are worth a backup; never the same one twice.

    Raises SystemExit when there are not that many, which a machine with Python always has.
    """
    library = Path(sysconfig.get_path("stdlib"))
    packages = [Path(path) for path in site.getsitepackages()]
    parts = sorted((path for base in (library, *packages) if base.is_dir() for path in base.iterdir() if path.is_dir()), key=lambda path: path.name.lower())
    found: t.List[t.Tuple[str, Path]] = []
    for path in [library, *(Path(usual) for usual in USUAL_TREES), *parts]:
        name = "python" if path == library else path.name
        if path.is_dir() and name not in SKIPPED and not name.startswith("_") and name not in dict(found) and _is_enough(path):
            found.append((name, path))
        if len(found) == count:
            return found
    raise SystemExit("This machine has only %d directories that are worth copying; %d are needed" % (len(found), count))


def _is_enough(tree: Path) -> bool:
    size = 0
    for number, (_source, _relative, status) in enumerate(_regular_files(tree), 1):
        size += status.st_size
        if number >= ENOUGH[0] and size >= ENOUGH[1]:
            return True
    return False


def _regular_files(tree: Path) -> t.Iterator[t.Tuple[Path, Path, os.stat_result]]:
    """The regular files below ``tree`` that can be read, in the order of their names."""
    for folder, directories, files in os.walk(tree):
        directories[:] = sorted(set(directories) - SKIPPED)
        for name in sorted(files):
            path = Path(folder, name)
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and os.access(path, os.R_OK):
                yield path, path.relative_to(tree), status


def copy_real_tree(tree: Path, target: Path, limit: int) -> None:
    """Copy files, links and empty directories of ``tree`` with their times, up to ``limit`` bytes."""
    target.mkdir(parents=True)
    size = files = 0
    for source, relative, status in _regular_files(tree):
        if files == MOST_FILES or size + status.st_size > limit:
            continue
        files += 1
        size += status.st_size
        (target / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target / relative)
    for folder, directories, files in os.walk(tree):
        inside = target / Path(folder).relative_to(tree)
        directories[:] = sorted(set(directories) - SKIPPED)
        for name in sorted([*directories, *files]):
            if Path(folder, name).is_symlink() and inside.is_dir() and not (inside / name).exists():
                (inside / name).symlink_to(os.readlink(Path(folder, name)))


def build(root: Path, names: t.Sequence[str], limit: int) -> Fleet:
    """Make a host for each name below ``root``: data from this machine, up to ``limit`` bytes each, and no backup yet."""
    hosts = []
    for name, (pair, origin) in zip(names, real_trees(len(names))):
        host = Host(name, root / name, pair, origin)
        copy_real_tree(origin, host.src, limit)
        # What tells a backup that runs every day from one that stopped: a file written just now
        (host.src / "written-today.txt").write_text("%s was alive at %s\n" % (name, time.strftime("%Y-%m-%d %H:%M:%S")), encoding="utf-8")
        (host.src / "newest").symlink_to("written-today.txt")
        hosts.append(host)
    return Fleet(root, hosts)


def build_site(root: Path, names: t.Sequence[str]) -> None:
    """Make a directory of releases below ``root`` for each name: real files of this machine, and one that was written just now."""
    library = Path(sysconfig.get_path("stdlib"))
    for name in names:
        for version, part in (("1.0", "json"), ("1.1", "email"), ("2.0 (beta)", "logging")):
            copy_real_tree(library / part, root / name / version, SITE_BYTES)
        (root / name / "LATEST").write_text("2.0 (beta), %s\n" % time.strftime("%Y-%m-%d %H:%M:%S"), encoding="utf-8")


def silence(host: Host) -> None:
    """Let the host not answer: its inventory points to a port on which nobody listens (or, without ssh, to nowhere)."""
    if shutil.which("ssh"):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        host.variables.update(ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=port)
    else:
        host.variables.update(ansible_remote_tmp="/dev/null/nowhere")


def heal(host: Host) -> None:
    """Let the host answer again."""
    for name in ("ansible_connection", "ansible_host", "ansible_port", "ansible_remote_tmp"):
        host.variables.pop(name, None)


def remove(root: Path) -> None:
    """Remove a directory of ours with all that is in it, also what a test made unreadable."""
    for folder, directories, _files in os.walk(root):
        for name in directories:
            path = Path(folder, name)
            if not path.is_symlink() and not os.access(path, os.R_OK | os.W_OK | os.X_OK):
                path.chmod(0o700)
    if root.exists():
        shutil.rmtree(root)


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes and removes hosts on this machine")
    parser.add_argument("action", choices=("up", "down"))
    parser.add_argument("--state", type=Path, required=True, help="the directory that holds the hosts and inventory.json")
    parser.add_argument("--hosts", default="h1,h2,h3", help="their names, with commas between")
    parser.add_argument("--limit-size", type=int, default=1024 * 1024, help="bytes of data on each")
    options = parser.parse_args()
    if options.action == "down":
        remove(options.state)
        return
    fleet = build(options.state, options.hosts.split(","), options.limit_size)
    print("%d hosts; inventory: %s" % (len(fleet.hosts), fleet.write_inventory({})))


if __name__ == "__main__":
    sys.exit(main())
