"""The charts of a report: which curves, with which names, from the figures of a stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline.report import pages, plots

_POINTS = {"high_sensitivity": "High sensitivity", "high_specificity": "High specificity"}


def classifier_charts(scores: Mapping[str, Any], curves: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Draw ROC, precision-recall, reliability, net benefit and confusion of one split.

    Parameters
    ----------
    scores
        Of the split: see :func:`pipeline.evaluate.evaluation.evaluate`.
    curves
        Of the same radiographs: see :func:`pipeline.evaluate.curves.tabulate`.

    Returns
    -------
    dict
        ``roc``, ``precision_recall``, ``reliability``, ``decision_curve`` as SVG, ``confusion`` as a list
        of SVG.
    """
    matrices = [plots.confusion(_counts(scores, point), label) for label, point in _points(scores).items()]
    return curves_of(scores, curves) | {"confusion": matrices}


def curves_of(scores: Mapping[str, Any], curves: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Draw the curves of :func:`classifier_charts` alone, by name."""
    points = _points(scores)
    auroc = pages.interval(scores["auroc"], scores["auroc_low"], scores["auroc_high"])
    prevalence = scores["fractured"] / scores["radiographs"]
    return {
        "roc": plots.roc(curves["roc"], points=points, label=f"AUROC {auroc}"),
        "precision_recall": plots.precision_recall(curves["precision_recall"], prevalence, points=points),
        "reliability": plots.reliability(curves["reliability"], label=f"ECE {scores['ece']:.3f}"),
        "decision_curve": plots.decision_curve(curves["decision_curve"]),
    }


def _points(scores: Mapping[str, Any]) -> dict[str, Mapping[str, float]]:
    return {label: scores[name] for name, label in _POINTS.items()}


def flat(charts: Mapping[str, Any]) -> dict[str, str]:
    """Name each single drawing of :func:`classifier_charts`."""
    single = {name: svg for name, svg in charts.items() if isinstance(svg, str)}
    matrices = {f"confusion_{name}": svg for name, svg in zip(_POINTS, charts["confusion"], strict=True)}
    return single | matrices


def _counts(scores: Mapping[str, Any], point: Mapping[str, float]) -> dict[str, int]:
    """Take the counts at an operating point back from its rates."""
    n_fractured = scores["fractured"]
    n_other = scores["radiographs"] - n_fractured
    detected, cleared = round(point["sensitivity"] * n_fractured), round(point["specificity"] * n_other)
    return {
        "true_positive": detected,
        "false_negative": n_fractured - detected,
        "true_negative": cleared,
        "false_positive": n_other - cleared,
    }
