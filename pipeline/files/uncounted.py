"""Values too many to count one by one, floating-point numbers say, between two percentiles."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.files import levels
from pipeline.files.faults import ImageFault, Note
from pipeline.files.strips import Rows, mapped, strips, thinned
from pipeline.types import UInt8Array

_LOOKED_AT_PX = 512


def by_values(stored: Rows, name: str, *, negative: bool) -> tuple[UInt8Array, list[Note]]:
    """Map values too many to count; 64 bits are taken as 32, as pictures have no more."""
    for _, part in strips(stored):
        if not np.isfinite(_float32(part)).all():
            raise ImageFault("not_finite", f"{name}: every pixel must be a finite number")
    height, width = stored.shape[:2]
    found = _fillings(stored, height * width)
    low, high = levels.limits(
        lambda rank: _ranked(stored, rank + found.n_lowest), height * width - found.n_all
    )

    def grey(part: NDArray[Any]) -> UInt8Array:
        shown = levels.between(part.astype(np.float64), low, high)
        shown = 255 - shown if negative else shown
        return np.where(np.isin(part, found.values), np.uint8(0), shown) if found.values else shown

    pixels = mapped(stored, grey)
    if not found.values:
        return pixels, [levels.WINDOWED]
    which = " or ".join(f"{value:g}" for value in found.values)
    share = found.n_all / (height * width)
    detail = f"{share:.1%} of the pixels have the value {which}, a filling; shown black"
    return pixels, [levels.WINDOWED, Note("padding", detail)]


class _Fillings(NamedTuple):
    """The smallest or the largest value, if they are fillings; how many are the smallest, and either."""

    values: list[float]
    n_lowest: int
    n_all: int


def _fillings(stored: Rows, n_values: int) -> _Fillings:
    """Find fillings among values too many to count: far from all others, and along the edges."""
    found = [_end(stored, np.min, np.greater), _end(stored, np.max, np.less)]
    (low, inner_low, _), (_, inner_high, _) = found
    span = max(inner_high - inner_low, np.finfo(np.float64).tiny)
    kept = [
        (value, count)
        for value, inner, count in found
        if abs(inner - value) > levels.EDGE_GAP * span
        and count > levels.PADDING_SHARE * n_values
        and levels.edge_share(stored, value) > levels.EDGE_SHARE
    ]
    n_levels = np.unique(thinned(stored, _LOOKED_AT_PX)).size if kept else 0
    if n_levels <= levels.FEW_LEVELS:
        return _Fillings([], 0, 0)
    n_lowest = sum(count for value, count in kept if value == low)
    return _Fillings([value for value, _ in kept], n_lowest, sum(count for _, count in kept))


def _end(stored: Rows, extreme: Any, beyond: Any) -> tuple[float, float, int]:
    """Give the smallest or largest value, the one next to it, and how many are it."""
    end = extreme([extreme(part) for _, part in strips(stored)])
    inner = [extreme(part[beyond(part, end)]) for _, part in strips(stored) if beyond(part, end).any()]
    count = sum(int((part == end).sum()) for _, part in strips(stored))
    return float(end), float(extreme(inner)) if inner else float(end), count


def _ranked(stored: Rows, rank: int) -> float:
    """Give the value of a rank by counting the upper half of the bits, then the lower half."""
    upper = np.zeros(levels.SPAN, np.int64)
    for _, part in strips(stored):
        upper += np.bincount((_ordered(part) >> 16).ravel(), minlength=levels.SPAN)
    bin_ = int(np.searchsorted(np.cumsum(upper), rank, "right"))
    lower = np.zeros(levels.SPAN, np.int64)
    for _, part in strips(stored):
        keys = _ordered(part)
        lower += np.bincount((keys[keys >> 16 == bin_] & 0xFFFF).ravel(), minlength=levels.SPAN)
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
