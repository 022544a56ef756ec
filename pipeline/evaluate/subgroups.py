"""How the classifier does on parts of the radiographs: tables in, one table out.

A figure that would rest on fewer than five groups is left empty: it would say more of chance than of the
classifier, and could be traced to a patient.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.predict.operating_points import OperatingPoints
from pipeline.statistics import intervals, metrics
from pipeline.types import AnyArray, BoolArray, Float64Array

MIN_GROUPS = 5
EVERYTHING, UNKNOWN, RARE = "(all)", "(unknown)", "(rare values)"
FIGURES = (
    "auroc",
    "sensitivity_at_high_sensitivity",
    "specificity_at_high_sensitivity",
    "sensitivity_at_high_specificity",
    "specificity_at_high_specificity",
)
COLUMNS = [
    *("attribute", "value", "radiographs", "groups", "fractured_groups"),
    *(f"{name}{end}" for name in FIGURES for end in ("", "_low", "_high")),
]

_Z = 1.959964  # of a 95 % interval
_MOST_VALUES = 10  # a number with more of them is cut into thirds


def subgroups(
    attributes: pd.DataFrame,
    y_true: BoolArray,
    y_score: Float64Array,
    group: AnyArray,
    points: OperatingPoints,
    *,
    n_samples: int,
    seed: int,
) -> pd.DataFrame:
    """Score the radiographs that share an attribute's value.

    Parameters
    ----------
    attributes
        One row a radiograph, one column an attribute, as text; empty: unknown.
    y_true, y_score, group
        (N,): fractured, calibrated probability, duplicate group or patient.
    points
        Where sensitivity and specificity are taken.
    n_samples, seed
        Resamples of the groups behind the 95 % intervals, and where their random numbers start.

    Returns
    -------
    DataFrame
        The columns of :data:`COLUMNS`, first one row for all radiographs, then one for each attribute and
        value. A number of many values is cut into thirds. Values of fewer than five groups are pooled as
        :data:`RARE`; an attribute of which all values are rare, such as a patient's name, or that has one
        value only, is left out. Fewer than five groups of a class leave the figures empty that need it.
        Where a share is 0 or 1, resampling cannot show how unsure that is: the interval is Wilson's, for as
        many trials as there are groups.

    References
    ----------
    Wilson, Probable inference, the law of succession, and statistical inference, Journal of the American
    Statistical Association 22, 1927. https://doi.org/10.1080/01621459.1927.10502953
    """
    rows = [
        {"attribute": name, "value": value}
        | _score(y_true[part], y_score[part], group[part], points, n_samples=n_samples, seed=seed)
        for name, value, part in parts(attributes, group)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def parts(attributes: pd.DataFrame, group: AnyArray) -> Iterator[tuple[str, str, BoolArray]]:
    """Yield attribute, value and radiographs (N,) of each subgroup, all radiographs first."""
    yield EVERYTHING, "", np.ones(len(group), bool)
    for name in attributes:
        level = _levels(attributes[name], group)
        for value in _in_order(level):
            yield str(name), value, level == value


def _levels(values: pd.Series, group: AnyArray) -> NDArray[np.object_]:
    """Name the level of each radiograph, rare ones pooled; empty where the attribute makes no subgroups."""
    text = values.astype("str").to_numpy(object)
    has_value = text != ""
    numbers = pd.to_numeric(values[has_value], errors="coerce").to_numpy(np.float64)
    if np.isfinite(numbers).all() and len(np.unique(numbers)) > _MOST_VALUES:
        text[has_value] = _thirds(numbers)
    text[~has_value] = UNKNOWN
    n_groups = pd.Series(group).groupby(text).nunique()
    rare = n_groups.index[n_groups < MIN_GROUPS]
    if len(n_groups) == 1 or len(rare) == len(n_groups):
        return np.full(len(text), "", object)
    return np.where(np.isin(text, rare), RARE, text)


def _thirds(numbers: Float64Array) -> NDArray[np.object_]:
    """Name the third of the radiographs that each number lies in; equal numbers stay together."""
    third = np.searchsorted(np.quantile(numbers, [1 / 3, 2 / 3], method="inverted_cdf"), numbers)
    ends = {code: (numbers[third == code].min(), numbers[third == code].max()) for code in np.unique(third)}
    names = {code: f"{low:g} to {high:g}" for code, (low, high) in ends.items()}
    return np.array([names[code] for code in third], object)


def _in_order(level: NDArray[np.object_]) -> list[str]:
    """Levels by the number that they begin with, then by name; rare and unknown ones last."""
    names = sorted(set(level) - {""})
    first = pd.Series(names, dtype="str").str.split(" to ").str[0]
    number = pd.to_numeric(first, errors="coerce").fillna(0)
    return [names[at] for at in np.lexsort((number, np.isin(names, [RARE, UNKNOWN])))]


def _score(
    y_true: BoolArray,
    y_score: Float64Array,
    group: AnyArray,
    points: OperatingPoints,
    *,
    n_samples: int,
    seed: int,
) -> dict[str, float]:
    """Count, and give those figures that enough groups stand behind, with intervals."""
    fractured, other = (len(np.unique(group[has])) for has in (y_true, ~y_true))
    shares = {
        f"{rate}_at_{point}": (has, right, n_groups)
        for point, threshold in vars(points).items()
        for rate, has, right, n_groups in (
            ("sensitivity", y_true, y_score >= threshold, fractured),
            ("specificity", ~y_true, y_score < threshold, other),
        )
        if n_groups >= MIN_GROUPS
    }

    def statistics(weight: Float64Array) -> dict[str, float]:
        figures = {
            n: float(np.average(right[has], weights=weight[has])) for n, (has, right, _) in shares.items()
        }
        if min(fractured, other) >= MIN_GROUPS:
            figures["auroc"] = metrics.auroc(y_true, y_score, weight)
        return figures

    scores: dict[str, float] = {"radiographs": len(y_true), "groups": len(np.unique(group))}
    scores["fractured_groups"] = fractured
    if shares:
        scores |= intervals.summarize(statistics, group, y_true, n_samples=n_samples, seed=seed)
    for name, (*_, n_groups) in shares.items():
        scores |= _at_the_end(name, scores[name], n_groups)
    return scores


def _at_the_end(name: str, share: float, n_groups: int) -> dict[str, float]:
    """Wilson's interval of a share of 0 or 1; nothing for one between."""
    reach = _Z**2 / (n_groups + _Z**2)
    return {0.0: {f"{name}_high": reach}, 1.0: {f"{name}_low": 1 - reach}}.get(share, {})
