# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook ftp_server from end to end: installed, used, changed, broken, stopped and removed.

Two servers are two hosts of the same runs, and what can be asked of a server that runs is asked of these, with the
FTP client of the standard library; what else the program has to hold is in the unit tests. Nothing outside a
temporary directory is touched, and no process is left.
"""

from __future__ import annotations

import ftplib
import os
import pwd
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

from server_bed import (
    HOST,
    LETTERS,
    SECRET,
    Server,
    answers,
    cheap_hash,
    eventually,
    fetch,
    free_ports,
    play,
    processes_below,
    refused,
    run_hosts,
    store,
    user,
)  # fmt: skip

PASSIVE = 4


def letters_of(name: str) -> str:
    """The permissions of a user: all of them, or all but one."""
    return LETTERS.replace(name[-1], "") if name.startswith("without-") else LETTERS


def describe(one: Server, two: Server) -> None:
    """What is wanted: a server with all that there is, and one with other settings, and as another account where that can be had."""
    names = ["alice", *("without-" + letter for letter in LETTERS)]
    first = free_ports(PASSIVE)
    own = certificate_of_its_own(one, "own")
    one.variables.update(
        ftp_server_users=[*(user(one, name, letters_of(name)) for name in names), user(one, "bob")],
        ftp_server_anonymous={"home": str(one.homes / "public")},
        ftp_server_passive_ports=[first, first + PASSIVE - 1],
        ftp_server_max_connections_per_ip=6,
        ftp_server_banner="Backups live here.",
        ftp_server_certificate=str(own / "good.pem"),
        ftp_server_key=str(own / "good.key"),
    )
    two.variables.update(
        ftp_server_tls="implicit", ftp_server_encoding="gbk", ftp_server_download_limit="200K", ftp_server_upload_limit="200K",
        ftp_server_max_connections=2, ftp_server_users=[user(two, "alice", LETTERS)], ftp_server_password_scheme="pbkdf2-sha256",
        ftp_server_login_delay=0,
    )  # fmt: skip


def certificate_of_its_own(server: Server, name: str) -> Path:
    """A directory with a certificate that the test can replace."""
    own = server.root / name
    own.mkdir()
    for kind in ("pem", "key"):
        shutil.copy2(server.certificates / ("good." + kind), own / ("good." + kind))
    return own


def test_the_first_runs(servers: t.Sequence[Server]) -> None:
    """They say in check mode what they would do, do it, and have nothing to do the second time."""
    both = {server.name for server in servers}
    before = [server.snapshot() for server in servers]
    assert play(servers, "--check", "--diff").changed() == both
    assert [server.snapshot() for server in servers] == before, "check mode changed something"
    assert play(servers, "-vvv", "--diff").changed() == both
    settled = [server.snapshot() for server in servers]
    # Every run after a change asks the same of the servers that were not changed.
    assert play(servers[1:], "--check", "--diff").changed() == set()
    assert play(servers[:1], "--diff").changed() == set()
    assert [server.snapshot() for server in servers] == settled, "the second run changed something"
    for known in servers[0].variables["ftp_server_users"]:
        assert stat.S_IMODE(Path(known["home"]).stat().st_mode) == 0o750
    assert "Backups live here." in servers[0].client().getwelcome()


def test_no_password_in_clear(server: Server) -> None:
    """Neither in a file, nor in the log, nor in the arguments of a process; and nobody else can read the hashes."""
    passwords = server.place / "passwords.json"
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o600
    assert passwords.read_text(encoding="utf-8").count("$scrypt$ln=14,r=8,p=5$") == 2
    for path in server.place.rglob("*"):
        if path.is_file():
            assert b"geheim" not in path.read_bytes(), path
    running = processes_below(server.place)
    assert len(running) == 2 or not Path("/proc/self").exists(), running
    assert not any("geheim" in line for line in running)


def fill(home: Path) -> None:
    """The same few files for every user."""
    (home / "folder").mkdir(exist_ok=True)
    for name in ("read", "append", "delete", "rename", "mode", "time"):
        (home / name).write_bytes(b"content of %s\n" % name.encode())


def use(client: ftplib.FTP, letter: str) -> t.Any:
    """What this letter allows."""
    return {
        "e": lambda: client.cwd("folder"),
        "l": lambda: [name for name, _facts in client.mlsd()],
        "r": lambda: fetch(client, "read"),
        "a": lambda: store(client, "APPE append", b"more\n"),
        "d": lambda: client.delete("delete"),
        "f": lambda: client.rename("rename", "renamed"),
        "m": lambda: client.mkd("made"),
        "w": lambda: store(client, "STOR stored", b"stored\n"),
        "M": lambda: client.sendcmd("SITE CHMOD 600 mode"),
        "T": lambda: client.sendcmd("MFMT 20200102030405 time"),
    }[letter]()


def left_behind(home: Path) -> t.Dict[str, t.Any]:
    """All that the letters can change."""
    paths = {path.name: path for path in home.iterdir()}
    return {name: (path.lstat().st_mode, int(path.lstat().st_mtime), path.read_bytes() if path.is_file() else None) for name, path in paths.items()}


def test_the_letters(server: Server) -> None:
    """Each of them allows what it stands for, and without it just that is refused."""
    fill(server.homes / "alice")
    client = server.client("alice")
    before = left_behind(server.homes / "alice")
    assert set(use(client, "l")) == set(before)
    assert use(client, "r") == b"content of read\n"
    for letter in "adfmwMTe":
        use(client, letter)
    assert client.pwd() == "/folder"
    client.close()
    after = left_behind(server.homes / "alice")
    assert after["append"][2] == b"content of append\nmore\n"
    assert after["stored"][2] == b"stored\n"
    assert stat.S_IMODE(after["stored"][0]) == 0o640, "the umask was not kept"
    assert stat.S_IMODE(after["mode"][0]) == 0o600
    assert after["time"][1] == 1577934245
    assert set(after) == set(before) - {"delete", "rename"} | {"renamed", "made", "stored"}
    for letter in LETTERS:
        home = server.homes / ("without-" + letter)
        fill(home)
        before = left_behind(home)
        client = server.client(home.name)
        refused("550", use, client, letter)
        assert left_behind(home) == before
        assert client.pwd() == "/"
        for other in LETTERS.replace(letter, "").replace("e", ""):
            use(client, other)
        client.close()


def test_a_user_may_read_and_no_more_unless_told(server: Server) -> None:
    fill(server.homes / "bob")
    before = left_behind(server.homes / "bob")
    client = server.client("bob")
    assert use(client, "r") == b"content of read\n"
    for letter in "adfmwMT":
        refused("550", use, client, letter)
    assert left_behind(server.homes / "bob") == before
    client.close()


def test_anonymous(server: Server) -> None:
    """Everybody may read, nobody may write."""
    (server.homes / "public" / "read").write_bytes(b"for all\n")
    client = server.client("anonymous", "me@example.com")
    assert use(client, "r") == b"for all\n"
    for letter in "amw":
        refused("550", use, client, letter)
    client.close()
    assert [path.name for path in (server.homes / "public").iterdir()] == ["read"]


def test_logins(server: Server) -> None:
    """A wrong password and an unknown name are refused alike, and too many of them end the session."""
    client = server.client()
    answers_to = [refused("530", client.login, name, "wrong") for name in ("alice", "nobody")]
    assert answers_to[0] == answers_to[1]
    assert "Disconnecting" in refused("530", client.login, "alice", SECRET % "bob")
    client.close()
    log = server.log()
    assert "USER 'alice' failed login" in log
    assert "wrong" not in log


def test_commands_sent_ahead_of_the_login_are_answered_in_order(server: Server) -> None:
    """Checking a password takes a while; who does not wait for it gets the answers in the order of the commands."""
    for password, codes in ((SECRET % "alice", ["331", "230", "257", "200"]), ("wrong", ["331", "530", "530", "200"])):
        client = server.client()
        assert client.sock is not None
        client.sock.sendall("\r\n".join(["USER alice", "PASS " + password, "PWD", "NOOP", ""]).encode())
        assert [client.getmultiline()[:3] for _number in codes] == codes
        client.close()


def test_everything_has_to_be_encrypted(server: Server) -> None:
    clear = server.client(clear=True)
    refused("550", clear.login, "alice", SECRET % "alice")
    refused("550", clear.login, "anonymous", "x")
    clear.close()
    client = server.client("alice")
    assert isinstance(client, ftplib.FTP_TLS)
    assert isinstance(client.sock, ssl.SSLSocket)
    assert client.sock.version() in ("TLSv1.2", "TLSv1.3")
    refused("534", client.prot_c)
    client.close()
    client = server.client()
    client.login("alice", SECRET % "alice")
    refused("550", client.nlst)
    client.close()
    with socket.create_connection((HOST, server.port), 10) as plain:
        plain.recv(1000)
        # What is said in clear after AUTH TLS was said by somebody else.
        plain.sendall(b"AUTH TLS\r\nUSER mallory\r\n")
        assert plain.recv(1000).startswith(b"234 ")
        encrypted = server.context().wrap_socket(plain, server_hostname=HOST)
        encrypted.sendall(b"NOOP\r\n")
        assert encrypted.recv(1000).startswith(b"200 ")
        encrypted.close()


def test_nobody_gets_out_of_their_home(server: Server) -> None:
    """Neither by a link, nor by dots, nor by a control character."""
    home = server.homes / "alice"
    (home / "away").symlink_to(server.place)
    (home / "key").symlink_to(server.place / "passwords.json")
    client = server.client("alice")
    for command in ("CWD away", "SIZE key", "DELE key", "MLST away/config.json", "SITE CHMOD 777 key"):
        refused("550", client.sendcmd, command)
    refused("550", fetch, client, "key")
    refused("550", store, client, "STOR away/x", b"x")
    refused("550", fetch, client, "../../" + server.place.name + "/passwords.json")
    client.cwd("/..")
    assert client.pwd() == "/"
    assert client.sock is not None
    client.sock.sendall(b"MKD a\0b\r\n")
    refused("501", client.getresp)
    client.close()
    (home / "away").unlink()
    (home / "key").unlink()


def test_no_data_goes_to_somebody_else(server: Server) -> None:
    """Active connections to other hosts and to ports of the system are refused."""
    client = server.client("alice")
    refused("501", client.sendcmd, "PORT 192,0,2,1,200,10")
    refused("501", client.sendcmd, "PORT 127,0,0,1,0,22")
    client.close()


def passive_port(client: ftplib.FTP) -> int:
    return int(client.sendcmd("EPSV").split("|||")[1].split("|")[0])


def test_passive_ports(server: Server) -> None:
    """They are those of the range; when none is left, no other is opened."""
    first, last = server.variables["ftp_server_passive_ports"]
    clients = [server.client("alice") for _number in range(PASSIVE + 1)]
    taken = {passive_port(client) for client in clients[:-1]}
    assert taken == set(range(first, last + 1))
    refused("425", passive_port, clients[-1])
    clients[0].close()
    # A session that was told to try again goes on, and has its turn.
    eventually(lambda: "425" not in clients[-1].sendcmd("NOOP"), "the session is gone")
    eventually(lambda: can(lambda: passive_port(clients[-1])), "no port was given back")
    for client in clients[1:]:
        client.close()


def can(call: t.Callable[[], t.Any]) -> bool:
    try:
        call()
    except ftplib.Error:
        return False
    return True


def test_limits_of_connections(server: Server) -> None:
    """One address gets as many sessions as it may have, and a new one when one of them has ended."""
    clients: t.List[ftplib.FTP] = []
    eventually(lambda: can(lambda: clients.append(server.client())), "the sessions of the test before are still there")
    clients += [server.client() for _number in range(5)]
    refused("421", server.client)
    clients.pop().close()
    eventually(lambda: can(lambda: clients.append(server.client())), "a session that ended still counts")
    for client in clients:
        client.close()


def test_changes_take_effect(one: Server, two: Server) -> None:
    """Users and a certificate without a restart, and all else with one.

    Who is taken out is out at once, who stays does not notice.
    """
    pids = one.pid("server"), two.pid("server")
    alice, bob, other = one.client("alice"), one.client("bob"), one.client("without-e")
    hashes = (one.place / "passwords.json").read_text(encoding="utf-8").splitlines()
    users = [known for known in one.variables["ftp_server_users"] if known["name"] not in ("bob", "without-e")]
    users.append({"name": "without-e", "home": str(one.homes / "without-e"), "password": "another geheim"})
    one.variables["ftp_server_users"] = users
    for kind in ("pem", "key"):
        shutil.copy2(one.certificates / ("unknown_ca." + kind), one.root / "own" / ("good." + kind))
    two.variables.update(ftp_server_banner="Moved in.", ftp_server_tls="starttls", ftp_server_tls_min_version="TLSv1.3")
    before = one.snapshot(), two.snapshot()
    assert play([one, two], "--check", "--diff").changed() == {"one", "two"}
    assert (one.snapshot(), two.snapshot()) == before
    assert bob.pwd() == "/"
    assert play([one, two], "--diff").changed() == {"one", "two"}
    assert one.pid("server") == pids[0]
    assert two.pid("server") not in (0, pids[1])
    assert alice.pwd() == "/"
    for client in (bob, other):
        try:
            client.pwd()
        except (EOFError, OSError, ftplib.Error):
            client.close()
        else:
            raise AssertionError("a session of a user who was taken out or changed goes on")
    alice.close()
    kept = set((one.place / "passwords.json").read_text(encoding="utf-8").splitlines())
    assert len(set(hashes) & kept) >= len(users) - 1, "hashes were made anew that had not to be"
    try:
        one.client()
    except ssl.SSLCertVerificationError:
        pass
    else:
        raise AssertionError("the old certificate is still in use")
    assert "Moved in." in two.client("alice").getwelcome()
    only_tls_1_3(two)


def only_tls_1_3(server: Server) -> None:
    old = server.context()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    client = ftplib.FTP_TLS(timeout=10, context=old)
    client.connect(HOST, server.port)
    try:
        client.auth()
    except (ssl.SSLError, OSError):
        client.close()
    else:
        raise AssertionError("TLS 1.2 was accepted though 1.3 is the lowest")


def test_it_comes_back(one: Server, two: Server) -> None:
    """A server that was killed is started again; with its supervisor killed it ends, and the next run starts both."""
    pid = two.pid("server")
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: two.pid("server") not in (0, pid) and answers(two.port), "it did not come back")
    two.client("alice").close()
    os.kill(one.pid("supervisor"), signal.SIGKILL)
    eventually(lambda: not answers(one.port), "the server goes on without its supervisor")
    for kind in ("pem", "key"):
        shutil.copy2(one.certificates / ("good." + kind), one.root / "own" / ("good." + kind))
    assert play([one, two]).changed() == {"one"}
    one.client("alice").close()
    one.client("without-e", "another geheim").close()
    refused("530", one.client, "bob")
    refused("530", one.client, "without-e")


def test_what_is_wrong_is_said_in_one_sentence(server: Server) -> None:
    """And what ran before goes on. The mistakes are hosts of the same run."""
    home = {"home": "/x", "password": "geheim"}
    users = [
        {**home, "name": "letter", "permissions": "elrx"},
        {"name": "none", "home": "/x"},
        {"name": "clear", "home": "/x", "password_hash": "geheim"},
        {"name": "line", "home": "/x", "password_hash": cheap_hash("x") + "\n"},
        {**home, "name": "above", "home": str(server.root) + "/"},
        {**home, "name": "in", "home": str(server.place / "run")},
        {**home, "name": "ali\nce"},
    ]
    wrong: t.Dict[str, t.Tuple[t.Dict[str, t.Any], t.List[str]]] = {
        "users": (
            {"ftp_server_users": users, "ftp_server_permissions": "elr\n"},
            [
                "letter, ftp_server_permissions: permissions are letters of elradfmwMT",
                "none: every one of ftp_server_users has to have either password or password_hash",
                "clear, line: password_hash has to be one that the filter",
                "above, in: all users are the account of the service",
                "a name has to be printable",
            ],
        ),
        "anonymous": ({"ftp_server_anonymous": {"home": str(server.homes / "public"), "permissions": "elrw"}}, ["ftp_server_anonymous_write"]),
        "banner": ({"ftp_server_banner": "two\nlines"}, ["banner has to be one line of printable text"]),
        "certificate": ({"ftp_server_certificate": ""}, ["ftp_server_tls is starttls, which takes a certificate"]),
        "key": ({"ftp_server_key": str(server.certificates / "open.key")}, ["is open to others"]),
    }
    bare = os.path.realpath(sys.executable)
    if subprocess.run([bare, "-c", "import pyftpdlib"], check=False, capture_output=True).returncode:
        wrong["bare"] = ({"ftp_server_python": bare}, ["lacks pyftpdlib and pyOpenSSL"])
    shutil.copy2(server.certificates / "good.key", server.certificates / "open.key")
    (server.certificates / "open.key").chmod(0o644)
    before = server.snapshot()
    run = run_hosts(server.root, {name: {**server.variables, **variables} for name, (variables, _sentences) in wrong.items()})
    assert run.status == 2
    assert all(numbers["failed"] == 1 for numbers in run.recap().values()), run.recap()
    for name, (_variables, sentences) in wrong.items():
        said = " ".join(line for line in run.output.splitlines() if "[%s]" % name in line)
        for sentence in sentences:
            assert sentence in said, sentence
    assert server.snapshot() == before, "a run that failed left something behind"


def test_stopped_and_absent(one: Server, two: Server) -> None:
    """Each of them is predicted, done, and done once. Homes and logs stay, and so does what may be somebody's."""
    shared = two.root / "shared-venv"
    shared.mkdir()
    one.variables["ftp_server_state"] = "stopped"
    two.variables.update(ftp_server_state="absent", ftp_server_install=True, ftp_server_venv=str(shared))
    before = one.snapshot(), two.snapshot()
    assert play([one, two], "--check", "--diff").changed() == {"one", "two"}
    assert (one.snapshot(), two.snapshot()) == before
    assert play([one, two], "--diff").changed() == {"one", "two"}
    for server in (one, two):
        assert not answers(server.port)
        assert processes_below(server.place) == []
    assert [path.name for path in two.place.rglob("*") if path.is_file()] == ["ftp.log"]
    assert (two.homes / "alice" / "上传").exists()
    assert shared.exists()
    assert play([one, two], "--diff").changed() == set()


class ImplicitTls(ftplib.FTP_TLS):
    """The client of the standard library knows no implicit TLS."""

    def connect(self, *arguments: t.Any, **more: t.Any) -> str:
        self.sock = self.context.wrap_socket(socket.create_connection((HOST, self.port), 15), server_hostname=HOST)
        self.af = self.sock.family
        self.host = HOST
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome


def test_implicit_tls_gbk_and_bandwidth(server: Server, account: t.Optional[pwd.struct_passwd]) -> None:
    """A server with other settings: names in GBK, 200 kB in a second and no more, and another account where that can be had."""
    home = server.homes / "alice"
    (home / "备份.tar").write_bytes(os.urandom(600 * 1024))
    (home / "😀").write_bytes(b"not in GBK")
    os.close(os.open(bytes(home) + b"/\xff\xfe", os.O_CREAT | os.O_WRONLY, 0o600))
    client = ImplicitTls(timeout=15, context=server.context(), encoding="gbk")
    client.port = server.port
    client.connect()
    client.login("alice", SECRET % "alice")
    client.prot_p()
    assert "UTF8" not in client.sendcmd("FEAT")
    client.encoding = "latin-1"
    listed = {name.encode("latin-1") for name, _facts in client.mlsd()}
    assert listed == {"备份.tar".encode("gbk"), b"?", b"\xff\xfe"}
    client.encoding = "gbk"
    started = time.monotonic()
    assert fetch(client, "备份.tar") == (home / "备份.tar").read_bytes()
    store(client, "STOR 上传", os.urandom(600 * 1024))
    assert time.monotonic() - started > 3, "the limits were not kept"
    assert (home / "上传").stat().st_size == 600 * 1024
    second = ImplicitTls(timeout=15, context=server.context())
    second.port = server.port
    second.connect()
    third = ImplicitTls(timeout=15, context=server.context())
    third.port = server.port
    try:
        third.connect()
    except (EOFError, OSError, ftplib.Error):
        pass
    else:
        raise AssertionError("a third session was let in")
    client.close()
    second.close()
    if account is not None:
        assert Path("/proc/%d" % server.pid("server")).stat().st_uid == account.pw_uid
        assert {path.stat().st_uid for path in (home, home / "上传", server.place / "passwords.json", server.place / "run")} == {account.pw_uid}
        assert (server.place / "config.json").stat().st_uid == 0


def other_account(server: Server) -> t.Optional[pwd.struct_passwd]:
    """Let the server be somebody else than root, who may read its key; None where that cannot be."""
    try:
        account = pwd.getpwnam("nobody")
        subprocess.run([sys.executable, "-c", "import pyftpdlib"], check=True, user="nobody", cwd="/", timeout=60)
    except (KeyError, OSError, subprocess.SubprocessError):
        print("skipped: there is no root, or nobody cannot run %s" % sys.executable)
        return None
    server.root.chmod(0o711)
    own = certificate_of_its_own(server, "nobody")
    for path in own.iterdir():
        os.chown(path, account.pw_uid, -1)
    server.variables.update(ftp_server_user="nobody", ftp_server_certificate=str(own / "good.pem"), ftp_server_key=str(own / "good.key"))
    return account


def test_a_name_that_is_no_text_comes_and_goes(server: Server) -> None:
    """On a server that speaks UTF-8 the bytes of a name stay what they are, and the log takes them."""
    home = server.homes / "alice"
    client = server.client("alice")
    client.encoding = "latin-1"
    assert client.sock is not None
    client.file = client.sock.makefile("r", encoding="latin-1")
    store(client, "STOR \xff\xfe", b"odd")
    assert b"\xff\xfe" in os.listdir(bytes(home))
    assert fetch(client, "\xff\xfe") == b"odd"
    client.delete("\xff\xfe")
    client.close()
    assert "\\udcff\\udcfe" in server.log()


def main() -> None:
    root = Path(tempfile.mkdtemp(prefix="fleetproof-ftp-server-"))
    one, two = servers = [Server(root, "one"), Server(root, "two")]
    try:
        describe(one, two)
        account = other_account(two)
        test_the_first_runs(servers)
        test_no_password_in_clear(one)
        test_the_letters(one)
        test_a_user_may_read_and_no_more_unless_told(one)
        test_anonymous(one)
        test_logins(one)
        test_commands_sent_ahead_of_the_login_are_answered_in_order(one)
        test_everything_has_to_be_encrypted(one)
        test_nobody_gets_out_of_their_home(one)
        test_no_data_goes_to_somebody_else(one)
        test_a_name_that_is_no_text_comes_and_goes(one)
        test_passive_ports(one)
        test_limits_of_connections(one)
        test_implicit_tls_gbk_and_bandwidth(two, account)
        test_changes_take_effect(one, two)
        test_it_comes_back(one, two)
        test_what_is_wrong_is_said_in_one_sentence(one)
        test_stopped_and_absent(one, two)
    finally:
        for server in servers:
            server.end()
        left = processes_below(root)
        shutil.rmtree(root)
    assert left == [], left


if __name__ == "__main__":
    main()
