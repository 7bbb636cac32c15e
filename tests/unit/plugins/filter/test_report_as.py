# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fleetproof.backup.plugins.filter.report_as import FilterModule, report_as
from ansible_collections.fleetproof.backup.tests.unit.plugins.plugin_utils.reporting import history_of, pair, report, verified

TEMPLATES = Path(__file__).parents[4] / "roles" / "backup_report" / "templates"
PAGE = str(TEMPLATES / "page.html.j2")
TEXT = str(TEMPLATES / "mail.txt.j2")
REPORT = report({"web1": verified(pair())}, history_of({"web1": verified(pair())}))
PICTURES = [base64.b64encode(b"picture %d" % number).decode() for number in range(4)]


def test_ansible_finds_it():
    assert FilterModule().filters() == {"report_as": report_as}


def test_json_is_the_report():
    assert json.loads(report_as(REPORT, "json")) == REPORT


def test_notes_are_added_to_those_that_there_are():
    assert json.loads(report_as({**REPORT, "notes": ["a"]}, "json", notes=["b"]))["notes"] == ["a", "b"]


def test_a_page_holds_its_pictures_and_a_mail_names_them():
    page = report_as(REPORT, "page", template=PAGE, pictures=PICTURES)
    mail = report_as(REPORT, "mail", template=PAGE, pictures=PICTURES)
    inline = report_as(REPORT, "inline", pictures=PICTURES)
    for item, picture in zip(inline, PICTURES):
        assert "data:image/png;base64,%s" % picture in page
        assert 'src="cid:%s"' % item["cid"] in mail
        assert item == {"content_b64": picture, "name": item["cid"] + ".png", "mime_type": "image/png", "cid": item["cid"]}
    assert len(inline) == mail.count("cid:") == 4
    assert "data:" not in mail


def test_there_are_as_many_charts_as_pictures_are_asked_for():
    assert len(report_as(REPORT, "charts")) == 4
    with pytest.raises(AnsibleFilterError, match="4 charts and 1 pictures"):
        report_as(REPORT, "page", template=PAGE, pictures=["x"])


def test_a_page_goes_without_pictures():
    assert "<img" not in report_as(REPORT, "page", template=PAGE)
    assert report_as(REPORT, "inline") == []


def test_the_history_ends_with_this_report():
    runs = [json.loads(line) for line in report_as(REPORT, "history", mailed=True).splitlines()]
    assert [run["mailed"] for run in runs] == [False, True]
    assert len(report_as(REPORT, "history", keep=1).splitlines()) == 1


@pytest.mark.parametrize("form", ["page", "mail", "text"])
def test_a_form_that_needs_a_template_says_so(form):
    with pytest.raises(AnsibleFilterError, match="needs a template"):
        report_as(REPORT, form)


def test_a_template_that_is_not_there_is_an_error_that_names_it(tmp_path):
    with pytest.raises(AnsibleFilterError, match=r"none\.html\.j2"):
        report_as(REPORT, "page", template=str(tmp_path / "none.html.j2"))


@pytest.mark.parametrize("value", [{}, [], "x", {"format": 99}, None])
def test_what_is_no_report_is_an_error(value):
    with pytest.raises(AnsibleFilterError, match="not a report"):
        report_as(value, "json")


@pytest.mark.parametrize(("given", "word"), [({"form": "pdf"}, "form"), ({"keep": 0}, "keep"), ({"notes": "x"}, "notes"), ({"pictures": "x"}, "pictures")])
def test_what_is_wrong_with_an_option_is_an_error_that_names_it(given, word):
    with pytest.raises(AnsibleFilterError, match="report_as: .*%s" % word):
        report_as(REPORT, **{"form": "json", **given})


def test_text_is_text():
    assert report_as(REPORT, "text", template=TEXT).startswith("1 of 1 host good\n")
