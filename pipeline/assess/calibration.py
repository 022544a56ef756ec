"""From logits to probabilities to decisions: temperature, operating points, and what lies between them.

All of it is fitted on validation radiographs and then only applied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit

Bools = NDArray[np.bool_]
Floats = NDArray[np.floating[Any]]

NO_FINDING = "no finding"
NEEDS_REVIEW = "needs review"
FRACTURE = "fracture"

TEMPERATURE_RANGE = (0.05, 20.0)
ROUNDING = 1e-9  # a target of 0.95 is reached by 19 of 20, in whatever order their weights were added


@dataclass(frozen=True)
class OperatingPoints:
    """Two thresholds on the calibrated score, ``high_sensitivity <= high_specificity``."""

    high_sensitivity: float
    high_specificity: float

    def __post_init__(self) -> None:
        """Refuse thresholds in the wrong order."""
        if not self.high_sensitivity <= self.high_specificity:
            raise ValueError(f"high_sensitivity must not exceed high_specificity. Received: {self}")


def fit_temperature(logits: Floats, y_true: Bools, sample_weight: Floats | None = None) -> float:
    """Temperature T that makes ``expit(logits / T)`` most likely, between 0.05 and 20.

    The outcomes are Platt's: (P + 1) / (P + 2) for a fracture and 1 / (N + 2) for none, with P and N
    the weight of either class. So a perfectly separated set, which would otherwise ask for T = 0,
    gets a temperature as sharp as its size justifies.

    Parameters
    ----------
    logits : float ndarray of shape (N,)
    y_true : bool ndarray of shape (N,)
    sample_weight : float ndarray of shape (N,), optional
        Counts of radiographs; with 1 / (size of its group) a group counts as one.

    Raises
    ------
    ValueError
        The arrays do not match, or a logit is not finite.

    References
    ----------
    Guo et al., On calibration of modern neural networks, ICML 2017.
    https://doi.org/10.48550/arXiv.1706.04599
    Lin, Lin and Weng, A note on Platt's probabilistic outputs for support vector machines, Machine
    Learning 68, 2007. https://doi.org/10.1007/s10994-007-5018-6
    """
    logit, truth, weight = _checked(logits, y_true, sample_weight)
    n_fractured, n_other = weight[truth].sum(), weight[~truth].sum()
    target = np.where(truth, (n_fractured + 1) / (n_fractured + 2), 1 / (n_other + 2))

    def negative_log_likelihood(log_temperature: float) -> float:
        scaled = logit * np.exp(-log_temperature)
        return float(np.average(np.logaddexp(0, scaled) - target * scaled, weights=weight))

    # Convex in 1 / T, hence with one minimum in log T, where a bounded search steps evenly.
    bounds = tuple(np.log(TEMPERATURE_RANGE))
    best = minimize_scalar(negative_log_likelihood, bounds=bounds, method="bounded")
    return float(np.exp(best.x))


def apply_temperature(logits: Floats, temperature: float) -> NDArray[np.float64]:
    """Calibrated probabilities of shape (N,), float64: ``expit(logits / temperature)``."""
    if not temperature > 0:
        raise ValueError(f"a temperature must be above 0. Received: {temperature}")
    return np.asarray(expit(np.asarray(logits, dtype=np.float64) / temperature))


def choose_operating_points(
    y_true: Bools,
    y_score: Floats,
    *,
    sensitivity: float = 0.95,
    specificity: float = 0.90,
    sample_weight: Floats | None = None,
) -> OperatingPoints:
    """Highest threshold that reaches the sensitivity, and lowest that reaches the specificity.

    Thresholds are scores that occur, and one just above them all. Where a good classifier makes
    the two cross, either meets both targets; they then swap names, so that both points still keep
    their promise and the scores between, the least clear ones, are still reviewed.

    Parameters
    ----------
    y_true : bool ndarray of shape (N,)
    y_score : float ndarray of shape (N,), in 0..1, calibrated
    sensitivity, specificity : float
        Targets in 0..1, each reached by its own point.
    sample_weight : float ndarray of shape (N,), optional

    Raises
    ------
    ValueError
        The arrays do not match, a score is not finite, or a class is missing.
    """
    score, truth, weight = _checked(y_score, y_true, sample_weight)
    if not (weight[truth].sum() and weight[~truth].sum()):
        raise ValueError(
            f"operating points need both classes. Received: {truth.sum()} fractured of {truth.size}. "
            "Put radiographs of either class into val."
        )
    candidates = np.append(np.unique(score), np.nextafter(score.max(), np.inf))
    below_fractured = _weight_below(candidates, score[truth], weight[truth])
    below_other = _weight_below(candidates, score[~truth], weight[~truth])
    sensitive = candidates[1 - below_fractured >= sensitivity - ROUNDING].max()
    specific = candidates[below_other >= specificity - ROUNDING].min()
    low, high = sorted((float(sensitive), float(specific)))
    return OperatingPoints(high_sensitivity=low, high_specificity=high)


def decide(y_score: Floats, points: OperatingPoints) -> NDArray[np.str_]:
    """``fracture`` from the specific threshold up, ``no finding`` below the sensitive one, review between.

    Raises
    ------
    ValueError
        A score is not a number: no decision may come of that.
    """
    score = np.asarray(y_score)
    if np.isnan(score).any():
        raise ValueError(f"a decision needs scores that are numbers. Received: {np.isnan(score).sum()} NaN")
    is_fracture, is_clear = score >= points.high_specificity, score < points.high_sensitivity
    return np.select([is_fracture, is_clear], [FRACTURE, NO_FINDING], NEEDS_REVIEW)


def _weight_below(thresholds: Floats, score: Floats, weight: Floats) -> NDArray[np.float64]:
    """Share of the weight that scores below each threshold."""
    order = np.argsort(score)
    cumulative = np.concatenate([[0.0], np.cumsum(weight[order])])
    return np.asarray(cumulative[np.searchsorted(score[order], thresholds)] / cumulative[-1])


def _checked(
    values: Floats, y_true: Bools, sample_weight: Floats | None
) -> tuple[NDArray[np.float64], Bools, NDArray[np.float64]]:
    """Values, outcomes and weights as float64, bool and float64, or a ValueError."""
    value, truth = np.asarray(values, dtype=np.float64), np.asarray(y_true, dtype=bool)
    weight = np.ones(truth.shape) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if truth.ndim != 1 or not truth.shape == value.shape == weight.shape or not truth.size:
        shapes = f"{value.shape}, {truth.shape}, {weight.shape}"
        raise ValueError(
            f"scores, y_true and sample_weight must be of one shape (N,), N > 0. Received: {shapes}"
        )
    if not np.isfinite(value).all():
        raise ValueError(f"scores must be finite. Received: {(~np.isfinite(value)).sum()} that are not")
    if not (weight.min() >= 0 and 0 < weight.sum() < np.inf):
        raise ValueError(f"sample_weight must be >= 0, finite and not all 0. Received: {weight}")
    return value, truth, weight
