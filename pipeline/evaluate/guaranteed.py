"""What the operating points promise of groups that nobody has seen yet, with 95 % confidence.

A group is right where the mean probability of its radiographs of one class lies on the right side of the
threshold: a fractured one at it or above it (it is caught), another one below it (it is cleared). So the
other figures by group count, too; see :func:`pipeline.statistics.metrics.collapse_groups`.

On radiographs that chose nothing the number of right groups is binomial, and the bound is Clopper and
Pearson's. On those that chose the threshold it is not: there the threshold lies, by its choice, at or beyond
the score of a certain rank, which only the number of groups and the target fix, and the bound is that of
the rank. Ties, and points that swapped their names, move the threshold to the safe side. The weights of
groups with several radiographs can move it to the other side: where it left its rank, nothing is promised.
"""

from __future__ import annotations

import math
from typing import Any

from pipeline.predict.operating_points import ROUNDING, OperatingPoints
from pipeline.statistics import guarantees, metrics
from pipeline.types import AnyArray, BoolArray, FloatArray


def guaranteed(
    y_true: BoolArray,
    y_score: FloatArray,
    group: AnyArray,
    points: OperatingPoints,
    *,
    sensitivity: float,
    specificity: float,
    chosen_here: bool,
) -> dict[str, dict[str, Any]]:
    """Bound the sensitivity of one point and the specificity of the other from below.

    Parameters
    ----------
    y_true, y_score, group : ndarray of shape (N,)
        As for :func:`pipeline.statistics.metrics.collapse_groups`.
    points : OperatingPoints
    sensitivity, specificity : float
        What was asked of the two points, in 0..1.
    chosen_here : bool
        Whether these very radiographs chose the points, by
        :func:`pipeline.predict.operating_points.choose` for these targets, and did not choose the network.
        Scores that are equal to six decimals then count as equal.

    Returns
    -------
    dict
        For ``high_sensitivity`` and ``high_specificity``: ``target``; ``groups`` of the class, and how many
        of them are right in ``groups_correct``; ``guaranteed_sensitivity`` or ``guaranteed_specificity``,
        None where nothing is; ``more_groups_needed``, with the same share of them wrong, to guarantee the
        target, None where no number would do. Where the points were chosen here: how many more it takes
        before any threshold could guarantee the target.

    References
    ----------
    As for :func:`pipeline.statistics.guarantees.lower_bound`.
    """
    truth, score, _ = metrics.collapse_groups(y_true, y_score, group)
    slack = metrics.CLIP if chosen_here else 0.0
    caught = score[truth] >= points.high_sensitivity - slack
    cleared = score[~truth] < points.high_specificity + slack
    promise = _by_rank if chosen_here else _by_count
    return {
        "high_sensitivity": promise("sensitivity", int(caught.sum()), caught.size, sensitivity),
        "high_specificity": promise("specificity", int(cleared.sum()), cleared.size, specificity),
    }


def rounded_down(bound: float, places: int) -> str:
    """Write a guarantee with so many decimals, never above what is guaranteed.

    Examples
    --------
    >>> rounded_down(0.8967, 2)
    '0.89'
    """
    scale = 10**places
    return f"{math.floor(round(bound * scale, 6 - places)) / scale:.{places}f}"


def _by_count(rate: str, correct: int, groups: int, target: float) -> dict[str, Any]:
    """Promise from groups that chose nothing."""
    return {
        "target": target,
        "groups": groups,
        "groups_correct": correct,
        f"guaranteed_{rate}": guarantees.lower_bound(correct, groups),
        "more_groups_needed": guarantees.more_needed(correct, groups, target),
    }


def _by_rank(rate: str, correct: int, groups: int, target: float) -> dict[str, Any]:
    """Promise from the groups that chose the threshold: how many had to be right was fixed before."""
    required = math.ceil((target - ROUNDING) * groups)
    bound = guarantees.lower_bound(required, groups) if correct >= required else None
    return {
        "target": target,
        "groups": groups,
        "groups_correct": correct,
        f"guaranteed_{rate}": bound,
        "more_groups_needed": max(0, guarantees.trials_needed(target) - groups),
    }
