"""Does the map point at the fracture? Its peak and its mass against annotated boxes, beside baselines.

Boxes and positions are those of :mod:`pipeline.predict.boxes`. Every radiograph scored here is
fractured and annotated, and weighs as one.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike

from pipeline.predict.boxes import Boxes, box_mask, checked, distance
from pipeline.types import BoolArray, Float64Array, FloatArray, UInt8Array


def peak(region_map: FloatArray) -> tuple[int, int]:
    """(row, column) of the map's maximum; of tied pixels, the one nearest to the middle of them all.

    A constant map therefore points at the centre, and deserves no more than ``pointing_game_center``.
    """
    tied = np.argwhere(region_map == region_map.max())
    if not len(tied):
        raise ValueError("a map with NaN has no peak. Received: NaN in the region map; check the network")
    row, column = tied[np.argmin(((tied - tied.mean(axis=0)) ** 2).sum(axis=1))]
    return int(row), int(column)


def pointing_game(peaks: ArrayLike, boxes: Sequence[Boxes], *, tolerance_px: float = 0) -> BoolArray:
    """Whether each radiograph's peak falls into, or within ``tolerance_px`` of, one of its boxes.

    Parameters
    ----------
    peaks : int ndarray of shape (N, 2)
        (row, column) of the peak pixels: see :func:`peak`.
    boxes : sequence of N ndarrays of shape (K, 4)
    tolerance_px : float
        Allowed distance from the pixel's centre to the box; the authors used 15.

    Returns
    -------
    bool ndarray of shape (N,)

    References
    ----------
    Zhang et al., Top-down neural attention by excitation backprop, International Journal of
    Computer Vision 126, 2018. https://doi.org/10.1007/s11263-017-1059-x
    """
    centres = np.asarray(peaks, dtype=np.float64).reshape(-1, 2) + 0.5
    pairs = zip(centres, boxes, strict=True)
    return np.array([distance(centre, checked(own)) <= tolerance_px for centre, own in pairs], dtype=bool)


def pointing_game_random(boxes: Sequence[Boxes], shapes: Sequence[tuple[int, int]]) -> Float64Array:
    """Chance of a uniformly random pixel, each radiograph: the exact share of the area in its boxes, (N,)."""
    return np.array([box_mask(own, shape).mean() for own, shape in zip(boxes, shapes, strict=True)])


def pointing_game_center(boxes: Sequence[Boxes], shapes: Sequence[tuple[int, int]]) -> BoolArray:
    """Whether the middle pixel falls into a box, each radiograph: bool (N,). Fractures tend to be centred."""
    centres = np.array([((height - 1) // 2, (width - 1) // 2) for height, width in shapes])
    return pointing_game(centres, boxes)


def brightest(pixels: UInt8Array) -> tuple[int, int]:
    """(row, column) of the brightest place, which is bone or metal: the third baseline of the pointing game.

    Brightness is smoothed with a Gaussian of 2 % of the longer side, so that no side marker's edge and
    no grain decides.
    """
    smooth = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), 0.02 * max(pixels.shape))
    return peak(np.asarray(smooth, np.float32))


def energy_in_box(region_map: FloatArray, boxes: Boxes) -> float:
    """Share of the map's mass that lies in the boxes; 0 for a map without mass.

    References
    ----------
    Wang et al., Score-CAM: score-weighted visual explanations for convolutional neural networks,
    CVPR Workshops 2020. https://doi.org/10.1109/CVPRW50498.2020.00020
    """
    mass = region_map.sum(dtype=np.float64)
    shape = (region_map.shape[0], region_map.shape[1])
    inside = region_map[box_mask(boxes, shape)].sum(dtype=np.float64)
    return float(inside / mass) if mass > 0 else 0.0
