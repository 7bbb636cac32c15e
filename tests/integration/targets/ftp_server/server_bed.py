# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers made by the playbook ftp_server on this machine, and clients for them, by the standard library alone."""

from __future__ import annotations

import base64
import ftplib
import functools
import hashlib
import io
import json
import os
import pwd
import socket
import ssl
import subprocess
import sys
import time
import typing as t
from pathlib import Path

COLLECTION = Path(os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)[0]) / "ansible_collections" / "fleetproof" / "backup"
sys.path.insert(0, str(COLLECTION / "tests" / "testbed"))

from certificates import make_certificates  # noqa: E402
from playbook import Run, run_playbook  # noqa: E402

HOST = "127.0.0.1"
LETTERS = "elradfmwMT"
# Ports that were handed out, for nothing listens there yet.
_given = [20000 + os.getpid() % 10000]
SECRET = "geheim und lang, %s"


class Server:
    """One server: the variables of the role for it, and what is below its directory."""

    def __init__(self, root: Path, name: str, **variables: t.Any) -> None:
        self.root = root
        self.name = name
        self.place = root / name
        self.homes = root / (name + "-homes")
        self.homes.mkdir()
        (root / "ansible").mkdir(exist_ok=True)
        self.certificates = make_certificates(root / "certificates")
        self.variables: t.Dict[str, t.Any] = {
            "ftp_server_name": name,
            "ftp_server_dir": str(self.place),
            "ftp_server_install": False,
            "ftp_server_python": sys.executable,
            "ftp_server_supervisor": "own",
            "ftp_server_address": HOST,
            "ftp_server_port": free_ports(1),
            "ftp_server_certificate": str(self.certificates / "good.pem"),
            "ftp_server_key": str(self.certificates / "good.key"),
            "ftp_server_login_delay": 0.1,
            **variables,
        }
        # Root has to be asked for by name.
        if os.getuid() == 0:
            self.variables["ftp_server_user"] = pwd.getpwuid(0).pw_name

    @property
    def port(self) -> int:
        return int(self.variables["ftp_server_port"])

    def snapshot(self) -> t.Dict[str, t.Any]:
        """What is there and what runs; the log grows by every look at the server, and Python keeps what it compiles."""
        found: t.Dict[str, t.Any] = {"port": answers(self.port), "pids": (self.pid("server"), self.pid("supervisor"))}
        for path in sorted([*self.place.rglob("*"), *self.homes.rglob("*")]):
            if "__pycache__" not in path.parts and path.suffix != ".log":
                status = path.lstat()
                found[str(path)] = (status.st_mode, status.st_uid, path.read_bytes() if path.is_file() else None)
        return found

    def pid(self, which: str) -> int:
        """The process that holds a lock of the server; 0 for none."""
        try:
            return int((self.place / "run" / (which + ".lock")).read_text(encoding="ascii") or "0")
        except FileNotFoundError:
            return 0

    def log(self) -> str:
        return (self.place / "log" / "ftp.log").read_text(encoding="utf-8")

    def client(self, user: str = "", password: t.Optional[str] = None, clear: bool = False) -> ftplib.FTP:
        """A client that is connected, encrypted unless ``clear``, and logged in when there is a user."""
        client = ftplib.FTP(timeout=15) if clear else ftplib.FTP_TLS(timeout=15, context=self.context())
        client.connect(HOST, self.port)
        if isinstance(client, ftplib.FTP_TLS):
            client.auth()
        if user:
            client.login(user, SECRET % user if password is None else password)
            if isinstance(client, ftplib.FTP_TLS):
                client.prot_p()
        return client

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificates / "ca.pem"))

    def end(self) -> None:
        """End what a failed test left running."""
        if (self.place / "program").exists():
            command = [sys.executable, str(self.place / "program" / "ftp_serve.py"), "stop", str(self.place / "config.json")]
            subprocess.run(command, check=False, timeout=60)


def play(servers: t.Sequence[Server], *options: str) -> Run:
    """Run the playbook for these servers, each of them as a host; one run for all, because most of the time of a run is Ansible's own."""
    run = run_hosts(servers[0].root, {server.name: server.variables for server in servers}, *options)
    assert run.status == 0, "exit status %d" % run.status
    return run


def run_hosts(root: Path, hosts: t.Mapping[str, t.Mapping[str, t.Any]], *options: str) -> Run:
    """Run the playbook for hosts that all are this machine, with the variables of each."""
    inventory = root / "inventory.json"
    own = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_pipelining": True}
    inventory.write_text(json.dumps({"ftp_servers": {"hosts": {name: {**own, **known} for name, known in hosts.items()}}}), encoding="utf-8")
    run = run_playbook("ftp_server", inventory, root / "ansible", {}, options)
    print("$ %s\n%s" % (" ".join(run.command), run.output), flush=True)
    assert set(run.recap()) == set(hosts)
    assert "geheim" not in run.output, "a password is in the output"
    assert "$scrypt$" not in run.output, "a hash is in the output"
    return run


def user(server: Server, name: str, permissions: t.Optional[str] = None) -> t.Dict[str, t.Any]:
    """A user with a home of their own."""
    known = {"name": name, "home": str(server.homes / name)}
    # Some have their hash made by the role, and some bring it.
    known.update({"password_hash": cheap_hash(SECRET % name)} if name.startswith("without-") else {"password": SECRET % name})
    return known if permissions is None else {**known, "permissions": permissions}


@functools.lru_cache(maxsize=None)
def cheap_hash(password: str) -> str:
    """A hash that takes no time, made by hand."""
    salt = os.urandom(16)
    parts = (base64.b64encode(part).decode().rstrip("=") for part in (salt, hashlib.scrypt(password.encode(), salt=salt, n=1024, r=8, p=1, dklen=32)))
    return "$scrypt$ln=10,r=8,p=1$" + "$".join(parts)


def free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody has."""
    for first in range(_given[-1] + 1, 60000, count):
        try:
            for port in range(first, first + count):
                with socket.socket() as listening:
                    listening.bind((HOST, port))
        except OSError:
            continue
        _given.append(first + count)
        return first
    raise AssertionError("no ports are free")


def answers(port: int) -> bool:
    """Whether anybody listens."""
    try:
        socket.create_connection((HOST, port), 5).close()
    except ConnectionRefusedError:
        return False
    return True


def refused(code: str, call: t.Callable[..., t.Any], *arguments: t.Any) -> str:
    """The answer to a command that has to be refused with this code."""
    try:
        answer = str(call(*arguments))
    except ftplib.Error as error:
        answer = str(error)
        if answer.startswith(code):
            return answer
    raise AssertionError("%r instead of %s" % (answer, code))


def store(client: ftplib.FTP, command: str, content: bytes) -> str:
    return client.storbinary(command, io.BytesIO(content))


def fetch(client: ftplib.FTP, name: str) -> bytes:
    found = io.BytesIO()
    client.retrbinary("RETR " + name, found.write)
    return found.getvalue()


def eventually(holds: t.Callable[[], t.Any], what: str, seconds: float = 20) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, what
        time.sleep(0.1)


def processes_below(root: Path) -> t.List[str]:
    """The command lines of processes that have to do with ``root``."""
    found = []
    for entry in Path("/proc").iterdir() if Path("/proc/self").exists() else []:
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if str(root) in line:
                found.append(line)
    return found
