# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One suite for Postfix and Dovecot: site.yml with a host for each mailbox, all at work side by side.

What the modules have done is read again by others when the playbook has ended: by poplib and imaplib on
the server, by the standard library in what was stored. Nothing outside a temporary directory is touched.
Where the servers cannot be had this is told as a skip.
"""

from __future__ import annotations

import base64
import contextlib
import email
import email.policy
import hashlib
import imaplib
import json
import mailbox
import os
import poplib
import random
import socket
import ssl
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

COLLECTION = Path(os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)[0]) / "ansible_collections" / "fleetproof" / "backup"
sys.path.insert(0, str(COLLECTION / "tests" / "testbed"))

from mail_real import HOSTS, PASSWORD, MailServers  # noqa: E402
from unpacked import NotToBeHad  # noqa: E402

# Each way to read mail: protocol, host, tls, auth. The host "strict" takes no password in clear text.
WAYS = {
    "pop3-plain": ("pop3", "good", "none", "plain"),
    "pop3-apop": ("pop3", "strict", "none", "apop"),
    "pop3-starttls": ("pop3", "strict", "starttls", "auto"),
    "pop3-implicit": ("pop3", "good", "implicit", "auto"),
    "imap-plain": ("imap", "good", "none", "login"),
    "imap-cram": ("imap", "strict", "none", "cram-md5"),
    "imap-starttls": ("imap", "strict", "starttls", "plain"),
    "imap-implicit": ("imap", "good", "implicit", "auto"),
    "imap-token": ("imap", "good", "implicit", "xoauth2"),
}
# Mailboxes for one more thing each, read the default way.
MORE = {
    "pop3-store": ("pop3", "store"),
    "imap-store": ("imap", "store"),
    "imap-folders": ("imap", "folders"),
    "pop3-wait": ("pop3", "wait"),
    "imap-wait": ("imap", "wait"),
    "trip": ("imap", "trip"),
    "pop3-errors": ("pop3", "errors"),
    "imap-errors": ("imap", "errors"),
    "smtp-errors": ("smtp", "errors"),
}
PORTS = {
    ("pop3", "none"): "pop3",
    ("pop3", "starttls"): "pop3",
    ("pop3", "implicit"): "pop3s",
    ("imap", "none"): "imap",
    ("imap", "starttls"): "imap",
    ("imap", "implicit"): "imaps",
    ("smtp", "starttls"): "submission",
    ("smtp", "implicit"): "submissions",
}

# Where one host moves its mail to
FOLDER = "Archive/2026"
CHANCE = random.Random(1)
BINARY = CHANCE.randbytes(70000)
# Everything that a line may begin with or be made of and that a mail server or a protocol may stumble over.
TEXT = "\n".join(
    (
        "The backup of every host is proved.",
        ".",
        "..",
        ".dot",
        "From the first line on",
        ">From the second",
        "größer als 备份, バックアップ",
        "y" * 3000,
        "trailing blanks   ",
        "",
        "The end.",
        "",
    )
)
REPORT = {
    "subject": "备份报告: größer, and long enough to be folded more than once on its way to whoever reads it in the morning, 全部通过",
    "body": TEXT,
    "html": "<html><body><h1>备份</h1><p>%s</p></body></html>" % ("no line break at all " * 200),
    "attach": [
        {"name": "résumé 备份.bin", "content_b64": base64.b64encode(BINARY).decode("ascii")},
        {"name": 'a;b="c" d\'.csv', "content": "a,b\r\n.\r\nü,2\n"},
        {"name": "empty.txt", "content": ""},
    ],
}


def attached() -> t.List[bytes]:
    """What the attachments of REPORT hold."""
    return [base64.b64decode(item["content_b64"]) if "content_b64" in item else item["content"].encode() for item in REPORT["attach"]]


def planted() -> t.List[bytes]:
    """Mail that nobody's program should have written, and that is put into the mailboxes of ``store`` as it is."""
    head = b"From: Somebody <somebody@example.com>\r\nTo: ops@example.com\r\nDate: Mon, 02 Mar 2026 10:00:00 +0100\r\nSubject: "
    chinese = "备份完成".encode("gb18030")
    inner = head + b"inner\r\n\r\ninner text\r\n"
    evil = (
        head + b'evil\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nsee the file\r\n'
        b'--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="../../../../tmp/evil"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\nZXZpbA==\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--b--\r\n"
    )
    return [
        head + b"plain\r\n\r\nFrom the start\r\n.\r\n..\r\n>From it\r\n>>From it\r\n\r\nFrom again\r\n",
        head + chinese + b'\r\nContent-Type: text/plain; charset="us-ascii"\r\n\r\n' + chinese + b"\r\n",
        head + b"long\r\n\r\n" + b"z" * 100000 + b"\r\n.\r\n",
        head + b"raises\r\nMessage-ID: <[x@y]>\r\nContent-Type: text/plain; charset=no-such-charset\r\nFrom: =?utf-8?b?A?=\r\n\r\ntext\r\n",
        evil,
        b"\r\nno header at all\r\n",
        head + b"no body",
    ]


def main() -> int:
    """0 when all is well; the exit status of ansible-playbook when that is not."""
    with tempfile.TemporaryDirectory(prefix="mail_servers.") as name:
        # Servers come into it as users of their own.
        folder = Path(name).resolve()
        folder.chmod(0o755)
        stack = contextlib.ExitStack()
        try:
            servers = stack.enter_context(MailServers(folder / "servers", [*WAYS, *MORE]))
        except NotToBeHad as error:
            print("FLEETPROOF SKIP mail_servers Postfix and Dovecot: %s (test bed)" % error, flush=True)
            return 0
        with stack, socket.socket() as unused:
            # bound and never listened on, so that nobody else does
            unused.bind(("127.0.0.1", 0))
            for user in MORE:
                if MORE[user][1] in ("store", "folders"):
                    for raw in planted():
                        servers.deliver(address(user), raw)
            witness = Witness(folder / "work", servers)
            witness.make_folder("imap-folders", FOLDER)
            status = run(folder, servers, unused.getsockname()[1])
            if not status:
                witness.tell()
            return status


def address(user: str) -> str:
    """Which is the name that the user logs in by as well."""
    return user + "@bed.test"


def run(folder: Path, servers: MailServers, unused: int) -> int:
    """Write the inventory and run the playbook."""
    hosts: t.Dict[str, t.Dict[str, t.Any]] = {}
    for number, (name, (protocol, host, tls, auth)) in enumerate(WAYS.items()):
        # Mail is sent by either way of encryption, too.
        send = ("starttls", "implicit")[number % 2]
        hosts[name] = {"protocol": protocol, "box_host": HOSTS[host], "tls": tls, "auth": auth, "send_tls": send, "parts": ["report"]}
    for name, (protocol, part) in MORE.items():
        hosts[name] = {"protocol": protocol, "box_host": HOSTS["good"], "tls": "implicit", "auth": "auto", "send_tls": "implicit", "parts": [part]}
        if part == "errors":
            hosts[name]["failures"] = failures(protocol, servers, unused)
    for name, host in hosts.items():
        host["maildir"] = str(servers.maildir(address(name)))
        host["user"] = address(name)
        host["box_port"] = servers.ports[PORTS[host["protocol"], host["tls"]]]
        host["send_port"] = servers.ports[PORTS["smtp", host["send_tls"]]]
        host["token"] = servers.token(address(name)) if host["auth"] == "xoauth2" else ""
    shared = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        # "~" is the HOME of the environment to who writes there, and that of the passwd file to who reads
        "ansible_async_dir": str(folder / "async"),
        "ca": str(servers.certificates / "ca.pem"),
        "password": PASSWORD,
        "smtp_host": HOSTS["good"],
        "ports": servers.ports,
        "work": str(folder / "work"),
        "log": str(servers.place.folder / "log" / "dovecot"),
        "report": REPORT,
        "folder": FOLDER,
        "digests": [hashlib.sha256(data).hexdigest() for data in attached()],
        "planted": len(planted()),
    }
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": shared}}), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), "-f", str(len(hosts)), "site.yml", *sys.argv[1:]]
    environ = {**os.environ, "ANSIBLE_REMOTE_TEMP": str(folder / "tmp"), "ANSIBLE_PIPELINING": "true", "XDG_STATE_HOME": str(folder / "state")}
    return subprocess.run(command, check=False, env=environ, stdin=subprocess.DEVNULL).returncode


def failures(protocol: str, servers: MailServers, unused: int) -> t.List[t.Dict[str, t.Any]]:
    """What goes wrong, with the kind of the error and a word of its sentence."""

    def case(name: str, kind: str, says: str, host: str = "good", tls: str = "implicit", **more: t.Any) -> t.Dict[str, t.Any]:
        port = servers.ports[PORTS.get((protocol, tls), "smtp")]
        return {"name": name, "kind": kind, "says": says, "host": HOSTS[host], "port": port, "tls": tls, "auth": "auto", "password": PASSWORD, **more}

    found = [
        case("wrong password", "auth", "password|login|log in|authenticat", password="not the password"),
        case("nobody listens", "connect", "refused", port=unused),
        case("clear text where TLS is spoken", "tls", "TLS", port=servers.ports[PORTS[protocol, "starttls"]]),
    ]
    for tls in ("implicit", "starttls"):
        found.append(case("certificate of another name, %s" % tls, "tls", "127.0.0.3", "wrong_name", tls))
        found.append(case("expired certificate, %s" % tls, "tls", "expired", "expired", tls))
        found.append(case("certificate of an unknown authority, %s" % tls, "tls", "issuer|authorit", "unknown_ca", tls))
    if protocol != "smtp":
        found.append(case("a password in clear text", "auth", "does not offer|disallowed|clear text", "strict", "none", auth="plain"))
    return found


class Witness:
    """Reads what servers and modules have written, and finds the same; every difference is an AssertionError."""

    def __init__(self, work: Path, servers: MailServers) -> None:
        self.work = work
        self.servers = servers
        self.context = ssl.create_default_context(cafile=str(servers.certificates / "ca.pem"))

    def tell(self) -> None:
        """Look at everything."""
        for name in WAYS:
            self.one_report(name)
        for protocol in ("pop3", "imap"):
            self.stored(protocol)
        self.folders()
        print("What was sent, what the server has, what was fetched, and what poplib and imaplib read are the same.", flush=True)

    def one_report(self, name: str) -> None:
        """One mail was sent, is in the Maildir of the server, and was fetched once: the same octets everywhere, and the same report."""
        (there,) = self.servers.stored(address(name))
        (here,) = read_maildir(self.work / name / "mail")
        assert lines(here) == lines(there), name
        by_pop, by_imap = self.by_pop(name), self.by_imap(name)
        assert [lines(raw) for raw in by_pop] == [lines(raw) for raw in by_imap] == [lines(there)], name
        sent = email.message_from_bytes(lines((self.work / name / "sent.eml").read_bytes()), policy=email.policy.default)
        read = email.message_from_bytes(lines(here), policy=email.policy.default)
        assert parts_of(sent) == parts_of(read), name
        assert read["Subject"] == REPORT["subject"], name
        saved = [path.read_bytes() for path in (self.work / name / "attachments").rglob("*") if path.is_file()]
        assert sorted(saved) == sorted(attached()), name

    def stored(self, protocol: str) -> None:
        """All that was planted is in each kind of store, once, and the mail that was to be deleted is gone."""
        place = self.work / (protocol + "-store")
        wanted = sorted(ended(raw) for raw in planted())
        assert sorted(ended(raw) for raw in read_maildir(place / "maildir")) == wanted, protocol
        assert sorted(ended(path.read_bytes()) for path in (place / "eml").glob("*.eml")) == wanted, protocol
        assert sorted(ended(raw) for raw in read_mboxrd(place / "mbox")) == wanted, protocol
        assert self.servers.stored(address(protocol + "-store")) == [], protocol
        names = [path.relative_to(place / "attachments") for path in (place / "attachments").rglob("*") if path.is_file()]
        assert any((place / "attachments" / path).read_bytes() == b"evil" for path in names), names
        assert not Path("/tmp/evil").exists()

    def folders(self) -> None:
        """What was fetched is marked as seen or moved."""
        name = "imap-folders"
        with imaplib.IMAP4_SSL(HOSTS["good"], self.servers.ports["imaps"], ssl_context=self.context) as box:
            box.login(address(name), PASSWORD)
            assert box.select("INBOX", readonly=True)[1] == [b"0"]
            assert box.select(FOLDER, readonly=True)[1] == [str(len(planted())).encode()]
            assert len(box.search(None, "SEEN")[1][0].split()) == len(planted())

    def make_folder(self, name: str, folder: str) -> None:
        """A mailbox beside INBOX."""
        with imaplib.IMAP4_SSL(HOSTS["good"], self.servers.ports["imaps"], ssl_context=self.context) as box:
            box.login(address(name), PASSWORD)
            assert box.create(folder)[0] == "OK"

    def by_pop(self, name: str) -> t.List[bytes]:
        """All messages, by poplib (whose lines may not be long)."""
        box = poplib.POP3_SSL(HOSTS["good"], self.servers.ports["pop3s"], context=self.context)
        try:
            box.user(address(name))
            box.pass_(PASSWORD)
            return [b"\r\n".join(box.retr(number + 1)[1]) + b"\r\n" for number in range(box.stat()[0])]
        finally:
            box.quit()

    def by_imap(self, name: str) -> t.List[bytes]:
        """All messages, by imaplib."""
        with imaplib.IMAP4_SSL(HOSTS["good"], self.servers.ports["imaps"], ssl_context=self.context) as box:
            box.login(address(name), PASSWORD)
            box.select("INBOX", readonly=True)
            return [item[1] for item in box.fetch("1:*", "(BODY.PEEK[])")[1] if isinstance(item, tuple)]


def lines(raw: bytes) -> bytes:
    """A message with the line ends of this system."""
    return raw.replace(b"\r\n", b"\n")


def ended(raw: bytes) -> bytes:
    """The same with its last line ended: neither POP3 nor an mbox can tell whether it was."""
    return lines(raw) if raw.endswith(b"\n") else lines(raw) + b"\n"


def read_maildir(folder: Path) -> t.List[bytes]:
    """By the standard library, which sees nothing of tmp."""
    box = mailbox.Maildir(str(folder), create=False)
    return [box.get_bytes(key) for key in box.iterkeys()]


def read_mboxrd(path: Path) -> t.List[bytes]:
    """The messages of an mbox; the standard library undoes no quoting of ``From``."""
    found: t.List[t.List[bytes]] = []
    previous = b"\n"
    for line in path.read_bytes().splitlines(True):
        if line.startswith(b"From ") and previous == b"\n":
            found.append([])
        else:
            found[-1].append(line[1:] if line.startswith(b">") and line.lstrip(b">").startswith(b"From ") else line)
        previous = line
    # an empty line ends each
    return [b"".join(message[:-1]) for message in found]


def parts_of(message: email.message.Message) -> t.List[t.Tuple[t.Optional[str], bytes]]:
    """Names and contents of all leaves."""
    return [(part.get_filename(), part.get_payload(decode=True)) for part in message.walk() if not part.is_multipart()]


if __name__ == "__main__":
    sys.exit(main())
