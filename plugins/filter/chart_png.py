# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter chart_png; it is described in chart_png.yml."""

from __future__ import annotations

import base64
import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from ansible_collections.fleetproof.backup.plugins.plugin_utils import _arguments, _png
from ansible_collections.fleetproof.backup.plugins.plugin_utils._clean import name, plain

WHO = "chart_png"
OPTIONS = ("title", "kind", "labels", "unit", "stacked", "width", "height")


def chart_png(
    data: t.Any,
    kind: t.Optional[str] = None,
    title: t.Optional[str] = None,
    labels: t.Optional[t.Sequence[t.Any]] = None,
    unit: t.Optional[str] = None,
    stacked: t.Optional[bool] = None,
    width: t.Optional[int] = None,
    height: t.Optional[int] = None,
    theme: str = "auto",
    scale: float = 2.0,
) -> t.Any:
    """The filter; options are checked, and what is wrong with one is an AnsibleFilterError."""
    given = {"kind": kind, "title": title, "labels": labels, "unit": unit, "stacked": stacked, "width": width, "height": height}
    theme = _arguments.choice(theme, WHO, "theme", sorted(_png.INKS))
    factor = _arguments.number(scale, "%s: scale" % WHO)
    if not 0.5 <= factor <= 8:
        raise AnsibleFilterError("%s: scale has to be from 0.5 to 8, not %r" % (WHO, plain(scale)))
    chart = _chart(plain(data), {key: plain(value) for key, value in given.items() if value is not None})
    try:
        content = _png.draw(chart, theme, factor)
    except FleetproofError as error:
        raise AnsibleFilterError("%s: %s" % (WHO, error.message)) from None
    return _arguments.untrusted(base64.b64encode(content).decode("ascii"))


def _chart(data: t.Any, options: t.Dict[str, t.Any]) -> _png.Chart:
    """The chart, from numbers alone or from a dictionary with C(series) that brings options of its own."""
    if isinstance(data, dict) and isinstance(data.get("series"), (dict, list)):
        options = {**{key: data[key] for key in OPTIONS if data.get(key) is not None}, **options}
        data = data["series"]
    series = _all_series(data)
    count = max(len(item["values"]) for item in series)
    labels = options.get("labels")
    if labels is None:
        labels = [str(number) for number in range(1, count + 1)]
    if not isinstance(labels, list) or any(len(item["values"]) != len(labels) for item in series):
        raise AnsibleFilterError("%s: every series has to have a value for each label" % WHO)
    if not labels:
        raise AnsibleFilterError("%s: there is nothing to draw" % WHO)
    return {
        "title": name(options.get("title", "")),
        "kind": _arguments.choice(options.get("kind", "line"), WHO, "kind", _png.KINDS),
        "series": series,
        "labels": [name(label) for label in labels],
        "unit": _arguments.choice(options.get("unit", "number"), WHO, "unit", _png.UNITS),
        "stacked": bool(options.get("stacked", False)),
        "width": _arguments.whole(options.get("width", 640), WHO, "width", 160, 4000),
        "height": _arguments.whole(options.get("height", 240), WHO, "height", 100, 4000),
    }


def _all_series(data: t.Any) -> t.List[_png.Series]:
    """The series from a dictionary of lists, a list of dictionaries, or one list of numbers."""
    if isinstance(data, dict):
        items = [{"name": key, "values": values} for key, values in data.items()]
    elif isinstance(data, list) and data and all(isinstance(item, dict) for item in data):
        items = data
    else:
        items = [{"name": "", "values": data}]
    if not items:
        raise AnsibleFilterError("%s: there is nothing to draw" % WHO)
    return [_series(item) for item in items]


def _series(item: t.Dict[str, t.Any]) -> _png.Series:
    values = item.get("values")
    if not isinstance(values, list):
        raise AnsibleFilterError("%s: the values of %r have to be a list, not %r" % (WHO, item.get("name", ""), values))
    numbers = [None if value is None else _arguments.number(value, WHO) for value in values]
    color = _arguments.color(item["color"], WHO, "color") if item.get("color") else ""
    colors = [_arguments.color(value, WHO, "colors") for value in item.get("colors") or []]
    if colors and len(colors) != len(numbers):
        raise AnsibleFilterError("%s: there have to be as many colors as values in %r" % (WHO, item.get("name", "")))
    return {"name": name(item.get("name", "")), "values": numbers, "color": color, "colors": colors}


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"chart_png": chart_png}
