"""Candidate copies from local structure: keypoints vote for the radiographs that hold their like.

Arrays in, arrays out.

References
----------
H. Jégou, M. Douze, C. Schmid, "Product Quantization for Nearest Neighbor Search", IEEE Transactions on
Pattern Analysis and Machine Intelligence 33 (2011), doi 10.1109/TPAMI.2010.57.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import faiss
import numpy as np
from numpy.typing import NDArray

from pipeline.data.copies.keypoints import N_ANGLES, N_STRENGTHS, Keypoints, strengths, turns

_NEIGHBOURS = 4  # of each keypoint, some of its own radiograph's among them
_MIN_VOTES = 5
_MIN_ALIKE = 0.7  # correlation of two patches at their best angle
_MOST_CANDIDATES = 16  # of each radiograph; families hold together by neighbours of neighbours

_FEW = 20_000  # keypoints: up to here, all are compared with all
_PER_CELL = 500  # keypoints to a cell of the index
_CELLS_SEARCHED = 4
_SAMPLE = 64  # keypoints a cell, from which the cells are learnt
_AT_ONCE = 1 << 15  # keypoints: bounds memory

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
Patches = NDArray[np.int8]


def candidates(described: Sequence[Keypoints]) -> tuple[IntArray, IntArray]:
    """Pair the radiographs that share much local structure, turned alike.

    Parameters
    ----------
    described
        One a radiograph. The answer may differ in a few candidates with their order; give them in one
        that depends on nothing but the files.

    Returns
    -------
    pairs : ndarray of int64, shape (n_candidates, 2)
        First and second radiograph, first < second.
    votes : ndarray of int64, shape (n_candidates,)
        Keypoints of the two that are like one another, and turned by one angle.
    """
    counts = np.array([len(each.places) for each in described], dtype=np.int64)
    if counts.sum() <= _NEIGHBOURS:
        return np.zeros((0, 2), np.int64), np.zeros(0, np.int64)
    patches = np.concatenate([each.patches for each in described])
    owner = np.repeat(np.arange(len(described)), counts)
    first, second = _matches(patches)
    foreign = owner[first] != owner[second]
    first, second = first[foreign], second[foreign]
    ballots, pair_of, n_votes = np.unique(
        owner[first] * len(described) + owner[second], return_inverse=True, return_counts=True
    )
    enough = (n_votes >= _MIN_VOTES)[pair_of]
    votes = _turned_alike(patches, first[enough], second[enough], pair_of[enough], len(ballots))
    return _elected(np.column_stack(np.divmod(ballots, len(described))), votes, len(described))


def _matches(patches: Patches) -> tuple[IntArray, IntArray]:
    """Find the nearest keypoints of each: the lower number first, each match once."""
    search = _searcher(patches)
    found = np.concatenate([search(part) for part in _parts(patches)])
    matches = np.column_stack([np.repeat(np.arange(len(patches)), _NEIGHBOURS), found.ravel()])
    matches.sort(axis=1)
    matches = matches[matches[:, 0] >= 0]  # -1: a cell held too few
    keys = np.unique(matches[:, 0] * len(patches) + matches[:, 1])
    first, second = np.divmod(keys, len(patches))
    return first, second


def _searcher(patches: Patches) -> Callable[[Patches], IntArray]:
    """Index all keypoints by what a rotation, a mirror image and a negative leave alone."""
    n_cells = len(patches) // _PER_CELL
    sample = patches[:: max(1, len(patches) // (_SAMPLE * max(1, n_cells)))]
    centre = strengths(sample).mean(axis=0)
    kind = "Flat" if len(patches) <= _FEW else f"IVF{n_cells},PQ{N_STRENGTHS}x4fs"
    index = faiss.index_factory(N_STRENGTHS, kind, faiss.METRIC_INNER_PRODUCT)
    if not index.is_trained:
        index.train(_centred(sample, centre))
        faiss.extract_index_ivf(index).nprobe = _CELLS_SEARCHED
    for part in _parts(patches):
        index.add(_centred(part, centre))

    def search(asking: Patches) -> IntArray:
        return np.asarray(index.search(_centred(asking, centre), _NEIGHBOURS)[1], dtype=np.int64)

    return search


def _parts(patches: Patches) -> Iterator[Patches]:
    return (patches[start : start + _AT_ONCE] for start in range(0, len(patches), _AT_ONCE))


def _centred(patches: Patches, centre: FloatArray) -> FloatArray:
    values = strengths(patches) - centre
    normed: FloatArray = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6)
    return normed


def _turned_alike(
    patches: Patches, first: IntArray, second: IntArray, pair_of: IntArray, n_pairs: int
) -> IntArray:
    """Count the matches of each pair that are turned by about the same angle, mirrored or not."""
    most = np.zeros(n_pairs, np.int64)
    for mirrored in (False, True):
        tally = np.zeros(n_pairs * N_ANGLES, np.int64)
        for start in range(0, len(first), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            angles, alike = turns(patches[first[part]], patches[second[part]], mirrored=mirrored)
            step = np.rint(angles * (N_ANGLES / (2 * np.pi))).astype(np.int64) % N_ANGLES
            chosen = alike >= _MIN_ALIKE
            np.add.at(tally, (pair_of[part] * N_ANGLES + step)[chosen], 1)
        by_angle = tally.reshape(n_pairs, N_ANGLES)
        by_angle = by_angle + np.roll(by_angle, 1, axis=1) + np.roll(by_angle, -1, axis=1)
        most = np.maximum(most, by_angle.max(axis=1, initial=0))
    return most


def _elected(pairs: IntArray, votes: IntArray, n_radiographs: int) -> tuple[IntArray, IntArray]:
    """Keep the pairs with enough votes that are among the foremost of either radiograph."""
    order = np.argsort(-votes, kind="stable")
    order = order[votes[order] >= _MIN_VOTES]
    foremost = np.zeros(len(order), np.bool_)
    for column in (0, 1):
        foremost |= _place(pairs[order, column], n_radiographs) < _MOST_CANDIDATES
    return pairs[order[foremost]], votes[order[foremost]]


def _place(radiographs: IntArray, n_radiographs: int) -> IntArray:
    """Which one of its radiograph's entries each is, from 0."""
    by_radiograph = np.argsort(radiographs, kind="stable")
    counts = np.bincount(radiographs, minlength=n_radiographs)
    place = np.empty(len(radiographs), np.int64)
    place[by_radiograph] = np.arange(len(radiographs)) - np.repeat(np.cumsum(counts) - counts, counts)
    return place
