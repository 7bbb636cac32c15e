# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import io
import zipfile

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.plugin_utils import _optional, _xlsx
from ansible_collections.fleetproof.backup.tests.unit.plugins.plugin_utils.reporting import NASTY
from hypothesis import given, settings
from hypothesis import strategies as st

openpyxl = pytest.importorskip("openpyxl")
pytest.importorskip("xlsxwriter")


def column(title="a", form="any", **more):
    return {"title": title, "width": 10, "format": form, "fills": {}, **more}


def opened(*sheets, **options):
    return openpyxl.load_workbook(io.BytesIO(_xlsx.workbook(sheets, **options)))


def cells(form, *values):
    page = opened({"name": "x", "columns": [column(form=form)], "rows": [[value] for value in values]}).worksheets[0]
    return [page.cell(row, 1) for row in range(2, len(values) + 2)]


@pytest.mark.parametrize("form", sorted(_xlsx.FORMATS))
def test_a_text_stays_a_text_whatever_it_begins_with(form):
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x")', "http://example.com/", "0123", "1e5", "{=1}"]
    for cell, text in zip(cells(form, *texts), texts):
        assert (cell.data_type, cell.value, cell.hyperlink) == ("s", text, None)


def test_what_xml_cannot_hold_never_breaks_the_file():
    for cell in cells("text", *NASTY):
        assert cell.data_type == "s"


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=200))
def test_texts_are_read_as_they_were_written(text):
    assert cells("text", text)[0].value == text


def test_numbers_are_numbers_and_those_too_large_are_texts():
    small, large, share = cells("number", 5, 10**18, 2.5)
    assert (small.value, share.value) == (5, 2.5)
    assert (large.data_type, large.value) == ("s", str(10**18))


def test_times_are_times_in_utc():
    found = cells("time", "2026-02-03T04:05:06Z", "2026-02-03T04:05:06+02:00", "never")
    assert [cell.value for cell in found] == [datetime.datetime(2026, 2, 3, 4, 5, 6), datetime.datetime(2026, 2, 3, 2, 5, 6), "never"]
    assert found[0].number_format == "yyyy-mm-dd hh:mm"


def test_flags_are_words_and_nothing_is_nothing():
    assert [cell.value for cell in cells("flag", True, False, None)] == ["yes", "no", None]
    assert [cell.value for cell in cells("any", True, "")] == [True, None]


def test_a_text_longer_than_a_cell_is_cut():
    assert len(cells("text", "x" * 40000)[0].value) == _xlsx.LONGEST_TEXT


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["a", "a", "A"], ["a", "a (2)", "A (3)"]),
        (["x" * 40, "x" * 40], ["x" * 31, "x" * 27 + " (2)"]),
        (["a/b:c?[d]*\\"], ["a_b_c__d___"]),
        (["History", "", "'q'"], ["History_", "Sheet", "q"]),
    ],
)
def test_sheets_have_names_that_excel_takes(names, wanted):
    assert opened(*({"name": name, "columns": [column()], "rows": []} for name in names)).sheetnames == wanted


def test_texts_can_have_a_colour_of_their_own():
    page = opened({"name": "x", "columns": [column(fills={"bad": "#fadedb"})], "rows": [["bad"], ["good"]]}).worksheets[0]
    assert page["A2"].fill.fgColor.rgb == "FFFADEDB"
    assert page["A3"].fill.fill_type is None


def test_the_head_stays_in_sight():
    page = opened({"name": "x", "columns": [column("one"), column("two")], "rows": [[1, 2]]}).worksheets[0]
    assert page.freeze_panes == "A2"
    assert page.auto_filter.ref == "A1:B2"


def test_the_same_tables_make_the_same_bytes():
    sheet = {"name": "x", "columns": [column(fills={"bad": "#fadedb"})], "rows": [["bad"], [1], [None]]}
    assert _xlsx.workbook([sheet], "t") == _xlsx.workbook([sheet], "t")
    with zipfile.ZipFile(io.BytesIO(_xlsx.workbook([sheet]))) as archive:
        assert {info.date_time[0] for info in archive.infolist()} == {1980}


def test_the_day_of_the_workbook_can_be_given():
    sheet = {"name": "x", "columns": [column()], "rows": []}
    moment = datetime.datetime(2026, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
    assert opened(sheet, title="T", created=moment).properties.created == datetime.datetime(2026, 2, 3, 4, 5, 6)


def test_a_missing_library_is_one_clear_sentence():
    with pytest.raises(FleetproofError) as caught:
        _optional.optional("fleetproof_no_such_module.part", "NoSuch", "a workbook")
    assert caught.value.kind == "dependency"
    assert caught.value.message.startswith("a workbook needs the Python library NoSuch on the controller: install it for ")
