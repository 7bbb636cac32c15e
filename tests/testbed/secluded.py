# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that want to be installed, with users of their own: they find both, though the machine has neither.

They run in namespaces for mounts, processes and IPC. There /usr holds the packages that unpacked.py
brought over what the machine has, and /etc/passwd and /etc/group have the users of the servers;
outside of it nothing is changed, and the network is the machine's own. All processes end with the
first of them, which waits for the end of its input: when they are to end, and when the program that
started them is killed, too.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import random
import shlex
import shutil
import socket
import subprocess
import sys
import time
import typing as t

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from unpacked import NotToBeHad, unpacked

UNSHARE = ("unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--propagation", "private")
# Below those that systems give to connections: nobody takes one by chance between the look and the start of the server.
_PORTS = range(12000, 30000)
_FIRST_ID = 64900  # of users and groups; none that a Debian gives to anybody
START = 30  # seconds until a server answers


def check_machine(trial: str = "true") -> None:
    """Raises NotToBeHad where servers cannot have namespaces of their own, and do in them what the trial does."""
    if not sys.platform.startswith("linux"):
        raise NotToBeHad("it is run on Linux alone")
    if os.geteuid() != 0:
        raise NotToBeHad("it has to be started by root")
    if shutil.which("unshare") is None:
        raise NotToBeHad("it needs unshare (package util-linux)")
    tried = subprocess.run([*UNSHARE, "sh", "-c", trial], check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if tried.returncode:
        raise NotToBeHad("namespaces are not allowed here: %s" % tried.stdout.decode(errors="replace").strip())


def password_hash(password: str) -> str:
    """A password as crypt(3) has it."""
    if shutil.which("openssl") is None:
        raise NotToBeHad("it needs openssl")
    command = ["openssl", "passwd", "-6", "-stdin"]
    return subprocess.run(command, input=password.encode(), stdout=subprocess.PIPE, check=True).stdout.decode().strip()


def free_ports(count: int) -> t.List[int]:
    """Ports that nobody listens on, at no address of this machine."""
    found: t.List[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock, contextlib.suppress(OSError):
            sock.bind(("", port))
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError("There are no %d free ports." % count)


class Secluded:
    """A place for servers: packages, users (each with a group of its name), commands and what they said."""

    def __init__(self, folder: pathlib.Path, packages: t.Sequence[str], users: t.Sequence[str]) -> None:
        # Anything laid over /usr shows whether that can be done.
        check_machine("mount -t overlay overlay -o lowerdir=/etc:/usr /usr")
        self.folder = folder
        self.packages = [unpacked(name) for name in packages]
        self.ids = {name: _FIRST_ID + number for number, name in enumerate(users)}
        self._process: t.Optional[subprocess.Popen[bytes]] = None
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        self.write("passwd", "root:x:0:0::/root:/bin/sh\n" + self._lines("%s:x:%d:%d::/nonexistent:/bin/false\n"))
        self.write("group", "root:x:0:\n" + self._lines("%s:x:%d:\n", once=True))

    def _lines(self, line: str, once: bool = False) -> str:
        every = {**self.ids, "daemon": 1, "mail": 8, "nobody": 65534, "nogroup": 65534}
        return "".join(line % ((name, number) if once else (name, number, number)) for name, number in every.items())

    def write(self, name: str, text: str, owner: t.Optional[str] = None, mode: int = 0o644) -> pathlib.Path:
        """A file below the folder, for one user alone if so wished."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        if owner is not None:
            self.own(path, owner)
        return path

    def own(self, path: pathlib.Path, owner: str, group: t.Optional[str] = None) -> None:
        """Give a file or a directory to one of the users."""
        os.chown(path, self.ids[owner], self.ids[group or owner])

    def make(self, name: str, owner: t.Optional[str] = None, mode: int = 0o755, group: t.Optional[str] = None) -> pathlib.Path:
        """A directory below the folder."""
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        if owner is not None:
            self.own(path, owner, group)
        return path

    def _script(self, commands: t.Sequence[str]) -> str:
        lines = ["mount -t overlay overlay -o lowerdir=%s:/usr /usr" % ":".join(str(root / "usr") for root in self.packages)]
        lines += ["mount --bind %s /etc/%s" % (shlex.quote(str(self.folder / name)), name) for name in ("passwd", "group")]
        # A cache of names would answer with the users of the machine.
        lines.append("if [ -d /run/nscd ]; then mount -t tmpfs none /run/nscd; fi")
        return "\n".join([*lines, *commands])

    def ask(self, command: t.Sequence[str]) -> str:
        """What a command says that runs there to its end."""
        done = subprocess.run(
            [*UNSHARE, "sh", "-e", "-c", self._script([shlex.join(command)])],
            check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        said = done.stdout.decode(errors="replace").strip()
        if done.returncode:
            raise RuntimeError("%s ended with %d: %s" % (command[0], done.returncode, said))
        return said

    def start(self, commands: t.Sequence[str]) -> None:
        """Run these lines of a shell script, once; servers are to be put into the background."""
        if self._process is not None:
            raise RuntimeError("The servers in %s have been started before." % self.folder)
        with open(self.folder / "output", "wb") as output:
            self._process = subprocess.Popen(
                [*UNSHARE, "sh", "-e", "-c", self._script([*commands, "cat >/dev/null"])],
                stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def wait_for(self, name: str, listeners: t.Iterable[t.Tuple[str, int]]) -> None:
        """Until all of them greet or take a connection; raises RuntimeError with what was said where one does not."""
        end = time.monotonic() + START
        for address in listeners:
            while True:
                try:
                    with socket.create_connection(address, 5):
                        break
                except OSError as error:
                    gone = self._process is None or self._process.poll() is not None
                    if gone or time.monotonic() > end:
                        raise RuntimeError("%s does not answer at %s port %d: %s\n%s" % (name, *address, error, self.said())) from error
                    time.sleep(0.02)

    def said(self) -> str:
        """The output of all processes and the ends of their logs."""
        found = [self.folder / "output", *sorted(self.folder.glob("log/*"))]
        return "\n".join("%s: %s" % (path.name, path.read_text(encoding="utf-8", errors="replace")[-4000:]) for path in found if path.is_file())

    def stop(self) -> None:
        """End all processes."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._process.kill()
        self._process.wait()
        self._process = None
