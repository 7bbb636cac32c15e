# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook ftp_mirror from end to end: sites of every kind, good and bad, mirrored, judged and reported.

Runs of ansible-playbook are dear, so each of them proves several things on several hosts. What it says and leaves
behind is asserted. Nothing outside a temporary directory is touched.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tarfile
import tempfile
import time
import typing as t
from pathlib import Path

COLLECTION = Path(os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)[0]) / "ansible_collections" / "fleetproof" / "backup"
sys.path.insert(0, str(COLLECTION / "tests" / "testbed"))

from ftpd import USERS, FtpServer  # noqa: E402
from playbook import Run, run_playbook  # noqa: E402
from serving import free_socket  # noqa: E402

FORMATS = ["json", "html", "junit", "prometheus"]
PLAIN = {"backup_report_charts": False, "backup_report_formats": ["json"]}
DAY = 86400
DATED = re.compile(r"site-\d{4}-\d\d-\d\dT\d{6}Z\.tar\.gz")
# By host, which is named after its only site: the verdict, and the paths that it names.
WANTED: t.Dict[str, t.Tuple[str, t.Set[str]]] = {
    "good": ("good", set()),
    "archive": ("good", set()),
    "upload": ("good", set()),
    "old": ("stale", set()),
    "hostile": ("incomplete", {"..\\..\\evil.txt"}),
    "refused": ("incomplete", {"secret.bin"}),
    "spoilt": ("damaged", {"data.bin"}),
    "login": ("failed", set()),
    "gone": ("failed", set()),
    "mute": ("unreachable", set()),
}
# Where there is something to move, and what there is can be moved.
MOVING = {"good", "archive", "upload", "old"}

# Hosts with sites that make no sense, and the words that say so; of the first one another site does.
SENSELESS = {
    "lost": ["nowhere"],
    "empty": ["ftp_mirror_sites is empty"],
    "twins": ["share a name"],
    "rivals": ["the same archive, or the same keep_dir"],
    "typo": ["sorce"],
    "odd": ["needs a host", "max_age", "without scheme", "not negative"],
}

Snapshot = t.Dict[str, t.Any]
Site = t.Dict[str, t.Any]


class Bed:
    """The FTP servers, the hosts, and what the last run said."""

    def __init__(self, root: Path, server: FtpServer, refusing: FtpServer, lying: FtpServer) -> None:
        self.root = root
        self.server = server
        self.report = root / "report"
        # bound and not listening: nobody answers there, and nobody else can take it meanwhile
        self.nobody = free_socket("127.0.0.1")
        self.mirrors = root / "mirrors"
        for name in ("ansible", "mirrors"):
            (root / name).mkdir()
        self.fleet(())
        self.fill()
        write(refusing.root / "site" / "secret.bin", "nobody gets this\n")
        refusing.behave(refuse={"RETR": "550 Not for you."})
        # By its name the first of what fails, of which one is to be listed: damage is found and named all the same.
        write(lying.root / "site" / "..\\..\\evil.txt", "evil\n")
        write(lying.root / "site" / "data.bin", "true\n")
        lying.behave(hash=["XSHA256"], wrong_hash=True)
        self.sites: t.Dict[str, Site] = {
            "good": {"src": "pub", "max_age": "1d", "delete": True, "exclude": ["*.tmp"]},
            "archive": {"src": "site", "max_age": "1d", "archive": {"path": str(self.mirrors / "site.tar.gz"), "keep_dir": str(self.mirrors / "kept")}},
            "upload": {"direction": "upload", "src": str(root / "local"), "dest": "incoming/local", "max_age": "1d"},
            "old": {"src": "old", "max_age": "2d", "tls": "implicit", "port": server.implicit_port},
            "hostile": {"src": "hostile"},
            "refused": {"src": "site", **where(refusing)},
            "spoilt": {"src": "site", "verify": "hash", **where(lying)},
            "login": {"src": "pub", "password": "not the right words"},
            "gone": {"src": "pub", "port": self.nobody.getsockname()[1], "retries": 0, "max_age": "1d"},
            "mute": {"src": "pub"},
        }
        self.sites["archive"]["archive_keep"] = {"keep_last": 2}
        self.hosts: t.Dict[str, t.Dict[str, t.Any]] = {name: {} for name in self.sites}
        self.hosts["spoilt"]["ftp_mirror_max_findings"] = 1
        silent = root / "silent"
        silent.write_text("#!/bin/sh\necho 'No route to host' >&2\nexit 255\n", encoding="utf-8")
        silent.chmod(0o755)
        self.hosts["mute"] = {"ansible_connection": "ssh", "ansible_ssh_executable": str(silent), "ansible_ssh_retries": 0}

    def fill(self) -> None:
        """What the server has, and what a host has for it."""
        root = self.server.root
        write(root / "pub" / "LATEST", "2.0\n")
        write(root / "pub" / "v 2.0" / "{{ 7*7 }}.txt", "no template\n")
        write(root / "pub" / "scratch.tmp", "not this\n")
        write(root / "site" / "index.html", "<h1>One</h1>\n")
        write(root / "old" / "release.txt", "long ago\n", age=10 * DAY)
        write(root / "hostile" / "fine.txt", "fine\n")
        write(root / "hostile" / "..\\..\\evil.txt", "evil\n")
        write(self.root / "local" / "reports" / "today.txt", "sent\n")

    def fleet(self, senseless: t.Collection[str]) -> None:
        """Have hosts of SENSELESS, besides the others."""
        whole = {"name": "whole", "src": "pub", "dest": str(self.mirrors / "good"), "exclude": ["*.tmp"]}
        secret = {"password": USERS["fleet"]}
        packed = {"src": "site", "archive": {"path": "site.tar.gz", "keep_dir": str(self.mirrors / "rival")}, "archive_keep": {"keep_last": 1}}
        sites: t.Dict[str, t.List[Site]] = {
            "lost": [{"name": "lost", "src": "nowhere", "dest": str(self.mirrors / "lost")}, whole],
            "empty": [],
            "twins": [whole, whole],
            "rivals": [{"name": "one", **packed}, {"name": "two", **packed, "archive": {**packed["archive"], "path": "other/site.tar.gz"}}],
            "typo": [{**whole, **secret, "sorce": "x"}],
            "odd": [
                {"name": "nowhere", "src": "pub", **secret},
                {**whole, "max_age": "yesterday"},
                {**whole, "name": "address", "host": "ftp://fleet:se same@localhost/pub"},
                {**packed, "name": "negative", "archive_keep": {"keep_last": -1}},
            ],
        }
        self.senseless = {name: sites[name] for name in senseless}

    def run(self, *options: str, playbook: str = "ftp_mirror", status: t.Optional[int] = None, **variables: t.Any) -> Run:
        """Run a playbook; with ``status`` that is what it has to end with."""
        hosts = {}
        for name, site in self.sites.items():
            place = {} if "dest" in site or "archive" in site else {"dest": str(self.mirrors / name)}
            hosts[name] = {"ansible_remote_tmp": str(self.root / "tmp" / name), "ftp_mirror_sites": [{"name": name, **place, **site}], **self.hosts[name]}
        for name, sites in self.senseless.items():
            hosts[name] = {"ansible_remote_tmp": str(self.root / "tmp" / name), "ftp_mirror_sites": sites}
        everywhere = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "ansible_pipelining": True,
            "backup_report_dest": str(self.report),
            "ftp_mirror_host": self.server.host,
            "ftp_mirror_port": self.server.explicit_port,
            "ftp_mirror_ca_path": self.server.ca,
            "ftp_mirror_username": "fleet",
            "ftp_mirror_password": USERS["fleet"],
        }
        inventory = self.root / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": everywhere}}), encoding="utf-8")
        run = run_playbook(playbook, inventory, self.root / "ansible", {**PLAIN, **variables}, options)
        print("$ %s\n%s" % (" ".join(run.command), run.output), flush=True)
        assert status is None or run.status == status, "exit status %d instead of %d" % (run.status, status)
        for secret in (USERS["fleet"], self.sites["login"]["password"]):
            assert secret not in run.output, "a password was shown"
        return run

    def row(self, host: str) -> t.Dict[str, t.Any]:
        """The one mirror of a host in the last report."""
        (pair,) = self.rows()[host]["pairs"]
        return t.cast("t.Dict[str, t.Any]", pair)

    def rows(self) -> t.Dict[str, t.Dict[str, t.Any]]:
        """The rows of the last report by host."""
        return {row["name"]: row for row in json.loads((self.report / "backups.json").read_text(encoding="utf-8"))["hosts"]}

    def found(self) -> t.Dict[str, t.Tuple[str, t.Set[str]]]:
        """The verdict on each host, and the paths that it names."""
        return {name: (row["verdict"], {item["path"] for pair in row["pairs"] for item in pair["findings"]}) for name, row in self.rows().items()}

    def copies(self) -> t.List[str]:
        """The dated copies of the archive, the oldest first."""
        return sorted(path.name for path in (self.mirrors / "kept").iterdir() if DATED.fullmatch(path.name))


def where(server: FtpServer) -> Site:
    """Options that lead to another server."""
    return {"port": server.explicit_port, "ca_path": server.ca}


def write(path: Path, text: str, age: float = 60) -> None:
    """A file that is ``age`` seconds old."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    os.utime(path, (time.time() - age,) * 2)


def snapshot(*roots: Path) -> Snapshot:
    """All that is below ``roots``, with contents and times."""
    found: Snapshot = {}
    for root in roots:
        for path in sorted(root.rglob("*")):
            status = path.lstat()
            found[str(path)] = (status.st_mode, None, None) if path.is_dir() else (status.st_mode, status.st_mtime_ns, path.read_bytes())
    return found


def files(root: Path) -> t.Dict[str, bytes]:
    """The files below ``root`` by path."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def changes(run: Run) -> t.Dict[str, int]:
    """How many tasks of the role changed something on each host; those of the report, which may run on any host, do not count."""
    found: t.Dict[str, int] = {}
    for part in re.split(r"^TASK \[", run.output, flags=re.MULTILINE):
        if part.startswith("fleetproof.backup.ftp_mirror : "):
            for host in re.findall(r"^changed: \[(\w+)\]", part, flags=re.MULTILINE):
                found[host] = found.get(host, 0) + 1
    return found


def test_mirrors_are_made_and_judged(bed: Bed) -> None:
    """Everything that can be moved is, everything that cannot is named, and nothing is shown that is secret even to who wants to see all."""
    server = bed.server.root
    before = snapshot(server, bed.mirrors)
    predicted = changes(bed.run("--check", "--diff"))
    assert snapshot(server, bed.mirrors) == before, "check mode changed something"
    assert not bed.report.exists()
    run = bed.run("--diff", "-vvvv", backup_report_formats=FORMATS)
    assert run.status != 0, "the play has to end failed when mirrors are bad"
    assert bed.found() == WANTED
    assert set(changes(run)) == MOVING
    assert {host: number for host, number in predicted.items() if host in MOVING} == changes(run), "check mode predicted something else"
    check_what_was_moved(bed)


def check_what_was_moved(bed: Bed) -> None:
    """What the mirrors hold, and what the report says of them."""
    server = bed.server.root
    assert files(bed.mirrors / "good") == {path: data for path, data in files(server / "pub").items() if not path.endswith(".tmp")}
    assert files(server / "incoming" / "local") == files(bed.root / "local")
    assert files(bed.mirrors / "hostile") == {"fine.txt": b"fine\n"}
    assert not list(bed.root.rglob("evil*"))
    assert files(bed.mirrors / "refused") == {}
    assert files(bed.mirrors / "spoilt") == {}, "a file that was not what it should be got its name"
    with tarfile.open(bed.mirrors / "site.tar.gz") as archive:
        assert "index.html" in archive.getnames()
    (copy,) = bed.copies()
    assert (bed.mirrors / "kept" / copy).samefile(bed.mirrors / "site.tar.gz")
    good, old, gone = bed.row("good"), bed.row("old"), bed.row("gone")
    assert (good["complete"], good["fresh"], good["bytes"]["right"]) == (True, True, 16)
    assert good["told"].startswith("Fetched from ftp://127.0.0.1:%d/pub: " % bed.server.explicit_port)
    assert bed.row("upload")["told"].startswith("Sent to ftp://127.0.0.1:")
    assert old["src"] == "ftps://127.0.0.1:%d/old" % bed.server.implicit_port
    assert (old["complete"], old["fresh"]) == (True, False)
    assert (gone["complete"], gone["fresh"]) == (None, None)
    assert "Connection refused" in gone["reasons"][0]
    assert "username and the password" in bed.row("login")["todo"]
    assert bed.row("spoilt")["findings_total"] == 2
    assert bed.row("spoilt")["intact"] is False
    assert all(row["pairs"][0]["todo"] or row["todo"] for row in bed.rows().values() if not row["good"])
    for name in ("backups.html", "backups.junit.xml", "backups.prom", "backups.json"):
        text = (bed.report / name).read_text(encoding="utf-8")
        assert all(host in text for host in bed.hosts), name
        assert USERS["fleet"] not in text
    assert "Fetched from" in (bed.report / "backups.html").read_text(encoding="utf-8")


def test_nothing_is_done_twice_and_nothing_hides_the_rest(bed: Bed) -> None:
    """The second run changes nothing, and what is wrong with one site, or one host, says nothing about the others."""
    # Where no second name can be given, a copy is made, and it is known again as one.
    (copy,) = bed.copies()
    (bed.mirrors / "kept" / copy).unlink()
    shutil.copy2(bed.mirrors / "site.tar.gz", bed.mirrors / "kept" / copy)
    settled = snapshot(bed.server.root, bed.mirrors)
    again = {"good", "archive", "upload"}
    bed.fleet(SENSELESS)
    try:
        run = bed.run("-vvv", "--limit", ",".join([*again, *SENSELESS]))
    finally:
        bed.fleet(())
    assert run.status != 0
    assert changes(run) == {}
    assert snapshot(bed.server.root, bed.mirrors) == settled
    rows = bed.rows()
    found = bed.found()
    assert {name: found[name] for name in WANTED} == {name: wanted if name in again else ("skipped", set()) for name, wanted in WANTED.items()}
    assert {pair["name"]: pair["verdict"] for pair in rows["lost"]["pairs"]} == {"lost": "failed", "whole": "good"}
    assert not (bed.mirrors / "lost").exists(), "a failed transfer left an empty directory"
    assert "se same" not in (bed.report / "backups.json").read_text(encoding="utf-8"), "a password in an address was reported"
    for name, words in SENSELESS.items():
        reasons = "; ".join(reason for pair in rows[name]["pairs"] for reason in pair["reasons"])
        assert rows[name]["verdict"] == "failed", name
        assert all(word in reasons for word in words), "%s: %s" % (name, reasons)


def test_dated_copies_and_guards(bed: Bed) -> None:
    """Each archive that differs is kept under its date, and of those the last two; no mirror is emptied, and a limit of 0 is one."""
    kept = bed.mirrors / "kept"
    likely = {"site-2020-01-01.tar.gz", "site-2020-01-01T000000Z.tar.gz.bak", "other-2020-01-01T000000Z.tar.gz", "xsite-2020-01-01T000000Z.tar.gz"}
    for name in likely:
        write(kept / name, "mine\n")
    write(kept / "site-2020-01-01T000000Z.tar.gz", "an old one\n")
    place = bed.server.root / "pub"
    place.rename(bed.root / "aside")
    place.mkdir()
    write(bed.server.root / "site" / "index.html", "<h1>Two</h1>\n", age=30)
    limit = ("--limit", "archive,good")
    del bed.sites["archive"]["max_age"]
    before = snapshot(bed.mirrors)
    run = bed.run("--check", *limit, ftp_mirror_fail_on_bad=True)
    assert snapshot(bed.mirrors) == before
    assert "good is failed (" in run.output
    assert "set require_nonempty_src to false" in run.output
    assert changes(run) == {"archive": 3}, "the archive, a copy of it, and one that goes"
    place.rmdir()
    (bed.root / "aside").rename(place)
    (place / "LATEST").unlink()
    bed.sites["good"].update(max_delete="100%", max_delete_size=0)
    past = bed.copies()
    run = bed.run(*limit, playbook="verify_backups", backup_verify_repair=True)
    assert changes(run) == {"archive": 3}
    assert "good is failed (" not in run.output
    assert bed.copies()[0] == past[-1]
    assert len(bed.copies()) == 2
    assert likely <= {path.name for path in kept.iterdir()}
    newest = kept / bed.copies()[-1]
    assert newest.samefile(bed.mirrors / "site.tar.gz")
    with tarfile.open(newest) as archive:
        assert archive.extractfile("index.html").read() == b"<h1>Two</h1>\n"  # type: ignore[union-attr]
    assert files(bed.mirrors / "good").keys() == {"LATEST", "v 2.0/{{ 7*7 }}.txt"}
    row = bed.row("good")
    assert row["verdict"] == "failed"
    assert "ftp_mirror_max_delete_size" in row["todo"]
    assert row["bytes"]["right"] == 16, "what is there still is"


def test_mirrors_beside_backups_and_clocks(bed: Bed) -> None:
    """verify_backups looks at mirrors and moves nothing, though a site would; with a repair it does. A clock that went back has no copy removed."""
    write(bed.server.root / "pub" / "LATEST", "3.0 alpha\n")
    bed.sites["good"]["transfer"] = True
    before = snapshot(bed.mirrors)
    run = bed.run("--limit", "good", playbook="verify_backups")
    assert run.status != 0
    assert changes(run) == {}
    assert snapshot(bed.mirrors) == before
    assert bed.found()["good"] == ("incomplete", {"LATEST"})
    (bed.mirrors / "kept" / bed.copies()[-1]).rename(bed.mirrors / "kept" / "site-2990-01-01T000000Z.tar.gz")
    bed.sites["archive"]["archive_keep"] = {"keep_last": 1}
    write(bed.server.root / "site" / "index.html", "<h1>Three</h1>\n", age=20)
    copies = bed.copies()
    assert len(copies) == 2
    assert changes(bed.run("--limit", "good,archive", playbook="verify_backups", backup_verify_repair=True)) == {"good": 1, "archive": 1}
    assert bed.row("good")["verdict"] == "good"
    assert bed.copies() == copies
    assert (bed.row("archive")["verdict"], bed.row("archive")["complete"]) == ("incomplete", True)
    assert "dated later than now" in bed.row("archive")["reasons"][0]


def main() -> None:
    root = Path(tempfile.mkdtemp(prefix="fleetproof-mirror-"))
    # Not the home of whoever runs the tests, who may have none.
    os.environ["XDG_STATE_HOME"] = str(root / "state")
    try:
        with FtpServer(root / "ftp") as server, FtpServer(root / "refusing") as refusing, FtpServer(root / "lying") as lying:
            bed = Bed(root, server, refusing, lying)
            test_mirrors_are_made_and_judged(bed)
            test_nothing_is_done_twice_and_nothing_hides_the_rest(bed)
            test_dated_copies_and_guards(bed)
            test_mirrors_beside_backups_and_clocks(bed)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
