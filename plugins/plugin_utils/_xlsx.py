# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Workbooks, by XlsxWriter. Private to this collection.

A text is always written as text, whatever it begins with: nothing becomes a formula or a link (CWE-1236).
The same sheets make the same bytes.
"""

from __future__ import annotations

import datetime
import io
import re
import typing as t

from ansible_collections.fleetproof.backup.plugins.plugin_utils._clean import for_xml
from ansible_collections.fleetproof.backup.plugins.plugin_utils._human import parse_time
from ansible_collections.fleetproof.backup.plugins.plugin_utils._optional import optional

# Limits of the file format ("Excel specifications and limits").
LONGEST_TEXT = 32767
LONGEST_NAME = 31
MOST_ROWS = 1048576
# Numbers in cells are IEEE doubles with 15 digits; larger ones would silently become others.
LARGEST_NUMBER = 10**15
# Excel knows no time before; a workbook without a date of its own gets this one.
FIRST_DAY = datetime.datetime(1980, 1, 1)

FORMATS = {"text": None, "number": "#,##0", "decimal": "#,##0.000", "time": "yyyy-mm-dd hh:mm", "flag": None, "any": None}


class Column(t.TypedDict):
    """How a column looks. ``format`` is one of FORMATS, ``width`` is in characters, ``fills`` gives texts a colour of their own."""

    title: str
    width: int
    format: str
    fills: t.Dict[str, str]


class Sheet(t.TypedDict):
    """A table: every row has a value for each column."""

    name: str
    columns: t.List[Column]
    rows: t.List[t.List[t.Any]]


def workbook(sheets: t.Sequence[Sheet], title: str = "", created: t.Optional[datetime.datetime] = None) -> bytes:
    """The bytes of the workbook; FleetproofError of kind ``dependency`` when XlsxWriter is not there. ``created`` is in UTC."""
    xlsxwriter = optional("xlsxwriter", "XlsxWriter", "a workbook")
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    book.set_properties({"title": for_xml(title), "created": FIRST_DAY if created is None else created.replace(tzinfo=None)})
    taken: t.Set[str] = set()
    for sheet in sheets:
        _write_sheet(book, sheet, _sheet_name(sheet["name"], taken))
    book.close()
    return target.getvalue()


def _sheet_name(name: str, taken: t.Set[str]) -> str:
    """A name that Excel accepts and that no other sheet has."""
    clean = re.sub(r"[\[\]:*?/\\\x00-\x1f]", "_", for_xml(name)).strip("'")[:LONGEST_NAME] or "Sheet"
    # Excel keeps this one for itself.
    clean = "History_" if clean.lower() == "history" else clean
    number = 2
    unique = clean
    while unique.lower() in taken:
        suffix = " (%d)" % number
        unique = clean[: LONGEST_NAME - len(suffix)] + suffix
        number += 1
    taken.add(unique.lower())
    return unique


def _write_sheet(book: t.Any, sheet: Sheet, name: str) -> None:
    page = book.add_worksheet(name)
    head = book.add_format({"bold": True, "bottom": 1, "valign": "top"})
    page.freeze_panes(1, 0)
    page.autofilter(0, 0, min(len(sheet["rows"]), MOST_ROWS - 1), max(len(sheet["columns"]) - 1, 0))
    for number, column in enumerate(sheet["columns"]):
        style: t.Dict[str, t.Any] = {"valign": "top", "text_wrap": column["format"] == "text" and column["width"] >= 40}
        if FORMATS[column["format"]]:
            style["num_format"] = FORMATS[column["format"]]
        page.set_column(number, number, column["width"])
        page.write_string(0, number, _text(column["title"]), head)
        plain = book.add_format(style)
        filled = {text: book.add_format({**style, "bg_color": color}) for text, color in column["fills"].items()}
        for line, row in enumerate(sheet["rows"][: MOST_ROWS - 1], 1):
            value = row[number]
            _write_cell(page, line, number, value, column["format"], filled.get(value, plain) if isinstance(value, str) else plain)


def _write_cell(page: t.Any, line: int, number: int, value: t.Any, form: str, style: t.Any) -> None:
    if value is None or value == "":
        page.write_blank(line, number, None, style)
    elif isinstance(value, bool):
        page.write_string(line, number, "yes" if value else "no", style) if form == "flag" else page.write_boolean(line, number, value, style)
    elif isinstance(value, (int, float)) and abs(value) < LARGEST_NUMBER:
        page.write_number(line, number, value, style)
    else:
        moment = parse_time(value) if form == "time" else None
        if moment is not None and moment.year >= 1900:
            page.write_datetime(line, number, moment.replace(tzinfo=None), style)
        else:
            page.write_string(line, number, _text(value), style)


def _text(value: t.Any) -> str:
    text = for_xml(str(value))
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
