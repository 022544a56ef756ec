"""Curves of a classifier on perturbed radiographs, side by side."""

from __future__ import annotations

import pandas as pd

from pipeline.report.svg import MARKERS, REFERENCE, SERIES, drawing

_LABELS = {
    "rotation": "Rotation (\N{DEGREE SIGN})",
    "blur": "Blur (\N{PER MILLE SIGN} of the side)",
    "gamma": "Gamma",
    "jpeg_quality": "JPEG quality",
    "markers_masked": "Markers masked",
}
_LEAST_RANGE = 0.1  # of the axis: small steps shall look small
_WITHOUT_LEVEL = ("undisturbed", "markers_masked")


def label(perturbation: str, level: float) -> str:
    """Name a perturbation and its level, where it has more than one: ``jpeg quality 20``."""
    name = perturbation.replace("_", " ")
    return name if perturbation in _WITHOUT_LEVEL else f"{name} {level:g}"


def draw(table: pd.DataFrame) -> str | None:
    """Draw the AUROC by level, one panel a perturbation, against that of the unperturbed radiographs.

    Parameters
    ----------
    table
        Of `pipeline.evaluate.robustness.tabulate`; its first row is unperturbed.

    Returns
    -------
    str or None
        An ``<svg>`` element; None where nothing was tried.
    """
    if table.empty:
        return None
    start, perturbed = table.iloc[0], table.iloc[1:]
    names = list(dict.fromkeys(perturbed["disturbance"]))
    size = (1.8 * len(names), 2.8)
    with drawing("robustness", "AUROC on perturbed radiographs.", size, columns=len(names)) as chart:
        for axes, name in zip(chart.axes, names, strict=True):
            rows = perturbed[perturbed["disturbance"] == name]
            place = range(len(rows))  # evenly: levels are steps, and no scale fits them all
            axes.axhline(start["auroc"], **REFERENCE)
            axes.fill_between(place, rows["auroc_low"], rows["auroc_high"], color=SERIES[0], alpha=0.16, lw=0)
            axes.vlines(place, rows["auroc_low"], rows["auroc_high"], color=SERIES[0], lw=1)
            axes.plot(place, rows["auroc"], color=SERIES[0], marker=MARKERS[0], ms=5)
            levels = ["" if name in _WITHOUT_LEVEL else f"{level:g}" for level in rows["level"]]
            axes.set_xticks(place, levels)
            axes.set(xlim=(-0.5, len(rows) - 0.5), xlabel=_LABELS.get(name, name))
        lowest = min(table["auroc_low"].min(), start["auroc"] - _LEAST_RANGE)
        chart.axes[0].set(ylabel="AUROC", ylim=(lowest - 0.01, 1.01))
    return chart.svg
