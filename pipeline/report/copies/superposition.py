"""Two radiographs laid over one another: one in orange, the other in blue, and where they agree, grey.

Arrays in, pictures out. Orange and blue are the pair that no colour blindness mixes up; in print without
colour, what has moved stands twice.
"""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.types import BoolArray, UInt8Array
from pipeline.validate.copies.alignment import Transform, scaling, warped

Shape = tuple[int, ...]


def superposed(
    first: UInt8Array, second: UInt8Array, transform: Transform, *, inverted: bool = False
) -> UInt8Array:
    """Lay the second radiograph onto the first, and colour each.

    Parameters
    ----------
    first, second
        uint8, shape (height_px, width_px), each its own.
    transform
        float64, shape (2, 3): from the first's (column, row) to the second's; see `between`.
    inverted
        Whether one is a photographic negative of the other; the second is then turned back.

    Returns
    -------
    ndarray of uint8, shape (height_px, width_px, 3)
        RGB in the first's frame. Orange: only the first is bright there; blue: only the second is. Another
        exposure or contrast alone shows no colour; see `toned`.
    """
    laid = warped(second, transform, first.shape)
    reached = warped(np.full_like(second, 255), transform, first.shape) > 254
    if inverted:
        laid = 255 - laid
    laid = np.where(reached, toned(laid, first, reached), 0)
    mean = (first.astype(np.uint16) + laid) // 2
    return np.stack([first, mean, laid], axis=-1).astype(np.uint8)


def toned(levels: UInt8Array, like: UInt8Array, where: BoolArray) -> UInt8Array:
    """Give a picture the histogram of another one, where that brings the bulk of the pixels nearer.

    Where the two differ in a large part, as by a band that a decoder filled in, their histograms differ
    though the rest agrees; the picture is then left as it is.

    Parameters
    ----------
    levels, like
        uint8, of one shape.
    where
        bool, of that shape: what is compared.
    """
    if not where.any():
        return levels
    ranks, target = (np.cumsum(np.bincount(each[where], minlength=256)) for each in (levels, like))
    matched = np.searchsorted(target, ranks).astype(np.uint8)[levels]
    nearest = min((levels, matched), key=lambda each: np.median(cv2.absdiff(each, like)[where]))
    return np.asarray(nearest, dtype=np.uint8)


def between(transform: Transform, first: tuple[Shape, Shape], second: tuple[Shape, Shape]) -> Transform:
    """Turn a transform between files into one between pictures of them.

    Parameters
    ----------
    transform
        float64, shape (2, 3): from the first file's (column, row) to the second's, in their pixels.
    first, second
        (height_px, width_px) of the file, then of its picture.
    """
    to_first, to_second = (scaling(*shapes) for shapes in (first, second))
    matrix: Transform = (to_second @ np.vstack([transform, [0, 0, 1]]) @ np.linalg.inv(to_first))[:2]
    return matrix
