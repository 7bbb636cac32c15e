# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The news server that people run: INN, with groups of its own and no other server to talk to.

    python news_real.py DIRECTORY [--while PATH] [--lifetime SECONDS]

listens on free ports of loopback addresses and writes ``DIRECTORY/news_servers.json`` once all of it answers:

    {"ca": …, "username": …, "password": …, "groups": [name, …],
     "hosts": {"good", "wrong_name", "expired", "unknown_ca"}, "ports": {"innd", "nntp", "nntps"}}

``innd`` (at the host ``good`` alone) says 401 to whoever has not sent MODE READER, as INN does when nobody
has changed what it brings; there anybody may read, and who has logged in may post. At ``nntp`` and ``nntps``
nothing is shown before a login. STARTTLS is offered at ``innd`` and ``nntp``. The other hosts show that certificate.
It ends as ftpd.py does. Root, Linux and apt-get are needed.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import sys
import typing as t

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from certificates import NAMES, make_certificates
from secluded import Secluded, free_ports, password_hash
from serving import parser, tell, wait
from unpacked import NotToBeHad

DOMAIN = "bed.test"
USERNAME, PASSWORD = "fleet", "correct horse"
HOSTS = {"good": "127.0.0.1", "wrong_name": "127.0.0.3", "expired": "127.0.0.4", "unknown_ca": "127.0.0.5"}
PORTS = ("innd", "nntp", "nntps")
# Each group with its flag (y: may be posted to, n: not by readers, m: moderated) and what it is for.
GROUPS = {
    "test.reports": ("y", "Backup reports"),
    "test.drills": ("y", "Restore drills"),
    "test.empty": ("y", "Nothing is ever said here"),
    "local.announce": ("n", "Nobody may write here"),
    "local.moderated": ("m", "A moderator reads it first (Moderated)"),
}
BINARIES = "/usr/lib/news/bin"
LARGEST = 8 * 1024 * 1024  # bytes of one article

# An article is to be seen as soon as it is taken (icdsynccount), however old it says it is (artcutoff); a machine that runs tests
# has much to do, which is no reason to turn readers away (nnrploadlimit).
_CONF = """
mta: "/bin/false %s"
organization: "test bed"
ovmethod: tradindexed
enableoverview: true
hismethod: hisv6
pathhost: news.{domain}
domain: {domain}
pathnews: {folder}
pathbin: {binaries}
pathcontrol: {binaries}/control
pathfilter: {folder}/etc/filter
pathetc: {folder}/etc
pathdb: {folder}/db
pathrun: {folder}/run
pathlog: {folder}/log
pathtmp: {folder}/tmp
pathspool: {folder}/spool
patharticles: {folder}/spool/articles
pathoverview: {folder}/spool/overview
pathincoming: {folder}/spool/incoming
pathoutgoing: {folder}/spool/outgoing
patharchive: {folder}/tmp
pathhttp: {folder}/http
bindaddress: 127.0.0.1
port: {innd}
runasuser: news
runasgroup: news
noreader: false
allownewnews: true
artcutoff: 0
nnrpdloadlimit: 0
icdsynccount: 1
nnrploadlimit: 0
maxartsize: {largest}
localmaxartsize: {largest}
rlimitnofile: 256
tlscertfile: {certificate}.pem
tlskeyfile: {certificate}.key
tlscafile: {tls}/ca.pem
tlscapath: {tls}
"""
_AUTH = """
auth "password" {{
    hosts: "*"
    auth: "ckpasswd -f {folder}/etc/passwd.nntp"
    default: "<anonymous>"
}}
access "known" {{
    users: "{username}"
    newsgroups: "*"
    access: RPN
}}
"""
_ANYBODY = """
access "anybody" {
    users: "<anonymous>"
    read: "*"
    access: RN
}
"""
# Of the configuration that the package brings
_FROM_PACKAGE = ("control.ctl", "incoming.conf", "moderators", "distrib.pats", "expire.ctl", "subscriptions", "localgroups", "inn-secrets.conf")
_FOLDERS = (
    "etc",
    "etc/filter",
    "db",
    "run",
    "log",
    "tmp",
    "http",
    "spool",
    *("spool/" + name for name in ("articles", "overview", "incoming", "outgoing", "archive")),
)


class NewsServers:
    """INN; raises NotToBeHad where this machine cannot have it."""

    def __init__(self, directory: t.Union[str, pathlib.Path], groups: t.Sequence[str] = ()) -> None:
        """``groups``: names of more that may be posted to."""
        self.directory = pathlib.Path(directory).resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        self.place = Secluded(self.directory / "news_servers", ("inn",), ("news", "usenet"))
        self.certificates = make_certificates(self.directory / "tls", (*NAMES, *HOSTS.values()))
        self.ports = dict(zip(PORTS, free_ports(len(PORTS))))
        self.groups = {**GROUPS, **dict.fromkeys(groups, ("y", "A group for one test"))}

    def start(self) -> NewsServers:
        """Start it; raises RuntimeError when it does not come up."""
        self._write()
        folder = self.place.folder
        settled = "setpriv --reuid news --regid news --clear-groups env INNCONF='%s/etc/%s.conf' %s/%s"
        commands = ["cd '%s/db'" % folder, settled % (folder, "good", BINARIES, "makedbz -i -o")]
        commands.append(settled % (folder, "good", BINARIES, "innd -f </dev/null &"))
        for host, address in HOSTS.items():
            for port, how in (("nntp", ""), ("nntps", " -S")):
                command = "nnrpd -f -D%s -c '%s/etc/closed.conf' -b %s -p %d </dev/null &" % (how, folder, address, self.ports[port])
                commands.append(settled % (folder, host, BINARIES, command))
        self.place.start(commands)
        listeners = [(address, self.ports[port]) for address in HOSTS.values() for port in ("nntp", "nntps")]
        self.place.wait_for("INN", [(HOSTS["good"], self.ports["innd"]), *listeners])
        return self

    def stop(self) -> None:
        """End it."""
        self.place.stop()

    def __enter__(self) -> NewsServers:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def facts(self) -> t.Dict[str, t.Any]:
        """Where it is to be found."""
        return {
            "ca": str(self.certificates / "ca.pem"),
            "username": USERNAME,
            "password": PASSWORD,
            "groups": list(self.groups),
            "hosts": HOSTS,
            "ports": self.ports,
            "pid": os.getpid(),
        }

    def feed(self, articles: t.Iterable[bytes]) -> None:
        """Give articles to it as another server does (RFC 3977 6.3.2), whole, with CRLF; raises RuntimeError when one is not taken."""
        with socket.create_connection((HOSTS["good"], self.ports["innd"]), 10) as sock, sock.makefile("rwb") as stream:

            def ask(data: bytes, wanted: bytes) -> None:
                stream.write(data)
                stream.flush()
                reply = stream.readline()
                if not reply.startswith(wanted):
                    raise RuntimeError("INN does not take an article: %r" % reply)

            ask(b"", b"20")
            for raw in articles:
                message_id = next(line for line in raw.split(b"\r\n") if line.lower().startswith(b"message-id:")).split()[1]
                ask(b"IHAVE " + message_id + b"\r\n", b"335")
                ask(b"".join((b"." if line.startswith(b".") else b"") + line for line in raw.splitlines(True)) + b".\r\n", b"235")

    def stored(self, group: str) -> t.List[bytes]:
        """The articles of a group, by number. INN keeps them as they go over the wire (RFC 3977 3.1.1); that is undone here."""
        folder = self.place.folder / "spool" / "articles" / group.replace(".", "/")
        paths = sorted((path for path in folder.glob("*") if path.name.isdigit()), key=lambda path: int(path.name))
        lines = (path.read_bytes().splitlines(True)[:-1] for path in paths)
        return [b"".join(line[1:] if line.startswith(b".") else line for line in article) for article in lines]

    def _write(self) -> None:
        write, folder = self.place.write, self.place.folder
        for name in _FOLDERS:
            self.place.make(name, "news")
        tls = self.place.make("tls", "news", 0o700)
        for name in HOSTS:
            for suffix in (".pem", ".key"):
                # INN wants the key to be its own, and nobody else's.
                write("tls/" + name + suffix, (self.certificates / (name + suffix)).read_text(encoding="ascii"), "news", 0o600)
            words = {"domain": DOMAIN, "folder": folder, "binaries": BINARIES, "largest": LARGEST, "tls": self.certificates, "innd": self.ports["innd"]}
            write("etc/%s.conf" % name, _CONF.format(certificate=tls / name, **words))
        for name in _FROM_PACKAGE:
            shutil.copyfile(self.place.packages[0] / "etc/news" / name, folder / "etc" / name)
        write("etc/newsfeeds", "ME:!*::\n")
        write("etc/storage.conf", "method tradspool {\n    newsgroups: *\n    class: 0\n}\n")
        closed = _AUTH.format(folder=folder, username=USERNAME)
        write("etc/closed.conf", closed)
        write("etc/readers.conf", closed + _ANYBODY)
        write("etc/passwd.nntp", "%s:%s\n" % (USERNAME, password_hash(PASSWORD)), "news", 0o600)
        own = {"control": "n", "control.cancel": "n", "junk": "n"}
        active = {**own, **{name: flag for name, (flag, _what) in self.groups.items()}}
        write("db/active", "".join("%s 0000000000 0000000001 %s\n" % pair for pair in active.items()), "news")
        write("db/newsgroups", "".join("%s\t%s\n" % (name, what) for name, (_flag, what) in self.groups.items()), "news")
        for name in ("active.times", "history"):
            write("db/" + name, "", "news")


def main() -> None:
    """The command."""
    options = parser("INN for tests, on loopback.").parse_args()
    try:
        with NewsServers(options.directory) as servers:
            tell(servers.directory / "news_servers.json", servers.facts())
            wait(options)
    except NotToBeHad as error:
        sys.exit("INN cannot be had: %s" % error)


if __name__ == "__main__":
    main()
