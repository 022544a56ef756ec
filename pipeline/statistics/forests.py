"""Forests on cheap features: each radiograph is scored by trees that learnt from no file of its group.

Each tree learns from one radiograph of every second group, drawn without replacement, class by class, and
scores the radiographs of all groups that it drew nothing of. A group weighs as one however many copies it has
(as two, if it has both labels), and no radiograph is scored by a tree that learnt from a copy of it. So one
forest does what cross-validation over the groups would grow five for.

References
----------
L. Breiman, "Random Forests", Machine Learning 45 (2001), doi 10.1023/A:1010933404324. J. H. Friedman,
P. Hall, "On Bagging and Nonlinear Estimation", Journal of Statistical Planning and Inference 137 (2007),
doi 10.1016/j.jspi.2006.06.002: half of the data without replacement does as well as a bootstrap.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
import sklearn
from sklearn.tree import DecisionTreeRegressor

from pipeline.statistics.memorisation import require_classes
from pipeline.types import BoolArray, Float32Array, Float64Array, Int64Array, StrArray

_N_VOTES = 100  # trees that score each radiograph, about: fewer where its group has both labels
_PARTS = 10  # of a forest, grown side by side; their votes add up in one order with any number of cores
_MIN_LEAF = 5  # radiographs, or a quarter of what a tree draws: few groups must be parted, too
_MAX_DRAWN = 650  # radiographs a tree learns from: more cost time and add nothing
_HALF, _MOST = 0.5, 0.63  # of the groups, for each tree: where the others score, and where none has to


class _Units(NamedTuple):
    """What a tree draws from: the files of one group and label are one unit.

    Attributes
    ----------
    rows
        int64: the files, unit by unit.
    start, n_files
        int64, shape (n_units,): where the files of each unit begin among the rows, and how many they are.
    fractured
        bool, shape (n_units,).
    share
        Of them that a tree draws, at most.
    """

    rows: Int64Array
    start: Int64Array
    n_files: Int64Array
    fractured: BoolArray
    share: float


def out_of_bag(values: Float64Array, fractured: BoolArray, group: StrArray, seed: int) -> Float64Array:
    """Learn the label from features, and score every radiograph by trees that learnt from none of its group.

    Parameters
    ----------
    values
        float64, shape (n_radiographs, n_features).
    fractured
        bool, shape (n_radiographs,).
    group
        str, shape (n_radiographs,).
    seed
        Of what the trees draw.

    Returns
    -------
    ndarray of float64, shape (n_radiographs,)
        Probability of a fracture, 0 to 1, the classes weighing alike.

    Raises
    ------
    ValueError
        A class has fewer than two groups.
    """
    number = np.unique(group, return_inverse=True)[1].astype(np.int64)
    units = _units(number, fractured, np.arange(len(number)), _HALF)
    n_groups = np.bincount(units.fractured, minlength=2)
    if n_groups.min() < 2:
        raise ValueError(
            f"both classes need two groups. Received: {n_groups[1]} fractured, {n_groups[0]} not."
        )
    return _voted(values, fractured, number, units, 2 * _N_VOTES, seed)


def held_out(
    values: Float64Array, fractured: BoolArray, group: StrArray, learnt: BoolArray, seed: int
) -> Float64Array:
    """Learn the label from some radiographs, and score the others.

    Parameters
    ----------
    values, fractured, group, seed
        As for `out_of_bag`; the labels of the others are not used.
    learnt
        bool, shape (n_radiographs,): which to learn from, whole groups.

    Returns
    -------
    ndarray of float64, shape (n_others,)
        Probability of a fracture, 0 to 1, the classes weighing alike.

    Raises
    ------
    ValueError
        What is learnt from lacks a class.
    """
    require_classes(train=fractured[learnt])
    number = np.unique(group, return_inverse=True)[1].astype(np.int64)
    units = _units(number, fractured, np.flatnonzero(learnt), _MOST)
    return _voted(values, fractured, number, units, _N_VOTES, seed)[~learnt]


def _units(number: Int64Array, fractured: BoolArray, rows: Int64Array, share: float) -> _Units:
    keys = 2 * number[rows] + fractured[rows]
    unit, start, n_files = np.unique(np.sort(keys), return_index=True, return_counts=True)
    is_fractured = (unit % 2).astype(np.bool_)
    return _Units(rows[np.argsort(keys, kind="stable")], start, n_files, is_fractured, share)


def _voted(
    values: Float64Array, fractured: BoolArray, number: Int64Array, units: _Units, n_trees: int, seed: int
) -> Float64Array:
    table = np.ascontiguousarray(values, dtype=np.float32)
    grow = partial(_votes, table, fractured, number, units, seed)
    with ThreadPoolExecutor(os.cpu_count(), initializer=_unchecked) as threads:  # more wait for Python's lock
        parts = list(threads.map(grow, np.array_split(np.arange(n_trees), _PARTS)))
    votes, n_votes = np.sum(parts, axis=0)
    share: Float64Array = np.divide(votes, n_votes, out=np.full(len(votes), np.nan), where=n_votes > 0)
    return share


def _unchecked() -> None:
    """Spare a thread the checks of parameters and values, which take a third of a small tree's time."""
    sklearn.set_config(assume_finite=True, skip_parameter_validation=True)


def _votes(
    table: Float32Array, fractured: BoolArray, number: Int64Array, units: _Units, seed: int, trees: Int64Array
) -> Float64Array:
    """Grow some of the trees; for each radiograph, sum up their votes, and count them."""
    votes, n_votes = np.zeros((2, len(table)))
    for tree in trees.tolist():
        rng = np.random.default_rng([seed, tree])
        drawn = _drawn(units, rng)
        labels = fractured[drawn].astype(np.float64)
        share = labels.mean()
        weight = np.where(labels, 0.5 / share, 0.5 / (1 - share))
        grown = DecisionTreeRegressor(  # parts 0 and 1 as Gini does, and starts in half the time
            min_samples_leaf=max(1, min(_MIN_LEAF, len(drawn) // 4)),
            max_features="sqrt",
            random_state=int(rng.integers(2**31)),
        ).fit(table[drawn], labels, sample_weight=weight, check_input=False)
        unseen = ~np.isin(number, number[drawn], kind="table")
        votes[unseen] += grown.predict(table[unseen], check_input=False)
        n_votes += unseen
    return np.stack([votes, n_votes])


def _drawn(units: _Units, rng: np.random.Generator) -> Int64Array:
    """Draw a share of each class's units, a smaller one where they are many, and one file of each."""
    share = min(units.share, _MAX_DRAWN / len(units.fractured))
    chosen = [
        rng.choice(of_class, max(1, round(share * len(of_class))), replace=False)
        for of_class in (np.flatnonzero(~units.fractured), np.flatnonzero(units.fractured))
    ]
    unit = np.concatenate(chosen)
    file = (rng.random(len(unit)) * units.n_files[unit]).astype(np.int64)
    rows: Int64Array = units.rows[units.start[unit] + file]
    return rows
