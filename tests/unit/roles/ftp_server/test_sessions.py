# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server as a process, and clients that are slow, rude or sly."""

from __future__ import annotations

import contextlib
import ftplib
import io
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.fleetproof.backup.tests.testbed.certificates import make_certificates
from fleetproof_ftp import configuration, passwords, state  # type: ignore[import-not-found, unused-ignore]

PROGRAM = Path(configuration.__file__).resolve().parents[1] / "ftp_serve.py"
# Runs the server with other constants, so that no test has to wait for a minute.
IMPATIENT = "import sys; sys.path.insert(0, %r); from fleetproof_ftp import commands, sessions; sessions.LOGIN = %r; sessions.LAST_WORDS = 0.5; %s"
SERVE = "sys.exit(commands.main(['serve', %r]))"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("certificates"))


class Serving:
    """A server that runs, and clients for it."""

    def __init__(self, told, certificates, login):
        self.told, self.certificates = told, certificates
        self.config = configuration.load(told.write())[0]
        script = IMPATIENT % (str(PROGRAM.parent), login, SERVE % str(told.path))
        self.process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE)
        until = time.monotonic() + 30
        while state.read(self.config).get("pid") != self.process.pid:
            assert self.process.poll() is None, self.process.stderr.read().decode()
            assert time.monotonic() < until
            time.sleep(0.02)
        facts = state.read(self.config)
        self.address = (facts["address"], facts["port"])

    def client(self, user: t.Optional[str] = "alice") -> ftplib.FTP:
        client = ftplib.FTP(timeout=15) if self.config.tls == "none" else ftplib.FTP_TLS(timeout=15, context=self.context())
        client.encoding = "latin-1"
        client.connect(*self.address)
        if user:
            client.login(user, "geheim")
            if isinstance(client, ftplib.FTP_TLS):
                client.prot_p()
        return client

    def context(self):
        return ssl.create_default_context(cafile=str(self.certificates / "ca.pem"))

    def plain(self) -> socket.socket:
        connection = socket.create_connection(self.address, 15)
        assert connection.recv(1000).startswith(b"220 ")
        return connection

    def log(self) -> str:
        return Path(self.config.log_path).read_text(encoding="utf-8")

    def seconds_of_work(self) -> float:
        fields = Path("/proc/%d/stat" % self.process.pid).read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int:
        return int(Path("/proc/%d/statm" % self.process.pid).read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def serve(told, certificates):
    """Starts a server: in clear, or with TLS, and so many seconds for a login."""
    with contextlib.ExitStack() as stack:

        def start(tls="none", login=60.0, permissions="elr", **settings):
            told.config.update(tls=tls, certificate=str(certificates / "good.pem"), key=str(certificates / "good.key"), **settings)
            told.users[0]["permissions"] = permissions
            serving = Serving(told, certificates, login)
            stack.callback(serving.process.stderr.close)
            stack.callback(serving.process.wait, 20)
            stack.callback(serving.process.terminate)
            return serving

        yield start


def wait_for(holds, seconds=20):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def passive_port(client):
    return int(client.sendcmd("EPSV").split("|||")[1].split("|")[0])


def ended(connection) -> bool:
    """Whether the other side has closed a connection, whatever it said before."""
    try:
        while connection.recv(65536):
            pass
    except socket.timeout:
        return False
    except OSError:
        pass
    return True


@pytest.mark.parametrize("limit", [0, 1_000_000])
def test_every_empty_listing_ends_as_tls_ends(serve, told, limit):
    """An end without close_notify could be a listing that was cut off, and was one in ten of an empty NLST."""
    serving = serve("starttls", download_limit=limit)
    client = serving.client()
    for number in range(100):
        with socket.create_connection((serving.address[0], passive_port(client)), 10) as data:
            client.putcmd(("NLST", "NLST", "MLSD", "LIST")[number % 4])
            assert client.getresp()[:3] in ("125", "150")
            with serving.context().wrap_socket(data, server_hostname="127.0.0.1", suppress_ragged_eofs=False) as encrypted:
                assert encrypted.recv(4096) == b""
                encrypted.unwrap().close()
        assert client.getresp().startswith("226")
    client.close()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_who_is_slow_to_shake_hands_takes_no_work(serve, told):
    """For a data connection, too: it was looked at without a break while nothing came."""
    told.home.joinpath("file").write_bytes(b"content\n" * 100_000)
    serving = serve("starttls")
    client = serving.client()
    client.voidcmd("TYPE I")
    with socket.create_connection((serving.address[0], passive_port(client)), 10) as data:
        client.putcmd("RETR file")
        client.getresp()
        before = serving.seconds_of_work()
        time.sleep(1.5)
        assert serving.seconds_of_work() - before < 0.5
        with serving.context().wrap_socket(data, server_hostname="127.0.0.1", suppress_ragged_eofs=False) as encrypted:
            assert b"".join(iter(lambda: encrypted.recv(65536), b"")) == b"content\n" * 100_000
    assert client.getresp().startswith("226")
    client.close()


def test_no_data_in_clear_over_a_connection_that_was_opened_before(serve, told):
    serving = serve("starttls")
    client = serving.client()
    port = passive_port(client)
    with pytest.raises(ftplib.error_perm, match="534"):
        client.sendcmd("PROT C")
    with socket.create_connection((serving.address[0], port), 10) as data:
        client.putcmd("NLST")
        assert client.getresp()[:3] in ("125", "150")
        serving.context().wrap_socket(data, server_hostname="127.0.0.1").close()
    client.close()


def test_a_file_with_a_name_of_its_own_stays_in_the_home(serve, told, tmp_path):
    """Neither beside the home, nor through a link, nor without the letter for a moment."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (told.home / "away").symlink_to(outside)
    serving = serve(permissions="elrw")
    client = serving.client()
    before = sorted(path.name for path in tmp_path.iterdir())
    for command in ("STOU /", "STOU .", "STOU ..", "STOU away/x"):
        with pytest.raises(ftplib.error_perm, match="550"):
            client.storbinary(command, io.BytesIO(b"out"))
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert list(outside.iterdir()) == []
    client.storbinary("STOU mine", io.BytesIO(b"in"))
    client.storbinary("STOU", io.BytesIO(b"in"))
    made = [path for path in told.home.iterdir() if path.is_file()]
    assert sorted(path.name.partition(".")[0] for path in made) == ["ftpd", "mine"]
    assert {path.read_bytes() for path in made} == {b"in"}
    client.close()


def test_no_file_is_made_for_a_moment_without_the_letter(serve, told):
    """A folder that cannot be written to would say so, and one in which files are seen would see one."""
    serving = serve(permissions="elr")
    before = told.home.stat().st_mtime_ns
    client = serving.client()
    with pytest.raises(ftplib.error_perm, match="550"):
        client.storbinary("STOU", io.BytesIO(b"x"))
    assert told.home.stat().st_mtime_ns == before
    client.close()


def test_who_does_not_log_in_holds_no_session(serve):
    """Not by NOOP for ever, nor by a handshake without an end."""
    serving = serve("starttls", login=1.0)
    idle, busy = serving.plain(), serving.plain()
    idle.sendall(b"AUTH TLS\r\n")
    started = time.monotonic()
    with contextlib.suppress(OSError):
        while time.monotonic() - started < 10:
            busy.sendall(b"NOOP\r\n")
            time.sleep(0.1)
    assert time.monotonic() - started < 10
    assert ended(idle)
    client = serving.client()
    time.sleep(1.5)
    assert client.pwd() == "/"
    for connection in (idle, busy, client):
        connection.close()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_replies_that_nobody_reads_do_not_fill_the_memory(serve):
    serving = serve()
    client = serving.client()
    assert client.sock is not None
    before = serving.memory()
    client.sock.settimeout(3)
    with contextlib.suppress(OSError):
        for _number in range(1000):
            client.sock.sendall(b"NOOP\r\n" * 10_000)
    assert serving.memory() - before < 30_000_000
    wait_for(lambda: "session closed" in serving.log())
    client.close()
    serving.client().close()


def test_a_last_reply_that_nobody_reads_does_not_hold_a_session(serve, told):
    """A session that ran out of time, and that cannot be told."""
    for number in range(200):
        (told.home / ("a long name %d" % number)).write_bytes(b"")
    serving = serve(timeout=1.0)
    client = serving.client()
    assert client.sock is not None
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.sock.sendall(b"STAT /\r\n" * 300)
    wait_for(lambda: "session closed" in serving.log())
    client.close()


def test_passwords_that_nobody_waits_for_are_not_checked(serve, told):
    """Who connects, sends one and goes away again and again holds up nobody who logs in."""
    told.passwords["alice"] = "$scrypt$ln=16,r=8,p=4$c2FsdHNhbHRzYWx0c2FsdA$" + "A" * 43
    told.users.append({"name": "bob", "home": str(told.home), "permissions": "elr"})
    told.passwords["bob"] = told.cheap
    cost = time.monotonic()
    passwords.verify(passwords.parse(told.passwords["alice"]), "wrong")
    cost = time.monotonic() - cost
    serving = serve(max_connections=0)
    for _number in range(60):
        with serving.plain() as connection:
            connection.sendall(b"USER alice\r\nPASS wrong\r\n")
            assert connection.recv(100).startswith(b"331 ")
    started = time.monotonic()
    serving.client("bob").close()
    assert time.monotonic() - started < 10 * cost


def test_a_folder_whose_name_is_no_text_can_be_worked_in(serve, told):
    serving = serve(permissions="elradfmwMT")
    client = serving.client()
    assert client.mkd("odd \xff") == "/odd \xff"
    client.cwd("odd \xff")
    assert client.pwd() == "/odd \xff"
    client.storbinary("STOR \xfe", io.BytesIO(b"x"))
    assert "/odd \xff/\xfe" in client.sendcmd("MLST \xfe")
    assert os.listdir(os.fsencode(told.home)) == [b"odd \xff"]
    client.close()


def test_the_log_obeys_nobody(serve):
    """A name from the network is neither a second line nor a command to the terminal of who reads it."""
    serving = serve()
    client = serving.client("")
    client.encoding = "utf-8"
    for name in ("a\x1b[2J", "b\x9b2J", "c\u2028d", "e\x85f"):
        with pytest.raises(ftplib.error_perm, match="530"):
            client.login(name, "x")
        if name[0] == "c":
            client.close()
            client = serving.client("")
            client.encoding = "utf-8"
    client.close()
    wait_for(lambda: "e\\x85f" in serving.log())
    assert not set("\x1b\x9b\x85\u2028") & set(serving.log())


@pytest.mark.parametrize("broken", ["users_path", "passwords_path", "certificate", "run_dir"])
def test_a_reload_of_what_is_broken_changes_nothing(serve, told, tmp_path, broken):
    own = tmp_path / "own.pem"
    serving = serve("starttls")
    told.config["certificate"] = str(own)
    if broken == "certificate":
        serving.process.terminate()
        serving.process.wait(20)
        own.write_bytes((serving.certificates / "good.pem").read_bytes())
        serving = Serving(told, serving.certificates, 60.0)
        own.write_bytes(b"broken")
    elif broken == "run_dir":
        # As on a disk that is full.
        (Path(serving.config.run_dir) / "state.json.new").mkdir()
    else:
        Path(serving.config._asdict()[broken]).write_text("broken", encoding="utf-8")
    client = serving.client()
    serving.process.send_signal(signal.SIGHUP)
    try:
        wait_for(lambda: "Nothing was reloaded" in serving.log())
        assert client.pwd() == "/"
        client.close()
        serving.client().close()
    finally:
        serving.process.terminate()
        assert serving.process.wait(20) == 0
        serving.process.stderr.close()


def test_who_is_taken_out_gets_no_more_of_a_file_either(serve, told):
    """Not even after QUIT, when nobody listens to the session any more."""
    (told.home / "file").write_bytes(bytes(20_000_000))
    told.users.append({"name": "bob", "home": str(told.home), "permissions": "elr"})
    told.passwords["bob"] = told.cheap
    serving = serve()
    client = serving.client("bob")
    client.voidcmd("TYPE I")
    data = socket.socket()
    data.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    data.connect((serving.address[0], passive_port(client)))
    client.putcmd("RETR file")
    client.getresp()
    client.putcmd("QUIT")
    client.getresp()
    told.users.pop()
    del told.passwords["bob"]
    told.write()
    serving.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "Reloaded" in serving.log())
    data.settimeout(15)
    with contextlib.suppress(ConnectionResetError):
        assert sum(len(piece) for piece in iter(lambda: data.recv(65536), b"")) < 20_000_000
    data.close()
    client.close()


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
@pytest.mark.parametrize("tls", ["none", "starttls"])
def test_ipv6(serve, told, tls):
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this host has no IPv6")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        first = free.getsockname()[1]
    (told.home / "file").write_bytes(b"content")
    serving = serve(tls, address="::", passive_ports=[first, min(first + 3, 65535)])
    for address in ("::1", "127.0.0.1"):
        serving.address = (address, serving.address[1])
        client = serving.client()
        found = io.BytesIO()
        client.retrbinary("RETR file", found.write)
        assert found.getvalue() == b"content"
        client.close()
    answer = subprocess.run([sys.executable, str(PROGRAM), "probe", str(told.path)], check=False, capture_output=True, text=True, timeout=60)
    assert json.loads(answer.stdout)["greeting"] == "220 ready", answer.stdout


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"key": "client.key"}, "they have to be PEM, belong together, and the key must have no passphrase"),
        ({"certificate": "good.key"}, "they have to be PEM"),
        ({"certificate": "missing.pem"}, "missing.pem cannot be read: No such file or directory"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_named(told, certificates, settings, words):
    files = {"certificate": "good.pem", "key": "good.key", **settings}
    told.config.update(tls="starttls", **{name: str(certificates / file) for name, file in files.items()})
    answer = subprocess.run([sys.executable, str(PROGRAM), "check", told.write()], check=False, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 78
    assert words in json.loads(answer.stdout)["msg"]


def test_a_server_with_all_its_sessions_taken_is_one_that_answers(serve, told):
    """The role has nothing to mend there."""
    serving = serve(max_connections_per_ip=1)
    client = serving.client()
    answer = subprocess.run([sys.executable, str(PROGRAM), "probe", str(told.path)], check=False, capture_output=True, text=True, timeout=60)
    assert json.loads(answer.stdout)["greeting"].startswith("421"), answer.stdout
    client.close()
