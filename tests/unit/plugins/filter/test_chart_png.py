# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.fleetproof.backup.plugins.filter import chart_png as plugin
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError

pytest.importorskip("matplotlib")
draw = plugin.chart_png


def size(encoded):
    content = base64.b64decode(encoded)
    assert content.startswith(b"\x89PNG\r\n")
    return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")


def test_ansible_finds_it():
    assert plugin.FilterModule().filters() == {"chart_png": draw}


@pytest.mark.parametrize(
    "data",
    [
        [1, 2, 3],
        ["1", "2.5", 3],
        {"a": [1, 2], "b": [2, None]},
        [{"name": "a", "values": [1, 2], "color": "#ff0000"}, {"name": "b", "values": [1, 2], "colors": ["#ff0000", "#00FF00"]}],
        {"series": {"a": [1, 2]}, "title": "T", "labels": ["x", "y"], "kind": "bar"},
    ],
)
def test_numbers_can_be_given_in_several_ways(data):
    assert size(draw(data)) == (1280, 480)


def test_options_stand_above_those_of_the_chart():
    chart = {"series": [1], "width": 200, "height": 100}
    assert size(draw({"series": {"a": [1]}, "width": 200, "height": 100}, height=150, scale=1)) == (200, 150)
    with pytest.raises(AnsibleFilterError):
        draw({**chart, "series": 5})


@pytest.mark.parametrize(
    ("data", "options", "word"),
    [
        ([], {}, "nothing to draw"),
        ({}, {}, "nothing to draw"),
        ("abc", {}, "has to be a list|have to be a list"),
        ([1, "x"], {}, "is not a number"),
        ({"a": 5}, {}, "have to be a list"),
        ({"a": [1], "b": [1, 2]}, {}, "a value for each label"),
        ([1], {"labels": ["a", "b"]}, "a value for each label"),
        ([1], {"kind": "pie"}, "kind"),
        ([1], {"unit": "miles"}, "unit"),
        ([1], {"theme": "blue"}, "theme"),
        ([1], {"scale": 100}, "scale"),
        ([1], {"width": 10}, "width"),
        ([{"name": "a", "values": [1], "color": "red; x"}], {}, "colour"),
        ([{"name": "a", "values": [1, 2], "colors": ["#ff0000"]}], {}, "as many colors"),
    ],
)
def test_what_is_wrong_is_an_error_that_names_it(data, options, word):
    with pytest.raises(AnsibleFilterError, match="chart_png: .*(%s)" % word):
        draw(data, **options)


def test_without_the_library_there_is_one_clear_sentence(monkeypatch):
    def missing(*_arguments):
        raise FleetproofError("dependency", "a chart needs the Python library matplotlib on the controller: install it for python")

    monkeypatch.setattr(plugin._png, "optional", missing)
    with pytest.raises(AnsibleFilterError, match=r"^chart_png: a chart needs the Python library matplotlib on the controller: install it for python$"):
        draw([1])
