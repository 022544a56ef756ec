"""The outline of a fracture in few points, so that its box can be told however the radiograph is turned.

A box that is turned with a radiograph grows: by half and more at 20 degrees. The outermost points of what is
drawn keep its box tight at any angle. Where nothing but a box is drawn, the fracture is taken to be the
ellipse inside: the corners of a box are seldom full.

References
----------
Kalra et al., Towards rotation invariance in object detection, ICCV 2021.
https://doi.org/10.1109/ICCV48922.2021.00350
"""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.types import Float32Array, UInt8Array

N_POINTS = 32  # a turned outline then lacks half a hundredth of its radius at most
NOWHERE = -1e6  # pixels: where the points of no fracture lie

_ANGLES = np.arange(N_POINTS) * (2 * np.pi / N_POINTS)
_DIRECTIONS = np.column_stack([np.sin(_ANGLES), np.cos(_ANGLES)])


def of_mask(mask: UInt8Array) -> Float32Array:
    """Outline a fracture.

    Parameters
    ----------
    mask
        (H, W, 1), other than 0 inside, of which there must be some.

    Returns
    -------
    float32 ndarray of shape (32, 2)
        (row, column) of the outermost point in each of 32 directions, in pixels, where the first pixel's
        centre is (0.5, 0.5).
    """
    inside = cv2.findNonZero(mask[..., 0])  # (P, 1, 2), column first
    points = cv2.convexHull(inside)[:, 0, ::-1] + 0.5
    first, last = points.min(axis=0), points.max(axis=0)
    if len(inside) == (last - first + 1).prod():
        return np.asarray((first + last) / 2 + _DIRECTIONS * (last - first) / 2, np.float32)
    return np.asarray(points[(points @ _DIRECTIONS.T).argmax(axis=0)], np.float32)
