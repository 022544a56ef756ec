"""Whether the grey values jump from one block of a JPEG on, as they do behind flipped bits.

A block's mean is stored as the difference from the one before it. A damaged difference shifts all that
follows in reading order, and no decoder need notice: in the block's row what is right of it, in the next what
is left. No edge of anatomy or collimation runs so. A picture saved anew keeps the jump, so any format is
looked at.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_SIDES_PX = (8, 16)  # of blocks, and of blocks of a picture with coarser colour
_MIN_ROWS, _MIN_COLUMNS = 4, 8  # of blocks
_BLACK, _WHITE = 2, 253  # clipped: a shift does not show
_MOST = 40.0  # grey levels that one block counts
_KNOWN_SHARE = 0.3  # of the blocks along the jump, not clipped
_ONE_WAY = 0.9  # share of them that jump one way
_LEVELS = 4.0  # where the block's left side jumps, too, by a quarter at least
_LEFT_SHARE = 0.25
_LARGE_LEVELS = 15.0  # where it begins in the middle of a row


class Tear(NamedTuple):
    """Pixels where the jump begins, and grey levels."""

    row: int
    column: int
    levels: float


def find(pixels: NDArray[np.uint8]) -> Tear | None:
    """Find the largest jump of a picture (H, W), if it is one of damage.

    On 600 files of FracAtlas with one flipped bit and on sound ones: `benchmarks/torn.py`.
    """
    tears = filter(None, (_find(pixels, side) for side in _SIDES_PX))
    return max(tears, key=lambda tear: abs(tear.levels), default=None)


def _find(pixels: NDArray[np.uint8], side: int) -> Tear | None:
    n_rows, n_columns = pixels.shape[0] // side, pixels.shape[1] // side
    if n_rows < _MIN_ROWS or n_columns < _MIN_COLUMNS:
        return None
    whole = pixels[: n_rows * side, : n_columns * side]
    jumps = _jumps(whole, side)
    known = ~np.isnan(jumps)
    jumps = np.clip(np.nan_to_num(jumps), -_MOST, _MOST)
    count = _along(known, n_columns)
    mean = _along(jumps, n_columns) / np.maximum(count, 1)
    one_way = np.abs(_along(np.sign(jumps) * (np.abs(jumps) > 1), n_columns)) / np.maximum(count, 1)
    strength = np.where(count >= _KNOWN_SHARE * n_columns, np.abs(mean) * one_way, 0)
    place = int(strength.argmax())
    row, column = divmod(place, n_columns)
    levels = float(mean[place])
    left = _jumps(whole[(row + 1) * side : (row + 2) * side].T, side)[column - 1, 0] if column else 0.0
    in_the_middle = 1 < column < n_columns - 2
    starts = left / levels >= _LEFT_SHARE if levels else False
    if one_way[place] < _ONE_WAY or abs(levels) < (_LEVELS if starts else _LARGE_LEVELS):
        return None
    return Tear((row + 1) * side, column * side, levels) if starts or in_the_middle else None


def _jumps(pixels: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """Mean step at the upper side of each block but those at the top, less the slope around it.

    NaN where half of the pixels are clipped.
    """
    edges = np.arange(side, len(pixels) - 1, side)
    before, above, below, after = (pixels[edges + shift].astype(np.float32) for shift in (-2, -1, 0, 1))
    step = (below - above) - ((after - below) + (above - before)) / 2
    lit = (np.minimum(above, below) > _BLACK) & (np.maximum(above, below) < _WHITE)
    blocks = (len(edges), -1, side)
    n_lit = lit.reshape(blocks).sum(2)
    total = np.where(lit, step, 0).reshape(blocks).sum(2)
    return np.where(n_lit >= side // 2, total / np.maximum(n_lit, 1), np.nan).astype(np.float32)


def _along(values: NDArray[np.float32] | NDArray[np.bool_], length: int) -> NDArray[np.float64]:
    """Sum so many blocks from each on, in reading order."""
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    return np.asarray(sums[length:] - sums[:-length])
