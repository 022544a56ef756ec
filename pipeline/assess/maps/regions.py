"""From a region map to its regions.

Positions are (row, column) of pixels, from the top left; a box is (row, column, height, width) and
covers the rows ``row`` to ``row + height - 1``. Only COCO's own records speak of x and y.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
Window = tuple[slice, slice]

_ROUNDING = 1e-6  # a pixel at the level belongs to the region, however the level was computed


@dataclass(frozen=True)
class Region:
    """A connected part of a region map.

    Attributes
    ----------
    row, column, height_px, width_px : int
        The box that just holds it.
    score : float
        How likely it overlaps a fracture, 0..1, once calibrated (`region_score`); the map's maximum
        inside before.
    evidence : float
        The map's maximum inside, 0..1.
    mean : float
        The map's mean inside, 0..1.
    area_px : int
        Pixels of the region itself.
    peak : tuple of int
        (row, column) of the maximum.
    contour : int32 ndarray of shape (P, 2)
        (row, column) of the corner pixels on its outer rim.
    """

    row: int
    column: int
    height_px: int
    width_px: int
    score: float
    evidence: float
    mean: float
    area_px: int
    peak: tuple[int, int]
    contour: NDArray[np.int32] = field(repr=False, compare=False)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(row, column, height, width)."""
        return self.row, self.column, self.height_px, self.width_px


def extract_regions(
    region_map: Map, threshold: float, *, peak_share: float = 0.0, min_area_px: int = 1, max_regions: int = 5
) -> list[Region]:
    """Find the parts of the map around its peaks, the highest peak first.

    A region holds the pixels that are connected to its peak at or above a level: ``threshold``, or where
    the odds are ``peak_share`` of the peak's odds, if that is higher. Of weak evidence, odds and
    probabilities are alike; of strong evidence, only odds still tell the peak from its surroundings.
    A peak from which one comes to a higher one without going below its level is a shoulder and makes no
    region of its own, so that regions never overlap. With a share of 0 they are the connected parts of
    the map at or above the threshold. Pixels that touch at a corner are connected. Of equal peaks the
    larger region goes first.

    Parameters
    ----------
    region_map : float ndarray of shape (H, W), in 0..1
    threshold : float
        Lowest peak of a region, and lowest level; above 0; above 1 there are no regions.
    peak_share : float
        In 0..1. At 0.5, a region reaches down to half of its peak's odds.
    min_area_px : int
        Smaller parts are dropped.
    max_regions : int
        Only so many are kept.

    Raises
    ------
    ValueError
        The map is not 2-D, is empty or holds NaN, the threshold is not above 0, or the share leaves 0..1.
    """
    if region_map.ndim != 2 or not region_map.size or np.isnan(region_map).any():
        raise ValueError(f"a region map must be of shape (H, W), without NaN. Received: {region_map.shape}")
    if not threshold > 0:
        raise ValueError(f"a threshold must be above 0, or all is one region. Received: {threshold}")
    if not 0 <= peak_share <= 1:
        raise ValueError(f"a share of the peak lies in 0..1. Received: {peak_share}")
    regions: list[Region] = []
    for window, inside in _parts(region_map, threshold, peak_share):
        if inside.sum() < min_area_px:
            continue
        region = _describe(region_map, window, inside)
        if len(regions) >= max_regions and region.evidence < regions[-1].evidence:
            break
        regions.append(region)
    regions.sort(key=lambda region: (-region.evidence, -region.area_px, region.row, region.column))
    return regions[:max_regions]


def to_coco_results(regions: Sequence[Region], image_id: int, category_id: int = 1) -> list[dict[str, Any]]:
    """COCO detection results, ``bbox`` as [x, y, width, height] in the map's own pixels.

    References
    ----------
    Lin et al., Microsoft COCO: common objects in context, ECCV 2014.
    https://doi.org/10.1007/978-3-319-10602-1_48
    """
    return [
        {
            "image_id": image_id,
            "category_id": category_id,
            "bbox": [region.column, region.row, region.width_px, region.height_px],
            "score": region.score,
        }
        for region in regions
    ]


def _parts(region_map: Map, threshold: float, peak_share: float) -> Iterator[tuple[Window, Mask]]:
    """Yield the window of each region and its pixels there, by falling peak.

    A flood from the peak costs what the region is large, however large the radiograph.
    """
    values = np.ascontiguousarray(region_map, np.float32)
    left = values.copy()  # what no part has taken yet; the rest is below any peak
    flooded = np.zeros((values.shape[0] + 2, values.shape[1] + 2), np.uint8)  # OpenCV wants a rim
    flags = 8 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | 1 << 8
    while (found := cv2.minMaxLoc(left))[1] >= np.float32(threshold):
        peak, seed = found[1], found[3]
        depth = max(0.0, peak - max(threshold, _level(peak, peak_share))) + _ROUNDING
        x, y, width, height = cv2.floodFill(values, flooded, seed, (1,), (depth,), (1,), flags)[3]
        window = np.s_[y : y + height, x : x + width]
        inner = flooded[1:-1, 1:-1][window]
        inside = inner == 1
        inner[:] = 0
        is_shoulder = bool(np.isneginf(left[window][inside]).any())
        left[window][inside] = -np.inf
        if not is_shoulder:
            yield window, inside


def _level(peak: float, share: float) -> float:
    """Probability whose odds are a share of the peak's; never above the peak itself."""
    scaled = share * peak
    return min(peak, scaled / (1 - peak + scaled)) if scaled > 0 else 0.0


def _describe(region_map: Map, window: Window, inside: Mask) -> Region:
    """Measure one part, looking at its own box only."""
    rows, columns = window
    values = np.where(inside, region_map[window], -np.inf)
    peak_row, peak_column = np.unravel_index(int(np.argmax(values)), values.shape)
    contours, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return Region(
        row=rows.start,
        column=columns.start,
        height_px=rows.stop - rows.start,
        width_px=columns.stop - columns.start,
        score=float(values.max()),
        evidence=float(values.max()),
        mean=float(region_map[window][inside].mean()),
        area_px=int(inside.sum()),
        peak=(rows.start + int(peak_row), columns.start + int(peak_column)),
        contour=np.asarray(contours[0][:, 0, ::-1] + (rows.start, columns.start), np.int32),
    )
