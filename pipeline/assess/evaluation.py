"""The figures of a classifier on one split, by file and by group, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.assess import calibration, intervals, metrics

Bools = NDArray[np.bool_]
Floats = NDArray[np.floating[Any]]


def evaluate(
    y_true: Bools,
    y_score: Floats,
    group: NDArray[Any],
    points: calibration.OperatingPoints,
    *,
    n_samples: int,
    n_bins: int,
    seed: int,
) -> dict[str, Any]:
    """Score calibrated probabilities of one split.

    Parameters
    ----------
    y_true : bool ndarray of shape (N,)
    y_score : float ndarray of shape (N,), in 0..1
    group : ndarray of shape (N,)
        Duplicate group, or patient, of each radiograph.
    points : OperatingPoints
        Chosen on other radiographs.
    n_samples, seed : int
        Resamples of the groups, and where their random numbers start.
    n_bins : int
        Bins of the expected calibration error.

    Returns
    -------
    dict
        ``radiographs``, ``groups``, ``fractured``; ``auroc``, ``average_precision``,
        ``brier_score`` and ``ece`` with ``_low`` and ``_high``; the same by group under
        ``group_``; ``high_sensitivity`` and ``high_specificity`` with their rates;
        ``needs_review``, the share between the two.
    """
    by_file = _with_intervals(y_true, y_score, group, n_samples=n_samples, n_bins=n_bins, seed=seed)
    units = metrics.collapse_groups(y_true, y_score, group)
    by_group = _with_intervals(*units, n_samples=n_samples, n_bins=n_bins, seed=seed)
    reviewed = (y_score >= points.high_sensitivity) & (y_score < points.high_specificity)
    return {
        "radiographs": len(y_true),
        "groups": len(np.unique(group)),
        "fractured": int(y_true.sum()),
        **by_file,
        **{f"group_{name}": value for name, value in by_group.items()},
        "high_sensitivity": metrics.at_threshold(y_true, y_score, points.high_sensitivity),
        "high_specificity": metrics.at_threshold(y_true, y_score, points.high_specificity),
        "needs_review": float(reviewed.mean()),
    }


def best_null(baselines: Mapping[str, float | None]) -> tuple[str, float] | None:
    """Name and AUROC of the strongest baseline, or None where none could be scored."""
    known = {name: auroc for name, auroc in baselines.items() if auroc is not None}
    return max(known.items(), key=lambda item: item[1]) if known else None


def _with_intervals(
    y_true: Bools, y_score: Floats, group: NDArray[Any], *, n_samples: int, n_bins: int, seed: int
) -> dict[str, float]:
    def statistics(weight: NDArray[np.float64]) -> dict[str, float]:
        return {
            "auroc": metrics.auroc(y_true, y_score, weight),
            "average_precision": metrics.average_precision(y_true, y_score, weight),
            "brier_score": metrics.brier_score(y_true, y_score, weight),
            "ece": metrics.ece(y_true, y_score, weight, n_bins=n_bins),
        }

    return intervals.summarize(statistics, group, y_true, n_samples=n_samples, seed=seed)
