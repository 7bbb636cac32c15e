# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook ftp_server from end to end: installed, used, changed, broken, stopped and removed.

What the server allows and refuses is asked with the FTP client of the standard library. Nothing outside a
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

from server_bed import HOST, LETTERS, SECRET, Server, answers, eventually, fetch, free_ports, processes_below, refused, store, user

PASSIVE = 4


def letters_of(name: str) -> str:
    """The permissions of a user: all of them, or all but one."""
    return LETTERS.replace(name[-1], "") if name.startswith("without-") else LETTERS


def test_the_first_run(server: Server) -> None:
    """It says in check mode what it would do, does it, and has nothing to do the second time."""
    names = ["alice", *("without-" + letter for letter in LETTERS)]
    first = free_ports(PASSIVE)
    runs = server.four_times(
        ftp_server_users=[*(user(server, name, letters_of(name)) for name in names), user(server, "bob")],
        ftp_server_anonymous={"home": str(server.homes / "public")},
        ftp_server_passive_ports=[first, first + PASSIVE - 1],
        ftp_server_max_connections_per_ip=6,
        ftp_server_banner="Backups live here.",
    )
    for name in names:
        assert stat.S_IMODE((server.homes / name).stat().st_mode) == 0o750
    assert "Backups live here." in server.client().getwelcome()
    runs.append(server.run("-vvv", "--diff"))
    for run in runs:
        assert "geheim" not in run.output, "a password is in the output"
        assert "$scrypt$" not in run.output, "a hash is in the output"


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
    client.prot_c()
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


def test_an_empty_listing_ends_as_tls_ends(server: Server) -> None:
    """Also when the client is slow to greet: an end without close_notify could be a listing that was cut off."""
    (server.homes / "alice" / "empty").mkdir()
    client = server.client("alice")
    for command in ("NLST empty", "MLSD empty", "LIST empty", "MLSD"):
        with socket.create_connection((HOST, passive_port(client)), 10) as data:
            client.putcmd(command)
            assert client.getresp()[:3] in ("125", "150")
            time.sleep(0.3)
            with server.context().wrap_socket(data, server_hostname=HOST, suppress_ragged_eofs=False) as encrypted:
                content = b"".join(iter(lambda: encrypted.recv(4096), b""))
        assert bool(content) == (command == "MLSD")
        assert client.getresp().startswith("226")
    client.close()
    (server.homes / "alice" / "empty").rmdir()


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


def test_a_change_of_users_takes_effect_and_disturbs_nobody_else(server: Server) -> None:
    """Who is taken out is out at once; who stays does not notice. The process is the same."""
    pid = server.pid("server")
    (server.homes / "alice" / "public").mkdir(exist_ok=True)
    alice, bob, other = server.client("alice"), server.client("bob"), server.client("without-e")
    hashes = (server.place / "passwords.json").read_text(encoding="utf-8").splitlines()
    users = [known for known in server.variables["ftp_server_users"] if known["name"] not in ("bob", "without-e")]
    users.append({"name": "without-e", "home": str(server.homes / "without-e"), "password": "another secret"})
    run = server.run("--check", ftp_server_users=users)
    assert run.changed()
    assert bob.pwd() == "/"
    run = server.run(ftp_server_users=users)
    assert run.changed()
    assert server.pid("server") == pid
    assert alice.pwd() == "/"
    for client in (bob, other):
        try:
            client.pwd()
        except (EOFError, OSError, ftplib.Error):
            client.close()
        else:
            raise AssertionError("a session of a user who was taken out or changed goes on")
    refused("530", server.client, "bob")
    refused("530", server.client, "without-e")
    server.client("without-e", "another secret").close()
    alice.close()
    kept = set((server.place / "passwords.json").read_text(encoding="utf-8").splitlines())
    assert len(set(hashes) & kept) >= len(users) - 1, "hashes were made anew that had not to be"
    assert not server.run().changed()


def test_a_change_of_the_configuration_restarts_the_server(server: Server) -> None:
    pid = server.pid("server")
    server.four_times(ftp_server_banner="Moved in.", ftp_server_tls_min_version="TLSv1.3")
    assert server.pid("server") not in (0, pid)
    assert "Moved in." in server.client().getwelcome()
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


def test_a_new_certificate_is_used_without_a_restart(server: Server) -> None:
    pid = server.pid("server")
    own = server.root / "own"
    own.mkdir()
    for name in ("good.pem", "good.key"):
        shutil.copy2(server.certificates / name, own / name)
    server.run(ftp_server_certificate=str(own / "good.pem"), ftp_server_key=str(own / "good.key"))
    assert server.pid("server") != pid
    pid = server.pid("server")
    for kind in ("pem", "key"):
        shutil.copy2(server.certificates / ("unknown_ca." + kind), own / ("good." + kind))
    assert server.run().changed()
    assert server.pid("server") == pid
    try:
        server.client()
    except ssl.SSLCertVerificationError:
        pass
    else:
        raise AssertionError("the old certificate is still in use")
    for kind in ("pem", "key"):
        shutil.copy2(server.certificates / ("good." + kind), own / ("good." + kind))
    assert server.run().changed()
    server.client().close()


def test_it_comes_back(server: Server) -> None:
    """A server that was killed is started again; with its supervisor killed it ends, and the next run starts both."""
    pid = server.pid("server")
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: server.pid("server") not in (0, pid) and answers(server.port), "it did not come back")
    server.client("alice").close()
    assert not server.run().changed()
    os.kill(server.pid("supervisor"), signal.SIGKILL)
    eventually(lambda: not answers(server.port), "the server goes on without its supervisor")
    assert server.run().changed()
    server.client("alice").close()


def test_what_is_wrong_is_said_in_one_sentence(server: Server) -> None:
    """And what ran before goes on."""
    pid = server.pid("server")
    wrong: t.List[t.Tuple[t.Dict[str, t.Any], str]] = [
        ({"ftp_server_anonymous": {"home": str(server.homes / "public"), "permissions": "elrw"}}, "ftp_server_anonymous_write"),
        ({"ftp_server_users": [{**user(server, "alice"), "permissions": "elrx"}]}, "permissions are letters of elradfmwMT"),
        ({"ftp_server_users": [{"name": "alice", "home": "/x"}]}, "either password or password_hash"),
        ({"ftp_server_users": [{"name": "alice", "home": "/x", "password_hash": "geheim"}]}, "that the filter fleetproof.backup.ftp_password_hash made"),
        ({"ftp_server_users": [user(server, "ali\nce")]}, "a name has to be printable"),
        ({"ftp_server_banner": "two\nlines"}, "banner has to be one line of printable text"),
        ({"ftp_server_certificate": ""}, "ftp_server_tls is starttls, which takes a certificate"),
        ({"ftp_server_key": str(server.certificates / "open.key")}, "is open to others"),
        ({"ftp_server_key": str(server.certificates / "client.key")}, "belong together"),
    ]
    shutil.copy2(server.certificates / "good.key", server.certificates / "open.key")
    (server.certificates / "open.key").chmod(0o644)
    before = dict(server.variables), server.snapshot()
    for variables, sentence in wrong:
        run = server.run(status=2, **variables)
        server.variables = dict(before[0])
        assert sentence in " ".join(run.output.split()), sentence
        assert "geheim" not in run.output
    assert server.snapshot() == before[1], "a run that failed left something behind"
    assert server.pid("server") == pid
    assert not server.run().changed()


def test_a_python_without_the_library_is_named(server: Server) -> None:
    bare = os.path.realpath(sys.executable)
    if not subprocess.run([bare, "-c", "import pyftpdlib"], check=False, capture_output=True).returncode:
        print("skipped: %s has pyftpdlib itself" % bare)
        return
    before = dict(server.variables)
    run = server.run(status=2, ftp_server_python=bare)
    server.variables = before
    assert "lacks pyftpdlib and pyOpenSSL" in " ".join(run.output.split())
    server.run()


def test_stopped_and_absent(server: Server) -> None:
    """Each of them is predicted, done, and done once. Homes and logs stay."""
    server.four_times(ftp_server_state="stopped")
    assert not answers(server.port)
    assert processes_below(server.place) == []
    server.run(ftp_server_state="started")
    assert answers(server.port)
    server.four_times(ftp_server_state="absent")
    assert not answers(server.port)
    assert processes_below(server.place) == []
    assert [path.name for path in server.place.rglob("*") if path.is_file()] == ["ftp.log"]
    assert (server.homes / "alice" / "stored").exists()


class ImplicitTls(ftplib.FTP_TLS):
    """The client of the standard library knows no implicit TLS."""

    def connect(self, *arguments: t.Any, **more: t.Any) -> str:
        self.sock = self.context.wrap_socket(socket.create_connection((HOST, self.port), 15), server_hostname=HOST)
        self.af = self.sock.family
        self.host = HOST
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome


def test_implicit_tls_gbk_and_bandwidth(server: Server) -> None:
    """Another server with other settings: names in GBK, 200 kB in a second and no more, and another account where that can be had."""
    account = other_account(server)
    server.run(
        ftp_server_tls="implicit", ftp_server_encoding="gbk", ftp_server_download_limit="200K", ftp_server_upload_limit="200K",
        ftp_server_max_connections=2, ftp_server_users=[user(server, "alice", LETTERS)], ftp_server_password_scheme="pbkdf2-sha256",
        ftp_server_login_delay=0,
    )  # fmt: skip
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
    assert not server.run().changed()


def other_account(server: Server) -> t.Optional[pwd.struct_passwd]:
    """Let the server be somebody else than root, who may read its key; None where that cannot be."""
    try:
        account = pwd.getpwnam("nobody")
        subprocess.run([sys.executable, "-c", "import pyftpdlib"], check=True, user="nobody", cwd="/", timeout=60)
    except (KeyError, OSError, subprocess.SubprocessError):
        print("skipped: there is no root, or nobody cannot run %s" % sys.executable)
        return None
    server.root.chmod(0o711)
    own = server.root / "nobody"
    own.mkdir()
    for name in ("good.pem", "good.key"):
        os.chown(shutil.copy2(server.certificates / name, own / name), account.pw_uid, -1)
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
    servers = [Server(root, "one"), Server(root, "two")]
    try:
        server = servers[0]
        test_the_first_run(server)
        test_no_password_in_clear(server)
        test_the_letters(server)
        test_a_user_may_read_and_no_more_unless_told(server)
        test_anonymous(server)
        test_logins(server)
        test_commands_sent_ahead_of_the_login_are_answered_in_order(server)
        test_everything_has_to_be_encrypted(server)
        test_an_empty_listing_ends_as_tls_ends(server)
        test_nobody_gets_out_of_their_home(server)
        test_no_data_goes_to_somebody_else(server)
        test_a_name_that_is_no_text_comes_and_goes(server)
        test_passive_ports(server)
        test_limits_of_connections(server)
        test_a_change_of_users_takes_effect_and_disturbs_nobody_else(server)
        test_a_change_of_the_configuration_restarts_the_server(server)
        test_a_new_certificate_is_used_without_a_restart(server)
        test_it_comes_back(server)
        test_what_is_wrong_is_said_in_one_sentence(server)
        test_a_python_without_the_library_is_named(server)
        test_implicit_tls_gbk_and_bandwidth(servers[1])
        test_stopped_and_absent(server)
    finally:
        for server in servers:
            server.end()
        left = processes_below(root)
        shutil.rmtree(root)
    assert left == [], left


if __name__ == "__main__":
    main()
