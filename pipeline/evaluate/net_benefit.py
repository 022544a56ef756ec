"""What decisions at a threshold are worth, against deciding alike for everybody."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.statistics import intervals
from pipeline.statistics.checked_scores import checked
from pipeline.types import AnyArray, BoolArray, Float64Array, FloatArray

THRESHOLDS = np.arange(1, 100) / 100
COLUMNS = ["threshold", "net_benefit", "net_benefit_low", "net_benefit_high", "treat_all", "treat_none"]


def net_benefit(
    y_true: BoolArray, y_score: FloatArray, thresholds: FloatArray, sample_weight: FloatArray | None = None
) -> Float64Array:
    """Count true positives a radiograph, less false ones at the price that the threshold stands for.

    Who acts from a probability of 0.2 on holds four needless actions for as bad as one missed fracture:
    a false positive costs 0.2 / (1 - 0.2) of what a true positive gains.

    Parameters
    ----------
    y_true : bool ndarray of shape (N,)
    y_score : float ndarray of shape (N,), in 0..1, calibrated
    thresholds : float ndarray of shape (T,), above 0 and below 1
    sample_weight : float ndarray of shape (N,), optional

    Returns
    -------
    float64 ndarray of shape (T,)
        At most the prevalence; 0 is what never acting is worth.

    Raises
    ------
    ValueError
        The arrays do not match, or a threshold is not between 0 and 1.

    References
    ----------
    Vickers and Elkin, Decision curve analysis: a novel method for evaluating prediction models, Medical
    Decision Making 26, 2006. https://doi.org/10.1177/0272989X06295361
    """
    truth, score, weight = checked(y_true, y_score, sample_weight)
    at = np.asarray(thresholds, dtype=np.float64)
    if not ((at > 0) & (at < 1)).all():
        raise ValueError(f"a threshold probability lies between 0 and 1. Received: {at.min()} to {at.max()}")
    order = np.argsort(score)
    gain = np.stack([weight * truth, weight * ~truth])[:, order]
    cumulative = np.cumsum(np.pad(gain, ((0, 0), (0, 1)))[:, ::-1], axis=1)[:, ::-1]  # and above
    true_positive, false_positive = cumulative[:, np.searchsorted(score[order], at)] / weight.sum()
    return np.asarray(true_positive - false_positive * at / (1 - at))


def decision_curve(
    y_true: BoolArray, y_score: FloatArray, group: AnyArray, *, n_samples: int, seed: int
) -> pd.DataFrame:
    """Net benefit of the classifier, of acting on every radiograph, and of acting on none.

    Parameters
    ----------
    y_true, y_score
        As for :func:`net_benefit`.
    group : ndarray of shape (N,)
        Duplicate group, or patient, of each radiograph.
    n_samples, seed : int
        Resamples of the groups behind the intervals, and where their random numbers start.

    Returns
    -------
    DataFrame
        One row a threshold probability, 0.01 to 0.99: the columns of :data:`COLUMNS`. Both classes keep
        their share in every resample, as they do for the other figures.
    """
    truth = np.asarray(y_true, dtype=bool)
    low, high = intervals.bootstrap_by_group(
        lambda weight: net_benefit(truth, y_score, THRESHOLDS, weight),
        group,
        truth,
        n_samples=n_samples,
        seed=seed,
    )
    everybody = net_benefit(truth, np.ones(truth.size), THRESHOLDS)
    own = net_benefit(truth, y_score, THRESHOLDS)
    curve = [THRESHOLDS, own, low, high, everybody, np.zeros(THRESHOLDS.size)]
    return pd.DataFrame(dict(zip(COLUMNS, curve, strict=True)))


def useful_range(curve: pd.DataFrame) -> tuple[float, float] | None:
    """Find the first and the last threshold of the longest run at which the classifier beats both, if any."""
    useful = (curve["net_benefit"] > curve[["treat_all", "treat_none"]].max(axis=1)).to_numpy(bool)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], useful, [False]])))
    runs = edges.reshape(-1, 2)
    if not len(runs):
        return None
    first, end = runs[np.argmax(runs[:, 1] - runs[:, 0])]
    return float(curve["threshold"].iloc[first]), float(curve["threshold"].iloc[end - 1])
