"""Find the pairs of radiographs that are copies: candidates from two sources, each verified.

Arrays in, pairs out; only the verification is spread over processes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree, reverse_cuthill_mckee

from pipeline.files import engine
from pipeline.types import Int64Array, UInt8Array
from pipeline.validate import duplicates
from pipeline.validate.copies import alignment, candidate_search
from pipeline.validate.copies.agreement import Agreement
from pipeline.validate.copies.alignment import Transform
from pipeline.validate.copies.keypoints import Keypoints
from pipeline.validate.copies.spill_cache import CopyFeatures, Spilled, View, load
from pipeline.validate.copies.verification import Pair, Verdict, verify

_FORESTS = 3  # rounds in which only what would join two groups is compared
_SQUARE = 1.1  # longer by shorter side: up to there a frame is taken for a square
_ALL_VOTES = 64  # from here on a pair is as likely as any


class Copy(NamedTuple):
    """Two radiographs that are copies, by their numbers, and how the first lies on the second.

    Attributes
    ----------
    transform
        float64, shape (2, 3): from the first thumbnail's (column, row) to the second's.
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
        int64, shape (n_candidates, 2), first < second, each pair once; the views of long radiographs as
        squares are numbered after all radiographs.
    voted, framed
        How each may lie by the votes of its keypoints, and frame on frame by its hashes; none or several.
    """

    pairs: Int64Array
    voted: list[tuple[Transform, ...]]
    framed: list[tuple[Transform, ...]]


def find(
    features: Sequence[CopyFeatures | Spilled],
    thumbnails: UInt8Array,
    *,
    squares: Mapping[int, View],
    hash_distance: int,
    min_score: float,
    pool: engine.Pool,
) -> list[Copy]:
    """Find as many copies as it takes to join every group.

    Parameters
    ----------
    features
        One a radiograph, in an order that depends on nothing but the files.
    thumbnails
        uint8, shape (n_radiographs, n, n); see ``duplicates``.
    squares
        The long ones as a square shows them, by their numbers.
    hash_distance
        Bits of 64 that the hashes of candidates may differ by.
    min_score
        What a copy must reach; see `Agreement.score`.
    pool
        What compares them.
    """
    shapes = [each.shape for each in features]
    keypoints = (load(each).keypoints for each in features)
    suggested = candidates(shapes, keypoints, thumbnails, hash_distance, squares)
    views = [*features, *(each.features for each in squares.values())]
    shown = np.array([*range(len(features)), *squares], dtype=np.int64)[suggested.pairs]  # radiographs
    left, numbers, copies = np.arange(len(suggested.pairs)), np.arange(len(features)), list[Copy]()
    for round_number in range(_FORESTS + 1):
        left = left[np.not_equal(*numbers[shown[left]].T)]
        chosen = left[forest(numbers[shown[left]])] if round_number < _FORESTS else left
        if not len(chosen):
            break
        chosen = chosen[in_passing(suggested.pairs[chosen])]  # neighbouring pairs share features
        jobs = [_job(views, suggested, each, len(features)) for each in chosen]
        verdicts = pool.process(verify, jobs, label="compare")
        for pair, job, verdict in zip(shown[chosen].tolist(), jobs, verdicts, strict=True):
            if verdict.is_copy(min_score):
                copies.append(_copy(pair, [shapes[each] for each in pair], job, verdict))
        linked = np.array([copy[:2] for copy in copies], dtype=np.int64).reshape(-1, 2)
        numbers = duplicates.components(len(features), linked)
        left = np.setdiff1d(left, chosen)
    return copies


def _copy(pair: Sequence[int], shapes: Sequence[tuple[int, ...]], job: Pair, verdict: Verdict) -> Copy:
    """Say how the radiographs lie on one another, whatever views of them were compared."""
    here, there = (
        alignment.from_frames(0, *frames)
        for frames in zip(shapes, (job.first.shape, job.second.shape), strict=True)
    )
    transform = alignment.chained(here, verdict.transform, alignment.inverse(there))
    if pair[0] > pair[1]:
        return Copy(pair[1], pair[0], verdict.agreement, alignment.inverse(transform))
    return Copy(pair[0], pair[1], verdict.agreement, transform)


def _job(
    views: Sequence[CopyFeatures | Spilled], suggested: Candidates, each: int, n_radiographs: int
) -> Pair:
    first, second = suggested.pairs[each].tolist()
    voted, framed = suggested.voted[each], suggested.framed[each]
    return Pair(views[first], views[second], voted, framed, second >= n_radiographs)


def candidates(
    shapes: Sequence[tuple[int, ...]],
    keypoints: Iterable[Keypoints],
    thumbnails: UInt8Array,
    hash_distance: int,
    squares: Mapping[int, View],
) -> Candidates:
    """Gather the pairs that hashes or keypoints suggest, the likeliest first.

    Parameters
    ----------
    shapes
        Rows and columns of the thumbnails that the keypoints lie on.
    keypoints
        One a radiograph, in their order; each is asked for once.
    thumbnails, hash_distance, squares
        As for `find`.
    """
    strength: dict[tuple[int, int], float] = defaultdict(float)
    voted: dict[tuple[int, int], list[Transform]] = defaultdict(list)
    framed: dict[tuple[int, int], list[Transform]] = defaultdict(list)
    near, correlations = duplicates.likely(thumbnails, hash_distance)
    for (first, second, variant), value in zip(near.tolist(), correlations.tolist(), strict=True):
        strength[first, second] = max(strength[first, second], value)
        framed[first, second].append(alignment.from_frames(variant, shapes[first], shapes[second]))
    frames = [*shapes, *(view.features.shape for view in squares.values())]
    matched = candidate_search.candidates(
        keypoints, {number: view.keypoints for number, view in squares.items()}
    )
    for (first, second), n, guess in zip(
        matched.pairs.tolist(), matched.votes.tolist(), matched.transforms, strict=True
    ):
        strength[first, second] = max(strength[first, second], min(1.0, n / _ALL_VOTES))
        voted[first, second].append(guess)
        if second >= len(shapes) and _is_long(shapes[first]):  # forced into another frame than a square
            voted[first, second].append(alignment.turned_in_frame(guess, frames[first], frames[second]))
    order = sorted(strength, key=lambda pair: (-strength[pair], pair))
    ordered = np.array(order, dtype=np.int64).reshape(-1, 2)
    return Candidates(ordered, *([tuple(guesses[pair]) for pair in order] for guesses in (voted, framed)))


def _is_long(shape: tuple[int, ...]) -> bool:
    return max(shape) > _SQUARE * min(shape)


def in_passing(pairs: Int64Array) -> Int64Array:
    """Order pairs so that those with a view in common lie near one another, and few views need be kept.

    Parameters
    ----------
    pairs
        int64, shape (n_pairs, 2): views, by their numbers.

    Returns
    -------
    ndarray of int64, shape (n_pairs,)
        Rows of ``pairs``.

    References
    ----------
    E. Cuthill, J. McKee, "Reducing the bandwidth of sparse symmetric matrices", ACM National Conference
    1969, doi 10.1145/800195.805928.
    """
    side = int(pairs.max()) + 1
    links = coo_array((np.ones(len(pairs), np.int8), pairs.T), shape=(side, side)).tocsr()
    place = np.empty(side, np.int64)
    place[reverse_cuthill_mckee(links + links.T, symmetric_mode=True)] = np.arange(side)
    first, second = np.sort(place[pairs], axis=1).T
    return np.lexsort((second, first))


def forest(numbers: Int64Array) -> Int64Array:
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
