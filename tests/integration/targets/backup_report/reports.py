# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role backup_report on made-up verdicts, some of which mean harm; nothing outside a temporary directory is touched."""

from __future__ import annotations

import base64
import email
import email.policy
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import typing as t
import xml.etree.ElementTree as ET
from pathlib import Path

import dkim
import openpyxl
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HERE = Path(__file__).resolve().parent
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FILES = {"backups.html", "backups.json", "backups.junit.xml", "backups.prom", "backups.xlsx", "backups.history.jsonl"}
TASK = re.compile(r"^TASK \[(?:[\w.]+ : )?(.+?)\] \**$")
FAILED = re.compile(r"^(\S+) +: ok=.* failed=(\d+) ", re.MULTILINE)

Verdict = t.Dict[str, t.Any]


def verdict(name: str, word: str = "good", **more: t.Any) -> Verdict:
    """What backup_verify says about a backup."""
    return {
        "source": "backup_verify",
        "name": name,
        "src": "/srv/" + name,
        "dest": "/backup/" + name,
        "verdict": word,
        "complete": word != "incomplete",
        "intact": word != "damaged",
        "fresh": word != "stale",
        "reasons": [] if word == "good" else ["The backup is %s" % word],
        "findings": [],
        "findings_total": 0,
        "todo": "" if word in ("good", "repaired") else "Do something about %s" % name,
        "counts": {"left_list": {"entries": 8, "bytes": 4096}, "right_list": {"entries": 7, "bytes": 2048}},
        "bytes": {"left": 4096, "right": 2048},
        "newest": "2026-02-03T04:05:06Z",
        "duration": 1.5,
        "checked_at": "2026-02-03T05:05:06Z",
        "repair": {"before": "damaged", "bytes_copied": 1024, "counts": {}} if word == "repaired" else None,
        "sync": None,
        **more,
    }


NASTY = "<script>alert(1)</script>\n{{ 7*7 }}{% raw %}\x1b[31m{{ lookup('ansible.builtin.pipe', 'touch ROOT/pwned') }}"
FLEET: t.Dict[str, t.List[Verdict]] = {
    "good1": [verdict("etc"), verdict("www")],
    "good2": [verdict("etc")],
    "mended1": [verdict("data", "repaired")],
    "old1": [verdict("data", "stale")],
    "part1": [verdict("data", "incomplete", findings=[{"path": "a/gone", "what": "missing from the backup"}], findings_total=30)],
    "rot1": [verdict("data", "damaged")],
}
WANTED = {
    "good1": "good",
    "good2": "good",
    "mended1": "repaired",
    "old1": "stale",
    "part1": "incomplete",
    "rot1": "damaged",
    "halt1": "failed",
    "mute1": "unreachable",
}


class Run(t.NamedTuple):
    """What ansible-playbook said."""

    status: int
    output: str

    def bad(self) -> bool:
        """Whether the play of the report ended failed; a host that stopped midway in the play before says nothing about it."""
        failed = dict(FAILED.findall(self.output))
        return failed["localhost"] != "0" if "localhost" in failed else self.status != 0

    def changed(self) -> t.Set[str]:
        """The tasks that changed something on the host of the report."""
        found, task = set(), ""
        for line in self.output.splitlines():
            match = TASK.match(line)
            task = match[1] if match else task
            if line.startswith("changed: "):
                found.add(task)
        return found


class Bed:
    """Where everything is, and what the next run is given."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.dest = root / "reports" / "nightly"
        self.mail = root / "mail"
        for path in (root / "home", self.mail, self.dest.parent):
            path.mkdir()
        self.verdicts: t.Dict[str, t.List[Verdict]] = dict(FLEET)
        silent = root / "silent"
        silent.write_text("#!/bin/sh\necho 'No route to <host>' >&2\nexit 255\n", encoding="utf-8")
        silent.chmod(0o755)
        self.hosts: t.Dict[str, t.Dict[str, t.Any]] = {name: {"ansible_connection": "local"} for name in FLEET}
        self.hosts["halt1"] = {"ansible_connection": "local", "stops_midway": True}
        self.hosts["mute1"] = {"ansible_connection": "ssh", "ansible_ssh_executable": str(silent), "ansible_ssh_retries": 0}
        self.hosts["mute1"]["backup_verify_pairs"] = [{"name": "mail", "src": "/var/mail", "dest": "/backup/mail"}]

    def run(self, *options: str, **variables: t.Any) -> Run:
        """One run of the playbook."""
        (self.root / "verdicts.json").write_text(json.dumps(self.verdicts), encoding="utf-8")
        everywhere = {
            "ansible_python_interpreter": sys.executable,
            "verdicts_path": str(self.root / "verdicts.json"),
            "backup_report_dest": str(self.dest),
            "backup_report_mail_to": ["ops@example.com"],
            "backup_report_mail_from": "backups@example.com",
            "backup_report_mail_transport": "eml",
            "backup_report_mail_path": str(self.mail),
            "backup_report_mail_ledger": str(self.root / "ledger"),
            **variables,
        }
        inventory = self.root / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": self.hosts, "vars": everywhere}}), encoding="utf-8")
        command = [str(Path(sys.executable).with_name("ansible-playbook")), str(HERE / "site.yml"), "-i", str(inventory), *options]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_") or name == "ANSIBLE_COLLECTIONS_PATH"}
        environment.update(
            ANSIBLE_FORKS="8",
            ANSIBLE_HOME=str(self.root / "home"),
            ANSIBLE_NOCOLOR="1",
            ANSIBLE_LOCALHOST_WARNING="0",
            ANSIBLE_INVENTORY_ENABLED="yaml",
            ANSIBLE_PIPELINING="1",
            # Not the home of whoever runs the tests, who may have none.
            ANSIBLE_REMOTE_TMP=str(self.root / "home" / "tmp"),
            # As a shell sets it.
            PWD=str(self.root),
            LC_ALL="C.UTF-8",
        )
        done = subprocess.run(command, check=False, cwd=self.root, env=environment, text=True, encoding="utf-8", capture_output=True, timeout=300)
        print("$ %s\n%s%s" % (" ".join(command), done.stdout, done.stderr), flush=True)
        return Run(done.returncode, done.stdout)

    def report(self) -> t.Dict[str, t.Any]:
        """The last report as data."""
        return t.cast("t.Dict[str, t.Any]", json.loads((self.dest / "backups.json").read_text(encoding="utf-8")))

    def text(self, name: str) -> str:
        """A file of the last report."""
        return (self.dest / name).read_text(encoding="utf-8")

    def mails(self) -> t.List[email.message.EmailMessage]:
        """Mails since the last call."""
        found = []
        for path in sorted(self.mail.iterdir()):
            found.append(email.message_from_bytes(path.read_bytes(), policy=email.policy.default))
            path.unlink()
        return found


def test_check_run_check_run(bed: Bed) -> None:
    """Check mode writes nothing and says what a run would; a second run has nothing new to say."""
    run = bed.run("--check")
    assert run.bad()
    assert run.changed() == {"Make the directory", "Mail the report"}
    assert not bed.dest.exists()
    assert bed.mails() == []
    run = bed.run()
    assert run.bad(), "the play has to end failed when hosts are bad"
    assert "Backups: 3 of 8 hosts good, 5 bad: mute1, halt1, rot1, part1, old1" in run.output
    assert run.changed() == {"Make the directory", "Write the files", "Mail the report", "Keep the history"}
    assert {path.name for path in bed.dest.iterdir()} == FILES
    assert stat.S_IMODE(bed.dest.stat().st_mode) == 0o750
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in bed.dest.iterdir()} == {**dict.fromkeys(FILES, 0o640), "backups.prom": 0o644}
    before = {path.name: path.read_bytes() for path in bed.dest.iterdir()}
    run = bed.run("--check", "--diff", backup_report_mail_when="change")
    assert run.changed() == set()
    assert {path.name: path.read_bytes() for path in bed.dest.iterdir()} == before
    run = bed.run(backup_report_mail_when="change")
    assert run.changed() == set(), "only the time is another"
    assert bed.report()["made_at"] >= json.loads(before["backups.json"])["made_at"]
    assert len(bed.text("backups.history.jsonl").splitlines()) == 2
    assert len(bed.mails()) == 1, "there was no change that a second mail could tell"


def test_every_host_is_in_every_form(bed: Bed) -> None:
    """Good, repaired, stale, incomplete, damaged, stopped and silent hosts are rows in all of them."""
    rows = {row["name"]: row for row in bed.report()["hosts"]}
    assert {name: row["verdict"] for name, row in rows.items()} == WANTED
    assert rows["mute1"]["reasons"][0].startswith("Did not answer: ")
    assert "No route to <host>" in rows["mute1"]["reasons"][0]
    assert [pair["name"] for pair in rows["mute1"]["pairs"]] == ["mail"]
    page = bed.text("backups.html")
    assert all(name in page for name in WANTED)
    assert "No route to &lt;host&gt;" in page
    assert "and 29 more" in page
    assert page.count("data:image/png;base64,") == 4
    suites = ET.fromstring(bed.text("backups.junit.xml"))
    assert {suite.get("name") for suite in suites} == set(WANTED)
    assert [int(suites.get(word, "")) for word in ("tests", "failures", "errors", "skipped")] == [9, 3, 2, 0]
    metrics = bed.text("backups.prom")
    assert 'fleetproof_backup_good{host="good1",pair="etc",source="backup_verify"} 1\n' in metrics
    assert 'fleetproof_backup_good{host="mute1",pair="mail",source="backup_verify"} 0\n' in metrics
    assert 'fleetproof_host_verdict{host="halt1",verdict="failed"} 1\n' in metrics
    book = openpyxl.load_workbook(bed.dest / "backups.xlsx")
    assert book.sheetnames == ["Backups", "Findings", "Past reports"]
    assert {row[0] for row in book["Backups"].iter_rows(min_row=2, values_only=True)} == set(WANTED)
    assert book["Past reports"].max_row == 3


def test_the_mail(bed: Bed) -> None:
    """One mail with text, HTML, charts and the workbook, signed in the name of the domain."""
    key = Ed25519PrivateKey.generate()
    raw_form = (serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    secret = base64.b64encode(key.private_bytes(*raw_form)).decode()
    record = b"v=DKIM1; k=ed25519; p=" + base64.b64encode(key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))
    sign = {"dkim": {"domain": "example.com", "selector": "fleet", "private_key": secret}}
    run = bed.run("--diff", backup_report_fail=False, backup_report_mail_cc=["chief@example.com"], backup_report_mail_sign=sign)
    assert not run.bad()
    assert "[to be signed by DKIM: domain example.com, selector fleet, algorithm ed25519-sha256]" in run.output
    assert secret not in run.output
    (path,) = bed.mail.iterdir()
    raw = path.read_bytes()
    assert dkim.verify(raw, dnsfunc=lambda _name, timeout=5: record)  # noqa: ARG005 # the library names it
    (mail,) = bed.mails()
    assert mail["Subject"] == "Backups: 3 of 8 hosts good, 5 bad: mute1, halt1, rot1, part1, old1"
    assert (mail["From"], mail["To"], mail["Cc"]) == ("backups@example.com", "ops@example.com", "chief@example.com")
    assert mail["Auto-Submitted"] == "auto-generated"
    html = mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "3 of 8 hosts good, 5 bad" in text
    assert "mute1: UNREACHABLE" in text
    cids = {part["Content-ID"].strip("<>"): part for part in mail.walk() if part["Content-ID"]}
    assert set(re.findall(r'src="cid:([^"]+)"', html)) == set(cids)
    assert len(cids) == 4
    assert all(part.get_content_type() == "image/png" and part.get_content().startswith(b"\x89PNG") for part in cids.values())
    (attached,) = mail.iter_attachments()
    assert (attached.get_content_type(), attached.get_filename()) == (XLSX, "backups.xlsx")


def test_nothing_that_a_host_says_is_acted_upon(bed: Bed) -> None:
    """Texts of a host are no template, no markup, no formula and no line of their own."""
    nasty = NASTY.replace("ROOT", str(bed.root))
    bed.verdicts["rot1"] = [
        verdict(nasty, "damaged", src=nasty, reasons=[nasty], todo=nasty, findings=[{"path": "=cmd|' /C calc'!A0", "what": nasty}], findings_total=1)
    ]
    for options in (["--check", "--diff"], []):
        bed.run(*options)
        assert not (bed.root / "pwned").exists(), "a text of a host was taken for a template"
    (mail,) = bed.mails()
    (pair,) = next(row for row in bed.report()["hosts"] if row["name"] == "rot1")["pairs"]
    assert pair["name"].startswith("<script>alert(1)</script>\\x0a{{ 7*7 }}{% raw %}\\x1b[31m{{ lookup(")
    for text in (bed.text("backups.html"), mail.get_body(("html",)).get_content()):  # type: ignore[union-attr]
        assert "<script" not in text
        assert "&lt;script&gt;" in text
        assert "{{ 7*7 }}" in text
    assert "<script>" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert any(case.get("name") == pair["name"] for case in ET.fromstring(bed.text("backups.junit.xml")).iter("testcase"))
    assert 'host="rot1",pair="<script>alert(1)</script>\\\\x0a{{ 7*7 }}' in bed.text("backups.prom")
    cell = next(row[2] for row in openpyxl.load_workbook(bed.dest / "backups.xlsx")["Findings"].iter_rows(min_row=2) if row[0].value == "rot1")
    assert (cell.data_type, cell.value) == ("s", "=cmd|' /C calc'!A0")
    bed.verdicts = dict(FLEET)


def test_when_there_is_a_mail(bed: Bed) -> None:
    """V(change) mails a change once, and a mail that failed is made up for."""
    bed.run(backup_report_mail_when="change")
    assert len(bed.mails()) == 1, "rot1 has another backup than in the last report"
    bed.verdicts["old1"] = [verdict("data")]
    broken = {"backup_report_mail_transport": "smtp", "backup_report_mail_port": 1, "backup_report_mail_host": "127.0.0.1", "backup_report_mail_retries": 0}
    run = bed.run(backup_report_mail_when="change", backup_report_fail=False, **broken)
    assert run.bad()
    assert "The report could not be mailed" in run.output
    assert next(row for row in bed.report()["hosts"] if row["name"] == "old1")["verdict"] == "good", "the files are written all the same"
    bed.run(backup_report_mail_when="change")
    (mail,) = bed.mails()
    assert "4 of 8 hosts good" in mail["Subject"]


def test_a_limit(bed: Bed) -> None:
    """Hosts outside the limit are rows, are no reason to fail, and have not changed."""
    assert bed.run("--limit", "good1,good2").status == 0
    report = bed.report()
    assert report["verdict"] == "partial"
    assert {row["name"]: row["verdict"] for row in report["hosts"]} == {**dict.fromkeys(WANTED, "skipped"), "good1": "good", "good2": "good"}
    assert report["changes"] == []
    hosts = bed.root / "some-hosts"
    hosts.write_text("good1\nrot1\n", encoding="utf-8")
    assert bed.run("--limit", "@some-hosts").status != 0
    assert {row["name"] for row in bed.report()["hosts"] if row["verdict"] != "skipped"} == {"good1", "rot1"}
    assert bed.run("--limit", "@%s" % hosts, backup_report_formats=["json"]).status != 0
    assert {row["name"] for row in bed.report()["hosts"] if row["verdict"] != "skipped"} == {"good1", "rot1"}
    bed.mails()


def test_a_good_fleet(bed: Bed) -> None:
    """Ends well, writes what it is told, and keeps as much of the history as it is told."""
    for name in ("rot1", "part1", "old1", "mended1", "halt1", "mute1"):
        bed.hosts.pop(name)
    bed.dest = bed.root / "reports" / "good"
    run = bed.run(backup_report_title="Wöchentlich 周报", backup_report_mail_when="bad", backup_report_formats=["json", "html"], backup_report_history_keep=2)
    assert run.status == 0
    assert {path.name for path in bed.dest.iterdir()} == {"backups.html", "backups.json", "backups.history.jsonl"}
    assert "Wöchentlich 周报: all 2 hosts good" in bed.text("backups.html")
    assert bed.mails() == []
    for _again in range(2):
        # good1 and good2 took part although nobody asks for them.
        run = bed.run(backup_report_hosts=["no_such_host"], backup_report_history_keep=2, backup_report_mail_to=[], backup_report_formats=["json"])
        assert run.status == 0
    assert len(bed.text("backups.history.jsonl").splitlines()) == 2
    assert bed.report()["summary"]["hosts"]["good"] == 2


def test_values_as_the_command_line_gives_them(bed: Bed) -> None:
    """Texts stand for lists and flags, and a variable of one host that cannot be evaluated costs nobody the report."""
    bed.dest = bed.root / "reports" / "texts"
    bed.hosts["good1"]["backup_verify_pairs"] = [{"name": "etc", "src": "{{ defined_nowhere }}", "dest": "/backup/etc"}]
    texts = (
        "hosts=good1,good2",
        "formats=html,json",
        "charts=false",
        "mail_attach=false",
        "mail_to=a@example.com,b@example.com",
        "history_keep=5",
        "fail=true",
    )
    run = bed.run(*(word for text in texts for word in ("-e", '{"backup_report_%s": "%s"}' % tuple(text.split("=")))))
    assert run.status == 0
    assert {path.name for path in bed.dest.iterdir()} == {"backups.html", "backups.json", "backups.history.jsonl"}
    assert {row["name"]: row["verdict"] for row in bed.report()["hosts"]} == {"good1": "good", "good2": "good"}
    (mail,) = bed.mails()
    assert mail["To"] == "a@example.com, b@example.com"
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    bed.hosts["good1"].pop("backup_verify_pairs")


def test_a_directory_that_cannot_be_written_to(bed: Bed) -> None:
    """There is a mail all the same, which says so; then the play ends failed and says why."""
    obstacle = bed.root / "obstacle"
    obstacle.write_text("in the way", encoding="utf-8")
    for there, why in ((obstacle, "obstacle"), (obstacle / "report", "Not a directory")):
        bed.dest = there
        run = bed.run(backup_report_charts=False)
        assert run.bad()
        assert re.search("The report could not be written to %s on localhost: .*%s" % (there, why), run.output)
        assert "It was mailed" in run.output
        (mail,) = bed.mails()
        assert "could not be written" in " ".join(mail.get_body(("plain",)).get_content().split())
    assert obstacle.read_text(encoding="utf-8") == "in the way"


def test_without_the_optional_libraries(bed: Bed) -> None:
    """One clear sentence for each, in the page too, and the report goes on without."""
    hidden = bed.root / "hidden"
    for name in ("matplotlib", "xlsxwriter"):
        (hidden / name).mkdir(parents=True)
        (hidden / name / "__init__.py").write_text("raise ModuleNotFoundError('No module named %s', name=%r)\n" % (name, name), encoding="utf-8")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(hidden), *filter(None, [os.environ.get("PYTHONPATH")])])
    bed.dest = bed.root / "reports" / "bare"
    run = bed.run()
    assert run.status == 0
    assert {path.name for path in bed.dest.iterdir()} == FILES - {"backups.xlsx"}
    page = bed.text("backups.html")
    assert re.search("The charts are left out: a chart needs the Python library matplotlib on the controller: install it for [^ :]+<", page)
    assert re.search("The workbook is left out: a workbook needs the Python library XlsxWriter on the controller: install it for [^ :]+<", page)
    assert "<img" not in page
    (mail,) = bed.mails()
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]


def main() -> None:
    root = Path(tempfile.mkdtemp(prefix="fleetproof-report-"))
    try:
        bed = Bed(root)
        test_check_run_check_run(bed)
        test_every_host_is_in_every_form(bed)
        test_the_mail(bed)
        test_nothing_that_a_host_says_is_acted_upon(bed)
        test_when_there_is_a_mail(bed)
        test_a_limit(bed)
        test_a_good_fleet(bed)
        test_values_as_the_command_line_gives_them(bed)
        test_a_directory_that_cannot_be_written_to(bed)
        test_without_the_optional_libraries(bed)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
