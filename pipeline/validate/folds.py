"""Grouped, stratified k-fold: every group is tested once, for sets too small to lose a test split.

Groups are assigned one class after the other, each to the fold that has fewest of its class. Tables have one
row a file: ``group``, ``fractured`` (bool).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

_CLASSES = ("fractured", "not fractured")


def n_groups(files: pd.DataFrame) -> dict[str, int]:
    """Count the groups that have a radiograph of each class."""
    return {name: int(n) for name, n in _classes(files).sum().items()}


def assign_folds(files: pd.DataFrame, n_folds: int, pinned: pd.Series[Any] | None = None) -> pd.Series[Any]:
    """Assign the groups to folds of like size, with like shares of fractured groups.

    Parameters
    ----------
    n_folds
        At least 2.
    pinned
        Folds by group that stay, see `pinned_splits.pinned`; the others fill up.

    Returns
    -------
    Series of int
        The fold (from 0) by group, in the order of the groups. Without pinned groups, the folds' counts of
        groups with a fracture differ by at most one, and those of groups without.

    Raises
    ------
    ValueError
        A class has fewer groups than there are folds.
    """
    counts = n_groups(files)
    if min(counts.values()) < n_folds:
        raise ValueError(
            f"every fold needs a group of both classes. Received: {n_folds} folds for {counts}. Set "
            "validate.folds to at most the smaller number, or add independent radiographs of that class."
        )
    return deal(files, [1.0] * n_folds, pinned)


def deal(
    files: pd.DataFrame, shares: Sequence[float], pinned: pd.Series[Any] | None = None
) -> pd.Series[Any]:
    """Assign the groups to parts of such shares of the fractured groups, and of the others.

    Each group goes to the part that has fewest of its class for its share; so every part gets a group before
    one gets a second (the method of Adams).

    Parameters
    ----------
    shares
        Of each part, above 0; only their proportions count.
    pinned
        Parts by group that stay; the others fill up.

    Returns
    -------
    Series of int
        The part (from 0) by group, in the order of the groups.

    References
    ----------
    Balinski and Young, Fair Representation, 1982: the divisor method that rounds up.
    """
    classes = _classes(files)
    fold = {} if pinned is None else {group: int(number) for group, number in pinned.items()}
    load = [dict.fromkeys(_CLASSES, 0) for _ in shares]
    for kind in (_CLASSES, _CLASSES[:1], _CLASSES[1:]):  # a patient's group may have both
        of_kind = classes[(classes == [name in kind for name in _CLASSES]).all(axis=1)].index
        for group in [*of_kind[of_kind.isin(fold)], *of_kind[~of_kind.isin(fold)]]:
            number = fold.setdefault(group, _emptiest(load, kind, shares))
            for name in kind:
                load[number][name] += 1
    return pd.Series(fold, name="fold", dtype="int64").reindex(classes.index)


def roles(folds: pd.Series[Any], fold: int, n_folds: int) -> pd.Series[Any]:
    """Test on one fold, tune on the next one, train on the rest: the split by group."""
    names = dict.fromkeys(range(n_folds), "train") | {fold: "test", (fold + 1) % n_folds: "val"}
    return folds.map(names)


def _classes(files: pd.DataFrame) -> pd.DataFrame:
    """Which classes each group has: one row a group, one bool column a class."""
    counts = pd.crosstab(files["group"], files["fractured"]).reindex(columns=[True, False], fill_value=0)
    return counts.gt(0).set_axis(list(_CLASSES), axis=1)


def _emptiest(load: list[dict[str, int]], kind: tuple[str, ...], shares: Sequence[float]) -> int:
    """Choose the fold with fewest groups of the class for its share, then fewest of all, then the first."""
    burdens = [
        (sum(own[name] for name in kind) / share, sum(own.values()) / share)
        for own, share in zip(load, shares, strict=True)
    ]
    return burdens.index(min(burdens))
