# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Charts as PNG, by matplotlib. Private to this collection.

Figures are made and drawn by themselves: pyplot, which keeps every figure of the process, is never imported.
The background is transparent and the ink of middling lightness, so that a chart can be read on white and on black.
The same chart makes the same bytes: there is no time and no version in the file. Pillow is there where matplotlib is.
"""

from __future__ import annotations

import io
import logging
import math
import typing as t
import warnings

from ansible_collections.fleetproof.backup.plugins.plugin_utils import _human
from ansible_collections.fleetproof.backup.plugins.plugin_utils._clean import shortened
from ansible_collections.fleetproof.backup.plugins.plugin_utils._optional import optional

KINDS = ("line", "area", "bar", "barh")
UNITS = ("number", "bytes", "seconds", "percent")
INKS = {"auto": "#7b8591", "light": "#4a5562", "dark": "#c3ccd6"}
# Told apart by people with any of the usual kinds of colour blindness (Okabe and Ito).
PALETTE = ("#3488ac", "#cf9626", "#2f9461", "#cf4239", "#9a6bb0", "#98a2ad")
# In pixels of the page.
FONT = 11
LONGEST_LABEL = 18
# The fonts that matplotlib brings, then those that have the characters of Chinese, Japanese and Korean.
FAMILIES = ("DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback")


class Series(t.TypedDict):
    """Numbers of one kind; None is a gap. ``color`` is for all of them, ``colors`` for each."""

    name: str
    values: t.List[t.Optional[float]]
    color: str
    colors: t.List[str]


class Chart(t.TypedDict):
    """A chart; ``width`` and ``height`` are in pixels of the page, ``labels`` belong to the values of each series."""

    title: str
    kind: str
    series: t.List[Series]
    labels: t.List[str]
    unit: str
    stacked: bool
    width: int
    height: int


def draw(chart: Chart, theme: str = "auto", scale: float = 2.0) -> bytes:
    """The PNG, ``scale`` times as large as the chart is shown; FleetproofError of kind ``dependency`` without matplotlib."""
    figure_module = optional("matplotlib.figure", "matplotlib", "a chart")
    agg = optional("matplotlib.backends.backend_agg", "matplotlib", "a chart")
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    figure = figure_module.Figure(figsize=(chart["width"] / 100, chart["height"] / 100), dpi=100 * scale)
    canvas = agg.FigureCanvasAgg(figure)
    pen = _Pen(figure, figure.add_axes(_frame(chart)), chart, INKS[theme])
    pen.draw()
    with warnings.catch_warnings():
        # A character that no font has is drawn as a box; that is no reason to fill the terminal.
        warnings.simplefilter("ignore")
        canvas.draw()
    return _packed(canvas)


def _packed(canvas: t.Any) -> bytes:
    """What was drawn as a PNG of 128 colours: nobody sees the difference, and a mail is a third as large."""
    image_module = optional("PIL.Image", "Pillow", "a chart")
    image = image_module.frombuffer("RGBA", canvas.get_width_height(), bytes(canvas.buffer_rgba()), "raw", "RGBA", 0, 1)
    target = io.BytesIO()
    image.quantize(128, method=image_module.Quantize.FASTOCTREE, dither=image_module.Dither.NONE).save(target, "PNG", optimize=True)
    return target.getvalue()


def _frame(chart: Chart) -> t.Tuple[float, float, float, float]:
    """Left, bottom, width and height of the axes as shares of the figure; room for title, labels and legend."""
    longest = max((len(shortened(label, LONGEST_LABEL)) for label in chart["labels"]), default=0)
    left = min(12 + longest * FONT * 0.62, chart["width"] * 0.42) if chart["kind"] == "barh" else 50
    right = 66 if chart["kind"] == "barh" else 8
    top = 30 if len(chart["series"]) < 2 else 48
    bottom = 6 if chart["kind"] == "barh" else 26
    width, height = chart["width"], chart["height"]
    return left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height


class _Pen:
    """One chart being drawn."""

    def __init__(self, figure: t.Any, axes: t.Any, chart: Chart, ink: str) -> None:
        self.figure = figure
        self.axes = axes
        self.chart = chart
        self.ink = ink
        self.families = _families()

    def draw(self) -> None:
        """Everything, on an empty figure."""
        self.figure.patch.set_alpha(0)
        self.axes.patch.set_alpha(0)
        for side in self.axes.spines.values():
            side.set_visible(False)
        self.axes.tick_params(length=0, pad=5)
        if self.chart["kind"] == "barh":
            self._bars_across()
        else:
            self._upright()
        self._text(self.figure, 2 / self.chart["width"], 1 - 6 / self.chart["height"], self.chart["title"], size=FONT + 1.5, weight="bold", va="top")
        if len(self.chart["series"]) > 1:
            self._legend()

    def _text(self, target: t.Any, x: float, y: float, text: str, size: float = FONT, **more: t.Any) -> None:
        target.text(x, y, text, color=self.ink, fontsize=size * 0.72, family=self.families, parse_math=False, **more)

    def _color(self, index: int) -> str:
        return self.chart["series"][index]["color"] or PALETTE[index % len(PALETTE)]

    def _values(self, series: Series) -> t.List[float]:
        return [math.nan if value is None else float(value) for value in series["values"]]

    def _bars_across(self) -> None:
        """Horizontal bars, the first on top, with their numbers beside them."""
        labels, rows = self.chart["labels"], len(self.chart["labels"])
        share = 0.68 / (1 if self.chart["stacked"] else len(self.chart["series"]))
        ends = [0.0] * rows
        for index, series in enumerate(self.chart["series"]):
            values = self._values(series)
            places = [row + (0 if self.chart["stacked"] else (index - (len(self.chart["series"]) - 1) / 2) * share) for row in range(rows)]
            colors = series["colors"] or [self._color(index)] * rows
            self.axes.barh(places, values, height=share, left=ends if self.chart["stacked"] else None, color=colors)
            ends = [end + (0 if math.isnan(value) else value) for end, value in zip(ends, values)] if self.chart["stacked"] else ends
            if not self.chart["stacked"]:
                self._numbers(places, values)
        if self.chart["stacked"]:
            self._numbers(list(range(rows)), ends)
        self.axes.set_xlim(left=0)
        self.axes.set_xticks([])
        # Few bars are not blown up to fill the chart.
        self.axes.set_ylim(max(rows, round((self.chart["height"] - 38) / 22)) - 0.5, -0.5)
        self._ticks("y", list(range(rows)), [shortened(label, LONGEST_LABEL) for label in labels])

    def _numbers(self, places: t.Sequence[float], values: t.Sequence[float]) -> None:
        for place, value in zip(places, values):
            if not math.isnan(value):
                self.axes.annotate(
                    _in_unit(value, self.chart["unit"]),
                    (value, place),
                    xytext=(4, 0),
                    textcoords="offset points",
                    va="center_baseline",
                    color=self.ink,
                    fontsize=FONT * 0.72,
                    family=self.families,
                    annotation_clip=False,
                )

    def _upright(self) -> None:
        """Columns, lines or areas over the labels."""
        count = len(self.chart["labels"])
        places = list(range(count))
        base = [0.0] * count
        share = 0.72 / (1 if self.chart["stacked"] else len(self.chart["series"]))
        for index, series in enumerate(self.chart["series"]):
            values, color = self._values(series), self._color(index)
            if self.chart["kind"] == "bar":
                shift = 0 if self.chart["stacked"] else (index - (len(self.chart["series"]) - 1) / 2) * share
                shifted = [place + shift for place in places]
                self.axes.bar(shifted, values, width=share, bottom=base if self.chart["stacked"] else None, color=series["colors"] or color)
            else:
                tops = [low + value for low, value in zip(base, values)] if self.chart["stacked"] else values
                self.axes.plot(places, tops, color=color, linewidth=1.6, solid_joinstyle="round", marker="o" if count == 1 else None)
                if self.chart["kind"] == "area":
                    self.axes.fill_between(places, base, tops, color=color, alpha=0.22, linewidth=0)
            if self.chart["stacked"]:
                base = [low + (0 if math.isnan(value) else value) for low, value in zip(base, values)]
        self._scale()
        self._ticks("x", *_some(self.chart["labels"], self.chart["width"]))
        if count > (8 if self.chart["kind"] == "bar" else 1):
            # The outermost labels end where the axis does, not beyond the picture.
            ticks = self.axes.get_xticklabels()
            ticks[0].set_horizontalalignment("left")
            ticks[-1].set_horizontalalignment("right")
        self.axes.set_xlim(-0.6 if self.chart["kind"] == "bar" else -0.2, count - 1 + (0.6 if self.chart["kind"] == "bar" else 0.2))

    def _scale(self) -> None:
        """The vertical axis: from zero, a few round numbers, faint lines."""
        top = self.axes.get_ylim()[1]
        ticks = _round_numbers(top, self.chart["unit"])
        self.axes.set_ylim(0, max(top, ticks[-1]))
        self._ticks("y", ticks, [_in_unit(tick, self.chart["unit"]) for tick in ticks])
        self.axes.grid(axis="y", color=self.ink, alpha=0.22, linewidth=0.7)
        self.axes.set_axisbelow(True)

    def _ticks(self, axis: str, places: t.Sequence[float], labels: t.Sequence[str]) -> None:
        setter = self.axes.set_xticks if axis == "x" else self.axes.set_yticks
        setter(places, labels=labels, color=self.ink, fontsize=FONT * 0.72, family=self.families, parse_math=False)

    def _legend(self) -> None:
        """Names of the series in one line under the title."""
        handles = [optional("matplotlib.patches", "matplotlib", "a chart").Patch(color=self._color(index)) for index in range(len(self.chart["series"]))]
        legend = self.figure.legend(
            handles,
            [""] * len(handles),
            loc="upper left",
            bbox_to_anchor=(0, 1 - 20 / self.chart["height"]),
            ncols=len(handles),
            frameon=False,
            fontsize=FONT * 0.72,
            labelcolor=self.ink,
            handlelength=0.8,
            handleheight=0.8,
            columnspacing=1.2,
            borderpad=0.3,
            borderaxespad=0,
        )
        for text, series in zip(legend.get_texts(), self.chart["series"]):
            text.set_parse_math(False)
            text.set_family(self.families)
            text.set_text(shortened(series["name"], LONGEST_LABEL))


def _families() -> t.List[str]:
    """Those of FAMILIES that are there; matplotlib complains about each that is not."""
    known = {font.name for font in optional("matplotlib.font_manager", "matplotlib", "a chart").fontManager.ttflist}
    return [family for family in FAMILIES if family in known] or ["sans-serif"]


def _some(labels: t.Sequence[str], width: int) -> t.Tuple[t.List[int], t.List[str]]:
    """Places and labels, as many as fit side by side; the first and the last are always among them."""
    longest = max((len(shortened(label, LONGEST_LABEL)) for label in labels), default=1)
    room = max(2, int((width - 60) / (longest * FONT * 0.62 + 14)))
    count = len(labels)
    places = list(range(count)) if count <= room else sorted({round(step * (count - 1) / (room - 1)) for step in range(room)})
    return places, [shortened(labels[place], LONGEST_LABEL) for place in places]


def _round_numbers(top: float, unit: str) -> t.List[float]:
    """From zero up to ``top`` in two to five steps that are round in the unit."""
    if not math.isfinite(top) or top <= 0:
        return [0.0, 1.0]
    power = 1.0
    if unit == "bytes":
        while top / power >= 1024:
            power *= 1024
    size = 10 ** math.floor(math.log10(top / power)) * power
    step = next(size * part for part in (0.2, 0.25, 0.5, 1, 2, 5) if top / (size * part) <= 5.0)
    if unit == "number" and step < 1:
        step = 1.0
    return [index * step for index in range(int(top / step + 1e-9) + 1)]


def _in_unit(value: float, unit: str) -> str:
    if unit == "bytes":
        text = _human.human_size(value)
        return text.replace(".0 ", " ")
    if unit == "seconds":
        return _human.human_time(value, 1)
    number = ("%.6g" % value) if abs(value) < 10000 else f"{value:,.0f}"
    return number + "%" if unit == "percent" else number
