"""The charts of a report: which curves, with which names, from the figures of a stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.predict.operating_points import OperatingPoints
from pipeline.report import net_benefit, pages, plots
from pipeline.statistics import metrics

_POINTS = {"high_sensitivity": "High sensitivity", "high_specificity": "High specificity"}


def classifier_charts(
    y_true: NDArray[np.bool_],
    y_score: NDArray[np.float64],
    scores: Mapping[str, Any],
    decision_curve: pd.DataFrame,
    n_bins: int,
) -> dict[str, Any]:
    """Draw ROC, precision-recall, reliability, net benefit and confusion of one split.

    Parameters
    ----------
    y_true, y_score
        (N,), reference standard and calibrated probability.
    scores
        What :func:`pipeline.evaluate.evaluation.evaluate` gave for them.
    decision_curve
        What :func:`pipeline.evaluate.net_benefit.decision_curve` gave for them.
    n_bins
        Bins of the reliability diagram.

    Returns
    -------
    dict
        ``roc``, ``precision_recall``, ``reliability``, ``decision_curve`` as SVG, ``confusion`` as a list
        of SVG.
    """
    points = {label: scores[name] for name, label in _POINTS.items()}
    auroc = pages.interval(scores["auroc"], scores["auroc_low"], scores["auroc_high"])
    return {
        "roc": plots.roc(metrics.roc_curve(y_true, y_score), points=points, label=f"AUROC {auroc}"),
        "precision_recall": plots.precision_recall(
            metrics.precision_recall_curve(y_true, y_score), float(y_true.mean()), points=points
        ),
        "reliability": plots.reliability(
            metrics.reliability_curve(y_true, y_score, n_bins=n_bins), label=f"ECE {scores['ece']:.3f}"
        ),
        "decision_curve": net_benefit.draw(decision_curve),
        "confusion": [
            plots.confusion(metrics.confusion(y_true, y_score, point["threshold"]), label)
            for label, point in points.items()
        ],
    }


def flat(charts: Mapping[str, Any]) -> dict[str, str]:
    """Name each single drawing of :func:`classifier_charts`."""
    named = {name: svg for name, svg in charts.items() if isinstance(svg, str)}
    matrices = {f"confusion_{name}": svg for name, svg in zip(_POINTS, charts["confusion"], strict=True)}
    return named | matrices


def curve_tables(
    y_true: NDArray[np.bool_],
    y_score: NDArray[np.float64],
    points: OperatingPoints,
    n_bins: int,
) -> dict[str, pd.DataFrame]:
    """Tables for ``dvc plots``: ``roc``, ``precision_recall``, ``reliability`` and ``confusion``."""
    called = np.where(y_score >= points.high_specificity, "fractured", "not fractured")
    return {
        "roc": pd.DataFrame(metrics.roc_curve(y_true, y_score)),
        "precision_recall": pd.DataFrame(metrics.precision_recall_curve(y_true, y_score)),
        "reliability": pd.DataFrame(metrics.reliability_curve(y_true, y_score, n_bins=n_bins)),
        "confusion": pd.DataFrame(
            {"actual": np.where(y_true, "fractured", "not fractured"), "predicted": called}
        ),
    }
