"""Smaller copies of a radiograph, made once a file for all that needs no full resolution.

The first steps are halvings: means of 2 x 2 pixels come many times faster than any other scale.

References
----------
S. Tanimoto, T. Pavlidis, "A hierarchical data structure for picture processing", Computer Graphics and Image
Processing 4 (1975), doi 10.1016/S0146-664X(75)80003-7.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2

from pipeline.files import resize
from pipeline.types import UInt8Array

THUMBNAIL_PX = 64

_MEDIUM_PX = 400  # what has a longer side of twice as much is halved
_SMALL_PX = 256


class Pyramid(NamedTuple):
    """A radiograph as decoded, as the functions of these names make it, and as 64 x 64, aspect not kept."""

    full: UInt8Array
    medium: UInt8Array
    half: UInt8Array
    small: UInt8Array
    thumbnail: UInt8Array


def build(pixels: UInt8Array) -> Pyramid:
    """Scale a radiograph, uint8, shape (height_px, width_px), down to the sizes that it is looked at in."""
    halved = medium(pixels)
    again = half(halved)
    smaller = resize.within(again, _SMALL_PX)
    thumbnail = resize.to_shape(smaller, (THUMBNAIL_PX, THUMBNAIL_PX), cv2.INTER_AREA)
    return Pyramid(pixels, halved, again, smaller, thumbnail)


def medium(pixels: UInt8Array) -> UInt8Array:
    """Halve a radiograph until its longer side is below 800 pixels; smaller ones stay as they are."""
    return _halved(pixels, 2 * _MEDIUM_PX)


def half(pixels: UInt8Array) -> UInt8Array:
    """Halve a radiograph until its longer side is below 512 pixels; smaller ones stay as they are."""
    return _halved(medium(pixels), 2 * _SMALL_PX)


def small(pixels: UInt8Array) -> UInt8Array:
    """Scale a radiograph so that its longer side is 256 pixels; smaller ones stay as they are."""
    return resize.within(half(pixels), _SMALL_PX)


def _halved(pixels: UInt8Array, limit_px: int) -> UInt8Array:
    while max(pixels.shape) >= limit_px and min(pixels.shape) > 1:
        rows, columns = (side // 2 for side in pixels.shape)  # an odd last line is left out
        whole = pixels[: 2 * rows, : 2 * columns]
        pixels = resize.to_shape(whole, (rows, columns))
    return pixels
