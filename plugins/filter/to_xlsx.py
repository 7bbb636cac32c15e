# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter to_xlsx; it is described in to_xlsx.yml."""

from __future__ import annotations

import base64
import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.plugin_utils import _arguments, _human, _xlsx
from ansible_collections.fleetproof.backup.plugins.plugin_utils._clean import plain

WHO = "to_xlsx"


def to_xlsx(data: t.Any, title: str = "", created: t.Optional[str] = None) -> t.Any:
    """The filter; options are checked, and what is wrong with one is an AnsibleFilterError."""
    moment = None
    if created is not None:
        moment = _human.parse_time(plain(created))
        if moment is None:
            raise AnsibleFilterError("%s: created has to be a time such as 2026-02-03T04:05:06Z, not %r" % (WHO, plain(created)))
    sheets = _sheets(plain(data))
    try:
        content = _xlsx.workbook(sheets, _arguments.text(title, WHO, "title"), moment)
    except FleetproofError as error:
        raise AnsibleFilterError("%s: %s" % (WHO, error.message)) from None
    return _arguments.untrusted(base64.b64encode(content).decode("ascii"))


def _sheets(data: t.Any) -> t.List[_xlsx.Sheet]:
    """The sheets in any of the three ways to give them."""
    if isinstance(data, dict):
        return [_sheet({"name": name, "rows": rows}) for name, rows in data.items()]
    if isinstance(data, list) and data and all(isinstance(item, dict) and "rows" in item and "name" in item for item in data):
        return [_sheet(item) for item in data]
    return [_sheet({"name": "Sheet1", "rows": data})]


def _sheet(given: t.Dict[str, t.Any]) -> _xlsx.Sheet:
    rows = given["rows"]
    if not isinstance(rows, list):
        raise AnsibleFilterError("%s: the rows of sheet %s have to be a list, not %r" % (WHO, given["name"], rows))
    columns = [_column(column, given["name"]) for column in given.get("columns") or _titles(rows)]
    return {"name": str(given["name"]), "columns": columns, "rows": [_row(row, columns, given["name"]) for row in rows]}


def _titles(rows: t.List[t.Any]) -> t.List[str]:
    """The keys of all rows, in the order in which they first appear."""
    return list(dict.fromkeys(key for row in rows if isinstance(row, dict) for key in row))


def _column(given: t.Any, sheet: str) -> _xlsx.Column:
    column: t.Dict[str, t.Any] = given if isinstance(given, dict) else {"title": str(given)}
    if "title" not in column:
        raise AnsibleFilterError("%s: a column of sheet %s has no title" % (WHO, sheet))
    title = str(column["title"])
    given_fills = column.get("fills") or {}
    if not isinstance(given_fills, dict):
        raise AnsibleFilterError("%s: the fills of column %s have to be a dictionary, not %r" % (WHO, title, given_fills))
    fills = {str(text): _arguments.color(color, WHO, "the fill of %s" % text) for text, color in given_fills.items()}
    form = _arguments.choice(column.get("format", "any"), WHO, "the format of column %s" % title, sorted(_xlsx.FORMATS))
    width = _arguments.whole(column.get("width", max(10, min(len(title) + 4, 60))), WHO, "the width of column %s" % title, 1, 255)
    return {"title": title, "width": width, "format": form, "fills": fills}


def _row(row: t.Any, columns: t.List[_xlsx.Column], sheet: str) -> t.List[t.Any]:
    if isinstance(row, dict):
        values = [row.get(column["title"]) for column in columns]
    elif isinstance(row, list) and len(row) == len(columns):
        values = row
    else:
        raise AnsibleFilterError("%s: a row of sheet %s is neither a dictionary nor a list of %d values: %r" % (WHO, sheet, len(columns), row))
    return [value if value is None or isinstance(value, (str, int, float)) else ", ".join(map(str, value)) for value in values]


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"to_xlsx": to_xlsx}
