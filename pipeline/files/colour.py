"""What the colours of a file reveal before they are dropped: marks drawn on it, and colour photographs."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.types import UInt8Array

_MARK_CHROMA = 96  # far above what JPEG's chroma subsampling leaves on a grey film
_MARK_SHARE = (1e-4, 0.25)  # above: a tinted or coloured picture, no mark on a radiograph
_GREY_CHROMA = 4
_MARKS_PX = 512  # colours are examined on at most so many pixels a side
_TINT_PX = 128
_BINS = 16  # of brightness


def codes(rgb: UInt8Array) -> list[str]:
    """Find arrows, circles and stamps: a few strongly coloured pixels in a grey picture.

    Parameters
    ----------
    rgb
        uint8, shape (height_px, width_px, 3).

    Returns
    -------
    list of str
        ``colour_marks``, or ``colour`` where more than a quarter is strongly coloured, or nothing.
    """
    share = float((_chroma(_thinned(rgb, _MARKS_PX)) > _MARK_CHROMA).mean())
    if share > _MARK_SHARE[1]:
        return ["colour"]
    return ["colour_marks"] if share > _MARK_SHARE[0] else []


def departure(rgb: UInt8Array) -> float:
    """Measure how far the colours depart from a tint.

    A radiograph may be sepia, blue or photographed on a light box: then one brightness has one hue. The
    median over the pixels leaves out what is drawn on it.

    Parameters
    ----------
    rgb
        uint8, shape (height_px, width_px, 3).

    Returns
    -------
    float
        Median distance of a pixel's chroma (Cr or Cb, 8 bits) from the mean of its brightness; 0 to 128.
        Tinted, marked and unevenly lit radiographs stay below 3, most photographs lie above 4.
    """
    thinned = _thinned(rgb, _TINT_PX)
    if _chroma(thinned).max() <= _GREY_CHROMA:
        return 0.0
    luma, *chroma = cv2.split(cv2.cvtColor(thinned, cv2.COLOR_RGB2YCrCb))
    level = luma.ravel() // (256 // _BINS)
    count = np.maximum(np.bincount(level, minlength=_BINS), 1)
    tints = [np.bincount(level, plane.ravel(), minlength=_BINS) / count for plane in chroma]
    distance = [np.abs(plane.ravel() - tint[level]) for plane, tint in zip(chroma, tints, strict=True)]
    return float(np.median(np.maximum(*distance)))


def _thinned(rgb: UInt8Array, side_px: int) -> UInt8Array:
    step = max(1, max(rgb.shape[:2]) // side_px)
    return np.ascontiguousarray(rgb[::step, ::step])


def _chroma(rgb: UInt8Array) -> UInt8Array:
    """Largest minus smallest of the three; (height_px, width_px)."""
    red, green, blue = cv2.split(rgb)
    spread = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue))
    return np.asarray(spread, dtype=np.uint8)
