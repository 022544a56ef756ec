"""From probabilities to decisions: two operating points, and what lies between them.

Both are chosen on validation radiographs and then only applied.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.statistics.checked_scores import checked
from pipeline.types import BoolArray, Float64Array, FloatArray, StrArray

NO_FINDING = "no finding"
NEEDS_REVIEW = "needs review"
FRACTURE = "fracture"
OUT_OF_SCOPE = "out of scope"  # in place of a decision: see `pipeline.predict.scope`
NO_REGION = "no region stands out"  # of a radiograph that is not cleared

MARGIN = 1e-4  # between a score and the threshold at it, in logits
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


def choose(
    y_true: BoolArray,
    y_score: FloatArray,
    *,
    sensitivity: float = 0.95,
    specificity: float = 0.90,
    sample_weight: FloatArray | None = None,
) -> OperatingPoints:
    """Highest threshold that reaches the sensitivity, and lowest that reaches the specificity.

    Thresholds lie just below scores that occur, and one just above them all. Where a good classifier makes
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
        The arrays do not match, a score is no probability, or a class is missing.
    """
    truth, score, weight = checked(y_true, y_score, sample_weight)
    if not (weight[truth].sum() and weight[~truth].sum()):
        raise ValueError(
            f"operating points need both classes. Received: {truth.sum()} fractured of {truth.size}. "
            "Put radiographs of either class into val."
        )
    candidates = _between(np.unique(score))
    below_fractured = _weight_below(candidates, score[truth], weight[truth])
    below_other = _weight_below(candidates, score[~truth], weight[~truth])
    sensitive = candidates[1 - below_fractured >= sensitivity - ROUNDING].max()
    specific = candidates[below_other >= specificity - ROUNDING].min()
    low, high = sorted((float(sensitive), float(specific)))
    return OperatingPoints(high_sensitivity=low, high_specificity=high)


def decide(y_score: FloatArray, points: OperatingPoints) -> StrArray:
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


def region_stands_out(decision: str, n_regions: int) -> bool | None:
    """Whether a radiograph shows a region; None where the decision asks for none."""
    return n_regions > 0 if decision in (NEEDS_REVIEW, FRACTURE) else None


def in_words(decision: str, n_regions: int) -> str:
    """Give the decision, and say so where it asks for a region and none stands out."""
    return f"{decision}, {NO_REGION}" if region_stands_out(decision, n_regions) is False else decision


def _between(scores: Float64Array) -> Float64Array:
    """Thresholds just below each of some distinct scores, and one above them all.

    Half way to the next score, or :data:`MARGIN` away in logits: another processor or library, which rounds
    otherwise, decides the same.
    """
    margin = np.maximum(MARGIN * scores * (1 - scores), np.spacing(scores))
    below = np.append(-np.inf, scores[:-1])
    above = min(scores[-1] + margin[-1], np.nextafter(max(scores[-1], 1.0), np.inf))
    return np.append(np.maximum(scores - margin, (scores + below) / 2), above)


def _weight_below(thresholds: FloatArray, score: FloatArray, weight: FloatArray) -> Float64Array:
    """Share of the weight that scores below each threshold."""
    order = np.argsort(score)
    cumulative = np.concatenate([[0.0], np.cumsum(weight[order])])
    return np.asarray(cumulative[np.searchsorted(score[order], thresholds)] / cumulative[-1])
