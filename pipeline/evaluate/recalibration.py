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
from pipeline.predict.calibration import Calibration
from pipeline.predict.operating_points import FRACTURE, NEEDS_REVIEW, NO_FINDING, OperatingPoints
from pipeline.predict.recalibration import Fit, Targets
from pipeline.predict.val_scores import ValScores
from pipeline.statistics import guarantees, intervals, metrics, score_curves
from pipeline.types import AnyArray, BoolArray, Float64Array, FloatArray, Int64Array, StrArray

LEAST_GROUPS = 100
_FOLDS = 10
_TOLERANCE = 0.05  # by which a guaranteed rate may lie below what was asked: few groups promise more
_ROUNDING = 1e-12  # of a mean over equal thresholds
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
    """Probabilities of N radiographs, each with the two thresholds that it was held against: (N,)."""

    y_score: Float64Array
    low: Float64Array
    high: Float64Array

    @property
    def sensitive(self) -> BoolArray:
        """Which reach the high-sensitivity point."""
        return np.asarray(self.y_score >= self.low)

    @property
    def specific(self) -> BoolArray:
        """Which reach the high-specificity point."""
        return np.asarray(self.y_score >= self.high)

    @property
    def decisions(self) -> StrArray:
        """Return ``fracture``, ``no finding`` or ``needs review``, as `operating_points.decide` does."""
        return np.select([self.specific, ~self.sensitive], [FRACTURE, NO_FINDING], NEEDS_REVIEW)


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


def cross_fit(
    site: Site, old: Calibration, val: ValScores | None, targets: Targets, *, seed: int
) -> tuple[Scored, Int64Array]:
    """Score each radiograph by what was fitted without its group.

    Parameters
    ----------
    site
        With at least so many groups of either class as :func:`missing` asks.
    old, val
        Of the bundle; see :func:`pipeline.predict.recalibration.from_labels`.
    seed
        Of the folds, which hold both classes alike.

    Returns
    -------
    scored, fold
        The second says in which fold each was left out, (N,).
    """
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed)
    n = len(site.y_true)
    scored = Scored(np.empty(n), np.empty(n), np.empty(n))
    fold = np.empty(n, np.int64)
    for number, (rest, left_out) in enumerate(folds.split(site.logits, site.y_true, site.group)):
        found = recalibration.from_labels(
            site.logits[rest], site.y_true[rest], site.weight[rest], val, old, targets
        )
        for whole, part in zip(scored, score(site.logits[left_out], found), strict=True):
            whole[left_out] = part
        fold[left_out] = number
    return scored, fold


def score(logits: FloatArray, fit: Fit) -> Scored:
    """Apply a calibration and its operating points."""
    return held_against(fit.calibration.probability(logits), fit.points)


def held_against(y_score: Float64Array, points: OperatingPoints) -> Scored:
    """Hold probabilities (N,) against one pair of thresholds."""
    low, high = points.high_sensitivity, points.high_specificity
    return Scored(y_score, np.full(y_score.shape, low), np.full(y_score.shape, high))


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


def promises(
    y_true: BoolArray, group: StrArray, scored: Scored, targets: Targets
) -> dict[str, dict[str, float | int | None]]:
    """Say what of the asked rates holds with 95 % confidence given so few groups.

    A group is found, or cleared, by the mean probability of its radiographs of one class.

    Returns
    -------
    dict
        ``high_sensitivity`` with ``guaranteed_sensitivity``, ``groups`` (fractured ones) and
        ``more_groups_needed`` (None where no number would do); ``high_specificity`` likewise.
    """
    unit, mean, _ = metrics.collapse_groups(y_true, scored.y_score, group)
    low, high = (
        metrics.collapse_groups(y_true, np.clip(limit, 0, 1), group)[1] - _ROUNDING
        for limit in (scored.low, scored.high)
    )
    return {
        "high_sensitivity": _promise("sensitivity", (mean >= low)[unit], targets.sensitivity),
        "high_specificity": _promise("specificity", (mean < high)[~unit], targets.specificity),
    }


def holds(promised: dict[str, dict[str, float | int | None]], targets: Targets) -> bool:
    """Whether the guaranteed rates of both points lie no more than 0.05 below what was asked of them."""
    return all(
        (promised[f"high_{name}"][f"guaranteed_{name}"] or 0) >= target - _TOLERANCE
        for name, target in targets._asdict().items()
    )


def _promise(rate: str, hit: BoolArray, target: float) -> dict[str, float | int | None]:
    return {
        f"guaranteed_{rate}": guarantees.lower_bound(int(hit.sum()), hit.size),
        "groups": hit.size,
        "more_groups_needed": guarantees.more_needed(int(hit.sum()), hit.size, target),
    }


def shares(scored: Scored, weight: FloatArray) -> dict[str, float]:
    """Give the share of each decision, and the mean probability, of radiographs without labels."""
    said = {"fracture": scored.specific, "no_finding": ~scored.sensitive}
    said["needs_review"] = scored.sensitive & ~scored.specific
    means = {name: float(np.average(chosen, weights=weight)) for name, chosen in said.items()}
    return means | {"mean_probability": float(np.average(scored.y_score, weights=weight))}


def reliability(
    y_true: BoolArray, before: Scored, after: Scored, *, n_bins: int
) -> dict[str, dict[str, AnyArray]]:
    """Reliability curves of both, see :func:`pipeline.statistics.score_curves.reliability_curve`."""
    both = zip(_COMPARED, (before, after), strict=True)
    return {
        side: score_curves.reliability_curve(y_true, scored.y_score, n_bins=n_bins) for side, scored in both
    }


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
