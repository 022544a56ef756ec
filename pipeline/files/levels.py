"""Grey levels between two percentiles, and where a value is a filling: what both ways to window share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.files.faults import Note
from pipeline.files.strips import Rows, strips
from pipeline.types import Float64Array, UInt8Array

PERCENTILES = (0.5, 99.5)
SPAN = 2**16  # values that are counted one by one
PADDING_SHARE = 0.005  # of the pixels; fewer stay outside the percentiles anyway
PADDING_LEVELS = 1 / 8  # of all that occur, from which what is called padding is the picture itself
EDGE_GAP = 1 / 8  # of what all other values span, from which one along the edges is a filling
EDGE_SHARE = 0.02  # of the pixels along the edges, from which a filling is no lettering
FEW_LEVELS = 16  # a drawing of so few levels has gaps everywhere
WINDOWED = Note("windowed", "more than 8 bits, windowed between two percentiles")


def limits(ranked: Callable[[int], float], n_values: int) -> tuple[float, float]:
    """Give both percentiles, as `numpy.percentile` does; where nearly all are equal, what differs."""
    low, high = (_between(ranked, (n_values - 1) * (percent / 100)) for percent in PERCENTILES)
    return (low, high) if high > low else (ranked(0), ranked(n_values - 1))


def _between(ranked: Callable[[int], float], position: float) -> float:
    below, share = ranked(int(position)), position - int(position)
    above = ranked(int(position) + 1) if share else below
    step = above - below
    return below + step * share if share < 0.5 else above - step * (1 - share)


def between(values: Float64Array, low: float, high: float) -> UInt8Array:
    """Spread values between two of them over all grey levels."""
    share = (values - low) / max(high - low, np.finfo(np.float64).tiny)
    return np.asarray(np.rint(np.clip(share, 0, 1) * 255), dtype=np.uint8)


def edge_share(stored: Rows, value: float) -> float:
    """Share of the pixels along the four edges that have a value."""
    last = stored.shape[0] - 1
    edges = [np.ravel(stored[0:1]), np.ravel(stored[last : last + 1])]
    edges += [part[:, [0, -1]].ravel() for _, part in strips(stored)]
    return float((np.concatenate(edges) == value).mean())
