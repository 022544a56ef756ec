"""Deep values to 8 bits: the bulk of the values fills the grey levels, and padding is no part of it.

Values are counted, never sorted, and mapped a strip at a time: a window costs one byte a pixel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.files import levels, uncounted
from pipeline.files.faults import ImageFault, Note
from pipeline.files.strips import Rows, mapped, strips
from pipeline.types import Float64Array, UInt8Array


class Meaning(NamedTuple):
    """What each stored value shows: (n,) values from ``first`` on, and which of them are padding."""

    first: int
    values: Float64Array
    is_padding: NDArray[np.bool_]


def span(stored: Rows) -> tuple[int, int] | None:
    """Give the smallest and the largest value where they are integers close enough to count, else nothing."""
    lows, highs = zip(*((part.min(), part.max()) for _, part in strips(stored)), strict=True)
    low, high = min(lows), max(highs)
    if np.asarray(low).dtype.kind not in "iub" or int(high) - int(low) >= levels.SPAN:
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
        return uncounted.by_values(stored, name, negative=negative)
    values = np.arange(ends[0], ends[1] + 1, dtype=np.float64)
    return by_meaning(stored, Meaning(ends[0], values, np.zeros(len(values), bool)), name, negative=negative)


def by_meaning(
    stored: Rows, meaning: Meaning, name: str, *, negative: bool = False
) -> tuple[UInt8Array, list[Note]]:
    """Map integers from ``meaning.first`` on to grey by what each shows; padding is left out and shown black.

    Parameters, returns and faults are those of `grey`.
    """
    counts = _counts(stored, meaning)
    meaning, notes = _without_false_padding(meaning, counts)
    filling = _unmarked(stored, np.where(meaning.is_padding, 0, counts), meaning.first)
    black = meaning.is_padding | filling.black
    kept = np.where(black | filling.outside, 0, counts)
    notes += _padding_notes(counts, kept, black, meaning.first)
    if not kept.any():
        kept, black = counts, np.zeros_like(black)
    shown = kept > 0
    if not np.isfinite(meaning.values[shown]).all():
        raise ImageFault("not_finite", f"{name}: every pixel must be a finite number")
    table = _table(meaning.values, kept, negative=negative)
    table[black] = 0
    pixels = mapped(stored, lambda part: table[part.astype(np.int64) - meaning.first])
    return pixels, [levels.WINDOWED, *notes]


def _without_false_padding(meaning: Meaning, counts: NDArray[np.int64]) -> tuple[Meaning, list[Note]]:
    """Doubt padding of so many grey levels that it is the picture itself."""
    n_padding, n_levels = (int((counts[of] > 0).sum()) for of in (meaning.is_padding, ...))
    if n_padding <= max(levels.FEW_LEVELS, n_levels * levels.PADDING_LEVELS):
        return meaning, []
    detail = f"what the header calls padding has {n_padding} of {n_levels} values of the picture; it is shown"
    return meaning._replace(is_padding=np.zeros(len(counts), bool)), [Note("header_nonsense", detail)]


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
    """Find the smallest or largest value far from all others, or less far and along the edges."""
    outside, black = np.zeros(len(counts), bool), np.zeros(len(counts), bool)
    present = np.flatnonzero(counts)
    for value, nearest, farthest in ((-1, -2, 0), (0, 1, -1)):
        if len(present) <= levels.FEW_LEVELS:
            break
        extreme, gap = present[value], abs(present[value] - present[nearest])
        share = gap / abs(present[nearest] - present[farthest])
        if share > levels.EDGE_GAP and counts[extreme] > levels.PADDING_SHARE * counts.sum():
            black[extreme] = levels.edge_share(stored, int(extreme) + first) > levels.EDGE_SHARE
            outside[extreme] = black[extreme] or share > 1
            present = present[present != extreme] if outside[extreme] else present
    return _Filling(outside, black)


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

    low, high = levels.limits(ranked, int(upto[-1]))
    with np.errstate(invalid="ignore", over="ignore"):
        grey_levels = levels.between(np.nan_to_num(values), low, high)
    return 255 - grey_levels if negative else grey_levels
