"""What memorising predicts: the label of the nearest radiograph.

A classifier that does not beat it has learnt the copies.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.metrics import roc_auc_score

from pipeline.types import BoolArray, Float64Array, UInt8Array

NEAREST = "nearest neighbour"  # its name beside those of the shortcut baselines
_CHUNK = 256


class Memorisation(NamedTuple):
    """How well copying the label of the most similar training radiograph does."""

    accuracy: float
    auroc: float


def memorisation(y_score: Float64Array, test_fractured: BoolArray) -> Memorisation:
    """Score what :func:`nearest_neighbour` predicts.

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


def nearest_neighbour(train: UInt8Array, train_fractured: BoolArray, test: UInt8Array) -> Float64Array:
    """Predict each test radiograph's label from its nearest training radiographs.

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
    share: Float64Array = np.divide(to_intact, total, out=np.full(len(total), 0.5), where=total > 0)
    return share


def _nearest(queries: UInt8Array, stored: UInt8Array) -> Float64Array:
    """Euclidean distance from each query to the nearest stored thumbnail."""
    table = stored.reshape(len(stored), -1).astype(np.float32)
    squares = np.einsum("ij,ij->i", table, table, dtype=np.float64)
    nearest = []
    for start in range(0, len(queries), _CHUNK):
        chunk = queries[start : start + _CHUNK].reshape(-1, table.shape[1]).astype(np.float32)
        own = np.einsum("ij,ij->i", chunk, chunk, dtype=np.float64)
        squared = own[:, None] + squares - 2 * (chunk @ table.T).astype(np.float64)
        nearest.append(squared.min(axis=1))
    distance: Float64Array = np.sqrt(np.maximum(np.concatenate(nearest), 0))
    return distance


def require_classes(**sets: BoolArray) -> None:
    """Refuse sets of labels, named by the arguments, that lack a class."""
    for name, fractured in sets.items():
        if len(np.unique(fractured)) < 2:
            received = f"{int(fractured.sum())} fractured of {len(fractured)} radiographs"
            raise ValueError(f"{name} needs both classes. Received: {received}.")
