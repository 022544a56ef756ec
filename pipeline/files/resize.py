"""Pixels at another size: the one place that resizes with OpenCV. Arrays in, arrays out.

Where pixels are moved as well (`warpAffine`, `remap`), or resized in TensorFlow's graphs, that is done there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def to_shape(pixels: NDArray[Any], shape: Sequence[float], how: int | None = None) -> NDArray[Any]:
    """Resample to a shape; the type stays.

    Parameters
    ----------
    pixels
        Shape (n_rows, n_columns).
    shape
        Rows and columns wanted; rounded, and at least 1.
    how
        OpenCV's interpolation. Without it, areas are averaged where a side gets shorter; else it is linear.
    """
    n_rows, n_columns = (max(1, round(side)) for side in shape)
    if how is None:
        is_smaller = n_rows < pixels.shape[0] or n_columns < pixels.shape[1]
        how = cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (n_columns, n_rows), interpolation=how))


def within(pixels: NDArray[Any], longest_px: int, *, exactly: bool = False) -> NDArray[Any]:
    """Average over areas, so that the longer side is at most ``longest_px``; smaller ones stay as they are.

    Parameters
    ----------
    exactly
        Whether positions scale by exactly ``longest_px`` over the longer side; else the whole frame fills the
        rounded shape.
    """
    ratio = longest_px / max(pixels.shape)
    if ratio >= 1:
        return pixels
    if not exactly:
        return to_shape(pixels, [side * ratio for side in pixels.shape])
    height, width = (max(ratio, 1 / side) for side in pixels.shape)  # a sliver keeps one line
    return np.asarray(cv2.resize(pixels, None, fx=width, fy=height, interpolation=cv2.INTER_AREA))
