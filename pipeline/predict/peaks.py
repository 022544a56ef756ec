"""Peaks of a region map, and the ground around each: what is connected to it above a level.

Levels are set by odds. Of weak evidence, odds and probabilities are alike; of strong evidence, only odds
still tell a peak from its surroundings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.types import BoolArray, FloatArray

Window = tuple[slice, slice]

_ROUNDING = 1e-6  # a pixel at the level belongs to the ground, however the level was computed
_HALVINGS = 8  # of the way from a peak's lowest level to its highest, until it stands alone


@dataclass(frozen=True)
class Ground:
    """What is connected to a peak at or above a level.

    Attributes
    ----------
    window
        Rows and columns that just hold it.
    inside
        Which pixels of the window belong to it.
    """

    window: Window
    inside: BoolArray

    def holds(self, place: tuple[int, int]) -> bool:
        """Whether a pixel (row, column) belongs to it."""
        row, column = (at - side.start for at, side in zip(place, self.window, strict=True))
        height, width = self.inside.shape
        return 0 <= row < height and 0 <= column < width and bool(self.inside[row, column])


@dataclass(frozen=True)
class Peak:
    """A summit of the map: its height, and where it is (row, column)."""

    height: float
    place: tuple[int, int]

    def level(self, share: float, lowest: float) -> float:
        """Probability whose odds are a share of the peak's; at least ``lowest``, never above the peak."""
        scaled = share * self.height
        level = scaled / (1 - self.height + scaled) if scaled > 0 else 0.0
        return min(self.height, max(level, lowest))


def grounds(
    region_map: FloatArray, threshold: float, *, peak_share: float, valley_share: float, max_peaks: int
) -> Iterator[Ground]:
    """Yield the ground of each of the strongest peaks, by falling peak; they never overlap.

    A peak is one of its own where every way to a higher one leads through a valley, below ``valley_share`` of
    the peak's odds; else it is a shoulder. Its ground reaches down to ``peak_share`` of its odds, or less far
    where it would reach another peak. Pixels that touch at a corner are connected.

    Parameters
    ----------
    region_map : float ndarray of shape (H, W), in 0..1
    threshold : float
        Lowest peak, and lowest level; above 0.
    peak_share, valley_share : float
        In 0..1; a valley lies as deep as ``peak_share`` at most.
    max_peaks : int
        Only so many are taken; more where they are as high as the last of these.
    """
    terrain = _Terrain(region_map)
    valley = max(peak_share, valley_share)
    peaks = _peaks(terrain, threshold, valley, max_peaks)
    for peak in peaks:
        others = [other.place for other in peaks if other is not peak]
        yield _separated(
            terrain, peak, others, peak.level(peak_share, threshold), peak.level(valley, threshold)
        )


class _Terrain:
    """A map that can be flooded. A flood costs what its ground is large, however large the map."""

    def __init__(self, region_map: FloatArray) -> None:
        self.heights = np.ascontiguousarray(region_map, np.float32)
        rows, columns = self.heights.shape
        self._flooded = np.zeros((rows + 2, columns + 2), np.uint8)  # OpenCV wants a rim

    def around(self, peak: Peak, level: float) -> Ground:
        """Find the ground of a peak above a level."""
        depth = peak.height - level + _ROUNDING
        flags = 8 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | 1 << 8
        seed = peak.place[::-1]
        x, y, width, height = cv2.floodFill(self.heights, self._flooded, seed, (1,), (depth,), (1,), flags)[3]
        window = np.s_[y : y + height, x : x + width]
        inner = self._flooded[1:-1, 1:-1][window]
        inside = inner == 1
        inner[:] = 0
        return Ground(window, inside)


def _peaks(terrain: _Terrain, threshold: float, valley_share: float, max_peaks: int) -> list[Peak]:
    """Find the strongest peaks, without shoulders."""
    peaks: list[Peak] = []
    remaining = terrain.heights.copy()  # what belongs to no peak and no shoulder yet
    while True:
        _, height, _, place = cv2.minMaxLoc(remaining)
        is_beyond = len(peaks) >= max_peaks and height < peaks[-1].height
        if height < np.float32(threshold) or is_beyond:
            return peaks
        peak = Peak(height, (place[1], place[0]))
        core = terrain.around(peak, peak.level(valley_share, threshold))
        remaining[core.window][core.inside] = -np.inf
        if not any(core.holds(higher.place) for higher in peaks):
            peaks.append(peak)


def _separated(
    terrain: _Terrain, peak: Peak, others: Sequence[tuple[int, int]], lowest: float, highest: float
) -> Ground:
    """Ground above the lowest level, or above the next higher one at which it holds no other peak."""
    ground = terrain.around(peak, lowest)
    if not any(ground.holds(place) for place in others):
        return ground
    ground = terrain.around(peak, highest)
    for _ in range(_HALVINGS):
        middle = (lowest + highest) / 2
        wider = terrain.around(peak, middle)
        if any(wider.holds(place) for place in others):
            lowest = middle
        else:
            highest, ground = middle, wider
    return ground
