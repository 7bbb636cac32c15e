# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server: one process, one loop. SIGTERM ends it; SIGHUP makes it read users, passwords and certificate again."""

from __future__ import annotations

import logging
import logging.handlers
import os
import resource
import signal
import sys
import time
import typing as t

from pyftpdlib.handlers import FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

from . import configuration, sessions, state
from .configuration import Config, Problem, Users

# How often signals are looked for, in seconds.
TICK = 1.0
# Descriptors of a session: control, listening for data, data, a file; and what the process has besides.
DESCRIPTORS = (4, 64)
# With those of C1, which some terminals obey, and what some readers take for the end of a line.
_CONTROL = {code: "\\x%02x" % code for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}
log = logging.getLogger("pyftpdlib")


class OneLine(logging.Formatter):
    """Names come from clients: none of them can forge a line of the log."""

    converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        return "\n\t".join(line.translate(_CONTROL) for line in super().format(record).split("\n"))


def _open(handler: t.Any) -> t.Any:
    """A log takes every name, also one that is no text."""
    return open(handler.baseFilename, handler.mode, encoding="utf-8", errors="backslashreplace")


class Rotating(logging.handlers.RotatingFileHandler):
    _open = _open


class Watched(logging.handlers.WatchedFileHandler):
    """For logs that are rotated by others."""

    _open = _open


class LimitedServer(FTPServer):
    """Counts control connections alone; each of them has at most one for data."""

    def _accept_new_cons(self) -> bool:
        return not self.max_cons or len(self.ip_map) <= self.max_cons


class Service:
    """The server with its state: what it was started with, and what it was asked to do."""

    def __init__(self, config: Config, digest: str) -> None:
        self.config = config
        self.facts: t.Dict[str, t.Any] = {"pid": os.getpid(), "config": digest, "program": state.program_digest(), "python": sys.executable}
        users = configuration.load_users(config)
        self.handler = sessions.make_handler(config, users)
        self.facts.update(_digests(config, users))
        _look_for_homes(users)
        _allow_descriptors(config)
        self.loop = IOLoop()
        try:
            self.server = LimitedServer((config.address or None, config.port), self.handler, ioloop=self.loop)
        except OSError as error:
            raise state.Busy("Port %d of %s cannot be had: %s" % (config.port, config.address or "all addresses", error.strerror or error)) from None
        self.server.max_cons = config.max_connections
        self.server.max_cons_per_ip = config.max_connections_per_ip
        self.asked: t.Set[int] = set()

    def run(self, parent: int) -> None:
        """Serve until SIGTERM, or until the process ``parent`` (0: none) is gone."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda number, _frame: self.asked.add(number))
        self.facts["address"], self.facts["port"] = self.server.address
        state.write(self.config, self.facts)
        log.warning("Started %s on %s port %d, pid %d", self.config.name, self.facts["address"], self.facts["port"], os.getpid())
        wait = TICK
        while not self.asked & {signal.SIGTERM, signal.SIGINT} and parent in (0, os.getppid()):
            soonest = self.loop.loop(wait, blocking=False)
            wait = TICK if soonest is None else min(TICK, max(soonest, 0))
            if signal.SIGHUP in self.asked:
                self.asked.discard(signal.SIGHUP)
                self.reload()
        log.warning("Ended %s, pid %d", self.config.name, os.getpid())
        state.remove(self.config)
        self.server.close_all()

    def reload(self) -> None:
        """Read users, passwords and certificate again. What is wrong with them changes nothing."""
        try:
            users = configuration.load_users(self.config)
            context = sessions.make_context(self.config) if self.config.tls != "none" else None
            facts = {**self.facts, **_digests(self.config, users)}
            state.write(self.config, facts)
        except (Problem, state.Busy) as problem:
            log.error("Nothing was reloaded: %s", problem)
            return
        self.facts = facts
        if context is not None:
            self.handler.ssl_context = context
        before, self.handler.authorizer.users = self.handler.authorizer.users, users
        # With those that said QUIT during a transfer: only their data connection is still looked at.
        channels = list(self.loop.socket_map.values())
        for session in {id(found): found for found in (getattr(channel, "cmd_channel", channel) for channel in channels)}.values():
            if isinstance(session, FTPHandler) and session.username and before.get(session.username) != users.get(session.username):
                session.log("Closed, because the user was changed.")
                session.close()
        _look_for_homes(users)
        log.warning("Reloaded the users of %s", self.config.name)


def _digests(config: Config, users: Users) -> t.Dict[str, t.Any]:
    """What is being served, as plan compares it."""
    return {"users": users.digest, "certificate": configuration.certificate_digest(config)}


def _look_for_homes(users: Users) -> None:
    for user in users:
        if not os.access(user.home, os.R_OK | os.X_OK):
            log.warning("The home directory of %s, %s, is not there or cannot be read", user.name, user.home)


def serve(config: Config, digest: str, parent: int) -> None:
    """Run the server in this process to its end; raises Problem for what another try would not mend."""
    os.umask(int(config.umask, 8))
    # What is to be read again is not read yet.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with state.Lock(config, "server"):
        _start_log(config)
        Service(config, digest).run(parent)


def _start_log(config: Config) -> None:
    try:
        handler = Rotating(config.log_path, maxBytes=config.log_max_size, backupCount=config.log_backups) if config.log_max_size else Watched(config.log_path)
    except OSError as error:
        raise Problem("The log %s cannot be written: %s" % (config.log_path, error.strerror)) from None
    handler.setFormatter(OneLine("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S"))
    log.addHandler(handler)
    log.setLevel(config.log_level.upper())
    log.propagate = False


def _allow_descriptors(config: Config) -> None:
    """Raise the limit of open files to what all sessions together may need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = config.max_connections * DESCRIPTORS[0] + DESCRIPTORS[1] if config.max_connections else hard
    if hard != resource.RLIM_INFINITY and wanted > hard:
        raise Problem("%d connections may take %d open files, and this host allows %d: set max_connections lower" % (config.max_connections, wanted, hard))
    if soft != resource.RLIM_INFINITY and wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
