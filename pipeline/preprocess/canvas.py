"""From a radiograph of any size to the network's canvas, and back.

A radiograph is set right (photographic negatives inverted), cropped to what was exposed,
windowed between two percentiles, and letterboxed: scaled with its aspect kept and centred on
a black canvas. The :class:`Placement` keeps every step, so that a map drawn on the canvas
returns to the radiograph's own pixels.

Coordinates are continuous, (row, column), with the origin at the outer corner of the first
pixel; the centre of the first pixel is (0.5, 0.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.config import Preprocess
from pipeline.files import resize
from pipeline.files.strips import strips
from pipeline.preprocess import polarity
from pipeline.types import BoolArray, Float32Array, Float64Array, UInt8Array

Box = tuple[int, int, int, int]  # row, column, height, width

_SMALL_PX = 256  # decisions are made on a copy with this longer side
_BRIGHT = 0.85  # of the intensity range: a burnt-out border
_BURNT_SHARE = 0.4  # a line with more is burnt out, unless an overexposed trunk lies in it
_BURNT_ANATOMY_SHARE = 0.15  # of grades of grey: a trunk has more, a bare strip less
_ABOVE_AIR = 0.08  # of the intensity range: what stands out from the air is anatomy
_ANATOMY_SHARE = 0.03  # a line with less is air
_MAX_TRIM = 0.3  # a border never takes more than this share of a side
_MARGIN = 0.02  # left around the anatomy, as a share of the longer side


@dataclass(frozen=True)
class Placement:
    """Where a radiograph lies on the canvas.

    Attributes
    ----------
    height_px, width_px
        Size of the radiograph.
    inverted
        Whether it was a photographic negative that is set right; recorded here alone.
    crop
        Row, column, height and width of the part kept, in the radiograph's pixels.
    scale
        Canvas pixels a radiograph pixel.
    row, column
        Where the crop's first corner lies on the canvas.
    """

    height_px: int
    width_px: int
    inverted: bool
    crop: Box
    scale: float
    row: float
    column: float

    @property
    def matrix(self) -> Float64Array:
        """Affine map of (row, column, 1) in the radiograph to (row, column) on the canvas, (2, 3)."""
        top, left = self.crop[:2]
        return np.array(
            [
                [self.scale, 0.0, self.row - self.scale * top],
                [0.0, self.scale, self.column - self.scale * left],
            ]
        )

    def to_canvas(self, points: Float64Array) -> Float64Array:
        """Map points (N, 2) from the radiograph to the canvas."""
        return points @ self.matrix[:, :2].T + self.matrix[:, 2]

    def to_radiograph(self, points: Float64Array) -> Float64Array:
        """Map points (N, 2) from the canvas to the radiograph."""
        return (points - self.matrix[:, 2]) / self.scale

    def set_right(self, pixels: UInt8Array) -> UInt8Array:
        """Turn the radiograph's pixels back where it was a photographic negative."""
        return 255 - pixels if self.inverted else pixels

    def map_to_radiograph(self, region_map: Float32Array, canvas_shape: tuple[int, int]) -> Float32Array:
        """Resample a map into the radiograph's pixels.

        Parameters
        ----------
        region_map
            (M, N), a grid of any resolution that covers the whole canvas.
        canvas_shape
            Height and width of the canvas in pixels.

        Returns
        -------
        ndarray of shape (height_px, width_px), float32
            Zero outside the crop.
        """
        cell = np.array(canvas_shape) / np.array(region_map.shape)
        rows = _grid_positions(self.height_px, self.matrix[0, [0, 2]], cell[0])
        columns = _grid_positions(self.width_px, self.matrix[1, [1, 2]], cell[1])
        whole = cv2.remap(
            region_map.astype(np.float32),
            np.broadcast_to(columns, (self.height_px, self.width_px)).copy(),
            np.broadcast_to(rows[:, None], (self.height_px, self.width_px)).copy(),
            interpolation=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        top, left, height, width = self.crop
        kept = np.zeros(whole.shape, np.float32)
        kept[top : top + height, left : left + width] = whole[top : top + height, left : left + width]
        return kept


def place(pixels: UInt8Array, settings: Preprocess) -> tuple[UInt8Array, Placement]:
    """Bring a radiograph onto the canvas.

    Parameters
    ----------
    pixels
        (H, W), uint8.
    settings
        Canvas size, percentiles, and which corrections are on.

    Returns
    -------
    canvas : ndarray of shape (settings.height_px, settings.width_px), uint8
    placement : Placement
        What was done, and the way back.
    """
    small = resize.within(pixels, _SMALL_PX, exactly=True)
    inverted = settings.fix_negatives and polarity.is_negative(small)
    upright = 255 - pixels if inverted else pixels
    crop = (0, 0, *pixels.shape)
    if settings.crop_collimation:
        crop = content_box(upright) if inverted else _content_box(small, pixels.shape)
    top, left, height, width = crop
    part = window(upright[top : top + height, left : left + width], settings)
    scale = min(settings.height_px / height, settings.width_px / width)
    row = (settings.height_px - scale * height) / 2
    column = (settings.width_px - scale * width) / 2
    placement = Placement(pixels.shape[0], pixels.shape[1], inverted, crop, scale, row, column)
    return _letterbox(part, placement, settings), placement


def content_box(pixels: UInt8Array) -> Box:
    """Row, column, height and width of the anatomy inside dark or burnt-out borders.

    From each edge, lines go that are burnt out over a large part of their length, then lines
    with nothing brighter than air. At most ``_MAX_TRIM`` of a side goes at each end.
    """
    return _content_box(resize.within(pixels, _SMALL_PX, exactly=True), pixels.shape)


def _content_box(small: UInt8Array, shape: tuple[int, ...]) -> Box:
    """Find the box from a small copy of a radiograph of this shape."""
    grey = small.astype(np.float32)
    level = (grey - grey.min()) / max(float(np.percentile(grey, 99.5) - grey.min()), 1.0)
    air = float(np.percentile(cv2.GaussianBlur(level, (0, 0), 1.5), 20))
    edges = [0, level.shape[0], 0, level.shape[1]]
    for _ in range(2):  # a burnt-out strip at one edge hides the air at the others
        for axis in (1, 0):
            part = level[edges[0] : edges[1], edges[2] : edges[3]]
            start, stop = _trim(part if axis == 1 else part.T, air, level.shape[1 - axis])
            first = 0 if axis == 1 else 2
            edges[first : first + 2] = edges[first] + start, edges[first] + stop
    return _grow(edges, level.shape, shape)


def window(pixels: UInt8Array, settings: Preprocess) -> UInt8Array:
    """Stretch the intensities between two percentiles to 0..255."""
    low, high = percentiles(pixels, [settings.low_percentile, settings.high_percentile])
    stretched = (np.arange(256, dtype=np.float32) - low) * (255 / max(high - low, 1))
    table = np.clip(np.rint(stretched), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(pixels, table), np.uint8)


def percentiles(pixels: UInt8Array, shares: Sequence[float]) -> Float64Array:
    """Give what `numpy.percentile` gives for grey levels, from their counts: many times as fast.

    Parameters
    ----------
    pixels
        uint8, shape (H, W).
    shares
        In percent.
    """
    counts = sum(
        cv2.calcHist([part], [0], None, [256], [0, 256]).astype(np.int64) for _, part in strips(pixels)
    )
    places = np.true_divide(shares, 100) * (pixels.size - 1)
    whole = np.floor(places)
    below, above = np.searchsorted(np.cumsum(counts), [whole, np.ceil(places)], side="right").astype(float)
    share, gap = places - whole, above - below
    found = np.where(share < 0.5, below + gap * share, above - gap * (1 - share))  # as NumPy rounds
    return np.asarray(found, np.float64)


def _letterbox(part: UInt8Array, placement: Placement, settings: Preprocess) -> UInt8Array:
    """Resample by the placement's own matrix, smoothing first where pixels are thrown away."""
    if placement.scale < 1:
        sigma = 0.45 * (1 / placement.scale - 1) + 1e-3
        part = np.asarray(cv2.GaussianBlur(part, (0, 0), sigma), np.uint8)
    offset = (placement.scale - 1) / 2  # OpenCV's origin is the first pixel's centre
    matrix = np.array(
        [[placement.scale, 0, placement.column + offset], [0, placement.scale, placement.row + offset]]
    )
    size = (settings.width_px, settings.height_px)
    return np.asarray(cv2.warpAffine(part, matrix, size, flags=cv2.INTER_LINEAR), np.uint8)


def _grid_positions(length: int, line: Float64Array, cell: float) -> Float32Array:
    """Grid index, for OpenCV, under the centre of each of ``length`` pixels."""
    centres = line[0] * (np.arange(length) + 0.5) + line[1]
    return np.asarray(centres / cell - 0.5, np.float32)


def _trim(level: Float32Array, air: float, length: int) -> tuple[int, int]:
    """First and one past the last row that is neither burnt out nor all air."""
    anatomy = ((level > air + _ABOVE_AIR) & (level <= _BRIGHT)).mean(axis=1)
    burnt = ((level > _BRIGHT).mean(axis=1) > _BURNT_SHARE) & (anatomy < _BURNT_ANATOMY_SHARE)
    empty = anatomy < _ANATOMY_SHARE
    limit = int(_MAX_TRIM * length)
    start = max(_run(burnt[:limit]), _run((burnt | empty)[:limit]))
    stop = len(level) - max(_run(burnt[::-1][:limit]), _run((burnt | empty)[::-1][:limit]))
    return (start, stop) if stop - start >= length // 4 else (0, len(level))


def _run(flags: BoolArray) -> int:
    """Length of the run of flags that begins at the edge; a gap of three lines is bridged."""
    end = 0
    for index in np.flatnonzero(flags):
        if index > end + 3:
            break
        end = int(index) + 1
    return end


def _grow(edges: list[int], small_shape: tuple[int, ...], shape: tuple[int, ...]) -> Box:
    """Box in the radiograph's pixels with a margin, from edges in the small copy."""
    scale = max(shape) / max(small_shape)
    margin = _MARGIN * max(shape)
    top, left = (max(0, int(edges[i] * scale - margin)) for i in (0, 2))
    bottom = min(shape[0], int(np.ceil(edges[1] * scale + margin)))
    right = min(shape[1], int(np.ceil(edges[3] * scale + margin)))
    return top, left, bottom - top, right - left
