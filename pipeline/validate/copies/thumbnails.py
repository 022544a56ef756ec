"""The thumbnail of a radiograph on which copies are searched, and which of its pixels count.

Arrays in, arrays out.
"""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.files import resize
from pipeline.types import BoolArray, Float32Array, UInt8Array

SIDE_PX = 192

_FLAT_LEVELS = 6  # grey levels that a black corner or a letterbox bar varies by after JPEG
_RIM_PX = 2  # beside a margin: resampling has mixed its level in
_FINE_PX = 1.5
_NOISE_LEVELS = 4.0  # grey levels: what is fainter is noise, and not amplified


def shrink(pixels: UInt8Array) -> UInt8Array:
    """Scale a radiograph so that its longer side is `SIDE_PX` and either is even, so that it can be halved.

    Parameters
    ----------
    pixels
        uint8, shape (height_px, width_px).

    Returns
    -------
    ndarray of uint8, shape (n_rows, n_columns)
        The larger of the two is 192: at most 36,864 bytes.
    """
    longer = max(pixels.shape)
    if (whole := longer // SIDE_PX) > 1:  # averaging whole blocks is many times faster than fractions
        pixels = resize.to_shape(pixels, [-(-side // whole) for side in pixels.shape])
    halves = [max(1, round(side * SIDE_PX / max(pixels.shape) / 2)) for side in pixels.shape]
    return resize.to_shape(pixels, [2 * half for half in halves], cv2.INTER_LINEAR)


def squared(pixels: UInt8Array) -> UInt8Array:
    """Force a radiograph into a square of `SIDE_PX`, as people's tools do before a network sees it."""
    blocks = [-(-side // max(1, side // SIDE_PX)) for side in pixels.shape]
    return resize.to_shape(resize.to_shape(pixels, blocks), (SIDE_PX, SIDE_PX), cv2.INTER_LINEAR)


def halved(small: UInt8Array) -> UInt8Array:
    """Scale a thumbnail down to half its size."""
    return resize.to_shape(small, [side / 2 for side in small.shape])


def content(small: UInt8Array) -> BoolArray:
    """Separate the picture from flat margins: black corners of a rotation, letterbox bars, bare background.

    A margin is what hangs together with a corner of the frame and has its level.

    Returns
    -------
    ndarray of bool, shape (n_rows, n_columns)
        False in margins.
    """
    n_rows, n_columns = small.shape
    margin = np.zeros((n_rows + 2, n_columns + 2), np.uint8)
    how = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE
    for row in (0, n_rows - 1):
        for column in (0, n_columns - 1):
            if not margin[row + 1, column + 1]:
                cv2.floodFill(small, margin, (column, row), 0, _FLAT_LEVELS, _FLAT_LEVELS, how)
    return np.asarray(margin[1:-1, 1:-1] == 0)


def detail(small: UInt8Array) -> tuple[Float32Array, BoolArray]:
    """Fine structure, as strong in the dark as in the light, whatever contrast was given to it.

    Returns
    -------
    detail : ndarray of float32, shape (n_rows, n_columns)
        About -3 to 3; 0 in margins.
    counts : ndarray of bool, shape (n_rows, n_columns)
        Where it may be compared: neither in a margin nor at its rim.
    """
    inside = content(small)
    weight = inside.astype(np.float32)
    values = small.astype(np.float32)
    values = (values - _mean(values * weight, weight, _FINE_PX)) * weight
    power = _mean(values**2, weight, 2 * _FINE_PX)
    values /= np.sqrt(np.maximum(power, 0)) + _NOISE_LEVELS
    return values, without_rim(inside, _RIM_PX)


def without_rim(inside: BoolArray, rim_px: int) -> BoolArray:
    """Take off the rim, beside margins and along the frame, where filters reach beyond what is there."""
    kernel = np.ones((2 * rim_px + 1, 2 * rim_px + 1), np.uint8)
    eroded = cv2.erode(inside.view(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(eroded, dtype=np.bool_)


def _mean(values: Float32Array, weight: Float32Array, width_px: float) -> Float32Array:
    """Blur within the weight, so that margins do not bleed in."""
    blurred = cv2.GaussianBlur(values, (0, 0), width_px, borderType=cv2.BORDER_REPLICATE)
    share = cv2.GaussianBlur(weight, (0, 0), width_px, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred / np.maximum(share, 1e-3), dtype=np.float32)
