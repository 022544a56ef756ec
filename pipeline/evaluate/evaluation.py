"""The figures of a classifier on one split, by file and by group, with intervals."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluate import guaranteed
from pipeline.predict import calibration, operating_points
from pipeline.predict.calibration import Calibration, Method
from pipeline.predict.operating_points import OperatingPoints
from pipeline.statistics import intervals, metrics
from pipeline.types import AnyArray, BoolArray, Float64Array, FloatArray, StrArray

Part = tuple[BoolArray, Float64Array, StrArray]  # fractured, probability, group of its radiographs

SCOPE_SCORE, IN_SCOPE = "scope_score", "in_scope"  # columns of the predictions
_NO = ("0", "0.0", "no", "false", "none")


def choose(
    logits: FloatArray,
    y_true: BoolArray,
    sample_weight: FloatArray,
    *,
    method: Method,
    sensitivity: float,
    specificity: float,
) -> tuple[Calibration, OperatingPoints]:
    """Fit the calibration and choose the operating points, both on validation radiographs.

    Parameters
    ----------
    logits, y_true, sample_weight, method
        As for :func:`pipeline.predict.calibration.fit`.
    sensitivity, specificity : float
        Targets in 0..1, as for :func:`pipeline.predict.operating_points.choose`.
    """
    calibrated = calibration.fit(logits, y_true, sample_weight, method=method)
    points = operating_points.choose(
        y_true,
        calibrated.probability(logits),
        sensitivity=sensitivity,
        specificity=specificity,
        sample_weight=sample_weight,
    )
    return calibrated, points


def evaluate(
    y_true: BoolArray,
    y_score: FloatArray,
    group: AnyArray,
    points: OperatingPoints,
    *,
    n_samples: int,
    n_bins: int,
    seed: int,
    sensitivity: float = 0.95,
    specificity: float = 0.90,
    chosen_here: bool = False,
) -> dict[str, Any]:
    """Score calibrated probabilities of one split.

    Parameters
    ----------
    y_true : bool ndarray of shape (N,)
    y_score : float ndarray of shape (N,), in 0..1
    group : ndarray of shape (N,)
        Duplicate group, or patient, of each radiograph.
    points : OperatingPoints
        Chosen on other radiographs, unless ``chosen_here``.
    n_samples, seed : int
        Resamples of the groups, and where their random numbers start.
    n_bins : int
        Bins of the expected calibration error.
    sensitivity, specificity, chosen_here
        What was asked of the points, as for :func:`pipeline.evaluate.guaranteed.guaranteed`.

    Returns
    -------
    dict
        ``radiographs``, ``groups``, ``fractured``; ``auroc``, ``average_precision``, ``brier_score``,
        ``ece``, ``accuracy`` and ``loss`` with ``_low`` and ``_high``; ``majority_accuracy``, that of always
        saying the more frequent class; the same by group under ``group_``; ``ece_by_chance``, see
        :func:`pipeline.statistics.metrics.ece_by_chance`; ``high_sensitivity`` and ``high_specificity``
        with their rates and what of them is guaranteed; ``needs_review``, the share between the two.
    """
    by_file = with_intervals(y_true, y_score, group, n_samples=n_samples, n_bins=n_bins, seed=seed)
    units = metrics.collapse_groups(y_true, y_score, group)
    by_group = with_intervals(*units, n_samples=n_samples, n_bins=n_bins, seed=seed)
    promises = guaranteed.guaranteed(
        y_true,
        y_score,
        group,
        points,
        sensitivity=sensitivity,
        specificity=specificity,
        chosen_here=chosen_here,
    )
    reviewed = (y_score >= points.high_sensitivity) & (y_score < points.high_specificity)
    return {
        "radiographs": len(y_true),
        "groups": len(np.unique(group)),
        "fractured": int(y_true.sum()),
        **by_file,
        "ece_by_chance": metrics.ece_by_chance(y_score, n_bins=n_bins, n_samples=n_samples, seed=seed),
        **{f"group_{name}": value for name, value in by_group.items()},
        **{
            name: metrics.at_threshold(y_true, y_score, getattr(points, name)) | promises[name]
            for name in ("high_sensitivity", "high_specificity")
        },
        "needs_review": float(reviewed.mean()),
    }


def parts(predictions: pd.DataFrame, attributes: pd.DataFrame) -> dict[str, Part]:
    """``val`` and ``test``, and parts of ``test`` in which both classes remain.

    These are ``test_in_scope`` and, where labels tell it, ``test_without_hardware``. Metal in a radiograph is
    an easy hint that something was broken: a classifier must do without.

    Parameters
    ----------
    predictions
        One row a radiograph: ``split``, ``fractured``, ``y_score``, ``group``, ``in_scope``.
    attributes
        The labels' other columns for the same radiographs, as text.
    """
    chosen = {split: predictions["split"] == split for split in ("val", "test")}
    some = {"test_in_scope": chosen["test"] & predictions[IN_SCOPE]}
    if "hardware" in attributes:
        some["test_without_hardware"] = chosen["test"] & attributes["hardware"].str.lower().isin(_NO)
    chosen |= {name: part for name, part in some.items() if predictions.loc[part, "fractured"].nunique() == 2}
    return {name: columns(predictions[part]) for name, part in chosen.items()}


def columns(rows: pd.DataFrame) -> Part:
    """``fractured``, ``y_score`` and ``group`` of some radiographs, as arrays."""
    fractured, y_score, group = (rows[name] for name in ("fractured", "y_score", "group"))
    return fractured.to_numpy(bool), y_score.to_numpy(np.float64), group.to_numpy(str)


def with_intervals(
    y_true: BoolArray, y_score: FloatArray, group: AnyArray, *, n_samples: int, n_bins: int, seed: int
) -> dict[str, float]:
    """Return :func:`pipeline.statistics.metrics.classification_scores` with intervals by group."""
    statistics = partial(metrics.classification_scores, y_true, y_score, n_bins=n_bins)
    summary = intervals.summarize(statistics, group, y_true, n_samples=n_samples, seed=seed)
    fractured = float(np.mean(y_true))
    return summary | {"majority_accuracy": max(fractured, 1 - fractured)}
