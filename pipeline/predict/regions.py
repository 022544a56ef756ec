"""From a region map to its regions.

Positions are (row, column) of pixels, from the top left; a box is (row, column, height, width) and
covers the rows ``row`` to ``row + height - 1``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from pipeline.predict.peaks import Ground, grounds
from pipeline.types import FloatArray, Int32Array


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
    area_px : int
        Pixels of the region itself.
    peak : tuple of int
        (row, column) of the maximum.
    contour : int32 ndarray of shape (P, 2)
        (row, column) of the corner pixels on its outer rim.
    agreement : float
        Mean IoU of its box with those that the cells inside say, 0..1; 1 for a region cut from the map.
    """

    row: int
    column: int
    height_px: int
    width_px: int
    score: float
    evidence: float
    area_px: int
    peak: tuple[int, int]
    contour: Int32Array = field(repr=False, compare=False)
    agreement: float = 1.0

    @property
    def strength(self) -> float:
        """What ranks it among others, and what its score comes from: evidence times agreement, 0..1."""
        return self.evidence * self.agreement

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(row, column, height, width)."""
        return self.row, self.column, self.height_px, self.width_px


def extract_regions(
    region_map: FloatArray,
    threshold: float,
    *,
    peak_share: float = 0.0,
    valley_share: float = 0.0,
    min_area_px: int = 1,
    max_regions: int = 5,
) -> list[Region]:
    """Find the parts of the map around its strongest peaks, the highest peak first.

    Peaks and what lies around them: :func:`pipeline.predict.peaks.grounds`. With
    shares of 0 regions are the connected parts of the map at or above the threshold. They never overlap. Of
    equal peaks the larger region goes first.

    Parameters
    ----------
    region_map : float ndarray of shape (H, W), in 0..1
    threshold : float
        Lowest peak of a region, and lowest level; above 0; above 1 there are no regions.
    peak_share : float
        In 0..1. At 0.5, a region reaches down to half of its peak's odds.
    valley_share : float
        In 0..1. At 0.5, a peak is one of its own if the odds fall below half of its own on every way to
        a higher one. Below ``peak_share`` it has no effect.
    min_area_px : int
        Smaller regions are dropped.
    max_regions : int
        Only the regions of so many peaks are kept.

    Raises
    ------
    ValueError
        The map is not 2-D, is empty or holds NaN, the threshold is not above 0, or a share leaves 0..1.
    """
    if region_map.ndim != 2 or not region_map.size or np.isnan(region_map).any():
        raise ValueError(f"a region map must be of shape (H, W), without NaN. Received: {region_map.shape}")
    if not threshold > 0:
        raise ValueError(f"a threshold must be above 0, or all is one region. Received: {threshold}")
    if not (0 <= peak_share <= 1 and 0 <= valley_share <= 1):
        raise ValueError(f"a share of a peak lies in 0..1. Received: {peak_share}, {valley_share}")
    parts = grounds(
        region_map, threshold, peak_share=peak_share, valley_share=valley_share, max_peaks=max_regions
    )
    regions = [_describe(region_map, ground) for ground in parts if ground.inside.sum() >= min_area_px]
    regions.sort(key=lambda region: (-region.evidence, -region.area_px, region.row, region.column))
    return regions[:max_regions]


def _describe(region_map: FloatArray, ground: Ground) -> Region:
    """Measure one part within its own box."""
    rows, columns = ground.window
    values = np.where(ground.inside, region_map[ground.window], -np.inf)
    peak_row, peak_column = np.unravel_index(int(np.argmax(values)), values.shape)
    contours, _ = cv2.findContours(ground.inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return Region(
        row=rows.start,
        column=columns.start,
        height_px=rows.stop - rows.start,
        width_px=columns.stop - columns.start,
        score=float(values.max()),
        evidence=float(values.max()),
        area_px=int(ground.inside.sum()),
        peak=(rows.start + int(peak_row), columns.start + int(peak_column)),
        contour=np.asarray(contours[0][:, 0, ::-1] + (rows.start, columns.start), np.int32),
    )
