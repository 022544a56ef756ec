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


def at_threshold(y_true: BoolArray, y_score: FloatArray, threshold: float) -> dict[str, float]:
    """``threshold``, ``sensitivity``, ``specificity``, ``ppv`` and ``npv``.

    A share of nothing is NaN: the ``ppv`` where no radiograph is called fractured, the
    ``sensitivity`` where none is. ``ppv`` and ``npv`` hold at the prevalence of this set only.
    """
    count = confusion(y_true, y_score, threshold)
    return {
        "threshold": float(threshold),
        "sensitivity": _share(count["true_positive"], count["false_negative"]),
        "specificity": _share(count["true_negative"], count["false_positive"]),
        "ppv": _share(count["true_positive"], count["false_positive"]),
        "npv": _share(count["true_negative"], count["false_negative"]),
    }


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


def checked(
    y_true: BoolArray, y_score: FloatArray, sample_weight: FloatArray | None = None
) -> tuple[BoolArray, Float64Array, Float64Array]:
    """Outcomes, scores and weights as bool, float64 and float64.

    Raises
    ------
    ValueError
        They do not match or are empty, or hold what is no outcome, no probability or no weight.
    """
    truth, score = np.asarray(y_true), np.asarray(y_score, dtype=np.float64)
    weight = np.ones(truth.shape) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if truth.ndim != 1 or not truth.shape == score.shape == weight.shape or not truth.size:
        shapes = f"{truth.shape}, {score.shape}, {weight.shape}"
        raise ValueError(
            f"y_true, y_score and sample_weight must be of one shape (N,), N > 0. Received: {shapes}"
        )
    if not (score.min() >= 0 and score.max() <= 1):
        raise ValueError(f"y_score must be a probability. Received: {score.min()} to {score.max()}")
    if not (weight.min() >= 0 and 0 < weight.sum() < np.inf):
        raise ValueError(f"sample_weight must be >= 0, finite and not all 0. Received: {weight}")
    if truth.dtype != bool and not np.isin(truth, (0, 1)).all():
        raise ValueError(f"y_true must be bool, or 0 and 1. Received: {np.unique(truth)[:5]}")
    return truth.astype(bool), score, weight


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


def _share(part: float, rest: float) -> float:
    """``part`` of the whole, NaN where there is no whole."""
    return part / (part + rest) if part + rest > 0 else float("nan")
