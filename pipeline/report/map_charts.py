"""The charts of region maps: where they point, and whether the decision uses what they show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.region_maps.froc import FALSE_MARKS
from pipeline.report import plots
from pipeline.report.svg import LINES, MARKERS, PAPER, REFERENCE, SERIES, drawing

_METHODS = {
    "region_map": "Region map",
    "grad_cam_plus_plus": "Grad-CAM++",
    "integrated_gradients": "Integrated gradients",
}
_WIDE_IN = (4.5, 3.3)


def draw(figures: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> dict[str, str | None]:
    """Draw all charts of :class:`pipeline.region_maps.assessment.Assessment`; None for what was not measured.

    Returns
    -------
    dict
        ``localization``, ``froc``, ``methods``, ``deletion``, ``erase``, ``randomization``: SVG or None.
    """
    return {
        "localization": localization(figures),
        "froc": froc(tables["froc"], figures),
        "methods": methods(tables["methods"]),
        "deletion": deletion(tables["deletion"]),
        "erase": erase(figures),
        "randomization": randomization(tables["randomization"]),
    }


def localization(figures: Mapping[str, Any]) -> str | None:
    """Draw the pointing game between its baselines; None where nothing is annotated."""
    if "pointing_game" not in figures:
        return None
    baselines = {"brightest": "Brightest bone", "center": "Centre of the image", "random": "Random pixel"}
    bars = [_bar("Region map", figures, "pointing_game")]
    for key, name in baselines.items():
        bars.append(plots.Bar(name, figures[f"pointing_game_{key}"], baseline=True))
    return plots.comparison(bars, "Pointing game")


def methods(table: pd.DataFrame) -> str | None:
    """Draw the pointing game of each method on the same radiographs; None where nothing is annotated."""
    if not len(table) or table["pointing_game"].isna().all():
        return None
    bars = [
        _bar(_METHODS[row["method"]], row, "pointing_game", baseline=row["method"] != "region_map")
        for row in table.to_dict("records")
    ]
    return plots.comparison(bars, "Pointing game")


def froc(curve: pd.DataFrame, figures: Mapping[str, Any]) -> str | None:
    """Draw the free-response curve, with intervals at 0.5, 1 and 2 false marks; None without annotations."""
    if not len(curve):
        return None
    with drawing("froc", "Sensitivity by false marks an image.", _WIDE_IN) as chart:
        (axes,) = chart.axes
        axes.step(curve["false_marks"], curve["sensitivity"], where="post", color=SERIES[0])
        for allowed in FALSE_MARKS:
            value, low, high = (
                figures[f"froc_sensitivity_{allowed:g}{end}"] for end in ("", "_low", "_high")
            )
            axes.plot([allowed, allowed], [low, high], color=SERIES[0], lw=5, alpha=0.35)
            axes.plot([allowed], [value], color=SERIES[0], marker=MARKERS[0], ms=7, mec=PAPER)
        axes.set(xlim=(0, 1.05 * max(FALSE_MARKS)), ylim=(-0.02, 1.02))
        axes.set(xlabel="False marks an image", ylabel="Sensitivity (fractures marked)")
    return chart.svg


def deletion(curves: pd.DataFrame) -> str | None:
    """Draw the probability while cells are taken away or brought back; None without radiographs."""
    if not len(curves):
        return None
    names = {
        "deletion": "taken away by the map",
        "random_deletion": "taken away at random",
        "insertion": "brought back by the map",
    }
    with drawing("deletion", "Probability as cells go.", _WIDE_IN) as chart:
        (axes,) = chart.axes
        for style, (name, text) in enumerate(names.items()):
            axes.plot(
                curves["share"],
                curves[name],
                color=SERIES[style],
                ls=LINES[style],
                marker=MARKERS[style],
                ms=4,
                label=text,
            )
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="Share of the cells", ylabel="Probability")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.32))
    return chart.svg


def erase(figures: Mapping[str, Any]) -> str | None:
    """Draw the fall of the probability beside that of the control; None where nothing was erased."""
    pairs = {"erase_drop": "Region painted over", "erase_drop_control": "As much elsewhere"}
    if not all(np.isfinite(figures[name]) for name in pairs):
        return None
    bars = [_bar(text, figures, name, baseline="control" in name) for name, text in pairs.items()]
    lowest = min(0.0, *(min(bar.value, bar.low) for bar in bars))
    return plots.comparison(bars, "Fall of the probability", (lowest, max(bar.high for bar in bars)))


def randomization(cascade: pd.DataFrame) -> str | None:
    """Draw the likeness of the maps as layers get random weights, from the top; None without radiographs."""
    if not len(cascade):
        return None
    with drawing(
        "randomization", "Correlation with the own map as layers get random weights.", _WIDE_IN
    ) as chart:
        (axes,) = chart.axes
        axes.axhline(0, **REFERENCE)
        axes.plot(cascade["layers"], cascade["correlation"], color=SERIES[0], marker=MARKERS[0], ms=4)
        axes.set(ylim=(-0.05, 1.05), xlabel="Layers with random weights, from the top")
        axes.set_ylabel("Rank correlation, without sign")
    return chart.svg


def _bar(text: str, figures: Mapping[Any, Any], name: str, *, baseline: bool = False) -> plots.Bar:
    """Take a figure with its interval."""
    value, low, high = (figures[f"{name}{end}"] for end in ("", "_low", "_high"))
    return plots.Bar(text, value, low, high, baseline)
