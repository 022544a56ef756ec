"""Curves over the scores of a set: receiver operating characteristic, precision and recall, reliability.

Arguments and errors are those of :mod:`pipeline.statistics.metrics`.
"""

from __future__ import annotations

import numpy as np

from pipeline.statistics.checked_scores import checked
from pipeline.types import AnyArray, BoolArray, Float64Array, FloatArray


def roc_curve(
    y_true: BoolArray, y_score: FloatArray, sample_weight: FloatArray | None = None
) -> dict[str, Float64Array]:
    """``threshold`` (infinity, then distinct scores downwards), ``sensitivity``, ``false_positive_rate``."""
    threshold, positive, negative = _at_or_above(y_true, y_score, sample_weight)
    return {
        "threshold": np.concatenate([[np.inf], threshold]),
        "sensitivity": np.concatenate([[0.0], positive / positive[-1]]),
        "false_positive_rate": np.concatenate([[0.0], negative / negative[-1]]),
    }


def precision_recall_curve(
    y_true: BoolArray, y_score: FloatArray, sample_weight: FloatArray | None = None
) -> dict[str, Float64Array]:
    """``threshold`` (the distinct scores downwards), ``precision`` and ``recall``."""
    threshold, positive, negative = _at_or_above(y_true, y_score, sample_weight)
    called = positive + negative
    precision = np.divide(positive, called, out=np.zeros_like(called), where=called > 0)
    return {"threshold": threshold, "precision": precision, "recall": positive / positive[-1]}


def reliability_curve(
    y_true: BoolArray, y_score: FloatArray, sample_weight: FloatArray | None = None, *, n_bins: int = 10
) -> dict[str, AnyArray]:
    """Share of fractures among radiographs that were given about the same probability.

    Returns
    -------
    dict of ndarray
        One entry for each bin that is not empty: ``bin_low`` and ``bin_high`` (a score on the border of
        two lies in the lower), ``mean_score``, ``fractured_share``, ``count`` and ``weight``.

    References
    ----------
    Niculescu-Mizil and Caruana, Predicting good probabilities with supervised learning, ICML 2005.
    https://doi.org/10.1145/1102351.1102430
    """
    y_true, y_score, weight = checked(y_true, y_score, sample_weight)
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    code = np.searchsorted(edges[1:-1], y_score)
    total = np.bincount(code, weights=weight, minlength=n_bins)
    used = np.flatnonzero(total)
    return {
        "bin_low": edges[used],
        "bin_high": edges[used + 1],
        "mean_score": np.bincount(code, weights=weight * y_score, minlength=n_bins)[used] / total[used],
        "fractured_share": np.bincount(code, weights=weight * y_true, minlength=n_bins)[used] / total[used],
        "count": np.bincount(code[weight > 0], minlength=n_bins)[used],
        "weight": total[used],
    }


def _at_or_above(
    y_true: BoolArray, y_score: FloatArray, sample_weight: FloatArray | None
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Distinct scores from high to low; the weight of either class that scores at least that."""
    y_true, y_score, weight = checked(y_true, y_score, sample_weight)
    order = np.argsort(-y_score, kind="stable")
    y_true, y_score, weight = y_true[order], y_score[order], weight[order]
    last = np.append(np.flatnonzero(np.diff(y_score)), y_score.size - 1)
    positive = np.cumsum(weight * y_true)[last]
    negative = np.cumsum(weight * ~y_true)[last]
    if not (positive[-1] and negative[-1]):
        raise ValueError(
            "a score of discrimination needs radiographs of both classes. "
            f"Received: a weight of {positive[-1]:g} fractured and {negative[-1]:g} not fractured. "
            "Use a larger set, or brier_score and ece alone."
        )
    return y_score[last], positive, negative
