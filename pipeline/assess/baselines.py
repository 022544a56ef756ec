"""What can be told without looking at the bone: nearest neighbours and simple features.

A classifier that does not beat these has learnt the copies, the source or the frame.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

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


def nearest_neighbour(
    train: NDArray[np.uint8],
    train_fractured: BoolArray,
    test: NDArray[np.uint8],
    test_fractured: BoolArray,
) -> Memorisation:
    """Give each test radiograph the label of its nearest training radiograph.

    Parameters
    ----------
    train, test
        uint8, shape (n_train, height_px, width_px) and (n_test, height_px, width_px): thumbnails.
    train_fractured, test_fractured
        bool, shape (n_train,) and (n_test,).

    Returns
    -------
    Memorisation
        Accuracy of the nearest neighbour's label, and AUROC of the distance to the nearest
        not fractured radiograph, as a share of the distances to both classes' nearest.

    Raises
    ------
    ValueError
        One of the two sets lacks a class.
    """
    _check_classes(train_fractured, test_fractured)
    to_fractured = _nearest(test, train[train_fractured])
    to_intact = _nearest(test, train[~train_fractured])
    total = to_fractured + to_intact
    y_score = np.divide(to_intact, total, out=np.full(len(total), 0.5), where=total > 0)
    accuracy = float(((y_score > 0.5) == test_fractured).mean())
    return Memorisation(accuracy, float(roc_auc_score(test_fractured, y_score)))


def null_auroc(
    train: FloatArray,
    train_fractured: BoolArray,
    train_weight: FloatArray,
    test: FloatArray,
    test_fractured: BoolArray,
    test_weight: FloatArray,
    seed: int,
) -> float:
    """Score how well features that hold no bone tell the label.

    Parameters
    ----------
    train, test
        float64, shape (n_train, n_features) and (n_test, n_features).
    train_fractured, test_fractured
        bool, shape (n_train,) and (n_test,).
    train_weight, test_weight
        float64, shape (n_train,) and (n_test,): 1 / size of the radiograph's group.
    seed
        Of the random forest.

    Returns
    -------
    float
        AUROC on the test set, a group weighing as one; 0.5 is chance.

    Raises
    ------
    ValueError
        One of the two sets lacks a class.
    """
    _check_classes(train_fractured, test_fractured)
    y_score = _forest_scores(train, train_fractured, train_weight, test, seed)
    return float(roc_auc_score(test_fractured, y_score, sample_weight=test_weight))


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
        _check_classes(fractured[~own], fractured)
        y_score[own] = _forest_scores(values[~own], fractured[~own], weight[~own], values[own], seed)
    return y_score


def _forest_scores(
    train: FloatArray, train_fractured: BoolArray, train_weight: FloatArray, test: FloatArray, seed: int
) -> FloatArray:
    """Learn from some radiographs and give others a probability of a fracture."""
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


def _check_classes(train_fractured: BoolArray, test_fractured: BoolArray) -> None:
    for name, fractured in (("train", train_fractured), ("test", test_fractured)):
        if len(np.unique(fractured)) < 2:
            received = f"{int(fractured.sum())} fractured of {len(fractured)} radiographs"
            raise ValueError(f"{name} needs both classes. Received: {received}.")


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
