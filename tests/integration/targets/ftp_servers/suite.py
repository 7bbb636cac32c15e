# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One suite for every FTP server: site.yml with a host for each server and mode, all at work side by side.

Nothing outside a temporary directory is touched. A server that cannot be had is told as a skip.
"""

from __future__ import annotations

import json
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

COLLECTION = Path(os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)[0]) / "ansible_collections" / "fleetproof" / "backup"
sys.path.insert(0, str(COLLECTION / "tests" / "testbed"))

from ftp_real import PASSWORD, FtpServers  # noqa: E402
from ftp_wire import Break, Wire  # noqa: E402

MB = 1024 * 1024
# Of the one large file; a connection breaks in the middle of it.
LARGE = 4 * MB
# Everything that a name may be made of and that a shell, a glob, a listing or a reply may stumble over. Not in it is what Pure-FTPd
# changes in names: blanks at their end, and control characters.
NAMES = (
    "plain.txt",
    "with some blanks.txt",
    " blank first",
    "grüße.txt",
    "文件.txt",
    "-dash",
    "--all",
    "a[1].txt",
    "b*c",
    "q?",
    "{x,y}",
    "~tilde",
    "#hash",
    "%41",
    "semi;colon",
    "type=file; name",
    "$HOME",
    "'single' \"double\"",
    "x -> y",
    ".dot",
    ".dot directory/.inside",
    "目录 [2]/-子/grün/deep.txt",
    "l" * 200,
)
# Seconds since the epoch: last year (LIST tells the day), this one (the minute), and one with a fraction that no server keeps.
TIMES = (1583118245, 1767225599, 1583118245.678)

# What is tried with a server, by its mode. What is the same with TLS and without is not tried twice. One order for all: Ansible
# puts what only some hosts include behind what the first of them does.
PARTS = {
    "none": ("info", "upload", "download", "change", "file", "resume", "verify"),
    "starttls": ("info", "upload", "download", "change"),
    "implicit": ("info", "upload", "download"),
}


def plant(root: Path, changed: bool) -> None:
    """The tree before or after its change; what does not change is the same in both, times included."""
    chance = random.Random(1)
    files: t.Dict[str, bytes] = {name: b"%d\n" % number * (number % 7 * 300) for number, name in enumerate(NAMES)}
    files.update(("many/%02d" % number, b"%d\n" % number * 40) for number in range(24))
    files["empty file"] = b""
    files["large.bin"] = chance.randbytes(LARGE)
    if changed:
        files["plain.txt"] = b"something else\n"
        # as long as it was
        files["grüße.txt"] = bytes(byte ^ 1 for byte in files["grüße.txt"])
        for gone in ("b*c", "many/07", ".dot directory/.inside"):
            del files[gone]
        files["new [3]/größer/-new.txt"] = b"new\n"
        # a directory where a file was
        del files["q?"]
        files["q?/inside"] = b"inside\n"
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        moment = TIMES[len(name) % len(TIMES)] + (changed and name in ("plain.txt", "grüße.txt"))
        os.utime(path, (moment, moment))
    (root / "empty directory" / "and one in it").mkdir(parents=True)


def lftp(row: t.Mapping[str, t.Any], ca: str) -> str:
    """Commands for lftp, the independent witness, up to the open connection."""
    settings = {
        "ftp:ssl-allow": "no" if row["tls"] == "none" else "yes",
        "ftp:ssl-force": "no" if row["tls"] == "none" else "yes",
        "ftp:ssl-protect-data": "yes",
        "ssl:ca-file": ca,
        "ssl:check-hostname": "no",
        "ftp:use-feat": "yes",
        "net:max-retries": "1",
        "net:timeout": "10",
        "cmd:fail-exit": "yes",
    }
    scheme = "ftps" if row["tls"] == "implicit" else "ftp"
    opened = "open -u %s %s://%s:%d" % (shlex.quote("fleet," + PASSWORD), scheme, row["host"], row["port"])
    return "; ".join(["set %s %s" % pair for pair in settings.items()] + [opened])


def main() -> int:
    """The exit status of ansible-playbook."""
    with tempfile.TemporaryDirectory(prefix="ftp_servers.") as name:
        # Servers come into it as users of their own.
        folder = Path(name).resolve()
        folder.chmod(0o755)
        for tree in ("before", "after"):
            plant(folder / tree, tree == "after")
        with FtpServers(folder / "servers") as servers:
            for missing in servers.missing:
                print("FLEETPROOF SKIP ftp_servers %s (test bed)" % missing, flush=True)
            return run(folder, servers)


def run(folder: Path, servers: FtpServers) -> int:
    """Write the inventory and run the playbook."""
    ca = str(servers.facts()["ca"])
    wires: t.List[Wire] = []
    hosts: t.Dict[str, t.Dict[str, t.Any]] = {}
    for row in servers.rows:
        host = {**row, "server_root": row["root"], "lftp": lftp(row, ca) if shutil.which("lftp") else ""}
        del host["root"], host["name"], host["host"], host["port"]
        host.update(ftp_host=row["host"], ftp_port=row["port"], parts=PARTS[row["tls"]])
        if row["tls"] == "none":
            for direction in ("up", "down"):
                wire = Wire(row["port"])
                wire.behave(data=Break(MB, direction))
                wires.append(wire)
                host["breaks_%s" % direction] = wire.port
        hosts[row["name"]] = host
    if not shutil.which("lftp"):
        print("FLEETPROOF SKIP ftp_servers lftp: it is not on this machine (test bed)", flush=True)
    shared = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "ca": ca,
        "password": PASSWORD,
        "work": str(folder / "work"),
        "before": str(folder / "before"),
        "after": str(folder / "after"),
        "large": LARGE,
    }
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": shared}}), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), "-f", str(len(hosts)), "site.yml", *sys.argv[1:]]
    environ = {**os.environ, "ANSIBLE_REMOTE_TEMP": str(folder / "tmp"), "ANSIBLE_PIPELINING": "true", "XDG_STATE_HOME": str(folder / "state")}
    try:
        for wire in wires:
            wire.__enter__()
        return subprocess.run(command, check=False, env=environ, stdin=subprocess.DEVNULL).returncode
    finally:
        for wire in wires:
            wire.__exit__()


if __name__ == "__main__":
    sys.exit(main())
