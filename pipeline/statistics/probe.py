"""What a linear model predicts from the coarse structure of a radiograph: its edges, cell by cell.

A probe is no candidate for use. It measures two splits of the same radiographs: what
it scores more on the split as published than on one without copies was never learnt about fractures.
"""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipeline.types import BoolArray, Float64Array, UInt8Array

N_CELLS = 4  # a side
N_DIRECTIONS = 9  # of 180 degrees
_NOISE = 20.0  # summed grey levels a pixel: a cell with fainter edges stays faint
_CHUNK = 256  # radiographs at once: bounds memory
_INVERSE_PENALTY = 0.01  # best of 0.001, 0.01, 0.1 by cross-validation on FracAtlas
_MAX_STEPS = 1000


def linear_probe(train: UInt8Array, train_fractured: BoolArray, test: UInt8Array) -> Float64Array:
    """Score radiographs by logistic regression on their `edge_histograms`.

    Parameters
    ----------
    train, test
        uint8, shape (n_train, n, n) and (n_test, n, n): thumbnails, n a multiple of `N_CELLS`.
    train_fractured
        bool, shape (n_train,): both classes.

    Returns
    -------
    ndarray of float64, shape (n_test,)
        Probability of a fracture, 0 to 1.
    """
    regression = LogisticRegression(C=_INVERSE_PENALTY, max_iter=_MAX_STEPS)
    model = make_pipeline(StandardScaler(), regression).fit(edge_histograms(train), train_fractured)
    return np.asarray(model.predict_proba(edge_histograms(test))[:, 1], dtype=np.float64)


def edge_histograms(thumbnails: UInt8Array) -> Float64Array:
    """Describe each cell of a grid by how strong its edges are in each direction.

    Parameters
    ----------
    thumbnails
        uint8, shape (n_radiographs, n, n), n a multiple of `N_CELLS`.

    Returns
    -------
    ndarray of float64, shape (n_radiographs, N_CELLS * N_CELLS * N_DIRECTIONS)
        Cells row by row; each cell's histogram has a norm below 1, whatever the contrast.

    References
    ----------
    N. Dalal and B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005.
    https://doi.org/10.1109/CVPR.2005.177
    """
    chunks = (thumbnails[start : start + _CHUNK] for start in range(0, len(thumbnails), _CHUNK))
    return np.concatenate([_edge_histograms(chunk) for chunk in chunks])


def _edge_histograms(thumbnails: UInt8Array) -> Float64Array:
    n_radiographs, side, _ = thumbnails.shape
    down, right = np.gradient(thumbnails.astype(np.float32), axis=(1, 2))
    turn = np.arctan2(down, right) / np.pi
    turn -= np.floor(turn)  # an edge has no sign; `% 1` takes twenty times as long
    direction = np.minimum((turn * N_DIRECTIONS).astype(np.int64), N_DIRECTIONS - 1)
    place = np.arange(side) * N_CELLS // side
    cell = np.arange(n_radiographs)[:, None, None] * N_CELLS**2 + place[:, None] * N_CELLS + place
    bins = (cell * N_DIRECTIONS + direction).ravel()
    n_bins = n_radiographs * N_CELLS**2 * N_DIRECTIONS
    strength = np.bincount(bins, weights=np.sqrt(down**2 + right**2).ravel(), minlength=n_bins)
    histograms = strength.reshape(-1, N_DIRECTIONS)
    normed = histograms / (np.linalg.norm(histograms, axis=1, keepdims=True) + _NOISE)
    return np.asarray(normed.reshape(n_radiographs, -1), dtype=np.float64)
