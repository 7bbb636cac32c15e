# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from ansible_collections.fleetproof.backup.plugins.plugin_utils import _charts, _png
from ansible_collections.fleetproof.backup.tests.unit.plugins.plugin_utils.reporting import NASTY, history_of, nasty_fleet, report
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("matplotlib")
image_module = pytest.importorskip("PIL.Image")


def chart(kind="line", series=None, labels=None, **more):
    series = [("one", [1, 2, 3]), ("two", [3, None, 1])] if series is None else series
    return {
        "title": "Title",
        "kind": kind,
        "series": [{"name": name, "values": values, "color": "", "colors": []} for name, values in series],
        "labels": ["a", "b", "c"] if labels is None else labels,
        "unit": "number",
        "stacked": False,
        "width": 320,
        "height": 200,
        **more,
    }


def opened(content):
    return image_module.open(io.BytesIO(content))


@pytest.mark.parametrize("kind", _png.KINDS)
@pytest.mark.parametrize("stacked", [True, False])
@pytest.mark.parametrize("unit", _png.UNITS)
def test_each_kind_is_a_picture_of_the_right_size(kind, stacked, unit):
    image = opened(_png.draw(chart(kind, stacked=stacked, unit=unit)))
    assert (image.format, image.size) == ("PNG", (640, 400))


@pytest.mark.parametrize("kind", _png.KINDS)
def test_the_background_can_be_seen_through(kind):
    image = opened(_png.draw(chart(kind))).convert("RGBA")
    assert image.getpixel((639, 399))[3] == 0
    # Fewer colours make opaque ink a little less so.
    assert image.getextrema()[3][1] > 250


def test_the_same_chart_makes_the_same_bytes_and_tells_no_time():
    assert _png.draw(chart()) == _png.draw(chart())
    assert opened(_png.draw(chart())).info.keys() <= {"transparency"}


@pytest.mark.parametrize("values", [[0, 0, 0], [None, None, None], [1e15, 1, 0], [0.001, 0.002, 0.003], [-5, 3, 2]])
@pytest.mark.parametrize("kind", _png.KINDS)
def test_any_numbers_can_be_drawn(kind, values):
    assert _png.draw(chart(kind, [("x", values)]))


@pytest.mark.parametrize("kind", _png.KINDS)
def test_whatever_a_host_is_called_can_be_drawn(kind):
    labels = ["%d%s" % (index, text) for index, text in enumerate(NASTY) if "\ud800" not in text and "\x00" not in text]
    assert _png.draw(chart(kind, [("$\\frac{$", [1] * len(labels)), ("$x$", [2] * len(labels))], labels, title="$\\alpha"))


def test_the_charts_of_a_report_on_a_nasty_fleet_can_be_drawn():
    for item in _charts.charts(report(nasty_fleet(), history_of(nasty_fleet(), nasty_fleet()))):
        assert opened(_png.draw(item)).format == "PNG"


def test_the_theme_changes_the_ink():
    assert len({_png.draw(chart(), theme) for theme in _png.INKS}) == 3


def test_the_scale_changes_the_pixels():
    assert opened(_png.draw(chart(), scale=1)).size == (320, 200)


@given(st.floats(1e-6, 1e18), st.sampled_from(_png.UNITS))
def test_the_ticks_of_an_axis_are_few_and_reach_from_zero_to_its_end(top, unit):
    ticks = _png._round_numbers(top, unit)
    assert ticks[0] == 0
    assert len(ticks) <= 6
    assert ticks[-1] <= top * 1.001 or len(ticks) == 1


@given(st.integers(1, 400), st.integers(1, 40), st.integers(160, 2000))
def test_labels_that_have_no_room_are_left_out_but_not_the_ends(count, length, width):
    labels = ["x" * length] * count
    places, shown = _png._some(labels, width)
    assert len(places) == len(shown)
    assert (places[0], places[-1]) == (0, count - 1)
    assert places == sorted(set(places))


def test_pyplot_is_never_imported():
    program = "import sys\nfrom %s import draw\ndraw(%r)\nassert 'matplotlib.pyplot' not in sys.modules" % (_png.__name__, chart())
    path = [entry for entry in sys.path if entry]
    subprocess.run([sys.executable, "-c", "import sys\nsys.path[:0] = %r\n%s" % (path, program)], check=True)
