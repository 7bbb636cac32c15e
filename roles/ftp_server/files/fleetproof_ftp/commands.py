# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands of the program. Each prints one JSON object, with ``msg`` where something is wrong, and fails by its status."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import pwd
import socket
import ssl
import sys
import time
import typing as t

from . import configuration, state, supervision
from .configuration import Config, Problem

# Seconds for a server to answer.
ANSWER = 20.0
LIBRARIES = {"pyftpdlib": "pyftpdlib", "OpenSSL": "pyOpenSSL", "asyncore": "pyasyncore", "asynchat": "pyasynchat"}

Result = t.Dict[str, t.Any]


class Job(t.NamedTuple):
    """What a command works with: the configuration, the digest of its file and its path, and whether to say only what would be done."""

    config: Config
    digest: str
    path: str
    dry_run: bool


def main(arguments: t.Sequence[str]) -> int:
    """Run one command; returns the exit status: 0, 1, or 78 where trying again is of no use."""
    parser = argparse.ArgumentParser(prog="ftp_serve.py", description="An FTP server that is kept running.")
    parser.add_argument("command", choices=[*COMMANDS, "serve", "supervise"])
    parser.add_argument("config", help="the configuration, a JSON file")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.add_argument("--parent", type=int, default=0, help="end when this process has ended (serve)")
    options = parser.parse_args(arguments)
    try:
        config, digest = configuration.load(options.config)
        _become(config)
        if options.command == "serve":
            _need_libraries(config)
            # Only here: everything else works without pyftpdlib.
            from . import server  # noqa: PLC0415

            server.serve(config, digest, options.parent)
            return 0
        if options.command == "supervise":
            return supervision.Supervisor(config, _command("serve", options.config)).run()
        result = COMMANDS[options.command](Job(config, digest, options.config, options.dry_run))
    except Problem as problem:
        return _fail(str(problem), supervision.HOPELESS, options.command)
    except state.Busy as busy:
        return _fail(str(busy), 1, options.command)
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


def check(job: Job) -> Result:
    """Whether a server could start with this configuration, as far as that can be told without starting it."""
    _check(job.config)
    return {"changed": False}


def plan(job: Job) -> Result:
    """What has to be done for the server to run with what is there: ``start``, ``restart``, ``reload`` or ``none``."""
    pid = state.holder(job.config, "server")
    loaded = state.read(job.config)
    action = "none"
    if not pid:
        action = "start"
    elif loaded.get("pid") != pid or (loaded.get("config"), loaded.get("program"), loaded.get("python")) != (
        job.digest,
        state.program_digest(),
        sys.executable,
    ):
        action = "restart"
    elif (loaded.get("users"), loaded.get("certificate")) != (configuration.load_users(job.config).digest, configuration.certificate_digest(job.config)):
        action = "reload"
    return {"changed": False, "action": action, "running": bool(pid)}


def start(job: Job) -> Result:
    """Let the server run with what is there, by the smallest step that does it."""
    action = plan(job)["action"]
    if not state.holder(job.config, "supervisor") and action != "start":
        # Its supervisor was killed, and it is about to notice.
        action = "restart"
    if action != "none" and not job.dry_run:
        _check(job.config)
        configuration.load_users(job.config)
        if action == "reload":
            supervision.reload(job.config)
        else:
            supervision.stop(job.config)
            supervision.start(job.config, _command("supervise", job.path))
    return {"changed": action != "none", "action": action}


def stop(job: Job) -> Result:
    """End supervisor and server."""
    running = bool(state.holder(job.config, "supervisor") or state.holder(job.config, "server"))
    if running and not job.dry_run:
        supervision.stop(job.config)
    return {"changed": running, "action": "stop" if running else "none"}


def probe(job: Job) -> Result:
    """Wait until the server runs with what is there, and greets; without a login."""
    until = time.monotonic() + ANSWER
    problem = "it does not run"
    while time.monotonic() < until:
        action = plan(job)["action"]
        if action == "none":
            try:
                return {"changed": False, **_greeting(job.config, state.read(job.config))}
            except (OSError, Problem) as error:
                problem = str(error)
        elif action != "start":
            problem = "it runs with what was there before"
        time.sleep(0.2)
    raise Problem(
        "The FTP server does not answer as it should: %s. The end of %s: %s" % (problem, job.config.log_path, supervision.tail(job.config.log_path, 5))
    )


COMMANDS: t.Dict[str, t.Callable[[Job], Result]] = {
    "check": check, "plan": plan, "probe": probe, "start": start, "stop": stop,
}  # fmt: skip


def _greeting(config: Config, facts: t.Mapping[str, t.Any]) -> Result:
    """What the server says to a client that is none; the certificate is not looked at, because its name is for others."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(facts["address"], facts["address"])  # noqa: S104
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((host, facts["port"]), 5) as plain:
        line = plain if config.tls != "implicit" else context.wrap_socket(plain)
        greeting = _answer(line, "220", "421")
        if greeting.startswith("421"):
            # It runs, and has as many sessions as it may have.
            return {"greeting": greeting, "tls_version": None, "address": facts["address"], "port": facts["port"]}
        if config.tls == "starttls":
            line.sendall(b"AUTH TLS\r\n")
            _answer(line, "234")
            line = context.wrap_socket(plain)
        version = line.version() if isinstance(line, ssl.SSLSocket) else None
        line.sendall(b"QUIT\r\n")
        _answer(line, "221")
        line.close()
    return {"greeting": greeting, "tls_version": version, "address": facts["address"], "port": facts["port"]}


def _answer(line: socket.socket, *codes: str) -> str:
    """One reply of the server, of one or more lines, that begins with one of these codes."""
    answer = b""
    while not (answer.endswith(b"\r\n") and answer.splitlines()[-1][3:4] == b" ") and len(answer) < 65536:
        more = line.recv(4096)
        if not more:
            break
        answer += more
    text = answer.decode("utf-8", "backslashreplace").strip()
    if not text.startswith(codes):
        raise Problem("it answers %r where %s was expected" % (text, codes[0]))
    return text


def _check(config: Config) -> None:
    _need_libraries(config)
    if config.tls != "none":
        from . import sessions  # noqa: PLC0415 - needs the libraries

        sessions.make_context(config)


def _need_libraries(config: Config) -> None:
    names = ["pyftpdlib"] + ["OpenSSL"] * (config.tls != "none") + ["asyncore", "asynchat"] * (sys.version_info >= (3, 12))
    missing = [LIBRARIES[name] for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise Problem("%s lacks %s: install it there, or let the role install it (ftp_server_install: true)" % (sys.executable, " and ".join(missing)))


def _become(config: Config) -> None:
    """Be the account of the service from here on; only root can be another one than it is."""
    if not config.account:
        return
    try:
        account = pwd.getpwnam(config.account)
    except KeyError:
        raise Problem("There is no user %s on this host" % config.account) from None
    if os.geteuid() == account.pw_uid:
        return
    if os.geteuid() != 0:
        raise Problem("The service runs as %s: only root and %s can handle it" % (config.account, config.account))
    os.initgroups(config.account, account.pw_gid)
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


def _command(name: str, config: str) -> t.List[str]:
    """How this program is started once more. Names of files are UTF-8 for it, whatever the locale says."""
    return [sys.executable, "-X", "utf8", os.path.abspath(sys.argv[0]), name, os.path.abspath(config)]


def _fail(message: str, status: int, command: str) -> int:
    if command in ("serve", "supervise"):
        sys.stderr.write(message + "\n")
    else:
        sys.stdout.write(json.dumps({"failed": True, "msg": message}) + "\n")
    return status
