"""The page of `fracture recalibrate`: calibration and thresholds of a place before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.report import pages, plots, results

_FIGURES = (
    ("Sensitivity, high-sensitivity point", "high_sensitivity", "sensitivity"),
    ("Specificity, high-sensitivity point", "high_sensitivity", "specificity"),
    ("Sensitivity, high-specificity point", "high_specificity", "sensitivity"),
    ("Specificity, high-specificity point", "high_specificity", "specificity"),
    ("Expected calibration error", "", "ece"),
    ("Brier score", "", "brier_score"),
    ("Share to be reviewed", "", "needs_review"),
)
_SHARES = {
    "fracture": "Share called fracture",
    "needs_review": "Share to be reviewed",
    "no_finding": "Share called no finding",
    "mean_probability": "Mean probability",
}
_SIDES = ("before", "after")


def page(folder: Path) -> str:
    """Make the page from what `fracture recalibrate` wrote into a folder."""
    figures = results.figures(folder)
    curves = {side: folder / f"plots/reliability_{side}.csv" for side in _SIDES}
    drawn = {
        side: plots.reliability(results.table(path), label=f"ECE {figures[side]['ece']:.3f}")
        for side, path in curves.items()
        if path.is_file()
    }
    context = {"figures": figures, "rows": [*rows(figures)], "reliability": drawn}
    return pages.render("recalibrate.html", context)


def rows(figures: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield name, before and after of each figure, ready for reading."""
    if figures["fitted_by"] == "estimate":
        for name, label in _SHARES.items():
            yield label, *(pages.decimals(figures[side][name]) for side in _SIDES)
    else:
        auroc = pages.with_interval(figures, "auroc")
        yield "AUROC (no calibration changes it)", auroc, auroc
        for label, point, name in _FIGURES:
            sides = (figures[side][point] if point else figures[side] for side in _SIDES)
            yield label, *(pages.with_interval(side, name) for side in sides)
        for name in ("sensitivity", "specificity"):
            bounds = (figures[side][f"high_{name}"][f"guaranteed_{name}"] for side in _SIDES)
            yield f"{name.capitalize()} that holds with 95 % confidence", *map(pages.promised, bounds)
    for point in ("high_sensitivity", "high_specificity"):
        label = f"Threshold, {point.replace('_', '-')} point"
        yield label, *(pages.decimals(figures["points"][side][point]) for side in _SIDES)
