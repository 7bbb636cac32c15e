# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection at work: eight hosts on this machine, nine faults, an FTP server, mail servers, the report, the repair.

Started by ``make demo``. What it makes goes to demo-output/; real directories of this machine are copied
and never changed. Ends with 0 only if the report named every planted fault and nothing else, the mail
arrived and is the same when it is fetched again, and nothing was left to find after the repair.
"""

from __future__ import annotations

import contextlib
import email
import email.policy
import hashlib
import json
import logging
import os
import shutil
import signal
import sys
import typing as t
from pathlib import Path
from smtpd import USERS as PASSWORDS
from smtpd import SmtpServer

import faults
import fleet
from ftpd import USERS, FtpServer
from imapd import ImapServer
from playbook import run_playbook
from popd import PopServer
from screen import GREEN, RED, Screen

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "demo-output"
HOSTS = ("web1", "web2", "db1", "mail1", "files1", "files2", "build1", "edge1")
# A page of the mail's text on the screen.
MAIL_LINES = 30
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BYTES_PER_HOST = 12 * 1024 * 1024
MAX_AGE = "26h"
# Who mirrors what of the FTP server, and as whom: one who may read and nothing else.
MIRRORS = {"web1": "releases", "build1": "nightly"}
READER = "reader"
# Who reads the mail, and where a probe of the mail goes round with each run.
NIGHT_SHIFT = "night.shift@fleet.test"
PROBE = "probe@fleet.test"
PROVING = "mail1"
MAILMAN = "fleet"
# What says that demo-output/ is ours to remove.
MARKER = "made-by-make-demo"


class DemoFailed(Exception):
    """One sentence: what did not come out as it should."""


class Demo:
    """The story, step by step; what a step learns is kept here."""

    def __init__(self, screen: Screen, server: SmtpServer, mailboxes: t.Mapping[str, t.Union[ImapServer, PopServer]], site: FtpServer) -> None:
        self.screen = screen
        self.server = server
        # by protocol; both serve the same mailbox
        self.mailboxes = mailboxes
        self.site = site
        self.report = OUTPUT / "report"
        self.sent = OUTPUT / "report-as-sent.eml"
        self.plants: t.List[faults.Plant] = []
        self.heal: t.List[t.Callable[[], None]] = []
        self.skipped: t.List[str] = []

    def make_fleet(self) -> None:
        """Eight hosts with real data."""
        self.screen.step("Making eight hosts on this machine, each with a real directory of it as its data")
        self.fleet = fleet.build(OUTPUT / "hosts", HOSTS, BYTES_PER_HOST)
        rows = []
        for host in self.fleet.hosts:
            files = [path for path in host.src.rglob("*") if path.is_file() and not path.is_symlink()]
            size = sum(path.stat().st_size for path in files)
            rows.append((host.name, host.pair, "%.1f MiB" % (size / 2**20), "%d files" % len(files), "from %s" % host.origin))
        self.screen.table(("host", "backup", "size", "files", "real data"), rows)
        fleet.build_site(self.site.root, list(MIRRORS.values()))
        for name, mirror in MIRRORS.items():
            self.fleet.host(name).mirrors.append(mirror)
        self.screen.say("Besides, %s, over TLS." % " and ".join("%s mirrors %s of the FTP server" % pair for pair in MIRRORS.items()))
        self.fleet.host(PROVING).variables["mail_roundtrip_routes"] = [self.route("mail by POP3", "pop3", to=PROBE)]
        self.screen.say("And %s sends a mail to itself with each run, to prove that reports arrive." % PROVING)

    def route(self, name: str, protocol: str, **more: t.Any) -> t.Dict[str, t.Any]:
        """A way of mail that is to be proved."""
        box = self.mailboxes[protocol]
        return {"name": name, "protocol": protocol, "fetch": {"host": box.host, "port": box.tls_port, "ca_path": box.ca}, **more}

    def plant(self) -> None:
        """Break things, and remember what was broken."""
        self.screen.step("Breaking the backups on purpose, and one host")
        host = self.fleet.host
        self.plants = [
            faults.missing_file(host("web2")),
            faults.extra_file(host("web2")),
            faults.flipped_bit(host("db1")),
            faults.truncated_file(host("mail1")),
            faults.link_turned_into_a_file(host("files1")),
            faults.stale_backup(host("files2")),
        ]
        try:
            plant, heal = faults.unreadable_directory(host("build1"))
            self.plants.append(plant)
            self.heal.append(heal)
        except PermissionError as error:
            self.skipped.append("The unreadable directory on build1 was not planted: %s." % error)
        plant, heal = faults.name_that_leads_away(host("build1"), self.site.root / MIRRORS["build1"], MIRRORS["build1"])
        self.plants.append(plant)
        self.heal.append(heal)
        fleet.silence(host("edge1"))
        self.plants.append(faults.Plant("edge1", "the host does not answer", "unreachable"))
        self.screen.table(("host", "what was done to it", "where"), [(plant.host, plant.fault, ", ".join(plant.paths)) for plant in self.plants])
        for text in self.skipped:
            self.screen.say("SKIPPED: " + text)
        self.screen.say("web1 was left alone, and so was its mirror.")

    def run(self, playbook: str, log: str, **variables: t.Any) -> int:
        """Run a playbook of the collection on the fleet; returns its exit status."""
        inventory = self.fleet.write_inventory(
            {
                "backup_verify_max_age": MAX_AGE,
                "ftp_mirror_host": self.site.host,
                "ftp_mirror_port": self.site.explicit_port,
                "ftp_mirror_username": READER,
                "ftp_mirror_password": USERS[READER],
                "ftp_mirror_ca_path": self.site.ca,
                "ftp_mirror_max_age": MAX_AGE,
                "backup_report_dest": str(self.report),
                "backup_report_title": "Demo fleet",
                "mail_roundtrip_from": "backups@fleet.test",
                "mail_roundtrip_smtp": {"host": self.server.host, "port": self.server.port, "ca_path": self.server.ca},
                "mail_roundtrip_fetch": {"username": MAILMAN, "password": PASSWORDS[MAILMAN]},
                "backup_report_mail_to": [NIGHT_SHIFT],
                "backup_report_mail_from": "backups@fleet.test",
                "backup_report_mail_host": self.server.host,
                "backup_report_mail_port": self.server.port,
                "backup_report_mail_ca_path": self.server.ca,
                "backup_report_mail_ledger": str(OUTPUT / "ledger"),
                "backup_report_mail_save_to": str(self.sent),
            }
        )
        extra = " ".join("-e %s=%s" % (name, json.dumps(value)) for name, value in variables.items())
        self.screen.say("$ ansible-playbook fleetproof.backup.%s -i %s %s" % (playbook, shown(inventory), extra))
        run = run_playbook(playbook, inventory, OUTPUT / "ansible", variables, log=OUTPUT / log)
        self.screen.say("Exit status %d; all that Ansible said is in %s" % (run.status, shown(OUTPUT / log)))
        return run.status

    def back_up(self) -> None:
        """The first backups, by the collection itself."""
        self.screen.step("Making the first backup of each host and the mirrors, and verifying them")
        status = self.run("sync_backups", "1-first-backup.log", backup_report_mail_to=[], backup_report_charts=False)
        if status or any(row["verdict"] != "good" for row in self.verdicts().values()):
            raise DemoFailed("The first backups are not good; see 1-first-backup.log")
        self.screen.say("All %d backups and %d mirrors are good, and mail comes through." % (len(HOSTS), len(MIRRORS)))

    def find(self) -> None:
        """The run that has to find what was planted."""
        self.screen.step("Verifying the fleet")
        status = self.run("verify_backups", "2-verify.log")
        shutil.copyfile(self.report / "backups.html", OUTPUT / "faults-found.html")
        self.show_verdicts()
        self.check_against_plants()
        if status == 0:
            raise DemoFailed("The playbook ended well although hosts are bad; see 2-verify.log")
        self.screen.say("The playbook ended failed, as it has to when a host is bad, so that a scheduler notices as well.")

    def read_mail(self) -> None:
        """The mail about it, as the server got it."""
        received = [mail for mail in self.server.messages() if NIGHT_SHIFT in mail.envelope["rcpt_tos"]]
        if len(received) != 1:
            raise DemoFailed("%d mails arrived instead of one" % len(received))
        self.screen.step("Reading the mail that the server received")
        message = received[0].message
        tls = received[0].envelope["tls"]
        self.screen.lines("%s: %s" % (name, message[name]) for name in ("Date", "From", "To", "Subject", "Message-ID"))
        line = "%s %s" % (tls[1], tls[0]) if tls else "an open line"
        self.screen.lines(["Sent over %s to %s" % (line, ", ".join(received[0].envelope["rcpt_tos"])), "", "Its parts:"])
        self.screen.lines(mail_structure(message), indent=4)
        text = message.get_body(("plain",))
        lines = text.get_content().rstrip().splitlines() if text else []
        self.screen.lines(["", "Its text, for mail programs without HTML:"])
        self.screen.lines(("| " + line for line in lines[:MAIL_LINES]), indent=4)
        if len(lines) > MAIL_LINES:
            self.screen.lines(["... and %d lines more" % (len(lines) - MAIL_LINES)], indent=4)
        types = [part.get_content_type() for part in message.walk()]
        if not lines or not tls or not {"text/html", "image/png", XLSX} <= set(types):
            raise DemoFailed("The mail lacks its text, its page, its pictures, its table or its encryption: %s" % ", ".join(types))

    def fetch_again(self) -> None:
        """The same mail, fetched by each protocol and held against what was sent."""
        self.screen.step("Fetching the mailed report again, by IMAP and by POP3, and holding it against what was sent")
        routes = [self.route("the report by %s" % protocol.upper(), protocol, sent=str(self.sent)) for protocol in self.mailboxes]
        place = OUTPUT / "mail-report"
        status = self.run(
            "mail_roundtrip",
            "3-mail.log",
            mail_roundtrip_hosts=PROVING,
            mail_roundtrip_routes=routes,
            backup_report_dest=str(place),
            backup_report_charts=False,
            backup_report_mail_to=[],
        )
        rows = self.verdicts(place)
        self.show_verdicts(rows)
        proved = {pair["name"]: pair for pair in rows[PROVING]["pairs"] if pair["source"] == "mail_roundtrip"}
        if status or set(proved) != {route["name"] for route in routes} or any(not pair["intact"] for pair in proved.values()):
            raise DemoFailed("The mail that was fetched is not proved to be the one that was sent; see 3-mail.log")
        box = next(iter(self.mailboxes.values())).maildir
        digest, others = same_report(self.sent, [path for folder in ("new", "cur") for path in sorted((box / folder).iterdir())])
        if not others:
            raise DemoFailed("No message in the mailbox has the parts of the one that was sent")
        self.screen.say("Texts, pictures and table are the same, octet by octet. A comparison without the collection agrees: %s… both times." % digest[:16])

    def repair(self) -> None:
        """Put right by hand what only a person can, and leave the rest to the playbook."""
        self.screen.step("Repairing")
        readable = "" if self.skipped else ", the directory on build1 may be read again"
        self.screen.say("By hand, because nobody else can: edge1 is switched on again%s, the file on the FTP server has a name as it should be." % readable)
        for heal in self.heal:
            heal()
        fleet.heal(self.fleet.host("edge1"))
        self.screen.say(
            "By the playbook: what is missing or different is copied, from the FTP server as well. What only the backup has is removed, because we say delete."
            " The flipped bit is overwritten, because we say on_corruption=overwrite: we flipped it in the backup ourselves. Left to itself the playbook would"
            " touch neither."
        )
        status = self.run("verify_backups", "4-repair.log", backup_verify_repair=True, backup_verify_delete=True, backup_verify_on_corruption="overwrite")
        self.show_verdicts()
        bad = [name for name, row in self.verdicts().items() if not row["good"]]
        if status or bad:
            raise DemoFailed("The repair left something bad (%s); see 4-repair.log" % (", ".join(bad) or "exit status %d" % status))

    def verify_again(self) -> None:
        """Nothing may be left to find, for the playbook and for a comparison that is not ours."""
        self.screen.step("Verifying once more: nothing may be left to find")
        status = self.run("verify_backups", "5-verify-again.log")
        self.show_verdicts()
        bad = [name for name, row in self.verdicts().items() if row["verdict"] != "good"]
        sides = [(host.name, host.src, host.dest) for host in self.fleet.hosts]
        sides += [("%s/%s" % pair, self.site.root / pair[1], self.fleet.host(pair[0]).mirror(pair[1])) for pair in MIRRORS.items()]
        differing = [name for name, left, right in sides if not same_trees(left, right)]
        if status or bad or differing:
            raise DemoFailed("Not all is good: %s; see 5-verify-again.log" % (", ".join(bad or differing) or "exit status %d" % status))
        self.screen.say("All good. A comparison by digests, without the collection, agrees.")

    def tell_where_to_look(self) -> None:
        """Where everything is that was made."""
        self.screen.step("Where to look")
        self.screen.table(("path", "what it is"), [(shown(path), what) for path, what in self._made() if path.exists()])

    def _made(self) -> t.List[t.Tuple[Path, str]]:
        return [
            (OUTPUT / "faults-found.html", "the report of the run that found the faults; open it in a browser"),
            (self.report / "backups.html", "the last report, with nothing left to find"),
            (self.report, "the same as data: JSON, JUnit XML, Prometheus text, a spreadsheet, the history"),
            (OUTPUT / "mail-report" / "backups.html", "what became of the mail on its way"),
            (self.server.store, "the mails as they arrived; any mail program opens the .eml files"),
            (next(iter(self.mailboxes.values())).maildir, "the mailbox that the POP3 and IMAP servers serve"),
            (self.site.root, "what the FTP server serves; the mirrors are in hosts/*/mirrors"),
            (OUTPUT / "hosts" / fleet.INVENTORY, "the inventory of the fleet, to play with"),
        ]

    def verdicts(self, place: t.Optional[Path] = None) -> t.Dict[str, t.Dict[str, t.Any]]:
        """The rows of the last report by host."""
        rows = json.loads(((place or self.report) / "backups.json").read_text(encoding="utf-8"))["hosts"]
        return {row["name"]: row for row in rows}

    def show_verdicts(self, found: t.Optional[t.Dict[str, t.Dict[str, t.Any]]] = None) -> None:
        """The last report as a table, or another one."""
        rows = []
        for name, row in (found or self.verdicts()).items():
            for pair in row["pairs"]:
                paths = [item["path"] for item in pair["findings"]]
                why = "; ".join([*pair["reasons"], *(["Where: " + ", ".join(paths)] if paths else [])])
                rows.append((name, pair["name"], pair["verdict"], why or pair["told"] or "complete, intact and fresh"))
        self.screen.table(("host", "backup", "verdict", "why"), rows, verdict=2)

    def check_against_plants(self) -> None:
        """Raises DemoFailed unless the report names exactly what was planted."""
        wanted = {host.name: {host.pair, *host.mirrors} for host in self.fleet.hosts}
        wanted[PROVING] |= {route["name"] for route in self.fleet.host(PROVING).variables["mail_roundtrip_routes"]}
        wrong = differences(wanted, self.plants, self.verdicts())
        if wrong:
            raise DemoFailed("The report does not say what was planted: %s" % "; ".join(wrong))
        self.screen.say("Every planted fault was found, %d of %d, and nothing else was reported." % (len(self.plants), len(self.plants)))


def differences(wanted: t.Mapping[str, t.Set[str]], plants: t.Sequence[faults.Plant], rows: t.Mapping[str, t.Mapping[str, t.Any]]) -> t.List[str]:
    """What a report says that was not planted, and what it leaves out; a sentence each. ``wanted`` are the backups and mirrors by host."""
    wrong = []
    for host, names in wanted.items():
        pairs = {pair["name"]: pair for pair in rows[host]["pairs"]} if host in rows else {}
        wrong += ["%s / %s is not in it" % (host, name) for name in sorted(names - set(pairs))]
        for name, pair in pairs.items():
            mine = [plant for plant in plants if plant.host == host and plant.pair in ("", name)]
            verdict = mine[0].verdict if mine else "good"
            paths: t.Set[str] = set().union(*(plant.paths for plant in mine))
            found = {item["path"] for item in pair["findings"]}
            if pair["verdict"] != verdict:
                wrong.append("%s / %s is %s instead of %s" % (host, name, pair["verdict"], verdict))
            wrong += ["%s / %s: %s was not found" % (host, name, path) for path in sorted(paths - found)]
            wrong += ["%s / %s: %s was reported and is not planted" % (host, name, path) for path in sorted(found - paths)]
    return wrong


def shown(path: Path) -> str:
    """A path as seen from the checkout."""
    return os.path.relpath(path, ROOT)


def mail_structure(part: t.Any, depth: int = 0) -> t.Iterator[str]:
    """The parts of a mail, one line each, with the size of what each of them holds."""
    words = [part.get_content_type()]
    if not part.is_multipart():
        words.append("%d bytes" % len(part.get_payload(decode=True) or b""))
    if part.get_filename():
        words.append("named %s" % part.get_filename())
    if part.get("Content-ID"):
        words.append("shown in the page as cid:%s" % part["Content-ID"].strip("<>"))
    yield "  " * depth + "  ".join(words)
    if part.is_multipart():
        for inner in part.iter_parts():
            yield from mail_structure(inner, depth + 1)


def same_report(sent: Path, arrived: t.Iterable[Path]) -> t.Tuple[str, t.List[Path]]:
    """The digest of the parts of a mail, and those files that hold a mail with the same; by a way that is not the collection's own."""

    def digest(path: Path) -> str:
        found = hashlib.sha256()
        for part in email.message_from_bytes(path.read_bytes(), policy=email.policy.default).walk():
            if not part.is_multipart():
                data = part.get_payload(decode=True) or b""
                text = part.get_content_maintype() == "text"
                found.update(repr((part.get_content_type(), part.get_filename(), data.replace(b"\r\n", b"\n") if text else data)).encode())
        return found.hexdigest()

    wanted = digest(sent)
    return wanted, [path for path in arrived if digest(path) == wanted]


def same_trees(left: Path, right: Path) -> bool:
    """Whether both hold the same, by a way that is not the collection's own."""

    def content(root: Path) -> t.Iterator[t.Tuple[str, t.Any]]:
        for path in sorted(root.rglob("*")):
            what = os.readlink(path) if path.is_symlink() else None if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
            yield str(path.relative_to(root)), what

    return list(content(left)) == list(content(right))


def prepare_output() -> None:
    """An empty demo-output/; refuses to remove one that is not ours."""
    if OUTPUT.exists() and not (OUTPUT / MARKER).exists():
        raise DemoFailed("%s is there and was not made by the demo; remove it first" % OUTPUT)
    OUTPUT.mkdir(exist_ok=True)
    (OUTPUT / MARKER).touch()
    for path in OUTPUT.iterdir():
        if path.is_dir():
            fleet.remove(path)
        elif path.name != MARKER:
            path.unlink()
    (OUTPUT / "ansible").mkdir()


def tell(screen: Screen) -> None:
    """The whole story. Raises DemoFailed."""
    prepare_output()
    box = OUTPUT / "mailbox"
    with contextlib.ExitStack() as running:
        server = running.enter_context(SmtpServer(OUTPUT / "mail-server", maildir=box))
        mailboxes = {
            "imap": running.enter_context(ImapServer(OUTPUT / "imap-server", maildir=box)),
            "pop3": running.enter_context(PopServer(OUTPUT / "pop3-server", maildir=box)),
        }
        site = running.enter_context(FtpServer(OUTPUT / "ftp-server"))
        ports = (server.host, server.port, mailboxes["imap"].tls_port, mailboxes["pop3"].tls_port, site.explicit_port)
        screen.step("Servers listen on %s, with certificates of their own authorities: SMTP on port %d, IMAP on %d, POP3 on %d, FTP on %d" % ports)
        demo = Demo(screen, server, mailboxes, site)
        try:
            demo.make_fleet()
            demo.back_up()
            demo.plant()
            demo.find()
            demo.read_mail()
            demo.fetch_again()
            demo.repair()
            demo.verify_again()
        finally:
            for heal in demo.heal:
                heal()
        demo.tell_where_to_look()
        for text in demo.skipped:
            screen.say("SKIPPED: " + text)


def main() -> int:
    """Exit status: 0 when all came out as it should, 1 when not, 130 when interrupted."""
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    screen = Screen()
    try:
        tell(screen)
    except DemoFailed as error:
        screen.step(screen.paint("The demo failed. ", RED) + str(error))
        return 1
    except KeyboardInterrupt:
        screen.step("Stopped. Nothing is left running; what was made so far is in %s" % shown(OUTPUT))
        return 130
    screen.step(screen.paint("Done.", GREEN))
    return 0


if __name__ == "__main__":
    sys.exit(main())
