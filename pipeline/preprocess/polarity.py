"""Which way round a radiograph's grey levels are: as taken, or a photographic negative.

`canvas.place` decides it once; from then on it travels with the placement.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from pipeline.files.faults import Issue
from pipeline.types import AnyArray, Int64Array, UInt8Array

_BRIGHT_AIR = 2 / 3  # of the intensity range: brighter air is a negative's
_FRAME_PX = 8
_ROUNDING = 1  # grey level


def is_negative(small: UInt8Array) -> bool:
    """Whether a radiograph is a photographic negative: bright air around darker anatomy.

    Air is the flattest part of a radiograph, most of its frame and often most of its area. The
    medians of these three are averaged. The bar is high, since negatives are rare: of 1,420 FracAtlas
    radiographs it turns 2 as they are (0.1 %), and misses 28 of their negatives (2.0 %).

    Parameters
    ----------
    small
        uint8, shape (n_rows, n_columns): a copy whose longer side is about 256 pixels, or less.
    """
    if not _may_be_negative(small):
        return False
    values = small.astype(np.float32)
    low, high = np.percentile(values, [1, 99])
    if high - low < 8:
        return False
    level = (values - low) / (high - low)
    roughness = cv2.blur(level**2, (9, 9)) - cv2.blur(level, (9, 9)) ** 2
    flat = level[roughness <= np.percentile(roughness, 10)]
    medians = [np.median(part) for part in (flat, _frame(level), level)]
    return bool(np.mean(medians) > _BRIGHT_AIR)


def issues(paths: Iterable[str], inverted: Iterable[bool]) -> list[Issue]:
    """List the radiographs that were set right, from their placements."""
    detail = "bright air around darker bone: a photographic negative"
    pairs = zip(paths, inverted, strict=True)
    return [Issue.of(path, "negative", detail) for path, was_negative in pairs if was_negative]


def _may_be_negative(pixels: UInt8Array) -> bool:
    """Whether the medians could pass. Counting grey levels spares nearly all radiographs the rest.

    The flattest tenth is not computed here: its median is no brighter than all but a twentieth.
    """
    shares = 0.01 * (pixels.size - 1), 0.99 * (pixels.size - 1), 0.96 * pixels.size, pixels.size // 2
    low, high, flat, median = _ranked(pixels, *map(int, shares))
    frame = _frame(pixels)
    (framed,) = _ranked(frame, frame.size // 2)
    return bool(flat + framed + median - 3 * low > 3 * _BRIGHT_AIR * (high - low) - _ROUNDING)


def _ranked(levels: UInt8Array, *ranks: int) -> Int64Array:
    """Grey levels of the pixels at places in the order from dark to bright."""
    counts = cv2.calcHist([levels], [0], None, [256], [0, 256])
    return np.searchsorted(np.cumsum(counts), ranks, side="right")


def _frame(pixels: AnyArray) -> AnyArray:
    sides = (pixels[:_FRAME_PX], pixels[-_FRAME_PX:], pixels[:, :_FRAME_PX], pixels[:, -_FRAME_PX:])
    return np.concatenate([side.ravel() for side in sides])
