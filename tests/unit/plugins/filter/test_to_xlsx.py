# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import datetime
import io

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fleetproof.backup.plugins.filter.to_xlsx import FilterModule, to_xlsx

openpyxl = pytest.importorskip("openpyxl")
pytest.importorskip("xlsxwriter")


def tables(data, **options):
    book = openpyxl.load_workbook(io.BytesIO(base64.b64decode(to_xlsx(data, **options))))
    return {page.title: [list(row) for row in page.iter_rows(values_only=True)] for page in book.worksheets}


def test_ansible_finds_it():
    assert FilterModule().filters() == {"to_xlsx": to_xlsx}


def test_a_list_of_dictionaries_is_one_sheet_with_all_their_keys():
    assert tables([{"a": 1}, {"b": "x", "a": 2}]) == {"Sheet1": [["a", "b"], [1, None], [2, "x"]]}


def test_a_dictionary_of_lists_is_a_sheet_each():
    assert tables({"one": [{"a": 1}], "two": [{"b": 2}]}) == {"one": [["a"], [1]], "two": [["b"], [2]]}


def test_sheets_may_say_how_their_columns_look():
    sheet = {"name": "s", "columns": ["x", {"title": "when", "format": "time", "width": 20}], "rows": [[1, "2026-02-03T04:05:06Z"], {"x": 2}]}
    assert tables([sheet]) == {"s": [["x", "when"], [1, datetime.datetime(2026, 2, 3, 4, 5, 6)], [2, None]]}


def test_values_that_no_cell_holds_are_written_as_text():
    assert tables([{"a": ["x", 1]}])["Sheet1"][1] == ["x, 1"]


def test_no_rows_make_an_empty_sheet():
    assert list(tables([])) == ["Sheet1"]


def test_the_same_data_makes_the_same_bytes_unless_the_day_differs():
    data = [{"a": "=1+1"}]
    assert to_xlsx(data) == to_xlsx(data)
    assert to_xlsx(data) != to_xlsx(data, created="2026-02-03T04:05:06Z")


@pytest.mark.parametrize(
    ("data", "options", "word"),
    [
        ("abc", {}, "rows"),
        ([5], {}, "neither a dictionary nor a list"),
        ([{"name": "s", "rows": [[1, 2]], "columns": ["a"]}], {}, "list of 1 values"),
        ([{"name": "s", "rows": [], "columns": [{"format": "time"}]}], {}, "no title"),
        ([{"name": "s", "rows": [], "columns": [{"title": "a", "format": "x"}]}], {}, "format"),
        ([{"name": "s", "rows": [], "columns": [{"title": "a", "width": 0}]}], {}, "width"),
        ([{"name": "s", "rows": [], "columns": [{"title": "a", "fills": {"x": "red"}}]}], {}, "colour"),
        ([], {"created": "today"}, "created"),
        ([], {"title": 5}, "title"),
    ],
)
def test_what_is_wrong_is_an_error_that_names_it(data, options, word):
    with pytest.raises(AnsibleFilterError, match="to_xlsx: .*%s" % word):
        to_xlsx(data, **options)
