"""Small pictures of radiographs for a page: each file is read once, and only those that are shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from pipeline.files import images, resize
from pipeline.report import pages
from pipeline.types import UInt8Array

Look = Callable[[str], UInt8Array | None]

SIDE_PX = 320  # the longer side of what is kept of a file
_PLACES = 8  # in a row
_QUALITY = 78  # of a JPEG that nobody measures on


def reader(root: Path, max_pixels: int) -> Look:
    """Make the reader of a page's radiographs.

    Parameters
    ----------
    root
        The folder that paths are relative to.
    max_pixels
        As for `images.read`.

    Returns
    -------
    callable
        From a path to grey pixels, uint8, their longer side `SIDE_PX`; None where nothing can be decoded.
    """

    @cache
    def look(path: str) -> UInt8Array | None:
        try:
            return fitted(images.read(root / path, max_pixels).pixels, SIDE_PX)
        except images.ImageFault:
            return None

    return look


def fitted(pixels: UInt8Array, side_px: int) -> UInt8Array:
    """Scale grey pixels, shape (height_px, width_px), so that the longer side is ``side_px``."""
    scale = side_px / max(pixels.shape)
    return resize.to_shape(pixels, [side * scale for side in pixels.shape])


def address(pixels: UInt8Array | None, side_px: int = SIDE_PX) -> str | None:
    """Turn grey or RGB pixels into a ``data:`` address, grey ones scaled to ``side_px``; None stays None."""
    if pixels is None:
        return None
    small = fitted(pixels, side_px) if pixels.ndim == 2 else pixels
    return pages.data_uri(images.encode_jpeg(small, _QUALITY), "image/jpeg")


def n_shown(n_pictures: int) -> int:
    """How many pictures a row shows: all, or so many that one place is left for the number of the others."""
    return n_pictures if n_pictures <= _PLACES else _PLACES - 1
