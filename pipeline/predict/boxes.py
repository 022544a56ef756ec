"""Boxes around fractures.

Positions are (row, column), from the top left. Boxes are a float or int ndarray of shape (K, 4) of
(row, column, height, width) in pixels, where the pixel (0, 0) spans 0 to 1 either way. A pixel lies in
a box when its centre (row + 0.5, column + 0.5) does.
"""

from __future__ import annotations

import numpy as np

from pipeline.types import AnyArray, BoolArray, Float64Array

Boxes = AnyArray


def box_mask(boxes: Boxes, shape: tuple[int, int]) -> BoolArray:
    """Pixels in the union of the boxes: bool ndarray of shape (H, W).

    Raises
    ------
    ValueError
        There is no box, or a box has no extent.
    """
    mask = np.zeros(shape, dtype=bool)
    for row, column, height, width in checked(boxes):
        mask[_centres(row, row + height), _centres(column, column + width)] = True
    return mask


def iou(boxes: Boxes, others: Boxes) -> Float64Array:
    """Intersection over union of each of (K, 4) boxes with each of (M, 4): float64 (K, M)."""
    first, second = checked(boxes)[:, None], checked(others)[None]
    start = np.maximum(first[..., :2], second[..., :2])
    stop = np.minimum(first[..., :2] + first[..., 2:], second[..., :2] + second[..., 2:])
    overlap = (stop - start).clip(min=0).prod(axis=-1)
    return np.asarray(overlap / (first[..., 2:].prod(axis=-1) + second[..., 2:].prod(axis=-1) - overlap))


def distance(point: Float64Array, boxes: Float64Array) -> float:
    """Distance of a point to the nearest box, 0 inside."""
    start, stop = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    outside = np.maximum(start - point, point - stop).clip(min=0)
    return float(np.hypot(*outside.T).min())


def checked(boxes: Boxes) -> Float64Array:
    """Boxes as float64 (K, 4), K > 0."""
    array = np.asarray(boxes, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 4 or not len(array) or not (array[:, 2:] > 0).all():
        raise ValueError(
            f"boxes must be rows of (row, column, height > 0, width > 0). Received: {array.tolist()}"
        )
    return array


def _centres(start: float, stop: float) -> slice:
    """Pixels whose centres lie between two edges, as far as the array goes."""
    return slice(max(int(np.ceil(start - 0.5)), 0), max(int(np.floor(stop - 0.5)) + 1, 0))
