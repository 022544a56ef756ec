"""What the colours of a file reveal before they are dropped: marks drawn on it, and colour photographs.

Colours are uint8, shape (height_px, width_px, 3), where nothing else is said.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.files.strips import Rows, mapped, strips, thinned
from pipeline.types import UInt8Array

_MARK_CHROMA = 96  # far above what JPEG's chroma subsampling leaves on a grey film
_MARK_SHARE = (1e-4, 0.25)  # above: a tinted or coloured picture, no mark on a radiograph
DOUBTED = 8  # strength from which the colours of a radiograph may have been read falsely
_GREY_CHROMA = 4
_MARKS_PX = 512  # colours are examined on at most so many pixels a side
_TINT_PX = 128
_BINS = 16  # of brightness


def codes(rgb: Rows) -> list[str]:
    """Find arrows, circles and stamps: a few strongly coloured pixels in a grey picture.

    Returns
    -------
    list of str
        ``colour_marks``, or ``colour`` where more than a quarter is strongly coloured, or nothing.
    """
    share = float((_chroma(thinned(rgb, _MARKS_PX)) > _MARK_CHROMA).mean())
    if share > _MARK_SHARE[1]:
        return ["colour"]
    return ["colour_marks"] if share > _MARK_SHARE[0] else []


def strength(rgb: Rows) -> float:
    """Measure how strong the colours are: mean of the largest minus the smallest of the three, 0 to 255."""
    return float(_chroma(thinned(rgb, _MARKS_PX)).mean())


def departure(rgb: Rows) -> float:
    """Measure how far the colours depart from a tint.

    A radiograph may be sepia, blue or photographed on a light box: then one brightness has one hue. The
    median over the pixels leaves out what is drawn on it.

    Returns
    -------
    float
        Median distance of a pixel's chroma (Cr or Cb, 8 bits) from the mean of its brightness; 0 to 128.
        Tinted, marked and unevenly lit radiographs stay below 3, most photographs lie above 4.
    """
    few = thinned(rgb, _TINT_PX)
    if _chroma(few).max() <= _GREY_CHROMA:
        return 0.0
    luma, *chroma = cv2.split(cv2.cvtColor(few, cv2.COLOR_RGB2YCrCb))
    level = luma.ravel() // (256 // _BINS)
    count = np.maximum(np.bincount(level, minlength=_BINS), 1)
    tints = [np.bincount(level, plane.ravel(), minlength=_BINS) / count for plane in chroma]
    distance = [np.abs(plane.ravel() - tint[level]) for plane, tint in zip(chroma, tints, strict=True)]
    return float(np.median(np.maximum(*distance)))


def grey(rgb: Rows) -> UInt8Array:
    """Weigh red, green and blue as Pillow does; from and to uint8."""
    return mapped(rgb, lambda part: Image.fromarray(np.ascontiguousarray(part)).convert("L"))


def deep_grey(rgb: NDArray[Any]) -> NDArray[Any]:
    """Weigh unsigned integers of any depth as Pillow does bytes, in place; all levels stay.

    Returns
    -------
    ndarray
        Shape (height_px, width_px), of the type of ``rgb``: its first channel, overwritten.
    """
    if rgb.dtype.kind == "f":
        rgb[..., 0] = rgb[..., :3] @ np.array([0.299, 0.587, 0.114], rgb.dtype)
        return rgb[..., 0]
    for rows, part in strips(rgb):
        red, green, blue = (part[..., channel].astype(np.uint64) for channel in range(3))
        rgb[rows, :, 0] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16
    return rgb[..., 0]


def in_8_bits(rgb: Rows) -> UInt8Array:
    """Scale a thinned copy of deep colours to bytes, so that the largest value fits."""
    small = thinned(rgb, _MARKS_PX).astype(np.float64)
    small -= min(0.0, small.min())
    return np.asarray(small * (255 / max(small.max(), 1e-300)), dtype=np.uint8)


def _chroma(rgb: UInt8Array) -> UInt8Array:
    """Largest minus smallest of the three; (height_px, width_px)."""
    red, green, blue = cv2.split(rgb)
    spread = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue))
    return np.asarray(spread, dtype=np.uint8)
