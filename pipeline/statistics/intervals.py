"""How far a figure would move with other patients: bootstrap intervals by group.

A resample is a vector of weights, one a radiograph: how often its group was drawn. A statistic is
any function of such weights, so that all figures of a report come from one set of resamples::

    summarize(partial(classification_scores, y_true, y_score), group, y_true)
    summarize(partial(classification_scores, unit_true, unit_score), unit_group, unit_true)
    summarize(lambda weight: {"pointing_game": np.average(hits, weights=weight)}, group)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike

from pipeline.types import AnyArray, BoolArray, Float64Array


def resample_groups(
    group: AnyArray, y_true: BoolArray | None = None, *, n_samples: int = 1000, seed: int = 0
) -> Iterator[Float64Array]:
    """Draw whole groups with replacement.

    Parameters
    ----------
    group : ndarray of shape (N,), int or str
        Radiographs that are copies of one another or show one patient: they are drawn together.
    y_true : bool ndarray of shape (N,), optional
        Draws groups of either class, and mixed ones, among their own kind: every resample keeps
        the count of groups of each kind, and so both classes.
    n_samples : int
    seed : int

    Yields
    ------
    float64 ndarray of shape (N,)
        How often each radiograph was drawn.

    Raises
    ------
    ValueError
        The arrays do not match or are empty.
    """
    _, code = np.unique(group, return_inverse=True)
    truth = np.zeros(code.shape, bool) if y_true is None else np.asarray(y_true, bool)
    if not code.shape == truth.shape or not code.size:
        raise ValueError(
            f"one group a radiograph, and at least one. Received: {code.shape} and {truth.shape}"
        )
    kind = (np.bincount(code, weights=truth) > 0) + 2 * (np.bincount(code, weights=~truth) > 0)
    strata = [np.flatnonzero(kind == value) for value in np.unique(kind)]
    generator = np.random.default_rng(seed)
    for _ in range(n_samples):
        drawn = np.concatenate([generator.choice(stratum, stratum.size) for stratum in strata])
        yield np.bincount(drawn, minlength=kind.size)[code].astype(np.float64)


def bootstrap_by_group(
    statistic: Callable[[Float64Array], ArrayLike],
    group: AnyArray,
    y_true: BoolArray | None = None,
    *,
    n_samples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[Float64Array, Float64Array]:
    """Percentile interval of a statistic over resampled groups.

    Parameters
    ----------
    statistic : callable
        From weights of shape (N,) to one number or an array of them. NaN means "undefined in this
        resample" and is left out; what is undefined in all has the interval NaN to NaN.
    group, y_true, n_samples, seed
        As for :func:`resample_groups`.
    level : float
        Share of the resamples inside the interval, in 0..1.

    Returns
    -------
    tuple of float64 ndarray
        The low and the high end, each of the statistic's shape.

    Notes
    -----
    With few groups the interval is too narrow: ten groups cannot show what an eleventh would do.

    References
    ----------
    Efron, Bootstrap methods: another look at the jackknife, Annals of Statistics 7, 1979.
    https://doi.org/10.1214/aos/1176344552
    Field and Welsh, Bootstrapping clustered data, Journal of the Royal Statistical Society B 69,
    2007. https://doi.org/10.1111/j.1467-9868.2007.00593.x
    """
    resamples = resample_groups(group, y_true, n_samples=n_samples, seed=seed)
    values = np.asarray([statistic(weight) for weight in resamples], dtype=np.float64)
    tails = [(1 - level) / 2, (1 + level) / 2]
    ends = np.apply_along_axis(_quantiles, 0, values, tails)
    return ends[0], ends[1]


def summarize(
    statistics: Callable[[Float64Array], Mapping[str, float]],
    group: AnyArray,
    y_true: BoolArray | None = None,
    *,
    n_samples: int = 1000,
    seed: int = 0,
) -> dict[str, float]:
    """Each figure with its interval, from one set of resamples.

    Parameters
    ----------
    statistics : callable
        From weights of shape (N,) to named numbers.
    group, y_true, n_samples, seed
        As for :func:`bootstrap_by_group`.

    Returns
    -------
    dict of str to float
        ``name``, ``name_low`` and ``name_high`` for each name; ``name`` is the figure itself, with
        every radiograph weighing 1.
    """
    figures = statistics(np.ones(len(group)))
    low, high = bootstrap_by_group(
        lambda weight: list(statistics(weight).values()), group, y_true, n_samples=n_samples, seed=seed
    )
    summary: dict[str, float] = {}
    for position, (name, value) in enumerate(figures.items()):
        summary |= {name: value, f"{name}_low": float(low[position]), f"{name}_high": float(high[position])}
    return summary


def _quantiles(values: Float64Array, at: list[float]) -> Float64Array:
    """Quantiles of those values that are numbers."""
    defined = values[~np.isnan(values)]
    return np.quantile(defined, at) if defined.size else np.full(len(at), np.nan)
