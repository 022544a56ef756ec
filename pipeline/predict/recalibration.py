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
_VAL_TRUST = 10.0  # as so many where its mean and spread are weighed against those that were seen there
_SPLIT = 0.5  # a spread of all scores that changed is half the classes', half the distance between them

_Scores = tuple[Float64Array, Float64Array]  # logits and weights


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
    the scores of ``val`` count as 20 groups of a class beside them, moved as far as both classes moved
    together, and then, the more labels there are, to the mean and spread of the class itself. Where the two
    thresholds cross they swap names, as in :func:`pipeline.predict.operating_points.choose`.

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
        moved = val.moved(float(np.average(value - means, weights=weight)))
        classes = [
            _with_val(own, own_weight, scores)
            for (own, own_weight), scores in zip(classes, (moved.fractured, moved.other), strict=True)
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
    be those of ``val``, moved and stretched alike: to the mean of all scores, and half of the way, in
    logarithms, to their spread. More would be right if the classes moved closer together, less if each became
    narrower; only labels can tell.

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
    there, share = val.mixture(prevalence)
    centre, spread = _mean_and_spread(there, share)
    seen = _mean_and_spread(np.asarray(logits, np.float64), sample_weight)
    alike = np.ones(val.other.shape)
    classes = [
        (seen.mean + (scores - centre) * _ratio(seen.spread, spread) ** _SPLIT, alike)
        for scores in (val.fractured, val.other)
    ]
    return _fit(found, classes, targets)


def shift_of(logits: FloatArray, sample_weight: FloatArray, val: ValScores, prevalence: float) -> float:
    """By how much the scores of a place lie above those of ``val`` at this prevalence, in the mean."""
    there, share = val.mixture(prevalence)
    return float(np.average(logits, weights=sample_weight) - np.average(there, weights=share))


def _with_val(own: Float64Array, weight: Float64Array, scores: Float64Array) -> _Scores:
    """Add the scores of ``val`` in a class to those seen there, and the weights of both."""
    seen, (mean, spread) = _mean_and_spread(own, weight), _mean_and_spread(scores, np.ones(scores.shape))
    trust = weight.sum() / (weight.sum() + _VAL_TRUST)
    beside = mean + trust * (seen.mean - mean) + (scores - mean) * _ratio(seen.spread, spread) ** trust
    return np.append(own, beside), np.append(weight, np.full(scores.shape, _VAL_GROUPS / scores.size))


class _Spread(NamedTuple):
    mean: float
    spread: float


def _mean_and_spread(value: FloatArray, weight: FloatArray) -> _Spread:
    """Weighted mean and standard deviation."""
    mean = np.average(value, weights=weight)
    return _Spread(float(mean), float(np.sqrt(np.average((value - mean) ** 2, weights=weight))))


def _ratio(spread: float, of_val: float) -> float:
    """How much wider scores lie than those of ``val``; 1 where either have no spread, which says nothing."""
    return spread / of_val if spread and of_val else 1.0


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


def _fit(found: Calibration, classes: list[_Scores], targets: Targets) -> Fit:
    """Take thresholds from the logits and weights of fractured and other radiographs."""
    levels = (1 - targets.sensitivity, targets.specificity)
    limits = [harrell_davis(*scores, level) for scores, level in zip(classes, levels, strict=True)]
    low, high = found.probability(np.sort(limits)).tolist()
    return Fit(found, OperatingPoints(low, high))
