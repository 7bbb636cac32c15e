# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The FTP servers that people run: vsftpd, ProFTPD and Pure-FTPd beside the embedded one, each in clear text and with TLS.

    python ftp_real.py DIRECTORY [--while PATH] [--lifetime SECONDS]

listens on free ports of 127.0.0.1 and writes ``DIRECTORY/ftp_servers.json`` once all of them answer:

    {"ca": …, "rows": [{"name", "server", "host", "port", "tls", "reuse", "anonymous", "root",
                        "mlsd", "mfmt", "hash"}, …], "missing": ["vsftpd: why", …]}

``tls`` is as the modules have it; with ``reuse`` data connections must resume the session of the
control connection; ``anonymous`` says whether logging in without a name works; ``root`` is the
directory that ``fleet`` sees; the rest is what the server offers. What cannot be had (no root, no
apt-get, not Linux) is told in ``missing``. All of it ends as ftpd.py does, and when it is killed too:
the servers live in a process namespace whose first process waits for the end of its input.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import sys
import time
import typing as t

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from certificates import make_certificates
from ftpd import USERS, FtpServer
from secluded import UNSHARE, check_machine, password_hash
from serving import free_port, parser, tell, wait
from unpacked import NotToBeHad, libraries, unpacked

PASSWORD = USERS["fleet"]
NOBODY = 65534
# Modes of each server: the word after its name, tls, whether sessions must be resumed
MODES: t.Dict[str, t.Tuple[t.Tuple[str, str, bool], ...]] = {
    "vsftpd": (("plain", "none", False), ("explicit", "starttls", True), ("implicit", "implicit", False)),
    "proftpd": (("plain", "none", False), ("explicit", "starttls", True), ("implicit", "implicit", True)),
    "pure-ftpd": (("plain", "none", False), ("explicit", "starttls", False)),
}
FEATURES = {
    "pyftpdlib": {"mlsd": True, "mfmt": True, "hash": False, "anonymous": True},
    "vsftpd": {"mlsd": False, "mfmt": False, "hash": False, "anonymous": False},
    "proftpd": {"mlsd": True, "mfmt": True, "hash": True, "anonymous": False},
    "pure-ftpd": {"mlsd": True, "mfmt": True, "hash": False, "anonymous": False},
}
START = 20  # seconds until a server answers

_VSFTPD = """
listen=YES
listen_address=127.0.0.1
listen_port={port}
background=NO
anonymous_enable=NO
local_enable=YES
write_enable=YES
pam_service_name=vsftpd
guest_enable=YES
guest_username=daemon
virtual_use_local_privs=YES
local_root={root}
chroot_local_user=YES
allow_writeable_chroot=YES
secure_chroot_dir={folder}/empty
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
local_umask=022
mdtm_write=YES
force_dot_files=YES
utf8_filesystem=YES
delay_failed_login=0
log_ftp_protocol=YES
vsftpd_log_file={folder}/{mode}.log
"""
_VSFTPD_TLS = """
ssl_enable=YES
rsa_cert_file={tls}/good.pem
rsa_private_key_file={tls}/good.key
ssl_tlsv1=YES
ssl_ciphers=HIGH
force_local_logins_ssl=YES
force_local_data_ssl=YES
strict_ssl_read_eof=YES
require_ssl_reuse={reuse}
implicit_ssl={implicit}
"""
_PROFTPD = """
ModulePath {packages}/usr/lib/proftpd
LoadModule mod_digest.c
ServerName bed
ServerType standalone
DefaultAddress 127.0.0.1
SocketBindTight on
Port {port}
UseIPv6 off
UseReverseDNS off
User nobody
Group nogroup
PidFile {folder}/{mode}.pid
ScoreboardFile {folder}/{mode}.score
DelayTable none
SystemLog {folder}/{mode}.log
WtmpLog off
TransferLog none
AuthOrder mod_auth_file.c
AuthUserFile {folder}/users
RequireValidShell off
DefaultRoot ~
AllowOverwrite on
AllowRetrieveRestart on
AllowStoreRestart on
ListOptions -a
"""
# ProFTPD 1.3.8 crashes once its cache of sessions is full, and each data connection puts two into it.
_PROFTPD_TLS = """
LoadModule mod_tls.c
LoadModule mod_tls_shmcache.c
TLSEngine on
TLSRequired on
TLSRSACertificateFile {tls}/good.pem
TLSRSACertificateKeyFile {tls}/good.key
TLSSessionCache shm:/file={folder}/{mode}.sessions&size=20971520
TLSLog {folder}/{mode}.tls
"""


class FtpServers:
    """All servers that can be had here."""

    def __init__(self, directory: t.Union[str, pathlib.Path]) -> None:
        self.directory = pathlib.Path(directory).resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        # Each server goes there as a user of its own.
        self.directory.chmod(0o755)
        self.embedded = FtpServer(self.directory / "pyftpdlib")
        self.certificates = make_certificates(self.directory / "tls")
        self.rows: t.List[t.Dict[str, t.Any]] = []
        self.missing: t.List[str] = []
        self._processes: t.List[subprocess.Popen[bytes]] = []

    def start(self) -> FtpServers:
        """Start what can be had; raises RuntimeError when a server that is here does not come up."""
        self.embedded.certificates = self.certificates
        self.embedded.start()
        for mode, tls, port in (("plain", "none", "port"), ("explicit", "starttls", "explicit_port"), ("implicit", "implicit", "implicit_port")):
            self._add("pyftpdlib", mode, tls, False, getattr(self.embedded, port), self.embedded.root)
        for name in MODES:
            try:
                self._start(name)
            except NotToBeHad as error:
                self.missing.append("%s: %s" % (name, error))
        self._wait_for_all()
        return self

    def stop(self) -> None:
        """End them."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.close()
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
            process.wait()
        self.embedded.stop()

    def __enter__(self) -> FtpServers:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def facts(self) -> t.Dict[str, t.Any]:
        """Where they are to be found."""
        return {"ca": str(self.certificates / "ca.pem"), "rows": self.rows, "missing": self.missing, "pid": os.getpid()}

    # -- one server -------------------------------------------------------------------------------

    def _add(self, server: str, mode: str, tls: str, reuse: bool, port: int, root: pathlib.Path) -> None:
        row = {"name": "%s-%s" % (server, mode), "server": server, "host": "127.0.0.1", "port": port, "tls": tls, "reuse": reuse, "root": str(root)}
        self.rows.append({**row, **FEATURES[server]})

    def _start(self, name: str) -> None:
        check_machine()
        packages = unpacked(name)
        folder = self.directory / name
        root = folder / "root"
        (folder / "empty").mkdir(parents=True, exist_ok=True)
        root.mkdir(exist_ok=True)
        make_command = {"vsftpd": self._vsftpd, "proftpd": self._proftpd, "pure-ftpd": self._pure_ftpd}[name]
        commands = []
        for mode, tls, reuse in MODES[name]:
            port = free_port()
            commands.append(make_command(packages, folder, root, mode, tls, reuse, port))
            self._add(name, mode, tls, reuse, port, root)
        self._run(name, folder, commands, libraries(packages))

    def _run(self, name: str, folder: pathlib.Path, commands: t.Sequence[t.Sequence[str]], libraries_path: str) -> None:
        """Start the commands in namespaces that end with the standard input of their first process.

        The one for IPC is for ProFTPD, whose shared memory would outlive it and be in the way of the next.
        """
        lines = []
        if name == "vsftpd":
            lines.append("mount --bind %s /etc/pam.d" % shlex.quote(str(folder / "pam")))
        lines += ["LD_LIBRARY_PATH=%s %s </dev/null &" % (shlex.quote(libraries_path), shlex.join(command)) for command in commands]
        lines.append("cat >/dev/null")
        with open(folder / "output", "wb") as output:
            self._processes.append(
                subprocess.Popen(
                    [*UNSHARE, "sh", "-e", "-c", "\n".join(lines)],
                    stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                )
            )  # fmt: skip

    def _vsftpd(self, packages: pathlib.Path, folder: pathlib.Path, root: pathlib.Path, mode: str, tls: str, reuse: bool, port: int) -> t.List[str]:
        """Its users come from PAM alone: a service of its own, seen by it alone, over a small database."""
        loader = shutil.which("db5.3_load")
        if loader is None:
            raise NotToBeHad("it needs db5.3_load (package db5.3-util)")
        shutil.chown(root, "daemon")
        users = folder / "users"
        subprocess.run([loader, "-T", "-t", "hash", "%s.db" % users], input=("fleet\n%s\n" % PASSWORD).encode(), check=True)
        (folder / "users.db").chmod(0o600)
        if not (folder / "pam").exists():
            shutil.copytree("/etc/pam.d", folder / "pam")
            lines = ["%s required pam_userdb.so db=%s\n" % (what, users) for what in ("auth", "account")]
            (folder / "pam" / "vsftpd").write_text("".join(lines), encoding="ascii")
        text = _VSFTPD if tls == "none" else _VSFTPD + _VSFTPD_TLS
        words = {"reuse": "YES" if reuse else "NO", "implicit": "YES" if tls == "implicit" else "NO"}
        return [str(packages / "usr/sbin/vsftpd"), self._write(folder, text, mode=mode, port=port, root=root, **words)]

    def _proftpd(self, packages: pathlib.Path, folder: pathlib.Path, root: pathlib.Path, mode: str, tls: str, reuse: bool, port: int) -> t.List[str]:
        os.chown(root, NOBODY, NOBODY)
        users = folder / "users"
        users.write_text("fleet:%s:%d:%d::%s:/bin/false\n" % (password_hash(PASSWORD), NOBODY, NOBODY, root), encoding="ascii")
        users.chmod(0o600)
        os.chown(users, NOBODY, NOBODY)
        options = ["UseImplicitSSL"] * (tls == "implicit") + ["NoSessionReuseRequired"] * (not reuse)
        text = _PROFTPD if tls == "none" else _PROFTPD + _PROFTPD_TLS + ("TLSOptions %s\n" % " ".join(options) if options else "")
        return [str(packages / "usr/sbin/proftpd"), "-n", "-c", self._write(folder, text, mode=mode, port=port, packages=packages)]

    def _pure_ftpd(self, packages: pathlib.Path, folder: pathlib.Path, root: pathlib.Path, mode: str, tls: str, _reuse: bool, port: int) -> t.List[str]:
        os.chown(root, NOBODY, NOBODY)
        users, database = folder / "users", folder / "users.pdb"
        if not users.exists():
            # not by pure-pw useradd, whose hashes take seconds to check
            users.write_text("fleet:%s:%d:%d::%s/./%s\n" % (password_hash(PASSWORD), NOBODY, NOBODY, root, ":" * 12), encoding="ascii")
            users.chmod(0o600)
            subprocess.run([str(packages / "usr/bin/pure-pw"), "mkdb", str(database), "-f", str(users)], check=True)
            both = folder / "good-both.pem"
            both.touch(mode=0o600)
            both.write_bytes(b"".join((self.certificates / name).read_bytes() for name in ("good.key", "good.pem")))
        command = [str(packages / "usr/sbin/pure-ftpd"), "-S", "127.0.0.1,%d" % port, "-l", "puredb:%s" % database, "-A", "-D", "-E", "-H"]
        command += ["-u", "1", "-g", str(folder / (mode + ".pid")), "-Y", "0" if tls == "none" else "3"]
        return command if tls == "none" else [*command, "-2", str(folder / "good-both.pem")]

    def _write(self, folder: pathlib.Path, text: str, mode: str, **words: t.Any) -> str:
        path = folder / (mode + ".conf")
        path.write_text(text.format(folder=folder, mode=mode, tls=self.certificates, **words), encoding="utf-8")
        return str(path)

    def _wait_for_all(self) -> None:
        end = time.monotonic() + START
        for row in self.rows:
            while True:
                try:
                    with socket.create_connection((row["host"], row["port"]), 5):
                        break
                except OSError as error:
                    if time.monotonic() > end:
                        output = self.directory / row["server"] / "output"
                        said = output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
                        raise RuntimeError("%s does not answer: %s %s" % (row["name"], error, said)) from error
                    time.sleep(0.05)


def main() -> None:
    """The command."""
    options = parser("FTP servers for tests, on loopback.").parse_args()
    with FtpServers(options.directory) as servers:
        tell(servers.directory / "ftp_servers.json", servers.facts())
        wait(options)


if __name__ == "__main__":
    main()
