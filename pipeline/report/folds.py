"""The page of `fracture folds`: one figure over all groups, and what each fold says alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.report import charts, map_charts, pages, results


def document(folder: Path, curves: Mapping[str, pd.DataFrame]) -> str:
    """Make the page from ``metrics.json`` of a folder.

    Parameters
    ----------
    folder
        Of the report.
    curves
        Those of :func:`pipeline.evaluate.folds.curves`, and ``froc``.
    """
    figures = results.figures(folder, undefined=math.nan)
    drawn = charts.curves_of(figures["test"], curves)
    localization = {
        "froc": map_charts.froc(curves["froc"], figures) if "annotated" in figures else None,
        "localization": map_charts.localization(figures),
    }
    context = {"figures": figures, "by_fold": _by_fold(figures["by_fold"]), "charts": drawn | localization}
    return pages.render("folds.html", context)


def _by_fold(figures: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Rows of the table of folds, in their order."""
    return [[fold, *_row(figures[fold])] for fold in sorted(figures, key=int)]


def _row(own: Mapping[str, Any]) -> list[str]:
    points = own["high_sensitivity"], own["high_specificity"]
    return [
        pages.count(own["groups"]),
        pages.count(own["fractured"]),
        pages.interval(own["auroc"], own["auroc_low"], own["auroc_high"]),
        pages.decimals(own["ece"]),
        *(
            f"{pages.percent(point['sensitivity'])}, {pages.percent(point['specificity'])}"
            for point in points
        ),
        pages.decimals(own.get("pointing_game"), 2),
        pages.decimals(own.get("froc_sensitivity_1"), 2),
        pages.decimals(own.get("coco_ap_50")),
    ]
