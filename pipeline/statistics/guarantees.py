"""Shares that hold with a stated confidence, however few trials there are.

A trial is one group: radiographs of one patient, or copies of one another, say the same thing twice.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from scipy.stats import beta

CONFIDENCE = 0.95
_MOST = 10**9  # more groups than can be collected


def lower_bound(successes: float, trials: float, confidence: float = CONFIDENCE) -> float:
    """Share of successes that holds at least, by the exact one-sided bound for a binomial count.

    Before the trials, the chance that the bound lies above the true share is at most ``1 - confidence``,
    whatever the true share. A count that is no whole number has the bound between its neighbours'.

    The same bound holds for a threshold that *is* one of the trials' scores, chosen by its rank: where
    ``successes`` of ``trials`` scores lie at or above it, itself among them, and that number was
    fixed beforehand, the share of all scores at or above it is at least a
    ``Beta(successes, trials - successes + 1)``. It *is* that one where no two scores are equal.

    Parameters
    ----------
    successes, trials : float
        ``0 <= successes <= trials``.
    confidence : float
        In 0..1, without its ends.

    Returns
    -------
    float
        In 0..1; 0 where there was no success, and so where there was no trial.

    Raises
    ------
    ValueError
        More successes than trials, fewer than none, or a confidence outside of its range.

    References
    ----------
    Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of the binomial,
    Biometrika 26, 1934. https://doi.org/10.1093/biomet/26.4.404
    Wilks, Determination of sample sizes for setting tolerance limits, Annals of Mathematical Statistics 12,
    1941. https://doi.org/10.1214/aoms/1177731788
    Vovk, Conditional validity of inductive conformal predictors, Machine Learning 92, 2013.
    https://doi.org/10.1007/s10994-013-5355-6
    """
    _checked(successes, trials, confidence)
    return float(beta.ppf(1 - confidence, successes, trials - successes + 1)) if successes else 0.0


def trials_needed(target: float, misses: int = 0) -> int:
    """Smallest number of trials, so many of them missed, whose :func:`lower_bound` reaches the target.

    Parameters
    ----------
    target : float
        In 0..1, without its ends.
    misses : int
        At least 0.

    References
    ----------
    Wilks, 1941, as for :func:`lower_bound`.
    """
    _checked(misses, misses, CONFIDENCE, target)
    return _smallest(misses + 1, lambda trials: _reaches(trials - misses, trials, target))


def more_needed(successes: float, trials: float, target: float) -> int | None:
    """How many further trials, the same share of them missed, would lift :func:`lower_bound` to the target.

    The share is taken as it is, without rounding the misses among more trials to whole ones.

    Returns
    -------
    int or None
        0 where the bound reaches the target already; None where no number of trials would do, because
        the share of successes is not above the target or hardly so, or because there was no trial.
    """
    _checked(successes, trials, CONFIDENCE, target)
    missed = 1 - successes / trials if trials else 1.0

    def reaches(more: int) -> bool:
        larger = trials + more
        return _reaches(larger - missed * larger, larger, target)

    return _smallest(0, reaches) if reaches(_MOST) else None


def _reaches(successes: float, trials: float, target: float) -> bool:
    """Whether the lower bound reaches the target, without its quantile's error of rounding."""
    return bool(successes and beta.cdf(target, successes, trials - successes + 1) <= 1 - CONFIDENCE)


def _smallest(start: int, holds: Callable[[int], bool]) -> int:
    """Smallest number from the start on for which it holds; it holds for all larger ones as well."""
    if holds(start):
        return start
    low, step = start, 1
    while not holds(low + step):
        low, step = low + step, 2 * step
    return low + bisect_left(range(low, low + step), True, key=holds)


def _checked(successes: float, trials: float, confidence: float, target: float = 0.5) -> None:
    """Refuse counts and shares that no set of trials could have."""
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must lie in 0 to trials. Received: {successes} of {trials}")
    if not (0 < confidence < 1 and 0 < target < 1):
        raise ValueError(
            "confidence and target must lie between 0 and 1, without these. "
            f"Received: {confidence} and {target}"
        )
