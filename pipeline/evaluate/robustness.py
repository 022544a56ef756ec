"""What perturbed radiographs do to the classifier: scores in, one table out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.predict.operating_points import OperatingPoints
from pipeline.statistics import delong, intervals, metrics
from pipeline.types import AnyArray, BoolArray, Float64Array

COLUMNS = [
    *("disturbance", "level", "radiographs", "auroc", "auroc_low", "auroc_high"),
    *("change", "change_low", "change_high", "p_value", "sensitivity", "specificity"),
]


def sample(y_true: BoolArray, group: AnyArray, n_radiographs: int, seed: int) -> NDArray[np.intp]:
    """Draw independent radiographs, one a group, as many of either class as there are.

    Returns
    -------
    ndarray of int
        Positions, rising: at most ``n_radiographs``, half of them fractured; the scarcer class sets no
        limit to the other's half.
    """
    drawn = np.random.default_rng(seed).permutation(len(y_true))
    _, first = np.unique(group[drawn], return_index=True)
    independent = drawn[np.sort(first)]
    halves = [independent[y_true[independent] == has][: n_radiographs // 2] for has in (True, False)]
    return np.sort(np.concatenate(halves))


def tabulate(
    levels: Sequence[tuple[str, float]],
    y_true: BoolArray,
    y_scores: Float64Array,
    points: OperatingPoints,
    *,
    n_samples: int,
    seed: int,
) -> pd.DataFrame:
    """Compare the scores of perturbed radiographs with those of the same radiographs unperturbed.

    Parameters
    ----------
    levels
        Name and level of each perturbation; the first is none.
    y_true : bool ndarray of shape (N,)
        Of independent radiographs.
    y_scores : float ndarray of shape (N, K)
        Calibrated probabilities, one column a level.
    points
        ``sensitivity`` is taken at the high-sensitivity point, ``specificity`` at the high-specificity one:
        thresholds stay where they are when the radiographs get worse.
    n_samples, seed
        Resamples behind the intervals of the AUROCs, and where their random numbers start.

    Returns
    -------
    DataFrame
        One row a level, the columns of :data:`COLUMNS`; ``change`` of the AUROC from the unperturbed, with
        DeLong's interval and p value for pairs. Empty where a class has fewer than two radiographs.
    """
    if min(y_true.sum(), (~y_true).sum()) < 2:
        return pd.DataFrame(columns=COLUMNS)

    def aurocs(weight: Float64Array) -> list[float]:
        return [metrics.auroc(y_true, y_score, weight) for y_score in y_scores.T]

    each = np.arange(len(y_true))
    low, high = intervals.bootstrap_by_group(aurocs, each, y_true, n_samples=n_samples, seed=seed)
    rows = []
    for (name, level), y_score, ends in zip(levels, y_scores.T, zip(low, high, strict=True), strict=True):
        changed = delong.compare(y_true, y_score, y_scores[:, 0])
        sensitivity = (y_score[y_true] >= points.high_sensitivity).mean()
        specificity = (y_score[~y_true] < points.high_specificity).mean()
        auroc = metrics.auroc(y_true, y_score)
        rows.append((name, level, len(y_true), auroc, *ends, *changed, sensitivity, specificity))
    return pd.DataFrame(rows, columns=COLUMNS)


def worst(table: pd.DataFrame) -> dict[str, float]:
    """Lowest AUROC of each perturbation over its levels."""
    return {str(name): float(rows["auroc"].min()) for name, rows in table.groupby("disturbance")}
