"""Calibration and operating points for a new place, from its labels or from its scores alone.

The network stays, and so does the order of its scores. What each method rests on, and how far it carried
between simulated places, is measured by ``benchmarks/recalibrate.py``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import betainc

from pipeline.predict import calibration
from pipeline.predict.calibration import Calibration
from pipeline.predict.operating_points import OperatingPoints
from pipeline.predict.val_scores import ValScores
from pipeline.types import BoolArray, Float64Array, FloatArray

_VAL_GROUPS = 20.0  # as so many groups of a class the scores of val count beside those of a place


class Targets(NamedTuple):
    """What the operating points are to reach, each in 0..1."""

    sensitivity: float
    specificity: float


class Fit(NamedTuple):
    """How logits become decisions."""

    calibration: Calibration
    points: OperatingPoints


def from_labels(
    logits: FloatArray,
    y_true: BoolArray,
    sample_weight: FloatArray,
    val: ValScores | None,
    old: Calibration,
    targets: Targets,
) -> Fit:
    """Fit calibration and operating points to few labelled radiographs.

    Thresholds are quantiles of either class. Of some ten fractured groups the lowest decide, by chance: so
    the scores of ``val``, moved as far as both classes moved together, count as 20 groups of a class beside
    them. The more labels there are, the less ``val`` says. Where the two thresholds cross they swap names,
    as in :func:`pipeline.predict.operating_points.choose`.

    Parameters
    ----------
    logits : float ndarray of shape (N,)
    y_true : bool ndarray of shape (N,)
    sample_weight : float ndarray of shape (N,)
        1 / (size of its group), so that the sum is the number of groups.
    val : ValScores or None
        What the bundle remembers; None in an older one: then the labels alone decide.
    old : Calibration
        Of the place where the bundle comes from.
    targets : Targets
    """
    value, truth = np.asarray(logits, np.float64), np.asarray(y_true, bool)
    weight = np.asarray(sample_weight, np.float64)
    classes = [(value[kind], weight[kind]) for kind in (truth, ~truth)]
    if val:
        means = np.where(truth, val.fractured.mean(), val.other.mean())
        beside = val.moved(float(np.average(value - means, weights=weight)))
        counted = np.full(beside.other.shape, _VAL_GROUPS / beside.other.size)
        classes = [
            (np.append(own, scores), np.append(own_weight, counted))
            for (own, own_weight), scores in zip(classes, (beside.fractured, beside.other), strict=True)
        ]
    return _fit(calibration.refit(value, truth, old, weight), classes, targets)


def from_scores(
    logits: FloatArray,
    sample_weight: FloatArray,
    val: ValScores,
    prevalence: float,
    old: Calibration,
    targets: Targets,
) -> Fit:
    """Move calibration and operating points to a place without labels: an estimate.

    The mean probability is made the stated share. For the thresholds the scores of either class are taken to
    be those of ``val``, moved alike: as far as the mean of all scores lies from that of both classes of
    ``val`` at this share. It cannot see that the classes lie closer together here; only labels can.

    Parameters
    ----------
    logits : float ndarray of shape (N,)
        Of radiographs of the new place, whatever they show.
    sample_weight : float ndarray of shape (N,)
    val : ValScores
        What the bundle remembers.
    prevalence : float
        Stated share of fractured ones, above 0 and below 1.
    old : Calibration
        Of the bundle.
    targets : Targets
    """
    found = calibration.with_mean(logits, prevalence, old, sample_weight)
    beside = val.moved(shift_of(logits, sample_weight, val, prevalence))
    alike = np.ones(beside.other.shape)
    return _fit(found, [(beside.fractured, alike), (beside.other, alike)], targets)


def shift_of(logits: FloatArray, sample_weight: FloatArray, val: ValScores, prevalence: float) -> float:
    """By how much the scores of a place lie above those of ``val`` at this prevalence, in the mean."""
    there, share = val.mixture(prevalence)
    return float(np.average(logits, weights=sample_weight) - np.average(there, weights=share))


def harrell_davis(value: FloatArray, weight: FloatArray, level: float) -> float:
    """Quantile as an average over all order statistics, each weighing as likely as it is the quantile.

    The weights' sum counts the observations.

    References
    ----------
    Harrell and Davis, A new distribution-free quantile estimator, Biometrika 69, 1982.
    https://doi.org/10.1093/biomet/69.3.635
    """
    order = np.argsort(value)
    ends = np.concatenate([[0.0], np.cumsum(weight[order])])
    n = ends[-1] + 1
    share = np.diff(betainc(n * level, n * (1 - level), ends / ends[-1]))
    return float(share @ np.asarray(value, np.float64)[order])


def _fit(found: Calibration, classes: list[tuple[Float64Array, Float64Array]], targets: Targets) -> Fit:
    """Take thresholds from the logits and weights of fractured and other radiographs."""
    levels = (1 - targets.sensitivity, targets.specificity)
    limits = [harrell_davis(*scores, level) for scores, level in zip(classes, levels, strict=True)]
    low, high = found.probability(np.sort(limits)).tolist()
    return Fit(found, OperatingPoints(low, high))
