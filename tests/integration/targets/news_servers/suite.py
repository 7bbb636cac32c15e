# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One suite for INN: site.yml with a host for each way to it, all at work side by side.

What the modules have done is looked at again in the spool of the server when the playbook has ended.
Nothing outside a temporary directory is touched. Where INN cannot be had this is told as a skip.
"""

from __future__ import annotations

import contextlib
import email
import email.policy
import json
import mailbox
import os
import socket
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

COLLECTION = Path(os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)[0]) / "ansible_collections" / "fleetproof" / "backup"
sys.path.insert(0, str(COLLECTION / "tests" / "testbed"))

from news_real import HOSTS, PASSWORD, USERNAME, NewsServers  # noqa: E402
from unpacked import NotToBeHad  # noqa: E402

# Each way to the news: port, tls.
WAYS = {
    # says 401 until MODE READER, offers STARTTLS and asks for a login only after it
    "innd-plain": ("innd", "none"),
    "innd-starttls": ("innd", "starttls"),
    "nnrpd-plain": ("nntp", "none"),
    "nnrpd-starttls": ("nntp", "starttls"),
    "nnrpd-implicit": ("nntps", "implicit"),
}
GROUP = "test.reports"
# What is posted, with lines that the protocol has to take care of
BODY = ".\n..\n.dot\nFrom the first line on\n-- \ngrößer als 备份\n%s\nThe end.\n" % ("y" * 2000)


def article(name: str, subject: str, body: bytes, more: str = "") -> bytes:
    """As another server would hand it over."""
    head = "Path: far.example!not-for-mail\nFrom: %s <%s@example.com>\nNewsgroups: %s\nSubject: %s\n"
    head += "Date: Mon, 02 Mar 2026 10:00:00 +0000\nMessage-ID: <%s@far.example>\n"
    who = "alice" if "web" in subject else "bob"
    return (head % (who, who, GROUP, subject, name) + more).replace("\n", "\r\n").encode("ascii") + b"\r\n" + body.replace(b"\n", b"\r\n")


def planted() -> t.List[bytes]:
    """The articles of GROUP, which gets no other."""
    chinese = "备份完成".encode("gb18030")
    quoted = b"Alice wrote:\n> Is it done?\n> > Not yet.\n\n\nIt is done.\n>>> print('kept')\nkept\n"
    return [
        article("root", "backup of web1", b"Is it done?\n"),
        article("reply", "Re: backup of web1", quoted, "References: <root@far.example>\n"),
        article("chinese", "=?gb2312?B?sbi33c3qs8k=?=", chinese + b"\n", 'Content-Type: text/plain; charset="us-ascii"\n'),
        article("dots", "dots and length", b".\n..\n.dot\nFrom the first\n" + b"z" * 20000 + b"\n.\n"),
        article("long", "thirty lines", b"".join(b"line %d\n\n\n" % number for number in range(30))),
        article("again", "Re: Re: backup of web1", b"Thank you.\n", "References: <root@far.example>\n <reply@far.example>\n"),
        article("other", "restore of db1", b"The restore drill of db1 is done, and took a minute.\n"),
    ]


def main() -> int:
    """0 when all is well; the exit status of ansible-playbook when that is not."""
    with tempfile.TemporaryDirectory(prefix="news_servers.") as name:
        # The server comes into it as a user of its own.
        folder = Path(name).resolve()
        folder.chmod(0o755)
        stack = contextlib.ExitStack()
        try:
            servers = stack.enter_context(NewsServers(folder / "servers", [own_group(way) for way in WAYS]))
        except NotToBeHad as error:
            print("FLEETPROOF SKIP news_servers INN: %s (test bed)" % error, flush=True)
            return 0
        with stack, socket.socket() as unused:
            # bound and never listened on, so that nobody else does
            unused.bind(("127.0.0.1", 0))
            servers.feed(planted())
            status = run(folder, servers, unused.getsockname()[1])
            if not status:
                witness(folder / "work", servers)
            return status


def own_group(way: str) -> str:
    """The group that one host posts to."""
    return "test.%s" % way


def run(folder: Path, servers: NewsServers, unused: int) -> int:
    """Write the inventory and run the playbook."""
    hosts: t.Dict[str, t.Dict[str, t.Any]] = {}
    for name, (port, tls) in WAYS.items():
        hosts[name] = {"news_port": servers.ports[port], "tls": tls, "own_group": own_group(name), "parts": ["look", "fetch", "post"]}
    hosts["errors"] = {"news_port": servers.ports["nntps"], "tls": "implicit", "parts": ["errors", "refused"], "failures": failures(servers, unused)}
    shared = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "ca": str(servers.certificates / "ca.pem"),
        "news_host": HOSTS["good"],
        "username": USERNAME,
        "password": PASSWORD,
        "group": GROUP,
        "body": BODY,
        "innd_port": servers.ports["innd"],
        "work": str(folder / "work"),
        "planted": len(planted()),
    }
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": shared}}), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), "-f", str(len(hosts)), "site.yml", *sys.argv[1:]]
    environ = {**os.environ, "ANSIBLE_REMOTE_TEMP": str(folder / "tmp"), "ANSIBLE_PIPELINING": "true", "XDG_STATE_HOME": str(folder / "state")}
    return subprocess.run(command, check=False, env=environ, stdin=subprocess.DEVNULL).returncode


def failures(servers: NewsServers, unused: int) -> t.List[t.Dict[str, t.Any]]:
    """What goes wrong, with the kind of the error and a word of its sentence."""

    def case(name: str, kind: str, says: str, host: str = "good", tls: str = "implicit", **more: t.Any) -> t.Dict[str, t.Any]:
        usual = {"port": servers.ports["nntps" if tls == "implicit" else "nntp"], "username": USERNAME, "password": PASSWORD, "group": GROUP}
        return {"name": name, "kind": kind, "says": says, "host": HOSTS[host], "tls": tls, **usual, **more}

    found = [
        case("wrong password", "auth", "password|log in|login|authenticat", password="not the password"),
        case("no login", "auth", "username", username="", password=""),
        case("no such group", "not_found", "no.such.group", group="no.such.group"),
        case("nobody listens", "connect", "refused", port=unused),
        case("clear text where TLS is spoken", "tls", "TLS", port=servers.ports["nntp"]),
    ]
    for tls in ("implicit", "starttls"):
        found.append(case("certificate of another name, %s" % tls, "tls", "127.0.0.3", "wrong_name", tls))
        found.append(case("expired certificate, %s" % tls, "tls", "expired", "expired", tls))
        found.append(case("certificate of an unknown authority, %s" % tls, "tls", "issuer|authorit", "unknown_ca", tls))
    return found


def witness(work: Path, servers: NewsServers) -> None:
    """What was fetched is what is in the spool, octet by octet, and what was posted is there once; every difference is an AssertionError."""
    spool = sorted(lines(raw) for raw in servers.stored(GROUP))
    assert len(spool) == len(planted())
    for way in WAYS:
        box = mailbox.Maildir(str(work / way / "news"), create=False)
        assert sorted(lines(box.get_bytes(key)) for key in box.iterkeys()) == spool, way
        report, answer = (email.message_from_bytes(raw, policy=email.policy.default) for raw in servers.stored(own_group(way)))
        assert report["Subject"] == "备份报告 of %s" % way, way
        assert answer["References"] == report["Message-ID"], way
        assert answer["Subject"] == "Re: " + report["Subject"], way
        assert "> .dot" in answer.get_content().splitlines(), way
    assert servers.stored("local.announce") == []
    print("What was fetched is what INN has in its spool, and what was posted is there once.", flush=True)


def lines(raw: bytes) -> bytes:
    """An article with the line ends of this system."""
    return raw.replace(b"\r\n", b"\n")


if __name__ == "__main__":
    sys.exit(main())
