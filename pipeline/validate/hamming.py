"""Pairs of 64-bit codes that differ in few bits, found without comparing all with all.

A code is cut into four bands. Two codes that differ in few bits differ in even fewer in one of the bands,
so only those are compared that agree in a band up to one or two flips.

References
----------
M. Norouzi, A. Punjani, D. J. Fleet, "Fast Exact Search in Hamming Space With Multi-Index Hashing",
IEEE Transactions on Pattern Analysis and Machine Intelligence 36(6), 2014.
https://doi.org/10.1109/TPAMI.2013.231
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise

import numpy as np

from pipeline.types import Int64Array, UInt16Array, UInt64Array

_BAND_BITS = 16
_BANDS = ((0, 7), (1, 6), (2, 5), (3, 4))  # of bytes: hashes differ least in the first, most in the last
_BLOCK = 1 << 15  # rows that are compared with all later ones through one table
_AT_ONCE = 1 << 18  # comparisons at once: fits the cache, and bounds memory where many codes are equal


def near_pairs(codes: UInt64Array, distance: int) -> Iterator[Int64Array]:
    """Yield the pairs of rows of which any variant of the first lies near the second as it is.

    Parameters
    ----------
    codes
        uint64, shape (n_rows, n_variants); column 0 is the row as it is.
    distance
        Bits of 64 that may differ.

    Yields
    ------
    ndarray of int64, shape (n_found, 3)
        First and second row (first < second), and the variant of the first. All pieces together hold each
        pair and variant once, in no order. A piece is small, however many pairs there are.
    """
    radii = _radii(distance)
    if sum(len(_flips(radius)) for radius in radii) >= len(codes):
        yield from _compare_all(codes, distance)
        return
    bands = _bands(codes)
    for start in range(0, len(codes), _BLOCK):
        for band in range(len(_BANDS)):
            yield from _compare_likely(codes, bands, start, band, distance, radii)


def _radii(distance: int) -> list[int]:
    """Bits that may differ in each band; with one more in every band, more than ``distance`` would differ."""
    return [(distance + 1 + band) // len(_BANDS) - 1 for band in range(len(_BANDS))]


def _flips(radius: int) -> list[int]:
    """All that can be flipped in a band: 0, every bit, every two bits ... up to ``radius``; none below 0."""
    chosen = (bits for n_bits in range(radius + 1) for bits in combinations(range(_BAND_BITS), n_bits))
    return [sum(1 << bit for bit in bits) for bits in chosen]


def _bands(codes: UInt64Array) -> UInt16Array:
    """Cut the codes: uint16, shape (n_rows, n_variants, 4)."""
    in_bytes = codes.view(np.uint8).reshape(*codes.shape, 8)
    return np.ascontiguousarray(in_bytes[..., np.ravel(_BANDS)]).view(np.uint16)


def _compare_all(codes: UInt64Array, distance: int) -> Iterator[Int64Array]:
    """Compare every row with all later ones: where there are few, or the distance is wide."""
    step = max(1, _AT_ONCE // max(1, len(codes)))
    for start in range(0, len(codes), step):
        for variant in range(codes.shape[1]):
            apart = np.bitwise_count(codes[start : start + step, variant, None] ^ codes[start:, 0])
            first, second = np.nonzero(np.triu(apart <= distance, 1))
            yield np.column_stack([first + start, second + start, np.full(len(first), variant)])


def _compare_likely(
    codes: UInt64Array, bands: UInt16Array, start: int, band: int, distance: int, radii: list[int]
) -> Iterator[Int64Array]:
    """Compare the rows of a block with those later rows that nearly agree in one band."""
    stored, edges = _by_value(bands[start:, 0, band])
    queries, _ = _by_value(bands[start : start + _BLOCK, :, band].ravel())  # in order: easy on the cache
    query_bands = bands[start : start + _BLOCK, :, band].ravel()[queries].astype(np.intp)
    query_codes, stored_codes = codes[start : start + _BLOCK].ravel()[queries], codes[start:, 0][stored]
    for flip in _flips(radii[band]):
        begin = edges[query_bands ^ flip]
        for number, place in _unroll(begin, edges[(query_bands ^ flip) + 1] - begin):
            near = np.bitwise_count(query_codes[number] ^ stored_codes[place]) <= distance
            first, variant = np.divmod(queries[number[near]], codes.shape[1])
            second = stored[place[near]]
            apart = np.bitwise_count(bands[first + start, variant] ^ bands[second + start, 0])
            new = (first < second) & (apart[:, :band] > radii[:band]).all(axis=1)  # found in no earlier band
            yield np.column_stack([first[new] + start, second[new] + start, variant[new]])


def _by_value(values: UInt16Array) -> tuple[Int64Array, Int64Array]:
    """Sort: the order, and where each possible value begins in it (and the last one ends)."""
    counts = np.bincount(values, minlength=1 << _BAND_BITS)
    return np.argsort(values, kind="stable"), np.concatenate([[0], np.cumsum(counts)])


def _unroll(begin: Int64Array, length: Int64Array) -> Iterator[tuple[Int64Array, Int64Array]]:
    """List the members of ranges, piece by piece: the number of the range, and the place."""
    end = np.cumsum(length)
    shift = begin + length - end  # from the place among all members to that in the range
    cuts = np.searchsorted(end, np.arange(_AT_ONCE, end[-1], _AT_ONCE)) + 1
    for low, high in pairwise(np.unique([0, *cuts, len(end)])):
        number = np.repeat(np.arange(low, high), length[low:high])
        yield number, np.arange(end[low] - length[low], end[high - 1]) + shift[number]
