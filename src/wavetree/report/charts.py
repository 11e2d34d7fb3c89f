"""Charts as SVG that lies within a page: its colours are the page's variables, so that they follow light and dark.

matplotlib draws with colours that stand for a role; in the SVG each is replaced by the variable of that role. Text
stays text, which can be marked and read aloud. matplotlib is imported when a chart is drawn, not before.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, GRID = "#0a0b01", "#0a0b02", "#0a0b03"
SERIES = ("#0a0b11", "#0a0b12", "#0a0b13", "#0a0b14", "#0a0b15", "#0a0b16", "#0a0b17")
ROLES = {INK: "ink", SOFT: "soft", GRID: "grid"} | {colour: f"s{k}" for k, colour in enumerate(SERIES, 1)}
"""Colours that occur in no picture, and the variables of the page (page.css) that take their places."""
SIZE = (5.2, 3.1)
"""Inches, at 72 points each: a chart fills the width of a phone with text of its own size."""
BAR_HEIGHT = 0.34
"""Inches of a chart of bars for each bar."""
PAST_THE_BARS, PAST_THE_MARKS = 0.25, 0.65
"""How far beyond the longest bar the axis goes, as a share of the bars' range: room for the figures beside them."""

PAST_THE_END = 0.02
"""How far an axis goes beyond a range that was asked for, so that a mark at its end is whole."""

Look = Literal["line", "faint", "points", "dashed", "marked"]


@dataclass(frozen=True)
class Series:
    """What one colour shows: points (x, y), as a line, a faint one behind others, marks, dashes, or a marked line."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    look: Look = "line"


def line_chart(
    series: Sequence[Series],
    x_label: str,
    y_label: str,
    *,
    log: Literal["", "x", "y", "xy"] = "",
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
) -> str:
    """The series over one pair of axes, named above it; an empty one leaves its colour unused.

    The ticks of a logarithmic x axis are powers of two.
    """
    with _drawing(SIZE) as (axes, svg):
        for number, one in enumerate(series):
            if not one.x:
                continue
            colour = SOFT if one.look == "faint" else SERIES[number % len(SERIES)]
            axes.plot(one.x, one.y, label=one.label, color=colour, **_look(one.look, len(one.x)))
        if "x" in log:
            axes.set_xscale("log", base=2)
            axes.xaxis.set_major_formatter("{x:,.0f}")
        elif max((max(one.x, default=0) for one in series), default=0) >= 1000:
            axes.xaxis.set_major_formatter("{x:,.0f}")
        if "y" in log:
            axes.set_yscale("log")
        if x_range:
            axes.set_xlim(x_range[0], x_range[1] + PAST_THE_END * (x_range[1] - x_range[0]))
        if y_range:
            axes.set_ylim(*y_range)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        if len(series) > 1:
            axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=3, frameon=False, borderaxespad=0.2)
    return svg()


def bar_chart(
    names: Sequence[str],
    values: Sequence[float],
    ranges: Sequence[tuple[float, float]],
    marks: Sequence[float | None],
    x_label: str,
    mark_name: str = "",
) -> str:
    """A bar for each value, first name on top, with its range over the seeds; a mark where someone else's value is."""
    known = [*values, *(mark for mark in marks if mark is not None), *(end for pair in ranges for end in pair)]
    low, high = min(known), max(known)
    span = (high - low) or 1.0
    begin = low - 0.15 * span
    with _drawing((SIZE[0], 0.9 + BAR_HEIGHT * len(names))) as (axes, svg):
        places = range(len(names))
        axes.barh(places, [value - begin for value in values], left=begin, height=0.62, color=SERIES[0])
        for place, value, (least, most), mark in zip(places, values, ranges, marks, strict=True):
            if most > least:
                axes.plot([least, most], [place, place], color=INK, linewidth=1.4)
            if mark is not None:
                axes.plot([mark, mark], [place - 0.42, place + 0.42], color=SERIES[1], linewidth=2.4)
            words = f"{value:.3f}" if mark is None else f"{value:.3f} ({mark_name} {mark:.3f})"
            axes.text(max(value, most, mark or value) + 0.02 * span, place, words, va="center", color=INK)
        axes.set_yticks(list(places), list(names))
        axes.set_xlim(begin, high + (PAST_THE_MARKS if any(marks) else PAST_THE_BARS) * span)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(x_label)
    return svg()


def _look(look: Look, points: int) -> dict[str, Any]:
    if look == "points" or points == 1:
        return {"linestyle": "none", "marker": "o", "markersize": 4.5}
    if look == "faint":
        return {"linewidth": 0.8, "alpha": 0.7}
    marks = {"marker": "o", "markersize": 4.5} if look == "marked" else {}
    return {"linewidth": 1.7, "linestyle": "--" if look == "dashed" else "-"} | marks


class Svg:
    """The text of a figure, once it has been drawn."""

    def __init__(self) -> None:
        self.text = ""

    def __call__(self) -> str:
        return self.text


@contextmanager
def _drawing(size: tuple[float, float]) -> Iterator[tuple[Axes, Svg]]:
    """A pair of axes to draw on, and what it gives when it is left."""
    with drawing(size) as (figure, svg):
        yield figure.add_subplot(), svg


@contextmanager
def drawing(size: tuple[float, float]) -> Iterator[tuple[Figure, Svg]]:
    """A figure to draw on, in inches, and what it gives when it is left."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # where its caches lie is of no interest here
    import matplotlib as mpl
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "wavetree",
        "font.size": 9,
        "font.family": "sans-serif",
        "axes.edgecolor": SOFT,
        "axes.labelcolor": SOFT,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "text.color": INK,
        "xtick.color": SOFT,
        "ytick.color": SOFT,
        "legend.handlelength": 1.4,
        "legend.columnspacing": 1.2,
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=size, layout="constrained")
        svg = Svg()
        yield figure, svg
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    svg.text = embedded(text.getvalue())


def embedded(svg: str) -> str:
    """A whole SVG file as a part of a page: without its head and its description, in the page's colours and fonts."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg)  # HTML knows what an svg is
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # else two charts of a page would share names
    svg = re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r"font-family: [^;\"]*", "font-family: inherit", svg)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1; font-family: inherit", svg)
    for colour, role in ROLES.items():
        svg = svg.replace(colour, f"var(--{role})")
    return svg
