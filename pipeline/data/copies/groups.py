"""Find the pairs of radiographs that are copies: candidates from three sources, each verified.

Arrays in, pairs out; only the verification is spread over processes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from pipeline.data import duplicates, engine, rotations
from pipeline.data.copies import alignment, votes
from pipeline.data.copies.agreement import Agreement
from pipeline.data.copies.alignment import Transform
from pipeline.data.copies.verification import Pair, Subject, verify

_FORESTS = 3  # rounds in which only what would join two groups is compared
_ALONE = 256  # pairs: up to here, other processes start too late to help
_ALL_VOTES = 64  # from here on a pair is as likely as any

IntArray = NDArray[np.int64]
UInt8Array = NDArray[np.uint8]


class Copy(NamedTuple):
    """Two radiographs that are copies, by their numbers, and how the first lies on the second.

    Attributes
    ----------
    transform
        float64, shape (2, 3): from the first look's (column, row) to the second's.
    """

    first: int
    second: int
    agreement: Agreement
    transform: Transform


class Candidates(NamedTuple):
    """Pairs that may be copies, the likeliest first.

    Attributes
    ----------
    pairs
        int64, shape (n_candidates, 2), first < second, each pair once.
    guesses
        How each may lie, by its hashes and polar spectra; often none.
    """

    pairs: IntArray
    guesses: list[tuple[Transform, ...]]


def find(
    subjects: Sequence[Subject],
    thumbnails: UInt8Array,
    unrolled: UInt8Array,
    *,
    hash_distance: int,
    min_score: float,
    workers: int,
) -> list[Copy]:
    """Find as many copies as it takes to join every group.

    Parameters
    ----------
    subjects
        Looks and keypoints, one a radiograph, in an order that depends on nothing but the files.
    thumbnails, unrolled
        uint8, shape (n_radiographs, n, n) and (n_radiographs, 32, 128); see ``duplicates``, ``rotations``.
    hash_distance
        Bits of 64 that the hashes of candidates may differ by.
    min_score
        What a copy must reach; see `Agreement.score`.
    workers
        Number of processes; 0 takes one a core.
    """
    found = candidates(subjects, thumbnails, unrolled, hash_distance)
    left, numbers, copies = np.arange(len(found.pairs)), np.arange(len(subjects)), list[Copy]()
    for round_number in range(_FORESTS + 1):
        left = left[np.not_equal(*numbers[found.pairs[left]].T)]
        chosen = left[forest(numbers[found.pairs[left]])] if round_number < _FORESTS else left
        if not len(chosen):
            break
        jobs = [_job(subjects, found, each) for each in chosen]
        verdicts = engine.process(
            verify, jobs, workers=1 if len(jobs) <= _ALONE else workers, label="compare"
        )
        for (first, second), verdict in zip(found.pairs[chosen].tolist(), verdicts, strict=True):
            if verdict.is_copy(min_score):
                copies.append(Copy(first, second, *verdict))
        linked = np.array([copy[:2] for copy in copies], dtype=np.int64).reshape(-1, 2)
        numbers = duplicates.components(len(subjects), linked)
        left = np.setdiff1d(left, chosen)
    return copies


def _job(subjects: Sequence[Subject], found: Candidates, each: int) -> Pair:
    first, second = found.pairs[each]
    return Pair(subjects[first], subjects[second], found.guesses[each])


def candidates(
    subjects: Sequence[Subject], thumbnails: UInt8Array, unrolled: UInt8Array, hash_distance: int
) -> Candidates:
    """Gather the pairs that hashes, polar spectra or keypoints suggest, the likeliest first."""
    strength: dict[tuple[int, int], float] = defaultdict(float)
    guesses: dict[tuple[int, int], list[Transform]] = defaultdict(list)
    shapes = [subject.look.shape for subject in subjects]

    def suggest(first: int, second: int, value: float, guess: Transform | None = None) -> None:
        strength[first, second] = max(strength[first, second], value)
        if guess is not None:
            guesses[first, second].append(guess)

    near, correlations = duplicates.likely(thumbnails, hash_distance)
    for (first, second, variant), value in zip(near.tolist(), correlations.tolist(), strict=True):
        guess = alignment.from_frames(variant, shapes[first], shapes[second])
        suggest(first, second, value, guess)
    turned = rotations.likely(unrolled)
    for (first, second), value, angle, mirrored in zip(*(part.tolist() for part in turned), strict=True):
        guess = alignment.from_turn(angle, shapes[first], shapes[second], mirrored=mirrored)
        suggest(first, second, value, guess)
    pairs, n_votes = votes.candidates([subject.keypoints for subject in subjects])
    for (first, second), n in zip(pairs.tolist(), n_votes.tolist(), strict=True):
        suggest(first, second, min(1.0, n / _ALL_VOTES))
    order = sorted(strength, key=lambda pair: (-strength[pair], pair))
    ordered = np.array(order, dtype=np.int64).reshape(-1, 2)
    return Candidates(ordered, [tuple(guesses[pair]) for pair in order])


def forest(numbers: IntArray) -> IntArray:
    """Choose the foremost pairs that would, if all were copies, join all that any of them would.

    A family of a hundred has 4,950 pairs and is joined by 99.

    Parameters
    ----------
    numbers
        int64, shape (n_pairs, 2): the groups that each pair would join, different ones; the likeliest first.

    Returns
    -------
    ndarray of int64, shape (n_chosen,)
        Rows of ``numbers``.
    """
    if not len(numbers):
        return np.zeros(0, np.int64)
    low, high = np.sort(numbers, axis=1).T
    _, foremost = np.unique(low * (int(high.max()) + 1) + high, return_index=True)
    side = int(high.max()) + 1
    weights = coo_array((foremost + 1.0, (low[foremost], high[foremost])), shape=(side, side))
    chosen = minimum_spanning_tree(weights.tocsr()).data
    return np.sort(chosen.astype(np.int64)) - 1
