# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import html.parser
import re
from pathlib import Path

import jinja2
import pytest
from ansible_collections.fleetproof.backup.plugins.plugin_utils import _page
from ansible_collections.fleetproof.backup.tests.unit.plugins.plugin_utils.reporting import (
    NASTY,
    history_of,
    nasty_fleet,
    pair,
    report,
    unreachable,
    verified,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

TEMPLATES = Path(__file__).parents[4] / "roles" / "backup_report" / "templates"
PAGE = str(TEMPLATES / "page.html.j2")
TEXT = str(TEMPLATES / "mail.txt.j2")
PICTURE = {"name": "trend", "title": "Trend", "alt": 'All "good" <now>', "png": "iVBORw0KGgo=", "width": 320, "height": 200}
VOID = {"meta", "img", "br", "link", "hr", "input"}


class Page(html.parser.HTMLParser):
    """A page taken apart; every element has to be closed in its turn."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(" ".join(data.split()))

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def text(self):
        return " ".join(filter(None, self.texts))


def page(found, in_mail=False, pictures=()):
    return Page(_page.render(found, PAGE, pictures, in_mail))


FLEET = {
    "web1": verified(pair()),
    "db1": verified(pair("data", "damaged", findings=[{"path": "a/b", "what": "content differs"}], findings_total=21)),
    "mail1": unreachable("maildir"),
    "db2": verified(pair("data", "repaired", repair={"before": "incomplete", "bytes_copied": 2048, "counts": {}})),
}


def test_the_verdict_stands_at_the_top():
    found = page(report(FLEET))
    assert found.text.index("2 of 4 hosts are good") < found.text.index("Needs attention") < found.text.index("All backups")


def test_what_is_wrong_and_what_to_do_stand_beside_each_other():
    text = page(report(FLEET)).text
    assert "Did not answer: Connection timed out" in text
    assert "It is damaged. To do: Do something about data." in text


def test_a_good_fleet_needs_no_attention():
    text = page(report({"web1": verified(pair()), "web2": verified(pair())})).text
    assert "All 2 hosts are good" in text
    assert "Needs attention" not in text
    assert "What was found" not in text


def test_every_host_is_in_the_table_of_all():
    text = page(report(FLEET)).text
    assert all(name in text[text.index("All backups") :] for name in FLEET)


def test_findings_are_named_and_the_others_counted():
    text = page(report(FLEET)).text
    assert "a/b content differs … and 20 more." in text


def test_what_was_repaired_is_told():
    assert "Was incomplete; 2.0 KiB copied." in page(report(FLEET)).text


@pytest.mark.parametrize("template", [PAGE, TEXT])
@pytest.mark.parametrize("verdict", ["good", "incomplete"])
def test_a_mirror_says_what_was_fetched_and_from_where(template, verdict):
    told = "Fetched from ftp://ftp.example.com/pub: 3 new, 1.2 MiB"
    mirror = pair("pub", verdict, source="ftp_mirror", src="ftp://ftp.example.com/pub", dest="/srv/pub", told=told, findings=[{"path": "a", "what": "550 No"}])
    text = _page.render(report({"web1": verified(mirror)}), template, [], in_mail=True)
    # The text names what needs attention alone.
    assert (told in " ".join(text.split())) is (template == PAGE or verdict != "good")
    assert ("in the mirror" in text) is (template == PAGE and verdict != "good")


def test_changes_are_shown_with_both_verdicts():
    before = {**FLEET, "db1": verified(pair("data"))}
    text = page(report(FLEET, history_of(before))).text
    assert "db1 / data good → damaged" in text
    assert "Nothing changed since 1 Jan 2026" in page(report(FLEET, history_of(FLEET))).text


def test_check_mode_and_notes_are_told():
    found = report(FLEET, check_mode=True)
    found["notes"].append("The charts are left out: <b>")
    text = page(found).text
    assert "Check mode: nothing was written" in text
    assert "The charts are left out: <b>" in text


@pytest.mark.parametrize("in_mail", [True, False])
def test_nothing_is_loaded_from_elsewhere_and_nothing_runs(in_mail):
    found = page(report(nasty_fleet(), history_of(FLEET)), in_mail, [PICTURE])
    assert not found.all("script")
    assert not found.all("link")
    assert not found.all("iframe")
    assert all(image["src"].startswith("cid:" if in_mail else "data:image/png;base64,") for image in found.all("img"))
    assert not [attrs for _tag, attrs in found.tags if any(name.startswith("on") for name in attrs)]


@pytest.mark.parametrize("in_mail", [True, False])
def test_whatever_a_host_says_is_shown_and_never_acted_upon(in_mail):
    found = page(report(nasty_fleet()), in_mail)
    for text in NASTY[:3]:
        assert text in found.text
    assert "49" not in found.text


@settings(max_examples=15, deadline=None)
@given(st.text(st.characters(), min_size=1, max_size=30))
@example("\r")
def test_any_text_leaves_the_page_whole(text):
    # White space alone is no sentence, and has no line of its own.
    told = "x" + text
    fleet = {text: verified(pair(text, "damaged", reasons=[told], todo=told, src=text, dest=text, findings=[{"path": text, "what": text}]))}
    found = page(report(fleet), pictures=[{**PICTURE, "alt": text}])
    plain = page(report({"x": verified(pair("x", "damaged", findings=[{"path": "x", "what": "x"}]))}), pictures=[PICTURE])
    assert [tag for tag, _attrs in found.tags] == [tag for tag, _attrs in plain.tags]
    _page.render(report(fleet), TEXT, [], True).encode("utf-8")


def test_the_page_can_be_read_without_seeing_it():
    found = page(report(FLEET), pictures=[PICTURE])
    assert found.all("html")[0]["lang"] == "en"
    assert all(image["alt"] == PICTURE["alt"] for image in found.all("img"))
    headings = [tag for tag, _attrs in found.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == "h1"
    assert headings.count("h1") == 1
    for table in found.all("table"):
        assert table.get("role") == "presentation" or "role" not in table
    assert {attrs.get("scope") for attrs in found.all("th")} == {"row", "col"}


def test_the_page_is_for_phones_and_for_dark_screens():
    text = _page.render(report(FLEET), PAGE, [], False)
    assert 'name="viewport" content="width=device-width, initial-scale=1"' in text
    assert 'name="color-scheme" content="light dark"' in text
    assert "prefers-color-scheme: dark" in text


def test_a_mail_about_a_large_fleet_stays_under_what_mail_programs_show():
    findings = [{"path": "a/long/path/to/a/file/number/%d" % number, "what": "content differs"} for number in range(20)]
    fleet = {"host%d.example.com" % number: verified(pair("data", "damaged", findings=findings, findings_total=400), pair("etc")) for number in range(200)}
    found = report(fleet, history_of({name: verified(pair("data")) for name in fleet}))
    mail = _page.render(found, PAGE, [PICTURE], True)
    assert len(mail.encode("utf-8")) < 102400
    assert "… and 185 more" in Page(mail).text
    whole = page(found).text
    assert all(name in whole for name in fleet)


def test_the_text_says_all_that_the_page_says():
    text = _page.render(report(FLEET, history_of({**FLEET, "db1": verified(pair("data"))})), TEXT, [], True)
    for words in (
        "2 of 4 hosts good, 2 bad: mail1, db1",
        "mail1: UNREACHABLE",
        "Did not answer: Connection timed out.",
        "- a/b: content differs",
        "- and 20 more",
        "To do: Do something about data.",
        "db1 / data: good -> damaged",
    ):
        assert words in text.replace("\n    ", " ").replace("\n  ", " ") or words in text
    assert "<" not in text
    assert "&" not in text


def test_the_text_escapes_nothing():
    text = _page.render(report({"web1": verified(pair("<a> & 'b'", "damaged"))}), TEXT, [], True)
    assert "<a> & 'b': damaged" in text


def test_a_template_reaches_nothing_but_the_report(tmp_path):
    path = tmp_path / "page.html.j2"
    path.write_text("{{ ''.__class__.__mro__[1].__subclasses__() }}", encoding="utf-8")
    with pytest.raises(jinja2.TemplateError):
        _page.render(report(FLEET), str(path), [], False)


def test_a_mistake_in_a_template_is_an_error_and_no_gap(tmp_path):
    path = tmp_path / "page.html.j2"
    path.write_text("{{ report.hedline }}", encoding="utf-8")
    with pytest.raises(jinja2.UndefinedError):
        _page.render(report(FLEET), str(path), [], False)


@pytest.mark.parametrize("template", [PAGE, TEXT])
def test_a_mailbox_is_not_counted_among_the_backups(template):
    def said(*rows):
        return _page.render(report({"web1": {"fleetproof_verdicts": list(rows)}}), template, [], True)

    mail = [{**pair(), "name": name, "source": "mail_roundtrip"} for name in ("in", "out")]
    assert "1 backup, 2 mailboxes, " in said(pair(), *mail)
    assert "2 mailboxes, " in said(*mail)
    assert "1 backup, " in said(pair())
    assert "0 backups, " in _page.render(report({"web1": {}}), template, [], True)
