"""Candidate copies from matched keypoints: matches vote for a transform, as in a Hough transform.

Arrays in, arrays out. Each match of two keypoints suggests by itself how the two radiographs lie on one
another. Radiographs of one body part share many matches; only those of copies agree on a transform.

References
----------
D. G. Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", International Journal of Computer
Vision 60 (2004), section 7, doi 10.1023/B:VISI.0000029664.99615.94.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.files import engine
from pipeline.types import ComplexArray, Float32Array, Float64Array, Int8Array, Int64Array
from pipeline.validate.copies.keypoint_index import AT_ONCE, KeypointIndex, parts
from pipeline.validate.copies.keypoints import NO_KEYPOINTS, Keypoints, turns

_NEIGHBOURS = 4  # of each keypoint, some of its own radiograph's among them
_NEIGHBOURS_OF_SQUARES = 8  # whose matches are sought from one side only
_MIN_MATCHES = 4  # of two radiographs: with fewer their guesses are not compared
_MOST_MATCHES = 48  # of two radiographs: more add nothing
_MIN_ALIKE = 0.7  # correlation of two patches at their best angle
_NEAR_PX = 12.0  # of the thumbnail: so near a guess must take one of a match to the other, to have its vote
_TURNED_ALIKE = 0.8  # cosine of the angle between two guesses
_MIN_AGREEING = 3  # matches with the guess by one of them: any two can be fitted
_TOLERANCES_PX = (7.0, 4.0)  # from the guess by one match to what fits all that agree
_MIN_VOTES = 4
_MIN_SPREAD_PX = 10.0  # of what agrees about its middle: one small thing is no evidence for the whole
_MOST_CANDIDATES = 16  # of each radiograph; families hold together by neighbours of neighbours


class Stack(NamedTuple):
    """The keypoints of all radiographs, one below the other.

    Attributes
    ----------
    patches, scales
        See `Keypoints`.
    places
        complex64, shape (n_keypoints,): column and, as the imaginary part, row; to turn is to multiply.
    owner
        int64, shape (n_keypoints,): the radiograph of each.
    """

    patches: Int8Array
    scales: Float32Array
    places: NDArray[np.complex64]
    owner: Int64Array


class KeypointCandidates(NamedTuple):
    """Pairs that may be copies, the likeliest first.

    Attributes
    ----------
    pairs
        int64, shape (n_pairs, 2): first and second radiograph, first < second.
    votes
        int64, shape (n_pairs,): keypoints with a match that agrees with the foremost guess, of the one that
        has fewer.
    transforms
        float64, shape (n_pairs, 2, 3): that guess, fitted to them; see `alignment`.
    """

    pairs: Int64Array
    votes: Int64Array
    transforms: Float64Array


def candidates(described: Iterable[Keypoints], squares: Mapping[int, Keypoints]) -> KeypointCandidates:
    """Pair the radiographs of which several matched keypoints agree how one lies on the other.

    Parameters
    ----------
    described
        One a radiograph. The result may differ in a few candidates with their order; give them in one
        that depends on nothing but the files.
    squares
        Some of them once more, forced into a square, by their numbers. These views pair with radiographs
        only, and are numbered after them.
    """
    stack, counts = _stacked(chain(described, squares.values()))
    n_radiographs = len(counts) - len(squares)
    if (n_indexed := int(counts[:n_radiographs].sum())) <= _NEIGHBOURS:
        return KeypointCandidates(np.zeros((0, 2), np.int64), np.zeros(0, np.int64), np.zeros((0, 2, 3)))
    index = KeypointIndex(stack.patches[:n_indexed])
    shown = np.array([*range(n_radiographs), *squares])[stack.owner]
    found = [_pairs(stack, *_matches(stack, np.arange(n_indexed), shown, index, _NEIGHBOURS))]
    if squares:
        asked = np.arange(n_indexed, len(shown))
        found.append(_pairs(stack, *_matches(stack, asked, shown, index, _NEIGHBOURS_OF_SQUARES)))
    return KeypointCandidates(*(np.concatenate(part) for part in zip(*found, strict=True)))


def _pairs(stack: Stack, first: Int64Array, second: Int64Array) -> KeypointCandidates:
    """Let matches vote, those of the same two radiographs together, and choose the foremost pairs."""
    n_owners = int(stack.owner[-1]) + 1
    keys, n_matches = np.unique(stack.owner[first] * n_owners + stack.owner[second], return_counts=True)
    enough = n_matches >= _MIN_MATCHES
    of_enough = np.repeat(enough, n_matches)
    votes, transforms = _votes(stack, first[of_enough], second[of_enough], n_matches[enough])
    pairs = np.column_stack(np.divmod(keys[enough], n_owners))
    chosen = _foremost(pairs, votes, n_owners)
    return KeypointCandidates(pairs[chosen], votes[chosen], transforms[chosen])


def _stacked(described: Iterable[Keypoints]) -> tuple[Stack, Int64Array]:
    """Lay keypoints below one another, and count those of each radiograph."""
    every = [NO_KEYPOINTS, *described]
    counts = np.array([len(each.places) for each in every[1:]], dtype=np.int64)
    places, scales, patches = (np.concatenate(part) for part in zip(*every, strict=True))
    owner = np.repeat(np.arange(len(counts)), counts)
    return Stack(patches, scales, places.view(np.complex64)[:, 0], owner), counts


def _matches(
    stack: Stack, asked: Int64Array, shown: Int64Array, index: KeypointIndex, n_neighbours: int
) -> tuple[Int64Array, Int64Array]:
    """Find the nearest keypoints of each: each match once, those of the same two radiographs together."""
    n_keypoints, keys = len(stack.owner), [np.zeros(0, np.int64)]
    pieces = list(parts(asked))
    look_up = partial(index.nearest, n_neighbours=n_neighbours)
    found = engine.on_machines(look_up, (stack.patches[queries] for queries in pieces))
    tracked = engine.track(found, total=len(pieces), label="match keypoints")
    for queries, neighbours in zip(pieces, tracked, strict=True):
        nearest = neighbours.ravel()
        exists = nearest >= 0
        one, other = np.repeat(queries, n_neighbours)[exists], nearest[exists]
        foreign = shown[one] != shown[other]
        one, other = one[foreign], other[foreign]
        keys.append(np.minimum(one, other) * n_keypoints + np.maximum(one, other))
    keys = [np.concatenate(keys)]  # the pieces are as large, and needed no longer
    first, second = np.divmod(_once(keys.pop()), n_keypoints)
    together = np.lexsort((stack.owner[second], stack.owner[first]))
    return first[together], second[together]


def _votes(
    stack: Stack, first: Int64Array, second: Int64Array, n_matches: Int64Array
) -> tuple[Int64Array, Float64Array]:
    """Count for each pair, whose matches lie together, those that agree with its foremost guess; fit it."""
    votes, transforms = np.zeros(len(n_matches), np.int64), np.zeros((len(n_matches), 2, 3))
    end = np.cumsum(n_matches)
    cuts = np.searchsorted(end, np.arange(AT_ONCE, first.size, AT_ONCE))
    for low, high in pairwise(np.unique([0, *cuts, len(end)])):
        part = slice(end[low] - n_matches[low], end[high - 1])
        pair, place = _numbered(n_matches[low:high])
        used = place < _MOST_MATCHES
        for mirrored in (False, True):
            n_agreeing, fitted = _agreeing(
                stack, first[part][used], second[part][used], pair[used], high - low, mirrored=mirrored
            )
            better = np.flatnonzero(n_agreeing > votes[low:high])
            votes[low + better], transforms[low + better] = n_agreeing[better], fitted[better]
    return votes, transforms


def _agreeing(
    stack: Stack, first: Int64Array, second: Int64Array, pair: Int64Array, n_pairs: int, *, mirrored: bool
) -> tuple[Int64Array, Float64Array]:
    """Find for each pair the guess that most of its matches agree with: how many, and what fits them best."""
    angles, alike = turns(stack.patches[first], stack.patches[second], mirrored=mirrored)
    chosen = alike >= _MIN_ALIKE
    first, second, pair = first[chosen], second[chosen], pair[chosen]
    here, there = stack.places[first], stack.places[second]
    here = here.conj() if mirrored else here
    direction = np.exp(1j * angles[chosen])
    turn = (stack.scales[first] / stack.scales[second]) * direction
    shift = there - turn * here
    size = np.bincount(pair, minlength=n_pairs)
    guess, place = _numbered(size[pair])
    match = (np.cumsum(size) - size)[pair[guess]] + place
    near = np.abs(turn[guess] * here[match] + shift[guess] - there[match]) < _NEAR_PX
    near &= (direction[guess] * direction[match].conj()).real > _TURNED_ALIKE
    guess, match = guess[near], match[near]
    agreeing = np.bincount(guess, minlength=len(pair))
    foremost = np.lexsort((-agreeing, pair))[(np.cumsum(size) - size)[size > 0]]
    foremost = foremost[agreeing[foremost] >= _MIN_AGREEING]
    match = match[np.isin(guess, foremost)]
    for tolerance_px in _TOLERANCES_PX:
        turn, shift = _fitted(here[match], there[match], pair[match], n_pairs)
        apart = np.abs(turn[pair] * here + shift[pair] - there)
        alike = (direction * turn[pair].conj()).real > _TURNED_ALIKE * np.abs(turn[pair])
        match = np.flatnonzero(alike & (apart < tolerance_px))
    flip = -1 if mirrored else 1
    rows = [[turn.real, -flip * turn.imag, shift.real], [turn.imag, flip * turn.real, shift.imag]]
    n_agreeing = np.minimum(*(_distinct(side[match], pair[match], n_pairs) for side in (first, second)))
    wide = _spread(here[match], pair[match], n_pairs) >= _MIN_SPREAD_PX
    return np.where(wide, n_agreeing, 0), np.moveaxis(np.array(rows), 2, 0)


def _distinct(keypoints: Int64Array, pair: Int64Array, n_pairs: int) -> Int64Array:
    """Count the keypoints that the matches of each pair take: what is alike all over has many matches."""
    n_keypoints = int(keypoints.max(initial=0)) + 1
    return np.bincount(_once(pair * n_keypoints + keypoints) // n_keypoints, minlength=n_pairs)


def _spread(places: ComplexArray, pair: Int64Array, n_pairs: int) -> Float64Array:
    """Give the root mean square distance of places from their middle, pair by pair."""
    apart = places - _mean(places, pair, n_pairs)[pair]
    return np.sqrt(_mean(apart * apart.conj(), pair, n_pairs).real)


def _mean(values: ComplexArray, pair: Int64Array, n_pairs: int) -> ComplexArray:
    real, imaginary = (np.bincount(pair, part, n_pairs) for part in (values.real, values.imag))
    n_values = np.maximum(np.bincount(pair, minlength=n_pairs), 1)
    return np.asarray(real + 1j * imaginary, np.complex128) / n_values


def _fitted(
    here: ComplexArray, there: ComplexArray, pair: Int64Array, n_pairs: int
) -> tuple[ComplexArray, ComplexArray]:
    """Fit a turn and a shift to the matches of each pair by least squares."""
    middle, other_middle = _mean(here, pair, n_pairs), _mean(there, pair, n_pairs)
    apart, other_apart = here - middle[pair], there - other_middle[pair]
    covariance = _mean(apart.conj() * other_apart, pair, n_pairs)
    turn = covariance / (_mean(apart * apart.conj(), pair, n_pairs) + 1e-6)
    return turn, other_middle - turn * middle


def _once(keys: Int64Array) -> Int64Array:
    """Sort, and leave out what stands there again; `numpy.unique` goes by hashes, which takes longer."""
    keys.sort()
    is_new = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=is_new[1:])
    return keys[is_new]


def _numbered(counts: Int64Array) -> tuple[Int64Array, Int64Array]:
    """List the members of heaps, one heap after the other: the heap of each, and its place there."""
    heap = np.repeat(np.arange(len(counts)), counts)
    return heap, np.arange(len(heap)) - np.repeat(np.cumsum(counts) - counts, counts)


def _foremost(pairs: Int64Array, votes: Int64Array, n_radiographs: int) -> Int64Array:
    """Choose the pairs with enough votes that are among the foremost of either radiograph, these first."""
    order = np.argsort(-votes, kind="stable")
    order = order[votes[order] >= _MIN_VOTES]
    foremost = np.zeros(len(order), np.bool_)
    for column in (0, 1):
        foremost |= _place(pairs[order, column], n_radiographs) < _MOST_CANDIDATES
    return order[foremost]


def _place(radiographs: Int64Array, n_radiographs: int) -> Int64Array:
    """Which one of its radiograph's entries each is, from 0."""
    by_radiograph = np.argsort(radiographs, kind="stable")
    counts = np.bincount(radiographs, minlength=n_radiographs)
    place = np.empty(len(radiographs), np.int64)
    place[by_radiograph] = np.arange(len(radiographs)) - np.repeat(np.cumsum(counts) - counts, counts)
    return place
