"""How sure it is that one of two classifiers has the higher AUROC on the same radiographs.

DeLong's covariance of AUROCs, in DeLong and colleagues' closed form, summed over groups as Obuchowski does:
copies of a radiograph, or radiographs of one patient, do not count as independent witnesses.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, rankdata

from pipeline.types import AnyArray, BoolArray, Float64Array, FloatArray


class Comparison(NamedTuple):
    """AUROC of the first scores less that of the second, with its 95 % interval and two-sided p value."""

    difference: float
    low: float
    high: float
    p_value: float


def compare(
    y_true: BoolArray,
    first: FloatArray,
    second: FloatArray,
    group: AnyArray | None = None,
) -> Comparison:
    """Compare the AUROCs of two sets of scores of the same radiographs.

    Parameters
    ----------
    y_true : bool ndarray of shape (N,)
    first, second : float ndarray of shape (N,)
        Only their order counts.
    group : ndarray of shape (N,), optional
        Radiographs that are copies of one another or show one patient; each its own by default.

    Returns
    -------
    Comparison
        Where the two order all pairs alike, the interval is a point and the p value 1.

    Raises
    ------
    ValueError
        As for :func:`covariance`.
    """
    auroc, spread = covariance(y_true, np.stack([first, second]), group)
    difference = float(auroc[0] - auroc[1])
    error = float(np.sqrt(max(0.0, spread[0, 0] + spread[1, 1] - 2 * spread[0, 1])))
    reach = float(norm.ppf(0.975)) * error
    p_value = float(2 * norm.sf(abs(difference) / error)) if error > 0 else float(difference == 0)
    return Comparison(difference, difference - reach, difference + reach, p_value)


def covariance(
    y_true: BoolArray, y_scores: ArrayLike, group: AnyArray | None = None
) -> tuple[Float64Array, Float64Array]:
    """AUROCs of several sets of scores of the same radiographs, and the covariance of these AUROCs.

    Parameters
    ----------
    y_true : bool ndarray of shape (N,)
    y_scores : float array-like of shape (K, N)
    group : ndarray of shape (N,), optional
        As for :func:`compare`.

    Returns
    -------
    tuple of float64 ndarray
        AUROCs of shape (K,), ties counting half, and their covariance of shape (K, K).

    Raises
    ------
    ValueError
        The arrays do not match, a score is not finite, or fewer than two groups have either class.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson, Comparing the areas under two or more correlated receiver operating
    characteristic curves: a nonparametric approach, Biometrics 44, 1988. https://doi.org/10.2307/2531595
    Obuchowski, Nonparametric analysis of clustered ROC curve data, Biometrics 53, 1997.
    https://doi.org/10.2307/2533958
    Sun and Xu, Fast implementation of DeLong's algorithm for comparing the areas under correlated receiver
    operating characteristic curves, IEEE Signal Processing Letters 21, 2014 (the ranks).
    https://doi.org/10.1109/LSP.2014.2337313
    """
    truth, scores, code = _checked(y_true, y_scores, group)
    beaten = _share_beaten(truth, scores)  # of the other class, by each radiograph
    auroc = beaten[:, truth].mean(axis=1)
    excess = beaten - auroc[:, None]
    fractured, other = (_group_sums(excess, has, code) / has.sum() for has in (truth, ~truth))
    spread = _scatter(fractured, fractured, code[truth]) + _scatter(other, other, code[~truth])
    crossed = _scatter(fractured, other, code)  # only groups of both classes have a part in it
    return auroc, spread + crossed + crossed.T


def _share_beaten(truth: BoolArray, scores: Float64Array) -> Float64Array:
    """Of the other class, the share that each radiograph is rightly ranked against: (K, N).

    Ranks among all, less ranks among one's own class, count the others below: O(n log n).
    """
    own = np.empty_like(scores)
    own[:, truth], own[:, ~truth] = rankdata(scores[:, truth], axis=1), rankdata(scores[:, ~truth], axis=1)
    below = rankdata(scores, axis=1) - own
    n_fractured, n_other = truth.sum(), (~truth).sum()
    return np.asarray(np.where(truth, below / n_other, 1 - below / n_fractured))


def _group_sums(values: Float64Array, has: BoolArray, code: NDArray[np.intp]) -> Float64Array:
    """Sum over the radiographs of one class in each group: (K, n_groups)."""
    return np.stack([np.bincount(code[has], own[has], minlength=code.max() + 1) for own in values])


def _scatter(first: Float64Array, second: Float64Array, code: NDArray[np.intp]) -> Float64Array:
    """Sum of products over the groups, with Bessel's correction for their number."""
    n_groups = len(np.unique(code))
    return np.asarray(first @ second.T * (n_groups / (n_groups - 1)))


def _checked(
    y_true: BoolArray, y_scores: ArrayLike, group: AnyArray | None
) -> tuple[BoolArray, Float64Array, NDArray[np.intp]]:
    truth, scores = np.asarray(y_true, dtype=bool), np.asarray(y_scores, dtype=np.float64)
    code = np.arange(truth.size) if group is None else np.unique(group, return_inverse=True)[1]
    if truth.ndim != 1 or scores.shape[1:] != truth.shape or code.shape != truth.shape:
        shapes = f"{truth.shape}, {scores.shape}, {code.shape}"
        raise ValueError(f"y_true and group must be (N,), y_scores (K, N). Received: {shapes}")
    if not np.isfinite(scores).all():
        raise ValueError(f"scores must be finite. Received: {(~np.isfinite(scores)).sum()} that are not")
    n_groups = [len(np.unique(code[has])) for has in (truth, ~truth)]
    if min(n_groups) < 2:
        raise ValueError(
            "the spread of an AUROC needs two groups of either class. "
            f"Received: {n_groups[0]} with a fracture, {n_groups[1]} without."
        )
    return truth, scores, code
