"""How far one sample of radiographs lies from another, and what of it chance explains.

Every property has a distance from 0 (the same distribution) to 1 (nothing overlaps). The two samples are
then shuffled, all properties at once, so that a property counts only where its distance stands out among the
largest of all properties in shuffled samples: neither few radiographs nor many properties raise an alarm.

References
----------
T. Nichols, A. Holmes, "Nonparametric permutation tests for functional neuroimaging", Human Brain Mapping
15(1), 2002 (the largest statistic of all). https://doi.org/10.1002/hbm.1058
G. Székely, M. Rizzo, "Energy statistics: a class of statistics based on distances", Journal of Statistical
Planning and Inference 143(8), 2013. https://doi.org/10.1016/j.jspi.2013.03.018
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from pipeline.types import AnyArray, Float64Array

DRIFT, NONE, TOO_FEW = "drift", "no drift", "too few to tell"

_N_PERMUTATIONS = 999
_PSI_BINS = 10
_TOLERANCE = 0.02  # a share of the value: a pixel more in every file is no other source
_DIGITS = 9  # of a distance: sums in another order differ behind them
_NUMBERS = "iuf"  # dtype kinds; booleans and text are kinds of radiographs

Sample = Mapping[str, AnyArray]


class Difference(NamedTuple):
    """How far two samples are apart in one property.

    Attributes
    ----------
    distance
        0 to 1: Kolmogorov and Smirnov's for numbers, where those within 2 % count as equal; total variation
        for kinds; for vectors the square root of the energy distance as a share of the largest possible.
    p_value
        How often shuffled samples stand out as much in any property.
    psi
        Population stability index over the reference's tenths, or over kinds; None for vectors.
    """

    distance: float
    p_value: float
    psi: float | None


def compare(
    reference: Sample, current: Sample, *, seed: int, n_permutations: int = _N_PERMUTATIONS
) -> dict[str, Difference]:
    """Compare two samples in every property that both have.

    Parameters
    ----------
    reference, current
        By name of the property, arrays of shape (n_reference, ...) and (n_current, ...): numbers, kinds
        (text), or vectors (two dimensions). The radiographs of a sample must be independent: one a group.
    seed
        Of the shuffling.
    n_permutations
        How often the samples are shuffled; the smallest p value is 1 / (1 + n_permutations).

    Raises
    ------
    ValueError
        A sample is empty, or they share no property.
    """
    names = [name for name in reference if name in current]
    sizes = [len(sample[names[0]]) if names else 0 for sample in (reference, current)]
    if not all(sizes):
        raise ValueError(
            "drift needs radiographs on both sides, with a property in common. "
            f"Received: {sizes[0]} and {sizes[1]} radiographs, {names}."
        )
    weights = _shuffled(sizes[0], sizes[1], n_permutations, np.random.default_rng(seed))
    pooled = {name: np.concatenate([reference[name], current[name]]) for name in names}
    distances = np.stack([_distances(pooled[name], weights) for name in names]).round(_DIGITS)
    return {
        name: Difference(float(own[0]), float(p_value), stability_index(reference[name], current[name]))
        for name, own, p_value in zip(names, distances, _p_values(distances), strict=True)
    }


def score(differences: Mapping[str, Difference], alpha: float) -> float:
    """Return the largest distance that chance does not explain; 0 where there is none.

    Parameters
    ----------
    alpha
        How often two samples of one source may give more than 0.
    """
    return max((one.distance for one in differences.values() if one.p_value <= alpha), default=0.0)


def noticed_from(n_reference: int, n_current: int, alpha: float) -> float:
    """Return the distance that a single number needs to stand out: 1 or more where nothing could.

    Smirnov's limit for large samples; with several properties somewhat more is needed.

    References
    ----------
    N. Smirnov, "Table for estimating the goodness of fit of empirical distributions", Annals of Mathematical
    Statistics 19(2), 1948. https://doi.org/10.1214/aoms/1177730256
    """
    return float(np.sqrt(-np.log(alpha / 2) / 2 * (1 / n_reference + 1 / n_current)))


def summarize(differences: Mapping[str, Difference], *, alpha: float, threshold: float) -> dict[str, Any]:
    """Gather the figures that a report shows and a program decides on.

    Parameters
    ----------
    alpha
        See `score`.
    threshold
        The score from which on the samples count as different.

    Returns
    -------
    dict
        ``score``, ``detected`` (bool), and ``properties``: by name ``distance``, ``p_value``, ``psi``.
    """
    largest = score(differences, alpha)
    return {
        "score": largest,
        "detected": largest > 0 and largest >= threshold,
        "properties": {name: difference._asdict() for name, difference in differences.items()},
    }


def verdict(summary: Mapping[str, Any], noticed_from: float) -> str:
    """Say what the figures of `summarize` mean: `DRIFT`, `NONE`, or `TOO_FEW` for anything to be noticed."""
    if summary["detected"]:
        return DRIFT
    return TOO_FEW if not summary["score"] and noticed_from >= 1 else NONE


def strangeness(reference: AnyArray, current: AnyArray) -> Float64Array:
    """Return the distance of each current vector, (n_current, n), from the nearest of the reference."""
    nearest: Float64Array = cdist(current.astype(np.float64), reference.astype(np.float64)).min(axis=1)
    return nearest


def stability_index(reference: AnyArray, current: AnyArray) -> float | None:
    """Return the population stability index: 0 for equal shares; by custom, above 0.25 is a large change.

    Each bin counts half a radiograph more than it holds, since empty ones would make the index infinite.
    """
    if reference.ndim > 1:
        return None
    if reference.dtype.kind in _NUMBERS:
        edges = np.unique(np.quantile(reference, np.linspace(0, 1, _PSI_BINS + 1)[1:-1]))
        reference, current = (np.searchsorted(edges, side) for side in (reference, current))
    bins = np.unique(np.concatenate([reference, current]))
    counts = np.array([[np.sum(side == each) for each in bins] for side in (reference, current)]) + 0.5
    before, after = counts / counts.sum(axis=1, keepdims=True)
    return float(np.sum((after - before) * np.log(after / before)))


def _shuffled(
    n_reference: int, n_current: int, n_permutations: int, rng: np.random.Generator
) -> Float64Array:
    """Weights of the pooled radiographs, (n, 1 + n_permutations): means of current less means of reference.

    The first column is as it is, the others are shuffled.
    """
    weights = np.repeat([-1 / n_reference, 1 / n_current], [n_reference, n_current])
    repeated = np.tile(weights[:, None], 1 + n_permutations)
    repeated[:, 1:] = rng.permuted(repeated[:, 1:], axis=0)
    return repeated


def _distances(pooled: AnyArray, weights: Float64Array) -> Float64Array:
    """Distance of the two sides: shape (1 + n_permutations,)."""
    if pooled.ndim > 1:
        return _energy(pooled.astype(np.float64), weights)
    return (
        _kolmogorov_smirnov(pooled, weights) if pooled.dtype.kind in _NUMBERS else _variation(pooled, weights)
    )


def _kolmogorov_smirnov(pooled: AnyArray, weights: Float64Array) -> Float64Array:
    """Largest gap between one side's cumulative share, and the other's a little further on."""
    order = np.argsort(pooled)
    values, weights = pooled[order].astype(np.float64), weights[order]
    further = np.searchsorted(values, values + _TOLERANCE * np.abs(values), side="right") - 1
    current, reference = (np.cumsum(np.maximum(side, 0), axis=0) for side in (weights, -weights))
    gaps = np.maximum(current - reference[further], reference - current[further])
    return np.asarray(gaps.max(axis=0))


def _variation(pooled: AnyArray, weights: Float64Array) -> Float64Array:
    """Share of either side that would have to change its kind."""
    kinds = (np.unique(pooled)[:, None] == pooled).astype(np.float64)
    return np.asarray(np.abs(kinds @ weights).sum(axis=0) / 2)


def _energy(pooled: Float64Array, weights: Float64Array) -> Float64Array:
    """Square root of Székely and Rizzo's coefficient of inhomogeneity."""
    apart = cdist(pooled, pooled)
    energy = -np.einsum("np,np->p", weights, apart @ weights)  # twice the mean across, less those within
    weights = np.abs(weights)
    whole = np.einsum("np,np->p", weights, apart @ weights)  # twice the mean across, and those within
    share = np.divide(2 * energy, whole + energy, out=np.zeros_like(energy), where=whole > 0)
    return np.asarray(np.sqrt(np.maximum(share, 0)))


def _p_values(distances: Float64Array) -> Float64Array:
    """Compare each property with the most outstanding one of every shuffle; the first is none."""
    spread = distances.std(axis=1, keepdims=True)
    outstanding = np.divide(
        distances - distances.mean(axis=1, keepdims=True),
        spread,
        out=np.full_like(distances, -np.inf),
        where=spread > 0,
    )
    most = outstanding.max(axis=0)
    return np.asarray([(most >= own - 1e-9).mean() for own in outstanding[:, 0]])
