"""Does the map lie on the fracture? Its parts and its pixels against annotated boxes and masks.

Boxes and positions are those of :mod:`pipeline.predict.boxes`. Every radiograph scored here is
fractured and annotated, and weighs as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from pipeline.predict.boxes import Boxes, iou
from pipeline.types import BoolArray, Float64Array, FloatArray

_MAP_THRESHOLDS = np.linspace(0.02, 0.98, 49).round(2).tolist()
_N_BINS = 1000  # of map values


def max_box_acc(
    maps: Iterable[FloatArray], boxes: Iterable[Boxes], *, iou_thresholds: Sequence[float] = (0.1, 0.3, 0.5)
) -> dict[float, float]:
    """Share of radiographs whose box meets an annotated one, at the map threshold that suits the set best.

    At each map threshold a radiograph's box is the one around the largest connected part of its map
    at or above it; it is right when its IoU with any of the annotated boxes reaches the wanted value.
    The maximum over map thresholds is taken for the whole set, not for each radiograph. Maps are
    taken as they are: the authors stretch each to 0..1 beforehand.

    Parameters
    ----------
    maps : iterable of N float ndarrays of shape (H, W), in 0..1
        May be a generator: one map is held at a time.
    boxes : iterable of N ndarrays of shape (K, 4)
    iou_thresholds : sequence of float

    Returns
    -------
    dict of float to float
        The share, 0..1, at each IoU threshold.

    References
    ----------
    Choe et al., Evaluating weakly supervised object localization methods right, CVPR 2020.
    https://doi.org/10.48550/arXiv.2001.07437
    """
    best = np.array([_largest_part_iou(region_map, own) for region_map, own in zip(maps, boxes, strict=True)])
    if not len(best):
        raise ValueError("max_box_acc needs annotated radiographs. Received: none")
    return {threshold: float((best >= threshold).mean(axis=0).max()) for threshold in iou_thresholds}


def pixel_average_precision(maps: Iterable[FloatArray], masks: Iterable[BoolArray]) -> float:
    """Average precision of pixels as detections of the annotated area, over all radiographs at once.

    Map values are counted in equal bins, so memory does not grow with the set. A radiograph's pixels
    share a weight of one, so a large one counts no more than a small one.

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
    count = np.zeros((2, _N_BINS))
    for region_map, mask in zip(maps, masks, strict=True):
        if region_map.shape != mask.shape:
            raise ValueError(
                f"a mask must have its map's shape. Received: {mask.shape} for {region_map.shape}"
            )
        count += _histograms(region_map, mask) / region_map.size
    positive, negative = np.cumsum(count[:, ::-1], axis=1)
    if not positive[-1] > 0:
        raise ValueError("pixel_average_precision needs annotated pixels. Received: none")
    called = positive + negative
    precision = np.divide(positive, called, out=np.zeros(_N_BINS), where=called > 0)
    return float(np.sum(np.diff(positive, prepend=0.0) * precision) / positive[-1])


def _largest_part_iou(region_map: FloatArray, boxes: Boxes) -> list[float]:
    """Best IoU with any annotated box of the largest part's box, at each map threshold; 0 without a part."""
    best = []
    for threshold in _MAP_THRESHOLDS:
        above = (region_map >= threshold).astype(np.uint8)
        stats = cv2.connectedComponentsWithStats(above, connectivity=8)[2][1:]
        if not len(stats):
            best.append(0.0)
            continue
        column, row, width, height, _ = stats[np.argmax(stats[:, cv2.CC_STAT_AREA])]
        best.append(float(iou(np.array([[row, column, height, width]]), boxes).max()))
    return best


def _histograms(region_map: FloatArray, mask: BoolArray) -> Float64Array:
    """Pixels of the fracture and other pixels in each bin of map values: float64 (2, n_bins)."""
    code = np.minimum((region_map * _N_BINS).astype(np.int64), _N_BINS - 1)
    counts = [np.bincount(code[part], minlength=_N_BINS) for part in (mask, ~mask)]
    return np.stack(counts).astype(np.float64)
