"""Does the map lie on the fracture? Scores of region maps against annotated boxes and masks.

Positions are (row, column), from the top left. Boxes are a float or int ndarray of shape (K, 4) of
(row, column, height, width) in pixels, where the pixel (0, 0) spans 0 to 1 either way. A pixel lies in
a box when its centre (row + 0.5, column + 0.5) does. Every radiograph scored here is fractured and
annotated, and weighs as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Map = NDArray[np.floating[Any]]
Boxes = NDArray[Any]
Mask = NDArray[np.bool_]

MAP_THRESHOLDS = tuple(np.linspace(0.02, 0.98, 49).round(2).tolist())


def box_mask(boxes: Boxes, shape: tuple[int, int]) -> Mask:
    """Pixels in the union of the boxes: bool ndarray of shape (H, W).

    Raises
    ------
    ValueError
        There is no box, or a box has no extent.
    """
    mask = np.zeros(shape, dtype=bool)
    for row, column, height, width in _checked(boxes):
        mask[_centres(row, row + height), _centres(column, column + width)] = True
    return mask


def peak(region_map: Map) -> tuple[int, int]:
    """(row, column) of the map's maximum; of tied pixels, the one nearest to the middle of them all.

    A constant map therefore points at the centre, and deserves no more than ``pointing_game_center``.
    """
    tied = np.argwhere(region_map == region_map.max())
    if not len(tied):
        raise ValueError("a map with NaN has no peak. Received: NaN in the region map; check the network")
    row, column = tied[np.argmin(((tied - tied.mean(axis=0)) ** 2).sum(axis=1))]
    return int(row), int(column)


def pointing_game(peaks: ArrayLike, boxes: Sequence[Boxes], *, tolerance_px: float = 0) -> Mask:
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
    return np.array([_distance(centre, _checked(own)) <= tolerance_px for centre, own in pairs], dtype=bool)


def pointing_game_random(boxes: Sequence[Boxes], shapes: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Chance of a uniformly random pixel, each radiograph: the exact share of the area in its boxes, (N,)."""
    return np.array([box_mask(own, shape).mean() for own, shape in zip(boxes, shapes, strict=True)])


def pointing_game_center(
    boxes: Sequence[Boxes], shapes: Sequence[tuple[int, int]], *, tolerance_px: float = 0
) -> Mask:
    """Whether the middle pixel falls into a box, each radiograph: bool (N,). Fractures tend to be centred."""
    centres = np.array([((height - 1) // 2, (width - 1) // 2) for height, width in shapes])
    return pointing_game(centres, boxes, tolerance_px=tolerance_px)


def energy_in_box(region_map: Map, boxes: Boxes) -> float:
    """Share of the map's mass that lies in the boxes; 0 for a map without mass.

    References
    ----------
    Wang et al., Score-CAM: score-weighted visual explanations for convolutional neural networks,
    CVPR Workshops 2020. https://doi.org/10.1109/CVPRW50498.2020.00020
    """
    mass = region_map.sum(dtype=np.float64)
    inside = region_map[box_mask(boxes, _shape(region_map))].sum(dtype=np.float64)
    return float(inside / mass) if mass > 0 else 0.0


def iou(boxes: Boxes, others: Boxes) -> NDArray[np.float64]:
    """Intersection over union of each of (K, 4) boxes with each of (M, 4): float64 (K, M)."""
    first, second = _checked(boxes)[:, None], _checked(others)[None]
    start = np.maximum(first[..., :2], second[..., :2])
    stop = np.minimum(first[..., :2] + first[..., 2:], second[..., :2] + second[..., 2:])
    overlap = (stop - start).clip(min=0).prod(axis=-1)
    return np.asarray(overlap / (first[..., 2:].prod(axis=-1) + second[..., 2:].prod(axis=-1) - overlap))


def max_box_acc(
    maps: Iterable[Map],
    boxes: Iterable[Boxes],
    *,
    iou_thresholds: Sequence[float] = (0.1, 0.3, 0.5),
    map_thresholds: Sequence[float] = MAP_THRESHOLDS,
) -> dict[float, float]:
    """Share of radiographs whose box meets an annotated one, at the map threshold that suits the set best.

    At each map threshold a radiograph's box is the one around the largest connected part of its map
    at or above it; it is right when its IoU with any of the annotated boxes reaches the asked value.
    The maximum over map thresholds is taken for the whole set, not for each radiograph. Maps are
    taken as they are: the authors stretch each to 0..1 beforehand.

    Parameters
    ----------
    maps : iterable of N float ndarrays of shape (H, W), in 0..1
        May be a generator: one map is held at a time.
    boxes : iterable of N ndarrays of shape (K, 4)
    iou_thresholds, map_thresholds : sequence of float

    Returns
    -------
    dict of float to float
        The share, 0..1, at each IoU threshold.

    References
    ----------
    Choe et al., Evaluating weakly supervised object localization methods right, CVPR 2020.
    https://doi.org/10.48550/arXiv.2001.07437
    """
    pairs = zip(maps, boxes, strict=True)
    best = np.array([_largest_part_iou(region_map, own, map_thresholds) for region_map, own in pairs])
    if not len(best):
        raise ValueError("max_box_acc needs annotated radiographs. Received: none")
    return {wanted: float((best >= wanted).mean(axis=0).max()) for wanted in iou_thresholds}


def pixel_average_precision(maps: Iterable[Map], masks: Iterable[Mask], *, n_bins: int = 1000) -> float:
    """Average precision of pixels as detections of the annotated area, over all radiographs at once.

    Map values are counted in ``n_bins`` equal bins, so memory does not grow with the set. A
    radiograph's pixels share a weight of one, so a large one counts no more than a small one.

    Parameters
    ----------
    maps : iterable of N float ndarrays of shape (H, W), in 0..1
    masks : iterable of N bool ndarrays of shape (H, W)
        Pixels of the fracture: polygons where there are some, else :func:`box_mask`.

    Raises
    ------
    ValueError
        A mask does not have its map's shape, or no pixel is annotated.

    References
    ----------
    Choe et al. 2020 (PxAP), as for :func:`max_box_acc`.
    """
    count = np.zeros((2, n_bins))
    for region_map, mask in zip(maps, masks, strict=True):
        if region_map.shape != mask.shape:
            raise ValueError(
                f"a mask must have its map's shape. Received: {mask.shape} for {region_map.shape}"
            )
        count += _histograms(region_map, mask, n_bins) / region_map.size
    positive, negative = np.cumsum(count[:, ::-1], axis=1)
    if not positive[-1] > 0:
        raise ValueError("pixel_average_precision needs annotated pixels. Received: none")
    called = positive + negative
    precision = np.divide(positive, called, out=np.zeros(n_bins), where=called > 0)
    return float(np.sum(np.diff(positive, prepend=0.0) * precision) / positive[-1])


def _checked(boxes: Boxes) -> NDArray[np.float64]:
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


def _distance(point: NDArray[np.float64], boxes: NDArray[np.float64]) -> float:
    """Distance of a point to the nearest box, 0 inside."""
    start, stop = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    outside = np.maximum(start - point, point - stop).clip(min=0)
    return float(np.hypot(*outside.T).min())


def _largest_part_iou(region_map: Map, boxes: Boxes, map_thresholds: Sequence[float]) -> list[float]:
    """Best IoU with any annotated box of the largest part's box, at each map threshold; 0 without a part."""
    best = []
    for threshold in map_thresholds:
        above = (region_map >= threshold).astype(np.uint8)
        stats = cv2.connectedComponentsWithStats(above, connectivity=8)[2][1:]
        if not len(stats):
            best.append(0.0)
            continue
        column, row, width, height, _ = stats[np.argmax(stats[:, cv2.CC_STAT_AREA])]
        best.append(float(iou(np.array([[row, column, height, width]]), boxes).max()))
    return best


def _histograms(region_map: Map, mask: Mask, n_bins: int) -> NDArray[np.float64]:
    """Pixels of the fracture and other pixels in each bin of map values: float64 (2, n_bins)."""
    code = np.minimum((region_map * n_bins).astype(np.int64), n_bins - 1)
    return np.stack([np.bincount(code[part], minlength=n_bins) for part in (mask, ~mask)]).astype(np.float64)


def _shape(region_map: Map) -> tuple[int, int]:
    """(H, W)."""
    height, width = region_map.shape
    return height, width
