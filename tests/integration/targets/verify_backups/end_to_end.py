# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks verify_backups and sync_backups from end to end: faults planted, found, repaired, and reported by mail.

Each step is run in check mode, for real, in check mode again and for real again, and what each of them
says and leaves behind is asserted. Nothing outside a temporary directory is touched.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import tempfile
import typing as t
from pathlib import Path

COLLECTION = Path(os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)[0]) / "ansible_collections" / "fleetproof" / "backup"
sys.path.insert(0, str(COLLECTION / "tests" / "testbed"))

from smtpd import SmtpServer  # noqa: E402

import faults  # noqa: E402
import fleet  # noqa: E402
from playbook import Run, run_playbook  # noqa: E402

# What most runs do without: neither pictures nor mail, only the data.
PLAIN = {"backup_report_mail_to": [], "backup_report_charts": False, "backup_report_formats": ["json"]}
HOSTS = ("web1", "web2", "db1", "db2", "files1", "edge1")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LISTENER = "night.shift@fleet.test"
REPAIR = {"backup_verify_repair": True, "backup_verify_delete": True}

Snapshot = t.Dict[str, t.Any]


class Bed:
    """The fleet, the mail server, and what the last run said."""

    def __init__(self, root: Path, server: SmtpServer) -> None:
        self.root = root
        self.server = server
        self.report = root / "report"
        self.fleet = fleet.build(root / "hosts", HOSTS, 512 * 1024)
        (root / "ansible").mkdir()
        self.mails = 0

    def run(self, playbook: str, *options: str, status: t.Optional[int] = None, report: bool = False, **variables: t.Any) -> Run:
        """Run a playbook; with ``status`` that is what it has to end with, with ``report`` it makes and mails the whole report."""
        inventory = self.fleet.write_inventory(
            {
                "backup_verify_max_age": "26h",
                "backup_report_dest": str(self.report),
                "backup_report_mail_to": [LISTENER],
                "backup_report_mail_from": "backups@fleet.test",
                "backup_report_mail_host": self.server.host,
                "backup_report_mail_port": self.server.port,
                "backup_report_mail_ca_path": self.server.ca,
                "backup_report_mail_ledger": str(self.root / "ledger"),
            }
        )
        run = run_playbook(playbook, inventory, self.root / "ansible", {**({} if report else PLAIN), **variables}, options)
        print("$ %s\n%s" % (" ".join(run.command), run.output), flush=True)
        assert status is None or run.status == status, "exit status %d instead of %d" % (run.status, status)
        return run

    def rows(self) -> t.Dict[str, t.Dict[str, t.Any]]:
        """The rows of the last report by host."""
        return {row["name"]: row for row in json.loads((self.report / "backups.json").read_text(encoding="utf-8"))["hosts"]}

    def row(self, host: str) -> t.Dict[str, t.Any]:
        """The one backup of a host."""
        (pair,) = self.rows()[host]["pairs"]
        return t.cast("t.Dict[str, t.Any]", pair)

    def verdicts(self) -> t.Dict[str, str]:
        """The verdict on each host."""
        return {name: row["verdict"] for name, row in self.rows().items()}

    def found(self) -> t.Dict[str, t.Set[str]]:
        """The paths that the report names by host."""
        return {name: {item["path"] for pair in row["pairs"] for item in pair["findings"]} for name, row in self.rows().items()}

    def new_mails(self) -> t.List[t.Any]:
        """Mails since the last call."""
        messages = self.server.messages()
        new, self.mails = messages[self.mails :], len(messages)
        return new


def snapshot(*roots: Path) -> Snapshot:
    """All that is below ``roots``, with contents and times."""
    found: Snapshot = {}
    for root in roots:
        for path in sorted(root.rglob("*")):
            status = path.lstat()
            what = os.readlink(path) if path.is_symlink() else None if path.is_dir() else path.read_bytes()
            found[str(path)] = (status.st_mode, None if path.is_dir() else status.st_mtime_ns, what)
    return found


def fleet_changes(run: Run) -> t.Set[str]:
    """The hosts of the fleet on which a run changed something; the report is localhost's."""
    return run.changed() & set(HOSTS)


def all_are(bed: Bed, verdict: str) -> bool:
    """Whether every host has this verdict."""
    return bed.verdicts() == dict.fromkeys(HOSTS, verdict)


def test_the_first_backup(bed: Bed) -> None:
    """sync_backups makes backups that are not there, and says so in check mode without making them."""
    backups = [host.dest for host in bed.fleet.hosts]
    run = bed.run("sync_backups", "--check", "--diff")
    assert fleet_changes(run) == set(HOSTS)
    assert not any(path.exists() for path in backups)
    assert not bed.report.exists()
    run = bed.run("sync_backups", status=0)
    assert fleet_changes(run) == set(HOSTS)
    assert all_are(bed, "good")
    before = snapshot(*backups)
    run = bed.run("sync_backups", "--check", status=0)
    assert fleet_changes(run) == set()
    run = bed.run("sync_backups", status=0)
    assert fleet_changes(run) == set()
    assert all_are(bed, "good")
    assert snapshot(*backups) == before
    assert bed.new_mails() == []


def plant(bed: Bed) -> t.List[faults.Plant]:
    """One fault of each kind that a test can plant anywhere."""
    host = bed.fleet.host
    return [
        faults.missing_file(host("web2")),
        faults.extra_file(host("web2")),
        faults.flipped_bit(host("db1")),
        faults.truncated_file(host("db2")),
        faults.link_turned_into_a_file(host("files1")),
        faults.stale_backup(host("edge1")),
    ]


def test_faults_are_found(bed: Bed, plants: t.List[faults.Plant]) -> None:
    """Every planted fault is found and nothing else, nothing is changed, and the mail says it."""
    wanted = {name: set().union(*(plant.paths for plant in plants if plant.host == name)) for name in HOSTS}
    verdicts = {**dict.fromkeys(HOSTS, "good"), **{plant.host: plant.verdict for plant in plants}}
    trees = [tree for host in bed.fleet.hosts for tree in (host.src, host.dest)]
    before = snapshot(*trees)
    for options in (["--check"], [], ["--check"], []):
        run = bed.run("verify_backups", *options, report=not options)
        assert run.status != 0, "the play has to end failed when hosts are bad"
        assert fleet_changes(run) == set()
        assert "localhost" in run.recap()
        if not options:
            assert bed.verdicts() == verdicts
            assert bed.found() == wanted
    assert snapshot(*trees) == before
    edge1, db1 = bed.row("edge1"), bed.row("db1")
    assert (edge1["complete"], edge1["intact"], edge1["fresh"]) == (True, True, False)
    assert (db1["complete"], db1["intact"], db1["fresh"]) == (True, False, True)
    assert "silent corruption" in db1["reasons"][0]
    assert all(row["pairs"][0]["todo"] for row in bed.rows().values() if not row["good"])


def test_the_mail(bed: Bed) -> None:
    """The mail that arrived names the bad hosts, and holds the page, its pictures and the table."""
    mail, same = bed.new_mails()
    assert same.message["Subject"] == mail.message["Subject"]
    assert mail.envelope["rcpt_tos"] == [LISTENER]
    assert mail.envelope["tls"], "the mail went over an open line"
    message = mail.message
    assert "1 of 6 hosts good" in message["Subject"]
    text = message.get_body(("plain",)).get_content()
    html = message.get_body(("html",)).get_content()
    for name in HOSTS:
        assert name in text
        assert name in html
    shown = {part["Content-ID"].strip("<>") for part in message.walk() if part["Content-ID"]}
    assert shown
    assert all("cid:" + cid in html for cid in shown)
    attached = {part.get_content_type(): part for part in message.iter_attachments()}
    assert XLSX in attached
    assert attached[XLSX].get_content()[:2] == b"PK"


def test_repair(bed: Bed) -> None:
    """A repair mends what it may, keeps what rotted until it is told, and has nothing to do the second time."""
    backups = [host.dest for host in bed.fleet.hosts]
    before = snapshot(*backups)
    run = bed.run("verify_backups", "--check", **REPAIR)
    assert fleet_changes(run) == {"web2", "db2", "files1", "edge1"}
    assert snapshot(*backups) == before
    run = bed.run("verify_backups", **REPAIR)
    assert run.status != 0
    assert fleet_changes(run) == {"web2", "db2", "files1", "edge1"}
    assert bed.verdicts() == {"web1": "good", "web2": "repaired", "db1": "damaged", "db2": "repaired", "files1": "repaired", "edge1": "repaired"}
    assert bed.row("web2")["repair"]["before"] == "incomplete"
    assert bed.row("web2")["repair"]["counts"]["created"] == 1
    assert bed.row("web2")["repair"]["counts"]["deleted"] == 1
    assert "on_corruption" in bed.row("db1")["todo"]
    settled = snapshot(*backups)
    for options in (["--check"], []):
        run = bed.run("verify_backups", *options, **REPAIR)
        assert run.status != 0
        assert fleet_changes(run) == set()
    assert bed.verdicts() == {**dict.fromkeys(HOSTS, "good"), "db1": "damaged"}
    assert snapshot(*backups) == settled
    run = bed.run("verify_backups", status=0, backup_verify_on_corruption="overwrite", **REPAIR)
    assert fleet_changes(run) == {"db1"}
    assert bed.row("db1")["verdict"] == "repaired"
    bed.run("verify_backups", status=0)
    assert all_are(bed, "good")
    for host in bed.fleet.hosts:
        left, right = ({path[len(str(tree)) :]: what for path, what in snapshot(tree).items()} for tree in (host.src, host.dest))
        assert left == right, host.name


def leave_after_the_first_task(host: fleet.Host) -> None:
    """Let the host answer once, and then no more: the place where Ansible puts its files is gone."""
    place = host.root / "leaving"
    script = host.root / "leaving-python"
    words = {"python": sys.executable, "place": place}
    script.write_text('#!/bin/sh\n%(python)s "$@"\nstatus=$?\nrm -rf %(place)s\n: > %(place)s\nexit $status\n' % words, encoding="utf-8")
    script.chmod(0o755)
    host.variables.update(ansible_python_interpreter=str(script), ansible_remote_tmp=str(place))


def test_hosts_that_do_not_answer(bed: Bed) -> None:
    """One that does not answer is a row, and so are all when none does."""
    fleet.silence(bed.fleet.host("db2"))
    leave_after_the_first_task(bed.fleet.host("db1"))
    assert bed.run("verify_backups").status != 0
    assert bed.verdicts() == {**dict.fromkeys(HOSTS, "good"), "db1": "failed", "db2": "unreachable"}
    assert bed.row("db2")["reasons"]
    assert bed.row("db1")["reasons"][0].startswith("The host went away")
    del bed.fleet.host("db1").variables["ansible_python_interpreter"]
    for host in bed.fleet.hosts:
        fleet.silence(host)
    assert bed.run("verify_backups").status != 0
    assert all_are(bed, "unreachable")
    for host in bed.fleet.hosts:
        fleet.heal(host)


def test_a_limit(bed: Bed) -> None:
    """With --limit the report is made all the same, and tells who was left out."""
    bed.run("verify_backups", "--limit", "web1,db1")
    assert bed.verdicts() == {**dict.fromkeys(HOSTS, "skipped"), "web1": "good", "db1": "good"}


def test_pairs_that_fail(bed: Bed) -> None:
    """What is wrong with one backup, or one host, hides nothing about the others."""
    hosts = {name: bed.fleet.host(name) for name in HOSTS}
    whole = {"name": "whole", "src": str(hosts["web1"].src), "dest": str(hosts["web1"].dest)}
    gone = {"name": "gone", "src": str(hosts["web1"].src), "dest": str(bed.root / "nowhere")}
    hosts["web1"].variables["backup_verify_pairs"] = [gone, whole]
    hosts["web2"].variables["backup_verify_pairs"] = []
    hosts["db1"].variables["backup_verify_pairs"] = [whole, whole]
    hosts["db2"].variables["backup_verify_pairs"] = [{**whole, "metod": "quick"}]
    hosts["files1"].variables["backup_verify_pairs"] = [{**whole, "name": "part", "closure": "top", "repair": True}]
    slow = hosts["edge1"].root / "slow-python"
    slow.write_text('#!/bin/sh\ncase "$*" in *dir_compare*) sleep 60 ;; esac\nexec %s "$@"\n' % sys.executable, encoding="utf-8")
    slow.chmod(0o755)
    hosts["edge1"].variables.update(ansible_python_interpreter=str(slow), backup_verify_timeout=3)
    run = bed.run("verify_backups", **REPAIR)
    assert run.status != 0
    rows = bed.rows()
    assert {pair["name"]: pair["verdict"] for pair in rows["web1"]["pairs"]} == {"gone": "failed", "whole": "good"}
    assert not (bed.root / "nowhere").exists(), "a repair made a backup whose disk may not be mounted"
    assert {name: rows[name]["verdict"] for name in HOSTS if name != "web1"} == dict.fromkeys(HOSTS[1:], "failed")
    reasons = {name: "; ".join(reason for pair in rows[name]["pairs"] for reason in pair["reasons"]) for name in HOSTS}
    assert "nowhere" in reasons["web1"]
    assert "backup_verify_pairs is empty" in reasons["web2"]
    assert "share a name" in reasons["db1"]
    assert "metod" in reasons["db2"]
    assert "closure" in reasons["files1"]
    assert "Given up" in reasons["edge1"]


def main() -> None:
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    root = Path(tempfile.mkdtemp(prefix="fleetproof-verify-"))
    try:
        with SmtpServer(root / "mail-server") as server:
            bed = Bed(root, server)
            test_the_first_backup(bed)
            test_faults_are_found(bed, plant(bed))
            test_the_mail(bed)
            test_repair(bed)
            test_hosts_that_do_not_answer(bed)
            test_a_limit(bed)
            test_pairs_that_fail(bed)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
