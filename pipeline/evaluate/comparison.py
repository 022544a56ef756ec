"""Two models on the same radiographs: how far apart they are, each group weighing as one.

Both models score the same groups, so that what makes a group hard for both cancels out, and the
interval of the difference is narrower than either model's own. AUROCs are compared by DeLong, other figures
by a paired bootstrap: docs/decisions/0019.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.predict import operating_points
from pipeline.statistics import delong, intervals, metrics
from pipeline.types import AnyArray, BoolArray, FloatArray, Int64Array, StrArray


class Difference(NamedTuple):
    """A figure of two models, the second minus the first, and the interval of that."""

    first: float
    second: float
    difference: float
    low: float
    high: float


def differences(
    y_true: BoolArray, first: FloatArray, second: FloatArray, group: AnyArray, *, n_samples: int, seed: int
) -> dict[str, Difference]:
    """Compare two models by group: AUROCs by DeLong, other figures by a paired bootstrap.

    Parameters
    ----------
    y_true : bool ndarray of shape (N,)
    first, second : float ndarray of shape (N,), in 0..1
        Scores of the same radiographs by either model. A group's score is the mean of its radiographs'.
    group : ndarray of shape (N,), int or str
        Radiographs that are copies of one another or show one patient.
    n_samples, seed : int
        Resamples of the groups, and where their random numbers start.

    Returns
    -------
    dict of str to Difference
        ``auroc``, ``average_precision``, ``brier_score`` and ``ece``, with 95 % intervals.

    Raises
    ------
    ValueError
        The arrays do not match, or hold one class only.

    References
    ----------
    Efron, Bootstrap methods: another look at the jackknife, Annals of Statistics 7, 1979.
    https://doi.org/10.1214/aos/1176344552
    """
    unit_true, unit_first, unit_group = metrics.collapse_groups(y_true, first, group)
    _, unit_second, _ = metrics.collapse_groups(y_true, second, group)

    def scores(y_score: FloatArray, weight: FloatArray) -> dict[str, float]:
        figures = (metrics.average_precision, metrics.brier_score, metrics.ece)
        return {figure.__name__: figure(unit_true, y_score, weight) for figure in figures}

    def apart(weight: FloatArray) -> dict[str, float]:
        ours = scores(unit_second, weight)
        return {name: ours[name] - value for name, value in scores(unit_first, weight).items()}

    summary = intervals.summarize(apart, unit_group, unit_true, n_samples=n_samples, seed=seed)
    even = np.ones(len(unit_true))
    alone = (scores(unit_first, even), scores(unit_second, even))
    return {"auroc": auroc_difference(y_true, first, second, group)} | {
        name: Difference(
            value, alone[1][name], summary[name], summary[f"{name}_low"], summary[f"{name}_high"]
        )
        for name, value in alone[0].items()
    }


def auroc_difference(y_true: BoolArray, first: FloatArray, second: FloatArray, group: AnyArray) -> Difference:
    """Compare two models' AUROC by group, by :func:`delong.compare`."""
    truth, one, groups = metrics.collapse_groups(y_true, first, group)
    _, other, _ = metrics.collapse_groups(y_true, second, group)
    apart = delong.compare(truth, other, one, groups)
    return Difference(metrics.auroc(truth, one), metrics.auroc(truth, other), *apart[:3])


def joined_groups(first: AnyArray, second: AnyArray) -> Int64Array:
    """Join two groupings of the same radiographs: what either holds together stays together.

    Parameters
    ----------
    first, second : ndarray of shape (N,), int or str

    Returns
    -------
    int64 ndarray of shape (N,)
        The group of each radiograph, counted from 0.
    """
    (names, ours), (others, theirs) = (
        np.unique(grouping, return_inverse=True) for grouping in (first, second)
    )
    size = len(names) + len(others)
    links = coo_array((np.ones(len(ours), bool), (ours, len(names) + theirs)), shape=(size, size))
    _, component = connected_components(links, directed=False)
    return np.asarray(np.unique(component[ours], return_inverse=True)[1], dtype=np.int64)


def changed_decisions(y_true: BoolArray, first: StrArray, second: StrArray) -> dict[str, tuple[int, int]]:
    """Count the radiographs on which one model errs surely and the other does not.

    Parameters
    ----------
    y_true : bool ndarray of shape (N,)
    first, second : str ndarray of shape (N,)
        The decisions: see :func:`pipeline.predict.operating_points.decide`.

    Returns
    -------
    dict
        ``missed`` (a fracture called ``no finding``) and ``false_alarm`` (``fracture`` where there is
        none): those of the first model alone, and of the second alone.
    """
    wrong = {
        "missed": (y_true, operating_points.NO_FINDING),
        "false_alarm": (~y_true, operating_points.FRACTURE),
    }
    return {
        name: (
            int((of_class & (first == decision) & (second != decision)).sum()),
            int((of_class & (second == decision) & (first != decision)).sum()),
        )
        for name, (of_class, decision) in wrong.items()
    }
