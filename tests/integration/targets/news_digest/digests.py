# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook news_digest from end to end: what is new goes out once, and nothing is lost when it could not go out.

Runs of ansible-playbook are dear, so each of them proves several things on several hosts. Nothing outside a temporary
directory is touched.
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

from smtpd import USERS, SmtpServer  # noqa: E402

from nntpd import NewsServer  # noqa: E402
from playbook import Run, run_playbook  # noqa: E402
from serving import free_socket  # noqa: E402

PASSWORD = USERS["fleet"]
Variables = t.Dict[str, t.Any]


def article(name: str, subject: str, body: str, references: str = "", sender: str = "Jane <jane@example.org>") -> bytes:
    """An article as octets, in UTF-8."""
    more = "References: %s\n" % references if references else ""
    return (
        "From: %s\nNewsgroups: fleet.talk\nSubject: %s\nDate: Tue, 3 Feb 2026 05:05:06 +0000\nMessage-ID: <%s@example.org>\n%s\n%s"
        % (sender, subject, name, more, body)
    ).encode("utf-8")


class Bed:
    """The servers, the hosts with their variables, and how to run the playbook on them."""

    def __init__(self, root: Path, running: contextlib.ExitStack) -> None:
        self.root = root
        self.trap = root / "trap"
        self.page = root / "page"
        (root / "ansible").mkdir()
        (root / "temporary").mkdir()
        self.smtp = running.enter_context(SmtpServer(root / "smtp"))
        self.news = running.enter_context(NewsServer(root / "news"))
        self.news.behave(login="all")
        # bound and not listening: nobody answers there, and nobody else can take it meanwhile
        self.nobody = running.enter_context(contextlib.closing(free_socket("127.0.0.1")))
        for group in ("fleet.talk", "fleet.quiet", "fleet.digest"):
            self.news.add_group(group)
        hostile = "{{ lookup('ansible.builtin.pipe', 'touch %s') }}" % self.trap
        self.news.add_article("fleet.talk", article("root", "值班表", "Who is on duty?\n\n-- \nJane\n"))
        self.news.add_article("fleet.talk", article("answer", "Re: 值班表", "Jane wrote:\n> Who is on duty?\nI am.\n", "<root@example.org>"))
        self.news.add_article(
            "fleet.talk",
            article("hostile", "<script>alert(1)</script>" + hostile, '<img src="http://evil.example/x.png">\n%s\n\x1b[2J\u202eabc\n' % hostile),
        )
        self.hosts: t.Dict[str, Variables] = {
            # A group that is not there does not hide the others.
            "whole": {
                "news_digest_groups": [{"group": "fleet.talk"}, {"group": "fleet.missing"}, {"group": "fleet.quiet"}],
                "news_digest_dest": str(self.page),
                "news_digest_post_to": ["fleet.digest"],
            },
            "searched": {"news_digest_groups": [{"group": "fleet.talk", "name": "Duty", "search": {"body": ["duty"]}, "articles": ["1-"]}]},
            # The newest ones are the same the next time: it does not go on to older ones.
            "newest": {"news_digest_groups": [{"group": "fleet.talk", "articles": ["latest"], "count": 2}]},
            "cut_off": {"news_digest_groups": [{"group": "fleet.talk"}], "news_digest_smtp": {"port": self.nobody.getsockname()[1], "retries": 0}},
            # nothing but a text of one's own
            "text": {
                "news_digest_mail_to": [],
                "news_digest_post_to": ["fleet.digest"],
                "news_digest_post_subject": "Backups of the fleet",
                "news_digest_post_body": "All good.\n",
            },
        }

    def run(self, *options: str, **variables: t.Any) -> Run:
        """Run the playbook on all hosts."""
        smtp = {"host": self.smtp.host, "port": self.smtp.port, "ca_path": str(self.smtp.ca), "username": "fleet", "password": PASSWORD}
        news = {"host": self.news.host, "port": self.news.tls_port, "ca_path": str(self.news.ca), "username": "fleet", "password": PASSWORD}
        hosts = {
            name: {
                "ansible_remote_tmp": str(self.root / "tmp" / name),
                "news_digest_state_dir": str(self.root / "state" / name),
                "news_digest_mail_to": ["%s@example.com" % name],
                **given,
                "news_digest_smtp": {**smtp, **given.get("news_digest_smtp", {})},
            }
            for name, given in self.hosts.items()
        }
        everywhere = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "ansible_pipelining": True,
            "news_digest_mail_from": "News <news@example.com>",
            "news_digest_server": news,
        }
        inventory = self.root / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": everywhere}}), encoding="utf-8")
        run = run_playbook("news_digest", inventory, self.root / "ansible", {"news_digest_hosts": "all", **variables}, options)
        print("$ %s\n%s" % (" ".join(run.command), run.output), flush=True)
        assert PASSWORD not in run.output, "a password was shown"
        assert not self.trap.exists(), "the text of an article was run as a template"
        assert not list((self.root / "temporary").iterdir()), "something was left behind"
        return run

    def mails(self) -> t.Dict[str, t.List[t.Tuple[str, str, str]]]:
        """Subject, text and HTML of the mails that were received, by the host that sent them."""
        found: t.Dict[str, t.List[t.Tuple[str, str, str]]] = {}
        for received in self.smtp.messages():
            text, html = (part.get_content() for part in received.message.iter_parts())
            found.setdefault(received.envelope["rcpt_tos"][0].partition("@")[0], []).append((received.message["Subject"], text, html))
        return found

    def posted(self) -> t.List[bytes]:
        """What is in the group of digests."""
        return [found.raw for found in self.news.articles("fleet.digest")]


def test_check_mode_sends_and_remembers_nothing(bed: Bed) -> None:
    run = bed.run("--check", "--diff")
    assert run.changed() == {"whole", "searched", "newest", "cut_off", "text"}
    assert "Would post" in run.output or "not posted" in run.output
    assert (bed.smtp.messages(), bed.posted()) == ([], [])
    assert not (bed.root / "state").exists()
    assert not bed.page.exists()


def test_what_is_new_goes_out(bed: Bed) -> None:
    run = bed.run(news_digest_fail_on_bad=True)
    recap = run.recap()
    assert {name for name, numbers in recap.items() if numbers["failed"]} == {"whole", "cut_off"}
    assert run.changed() == {"whole", "searched", "newest", "cut_off", "text"}
    mails = bed.mails()
    assert set(mails) == {"whole", "searched", "newest"}
    ((subject, text, html),) = mails["whole"]
    assert subject == "News digest: 3 new articles, 1 not read"
    assert "fleet.missing" in text
    assert "fleet.quiet" not in text
    # the answer stands below what it answers, without the quotation
    assert "* 值班表\n  Jane <jane@example.org>, 2026-02-03T05:05:06Z\n  <root@example.org>\n  | Who is on duty?\n\n  * Re: 值班表\n" in text.replace(
        "\r\n", "\n"
    )
    assert "    | I am.\n" in text.replace("\r\n", "\n")
    assert "> Who" not in text
    for body in (text, html):
        assert "\x1b" not in body
        assert "\u202e" not in body
        assert "{{ lookup(" in body.replace("&#39;", "'")
    assert "<script" not in html
    assert "<img" not in html
    assert "<a " not in html
    assert (bed.page / "digest.html").read_text(encoding="utf-8").strip() == html.replace("\r\n", "\n").strip()
    assert (bed.page / "digest.txt").read_text(encoding="utf-8").strip() == text.replace("\r\n", "\n").strip()
    ((subject, text, html),) = mails["searched"]
    assert subject == "News digest: 2 new articles"
    assert "Duty: 2 new articles" in text
    ((subject, text, html),) = mails["newest"]
    assert subject == "News digest: 2 new articles"
    assert "may be more" not in text + html
    assert {raw.partition(b"Subject: ")[2].partition(b"\r\n")[0] for raw in bed.posted()} == {
        b"News digest: 3 new articles, 1 not read",
        b"Backups of the fleet",
    }


def test_nothing_goes_out_twice_and_what_did_not_go_out_is_not_lost(bed: Bed) -> None:
    """The mail server of one host is back; the group that was missing is there for another one."""
    del bed.hosts["cut_off"]["news_digest_smtp"]
    bed.hosts["whole"]["news_digest_groups"][1]["group"] = "fleet.quiet"
    before = bed.posted()
    assert bed.run("--check").changed() == {"cut_off"}
    assert bed.run().changed() == {"cut_off"}
    mails = bed.mails()
    assert {name: len(found) for name, found in mails.items()} == {"whole": 1, "searched": 1, "newest": 1, "cut_off": 1}
    assert mails["cut_off"][0][0] == "News digest: 3 new articles"
    assert bed.posted() == before


def test_the_next_digest_has_what_came_since(bed: Bed) -> None:
    bed.news.add_article("fleet.talk", article("late", "Re: 值班表", "Me too.\n", "<root@example.org> <answer@example.org>"))
    bed.hosts = {"cut_off": bed.hosts["cut_off"], "quiet": {"news_digest_groups": [{"group": "fleet.quiet"}]}}
    run = bed.run(news_digest_mail_when="always")
    assert run.changed() == {"cut_off", "quiet"}
    mails = bed.mails()
    assert mails["cut_off"][1][0] == "News digest: 1 new article"
    assert "Me too." in mails["cut_off"][1][1]
    assert "Who is on duty?" not in mails["cut_off"][1][1]
    assert "Nothing new." in mails["quiet"][0][1]


def main() -> None:
    root = Path(tempfile.mkdtemp(prefix="fleetproof-digests-"))
    # Not the home of whoever runs the tests, who may have none.
    os.environ["XDG_STATE_HOME"] = str(root / "home")
    os.environ["TMPDIR"] = str(root / "temporary")
    try:
        with contextlib.ExitStack() as running:
            bed = Bed(root, running)
            test_check_mode_sends_and_remembers_nothing(bed)
            test_what_is_new_goes_out(bed)
            test_nothing_goes_out_twice_and_what_did_not_go_out_is_not_lost(bed)
            test_the_next_digest_has_what_came_since(bed)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
