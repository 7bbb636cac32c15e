# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the server is told: the configuration, the users and their passwords, each a JSON file, read and checked.

All that is wrong is a Problem: one sentence that names the file and the setting. No sentence holds a secret.
"""

from __future__ import annotations

import codecs
import hashlib
import ipaddress
import json
import os
import stat
import typing as t

from . import passwords

PROGRAM = os.path.dirname(os.path.abspath(__file__))
LETTERS = "elradfmwMT"
READING = "elr"
ANONYMOUS = "anonymous"
ASCII = "\r\n 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz/.,-;=()"
TLS_VERSIONS = ("TLSv1.2", "TLSv1.3")
T = t.TypeVar("T")


class Problem(Exception):
    """What keeps the server from doing what it is told, as one sentence."""


class Config(t.NamedTuple):
    """The configuration; sizes in bytes, times in seconds, 0 for no limit."""

    name: str
    account: str
    address: str
    port: int
    tls: str
    certificate: str
    key: str
    tls_min_version: str
    passive_ports: t.Optional[t.List[int]]
    masquerade_address: str
    max_connections: int
    max_connections_per_ip: int
    max_login_attempts: int
    login_delay: float
    timeout: float
    banner: str
    encoding: str
    umask: str
    upload_limit: int
    download_limit: int
    log_path: str
    log_level: str
    log_max_size: int
    log_backups: int
    users_path: str
    passwords_path: str
    run_dir: str


class User(t.NamedTuple):
    """One user; ``password`` is None for the anonymous one, who has none."""

    name: str
    home: str
    permissions: str
    password: t.Optional[passwords.Hash]


class Users:
    """Who may log in. It is never changed: another file makes another one."""

    def __init__(self, records: t.Iterable[User], digest: str) -> None:
        self.digest = digest
        self._records = {user.name: user for user in records}
        hashes = [user.password for user in self._records.values() if user.password is not None]
        self._decoy = passwords.decoy(hashes[0] if hashes else None)

    def get(self, name: str) -> t.Optional[User]:
        return self._records.get(name)

    def check(self, name: str, password: str) -> bool:
        """Whether ``name`` may log in with ``password``. An unknown name takes as long as a wrong password."""
        user = self._records.get(name)
        if name == ANONYMOUS:
            return user is not None
        known = self._decoy if user is None or user.password is None else user.password
        return passwords.verify(known, password) and user is not None

    def __iter__(self) -> t.Iterator[User]:
        return iter(self._records.values())


def load(path: str) -> t.Tuple[Config, str]:
    """The configuration in a file, and the digest of the file."""
    content = _read(path)
    given = _object(path, content)
    types = t.get_type_hints(Config)
    _same_keys(path, "the configuration", given, types)
    for name, value in given.items():
        _check_type(path, name, value, types[name])
    config = Config(**given)
    _check_values(path, config)
    return config, hashlib.sha256(content).hexdigest()


def load_users(config: Config) -> Users:
    """The users and their passwords. The file with the passwords has to be closed to everybody else."""
    _check_closed(config.passwords_path, 0o077, "the file with the passwords")
    users, secrets = _read(config.users_path), _read(config.passwords_path)
    hashes = _object(config.passwords_path, secrets)
    listed = _object(config.users_path, users).get("users")
    if not isinstance(listed, list):
        raise Problem("%s has no list of users" % config.users_path)
    records: t.List[User] = []
    for given in listed:
        if not isinstance(given, dict):
            raise Problem("%s: each of the users has to be an object" % config.users_path)
        _same_keys(config.users_path, "a user", given, ("name", "home", "permissions"))
        records.append(_user(config, given, hashes))
    names = [user.name for user in records]
    for name in names:
        if names.count(name) > 1:
            raise Problem("%s has two users with the name %s" % (config.users_path, name))
    left_over = sorted(set(hashes) - set(names))
    if left_over:
        raise Problem("%s has a password for %s, who is no user" % (config.passwords_path, left_over[0]))
    return Users(records, hashlib.sha256(b"%d %s%s" % (len(users), users, secrets)).hexdigest())


def certificate_digest(config: Config) -> str:
    """The digest of certificate and key together; empty without TLS."""
    if config.tls == "none":
        return ""
    content = [_read(path) for path in (config.certificate, config.key)]
    return hashlib.sha256(b"%d %s%s" % (len(content[0]), *content)).hexdigest()


def check_key(config: Config) -> None:
    """The private key has to be readable, and not by everybody."""
    if config.tls != "none":
        _read(config.certificate)
        _read(config.key)
        _check_closed(config.key, 0o007, "the private key")


def _user(config: Config, given: t.Mapping[str, t.Any], hashes: t.Mapping[str, t.Any]) -> User:
    path = config.users_path
    name, home, permissions = given["name"], given["home"], given["permissions"]
    if not all(isinstance(value, str) for value in given.values()):
        raise Problem("%s: name, home and permissions of a user have to be texts" % path)
    if not name or name != name.strip() or not name.isprintable():
        raise Problem("%s: %r cannot be the name of a user" % (path, name))
    if not os.path.isabs(home):
        raise Problem("%s: the home directory of %s has to be an absolute path, not %r" % (path, name, home))
    _check_home(config, name, home)
    odd = sorted(set(permissions) - set(LETTERS))
    if odd:
        raise Problem("%s: %s is none of the permissions %s of %s" % (path, "".join(odd), LETTERS, name))
    if name == ANONYMOUS:
        return User(name, home, permissions, None)
    if not isinstance(hashes.get(name), str):
        raise Problem("%s has no password for %s" % (config.passwords_path, name))
    try:
        return User(name, home, permissions, passwords.parse(hashes[name]))
    except ValueError as error:
        raise Problem("%s: the password of %s cannot be used: %s" % (config.passwords_path, name, error)) from None


def _check_home(config: Config, name: str, home: str) -> None:
    """All users are the account that reads the passwords and writes the state, and may be the one that owns the program: none may reach these."""
    place = os.path.join(os.path.realpath(home), "")
    for secret in (config.passwords_path, config.users_path, config.run_dir, PROGRAM):
        found = os.path.realpath(secret)
        if found.startswith(place) or place.startswith(os.path.join(found, "")):
            raise Problem("%s: the home directory of %s, %s, must not hold or be in what the server itself needs: %s" % (config.users_path, name, home, secret))


def _check_values(path: str, config: Config) -> None:
    """What is more than a matter of types."""

    def check(holds: bool, name: str, wanted: str) -> None:
        if not holds:
            raise Problem("%s: %s has to be %s, not %r" % (path, name, wanted, getattr(config, name)))

    check(0 <= config.port <= 65535, "port", "from 0 to 65535")
    check(config.tls in ("starttls", "implicit", "none"), "tls", "starttls, implicit or none")
    check(config.tls_min_version in TLS_VERSIONS, "tls_min_version", " or ".join(TLS_VERSIONS))
    for name in ("log_path", "users_path", "passwords_path", "run_dir") + (() if config.tls == "none" else ("certificate", "key")):
        check(os.path.isabs(getattr(config, name)), name, "an absolute path")
    ports = config.passive_ports
    check(ports is None or (len(ports) == 2 and 1024 <= ports[0] <= ports[1] <= 65535), "passive_ports", "two ports from 1024 to 65535, the lower one first")
    for name in ("max_connections", "max_connections_per_ip", "login_delay", "timeout", "upload_limit", "download_limit", "log_max_size", "log_backups"):
        check(getattr(config, name) >= 0, name, "0 or more")
    check(config.max_login_attempts >= 1, "max_login_attempts", "1 or more")
    check(bool(config.banner) and config.banner.isprintable(), "banner", "one line of printable text")
    check(config.log_level in ("debug", "info", "warning"), "log_level", "debug, info or warning")
    check(len(config.umask) in (3, 4) and set(config.umask) <= set("01234567"), "umask", "an octal number such as 0027")
    check(not config.masquerade_address or _is_ipv4(config.masquerade_address), "masquerade_address", "an IPv4 address, or empty")
    try:
        known = codecs.lookup(config.encoding)
        # Commands and replies are ASCII whatever the names are.
        check(ASCII.encode(known.name) == ASCII.encode("ascii"), "encoding", "one that has ASCII as it is, such as utf-8 or gbk")
        config.banner.encode(config.encoding)
    except LookupError:
        check(False, "encoding", "an encoding that Python knows")
    except UnicodeError:
        check(False, "banner", "a text that %s can express" % config.encoding)


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _check_type(path: str, name: str, value: t.Any, wanted: t.Any) -> None:
    if wanted is float:
        right = isinstance(value, (int, float)) and not isinstance(value, bool)
    elif wanted is int:
        right = isinstance(value, int) and not isinstance(value, bool)
    elif wanted is str:
        right = isinstance(value, str) and "\0" not in value
    else:
        right = value is None or (isinstance(value, list) and all(isinstance(item, int) and not isinstance(item, bool) for item in value))
    if not right:
        words = {float: "a number", int: "a whole number", str: "a text"}
        raise Problem("%s: %s has to be %s, not %r" % (path, name, words.get(wanted, "a list of two whole numbers, or null"), value))


def _same_keys(path: str, what: str, given: t.Mapping[str, t.Any], wanted: t.Collection[str]) -> None:
    missing, unknown = sorted(set(wanted) - set(given)), sorted(set(given) - set(wanted))
    if missing or unknown:
        words = ["has no " + ", ".join(missing)] * bool(missing) + ["knows no " + ", ".join(unknown)] * bool(unknown)
        raise Problem("%s: %s %s" % (path, what, " and ".join(words)))


def _check_closed(path: str, bits: int, what: str) -> None:
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
    except OSError as error:
        raise Problem("%s cannot be read: %s" % (path, error.strerror)) from None
    if mode & bits:
        raise Problem("%s, %s, is open to others (mode %04o): take that away from them with chmod %04o" % (path, what, mode, mode & ~bits))


def _object(path: str, content: bytes) -> t.Dict[str, t.Any]:
    try:
        found = json.loads(content.decode("utf-8"))
    except ValueError as error:
        # Where it is wrong, never what is there.
        place = "line %d" % error.lineno if isinstance(error, json.JSONDecodeError) else "it is not UTF-8"
        raise Problem("%s is no JSON: %s" % (path, place)) from None
    if not isinstance(found, dict):
        raise Problem("%s has to hold a JSON object" % path)
    return found


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as error:
        raise Problem("%s cannot be read: %s" % (path, error.strerror)) from None
