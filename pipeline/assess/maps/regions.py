"""From a region map to the few regions a reader is shown, and the threshold that draws them.

Positions are (row, column) of pixels, from the top left; a box is (row, column, height, width) and
covers the rows ``row`` to ``row + height - 1``. Only COCO's own records speak of x and y.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

MAP_THRESHOLDS = tuple(np.linspace(0.02, 0.98, 49).round(2).tolist())


@dataclass(frozen=True)
class Region:
    """A connected part of a region map.

    Attributes
    ----------
    row, column, height_px, width_px : int
        The box that just holds it.
    score : float
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
    mean: float
    area_px: int
    peak: tuple[int, int]
    contour: NDArray[np.int32] = field(repr=False, compare=False)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(row, column, height, width)."""
        return self.row, self.column, self.height_px, self.width_px


def extract_regions(
    region_map: NDArray[np.floating[Any]], threshold: float, *, min_area_px: int = 1, max_regions: int = 5
) -> list[Region]:
    """Find the connected parts of the map at or above a threshold, the highest score first.

    Pixels that touch at a corner are connected. Of equal scores the larger region goes first.

    Parameters
    ----------
    region_map : float ndarray of shape (H, W), in 0..1
    threshold : float
        Above 0; above 1 there are no regions.
    min_area_px : int
        Smaller parts are dropped.
    max_regions : int
        Only so many are kept.

    Raises
    ------
    ValueError
        The map is not 2-D, is empty or holds NaN, or the threshold is not above 0.
    """
    if region_map.ndim != 2 or not region_map.size or np.isnan(region_map).any():
        raise ValueError(f"a region map must be of shape (H, W), without NaN. Received: {region_map.shape}")
    if not threshold > 0:
        raise ValueError(f"a threshold must be above 0, or all is one region. Received: {threshold}")
    above = (region_map >= threshold).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(above, connectivity=8)
    large = [label for label in range(1, len(stats)) if stats[label, cv2.CC_STAT_AREA] >= min_area_px]
    regions = [_describe(region_map, labels, label, stats[label]) for label in large]
    regions.sort(key=lambda region: (-region.score, -region.area_px, region.row, region.column))
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


def choose_map_threshold(
    maps: Iterable[NDArray[np.floating[Any]]],
    masks: Iterable[NDArray[np.bool_]],
    *,
    map_thresholds: Sequence[float] = MAP_THRESHOLDS,
) -> float:
    """Threshold at which the maps cover the annotated areas best: the highest mean IoU over radiographs.

    Choose it on validation radiographs. Of equal thresholds the lowest is taken. Without
    annotations use :func:`map_threshold_from_unfractured`.

    Parameters
    ----------
    maps : iterable of N float ndarrays of shape (H, W), in 0..1
        May be a generator: one map is held at a time.
    masks : iterable of N bool ndarrays of shape (H, W)
        The annotated boxes or polygons, filled.

    Raises
    ------
    ValueError
        There is no radiograph, or a mask does not have its map's shape.
    """
    scores = []
    for region_map, mask in zip(maps, masks, strict=True):
        if region_map.shape != mask.shape:
            raise ValueError(
                f"a mask must have its map's shape. Received: {mask.shape} for {region_map.shape}"
            )
        called = _counts_at_or_above(region_map, map_thresholds)
        hit = _counts_at_or_above(region_map[mask], map_thresholds)
        scores.append(hit / np.maximum(called + mask.sum() - hit, 1))
    if not scores:
        raise ValueError("choose_map_threshold needs annotated radiographs. Received: none")
    return float(map_thresholds[int(np.argmax(np.mean(scores, axis=0)))])


def map_threshold_from_unfractured(
    maxima: NDArray[np.floating[Any]], *, false_region_share: float = 0.1
) -> float:
    """Lowest threshold at which at most this share of radiographs without a fracture shows a region.

    Parameters
    ----------
    maxima : float ndarray of shape (N,)
        Maximum of the map of each validation radiograph that is not fractured.
    false_region_share : float
        Allowed share, in 0..1.

    Returns
    -------
    float
        Just above one of the maxima, as float32, so that it stays above it in a float32 map.

    Raises
    ------
    ValueError
        There is no radiograph.
    """
    descending = np.sort(np.asarray(maxima, dtype=np.float32))[::-1]
    if not descending.size:
        raise ValueError("a threshold needs the maps of radiographs that are not fractured. Received: none")
    allowed = min(int(false_region_share * descending.size + 1e-9), descending.size - 1)
    return float(np.nextafter(descending[allowed], np.float32(np.inf)))


def _counts_at_or_above(values: NDArray[np.floating[Any]], thresholds: Sequence[float]) -> NDArray[np.intp]:
    """How many values reach each threshold."""
    ascending = np.sort(values, axis=None)
    return ascending.size - np.searchsorted(ascending, np.asarray(thresholds, ascending.dtype))


def _describe(
    region_map: NDArray[np.floating[Any]], labels: NDArray[Any], label: int, stats: NDArray[Any]
) -> Region:
    """Measure one connected part, looking at its own box only."""
    column, row, width, height, area = (int(value) for value in stats)
    window = np.s_[row : row + height, column : column + width]
    inside = labels[window] == label
    values = np.where(inside, region_map[window], -np.inf)
    peak_row, peak_column = np.unravel_index(int(np.argmax(values)), values.shape)
    contours, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return Region(
        row=row,
        column=column,
        height_px=height,
        width_px=width,
        score=float(values.max()),
        mean=float(region_map[window][inside].mean()),
        area_px=area,
        peak=(row + int(peak_row), column + int(peak_column)),
        contour=contours[0][:, 0, ::-1] + np.array([row, column], np.int32),
    )
