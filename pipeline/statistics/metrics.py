"""How well scores separate fractured radiographs from others, and how true they are as probabilities.

Throughout, ``y_true`` is a bool ndarray of shape (N,), ``y_score`` a float ndarray of shape (N,)
in 0..1, and ``sample_weight`` a float ndarray of shape (N,), at least 0, each radiograph weighing
1 by default. A weight of 0 leaves the radiograph out, a weight of 2 counts it twice: that is what
makes a bootstrap resample a mere vector of weights. The scores are written out in numpy because a
bootstrap calls them thousands of times, and scikit-learn checks its input for longer than it counts.

A radiograph is called fractured when its score is *at least* the threshold. Arrays that do not match,
are empty or hold what is no probability or no weight raise a ValueError; so does a set of one class where
discrimination is computed: it still has :func:`brier_score`, :func:`ece` and :func:`at_threshold`.
"""

from __future__ import annotations

import numpy as np

from pipeline.statistics.checked_scores import checked
from pipeline.statistics.score_curves import precision_recall_curve, reliability_curve, roc_curve
from pipeline.types import AnyArray, BoolArray, Float64Array, FloatArray

CLIP = 1e-6  # the least probability that tables of predictions can write


def auroc(y_true: BoolArray, y_score: FloatArray, sample_weight: FloatArray | None = None) -> float:
    """Area under the ROC curve: how often a fractured radiograph outscores another one; ties count half.

    References
    ----------
    Hanley and McNeil, The meaning and use of the area under a receiver operating characteristic
    (ROC) curve, Radiology 143, 1982. https://doi.org/10.1148/radiology.143.1.7063747
    """
    curve = roc_curve(y_true, y_score, sample_weight)
    return float(np.trapezoid(curve["sensitivity"], curve["false_positive_rate"]))


def average_precision(
    y_true: BoolArray, y_score: FloatArray, sample_weight: FloatArray | None = None
) -> float:
    """Precision averaged over the steps of recall, without interpolation; chance is the prevalence.

    References
    ----------
    Davis and Goadrich, The relationship between precision-recall and ROC curves, ICML 2006.
    https://doi.org/10.1145/1143844.1143874
    """
    curve = precision_recall_curve(y_true, y_score, sample_weight)
    return float(np.sum(np.diff(curve["recall"], prepend=0.0) * curve["precision"]))


def brier_score(y_true: BoolArray, y_score: FloatArray, sample_weight: FloatArray | None = None) -> float:
    """Mean squared difference of probability and outcome: 0 is perfect, 0.25 is always saying one half.

    References
    ----------
    Brier, Verification of forecasts expressed in terms of probability, Monthly Weather Review 78,
    1950. https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2
    """
    y_true, y_score, weight = checked(y_true, y_score, sample_weight)
    return float(np.average((y_score - y_true) ** 2, weights=weight))


def accuracy(y_true: BoolArray, y_score: FloatArray, sample_weight: FloatArray | None = None) -> float:
    """Share of radiographs on the right side of a probability of 0.5."""
    y_true, y_score, weight = checked(y_true, y_score, sample_weight)
    return float(np.average((y_score >= 0.5) == y_true, weights=weight))


def cross_entropy(y_true: BoolArray, y_score: FloatArray, sample_weight: FloatArray | None = None) -> float:
    """Mean negative logarithm of the probability of what came true, in nats; always saying one half: 0.693.

    Probabilities are clipped to :data:`CLIP` to 1 - CLIP: one radiograph costs at most 13.8.

    References
    ----------
    Good, Rational decisions, Journal of the Royal Statistical Society B 14, 1952.
    https://doi.org/10.1111/j.2517-6161.1952.tb00104.x
    """
    y_true, y_score, weight = checked(y_true, y_score, sample_weight)
    came_true = np.where(y_true, y_score, 1 - y_score).clip(CLIP, 1 - CLIP)
    return float(np.average(-np.log(came_true), weights=weight))


def ece(
    y_true: BoolArray, y_score: FloatArray, sample_weight: FloatArray | None = None, *, n_bins: int = 10
) -> float:
    """Calibration error to be expected: how far the share of fractures is from the mean score, bin by bin.

    The bins have equal width and weigh by their radiographs. A small set scores above 0 by chance
    even where it is perfectly calibrated, and so do its bootstrap resamples, more so: the lower end
    of a percentile interval can lie above the score itself.

    References
    ----------
    Naeini et al., Obtaining well calibrated probabilities using Bayesian binning, AAAI 2015.
    https://doi.org/10.1609/aaai.v29i1.9602
    """
    curve = reliability_curve(y_true, y_score, sample_weight, n_bins=n_bins)
    gap = np.abs(curve["fractured_share"] - curve["mean_score"])
    return float(np.average(gap, weights=curve["weight"]))


def ece_by_chance(y_score: FloatArray, *, n_bins: int = 10, n_samples: int = 1000, seed: int) -> float:
    """Average :func:`ece` of these scores where each is the true probability of its outcome.

    An error near this one shows no fault of the calibration: only more radiographs could.

    Parameters
    ----------
    y_score : float ndarray of shape (N,), in 0..1
    n_samples, seed : int
        Sets of outcomes drawn, and where their random numbers start.

    References
    ----------
    Bröcker and Smith, Increasing the reliability of reliability diagrams, Weather and Forecasting 22,
    2007. https://doi.org/10.1175/WAF993.1
    """
    rng = np.random.default_rng(seed)
    draws = (rng.random(len(y_score)) < y_score for _ in range(n_samples))
    return float(np.mean([ece(outcomes, y_score, n_bins=n_bins) for outcomes in draws]))


def classification_scores(
    y_true: BoolArray, y_score: FloatArray, sample_weight: FloatArray | None = None, *, n_bins: int = 10
) -> dict[str, float]:
    """``auroc``, ``average_precision``, ``brier_score``, ``ece``, ``accuracy`` and ``loss`` of one set.

    ``loss`` is the :func:`cross_entropy`.
    """
    return {
        "auroc": auroc(y_true, y_score, sample_weight),
        "average_precision": average_precision(y_true, y_score, sample_weight),
        "brier_score": brier_score(y_true, y_score, sample_weight),
        "ece": ece(y_true, y_score, sample_weight, n_bins=n_bins),
        "accuracy": accuracy(y_true, y_score, sample_weight),
        "loss": cross_entropy(y_true, y_score, sample_weight),
    }


def collapse_groups(
    y_true: BoolArray, y_score: FloatArray, group: AnyArray
) -> tuple[BoolArray, Float64Array, AnyArray]:
    """One unit a group, scored by the mean of its radiographs.

    Copies share their label. A patient may have a fractured wrist and a sound knee: such a group
    becomes two units, one of each class.

    Parameters
    ----------
    group : ndarray of shape (N,), int or str
        Radiographs that are copies of one another or show one patient.

    Returns
    -------
    tuple of ndarray
        ``y_true`` (bool), ``y_score`` (float64) and ``group`` of the U units: those without a fracture
        first, each class in the order of its groups.
    """
    y_true, y_score, _ = checked(y_true, y_score, None)
    names, code = np.unique(group, return_inverse=True)
    if code.shape != y_true.shape:
        raise ValueError(
            f"one group a radiograph. Received: {code.size} groups for {y_true.size} radiographs"
        )
    unit, member = np.unique(np.stack([y_true, code]), axis=1, return_inverse=True)
    mean_score = np.bincount(member, weights=y_score) / np.bincount(member)
    return unit[0].astype(bool), mean_score, names[unit[1]]


def confusion(
    y_true: BoolArray, y_score: FloatArray, threshold: float, sample_weight: FloatArray | None = None
) -> dict[str, float]:
    """Weight of the true and false positives and negatives at a threshold."""
    y_true, y_score, weight = checked(y_true, y_score, sample_weight)
    y_pred = y_score >= threshold
    return {
        "true_positive": float(weight[y_true & y_pred].sum()),
        "false_negative": float(weight[y_true & ~y_pred].sum()),
        "false_positive": float(weight[~y_true & y_pred].sum()),
        "true_negative": float(weight[~y_true & ~y_pred].sum()),
    }


def at_threshold(
    y_true: BoolArray, y_score: FloatArray, threshold: float, sample_weight: FloatArray | None = None
) -> dict[str, float]:
    """``threshold``, ``sensitivity``, ``specificity``, ``ppv`` and ``npv``.

    A share of nothing is NaN: the ``ppv`` where no radiograph is called fractured, the
    ``sensitivity`` where none is. ``ppv`` and ``npv`` hold at the prevalence of this set only.
    """
    count = confusion(y_true, y_score, threshold, sample_weight)
    return {
        "threshold": float(threshold),
        "sensitivity": _share(count["true_positive"], count["false_negative"]),
        "specificity": _share(count["true_negative"], count["false_positive"]),
        "ppv": _share(count["true_positive"], count["false_positive"]),
        "npv": _share(count["true_negative"], count["false_negative"]),
    }


def _share(part: float, rest: float) -> float:
    """``part`` of the whole, NaN where there is no whole."""
    return part / (part + rest) if part + rest > 0 else float("nan")
