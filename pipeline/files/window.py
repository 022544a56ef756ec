"""Deep values to 8 bits: the bulk of the values fills the grey levels, and padding is no part of it.

Values are counted, never sorted, and mapped a strip at a time: a window costs one byte a pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.files.faults import ImageFault, Note
from pipeline.files.strips import Rows, strips
from pipeline.types import Float64Array, UInt8Array

PERCENTILES = (0.5, 99.5)
SPAN = 2**16  # values that are counted one by one
_PADDING_SHARE = 0.005  # of the pixels; fewer stay outside the percentiles anyway
_EDGE_SHARE = 0.02  # of the pixels along the edges, from which a filling is no lettering
_FEW_LEVELS = 16  # a drawing of so few levels has gaps everywhere
WINDOWED = Note("windowed", "more than 8 bits, windowed between two percentiles")


class Meaning(NamedTuple):
    """What each stored value shows: (n,) values from ``first`` on, and which of them are padding."""

    first: int
    values: Float64Array
    is_padding: NDArray[np.bool_]


def span(stored: Rows) -> tuple[int, int] | None:
    """Give the smallest and the largest value where they are integers close enough to count, else nothing."""
    lows, highs = zip(*((part.min(), part.max()) for _, part in strips(stored)), strict=True)
    low, high = min(lows), max(highs)
    if np.asarray(low).dtype.kind not in "iub" or int(high) - int(low) >= SPAN:
        return None
    return int(low), int(high)


def grey(stored: Rows, name: str, *, negative: bool = False) -> tuple[UInt8Array, list[Note]]:
    """Map values of any type to grey between two percentiles.

    Parameters
    ----------
    stored
        Shape (height_px, width_px), integers or floating-point numbers.
    name
        For messages.
    negative
        Whether the largest value is black.

    Returns
    -------
    pixels : ndarray of uint8
        Shape (height_px, width_px).
    notes : list of Note
        ``windowed``, and ``padding``.

    Raises
    ------
    ImageFault
        ``not_finite``.
    """
    if (ends := span(stored)) is None:
        return _by_values(stored, name, negative=negative), [WINDOWED]
    values = np.arange(ends[0], ends[1] + 1, dtype=np.float64)
    return by_meaning(stored, Meaning(ends[0], values, np.zeros(len(values), bool)), name, negative=negative)


def by_meaning(
    stored: Rows, meaning: Meaning, name: str, *, negative: bool = False
) -> tuple[UInt8Array, list[Note]]:
    """Map counted integers to grey by what each of them shows; padding is left out and shown black.

    Parameters
    ----------
    stored
        Shape (height_px, width_px), integers from ``meaning.first`` on.
    meaning
        What they show.
    name
        For messages.
    negative
        Whether the largest value is black.

    Returns
    -------
    pixels : ndarray of uint8
        Shape (height_px, width_px).
    notes : list of Note
        As `grey`.

    Raises
    ------
    ImageFault
        ``not_finite``: a value that occurs shows no finite number.
    """
    counts = _counts(stored, meaning)
    filling = _unmarked(stored, np.where(meaning.is_padding, 0, counts), meaning.first)
    black = meaning.is_padding | filling.black
    kept = np.where(black | filling.outside, 0, counts)
    notes = _padding_notes(counts, kept, black, meaning.first)
    if not kept.any():
        kept, black = counts, np.zeros_like(black)
    shown = kept > 0
    if not np.isfinite(meaning.values[shown]).all():
        raise ImageFault("not_finite", f"{name}: every pixel must be a finite number")
    table = _table(meaning.values, kept, negative=negative)
    table[black] = 0
    pixels = np.empty(stored.shape[:2], np.uint8)
    for rows, part in strips(stored):
        pixels[rows] = table[part.astype(np.int64) - meaning.first]
    return pixels, [WINDOWED, *notes]


class _Filling(NamedTuple):
    """Values that lie far from all others: outside the window, and perhaps a filling that is shown black."""

    outside: NDArray[np.bool_]
    black: NDArray[np.bool_]


def _counts(stored: Rows, meaning: Meaning) -> NDArray[np.int64]:
    counts = np.zeros(len(meaning.values), np.int64)
    for _, part in strips(stored):
        counts += np.bincount((part.astype(np.int64) - meaning.first).ravel(), minlength=len(counts))
    return counts


def _unmarked(stored: Rows, counts: NDArray[np.int64], first: int) -> _Filling:
    """Find the smallest or largest value where the gap to all others is wider than what they span."""
    outside, black = np.zeros(len(counts), bool), np.zeros(len(counts), bool)
    present = np.flatnonzero(counts)
    for value, nearest, farthest in ((-1, -2, 0), (0, 1, -1)):
        if len(present) <= _FEW_LEVELS:
            break
        extreme, gap = present[value], abs(present[value] - present[nearest])
        if (
            gap > abs(present[nearest] - present[farthest])
            and counts[extreme] > _PADDING_SHARE * counts.sum()
        ):
            outside[extreme] = True
            black[extreme] = _edge_share(stored, int(extreme) + first) > _EDGE_SHARE
            present = present[present != extreme]
    return _Filling(outside, black)


def _edge_share(stored: Rows, value: int) -> float:
    last = stored.shape[0] - 1
    edges = [np.ravel(stored[0:1]), np.ravel(stored[last : last + 1])]
    edges += [part[:, [0, -1]].ravel() for _, part in strips(stored)]
    return float((np.concatenate(edges) == value).mean())


def _padding_notes(
    counts: NDArray[np.int64], kept: NDArray[np.int64], black: NDArray[np.bool_], first: int
) -> list[Note]:
    left_out = np.flatnonzero((counts > 0) & (kept == 0))
    if not len(left_out):
        return []
    which = f"{left_out[0] + first}" + (f" to {left_out[-1] + first}" if len(left_out) > 1 else "")
    share = 1 - kept.sum() / counts.sum()
    if not kept.any():
        return [Note("header_nonsense", f"padding of the value {which} is the whole picture; it is shown")]
    done = "shown black" if black[left_out].all() else "outside the window"
    return [Note("padding", f"{share:.1%} of the pixels have the value {which}, a filling; {done}")]


def _table(values: Float64Array, counts: NDArray[np.int64], *, negative: bool) -> UInt8Array:
    """Grey level of each value; what does not occur may be no number."""
    present = np.flatnonzero(counts)
    by_value = present[np.argsort(values[present], kind="stable")]
    upto = np.cumsum(counts[by_value])

    def ranked(rank: int) -> float:
        return float(values[by_value[np.searchsorted(upto, rank, "right")]])

    low, high = _limits(ranked, int(upto[-1]))
    with np.errstate(invalid="ignore", over="ignore"):
        levels = _levels(np.nan_to_num(values), low, high)
    return 255 - levels if negative else levels


def _by_values(stored: Rows, name: str, *, negative: bool) -> UInt8Array:
    """Map values too many to count; 64 bits are taken as 32, as pictures have no more."""
    for _, part in strips(stored):
        if not np.isfinite(_float32(part)).all():
            raise ImageFault("not_finite", f"{name}: every pixel must be a finite number")
    height, width = stored.shape[:2]
    low, high = _limits(lambda rank: _ranked(stored, rank), height * width)
    pixels = np.empty((height, width), np.uint8)
    for rows, part in strips(stored):
        levels = _levels(part.astype(np.float64), low, high)
        pixels[rows] = 255 - levels if negative else levels
    return pixels


def _limits(ranked: Callable[[int], float], n_values: int) -> tuple[float, float]:
    """Give both percentiles, as `numpy.percentile` does; where nearly all are equal, what differs."""
    low, high = (_between(ranked, (n_values - 1) * (percent / 100)) for percent in PERCENTILES)
    return (low, high) if high > low else (ranked(0), ranked(n_values - 1))


def _between(ranked: Callable[[int], float], position: float) -> float:
    below, share = ranked(int(position)), position - int(position)
    above = ranked(int(position) + 1) if share else below
    step = above - below
    return below + step * share if share < 0.5 else above - step * (1 - share)


def _levels(values: Float64Array, low: float, high: float) -> UInt8Array:
    share = (values - low) / max(high - low, np.finfo(np.float64).tiny)
    return np.asarray(np.rint(np.clip(share, 0, 1) * 255), dtype=np.uint8)


def _ranked(stored: Rows, rank: int) -> float:
    """Give the value of a rank by counting the upper half of the bits, then the lower half."""
    upper = np.zeros(SPAN, np.int64)
    for _, part in strips(stored):
        upper += np.bincount((_ordered(part) >> 16).ravel(), minlength=SPAN)
    bin_ = int(np.searchsorted(np.cumsum(upper), rank, "right"))
    lower = np.zeros(SPAN, np.int64)
    for _, part in strips(stored):
        keys = _ordered(part)
        lower += np.bincount((keys[keys >> 16 == bin_] & 0xFFFF).ravel(), minlength=SPAN)
    rest = rank - int(upper[:bin_].sum())
    return _unordered(bin_ << 16 | int(np.searchsorted(np.cumsum(lower), rest, "right")), stored)


def _ordered(part: NDArray[Any]) -> NDArray[np.uint32]:
    """Give unsigned keys in the order of the values."""
    if part.dtype.kind in "iu" and part.dtype.itemsize <= 4:
        return np.asarray(part.astype(np.int64) + (2**31 if part.dtype.kind == "i" else 0), dtype=np.uint32)
    bits = (_float32(part) + np.float32(0)).view(np.uint32)  # a zero has one sign
    return np.asarray(np.where(bits >> 31, ~bits, bits | 0x80000000), dtype=np.uint32)


def _unordered(key: int, stored: Rows) -> float:
    dtype = np.asarray(stored[0:1]).dtype
    if dtype.kind in "iu" and dtype.itemsize <= 4:
        return float(key - (2**31 if dtype.kind == "i" else 0))
    bits = key ^ 0x80000000 if key >> 31 else ~key & 0xFFFFFFFF
    return float(np.array([bits], np.uint32).view(np.float32)[0])


def _float32(part: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return part.astype(np.float32)
