# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter report_as; it is described in report_as.yml."""

from __future__ import annotations

import json
import typing as t

import jinja2
from ansible.errors import AnsibleFilterError
from ansible_collections.fleetproof.backup.plugins.plugin_utils import _arguments, _charts, _history, _junit, _page, _prometheus, _report, _workbook
from ansible_collections.fleetproof.backup.plugins.plugin_utils._clean import plain

WHO = "report_as"


class _Order(t.NamedTuple):
    """What is asked for, beside the form."""

    template: t.Optional[str]
    # PNGs in Base64, in the order of the charts
    pictures: t.List[str]
    mailed: bool
    keep: int


def _rendered(in_mail: bool) -> t.Callable[[_report.Report, _Order], str]:
    def render(report: _report.Report, order: _Order) -> str:
        if order.template is None:
            raise AnsibleFilterError("%s: this form needs a template" % WHO)
        try:
            return _page.render(report, order.template, _pictures(report, order), in_mail)
        except jinja2.TemplateError as error:
            raise AnsibleFilterError("%s: the template %s cannot be used: %s" % (WHO, order.template, error)) from None

    return render


def _pictures(report: _report.Report, order: _Order) -> t.List[_page.Picture]:
    if not order.pictures:
        return []
    charts = _charts.charts(report)
    if len(charts) != len(order.pictures):
        raise AnsibleFilterError("%s: there are %d charts and %d pictures" % (WHO, len(charts), len(order.pictures)))
    return [
        {"name": chart["name"], "title": chart["title"], "alt": chart["alt"], "png": png, "width": chart["width"], "height": chart["height"]}
        for chart, png in zip(charts, order.pictures)
    ]


def _as_inline(report: _report.Report, order: _Order) -> t.List[t.Dict[str, str]]:
    """The pictures of a mail as smtp_report takes them."""
    return [
        {"content_b64": picture["png"], "name": "%s.png" % picture["name"], "mime_type": "image/png", "cid": picture["name"]}
        for picture in _pictures(report, order)
    ]


def _as_history(report: _report.Report, order: _Order) -> str:
    runs = list(report["history"])
    runs[-1] = {**runs[-1], "mailed": order.mailed}
    return _history.write(runs, order.keep)


_FORMS: t.Dict[str, t.Callable[[_report.Report, _Order], t.Any]] = {
    "page": _rendered(in_mail=False),
    "mail": _rendered(in_mail=True),
    "text": _rendered(in_mail=True),
    "json": lambda report, _order: json.dumps(report, indent=2) + "\n",
    "junit": lambda report, _order: _junit.junit(report),
    "prometheus": lambda report, _order: _prometheus.prometheus(report),
    "sheets": lambda report, _order: _workbook.sheets(report),
    "charts": lambda report, _order: _charts.charts(report),
    "inline": _as_inline,
    "history": _as_history,
}


def report_as(
    report: t.Any,
    form: str,
    template: t.Optional[str] = None,
    pictures: t.Sequence[str] = (),
    notes: t.Sequence[str] = (),
    mailed: bool = False,
    keep: int = 100,
) -> t.Any:
    """The filter; options are checked, and what is wrong with one is an AnsibleFilterError."""
    data = plain(report)
    if not isinstance(data, dict) or data.get("format") != _report.FORMAT:
        raise AnsibleFilterError("%s: the input is not a report as fleet_report of this version makes it" % WHO)
    data["notes"] = [*data["notes"], *_arguments.texts(notes, WHO, "notes")]
    order = _Order(
        template=None if template is None else _arguments.text(template, WHO, "template"),
        pictures=_arguments.texts(pictures, WHO, "pictures"),
        mailed=bool(mailed),
        keep=_arguments.whole(keep, WHO, "keep", 1, 100000),
    )
    make = _FORMS[_arguments.choice(form, WHO, "form", sorted(_FORMS))]
    return _arguments.untrusted(make(t.cast("_report.Report", data), order))


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"report_as": report_as}
