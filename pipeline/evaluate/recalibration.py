"""What fitting a site is worth: old and new calibration and thresholds on the same radiographs.

The new ones are scored by cross-fitting: each radiograph by what was fitted without its group.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from pipeline.predict import recalibration
from pipeline.predict.recalibration import Fit, Targets
from pipeline.statistics import intervals, metrics
from pipeline.types import AnyArray, BoolArray, Float64Array, FloatArray, Int64Array, StrArray

LEAST_GROUPS = 100
_FOLDS = 10
_COMPARED = ("before", "after")


class Site(NamedTuple):
    """Labelled radiographs of a place, one entry a radiograph (N,).

    Attributes
    ----------
    logits
        Of the network.
    y_true
        Whether fractured.
    group
        Copies, or radiographs of one patient or study.
    """

    logits: Float64Array
    y_true: BoolArray
    group: StrArray

    @property
    def weight(self) -> Float64Array:
        """1 / (size of its group): a group counts as one."""
        _, code, size = np.unique(self.group, return_inverse=True, return_counts=True)
        return np.asarray(1 / size[code], np.float64)

    def groups(self) -> dict[str, int]:
        """Count the groups of all, and those with radiographs of either class."""
        kinds = {"all": np.ones(self.y_true.shape, bool), "fractured": self.y_true, "other": ~self.y_true}
        return {name: len(np.unique(self.group[kind])) for name, kind in kinds.items()}


class Scored(NamedTuple):
    """Probabilities (N,), and which reach either operating point: bool (N,)."""

    y_score: Float64Array
    sensitive: BoolArray
    specific: BoolArray


def missing(counts: dict[str, int], targets: Targets) -> dict[str, int]:
    """How many groups more it takes for these targets: of all, and of either class; empty where enough.

    With fewer than 1 / (1 - target) groups of a class no share that is found lies between the target and 1.

    Parameters
    ----------
    counts
        Groups, as :meth:`Site.groups` counts them.
    """
    needed = {
        "fractured": _least(targets.sensitivity),
        "other": _least(targets.specificity),
        "all": LEAST_GROUPS,
    }
    return {name: least - counts[name] for name, least in needed.items() if counts[name] < least}


def cross_fit(site: Site, old: Fit, targets: Targets, *, seed: int) -> tuple[Scored, Int64Array]:
    """Score each radiograph by what was fitted without its group.

    Parameters
    ----------
    site
        With at least so many groups of either class as :func:`missing` asks.
    old
        Of the bundle.
    seed
        Of the folds, which hold both classes alike.

    Returns
    -------
    scored, fold
        The second says in which fold each was left out, (N,).
    """
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed)
    n = len(site.y_true)
    scored = Scored(np.empty(n), np.empty(n, bool), np.empty(n, bool))
    fold = np.empty(n, np.int64)
    for number, (rest, left_out) in enumerate(folds.split(site.logits, site.y_true, site.group)):
        found = recalibration.from_labels(
            site.logits[rest], site.y_true[rest], site.weight[rest], old.calibration, targets
        )
        for whole, part in zip(scored, score(site.logits[left_out], found), strict=True):
            whole[left_out] = part
        fold[left_out] = number
    return scored, fold


def score(logits: FloatArray, fit: Fit) -> Scored:
    """Apply a calibration and its operating points."""
    y_score = fit.calibration.probability(logits)
    return Scored(y_score, y_score >= fit.points.high_sensitivity, y_score >= fit.points.high_specificity)


def compare(
    site: Site, before: Scored, after: Scored, *, n_samples: int, n_bins: int, seed: int
) -> dict[str, Any]:
    """Give the figures of both on the same radiographs, with intervals over groups.

    Returns
    -------
    dict
        ``auroc`` with ``_low`` and ``_high``, which no calibration changes; ``before``, ``after`` and
        ``difference`` (after less before), each with ``ece``, ``brier_score``, ``needs_review``, and
        ``sensitivity`` and ``specificity`` at both points, all with ``_low`` and ``_high``.
    """

    def statistics(weight: Float64Array) -> dict[str, float]:
        sides = [_figures(site.y_true, scored, weight, n_bins) for scored in (before, after)]
        sides.append({name: sides[1][name] - value for name, value in sides[0].items()})
        named = zip((*_COMPARED, "difference"), sides, strict=True)
        flat = {f"{side}.{name}": value for side, figures in named for name, value in figures.items()}
        return {"auroc": metrics.auroc(site.y_true, before.y_score, weight)} | flat

    found = intervals.summarize(statistics, site.group, site.y_true, n_samples=n_samples, seed=seed)
    return _nested(found)


def reliability(
    y_true: BoolArray, before: Scored, after: Scored, *, n_bins: int
) -> dict[str, dict[str, AnyArray]]:
    """Reliability curves of both, see :func:`pipeline.statistics.metrics.reliability_curve`."""
    both = zip(_COMPARED, (before, after), strict=True)
    return {side: metrics.reliability_curve(y_true, scored.y_score, n_bins=n_bins) for side, scored in both}


def _figures(y_true: BoolArray, scored: Scored, weight: Float64Array, n_bins: int) -> dict[str, float]:
    return {
        "ece": metrics.ece(y_true, scored.y_score, weight, n_bins=n_bins),
        "brier_score": metrics.brier_score(y_true, scored.y_score, weight),
        "needs_review": float(np.average(scored.sensitive & ~scored.specific, weights=weight)),
        **dict(_rates(y_true, scored, weight)),
    }


def _rates(y_true: BoolArray, scored: Scored, weight: Float64Array) -> Iterator[tuple[str, float]]:
    for point, called in (("high_sensitivity", scored.sensitive), ("high_specificity", scored.specific)):
        yield f"{point}.sensitivity", float(np.average(called[y_true], weights=weight[y_true]))
        yield f"{point}.specificity", float(np.average(~called[~y_true], weights=weight[~y_true]))


def _nested(flat: dict[str, float]) -> dict[str, Any]:
    """Turn dotted names into dicts within dicts."""
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        *above, last = name.split(".")
        place = nested
        for part in above:
            place = place.setdefault(part, {})
        place[last] = value
    return nested


def _least(target: float) -> int:
    """Count the groups among which one that is missed is no more than the target allows."""
    return math.ceil(1 / (1 - target) - 1e-9)
