"""What can be told without looking at the bone: nearest neighbours and simple features.

A classifier that does not beat these has learnt the copies, the source or the frame.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

NEAREST = "nearest neighbour"  # its name beside those of the null baselines
_CHUNK = 256
_N_TREES = 100
_MIN_LEAF = 5
_MAX_DRAWN = 1000  # radiographs a tree sees: more cost time and tell no more

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]


class Memorisation(NamedTuple):
    """How well copying the label of the most similar training radiograph does."""

    accuracy: float
    auroc: float


def memorisation(y_score: FloatArray, test_fractured: BoolArray) -> Memorisation:
    """Score what :func:`nearest_neighbour` says.

    Parameters
    ----------
    y_score
        float64, shape (n_test,).
    test_fractured
        bool, shape (n_test,).

    Raises
    ------
    ValueError
        A class is missing.
    """
    require_classes(test=test_fractured)
    accuracy = float(((y_score > 0.5) == test_fractured).mean())
    return Memorisation(accuracy, float(roc_auc_score(test_fractured, y_score)))


def nearest_neighbour(
    train: NDArray[np.uint8], train_fractured: BoolArray, test: NDArray[np.uint8]
) -> FloatArray:
    """Tell each test radiograph's label by its nearest training radiographs.

    Parameters
    ----------
    train, test
        uint8, shape (n_train, height_px, width_px) and (n_test, height_px, width_px): thumbnails.
    train_fractured
        bool, shape (n_train,).

    Returns
    -------
    ndarray of float64, shape (n_test,)
        Distance to the nearest not fractured radiograph, as a share of the distances to both classes'
        nearest; above 0.5 the nearest one is fractured.

    Raises
    ------
    ValueError
        Train lacks a class.
    """
    require_classes(train=train_fractured)
    to_fractured = _nearest(test, train[train_fractured])
    to_intact = _nearest(test, train[~train_fractured])
    total = to_fractured + to_intact
    share: FloatArray = np.divide(to_intact, total, out=np.full(len(total), 0.5), where=total > 0)
    return share


def null_scores(
    train: FloatArray, train_fractured: BoolArray, train_weight: FloatArray, test: FloatArray, seed: int
) -> FloatArray:
    """Learn the label from features that hold no bone, and tell it of other radiographs.

    Parameters
    ----------
    train, test
        float64, shape (n_train, n_features) and (n_test, n_features).
    train_fractured
        bool, shape (n_train,).
    train_weight
        float64, shape (n_train,): 1 / size of the radiograph's group.
    seed
        Of the random forest.

    Returns
    -------
    ndarray of float64, shape (n_test,)
        Probability of a fracture, 0 to 1, the classes weighing alike.

    Raises
    ------
    ValueError
        Train lacks a class.
    """
    require_classes(train=train_fractured)
    forest = RandomForestClassifier(
        _N_TREES,
        min_samples_leaf=_MIN_LEAF,
        max_samples=min(_MAX_DRAWN, len(train)),
        class_weight="balanced",
        random_state=seed,
        n_jobs=-1,
    )
    forest.fit(train, train_fractured, sample_weight=train_weight)
    forest.set_params(n_jobs=1)  # several threads grow the same trees, but add up their votes in any order
    return np.asarray(forest.predict_proba(test)[:, 1], dtype=np.float64)


def cross_validated_scores(
    values: FloatArray, fractured: BoolArray, weight: FloatArray, fold: NDArray[np.int64], seed: int
) -> FloatArray:
    """Score every radiograph by a classifier that has seen all folds but its own.

    Parameters
    ----------
    values
        float64, shape (n_radiographs, n_features): features that hold no bone.
    fractured
        bool, shape (n_radiographs,).
    weight
        float64, shape (n_radiographs,): 1 / size of the radiograph's group.
    fold
        int64, shape (n_radiographs,): radiographs of one group share a fold.
    seed
        Of the random forests.

    Returns
    -------
    ndarray of float64, shape (n_radiographs,)
        Probability of a fracture, 0 to 1, the classes weighing alike.

    Raises
    ------
    ValueError
        There is one fold, or all radiographs outside of one are of one class.
    """
    y_score = np.zeros(len(values))
    for number in np.unique(fold):
        own = fold == number
        y_score[own] = null_scores(values[~own], fractured[~own], weight[~own], values[own], seed)
    return y_score


def _nearest(queries: NDArray[np.uint8], stored: NDArray[np.uint8]) -> FloatArray:
    """Euclidean distance from each query to the nearest stored thumbnail."""
    table = stored.reshape(len(stored), -1).astype(np.float32)
    squares = np.einsum("ij,ij->i", table, table, dtype=np.float64)
    nearest = []
    for start in range(0, len(queries), _CHUNK):
        chunk = queries[start : start + _CHUNK].reshape(-1, table.shape[1]).astype(np.float32)
        own = np.einsum("ij,ij->i", chunk, chunk, dtype=np.float64)
        squared = own[:, None] + squares - 2 * (chunk @ table.T).astype(np.float64)
        nearest.append(squared.min(axis=1))
    distance: FloatArray = np.sqrt(np.maximum(np.concatenate(nearest), 0))
    return distance


def require_classes(**sets: BoolArray) -> None:
    """Refuse sets of labels, named by the arguments, that lack a class."""
    for name, fractured in sets.items():
        if len(np.unique(fractured)) < 2:
            received = f"{int(fractured.sum())} fractured of {len(fractured)} radiographs"
            raise ValueError(f"{name} needs both classes. Received: {received}.")
