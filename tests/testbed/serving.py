# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the servers of the test bed have in common as commands: where they listen, what they tell, how long they live."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import socket
import threading
import time
import typing as t


def free_port(host: str = "127.0.0.1") -> int:
    """A port that was free a moment ago, for servers that cannot choose one."""
    with free_socket(host) as sock:
        return int(sock.getsockname()[1])


def free_socket(host: str) -> socket.socket:
    """A socket that is bound to a free port, and listens nowhere yet."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, 0))
    return sock


def wait(options: argparse.Namespace) -> None:
    """Until there is no reason to serve any longer."""
    parent = os.getppid()
    end = time.monotonic() + options.lifetime
    gone = threading.Event()
    if options.while_path is None:

        def watch() -> None:
            while os.read(0, 4096):
                pass
            gone.set()

        threading.Thread(target=watch, daemon=True).start()
    while time.monotonic() < end and not gone.wait(0.2):
        if options.while_path is not None:
            if not os.path.exists(options.while_path):
                return
        elif os.getppid() != parent:
            return


def parser(what: str) -> argparse.ArgumentParser:
    """The options that each server of the bed has."""
    found = argparse.ArgumentParser(description=what)
    found.add_argument("directory")
    found.add_argument("--while", dest="while_path", help="end when this path is gone, in place of the end of standard input")
    found.add_argument("--lifetime", type=float, default=3600.0, help="seconds after which it ends in any case")
    return found


def tell(path: pathlib.Path, facts: t.Dict[str, t.Any]) -> None:
    """Write the facts where they are looked for, whole, and print them."""
    text = json.dumps(facts)
    temporary = path.with_name("." + path.name)
    temporary.write_text(text + "\n", encoding="utf-8")
    temporary.replace(path)
    print(text, flush=True)
