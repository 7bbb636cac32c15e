# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook mail_roundtrip from end to end: mail that comes through by each protocol, and every way in which it does not.

Runs of ansible-playbook are dear, so each of them proves several things on several hosts. What it says and leaves
behind is asserted. Nothing outside a temporary directory is touched.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import typing as t
from pathlib import Path

COLLECTION = Path(os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)[0]) / "ansible_collections" / "fleetproof" / "backup"
sys.path.insert(0, str(COLLECTION / "tests" / "testbed"))

from smtpd import SmtpServer  # noqa: E402

from imapd import ImapServer  # noqa: E402
from playbook import Run, run_playbook  # noqa: E402
from popd import USERS, PopServer  # noqa: E402
from serving import free_socket  # noqa: E402

PASSWORD = USERS["fleet"]
WRONG = "not the right words"
# By host, which is named after its only route: the verdict, and words that its reasons, findings and todo have to have.
WANTED: t.Dict[str, t.Tuple[str, t.Sequence[str]]] = {
    "imap": ("good", []),
    "pop3": ("good", []),
    "starttls": ("good", []),
    "stls": ("good", []),
    "slow": ("stale", ["more than the 0s allowed"]),
    "tagged": ("damaged", ["Subject", "[fleet] Round trip"]),
    "corrupted": ("damaged", ["octets.bin"]),
    "footer": ("damaged", ["The list for reports"]),
    "renamed": ("damaged", ["Message-ID", "way.test"]),
    "renamed_knowingly": ("good", []),
    "twice": ("good", []),
    "never": ("incomplete", ["did not arrive"]),
    "smtp_password": ("failed", ["No mail could be sent", "username and password"]),
    "refused": ("failed", ["No mail could be sent", "no such user"]),
    "imap_password": ("failed", ["could not be fetched", "username and password"]),
    "pop3_password": ("failed", ["could not be fetched", "username and password"]),
    "gone": ("failed", ["could not be fetched", "Connection refused"]),
    "wrong_name": ("failed", ["could not be fetched", "127.0.0.1"]),
    "expired": ("failed", ["could not be fetched", "expired"]),
    "unknown_ca": ("failed", ["could not be fetched", "ca_path"]),
    "stripped": ("failed", ["could not be fetched", "STARTTLS"]),
    "injected": ("failed", ["could not be fetched", "ahead of the TLS handshake"]),
    "untrusted_smtp": ("failed", ["No mail could be sent", "expired"]),
}
GOOD = {name for name, (verdict, _words) in WANTED.items() if verdict == "good"}

Route = t.Dict[str, t.Any]


class Bed:
    """The mail servers, the hosts, and what the last run said."""

    def __init__(self, root: Path, running: contextlib.ExitStack) -> None:
        self.root = root
        self.box = root / "box"
        self.report = root / "report"
        self.evidence = root / "evidence"
        for name in ("ansible", "temporary"):
            (root / name).mkdir()
        self.smtp = running.enter_context(SmtpServer(root / "smtp", maildir=self.box))
        odd: t.Dict[str, t.Dict[str, t.Any]] = {
            "tagged": {"way": "tag"},
            "corrupted": {"way": "corrupt"},
            "footer": {"way": "footer"},
            "renamed": {"way": "rename"},
            "twice": {"way": "twice"},
            "never": {"way": "lost"},
            "untrusted_smtp": {"certificate": "expired"},
        }
        self.odd = {name: running.enter_context(SmtpServer(root / name, maildir=self.box)) for name in odd}
        for name, behaviour in odd.items():
            self.odd[name].behave(**behaviour)
        self.imap = running.enter_context(ImapServer(root / "imap", maildir=self.box))
        self.pop3 = running.enter_context(PopServer(root / "pop3", maildir=self.box))
        # Several routes look into one mailbox at the same time, as they would into several.
        self.pop3.behave(lock=False)
        # bound and not listening: nobody answers there, and nobody else can take it meanwhile
        self.nobody = running.enter_context(contextlib.closing(free_socket("127.0.0.1")))
        self.smtp.behave(refuse={"nobody@fleet.test": "550 5.1.1 no such user"})
        broken = {
            name: running.enter_context(ImapServer(root / name, maildir=self.box)) for name in ("wrong_name", "expired", "unknown_ca", "stripped", "injected")
        }
        for name in ("wrong_name", "expired", "unknown_ca"):
            broken[name].behave(certificate=name)
        broken["stripped"].behave(starttls="hide")
        broken["injected"].behave(starttls="inject")
        # further routes of a host
        self.more: t.Dict[str, t.List[Route]] = {}
        nowhere = {"host": "127.0.0.1", "port": self.nobody.getsockname()[1], "retries": 0}
        self.routes: t.Dict[str, Route] = {
            "imap": {"keep_dir": str(self.evidence), "delete": False, "max_delay": "1m"},
            "pop3": {"protocol": "pop3", "fetch": self.place(self.pop3)},
            "starttls": {"fetch": self.place(self.imap, "starttls"), "smtp": {"port": self.smtp.tls_port, "tls": "implicit"}},
            "stls": {"protocol": "pop3", "fetch": self.place(self.pop3, "starttls")},
            "slow": {"max_delay": "0s"},
            "tagged": {"smtp": self.out(self.odd["tagged"])},
            "corrupted": {"smtp": self.out(self.odd["corrupted"])},
            "footer": {"smtp": self.out(self.odd["footer"])},
            "renamed": {"smtp": self.out(self.odd["renamed"])},
            "renamed_knowingly": {"smtp": self.out(self.odd["renamed"]), "ignore_headers": ["message-id"]},
            "twice": {"smtp": self.out(self.odd["twice"])},
            "never": {"smtp": self.out(self.odd["never"]), "wait": 1},
            "smtp_password": {"smtp": {"username": "fleet", "password": WRONG}},
            "refused": {"to": "nobody@fleet.test"},
            "imap_password": {"fetch": {"password": WRONG}},
            "pop3_password": {"protocol": "pop3", "fetch": {**self.place(self.pop3), "password": WRONG}},
            "gone": {"fetch": nowhere},
            "untrusted_smtp": {"smtp": self.out(self.odd["untrusted_smtp"])},
            **{name: {"fetch": self.place(broken[name])} for name in ("wrong_name", "expired", "unknown_ca")},
            **{name: {"fetch": self.place(broken[name], "starttls")} for name in ("stripped", "injected")},
        }

    @staticmethod
    def place(server: t.Union[ImapServer, PopServer], tls: str = "implicit") -> Route:
        """Options that lead to a mailbox."""
        return {"host": server.host, "port": server.tls_port if tls == "implicit" else server.port, "tls": tls, "ca_path": str(server.ca)}

    @staticmethod
    def out(server: SmtpServer) -> Route:
        """Options that lead to another server that sends."""
        return {"host": server.host, "port": server.port, "ca_path": str(server.ca)}

    def run(self, *options: str, playbook: str = "mail_roundtrip", **variables: t.Any) -> Run:
        """Run the playbook, on one host for each route."""
        hosts = {
            name: {"ansible_remote_tmp": str(self.root / "tmp" / name), "mail_roundtrip_routes": [{"name": name, **route}, *self.more.get(name, [])]}
            for name, route in self.routes.items()
        }
        everywhere = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "ansible_pipelining": True,
            "backup_report_dest": str(self.report),
            "backup_report_charts": False,
            "backup_report_formats": ["json", "html"],
            "mail_roundtrip_from": "Backups <backups@fleet.test>",
            "mail_roundtrip_to": "probe@fleet.test",
            "mail_roundtrip_wait": 20,
            "mail_roundtrip_smtp": {**self.out(self.smtp), "username": "fleet", "password": PASSWORD},
            "mail_roundtrip_fetch": {**self.place(self.imap), "username": "fleet", "password": PASSWORD},
        }
        inventory = self.root / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": everywhere}}), encoding="utf-8")
        run = run_playbook(playbook, inventory, self.root / "ansible", variables, options)
        print("$ %s\n%s" % (" ".join(run.command), run.output), flush=True)
        for secret in (PASSWORD, WRONG):
            assert secret not in run.output, "a password was shown"
            for path in self.report.glob("*"):
                assert secret.encode() not in path.read_bytes(), "a password is in %s" % path
        assert not list((self.root / "temporary").iterdir()), "something was left behind"
        return run

    def rows(self) -> t.Dict[str, t.Dict[str, t.Any]]:
        """The only route of each host in the last report."""
        hosts = json.loads((self.report / "backups.json").read_text(encoding="utf-8"))["hosts"]
        return {row["name"]: next((pair for pair in row["pairs"] if pair["source"] == "mail_roundtrip"), row) for row in hosts}

    def mailbox(self) -> t.List[bytes]:
        """The messages in the mailbox."""
        return [path.read_bytes() for folder in ("new", "cur") for path in sorted((self.box / folder).glob("*"))]


def sent_mails(bed: Bed) -> int:
    """How many mails went out so far."""
    return sum(len(server.messages()) for server in (bed.smtp, *bed.odd.values()))


def test_check_mode_lets_itself_in_and_sends_nothing(bed: Bed) -> None:
    """Both servers are tried for real; what is wrong with them is told, and what is right is not proved."""
    run = bed.run("--check", "--diff", "--limit", "imap,pop3,imap_password,expired,refused", mail_roundtrip_fail_on_bad=True)
    assert run.status != 0
    assert sent_mails(bed) == 0
    assert not bed.report.exists()
    assert "imap is unverified (" in run.output
    assert "pop3 is unverified (" in run.output
    for name in ("imap_password", "expired", "refused"):
        assert "%s is failed (" % name in run.output, name


def test_mail_comes_through_or_it_is_said_why_not(bed: Bed) -> None:
    """Every way of going wrong has its own reason, and none hides another."""
    stranger = b"From: a@b.example\r\nSubject: not a probe\r\nMessage-ID: <stranger@b.example>\r\n\r\nhands off\r\n"
    bed.imap.deliver(stranger)
    run = bed.run("--diff", "-vvv")
    assert run.status != 0
    rows = bed.rows()
    odd = {name: (row["verdict"], row["reasons"]) for name, row in rows.items() if row["verdict"] != WANTED[name][0]}
    assert set(rows) == set(WANTED)
    assert not odd, odd
    for name, (_verdict, words) in WANTED.items():
        row = rows[name]
        said = "; ".join([*row["reasons"], row["todo"], *("%(path)s %(what)s" % finding for finding in row["findings"])])
        assert all(word in said for word in words), "%s: %s" % (name, said)
        assert bool(row["todo"]) == (name not in GOOD)
    for name in GOOD:
        assert rows[name]["told"].startswith("Arrived after "), rows[name]["told"]
        assert "Received" in rows[name]["told"]
        assert (rows[name]["complete"], rows[name]["intact"]) == (True, True)
    assert rows["imap"]["fresh"] is True
    assert "<script" not in (bed.report / "backups.html").read_text(encoding="utf-8")
    assert ", 2 times" in rows["twice"]["told"]
    left = bed.mailbox()
    assert any(b"hands off" in raw for raw in left), "somebody else's mail was removed"
    gone = [b"Round trip of %s from" % name.encode() for name in ("pop3", "slow", "footer", "renamed", "twice")]
    assert not any(subject in raw for raw in left for subject in gone), "a probe was left in the mailbox"
    assert any(b"Round trip of imap from" in raw for raw in left), "a probe that was to stay was removed"


def test_what_was_sent_before_is_proved_without_sending(bed: Bed) -> None:
    """The message of the last run is still in the mailbox; a verification of backups proves it as well, and so does nothing to it."""
    (place,) = bed.evidence.iterdir()
    assert {path.name for path in place.iterdir()} == {"sent.eml", "received.eml"}
    before, count = bed.mailbox(), sent_mails(bed)
    bed.routes = {
        "again": {"sent": str(place / "sent.eml")},
        "again_pop3": {"sent": str(place / "sent.eml"), "protocol": "pop3", "fetch": bed.place(bed.pop3), "max_delay": "1h"},
        "lost": {"sent": str(bed.root / "lost.eml")},
        "nobody": {"to": ""},
        "twins": {"name": "one"},
        "undefined": {"to": "{{ nobody_knows }}"},
        "anonymous": {"sent": str(bed.root / "anonymous.eml")},
    }
    (bed.root / "anonymous.eml").write_bytes(b"From: a@b.example\nSubject: who am I\n\nno Message-ID\n")
    bed.more = {"twins": [{"name": "one"}]}
    run = bed.run(playbook="verify_backups")
    assert run.status != 0
    rows = bed.rows()
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "again": "good",
        "again_pop3": "good",
        "lost": "failed",
        "nobody": "failed",
        "twins": "failed",
        "undefined": "failed",
        "anonymous": "failed",
    }
    assert rows["again_pop3"]["fresh"] is True
    for name, words in (
        ("lost", "lost.eml"),
        ("nobody", "needs a to"),
        ("twins", "share a name"),
        ("undefined", "nobody_knows"),
        ("anonymous", "no Message-ID"),
    ):
        assert words in rows[name]["reasons"][0], name
    assert (bed.mailbox(), sent_mails(bed)) == (before, count)
    assert not run.changed() & {"again", "again_pop3"}


def main() -> None:
    root = Path(tempfile.mkdtemp(prefix="fleetproof-trips-"))
    # Not the home of whoever runs the tests, who may have none.
    os.environ["XDG_STATE_HOME"] = str(root / "state")
    os.environ["TMPDIR"] = str(root / "temporary")
    try:
        with contextlib.ExitStack() as running:
            bed = Bed(root, running)
            test_check_mode_lets_itself_in_and_sends_nothing(bed)
            test_mail_comes_through_or_it_is_said_why_not(bed)
            test_what_was_sent_before_is_proved_without_sending(bed)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
