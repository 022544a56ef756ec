"""The frame of a chart: house style in, one accessible ``<svg>`` element out.

Colours become custom properties of the page (``--ink``, ``--series-1``, ...) with a fallback, so that
a chart follows the page into dark mode and still stands alone in a file. Series differ in line style
and marker as well as in colour: they hold for colour-blind readers, and in grey.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, RULE, PAPER = "#17202b", "#566274", "#d8dee6", "#ffffff"
SERIES = ("#0067a5", "#c2500a", "#00785a", "#8a4f86")
LINES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.2, 1.6)), (0, (6, 2, 1.2, 2)))
MARKERS = ("o", "s", "^", "D")
REFERENCE: dict[str, Any] = {"color": SOFT, "lw": 1, "ls": LINES[2]}  # lines of chance, and the like

_PROPERTIES = {INK: "ink", SOFT: "soft", RULE: "rule", PAPER: "paper"} | {
    colour: f"series-{number}" for number, colour in enumerate(SERIES, start=1)
}
_LAYOUT_FONT = "DejaVu Sans"  # comes with matplotlib: equal layout on every machine
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif"
_STYLE: Any = {  # matplotlib types the keys one by one
    "axes.axisbelow": True,
    "axes.edgecolor": SOFT,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.family": _LAYOUT_FONT,
    "font.size": 9.5,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    "text.color": INK,
    "xtick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.color": SOFT,
    "ytick.labelcolor": INK,
}


@dataclass
class Chart:
    """A chart being drawn.

    Attributes
    ----------
    axes
        From top to bottom, and from left to right.
    svg
        The markup, once the drawing is done.
    """

    axes: tuple[Axes, ...]
    svg: str = ""


@contextmanager
def drawing(
    name: str, description: str, size_in: tuple[float, float], rows: tuple[int, ...] = (1,), columns: int = 1
) -> Iterator[Chart]:
    """Give axes to draw on, and write the markup at the end.

    matplotlib is imported here and not before, and its global state is left alone.

    Parameters
    ----------
    name
        Makes the ids inside the element those of this kind of chart.
    description
        What a screen reader says of the chart.
    size_in
        Width and height in inches; four and a half are as wide as a phone.
    rows
        Relative heights of the axes.
    columns
        Axes beside one another, with one scale upwards.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=size_in, layout="constrained")
        axes = figure.subplots(len(rows), columns, squeeze=False, height_ratios=rows, sharey=columns > 1)
        chart = Chart(tuple(axes.ravel()))
        yield chart
        chart.svg = _markup(figure, description)


def _markup(figure: Figure, description: str) -> str:
    """Write the figure without dates, and in the colours and the font of the page."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :].replace(f"'{_LAYOUT_FONT}'", _FONT)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # each would be there twice on a page with two charts
    for colour, name in _PROPERTIES.items():
        svg = svg.replace(colour, f"var(--{name}, {colour})")
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(description)}"', 1)
