"""Calibration and operating points for a new place, from its labels or from its scores alone.

The network stays, and so does the order of its scores. What each method rests on, and how far it carried
between simulated places, is measured by ``benchmarks/recalibrate.py``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit
from scipy.stats import beta

from pipeline.predict import calibration
from pipeline.predict.calibration import Calibration
from pipeline.predict.operating_points import OperatingPoints
from pipeline.predict.val_scores import ValScores, quantiles
from pipeline.types import BoolArray, Float64Array, FloatArray

_LEVELS = np.linspace(0.02, 0.98, 97)  # of the quantiles that are matched: beyond lie a few odd files
_EDGE = 1e-15  # a threshold of 0 or 1 stays there


class Targets(NamedTuple):
    """What the operating points are to reach, each in 0..1."""

    sensitivity: float
    specificity: float


class Fit(NamedTuple):
    """How logits become decisions."""

    calibration: Calibration
    points: OperatingPoints


def from_labels(
    logits: FloatArray, y_true: BoolArray, sample_weight: FloatArray, old: Calibration, targets: Targets
) -> Fit:
    """Fit calibration and operating points to few labelled radiographs.

    Thresholds are Harrell and Davis' quantiles of either class: averages over all order statistics, each
    weighing as likely as it is the quantile. From 20 fractured groups a threshold at the second lowest score
    keeps a sensitivity of 0.905 elsewhere, not 0.95; one interpolated for 0.95 costs 0.07 of specificity.
    This one costs 0.02. Where the two thresholds cross they swap names, as in
    :func:`pipeline.predict.operating_points.choose`.

    Parameters
    ----------
    logits : float ndarray of shape (N,)
    y_true : bool ndarray of shape (N,)
    sample_weight : float ndarray of shape (N,)
        1 / (size of its group), so that the sum is the number of groups.
    old : Calibration
        Of the place where the bundle comes from.
    targets : Targets

    References
    ----------
    Harrell and Davis, A new distribution-free quantile estimator, Biometrika 69, 1982.
    https://doi.org/10.1093/biomet/69.3.635
    """
    value, truth = np.asarray(logits, np.float64), np.asarray(y_true, bool)
    weight = np.asarray(sample_weight, np.float64)
    found = calibration.refit(value, truth, old, weight)
    limits = [
        harrell_davis(value[kind], weight[kind], level)
        for kind, level in ((truth, 1 - targets.sensitivity), (~truth, targets.specificity))
    ]
    low, high = found.probability(np.sort(limits)).tolist()
    return Fit(found, OperatingPoints(low, high))


def harrell_davis(value: FloatArray, weight: FloatArray, level: float) -> float:
    """Quantile as an average over all order statistics; the weights' sum counts the observations."""
    order = np.argsort(value)
    ends = np.concatenate([[0.0], np.cumsum(weight[order])])
    n = ends[-1] + 1
    share = np.diff(beta.cdf(ends / ends[-1], n * level, n * (1 - level)))
    return float(share @ np.asarray(value, np.float64)[order])


def from_scores(
    logits: FloatArray, sample_weight: FloatArray, val: ValScores, prevalence: float, old: Fit
) -> Fit:
    """Move calibration and operating points to a place without labels: an estimate.

    The scores of either class are taken to be those of ``val``, moved and stretched alike. Which move and
    stretch, the quantiles of all scores say: by least squares against those of both classes of ``val``
    together, at the stated share of fractured ones. It cannot see that the classes lie closer together
    here; only labels can.

    Parameters
    ----------
    logits : float ndarray of shape (N,)
        Of radiographs of the new place, whatever they show.
    sample_weight : float ndarray of shape (N,)
    val : ValScores
        What the bundle remembers.
    prevalence : float
        Stated share of fractured ones, above 0 and below 1.
    old : Fit
        Of the bundle.

    Raises
    ------
    ValueError
        The scores are all alike.
    """
    shift, stretch = match(logits, sample_weight, val, prevalence)
    slope = old.calibration.slope / stretch
    more_fractures = float(logit(prevalence) - logit(val.fractured_share))
    moved = Calibration(slope, old.calibration.intercept - slope * shift + more_fractures)
    limits = np.clip([old.points.high_sensitivity, old.points.high_specificity], _EDGE, 1 - _EDGE)
    low, high = expit(logit(limits) + more_fractures).tolist()
    return Fit(moved, OperatingPoints(low, high))


def match(
    logits: FloatArray, sample_weight: FloatArray, val: ValScores, prevalence: float
) -> tuple[float, float]:
    """Shift and stretch that take the scores of ``val``, at this prevalence, to these."""
    here = quantiles(np.asarray(logits, np.float64), np.asarray(sample_weight, np.float64), _LEVELS)
    there: Float64Array = quantiles(*val.mixture(prevalence), _LEVELS)
    covariance = float(np.mean((here - here.mean()) * (there - there.mean())))
    if not covariance > 0:
        raise ValueError(f"scores must differ to be matched. Received: {here.min()} to {here.max()}")
    stretch = covariance / float(there.var())
    return float(here.mean() - stretch * there.mean()), stretch
