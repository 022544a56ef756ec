"""Regions as the network's own boxes: a box at each peak of the map, joined where they overlap.

Positions are (row, column) of pixels, from the top left; a box is (row, column, height, width).

References
----------
Tian, Shen, Chen and He, FCOS: fully convolutional one-stage object detection, ICCV 2019.
https://doi.org/10.1109/ICCV.2019.00972
Gidaris and Komodakis, Object detection via a multi-region and semantic segmentation-aware CNN model, ICCV
2015 (boxes around a peak are averaged). https://doi.org/10.1109/ICCV.2015.135
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipeline.predict.boxes import iou
from pipeline.predict.peaks import Ground, grounds
from pipeline.predict.regions import Region
from pipeline.types import BoolArray, Float64Array, FloatArray, Int32Array

_PEAKS_A_REGION = 4  # that are looked at before boxes are joined


@dataclass(frozen=True)
class Cells:
    """What the network says in each of M x N cells of its grid, in a radiograph's own pixels.

    Attributes
    ----------
    probability
        (M, N), 0..1; 0 for a cell whose centre lies beside what is exposed.
    centre
        (M, N, 2), (row, column) of each cell's centre.
    boxes
        (M, N, 4), top, left, bottom and right of the fracture that the cell would be part of.
    """

    probability: FloatArray
    centre: Float64Array
    boxes: Float64Array


def extract_boxes(
    cells: Cells,
    region_map: FloatArray,
    threshold: float,
    *,
    peak_share: float,
    valley_share: float,
    max_overlap: float,
    max_regions: int,
    weigh_agreement: bool,
) -> list[Region]:
    """Find the boxes at the strongest peaks of the cells, the strongest first.

    A box is the mean of those of the cells around the peak, each weighing as its odds. Of two boxes that
    overlap by more than ``max_overlap`` (IoU) the stronger one is kept.

    Parameters
    ----------
    cells, region_map
        Of one radiograph; the map (H, W) is that of the cells.
    threshold
        Lowest peak.
    peak_share
        In 0..1: cells around a peak count whose odds reach this share of its own.
    valley_share, max_regions
        As for :func:`pipeline.predict.regions.extract_regions`.
    max_overlap
        In 0..1.
    weigh_agreement
        Whether a box is as strong as its peak times the agreement of the cells inside it, or as its peak.
    """
    around = grounds(
        cells.probability,
        threshold,
        peak_share=peak_share,
        valley_share=valley_share,
        max_peaks=_PEAKS_A_REGION * max_regions,
    )
    regions = [_region(cells, ground, region_map) for ground in around]
    if weigh_agreement:
        regions = [replace(region, agreement=_agreement(cells, region)) for region in regions]
    regions.sort(key=lambda region: (-region.strength, region.row, region.column))
    return _joined(regions, max_overlap)[:max_regions]


def _region(cells: Cells, ground: Ground, region_map: FloatArray) -> Region:
    """Describe the box at a peak."""
    strength = np.where(ground.inside, cells.probability[ground.window].astype(np.float64), 0.0)
    peak = np.unravel_index(int(np.argmax(strength)), strength.shape)
    odds = strength / np.maximum(1 - strength, 1e-6)
    sides = np.average(cells.boxes[ground.window].reshape(-1, 4), axis=0, weights=odds.ravel())
    limit = np.array(region_map.shape)
    top, left, bottom, right = np.clip(np.rint(sides), 0, [*limit, *limit]).astype(int).tolist()
    top, left = min(top, limit[0] - 1), min(left, limit[1] - 1)
    bottom, right = max(bottom, top + 1), max(right, left + 1)
    place = np.clip(np.floor(cells.centre[ground.window][peak]), 0, limit - 1).astype(int)
    return Region(
        row=top,
        column=left,
        height_px=bottom - top,
        width_px=right - left,
        score=float(strength[peak]),
        evidence=float(strength[peak]),
        area_px=(bottom - top) * (right - left),
        peak=(int(place[0]), int(place[1])),
        contour=_corners(top, left, bottom - 1, right - 1),
    )


def _agreement(cells: Cells, region: Region) -> float:
    """Mean IoU of a region's box with the boxes that the cells inside it say.

    Cells that see one fracture say one box. The head never learnt what to say elsewhere, and there each cell
    says another.
    """
    down = _inside(cells.centre[:, 0, 0], region.row, region.height_px)
    across = _inside(cells.centre[0, :, 1], region.column, region.width_px)
    own = cells.boxes[down][:, across].reshape(-1, 4)
    boxes = np.hstack([own[:, :2], own[:, 2:] - own[:, :2]])
    return float(iou(boxes, np.array([region.box])).mean())


def _inside(centres: Float64Array, start: int, size: int) -> BoolArray:
    """Which cells of a row or column have their centre on a side of a box; the nearest, if none has."""
    apart = np.abs(centres - start - size / 2)
    inside: BoolArray = apart <= max(size / 2, apart.min())
    return inside


def _corners(top: int, left: int, bottom: int, right: int) -> Int32Array:
    return np.array([(top, left), (top, right), (bottom, right), (bottom, left)], np.int32)


def _joined(regions: Sequence[Region], max_overlap: float) -> list[Region]:
    """Leave out regions that overlap a stronger one."""
    boxes = [(region.column, region.row, region.width_px, region.height_px) for region in regions]
    kept = cv2.dnn.NMSBoxes(boxes, [region.strength for region in regions], 0.0, max_overlap)
    return [regions[place] for place in sorted(np.ravel(kept).astype(int).tolist())]
